"""Signs that compare the addresses of one name: by family, by outcome, by last hop. Pure."""

from __future__ import annotations

from ipaddress import ip_network

from ..model import Connect, Datagram, Outcome, Report, Subject, Trace
from ..outcomes import family_of
from ..text import words
from .base import Reading, absent, no_response, present, sign, unknown
from .observed import last_answering, route_to
from .resolver_states import system_lookup


@sign("some addresses of the name work and others do not")
def some_work(report: Report, subject: Subject) -> Reading:
    """Of several addresses of the name, at least one fails and at least one connects (UDP: responds)."""
    tried = [o for o in report.observations if isinstance(o, Connect | Datagram) and o.role == "target"]
    good = [o for o in tried if o.outcome is Outcome.OK]
    bad = [o for o in tried if o.outcome is not Outcome.OK]
    if good and bad:
        does = "does" if len(bad) == 1 else "do"
        how = "connect" if report.target.transport == "tcp" else "respond"
        fact = f"{len(good)} of {len(tried)} addresses {how}; {words(o.address for o in bad)} {does} not."
        return present(fact, *tried)
    return no_response(*tried) or absent("The addresses of the name do not differ in success.", *tried)


@sign("an address of the other IP version connects")
def other_family_connects(report: Report, subject: Subject) -> Reading:
    """Another address of the same name, of the other IP version, accepts the connection."""
    family = family_of(subject.values[0])
    tries = [o for o in report.of(Connect) if o.role == "target" and family_of(o.address) != family]
    good = [o for o in tries if o.outcome is Outcome.OK]
    if good:
        return present(f"{good[0].address}, another address of the name, accepts connections.", good[0])
    lookup = system_lookup(report)
    if lookup is not None and lookup.outcome is Outcome.OK and report.options.family is None and not tries:
        return absent(f"{report.target.host} has no address of the other IP version.", lookup)
    if "dns" not in report.target.stages:
        return absent("The target is an address, not a name.")
    return no_response(*tries) or absent("No attempt over the other IP version connected.", *tries)


@sign(
    "all IPv{parameter} addresses fail, while the other IP version connects",
    parameter="an IP version",
    values={"4": "IPv4 fails, while IPv6 connects", "6": "IPv6 fails, while IPv4 connects"},
)
def family_fails(report: Report, subject: Subject, family: str) -> Reading:
    """Nothing connects over that IP version, and the other one works.

    Needs two failing addresses, or one whose trace ends at the local gateway: otherwise it may be one dead host.
    """
    seen = [o for o in report.of(Connect) if o.role == "target"]
    ours = [o for o in seen if str(family_of(o.address)) == family]
    rest = [o for o in seen if str(family_of(o.address)) != family]
    working = [o for o in rest if o.outcome is Outcome.OK]
    if any(o.outcome is Outcome.OK for o in ours):
        return absent(f"At least one IPv{family} address connects.", *ours)
    if not ours or not working:
        tried = rest if ours else []
        return no_response(*tried) or absent("No attempt over the other IP version connected either.", *tried)
    if len(ours) >= 2:
        fact = f"All {len(ours)} IPv{family} addresses fail; {working[0].address} connects."
        return present(fact, *ours, working[0])
    ends = _ends_at_gateway(report, ours[0])
    if ends is not None:
        fact = f"Nothing in the path to {ours[0].address} beyond {ends[1]} responds; {working[0].address} connects."
        return present(fact, ours[0], working[0], ends[0])
    fact = f"Only one IPv{family} address fails, and its path is not known to end at the local gateway."
    return unknown("no-answer", *ours, says=fact)


def _ends_at_gateway(report: Report, o: Connect) -> tuple[Trace, str] | None:
    """Return the trace of a silent address in which nothing beyond the local gateway responds, and the gateway."""
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
    """Another address of the name, in another network, does not respond, and its trace ends at the same router."""
    mine = _last_hop(report, subject.values[0]) if subject.values else None
    if mine is None:
        fact = f"No trace to {subject.values[0] if subject.values else report.target.host} shows a router."
        return unknown("not-looked", says=fact)
    nets = {_network(subject.values[0])}
    for o in report.of(Connect):
        if o.role != "target" or o.outcome is not Outcome.TIMEOUT or _network(o.address) in nets:
            continue
        theirs = _last_hop(report, o.address)
        if theirs is not None and theirs[1] == mine[1]:
            fact = f"Packets to {o.address}, in another network, also end at {mine[1]}."
            return present(fact, mine[0], theirs[0])
    return unknown("not-looked", mine[0], says="No trace to another address of the name shows where its path ends.")


def _last_hop(report: Report, address: str) -> tuple[Trace, str] | None:
    """Return the farthest router that responded in the path to a silent address, and its trace."""
    found = [
        (h.ttl, t, h.address) for t in report.of(Trace) if t.role == "target" and t.address == address
        for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address
    ]  # fmt: skip
    if not found:
        return None
    _, trace, hop = max(found, key=lambda row: row[0])
    return trace, hop


def _network(address: str) -> str:
    """Return the /24 or /48 of an address: the internet rarely routes smaller networks separately."""
    plain = address.partition("%")[0]
    return str(ip_network(f"{plain}/{24 if family_of(plain) == 4 else 48}", strict=False))
