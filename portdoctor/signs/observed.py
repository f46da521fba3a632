"""What many signs read from a report: the user's own attempts, routes, traces, tables. Pure."""

from __future__ import annotations

from ..model import (
    Connect,
    Counters,
    Datagram,
    Greeting,
    Handshake,
    HttpReply,
    Icmp,
    Interfaces,
    Outcome,
    Report,
    Route,
    Subject,
    Trace,
    Want,
)
from .base import Reading, unknown, unsettled

Exchange = Handshake | HttpReply | Greeting


# ---------------------------------------------------------------- attempts


def own_attempt(report: Report, subject: Subject) -> Connect | Datagram | None:
    """The user's own attempt at the address: a connection or, for a UDP target, an exchange of datagrams."""
    return next(iter(attempts_at(report, subject, "target")[::-1]), None)


def own_connection(report: Report, subject: Subject) -> Connect | None:
    """The user's own TCP connection to the address."""
    o = own_attempt(report, subject)
    return o if isinstance(o, Connect) else None


def attempts_at(report: Report, subject: Subject, role: str) -> list[Connect | Datagram]:
    """The attempts of one role over the target's own transport."""
    tcp = report.target.transport == "tcp"
    found: list[Connect | Datagram] = [*report.of(Connect)] if tcp else [*report.of(Datagram)]
    return [o for o in found if o.role == role and o.address in subject.values]


def other_attempts(report: Report, subject: Subject, role: str) -> list[Connect]:
    """Our further connections to the address, of one role."""
    return [o for o in report.of(Connect) if o.role == role and o.address in subject.values]


def last_reply(report: Report, subject: Subject) -> HttpReply | None:
    """The last HTTP response on the user's own path to the address."""
    found = [o for o in report.of(HttpReply) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def last_greeting(report: Report, subject: Subject) -> Greeting | None:
    """The service's greeting on the user's own path to the address."""
    found = [o for o in report.of(Greeting) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def last_exchange(report: Report, subject: Subject) -> Exchange | None:
    """The last exchange after the connect: handshake, HTTP or greeting."""
    found: list[Exchange] = [
        o for o in report.observations
        if isinstance(o, Handshake | HttpReply | Greeting) and o.role == "target" and o.address in subject.values
    ]  # fmt: skip
    return found[-1] if found else None


# ---------------------------------------------------------------- this machine


def route_to(report: Report, subject: Subject) -> Route | None:
    """This machine's routing decision for the address."""
    found = [o for o in report.of(Route) if o.address in subject.values]
    return found[-1] if found else None


def interfaces(report: Report) -> Interfaces | None:
    """The last successful read of the interfaces."""
    found = [o for o in report.of(Interfaces) if o.outcome is Outcome.OK]
    return found[-1] if found else None


def counters(report: Report) -> Counters | None:
    """The last successful read of the counters."""
    found = [o for o in report.of(Counters) if o.outcome is Outcome.OK]
    return found[-1] if found else None


def report_of_target(report: Report, subject: Subject) -> Report | None:
    """The report that was made on the target itself: this one, or one that was merged with it."""
    for one in (report, *report.others):
        route = route_to(one, subject)
        if route is not None and route.type == "local":
            return one
    return None


# ---------------------------------------------------------------- traces


def traces(report: Report, subject: Subject, role: str) -> list[Trace]:
    """The traces to the address of one role, in order."""
    return [t for t in report.of(Trace) if t.role == role and t.address in subject.values]


def trace_wanted(report: Report, subject: Subject, *evidence: Trace, says: str = "") -> Reading:
    """Unknown: a trace may settle it, or `evidence` is one that did not, for the reason in `says`."""
    if report.target.transport == "udp":
        return unknown("not-possible-here", *evidence, says=says or "Datagrams are not traced.")
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says="This system does not tell an ordinary user which hop answered.")
    want = Want(probe="trace", args=subject.values[:1])
    return unsettled(report, want, *evidence, looked=bool(evidence), says=says)


def last_answering(trace: Trace) -> int:
    """The TTL of the farthest router that responded, silent hops before it notwithstanding; 0 when none did."""
    return max((h.ttl for h in trace.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)


def paths_differ(report: Report, subject: Subject) -> str:
    """Which two routers responded at one distance, as a sentence; "" when only one path was seen."""
    seen: dict[int, str] = {}
    for trace in (t for t in report.of(Trace) if t.address in subject.values):
        for hop in trace.hops:
            if hop.outcome is not Outcome.TTL_EXPIRED or hop.address is None:
                continue
            first = seen.setdefault(hop.ttl, hop.address)
            if first != hop.address:
                return f"Packets take different paths: at hop {hop.ttl} both {first} and {hop.address} answered."
    return ""


def answered_in_front(report: Report, subject: Subject) -> tuple[str, Trace, Trace] | None:
    """An open control port that is answered no farther away than a router that packets to other ports pass.

    Something in front of the host answers it: a transparent proxy, a SYN proxy, a diverting router. None where
    paths of different length were seen, which explain it, too. The sentence, and the two traces.
    """
    mine, random = farthest(report, subject, "target"), farthest(report, subject, "random")
    ttl, beyond = min(mine, random, key=lambda pair: pair[0])
    if beyond is None or paths_differ(report, subject):
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


def farthest(report: Report, subject: Subject, role: str) -> tuple[int, Trace | None]:
    """The distance of the farthest router at which packets to such a port were seen, and the trace.

    The sender of another error may check the TTL before or after: only one hop less is certain.
    """
    found = [
        (h.ttl if h.outcome is Outcome.TTL_EXPIRED else h.ttl - 1, t)
        for t in traces(report, subject, role) for h in t.hops
        if h.icmp is not None and h.address not in (None, *subject.values)
    ]  # fmt: skip
    return max(found, key=lambda pair: pair[0], default=(0, None))


# ---------------------------------------------------------------- text


def plain_address(address: str) -> str:
    """An address without prefix length and scope."""
    return address.partition("/")[0].partition("%")[0]


def icmp_text(icmp: Icmp) -> str:
    """ "ICMP 3/13 from 10.0.2.2"."""
    version = "ICMPv6" if ":" in icmp.offender else "ICMP"
    return f"{version} {icmp.type}/{icmp.code} from {icmp.offender}"


def millis(took: float) -> str:
    """A duration for a sentence: "12 ms", "1.6 s"."""
    if took < 0.001:
        return "less than 1 ms"
    return f"{took * 1000:.0f} ms" if took < 1 else f"{took:.1f} s"


def quoted(text: str, most: int = 80) -> str:
    """The beginning of what a peer sent, in quotation marks."""
    return f"“{text[:most]}”" if text else "nothing readable"
