"""Traces how far the first data of a connection gets before the connection ends. Needs no privilege.

The connection is made with the usual TTL, and only then limited. A reset at a TTL that does not reach the host was sent
by a device in the path. In an established connection Linux reports an ICMP time exceeded by EHOSTUNREACH without its
sender.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress

from ..host import Host
from ..model import Hop, Outcome, Trace
from ..outcomes import family_of, of_errno
from . import Clock
from .connect import connect, discard


async def data_trace(
    address: str,
    port: int,
    data: bytes,
    ttls: tuple[int, ...],
    *,
    clock: Clock,
    host: Host,
    wait: float,
    round: int = 1,
    source: str | None = None,
) -> Trace:
    """Open a connection for each TTL, all at once, send `data` with it, and record how each ends within `wait` s."""
    began = clock()
    found = await asyncio.gather(*(_hop(address, port, data, ttl, clock, host, wait, source) for ttl in ttls))
    ended = next((h.outcome for h in found if h.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT)), Outcome.TIMEOUT)
    return Trace(
        outcome=ended, began=began, took=clock() - began, address=address, port=port, role="data", round=round,
        hops=tuple(found),
    )  # fmt: skip


async def _hop(
    address: str, port: int, data: bytes, ttl: int, clock: Clock, host: Host, wait: float, source: str | None
) -> Hop:
    o, sock = await connect(address, port, clock=clock, host=host, limit=wait, role="repeat", source=source)
    if sock is None:
        return Hop(ttl=ttl, outcome=Outcome.TIMEOUT, took=o.took)  # no data was sent: this shows nothing
    level, option = socket.IPPROTO_IP, socket.IP_TTL
    if family_of(address) == 6:
        level, option = socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS
    usual, began = sock.getsockopt(level, option), clock()
    try:
        sock.setsockopt(level, option, ttl)
        outcome = await _ending(sock, data, wait)
    finally:
        with suppress(OSError):
            sock.setsockopt(level, option, usual)  # the RST that closes the connection must reach the host
        discard(sock)
    return Hop(ttl=ttl, outcome=outcome, took=clock() - began)


async def _ending(sock: socket.socket, data: bytes, wait: float) -> Outcome:
    """Send `data` and return how the connection ends; OK if data was received, TIMEOUT if nothing happened.

    An ICMP error comes first where a router drops a packet, and a RST may still follow: a device before that router may
    have seen the same data.
    """
    loop, expired = asyncio.get_running_loop(), False
    try:
        async with asyncio.timeout(wait):
            await loop.sock_sendall(sock, data)
            while True:
                try:
                    received = await loop.sock_recv(sock, 4096)
                except OSError as error:
                    if error.errno != errno.EHOSTUNREACH:
                        raise
                    expired = True
                else:
                    return Outcome.OK if received else Outcome.CLOSED
    except TimeoutError as error:
        if error.errno is None:
            return Outcome.TTL_EXPIRED if expired else Outcome.TIMEOUT
        return of_errno(error.errno)
    except OSError as error:
        return of_errno(error.errno or 0)
