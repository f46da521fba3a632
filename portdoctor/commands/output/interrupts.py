"""Delays Ctrl-C while modules are loaded: an interrupted import may fail when it is repeated."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def postponed() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the block if Ctrl-C was pressed. Does not replace a custom handler."""
    try:
        ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        pending: list[int] = []
        if ours:
            signal.signal(signal.SIGINT, lambda number, _: pending.append(number))
    except ValueError:  # threads other than the main one are not interrupted
        ours = False
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if pending:
        raise KeyboardInterrupt
