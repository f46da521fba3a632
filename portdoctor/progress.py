"""What a waiting person sees: on a terminal's stderr, the stage under way with its elapsed time and limit."""

from __future__ import annotations

import asyncio
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from .model import Observation, Options
from .stages import stage_of

if TYPE_CHECKING:
    from .record import Record

_AFTER = 0.4  # seconds: what ends sooner needs no progress
_EVERY = 0.2


class Progress:
    """A line that is rewritten while something is under way, and wiped at the end. Silent where nobody watches."""

    def __init__(self, targets: int, options: Options, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._targets, self._options = targets, options
        self._task: asyncio.Task[None] | None = None
        self._began = time.monotonic()
        self._seen = 0
        self._last = "looking"

    def told(self, record: Record, o: Observation) -> None:
        """An observation came in."""
        self._seen += 1
        stage = stage_of(o)
        self._last = f"{stage} {o.outcome}" if stage else "looking at what would decide"

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._task = asyncio.get_running_loop().create_task(self._show())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._task:
            self._task.cancel()
            self._write("")

    async def _show(self) -> None:
        await asyncio.sleep(_AFTER)
        while True:
            elapsed = time.monotonic() - self._began
            of = f"{self._targets} targets, " if self._targets > 1 else ""
            self._write(f"{of}{self._last}: {elapsed:.1f} s of at most {self._options.budget:g} s")
            await asyncio.sleep(_EVERY)

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()
