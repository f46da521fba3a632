"""Which subjects of a report fail, at which stage and how. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from ..model import (
    STAGES,
    Bind,
    Connect,
    Datagram,
    Ending,
    Greeting,
    Handshake,
    HttpReply,
    Lookup,
    Outcome,
    Report,
    Stage,
    Subject,
    Symptom,
    Value,
)  # fmt: skip
from ..outcomes import family_of, symptom
from ..text import at

_AT_ADDRESS = Connect | Datagram | Handshake | HttpReply | Greeting
_STAGGER = 0.25  # seconds: the Connection Attempt Delay that RFC 8305, section 5, recommends
_UNUSABLE = (Outcome.NET_UNREACHABLE, Outcome.FAMILY_UNSUPPORTED, Outcome.ADDRESS_UNAVAILABLE)


class Finding(Value, frozen=True, kw_only=True):
    """One subject's state: its symptom, the stage that showed it, and the observations of its own path."""

    subject: Subject
    symptom: Symptom
    stage: Stage
    path: tuple[Ending, ...] = ()


def addresses(report: Report) -> list[str]:
    """The addresses tried, in the order in which a program would try them."""
    tried = [o.address for o in report.observations if isinstance(o, Connect | Datagram) and o.own]
    found = [a for o in report.of(Lookup) if o.own for a in o.addresses]
    order = {address: place for place, address in reversed(list(enumerate(found)))}
    return sorted(dict.fromkeys(tried), key=lambda a: order.get(a, len(order)))


def path_of(report: Report, address: str) -> dict[Stage, Ending]:
    """The last own attempt of each stage at one address, in stage order."""
    own = [o for o in report.observations if isinstance(o, _AT_ADDRESS) and o.own and o.address == address]
    last = {o.stage: o for o in own}
    return {stage: last[stage] for stage in STAGES if stage in last}


def at_address(report: Report, address: str) -> Finding:
    """The state of an address that was tried: the first stage that failed, or the last that was reached."""
    path = list(path_of(report, address).values())
    shows = next((o for o in path if _state(o) != "ok"), path[-1])
    return _finding(Subject(kind="address", values=(address,)), shows, path)


def of_name(report: Report) -> Finding | None:
    """The state of the name: what programs on this machine get for it. None if nothing was looked up."""
    own = [o for o in report.of(Lookup) if o.own]
    if not own:
        return None
    return _finding(Subject(kind="name", values=(report.target.host,)), own[-1], own[-1:])


def of_resolvers(report: Report) -> list[Finding]:
    """Return the resolvers that were queried; a failing one degrades a name that resolves."""
    asked = {o.resolver: o for o in report.of(Lookup) if o.resolver}
    return [_finding(Subject(kind="resolver", values=(r,)), o, [], state="ok") for r, o in asked.items()]


def of_bind(report: Report) -> Finding | None:
    """The state of the local address to bind: as a server binds it, with SO_REUSEADDR. None if none is the target."""
    binds = report.of(Bind)
    if Bind.stage not in report.target.stages or not binds:
        return None
    as_server = [o for o in binds if o.reuse] or binds
    worst = next((o for o in as_server if o.outcome is not Outcome.OK), as_server[0])
    failed = [o for o in binds if o.outcome is not Outcome.OK]
    return _finding(Subject(kind="local", values=(at(worst.address, worst.port),)), worst, failed or [worst])


def connects_first(found: list[Finding]) -> Finding | None:
    """The address whose connection a client gets: the race of RFC 8305 in getaddrinfo's order; None when all fail.

    Families take turns, and each attempt begins 250 ms after the one before, or when that has ended: once it has
    connected, a later one is too late.
    """
    best: tuple[float, Finding] | None = None
    begins = 0.0
    for f in _in_turn(found):
        o = f.path[0]
        if o.outcome is Outcome.OK and (best is None or begins + o.took < best[0]):
            best = (begins + o.took, f)
        begins += min(_STAGGER, o.took)
    return best[1] if best else None


def _in_turn(found: list[Finding]) -> list[Finding]:
    families: dict[int, list[Finding]] = {}
    for f in found:
        families.setdefault(family_of(f.subject.values[0]), []).append(f)
    return [f for turn in zip_longest(*families.values()) for f in turn if f is not None]


def unusable_here(found: list[Finding]) -> list[Finding]:
    """Addresses of a family that this machine cannot use, while another family works: no fault of the target."""

    def unusable(finding: Finding) -> bool:
        o = finding.path[0]
        return o.outcome in _UNUSABLE and o.icmp is None

    working = {family_of(f.subject.values[0]) for f in found if not unusable(f)}
    return [f for f in found if unusable(f) and family_of(f.subject.values[0]) not in working] if working else []


def _finding(subject: Subject, shows: Ending, path: Sequence[Ending], state: Symptom | None = None) -> Finding:
    assert shows.stage is not None
    return Finding(subject=subject, symptom=state or _state(shows), stage=shows.stage, path=tuple(path))


def _state(o: Ending) -> Symptom:
    if isinstance(o, Connect) and o.self_connected:
        return "wrong-protocol"
    assert o.stage is not None
    return symptom(o.stage, o.outcome, o.icmp)
