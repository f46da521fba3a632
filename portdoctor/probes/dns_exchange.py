"""Makes one DNS exchange over UDP or TCP with its own socket, which shows the errno and the sender of an ICMP error."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..host import Host
from ..model import Icmp, Lookup, Outcome
from ..outcomes import errno_of, of_errno, os_says
from . import Clock
from .arrival import Arrival
from .dns_message import id_of, parse_answer

if TYPE_CHECKING:
    from dns.message import Message

RETRY_AFTER = 1.0  # seconds: a lost query is sent again, as stub resolvers do after five
_LARGEST = 65535
_MOST_STRAYS = 20  # responses with the right id that are parsed although the one before did not match the query
_NOT_WITH_EDNS = ("FORMERR", "NOTIMP", "BADVERS")  # responses of servers without EDNS support (RFC 6891 section 7)


class Unreached(Exception):
    """The resolver was not reached: the errno, and the ICMP error behind it."""

    def __init__(self, number: int, icmp: Icmp | None) -> None:
        super().__init__(os.strerror(number))
        self.number = number
        self.icmp = icmp

    def over(self, blank: Lookup) -> Lookup:
        """Return the lookup that ended with this error."""
        outcome = of_errno(self.number, self.icmp, connecting=True)
        return replace(
            blank, outcome=outcome, errno=errno_of(self.number), icmp=self.icmp, os_says=os_says(self.number)
        )


def dns_socket(
    resolver: str, port: int, kind: socket.SocketKind, host: Host | None
) -> tuple[socket.socket, tuple[Any, ...]]:
    """Return a non-blocking socket for a literal address, not yet connected, and the sockaddr to connect to.

    Raises Unreached, also for an invalid address.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(resolver, port, type=kind, flags=socket.AI_NUMERICHOST)[0]
        sock = socket.socket(family, kind)
    except OSError as error:
        number = errno.EINVAL if isinstance(error, socket.gaierror) else error.errno or errno.EINVAL
        raise Unreached(number, None) from error
    sock.setblocking(False)
    if host is not None:
        host.watch_errors(sock)
    return sock, where


def _unreached(error: OSError, sock: socket.socket, host: Host | None) -> Unreached:
    queued = host.read_error(sock) if host is not None else None
    return Unreached(*queued) if queued else Unreached(error.errno or 0, None)


async def by_udp(
    asked: list[Message], resolver: str, port: int, host: Host | None, clock: Clock, deadline: float, blank: Lookup
) -> Lookup:
    """Query over UDP. `asked`: the query and, for a second try, the same without EDNS.

    Responses with another id or question are ignored (RFC 5452 section 9); when nothing else came, the outcome is
    MALFORMED. Raises Unreached.
    """
    sock, where = dns_socket(resolver, port, socket.SOCK_DGRAM, host)
    with sock:
        try:
            sock.connect(where)
            return await _converse(sock, asked, clock, deadline, blank)
        except TimeoutError:
            raise
        except OSError as error:
            raise _unreached(error, sock, host) from error


async def _converse(sock: socket.socket, asked: list[Message], clock: Clock, deadline: float, blank: Lookup) -> Lookup:
    by_id = {message.id: message for message in asked}
    first, plain = asked[0], asked[1:]
    sock.send(first.to_wire())
    again_at = clock() + min(RETRY_AFTER, max(0.0, deadline - clock()) / 2)
    arrival = Arrival(sock, clock)
    strays = parsed = 0
    kept: Lookup | None = None  # a response that may only mean that the server does not support EDNS
    while clock() < deadline:
        wire = await _received(arrival, min(again_at, deadline))
        if wire is None and clock() >= again_at:
            again_at = deadline
            for message in asked:
                sock.send(message.to_wire())
        if wire is None:
            continue
        asked_so = by_id.get(id_of(wire) or 0) if len(wire) >= 12 and parsed < _MOST_STRAYS else None
        found = None
        if asked_so is not None:
            parsed += 1
            found = parse_answer(wire, asked_so, replace(blank, took=clock() - blank.began))
        if found is None:
            strays += 1
        elif asked_so is not first:
            return replace(found, flags=(*found.flags, "no-EDNS"))
        elif found.rcode in _NOT_WITH_EDNS and plain and kept is None:
            kept = found
            for message in plain:
                sock.send(message.to_wire())
        else:
            return found
    silent = kept or replace(blank, took=clock() - blank.began)
    if not strays or kept:
        return silent
    words = f"{strays} response{'s do' if strays > 1 else ' does'} not match the query"
    return replace(silent, outcome=Outcome.MALFORMED, os_says=words)


async def _received(arrival: Arrival, until: float) -> bytes | None:
    """Return the next datagram, None when none came in time."""
    try:
        return await arrival.data(_LARGEST, until)
    except TimeoutError:
        return None


async def by_tcp(
    asked: Message, resolver: str, port: int, host: Host | None, clock: Clock, deadline: float, blank: Lookup
) -> Lookup:
    """Query over TCP (RFC 7766: two bytes of length before the message). Raises Unreached."""
    loop = asyncio.get_running_loop()
    sock, where = dns_socket(resolver, port, socket.SOCK_STREAM, host)
    accepted = False
    stream = bytearray()
    with sock:
        try:
            async with asyncio.timeout(max(0.0, deadline - clock())):
                await loop.sock_connect(sock, where)
                if host is not None and (queued := host.read_error(sock)):
                    raise Unreached(*queued)  # an early ICMP error leaves SO_ERROR empty
                accepted = True
                message = asked.to_wire()
                await loop.sock_sendall(sock, len(message).to_bytes(2, "big") + message)
            await _read_message(Arrival(sock, clock), stream, deadline)
        except EOFError:
            words = f"the server closed the connection before the response was complete{_so_far(stream)}"
            return replace(blank, outcome=Outcome.CLOSED, took=clock() - blank.began, os_says=words)
        except OSError as error:
            blank = replace(blank, took=clock() - blank.began)
            if not isinstance(error, TimeoutError) or error.errno is not None:
                raise _unreached(error, sock, host) from error
            if stream:
                words = f"the response was not complete{_so_far(stream)}"
                return replace(blank, outcome=Outcome.MALFORMED, os_says=words)
            if accepted:
                words = "the server accepted the connection and sent no response"
                return replace(blank, flags=(*blank.flags, "accepted"), os_says=words)
            return blank
    blank = replace(blank, took=clock() - blank.began)
    found = parse_answer(bytes(stream[2:]), asked, blank)
    if found is None:
        return replace(blank, outcome=Outcome.MALFORMED, os_says="the response does not match the query")
    if found.outcome is Outcome.TRUNCATED:  # TC has no meaning over TCP (RFC 2181 section 9)
        words = "the response over TCP is truncated too"
        return replace(found, outcome=Outcome.OK if found.addresses else Outcome.MALFORMED, os_says=words)
    return found


async def _read_message(arrival: Arrival, stream: bytearray, deadline: float) -> None:
    """Read one message with its two bytes of length into `stream`. Raises EOFError when the peer closes earlier."""
    while (missing := _length(stream) - len(stream)) > 0:
        more = await arrival.data(missing, deadline)
        if not more:
            raise EOFError
        stream += more


def _length(stream: bytearray) -> int:
    return 2 + (int.from_bytes(stream[:2], "big") if len(stream) >= 2 else 0)


def _so_far(stream: bytearray) -> str:
    """Return how much of the response came, for a sentence; "" if nothing did."""
    if not stream:
        return ""
    return f": {len(stream)} of {_length(stream)} bytes came" if len(stream) > 2 else f": {len(stream)} bytes came"
