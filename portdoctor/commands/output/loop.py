"""Probes the targets of a command, passes events to the reporter, and returns the basis of the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from ...model import Symptom, Value, Vantage
from .formats import reporter_for
from .interrupts import installed
from .reporter import Reporter
from .stdout import Stdout

if TYPE_CHECKING:
    from ...catalogue.cause import Catalogue
    from ...checkup.batch import Case
    from ...checkup.session import Session
    from ...model import Observation, Options
    from ...target.parse import Asked
    from .options import OutputOptions
    from .progress import Progress


class RunResult(Value, frozen=True, kw_only=True):
    """The part of a run's result on which its exit code depends.

    `met`: whether each target matches --expect, None if undetermined; None as a whole without --expect.
    `interrupted`: a signal was received. `unreadable`: a target was invalid. `reader_closed`: stdout was closed before
    everything was written.
    """

    symptoms: tuple[Symptom, ...]
    met: tuple[bool | None, ...] | None = None
    interrupted: bool = False
    unreadable: bool = False
    reader_closed: bool = False
    strict: bool = False
    nagios: bool = False


def run_checks(
    asked: Sequence[Asked], options: Options, output: OutputOptions, catalogue: Catalogue, *,
    all_readable: bool = True, parallel: int = 16, ordered: bool = True,
) -> RunResult:  # fmt: skip
    """Probe the targets and report them; with --wait, repeat and report only the last result of each."""
    stdout = Stdout(output.color)
    reporter = reporter_for(output, stdout, catalogue)
    probe = partial(probe_all, options=options, catalogue=catalogue, stdout=stdout, parallel=parallel, ordered=ordered)
    if output.wait:
        from .waiting import until

        cases = until(asked, output, partial(probe, reporter=Reporter()))
        for case in cases:
            reporter.finished(*case)
    else:
        cases = probe(asked, reporter=reporter)
    reporter.closed()
    return result_of(
        cases, output, interrupted=bool(installed().number) or len(cases) < len(asked), unreadable=not all_readable,
        reader_closed=stdout.reader_closed,
    )  # fmt: skip


def probe_all(
    asked: Sequence[Asked], *, options: Options, catalogue: Catalogue, reporter: Reporter, stdout: Stdout,
    parallel: int, ordered: bool,
) -> list[Case]:  # fmt: skip
    """Probe the targets once. Stop early if stdout is closed.

    If it is interrupted before any target is finished, the first one gets a report marked as interrupted.
    """
    cases: list[Case] = []
    interrupts = installed()

    def finished(case: Case) -> None:
        cases.append(case)
        reporter.finished(*case)

    asyncio = _asyncio()
    from ... import host
    from ...checkup.batch import examine_all, run

    here = host.current()
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reporter.started([a.target for a in asked], options, Vantage(started=now, resolvers=here.resolvers()))

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
            async with aclosing(found):
                async for case in found:
                    if progress:
                        progress.finished()
                    finished(case)
                    if stdout.reader_closed:
                        return

    if not stdout.reader_closed:
        with suppress(asyncio.CancelledError):  # a signal, outside of a checkup
            run(main)
    if not cases and not stdout.reader_closed:
        from ...checkup.batch import unbegun

        finished(unbegun(asked[0], options, catalogue))
    return cases


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


def result_of(
    cases: Sequence[Case], output: OutputOptions, *, interrupted: bool = False, unreadable: bool = False,
    reader_closed: bool = False,
) -> RunResult:  # fmt: skip
    """Return the basis of the exit code."""
    met = None
    if output.expect:
        from ...engine.expect import met as is_met

        met = tuple(is_met(output.expect, *case) for case in cases)
    return RunResult(
        symptoms=tuple(diagnosis.verdict.symptom for _, diagnosis in cases), met=met,
        interrupted=interrupted or any(report.interrupted for report, _ in cases), unreadable=unreadable,
        reader_closed=reader_closed, strict=output.strict, nagios=output.format == "nagios",
    )  # fmt: skip
