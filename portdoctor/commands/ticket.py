"""`portdoctor ticket [FILE]`"""

import sys
from typing import Annotated

import typer

from . import Usage
from .diagnose import diagnose_again
from .options import Causes, Output, how
from .telling import Tally


def ticket(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A recorded report; stdin without it.")] = "",
    output: Output = "",
    causes: Causes = None,
) -> Tally:
    """A recorded report as text for a ticket."""
    if not file and sys.stdin.isatty():
        raise Usage("No report: record one with `portdoctor check --record FILE`, then give FILE here.")
    return diagnose_again([file or "-"], causes, how("ticket", output=output))
