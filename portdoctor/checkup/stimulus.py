"""Finds out which data of ours makes a connection end, and whether a device in the path ends it."""

from __future__ import annotations

import asyncio
import socket

from ..model import Connect, Greeting, Handshake, HttpReply, Outcome, Subject, Trace, Want
from ..probes.channel import Channel, Received, receive, send
from ..probes.connect import connect, discard
from ..signs.stimulus import ENDED, like_connections, long_enough, mixed, only_speaking_end, open_for, time_to_end
from .repeats import AGAIN_DATA, AGAIN_SYNS, FURTHER, MORE, MOST_SYNS, MOST_TTLS, TURNS, spent
from .session import Session

_LATE = 0.3  # seconds beyond the time in which a like connection must end: a late end is not an open connection
_SPEAKING = 1.0  # seconds for a connection that sends data: the server may end it later than the first one
_LIMIT = 3.0  # seconds for the TCP connection
_ANSWER = 1.5  # seconds for the response to another ClientHello: one lost packet is retransmitted within a second
_TRIPS = 12  # round trips for the same, where they take longer
OTHER_NAME = "other.example"  # a reserved name, RFC 2606 section 3
_LINE = (b"\r\n", "an empty line")  # for a service that sends first, or that has no harmless request


async def stimulus(c: Session, address: str) -> None:
    """Open silent and speaking connections in turn; record how each ends, as a Greeting with the role "variant".

    Where one that spoke took longer than the user's own, further silent ones are watched for longer.
    """
    want = Want(probe="stimulus", args=(address,))
    wait = open_for(c.report(), address) + _LATE
    if len(TURNS) * wait > c.left():
        c.give_reason(want, "out-of-budget", "No time was left to compare silent connections with speaking ones.")
        return
    for place, speaks in enumerate((*TURNS, *(False,) * FURTHER)):
        if place >= len(TURNS) and long_enough(c.report(), address) >= 2:
            break
        wait = open_for(c.report(), address) + _LATE
        if not await _one(c, address, speaks, max(wait, _SPEAKING) if speaks else wait):
            c.give_reason(want, "no-answer", "A further connection to the port failed.")
            return
    subject = Subject(kind="address", values=(address,))
    if mixed(c.report(), subject) and MORE * wait < c.left():
        speaks = like_connections(c.report(), subject)[0][0].sent is not None
        for _ in range(MORE):
            await _one(c, address, speaks, wait)
        return
    if "tls" not in c.target.stages and only_speaking_end(c.report(), address):
        await _decider(c, address, wait)


async def _one(c: Session, address: str, speaks: bool, wait: float) -> bool:
    """Open one connection and record how it ends; False when the connection failed."""
    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, limit=c.options.timeout or _LIMIT,
        role="repeat", source=c.options.source,
    )  # fmt: skip
    if sock is None:
        if o.outcome is not Outcome.RESET or o.icmp is not None:
            c.add(o)
            return False
        c.add(Greeting(  # accepted and reset before connect() returned: nothing was sent
            outcome=Outcome.RESET, began=o.began, took=0.0, address=address, port=c.target.port, role="variant",
            waited=wait, sent=_name(c) if speaks else None, errno=o.errno, os_says=o.os_says,
        ))  # fmt: skip
        return True
    try:
        c.add(await (_speak(c, address, sock, wait) if speaks else _listen(c, address, sock, wait)))
    finally:
        discard(sock)
    return True


def _name(c: Session) -> str:
    """Return the name of what a speaking connection sends."""
    from ..probes.greeting import request_to

    if "tls" in c.target.stages:
        return "a ClientHello"
    return "an HTTP request" if "http" in c.target.stages else (request_to(c.target.service) or _LINE)[1]


async def _listen(c: Session, address: str, sock: socket.socket, wait: float, data: bytes = b"") -> Greeting:
    """Send `data`, b"" for nothing, and wait for the first bytes or the end of the connection."""
    began = c.clock()
    channel = Channel(sock, c.clock)
    received = await send(channel, data, began + wait) if data else Received()
    if received.outcome is Outcome.OK:
        await receive(channel, received, began + wait)
    outcome = Outcome.OK if received.data else received.outcome
    return Greeting(
        outcome=outcome, began=began, took=c.clock() - began, address=address, port=c.target.port,
        role="variant", received=len(received.data), sent=_name(c) if data else None, waited=wait,
    )  # fmt: skip


async def _speak(c: Session, address: str, sock: socket.socket, wait: float) -> Greeting:
    """Send what the user's own connection sent."""
    t, began = c.target, c.clock()
    if "tls" in t.stages:
        return await _shake(c, address, sock, wait, c.options.sni or t.host, _name(c))
    if "http" in t.stages:
        from ..probes.http import request

        seen = await request(Channel(sock, c.clock), t.host, t.port, c.asked.path, address, c.clock, began + wait)
        return _as_greeting(seen, began, _name(c), wait)
    from ..probes.greeting import request_to

    return await _listen(c, address, sock, wait, (request_to(t.service) or _LINE)[0])


async def _shake(c: Session, address: str, sock: socket.socket, wait: float, name: str | None, sent: str) -> Greeting:
    from ..probes.handshake import handshake

    t, trust = c.target, await c.trust()
    alpn, began = ("http/1.1",) if "http" in t.stages else (), c.clock()
    o, _ = await handshake(
        sock, address, t.port, name, c.options.cafile, alpn, c.clock, began + wait, not c.options.insecure, trust=trust
    )
    return _as_greeting(o, began, sent, wait)


