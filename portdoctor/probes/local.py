"""Looks at this machine's own tables: each a timed question to the host. They send nothing to the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from ..host import Host
from ..model import Counters, Ending, HostsFile, Interfaces, Listeners, Neighbour, Outcome, Ports, Route, Transport
from . import Clock

_LIMIT = 3.0  # seconds for a table; a few milliseconds are usual, a tool of another system may hang
_ASKING = 0.6  # seconds: Linux asks three times, a second apart, and our connects wait about as long
_PAUSE = 0.05
O = TypeVar("O", bound=Ending)  # noqa: E741  the letter of model.py


async def route(
    address: str, host: Host, clock: Clock, source: str | None = None, port: int | None = None,
    transport: Transport = "tcp",
) -> Route:  # fmt: skip
    """The routing decision for a packet to `address`."""
    late = Route(outcome=Outcome.TIMEOUT, address=address, type="unknown")
    return await _timed(lambda: host.route(address, source, port, transport), late, host, clock)


async def neighbour(address: str, host: Host, clock: Clock) -> Neighbour:
    """The neighbour entry of `address`. While the kernel still asks for it, wait a little for the end of that."""
    late = Neighbour(outcome=Outcome.TIMEOUT, address=address, state="unknown")
    began = clock()
    while True:
        o = await _timed(lambda: host.neighbour(address), late, host, clock)
        if o.state != "incomplete" or clock() - began > _ASKING:
            return replace(o, began=began, took=clock() - began)
        await asyncio.sleep(_PAUSE)


async def interfaces(host: Host, clock: Clock) -> Interfaces:
    """All interfaces with their addresses."""
    return await _timed(host.interfaces, Interfaces(outcome=Outcome.TIMEOUT), host, clock)


async def listeners(port: int, transport: Transport, host: Host, clock: Clock) -> Listeners:
    """The socket table for one port, with owners. In a thread: on a busy machine it takes a tenth of a second."""
    late = Listeners(outcome=Outcome.TIMEOUT, port=port, transport=transport)
    return await _in_thread(lambda: host.listeners(port, transport), late, clock)


async def port_policy(host: Host, clock: Clock) -> Ports:
    """Privileged threshold, ephemeral and reserved ranges."""
    return await _timed(host.port_policy, Ports(outcome=Outcome.TIMEOUT), host, clock)


async def counters(host: Host, clock: Clock) -> Counters:
    """Kernel counters and limits."""
    return await _timed(host.counters, Counters(outcome=Outcome.TIMEOUT), host, clock)


async def hosts_file(name: str, host: Host, clock: Clock) -> HostsFile:
    """The lines of the hosts file that name `name`."""
    late = HostsFile(outcome=Outcome.TIMEOUT, name=name, path="")
    return await _timed(lambda: host.hosts_file(name), late, host, clock)


async def _timed(look: Callable[[], O], late: O, host: Host, clock: Clock) -> O:
    """Linux answers in microseconds, less than a thread costs; elsewhere a tool runs, so the loop must not wait."""
    if host.os != "linux":
        return await _in_thread(look, late, clock)
    began = clock()
    return replace(look(), began=began, took=clock() - began)


async def _in_thread(look: Callable[[], O], late: O, clock: Clock) -> O:
    began = clock()
    try:
        o = await asyncio.wait_for(asyncio.to_thread(look), _LIMIT)
    except TimeoutError:
        o = late
    return replace(o, began=began, took=clock() - began)
