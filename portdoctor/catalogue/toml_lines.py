"""Finds the line of a TOML text on which an error lies: by its key, its value, or the parser's message. Pure."""

from __future__ import annotations

import re


def line_of_key(text: str, key: str, value: str = "") -> int:
    """The line of a key or of a table's header, counted from 1; with `value`, the line of that string in its list.

    1 for a key that is not in the text.
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
    """The line that a message of `tomllib` names; the last one for an error at the end of the text."""
    found = re.search(r"line (\d+)", message)
    return int(found[1]) if found else max(len(text.splitlines()), 1)
