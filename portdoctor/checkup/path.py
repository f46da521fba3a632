"""Probes the path while a connection gets no response: more attempts, other ports, traces in two rounds."""

from __future__ import annotations

import asyncio
from typing import Literal

from ..model import Connect, Hop, Outcome, Trace, Want
from ..outcomes import answered
from ..probes import local
from ..probes.trace import BATCH, trace
from .repeats import MOST_SYNS, attempt, controls, open_control, random_ports, spent
from .session import Session

ROUND_GAP = 1.0  # seconds between two rounds of a trace: routers limit their ICMP errors per second
SILENT = 0.3  # seconds without a response after which the path is probed: most round trips are shorter
_SOME = 5  # repetitions at the deciding hop: six equal results with the first round happen at random once in 4,096
_MANY = 7  # the same where packets take different paths
REPEATS = (0.0, 0.3, 0.6)  # seconds after SILENT at which a further SYN is sent


async def probe_silence(c: Session, address: str) -> None:
    """Send more SYNs, try other ports and trace, while the connect without a response goes on waiting.

    None of them shortens that wait: a machine that forwards this port alone to a host that is gone reports it after
    3.1 s, when its address resolution has failed, and no other port shows that.
    """
    c.add(await local.counters(c.host, c.clock))  # before the second SYN: does this machine drop it?
    async with asyncio.TaskGroup() as group:
        for after in REPEATS:
            group.create_task(_repeat(c, address, after))
        if c.options.controls:
            group.create_task(_controls_and_trace(c, address))
        else:
            group.create_task(_round(c, address, None, 0.6))


async def _repeat(c: Session, address: str, after: float) -> None:
    await asyncio.sleep(after)
    await attempt(c, address, c.target.port, "repeat", c.options.timeout or 1.0)


async def _controls_and_trace(c: Session, address: str) -> None:
    task = asyncio.create_task(controls(c, address))
    for _ in range(25):  # the first round waits for an open control for a quarter of a second, no longer
        await asyncio.wait({task}, timeout=0.01)
        if task.done() or open_control(c, address) is not None:
            break
    await _rounds(c, address)
    await task


async def traced(c: Session, address: str) -> None:
    """Trace the target port, random ports and an open control in two rounds."""
    if not any(o.role == "control" and o.address == address for o in c.of(Connect)) and c.options.controls:
        await controls(c, address)
    await _rounds(c, address)


async def _rounds(c: Session, address: str) -> None:
    """Run two rounds, a second apart. The second probes only the hop that decides, several times."""
    want = Want(probe="trace", args=(address,))
    if want in c.done and any(t.address == address for t in c.of(Trace)):
        return
    c.done.add(want)
    if not c.host.can().ttl_trace:
        c.give_reason(want, "not-possible-here", "This system does not show who sent an ICMP error.")
        return
    began = c.clock()
    control = open_control(c, address)
    answers = [o.took for o in c.of(Connect) if o.address == address and answered(o)]
    wait = max(0.3, 4 * min(answers)) if answers else 0.6
    first = await _round(c, address, control, wait)
    if control is None:
        control = open_control(c, address)
        if control is not None:
            first += [c.add(await _trace(c, address, control, "control", 1, (), wait))]  # type: ignore[list-item]
    ttl = _decisive(first, address)
    doubtful = _too_near(first, address)
    if ttl is None and doubtful is None:
        return
    await asyncio.sleep(max(0.0, ROUND_GAP - (c.clock() - began)))
    if ttl is not None:
        await _again(c, address, ttl, control, _MANY if _differ(first) else _SOME, wait)
    if doubtful is not None and control is not None:
        await _compare_paths(c, address, doubtful, control, wait)


async def _round(c: Session, address: str, control: int | None, wait: float) -> list[Trace]:
    """Trace the target port, a random port and an open control, in this order: see `_again`."""
    jobs = [_trace(c, address, c.target.port, "target", 1, (), wait)]
    if c.options.controls:
        jobs.append(_trace(c, address, random_ports(c, 1)[0], "random", 1, (), wait))
    if control is not None:
        jobs.append(_trace(c, address, control, "control", 1, (), wait))
    return [c.add(o) for o in await asyncio.gather(*jobs)]  # type: ignore[misc]


