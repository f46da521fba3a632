"""Traces the path to a port by connection attempts with increasing TTL. Needs no privilege.

A router that drops a packet because its TTL expired sends an ICMP error (RFC 1812 section 5.3.1), and Linux passes
that error to the connecting socket. Linux routers check the TTL before their forward rules.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Literal

from msgspec.structs import replace

from ..host import Host
from ..model import Hop, Outcome, Trace
from ..outcomes import family_of, of_errno
from . import Clock
from .arrival import until_ready
from .connect import PENDING, discard, ending_of, endpoint, open_socket

BATCH = 8  # TTLs sent at once: most paths end within two batches
FARTHEST = 32


async def trace(
    address: str,
    port: int,
    *,
    clock: Clock,
    host: Host,
    wait: float,
    role: Literal["target", "control", "random", "elsewhere"] = "target",
    round: int = 1,
    ttls: tuple[int, ...] = (),
    source: str | None = None,
    progress: Callable[[Trace], None] | None = None,
) -> Trace:
    """Send a SYN with each TTL, and record who responded.

    `ttls` empty: 1, 2, … in batches, until a SYN was accepted, refused or rejected, the last three TTLs of a batch got
    no response in `wait` seconds, or the packets loop. Hops past the first conclusive one are left out, and no further
    batch is sent, since routers limit their ICMP errors.

    `progress` gets the trace so far whenever a response arrives: the hops that responded, by their TTLs.
    """
    began = clock()
    responded: list[Hop] = []

    async def probe(ttl: int) -> Hop:
        hop = await _hop(address, port, ttl, clock, host, wait, source)
        if progress is not None and hop.outcome is not Outcome.TIMEOUT:
            responded.append(hop)
            responded.sort(key=lambda h: h.ttl)
            progress(replace(blank, took=clock() - began, hops=tuple(responded)))
        return hop

    blank = Trace(outcome=Outcome.TIMEOUT, began=began, address=address, port=port, role=role, round=round)
    hops: list[Hop] = []
    batches = [ttls] if ttls else [tuple(range(n, n + BATCH)) for n in range(1, FARTHEST, BATCH)]
    for batch in batches:
        found = await asyncio.gather(*(probe(ttl) for ttl in batch))
        end = next((place for place, hop in enumerate(found) if _ended(hop)), None)
        hops += found if end is None else found[: end + 1]
        if end is not None or all(hop.outcome is Outcome.TIMEOUT for hop in found[-3:]) or _loops(hops):
            break
    last = hops[-1]
    outcome = last.outcome if _ended(last) else Outcome.TIMEOUT
    if last.outcome is Outcome.TTL_EXPIRED:
        outcome = Outcome.TTL_EXPIRED
    return replace(blank, outcome=outcome, took=clock() - began, hops=tuple(hops))


def _loops(hops: list[Hop]) -> bool:
    """Return whether a router responded at two TTLs that are not adjacent: the packets loop."""
    seen: dict[str, int] = {}
    found = [hop for hop in hops if hop.address and hop.outcome is Outcome.TTL_EXPIRED]
    return any(hop.ttl - seen.setdefault(hop.address or "", hop.ttl) >= 2 for hop in found)


def _ended(hop: Hop) -> bool:
    return hop.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT)


async def _hop(
    address: str, port: int, ttl: int, clock: Clock, host: Host, wait: float, source: str | None
) -> Hop:
    began = clock()
    try:
        sock = open_socket(address, host, hurry=True)
    except OSError as error:
        return Hop(ttl=ttl, outcome=of_errno(error.errno or 0))
    try:
        if family_of(address) == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        if source is not None and family_of(source) == family_of(address):
            sock.bind(endpoint(source, 0))
        number = sock.connect_ex(endpoint(address, port))
        if number in PENDING:
            ended = None
            while ended is None and (left := wait - (clock() - began)) > 0:
                if await until_ready(sock, left, to_write=True):
                    ended = ending_of(sock, host)
                    if ended is None:
                        await asyncio.sleep(0.005)
            ended = ended or ending_of(sock, host)  # it may have ended while this process was too busy to notice
        else:
            queued = host.read_error(sock)
            ended = queued or (number, None)
    except OSError as error:
        return Hop(ttl=ttl, outcome=of_errno(error.errno or 0), took=clock() - began)
    finally:
        discard(sock)
    took = clock() - began
    if ended is None:
        return Hop(ttl=ttl, outcome=Outcome.TIMEOUT, took=took)
    number, icmp = ended
    if not number and icmp is None:
        return Hop(ttl=ttl, outcome=Outcome.OK, address=address, took=took)
    who = icmp.offender if icmp else address
    return Hop(ttl=ttl, outcome=of_errno(number, icmp, connecting=True), address=who, took=took, icmp=icmp)


