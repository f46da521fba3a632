"""Writes: to stdout as long as somebody reads it, in characters that it has; and to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ...target import UsageError


class Reader:
    """Whoever reads stdout. `there` turns false when they close it, as `| head` does; nobody is told anything then."""

    def __init__(self) -> None:
        self.there = True

    def hear(self, tell: Callable[[], object]) -> bool:
        """Call what prints, unless nobody listens; whether somebody still does. Raises UsageError for a full disk."""
        if self.there:
            try:
                tell()
            except BrokenPipeError:
                self.there = False
                silence()
            except OSError as error:
                silence()
                raise UsageError(f"Cannot write to stdout: {error.strerror}.") from None
        return self.there


def silence() -> None:
    """The reader has gone: let nothing more be written, at exit neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def put(text: str, *, json: bool = False) -> None:
    """Print a text that is the whole answer of a command. A closed pipe ends quietly."""
    Reader().hear(lambda: say(text, json=json))


def say(text: str, *, json: bool = False) -> None:
    """Print a text and let it be seen now, in characters that stdout has. Raises BrokenPipeError."""
    encoding = (sys.stdout.encoding if sys.stdout else None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = _escaped(text) if json else _encodable(text, encoding)
    print(text, flush=True)


def _escaped(text: str) -> str:
    """JSON in ASCII: in JSON, characters beyond it stand in strings only."""
    import json

    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)


def _encodable(text: str, encoding: str) -> str:
    from ...render.lines import encodable

    return encodable(text, encoding)


def colours(choice: str) -> bool:
    """Whether stdout gets colours. An option outdoes NO_COLOR, which outdoes FORCE_COLOR and the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def write(file: str, text: str) -> None:
    """Write a text file. Raises UsageError when that cannot be."""
    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from None