async def _again(c: Session, address: str, ttl: int, control: int | None, times: int, wait: float) -> None:
    """Probe one TTL several times: each attempt has its own source port, and so may take a different path.

    The target port goes first: where a router limits its ICMP errors, the limit then affects the other ports, so that
    a missing response for the target port is not due to the limit.
    """
    times = min(times, (MOST_SYNS - spent(c, address) - 1) // 2)
    if times < 1:
        return
    jobs = [_trace(c, address, c.target.port, "target", 2, (ttl,), wait) for _ in range(times)]
    if c.options.controls:
        jobs += [_trace(c, address, port, "random", 2, (ttl,), wait) for port in random_ports(c, times)]
    if control is not None:
        jobs.append(_trace(c, address, control, "control", 2, (ttl,), wait))
    for o in await asyncio.gather(*jobs):
        c.add(o)


async def _compare_paths(c: Session, address: str, ttl: int, control: int, wait: float) -> None:
    """Probe the TTL at which the control responded, once per source port: does the path differ, or is it a proxy?"""
    times = min(_SOME, (MOST_SYNS - spent(c, address)) // 2)
    ports = random_ports(c, times)
    jobs = [_trace(c, address, control, "control", 3, (ttl,), wait) for _ in ports]
    jobs += [_trace(c, address, port, "random", 3, (ttl,), wait) for port in ports]
    for o in await asyncio.gather(*jobs):
        c.add(o)


async def _trace(
    c: Session, address: str, port: int, role: Literal["target", "control", "random"], number: int,
    ttls: tuple[int, ...], wait: float,
) -> Trace:  # fmt: skip
    async with c.descriptors.probes.some(len(ttls) or BATCH):
        return await trace(
            address, port, clock=c.clock, host=c.host, wait=wait, role=role, round=number, ttls=ttls,
            source=c.options.source, progress=c.progressed if role == "target" and not ttls else None,
        )  # fmt: skip


def _decisive(traces: list[Trace], address: str) -> int | None:
    """Return the lowest TTL at which packets to other ports are still forwarded, and to the target port are not."""
    mine = next(t for t in traces if t.role == "target")
    forwarded = {
        h.ttl for t in traces for h in t.hops
        if t.role != "target" and h.outcome is Outcome.TTL_EXPIRED and h.address not in (None, address)
    }  # fmt: skip
    end = mine.hops[-1]
    if end.outcome not in (Outcome.TIMEOUT, Outcome.TTL_EXPIRED):
        if end.icmp is not None:  # rejected: packets to other ports may end there too, by the host's own response
            forwarded |= {h.ttl for t in traces for h in t.hops if t.role == "random" and _answered(h)}
        return end.ttl if end.ttl in forwarded else None
    last = max((h.ttl for h in mine.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)
    silent = {h.ttl for h in mine.hops if h.outcome is Outcome.TIMEOUT and h.ttl > last}
    return min(silent & forwarded, default=None)


def _too_near(traces: list[Trace], address: str) -> int | None:
    """Return the TTL at which a control responded although routers responded there, or beyond, for all other ports.

    A proxy in front of the host gives this result, and so do paths of different length.
    """
    far = min(
        max((h.ttl for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address != address), default=0)
        for t in traces if t.role != "control"
    )  # fmt: skip
    ends = (h.ttl for t in traces if t.role == "control" for h in t.hops if _answered(h))
    return next((ttl for ttl in ends if ttl <= far), None)


def _answered(hop: Hop) -> bool:
    return hop.icmp is None and hop.outcome in (Outcome.OK, Outcome.REFUSED)


def _differ(traces: list[Trace]) -> bool:
    """Return whether two routers responded at one TTL: there are several paths, perhaps of different lengths."""
    seen: dict[int, set[str]] = {}
    for hop in (h for t in traces for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address):
        seen.setdefault(hop.ttl, set()).add(hop.address or "")
    return any(len(found) > 1 for found in seen.values())
