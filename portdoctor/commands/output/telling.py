"""Runs checkups for the command line and tells what came of them: stdout, files, and the tally that is left."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from ...model import Symptom, Value
from .interrupts import postponed
from .saying import Reader, colours, say, write

if TYPE_CHECKING:
    from ...catalogue.cause import Catalogue
    from ...checkup.batch import Case
    from ...checkup.session import Record
    from ...model import Observation, Options
    from ...render.state import State
    from ...target.parse import Asked
    from .live import Live
    from .options import How

_LINES = ("json", "jsonl")  # formats with a line a target, told as soon as it is known
_TICKETS = ("ticket", "markdown")  # formats that leave out who looked, unless --with-names asks for it
_BATCH = ("junit", "openmetrics", "tap", "nagios")  # formats with one document for all targets


class Tally(Value, frozen=True, kw_only=True):
    """What came of a run, as far as its exit code depends on it.

    `met`: the answers to --expect, one a target, None inside for what is not decided; None without --expect.
    `unreadable`: some target could not be read. `unheard`: the reader of stdout went away before all was told.
    """

    symptoms: tuple[Symptom, ...]
    met: tuple[bool | None, ...] | None = None
    interrupted: bool = False
    unreadable: bool = False
    unheard: bool = False
    strict: bool = False
    nagios: bool = False


def look(
    asked: Sequence[Asked], options: Options, how: How, catalogue: Catalogue, reader: Reader, *, parallel: int = 16,
    ordered: bool = True,
) -> list[Case]:  # fmt: skip
    """Examine the targets and tell what can be told on the way. Ends early when nobody reads any more.

    Interrupted before anything was looked at, there is a report all the same, which says so.
    """
    cases: list[Case] = []
    try:
        _look(asked, options, how, catalogue, reader, cases, parallel=parallel, ordered=ordered)
    except KeyboardInterrupt:
        if cases:
            raise
    if not cases and reader.there:
        from ...checkup.batch import unbegun

        cases.append(unbegun(asked[0], options, catalogue))
        if _line_by_line(how) or _while_it_goes(asked, how):
            tell(cases, how, reader)
    return cases


def _look(
    asked: Sequence[Asked], options: Options, how: How, catalogue: Catalogue, reader: Reader, cases: list[Case], *,
    parallel: int, ordered: bool,
) -> None:  # fmt: skip
    """As `look`; what came of a target is put into `cases` at once."""
    with postponed():
        asyncio = _asyncio()
        from ... import host
        from ...checkup.batch import examine_all, run
        from .progress import Progress

    here = host.current()
    live = _live(asked, options, how, reader)

    async def main() -> None:
        whole = asyncio.current_task()

        def told(record: Record, o: Observation) -> None:
            progress.told(record, o)
            if live:
                progress.wipe()
            if live and not reader.hear(lambda: live.told(record, o)) and whole:
                whole.cancel()

        with Progress(len(asked), options) as progress:
            found = examine_all(asked, options, here, catalogue, parallel=parallel, ordered=ordered, told=told)
            async with aclosing(found):
                async for case in found:
                    cases.append(case)
                    progress.wipe()
                    if _line_by_line(how) and not reader.hear(partial(say, render([case], how), json=True)):
                        return

    if reader.there:
        run(main)
    if live and cases:
        reader.hear(lambda: live.ended(*cases[0]))


def _asyncio() -> ModuleType:
    """asyncio without the ssl module, which it takes for optional: TLS is spoken beside it, where it is needed.

    ssl costs nearly a bare start in time and 4 MiB. Only for a process that is ours alone.
    """
    if "ssl" in sys.modules:
        import asyncio

        return asyncio
    sys.modules["ssl"] = None  # type: ignore[assignment]  # the import system's own mark for "there is none"
    try:
        import asyncio
    finally:
        del sys.modules["ssl"]
    return asyncio


def _line_by_line(how: How) -> bool:
    return how.format in _LINES and not how.output and not how.at_end


def _while_it_goes(asked: Sequence[Asked], how: How) -> bool:
    """Whether a single target is told to a person while it is looked at."""
    return how.format == "terminal" and not (how.output or how.quiet or how.at_end) and len(asked) == 1


def _live(asked: Sequence[Asked], options: Options, how: How, reader: Reader) -> Live | None:
    """The first line is told now, before anything is known."""
    if not _while_it_goes(asked, how):
        return None
    from ... import host
    from ...catalogue.cause import Catalogue
    from ...checkup.session import Record
    from .live import Live, Paper

    live = Live(Paper(sys.stdout, colours(how.color)), how.verbose)
    report = Record(asked[0], options, host.current(), Catalogue({})).report()
    reader.hear(lambda: live.began(report))
    return live


def judge(
    asked: Sequence[Asked], options: Options, how: How, catalogue: Catalogue, *, readable: bool = True,
    parallel: int = 16, ordered: bool = True,
) -> Tally:  # fmt: skip
    """Examine the targets, tell everything, and count."""
    reserve(how)
    reader = Reader()
    stopped = False
    if how.wait:
        from .waiting import until

        def again(some: Sequence[Asked]) -> list[Case]:
            return look(some, options, how, catalogue, reader, parallel=parallel)

        def fine(case: Case) -> bool:
            return state(case, how) in ("ok", "warning")

        cases, stopped = until(asked, how.wait, again, fine, verbose=how.verbose)
    else:
        cases = look(asked, options, how, catalogue, reader, parallel=parallel, ordered=ordered)
    cases = conceal(cases, how)
    keep(cases, how)
    if not (_line_by_line(how) or _while_it_goes(asked, how)):
        tell(cases, how, reader)
    stopped = stopped or len(cases) < len(asked)
    return tally(cases, how, interrupted=stopped, unreadable=not readable, unheard=not reader.there)


def reserve(how: How) -> None:
    """Find out before anything is looked at whether the key of a redaction can be kept."""
    if how.redact:
        from . import redaction

        redaction.reserve(how.key)


def conceal(cases: list[Case], how: How) -> list[Case]:
    """The cases as they may be told: with --redact under pseudonyms, their key kept."""
    if not how.redact or not cases:
        return cases
    from . import redaction

    return redaction.conceal(cases, how.key, lambda changed: render(changed, how))


def state(case: Case, how: How) -> State:
    """What a case is to a health check: as --expect has it, else by its verdict."""
    from ...render.state import state_of

    if not how.expect:
        return state_of(case[1], strict=how.strict)
    from ...engine.expect import met

    states: dict[bool | None, State] = {True: "ok", False: "failed", None: "unknown"}
    return states[met(how.expect, *case)]


def keep(cases: Sequence[Case], how: How) -> None:
    """Write the reports where --record says."""
    if how.record:
        from ...render.json import render

        write(how.record, "".join(render(*case) + "\n" for case in cases))


def tell(cases: Sequence[Case], how: How, reader: Reader) -> None:
    """Tell finished cases in the format that was asked for."""
    if how.output:
        write(how.output, render(cases, how) + "\n")
    elif how.format == "terminal":
        from .live import whole

        reader.hear(lambda: whole(list(cases), verbose=how.verbose, quiet=how.quiet, colour=colours(how.color)))
    else:
        reader.hear(lambda: say(render(cases, how), json=how.format in _LINES))


def render(cases: Sequence[Case], how: How) -> str:
    """The cases in one of the formats, without the final line feed."""
    if how.format in _LINES:
        from ...render.json import render as line

        return "\n".join(line(*case) for case in cases)
    import importlib

    form = importlib.import_module(f"...render.{how.format}", __package__)
    if how.format in _BATCH:
        return str(form.render(list(cases), [state(case, how) for case in cases])).rstrip("\n")
    more = {"names": how.names} if how.format in _TICKETS else {}
    return "\n\n".join(str(form.render(*case, **more)).rstrip("\n") for case in cases)


def tally(
    cases: Sequence[Case], how: How, *, interrupted: bool = False, unreadable: bool = False, unheard: bool = False
) -> Tally:
    """Count what the exit code depends on."""
    met = None
    if how.expect:
        from ...engine.expect import met as met_by

        met = tuple(met_by(how.expect, report, diagnosis) for report, diagnosis in cases)
    return Tally(
        symptoms=tuple(diagnosis.verdict.symptom for _, diagnosis in cases),
        met=met,
        interrupted=interrupted or any(report.interrupted for report, _ in cases),
        unreadable=unreadable,
        unheard=unheard,
        strict=how.strict,
        nagios=how.format == "nagios",
    )
