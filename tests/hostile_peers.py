"""Peers that send without end, each in a process of its own: `python -m tests.hostile_peers KIND FOLDER`.

It prints the port and serves on loopback until its stdin is closed, so that it ends with the test that started it. In
a thread of the test, the peer would wait for the same interpreter lock as what it floods.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .loopback import Authority

_BATCH = 200  # records in one write
_HEAD = b"HTTP/1.1 200 OK\r\n"


# ---------------------------------------------------------------- TLS 1.3


class Records:
    """Sends TLS 1.3 records of any content after a real handshake: the keys are those that the key log shows."""

    def __init__(self, conn: socket.socket, folder: Path) -> None:
        log = folder / f"keys-{id(self)}"
        context = Authority(folder, f"CA {id(self)}").context("localhost")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.keylog_filename = str(log)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                conn.sendall(outgoing.read())
                incoming.write(conn.recv(65536))
            else:
                break
        cipher = tls.cipher()
        assert cipher is not None
        digest: hashes.HashAlgorithm = hashes.SHA384() if "SHA384" in cipher[0] else hashes.SHA256()
        lines = (line.split() for line in log.read_text().splitlines())
        secret = bytes.fromhex(next(words[2] for words in lines if words[0] == "SERVER_TRAFFIC_SECRET_0"))
        self.conn = conn
        self._digest, self._key_size = digest, 32 if "AES_256" in cipher[0] else 16
        self._use(secret)

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        self._cipher = AESGCM(_expand(secret, b"key", self._key_size, self._digest))
        self._iv = int.from_bytes(_expand(secret, b"iv", 12, self._digest), "big")
        self._sequence = itertools.count()

    def send(self, kind: int, content: bytes, times: int = 1) -> None:
        """Send records of one content type."""
        self.conn.sendall(b"".join(self._record(kind, content) for _ in range(times)))

    def _record(self, kind: int, content: bytes) -> bytes:
        inner = content + bytes([kind])
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self._iv ^ next(self._sequence)).to_bytes(12, "big")
        record = header + self._cipher.encrypt(nonce, inner, header)
        if kind == _HANDSHAKE and content[0] == _KEY_UPDATE:  # RFC 8446 section 7.2
            self._use(_expand(self._secret, b"traffic upd", self._digest.digest_size, self._digest))
        return record


def _expand(secret: bytes, label: bytes, length: int, digest: hashes.HashAlgorithm) -> bytes:
    full = b"tls13 " + label  # HKDF-Expand-Label, RFC 8446 section 7.1
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + b"\0"
    return HKDFExpand(algorithm=digest, length=length, info=info).derive(secret)


_ALERT, _HANDSHAKE, _DATA = 21, 22, 23
_KEY_UPDATE = 24
_LIFETIME_AND_AGE, _NONCE, _NO_EXTENSIONS = b"\0\0\x1c\x20\1\2\3\4", b"\1\0", b"\0\0"
_TICKET = b"\x04\0\0\x2e" + _LIFETIME_AND_AGE + _NONCE + b"\0\x20" + b"t" * 32 + _NO_EXTENSIONS  # RFC 8446, 4.6.1


def _over_tls(kind: int, content: bytes) -> Callable[[socket.socket, Path], None]:
    def script(conn: socket.socket, folder: Path) -> None:
        records = Records(conn, folder)
        while True:
            records.send(kind, content, _BATCH)

    return script


def _data_in_single_bytes(conn: socket.socket, folder: Path) -> None:
    """A status line, then an endless header in records of one byte."""
    records = Records(conn, folder)
    for byte in _HEAD + b"X: ":
        records.send(_DATA, bytes([byte]))
    while True:
        records.send(_DATA, b"x", _BATCH)


# ---------------------------------------------------------------- plaintext


def _endless(first: bytes, again: bytes, *, after_hearing: bool = True) -> Callable[[socket.socket, Path], None]:
    def script(conn: socket.socket, folder: Path) -> None:
        if after_hearing:
            conn.recv(65536)
        conn.sendall(first)
        many = again * max(1, 16384 // len(again))
        while True:
            conn.sendall(many)

    return script


def _single_segments(
    first: bytes, again: bytes, *, after_hearing: bool = True
) -> Callable[[socket.socket, Path], None]:
    def script(conn: socket.socket, folder: Path) -> None:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if after_hearing:
            conn.recv(65536)
        conn.sendall(first)
        while True:
            conn.send(again)

    return script


def _healthy(conn: socket.socket, folder: Path) -> None:
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def _slow(conn: socket.socket, folder: Path) -> None:
    conn.recv(65536)
    time.sleep(0.5)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def _silent(conn: socket.socket, folder: Path) -> None:
    while conn.recv(65536):
        pass


PEERS: dict[str, Callable[[socket.socket, Path], None]] = {
    "healthy": _healthy, "slow": _slow, "silent": _silent,
    "session-tickets": _over_tls(_HANDSHAKE, _TICKET),
    "key-updates": _over_tls(_HANDSHAKE, b"\x18\x00\x00\x01\x00"),
    "requested-key-updates": _over_tls(_HANDSHAKE, b"\x18\x00\x00\x01\x01"),
    "empty-records": _over_tls(_DATA, b""),
    "warning-alerts": _over_tls(_ALERT, b"\x01\x5a"),
    "data-in-single-bytes": _data_in_single_bytes,
    "hello-requests": _endless(b"", b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"),
    "handshake-in-single-bytes": _endless(b"\x16\x03\x03\x00\x01\x02", b"\x16\x03\x03\x00\x01\xff"),
    "empty-handshake-records": _endless(b"", b"\x16\x03\x03\x00\x00"),
    "plain-warning-alerts": _endless(b"", b"\x15\x03\x03\x00\x02\x01\x5a"),
    "header-line": _endless(_HEAD + b"X: ", b"x"),
    "header-lines": _endless(_HEAD, b"X: y\r\n"),
    "header-in-single-bytes": _single_segments(_HEAD + b"X: ", b"x"),
    "interim-responses": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "status-line": _endless(b"HTTP/1.1 200 ", b"x"),
    "body": _endless(_HEAD + b"\r\n", b"body"),
    "chunks": _endless(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "greeting": _endless(b"", b"spam and eggs\r\n", after_hearing=False),
    "greeting-in-single-bytes": _single_segments(b"", b"x", after_hearing=False),
    "greeting-continued": _endless(b"", b"220-welcome\r\n", after_hearing=False),
    "zeros": _endless(b"", b"\0", after_hearing=False),
    "dns-segments": _single_segments(b"\xff\xff", b"\0"),
}


def _flood_by_datagrams(sock: socket.socket, answer: Callable[[bytes], bytes]) -> None:
    while True:
        query, sender = sock.recvfrom(65535)
        until = time.monotonic() + 8
        while time.monotonic() < until:
            with suppress(OSError):
                sock.sendto(answer(query), sender)


_OTHER = b"\x81\x80\0\1\1\x90\0\0\0\0\1x\0\0\1\0\1"  # a response to another question, with 400 records
DATAGRAMS: dict[str, Callable[[bytes], bytes]] = {
    "wrong-id": lambda query: bytes([query[0] ^ 1]) + query[1:2] + b"\x81\x80" + query[4:],
    "wrong-question": lambda query: query[:2] + b"\x81\x80\0\1\0\0\0\0\0\0\1x\0\0\1\0\1",
    "long-wrong-question": lambda query: query[:2] + _OTHER + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4abcd" * 400,
    "short": lambda query: b"x",
    "empty": lambda query: b"",
}


def main(kind: str, folder: Path) -> None:
    """Serve until stdin is closed."""
    if kind in DATAGRAMS:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", 0))
        threading.Thread(target=_flood_by_datagrams, args=(listener, DATAGRAMS[kind]), daemon=True).start()
    else:
        listener = socket.create_server(("127.0.0.1", 0))

        def one(conn: socket.socket) -> None:
            with conn, suppress(OSError):
                PEERS[kind](conn, folder)

        def accept() -> None:
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


@contextmanager
def peer(kind: str, folder: Path) -> Iterator[int]:
    """Start a hostile peer; give its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile_peers", kind, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
