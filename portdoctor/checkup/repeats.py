"""Probes that connect again: to the target port, to other ports of the host, in a series."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ..model import Burst, Connect, Note, Outcome, Target, Trace, Want
from ..probes import local
from ..probes.burst import BURSTS
from ..probes.connect import Role, connect, discard
from ..services import ports
from .session import Session

CONTROL_WAIT = 1.0  # seconds: a control that does not respond within this time does not help
MOST_SYNS = 60  # per host and checkup, over all probes; a series that reaches the limit is noted in the report
SERIES = 10  # attempts in all, the user's own among them: enough for "3 of 10", started within a second
GAP = 0.1  # seconds between two starts: no burst, and a limit per second or minute still shows
LONGEST = 3.5  # seconds for one attempt, as for the user's own
# Which connections speak, after the user's own. No order of a load balancer's turn among two to five servers, some of
# them dead, makes all that speak end, like the user's own, and no other.
TURNS = (False, True, True, False, False)
FURTHER = 4  # silent connections at most, where this process or the server was too busy for the first ones
MORE = 4  # further connections like the user's own, where some end and others do not
MOST_TTLS = 15  # connections of a data trace: a device in the path ends all of those that pass it
AGAIN_DATA, AGAIN_SYNS = 3, 5  # at the deciding TTL: all alike on two equal paths once in 1,024 times
_LEAST = 1.3  # seconds that an attempt must be able to wait: more than the first retransmission at 1.03 s
RANDOM_PORTS = 3  # per checkup: with MOST_CONTROLS at most eight further ports of a host
_HIGH = (20000, 29999)  # below node ports (30000) and source ports (32768): the least likely to be open or forwarded


async def attempt(
    c: Session, address: str, port: int, role: Role, limit: float, *, series: int | None = None
) -> Connect:
    """Connect once more, record it and close the connection. `series`: its position in an ordered series."""
    async with c.descriptors.probes.some(1):
        o, sock = await connect(
            address, port, clock=c.clock, host=c.host, limit=limit, role=role, source=c.options.source
        )
        if sock is not None:
            discard(sock)
    if series is not None:
        o = replace(o, series=series)
    c.add(o)
    return o


async def controls(c: Session, address: str) -> None:
    """Connect to further ports of the same host that are likely to respond."""
    c.done.add(Want(probe="controls", args=(address,)))
    limit = min(c.options.timeout or CONTROL_WAIT, max(c.left(), 0.05))
    async with asyncio.TaskGroup() as group:
        for port in _comparison_ports(c, address):
            group.create_task(attempt(c, address, port, "control", limit))


def _comparison_ports(c: Session, address: str) -> tuple[int, ...]:
    """Beside a resolver only its own port over TCP, never others."""
    port, _ = c.endpoint(address)
    return control_ports(c.target) if port == c.target.port else (port,)


def control_ports(target: Target) -> tuple[int, ...]:
    """Return the ports to compare with; for UDP the TCP port of the same number first, often of the same service."""
    found = ports.controls_for(target.port)
    return found if target.transport == "tcp" else (target.port, *found)[: ports.MOST_CONTROLS]


def open_control(c: Session, address: str) -> int | None:
    """Return the port of a control that accepted, None if none did."""
    found = (o for o in c.of(Connect) if o.role == "control" and o.address == address)
    return next((o.port for o in found if o.outcome is Outcome.OK), None)


def spent(c: Session, address: str) -> int:
    """Return the number of SYNs sent to this address so far."""
    plain = sum(o.syns or 1 for o in c.of(Connect) if o.address == address)
    bursts: int = sum(BURSTS * o.connections for o in c.of(Burst) if o.address == address)
    return plain + bursts + sum(len(o.hops) for o in c.of(Trace) if o.address == address)


async def own_port(c: Session, address: str, *, free: bool) -> None:
    """Read which process uses the port of this machine; `free`: also try by a bind whether a program could listen."""
    port = c.target.port
    c.add(await local.listeners(port, c.target.transport, c.host, c.clock))
    c.done.add(Want(probe="listeners", args=(str(port), c.target.transport)))
    if not free:
        return
    from ..probes.bind import bind

    c.add(await bind(address, port, c.target.transport, True, c.clock, c.host))
    c.done.add(Want(probe="bind", args=(address, str(port), c.target.transport)))


async def series(c: Session, address: str, wanted: int = SERIES) -> None:
    """Connect repeatedly, one start every GAP seconds, until `wanted` attempts were made, the user's own among them.

    Attempts overlap and are ordered by their starts. Stops at the limit of SYNs per host.
    """
    want = Want(probe="series", args=(address,))
    c.done.add(want)
    limit = min(c.options.timeout or LONGEST, c.left() - GAP * wanted - 0.3)
    if limit < min(_LEAST, c.options.timeout or _LEAST):
        c.give_reason(want, "out-of-budget", "No time was left for a series of attempts.")
        return
    running: set[asyncio.Task[None]] = set()
    made = 1
    try:
        while made < wanted and spent(c, address) + len(running) < MOST_SYNS:
            made += 1
            running.add(asyncio.create_task(_attempt(c, address, made, limit)))
            await asyncio.sleep(GAP)
            running = {task for task in running if not task.done()}
        if running:
            await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()
    if made < wanted:
        text = f"Only {made} of {wanted} attempts were made: the limit is {MOST_SYNS} SYNs per host."
        c.note(Note(kind="info", text=text, stage="tcp"))


async def _attempt(c: Session, address: str, place: int, limit: float) -> None:
    await attempt(c, address, c.target.port, "repeat", limit, series=place)


def random_ports(c: Session, count: int) -> list[int]:
    """Return `count` random high ports: RANDOM_PORTS different ones, chosen once per checkup, repeated in turn."""
    if not c.random_ports:
        import random

        others = [port for port in range(_HIGH[0], _HIGH[1] + 1) if port != c.target.port]
        c.random_ports.extend(random.sample(others, RANDOM_PORTS))
    return [c.random_ports[place % RANDOM_PORTS] for place in range(count)]


async def negative(c: Session, address: str) -> None:
    """Connect to random high ports, which should be closed: that all accept shows something that accepts any port."""
    limit = min(c.options.timeout or CONTROL_WAIT, max(c.left() - 0.1, 0.05))
    seen = await asyncio.gather(
        *(attempt(c, address, port, "negative", limit) for port in random_ports(c, RANDOM_PORTS))
    )
    if all(o.outcome is Outcome.EXHAUSTED for o in seen):
        want = Want(probe="negative", args=(address,))
        c.give_reason(want, "not-possible-here", "This machine had no free socket for the probe.")
