"""Handles SIGINT and SIGTERM: the command ends in order, with a partial report, and in any case soon."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_GRACE = 2.0  # seconds in which a further signal changes nothing: Ctrl-C pressed twice must not lose the partial report
_LONGEST = 10  # seconds for ending in order, for example while no one reads the output


class Interrupts:
    """The signal handler of this process. `number`: the first signal that was received, 0 before.

    By default the signal is only noted, since an exception at any point of an import or a write would break it. Blocks
    that wait state what ends them: `raising`, `then`, `sleep`.
    """

    def __init__(self) -> None:
        self.number = 0
        self._received_at = 0.0
        self._react: Callable[[], object] = _nothing

    def __call__(self, number: int, frame: object) -> None:
        """Handle a signal. Only the first has an effect; one after _GRACE seconds ends the process at once."""
        if not self.number:
            self.number, self._received_at = number, time.monotonic()
            alarm: int | None = getattr(signal, "SIGALRM", None)
            if alarm is not None and hasattr(signal, "alarm"):
                signal.signal(alarm, lambda *_: os._exit(self.exit_code))
                signal.alarm(_LONGEST)
            self._react()
        elif time.monotonic() - self._received_at > _GRACE:
            os._exit(self.exit_code)

    @property
    def exit_code(self) -> int:
        """The exit code of an interrupted command: 130 after SIGINT, 143 after SIGTERM."""
        return 128 + (self.number or signal.SIGINT)

    @contextmanager
    def then(self, react: Callable[[], object]) -> Iterator[None]:
        """Call `react` when a signal is received in the block; before the block, it was only noted."""
        before, self._react = self._react, react
        try:
            yield
        finally:
            self._react = before

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Raise KeyboardInterrupt when a signal is received in the block, or was received before."""
        with self.then(_interrupt):
            if self.number:
                _interrupt()
            yield

    def sleep(self, seconds: float) -> None:
        """Sleep until a signal is received."""
        try:
            with self.raising():
                time.sleep(seconds)
        except KeyboardInterrupt:
            return


def install() -> None:
    """Handle SIGINT and SIGTERM in this process, unless they are ignored (nohup, a background job) or handled."""
    handler = Interrupts()
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is default:
            signal.signal(number, handler)


def installed() -> Interrupts:
    """Return the installed handler; one that receives no signal if there is none, as in a program that uses the API."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if isinstance(found := signal.getsignal(number), Interrupts):
            return found
    return Interrupts()


def _interrupt() -> None:
    raise KeyboardInterrupt


def _nothing() -> None:
    pass
