"""Probes one address over UDP: the exchange, and other ports of the host while there is no response."""

from __future__ import annotations

import asyncio

from ..model import Datagram, Outcome
from ..probes.datagram import PATIENCE, Role, exchange
from ..probes.payloads import payload_for
from .repeats import controls, own_port
from .session import Session

_SILENT = 1.0  # seconds without a response until other ports are tried: a resolver may have to query others first
_REPEATS = 2
_BETWEEN = 1.0  # seconds between two exchanges: hosts and routers may send only one ICMP error per second


async def visit(c: Session, address: str) -> None:
    """Send the request to the service; while it does not respond, find out over TCP whether the host responds."""
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
            await own_port(c, address, free=False)  # a bind would prove little: UDP sockets may share a port
    finally:
        asked.cancel()
        if beside is not None:
            beside.cancel()


async def repeat(c: Session, address: str) -> None:
    """Repeat the exchange: does the same error come, and as fast?"""
    for _ in range(_REPEATS):
        await asyncio.sleep(_BETWEEN)
        await _exchange(c, address, "repeat")


async def _exchange(c: Session, address: str, role: Role) -> Datagram:
    port, _ = c.endpoint(address)
    service = c.target.service if port == c.target.port else None
    o = await exchange(
        address, port, payload_for(service, port), clock=c.clock, host=c.host,
        limit=c.options.timeout or PATIENCE, role=role, source=c.options.source,
    )  # fmt: skip
    c.add(o)
    return o
