"""The parts of the README that the program writes itself. `python -m tests.readme` puts them in anew."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from portdoctor.catalogue import load
from portdoctor.lab import scenario
from portdoctor.render import json, terminal
from portdoctor.verdict import diagnose

FILE = Path(__file__).parent.parent / "README.md"
EXAMPLE = "tcp/port-filtered-ip4"


def example() -> str:
    """The first thing a reader sees: a broken connection and what the program says of it."""
    report = json.load(scenario.recording_of(EXAMPLE).read_bytes())
    told = terminal.render(report, diagnose(report, load()))
    return f"```\n$ portdoctor {scenario.load(EXAMPLE).command}\n{told}```\n"


def matrix() -> str:
    """Injected against diagnosed, for every recording, as the lab's command prints it."""
    command = [sys.executable, "-m", "portdoctor", "lab", "matrix", "--format", "markdown"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout


BLOCKS = {"example": example, "matrix": matrix}


def block(name: str, text: str) -> str:
    """What stands between the marks of a block."""
    found = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", text, re.S)
    assert found, f"the README has no block called {name}"
    return found[1]


def main() -> None:
    text = FILE.read_text(encoding="utf-8")
    for name, made in BLOCKS.items():
        marks = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        text = text.replace(block(name, text).join(marks), made().join(marks))
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
