"""Signs that compare how far packets to different ports of one host get. Pure; the subject is an address.

A port that is open may be answered by something in front of the host (a transparent proxy), or be passed on to
something behind it (a published container port): its distance then is not the host's. Ports picked by chance are
treated like whatever comes for the host. Only a comparison with those proves where a port is dropped or refused.
"""

from __future__ import annotations

from typing import NamedTuple

from ..model import Hop, Outcome, Report, Route, Subject, Trace
from .base import Reading, absent, present, sign, unknown
from .path import last_answering, trace_wanted, traces, ways_differ
from .tcp import route_to

_MINE, _THEIRS = 6, 5  # samples at one TTL for proof: two ways of equal weight would look so once in 2,048 times
_MINE_OF_MANY, _THEIRS_OF_MANY = 8, 6  # where two ways were seen: once in 16,384 times


class _Sample(NamedTuple):
    trace: Trace
    hop: Hop


def _samples(report: Report, subject: Subject, role: str, ttl: int) -> list[_Sample]:
    return [_Sample(t, h) for t in traces(report, subject, role) for h in t.hops if h.ttl == ttl]


def _on_its_way(hop: Hop, subject: Subject) -> bool:
    """A router that is not the host itself dropped the packet for its TTL: it would have passed it on."""
    return hop.outcome is Outcome.TTL_EXPIRED and hop.address not in (None, *subject.values)


def _no_router_between(report: Report, subject: Subject) -> Reading | None:
    route = route_to(report, subject)
    if route is None or route.gateway is not None or route.type not in ("unicast", "local"):
        return None
    return absent(f"The target {_near(route)}.", route)


def _near(route: Route) -> str:
    return "is this machine" if route.type == "local" else "is on the same link: no router lies between"


def _proves(mine: list[_Sample], theirs: list[_Sample], several_ways: bool) -> bool:
    least = (_MINE_OF_MANY, _THEIRS_OF_MANY) if several_ways else (_MINE, _THEIRS)
    return len(mine) >= least[0] and len(theirs) >= least[1] and len({s.trace.port for s in theirs}) > 1


def _evidence(*samples: _Sample) -> list[Trace]:
    return list({s.trace.id: s.trace for s in samples}.values())


@sign
def ports_by_chance_pass_last_hop(report: Report, subject: Subject) -> Reading:
    """Ports picked by chance were expired by a router beyond the last hop that the asked port reached, every time.

    What else looks like it: ways of different length (hence many samples, each with a source port of its own);
    a router that limits its ICMP (hence the asked port is sent first each time).
    """
    if near := _no_router_between(report, subject):
        return near
    mine, chance = traces(report, subject, "target"), traces(report, subject, "chance")
    if not mine or not chance:
        return trace_wanted(report, subject, *mine)
    answers = [t for t in mine if any(h.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT) for h in t.hops)]
    if answers:
        return unknown("no-answer", *answers, says="Some packets to the port were answered after all.")
    last = max(last_answering(t) for t in mine)
    ended = min((h.ttl for t in chance for h in t.hops if _ends(h)), default=None)
    if last and ended is not None and ended <= last + 1:
        return absent(f"The silence begins at hop {ended}, no nearer than the host itself.", *chance)
    beyond = [h.ttl for t in chance for h in t.hops if h.ttl > last and _on_its_way(h, subject)]
    if not last or not beyond:
        return trace_wanted(report, subject, *mine, *chance)
    ttl = min(beyond)
    silent = [s for s in _samples(report, subject, "target", ttl) if s.hop.outcome is Outcome.TIMEOUT]
    there = _samples(report, subject, "chance", ttl)
    passed = [s for s in there if _on_its_way(s.hop, subject)]
    if any(_ends(s.hop) for s in there) or not _proves(silent, passed, bool(ways_differ(report, subject))):
        says = ways_differ(report, subject)
        return trace_wanted(report, subject, *_evidence(*silent, *there), says=says)
    said = (
        f"{len(passed)} packets to ports picked by chance reached {passed[0].hop.address} at hop {ttl}; of "
        f"{len(silent)} to port {report.target.port} none came past {_who(mine, last)} at hop {last}."
    )
    return present(said, *_evidence(*silent, *passed))


@sign
def open_control_passes_last_hop(report: Report, subject: Subject) -> Reading:
    """In two rounds an open control was expired by a router beyond the last hop that the asked port reached.

    What else looks like it: the control is passed on by the host to another machine, or diverted to a proxy; ways
    of different length. So it says where the silence begins, and proves nothing about who begins it.
    """
    if near := _no_router_between(report, subject):
        return near
    mine = traces(report, subject, "target")
    last = max((last_answering(t) for t in mine), default=0)
    witnesses = []
    for target, control in _pairs(report, subject):
        beyond = [h for h in control.hops if h.ttl > last and _on_its_way(h, subject)]
        silent_there = {h.ttl for h in target.hops if h.outcome is Outcome.TIMEOUT}
        if last and any(h.ttl in silent_there for h in beyond):
            witnesses.append((target, control, beyond[0]))
    if differ := ways_differ(report, subject):
        return unknown("no-answer", *mine, says=differ)
    if len(witnesses) < 2:
        return trace_wanted(report, subject, *mine)
    first = witnesses[0]
    said = (
        f"In two rounds, packets to port {first[1].port} reached {first[2].address} at hop {first[2].ttl}, "
        f"those to port {report.target.port} not past {_who(mine, last)} at hop {last}."
    )
    return present(said, *(t for w in witnesses for t in w[:2]))


