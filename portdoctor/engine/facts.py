"""Finds the values of the blanks in a cause's text in the observations. Pure."""

from __future__ import annotations

import re

from ..model import (
    Bind,
    Certificate,
    Connect,
    Datagram,
    Greeting,
    Handshake,
    Holder,
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
from ..services.fingerprints import spoken
from ..text import at, plural, words

_MOST = 3  # addresses that a message names


def facts_about(report: Report, subject: Subject) -> dict[str, str]:
    """Return blank -> value for one subject, without the blanks that no observation fills.

    Where the subject has several addresses, a fact that differs between them is a list: "10.0.4.2 and fd00::2".
    """
    t, v = report.target, report.vantage
    tried = _addresses(report)
    about = list(subject.values[:_MOST]) if subject.kind == "address" else tried[:1]
    facts: dict[str, str | None] = {
        "host": t.host,
        "name": t.host,
        "port": str(t.port),
        "service": t.service or f"{t.transport} port {t.port}",
        "transport": t.transport,
        "sni": report.options.sni or t.host,
        "url": f"{'https' if 'tls' in t.stages else 'http'}://{at(t.host, t.port)}/",
        "began": _epoch(v.started),
        "source": v.source_address,
        "gateway": v.gateway,
        "interface": v.interface,
        "resolver": subject.values[0] if subject.kind == "resolver" else next(iter(v.resolvers), None),
        "upstream": next(iter(v.upstreams), None),
    }
    facts |= _together([{**facts, **_of_address(report, a)} for a in about])
    # An address that the target itself does not show: one of several, or that of a resolver behind the target.
    behind = t.service == "domain" and {*about} & {*v.resolvers, *v.upstreams}
    if about and (behind or {*tried} - {*subject.values}):
        facts["which"] = facts["address"]
    facts |= _of_sockets(report)
    if subject.kind == "local":
        facts |= _of_bind(report)
    return {blank: words for blank, words in facts.items() if words}


def _together(each: list[dict[str, str | None]]) -> dict[str, str | None]:
    blanks = dict.fromkeys(blank for facts in each for blank in facts)
    return {blank: words(dict.fromkeys(value for facts in each if (value := facts.get(blank)))) for blank in blanks}


def _addresses(report: Report) -> list[str]:
    """Return the addresses that were tried, or else those of the name."""
    tried = [o.address for o in report.observations if isinstance(o, Connect | Datagram) and o.role == "target"]
    return list(dict.fromkeys(tried or [a for o in report.of(Lookup) if o.own for a in o.addresses]))


def _of_address(report: Report, address: str) -> dict[str, str | None]:
    facts: dict[str, str | None] = {
        "address": address,
        "endpoint": at(address.partition("%")[0], report.target.port),
        "reset_by": _reset_by(report, address),
    }
    for o in report.observations:
        match o:
            case Connect(address=a, role="target") | Datagram(address=a, role="target") if a == address:
                facts["source"] = o.source or facts.get("source") or report.vantage.source_address
                facts["offender"] = o.icmp.offender if o.icmp else facts.get("offender")
                facts["icmp"] = _icmp_text(o.icmp) if o.icmp else facts.get("icmp")
                facts["protocol"] = _spoken(o.protocol) if isinstance(o, Datagram) else facts.get("protocol")
            case Connect(address=a, role="repeat", icmp=Icmp() as icmp) if a == address:
                facts["offender"] = facts.get("offender") or icmp.offender
                facts["icmp"] = facts.get("icmp") or _icmp_text(icmp)
            case Trace(address=a) if a == address:
                said = [h.icmp.offender for h in o.hops if h.icmp and h.outcome is not Outcome.TTL_EXPIRED]
                facts["offender"] = facts.get("offender") or (said[0] if said and o.role == "target" else None)
                expired = [h.address for h in o.hops if h.outcome is Outcome.TTL_EXPIRED and h.address]
                facts["hop"] = expired[-1] if expired and o.role == "target" else facts.get("hop")
            case Route(address=a) if a == address:
                facts["gateway"], facts["interface"], facts["prefix"] = o.gateway, o.interface, o.prefix
                facts["source"] = facts.get("source") or o.source
            case Handshake(address=a) if a == address:
                facts["protocol"] = _spoken(o.sample_protocol)
                if o.role == "target" and o.chain:
                    facts |= _of_certificate(report, o.chain[0])
            case Greeting(address=a) if a == address:
                facts["expected"] = _spoken(o.expected)
                facts["protocol"] = _spoken(o.protocol) or facts.get("protocol")
            case HttpReply(address=a) if a == address:
                facts["expected"] = "HTTP"
                facts["status"] = f"{o.status} {o.phrase}".strip() if o.status else None
                facts["protocol"] = _spoken(o.protocol) or facts.get("protocol")
            case _:
                pass
    return facts


def _spoken(protocol: str | None) -> str | None:
    return spoken(protocol) if protocol else None


def _icmp_text(icmp: Icmp) -> str:
    """Return type and code as in "ICMP 3/13"."""
    return f"{'ICMPv6' if ':' in icmp.offender else 'ICMP'} {icmp.type}/{icmp.code}"


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


def _of_certificate(report: Report, own: Certificate) -> dict[str, str | None]:
    """Return what the server's own certificate shows. Its times are compared with the time of the report."""
    now = report.vantage.started
    names = [*own.names[:2], *([plural(len(own.names) - 2, "other name")] if len(own.names) > 2 else [])]
    return {
        "cert_names": words(names),
        "cert_issuer": re.sub(r"^CN=([^,]*).*", r"\1", own.issuer),
        "expired": _ago(own.not_after, now),
        "expires": _ago(now, own.not_after or "", "in {}"),
        "valid_from": own.not_before[:10] if own.not_before and own.not_before > now > "" else None,
        "valid_until": own.not_after[:10] if own.not_after else None,
    }


def _epoch(time: str) -> str:
    from datetime import datetime

    try:
        return str(int(datetime.fromisoformat(time).timestamp()))
    except (ValueError, OverflowError):
        return ""


def _ago(earlier: str | None, later: str, how: str = "{} ago") -> str:
    """Return the time between two times in the unit that suits it, such as "3 h ago"; "" below a minute."""
    from datetime import datetime

    try:
        apart = (datetime.fromisoformat(later) - datetime.fromisoformat(earlier or "")).total_seconds()
    except (ValueError, TypeError):
        return ""
    if apart < 60:
        return ""
    if apart >= 2 * 365 * 86400:
        return how.format(plural(int(apart / 365.25 / 86400), "year"))
    if apart >= 2 * 86400:
        return how.format(plural(int(apart / 86400), "day"))
    return how.format(f"{int(apart / 3600)} h" if apart >= 2 * 3600 else f"{int(apart / 60)} min")


def _of_sockets(report: Report) -> dict[str, str | None]:
    """Return who uses the local port, and the addresses on which programs listen on it."""
    rows = [row for table in report.of(Listeners) for row in table.rows]
    owned = [row for row in rows if row.holder or row.uid is not None]
    row = next((r for r in owned if r.holder and r.holder.name), owned[0] if owned else None)
    listening = dict.fromkeys(at(r.address, r.port) for r in rows if r.state in ("LISTEN", "UNCONN"))
    facts: dict[str, str | None] = {"listener": words(listening)}
    if row is not None:
        h = row.holder or Holder()
        service = (h.unit or "").endswith(".service")
        since = _ago(h.since, report.vantage.started)
        more = [h.pid and f"pid {h.pid}", h.user and f"user {h.user}", since and f"started {since}"]
        user = h.user or (f"id {row.uid}" if row.uid is not None else "")
        holder = f"{h.name} ({', '.join(word for word in more if word)})" if h.name else f"a process of user {user}"
        facts |= {"holder": holder, "program": h.name or holder}
        facts |= {"unit": h.unit} if service else {"pid": str(h.pid or "")}
    return facts


def _of_bind(report: Report) -> dict[str, str | None]:
    failed = next((o for o in report.of(Bind) if o.outcome is not Outcome.OK), None)
    return {"address": failed.address, "endpoint": at(failed.address, failed.port)} if failed else {}
