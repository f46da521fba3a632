"""`portdoctor ticket [FILE]`"""

import sys
from typing import Annotated

import typer

from ..target import UsageError
from .diagnose import diagnose_again
from .output.options import Causes, Names, Output, Redact, RedactKey, how
from .output.telling import Tally


def ticket(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A recorded report; stdin without it.")] = "",
    output: Output = "",
    redact: Redact = False,
    redact_key: RedactKey = "",
    with_names: Names = False,
    causes: Causes = None,
) -> Tally:
    """A recorded report as text for a ticket."""
    if not file and sys.stdin.isatty():
        raise UsageError("No report: record one with `portdoctor check --record FILE`, then give FILE here.")
    telling = how("ticket", output=output, redact=redact, redact_key=redact_key, names=with_names)
    return diagnose_again([file or "-"], causes, telling)
