"""Measures the start, as a ratio to P, the time of the bare interpreter of the same environment. Rows 1 and 2."""

from __future__ import annotations

import shutil
import socket

from installed import arguments, install
from timing import in_turns, table


def closed_port() -> int:
    """Return a loopback port that refuses connections: it was bound and released a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def main() -> None:
    """Print the table."""
    options = arguments("Start-up: the version, and the check of a refused loopback port.", 21)
    programs = install(options.venv)
    port = closed_port()
    ours, python = str(programs / "portdoctor"), str(programs / "python")
    commands = {
        "P: python -c pass": [python, "-c", "pass"],
        "--version": [ours, "--version"],
        "check refused --json": [ours, "check", f"127.0.0.1:{port}", "--json"],
        "check refused": [ours, "check", f"127.0.0.1:{port}"],
        "check --help": [ours, "check", "--help"],
        "--help": [ours, "--help"],
    }
    reach = {"--version": "7 P", "check refused --json": "10 P, 30 MiB"}
    peers = {"nmap": ["-n", "-Pn", "-sT", "-p", str(port), "127.0.0.1"], "curl": ["-s", f"http://127.0.0.1:{port}/"]}
    for peer, words in peers.items():
        if found := shutil.which(peer):
            commands[f"({peer})"] = [found, *words]
    measured = in_turns(commands, options.rounds)
    p = measured["P: python -c pass"].took
    rows = [("what", "median", "fastest", "ratio", "memory", "target")]
    rows += [
        (what, f"{m.took * 1e3:.0f} ms", f"{m.fastest * 1e3:.0f} ms", f"{m.took / p:.1f} P", f"{m.memory:.0f} MiB",
         reach.get(what, ""))
        for what, m in measured.items()
    ]  # fmt: skip
    print(table(rows))


if __name__ == "__main__":
    main()
