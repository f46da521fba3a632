"""Runs one or many checkups, in parallel. An interruption leaves a partial but valid report."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from itertools import islice
from typing import TypeVar

from ..catalogue.cause import Catalogue, CauseError
from ..host import Host, free_descriptors
from ..model import Diagnosis, Note, Options, Report, Verdict
from ..target.parse import Asked
from .checkup import Checkup
from .descriptors import Descriptors
from .session import Observer
from .watchdog import StarvedError, watched

R = TypeVar("R")
Case = tuple[Report, Diagnosis]
_STARVED = (
    "One step of this check used the processor for too long and was ended: what the target sent was too expensive to"
    " read. The report is incomplete."
)
_AHEAD = 256  # targets that are probed while the results of earlier ones are awaited, so that memory is bounded


async def examine(
    asked: Asked, options: Options, host: Host, catalogue: Catalogue, on_observed: Observer | None = None,
    *, raises: bool = False, descriptors: Descriptors | None = None,
) -> Case:  # fmt: skip
    """Probe one target and diagnose it. A cancellation returns what was observed until then.

    So does StarvedError, with a note; where the error is wanted, `raises`, it is raised.
    """
    checkup = Checkup(asked, options, host, catalogue, on_observed=on_observed, descriptors=descriptors)
    interrupted = False
    try:
        await checkup.run()
    except asyncio.CancelledError:
        interrupted = True
    except (StarvedError, ExceptionGroup) as error:
        if not _only_starved(error):
            raise
        if raises:
            raise StarvedError(_STARVED) from error
        checkup.note(Note(kind="probe-error", text=_STARVED, reason="out-of-budget"))
    return checkup.report(interrupted=interrupted), checkup.diagnosis(interrupted=interrupted)


def _only_starved(error: Exception) -> bool:
    return error.split(StarvedError)[1] is None if isinstance(error, ExceptionGroup) else True


async def examine_all(
    asked: Sequence[Asked],
    options: Options,
    host: Host,
    catalogue: Catalogue,
    *,
    parallel: int = 16,
    ordered: bool = True,
    on_observed: Observer | None = None,
) -> AsyncGenerator[Case]:
    """Probe many targets, `parallel` at a time, and yield each case in the order given, or as they end.

    An interruption ends them all: those under way yield a partial report, those not yet started yield none.
    An unexpected exception at one of several targets is printed to stderr and noted in its report; for a single target
    it is raised. Raises CauseError for an invalid cause file.
    """
    descriptors = Descriptors(free_descriptors())
    parallel = descriptors.parallel(parallel)
    slots = asyncio.Semaphore(parallel)
    left = iter(asked)
    tasks: deque[asyncio.Task[Case]] = deque()  # under way, waiting for a slot, or ended and waiting for their turn
    most = 2 * parallel + _AHEAD if ordered else parallel

    async def one(a: Asked) -> Case:
        async with slots:
            try:
                return await examine(a, options, host, catalogue, on_observed, descriptors=descriptors)
            except CauseError:
                raise  # concerns all targets: a cause file is invalid
            except Exception as error:  # a bug at one target must not end the checks of the others
                if len(asked) == 1:
                    raise
                return _not_probed(Checkup(a, options, host, catalogue), error)

    try:
        while True:
            tasks.extend(asyncio.create_task(one(a)) for a in islice(left, most - len(tasks)))
            if not tasks:
                break
            try:
                if not ordered:
                    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    tasks.rotate(-next(place for place, task in enumerate(tasks) if task in ended))
                case = await tasks[0]
            except asyncio.CancelledError:
                break
            tasks.popleft()
            yield case
            if case[0].interrupted:  # the task that was awaited received the cancellation
                break
    finally:
        for task in tasks:
            task.cancel()
        rest = await asyncio.gather(*tasks, return_exceptions=True)
    for case_or_error in rest:
        if not isinstance(case_or_error, BaseException):
            yield case_or_error


def unbegun(asked: Asked, options: Options, catalogue: Catalogue) -> Case:
    """Return the report of a target that was not probed, because of an interruption."""
    from .. import host

    checkup = Checkup(asked, options, host.current(), catalogue)
    return checkup.report(interrupted=True), checkup.diagnosis(interrupted=True)


def _not_probed(checkup: Checkup, error: Exception) -> Case:
    """Return the report of a target whose checkup raised an unexpected exception: nothing about the network."""
    import traceback

    traceback.print_exception(error)
    leaf: BaseException = error
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    note = Note(kind="probe-error", text=f"A bug in portdoctor ended this check: {type(leaf).__name__}: {leaf}")
    checkup.note(note)
    says = "This is a bug in portdoctor, not a fault in the network. The traceback is on stderr."
    verdict = Verdict(symptom="undetermined", title="This target could not be probed", explanation=says)
    return checkup.report(), Diagnosis(verdict=verdict, notes=(note,))


def run(main: Callable[[], Awaitable[R]]) -> R:
    """Run a coroutine function to its end, in a selector loop on every system: the probes need `loop.add_writer`.

    Raises StarvedError in whatever keeps the loop from running.
    """

    async def whole() -> R:
        with watched():
            return await main()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(whole())
