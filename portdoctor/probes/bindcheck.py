"""Finds out whether a program can bind a local address: the bind, then the tables that explain its result."""

from __future__ import annotations

import socket

from ..host import Host
from ..model import Bind, Observation, Outcome, Target
from . import Clock, local
from .bind import bind

WILDCARDS = ("", "*")
_NAME_LIMIT = 5.0  # seconds to resolve a name that was given instead of an address
_NO_ADDRESS = (Outcome.ADDRESS_UNAVAILABLE, Outcome.FAMILY_UNSUPPORTED, Outcome.INVALID)


async def examine_bind(target: Target, host: Host, clock: Clock, *, listen: bool = False) -> list[Observation]:
    """Bind as servers do; when that fails, read the tables that explain it; `listen`: also listen.

    When it succeeds, bind again without SO_REUSEADDR, unless the socket table shows that no socket can prevent that:
    a bind without SO_REUSEADDR that succeeds makes a server that starts at that moment fail.

    A target without an address means every address, as for most programs: `[::]` for both families, and `0.0.0.0`
    when that fails. A name means each of its addresses. UDP is bound without SO_REUSEADDR: with it, a bind succeeds
    although another program uses the port.
    """
    seen: list[Observation] = []
    anywhere = target.host in WILDCARDS
    addresses = _wildcards() if anywhere else (target.host,)
    if not anywhere and not _literal(target.host):
        from .lookup import resolve

        found = await resolve(target.host, None, clock, _NAME_LIMIT)
        seen.append(found)
        addresses = found.addresses
    servers = []
    for address in addresses:
        o = await bind(address, target.port, target.transport, target.transport == "tcp", clock, host, listen=listen)
        servers.append(o)
        if anywhere and o.outcome is Outcome.OK:
            break
    seen += servers
    failed = next((o for o in servers if o.outcome is not Outcome.OK), None)
    if failed is not None:
        return [*seen, *await _explain(failed, host, clock)]
    if target.transport == "tcp":
        table = await local.listeners(target.port, "tcp", host, clock)
        seen.append(table)
        if table.complete and table.bound_shown and all(row.state == "LISTEN" for row in table.rows):
            return seen  # a listener at another address, or one that has just started
        for o in servers:
            again = await bind(o.address, target.port, "tcp", False, clock, host)
            seen.append(again)
            if again.outcome is Outcome.ADDRESS_IN_USE:
                seen.append(await local.listeners(target.port, "tcp", host, clock))
    return seen


def _wildcards() -> tuple[str, ...]:
    return ("::", "0.0.0.0") if _has_ipv6() else ("0.0.0.0",)


def _literal(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()


def _has_ipv6() -> bool:
    """Return whether the kernel supports IPv6; where it does not, servers listen on 0.0.0.0 only."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


async def _explain(failed: Bind, host: Host, clock: Clock) -> list[Observation]:
    port, transport = failed.port, failed.transport
    if failed.outcome is Outcome.ADDRESS_IN_USE:
        table = await local.listeners(port, transport, host, clock)
        if table.rows or transport == "udp":
            return [table]
        # no socket is listed: bind and read again, in case the one that used the port has just been closed
        again = await bind(failed.address, port, transport, False, clock, host)
        return [table, again, await local.listeners(port, transport, host, clock)]
    if failed.outcome is Outcome.DENIED:
        return [await local.port_policy(host, clock), await local.listeners(port, transport, host, clock)]
    if failed.outcome in _NO_ADDRESS:
        return [await local.interfaces(host, clock)]
    return []
