"""`portdoctor ticket [FILE]`"""

import sys
from typing import Annotated

import typer

from ..target import UsageError
from .diagnose import diagnose_files
from .output import options as opt
from .output.loop import RunResult


def ticket(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A recorded report [default: stdin].")] = "",
    output: opt.Output = "",
    redact: opt.Redact = False,
    redact_key: opt.RedactKey = "",
    with_names: opt.Names = False,
    causes: opt.Causes = None,
) -> RunResult:
    """Show a recorded report as text for a ticket."""
    if not file and sys.stdin.isatty():
        raise UsageError("missing report: write FILE as recorded by `portdoctor check --record FILE`")
    output_options = opt.OutputOptions(
        format="ticket", output=output, redact=redact, redact_key=redact_key, names=with_names
    )
    return diagnose_files([file or "-"], causes, output_options)
