"""Signs about how far packets to different ports of one host get. Pure; the subject is an address.

A device in front of the host (a transparent proxy) may respond for an open port, or the host may forward it to another
machine (a published container port): its distance is then not the host's. Random ports are treated like all traffic to
the host. Only a comparison with those proves where a port is dropped or refused.
"""

from __future__ import annotations

from typing import NamedTuple

from ..model import Hop, Outcome, Report, Route, Subject, Trace
from .base import Reading, absent, present, sign, unknown
from .observed import (
    cut_short,
    endpoint_text,
    last_answering,
    own_connection,
    paths_differ,
    route_to,
    trace_wanted,
    traces,
)

_MINE, _THEIRS = 6, 5  # samples at one TTL for a proof: two equal paths give this result once in 2,048 times
_MINE_OF_MANY, _THEIRS_OF_MANY = 8, 6  # if two paths were observed: once in 16,384 times


class _Sample(NamedTuple):
    trace: Trace
    hop: Hop


def _samples(report: Report, subject: Subject, role: str, ttl: int) -> list[_Sample]:
    return [_Sample(t, h) for t in traces(report, subject, role) for h in t.hops if h.ttl == ttl]


def _in_transit(hop: Hop, subject: Subject) -> bool:
    """Return whether a router, not the host itself, dropped the packet for its TTL: it would have forwarded it."""
    return hop.outcome is Outcome.TTL_EXPIRED and hop.address not in (None, *subject.values)


def _no_router_between(report: Report, subject: Subject) -> Reading | None:
    route = route_to(report, subject)
    if route is None or route.gateway is not None or route.type not in ("unicast", "local"):
        return None
    return absent(f"{route.address} {_near(route)}.", route)


def _near(route: Route) -> str:
    return "is this machine" if route.type == "local" else "is on the same link: no router is in the path"


def _proves(mine: list[_Sample], theirs: list[_Sample], several_paths: bool) -> bool:
    least = (_MINE_OF_MANY, _THEIRS_OF_MANY) if several_paths else (_MINE, _THEIRS)
    return len(mine) >= least[0] and len(theirs) >= least[1] and len({s.trace.port for s in theirs}) > 1


def _evidence(*samples: _Sample) -> list[Trace]:
    return list({s.trace.id: s.trace for s in samples}.values())


@sign("a router in the path responds, and nothing beyond it does")
def router_responds(report: Report, subject: Subject) -> Reading:
    """At least one router reported that our packet's TTL expired, and no packet to any port got a response beyond it.

    Could also be: routers beyond it that send no ICMP. So it shows only how far the path certainly works.
    """
    mine = traces(report, subject, "target")
    expired = [(t, h) for t in mine for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address]
    if not expired:
        return trace_wanted(report, subject, *mine)
    trace, hop = max(expired, key=lambda pair: pair[1].ttl)
    further = [
        t for t in (*traces(report, subject, "random"), *traces(report, subject, "control"))
        if any(h.ttl > hop.ttl and h.outcome is not Outcome.TIMEOUT for h in t.hops)
    ]  # fmt: skip
    if further:
        fact = f"Packets to port {further[0].port} get further than hop {hop.ttl} ({hop.address})."
        return unknown("no-answer", trace, *further, says=fact)
    return present(f"{hop.address} (hop {hop.ttl}) responds; nothing beyond it does.", trace)


