"""Reads the user's input: targets, files, recorded reports, option values. Raises UsageError for invalid input."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar, overload

import typer

from ...target import UsageError
from ...text import clean
from .interrupts import installed

if TYPE_CHECKING:
    from ...catalogue.cause import Catalogue
    from ...model import Report
    from ...target.parse import Asked, Several


T = TypeVar("T")
MOST_BYTES = 64 << 20  # of a file with reports or targets
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_DAY = 86400.0
DURATION = "a duration such as 500ms, 5s or 2m"
_MUTED = "invalid target, not shown because of --redact"


class Targets(Sequence[T]):
    """Targets that are made when they are asked for: only the text in which they were written is held."""

    def __init__(self, count: int, made: Callable[[], Iterator[T]]) -> None:
        """`made`: returns an iterator over all of them, each time from the start."""
        self._count, self._made = count, made

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return self._made()

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, int):
            return next(islice(self._made(), range(self._count)[place], None))
        return list(self._made())[place]


def targets_of(
    texts: Sequence[str], file: str, ports: str = "", *, family: int | None = None, mute: bool = False
) -> tuple[Targets[Asked], bool]:
    """Return the valid targets, and whether all were valid; print an error to stderr for each other one.

    `ports`: of targets without a port. `family`: the only address family allowed. `mute`: do not quote the input in
    messages. Raises UsageError if no target is valid.
    """
    data = file_bytes(file) if file else b""

    def found() -> Iterator[tuple[str, Several | UsageError]]:
        """Yield the place of each text, "" on the command line, and its targets or what is wrong with it."""
        from ...target.words import read_lines, targets_in

        for read in targets_in(texts, ports):
            yield "", _fitting(read, family)
        for number, read in read_lines(io.TextIOWrapper(io.BytesIO(data), "utf-8", "replace", newline=None), ports):
            yield f"line {number}: ", _fitting(read, family)

    count, held, wrong = 0, "", 0
    for place, each in found():
        if not isinstance(each, UsageError):
            count += len(each)
            continue
        wrong += 1
        message = f"{place}{_MUTED if mute else each}"
        if count == 0 and wrong == 1:
            held = message  # raised if it is the only text
            continue
        for one in (held, message) if held else (message,):
            complain(one)
        held = ""
    if held and not count:
        raise UsageError(held)
    if held:
        complain(held)
    if not count and wrong:
        raise UsageError("no valid target")
    if not count and file:
        raise UsageError(f"no target in {'stdin' if file == '-' else file}: write one host:port per line")
    if not count:
        raise UsageError("missing target: write host:port, such as shop.example.com:443")
    return Targets(count, lambda: chain.from_iterable(_valid(found()))), not wrong


def complain(message: str) -> None:
    """Print an error to stderr, without the escape codes that the input in it may have."""
    print(f"error: {clean(message, 1000)}", file=sys.stderr)


def _valid(found: Iterable[tuple[str, Several | UsageError]]) -> Iterator[Several]:
    return (each for _, each in found if not isinstance(each, UsageError))


def _fitting(asked: Several | UsageError, family: int | None) -> Several | UsageError:
    """Return the targets, or an error if they are an address of the other family."""
    from ...text import is_address

    if isinstance(asked, UsageError):
        return asked
    other = 6 if ":" in asked.host else 4
    if family not in (None, other) and is_address(asked.host):
        return UsageError(f"-{family} conflicts with the IPv{other} address {asked.host}: omit -{family}")
    return asked


def reports_of(file: str) -> list[Report]:
    """Return the recorded reports in a file."""
    from ...render.json import load_reports

    try:
        return load_reports(file_bytes(file), "stdin" if file == "-" else file)
    except ValueError as error:
        raise UsageError(str(error)) from None


def file_bytes(file: str) -> bytes:
    """Return the bytes of a file, `-` for stdin, without a byte order mark.

    A file with the byte order mark of UTF-16, which PowerShell writes, is converted to UTF-8.
    Raises UsageError if the file cannot be read or has more than `MOST_BYTES`.
    """
    name = "stdin" if file == "-" else file
    try:
        with installed().raising():
            if file == "-":
                read = sys.stdin.buffer.read(MOST_BYTES + 1)
            else:
                with open(file, "rb") as opened:
                    read = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    if len(read) > MOST_BYTES:
        raise UsageError(f"{name} has more than {MOST_BYTES >> 20} MiB: split it")
    if read[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return read.decode("utf-16", "replace").encode()
    return read.removeprefix(b"\xef\xbb\xbf")


def duration_of(text: str, option: str, *, least: float = 0.001) -> float | None:
    """Return the value of an option in seconds; None if it was not given. Raises UsageError for no such duration."""
    if not text:
        return None
    seconds = seconds_in(text)
    if seconds is None or seconds < least:
        raise UsageError(f"invalid value {text[:40]!r} for {option}: write {DURATION}")
    return seconds


def seconds_in(text: str) -> float | None:
    """Return the seconds of a duration below a day; None for any other text."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(ms|s|m|h|)", text.strip(), re.ASCII)
    seconds = float(match[1]) * _UNITS[match[2]] if match else _DAY
    return seconds if seconds < _DAY else None


