"""Reads this machine's own tables, with a time limit each. Sends nothing to the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from ..host import Host
from ..model import Counters, Ending, HostsFile, Interfaces, Listeners, Neighbour, Outcome, Ports, Route, Transport
from . import Clock
from .threads import in_thread

_LIMIT = 3.0  # seconds for a table: it usually takes milliseconds, but a tool of another system may hang
_RESOLVING = 0.6  # seconds to wait for the end of address resolution (Linux sends three requests, a second apart)
_PAUSE = 0.05
O = TypeVar("O", bound=Ending)  # noqa: E741  the letter of model.py


async def route(
    address: str, host: Host, clock: Clock, source: str | None = None, port: int | None = None,
    transport: Transport = "tcp",
) -> Route:  # fmt: skip
    """Read the routing decision for a packet to `address`."""
    late = Route(outcome=Outcome.TIMEOUT, address=address, type="unknown")
    return await _timed(lambda: host.route(address, source, port, transport), late, host, clock)


async def neighbour(address: str, host: Host, clock: Clock) -> Neighbour:
    """Read the neighbour entry of `address`; while it is incomplete, wait a little for the end of its resolution."""
    late = Neighbour(outcome=Outcome.TIMEOUT, address=address, state="unknown")
    began = clock()
    while True:
        o = await _timed(lambda: host.neighbour(address), late, host, clock)
        if o.state != "incomplete" or clock() - began > _RESOLVING:
            return replace(o, began=began, took=clock() - began)
        await asyncio.sleep(_PAUSE)


async def interfaces(host: Host, clock: Clock) -> Interfaces:
    """Read all interfaces with their addresses."""
    return await _timed(host.interfaces, Interfaces(outcome=Outcome.TIMEOUT), host, clock)


async def listeners(port: int, transport: Transport, host: Host, clock: Clock) -> Listeners:
    """Read the socket table for one port, with processes; in a thread, since a busy machine takes 0.1 s for it."""
    late = Listeners(outcome=Outcome.TIMEOUT, port=port, transport=transport)
    return await _in_thread(lambda: host.listeners(port, transport), late, clock)


async def port_policy(host: Host, clock: Clock) -> Ports:
    """Read the first unprivileged port, and the ephemeral and reserved ranges."""
    return await _timed(host.port_policy, Ports(outcome=Outcome.TIMEOUT), host, clock)


async def counters(host: Host, clock: Clock) -> Counters:
    """Read kernel counters and limits."""
    return await _timed(host.counters, Counters(outcome=Outcome.TIMEOUT), host, clock)


async def hosts_file(name: str, host: Host, clock: Clock) -> HostsFile:
    """Read the lines of the hosts file that have `name`."""
    late = HostsFile(outcome=Outcome.TIMEOUT, name=name, path="")
    return await _timed(lambda: host.hosts_file(name), late, host, clock)


async def _timed(read: Callable[[], O], late: O, host: Host, clock: Clock) -> O:
    """Read on Linux directly, which takes microseconds, else in a thread: a tool runs there. `late`: on timeout."""
    if host.os != "linux":
        return await _in_thread(read, late, clock)
    began = clock()
    return replace(read(), began=began, took=clock() - began)


async def _in_thread(read: Callable[[], O], late: O, clock: Clock) -> O:
    began = clock()
    try:
        o = await in_thread(read, "local tables", limit=_LIMIT)
    except TimeoutError:
        o = late
    return replace(o, began=began, took=clock() - began)
