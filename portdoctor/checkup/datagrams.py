"""One address over UDP: the exchange, and beside its silence other ports of the host. Measures, judges nothing."""

from __future__ import annotations

import asyncio

from ..model import Datagram, Outcome
from ..probes.datagram import PATIENCE, Role, exchange
from ..probes.payloads import payload_for
from .repeats import controls, own_port
from .session import Record

_SILENT = 1.0  # seconds, as long as the first datagram is waited for: a resolver may have to ask others first
_REPEATS = 2
_BETWEEN = 1.0  # seconds between two exchanges: hosts and routers send an ICMP error a second


async def visit(c: Record, address: str) -> None:
    """Ask the service; while it stays silent, see by TCP whether the host is there at all."""
    asked = asyncio.create_task(_exchange(c, address, "target"))
    beside: asyncio.Task[None] | None = None
    try:
        await asyncio.wait({asked}, timeout=_SILENT)
        if not asked.done() and c.options.controls:
            beside = asyncio.create_task(controls(c, address))
        o = await asked
        if o.outcome is Outcome.OK:
            return
        if beside is not None:
            await beside
        if c.host.is_own(address):
            await own_port(c, address, free=False)  # a bind says little: UDP sockets may share a port
    finally:
        asked.cancel()
        if beside is not None:
            beside.cancel()


async def repeat(c: Record, address: str) -> None:
    """The same exchange again: does the same error come, and as fast?"""
    for _ in range(_REPEATS):
        await asyncio.sleep(_BETWEEN)
        await _exchange(c, address, "repeat")


async def _exchange(c: Record, address: str, role: Role) -> Datagram:
    o = await exchange(
        address, c.target.port, payload_for(c.target.service, c.target.port), clock=c.clock, host=c.host,
        limit=c.options.timeout or PATIENCE, role=role, source=c.options.source,
    )  # fmt: skip
    c.see(o)
    return o
