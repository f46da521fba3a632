"""Makes one UDP exchange, and records the response or the error and its sender."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any, Literal

from msgspec.structs import replace

from ..host import Host
from ..model import Datagram, Icmp, Outcome
from ..outcomes import errno_of, family_of, of_errno, os_says
from ..services.fingerprints import protocol_of
from ..text import clean
from . import Clock
from .arrival import Arrival
from .connect import endpoint
from .payloads import Payload

Role = Literal["target", "repeat", "control"]
PATIENCE = 3.5  # seconds: ARP, here or at the last router, fails after 3.1 s, and is reported only then
AGAIN_AFTER = 1.0  # seconds: a lost datagram is sent again; hosts send at least one ICMP error per second
MOST_SENT = 4
_AFTER_STRAY = 0.5  # seconds in which the right response may follow one that does not match
_MOST_STRAYS = 20
_LARGEST = 65535
_MTU_DISCOVER, _V6_MTU_DISCOVER, _DO = 10, 23, 2  # linux/in.h, linux/in6.h: never fragment


async def exchange(
    address: str,
    port: int,
    payload: Payload,
    *,
    clock: Clock,
    host: Host,
    limit: float = PATIENCE,
    role: Role = "target",
    source: str | None = None,
) -> Datagram:
    """Send the payload, once per second while there is no response, until a response, an error or `limit` seconds.

    The socket is connected, so that it receives only this peer's datagrams and errors (udp(7)). For payloads whose
    response comes from another port it is not, and datagrams of other hosts are ignored.
    """
    blank = Datagram(
        outcome=Outcome.TIMEOUT, began=clock(), address=address, port=port, role=role, payload=payload.name,
        limit=round(limit, 3),
    )  # fmt: skip
    try:
        sock = socket.socket(socket.AF_INET6 if family_of(address) == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        return _failed(blank, clock, error.errno or 0, None, "socket")
    with sock:
        return await _Exchange(sock, payload, blank, clock, host, limit).run(address, port, source)


def _failed(blank: Datagram, clock: Clock, number: int, icmp: Icmp | None, call: str, **more: Any) -> Datagram:
    outcome = of_errno(number, icmp, connecting=call in ("connect", "send"))
    if outcome is Outcome.RESET:
        outcome = Outcome.REFUSED  # Windows reports an ICMP port unreachable as WSAECONNRESET: UDP has no reset
    return replace(
        blank, outcome=outcome, took=clock() - blank.began, icmp=icmp,
        errno=errno_of(number) if number else None, os_says=os_says(number) if number else "", call=call, **more,
    )  # fmt: skip


class _Ended(Exception):
    """A system call failed, which ends the exchange."""

    def __init__(self, number: int, icmp: Icmp | None, call: str) -> None:
        super().__init__(call)
        self.number, self.icmp, self.call = number, icmp, call


class _Exchange:
    """An exchange under way over one socket; `run` returns the observation."""

    def __init__(
        self, sock: socket.socket, payload: Payload, blank: Datagram, clock: Clock, host: Host, limit: float
    ) -> None:
        self.sock, self.payload, self.blank, self.clock, self.host = sock, payload, blank, clock, host
        self.arrival = Arrival(sock, clock)
        self.until = blank.began + limit
        self.between = min(AGAIN_AFTER, limit / 3)
        self.again = blank.began
        self.sent = 0
        self.replies = 0
        self.stray: bytes | None = None
        self.too_big: Icmp | None = None
        self.where: tuple[Any, ...] = ()

    async def run(self, address: str, port: int, source: str | None) -> Datagram:
        try:
            self._open(address, port, source)
            text = await self._converse()
        except _Ended as end:
            icmp = self.too_big if end.number == errno.EMSGSIZE else end.icmp  # an earlier ICMP error set the path MTU
            return _failed(self.blank, self.clock, end.number, icmp, end.call, **self._counted())
        blank = replace(self.blank, took=self.clock() - self.blank.began, **self._counted())
        if text is not None:
            return replace(blank, outcome=Outcome.OK, protocol=self.payload.protocol or None, text=text)
        if self.stray is not None:
            seen = protocol_of(self.stray)
            return replace(blank, outcome=Outcome.OTHER_PROTOCOL, protocol=seen, text=clean(self.stray, 80))
        if self.too_big is not None and self.payload.whole:
            return replace(blank, outcome=Outcome.MESSAGE_TOO_BIG, icmp=self.too_big)
        return blank

    def _open(self, address: str, port: int, source: str | None) -> None:
        self.sock.setblocking(False)
        self.host.watch_errors(self.sock)
        if self.payload.whole and self.host.os == "linux":
            v6 = self.sock.family == socket.AF_INET6
            level, option = (socket.IPPROTO_IPV6, _V6_MTU_DISCOVER) if v6 else (socket.IPPROTO_IP, _MTU_DISCOVER)
            self.sock.setsockopt(level, option, _DO)
        if source is not None and family_of(source) == family_of(address):
            self._do("bind", lambda: self.sock.bind(endpoint(source, 0)))
        self.where = self._do("connect", lambda: endpoint(address, port))
        if not self.payload.elsewhere:
            self._do("connect", lambda: self.sock.connect(self.where))

    def _do(self, call: Literal["bind", "connect", "send"], act: Callable[[], Any]) -> Any:
        """Run one system call. Raises _Ended with its errno and the ICMP error behind it, if the queue has one."""
        try:
            return act()
        except OSError as error:
            raise self._end(error, call) from error

    def _end(self, error: OSError, call: str) -> _Ended:
        queued = self.host.read_error(self.sock)
        number, icmp = (queued[0] or error.errno or 0, queued[1]) if queued else (error.errno or 0, None)
        if icmp is not None and call == "send" and error.errno != queued[0]:  # type: ignore[index]
            number = error.errno or 0  # EPERM: the local firewall rejects, and its ICMP error is in the queue
        return _Ended(number, icmp, call)

    def _send(self) -> None:
        packet = self.payload.packets[self.sent % len(self.payload.packets)]
        to = self.where if self.payload.elsewhere else None
        self._do("send", lambda: self.sock.sendto(packet, to) if to else self.sock.send(packet))
        self.sent += 1

    async def _converse(self) -> str | None:
        """Return the response as text, None when none came that matches the request. Raises _Ended."""
        while (now := self.clock()) < self.until:
            if now >= self.again and self.sent < MOST_SENT and self.stray is None:
                self._send()
                self.again = now + self.between
            more = self.sent < MOST_SENT and self.stray is None
            data = await self._received(min(self.again, self.until) if more else self.until)
            if data is None:
                continue
            self.replies += 1
            text = self.payload.answers(data)
            if text is not None:
                return text
            if self.stray is None:
                self.stray = data
                self.until = min(self.until, self.clock() + _AFTER_STRAY)
            if self.replies > _MOST_STRAYS:
                return None
        return None

    async def _received(self, until: float) -> bytes | None:
        """Return the peer's next datagram, None when none came in time, or an error that does not end the exchange."""
        try:
            data, sender = await self.arrival.datagram(_LARGEST, until)
        except TimeoutError:
            self._drain()
            return None
        except OSError as error:
            end = self._end(error, "receive")
            if end.icmp is None or of_errno(end.number, end.icmp) is not Outcome.MESSAGE_TOO_BIG:
                raise end from error
            self.too_big = end.icmp
            self.again = self.clock()  # the kernel now knows the path MTU: sending again shows whether it fits
            return None
        own = not self.payload.elsewhere or sender[0] == self.where[0]
        return data if own else None

    def _drain(self) -> None:
        """Read the error queue. Raises _Ended, except for "message too big", which is kept."""
        queued = self.host.read_error(self.sock)
        if queued is None:
            return
        if queued[1] is not None and of_errno(*queued) is Outcome.MESSAGE_TOO_BIG:
            self.too_big = queued[1]
            self.again = self.clock()
            return
        raise _Ended(queued[0], queued[1], "receive")

    def _counted(self) -> dict[str, Any]:
        try:
            name = self.sock.getsockname()
        except OSError:
            name = ("", 0)
        place = {"source": name[0], "source_port": name[1]} if name[1] else {}
        return {"sent": self.sent, "replies": self.replies, **place}
