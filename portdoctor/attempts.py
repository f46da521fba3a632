"""Looks that try again: an ordered series of attempts, and ports that nobody should answer on. Judges nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from . import looks
from .model import Note, Outcome, Want
from .probes.connect import Patience

if TYPE_CHECKING:
    from .checkup import Checkup

SERIES = 10  # attempts in all, the user's own among them: enough for "n of m", and a second's worth of starts
GAP = 0.1  # seconds between two starts: no burst, and a limit per second or minute still shows
LONGEST = 3.5  # seconds for one attempt, as for the user's own
_LEAST = 1.3  # seconds an attempt must be able to wait: past the first retransmission at 1.03 s
_NEGATIVES = 3
_HIGH = (20000, 32767)  # below the ranges from which systems pick source ports: closed, if any port is


async def series(c: Checkup, address: str, wanted: int = SERIES) -> None:
    """Connect again and again, one start every GAP seconds, until `wanted` attempts with the user's own were made.

    Attempts overlap: the order is that of their starts. Stops at the cap of SYNs per host, or at the budget's end.
    """
    want = Want(probe="series", args=(address,))
    c.done.add(want)
    limit = min(c.options.timeout or LONGEST, c.left() - GAP * wanted - 0.3)
    if limit < min(_LEAST, c.options.timeout or _LEAST):
        c.settle(want, "out-of-budget", "No time was left for a series of attempts.")
        return
    running: set[asyncio.Task[None]] = set()
    made = 1
    try:
        while made < wanted and looks.spent(c, address) + len(running) < looks.MOST_SYNS:
            made += 1
            running.add(asyncio.create_task(_attempt(c, address, made, limit)))
            await asyncio.sleep(GAP)
            running = {task for task in running if not task.done()}
        if running:
            await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()
    if made < wanted:
        text = f"Only {made} of {wanted} attempts were made: {looks.MOST_SYNS} SYNs per host are the limit."
        c.note(Note(kind="info", text=text, stage="tcp"))


async def _attempt(c: Checkup, address: str, place: int, limit: float) -> None:
    await looks.attempt(c, address, c.target.port, "repeat", Patience(limit), series=place)


async def negative(c: Checkup, address: str) -> None:
    """Connect to random high ports that nobody should answer on: only something that accepts every port does."""
    import random

    ports: set[int] = set()
    while len(ports) < _NEGATIVES:
        ports.add(random.randint(*_HIGH))
    ports.discard(c.target.port)
    limit = min(c.options.timeout or looks.CONTROL_WAIT, max(c.left() - 0.1, 0.05))
    seen = await asyncio.gather(
        *(looks.attempt(c, address, port, "negative", Patience(limit)) for port in sorted(ports))
    )
    if all(o.outcome is Outcome.EXHAUSTED for o in seen):
        want = Want(probe="negative", args=(address,))
        c.settle(want, "not-possible-here", "This machine had no socket left for the look.")
