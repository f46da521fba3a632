"""Waits for a non-blocking socket and receives from it, so that a peer that sends without pause stops no other task."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, TypeVar

from . import Clock

T = TypeVar("T")
_FAST = 64  # reads of one exchange at full speed; then each waits, so that small segments and datagrams accumulate
_PAUSE = 0.001  # seconds


async def until_ready(sock: socket.socket, limit: float, *, to_write: bool = False) -> bool:
    """Wait until the socket has data, is connected (`to_write`) or has an error; False when `limit` seconds passed."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[None] = loop.create_future()
    watch, forget = (loop.add_writer, loop.remove_writer) if to_write else (loop.add_reader, loop.remove_reader)
    watch(sock, lambda: None if found.done() else found.set_result(None))
    try:
        async with asyncio.timeout(max(limit, 0)):
            await found
    except TimeoutError:
        return False
    finally:
        forget(sock)
    return True


class Arrival:
    """What arrives at one socket. `reads` counts the successful and attempted reads.

    Data that arrived before the deadline is returned even if this process was too busy to read it in time: an empty
    socket at the deadline is the only evidence of silence.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self.reads = 0
        self._sock = sock
        self._clock = clock

    async def data(self, most: int, deadline: float) -> bytes:
        """Return the next bytes, b"" at the end of a stream. Raises TimeoutError (without errno), OSError."""
        return await self._take(lambda: self._sock.recv(most), deadline)

    async def datagram(self, most: int, deadline: float) -> tuple[bytes, Any]:
        """Return the next datagram and its sender. Raises TimeoutError (without errno), OSError."""
        return await self._take(lambda: self._sock.recvfrom(most), deadline)

    async def _take(self, take: Callable[[], T], deadline: float) -> T:
        if self._clock() >= deadline:
            raise TimeoutError
        self.reads += 1
        await asyncio.sleep(0 if self.reads <= _FAST else _PAUSE)
        while True:
            try:
                return take()
            except (BlockingIOError, InterruptedError):
                left = deadline - self._clock()
            if left <= 0:
                raise TimeoutError
            await until_ready(self._sock, left)
