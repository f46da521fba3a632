"""The listening sockets of this machine, their processes and who can reach them, as text and JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from ..model import Holder, Listener, Listeners, Transport, Value
from ..services.ports import known_service
from ..text import clean, cut, plural, width

LISTENING_SCHEMA = "portdoctor.listening/1"
Reach = Literal["loopback", "lan", "all"]
_WORDS: dict[Reach, str] = {"loopback": "this machine", "lan": "local network", "all": "all networks"}
_WIDE = 80
_HEAD = ("port", "reachable from", "address", "process")


class Open(Value, frozen=True, kw_only=True):
    """One listening socket. `reach`: from where its address is reachable, without regard to firewalls.

    `service` is the usual service of the port, which was not verified. `queued` and `backlog`: connections in the
    accept queue, and its limit.
    """

    transport: Transport
    address: str
    port: int
    reach: Reach
    service: str | None = None
    uid: int | None = None
    queued: int | None = None
    backlog: int | None = None
    holder: Holder | None = None


class ListeningDocument(Value, frozen=True, kw_only=True):
    """What `listening --json` writes. `port` is null if all ports were requested.

    `complete`: the sockets of all users were visible. `limits`: what was not visible, and what would show it.
    """

    schema: Literal["portdoctor.listening/1"] = "portdoctor.listening/1"
    port: int | None = None
    complete: bool
    limits: tuple[str, ...] = ()
    rows: tuple[Open, ...] = ()


def document(tables: Sequence[Listeners], port: int | None = None, limits: tuple[str, ...] = ()) -> ListeningDocument:
    """The listening sockets of the tables, by port: TCP sockets in LISTEN, UDP sockets without a peer."""
    rows = [_open(row) for table in tables for row in table.rows if _is_listening(row)]
    return ListeningDocument(
        port=port,
        complete=all(table.complete for table in tables),
        limits=limits,
        rows=tuple(sorted(rows, key=lambda row: (row.port, row.transport, row.address))),
    )


def _is_listening(row: Listener) -> bool:
    return row.state == "LISTEN" if row.transport == "tcp" else not row.peer


def _open(row: Listener) -> Open:
    service = known_service(row.port, row.transport)
    return Open(
        transport=row.transport, address=row.address, port=row.port, reach=reach_of(row.address),
        service=service.name if service else None, uid=row.uid, queued=row.queued, backlog=row.backlog,
        holder=row.holder,
    )  # fmt: skip


def reach_of(address: str) -> Reach:
    """From where a local address is reachable, by the address ranges of RFC 1918, 4193, 3927, 4291 and 6598."""
    from ipaddress import ip_address, ip_network

    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "all"  # some systems write "*" for the wildcard
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback:
        return "loopback"
    shared = ip.version == 4 and ip in ip_network("100.64.0.0/10")
    return "lan" if not ip.is_unspecified and (ip.is_private or ip.is_link_local or shared) else "all"


def to_json(found: ListeningDocument) -> str:
    """One line of JSON, without its line feed. Every string in it is clean."""
    return msgspec.json.encode(_clean(msgspec.to_builtins(found))).decode()


def schema() -> dict[str, Any]:
    """The JSON Schema of `listening --json` (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"PortDoctor listening sockets ({LISTENING_SCHEMA})",
        **msgspec.json.schema(ListeningDocument),
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


def render(found: ListeningDocument) -> str:
    """The sockets as text: a line each, at most 80 columns, without a final line feed."""
    what = f"port {found.port}" if found.port is not None else "any port"
    if not found.rows:
        seen = "" if found.complete else " that is visible to this user"
        return "\n".join([f"Nothing is listening on {what} of this machine{seen}.", *_limits(found)])
    rows = [_HEAD, *(_cells(row) for row in found.rows)]
    widths = [max(width(row[place]) for row in rows) for place in range(3)]
    lines = [cut("  ".join((*(_padded(row[n], widths[n]) for n in range(3)), row[3])), _WIDE) for row in rows]
    count = plural(len(found.rows), "socket")
    return "\n".join([*lines, "", f"{count}. A firewall may restrict access further.", *_limits(found)])


def _limits(found: ListeningDocument) -> list[str]:
    unnamed = any(row.holder is None or row.holder.pid is None for row in found.rows)
    return [f"{limit[:1].upper()}{limit[1:]}." for limit in found.limits] if unnamed or not found.complete else []


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def _cells(row: Open) -> tuple[str, str, str, str]:
    service = f" {row.service}" if row.service else ""
    return f"{row.port}/{row.transport}{service}", _WORDS[row.reach], clean(row.address), _process(row)


def _process(row: Open) -> str:
    holder = row.holder or Holder()
    unit = holder.unit or (f"container {holder.container[:12]}" if holder.container else "")
    user = holder.user or (f"user id {row.uid}" if row.uid is not None else "")
    pid = f"pid {holder.pid}" if holder.pid is not None else ""
    full = f"{row.queued} of {row.backlog} queued" if row.queued and row.backlog is not None else ""
    return clean(", ".join(part for part in (holder.name or "", pid, full, user, unit) if part)) or "unknown"
