"""Finds errors in a pasted text or log: the symptom, the target, and the check to run. Pure.

The phrases come from printed.py; of several in a line the longest, which is the most specific, counts.
"""

from __future__ import annotations

import re
from itertools import chain, takewhile
from typing import NamedTuple

from ..model import Stage, Symptom, Value
from ..services.known import default_port
from ..services.ports import service_named
from ..text import at, bracketed, clean
from .printed import Phrases, Printed, Program

MOST_LINES = 10_000  # of a log, from its end
MOST_WIDTH = 2_000  # characters of one line
_NEAR = 5  # lines before and after an error in which its target may stand
_PASTED = 12  # lines: in a longer text, the lines before an error belong to something else
_GOES_ON = re.compile(r"\s|Caused by|at |TCP/IP connections")
_DENIED = re.compile(r"\b(?:no|not|without|zero|never|0)\s+[\"'`]?$", re.IGNORECASE)  # before a phrase: "0 timed out"
_VALUE = re.compile(r"[\"'`]?\s*(?:=|:\s*[\"']?\d+\w{0,2}[\"']?\s*(?:[,;}]|$))")  # after a phrase: "ReadTimeout: 30"


class PastedError(Value, frozen=True, kw_only=True):
    """An error that was recognised.

    `also`: other symptoms that the line may mean. `hints` are the causes that list its phrases; `count` is the number
    of lines with the same error.
    """

    line: str
    symptom: Symptom
    stage: Stage
    also: tuple[Symptom, ...] = ()
    program: str = ""
    host: str = ""
    port: int | None = None
    hints: tuple[str, ...] = ()
    count: int = 1

    @property
    def binds(self) -> bool:
        return self.stage == "bind"

    @property
    def target(self) -> str:
        """Return host:port as `check` and `bind` take it, "" when the line names neither."""
        host = "" if self.host in ("0.0.0.0", "::") else self.host
        if self.binds:
            return f"{bracketed(host)}:{self.port}" if self.port else ""
        return at(host, self.port) if host and self.port else host

    @property
    def command(self) -> str:
        """Return the command to run next; words in capitals must be filled in."""
        if self.binds:
            return f"portdoctor bind {self.target or ':PORT'}"
        if self.target and self.port:
            return f"portdoctor check {self.target}"
        return f"portdoctor check {bracketed(self.target) or 'HOST'}:{self.port or 'PORT'}"


def errors_in(text: str, phrases: Phrases) -> list[PastedError]:
    """Return the errors in a text, the most frequent first, then the earliest; an empty list if none is recognised."""
    lines = lines_of(text)
    present = phrases.within("\n".join(lines))
    found: dict[tuple[object, ...], PastedError] = {}
    head: PastedError | None = None  # the error of the message whose continuation follows
    for number, line in enumerate(lines):
        follows = _continues(line)
        hits = _hits(line, present)
        if not follows:
            head = None
        if not hits:
            continue
        one = _understood(lines, number, hits, present)
        if head and head.symptom == one.symptom and (not one.target or head.target):
            continue  # the message and its stack trace are one error
        head = head or one
        key = (one.symptom, one.target, one.hints)
        before = found.get(key)
        found[key] = _again(before) if before else one
    every = list(found.values())
    return sorted(every if len(lines) > _PASTED else _distinct(every), key=lambda r: -r.count)