@sign("packets to random ports pass the last hop that packets to this port reach")
def random_ports_pass_last_hop(report: Report, subject: Subject) -> Reading:
    """Packets to random ports expired at a router beyond the last hop that the requested port reached, every time.

    Could also be: paths of different length (hence many samples, each with its own source port); a router that
    rate-limits ICMP (hence the requested port is probed first each time).
    """
    if near := _no_router_between(report, subject):
        return near
    mine, random = traces(report, subject, "target"), traces(report, subject, "random")
    if not mine or not random:
        return trace_wanted(report, subject, *mine)
    answers = [t for t in mine if any(h.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT) for h in t.hops)]
    if answers:
        return unknown("no-answer", *answers, says=f"Some packets to port {report.target.port} received a response.")
    last = max(last_answering(t) for t in mine)
    ended = min((h.ttl for t in random for h in t.hops if _ends(h)), default=None)
    if last and ended is not None and ended <= last + 1:
        return absent(
            f"Packets to random ports end at hop {ended}; those to port {report.target.port} reach hop {last}.", *random
        )
    beyond = [h.ttl for t in random for h in t.hops if h.ttl > last and _in_transit(h, subject)]
    if not last or not beyond:
        return trace_wanted(report, subject, *mine, *random)
    ttl = min(beyond)
    silent = [s for s in _samples(report, subject, "target", ttl) if s.hop.outcome is Outcome.TIMEOUT]
    there = _samples(report, subject, "random", ttl)
    passed = [s for s in there if _in_transit(s.hop, subject)]
    if any(_ends(s.hop) for s in there) or not _proves(silent, passed, bool(paths_differ(report, subject))):
        says = paths_differ(report, subject)
        return trace_wanted(report, subject, *_evidence(*silent, *there), says=says)
    fact = (
        f"{len(passed)} of {len(there)} packets to random ports reached hop {ttl} ({passed[0].hop.address}), 0 of "
        f"{len(silent)} to port {report.target.port} got past hop {last} ({_router_at(mine, last)})."
    )
    return present(fact, *_evidence(*silent, *passed))


@sign("packets to random ports pass the last hop of this port, and no late ICMP error explains it")
def drop_located(report: Report, subject: Subject) -> Reading:
    """As `random_ports_pass_last_hop`, and the connection attempt lasted until an ICMP error would have come.

    Without that wait it could also be: a machine that forwards this port to a host that is gone.
    """
    found = random_ports_pass_last_hop(report, subject)
    return (cut_short(report, subject) or found) if found.state == "present" else found


