"""Facts about one port: registered name, range, usual service, and what is using it on this machine. Pure."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..model import Listener, Listeners, Ports, Transport, Value
from ..services.known import Service
from ..services.ports import Registration, iana, known_service, range_of, usual_of
from ..text import at, clean, cut, plural, words

PORT_SCHEMA = "portdoctor.port/1"
_RANGES = {
    "system": "system (0-1023): assigned by standards",
    "user": "user (1024-49151): registered on request",
    "dynamic": "dynamic (49152-65535): never registered, free for any use",
}
_WIDE = 80
_LABEL = 14
_MOST_ROWS = 8
_BOTH: tuple[Transport, ...] = ("tcp", "udp")


class PortFacts(Value, frozen=True, kw_only=True):
    """One port. `registered`: names in the IANA registry; `services`: known services, registered ones first.

    `usual`: transport -> what often uses the port. `policy`: the rules of this machine, None if not read.
    `listeners`: one table a transport, empty if not read. `others`: further ports of the given name.
    """

    asked: str
    port: int
    range: Literal["system", "user", "dynamic"]
    registered: tuple[Registration, ...] = ()
    services: tuple[Service, ...] = ()
    usual: dict[str, str] = msgspec.field(default_factory=dict)
    policy: Ports | None = None
    listeners: tuple[Listeners, ...] = ()
    others: tuple[int, ...] = ()


class Here(Value, frozen=True, kw_only=True):
    """The rules of this machine for the port. Ranges are (first, last); None if the system does not report them."""

    unprivileged_start: int | None = None
    needs_privilege: bool | None = None
    ephemeral: tuple[int, int] | None = None
    is_ephemeral: bool | None = None
    reserved: tuple[tuple[int, int], ...] = ()
    is_reserved: bool = False


class PortDocument(Value, frozen=True, kw_only=True):
    """What `port --json` writes. `here` and `used_by` are null if this machine was not queried.

    `complete`: the sockets of all users were visible, so an empty `used_by` means that the port is free.
    """

    schema: Literal["portdoctor.port/1"]
    asked: str
    port: int
    range: Literal["system", "user", "dynamic"]
    registered: tuple[Registration, ...]
    services: tuple[Service, ...]
    usual: dict[str, str]
    here: Here | None
    used_by: tuple[Listener, ...] | None
    complete: bool
    others: tuple[int, ...]


def facts(
    asked: str,
    port: int,
    *,
    policy: Ports | None = None,
    listeners: tuple[Listeners, ...] = (),
    others: tuple[int, ...] = (),
) -> PortFacts:
    """Combine the registry, our own tables and what was read on this machine."""
    found = [known_service(port, transport) for transport in _BOTH]
    known = sorted((s for s in found if s is not None), key=lambda s: not (s.registered and port in s.ports))
    usual = {transport: usual_of(port, transport) for transport in _BOTH}
    return PortFacts(
        asked=asked,
        port=port,
        range=range_of(port),
        registered=tuple(iana(port)),
        services=tuple(dict.fromkeys(known)),
        usual={transport: says for transport, says in usual.items() if says},
        policy=policy,
        listeners=listeners,
        others=tuple(other for other in others if other != port),
    )


def here(port: int, policy: Ports | None) -> Here | None:
    """The rules of this machine as they apply to the port."""
    if policy is None:
        return None
    start, ephemeral = policy.unprivileged_start, policy.ephemeral
    return Here(
        unprivileged_start=start,
        needs_privilege=None if start is None else port < start and not policy.bind_capability,
        ephemeral=ephemeral,
        is_ephemeral=None if ephemeral is None else ephemeral[0] <= port <= ephemeral[1],
        reserved=policy.reserved,
        is_reserved=any(first <= port <= last for first, last in policy.reserved),
    )


def document(known: PortFacts) -> PortDocument:
    """The object of `port --json`, before its text is cleaned."""
    return PortDocument(
        schema="portdoctor.port/1",
        asked=known.asked,
        port=known.port,
        range=known.range,
        registered=known.registered,
        services=known.services,
        usual=known.usual,
        here=here(known.port, known.policy),
        used_by=tuple(row for table in known.listeners for row in table.rows) if known.listeners else None,
        complete=bool(known.listeners) and all(table.complete for table in known.listeners),
        others=known.others,
    )


def to_json(known: PortFacts) -> str:
    """One line of JSON, without its line feed. Every string in it is clean."""
    return msgspec.json.encode(_clean(msgspec.to_builtins(document(known)))).decode()


def schema() -> dict[str, Any]:
    """The JSON Schema of `port --json` (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"PortDoctor port ({PORT_SCHEMA})",
        **msgspec.json.schema(PortDocument),
    }


