"""Shell commands as text: quoting, and breaking a long one where the shell allows it. Pure."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./\[\]-]+")


def quoted(word: str) -> str:
    """The word as a POSIX shell reads it back; brackets of IPv6 addresses stay bare only inside a longer word."""
    if _PLAIN.fullmatch(word) and "[" not in word:
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def quoted_for_powershell(word: str) -> str:
    """The word as PowerShell reads it back."""
    if _PLAIN.fullmatch(word) and not set(word) & set("[]@%,"):
        return word
    return "'" + word.replace("'", "''") + "'"


def broken(command: str, columns: int) -> list[str]:
    r"""The command in lines of at most `columns`, each but the last ending in " \"; one word is never broken.

    Breaks only at spaces outside quotes, so that the lines can be pasted back.
    """
    if len(command) <= columns:
        return [command]
    lines, line = [], ""
    for word in _words(command):
        joined = f"{line} {word}" if line else word
        if line and len(joined) > columns - 2:
            lines.append(f"{line} \\")
            line = f"  {word}"
        else:
            line = joined
    return [*lines, line]


def _words(command: str) -> list[str]:
    words, word, quote = [], "", ""
    for c in command:
        if c == " " and not quote:
            words.append(word)
            word = ""
            continue
        if c in "'\"":
            quote = "" if quote == c else quote or c
        word += c
    return [w for w in (*words, word) if w]
