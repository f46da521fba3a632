"""Signs that compare the addresses of one name: by family, by outcome, by last hop. Pure."""

from __future__ import annotations

from ipaddress import ip_network

from ..model import Connect, Datagram, Outcome, Report, Subject, Trace
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown
from .observed import last_answering, route_to


@sign("some addresses of the name work and others do not")
def some_work(report: Report, subject: Subject) -> Reading:
    """Of several addresses of the name, at least one fails and at least one connects (UDP: responds)."""
    tried_ = [o for o in report.observations if isinstance(o, Connect | Datagram) and o.role == "target"]
    good = [o for o in tried_ if o.outcome is Outcome.OK]
    bad = [o for o in tried_ if o.outcome is not Outcome.OK]
    if good and bad:
        listed = ", ".join(o.address for o in bad)
        how = "connect" if report.target.transport == "tcp" else "answer"
        return present(f"{len(good)} of {len(tried_)} addresses {how}; {listed} does not.", *tried_)
    return absent("All addresses behave alike.", *tried_)


@sign("an address of the other IP version connects")
def other_family_connects(report: Report, subject: Subject) -> Reading:
    """Another address of the same name, of the other IP version, accepts the connection."""
    family = family_of(subject.values[0])
    tries = [o for o in report.of(Connect) if o.role == "target" and family_of(o.address) != family]
    good = [o for o in tries if o.outcome is Outcome.OK]
    if good:
        return present(f"The same name's address {good[0].address} accepts the connection.", good[0])
    return absent("No address of the other IP version accepts the connection.", *tries)


@sign(
    "all IPv{parameter} addresses fail, while the other IP version connects",
    parameter="an IP version",
    values={"4": "IPv4 fails, while IPv6 connects", "6": "IPv6 fails, while IPv4 connects"},
)
def family_fails(report: Report, subject: Subject, family: str) -> Reading:
    """Nothing connects over that IP version, and the other one works.

    Needs two failing addresses, or one whose trace ends at this network's own gateway: one dead host looks the same.
    """
    seen = [o for o in report.of(Connect) if o.role == "target"]
    ours = [o for o in seen if str(family_of(o.address)) == family]
    rest = [o for o in seen if str(family_of(o.address)) != family]
    working = [o for o in rest if o.outcome is Outcome.OK]
    if not ours or any(o.outcome is Outcome.OK for o in ours):
        return absent(f"No address of IPv{family} fails alone.", *ours)
    if not working:
        return absent("The other family does not work either.", *seen)
    if len(ours) >= 2:
        said = f"All {len(ours)} addresses of IPv{family} fail, {working[0].address} connects."
        return present(said, *ours, working[0])
    ends = _ends_at_gateway(report, ours[0])
    if ends is not None:
        said = f"Packets to {ours[0].address} do not get past {ends[1]}; {working[0].address} connects."
        return present(said, ours[0], working[0], ends[0])
    return absent(f"One address of IPv{family} fails, and its way does not end near this machine.", *ours)


def _ends_at_gateway(report: Report, o: Connect) -> tuple[Trace, str] | None:
    """The trace of a silent address in which nothing behind this machine's own gateway answers."""
    route = route_to(report, Subject(kind="address", values=(o.address,)))
    traces = [t for t in report.of(Trace) if t.role == "target" and t.address == o.address]
    if route is None or route.gateway is None or o.outcome is not Outcome.TIMEOUT or not traces:
        return None
    if any(h.outcome is not Outcome.TTL_EXPIRED and h.outcome is not Outcome.TIMEOUT for t in traces for h in t.hops):
        return None
    if max(last_answering(t) for t in traces) != 1:
        return None
    return next(((t, h.address) for t in traces for h in t.hops if h.ttl == 1 and h.address), None)


@sign("packets to another address of the name end at the same router")
def same_last_hop(report: Report, subject: Subject) -> Reading:
    """Another address of the same name, in another network, is silent, and its trace ends at the same router."""
    mine = _last_hop(report, subject.values[0]) if subject.values else None
    if mine is None:
        return unknown("not-looked", says="No trace of this address ends at a router that answers.")
    nets = {_network(subject.values[0])}
    for o in report.of(Connect):
        if o.role != "target" or o.outcome is not Outcome.TIMEOUT or _network(o.address) in nets:
            continue
        theirs = _last_hop(report, o.address)
        if theirs is not None and theirs[1] == mine[1]:
            said = f"Packets to {o.address}, in another network, end at {mine[1]} too."
            return present(said, mine[0], theirs[0])
    return unknown("not-looked", mine[0], says="No other address of the name shows where the way ends.")


def _last_hop(report: Report, address: str) -> tuple[Trace, str] | None:
    """The farthest router that responded in the path to a silent address, and its trace."""
    found = [
        (h.ttl, t, h.address) for t in report.of(Trace) if t.role == "target" and t.address == address
        for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address
    ]  # fmt: skip
    if not found:
        return None
    _, trace, hop = max(found, key=lambda row: row[0])
    return trace, hop


def _network(address: str) -> str:
    """The /24 or /48 of an address: smaller networks are rarely routed apart on the internet."""

    plain = address.partition("%")[0]
    return str(ip_network(f"{plain}/{24 if family_of(plain) == 4 else 48}", strict=False))
