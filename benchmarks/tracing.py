"""Measures a trace over five hops, R = 50 ms away, by an ordinary user. Row 6: at most 1.2 R in the process.

The trace is one round: one connection attempt per TTL, all at once, until the host responds to one of them.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time

from installed import arguments
from timing import table
from wire import SERVER, chain, why_not

R = 0.05
_PORT, _OPEN, _ROUTERS = 8080, 80, 4


def main() -> None:
    """Print the table: the trace against a plain connect, both in the client's namespace, without privileges."""
    options = arguments("A trace over five hops.", 7)
    if reason := why_not():
        sys.exit(reason)
    with chain(R, _PORT, _OPEN, _ROUTERS) as client:
        plain = ["ip", "netns", "exec", client, "unshare", "--user", "--map-user=1000", "--"]
        command = [*plain, sys.executable, __file__, "--inside", str(options.rounds)]
        found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=100).stdout)
    rows = [("what", "median", "ratio to R", "target")]
    rows.append(("connect", f"{found['connect'] * 1000:.1f} ms", f"{found['connect'] / R:.2f}", ""))
    rows.append((f"trace, {found['hops']} hops", f"{found['trace'] * 1000:.1f} ms", f"{found['trace'] / R:.2f}", "1.2"))
    print(table(rows))


async def _inside(rounds: int) -> dict[str, float]:
    from portdoctor.host import current
    from portdoctor.probes.connect import connect, discard
    from portdoctor.probes.trace import trace

    host, connects, traces, hops = current(), [], [], 0
    for _ in range(rounds + 1):  # the first warms the neighbour caches
        o, sock = await connect(SERVER, _OPEN, clock=time.monotonic, host=host, limit=2)
        if sock is not None:
            discard(sock)
        connects.append(o.took)
        t = await trace(SERVER, _OPEN, clock=time.monotonic, host=host, wait=1.0)
        traces.append(t.took)
        hops = t.hops[-1].ttl
        await asyncio.sleep(1.1)  # routers limit their ICMP errors per second
    return {"connect": statistics.median(connects[1:]), "trace": statistics.median(traces[1:]), "hops": hops}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        print(json.dumps(asyncio.run(_inside(int(sys.argv[2])))))
    else:
        main()
