"""`portdoctor bind [ADDR:]PORT`"""

from typing import Annotated

import typer

from ..model import Options
from .output import options as opt
from .output.loop import RunResult, run_checks
from .output.reading import catalogue_of, duration_of, expectation, expected


def bind(
    target: Annotated[str, typer.Argument(metavar="[ADDR:]PORT", help=":8080, 127.0.0.1:8080, [::]:8080, udp://:53")],
    json: opt.Json = False,
    format: opt.Format = "terminal",
    output: opt.Output = "",
    record: opt.Record = "",
    listen: Annotated[
        bool, typer.Option("--listen", help="Also listen for a moment: clients that connect then are disconnected.")
    ] = False,
    budget: opt.Budget = "15s",
    strict: opt.Strict = False,
    expect: Annotated[
        str, typer.Option("--expect", metavar="SYMPTOM|CAUSE", autocompletion=expected, help="Exit 0 on this verdict.")
    ] = "",
    wait: opt.Wait = "",
    plan: opt.Plan = False,
    redact: opt.Redact = False,
    redact_key: opt.RedactKey = "",
    with_names: opt.Names = False,
    causes: opt.Causes = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = "auto",
    no_color: opt.NoColor = False,
) -> RunResult:
    """Test whether a program can bind a port.

    If not, show what is using it or which privilege is missing.

    The port is bound and released at once. It does not listen unless --listen is given, so that no client connects
    to it and servers can start meanwhile; the report notes what this cannot show.
    """
    from ..target.parse import parse_bind

    catalogue = catalogue_of(causes)
    output_options = opt.OutputOptions(
        format=format, json=json, output=output, record=record, quiet=quiet, verbose=verbose,
        color="never" if no_color else color,
        redact=redact, redact_key=redact_key, names=with_names, strict=strict,
        expect=expectation(expect, catalogue), wait=duration_of(wait, "--wait", least=0.0) or 0.0,
    )  # fmt: skip
    options = Options(budget=duration_of(budget, "--budget") or Options().budget, listen=listen)
    asked = parse_bind(target)
    if plan:
        from .output.planning import print_plans

        return print_plans([asked], options, output_options)
    return run_checks([asked], options, output_options, catalogue)
