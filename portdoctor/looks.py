"""The looks that a sign may ask for, by name: which probe, with which arguments, in how many seconds.

Adding one: a function here and its row in LOOKS. A look puts its observations into the record, or says
with `settle` why it has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from . import ports
from .model import Connect, Datagram, Handshake, Outcome, Target, Trace, Want
from .outcomes import answered
from .probes import local
from .probes.connect import Patience, Role, connect, discard
from .probes.trace import BATCH, trace

if TYPE_CHECKING:
    from .checkup import Checkup

CONTROL_WAIT = 1.0  # seconds: a control that does not answer in this time is no help
MOST_SYNS = 60  # per host and checkup, all looks together; said in the report
ROUND_GAP = 1.0  # seconds between two rounds of a trace: routers limit their ICMP by the second
SILENT = 0.3  # seconds without an answer after which the path is looked at; most of the world is nearer
_RETRANSMISSION = 1.03  # seconds after which Linux sends the first SYN again (RFC 6298: 1 s)
_REPEATS = (0.0, 0.3, 0.6)  # seconds after the first silence at which a further SYN goes out


async def silence(c: Checkup, address: str, task: asyncio.Task[object], patience: Patience) -> None:
    """The connect has been silent: ask again, try other ports and trace, while it goes on waiting.

    Shortens the wait once a control answered in d seconds and three SYNs of ours, the kernel's own
    retransmission at 1 s among them, stayed unanswered for max(0.6 s, 8 d): waiting longer adds nothing.
    """
    c.see(await local.counters(c.host, c.clock))  # before the second SYN: does it fail inside this machine?
    waits = [(0.0, patience)]
    async with asyncio.TaskGroup() as group:
        for after in _REPEATS:
            repeat = Patience(c.options.timeout or 1.0)
            waits.append((SILENT + after, repeat))
            group.create_task(_repeat(c, address, after, repeat))
        if c.options.controls:
            group.create_task(_controls_and_trace(c, address))
        else:
            group.create_task(_round(c, address, 1, None, 0.6))
        if c.options.timeout is None:
            group.create_task(_shorten(c, address, task, waits))


async def _shorten(
    c: Checkup, address: str, task: asyncio.Task[object], waits: list[tuple[float, Patience]]
) -> None:
    """End all attempts at one moment, as soon as it is known; `waits` has when each began after the first."""
    for _ in range(60):
        await asyncio.sleep(0.05)
        if task.done():
            return
        repeats = [o for o in c.of(Connect) if o.address == address and o.role == "repeat"]
        if any(o.outcome is not Outcome.TIMEOUT for o in repeats):
            return  # something answers after all: wait to the end
        answers = [o.took for o in c.of(Connect) if o.address == address and o.role == "control" and answered(o)]
        if answers:
            enough = _RETRANSMISSION + max(0.6, 8 * min(answers))
            for began, wait in waits:
                wait.shorten(enough - began)
            return


async def _repeat(c: Checkup, address: str, after: float, patience: Patience) -> None:
    await asyncio.sleep(after)
    await attempt(c, address, c.target.port, "repeat", patience)


async def attempt(
    c: Checkup, address: str, port: int, role: Role, patience: Patience, *, series: int | None = None
) -> Connect:
    """Connect once more, put it into the record and hang up. `series`: its place in an ordered series."""
    o, sock = await connect(
        address, port, clock=c.clock, host=c.host, patience=patience, role=role, source=c.options.source
    )
    if sock is not None:
        discard(sock)
    if series is not None:
        o = replace(o, series=series)
    c.see(o)
    return o


async def controls(c: Checkup, address: str) -> None:
    """Connect to up to 8 further ports of the same host."""
    c.done.add(Want(probe="controls", args=(address,)))
    limit = min(c.options.timeout or CONTROL_WAIT, max(c.left(), 0.05))
    async with asyncio.TaskGroup() as group:
        for port in _beside(c.target)[:8]:
            group.create_task(attempt(c, address, port, "control", Patience(limit)))


def _beside(target: Target) -> tuple[int, ...]:
    """The ports to compare with; for UDP the TCP port of the same number first, often of the same service."""
    found = ports.controls_for(target.port)
    return found if target.transport == "tcp" else (target.port, *found)


def open_control(c: Checkup, address: str) -> int | None:
    """The port of a control that accepted."""
    found = (o for o in c.of(Connect) if o.role == "control" and o.address == address)
    return next((o.port for o in found if o.outcome is Outcome.OK), None)


async def _controls_and_trace(c: Checkup, address: str) -> None:
    task = asyncio.create_task(controls(c, address))
    for _ in range(25):  # the first round waits for an open control for a quarter of a second, no longer
        await asyncio.wait({task}, timeout=0.01)
        if task.done() or open_control(c, address) is not None:
            break
    await _rounds(c, address)
    await task


async def traced(c: Checkup, address: str) -> None:
    """Trace the asked port and an open control in two rounds."""
    if not any(o.role == "control" and o.address == address for o in c.of(Connect)) and c.options.controls:
        await controls(c, address)
    await _rounds(c, address)


async def _rounds(c: Checkup, address: str) -> None:
    """Two interleaved rounds, a second apart. The second only looks again at where the first saw a difference."""
    want = Want(probe="trace", args=(address,))
    if want in c.done and any(t.address == address for t in c.of(Trace)):
        return
    c.done.add(want)
    if not c.host.can().ttl_trace:
        c.settle(want, "not-possible-here", "This system does not tell an ordinary user which hop answered.")
        return
    began = c.clock()
    control = open_control(c, address)
    answers = [o.took for o in c.of(Connect) if o.address == address and answered(o)]
    wait = max(0.3, 4 * min(answers)) if answers else 0.6
    first = await _round(c, address, 1, control, wait)
    if control is None:
        control = open_control(c, address)
        if control is not None:
            first += [c.see(await _trace(c, address, control, "control", 1, (), wait))]  # type: ignore[list-item]
    near = _frontier(first)
    if control is None or not near or MOST_SYNS - spent(c, address) < 2 * len(near):
        return
    await asyncio.sleep(max(0.0, ROUND_GAP - (c.clock() - began)))
    await _round(c, address, 2, control, wait, near)


async def _round(
    c: Checkup, address: str, number: int, control: int | None, wait: float, ttls: tuple[int, ...] = ()
) -> list[Trace]:
    jobs = [_trace(c, address, c.target.port, "target", number, ttls, wait)]
    if control is not None:
        jobs.append(_trace(c, address, control, "control", number, ttls, wait))
    return [c.see(o) for o in await asyncio.gather(*jobs)]  # type: ignore[misc]


async def _trace(
    c: Checkup, address: str, port: int, role: Literal["target", "control"], number: int, ttls: tuple[int, ...],
    wait: float,
) -> Trace:  # fmt: skip
    return await trace(
        address, port, clock=c.clock, host=c.host, wait=wait, role=role, round=number, ttls=ttls,
        source=c.options.source,
    )  # fmt: skip


def _frontier(traces: list[Trace]) -> tuple[int, ...]:
    """The TTLs worth a second look: from the last hop that the failing port reached to where the control ended."""
    target = next((t for t in traces if t.role == "target"), None)
    control = next((t for t in traces if t.role == "control"), None)
    if target is None or control is None:
        return ()
    last = max((h.ttl for h in target.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)
    end = next((h.ttl for h in control.hops if h.outcome is Outcome.OK), 0)
    if end <= last + 1:
        return ()  # the difference lies at the host's own distance: a second round cannot tell more
    low = max(1, last)
    return tuple(range(low, min(low + BATCH, end + 1)))


def spent(c: Checkup, address: str) -> int:
    """SYNs sent to this address so far."""
    plain = sum(o.syns or 1 for o in c.of(Connect) if o.address == address)
    return plain + sum(len(o.hops) for o in c.of(Trace) if o.address == address)


async def own_port(c: Checkup, address: str, *, free: bool) -> None:
    """The target is this machine: what holds the port; and if it does not answer, could a program listen there?"""
    port = c.target.port
    c.see(await local.listeners(port, c.target.transport, c.host, c.clock))
    c.done.add(Want(probe="listeners", args=(str(port), c.target.transport)))
    if not free:
        return
    from .probes.bind import bind

    c.see(await bind(address, port, c.target.transport, True, c.clock, c.host))
    c.done.add(Want(probe="bind", args=(address, str(port), c.target.transport)))


async def _route(c: Checkup, address: str) -> None:
    c.see(await local.route(address, c.host, c.clock, c.options.source))


async def _neighbour(c: Checkup, address: str) -> None:
    c.see(await local.neighbour(address, c.host, c.clock))


async def _interfaces(c: Checkup) -> None:
    c.see(await local.interfaces(c.host, c.clock))


async def _listeners(c: Checkup, port: str, transport: str = "tcp") -> None:
    c.see(await local.listeners(int(port), transport, c.host, c.clock))  # type: ignore[arg-type]


async def _port_policy(c: Checkup) -> None:
    c.see(await local.port_policy(c.host, c.clock))


async def _counters(c: Checkup) -> None:
    c.see(await local.counters(c.host, c.clock))


async def _bind(c: Checkup, address: str, port: str, transport: str = "tcp") -> None:
    from .probes.bind import bind

    c.see(await bind(address, int(port), transport, True, c.clock, c.host))  # type: ignore[arg-type]


async def _hosts_file(c: Checkup, name: str) -> None:
    c.see(await local.hosts_file(name, c.host, c.clock))


async def _elsewhere(c: Checkup, address: str, port: str) -> None:
    await attempt(c, address, int(port), "elsewhere", Patience(c.options.timeout or 2.0))


async def _repeats(c: Checkup, address: str) -> None:
    if c.target.transport == "udp":
        from . import datagrams

        await datagrams.repeat(c, address)
        return
    for _ in range(3):
        await attempt(c, address, c.target.port, "repeat", Patience(c.options.timeout or 3.0))
        await asyncio.sleep(0.05)


async def _handshake(c: Checkup, address: str, variant: str) -> None:
    from .conversation import variant_handshake

    o: Handshake | None = await variant_handshake(c, address, variant)
    if o is None:
        c.settle(Want(probe="handshake", args=(address, variant)), "no-answer", "The second connection failed.")


async def _plain_http(c: Checkup, address: str) -> None:
    from .conversation import plain_http

    await plain_http(c, address)


async def _wire(c: Checkup, name: str) -> None:
    from .model import Lookup
    from .probes.lookup import ask_all

    seen = {(o.resolver, o.qtype) for o in c.of(Lookup) if o.via == "wire"}
    limit = c.clock() + min(3.0, max(c.left(), 0.1))
    async for o in ask_all(name, c.resolvers(), (4, 6), c.clock, limit, c.host):
        if (o.resolver, o.qtype) not in seen:
            c.see(o)


async def _wire_cd(c: Checkup, name: str, resolver: str) -> None:
    from .probes.lookup import ask

    for qtype in ("A", "AAAA"):
        c.see(await ask(name, qtype, resolver, c.clock, c.clock() + 3.0, checking_disabled=True, host=c.host))


async def _series(c: Checkup, address: str) -> None:
    from . import attempts

    await attempts.series(c, address)


async def _negative(c: Checkup, address: str) -> None:
    from . import attempts

    await attempts.negative(c, address)


async def _small_segments(c: Checkup, address: str) -> None:
    from .conversation import small_segments

    await small_segments(c, address)


def forbid_controls(c: Checkup) -> None:
    """The user forbade to touch other ports: say so for every look that would."""
    for address in dict.fromkeys(o.address for o in (*c.of(Connect), *c.of(Datagram)) if o.role == "target"):
        for probe in ("controls", "negative"):
            want = Want(probe=probe, args=(address,))
            c.done.add(want)
            c.settle(want, "forbidden-by-option", "Other ports were not tried: --no-controls.")


class Row(NamedTuple):
    """A look: how long it is expected to take, and its function."""

    seconds: float
    run: Callable[..., Awaitable[None]]


LOOKS: dict[str, Row] = {
    "route": Row(0.001, _route),
    "neighbour": Row(0.001, _neighbour),
    "interfaces": Row(0.001, _interfaces),
    "port-policy": Row(0.001, _port_policy),
    "counters": Row(0.001, _counters),
    "hosts-file": Row(0.001, _hosts_file),
    "listeners": Row(0.005, _listeners),
    "bind": Row(0.005, _bind),
    "repeat": Row(0.5, _repeats),
    "elsewhere": Row(0.3, _elsewhere),
    "handshake": Row(0.3, _handshake),
    "plain-http": Row(0.3, _plain_http),
    "negative": Row(0.3, _negative),
    "series": Row(2.0, _series),
    "small-segments": Row(1.5, _small_segments),
    "wire": Row(0.2, _wire),
    "wire-cd": Row(0.5, _wire_cd),
    "controls": Row(1.0, controls),
    "trace": Row(1.5, traced),
}
