"""Signs about connecting and the way there. Pure readings of a report; the subject is an address."""

from __future__ import annotations

from ..model import Connect, Datagram, Icmp, Outcome, Report, Route, Subject, Want
from ..outcomes import answered, family_of
from .base import Reading, absent, present, sign, unknown, unsettled

_PROHIBITS = {(4, 3, 3), (4, 3, 9), (4, 3, 10), (4, 3, 13), (6, 1, 1), (6, 1, 4), (6, 1, 5), (6, 1, 6)}
_NO_ROUTE = {(4, 3, 0), (4, 3, 6), (6, 1, 0)}
_NO_HOST = {(4, 3, 1), (6, 1, 3)}
AT_ONCE = 1.0  # seconds: an ARP or ND failure takes three tries of a second each, a reject none


def tried(report: Report, subject: Subject) -> Connect | Datagram | None:
    """The user's own attempt at the address: a connection or, for a UDP target, an exchange of datagrams."""
    return next(iter(_attempts(report, subject, "target")[::-1]), None)


def connection(report: Report, subject: Subject) -> Connect | None:
    """The user's own TCP connection to the address."""
    o = tried(report, subject)
    return o if isinstance(o, Connect) else None


def _attempts(report: Report, subject: Subject, role: str) -> list[Connect | Datagram]:
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


def _key(icmp: Icmp) -> tuple[int, int, int]:
    return (family_of(icmp.offender), icmp.type, icmp.code)


def _named(icmp: Icmp) -> str:
    version = "ICMPv6" if ":" in icmp.offender else "ICMP"
    return f"{version} {icmp.type}/{icmp.code} from {icmp.offender}"


def _icmp_from(report: Report, subject: Subject, kinds: set[tuple[int, int, int]], what: str) -> Reading:
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.icmp is not None:
        said = f"The answer was {_named(o.icmp)}{what if _key(o.icmp) in kinds else ''}."
        return present(said, o) if _key(o.icmp) in kinds else absent(said, o)
    if o.outcome in (Outcome.OK, Outcome.TIMEOUT, Outcome.RESET):
        return absent("No ICMP error came.", o)
    if not report.vantage.can.error_queue:
        return unknown("not-possible-here", o, says="This system does not show who sent an ICMP error.")
    return absent("No ICMP error came.", o)


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
        return absent(f"The refusal came as {_named(o.icmp)}, not as a reset (RST).", o)
    if not report.vantage.can.error_queue:
        return unknown("not-possible-here", o, says="This system does not tell a reset from an ICMP refusal.")
    return present(f"The refusal was a TCP reset (RST) after {millis(o.took)}, without an ICMP error.", o)


@sign
def rejected_by_icmp(report: Report, subject: Subject) -> Reading:
    """An ICMP answer that only a filter, or for 3/3 and 1/4 a host, sends to a TCP connect."""
    first = _icmp_from(report, subject, _PROHIBITS, ", which a firewall's reject rule sends")
    o = tried(report, subject)
    if first.state != "absent" or o is None or o.icmp is None or _key(o.icmp) not in _NO_HOST:
        return first
    again = [r for r in _attempts(report, subject, "repeat") if r.icmp == o.icmp]
    other = [r for r in others(report, subject, "control") if answered(r)]
    if other:
        said = f"{_named(o.icmp)} says that the host is not there, but its port {other[0].port} answers."
        return present(said, o, other[0])
    if o.took >= AT_ONCE:
        return absent(f"{_named(o.icmp)} came after {o.took:.1f} s, as when a router finds no host.", o)
    if len(again) >= 2 and all(r.took < AT_ONCE for r in again):
        return present(f"{_named(o.icmp)} came at once, {len(again) + 1} times.", o, *again)
    return unsettled(report, Want(probe="repeat", args=(o.address,)), o, looked=bool(again))


@sign
def offender_is_target(report: Report, subject: Subject) -> Reading:
    """The ICMP error was sent by the target's own address."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.icmp is None:
        return absent("No ICMP error came.", o)
    if o.icmp.offender == o.address.partition("%")[0]:
        return present(f"The ICMP error came from {o.icmp.offender}, the target itself.", o)
    return absent(f"The ICMP error came from {o.icmp.offender}, not from the target {o.address}.", o)


@sign
def router_has_no_route(report: Report, subject: Subject) -> Reading:
    """ICMP 3/0, 3/6 or ICMPv6 1/0: a router, by its own words, knows no way on."""
    return _icmp_from(report, subject, _NO_ROUTE, ": that router has no route to the target")


@sign
def router_finds_no_host(report: Report, subject: Subject) -> Reading:
    """ICMP 3/1 or ICMPv6 1/3 after the router's ARP time. At once it may be a reject rule."""
    reading = _icmp_from(report, subject, _NO_HOST, ": that router finds no host at this address")
    o = tried(report, subject)
    if reading.state != "present" or o is None or o.took >= AT_ONCE:
        return reading
    again = _attempts(report, subject, "repeat")
    slow = [r for r in again if r.icmp == o.icmp and r.took >= AT_ONCE]
    if slow:
        return present(f"{reading.says} It came after {slow[0].took:.1f} s.", o, slow[0])
    if len(again) >= 2 and all(r.icmp == o.icmp for r in again):
        return absent("It came at once each time, which no search for a host does.", o, *again)
    return unsettled(report, Want(probe="repeat", args=(o.address,)), o, looked=bool(again))


@sign
def ttl_ran_out(report: Report, subject: Subject) -> Reading:
    """ICMP 11/0 or ICMPv6 3/0 at the system's normal TTL: packets circle."""
    return _icmp_from(report, subject, {(4, 11, 0), (6, 3, 0)}, ": the packet's lifetime (TTL) ran out on the way")


@sign
def silent(report: Report, subject: Subject) -> Reading:
    """No answer of any kind within the limit."""
    o = connection(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The connection attempt was answered.", o)
    again = others(report, subject, "repeat")
    if any(r.outcome is not Outcome.TIMEOUT for r in again):
        return absent("A repeated attempt was answered.", o, *again)
    syns = (o.syns or 1) + sum(r.syns or 1 for r in again)
    return present(f"No answer came to {syns} SYNs in {o.took:.1f} s.", o, *again)


@sign
def unreachable_in_another_way(report: Report, subject: Subject) -> Reading:
    """The attempt failed at once or by ICMP with a value of its own."""
    o = tried(report, subject)
    if o is None or o.outcome is Outcome.OK:
        return absent("The connection works.")
    raw = f"errno {o.errno.name}" if o.errno else "no errno"
    return present(f"The raw result: {raw}" + (f", {_named(o.icmp)}." if o.icmp else "."), o)


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
