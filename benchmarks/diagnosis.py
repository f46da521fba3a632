"""Measures the diagnosis of each recorded report, with the catalogue already parsed. Row 7: at most 2 ms."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from timing import table

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from portdoctor.catalogue.folders import load_catalogue  # noqa: E402  from this checkout
from portdoctor.engine.verdict import diagnose  # noqa: E402
from portdoctor.render.json import load_report  # noqa: E402

_ROUNDS = 15
_SHOWN = 10


def bare_work() -> object:
    """Run about a millisecond of plain Python, to compare machines."""
    return sorted(str(number) for number in range(4000))


def median(work: Callable[[], object]) -> float:
    """Return the median time of one call in seconds."""
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Print the slowest recordings and the median of all."""
    catalogue = load_catalogue()
    took = {}
    for path in sorted(ROOT.glob("scenarios/*/*.json")):
        report = load_report(path.read_bytes())
        diagnose(report, catalogue)
        took[f"{path.parent.name}/{path.stem}"] = median(lambda report=report: diagnose(report, catalogue))  # type: ignore[misc]
    if not took:
        sys.exit("There is no recording: run `portdoctor lab record --all` first.")
    unit = median(bare_work)
    slowest = sorted(took.items(), key=lambda row: -row[1])[:_SHOWN]
    rows = [("recording", "one diagnosis", "ratio to bare work")]
    rows += [(name, f"{seconds * 1e3:.2f} ms", f"{seconds / unit:.1f}") for name, seconds in slowest]
    middle = statistics.median(took.values())
    rows.append((f"median of {len(took)}", f"{middle * 1e3:.2f} ms", f"{middle / unit:.1f}"))
    print(table(rows))
    print(f"target: 2 ms; bare work took {unit * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
