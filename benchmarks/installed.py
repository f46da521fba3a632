"""Builds a wheel of this checkout and installs it, byte-compiled, into its own virtual environment."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
_KEPT = Path(tempfile.gettempdir()) / "portdoctor-benchmark"


def install(folder: Path = _KEPT) -> Path:
    """Install the checkout, and return the folder of the environment's programs.

    The environment is kept between runs; the package in it is always rebuilt.
    """
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    fresh = not programs.exists()
    with tempfile.TemporaryDirectory() as built:
        _quietly(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built)
        if fresh:
            _quietly(sys.executable, "-m", "venv", str(folder))
        (wheel,) = Path(built).glob("*.whl")
        again = () if fresh else ("--force-reinstall", "--no-deps")
        _quietly(str(programs / "python"), "-m", "pip", "install", "--compile", *again, str(wheel))
    return programs


def arguments(about: str, rounds: int) -> argparse.Namespace:
    """Return the options that the benchmarks share."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=rounds, help="runs of each command [%(default)s]")
    parser.add_argument("--venv", type=Path, default=_KEPT, help="where to install [%(default)s]")
    return parser.parse_args()


def _quietly(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
