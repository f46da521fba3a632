"""Compares the failing attempt with the other attempts: other ports, other resolvers, repeats, variants. Pure.

Each row is a label and a result. Attempts that ended alike share a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..engine.stages import IN_WORDS
from ..model import (
    Connect,
    Datagram,
    Ending,
    Greeting,
    Handshake,
    HttpReply,
    Lookup,
    Outcome,
    Problem,
    Report,
    Trace,
)
from ..text import bracketed, plural, seconds
from .path import furthest

_MOST_PORTS = 4  # in one label


class Row(NamedTuple):
    """One line of the comparison."""

    label: str
    result: str


def compared(report: Report, problem: Problem) -> list[Row]:
    """The rows for one problem, the failing attempt first; none if there is nothing to compare it with."""
    if problem.stage == "dns":
        return _resolvers(report.of(Lookup))
    if problem.subject.kind not in ("address", "target"):
        return []
    tried = list(dict.fromkeys(o.address for o in report.of(Connect) if o.role == "target"))
    address = next((a for a in tried if a in problem.subject.values or problem.subject.kind == "target"), None)
    if address is None:
        return []
    return [*_ports(report, address), *_again(report, address, problem)]


# ---------------------------------------------------------------- ports


def _ports(report: Report, address: str) -> list[Row]:
    """The port of the target beside the control ports: how the connection ended, and how far its packets got."""
    connects = [o for o in report.of(Connect) if o.address == address]
    beside = [o for o in connects if o.role in ("control", "negative")]
    traces = [t for t in report.of(Trace) if t.address == address]
    if not beside and not any(t.role != "target" for t in traces):
        return []
    random = {o.port for o in traces if o.role == "random"} | {o.port for o in beside if o.role == "negative"}
    own = [o for o in connects if o.role == "target"]
    if own and own[0].outcome is Outcome.OK and not any(o.outcome is Outcome.OK for o in beside if o.port in random):
        return []  # the port is not what fails
    far = _far(traces, {report.target.port})
    rows = [Row(f"port {report.target.port}", _joined(_ended(own[0]) if own else "", far))]
    kinds: dict[tuple[Outcome, str], list[Connect]] = {}
    for o in beside:
        if o.port not in random:
            kinds.setdefault((o.outcome, _joined(_ended(o, timed=False), _far(traces, {o.port}))), []).append(o)
    # The attempt that differs most from the failing one is the most telling.
    order = sorted(kinds, key=lambda kind: (kind[0] is not Outcome.OK, bool(own) and kind[0] is own[0].outcome))
    rows += [Row(_named(kinds[kind]), kind[1]) for kind in order]
    if random:
        results = list(dict.fromkeys(_ended(o, timed=False) for o in beside if o.port in random))
        said = _joined(" or ".join(results), _far(traces, random))
        rows.insert(2 if len(rows) > 1 else 1, Row(plural(len(random), "random port"), said))
    return rows


def _named(seen: list[Connect]) -> str:
    ports = sorted({o.port for o in seen})
    if len(ports) > _MOST_PORTS:
        return f"{len(ports)} other ports"
    return f"port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports))}"


def _far(traces: Iterable[Trace], ports: set[int]) -> str:
    return furthest([t for t in traces if t.port in ports])


def _joined(*parts: str) -> str:
    return "; ".join(p for p in parts if p)


def _ended(o: Connect, *, timed: bool = True) -> str:
    took = f" in {seconds(o.took)}" if timed else ""
    match o.outcome:
        case Outcome.OK:
            return f"connects{took}"
        case Outcome.REFUSED if o.icmp is None:
            return f"refused{took}"
        case Outcome.TIMEOUT:
            return f"no response{took}"
    return _result(o)


# ---------------------------------------------------------------- resolvers


def _resolvers(lookups: list[Lookup]) -> list[Row]:
    """The system's lookup beside the answer of each resolver, one row per resolver and transport."""
    rows: dict[str, dict[str, list[str]]] = {}  # label -> result -> record types
    for o in lookups:
        if o.via == "system":
            rows.setdefault("getaddrinfo", {}).setdefault(_found(o), [])
        else:
            label = f"{bracketed(o.resolver or '')} {(o.transport or 'udp').upper()}"
            rows.setdefault(label, {}).setdefault(_found(o), []).append(o.qtype)
    if len(rows) < 2:
        return []
    said = {label: [_of_types(types, result) for result, types in results.items()] for label, results in rows.items()}
    return [Row(label, "; ".join(results)) for label, results in said.items()]


def _of_types(types: list[str], said: str) -> str:
    return f"{', '.join(dict.fromkeys(types))} {said}".strip()


def _found(o: Lookup) -> str:
    if o.outcome is Outcome.OK:
        return ", ".join(o.addresses[:2]) or o.rcode or "answered"
    if o.outcome is Outcome.TIMEOUT:
        return f"no response in {seconds(o.took)}"
    return o.rcode if o.rcode not in (None, "NOERROR") else _result(o)


# ---------------------------------------------------------------- repeats and variants


def _again(report: Report, address: str, problem: Problem) -> list[Row]:
    """Later attempts of the stage that failed, and connections that sent nothing; each result with its count."""
    kinds: dict[str, list[str]] = {}
    for o in report.observations:
        if not isinstance(o, Connect | Datagram | Handshake | Greeting | HttpReply) or o.address != address:
            continue
        if o.role in ("repeat", "variant") and (o.stage == problem.stage or isinstance(o, Greeting)):
            kinds.setdefault(_what(o), []).append(_result(o))
    return [
        Row(what, f"{result}, {said.count(result)} of {len(said)}" if len(said) > 1 else result)
        for what, said in kinds.items() for result in dict.fromkeys(said)
    ]  # fmt: skip


def _what(o: Connect | Datagram | Handshake | Greeting | HttpReply) -> str:
    clamp = getattr(o, "mss_clamp", None)
    small = f", segments of {clamp} bytes" if clamp else ""
    match o:
        case Handshake():
            return (f"TLS for {o.sni}" if o.sni else "TLS without SNI") + small
        case HttpReply():
            return "HTTP" + small
        case Greeting():
            return ("after the request" if o.sent else "without sending") + small
        case Datagram():
            return f"UDP {o.payload}".strip()
    return f"port {o.port} again" + small


def _result(o: Ending) -> str:
    said: dict[Outcome, Callable[[], str]] = {
        Outcome.OK: lambda: "succeeds",
        Outcome.REFUSED: lambda: "refused",
        Outcome.RESET: lambda: "reset",
        Outcome.CLOSED: lambda: "closed",
        Outcome.TIMEOUT: lambda: "no response",
    }
    words = said[o.outcome]() if o.outcome in said else IN_WORDS.get(o.outcome) or str(o.outcome).replace("-", " ")
    if o.icmp is not None:
        return (
            f"{words} (ICMP{'v6' if ':' in o.icmp.offender else ''} {o.icmp.type}/{o.icmp.code} from {o.icmp.offender})"
        )
    return words
