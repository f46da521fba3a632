"""Selects the reporter for the options, and renders targets in each format."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from .options import FORMATS, OutputOptions
from .reporter import DocumentReporter, Lines, Reporter, Tee
from .stdout import Stdout, check_writable, write_file

if TYPE_CHECKING:
    from ...catalogue.cause import Catalogue
    from ...render.lines import Line
    from ...render.state import Case


def reporter_for(output: OutputOptions, stdout: Stdout, catalogue: Catalogue) -> Reporter:
    """Return the reporter for the options. Raises UsageError if a file of theirs cannot be written."""
    reporter: Reporter
    match output.format:
        case _ if output.output:
            reporter = _file(output.output, output)
        case "json" | "jsonl":
            reporter = Lines(stdout)
        case "terminal":
            from .results import Results

            whole = output.quiet or output.verbose
            reporter = Results(stdout, lambda case: pages([case], output), _columns(output), whole=whole)
        case _:
            reporter = DocumentReporter(lambda cases: stdout.print(text_of(cases, output)))
    if output.record:
        reporter = Tee(_file(output.record, OutputOptions(format="json")), reporter)
    if output.redacted:
        from .redacting import Redacting

        reporter = Redacting(reporter, partial(text_of, output=output), catalogue, output.redact_key)
    return reporter


def _file(name: str, output: OutputOptions) -> DocumentReporter:
    check_writable(name)
    private = output.format != "openmetrics"  # which the textfile collector reads as another user

    def write(cases: list[Case]) -> None:
        write_file(name, f"{text_of(cases, output)}\n" if cases else "", private=private)

    return DocumentReporter(write)


def text_of(cases: Sequence[Case], output: OutputOptions) -> str:
    """Return the cases as plain text in the chosen format, without the final line feed."""
    form = importlib.import_module(f"...render.{FORMATS[output.format]}", __package__)
    match output.format:
        case "terminal":
            from ...render.lines import plain

            return plain(pages(cases, output)).rstrip("\n")
        case "json" | "jsonl":
            return "\n".join(form.render(*case) for case in cases)
        case "ticket" | "markdown":
            return "\n\n".join(form.render(*case, names=output.names).rstrip("\n") for case in cases)
        case _:
            more = {"limits": (output.warning, output.critical)} if output.format == "nagios" else {}
            return str(form.render(list(cases), [output.state(case) for case in cases], **more)).rstrip("\n")


def pages(cases: Sequence[Case], output: OutputOptions) -> list[Line]:
    """Return the lines of the cases for a terminal, one case after the other."""
    from ...render import terminal
    from ...render.lines import line

    if output.quiet:
        return [line(terminal.brief(*case)) for case in cases]
    shown = [terminal.report_lines(*case, verbose=output.verbose, columns=_columns(output)) for case in cases]
    shown = [[*lines, *_expected(case, output)] for lines, case in zip(shown, cases, strict=True)]
    return [each for number, lines in enumerate(shown) for each in [*([()] if number else []), *lines]]


def _expected(case: Case, output: OutputOptions) -> list[Line]:
    """Return the line that compares the result with --expect."""
    from ...render.lines import Span, line

    if not output.expect:
        return []
    said = {"ok": ("met", "green"), "failed": ("not met", "bold red")}
    met, style = said.get(output.state(case), ("undetermined", "bold yellow"))
    return [line(f"  expected {output.expect}: ", Span(met, style))]


def _columns(output: OutputOptions) -> int:
    """Return the width of the terminal, from 40 to 120 columns; 80 for a file or a pipe."""
    if output.output or not (sys.stdout.isatty() or "COLUMNS" in os.environ):
        return 80
    return min(max(shutil.get_terminal_size().columns, 40), 120)
