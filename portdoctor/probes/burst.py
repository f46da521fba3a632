"""Opens connections in bursts while the packets on each interface are counted: do they leave this machine?"""

from __future__ import annotations

import asyncio
from itertools import pairwise

from ..host import Host
from ..model import Burst, Outcome, PacketCount
from . import Clock
from .connect import connect, discard

BURSTS = 3  # with a pause after each: other traffic hardly comes and goes with all three
CONNECTIONS = 5  # in a burst
_LIMIT = 1.0  # seconds for each: the first attempt was refused at once


async def burst(address: str, port: int, clock: Clock, host: Host, source: str | None = None) -> Burst | None:
    """Connect in bursts, and read the counters before and after each, and after a pause of the same length.

    Stops at a connection that is not refused; its outcome is that of the burst. None where the system has no counters.
    """
    before, began = host.packets(), clock()
    if not before:
        return None
    reads, outcome = [before], Outcome.REFUSED
    for _ in range(BURSTS):
        started = clock()
        for _ in range(CONNECTIONS):
            o, sock = await connect(address, port, clock=clock, host=host, limit=_LIMIT, role="repeat", source=source)
            if sock is not None:
                discard(sock)
            if o.outcome is not Outcome.REFUSED or o.icmp is not None:
                outcome = o.outcome
                break
        took = clock() - started
        reads.append(host.packets())
        await asyncio.sleep(took)
        reads.append(host.packets())
        if outcome is not Outcome.REFUSED:
            break
    rows = [_counted(name, reads) for name in before]
    return Burst(
        outcome=outcome, began=began, took=clock() - began, address=address, port=port, connections=CONNECTIONS,
        interfaces=tuple(row for row in rows if any(row.sent)),
    )  # fmt: skip


def _counted(name: str, reads: list[dict[str, tuple[int, int]]]) -> PacketCount:
    """Return how the counters of one interface rose, in the bursts and in the pauses."""
    at = [read.get(name, (0, 0)) for read in reads]
    rises = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(at)]
    rises = [(max(received, 0), max(sent, 0)) for received, sent in rises]  # an interface that was removed
    return PacketCount(
        name=name,
        received=tuple(received for received, _ in rises[::2]),
        sent=tuple(sent for _, sent in rises[::2]),
        received_idle=tuple(received for received, _ in rises[1::2]),
        sent_idle=tuple(sent for _, sent in rises[1::2]),
    )
