"""Shows the check of one target on a terminal: the heading at once, each stage as it ends, then the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...engine.stages import stage_lines
from ...model import Connect, Diagnosis, Lookup, Observation, Options, Outcome, Report, Target, Vantage
from ...render import terminal
from ...render.walk import cleaned
from .reporter import Reporter

if TYPE_CHECKING:
    from ...checkup.session import Session
    from ...render.lines import Line
    from .stdout import Stdout


class Live(Reporter):
    """The reporter of a single target on a terminal."""

    def __init__(self, stdout: Stdout, verbose: bool) -> None:
        self._stdout, self._verbose = stdout, verbose
        self._printed = 0
        self._stages: set[str] = set()

    def started(self, targets: Sequence[Target], options: Options, vantage: Vantage) -> None:
        """Print the heading, and which other ports may be probed."""
        self._print(terminal.opening(targets[0], options, vantage))

    def observed(self, session: Session, o: Observation) -> None:
        """Print the stages that this observation completes."""
        self._print_stages(session.report(), ended=False)

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        """Print the remaining stages and the verdict."""
        if not self._printed:
            self._print(terminal.heading(report))
        self._print_stages(report, ended=True)
        self._print(terminal.verdict(*cleaned(report, diagnosis), verbose=self._verbose, taken=self._printed))

    def _print_stages(self, report: Report, *, ended: bool) -> None:
        lines = stage_lines(report)
        for place, stage in enumerate(lines):
            if stage.name in self._stages:
                continue
            later = any(after.status != "skipped" for after in lines[place + 1 :]) and _all_tried(report)
            over = {"dns": True, "tcp": _all_tried(report)}.get(stage.name, later)
            if not ended and (stage.status == "skipped" or not over):
                return
            self._stages.add(stage.name)
            self._print(terminal.stage_text(stage))

    def _print(self, lines: list[Line]) -> None:
        self._printed += len(lines)
        self._stdout.print_lines(lines)


def _all_tried(report: Report) -> bool:
    """Return whether a connect to every address of the name has ended; until then no stage line is final."""
    found = {a for o in report.of(Lookup) if o.own and o.outcome is Outcome.OK for a in o.addresses}
    return found <= {o.address for o in report.of(Connect) if o.role == "target"}
