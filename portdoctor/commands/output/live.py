"""Prints a report to a person while it grows: the first line at once, each stage as it ends, then the verdict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from ...engine.stages import stage_lines
from ...model import Connect, Diagnosis, Lookup, Observation, Outcome, Report

if TYPE_CHECKING:
    from ...checkup.session import Record
    from ...render.lines import Line


class Paper:
    """Where lines go: plain text, or through rich where colours are wanted."""

    def __init__(self, stream: TextIO, colour: bool) -> None:
        self.stream = stream
        self._console = None
        if colour:
            from rich.console import Console

            self._console = Console(
                file=stream, markup=False, emoji=False, highlight=False, soft_wrap=True, force_terminal=True,
                color_system="standard",
            )  # fmt: skip

    def put(self, lines: list[Line]) -> None:
        """Print lines, and let them be seen now."""
        from ...render.lines import encodable, plain

        encoding = self.stream.encoding or "utf-8"
        if self._console is None:
            self.stream.write(plain(lines, encoding))
        else:
            from rich.text import Text

            for line in lines:
                text = Text()
                for span in line:
                    text.append(encodable(span.text, encoding), style=span.style or None)
                self._console.print(text)
        self.stream.flush()


class Live:
    """One target told as it goes. `told` is the checkup's listener; `ended` prints what is left."""

    def __init__(self, paper: Paper, verbose: bool) -> None:
        self._paper, self._verbose = paper, verbose
        self._lines = 0
        self._stages: set[str] = set()

    def began(self, report: Report) -> None:
        """The first line, before anything is known."""
        from ...render import terminal

        self._put([*terminal.heading(report), *([terminal.promise(report)] if terminal.promise(report) else [])])

    def told(self, record: Record, o: Observation) -> None:
        """Print the stages that this observation shows to be over."""
        self._tell(record.report(), ended=False)

    def ended(self, report: Report, diagnosis: Diagnosis) -> None:
        """Print the stages that are left and the verdict."""
        from ...render import terminal

        self._tell(report, ended=True)
        lines = terminal.verdict(*_clean(report, diagnosis), verbose=self._verbose, taken=self._lines)
        self._put(lines)

    def _tell(self, report: Report, *, ended: bool) -> None:
        from ...render import terminal

        lines = stage_lines(report)
        for place, stage in enumerate(lines):
            if stage.name in self._stages:
                continue
            later = any(after.status != "skipped" for after in lines[place + 1 :]) and _all_tried(report)
            over = {"dns": True, "tcp": _all_tried(report)}.get(stage.name, later)
            if not ended and (stage.status == "skipped" or not over):
                return
            self._stages.add(stage.name)
            self._put(terminal.stage_lines(stage))

    def _put(self, lines: list[Line]) -> None:
        self._lines += len(lines)
        self._paper.put(lines)


def _all_tried(report: Report) -> bool:
    """Whether every address of the name has had its connect; before that no stage line is final."""
    found = {a for o in report.of(Lookup) if o.via == "system" and o.outcome is Outcome.OK for a in o.addresses}
    return found <= {o.address for o in report.of(Connect) if o.role == "target"}


def _clean(report: Report, diagnosis: Diagnosis) -> tuple[Report, Diagnosis]:
    from ...render.walk import cleaned

    return cleaned(report, diagnosis)


def whole(cases: list[tuple[Report, Diagnosis]], *, verbose: bool, quiet: bool, colour: bool) -> None:
    """Print finished reports, one after the other."""
    from ...render import terminal

    paper = Paper(sys.stdout, colour)
    for place, (report, diagnosis) in enumerate(cases):
        if quiet:
            print(terminal.brief(report, diagnosis), flush=True)
            continue
        paper.put([*([()] if place else []), *terminal.lines(report, diagnosis, verbose=verbose)])
