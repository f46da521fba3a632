"""`portdoctor diagnose FILE...`"""

from typing import Annotated

import typer

from ..target import UsageError
from .output.options import (
    Causes,
    Color,
    Format,
    How,
    Json,
    Names,
    Output,
    Quiet,
    Redact,
    RedactKey,
    Strict,
    Verbose,
    how,
)
from .output.reading import catalogue_of, reports_of
from .output.saying import Reader
from .output.telling import Tally, conceal, reserve, tally, tell


def diagnose(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Recorded reports; - is stdin.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="The files are one case, seen from several places (here, on the server).")
    ] = False,
    json: Json = False,
    format: Format = "terminal",
    output: Output = "",
    strict: Strict = False,
    redact: Redact = False,
    redact_key: RedactKey = "",
    with_names: Names = False,
    causes: Causes = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
) -> Tally:
    """Diagnose recorded reports again, with today's knowledge."""
    telling = how(
        format, json=json, output=output, quiet=quiet, verbose=verbose, color=color, redact=redact,
        redact_key=redact_key, names=with_names, strict=strict,
    )  # fmt: skip
    return diagnose_again(files, causes, telling, merged=merge)


def diagnose_again(files: list[str], causes: list[str] | None, how: How, *, merged: bool = False) -> Tally:
    """Diagnose and tell the reports in the files."""
    from ..engine.verdict import diagnose

    reserve(how)
    catalogue = catalogue_of(causes)
    reports = [report for file in files for report in reports_of(file)]
    if merged:
        from ..engine.merge import MergeError, merge

        try:
            reports = [merge(reports)]
        except MergeError as error:
            raise UsageError(str(error)) from None
    cases = [(report, diagnose(report, catalogue)) for report in reports]
    cases = conceal(cases, how)
    reader = Reader()
    tell(cases, how, reader)
    return tally(cases, how, unheard=not reader.there)
