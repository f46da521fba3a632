"""Looks up ports and services: registered names and ranges (RFC 6335), and the services of known.py. No network.

The IANA table (`data/iana-ports.tsv`, 6,000 rows) is read only for a port or a name that known.py does not have.
"""

from __future__ import annotations

import functools
from typing import Literal

from ..model import Transport, Value
from ..text import clean, nearest
from .known import ALIASES, SERVICES, Service

LAST_PORT = 65535
_TRANSPORTS: tuple[Transport, ...] = ("tcp", "udp")

_BY_NAME: dict[str, Service] = {s.name: s for s in SERVICES}
_BY_PORT: dict[tuple[int, Transport], Service] = {
    **{(p, t): s for s in reversed(SERVICES) for t in s.transports for p in s.also},
    **{(p, t): s for s in reversed(SERVICES) for t in s.transports for p in s.ports},
}

# Ports that respond on many hosts, with SYN-ACK or RST, the most useful first: those that firewalls most often allow.
# The high port is in the range that stateless filters leave open for return traffic.
_USUAL_CONTROLS = (443, 80, 22)
_MORE_CONTROLS = (49999, 8080, 3389, 53, 25, 8443, 445)
MOST_CONTROLS = 5  # with the random ports (checkup.repeats.RANDOM_PORTS) eight in all: the limit per host

# Other ports that the same program, or a related one, often has open.
_RELATED: dict[int, tuple[int, ...]] = {
    21: (990,), 990: (21,), 22: (2222,), 25: (587, 465), 587: (25, 465), 465: (587, 25), 53: (853,), 853: (53,),
    110: (995, 143), 995: (110, 993), 143: (993, 110), 993: (143, 995), 389: (636,), 636: (389,), 445: (139, 135),
    1433: (445,), 1883: (8883,), 8883: (1883,), 2375: (2376,), 2376: (2375,), 2379: (2380,), 3000: (3001, 5173),
    3268: (389,), 3306: (33060,), 3389: (445, 135), 5000: (5001,), 5060: (5061,), 5061: (5060,), 5222: (5269,),
    5432: (6432,), 5671: (5672, 15672), 5672: (15672, 5671), 5900: (5901,), 5985: (5986,), 5986: (5985,),
    6379: (26379,), 6443: (10250, 2379), 8080: (8443, 8081), 8443: (8080,), 9092: (2181,), 9090: (9100, 3000),
    9200: (9300, 5601), 27017: (27018,),
}  # fmt: skip


class UnknownService(ValueError):
    """An unknown port or service. The message is one sentence that shows what to write."""


class Registration(Value, frozen=True):
    """One row of the registry: a name registered for a port. `description` may be empty."""

    port: int
    transports: tuple[Transport, ...]
    name: str
    description: str


def service_of(port: int, transport: Transport = "tcp") -> Service | None:
    """Return the service expected on a port: one of known.py, else the registered one, else None."""
    known = _BY_PORT.get((port, transport))
    if known is not None:
        return known
    for row in iana(port):
        if transport in row.transports:
            return Service(row.name, row.description or row.name, (port,), transports=row.transports, ours=False)
    return None


def known_service(port: int, transport: Transport = "tcp") -> Service | None:
    """Return the service of known.py on a port, None for others. Does not read the IANA table."""
    return _BY_PORT.get((port, transport))


def service_named(name: str) -> Service | None:
    """Return the service of known.py by its name or an alias ("rdp", "postgres"), None for others."""
    low = name.lower()
    return _BY_NAME.get(ALIASES.get(low, low))


def port_of(name: str, transport: Transport = "tcp") -> int | None:
    """Return the port of a service name, ignoring case; None for an unknown name, or one of another transport."""
    known = service_named(name)
    if known is not None:
        return known.ports[0] if transport in known.transports else None
    return next((row.port for row in _rows_named(name) if transport in row.transports), None)


def iana(port: int) -> list[Registration]:
    """Return the rows of the IANA registry (RFC 6335) for a port; several when its names differ by transport."""
    table = _table()
    mark = b"\n%d\t" % port
    rows: list[Registration] = []
    at = table.find(mark)
    while at >= 0:
        end = table.find(b"\n", at + 1)
        rows.append(_row(table[at + 1 : end]))
        at = table.find(mark, end)
    return rows


