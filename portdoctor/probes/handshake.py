"""Runs one TLS handshake over a connected socket, and records the server's certificates and how it ended.

OpenSSL reads and writes memory here, so that the raw bytes are available: they show a server that uses plaintext.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..model import Handshake, Outcome
from ..outcomes import errno_of, of_errno, os_says
from ..services.fingerprints import protocol_of
from ..text import clean
from . import MOST_BYTES, Clock
from .arrival import Arrival
from .certificates import Trust, chain_of, prepare, unverified
from .channel import ALERTS, Channel, alert_of

if TYPE_CHECKING:
    import ssl

_CHUNK = 16384
_REST = 0.25  # seconds for the rest of a plaintext response: enough to recognise its protocol
_SAMPLE = 200  # characters of a plaintext response that are kept
_NAME_MISMATCH, _ADDRESS_MISMATCH = 62, 64  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


async def handshake(
    sock: socket.socket,
    address: str,
    port: int,
    sni: str | None,
    cafile: str | None,
    alpn: tuple[str, ...],
    clock: Clock,
    deadline: float,
    verify: bool = True,
    *,
    trust: Trust | None = None,
    role: str = "target",
    newest: str | None = None,
) -> tuple[Handshake, Channel | None]:
    """Run one TLS handshake. Returns a channel only with outcome OK; `verify` False accepts any certificate.

    `sni` is the server name to send and to verify, or an IP address (verified, never sent: RFC 6066 section 3); None
    sends no name and verifies nothing. `alpn`: the protocols to offer. `deadline` is a time of `clock`. `trust` is the
    result of an earlier `prepare(cafile)`. `newest` "TLSv1.2" offers no later version; only with `verify` False,
    since it changes the context. Raises OSError for an unusable `cafile`, ValueError for an invalid name.
    """
    began = clock()
    trust = unverified() if not verify or sni is None else trust or prepare(cafile)
    context: ssl.SSLContext = trust.context
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if newest is not None:
        import ssl

        context.maximum_version = ssl.TLSVersion[newest.replace(".", "_")]
    negotiation = _Negotiation(sock, context, sni, clock, deadline)
    seen = await negotiation.run()
    o = Handshake(
        address=address, port=port, role=role, began=began, took=clock() - began,  # type: ignore[arg-type]
        sni=None if sni is None or _is_address(sni) else sni,
        newest=newest, trust=trust.name if verify and sni is not None else None,
        trust_anchors=trust.anchors if verify and sni is not None else None,
        received=negotiation.received, chain=chain_of(negotiation.tls),
        client_cert_asked=negotiation.client_cert_asked(), **seen,
    )  # fmt: skip
    if o.outcome is not Outcome.OK:
        return o, None
    cipher = negotiation.tls.cipher()
    o = replace(
        o, version=negotiation.tls.version(), cipher=cipher[0] if cipher else None,
        alpn=negotiation.tls.selected_alpn_protocol(),
        verified=True if o.trust else None, verify_code=0 if o.trust else None,
    )  # fmt: skip
    return o, Channel(sock, clock, negotiation.tls, negotiation.incoming, negotiation.outgoing)


def client_hello(name: str, alpn: tuple[str, ...]) -> bytes:
    """Return a ClientHello as `handshake` sends it."""
    import ssl

    context: ssl.SSLContext = unverified().context
    if alpn:
        context.set_alpn_protocols(list(alpn))
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name.partition("%")[0])
        except OSError:
            continue
        return True
    return False


class _Negotiation:
    """A handshake under way: the bytes between OpenSSL's memory and the socket."""

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext, name: str | None, clock: Clock, deadline: float
    ) -> None:
        import ssl

        self.sock, self.clock, self.deadline = sock, clock, deadline
        self.arrival = Arrival(sock, clock)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.data = bytearray()  # the first bytes of the peer, up to the limit
        self.received = 0

    async def run(self) -> dict[str, Any]:
        """Run the handshake to its end, and return how it ended as fields of a Handshake."""
        try:
            return await self._shake()
        except TimeoutError as error:
            return _broken(error) if error.errno else {"outcome": Outcome.TIMEOUT}
        except OSError as error:
            return _broken(error)

    async def _shake(self) -> dict[str, Any]:
        import ssl

        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                await self._send_alert()
                return _untrusted(error)
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
                return {"outcome": Outcome.CLOSED, "reason": error.reason}
            except ssl.SSLError as error:
                await self._send_alert()
                return self._refused(error)
            else:
                await self._flush()
                return {"outcome": Outcome.OK}
            broken = await self._send()
            data = await self._next(broken, self.deadline)
            if not data:
                if not _may_be_tls(self.data):
                    return await self._plain_text()
                self.incoming.write_eof()
                continue
            if not _may_be_tls(self.data):
                return await self._plain_text()
            self.incoming.write(data)

    async def _send(self) -> OSError | None:
        """Send, and return the error if it fails: a response that the peer sent before takes precedence over it."""
        try:
            await self._flush()
        except OSError as error:
            return error
        return None

    async def _flush(self) -> None:
        data = self.outgoing.read()
        if data:
            async with asyncio.timeout(max(self.deadline - self.clock(), 0)):
                await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def _next(self, broken: OSError | None, deadline: float) -> bytes:
        try:
            data = await self.arrival.data(_CHUNK, deadline)
        except OSError as error:
            if self.data and not _may_be_tls(self.data):
                return b""
            raise (broken or error) from None
        if not data and broken is not None:
            raise broken
        self.received += len(data)
        self.data += data[: MOST_BYTES - len(self.data)]
        if self.received > 4 * MOST_BYTES:  # a usual handshake with its certificates has a few KiB
            raise OSError(None, f"the server sent more than {4 * MOST_BYTES // 1024} KiB in the handshake")
        return data

    async def _send_alert(self) -> None:
        """Send the alert that OpenSSL wrote (RFC 8446 section 6.2); an error does not matter."""
        try:
            await self._flush()
        except OSError:
            return

    async def _plain_text(self) -> dict[str, Any]:
        """Read more of the plaintext response for a moment, so that its protocol can be recognised."""
        until = min(self.clock() + _REST, self.deadline)
        try:
            while not (self.data.endswith(b"\n") and protocol_of(bytes(self.data))):
                if len(self.data) >= 2048 or not await self._next(None, until):
                    break
        except OSError:
            pass  # no more data will come
        data = bytes(self.data)
        return {
            "outcome": Outcome.NOT_TLS, "reason": "WRONG_VERSION_NUMBER",
            "sample": clean(data, limit=_SAMPLE), "sample_protocol": protocol_of(data),
        }  # fmt: skip

    def _refused(self, error: ssl.SSLError) -> dict[str, Any]:
        reason = error.reason or "UNKNOWN"
        alert = alert_of(reason) or _first_alert(self.data)
        if alert:
            return {"outcome": Outcome.TLS_ALERT, "reason": reason, "alert": alert}
        return {"outcome": Outcome.TLS_ERROR, "reason": reason}

    def client_cert_asked(self) -> bool | None:
        """Return whether the server requested a client certificate; None where that is not visible (TLS 1.3)."""
        kinds = list(_plain_messages(bytes(self.data)))
        if 13 in kinds:
            return True
        return False if 14 in kinds else None  # 14: ServerHelloDone of TLS 1.2; a CertificateRequest would precede it


