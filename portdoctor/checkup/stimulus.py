"""Compares connections that send nothing with connections that send the same as the user's own."""

from __future__ import annotations

import socket

from ..model import Greeting, Handshake, HttpReply, Outcome, Want
from ..probes.channel import Channel, Received, receive, send
from ..probes.connect import connect, discard
from ..signs.app import ENDED, long_enough, only_speaking_end, open_for
from ..text import is_address
from .session import Session

PAIRS = 2  # of a silent and a speaking connection, in turn: a like result twice, on both sides of the other kind
FURTHER = 4  # silent connections at most, where this process or the server was too busy for the first ones
_LATE = 0.3  # seconds beyond the time in which a like connection must end: a late end is not an open connection
_SPEAKING = 1.0  # seconds for a connection that sends data: the server may end it later than the first one
_LIMIT = 3.0  # seconds for the TCP connection
OTHER_NAME = "other.example"  # a reserved name, RFC 2606 section 3
_LINE = (b"\r\n", "an empty line")  # for a service that sends first, or that has no harmless request


async def stimulus(c: Session, address: str) -> None:
    """Open silent and speaking connections in turn; record how each ends, as a Greeting with the role "variant".

    Where one that spoke took longer than the user's own, further silent ones are watched for longer.
    """
    want = Want(probe="stimulus", args=(address,))
    wait = open_for(c.report(), address) + _LATE
    if 2 * PAIRS * wait > c.left():
        c.give_reason(want, "out-of-budget", "No time was left to compare silent connections with speaking ones.")
        return
    for speaks in (False, True) * PAIRS + (False,) * FURTHER:
        if not speaks and long_enough(c.report(), address) >= PAIRS:
            break
        wait = open_for(c.report(), address) + _LATE
        if not await _one(c, address, speaks, max(wait, _SPEAKING) if speaks else wait):
            c.give_reason(want, "no-answer", "A further connection to the port failed.")
            return
    if only_speaking_end(c.report(), address):
        await _deciders(c, address, wait)


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
    o, _ = await handshake(sock, address, t.port, name, c.options.cafile, alpn, c.clock, began + wait, trust=trust)
    return _as_greeting(o, began, sent, wait)


def _as_greeting(o: Handshake | HttpReply, began: float, sent: str, wait: float) -> Greeting:
    silent = (o.outcome in ENDED or o.outcome is Outcome.TIMEOUT) and not o.received
    return Greeting(
        outcome=o.outcome if silent else Outcome.OK, began=began, took=o.took, address=o.address, port=o.port,
        role="variant", received=o.received, sent=sent, waited=wait, errno=o.errno, os_says=o.os_says,
    )  # fmt: skip


async def _deciders(c: Session, address: str, wait: float) -> None:
    """Send other data, where only the connections that sent data ended."""
    if "tls" not in c.target.stages:
        hellos: tuple[tuple[str | None, str], ...] = ((c.target.host, "a ClientHello"),)
    elif c.options.sni or not is_address(c.target.host):
        hellos = ((None, "a ClientHello without a server name"), (OTHER_NAME, "a ClientHello with another server name"))
    else:
        return
    for name, sent in hellos:
        o, sock = await connect(
            address, c.target.port, clock=c.clock, host=c.host, limit=c.options.timeout or _LIMIT,
            role="repeat", source=c.options.source,
        )  # fmt: skip
        if sock is None:
            c.add(o)
            return
        try:
            c.add(await _shake(c, address, sock, min(max(wait, 1.0), max(c.left(), 0.1)), name, sent))
        finally:
            discard(sock)
