"""Runs commands in turns and measures each run: its wall-clock time and its peak memory.

They run in turns because the speed of a machine varies from minute to minute: only ratios within one run are valid.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_KIB = 1024 if sys.platform == "darwin" else 1  # ru_maxrss is in bytes on macOS, in KiB on Linux
_LONGEST = 60.0  # seconds of one run


class Measured(NamedTuple):
    """The runs of one command: the median of seconds, the fastest run, and the median of MiB."""

    took: float
    fastest: float
    memory: float


def in_turns(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Measured]:
    """Run each command once to warm up, then all of them in turn, `rounds` times.

    Raises OSError for a command that does not exist.
    """
    for command in commands.values():
        once(command)
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(once(command))
    return {
        name: Measured(
            statistics.median(took for took, _ in found),
            min(took for took, _ in found),
            statistics.median(memory for _, memory in found),
        )
        for name, found in runs.items()
    }


def once(command: Sequence[str]) -> tuple[float, float]:
    """Run a command once, and return its seconds and MiB. Its output and exit status are ignored."""
    quiet = subprocess.DEVNULL
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=_environment())
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if took > _LONGEST:
        raise TimeoutError(f"{command[0]} took {took:.0f} s")
    return took, usage.ru_maxrss / _KIB / 1024


def _environment() -> dict[str, str]:
    """Return the environment without PYTHON variables, some of which make Python compile its modules at every start."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text as aligned columns; the first row is the heading."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    ruled = [rows[0], ["-" * width for width in widths], *rows[1:]]
    numbers = [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)][1:] for row in ruled]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *rest]) for row, rest in zip(ruled, numbers, strict=True))


if __name__ == "__main__":  # inside a namespace: reads the commands as JSON from stdin, writes the results to stdout
    asked = json.load(sys.stdin)
    print(json.dumps(in_turns(asked["commands"], asked["rounds"])))
