"""From an open connection to the last stage: TLS, then HTTP or the service's first words. Measures, judges nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from msgspec.structs import replace

from .model import Handshake, HttpReply, Observation, Outcome, Stage
from .probes.channel import Channel
from .probes.connect import Patience, connect, discard

if TYPE_CHECKING:
    from .checkup import Checkup

_LIMIT = 5.0  # seconds for a further look on a connection of its own


async def talk(c: Checkup, address: str, sock: socket.socket, stages: tuple[Stage, ...], limit: float) -> None:
    """Run the stages after the connect, each with `limit` seconds; stop at the first that does not end well."""
    channel: Channel | None = Channel(sock, c.clock)
    if "tls" in stages:
        channel = await _secure(c, address, sock, stages, limit)
    if channel is None:
        return
    if "http" in stages:
        await _ask_http(c, address, channel, limit)
    elif "app" in stages:
        from .probes.greeting import greet

        t = c.target
        c.see(await greet(channel, address, t.port, t.service, c.clock, c.clock() + limit))


async def _secure(
    c: Checkup, address: str, sock: socket.socket, stages: tuple[Stage, ...], limit: float
) -> Channel | None:
    from .probes.handshake import handshake

    alpn = ("http/1.1",) if "http" in stages else ()
    o, channel = await handshake(
        sock, address, c.target.port, c.options.sni or c.target.host, c.options.cafile, alpn, c.clock, c.clock() + limit
    )
    c.see(o)
    return channel if o.outcome is Outcome.OK else None


async def _ask_http(c: Checkup, address: str, channel: Channel, limit: float) -> None:
    """Ask for the path; a redirect on the same host and port is followed on a connection of its own."""
    from .probes.http import browse

    async def dial() -> Channel | None:
        again = await _connect_again(c, address, channel.encrypted)
        if again is None:
            return None
        c.open.append(again[1])
        return again[0]

    t = c.target
    c.see(await browse(channel, dial, t.host, t.port, c.asked.path, address, c.clock, c.clock() + limit))


async def _connect_again(c: Checkup, address: str, encrypted: bool) -> tuple[Channel, socket.socket] | None:
    """A further connection to the same port, with its handshake where the first had one."""
    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, patience=Patience(c.options.timeout or _LIMIT),
        role="repeat", source=c.options.source,
    )  # fmt: skip
    if sock is None:
        c.see(o)
        return None
    if not encrypted:
        return Channel(sock, c.clock), sock
    from .probes.handshake import handshake

    host = c.options.sni or c.target.host
    _, channel = await handshake(
        sock, address, c.target.port, host, c.options.cafile, ("http/1.1",), c.clock, c.clock() + _LIMIT
    )
    if channel is None:
        discard(sock)
        return None
    return channel, sock


async def variant_handshake(c: Checkup, address: str, variant: str) -> Handshake | None:
    """A second handshake in another way: "no-sni" without a server name, "sni:NAME" with that one, "small-mss"."""
    from .probes.handshake import handshake

    o, sock = await connect(
        address, c.target.port, clock=c.clock, host=c.host, patience=Patience(c.options.timeout or _LIMIT),
        role="repeat", source=c.options.source, mss=536 if variant == "small-mss" else None,
    )  # fmt: skip
    if sock is None:
        c.see(o)
        return None
    name: str | None = c.options.sni or c.target.host
    if variant == "no-sni":
        name = None
    elif variant.startswith("sni:"):
        name = variant[4:]
    try:
        seen, _ = await handshake(
            sock, address, c.target.port, name, c.options.cafile, (), c.clock, c.clock() + _LIMIT
        )
    finally:
        discard(sock)
    return _kept(c, replace(seen, role="variant"))


async def plain_http(c: Checkup, address: str) -> None:
    """One HTTP request without TLS to the asked port: does it speak plaintext?"""
    from .probes.http import request

    again = await _connect_again(c, address, encrypted=False)
    if again is None:
        return
    channel, sock = again
    try:
        o = await request(channel, c.target.host, c.target.port, "/", address, c.clock, c.clock() + _LIMIT)
        _kept(c, replace(o, role="variant"))
    finally:
        discard(sock)


def _kept(c: Checkup, o: Handshake | HttpReply) -> Handshake:
    kept: Observation = c.see(o)
    return kept  # type: ignore[return-value]
