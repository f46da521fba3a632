"""Each observation as two short texts: the probe, and its result. Pure."""

from __future__ import annotations

from ..model import (
    Bind,
    Burst,
    Connect,
    Counters,
    Datagram,
    Ending,
    Greeting,
    Handshake,
    Holder,
    HostsFile,
    HttpReply,
    Interfaces,
    Listener,
    Listeners,
    Lookup,
    Neighbour,
    Other,
    Outcome,
    Ports,
    Route,
    Trace,
)
from ..text import at, clean, plural, seconds, words
from .phrases import error_text

_ROLES = {
    "target": "",
    "repeat": " (repeat)",
    "control": " (control)",
    "random": " (random port)",
    "negative": " (unused port)",
    "elsewhere": " (other port)",
    "variant": " (variant)",
    "verify": " (verified)",
    "data": " (first data with a low TTL)",
}


def observed(o: Ending) -> tuple[str, str]:
    """(probe, result) for one row of the evidence table."""
    what, result = _observed(o)
    if o.outcome is not Outcome.OK and not isinstance(o, Trace):
        said = error_text(o)
        result = f"{said}; {result}" if result and result not in said else said
    took = seconds(o.took)
    return what, f"{result}, {took}" if took and o.took > 0 else result


def _observed(o: Ending) -> tuple[str, str]:
    match o:
        case Lookup():
            return _lookup(o)
        case HostsFile():
            lines = words(f"line {number}: {text}" for number, _, text in o.lines)
            return f"hosts file {o.path} for {o.name}", lines or "no entry"
        case Connect():
            said = "connected" if o.outcome is Outcome.OK else plural(o.syns, "SYN") + " sent" if o.syns else ""
            if o.self_connected:
                said = "connected to itself"
            return f"connect {at(o.address, o.port)}{_ROLES[o.role]}", said
        case Trace():
            return f"trace {at(o.address, o.port)}{_ROLES[o.role]}, round {o.round}", _hops(o)
        case Route():
            how = " ".join(p for p in (o.gateway and f"via {o.gateway}", o.interface and f"dev {o.interface}") if p)
            source = f"source {o.source}" if o.source else ""
            return f"route to {o.address}", " ".join(p for p in (o.type, o.prefix or "", how, source) if p)
        case Neighbour():
            return f"neighbour {o.address}", f"{o.state}{f' on {o.interface}' if o.interface else ''}"
        case Interfaces():
            up = [f"{i.name} {' '.join(i.addresses) or 'no address'}" for i in o.rows if i.up and not i.loopback]
            return "interfaces", "; ".join(up) or "none up"
        case Listeners():
            rows = "; ".join(_row(row) for row in o.rows) or "no socket"
            hidden = "" if o.complete else " (sockets of other users not visible)"
            return f"sockets on {o.transport} port {o.port}", rows + hidden
        case Bind():
            how = "with SO_REUSEADDR" if o.reuse else "without SO_REUSEADDR"
            done = ("bound and listening" if o.listened else "bound") if o.outcome is Outcome.OK else ""
            return f"bind {o.transport} {at(o.address, o.port)} {how}", done
        case _:
            return _spoken(o)


def _spoken(o: Ending) -> tuple[str, str]:
    match o:
        case Handshake():
            sni = f" as {o.sni}" if o.sni else ""
            newest = f", at most {o.newest}" if o.newest else ""
            return f"TLS {at(o.address, o.port)}{sni}{newest}{_ROLES[o.role]}", _tls(o)
        case Greeting():
            said = f"{o.protocol}: " if o.protocol else ""
            return f"first bytes of {at(o.address, o.port)}{_ROLES[o.role]}", f"{said}{o.text}" or "no data"
        case HttpReply():
            status = f"{o.status} {o.phrase}".strip() if o.status else o.protocol or ""
            where = f" to {o.location}" if o.location else ""
            return f"HTTP {o.method} {at(o.address, o.port)}{_ROLES[o.role]}", f"{status}{where}"
        case Datagram():
            sent = f"{plural(o.sent, 'datagram')} sent, {plural(o.replies, 'reply', 'replies')}"
            return f"UDP {o.payload} {at(o.address, o.port)}{_ROLES[o.role]}", sent
        case Ports():
            first = f"unprivileged from {o.unprivileged_start}" if o.unprivileged_start is not None else ""
            return "port policy", first or "read"
        case Counters():
            risen = ", ".join(f"{name} {value}" for name, value in o.values.items() if value)
            return "non-zero kernel counters", clean(risen, 300) or "none"
        case Burst():
            return f"packets in bursts of {o.connections} connections to {at(o.address, o.port)}", _packets(o)
        case Other():
            return f"{o.was or 'unknown kind'} (unknown to this version)", ""
        case _:
            return "probe", ""


def _packets(o: Burst) -> str:
    def listed(counts: tuple[int, ...]) -> str:
        return "+".join(map(str, counts))

    rows = [
        f"{row.name} sent {listed(row.sent)}, received {listed(row.received)}; in pauses sent {listed(row.sent_idle)}"
        for row in o.interfaces
    ]
    return clean("; ".join(rows), 300) or "no interface but the loopback interface sent any"


def _lookup(o: Lookup) -> tuple[str, str]:
    how = "getaddrinfo" if o.via == "system" else f"DNS {o.qtype} at {o.resolver}"
    parts = [", ".join(o.addresses)]
    if o.aliases:
        parts.append(f"alias of {' → '.join(o.aliases)}")
    parts += [f"EDE {code}{f' ({text})' if text else ''}" for code, text in o.ede]
    return f"{how} {o.name}", "; ".join(p for p in parts if p)


def _hops(o: Trace) -> str:
    def hop(ttl: int, outcome: Outcome, address: str | None) -> str:
        if outcome is Outcome.TTL_EXPIRED:
            return f"{ttl} {address or '*'}"
        if outcome is Outcome.TIMEOUT:
            return f"{ttl} *"
        return f"{ttl} {str(outcome).replace('-', ' ')}{f' by {address}' if address else ''}"

    return ", ".join(hop(h.ttl, h.outcome, h.address) for h in o.hops) or "no hop responded"


def _tls(o: Handshake) -> str:
    parts = [p for p in (o.version, o.cipher) if p]
    if o.chain:
        leaf = o.chain[0]
        until = f", valid until {leaf.not_after}" if leaf.not_after else ""
        parts.append(f"certificate {', '.join(leaf.names[:4]) or leaf.subject}{until}")
        if leaf.unreadable:
            parts.append(f"unreadable in the certificate: {', '.join(leaf.unreadable)}")
    if o.sample_protocol:
        parts.append(f"peer protocol {o.sample_protocol}")
    return "; ".join(parts)


def _row(row: Listener) -> str:
    return f"{row.state} {at(row.address, row.port)}{f' to {row.peer}' if row.peer else ''}{_held(row.holder, row.uid)}"


def _held(holder: Holder | None, uid: int | None) -> str:
    if holder and holder.name:
        pid = f" (pid {holder.pid})" if holder.pid else ""
        unit = f", unit {holder.unit}" if holder.unit else ""
        return f" by {holder.name}{pid}{unit}"
    return f" by user {uid}" if uid is not None else ""