def trusted(file: str) -> str | None:
    """Return the PEM file of CA certificates. Raises UsageError if it cannot be read or has no certificate."""
    if not file:
        return None
    from ...probes.certificates import prepare

    try:
        prepare(file)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"invalid CA file {file} for --cafile: {error.strerror or error}") from None
    return file


def catalogue_of(folders: Sequence[str] | None) -> Catalogue:
    """Return the built-in causes, those in the user's configuration folder, and those in the given folders.

    Raises UsageError with one line per error in a site's causes.
    """
    from ...catalogue.cause import CauseError
    from ...catalogue.folders import load_catalogue

    site = site_folders(folders)
    try:
        catalogue = load_catalogue(site)
        if site:
            from ...catalogue.lint import lint

            if errors := lint(site, needed=folders or ()):
                raise UsageError("\n".join(errors))
    except CauseError as error:
        raise UsageError(str(error)) from None
    return catalogue


def site_folders(folders: Sequence[str] | None) -> list[str]:
    """Return the folders of a site's cause files: the user's, if it exists, and the given ones."""
    from ...host import config_folder

    own = os.path.join(config_folder(), "causes")
    return [*([own] if os.path.isdir(own) else []), *(folders or ())]


def names(ctx: typer.Context) -> list[str]:
    """Return the completions for a symptom or cause; only built-in causes if a site's cannot be read."""
    from ...catalogue.folders import load_catalogue
    from ...catalogue.symptoms import symptoms

    try:
        catalogue = catalogue_of(ctx.params.get("causes") or (ctx.default_map or {}).get("causes"))
    except UsageError:
        catalogue = load_catalogue()
    return [*symptoms(), *catalogue.names()]


def service_names() -> list[str]:
    """Return the completions for a port."""
    from ...services.known import ALIASES, SERVICES

    return sorted({*(service.name for service in SERVICES), *ALIASES})


def expected(ctx: typer.Context) -> list[str]:
    """Return the completions after --expect."""
    from ...engine.expect import WORDS

    return [*WORDS, *names(ctx)]


def expectation(text: str, catalogue: Catalogue) -> str:
    """Return the value of --expect. Raises UsageError if it is unknown."""
    if not text:
        return ""
    from ...engine.expect import WORDS, known

    if not known(text, catalogue):
        from typing import get_args

        from ...model import Symptom
        from ...text import did_you_mean

        hint = did_you_mean(text, [*WORDS, *get_args(Symptom), *catalogue.names()])
        valid = ": write open, closed, refused, filtered, a symptom or a cause; `portdoctor explain --list` shows all"
        raise UsageError(f"unknown value {text!r} for --expect{hint or valid}")
    return text
