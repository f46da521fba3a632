"""Runs checkups: one, or many side by side. An interruption leaves a partial, valid report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TypeVar

from ..catalogue.cause import Catalogue, CauseError
from ..host import Host
from ..model import Diagnosis, Note, Options, Report, Verdict
from ..target.parse import Asked
from .checkup import Checkup
from .session import Told

R = TypeVar("R")
Case = tuple[Report, Diagnosis]


async def examine(
    asked: Asked, options: Options, host: Host, catalogue: Catalogue, told: Told | None = None
) -> Case:
    """Look at one target and say what it means. A cancellation gives what was seen until then."""
    checkup = Checkup(asked, options, host, catalogue, told=told)
    interrupted = False
    try:
        await checkup.run()
    except asyncio.CancelledError:
        interrupted = True
    return checkup.report(interrupted=interrupted), checkup.diagnosis(interrupted=interrupted)


async def examine_all(
    asked: Sequence[Asked],
    options: Options,
    host: Host,
    catalogue: Catalogue,
    *,
    parallel: int = 16,
    ordered: bool = True,
    told: Told | None = None,
) -> AsyncGenerator[Case]:
    """Look at many targets, `parallel` at a time; in the order asked, or as they end.

    An interruption ends them all: those under way give a partial report, those whose turn had not come give none.
    A bug of ours at one of several targets is shown on stderr and noted in its report; with a single one it is raised.
    """
    slots = asyncio.Semaphore(parallel)

    async def one(a: Asked) -> Case:
        async with slots:
            try:
                return await examine(a, options, host, catalogue, told)
            except CauseError:
                raise  # not of this target: a cause file of ours is invalid
            except Exception as error:  # our bug at one target: the others still get their answer
                if len(asked) == 1:
                    raise
                return _not_probed(Checkup(a, options, host, catalogue), error)

    tasks = [asyncio.create_task(one(a)) for a in asked]
    given: set[int] = set()
    try:
        for task in tasks if ordered else asyncio.as_completed(tasks):
            try:
                case = await task
            except asyncio.CancelledError:
                break
            given.add(id(case))
            yield case
            if case[0].interrupted:  # the task under way took the cancellation for itself
                break
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for left in ended:
        if not isinstance(left, BaseException) and id(left) not in given:
            yield left


def unbegun(asked: Asked, options: Options, catalogue: Catalogue) -> Case:
    """The report of a target that was not looked at, because of an interruption."""
    from .. import host

    checkup = Checkup(asked, options, host.current(), catalogue)
    return checkup.report(interrupted=True), checkup.diagnosis(interrupted=True)


def _not_probed(checkup: Checkup, error: Exception) -> Case:
    """The report of a target at which a bug of ours showed itself. Nothing is said about the network."""
    import traceback

    traceback.print_exception(error)
    leaf: BaseException = error
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    note = Note(kind="probe-error", text=f"A bug in portdoctor ended the look: {type(leaf).__name__}: {leaf}")
    checkup.note(note)
    says = "This is a bug in portdoctor, not a fault of the network; stderr has its trace."
    verdict = Verdict(symptom="undetermined", title="This target could not be probed", explanation=says)
    return checkup.report(), Diagnosis(verdict=verdict, notes=(note,))


def run(main: Callable[[], Awaitable[R]]) -> R:
    """Run a coroutine function to its end. A selector loop everywhere: the probes watch sockets of their own."""

    async def whole() -> R:
        return await main()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(whole())
