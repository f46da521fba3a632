"""Shows progress on stderr if it is a terminal: the current stage, what the trace found, the time and the limit."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TextIO

from ...engine.stages import stage_of
from ...model import Observation, Options, Outcome, Stage, Trace

if TYPE_CHECKING:
    from ...checkup.session import Session

_AFTER = 0.4  # seconds until the first line
_EVERY = 0.2


class Progress:
    """A line that is updated while targets are probed, and erased at the end."""

    def __init__(self, targets: int, options: Options, stream: TextIO) -> None:
        self._stream = stream
        self._targets, self._options = targets, options
        self._began = time.monotonic()
        self._over: set[Stage] = set()
        self._last = "probing"
        self._found = ""
        self._shown = False

    def observed(self, session: Session, o: Observation) -> None:
        """Record an observation. The current stage is the next one without an observation, until a stage fails."""
        if isinstance(o, Trace) and o.role == "target" and self._targets == 1:
            hop = max((h.ttl for h in o.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)
            self._found = f" (last response from hop {hop})" if hop else self._found
        stage = stage_of(o)
        if stage is not None:
            self._over.add(stage)
        if self._targets > 1 or (stage is not None and o.outcome is not Outcome.OK):
            self._last = "running follow-up probes" if self._targets == 1 else "probing"
            return
        left = [s for s in session.target.stages if s not in self._over]
        self._last = f"waiting for {left[0]}" if left else "running follow-up probes"

    def wipe(self) -> None:
        """Erase the line before other output; it is written again later."""
        if self._shown:
            self._write("")
            self._shown = False

    def __enter__(self) -> Progress:
        self._task = asyncio.get_running_loop().create_task(self._show())
        return self

    def __exit__(self, *_: object) -> None:
        self._task.cancel()
        self.wipe()

    async def _show(self) -> None:
        await asyncio.sleep(_AFTER)
        while True:
            elapsed = time.monotonic() - self._began
            of = f"{self._targets} targets, " if self._targets > 1 else ""
            self._write(f"{of}{self._last}{self._found}: {elapsed:.1f} s of at most {self._options.budget:g} s")
            self._shown = True
            await asyncio.sleep(_EVERY)

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()
