"""Makes one TCP connection attempt, and records errno, ICMP error and unanswered SYNs."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from contextlib import suppress
from typing import Any, Literal

from msgspec.structs import replace

from ..host import Host
from ..model import Connect, Icmp, Outcome
from ..outcomes import errno_of, family_of, of_errno, os_says
from . import Clock
from .arrival import until_ready

Role = Literal["target", "repeat", "control", "negative", "elsewhere"]
_SLICE = 0.1  # seconds between two reads of TCP_INFO: the resolution of `unanswered_at`
PENDING = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, 10035)  # 10035: WSAEWOULDBLOCK


def open_socket(address: str, host: Host, *, hurry: bool = False) -> socket.socket:
    """Return a non-blocking TCP socket that queues ICMP errors. `hurry`: as `Host.hurry`. Raises OSError."""
    family = socket.AF_INET6 if family_of(address) == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    host.watch_errors(sock)
    if hurry:
        host.hurry(sock)
    return sock


def endpoint(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return the sockaddr of a literal address. Raises OSError for a scope that is not an interface."""
    if family_of(address) == 4:
        return (address, port)
    plain, _, scope = address.partition("%")
    if not scope:
        return (plain, port, 0, 0)
    return (plain, port, 0, int(scope) if scope.isdigit() else socket.if_nametoindex(scope))


def discard(sock: socket.socket) -> None:
    """Close the socket with a RST (SO_LINGER 0), so that no TIME_WAIT is left and the peer does not wait."""
    with suppress(OSError):  # no longer connected: a plain close is enough
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def ending_of(sock: socket.socket, host: Host) -> tuple[int, Icmp | None] | None:
    """Return how a pending connect ended: (errno or 0, ICMP error); None while it is pending.

    SO_ERROR is read before the error queue, because reading the queue clears it. For an ICMP error that arrived while
    connect() had locked the socket, SO_ERROR is 0 and only the queue has the errno.
    """
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    queued = host.read_error(sock)
    if queued is not None:
        return (queued[0] or number, queued[1])
    if number:
        return (number, None)
    try:
        sock.getpeername()
    except OSError:
        return None
    return (0, None)


async def connect(
    address: str,
    port: int,
    *,
    clock: Clock,
    host: Host,
    limit: float,
    role: Role = "target",
    source: str | None = None,
    mss: int | None = None,
) -> tuple[Connect, socket.socket | None]:
    """Connect once. Returns an open socket only with outcome OK; the caller closes it.

    `source`: the local address to bind, where it is of the same family; `mss`: the segment size to request
    (TCP_MAXSEG), in bytes.
    """
    blank = Connect(
        outcome=Outcome.OTHER, began=clock(), address=address, port=port, role=role, limit=limit, mss_clamp=mss
    )
    try:
        sock = open_socket(address, host)
    except OSError as error:
        return _failed(blank, clock, error.errno or 0), None
    try:
        if mss is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        if source is not None and family_of(source) == family_of(address):
            sock.bind(endpoint(source, 0))
        number = sock.connect_ex(endpoint(address, port))
        seen = await _until_ended(sock, number, limit, blank, clock, host)
    except OSError as error:
        sock.close()
        return _failed(blank, clock, error.errno or 0), None
    except BaseException:
        sock.close()
        raise
    if seen.outcome is Outcome.OK:
        return seen, sock
    discard(sock)
    return seen, None


def _failed(blank: Connect, clock: Clock, number: int, icmp: Icmp | None = None, **more: Any) -> Connect:
    """Return the observation of an attempt that ended with an errno, an ICMP error or both."""
    return replace(
        blank, outcome=of_errno(number, icmp, connecting=True), took=clock() - blank.began, icmp=icmp,
        errno=errno_of(number) if number else None, os_says=os_says(number) if number else "", **more,
    )  # fmt: skip


async def _until_ended(
    sock: socket.socket, number: int, limit: float, blank: Connect, clock: Clock, host: Host
) -> Connect:
    """Wait for the end of a connect that returned `number`, and record the time of each retransmission."""
    unanswered: list[float] = []
    ended: tuple[int, Icmp | None] | None = None
    if number not in PENDING:
        queued = host.read_error(sock) if number else None
        ended = (number, queued[1] if queued else None)
    while ended is None and (left := limit - (clock() - blank.began)) > 0:
        if await until_ready(sock, min(_SLICE, left), to_write=True):
            ended = ending_of(sock, host)
            if ended is None:
                await asyncio.sleep(0.005)  # an error was read that did not end the attempt
        if ended is None:
            _note_unanswered(unanswered, host.syns_unanswered(sock), clock() - blank.began)
    ended = ended or ending_of(sock, host)  # it may have ended while this process was too busy to notice
    if ended is None:
        return replace(
            blank, outcome=Outcome.TIMEOUT, took=clock() - blank.began, limit=round(limit, 3),
            syns=len(unanswered) + 1, unanswered_at=(0.0, *unanswered), **_local(sock),
        )  # fmt: skip
    number, icmp = ended
    if number or icmp:
        return _failed(blank, clock, number, icmp, syns=len(unanswered) + 1, **_local(sock))
    resent = max(len(unanswered), host.syns_unanswered(sock) or 0)
    return replace(
        blank, outcome=Outcome.OK, took=clock() - blank.began, syns=resent + 1,
        unanswered_at=(0.0, *unanswered) if unanswered else (), rtt=host.rtt(sock),
        self_connected=sock.getpeername() == sock.getsockname(), **_local(sock),
    )  # fmt: skip


def _note_unanswered(times: list[float], resent: int | None, now: float) -> None:
    """Add the time of each new retransmission: it was sent about now."""
    while resent is not None and len(times) < resent:
        times.append(round(now, 2))


def _local(sock: socket.socket) -> dict[str, Any]:
    try:
        name = sock.getsockname()
    except OSError:
        return {}
    return {"source": name[0], "source_port": name[1]} if name[1] else {}
