"""Measures the check of a port that a router drops, R = 50 ms away, by an ordinary user. Row 5: 3.5 s + 12 P.

No silence is judged before 3.5 s, because a machine that forwards the port to a host that is gone reports it after
3.1 s. nmap -sT ends sooner, reports "filtered" only, and misses that error. The verdict is printed too: a fast
result does not count if it names no hop.
"""

from __future__ import annotations

import shutil
import sys

from installed import arguments, install
from timing import table
from wire import SERVER, chain, measure, report, why_not

R = 0.05
_PORT, _OPEN = 8080, 80


def main() -> None:
    """Print the table and the verdict."""
    options = arguments("A dropped port behind two routers, with its hop named.", 5)
    if reason := why_not():
        sys.exit(reason)
    nmap = shutil.which("nmap")
    if not nmap:
        sys.exit("This benchmark needs nmap for comparison.")
    programs = install(options.venv)
    ours = [str(programs / "portdoctor"), "check", f"{SERVER}:{_PORT}", "--json"]
    commands = {
        "nmap -sT": [nmap, "-n", "-Pn", "-sT", "--unprivileged", "-p", str(_PORT), SERVER],
        "check --json": ours,
    }
    with chain(R, _PORT, _OPEN) as client:
        found = report(client, ours)
        measured = measure(client, commands, options.rounds)
    theirs = measured["nmap -sT"].took
    rows = [("what", "median", "ratio to nmap", "target")]
    for what, m in measured.items():
        target = "3.5 s + 12 P" if what.startswith("check") else ""
        rows.append((what, f"{m.took:.2f} s", f"{m.took / theirs:.2f}", target))
    print(table(rows))
    verdict = found["verdict"]
    print(f"verdict: {verdict['cause']}, {verdict['certainty']}. {verdict['explanation']}")  # type: ignore[index]


if __name__ == "__main__":
    main()
