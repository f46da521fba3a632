"""Ends what keeps the event loop from running: no timer, and no limit of time, can do that from inside."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_BEAT = 0.2  # seconds
MOST = 2.0  # seconds of processor time in one step of the event loop


class StarvedError(Exception):
    """The event loop did not run for too long, so that no limit of time was kept."""


@contextmanager
def watched(most: float = MOST) -> Iterator[None]:
    """Raise StarvedError in whatever runs in this thread when the running loop makes no progress, in this block.

    Only processor time counts: a stopped process, a busy machine and a full pipe are no fault of the work. A call into
    C that does not return cannot be ended.
    """
    loop = asyncio.get_running_loop()
    here = threading.get_ident()
    over = threading.Event()
    beaten = time.process_time()
    timer: asyncio.TimerHandle | None = None

    def beat() -> None:
        nonlocal beaten, timer
        beaten = time.process_time()
        timer = loop.call_later(_BEAT, beat)

    def watch() -> None:
        nonlocal beaten
        while not over.wait(_BEAT):
            if time.process_time() - beaten > most:
                _raise_in(here)
                beaten = time.process_time()  # the next one only after as long again

    beat()
    with suppress(RuntimeError):  # no further thread: the limits inside the loop remain
        threading.Thread(target=watch, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        if timer is not None:
            timer.cancel()


def _raise_in(thread: int) -> None:
    """Raise StarvedError in another thread, before its next Python instruction (PyThreadState_SetAsyncExc)."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(StarvedError))
