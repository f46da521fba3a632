"""Signs about the path: other ports of the host, and traces with rising TTLs. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Hop, Outcome, Report, Subject, Trace, Want
from ..outcomes import answered
from .base import Reading, absent, present, sign, unknown, unsettled
from .tcp import millis, others


@sign
def another_port_answers(report: Report, subject: Subject) -> Reading:
    """Another port of the same host accepts or refuses: the host is there and the way works for it.

    What else looks like it: a device in front that accepts some ports for every host, as a transparent proxy does.
    """
    controls = others(report, subject, "control")
    found = [o for o in controls if answered(o)]
    chance = _answered_by_chance(report, subject)
    proxied = answered_in_front(report, subject)
    if found and not proxied:
        o = next((f for f in found if f.outcome is Outcome.OK), found[0])
        how = "accepts connections" if o.outcome is Outcome.OK else "refuses with a reset"
        return present(f"Port {o.port} of the same address {how} within {millis(o.took)}.", o)
    if chance:
        trace, hop = chance
        return present(f"Port {trace.port} of the same address, picked by chance, answers at hop {hop.ttl}.", trace)
    if proxied:
        return unknown("no-answer", *proxied[1:], says=proxied[0])
    want = Want(probe="controls", args=subject.values[:1])
    return unsettled(report, want, *controls, looked=bool(controls))


@sign
def no_port_tried_answers(report: Report, subject: Subject) -> Reading:
    """Every further port that was tried stayed silent. Says nothing about ports that were not tried."""
    controls = others(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]))
    if chance := _answered_by_chance(report, subject):
        return absent(f"Port {chance[0].port} of the same address, picked by chance, answers.", chance[0])
    if proxied := answered_in_front(report, subject):
        return unknown("no-answer", *proxied[1:], says=proxied[0])
    if any(answered(o) for o in controls):
        return absent("Another port of the same address answers.", *[o for o in controls if answered(o)])
    if all(o.outcome is Outcome.TIMEOUT for o in controls):
        listed = ", ".join(str(o.port) for o in controls)
        return present(f"Ports {listed} of the same address were silent too.", *controls)
    return unknown("no-answer", *controls, says="Other ports failed in another way.")


def _answered_by_chance(report: Report, subject: Subject) -> tuple[Trace, Hop] | None:
    """A port by chance that the host answered, as far away as any router that was seen on the way."""
    farthest = max((_farthest(report, subject, role)[0] for role in ("target", "chance")), default=0)
    for trace in traces(report, subject, "chance"):
        for hop in trace.hops:
            if hop.ttl > farthest and hop.icmp is None and hop.outcome in (Outcome.OK, Outcome.REFUSED):
                return trace, hop
    return None


def _farthest(report: Report, subject: Subject, role: str) -> tuple[int, Trace | None]:
    """The distance of the farthest router at which packets to such a port were seen, and the trace.

    Who sends an error of another kind may do so before it looks at the lifetime, or after: one hop less is sure.
    """
    found = [
        (h.ttl if h.outcome is Outcome.TTL_EXPIRED else h.ttl - 1, t)
        for t in traces(report, subject, role) for h in t.hops
        if h.icmp is not None and h.address not in (None, *subject.values)
    ]  # fmt: skip
    return max(found, key=lambda pair: pair[0], default=(0, None))


def answered_in_front(report: Report, subject: Subject) -> tuple[str, Trace, Trace] | None:
    """An open control that is answered no farther away than a router that packets to other ports still pass.

    Something in front of the host answers it: a transparent proxy, a SYN proxy, a diverting router. Where ways
    of different length were seen, that explains it, too: then None. The sentence, and the two traces.
    """
    mine, chance = _farthest(report, subject, "target"), _farthest(report, subject, "chance")
    ttl, beyond = min(mine, chance, key=lambda pair: pair[0])
    if beyond is None or ways_differ(report, subject):
        return None
    for trace in traces(report, subject, "control"):
        for hop in trace.hops:
            if hop.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT) and hop.ttl <= ttl:
                said = (
                    f"Port {trace.port} is answered at hop {hop.ttl}, not by the host: packets to port {beyond.port} "
                    f"pass a router at hop {ttl}."
                )
                return said, trace, beyond
    return None


def ways_differ(report: Report, subject: Subject) -> str:
    """Which two routers answered at one distance, as a sentence; "" when there is one way as far as was seen."""
    seen: dict[int, str] = {}
    for trace in (t for t in report.of(Trace) if t.address in subject.values):
        for hop in trace.hops:
            if hop.outcome is not Outcome.TTL_EXPIRED or hop.address is None:
                continue
            first = seen.setdefault(hop.ttl, hop.address)
            if first != hop.address:
                return f"Packets take different ways: at hop {hop.ttl} both {first} and {hop.address} answered."
    return ""


def traces(report: Report, subject: Subject, role: str) -> list[Trace]:
    """The traces to the address of one role, in order."""
    return [t for t in report.of(Trace) if t.role == role and t.address in subject.values]


def trace_wanted(report: Report, subject: Subject, *evidence: Trace, says: str = "") -> Reading:
    """Unknown: a trace may settle it, or `evidence` is one that did not, because of what it `says`."""
    if report.target.transport == "udp":
        return unknown("not-possible-here", *evidence, says=says or "Datagrams are not traced.")
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says="This system does not tell an ordinary user which hop answered.")
    want = Want(probe="trace", args=subject.values[:1])
    return unsettled(report, want, *evidence, looked=bool(evidence), says=says)


@sign
def a_hop_answers(report: Report, subject: Subject) -> Reading:
    """At least one router on the way said that it dropped our packet for its TTL, and nothing behind it answers."""
    mine = traces(report, subject, "target")
    expired = [(t, h) for t in mine for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address]
    if not expired:
        return trace_wanted(report, subject, *mine)
    trace, hop = max(expired, key=lambda pair: pair[1].ttl)
    further = [
        t for t in (*traces(report, subject, "chance"), *traces(report, subject, "control"))
        if any(h.ttl > hop.ttl and h.outcome is not Outcome.TIMEOUT for h in t.hops)
    ]  # fmt: skip
    if further:
        said = f"Packets to port {further[0].port} get further than {hop.address} at hop {hop.ttl}."
        return unknown("no-answer", trace, *further, says=said)
    return present(f"{hop.address}, at hop {hop.ttl}, still answers; nothing behind it does.", trace)


def last_answering(trace: Trace) -> int:
    """The TTL of the last router that answered in a row that may have silent hops; 0 when none did."""
    return max((h.ttl for h in trace.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)
