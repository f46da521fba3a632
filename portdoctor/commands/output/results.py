"""Shows results on a terminal as they end: the report of a single target, or a line for each of many and a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .reporter import Reporter

if TYPE_CHECKING:
    from ...model import Diagnosis, Options, Report, Target, Vantage
    from ...render.lines import Line
    from ...render.overview import Kind
    from ...render.state import Case
    from .stdout import Stdout


class Results(Reporter):
    """The reporter of the terminal format. Of many targets only the first of each kind is kept.

    `page` renders one target; `whole`: every target is shown by it, also where there are many.
    """

    def __init__(self, stdout: Stdout, page: Callable[[Case], list[Line]], columns: int, *, whole: bool) -> None:
        self._stdout, self._page, self._columns = stdout, page, columns
        self._whole, self._many, self._printed = whole, False, False
        self._firsts: dict[Kind | None, Case] = {}
        self._counts: dict[Kind | None, int] = {}

    def started(self, targets: Sequence[Target], options: Options, vantage: Vantage) -> None:
        self._many = len(targets) > 1 and not self._whole

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        if not self._many:
            page = self._page((report, diagnosis))
            self._stdout.print_lines([(), *page] if self._printed and len(page) > 1 else page)
            self._printed = True
            return
        from ...render.overview import failure_kind, row

        kind = failure_kind(diagnosis)
        self._firsts.setdefault(kind, (report, diagnosis))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._stdout.print_lines([row(report, diagnosis, self._columns)])

    def closed(self) -> None:
        if self._counts:
            from ...render.overview import totals

            self._stdout.print_lines(totals(self._firsts, self._counts, self._columns))
