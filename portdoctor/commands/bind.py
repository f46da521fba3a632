"""`portdoctor bind [ADDR:]PORT`"""

from typing import Annotated

import typer

from ..model import Options
from .output.options import (
    Budget,
    Causes,
    Color,
    Format,
    Json,
    Names,
    Output,
    Plan,
    Quiet,
    Record,
    Redact,
    RedactKey,
    Strict,
    Verbose,
    Wait,
    how,
)
from .output.reading import catalogue_of, expectation, expected, seconds
from .output.telling import Tally, judge


def bind(
    target: Annotated[str, typer.Argument(metavar="[ADDR:]PORT", help=":8080, 127.0.0.1:8080, [::]:8080, udp://:53")],
    json: Json = False,
    format: Format = "terminal",
    output: Output = "",
    record: Record = "",
    budget: Budget = 15.0,
    strict: Strict = False,
    expect: Annotated[
        str, typer.Option("--expect", metavar="SYMPTOM|CAUSE", autocompletion=expected, help="Exit 0 if so.")
    ] = "",
    wait: Wait = 0.0,
    plan: Plan = False,
    redact: Redact = False,
    redact_key: RedactKey = "",
    with_names: Names = False,
    causes: Causes = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
) -> Tally:
    """Can a program listen here? If not: who holds the port, or which privilege is missing."""
    from ..target.parse import parse_bind

    catalogue = catalogue_of(causes)
    telling = how(
        format, json=json, output=output, record=record, quiet=quiet, verbose=verbose, color=color, redact=redact,
        redact_key=redact_key, names=with_names, strict=strict, expect=expectation(expect, catalogue), wait=wait,
    )  # fmt: skip
    options = Options(budget=seconds(budget, "--budget") or 15.0)
    asked = parse_bind(target)
    if plan:
        from .output.planning import foretell

        return foretell([asked], options, telling)
    return judge([asked], options, telling, catalogue)
