"""Measures when the last hop before a dropped port, R = 50 ms away, is on the screen. Row 5: at most 0.5 s, live.

`check` runs on a pseudo-terminal, by an ordinary user. The time counts from the start of the process to the first live
line with the address of the router that drops the port.
"""

from __future__ import annotations

import os
import pty
import select
import statistics
import sys
import time

from installed import arguments, install
from timing import table
from wire import SERVER, chain, why_not

R = 0.05
_PORT, _OPEN = 8080, 80
_HOP = b"10.98.2.2"  # the second router: it drops the port
_LONGEST = 10.0  # seconds


def main() -> None:
    """Print the table."""
    options = arguments("The last hop before a dropped port, shown live.", 5)
    if reason := why_not():
        sys.exit(reason)
    program = str(install(options.venv) / "portdoctor")
    with chain(R, _PORT, _OPEN) as client:
        plain = ["ip", "netns", "exec", client, "unshare", "--user", "--map-user=1000", "--"]
        command = [*plain, program, "check", f"{SERVER}:{_PORT}"]
        took = []
        for _ in range(options.rounds + 1):  # the first warms the neighbour caches
            took.append(shown_after(command))
            time.sleep(1.1)  # routers limit their ICMP errors per second
    rows = [("what", "median", "longest", "target"), ("hop shown", *_texts(took[1:]), "0.5 s")]
    print(table(rows))


def _texts(took: list[float]) -> tuple[str, str]:
    return f"{statistics.median(took):.2f} s", f"{max(took):.2f} s"


def shown_after(command: list[str]) -> float:
    """Return the seconds until the terminal shows the hop. Ends the check then, or after _LONGEST."""
    began = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen = b""
    try:
        while _HOP not in seen:
            left = began + _LONGEST - time.monotonic()
            if left <= 0 or not select.select([terminal], [], [], left)[0]:
                sys.exit(f"the hop was not shown in {_LONGEST:g} s: {seen[-300:]!r}")
            seen += os.read(terminal, 65536)
        return time.monotonic() - began
    finally:
        os.close(terminal)  # a hang-up ends the check
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