def _clean(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {key: _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value


# ---------------------------------------------------------------- text


def render(known: PortFacts) -> str:
    """The facts as text: a labelled line each, at most 80 columns, without a final line feed."""
    lines = [cut(_headline(known), _WIDE)]
    lines += _labelled("registered", _registered(known.registered))
    lines += _labelled("range", [_RANGES[known.range]])
    for service in known.services:
        lines += _labelled(_service_label(known, service), _service(service, len(known.services) > 1))
    lines += _labelled("often used by", [f"{says} ({transport.upper()})" for transport, says in known.usual.items()])
    lines += _labelled("this machine", _here(known))
    lines += _labelled("in use by", _users(known))
    if known.others:
        lines += _labelled("also", [words([str(other) for other in known.others])])
    return "\n".join(lines)


def _headline(known: PortFacts) -> str:
    if known.services:
        return f"Port {known.port}: {known.services[0].name}, {known.services[0].title}"
    if known.registered:
        row = known.registered[0]
        return clean(f"Port {known.port}: {row.name}" + (f", {row.description}" if row.description else ""))
    return f"Port {known.port}: no registered service"


def _registered(rows: tuple[Registration, ...]) -> list[str]:
    if not rows:
        return ["not in the IANA registry"]
    return [f"{r.name} ({words(t.upper() for t in r.transports)}) {r.description}".rstrip() for r in rows]


def _service_label(known: PortFacts, service: Service) -> str:
    both = len(known.services) > 1
    return f"{service.transports[0].upper()} service" if both else "service"


def _service(service: Service, several: bool) -> list[str]:
    """Which side sends first, and when TLS begins."""
    says = [service.title] if several else []
    match service.first:
        case "server":
            says.append(f"the server sends first: {service.greets}" if service.greets else "the server sends first")
        case "client":
            says.append("the client sends first" + (f"; the server {service.greets}" if service.greets else ""))
        case "silent":
            says.append(f"the server {service.greets or 'never responds'}")
        case "unknown":
            pass
    if service.tls:
        says.append("TLS from the first byte")
    elif service.starttls:
        says.append(f"plain text first, TLS after {service.starttls}")
    if service.schemes:
        says.append("URLs: " + ", ".join(f"{scheme}://" for scheme in service.schemes))
    return says


def _here(known: PortFacts) -> list[str]:
    rules = here(known.port, known.policy)
    if rules is None:
        return []
    says = []
    if rules.needs_privilege:
        says.append(f"listening requires a privilege (ports below {rules.unprivileged_start})")
    elif rules.needs_privilege is False:
        says.append("listening requires no privilege")
    if rules.ephemeral is not None:
        first, last = rules.ephemeral
        says.append(
            f"outgoing connections use ports {first}-{last} (ephemeral range)"
            + (", which includes this port" if rules.is_ephemeral and not rules.is_reserved else "")
        )
    ranges = [str(first) if first == last else f"{first}-{last}" for first, last in rules.reserved]
    if rules.is_reserved:
        says.append("this port is reserved: the system does not assign it to outgoing connections")
    elif ranges:
        shown = ranges[:_MOST_ROWS] + ([f"{len(ranges) - _MOST_ROWS} more"] if len(ranges) > _MOST_ROWS else [])
        says.append(f"reserved: {words(shown)}")
    return says


def _users(known: PortFacts) -> list[str]:
    """One line for each process that listens, and one for the number of connections that use the port."""
    if not known.listeners:
        return []
    rows = [row for table in known.listeners for row in table.rows]
    bound = [row for row in rows if row.state in ("LISTEN", "BOUND") or (row.transport == "udp" and not row.peer)]
    says = [_user(row) for row in bound[:_MOST_ROWS]]
    if len(bound) > _MOST_ROWS:
        says.append(f"and {len(bound) - _MOST_ROWS} more")
    using = len(rows) - len(bound)
    if using:
        says.append(f"{plural(using, 'connection')} {'uses' if using == 1 else 'use'} it")
    if says:
        return says
    complete = all(table.complete for table in known.listeners)
    return ["nothing"] if complete else ["nothing that is visible to this user"]


def _user(row: Listener) -> str:
    holder = row.holder
    who = []
    if holder is not None and holder.name:
        who.append(holder.name)
    if holder is not None and holder.pid is not None:
        who.append(f"pid {holder.pid}")
    if holder is not None and (holder.unit or holder.container):
        who.append(holder.unit or f"container {holder.container}")
    if holder is not None and holder.user:
        who.append(f"user {holder.user}")
    elif row.uid is not None:
        who.append(f"user id {row.uid}")
    state = "" if row.state == "LISTEN" or row.transport == "udp" else " (bound, not listening)"
    shown = ", ".join(who) or "a process that is not visible to this user"
    return clean(f"{shown}, on {at(row.address, row.port)} {row.transport.upper()}{state}")


def _labelled(label: str, says: list[str]) -> list[str]:
    """The lines of one label, wrapped, the label on the first only."""
    import textwrap

    lines = []
    for text in says:
        lines += textwrap.wrap(text, _WIDE - _LABEL - 2, break_on_hyphens=False) or [""]
    return [f"  {label if n == 0 else '':<{_LABEL}}{line}".rstrip() for n, line in enumerate(lines)]
