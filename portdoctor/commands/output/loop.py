"""Probes the targets of a command, passes events to the reporter, and returns the basis of the exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from ...model import Symptom, Value, Vantage
from .formats import reporter_for
from .interrupts import installed
from .reading import Targets
from .reporter import DocumentReporter, Reporter, Tee
from .stdout import Stdout

if TYPE_CHECKING:
    from ...catalogue.cause import Catalogue
    from ...checkup.batch import Case
    from ...checkup.session import Session
    from ...model import Diagnosis, Observation, Options, Report
    from ...render.state import State
    from ...target.parse import Asked
    from .options import OutputOptions
    from .progress import Progress


class RunResult(Value, frozen=True, kw_only=True):
    """The part of a run's result on which its exit code depends.

    `symptoms`: those that occurred. `met`: whether the targets match --expect, None if undetermined; None as a whole
    without --expect.
    `interrupted`: a signal was received. `unreadable`: a target was invalid. `reader_closed`: stdout was closed before
    everything was written. `nagios`: the states that occurred; None for another format.
    """

    symptoms: tuple[Symptom, ...]
    met: tuple[bool | None, ...] | None = None
    interrupted: bool = False
    unreadable: bool = False
    reader_closed: bool = False
    strict: bool = False
    nagios: tuple[State, ...] | None = None


class Tally(Reporter):
    """Counts the targets, and keeps what their exit code depends on."""

    def __init__(self, output: OutputOptions) -> None:
        self.count = 0
        self._output = output
        self._symptoms: dict[Symptom, None] = {}
        self._met: dict[bool | None, None] = {}
        self._states: dict[State, None] = {}
        self._interrupted = False

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        self.count += 1
        self._symptoms[diagnosis.verdict.symptom] = None
        self._interrupted |= report.interrupted
        if self._output.format == "nagios":
            self._states[self._output.state((report, diagnosis))] = None
        if self._output.expect:
            from ...engine.expect import met

            self._met[met(self._output.expect, report, diagnosis)] = None

    def result(
        self, *, interrupted: bool = False, unreadable: bool = False, reader_closed: bool = False
    ) -> RunResult:
        """Return the basis of the exit code."""
        return RunResult(
            symptoms=tuple(self._symptoms), met=tuple(self._met) if self._output.expect else None,
            interrupted=interrupted or self._interrupted, unreadable=unreadable, reader_closed=reader_closed,
            strict=self._output.strict, nagios=tuple(self._states) if self._output.format == "nagios" else None,
        )  # fmt: skip


def run_checks(
    asked: Sequence[Asked], options: Options, output: OutputOptions, catalogue: Catalogue, *,
    all_readable: bool = True, parallel: int = 16, ordered: bool = True,
) -> RunResult:  # fmt: skip
    """Probe the targets and report them; with --wait, repeat and report only the last result of each."""
    stdout = Stdout(output.color)
    reporter = reporter_for(output, stdout, catalogue)
    probe = partial(probe_all, options=options, catalogue=catalogue, stdout=stdout, parallel=parallel, ordered=ordered)
    tally = Tally(output)
    if output.wait:
        from .waiting import until

        def collect(some: Sequence[Asked]) -> list[Case]:
            found: list[Case] = []
            collecting = DocumentReporter(found.extend)
            probe(some, collecting)
            collecting.closed()
            return found

        for case in until(list(asked), output, collect):
            tally.finished(*case)
            reporter.finished(*case)
    else:
        probe(asked, Tee(tally, reporter))
    reporter.closed()
    return tally.result(
        interrupted=bool(installed().number) or tally.count < len(asked), unreadable=not all_readable,
        reader_closed=stdout.reader_closed,
    )  # fmt: skip


def probe_all(
    asked: Sequence[Asked], reporter: Reporter, *, options: Options, catalogue: Catalogue, stdout: Stdout,
    parallel: int, ordered: bool,
) -> None:  # fmt: skip
    """Probe the targets once. Stop early if stdout is closed.

    If it is interrupted before any target is finished, the first one gets a report marked as interrupted.
    """
    finished = 0
    interrupts = installed()
    asyncio = _asyncio()
    from ... import host
    from ...checkup.batch import examine_all, run

    here = host.current()
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    targets = Targets(len(asked), lambda: (a.target for a in asked))
    reporter.started(targets, options, Vantage(started=now, resolvers=here.resolvers()))

    async def main() -> None:
        def observed(session: Session, o: Observation) -> None:
            if progress:
                progress.observed(session, o)
            was_closed = stdout.reader_closed
            reporter.observed(session, o)
            if stdout.reader_closed and not was_closed:
                task.cancel()

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        with (
            interrupts.then(lambda: loop.call_soon_threadsafe(task.cancel)),
            _progress(len(asked), options, stdout) as progress,
        ):
            if interrupts.number:
                return
            found = examine_all(
                asked, options, here, catalogue, parallel=parallel, ordered=ordered, on_observed=observed
            )
            nonlocal finished
            async with aclosing(found):
                async for case in found:
                    if progress:
                        progress.finished()
                    finished += 1
                    reporter.finished(*case)
                    if stdout.reader_closed:
                        return

    if not stdout.reader_closed:
        with suppress(asyncio.CancelledError):  # a signal, outside of a checkup
            run(main)
    if not finished and not stdout.reader_closed:
        from ...checkup.batch import unbegun

        reporter.finished(*unbegun(asked[0], options, catalogue))


def _progress(targets: int, options: Options, stdout: Stdout) -> AbstractContextManager[Progress | None]:
    """The progress line, if stderr is a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    from .progress import Progress

    progress = Progress(targets, options, sys.stderr)
    stdout.before_write = progress.wipe
    return progress


def _asyncio() -> ModuleType:
    """Import asyncio without the ssl module, which doubles the start-up time and takes 4 MiB.

    The TLS probe imports ssl itself. Only for a process that runs nothing else.
    """
    hidden = "ssl" not in sys.modules
    if hidden:
        sys.modules["ssl"] = None  # type: ignore[assignment]  # makes `import ssl` fail
    try:
        import asyncio
    finally:
        if hidden:
            del sys.modules["ssl"]
    return asyncio


def result_of(cases: Iterable[Case], output: OutputOptions, *, reader_closed: bool = False) -> RunResult:
    """Return the basis of the exit code."""
    tally = Tally(output)
    for case in cases:
        tally.finished(*case)
    return tally.result(reader_closed=reader_closed)