def range_of(port: int) -> Literal["system", "user", "dynamic"]:
    """Return the range of a port (RFC 6335 section 6): 0-1023, 1024-49151 or 49152-65535."""
    if port < 1024:
        return "system"
    return "user" if port < 49152 else "dynamic"


def controls_for(port: int) -> tuple[int, ...]:
    """Return up to MOST_CONTROLS other ports of the same host that are likely to respond, best first."""
    wanted = (*_USUAL_CONTROLS, *_RELATED.get(port, ())[:2], *_MORE_CONTROLS)
    return tuple(dict.fromkeys(p for p in wanted if p != port))[:MOST_CONTROLS]


def usual_of(port: int, transport: Transport = "tcp") -> str:
    """Return the programs that commonly use a port, as text; "" for a port without any."""
    from .usual import USUAL, USUAL_UDP

    return (USUAL if transport == "tcp" else USUAL_UDP).get(port, "")


def lookup(text: str) -> list[int]:
    """Return the ports for a number, a service name, or a program that commonly uses a port ("grafana"), best first.

    Raises `UnknownService`, with the most similar name where there is one.
    """
    word = text.strip().lower()
    if word.isascii() and word.isdigit():
        if len(word) > 9 or not 1 <= int(word) <= LAST_PORT:
            raise UnknownService(f"invalid port {word[:12]}: ports are 1-{LAST_PORT}")
        return [int(word)]
    known = service_named(word)
    ports = [*known.ports, *known.also] if known else []
    ports += [row.port for row in _rows_named(word)]
    if not ports:
        ports = _ports_about(word)
    if ports:
        return list(dict.fromkeys(ports))
    near = near_name(word)
    hint = f" (did you mean {near!r}?)" if near else ": write a port such as 443 or a name such as https"
    raise UnknownService(f"unknown service {clean(text, 40)!r}{hint}")


def near_name(name: str) -> str | None:
    """Return the known name most similar to a misspelt one: first of known.py, then of the registry."""
    low = name.lower()[:40]
    ours = nearest(low, [*_BY_NAME, *ALIASES])
    if ours:
        return ours[0]
    near = nearest(low, {n for n in _names() if abs(len(n) - len(low)) <= 2 and n[:1] == low[:1]}, 1, 0.8)
    return near[0] if near else None


def _ports_about(word: str) -> list[int]:
    """Return the ports whose title or common programs contain the word."""
    from .usual import USUAL, USUAL_UDP

    if len(word) < 3:
        return []
    ports = [p for s in SERVICES if word in _words(s.title) for p in s.ports]
    return ports + [p for table in (USUAL, USUAL_UDP) for p, says in table.items() if word in _words(says)]


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c in "-_.+" else " " for c in text.lower()).split()


@functools.cache
def _table() -> bytes:
    """Return the IANA table as bytes, each row between line feeds: searching it is faster than parsing it."""
    from pathlib import Path  # imported late: 5 ms on Python 3.11, and most runs do not need it

    return b"\n" + (Path(__file__).parent.parent / "data" / "iana-ports.tsv").read_bytes()


def _row(line: bytes) -> Registration:
    port, transports, name, description = line.decode("utf-8").split("\t", 3)
    return Registration(int(port), tuple(t for t in _TRANSPORTS if t in transports.split(",")), name, description)


def _rows_named(name: str) -> list[Registration]:
    """Return the rows of a registered name, ignoring case; none for a name with a control character."""
    if not name.isprintable() or not name:
        return []
    table = _table()
    lower = table.lower()
    try:
        mark = b"\t%b\t" % name.lower().encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate: bytes of the command line that are not UTF-8
        return []
    rows: list[Registration] = []
    at = lower.find(mark)
    while at >= 0:
        begin, end = table.rfind(b"\n", 0, at) + 1, table.find(b"\n", at)
        row = _row(table[begin:end])
        if row.name.lower() == name.lower():
            rows.append(row)
        at = lower.find(mark, end)
    return rows


def _names() -> set[str]:
    return {line.split("\t", 3)[2].lower() for line in _table().decode("utf-8").splitlines() if line[:1].isdigit()}
