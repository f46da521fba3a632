"""Measures when the event loop did not run: no silence of that time is evidence about a peer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from ..model import Datagram, Greeting, Handshake, HttpReply, Lookup, Observation, Outcome

BEAT = 0.1  # seconds between two beats
_LATE = 0.1  # seconds that a beat may be late: other tasks, and the scheduler of a busy machine
_MOST_LOST = 0.25  # of a wait: the peer had three quarters of the time
_MOST_GAPS = 1000  # of one check: the longest waits are kept
# Where a response comes only after our own turn. The kernel alone completes a connection, and is asked at the deadline.
_OUR_TURN = (Datagram, Greeting, Handshake, HttpReply, Lookup)


class Pulse:
    """A timer of the event loop that records when it was late. Times are those of `clock`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: float | None = None  # the last beat, None while it is not watched
        self._gaps: list[tuple[float, float]] = []
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Watch the loop that runs now, until the end of the block."""
        loop = asyncio.get_running_loop()

        def beat() -> None:
            self._note()
            self._timer = loop.call_later(BEAT, beat)

        self._last = self._clock()
        beat()
        try:
            yield
        finally:
            self._note()
            self._last = None
            if self._timer is not None:
                self._timer.cancel()

    def _note(self) -> None:
        now, last = self._clock(), self._last
        self._last = now
        if last is None or now - last <= BEAT + _LATE:
            return
        self._gaps.append((last + BEAT, now))
        if len(self._gaps) > _MOST_GAPS:
            self._gaps.remove(min(self._gaps, key=lambda gap: gap[1] - gap[0]))

    def lost(self, began: float = 0.0, ended: float = float("inf")) -> float:
        """Return the seconds of an interval in which the loop did not run."""
        now = self._clock()
        under_way = [] if self._last is None or now - self._last <= BEAT + _LATE else [(self._last + BEAT, now)]
        return sum(max(0.0, min(ended, to) - max(began, at)) for at, to in (*self._gaps, *under_way))

    def judged(self, o: Observation) -> Observation:
        """Return the observation; STARVED instead of silence, and no time of the first byte, if too much was lost."""
        lost = self.lost(o.began, o.began + o.took) if isinstance(o, _OUR_TURN) else 0.0
        if lost <= max(_MOST_LOST * o.took, _LATE):
            return o
        if isinstance(o, HttpReply):
            o = replace(o, first_byte=None)  # it came earlier than it was read
        if o.outcome is not Outcome.TIMEOUT:
            return o
        return replace(o, outcome=Outcome.STARVED, os_says=f"this process did not run for {lost:.1f} of {o.took:.1f} s")
