"""Reads a pasted error line or a log: which symptom, towards whom, and the check to run. Pure; the tables do it.

The texts are those of curl, ssh, psql, mysql, Java, Go, Node.js, Python, Rust, .NET, browsers, nginx, HAProxy,
Docker and others as their own sources print them.
"""

from __future__ import annotations

import re
from itertools import takewhile

from ..model import Stage, Symptom, Value
from ..text import at, clean
from .pasted_phrases import DEFAULT_PORTS, TOOLS, WHAT, WHERE, What

MOST_LINES = 10_000  # of a log: what matters is at its end
MOST_WIDTH = 2_000  # characters of one line
_NEAR = 5  # lines before and after an error in which its target may stand
_PASTED = 12  # lines: in a longer text, the lines before an error belong to something else
_GOES_ON = re.compile(r"\s|Caused by|at |TCP/IP connections")


class Recognised(Value, frozen=True, kw_only=True):
    """An error that was understood. `hints` are causes that these very words name; `count` lines said the same."""

    line: str
    symptom: Symptom
    stage: Stage
    tool: str = ""
    host: str = ""
    port: int | None = None
    hints: tuple[str, ...] = ()
    binds: bool = False
    count: int = 1

    @property
    def target(self) -> str:
        """host:port as `check` and `bind` take it, "" when the line names neither."""
        if self.binds:
            host = "" if self.host in ("", "0.0.0.0", "::", "*") else self.host
            return f"{f'[{host}]' if ':' in host else host}:{self.port}" if self.port else ""
        return at(self.host, self.port) if self.host and self.port else self.host

    @property
    def command(self) -> str:
        """What to run next; words in capitals are to be filled in."""
        if self.binds:
            return f"portdoctor bind {self.target or ':PORT'}"
        if self.port:
            return f"portdoctor check {self.target}"
        return f"portdoctor check {at(self.host, 0)[:-1] if self.host else 'HOST:'}PORT"


def recognise(text: str, most: int = 5) -> list[Recognised]:
    """The errors in a text, the most frequent first, the earliest of equals first; empty when none is known."""
    lines = [line[:MOST_WIDTH] for line in text.splitlines() if line.strip()][-MOST_LINES:]
    found: dict[tuple[object, ...], Recognised] = {}
    for number, line in enumerate(lines):
        lowered = line.lower()
        what = next((w for w in WHAT if w.pattern.search(lowered)), None)
        if what is None:
            continue
        one = _understood(lines, number, what)
        key = (one.symptom, one.target, one.hints)
        before = found.get(key)
        found[key] = _again(before) if before else one
    ordered = sorted(_distinct(list(found.values())), key=lambda r: -r.count)
    return ordered[:most]


def _understood(lines: list[str], number: int, what: What) -> Recognised:
    line = lines[number]
    after = [*takewhile(_continues, lines[number + 1 : number + 1 + _NEAR])]
    before = lines[max(0, number - _NEAR) : number] if len(lines) <= _PASTED else []
    near = [line, " ".join(after), *reversed(before)]
    host, port = "", ""
    for each in near:
        host, port = _where(each)
        if host or port:
            break
    tool = next((t.name for t in TOOLS for each in near[:2] if t.pattern.search(each)), "")
    default = DEFAULT_PORTS.get(_scheme(line)) or DEFAULT_PORTS.get(tool)
    return Recognised(
        line=clean(line.strip(), 200),
        symptom=what.symptom,
        stage=what.stage,
        tool=tool,
        host=clean(host, 253),
        port=int(port) if port and 0 < int(port) < 65536 else default if host and what.stage != "bind" else None,
        hints=what.hints,
        binds=what.stage == "bind",
    )


def _continues(line: str) -> bool:
    """Whether a line belongs to the message before it: indented, or the next part of a stack trace."""
    return _GOES_ON.match(line) is not None


def _where(line: str) -> tuple[str, str]:
    for pattern in WHERE:
        found = pattern.search(line)
        if found is None:
            continue
        groups = found.groupdict()
        host = (groups.get("host") or groups.get("address") or "").strip("[]").rstrip(".")
        port = groups.get("port") or ""
        if host.startswith("::ffff:"):
            host = host[7:]
        if host or port:
            return ("" if host == "*" else host), port
    return "", ""


_SCHEME = re.compile(r"\b([a-z][a-z0-9+]*)://", re.IGNORECASE)


def _scheme(line: str) -> str:
    found = _SCHEME.search(line)
    return found[1].lower() if found else ""


def _again(one: Recognised) -> Recognised:
    from msgspec.structs import replace

    return replace(one, count=one.count + 1)


def _distinct(found: list[Recognised]) -> list[Recognised]:
    """Without those that say less than another one: the same symptom without a target, or a wrapper's own line."""
    named = {r.symptom for r in found if r.target}
    return [r for r in found if r.target or r.symptom not in named]
