"""Finds the line of an error in a TOML text: by its key, its value, or the parser's message. Pure."""

from __future__ import annotations

import re


def line_of_key(text: str, key: str, value: str = "") -> int:
    """Return the line of a key or of a table's header, counted from 1; with `value`, of that string in its list.

    Returns 1 for a key that is not in the text.
    """
    lines = text.splitlines()
    mark = re.compile(rf"""\s*(?:\[+\s*)?["']?{re.escape(key)}["']?\s*[\].=]""")
    start = next((number for number, line in enumerate(lines, 1) if mark.match(line)), 1)
    if not value:
        return start
    quoted = re.compile(rf"""["']{re.escape(value)}["']""")
    for number, line in enumerate(lines[start - 1 :], start):
        if number > start and re.match(r"[\w-]+\s*=", line):
            break
        if quoted.search(line):
            return number
    return start


def line_of_error(text: str, message: str) -> int:
    """Return the line that a message of `tomllib` names; the last line for an error at the end of the text."""
    found = re.search(r"line (\d+)", message)
    return int(found[1]) if found else max(len(text.splitlines()), 1)
