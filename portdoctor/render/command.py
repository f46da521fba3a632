"""Breaks long commands where the shell allows it. Pure."""

from __future__ import annotations

import re

from ..model import Shell

_MARK: dict[Shell, str] = {"sh": "\\", "powershell": "`"}  # continues a command on the next line
# A part of a word: a quoted string, an escaped character, or one other character. An unclosed quote runs to the end.
_PARTS: dict[Shell, re.Pattern[str]] = {
    "sh": re.compile(r"""'[^']*(?:'|$)|"(?:\\.|[^"\\])*(?:"|$)|\\.|[^ ]"""),
    "powershell": re.compile(
        "['\u2018-\u201b][^'\u2018-\u201b]*(?:['\u2018-\u201b]|$)"
        '|["\u201c-\u201e](?:`.|[^"\u201c-\u201e`])*(?:["\u201c-\u201e]|$)|`.|[^ ]'
    ),
}


def broken(command: str, columns: int, shell: Shell = "sh") -> list[str]:
    """Return the command in lines of at most `columns` that can be pasted into the shell. A word is never broken.

    Breaks only at spaces outside quotes. Each line but the last ends in the mark by which the shell continues it.
    """
    if len(command) <= columns:
        return [command]
    lines, line = [], ""
    for word in _words(command, shell):
        joined = f"{line} {word}" if line else word
        if line and len(joined) > columns - 2:
            lines.append(f"{line} {_MARK[shell]}")
            line = f"  {word}"
        else:
            line = joined
    return [*lines, line]


def _words(command: str, shell: Shell) -> list[str]:
    words, word, place = [], "", 0
    while place < len(command):
        found = _PARTS[shell].match(command, place)
        part = found[0] if found else " "
        if part == " ":
            words.append(word)
            word = ""
        else:
            word += part
        place += len(part)
    return [w for w in (*words, word) if w]
