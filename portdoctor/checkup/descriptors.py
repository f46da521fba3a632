"""Shares the file descriptors of this process among all checks, so that none fails for lack of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_RESERVED = 16  # for tables of this machine, output files, and threads of the C library
VISIT = 3  # of one address under examination: its connection, and those that repeat a part of it


class Share:
    """A number of descriptors. Whoever asks waits for its turn, in order; it gets no more than there are."""

    def __init__(self, total: int) -> None:
        self.total = max(total, 1)
        self._free = self.total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def some(self, count: int) -> AsyncIterator[None]:
        """Hold `count` descriptors in this block."""
        count = min(count, self.total)
        if self._waiting or self._free < count:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, turn))
            try:
                await turn
            except asyncio.CancelledError:
                had_its_turn = turn.done() and not turn.cancelled()
                self._give_back(count if had_its_turn else 0)  # whoever waited behind it may go on
                raise
        else:
            self._free -= count
        try:
            yield
        finally:
            self._give_back(count)

    def _give_back(self, count: int) -> None:
        self._free += count
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.done():
                if wanted > self._free:
                    return
                self._free -= wanted
                turn.set_result(None)
            self._waiting.popleft()


class Descriptors:
    """The shares of a process with so many free descriptors.

    `visits`: for an address or a follow-up probe, held while it lasts. `probes`: for sockets that are soon closed. A
    visit may wait for a probe, and never the other way round, so that no two wait for each other.
    """

    def __init__(self, free: int) -> None:
        usable = free - _RESERVED
        self.visits = Share(usable // 3)
        self.probes = Share(usable - usable // 3)

    def parallel(self, wanted: int) -> int:
        """Return how many of the wanted checks may run at the same time."""
        return max(1, min(wanted, self.visits.total // VISIT))
