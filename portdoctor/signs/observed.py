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
from ..text import at
from .base import Reading, unknown, unsettled

Exchange = Handshake | HttpReply | Greeting
SETTLED = 3.4  # seconds: a machine that forwards to a host that is gone reports it after 3.1 s (see `cut_short`)
NO_TTL_TRACE = "This system does not show an unprivileged user which hop responded."
_ICMP_NAMES = {  # (IP version, type, code); RFC 792, RFC 1812 section 5.2.7.1, RFC 4443
    (4, 3, 0): "network unreachable", (4, 3, 1): "host unreachable", (4, 3, 2): "protocol unreachable",
    (4, 3, 3): "port unreachable", (4, 3, 4): "fragmentation needed", (4, 3, 6): "network unknown",
    (4, 3, 9): "network prohibited", (4, 3, 10): "host prohibited", (4, 3, 13): "administratively prohibited",
    (4, 11, 0): "time exceeded", (6, 1, 0): "no route", (6, 1, 1): "administratively prohibited",
    (6, 1, 3): "address unreachable", (6, 1, 4): "port unreachable", (6, 1, 5): "source address policy",
    (6, 1, 6): "reject route", (6, 2, 0): "packet too big", (6, 3, 0): "hop limit exceeded",
}  # fmt: skip


# ---------------------------------------------------------------- attempts


def own_attempt(report: Report, subject: Subject) -> Connect | Datagram | None:
    """Return the user's own attempt at the address: a connection or, for a UDP target, an exchange of datagrams."""
    return next(iter(attempts_at(report, subject, "target")[::-1]), None)


def own_connection(report: Report, subject: Subject) -> Connect | None:
    """Return the user's own TCP connection attempt to the address."""
    o = own_attempt(report, subject)
    return o if isinstance(o, Connect) else None


def cut_short(report: Report, subject: Subject) -> Reading | None:
    """Return unknown, with the reason, if a silent connection attempt ended before an ICMP error could have come.

    A machine that forwards this port, and finds no host there, sends its ICMP error when address resolution (ARP, ND)
    has failed: after three tries of one second each.
    """
    o = own_connection(report, subject)
    if o is None or o.outcome is not Outcome.TIMEOUT or o.took >= SETTLED:
        return None
    fact = f"The attempt ended after {o.took:.1f} s; an ICMP error from failed address resolution comes after 3.1 s."
    return unknown("forbidden-by-option" if report.options.timeout else "out-of-budget", o, says=fact)


def attempts_at(report: Report, subject: Subject, role: str) -> list[Connect | Datagram]:
    """Return the attempts of one role over the target's own transport."""
    tcp = report.target.transport == "tcp"
    found: list[Connect | Datagram] = [*report.of(Connect)] if tcp else [*report.of(Datagram)]
    return [o for o in found if o.role == role and o.address in subject.values]


def other_attempts(report: Report, subject: Subject, role: str) -> list[Connect]:
    """Return the other TCP connection attempts to the address, of one role."""
    return [o for o in report.of(Connect) if o.role == role and o.address in subject.values]


