"""Quotes words for the shell that runs a command: a POSIX shell (sh, bash, zsh), or PowerShell. Pure.

A word is quoted once, after its blanks are filled in. What an output encoding replaces later creates no quote.
"""

from __future__ import annotations

import re

from ..model import Shell

# Words that need no quotes. A leading = or % has a meaning in zsh or at the start of a command.
_PLAIN: dict[Shell, re.Pattern[str]] = {
    "sh": re.compile(r"[A-Za-z0-9_./:@+-][A-Za-z0-9_./:@+,=%-]*"),
    "powershell": re.compile(r"[A-Za-z0-9_./:+-][A-Za-z0-9_./:+=-]*"),
}
_POWERSHELL_QUOTE = re.compile("['\u2018-\u201b]")  # each of these ends a string that begins with any of them


def shell_quoted(word: str, shell: Shell = "sh") -> str:
    """Return the word, in single quotes unless the shell takes it unchanged."""
    if _PLAIN[shell].fullmatch(word):
        return word
    if shell == "powershell":
        return "'" + _POWERSHELL_QUOTE.sub(r"\g<0>\g<0>", word) + "'"
    return "'" + word.replace("'", "'\\''") + "'"
