"""Signs about connecting and the way there. Pure readings of a report; the subject is an address."""

from __future__ import annotations

from ..model import Connect, Datagram, Hop, Icmp, Outcome, Report, Route, Subject, Trace
from .base import Reading, absent, present, sign, unknown


def tried(report: Report, subject: Subject) -> Connect | Datagram | None:
    """The user's own attempt at the address: a connection or, for a UDP target, an exchange of datagrams."""
    return next(iter(attempts_at(report, subject, "target")[::-1]), None)


def connection(report: Report, subject: Subject) -> Connect | None:
    """The user's own TCP connection to the address."""
    o = tried(report, subject)
    return o if isinstance(o, Connect) else None


def attempts_at(report: Report, subject: Subject, role: str) -> list[Connect | Datagram]:
    """The attempts of one role over the target's own transport."""
    tcp = report.target.transport == "tcp"
    found: list[Connect | Datagram] = [*report.of(Connect)] if tcp else [*report.of(Datagram)]
    return [o for o in found if o.role == role and o.address in subject.values]


def others(report: Report, subject: Subject, role: str) -> list[Connect]:
    """Our further connections to the address, of one role."""
    return [o for o in report.of(Connect) if o.role == role and o.address in subject.values]


def route_to(report: Report, subject: Subject) -> Route | None:
    """This machine's routing decision for the address."""
    found = [o for o in report.of(Route) if o.address in subject.values]
    return found[-1] if found else None


def named(icmp: Icmp) -> str:
    """ "ICMP 3/13 from 10.0.2.2"."""
    version = "ICMPv6" if ":" in icmp.offender else "ICMP"
    return f"{version} {icmp.type}/{icmp.code} from {icmp.offender}"


@sign
def answered_by_rst(report: Report, subject: Subject) -> Reading:
    """Refused, and the error queue is empty: a TCP reset, not an ICMP error.

    What else looks like it: a firewall that rejects with a reset. Without an error queue, an ICMP reject too.
    """
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.REFUSED:
        return absent("The connection was not refused by a reset (RST).", o)
    if o.icmp is not None:
        return absent(f"The refusal came as {named(o.icmp)}, not as a reset (RST).", o)
    if not report.vantage.can.error_queue:
        return unknown("not-possible-here", o, says="This system does not tell a reset from an ICMP refusal.")
    return present(f"The refusal was a TCP reset (RST) after {millis(o.took)}, without an ICMP error.", o)


@sign
def silent(report: Report, subject: Subject) -> Reading:
    """No answer of any kind within the limit, not to the repeats and not to packets with a low TTL."""
    o = connection(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The connection attempt was answered.", o)
    again = others(report, subject, "repeat")
    if any(r.outcome is not Outcome.TIMEOUT for r in again):
        return absent("A repeated attempt was answered.", o, *again)
    mine = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    ended = [t for t in mine if any(_answers(h) for h in t.hops)]
    if ended:
        return absent("A packet of the trace was answered.", o, *ended)
    syns = (o.syns or 1) + sum(r.syns or 1 for r in again)
    return present(f"No answer came to {syns} SYNs in {o.took:.1f} s.", o, *again)


def _answers(hop: Hop) -> bool:
    if hop.icmp is not None:
        return hop.outcome is not Outcome.TTL_EXPIRED
    return hop.outcome in (Outcome.OK, Outcome.REFUSED)


@sign
def unreachable_in_another_way(report: Report, subject: Subject) -> Reading:
    """The attempt failed at once or by ICMP with a value of its own."""
    o = tried(report, subject)
    if o is None or o.outcome is Outcome.OK:
        return absent("The connection works.")
    raw = f"errno {o.errno.name}" if o.errno else "no errno"
    return present(f"The raw result: {raw}" + (f", {named(o.icmp)}." if o.icmp else "."), o)


@sign
def some_addresses_work(report: Report, subject: Subject) -> Reading:
    """Of several addresses of the name, at least one fails and at least one connects (UDP: answers)."""
    tried_ = [o for o in report.observations if isinstance(o, Connect | Datagram) and o.role == "target"]
    good = [o for o in tried_ if o.outcome is Outcome.OK]
    bad = [o for o in tried_ if o.outcome is not Outcome.OK]
    if good and bad:
        listed = ", ".join(o.address for o in bad)
        how = "connect" if report.target.transport == "tcp" else "answer"
        return present(f"{len(good)} of {len(tried_)} addresses {how}; {listed} does not.", *tried_)
    return absent("All addresses behave alike.", *tried_)


@sign
def syn_was_resent(report: Report, subject: Subject) -> Reading:
    """Connected, but only after at least one SYN had been sent again (TCP_INFO, or about 1, 3, 7 s)."""
    o = connection(report, subject)
    if o is None or o.outcome is not Outcome.OK:
        return absent("There is no connection.", *([o] if o else []))
    if (o.syns or 1) > 1:
        return present(f"The connection needed {o.syns} SYNs and {o.took:.1f} s.", o)
    return absent("The first SYN was answered.", o)


def millis(took: float) -> str:
    """A short time in words."""
    if took < 0.001:
        return "less than 1 ms"
    return f"{took * 1000:.0f} ms" if took < 1 else f"{took:.1f} s"