def _as_greeting(o: Handshake | HttpReply, began: float, sent: str, wait: float) -> Greeting:
    silent = (o.outcome in ENDED or o.outcome is Outcome.TIMEOUT) and not o.received
    return Greeting(
        outcome=o.outcome if silent else Outcome.OK, began=began, took=o.took, address=o.address, port=o.port,
        role="variant", received=o.received, sent=sent, waited=wait, errno=o.errno, os_says=o.os_says,
    )  # fmt: skip


async def _decider(c: Session, address: str, wait: float) -> None:
    """Send a ClientHello, where only the connections that sent other data ended."""
    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, limit=c.options.timeout or _LIMIT,
        role="repeat", source=c.options.source,
    )  # fmt: skip
    if sock is None:
        c.add(o)
        return
    try:
        c.add(await _shake(c, address, sock, min(max(wait, 1.0), max(c.left(), 0.1)), c.target.host, "a ClientHello"))
    finally:
        discard(sock)


async def hellos(c: Session, address: str) -> None:
    """Send the user's own ClientHello again, and others that differ in one thing, at the same time.

    At most TLS 1.2; and, where the server did not respond to a name, no name and another name.
    """
    own = next(o for o in c.of(Handshake) if o.role == "target" and o.address == address)
    trips = [o.rtt or o.took for o in c.of(Connect) if o.address == address and o.outcome is Outcome.OK]
    limit = min(c.options.timeout or max(_ANSWER, _TRIPS * min(trips, default=0.0)), max(c.left() - 0.2, 0.1))
    name = c.options.sni or c.target.host
    kinds: list[tuple[str | None, str | None]] = [(name, None), (name, "TLSv1.2")]
    if own.alert is None:
        kinds += [(None, None)] if own.sni else []
        kinds.append((OTHER_NAME, None))
    kinds.append((name, None))  # twice, for the reason of TURNS
    for o in await asyncio.gather(*(_hello(c, address, *kind, limit) for kind in kinds)):
        c.add(o)


async def _hello(
    c: Session, address: str, name: str | None, newest: str | None, limit: float
) -> Connect | Handshake:
    from ..probes.handshake import handshake

    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, limit=limit, role="repeat", source=c.options.source
    )
    if sock is None:
        return o
    alpn = ("http/1.1",) if "http" in c.target.stages else ()
    try:
        seen, _ = await handshake(
            sock, address, c.target.port, name, None, alpn, c.clock, c.clock() + limit, False,
            role="variant", newest=newest,
        )  # fmt: skip
    finally:
        discard(sock)
    return seen


async def trace_data(c: Session, address: str) -> None:
    """Send the same data with TTLs that do not reach the host, in two rounds; SYNs show how far it is."""
    from ..probes.data_trace import data_trace
    from ..probes.trace import trace

    want = Want(probe="data-trace", args=(address,))
    trips = [o.rtt or o.took for o in c.of(Connect) if o.address == address and o.outcome is Outcome.OK]
    wait = max(0.3, 4 * min(trips, default=0.0), (time_to_end(c.report(), address) or 0.0))
    if 4 * wait > c.left():
        c.give_reason(want, "out-of-budget", "No time was left to see at which hop the connection ends.")
        return
    port, source, data = c.target.port, c.options.source, _first_data(c)

    async def syns(number: int, ttls: tuple[int, ...]) -> Trace:
        o = await trace(
            address, port, clock=c.clock, host=c.host, wait=wait, round=number, ttls=ttls, source=source
        )
        return c.add(o)  # type: ignore[return-value]

    async def sends(number: int, ttls: tuple[int, ...]) -> Trace:
        o = await data_trace(
            address, port, data, ttls, clock=c.clock, host=c.host, wait=wait, round=number, source=source
        )
        return c.add(o)  # type: ignore[return-value]

    first = await syns(1, ())
    opened = next((h.ttl for h in first.hops if h.outcome is Outcome.OK), 0)
    room = MOST_SYNS - spent(c, address) - AGAIN_DATA - AGAIN_SYNS
    ttls = tuple(range(max(1, opened - min(MOST_TTLS, room)), opened))
    if not ttls:
        c.give_reason(want, "no-answer", "The distance of the host could not be measured.")
        return
    seen = await sends(1, ttls)
    ttl = next((h.ttl for h in seen.hops if h.outcome in ENDED), None)
    if ttl is None:
        return
    for _ in range(AGAIN_DATA):
        await sends(2, (ttl,))
    await asyncio.gather(*(syns(2, (ttl,)) for _ in range(AGAIN_SYNS)))


def _first_data(c: Session) -> bytes:
    """Return what the user's own connection sent first."""
    t = c.target
    if "tls" in t.stages:
        from ..probes.handshake import client_hello

        return client_hello(c.options.sni or t.host, ("http/1.1",) if "http" in t.stages else ())
    if "http" in t.stages:
        from ..probes.http import request_text

        return request_text(False, t.host, t.port, c.asked.path)
    from ..probes.greeting import request_to

    return (request_to(t.service) or _LINE)[0]
