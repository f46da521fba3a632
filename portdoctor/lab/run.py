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
    """How many scenarios to run at the same time on this machine: as many as its processors and free memory bear."""
    import psutil

    return max(1, min(JOBS_PER_CORE * (os.cpu_count() or 1), psutil.virtual_memory().available // MEMORY_PER_JOB))


def compile_package() -> None:
    """Write the package's bytecode, where its folder can be written.

    Each run starts two interpreters that write none, so without this every run of a fresh checkout compiles the
    package twice, which takes half of its processor time.
    """
    compileall.compile_dir(Path(_PACKAGE, "portdoctor"), quiet=2)


def run_scenario(scenario: Scenario, ability: Ability) -> ScenarioRun:
    """Run one scenario to its end. What goes wrong with the lab itself is the ScenarioRun's `failure`."""
    if scenario.handmade:
        return ScenarioRun(failure=f"has only a recording: {scenario.handmade}")
    if absent := daemons.missing(scenario):
        return ScenarioRun(failure=f"needs {', '.join(absent)}, which this machine does not have")
    try:
        done = subprocess.run(
            [*_END_WITH_US, *_command("run", scenario, ability)],
            env=clean_environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
            timeout=LONGEST + 30, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ScenarioRun(failure=f"still running after {LONGEST + 30:.0f} seconds")
    try:
        return msgspec.json.decode(done.stdout, type=ScenarioRun)
    except msgspec.DecodeError:
        return ScenarioRun(failure=f"the lab broke: {done.stderr.decode(errors='replace').strip()[-2000:]}")


def open_shell(scenario: Scenario, ability: Ability) -> int:
    """A shell as the client's user in the client's network; its exit code."""
    return subprocess.run(_command("shell", scenario, ability), env=clean_environment(), check=False).returncode


def _command(mode: str, scenario: Scenario, ability: Ability) -> list[str]:
    text = msgspec.json.encode(scenario).decode()
    return [*ability.prefix, sys.executable, "-P", "-c", _START, mode, text]


_END_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # a lab that is killed leaves no scenario running
_PACKAGE = str(Path(__file__).resolve().parent.parent.parent)
_START = f"import sys; sys.path.insert(0, {_PACKAGE!r}); from portdoctor.lab.inside import main; main()"
