"""`portdoctor lab …`: builds networks with a fault and tests PortDoctor in them, without root."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from ..lab.scenario import Scenario, ScenarioError, load_scenario, recording_path, scenario_names
from ..target import UsageError
from ..text import did_you_mean
from .lint import refuse_errors
from .output.group import Commands
from .output.options import choice, invalid

if TYPE_CHECKING:
    from ..lab.ability import Ability
    from ..lab.result import ScenarioRun

app = typer.Typer(
    cls=Commands,
    help="Build networks with a fault, and test PortDoctor in them.\n\nThe networks are temporary; no root is needed.",
    no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
_FORMATS = ("text", "markdown")


def _completions() -> list[str]:
    known = scenario_names()
    return [*dict.fromkeys(name.partition("/")[0] for name in known), *known]


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME|PHASE]...", autocompletion=_completions,
        help="Scenarios from `lab list`, or a phase such as tcp.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=scenario_names, help="A scenario.")]
AllOfThem = Annotated[bool, typer.Option("--all", help="Every scenario.")]
Jobs = Annotated[
    int | None,
    typer.Option("-j", "--jobs", metavar="N", min=1, help="Run this many in parallel [default: 4 per processor]."),
]
Verbose = Annotated[bool, typer.Option("-v", help="Show the output of the command.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Also keep a report that does not match the expectation.")]


def _die(text: str, code: int) -> typer.Exit:
    print(text, file=sys.stderr)
    return typer.Exit(code)


def _chosen(wanted: Iterable[str] | None, every: bool) -> list[Scenario]:
    """Return the scenarios of these names or phases. Exits 2 for an unknown name."""
    known = scenario_names()
    chosen = list(known) if every else []
    for name in wanted or ():
        found = [n for n in known if n == name or n.startswith(f"{name.rstrip('/')}/")]
        if not found:
            hint = did_you_mean(name, known) or "; `portdoctor lab list` shows all"
            raise _die(f"error: unknown scenario {name!r}{hint}", 2)
        chosen += found
    if not chosen:
        raise _die("error: missing scenario: write a name from `portdoctor lab list`, a phase such as tcp, or --all", 2)
    try:
        return [load_scenario(n) for n in dict.fromkeys(chosen)]
    except ScenarioError as error:
        raise _die(str(error), 2) from None


@app.command("can")
def can_() -> None:
    """Show whether this machine can run the lab, and which step fails if not."""
    from ..lab.ability import ROOTLESS, alternatives, can

    ability = can()
    for check in ability.checks:
        print(f"  yes  {check.what}" if check.ok else f"  no   {check.what}: {check.says}")
    if ability.ok:
        how = "without root" if ability.prefix == ROOTLESS else "as root"
        print(f"The lab runs on this machine, {how}.")
        return
    print(alternatives(ability))
    raise typer.Exit(3)


@app.command("list")
def list_(wanted: Names = None) -> None:
    """List the scenarios: name and fault."""
    scenarios = _chosen(wanted, not wanted)
    width = max((len(s.name) for s in scenarios), default=0)
    for s in scenarios:
        print(f"{s.name:{width}}  {s.about}")


@app.command("show")
def show(name: Name) -> None:
    """Show a scenario: the network, its fault, and the right diagnosis."""
    from ..lab.drawing import draw_scenario

    for scenario in _chosen([name], False):
        print(draw_scenario(scenario))


@app.command("run")
def run_(wanted: Names = None, every: AllOfThem = False, jobs: Jobs = None, verbose: Verbose = False) -> None:
    """Build each network, run the command in it, and compare. Exit 0: all as expected; 3: the lab cannot run."""
    from ..lab import judge

    refuse_errors()
    failed = broken = 0
    chosen = _chosen(wanted, every)
    for scenario in [s for s in chosen if s.handmade]:
        print(f"by hand         {scenario.name}: recording only, {scenario.handmade}")
    for scenario, result in _results([s for s in chosen if not s.handmade], jobs):
        wrong = judge.of_run(scenario, result)
        print(f"{'ok   ' if not wrong else 'WRONG'}  {result.took:5.1f} s  {scenario.name}", flush=True)
        for line in wrong:
            print(f"         {line}")
        if verbose or (wrong and result.text):
            print("".join(f"       | {line}\n" for line in (result.text + result.complaints).splitlines()), end="")
        failed += bool(wrong)
        broken += bool(result.failure)
    if failed:
        raise typer.Exit(3 if broken == failed else 1)


@app.command("record")
def record(wanted: Names = None, every: AllOfThem = False, jobs: Jobs = None, anyway: Anyway = False) -> None:
    """Run scenarios and save each report next to its scenario."""
    from ..lab import judge
    from ..lab.recording import keepable

    refuse_errors()
    failed = False
    for scenario, result in _results([s for s in _chosen(wanted, every) if not s.handmade], jobs):
        wrong = judge.of_run(scenario, result)
        keep = bool(result.report) and (anyway or not wrong)
        if keep:
            try:
                recording_path(scenario.name).write_text(keepable(result.report))
            except OSError as error:
                raise _die(f"error: cannot write {error.filename}: {error.strerror}", 2) from None
        print(f"{'kept ' if keep else 'WRONG'}  {scenario.name}", flush=True)
        for line in wrong:
            print(f"         {line}")
        failed |= bool(wrong)
    if failed:
        raise typer.Exit(1)


@app.command("matrix")
def matrix_(
    vary: Annotated[bool, typer.Option("--vary", help="Run every fault at every hop instead. Takes minutes.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Run the scenarios instead of reading recordings.")] = False,
    format_: Annotated[str, choice("--format", _FORMATS, "Output format.")] = "text",
    jobs: Jobs = None,
) -> None:
    """Compare injected with diagnosed causes. Exit 1 if a diagnosis is certain and wrong."""
    from ..lab.matrix import matrix_page
    from ..lab.run import default_jobs
    from ..lab.tally import of_recordings, of_runs, of_variants

    if format_ not in _FORMATS:
        raise UsageError(invalid(format_, "--format", _FORMATS))
    scenarios = [] if vary else _chosen(None, True)
    ability = _ability() if vary or live else None
    if ability is None:
        cases, left_out = of_recordings(scenarios)
    elif vary:
        cases, left_out = of_variants(ability, jobs or default_jobs())
    else:
        cases, left_out = of_runs(scenarios, ability, jobs or default_jobs())
    print(matrix_page(cases, format_ == "markdown"))
    for line in left_out:
        print(f"not counted: {line}", file=sys.stderr)
    if any(c.score == "WRONG" for c in cases):
        raise typer.Exit(1)
    if left_out:
        raise typer.Exit(3)


@app.command("shell")
def shell_(name: Name) -> None:
    """Open a shell in the client of a scenario's network."""
    from ..lab.judge import ready
    from ..lab.run import open_shell

    scenario = _chosen([name], False)[0]
    ability = _ability()
    command = ready(scenario).command
    print(f"{scenario.about}\nTry: portdoctor {command}    (exit leaves the lab)", file=sys.stderr)
    raise typer.Exit(open_shell(scenario, ability))


def _ability() -> Ability:
    """Return how the lab runs on this machine. Exits 3 if it cannot."""
    from ..lab.ability import can
    from ..lab.run import compile_package

    ability = can()
    if not ability.ok:
        raise _die("error: the lab cannot run on this machine; `portdoctor lab can` shows why", 3)
    compile_package()
    return ability


def _results(scenarios: list[Scenario], jobs: int | None) -> Iterator[tuple[Scenario, ScenarioRun]]:
    """Yield each scenario with its result, in order, `jobs` in parallel."""
    from ..lab.run import default_jobs, run_scenario

    ability = _ability()
    with ThreadPoolExecutor(jobs or default_jobs()) as pool:
        yield from zip(scenarios, pool.map(lambda s: run_scenario(s, ability), scenarios), strict=True)
