"""Signs about several addresses together: one family, one router where all end. Pure readings of a report."""

from __future__ import annotations

from ..model import Connect, Outcome, Report, Subject, Trace
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown
from .path import last_answering
from .tcp import route_to


@sign
def family_fails(report: Report, subject: Subject, family: str) -> Reading:
    """``family-fails:6``: nothing connects over that family, the other works.

    Needs two failing addresses, or one whose trace ends at this network's own gateway: one dead host is no family.
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


# ---------------------------------------------------------------- other addresses


@sign
def other_addresses_stop_there_too(report: Report, subject: Subject) -> Reading:
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
    """The farthest router that answered for its hop on the way to a silent address, and its trace."""
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
    from ipaddress import ip_network

    plain = address.partition("%")[0]
    return str(ip_network(f"{plain}/{24 if family_of(plain) == 4 else 48}", strict=False))
