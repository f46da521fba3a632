"""Sends and receives bytes over a connected socket, in plaintext or inside TLS.

The caller that opened the socket closes it. A `deadline` is a time of `clock`, in seconds since the report began.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from ..model import Outcome
from ..outcomes import of_errno
from . import MOST_BYTES, MOST_LINES, Clock
from .arrival import Arrival

if TYPE_CHECKING:
    import ssl

_CHUNK = 16384  # the most plaintext in a TLS record, RFC 8446 section 5.1
_MOST_WITHOUT_DATA = 4 * MOST_BYTES  # bytes of TLS records without application data: session tickets, key updates

# Alert descriptions, RFC 8446 section 6 and RFC 5246 section 7.2.
ALERTS: dict[int, str] = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
    30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate",
    43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
    60: "export_restriction", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
    110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
    113: "bad_certificate_status_response", 114: "bad_certificate_hash_value", 115: "unknown_psk_identity",
    116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip
_NAMES = frozenset(ALERTS.values())


def alert_of(reason: str | None) -> str | None:
    """Return the peer's alert in OpenSSL's reason: TLSV13_ALERT_CERTIFICATE_REQUIRED -> certificate_required."""
    prefix, _, rest = (reason or "").lower().partition("_")
    if not prefix.startswith(("tlsv1", "sslv3")):
        return None
    name = rest.removeprefix("alert_")
    return name if name in _NAMES else None


class TlsEnd(Exception):
    """TLS ended the connection. `reason` is OpenSSL's error, `alert` the peer's alert, None without one."""

    def __init__(self, reason: str, alert: str | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.alert = alert


class Channel:
    """The data of one connection. `received` counts the bytes that the peer sent, inside TLS where `encrypted`."""

    def __init__(
        self, sock: socket.socket, clock: Clock, tls: ssl.SSLObject | None = None,
        incoming: ssl.MemoryBIO | None = None, outgoing: ssl.MemoryBIO | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.received = 0
        self._sock = sock
        self._arrival = Arrival(sock, clock)
        self._without_data = 0  # bytes of TLS since the last application data
        self._error: ssl.SSLError | None = None  # what ended the stream, after data that was returned first
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing

    @property
    def encrypted(self) -> bool:
        return self._tls is not None

    async def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`. Raises TimeoutError at the deadline, OSError, `TlsEnd`."""
        if self._tls is not None:
            self._tls.write(data)
        async with asyncio.timeout(max(deadline - self.clock(), 0)):
            await self._flush(data)

    async def _flush(self, data: bytes = b"") -> None:
        loop = asyncio.get_running_loop()
        if self._outgoing is not None:
            data = self._outgoing.read()
        if data:
            await loop.sock_sendall(self._sock, data)

    async def receive(self, deadline: float, most: int = _CHUNK) -> bytes:
        """Return the next bytes, b"" after the peer closed. Raises TimeoutError at the deadline, OSError, `TlsEnd`."""
        data = await (self._arrival.data(most, deadline) if self._tls is None else self._receive_tls(most, deadline))
        self.received += len(data)
        return data

    async def _receive_tls(self, most: int, deadline: float) -> bytes:
        """Return the application data of all records that arrived; what ended the stream after it, by the next call."""
        import ssl

        assert self._tls is not None
        assert self._incoming is not None
        if self._error is not None:
            return _ended(self._error)
        data = b""
        while True:
            try:
                while len(data) < most and (more := self._tls.read(most - len(data))):
                    data += more
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                if not data:
                    return _ended(error)
                self._error = error
            else:
                return data  # full, or the end of the stream
            if data:
                self._without_data = 0
                return data
            await self._flush()
            arrived = await self._arrival.data(_CHUNK, deadline)
            self._without_data += len(arrived)
            if self._without_data > _MOST_WITHOUT_DATA:
                most_kib = _MOST_WITHOUT_DATA // 1024
                raise TlsEnd(f"more than {most_kib} KiB of TLS records without application data", None)
            if arrived:
                self._incoming.write(arrived)
            else:
                self._incoming.write_eof()


def _ended(error: ssl.SSLError) -> bytes:
    """Return b"" for a closed connection. Raises `TlsEnd` for any other error."""
    import ssl

    if isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError):
        return b""
    raise TlsEnd(error.reason or "UNKNOWN", alert_of(error.reason)) from None


class Received:
    """The data of one response up to a limit of bytes and lines, and how the connection ended."""

    def __init__(self, most: int = MOST_BYTES, most_lines: int = MOST_LINES) -> None:
        self.most, self.most_lines = most, most_lines
        self.data = bytearray()
        self.lines = 0
        self.outcome = Outcome.OK
        self.errno = 0
        self.reason = ""
        self.alert: str | None = None
        self.first: float | None = None  # when the first byte came: a time of the clock

    @property
    def full(self) -> bool:
        """Whether the limit of bytes or lines is reached."""
        return len(self.data) >= self.most or self.lines > self.most_lines

    def add(self, data: bytes, now: float) -> None:
        """Add the next bytes, up to the limit."""
        self.first = now if self.first is None else self.first
        self.lines += data.count(b"\n")
        self.data += data[: self.most - len(self.data)]

    def ended(self, error: OSError | TlsEnd) -> None:
        """Record the error that ended the connection."""
        if isinstance(error, TlsEnd):
            self.outcome = Outcome.TLS_ALERT if error.alert else Outcome.TLS_ERROR
            self.reason, self.alert, self.errno = error.reason, error.alert, 0
        elif isinstance(error, TimeoutError) and error.errno is None:  # ours; the kernel's ETIMEDOUT has an errno
            self.outcome = Outcome.TIMEOUT
        else:
            self.errno = error.errno or 0
            self.outcome = of_errno(self.errno)


async def send(channel: Channel, data: bytes, deadline: float, received: Received | None = None) -> Received:
    """Send `data`, and record the error if it fails: the peer may have sent data before it closed, so read on."""
    received = received or Received()
    try:
        await channel.send(data, deadline)
    except (OSError, TlsEnd) as error:
        received.ended(error)
    return received


async def receive(channel: Channel, received: Received, deadline: float) -> bool:
    """Read once more into `received`; False when the connection ended, timed out, or a limit is reached."""
    broken = received.outcome is not Outcome.OK
    try:
        data = await channel.receive(deadline)
    except (OSError, TlsEnd) as error:
        if not broken or (isinstance(error, TlsEnd) and error.alert):  # the reason why sending failed
            received.ended(error)
        return False
    if not data:
        if not broken:
            received.outcome = Outcome.CLOSED
        return False
    received.add(data, channel.clock())
    if received.full:
        received.outcome = Outcome.TOO_LONG
        return False
    return True
