"""The options that several commands share, and how to tell: the format and where it goes."""

from typing import Annotated

import typer

from ..model import Value
from . import Usage

FORMATS = ("terminal", "ticket", "markdown", "json", "jsonl", "nagios", "junit", "openmetrics", "tap")

Json = Annotated[bool, typer.Option("--json", help="One JSON object per target, one a line.")]
Format = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="How to say it.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Write to this file instead of stdout.")]
Record = Annotated[str, typer.Option("--record", metavar="FILE", help="Keep the report, for `ticket` and `diagnose`.")]
Budget = Annotated[float, typer.Option("--budget", metavar="SECONDS", help="The whole diagnosis of one target.")]
Strict = Annotated[bool, typer.Option("--strict", help="Degraded is a problem.")]
Causes = Annotated[
    list[str] | None, typer.Option("--causes", metavar="DIR", help="A folder with a site's own causes.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but the verdict's line.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show all the evidence.")]
Color = Annotated[str, typer.Option("--color", metavar="auto|always|never", help="Colours.")]


class How(Value, frozen=True, kw_only=True):
    """How to tell it. `output` and `record` are files; empty: stdout, and not kept."""

    format: str = "terminal"
    output: str = ""
    record: str = ""
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"


def how(
    format: str, *, json: bool = False, output: str = "", record: str = "", quiet: bool = False,
    verbose: bool = False, color: str = "auto",
) -> How:  # fmt: skip
    """The options of one run, checked. Raises Usage for a word that is none of the choices."""
    if format not in FORMATS:
        raise Usage(f"--format takes one of {', '.join(FORMATS)}; {format!r} is none.")
    if color not in ("auto", "always", "never"):
        raise Usage(f"--color takes auto, always or never; {color!r} is none.")
    return How(
        format="json" if json else format, output=output, record=record, quiet=quiet, verbose=verbose, color=color
    )
