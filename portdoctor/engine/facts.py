"""Finds the values of the blanks in a cause's text in the observations. Pure."""

from __future__ import annotations

from ..model import (
    Bind,
    Connect,
    Datagram,
    Greeting,
    Handshake,
    HttpReply,
    Icmp,
    Listeners,
    Lookup,
    Outcome,
    Report,
    Route,
    Subject,
    Trace,
)
from ..text import at, words


def facts_about(report: Report, subject: Subject) -> dict[str, str]:
    """Return blank -> value for one subject, without the blanks that no observation fills."""
    t, v = report.target, report.vantage
    address = subject.values[0] if subject.kind == "address" else _first_address(report)
    facts: dict[str, str | None] = {
        "host": t.host,
        "name": t.host,
        "port": str(t.port),
        "service": t.service or f"{t.transport} port {t.port}",
        "transport": t.transport,
        "address": address,
        "endpoint": at(address.partition("%")[0], t.port) if address else None,
        "sni": report.options.sni or t.host,
        "url": f"{'https' if 'tls' in t.stages else 'http'}://{at(t.host, t.port)}/",
        "source": v.source_address,
        "gateway": v.gateway,
        "interface": v.interface,
        "resolver": subject.values[0] if subject.kind == "resolver" else next(iter(v.resolvers), None),
        "upstream": next(iter(v.upstreams), None),
    }
    if address:
        facts |= _of_address(report, address)
        facts["reset_by"] = _reset_by(report, address)
    if subject.kind == "local":
        facts |= _of_bind(report)
    return {blank: words for blank, words in facts.items() if words}


def _first_address(report: Report) -> str | None:
    tried = [o.address for o in report.observations if isinstance(o, Connect | Datagram) and o.role == "target"]
    found = [a for o in report.of(Lookup) if o.own for a in o.addresses]
    return next(iter((*tried, *found)), None)


def _of_address(report: Report, address: str) -> dict[str, str | None]:
    facts: dict[str, str | None] = {}
    for o in report.observations:
        match o:
            case Connect(address=a, role="target") | Datagram(address=a, role="target") if a == address:
                facts["offender"] = o.icmp.offender if o.icmp else facts.get("offender")
                facts["protocol"] = o.protocol if isinstance(o, Datagram) else facts.get("protocol")
            case Connect(address=a, role="repeat", icmp=Icmp() as icmp) if a == address:
                facts["offender"] = facts.get("offender") or icmp.offender
            case Trace(address=a) if a == address:
                said = [h.icmp.offender for h in o.hops if h.icmp and h.outcome is not Outcome.TTL_EXPIRED]
                facts["offender"] = facts.get("offender") or (said[0] if said and o.role == "target" else None)
                expired = [h.address for h in o.hops if h.outcome is Outcome.TTL_EXPIRED and h.address]
                facts["hop"] = expired[-1] if expired and o.role == "target" else facts.get("hop")
            case Route(address=a) if a == address:
                facts["gateway"], facts["interface"] = o.gateway, o.interface
            case Handshake(address=a) if a == address:
                facts["protocol"] = o.sample_protocol
            case Greeting(address=a) if a == address:
                facts["protocol"] = o.protocol or facts.get("protocol")
            case HttpReply(address=a) if a == address:
                facts["status"] = f"{o.status} {o.phrase}".strip() if o.status else None
                facts["protocol"] = o.protocol or facts.get("protocol")
            case _:
                pass
    return facts


def _reset_by(report: Report, address: str) -> str:
    """Return who can have sent a RST at a hop: a router checks the TTL before its forward rules."""
    mine = [t for t in report.of(Trace) if t.address == address and t.role in ("target", "data")]
    resets = (Outcome.REFUSED, Outcome.RESET, Outcome.CLOSED)
    ttl = min((h.ttl for t in mine for h in t.hops if h.icmp is None and h.outcome in resets), default=0)
    found = {
        h.ttl: h.address for t in report.of(Trace) if t.address == address for h in t.hops
        if h.ttl in (ttl - 1, ttl) and h.outcome is Outcome.TTL_EXPIRED and h.address
    }  # fmt: skip
    routers = [found[hop] for hop in sorted(found) if hop]
    if not routers:
        return "the device in the path that sends it"
    return words(routers, "or") if len(routers) == 2 else f"{routers[0]} or a device next to it"


def _of_bind(report: Report) -> dict[str, str | None]:
    facts: dict[str, str | None] = {}
    failed = next((o for o in report.of(Bind) if o.outcome is not Outcome.OK), None)
    if failed:
        facts["address"] = failed.address
    for table in report.of(Listeners):
        for row in table.rows:
            if row.holder and row.holder.name:
                facts.setdefault("holder", f"{row.holder.name} (pid {row.holder.pid})")
            elif row.uid is not None:
                facts.setdefault("holder", f"a process of user {row.uid}")
    return facts