@sign
def refused_nearer_than_ports_by_chance(report: Report, subject: Subject) -> Reading:
    """At one TTL the asked port was refused, and ports picked by chance were expired by a router, every time.

    What else looks like it: ways of different length: hence many samples, each with a source port of its own.
    """
    if near := _no_router_between(report, subject):
        return near
    mine, chance = traces(report, subject, "target"), traces(report, subject, "chance")
    ttl = min((h.ttl for t in mine for h in t.hops if _is_reset(h)), default=None)
    if ttl is None or not chance:
        return trace_wanted(report, subject, *mine)
    here, there = _samples(report, subject, "target", ttl), _samples(report, subject, "chance", ttl)
    refused = [s for s in here if _is_reset(s.hop)]
    passed = [s for s in there if _on_its_way(s.hop, subject)]
    ended = min((h.ttl for t in chance for h in t.hops if _ends(h)), default=None)
    if ended is not None and ended <= ttl:
        return absent(f"Ports picked by chance are answered at hop {ended}, too.", *chance)
    if len(refused) < len(here) or not _proves(refused, passed, bool(ways_differ(report, subject))):
        return trace_wanted(report, subject, *_evidence(*here, *there), says=ways_differ(report, subject))
    said = (
        f"Port {report.target.port} was refused at hop {ttl}, {len(refused)} times; {len(passed)} packets to ports "
        f"picked by chance were there still on their way (at {passed[0].hop.address})."
    )
    return present(said, *_evidence(*refused, *passed))


@sign
def refused_nearer_than_other_ports(report: Report, subject: Subject) -> Reading:
    """The asked port is refused nearer than ports by chance, or two hops and more before an open one.

    What else looks like it: a host that passes the open port on to another machine, usually one hop further, and
    whose ICMP comes from another address than the target's.
    """
    by_chance = refused_nearer_than_ports_by_chance(report, subject)
    if by_chance.state == "present" or _no_router_between(report, subject):
        return by_chance
    nearer, same = [], []
    for target, control in _pairs(report, subject):
        end = next((h for h in target.hops if _is_reset(h)), None)
        if end is None:
            continue
        there = next((h for h in control.hops if h.ttl == end.ttl), None)
        opened = min((h.ttl for h in control.hops if h.outcome is Outcome.OK), default=None)
        if there is not None and _on_its_way(there, subject):
            nearer.append((target, control, end, there))
        elif there is not None and (there.address in subject.values or (opened is not None and opened <= end.ttl)):
            same.append((target, control, end))
    if same:
        target, control, end = same[0]
        said = f"The refusal comes from hop {end.ttl}, where the host is too; its last router would look the same."
        return unknown("no-answer", target, control, says=said)
    if differ := ways_differ(report, subject):
        return unknown("no-answer", *traces(report, subject, "target"), says=differ)
    if len(nearer) < 2:
        return trace_wanted(report, subject, *traces(report, subject, "target"))
    target, control, end, there = nearer[0]
    accepted = [h.ttl for t in traces(report, subject, "control") for h in t.hops if h.outcome is Outcome.OK]
    if min(accepted, default=0) <= end.ttl + 1:
        said = f"Port {control.port} is answered one hop further on: the host may pass it on to another machine."
        return unknown("no-answer", target, control, says=said)
    said = (
        f"In two rounds, port {report.target.port} was refused at hop {end.ttl}, where packets to the open port "
        f"{control.port} are still on their way (at {there.address})."
    )
    return present(said, *(t for row in nearer for t in row[:2]))


@sign
def ports_by_chance_pass_offender(report: Report, subject: Subject) -> Reading:
    """At the TTL at which packets to the asked port end with an ICMP error, those to ports by chance get on each time.

    So whoever sent the error knows a way on and finds the host: the error is about this port.
    """
    mine, chance = traces(report, subject, "target"), traces(report, subject, "chance")
    ttl = min((h.ttl for t in mine for h in t.hops if _is_error(h)), default=None)
    if ttl is None or not chance:
        return trace_wanted(report, subject, *mine)
    there = _samples(report, subject, "chance", ttl)
    same = [s for s in there if _is_error(s.hop)]
    if same:
        return absent(f"Port {same[0].trace.port}, picked by chance, gets such an answer, too.", same[0].trace)
    passed = [s for s in there if s.hop.outcome in (Outcome.TTL_EXPIRED, Outcome.OK, Outcome.REFUSED)]
    here = _samples(report, subject, "target", ttl)
    got_on = [s for s in here if not _is_error(s.hop) and s.hop.outcome is not Outcome.TIMEOUT]
    least = _THEIRS_OF_MANY if ways_differ(report, subject) else _THEIRS
    if got_on or len(here) < _MINE or len(passed) < least or len({s.trace.port for s in passed}) < 2:
        return trace_wanted(report, subject, *_evidence(*here, *there), says=ways_differ(report, subject))
    said = f"{len(passed)} packets to ports picked by chance got past hop {ttl}, at which it came."
    return present(said, *_evidence(*here, *passed))


def _is_error(hop: Hop) -> bool:
    return hop.icmp is not None and hop.outcome is not Outcome.TTL_EXPIRED


def _pairs(report: Report, subject: Subject) -> list[tuple[Trace, Trace]]:
    """Rounds in which the asked port and an open control were traced together."""
    mine = {t.round: t for t in reversed(traces(report, subject, "target"))}
    return [(mine[t.round], t) for t in traces(report, subject, "control") if t.round in mine]


def _ends(hop: Hop) -> bool:
    return hop.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT)


def _is_reset(hop: Hop) -> bool:
    return hop.outcome is Outcome.REFUSED and hop.icmp is None


def _who(found: list[Trace], ttl: int) -> str:
    return next((h.address for t in found for h in t.hops if h.ttl == ttl and h.address), "the router")
