"""Runs a scenario from outside: starts the namespaces and reads the result."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from . import daemons
from .ability import Ability, clean_environment
from .result import LONGEST, ScenarioRun
from .scenario import Scenario

JOBS_PER_CORE = 4  # a scenario waits for the network most of the time
MEMORY_PER_JOB = 256 << 20  # bytes; two interpreters and the largest daemon


def default_jobs() -> int:
    """How many scenarios to run at the same time on this machine: limited by its processors and free memory."""
    import psutil

    return max(1, min(JOBS_PER_CORE * (os.cpu_count() or 1), psutil.virtual_memory().available // MEMORY_PER_JOB))


def compile_package() -> None:
    """Write the bytecode of the package, if its folder is writable.

    Each run starts two interpreters that write none, so without this every run of a fresh checkout compiles the
    package twice, which takes half of its processor time.
    """
    compileall.compile_dir(Path(_PACKAGE, "portdoctor"), quiet=2)


def run_scenario(scenario: Scenario, ability: Ability) -> ScenarioRun:
    """Run one scenario. An error of the lab itself is the `failure` of the ScenarioRun."""
    if scenario.handmade:
        return ScenarioRun(failure=f"recording only: {scenario.handmade}")
    if absent := daemons.missing(scenario):
        return ScenarioRun(failure=f"not installed: {', '.join(absent)}")
    try:
        done = subprocess.run(
            [*_END_WITH_US, *_command("run", scenario, ability)],
            env=clean_environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
            timeout=LONGEST + 30, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ScenarioRun(failure=f"still running after {LONGEST + 30:.0f} seconds")
    try:
        return _RESULT.decode(done.stdout)
    except msgspec.DecodeError:
        return ScenarioRun(failure=f"internal error of the lab: {done.stderr.decode(errors='replace').strip()[-2000:]}")


def open_shell(scenario: Scenario, ability: Ability) -> int:
    """Open a shell as the client's user in the client's network. Return its exit code."""
    return subprocess.run(_command("shell", scenario, ability), env=clean_environment(), check=False).returncode


def _command(mode: str, scenario: Scenario, ability: Ability) -> list[str]:
    text = msgspec.json.encode(scenario).decode()
    return [*ability.prefix, sys.executable, "-P", "-c", _START, mode, text]


_RESULT = msgspec.json.Decoder(ScenarioRun)  # made once: two threads that prepare a type at the same time can crash
_END_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # end the scenario with the lab, even when it is killed
_PACKAGE = str(Path(__file__).resolve().parent.parent.parent)
_START = f"import sys; sys.path.insert(0, {_PACKAGE!r}); from portdoctor.lab.inside import main; main()"
