"""Reads targets among the words of a command line or of a line of a file: `host:443`, `host 443`. Law: no lookups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..text import is_address
from . import UsageError
from .parse import Several, parse
from .syntax import without_alias


def looks_like_target(word: str) -> bool:
    """Return whether a word can only be a target: it has a colon or a slash, or is an address. A name has none."""
    return ":" in word or "/" in word or is_address(without_alias(word)[1])


def targets_in(words: Sequence[str], ports: str = "") -> Iterator[Several | UsageError]:
    """Yield the targets, or the error, of each word. `ports`: those of targets without a port, as with `--port`.

    A number after a word without a port is its port, as in `nc host 443`.
    """
    for host, own in _paired(words):
        try:
            yield parse(host, own or ports)
        except UsageError as error:
            yield error


def read_lines(lines: Iterable[str], ports: str = "") -> Iterator[tuple[int, Several | UsageError]]:
    """Yield the targets of a file, with line numbers from 1. A # at the start or after a space begins a comment."""
    for number, line in enumerate(lines, 1):
        text = _without_comment(line.lstrip("\ufeff") if number == 1 else line)
        if not text:
            continue
        words = text.split(None, 2)
        apart = len(words) == 2 and len(list(_paired(words))) == 1
        for found in targets_in(words if apart else [text], ports):
            yield number, found


def _paired(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each target with the word after it if that is its port."""
    left = list(reversed(words))
    while left:
        word = left.pop()
        yield word, left.pop() if left and _lacks_port(word) and _is_ports(left[-1]) else ""


def _lacks_port(word: str) -> bool:
    text = without_alias(word)[1][:300]
    name = ":" not in text and "/" not in text and not text.isdigit()
    return name or is_address(text) or (text.startswith("[") and text.endswith("]"))


def _is_ports(word: str) -> bool:
    return word[:1].isdigit() and word.isascii() and all(c.isdigit() or c in ",-" for c in word)


def _without_comment(line: str) -> str:
    text = line.strip()
    if text.startswith("#"):
        return ""
    for at, char in enumerate(text):
        if char == "#" and text[at - 1].isspace():
            return text[:at].rstrip()
    return text
