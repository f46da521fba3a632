"""The follow-up probes that a sign may request, by name: the function, the expected time, and what each sends.

To add one, write a function here and its row in FOLLOW_UPS. It adds its observations to the session, or states with
`give_reason` why there are none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from ..model import Connect, Datagram, Stage, Want
from ..probes import local
from ..probes.burst import BURSTS, CONNECTIONS
from ..probes.threads import in_thread
from ..probes.trace import FARTHEST
from ..services.ports import MOST_CONTROLS
from .lookup_again import ROUNDS
from .path import traced
from .repeats import (
    AGAIN_DATA,
    AGAIN_SYNS,
    FURTHER,
    MORE,
    MOST_TTLS,
    RANDOM_PORTS,
    SERIES,
    TURNS,
    attempt,
    controls,
    negative,
    series,
)
from .session import Session

_REPEATS = 3


async def _route(c: Session, address: str) -> None:
    port, transport = c.endpoint(address)
    c.add(await local.route(address, c.host, c.clock, c.options.source, port, transport))


async def _neighbour(c: Session, address: str) -> None:
    c.add(await local.neighbour(address, c.host, c.clock))


async def _interfaces(c: Session) -> None:
    c.add(await local.interfaces(c.host, c.clock))


async def _listeners(c: Session, port: str, transport: str = "tcp") -> None:
    c.add(await local.listeners(int(port), transport, c.host, c.clock))  # type: ignore[arg-type]


async def _port_policy(c: Session) -> None:
    c.add(await local.port_policy(c.host, c.clock))


async def _counters(c: Session) -> None:
    c.add(await local.counters(c.host, c.clock))


async def _burst(c: Session, address: str) -> None:
    from ..probes.burst import burst

    async with c.descriptors.probes.some(1):
        o = await burst(address, c.target.port, c.clock, c.host, c.options.source)
    if o is None:
        want = Want(probe="burst", args=(address,))
        c.give_reason(want, "not-possible-here", "This system does not show the packets of each interface.")
    else:
        c.add(o)


async def _bind(c: Session, address: str, port: str, transport: str = "tcp") -> None:
    from ..probes.bind import bind

    c.add(await bind(address, int(port), transport, True, c.clock, c.host))  # type: ignore[arg-type]


async def _hosts_file(c: Session, name: str) -> None:
    c.add(await local.hosts_file(name, c.host, c.clock))


async def _elsewhere(c: Session, address: str, port: str) -> None:
    await attempt(c, address, int(port), "elsewhere", c.options.timeout or 2.0)


async def _repeats(c: Session, address: str) -> None:
    if c.endpoint(address)[1] == "udp":
        from . import datagrams

        await datagrams.repeat(c, address)
        return
    for _ in range(_REPEATS):
        await attempt(c, address, c.target.port, "repeat", c.options.timeout or 3.0)
        await asyncio.sleep(0.05)


async def _handshake(c: Session, address: str) -> None:
    from .stimulus import hellos

    await hellos(c, address)


async def _plain_http(c: Session, address: str) -> None:
    from .conversation import plain_http

    await plain_http(c, address)


async def _wire(c: Session, name: str) -> None:
    from ..model import Lookup
    from ..probes.lookup import most_queries, query_resolvers

    seen = {(o.resolver, o.qtype) for o in c.of(Lookup) if o.via == "wire"}
    limit = c.clock() + max(c.left(), 0.1)
    async with c.descriptors.probes.some(most_queries(c.resolvers())):
        async for o in query_resolvers(name, c.resolvers(), (4, 6), c.clock, limit, c.host):
            if (o.resolver, o.qtype) not in seen:
                c.add(o)


async def _wire_cd(c: Session, name: str, resolver: str) -> None:
    from ..probes.lookup import query_resolver

    for qtype in ("A", "AAAA"):
        until = c.clock() + 3.0
        c.add(await query_resolver(name, qtype, resolver, c.clock, until, checking_disabled=True, host=c.host))


async def _repeat_lookup(c: Session, name: str) -> None:
    from .lookup_again import repeat_lookup

    await repeat_lookup(c, name)


async def _near_names(c: Session, name: str, resolver: str) -> None:
    from ..probes.near_names import query_near_names

    async for o in query_near_names(name, resolver, c.clock, c.clock() + min(3.0, max(c.left() - 0.5, 0.1)), c.host):
        c.add(o)


async def _upstreams(c: Session, name: str) -> None:
    """Query the servers that a stub resolver on this machine forwards to."""
    from ..probes.lookup import most_queries, query_resolvers

    c.upstreams = tuple(a for a in await in_thread(c.host.upstreams, "upstreams") if a not in c.resolvers())
    if not c.upstreams:
        want = Want(probe="upstreams", args=(name,))
        c.give_reason(want, "not-possible-here", "The upstream servers of the local resolver are not known.")
    limit = c.clock() + max(c.left() - 0.5, 0.1)
    async with c.descriptors.probes.some(most_queries(c.upstreams)):
        async for o in query_resolvers(name, c.upstreams, (4, 6), c.clock, limit, c.host):
            c.add(o)


async def _small_segments(c: Session, address: str) -> None:
    from .conversation import small_segments

    await small_segments(c, address)


async def _stimulus(c: Session, address: str) -> None:
    from .stimulus import stimulus

    await stimulus(c, address)


async def _data_trace(c: Session, address: str) -> None:
    from .stimulus import trace_data

    await trace_data(c, address)


def forbid_controls(c: Session) -> None:
    """Session for each probe of other ports that the option --no-controls forbids it."""
    for address in dict.fromkeys(o.address for o in (*c.of(Connect), *c.of(Datagram)) if o.role == "target"):
        for probe in ("controls", "negative"):
            want = Want(probe=probe, args=(address,))
            c.done.add(want)
            c.give_reason(want, "forbidden-by-option", "Other ports were not tried, because of --no-controls.")


class Sends(NamedTuple):
    """What a follow-up probe sends at most: `most` times `what` to each destination of a kind.

    `to`: "port", the target port of each address; "control", other ports of each address; "path", the target port
    with low TTLs; "resolvers", each configured resolver; "system", getaddrinfo; "upstreams", each server that a local
    stub resolver forwards to; "elsewhere", an address that DNS gives and this machine does not use (counted for the
    whole target). The probe applies to targets with one of the `stages`.
    """

    most: int
    what: Literal[
        "connection", "connection, some with the same data again", "connection with the same request",
        "connection with a ClientHello", "connection with an HTTP request",
        "query", "lookup", "exchange", "SYN with a low TTL", "connection whose data has a low TTL",
    ]  # fmt: skip
    to: Literal["port", "control", "path", "resolvers", "system", "upstreams", "elsewhere"]
    stages: tuple[Stage, ...] = ("tcp",)


class FollowUp(NamedTuple):
    """A follow-up probe: the seconds that it is expected to take, its function, and what it sends to the network."""

    seconds: float
    run: Callable[..., Awaitable[None]]
    sends: tuple[Sends, ...] = ()


_LATER_STAGES: tuple[Stage, ...] = ("tls", "http", "app")
FOLLOW_UPS: dict[str, FollowUp] = {
    "route": FollowUp(0.001, _route),
    "neighbour": FollowUp(0.001, _neighbour),
    "interfaces": FollowUp(0.001, _interfaces),
    "port-policy": FollowUp(0.001, _port_policy),
    "counters": FollowUp(0.001, _counters),
    "hosts-file": FollowUp(0.001, _hosts_file),
    "listeners": FollowUp(0.005, _listeners),
    "bind": FollowUp(0.005, _bind),
    "burst": FollowUp(0.05, _burst, (Sends(BURSTS * CONNECTIONS, "connection", "port"),)),
    "repeat": FollowUp(0.5, _repeats, (Sends(_REPEATS, "connection", "port"), Sends(2, "exchange", "port", ("udp",)))),
    "elsewhere": FollowUp(0.3, _elsewhere, (Sends(2, "connection", "elsewhere", ("dns",)),)),  # one per IP version
    "handshake": FollowUp(0.5, _handshake, (Sends(5, "connection with a ClientHello", "port", ("tls",)),)),
    "plain-http": FollowUp(0.3, _plain_http, (Sends(1, "connection with an HTTP request", "port", ("tls",)),)),
    "negative": FollowUp(0.3, negative, (Sends(RANDOM_PORTS, "connection", "control"),)),
    "series": FollowUp(2.0, series, (Sends(SERIES - 1, "connection", "port"),)),
    "small-segments": FollowUp(
        1.5, _small_segments, (Sends(3, "connection with the same request", "port", _LATER_STAGES),)
    ),
    "stimulus": FollowUp(1.0, _stimulus, (
        Sends(len(TURNS) + FURTHER + MORE, "connection, some with the same data again", "port", _LATER_STAGES),
    )),
    "data-trace": FollowUp(2.0, _data_trace, (
        Sends(MOST_TTLS + AGAIN_DATA, "connection whose data has a low TTL", "path", _LATER_STAGES),
        Sends(FARTHEST + AGAIN_SYNS, "SYN with a low TTL", "path", _LATER_STAGES),
    )),
    "wire": FollowUp(0.2, _wire, (Sends(2, "query", "resolvers", ("dns",)),)),
    "wire-cd": FollowUp(0.5, _wire_cd, (Sends(2, "query", "resolvers", ("dns",)),)),
    "repeat-lookup": FollowUp(
        0.8, _repeat_lookup,
        (Sends(2 * ROUNDS + 2, "query", "resolvers", ("dns",)), Sends(1, "lookup", "system", ("dns",))),
    ),
    "near-names": FollowUp(0.3, _near_names, (Sends(3, "query", "resolvers", ("dns",)),)),
    "upstreams": FollowUp(4.0, _upstreams, (Sends(2, "query", "upstreams", ("dns",)),)),
    "controls": FollowUp(1.0, controls, (Sends(MOST_CONTROLS, "connection", "control", ("tcp", "udp")),)),
    "trace": FollowUp(1.5, traced, (Sends(3 * FARTHEST, "SYN with a low TTL", "path"),)),  # three ports at most
}