def last_reply(report: Report, subject: Subject) -> HttpReply | None:
    """Return the last HTTP response to the user's own request at the address."""
    found = [o for o in report.of(HttpReply) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def last_greeting(report: Report, subject: Subject) -> Greeting | None:
    """Return the last greeting of the service on the user's own connection to the address."""
    found = [o for o in report.of(Greeting) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def last_exchange(report: Report, subject: Subject) -> Exchange | None:
    """Return the last exchange on the user's own connection: TLS handshake, HTTP or greeting."""
    found: list[Exchange] = [
        o for o in report.observations
        if isinstance(o, Handshake | HttpReply | Greeting) and o.role == "target" and o.address in subject.values
    ]  # fmt: skip
    return found[-1] if found else None


def variant_hellos(report: Report, subject: Subject) -> list[Handshake]:
    """Return the handshakes of the probe `handshake`: the user's own ClientHello again, and others."""
    return [
        o for o in report.of(Handshake)
        if o.role == "variant" and o.mss_clamp is None and o.address in subject.values
    ]  # fmt: skip


# ---------------------------------------------------------------- this machine


def route_to(report: Report, subject: Subject) -> Route | None:
    """Return this machine's routing decision for the address."""
    found = [o for o in report.of(Route) if o.address in subject.values]
    return found[-1] if found else None


def interfaces(report: Report) -> Interfaces | None:
    """Return the last successful read of the interfaces."""
    found = [o for o in report.of(Interfaces) if o.outcome is Outcome.OK]
    return found[-1] if found else None


def counters(report: Report) -> Counters | None:
    """Return the last successful read of the counters."""
    found = [o for o in report.of(Counters) if o.outcome is Outcome.OK]
    return found[-1] if found else None


def report_of_target(report: Report, subject: Subject) -> Report | None:
    """Return the report that was made on the target itself: this one, or one that was merged with it."""
    for one in (report, *report.others):
        route = route_to(one, subject)
        if route is not None and route.type == "local":
            return one
    return None


# ---------------------------------------------------------------- traces


def traces(report: Report, subject: Subject, role: str) -> list[Trace]:
    """Return the traces to the address of one role, in order."""
    return [t for t in report.of(Trace) if t.role == role and t.address in subject.values]


def trace_wanted(report: Report, subject: Subject, *evidence: Trace, says: str = "") -> Reading:
    """Return unknown: a trace may settle the sign, or those in `evidence` did not, for the reason in `says`."""
    if report.target.transport == "udp":
        return unknown("not-possible-here", *evidence, says=says or "The path of UDP packets is not traced.")
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says=NO_TTL_TRACE)
    want = Want(probe="trace", args=subject.values[:1])
    return unsettled(report, want, *evidence, probed=bool(evidence), says=says)


def last_answering(trace: Trace) -> int:
    """Return the TTL of the farthest router that responded, with or without silent hops before it; 0 if none did."""
    return max((h.ttl for h in trace.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)


def paths_differ(report: Report, subject: Subject) -> str:
    """Return a sentence with two responses that different paths explain; "" if only one path was observed.

    Two routers respond at one hop; or packets to one port, not the requested one, which a firewall may treat as it
    likes, sometimes reach the host there and sometimes a router.
    """
    seen: dict[int, str] = {}
    ended: dict[tuple[int, int], bool] = {}
    for trace in (t for t in report.of(Trace) if t.address in subject.values):
        for hop in trace.hops:
            if hop.outcome is Outcome.TTL_EXPIRED and hop.address is not None:
                first = seen.setdefault(hop.ttl, hop.address)
                if first != hop.address:
                    return f"Packets take different paths: {first} and {hop.address} both respond at hop {hop.ttl}."
            elif hop.icmp is not None or hop.outcome not in (Outcome.OK, Outcome.REFUSED):
                continue
            here = hop.outcome is not Outcome.TTL_EXPIRED
            if trace.role != "target" and ended.setdefault((trace.port, hop.ttl), here) is not here:
                return (
                    f"Packets take different paths: at hop {hop.ttl}, some packets to port {trace.port} reach the host "
                    "and some a router."
                )
    return ""


def answered_in_front(report: Report, subject: Subject) -> tuple[str, Trace, Trace] | None:
    """Return (sentence, trace of the control, trace beyond it) if a device in front of the host responds for a control.

    The control port responds no farther away than a router that packets to other ports pass: a transparent proxy, a
    SYN proxy, a diverting router. None where different paths were observed, which explain it too.
    """
    mine, random = farthest(report, subject, "target"), farthest(report, subject, "random")
    ttl, beyond = min(mine, random, key=lambda pair: pair[0])
    if beyond is None or paths_differ(report, subject):
        return None
    for trace in traces(report, subject, "control"):
        for hop in trace.hops:
            if hop.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT) and hop.ttl <= ttl:
                fact = (
                    f"A device at hop {hop.ttl} responds for port {trace.port}, not the host: "
                    f"packets to port {beyond.port} pass a router at hop {ttl}."
                )
                return fact, trace, beyond
    return None


def farthest(report: Report, subject: Subject, role: str) -> tuple[int, Trace | None]:
    """Return the TTL of the farthest router that packets to ports of this role reached, and its trace.

    The sender of another ICMP error may check the TTL before or after it: only one hop less is certain.
    """
    found = [
        (h.ttl if h.outcome is Outcome.TTL_EXPIRED else h.ttl - 1, t)
        for t in traces(report, subject, role) for h in t.hops
        if h.icmp is not None and h.address not in (None, *subject.values)
    ]  # fmt: skip
    return max(found, key=lambda pair: pair[0], default=(0, None))


# ---------------------------------------------------------------- text


def plain_address(address: str) -> str:
    """Return an address without prefix length and scope."""
    return address.partition("/")[0].partition("%")[0]


def icmp_text(icmp: Icmp) -> str:
    """Return "ICMP 3/13 from 10.0.2.2"."""
    return f"{_icmp_code(icmp)} from {icmp.offender}"


def icmp_sent(icmp: Icmp) -> str:
    """Return "10.0.2.2 sent ICMP 3/13 (administratively prohibited)"."""
    name = _ICMP_NAMES.get((6 if ":" in icmp.offender else 4, icmp.type, icmp.code))
    return f"{icmp.offender} sent {_icmp_code(icmp)}{f' ({name})' if name else ''}"


def _icmp_code(icmp: Icmp) -> str:
    return f"{'ICMPv6' if ':' in icmp.offender else 'ICMP'} {icmp.type}/{icmp.code}"


def endpoint_text(report: Report, subject: Subject) -> str:
    """Return the requested address and port: "10.0.4.2:8080", "[fd00::2]:8080"."""
    return at(subject.values[0] if subject.values else report.target.host, report.target.port)


def millis(took: float) -> str:
    """Return a duration for a sentence: "12 ms", "1.6 s"."""
    if took < 0.001:
        return "less than 1 ms"
    return f"{took * 1000:.0f} ms" if took < 1 else f"{took:.1f} s"


def quoted(text: str, most: int = 80) -> str:
    """Return the beginning of what a peer sent, in quotation marks."""
    return f"“{text[:most]}”" if text else "no readable text"
