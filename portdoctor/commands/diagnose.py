"""`portdoctor diagnose FILE...`"""

from typing import Annotated

import typer

from ..target import UsageError
from .output import options as opt
from .output.formats import reporter_for
from .output.loop import RunResult, result_of
from .output.reading import catalogue_of, reports_of
from .output.stdout import Stdout


def diagnose(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Recorded reports; - is stdin.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Treat the files as one case, recorded on several machines.")
    ] = False,
    json: opt.Json = False,
    format: opt.Format = "terminal",
    output: opt.Output = "",
    strict: opt.Strict = False,
    redact: opt.Redact = False,
    redact_key: opt.RedactKey = "",
    with_names: opt.Names = False,
    causes: opt.Causes = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = "auto",
    no_color: opt.NoColor = False,
) -> RunResult:
    """Diagnose recorded reports again with the current causes."""
    output_options = opt.OutputOptions(
        format=format, json=json, output=output, quiet=quiet, verbose=verbose,
        color="never" if no_color else color, redact=redact, redact_key=redact_key, names=with_names, strict=strict,
    )  # fmt: skip
    return diagnose_files(files, causes, output_options, merged=merge)


def diagnose_files(
    files: list[str], causes: list[str] | None, output: opt.OutputOptions, *, merged: bool = False
) -> RunResult:
    """Diagnose the recorded reports in the files and show the results; `merged`: as one case."""
    from ..engine.verdict import diagnose

    stdout = Stdout(output.color)
    catalogue = catalogue_of(causes)
    reporter = reporter_for(output, stdout, catalogue)
    reports = [report for file in files for report in reports_of(file)]
    if merged:
        from ..engine.merge import MergeError, merge

        try:
            reports = [merge(reports)]
        except MergeError as error:
            raise UsageError(str(error)) from None
    cases = [(report, diagnose(report, catalogue)) for report in reports]
    for case in cases:
        reporter.finished(*case)
    reporter.closed()
    return result_of(cases, output, reader_closed=stdout.reader_closed)
