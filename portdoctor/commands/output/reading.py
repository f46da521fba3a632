"""Reads what the user gave: targets, files, recorded reports, option values. Raises UsageError, in one sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ...target import UsageError

if TYPE_CHECKING:
    from ...catalogue.cause import Catalogue
    from ...model import Report
    from ...target.parse import Asked


_MUTED = "this is no target; --redact keeps back what it says."


def targets_of(
    texts: Sequence[str], file: str, *, family: int | None = None, mute: bool = False
) -> tuple[list[Asked], bool]:
    """The targets that can be read, and whether all could; each that cannot is said on stderr with its line.

    `family`: the only one that an address may be of. `mute`: never repeat what was typed. Raises UsageError when none
    can be read.
    """
    from ...target.parse import parse, read_lines

    asked: list[Asked] = []
    wrong: list[str] = []
    for text in texts:
        try:
            asked += _fitting(parse(text), family)
        except UsageError as error:
            wrong.append(_MUTED.capitalize() if mute else str(error))
    for number, found in read_lines(_lines(file_text(file))) if file else ():
        try:
            if isinstance(found, UsageError):
                raise found
            asked += _fitting(found, family)
        except UsageError as error:
            wrong.append(f"line {number}: {_MUTED if mute else error}")
    if not asked and len(wrong) == 1:
        raise UsageError(wrong[0])
    for message in wrong:
        print(message, file=sys.stderr)
    if not asked and wrong:
        raise UsageError("No target could be read.")
    if not asked and file:
        raise UsageError(f"There is no target in {'stdin' if file == '-' else file}: write one a line, as host:port.")
    if not asked:
        raise UsageError("No target: write host:port, for example shop.example.com:443.")
    return asked, not wrong


def _fitting(asked: list[Asked], family: int | None) -> list[Asked]:
    """The targets, unless one is an address of the family that is not to be used. Raises UsageError."""
    from ...text import is_address

    for a in asked:
        host = a.target.host
        other = 6 if ":" in host else 4
        if family not in (None, other) and is_address(host):
            raise UsageError(f"{host} is an IPv{other} address: leave -{family} out.")
    return asked


def reports_of(file: str) -> list[Report]:
    """The recorded reports in a file."""
    from ...render.json import load_reports

    try:
        return load_reports(file_text(file))
    except ValueError as error:
        raise UsageError(f"{'stdin' if file == '-' else file} holds no report: {error}.") from None


def file_text(file: str) -> str:
    """The text of a file, `-` for stdin. Bytes that are no UTF-8 become replacement characters.

    A file that begins with the mark of UTF-16 is read as that: Windows' own shell writes it.
    """
    try:
        if file == "-":
            read = sys.stdin.buffer.read()
        else:
            with open(file, "rb") as opened:
                read = opened.read()
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}.") from None
    return read.decode("utf-16" if read[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")


def _lines(text: str) -> list[str]:
    """The lines as an editor counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def duration_of(value: float | None, option: str) -> float | None:
    """The value of an option that takes seconds; None when it was left out."""
    if value is not None and not 0 < value < 86400:
        raise UsageError(f"{option} takes seconds above 0, for example {option} 5.")
    return value


def literal(text: str, option: str) -> str | None:
    """The IP address that was given; None when it was left out."""
    import ipaddress

    if not text:
        return None
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise UsageError(f"{option} takes an IP address, for example {option} 192.0.2.7; {text!r} is none.") from None
    return text


def trusted(file: str) -> str | None:
    """A PEM file of authorities. Raises UsageError when it cannot be read or holds no certificate."""
    if not file:
        return None
    from ...probes.certificates import prepare

    try:
        prepare(file)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"--cafile: {file} cannot be used: {error.strerror or error}.") from None
    return file


def name_of(text: str, option: str) -> str | None:
    """A host name, in the form that TLS carries. Raises UsageError for what is none."""
    from ...target.hosts import host_of

    try:
        return host_of(text).rstrip(".") if text else None
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def catalogue_of(folders: Sequence[str] | None) -> Catalogue:
    """Our causes, those of the user's configuration folder, and those of the given folders.

    Raises UsageError with a line for each error in those of a site.
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
    """The folders of a site's cause files: the user's, if there is one, and the given ones."""
    from ...host import config_folder

    own = os.path.join(config_folder(), "causes")
    return [*([own] if os.path.isdir(own) else []), *(folders or ())]


def names(ctx: typer.Context) -> list[str]:
    """What a shell may complete where a symptom or a cause is named; of causes that cannot be read, ours."""
    from ...catalogue.folders import load_catalogue
    from ...catalogue.symptoms import symptoms

    try:
        catalogue = catalogue_of(ctx.params.get("causes") or (ctx.default_map or {}).get("causes"))
    except UsageError:
        catalogue = load_catalogue()
    return [*symptoms(), *catalogue.names()]


def expected(ctx: typer.Context) -> list[str]:
    """What a shell may complete after --expect."""
    from ...engine.expect import WORDS

    return [*WORDS, *names(ctx)]


def expectation(text: str, catalogue: Catalogue) -> str:
    """The word of --expect, checked."""
    if not text:
        return ""
    from ...engine.expect import known

    if not known(text, catalogue):
        raise UsageError(f"--expect takes open, closed, refused, filtered, a symptom or a cause; {text!r} is none.")
    return text
