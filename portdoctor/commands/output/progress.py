"""Shows a run in progress on stderr if it is a terminal: the stages of one target, or the number of finished targets.

Everything shown is erased at the end: the results follow on stdout.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TextIO

from msgspec.structs import replace

from ...engine.stages import stage_lines
from ...model import Connect, Lookup, Observation, Options, Outcome, Report, Trace
from ...render import terminal
from ...render.lines import Line, line
from ...render.path import drawn, path_to

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from ...checkup.session import Session

_AFTER = 0.25  # seconds until the first line: most runs end before
_EVERY = 0.1


class Progress:
    """Lines that are updated while targets are probed, and erased at the end.

    rich is imported in another thread once the run takes longer than a moment: the probes go on meanwhile.
    """

    def __init__(self, targets: int, options: Options, stream: TextIO) -> None:
        self._stream = stream
        self._targets, self._options = targets, options
        self._began = time.monotonic()
        self._ended = 0
        self._session: Session | None = None
        self._live: Live | None = None

    def observed(self, session: Session, o: Observation) -> None:
        """Record that a target has a new observation."""
        self._session = session

    def finished(self) -> None:
        """Record that a target is finished."""
        self._ended += 1

    def wipe(self) -> None:
        """Erase the lines before other output; they are written again later."""
        if self._live is not None and self._live.is_started:
            self._live.stop()

    def __enter__(self) -> Progress:
        self._task = asyncio.get_running_loop().create_task(self._show())
        return self

    def __exit__(self, *_: object) -> None:
        self._task.cancel()
        self.wipe()

    async def _show(self) -> None:
        await asyncio.sleep(_AFTER)
        self._live = await asyncio.to_thread(_live_display, self._stream)
        while True:
            self._live.start()  # again after `wipe`
            self._live.update(_styled(self.lines()), refresh=True)
            await asyncio.sleep(_EVERY)

    def lines(self) -> list[Line]:
        """Return what is shown now: finished stages and the path so far, then what is being waited for."""
        elapsed = f"{time.monotonic() - self._began:.1f} s of at most {self._options.budget:g} s"
        if self._targets > 1:
            return [line(f"{self._ended}/{self._targets} targets, {elapsed}")]
        if self._session is None:
            return [line(f"probing: {elapsed}")]
        report, target = self._session.report(), self._session.target
        stages = stage_lines(report)
        over = [s for place, s in enumerate(stages) if _is_over(report, place)]
        found = [each for s in over for each in terminal.stage_text(s)]
        address = next((o.address for o in report.of(Connect) if o.own and o.outcome is not Outcome.OK), None)
        if address is None:  # the trace ends long before the connection
            waiting = (t for t in report.of(Trace) if t.role == "target" and not _connected(report, t))
            address = next((t.address for t in waiting), None)
        pathway = path_to(report, address) if address else None
        if pathway is None:  # nothing is known to be lost before a trace has ended
            under_way = (t for t in self._session.under_way.values() if not _connected(report, t))
            so_far = (path_to(replace(report, observations=(t,)), t.address) for t in under_way)
            pathway = next((p._replace(end="…", reached=True, says="") for p in so_far if p is not None), None)
        found += [line("  ", each) for each in drawn(pathway)] if pathway else []
        left = [name for name in target.stages if name not in {s.name for s in over}]
        failed = any(s.status == "failed" for s in over)
        return [*found, line(f"  {left[0] if left and not failed else 'follow-up probes'}: {elapsed}")]


def _connected(report: Report, trace: Trace) -> bool:
    return any(o.own and o.address == trace.address for o in report.of(Connect))


def _is_over(report: Report, place: int) -> bool:
    """Return whether a stage line is final: a later stage has begun, or every address of the name was tried."""
    lines = stage_lines(report)
    if lines[place].status == "skipped":
        return False
    later = any(after.status != "skipped" for after in lines[place + 1 :])
    return {"dns": True, "tcp": _all_tried(report)}.get(lines[place].name, later and _all_tried(report))


def _all_tried(report: Report) -> bool:
    found = {a for o in report.of(Lookup) if o.own and o.outcome is Outcome.OK for a in o.addresses}
    return found <= {o.address for o in report.of(Connect) if o.role == "target"}


def _live_display(stream: TextIO) -> Live:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=True)
    return Live(console=console, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)


def _styled(lines: list[Line]) -> Text:
    from rich.text import Text

    return Text("\n").join(Text.assemble(*((span.text, span.style) for span in each)) for each in lines)