def mentions(text: str, phrases: Phrases) -> str:
    """Return the first error phrase in a text in which `errors_in` finds none: part of a comment or a setting."""
    lines = lines_of(text)
    present = phrases.within("\n".join(lines))
    return next((line[hit.start : hit.end] for line in lines for hit in _found(line, present)), "")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that are read: those with characters, cut to `MOST_WIDTH`, the last `MOST_LINES`."""
    return [line[:MOST_WIDTH] for line in text.splitlines() if line.strip()][-MOST_LINES:]


class _Hit(NamedTuple):
    printed: Printed
    start: int
    end: int


def _hits(line: str, phrases: Phrases) -> list[_Hit]:
    """Return the phrases in a line, the longest first, then the last; none that is inside a longer one."""
    every = _found(line, phrases)
    known = phrases.programs
    if not every or line.lstrip().startswith(known.not_begin) or any(each in line for each in known.not_contain):
        return []
    every = [hit for hit in every if not _DENIED.search(line[: hit.start]) and not _VALUE.match(line[hit.end :])]
    every.sort(key=lambda hit: (-hit.printed.phrase.length, -hit.start))
    kept: list[_Hit] = []
    for hit in every:
        if not any(other.start <= hit.start and hit.end <= other.end for other in kept):
            kept.append(hit)
    return kept


def _found(line: str, phrases: Phrases) -> list[_Hit]:
    low = line.lower()
    found = []
    for printed in phrases.printed:
        if printed.phrase.literal in low and (match := printed.phrase.pattern.search(line)):
            found.append(_Hit(printed, match.start(), match.end()))
    for form, meanings in phrases.coded:
        match = form.pattern.search(line) if form.literal in low else None
        meant = meanings.get(match["number"].lower()) if match else None
        if match and meant:
            found.append(_Hit(meant._replace(phrase=form), match.start(), match.end()))
    return found


def _understood(lines: list[str], number: int, hits: list[_Hit], phrases: Phrases) -> PastedError:
    line = lines[number]
    rest = list(takewhile(_continues, lines[number + 1 : number + 1 + _NEAR]))
    after = " ".join(rest)
    before = lines[max(0, number - _NEAR) : number] if len(lines) <= _PASTED else []
    places = (_where(each, phrases) for each in (line, after, *reversed(before)))
    host, port = next((place for place in places if any(place)), ("", 0))
    program = next((p for each in (line, after) if (p := _program(each, phrases))), None)
    meant = hits[0].printed
    if host and not port and meant.stage != "bind":
        port = _default_port(line, host, program)
    named = (_named(each, meant) for each in chain([hits], (_hits(each, phrases) for each in rest)))
    hints: list[str] = next(filter(None, named), [])
    return PastedError(
        line=clean(line.strip(), 200),
        symptom=meant.symptoms[0],
        also=meant.symptoms[1:],
        stage=meant.stage,
        program=program.name if program else "",
        host=clean(host, 253),
        port=port or None,
        hints=tuple(dict.fromkeys(hints)),
    )


def _named(hits: list[_Hit], meant: Printed) -> list[str]:
    """Return the causes that phrases of the same symptom name."""
    return [name for hit in hits if hit.printed.symptoms[0] == meant.symptoms[0] for name in hit.printed.causes]


def _continues(line: str) -> bool:
    """Return whether a line continues the message before it: indented, or the next part of a stack trace."""
    return _GOES_ON.match(line) is not None


def _program(line: str, phrases: Phrases) -> Program | None:
    """Return the program whose mark comes first in the line, the longest of several; None without one."""
    low = line.lower()
    found = [
        (match.start(), -mark.length, program)
        for mark, program in phrases.marks
        if mark.literal in low and (match := mark.pattern.search(line))
    ]
    return min(found, key=lambda each: each[:2])[2] if found else None


def _default_port(line: str, host: str, program: Program | None) -> int:
    """Return the port of the scheme of this host's URL, else of any URL in the line, else of the program's service."""
    schemes = re.findall(r"\b([a-z][a-z0-9+]{0,20})://([^\s/:]*)", line, re.IGNORECASE)
    for scheme, _ in sorted(schemes, key=lambda each: each[1] != host):
        if port := default_port(scheme.lower()):
            return port
    service = service_named(program.service) if program else None
    return service.ports[0] if service else 0


# ---------------------------------------------------------------- the target

# General forms of a target: a URL, an address or full name with a port, a full name after a word such as "host".
_HOST = r"(?P<host>\[[0-9A-Fa-f:.%]{2,60}\]|[\w-][\w.-]{0,252})"
_PORT = r"(?P<port>[0-9]{1,5})(?![\d:])"
_NAME = r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[A-Za-z]{2,63}"
_GENERAL = (
    rf"\b[a-zA-Z][a-zA-Z0-9+.-]{{0,20}}://(?:[^/@\s]{{0,200}}@)?{_HOST}(?::{_PORT})?",
    rf"(?<![\w.\]])(?P<host>\[[0-9A-Fa-f:.]{{2,60}}\]|\d{{1,3}}(?:\.\d{{1,3}}){{3}}|localhost|{_NAME})"
    rf"(?::| port ){_PORT}",
    rf"\b(?:host|server|lookup|resolve)[ =:'\"]{{1,4}}(?P<host>{_NAME})\b",
)
_FILE = re.compile(r"\.(?:go|js|ts|mjs|py|java|rb|rs|c|cc|cpp|h|kt|php|cs|scala|log)$")  # "server.go:42" is no target


def _where(line: str, phrases: Phrases) -> tuple[str, int]:
    """Return host and port in a line, "" and 0 where missing: by the longest phrase, then by general forms."""
    low = line.lower()
    known = [p.phrase for p in phrases.printed if "{host}" in p.phrase.text or "{port}" in p.phrase.text]
    fitting = sorted((p for p in (*known, *phrases.shapes) if p.literal in low), key=lambda p: -p.length)
    patterns = (*(p.pattern for p in fitting), *map(re.compile, _GENERAL))
    host = ""
    for match in chain.from_iterable(pattern.finditer(line) for pattern in patterns):
        groups = match.groupdict()
        other = _host(groups.get("host") or groups.get("address") or "")
        if _FILE.search(other) or other in phrases.programs.not_targets:
            continue
        number = int(groups.get("port") or 0)
        port = number if number < 65536 else 0
        if port and (not host or other == host):
            return other, port
        host = host or other  # a later form, such as the URL, may name the port
    return host, 0


def _host(text: str) -> str:
    host = text.strip("[]").rstrip(".").removeprefix("::ffff:")
    return "" if host == "*" else host


# ---------------------------------------------------------------- several errors


def _again(one: PastedError) -> PastedError:
    from msgspec.structs import replace

    return replace(one, count=one.count + 1)


def _distinct(found: list[PastedError]) -> list[PastedError]:
    """Return the errors without those that have no target and the symptom of another that has one.

    They are two lines of one message: the one that names the target gets the hints of the other.
    """
    from msgspec.structs import replace

    aimed = {r.symptom for r in found if r.target}
    hints = {r.symptom: r.hints for r in reversed(found) if not r.target}
    kept = [r for r in found if r.target or r.symptom not in aimed]
    return [replace(r, hints=r.hints or hints.get(r.symptom, ())) for r in kept]
