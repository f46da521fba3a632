"""Measures the check of a refused port, R = 50 ms away. Row 3: at most R + 10 P."""

from __future__ import annotations

import shutil
import sys

from installed import arguments, install
from timing import table
from wire import SERVER, direct, measure, why_not

R = 0.05
_PORT = 8080


def main() -> None:
    """Print the table."""
    options = arguments("A refused port at a round trip of 50 ms.", 11)
    if reason := why_not():
        sys.exit(reason)
    programs = install(options.venv)
    commands = {
        "P: python -c pass": [str(programs / "python"), "-c", "pass"],
        "check --json": [str(programs / "portdoctor"), "check", f"{SERVER}:{_PORT}", "--json"],
    }
    peers = {"nmap": ["-n", "-Pn", "-sT", "-p", str(_PORT), SERVER], "nc": ["-z", SERVER, str(_PORT)]}
    for peer, words in peers.items():
        if found := shutil.which(peer):
            commands[f"({peer})"] = [found, *words]
    with direct(R) as client:
        measured = measure(client, commands, options.rounds)
    p = measured["P: python -c pass"].took
    rows = [("what", "median", "beyond R", "target")]
    for what, m in measured.items():
        beyond = f"R + {(m.took - R) / p:.1f} P" if m.took > R else ""
        rows.append((what, f"{m.took * 1e3:.0f} ms", beyond, "R + 10 P" if what.startswith("check") else ""))
    print(table(rows))


if __name__ == "__main__":
    main()
