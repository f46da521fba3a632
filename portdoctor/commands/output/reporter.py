"""The interface of reporters, and the simple ones: one JSON line per target, one document, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...checkup.session import Session
    from ...model import Diagnosis, Observation, Options, Report, Target, Vantage
    from ...render.state import Case
    from .stdout import Stdout


class Reporter:
    """Shows a run in progress, or its results. This one shows nothing; the others override what they need.

    `formats.reporter_for` selects the reporter of a run; `redacting` defines another one.
    """

    def started(self, targets: Sequence[Target], options: Options, vantage: Vantage) -> None:
        """Called before the targets are probed. `vantage`: what is known of it before the first observation."""

    def observed(self, session: Session, o: Observation) -> None:
        """Called for each observation of a target; its session already contains it."""

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        """Called when a target is diagnosed or interrupted."""

    def closed(self) -> None:
        """Called after the last target."""


class Lines(Reporter):
    """Prints one JSON object per target, one per line, as soon as the target is finished."""

    def __init__(self, stdout: Stdout) -> None:
        self._stdout = stdout

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        from ...render.json import render

        self._stdout.print(render(report, diagnosis), json=True)


class DocumentReporter(Reporter):
    """Writes all targets when the run has ended."""

    def __init__(self, write: Callable[[list[Case]], object]) -> None:
        self._write = write
        self._cases: list[Case] = []

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        self._cases.append((report, diagnosis))

    def closed(self) -> None:
        self._write(self._cases)


class Tee(Reporter):
    """Passes all events to several reporters, in this order."""

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def started(self, targets: Sequence[Target], options: Options, vantage: Vantage) -> None:
        for reporter in self._reporters:
            reporter.started(targets, options, vantage)

    def observed(self, session: Session, o: Observation) -> None:
        for reporter in self._reporters:
            reporter.observed(session, o)

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        for reporter in self._reporters:
            reporter.finished(report, diagnosis)

    def closed(self) -> None:
        for reporter in self._reporters:
            reporter.closed()
