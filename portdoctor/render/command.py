"""Quotes words for a shell, and breaks long commands where the shell allows it. Pure."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./\[\]-]+")

_POWERSHELL = re.compile(r"[A-Z][a-z]+-[A-Z]")


def shell_quoted(word: str) -> str:
    """The word, quoted for a POSIX shell if necessary. A word with "[" is always quoted."""
    if _PLAIN.fullmatch(word) and "[" not in word:
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def quoted_for_powershell(word: str) -> str:
    """The word, quoted for PowerShell if necessary."""
    if _PLAIN.fullmatch(word) and not set(word) & set("[]@%,"):
        return word
    return "'" + word.replace("'", "''") + "'"


def broken(command: str, columns: int) -> list[str]:
    """The command in lines of at most `columns` that can be pasted into a shell. A word is never broken.

    Breaks only at spaces outside quotes. Each line but the last ends in a backslash, in PowerShell a backtick.
    """
    if len(command) <= columns:
        return [command]
    mark = "`" if _POWERSHELL.match(command) else "\\"
    lines, line = [], ""
    for word in _words(command):
        joined = f"{line} {word}" if line else word
        if line and len(joined) > columns - 2:
            lines.append(f"{line} {mark}")
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
