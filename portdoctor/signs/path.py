"""Signs about the path: other ports of the host, and traces with rising TTLs. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Outcome, Report, Route, Subject, Trace, Want
from ..outcomes import answered
from .base import Reading, absent, present, sign, unknown, unsettled
from .tcp import millis, others, route_to


@sign
def another_port_answers(report: Report, subject: Subject) -> Reading:
    """Another port of the same host accepts or refuses: the host is there and the way works for it."""
    controls = others(report, subject, "control")
    found = [o for o in controls if answered(o)]
    if found:
        o = next((f for f in found if f.outcome is Outcome.OK), found[0])
        how = "accepts connections" if o.outcome is Outcome.OK else "refuses with a reset"
        return present(f"Port {o.port} of the same address {how} within {millis(o.took)}.", o)
    want = Want(probe="controls", args=subject.values[:1])
    return unsettled(report, want, *controls, looked=bool(controls))


@sign
def no_port_tried_answers(report: Report, subject: Subject) -> Reading:
    """Every further port that was tried stayed silent. Says nothing about ports that were not tried."""
    controls = others(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]))
    if any(answered(o) for o in controls):
        return absent("Another port of the same address answers.", *[o for o in controls if answered(o)])
    if all(o.outcome is Outcome.TIMEOUT for o in controls):
        listed = ", ".join(str(o.port) for o in controls)
        return present(f"Ports {listed} of the same address were silent too.", *controls)
    return unknown("no-answer", *controls, says="Other ports failed in another way.")


def _traces(report: Report, subject: Subject, role: str) -> list[Trace]:
    return [t for t in report.of(Trace) if t.role == role and t.address in subject.values]


def _trace_wanted(report: Report, subject: Subject, *evidence: Trace) -> Reading:
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says="This system does not tell an ordinary user which hop answered.")
    want = Want(probe="trace", args=subject.values[:1])
    return unsettled(report, want, *evidence, looked=bool(evidence))


@sign
def a_hop_answers(report: Report, subject: Subject) -> Reading:
    """At least one router on the way said that it dropped our packet for its TTL."""
    traces = _traces(report, subject, "target")
    expired = [(t, h) for t in traces for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address]
    if not expired:
        return _trace_wanted(report, subject, *traces)
    trace, hop = max(expired, key=lambda pair: pair[1].ttl)
    return present(f"{hop.address}, {hop.ttl} hops away, still answers; nothing behind it does.", trace)


def last_answering(trace: Trace) -> int:
    """The TTL of the last router that answered in a row that may have silent hops; 0 when none did."""
    return max((h.ttl for h in trace.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)


def _who(trace: Trace, ttl: int) -> str:
    return next((h.address for h in trace.hops if h.ttl == ttl and h.address), "the router")


def _pairs(report: Report, subject: Subject) -> list[tuple[Trace, Trace]]:
    """Rounds in which the failing port and an open control were traced together."""
    controls = {t.round: t for t in _traces(report, subject, "control")}
    return [(t, controls[t.round]) for t in _traces(report, subject, "target") if t.round in controls]


def _near(route: Route) -> str:
    return "is this machine" if route.type == "local" else "is on the same link: no router lies between"


@sign
def open_control_passes_last_hop(report: Report, subject: Subject) -> Reading:
    """In two rounds an open control was expired by a router beyond the last hop that the failing port reached.

    What else looks like it: paths that differ by source port (hence two rounds with fresh ports); a silence
    of ICMP rate limits (hence the TTL after the last answer must have been answered for the control).
    """
    route = route_to(report, subject)
    if route is not None and route.gateway is None and route.type in ("unicast", "local"):
        return absent(f"The target {_near(route)}.", route)
    pairs = _pairs(report, subject)
    witnesses = []
    last = max((last_answering(t) for t in _traces(report, subject, "target")), default=0)
    for target, control in pairs:
        beyond = [
            h for h in control.hops
            if h.ttl > last and h.outcome is Outcome.TTL_EXPIRED and h.address not in (None, *subject.values)
        ]  # fmt: skip
        silent_there = {h.ttl for h in target.hops if h.outcome is Outcome.TIMEOUT}
        if last and any(h.ttl in silent_there for h in beyond):
            witnesses.append((target, control, beyond[0]))
    if len(witnesses) >= 2:
        first = witnesses[0]
        said = (
            f"In {len(witnesses)} rounds, packets to port {first[1].port} reached {first[2].address} at hop "
            f"{first[2].ttl}, those to port {report.target.port} not past {_who(first[0], last)} at hop {last}."
        )
        return present(said, *(t for w in witnesses for t in w[:2]))
    if len(pairs) >= 2 and not witnesses:
        return absent("The silence begins no nearer than the host itself.", *(t for pair in pairs for t in pair))
    return _trace_wanted(report, subject, *(t for pair in pairs for t in pair))


@sign
def refused_nearer_than_open_control(report: Report, subject: Subject) -> Reading:
    """At one TTL the failing port was refused while an open control was expired by a router, in two rounds.

    What else looks like it: a DNAT on the host puts a published (open) port one hop further, but its 11/0 then
    comes from the target's own address. Paths that differ by source port: hence two rounds with fresh ports.
    """
    route = route_to(report, subject)
    if route is not None and route.gateway is None and route.type in ("unicast", "local"):
        return absent(f"The target {_near(route)}.", route)
    pairs = _pairs(report, subject)
    nearer, same = [], []
    for target, control in pairs:
        end = next((h for h in target.hops if h.outcome is Outcome.REFUSED and h.icmp is None), None)
        if end is None:
            continue
        there = next((h for h in control.hops if h.ttl == end.ttl), None)
        opened = min((h.ttl for h in control.hops if h.outcome is Outcome.OK), default=None)
        if there is not None and there.outcome is Outcome.TTL_EXPIRED and there.address not in (None, *subject.values):
            nearer.append((target, control, end, there))
        elif there is not None and (there.address in subject.values or (opened is not None and opened <= end.ttl)):
            same.append((target, control, end))
    if same:
        target, control, end = same[0]
        said = f"The refusal comes from hop {end.ttl}, where the host is too; its last router would look the same."
        return unknown("no-answer", target, control, says=said)
    if len(nearer) >= 2:
        target, control, end, there = nearer[0]
        said = (
            f"In {len(nearer)} rounds, port {report.target.port} was refused at hop {end.ttl}, where packets to the "
            f"open port {control.port} are still on their way (at {there.address})."
        )
        return present(said, *(t for row in nearer for t in row[:2]))
    controls = others(report, subject, "control")
    if controls and not any(o.outcome is Outcome.OK for o in controls):
        return unknown("no-answer", *controls, says="No other port is open to compare the distance with.")
    return _trace_wanted(report, subject, *(t for pair in pairs for t in pair))
