"""Delays Ctrl-C while modules are loaded: an import that was interrupted may be lost, or may fail when repeated."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def postponed() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the block if Ctrl-C came meanwhile. Leaves handlers of others alone."""
    try:
        ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        came: list[int] = []
        if ours:
            signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    except ValueError:  # in a thread other than the main one nothing is interrupted
        ours = False
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