@sign("forwarding to a missing host does not explain the silence as well")
def not_forwarding(report: Report, subject: Subject) -> Reading:
    """The attempt lasted until an ICMP error would have come, or packets to random ports pass a router that stops this.

    A machine that forwards the port to a host that is gone sends no response for 3.1 s either. It is mostly the target
    itself; so a stop before it shows a filter rather than forwarding, which a router in the path can do too: no proof.
    """
    o = own_connection(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent(f"The attempt at {endpoint_text(report, subject)} was not silent.", o)
    early = cut_short(report, subject)
    if early is None:
        return present(f"No ICMP error was received for {endpoint_text(report, subject)} in {o.took:.1f} s.", o)
    stops = random_ports_pass_last_hop(report, subject)
    return stops if stops.state == "present" else early


@sign("packets to an open port pass the last hop that packets to this port reach")
def open_port_passes_last_hop(report: Report, subject: Subject) -> Reading:
    """In two rounds, packets to an open port expired at a router beyond the last hop that the requested port reached.

    Could also be: an open port that the host forwards to another machine, or that is diverted to a proxy; paths of
    different length. So it shows where responses end, and proves nothing about the cause.
    """
    if near := _no_router_between(report, subject):
        return near
    mine = traces(report, subject, "target")
    last = max((last_answering(t) for t in mine), default=0)
    witnesses = []
    for target, control in _pairs(report, subject):
        beyond = [h for h in control.hops if h.ttl > last and _in_transit(h, subject)]
        silent_there = {h.ttl for h in target.hops if h.outcome is Outcome.TIMEOUT}
        if last and any(h.ttl in silent_there for h in beyond):
            witnesses.append((target, control, beyond[0]))
    if differ := paths_differ(report, subject):
        return unknown("no-answer", *mine, says=differ)
    if len(witnesses) < 2:
        return trace_wanted(report, subject, *mine)
    first = witnesses[0]
    fact = (
        f"In two rounds, packets to port {first[1].port} reached hop {first[2].ttl} ({first[2].address}), "
        f"those to port {report.target.port} only hop {last} ({_router_at(mine, last)})."
    )
    return present(fact, *(t for w in witnesses for t in w[:2]))


@sign("this port is refused at a hop that packets to random ports pass")
def refused_before_random_ports(report: Report, subject: Subject) -> Reading:
    """At one TTL the requested port was refused, and packets to random ports expired at a router, every time.

    Could also be: paths of different length; hence many samples, each with its own source port.
    """
    if near := _no_router_between(report, subject):
        return near
    mine, random = traces(report, subject, "target"), traces(report, subject, "random")
    ttl = min((h.ttl for t in mine for h in t.hops if _is_reset(h)), default=None)
    if ttl is None or not random:
        return trace_wanted(report, subject, *mine)
    here, there = _samples(report, subject, "target", ttl), _samples(report, subject, "random", ttl)
    refused = [s for s in here if _is_reset(s.hop)]
    passed = [s for s in there if _in_transit(s.hop, subject)]
    ended = min((h.ttl for t in random for h in t.hops if _ends(h)), default=None)
    if ended is not None and ended <= ttl:
        return absent(f"Packets to random ports also receive a response at hop {ended}.", *random)
    if len(refused) < len(here) or not _proves(refused, passed, bool(paths_differ(report, subject))):
        return trace_wanted(report, subject, *_evidence(*here, *there), says=paths_differ(report, subject))
    fact = (
        f"Port {report.target.port} was refused at hop {ttl} in {len(refused)} of {len(here)} probes; {len(passed)} of "
        f"{len(there)} packets to random ports passed it ({passed[0].hop.address})."
    )
    return present(fact, *_evidence(*refused, *passed))


@sign("this port is refused at a nearer hop than other ports")
def refused_before_other_ports(report: Report, subject: Subject) -> Reading:
    """The requested port is refused nearer than random ports, or two hops or more before an open one.

    Could also be: a host that forwards the open port to another machine, usually one hop further, and whose ICMP comes
    from another address than the target's.
    """
    against_random = refused_before_random_ports(report, subject)
    if against_random.state == "present" or _no_router_between(report, subject):
        return against_random
    nearer, same = [], []
    for target, control in _pairs(report, subject):
        end = next((h for h in target.hops if _is_reset(h)), None)
        if end is None:
            continue
        there = next((h for h in control.hops if h.ttl == end.ttl), None)
        opened = min((h.ttl for h in control.hops if h.outcome is Outcome.OK), default=None)
        if there is not None and _in_transit(there, subject):
            nearer.append((target, control, end, there))
        elif there is not None and (there.address in subject.values or (opened is not None and opened <= end.ttl)):
            same.append((target, control, end))
    if same:
        target, control, end = same[0]
        fact = f"The refusal comes from hop {end.ttl}, the host's hop; its last router would give the same result."
        return unknown("no-answer", target, control, says=fact)
    if differ := paths_differ(report, subject):
        return unknown("no-answer", *traces(report, subject, "target"), says=differ)
    if len(nearer) < 2:
        return trace_wanted(report, subject, *traces(report, subject, "target"))
    target, control, end, there = nearer[0]
    accepted = [h.ttl for t in traces(report, subject, "control") for h in t.hops if h.outcome is Outcome.OK]
    if min(accepted, default=0) <= end.ttl + 1:
        fact = f"Port {control.port} responds one hop further: the host may forward it to another machine."
        return unknown("no-answer", target, control, says=fact)
    fact = (
        f"In two rounds, port {report.target.port} was refused at hop {end.ttl}; packets to open port {control.port} "
        f"passed that hop ({there.address})."
    )
    return present(fact, *(t for row in nearer for t in row[:2]))


@sign("packets to random ports pass the hop that rejects this port by ICMP")
def random_ports_pass_icmp_sender(report: Report, subject: Subject) -> Reading:
    """At the TTL at which packets to the requested port end with an ICMP error, packets to random ports get further.

    So the sender of the error has a route to the host and can reach it: the error is about this port.
    """
    mine, random = traces(report, subject, "target"), traces(report, subject, "random")
    ttl = min((h.ttl for t in mine for h in t.hops if _is_error(h)), default=None)
    if ttl is None or not random:
        return trace_wanted(report, subject, *mine)
    there = _samples(report, subject, "random", ttl)
    same = [s for s in there if _is_error(s.hop)]
    if same:
        return absent(f"Random port {same[0].trace.port} also receives an ICMP error at hop {ttl}.", same[0].trace)
    passed = [s for s in there if s.hop.outcome in (Outcome.TTL_EXPIRED, Outcome.OK, Outcome.REFUSED)]
    here = _samples(report, subject, "target", ttl)
    got_on = [s for s in here if not _is_error(s.hop) and s.hop.outcome is not Outcome.TIMEOUT]
    least = _THEIRS_OF_MANY if paths_differ(report, subject) else _THEIRS
    if got_on or len(here) < _MINE or len(passed) < least or len({s.trace.port for s in passed}) < 2:
        return trace_wanted(report, subject, *_evidence(*here, *there), says=paths_differ(report, subject))
    fact = f"{len(passed)} of {len(there)} packets to random ports passed hop {ttl}, where this port is rejected."
    return present(fact, *_evidence(*here, *passed))


# ---------------------------------------------------------------- a TTL that expires


@sign("one router responds at two hops that are not adjacent")
def hops_repeat(report: Report, subject: Subject) -> Reading:
    """In one trace the same router responds at two hops that are 2 or more apart: packets loop.

    At adjacent hops a router may respond twice without a loop.
    """
    mine = traces(report, subject, "target")
    for trace in mine:
        seen: dict[str, int] = {}
        for hop in trace.hops:
            if hop.outcome is not Outcome.TTL_EXPIRED or hop.address is None:
                continue
            first = seen.setdefault(hop.address, hop.ttl)
            if hop.ttl - first >= 2:
                return present(f"{hop.address} responds at hop {first} and again at hop {hop.ttl}.", trace)
    if len(mine) >= 1 and any(t.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT) for t in mine):
        return absent("No router in the path responds at two hops that are not adjacent.", *mine)
    return trace_wanted(report, subject, *mine)


