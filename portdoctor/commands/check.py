"""`portdoctor check TARGET...`"""

from typing import Annotated

import typer

from ..model import Options
from ..target import UsageError
from ..target.hosts import literal, name_of
from .output import options as opt
from .output.loop import RunResult, run_checks
from .output.reading import catalogue_of, duration_of, expectation, expected, targets_of, trusted

_TARGET = "host:port, host port, a URL, or NAME=TARGET to show it by that name."


def check(
    targets: Annotated[list[str] | None, typer.Argument(metavar="TARGET...", help=_TARGET)] = None,
    file: Annotated[str, opt.file("-i", "--input", help="Read targets from a file, one per line; - is stdin.")] = "",
    json: opt.Json = False,
    format: opt.Format = "terminal",
    output: opt.Output = "",
    record: opt.Record = "",
    ports: Annotated[
        str, typer.Option("-p", "--port", metavar="PORT", help="The port of targets without one; also 22,80,8000-8010.")
    ] = "",
    timeout: Annotated[
        str, opt.duration_option("-w", "--timeout", help="Time limit for each attempt [default: 3.5s to connect].")
    ] = "",
    budget: opt.Budget = "15s",
    ipv4: Annotated[bool, typer.Option("-4", "--ipv4", help="IPv4 only.")] = False,
    ipv6: Annotated[bool, typer.Option("-6", "--ipv6", help="IPv6 only.")] = False,
    source: Annotated[str, typer.Option("--source", metavar="ADDR", help="Connect from this local address.")] = "",
    resolver: Annotated[
        str, typer.Option("--resolver", metavar="ADDR", help="Query this nameserver as well as getaddrinfo.")
    ] = "",
    cafile: Annotated[str, opt.file("--cafile", help="Trust the CAs in this PEM file.")] = "",
    sni: Annotated[str, typer.Option("--sni", metavar="NAME", help="Send this name in the TLS handshake (SNI).")] = "",
    insecure: Annotated[
        bool, typer.Option("-k", "--insecure", help="Accept any certificate, and note what is wrong with it.")
    ] = False,
    no_controls: Annotated[
        bool, opt.flag("--no-controls/--controls", help="Probe only the target's own port.")
    ] = False,
    attempts: Annotated[
        int, typer.Option("--attempts", metavar="N", min=1, max=50, help="Connect N times and report how many succeed.")
    ] = 1,
    strict: opt.Strict = False,
    expect: Annotated[
        str,
        typer.Option(
            "--expect", metavar="open|closed|refused|filtered|SYMPTOM|CAUSE", autocompletion=expected,
            help="Exit 0 on this verdict.",
        ),
    ] = "",
    wait: opt.Wait = "",
    warning: opt.Warning = "",
    critical: opt.Critical = "",
    plan: opt.Plan = False,
    parallel: Annotated[int, typer.Option("--parallel", metavar="N", min=1, help="Targets probed in parallel.")] = 16,
    unordered: Annotated[bool, typer.Option("--unordered", help="Print each result as soon as it is ready.")] = False,
    redact: opt.Redact = False,
    redact_key: opt.RedactKey = "",
    with_names: opt.Names = False,
    causes: opt.Causes = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = "auto",
    no_color: opt.NoColor = False,
) -> RunResult:
    """Diagnose connections: what is wrong, and who must act.

    `portdoctor TARGET` is the same as `portdoctor check TARGET`.

    If a connection fails, up to 8 other ports of the same host are probed, and the path is traced with low TTLs;
    --no-controls (or PORTDOCTOR_NO_CONTROLS=1) disables probes of other ports.
    """
    if ipv4 and ipv6:
        raise UsageError("-4 and -6 are mutually exclusive: omit both to try both families")
    catalogue = catalogue_of(causes)
    output_options = opt.OutputOptions(
        format=format, json=json, output=output, record=record, quiet=quiet, verbose=verbose,
        color="never" if no_color else color,
        redact=redact, redact_key=redact_key, names=with_names, strict=strict,
        expect=expectation(expect, catalogue), wait=duration_of(wait, "--wait", least=0.0) or 0.0,
        warning=duration_of(warning, "--warning"), critical=duration_of(critical, "--critical"),
    )  # fmt: skip
    options = Options(
        timeout=duration_of(timeout, "--timeout"), budget=duration_of(budget, "--budget") or Options().budget,
        family=4 if ipv4 else 6 if ipv6 else None, source=literal(source, "--source"),
        resolver=literal(resolver, "--resolver"), cafile=trusted(cafile), sni=name_of(sni, "--sni"),
        attempts=attempts, controls=not no_controls, insecure=insecure,
    )  # fmt: skip
    asked, all_readable = targets_of(targets or [], file, ports, family=options.family, mute=output_options.redacted)
    if plan:
        from .output.planning import print_plans

        return print_plans(asked, options, output_options, all_readable=all_readable)
    return run_checks(
        asked, options, output_options, catalogue, all_readable=all_readable, parallel=parallel, ordered=not unordered
    )
