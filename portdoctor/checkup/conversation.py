"""Takes an open connection through the later stages, TLS, then HTTP or the service's greeting, and repeats them."""

from __future__ import annotations

import asyncio
import socket

from msgspec.structs import replace

from ..engine.subjects import path_of
from ..model import Connect, Greeting, Handshake, HttpReply, Observation, Outcome, Stage
from ..probes.channel import Channel
from ..probes.connect import connect, discard
from .session import Session

SMALL = 536  # bytes per segment: the IPv4 default MSS (RFC 9293 section 3.7.1), below the IPv6 minimum MTU of 1280
_LIMIT = 5.0  # seconds for a further probe on its own connection
_PLAIN = 2.0  # seconds for a plaintext request: a server that uses plaintext responds at once
_AGAIN = 1.5  # seconds for an exchange that stalled before: one lost packet is retransmitted within a second
_TRIPS = 12  # round trips for the same, where they take longer: TLS with its certificate in small segments needs five


async def run_stages(c: Session, address: str, sock: socket.socket, stages: tuple[Stage, ...], limit: float) -> None:
    """Run the stages after the connect, each with `limit` seconds; stop at the first that fails."""
    channel: Channel | None = Channel(sock, c.clock)
    if "tls" in stages:
        channel = await _secure(c, address, sock, stages, limit)
    if channel is None:
        return
    if channel.encrypted and c.options.insecure:
        await _verify(c, address, limit)
    if "http" in stages:
        await _ask_http(c, address, channel, limit)
    elif "app" in stages:
        from ..probes.greeting import greet

        t = c.target
        c.add(await greet(channel, address, t.port, t.service, c.clock, c.clock() + limit))


async def _secure(
    c: Session, address: str, sock: socket.socket, stages: tuple[Stage, ...], limit: float
) -> Channel | None:
    from ..probes.handshake import handshake

    alpn = ("http/1.1",) if "http" in stages else ()
    name, trust = c.options.sni or c.target.host, await c.trust()
    o, channel = await handshake(
        sock, address, c.target.port, name, c.options.cafile, alpn, c.clock, c.clock() + limit, not c.options.insecure,
        trust=trust,
    )  # fmt: skip
    c.add(o)
    return channel if o.outcome is Outcome.OK else None


async def _verify(c: Session, address: str, limit: float) -> None:
    """Run one handshake that verifies the certificate, beside the user's own that does not (--insecure)."""
    from ..probes.handshake import handshake

    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, limit=min(limit, _LIMIT), role="repeat",
        source=c.options.source,
    )  # fmt: skip
    if sock is None:
        c.add(o)
        return
    try:
        name, trust = c.options.sni or c.target.host, await c.trust()
        until = c.clock() + min(limit, _LIMIT)
        seen, _ = await handshake(
            sock, address, c.target.port, name, c.options.cafile, (), c.clock, until, trust=trust, role="verify"
        )
        c.add(seen)
    finally:
        discard(sock)


async def _ask_http(c: Session, address: str, channel: Channel, limit: float) -> None:
    """Request the path of the target; follow redirects on the same host and port, each on a new connection."""
    from ..probes.http import browse

    async def dial() -> Channel | None:
        again = await _connect_again(c, address, channel.encrypted)
        if again is None:
            return None
        c.open.append(again[1])
        return again[0]

    t = c.target
    c.add(await browse(channel, dial, t.host, t.port, c.asked.path, address, c.clock, c.clock() + limit))


async def _connect_again(c: Session, address: str, encrypted: bool) -> tuple[Channel, socket.socket] | None:
    """Open a further connection to the same port, with TLS where `encrypted`; None when that fails."""
    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, limit=c.options.timeout or _LIMIT,
        role="repeat", source=c.options.source,
    )  # fmt: skip
    if sock is None:
        c.add(o)
        return None
    if not encrypted:
        return Channel(sock, c.clock), sock
    from ..probes.handshake import handshake

    host = c.options.sni or c.target.host
    _, channel = await handshake(
        sock, address, c.target.port, host, c.options.cafile, ("http/1.1",), c.clock, c.clock() + _LIMIT,
        not c.options.insecure, trust=await c.trust(),
    )  # fmt: skip
    if channel is None:
        discard(sock)
        return None
    return channel, sock


async def plain_http(c: Session, address: str) -> None:
    """Send one HTTP request without TLS to the target port: does the server use plaintext?"""
    from ..probes.http import request

    again = await _connect_again(c, address, encrypted=False)
    if again is None:
        return
    channel, sock = again
    try:
        o = await request(channel, c.target.host, c.target.port, "/", address, c.clock, c.clock() + _PLAIN)
        _kept(c, replace(o, role="variant"))
    finally:
        discard(sock)


async def small_segments(c: Session, address: str) -> None:
    """Repeat the exchange that stalled: once unchanged and twice in small segments, all at the same time."""
    path = path_of(c.report(), address)
    reached = [s for s in ("tls", "http", "app") if s in path]
    if not reached:
        return
    trips = [o.rtt or o.took for o in c.of(Connect) if o.address == address and o.outcome is Outcome.OK]
    limit = min(c.options.timeout or max(_AGAIN, _TRIPS * min(trips, default=0.0)), max(c.left() - 0.2, 0.1))
    sizes = (None, SMALL, SMALL)
    await asyncio.gather(*(_again(c, address, size, reached[-1], limit) for size in sizes))


async def _again(c: Session, address: str, mss: int | None, last: str, limit: float) -> None:
    """Run the stages up to `last` on a new connection; only the observation of that stage is recorded."""
    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, limit=limit, role="repeat",
        source=c.options.source, mss=mss,
    )  # fmt: skip
    if sock is None:
        c.add(o)
        return
    role = "variant" if mss else "repeat"
    try:
        channel: Channel | None = Channel(sock, c.clock)
        seen: Handshake | HttpReply | Greeting | None = None
        if "tls" in c.target.stages:
            seen, channel = await _shake_again(c, address, sock, role, limit)
        if channel is not None and last != "tls":
            seen = await _ask_again(c, address, channel, role, last, limit)
        if seen is not None:
            c.add(replace(seen, mss_clamp=mss))
    finally:
        discard(sock)


async def _shake_again(
    c: Session, address: str, sock: socket.socket, role: str, limit: float
) -> tuple[Handshake, Channel | None]:
    from ..probes.handshake import handshake

    alpn = ("http/1.1",) if "http" in c.target.stages else ()
    return await handshake(
        sock, address, c.target.port, c.options.sni or c.target.host, c.options.cafile, alpn, c.clock,
        c.clock() + limit, not c.options.insecure, role=role,
    )  # fmt: skip


async def _ask_again(
    c: Session, address: str, channel: Channel, role: str, last: str, limit: float
) -> HttpReply | Greeting:
    t, deadline = c.target, c.clock() + limit
    if last == "http":
        from ..probes.http import request

        return await request(channel, t.host, t.port, c.asked.path, address, c.clock, deadline, role=role)
    from ..probes.greeting import greet

    return await greet(channel, address, t.port, t.service, c.clock, deadline, role=role)


def _kept(c: Session, o: Handshake | HttpReply) -> Handshake:
    kept: Observation = c.add(o)
    return kept  # type: ignore[return-value]