def _untrusted(error: ssl.SSLCertVerificationError) -> dict[str, Any]:
    code: int | None = getattr(error, "verify_code", None)
    message = clean(getattr(error, "verify_message", "") or str(error), limit=300)
    if code == _ADDRESS_MISMATCH:
        code = _NAME_MISMATCH
    return {
        "outcome": Outcome.UNTRUSTED, "verified": False, "verify_code": code, "verify_message": message,
        "reason": error.reason or "CERTIFICATE_VERIFY_FAILED",
    }  # fmt: skip


def _broken(error: OSError) -> dict[str, Any]:
    if error.errno is None:
        return {"outcome": Outcome.TOO_LONG, "reason": str(error.strerror)}
    return {"outcome": of_errno(error.errno), "errno": errno_of(error.errno), "os_says": os_says(error.errno)}


def _may_be_tls(data: bytes | bytearray) -> bool:
    """Return whether the bytes can begin a TLS record: a content type of RFC 8446 section 5.1, then major version 3."""
    if not data:
        return True
    return 20 <= data[0] <= 24 and (len(data) < 2 or data[1] == 3)


def _first_alert(data: bytearray) -> str | None:
    """Return the alert in an unencrypted first record (type 21, two bytes), None for any other."""
    if len(data) >= 7 and data[0] == 21 and data[3:5] == b"\0\x02":
        return ALERTS.get(data[6])
    return None


def _plain_messages(data: bytes) -> list[int]:
    """Return the types of the unencrypted handshake messages (RFC 5246 section 7.4), in order."""
    body = bytearray()
    at = 0
    while at + 5 <= len(data) and data[at] == 22:
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        body += data[at + 5 : at + 5 + size]
        at += 5 + size
    kinds: list[int] = []
    at = 0
    while at + 4 <= len(body):
        kinds.append(body[at])
        at += 4 + int.from_bytes(body[at + 1 : at + 4], "big")
    return kinds