@sign("a packet with an explicit TTL reaches the target")
def arrives_with_set_ttl(report: Report, subject: Subject) -> Reading:
    """A packet whose TTL we set explicitly arrives, although one with the system's default TTL does not."""
    mine = traces(report, subject, "target")
    for trace in mine:
        for hop in trace.hops:
            if hop.icmp is None and hop.outcome in (Outcome.OK, Outcome.REFUSED):
                return present(f"A packet to {trace.address} with an explicit TTL of {hop.ttl} arrives.", trace)
    repeat = hops_repeat(report, subject)
    if repeat.state == "present":
        return absent(repeat.says, *mine)
    return trace_wanted(report, subject, *mine)


def _is_error(hop: Hop) -> bool:
    return hop.icmp is not None and hop.outcome is not Outcome.TTL_EXPIRED


def _pairs(report: Report, subject: Subject) -> list[tuple[Trace, Trace]]:
    """Return the traces of the requested port and of an open control port that were made in the same round."""
    mine = {t.round: t for t in reversed(traces(report, subject, "target"))}
    return [(mine[t.round], t) for t in traces(report, subject, "control") if t.round in mine]


def _ends(hop: Hop) -> bool:
    return hop.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT)


def _is_reset(hop: Hop) -> bool:
    return hop.outcome is Outcome.REFUSED and hop.icmp is None


def _router_at(found: list[Trace], ttl: int) -> str:
    return next((h.address for t in found for h in t.hops if h.ttl == ttl and h.address), "the router")
