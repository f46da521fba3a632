"""The transport to an endpoint beside the target, such as a resolver, as a report of its own. Pure.

A resolver is reached like any other endpoint, so the same local, tcp and udp causes explain why it is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ..catalogue.cause import OWNER_TEXT
from ..model import (
    Connect,
    Datagram,
    EndpointRole,
    Lookup,
    Observation,
    Outcome,
    Problem,
    Report,
    Subject,
    Target,
)
from ..text import at

RESOLVER_PORT = 53  # of every resolver: RFC 1035 section 4.2
_TRANSPORT = (
    Outcome.OK, Outcome.REFUSED, Outcome.TIMEOUT, Outcome.HOST_UNREACHABLE, Outcome.NET_UNREACHABLE,
    Outcome.PROTOCOL_UNREACHABLE, Outcome.PROHIBITED, Outcome.TTL_EXPIRED, Outcome.BLACKHOLED, Outcome.DENIED,
    Outcome.INVALID, Outcome.ADDRESS_UNAVAILABLE, Outcome.FAMILY_UNSUPPORTED, Outcome.EXHAUSTED,
    Outcome.MESSAGE_TOO_BIG,
)  # fmt: skip


def views(report: Report, role: EndpointRole, subject: Subject) -> list[Report]:
    """A report for each endpoint of the role, or for those alone that the subject names."""
    queried = list(dict.fromkeys(o.resolver for o in report.of(Lookup) if o.resolver))
    match role:
        case "resolver":
            configured = [r for r in queried if not report.vantage.resolvers or r in report.vantage.resolvers]
            chosen = [r for r in configured if subject.kind != "resolver" or r in subject.values]
            return [of_resolver(report, r) for r in chosen]
        case "upstream":
            return [of_resolver(report, r) for r in queried if r in report.vantage.upstreams]


def owned(root: Problem, view: Report) -> Problem:
    """The root with the owner that the endpoint's role gives it: whoever runs a resolver runs its host."""
    if root.owner not in ("server-operator", "service-operator"):
        return root
    return replace(
        root, owner="resolver-operator", origin="resolver",
        owner_text=OWNER_TEXT["resolver-operator"].replace("{resolver}", view.target.host),
    )  # fmt: skip


def of_resolver(report: Report, resolver: str) -> Report:
    """What was observed of the transport to a resolver. Its DNS queries are its exchanges of datagrams."""
    target = Target(
        input=at(resolver, RESOLVER_PORT), host=resolver, port=RESOLVER_PORT, transport="udp", service="domain",
        stages=("udp",),
    )  # fmt: skip
    return replace(report, target=target, observations=tuple(_of_resolver(report, resolver)), others=())


def _of_resolver(report: Report, resolver: str) -> Iterator[Observation]:
    asked = False
    for o in report.observations:
        match o:
            case Lookup(via="wire", resolver=r, transport="udp") if r == resolver:
                yield _datagram(o, resolver, "repeat" if asked else "target")
                asked = True
            case Lookup(via="wire", resolver=r, transport="tcp") if r == resolver:
                yield _connect(o, resolver)
            case _ if o.stage is None or getattr(o, "address", None) == resolver:
                yield o  # this machine's tables, and further probes of the resolver; none of the target


def _datagram(o: Lookup, resolver: str, role: str) -> Datagram:
    outcome = _transport(o)
    return Datagram(
        id=o.id, began=o.began, took=o.took, outcome=outcome, errno=o.errno, icmp=o.icmp, os_says=o.os_says,
        address=resolver, port=RESOLVER_PORT, role=role,  # type: ignore[arg-type]
        payload=f"DNS query for {o.name}", sent=1, replies=int(outcome is Outcome.OK),
        call="send" if outcome is Outcome.DENIED and o.icmp is None else None,
    )  # fmt: skip


def _connect(o: Lookup, resolver: str) -> Connect:
    return Connect(
        id=o.id, began=o.began, took=o.took, outcome=_transport(o), errno=o.errno, icmp=o.icmp, os_says=o.os_says,
        address=resolver, port=RESOLVER_PORT, role="control",
    )  # fmt: skip


def _transport(o: Lookup) -> Outcome:
    """How the exchange ended below DNS: any response, even one that cannot be parsed, arrived."""
    if "accepted" in o.flags:  # TCP connected, and no response to the query
        return Outcome.OK
    return o.outcome if o.outcome in _TRANSPORT else Outcome.OK
