"""What is looked at when a program wants to listen here: the bind, then what explains how it ended."""

from __future__ import annotations

import socket

from ..host import Host
from ..model import Bind, Observation, Outcome, Target
from . import Clock, local
from .bind import bind

WILDCARDS = ("", "*")
_NAME_LIMIT = 5.0  # seconds to resolve a name that was asked for instead of an address
_NO_ADDRESS = (Outcome.ADDRESS_UNAVAILABLE, Outcome.FAMILY_UNSUPPORTED, Outcome.INVALID)


async def examine_bind(target: Target, host: Host, clock: Clock) -> list[Observation]:
    """Bind as servers do, then the tables that say why it failed, then bind without SO_REUSEADDR.

    A target without an address means every address, as most programs take it: `[::]` for both families, and
    `0.0.0.0` when that fails. A name means each of its addresses. UDP has no SO_REUSEADDR here: with it a bind
    succeeds beside another program.
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
        o = await bind(address, target.port, target.transport, target.transport == "tcp", clock, host)
        servers.append(o)
        if anywhere and o.outcome is Outcome.OK:
            break
    seen += servers
    failed = next((o for o in servers if o.outcome is not Outcome.OK), None)
    if failed is not None:
        return [*seen, *await _explain(failed, host, clock)]
    if target.transport == "tcp":
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
    """Whether the kernel has IPv6 at all; a server without it listens on 0.0.0.0 and is content."""
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
        # nothing is listed: bind once more and read again, so that a holder that just left is not called a ghost
        again = await bind(failed.address, port, transport, False, clock, host)
        return [table, again, await local.listeners(port, transport, host, clock)]
    if failed.outcome is Outcome.DENIED:
        return [await local.port_policy(host, clock), await local.listeners(port, transport, host, clock)]
    if failed.outcome in _NO_ADDRESS:
        return [await local.interfaces(host, clock)]
    return []
