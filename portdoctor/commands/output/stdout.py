"""Writes to stdout, in its encoding, until its reader closes it; and writes files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from ...target import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ...render.lines import Line


class Stdout:
    """Standard output. `reader_closed`: the reader closed the pipe, as `| head` does; later writes are discarded.

    `color`: the value of --color, for lines with styles. `before_write` is called before each write. A write raises
    UsageError if the disk is full.
    """

    def __init__(self, color: str = "never") -> None:
        self.reader_closed = False
        self.before_write: Callable[[], object] = lambda: None
        self._color = color
        self._console: Console | None = None  # made when the first line with styles is printed

    def print(self, text: str, *, json: bool = False) -> None:
        """Print a text and a line feed, and flush. `json`: escape what stdout cannot encode as JSON does."""
        self._write(lambda: print(_encodable(text, json), flush=True))

    def print_lines(self, lines: list[Line]) -> None:
        """Print lines, with their styles if colours are enabled, and flush."""
        if wants_colour(self._color):
            self._write(lambda: self._print_styled(lines))
        else:
            from ...render.lines import plain

            self._write(lambda: print(plain(lines, _encoding()), end="", flush=True))

    def _print_styled(self, lines: list[Line]) -> None:
        from rich.console import Console
        from rich.text import Text

        from ...render.lines import encodable

        self._console = self._console or Console(
            file=sys.stdout, markup=False, emoji=False, highlight=False, soft_wrap=True, force_terminal=True,
            color_system="standard",
        )  # fmt: skip
        for line in lines:
            spans = ((encodable(span.text, _encoding()), span.style) for span in line)
            self._console.print(Text.assemble(*spans))
        sys.stdout.flush()

    def _write(self, write: Callable[[], object]) -> None:
        if self.reader_closed:
            return
        self.before_write()
        try:
            write()
        except BrokenPipeError:
            self.reader_closed = True
            silence(sys.stdout)
        except OSError as error:
            silence(sys.stdout)
            raise UsageError(f"cannot write to stdout: {error.strerror}") from None


def silence(stream: TextIO) -> None:
    """Discard all further output to a stream whose reader closed it or whose disk is full, also at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def wants_colour(choice: str) -> bool:
    """Return whether to write colours. --color overrides NO_COLOR, which overrides FORCE_COLOR and the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def check_writable(file: str) -> None:
    """Raise UsageError if `write_file` would fail, so that nothing is probed for a result that cannot be kept."""
    import stat

    if os.path.isdir(file):
        raise UsageError(f"cannot write {file}: it is a folder")
    if file.startswith("/dev/"):  # /dev/stdout is a link
        return
    if os.path.islink(file):
        raise UsageError(f"cannot write {file}: it is a symbolic link, and another file would be overwritten")
    if os.path.exists(file) and not stat.S_ISREG(os.stat(file).st_mode):
        return
    folder = os.path.dirname(file) or "."
    if not os.path.isdir(folder):
        raise UsageError(f"cannot write {file}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write {file}: no permission to create a file in {folder}")


def write_file(file: str, text: str | Iterable[str], *, private: bool = True) -> None:
    """Write a text file in UTF-8, at once or not at all, and never through a symbolic link.

    `private`: only its owner may read it, since a report names hosts and users. A device or a pipe is written as it is.
    Raises UsageError if that fails.
    """
    import stat
    import tempfile

    try:
        check_writable(file)
        if file.startswith("/dev/") or (os.path.exists(file) and not stat.S_ISREG(os.stat(file).st_mode)):
            with open(file, "w", encoding="utf-8") as opened:
                opened.writelines([text] if isinstance(text, str) else text)
            return
        number, temporary = tempfile.mkstemp(prefix=".portdoctor-", dir=os.path.dirname(file) or ".")  # mode 0600
        try:
            with os.fdopen(number, "w", encoding="utf-8") as opened:
                opened.writelines([text] if isinstance(text, str) else text)
                opened.flush()
                os.fsync(number)  # else a crash could leave an empty file of that name
            if not private:
                umask = os.umask(0o022)
                os.umask(umask)
                os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, file)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None


def _encoding() -> str:
    return sys.stdout.encoding or "utf-8"


def _encodable(text: str, json: bool) -> str:
    try:
        text.encode(_encoding())
    except UnicodeEncodeError:
        if json:  # characters beyond ASCII occur in its strings only
            from json import dumps

            return "".join(c if c.isascii() else dumps(c)[1:-1] for c in text)
        from ...render.lines import encodable

        return encodable(text, _encoding())
    return text
