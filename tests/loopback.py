"""Small servers on loopback that behave, or misbehave, as a test says. Every one ends with its test."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Script = Callable[[socket.socket], None]


@contextmanager
def server(script: Script) -> Iterator[int]:
    """Accept connections on a free port and run the script on each; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def one(conn: socket.socket) -> None:
        with conn, suppress(OSError):
            script(conn)

    def accept() -> None:
        while not stop.is_set():
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            conn.settimeout(5)
            thread = threading.Thread(target=one, args=(conn,))
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(10)


def reset(conn: socket.socket) -> None:
    """Close with RST."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def until_closed(conn: socket.socket) -> None:
    """Read until the peer is gone."""
    with suppress(OSError):
        while conn.recv(65536):
            pass


def saying(*parts: bytes, after_hearing: bool = False, pause: float = 0.0, then: Script = until_closed) -> Script:
    """A server that says these parts, after the first bytes of its client or at once."""

    def script(conn: socket.socket) -> None:
        if after_hearing:
            conn.recv(65536)
        for part in parts:
            conn.sendall(part)
            time.sleep(pause)
        then(conn)

    return script


def over_tls(context: ssl.SSLContext, inner: Script) -> Script:
    """The same, inside TLS."""

    def script(conn: socket.socket) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(conn, server_side=True) as tls:
            inner(tls)

    return script


def on(port: int, act: Callable[[socket.socket, Callable[[], float]], Coroutine[Any, Any, Any]]) -> Any:
    """Connect a non-blocking socket and run `act(sock, clock)` to its end."""
    zero = time.monotonic()

    async def run() -> Any:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.setblocking(False)
            return await act(sock, lambda: time.monotonic() - zero)

    return asyncio.run(run())


class Authority:
    """A certificate authority of a test; `pem` is the file that trusts it."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._sign(self.name, self.key, (), days=(-400, 4000), ca=True)
        self.pem = folder / f"{name.replace(' ', '-')}.pem"
        self.pem.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: tuple[str, ...], *, days: tuple[int, int],
        ca: bool = False, itself: bool = False,
    ) -> x509.Certificate:  # fmt: skip
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject).issuer_name(subject if itself else self.name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )  # fmt: skip
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
            ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(key if itself else self.key, hashes.SHA256())

    def context(
        self, *names: str, days: tuple[int, int] = (-10, 90), itself: bool = False, chain: bool = False
    ) -> ssl.SSLContext:
        """A server's context with a certificate for these names, valid from and to so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        cert = self._sign(subject, key, names, days=days, itself=itself)
        path = self.folder / f"{names[0].replace('*', 'any')}-{cert.serial_number}.pem"
        pem = serialization.Encoding.PEM
        path.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + cert.public_bytes(pem) + (self.cert.public_bytes(pem) if chain else b"")
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context
