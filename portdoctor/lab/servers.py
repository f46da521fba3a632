"""Small servers that misbehave deliberately. `python -m portdoctor.lab.servers "http :80 status=502" …`

The syntax is KIND [ADDRESS]:PORT [KEY=VALUE …]. Without an address the server listens on all addresses, IPv4 and
IPv6. `program=` is the name of its process. All servers end after `for=` seconds (default 300) or with their process.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .servers_dns import answer_dns, serve_dns_stream
from .servers_forward import forward
from .servers_http import drip, endless, http, redirect, slow, stuffed
from .servers_udp import answer_ntp, answer_quic

LIFE = 300.0  # seconds; a forgotten server ends


class Spec(NamedTuple):
    """One server of a scenario."""

    kind: str
    address: str
    port: int
    options: dict[str, str]

    @property
    def life(self) -> float:
        return float(self.options.get("for", LIFE))


class SpecError(ValueError):
    """An invalid server specification. The message shows the syntax."""


Conversation = Callable[[socket.socket, dict[str, str]], None]


def read_spec(text: str) -> Spec:
    """"http :80 status=502" → Spec. Raises SpecError."""
    words = shlex.split(text)
    if len(words) < 2 or words[0] not in KINDS:
        raise SpecError(f"{text!r}: write KIND [ADDRESS]:PORT [KEY=VALUE …]; the kinds are {', '.join(sorted(KINDS))}")
    address, colon, port = words[1].rpartition(":")
    if not colon or not port.isdigit():
        raise SpecError(f"{text!r}: invalid [ADDRESS]:PORT {words[1]!r}")
    if bad := [w for w in words[2:] if "=" not in w]:
        raise SpecError(f"{text!r}: invalid KEY=VALUE {bad[0]!r}")
    return Spec(words[0], address.strip("[]"), int(port), dict(w.split("=", 1) for w in words[2:]))


def server_socket(spec: Spec, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """The bound socket of a server: dual-stack when no address is given."""
    family = socket.AF_INET if "." in spec.address else socket.AF_INET6
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if spec.address else 0)
    sock.bind((spec.address, spec.port))
    return sock


# ------------------------------------------------- after accept


def hold(sock: socket.socket, options: dict[str, str]) -> None:
    """Accept, read and send nothing."""
    with contextlib.suppress(OSError):
        while sock.recv(4096):
            pass
        time.sleep(LIFE)


def deaf(sock: socket.socket, options: dict[str, str]) -> None:
    """Accept, and neither read nor send."""
    time.sleep(LIFE)


def reset(sock: socket.socket, options: dict[str, str]) -> None:
    """Send RST: at once, after the first bytes (`after=hello`), or after seconds (`after=0.2`)."""
    _wait_for(sock, options)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(sock: socket.socket, options: dict[str, str]) -> None:
    """Send FIN, with the same options as `reset`."""
    _wait_for(sock, options)
    if options.get("after"):
        return
    with contextlib.suppress(OSError):  # unread bytes would turn the FIN into an RST
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(1.0)
        while sock.recv(4096):
            pass


def send_greeting(sock: socket.socket, options: dict[str, str]) -> None:
    """Send `text` first, followed by \\r\\n, then nothing. `repeat=N` sends it N times, `repeat=0` without end."""
    line = options.get("text", "220 ready").encode().decode("unicode_escape").encode("latin-1") + b"\r\n"
    time.sleep(float(options.get("delay", 0)))
    count = int(options.get("repeat", 1))
    sent = 0
    while count == 0 or sent < count:
        sock.sendall(line)
        sent += 1
        time.sleep(float(options.get("every", 0)))
    if "close" in options:
        return
    hold(sock, options)


def send_reply(sock: socket.socket, options: dict[str, str]) -> None:
    """Wait for the first bytes, then send `text`."""
    sock.recv(4096)
    send_greeting(sock, options)


def tls(sock: socket.socket, options: dict[str, str]) -> None:
    """Serve TLS with `cert=` (a PEM file with key and chain), then HTTP. `min=`/`max=` versions: 1.2 or 1.3."""
    import ssl

    versions = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["cert"], options.get("key"))
    if "min" in options:
        context.minimum_version = versions[options["min"]]
    if "max" in options:
        context.maximum_version = versions[options["max"]]
    if "alpn" in options:
        context.set_alpn_protocols(options["alpn"].split(","))
    if "client_ca" in options:
        context.load_verify_locations(options["client_ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    with context.wrap_socket(sock, server_side=True) as secure:
        inner = options.get("then", "http")
        CONVERSATIONS[inner](secure, options)


def _wait_for(sock: socket.socket, options: dict[str, str]) -> None:
    after = options.get("after", "")
    if after == "hello":
        sock.recv(4096)
    elif after:
        time.sleep(float(after))


CONVERSATIONS: dict[str, Conversation] = {
    "hold": hold, "deaf": deaf, "reset": reset, "close": close, "greeting": send_greeting, "reply": send_reply,
    "tls": tls, "http": http, "redirect": redirect, "slow": slow, "drip": drip, "endless": endless, "stuffed": stuffed,
    "forward": forward,
}  # fmt: skip


# ------------------------------------------------- starting and running

Runner = Callable[[], None]


def _stream(spec: Spec) -> Runner:
    listener = server_socket(spec)
    listener.listen(int(spec.options.get("backlog", 128)))
    return lambda: _accept(listener, CONVERSATIONS[spec.kind], spec.options)


def _accept(listener: socket.socket, converse: Conversation, options: dict[str, str]) -> None:
    """Accept without end, one thread a connection."""

    def talk(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            converse(sock, options)

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=talk, args=(sock,), daemon=True).start()


def _full(spec: Spec) -> Runner:
    """A full accept queue, filled by two connections. After `until=` seconds it accepts and behaves as `then=`."""
    listener = server_socket(spec)
    listener.listen(0)
    name = spec.address or "127.0.0.1"
    fillers = [socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET) for _ in range(2)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex((name, spec.port))

    def run() -> None:
        time.sleep(float(spec.options.get("until", LIFE)))
        listener.listen(128)  # from now on nothing is dropped, however long this process waits for a processor
        for filler in fillers:
            filler.close()
        _accept(listener, CONVERSATIONS[spec.options.get("then", "hold")], spec.options)

    return run


def _bound(spec: Spec) -> Runner:
    """Bound, but not listening: the port is in use, and connections are refused. `reserved` listens, never accepts."""
    sock = server_socket(spec)
    if spec.kind == "reserved":
        sock.listen(4096)

    def run() -> None:
        with sock:
            time.sleep(LIFE)

    return run


def _udp(answer: Callable[[bytes, dict[str, str]], bytes | None]) -> Callable[[Spec], Runner]:
    def start(spec: Spec) -> Runner:
        sock = server_socket(spec, socket.SOCK_DGRAM)

        def run() -> None:
            while True:
                query, peer = sock.recvfrom(65535)
                reply = answer(query, spec.options)
                if reply is not None:
                    with contextlib.suppress(OSError):
                        sock.sendto(reply, peer)

        return run

    return start


def _dns(spec: Spec) -> Runner:
    """DNS over UDP, and over TCP unless `tcp=no`. One thread a query, since responses can be delayed (`delay=`)."""
    sock = server_socket(spec, socket.SOCK_DGRAM)
    stream = None
    asked: Counter[tuple[str, str]] = Counter()
    if spec.options.get("tcp") != "no":
        stream = server_socket(spec)
        stream.listen(16)

    def respond(query: bytes, peer: tuple[object, ...]) -> None:
        reply = answer_dns(query, spec.options, "udp", asked)
        if reply is not None:
            with contextlib.suppress(OSError):
                sock.sendto(reply, peer)

    def streams() -> None:
        while stream is not None:
            one, _ = stream.accept()
            threading.Thread(target=serve_dns_stream, args=(one, spec.options, asked), daemon=True).start()

    def run() -> None:
        threading.Thread(target=streams, daemon=True).start()
        while True:
            query, peer = sock.recvfrom(65535)
            threading.Thread(target=respond, args=(query, peer), daemon=True).start()

    return run


KINDS: dict[str, Callable[[Spec], Runner]] = {
    **dict.fromkeys(CONVERSATIONS, _stream),
    "full": _full,
    "bound": _bound,
    "reserved": _bound,
    "dns": _dns,
    "udp-echo": _udp(lambda query, _: query),
    "quic": _udp(answer_quic),
    "ntp": _udp(answer_ntp),
    "udp-silent": _udp(lambda _, __: None),
    "udp-reply": _udp(lambda _, options: options.get("text", "").encode().decode("unicode_escape").encode("latin-1")),
}


def serve(texts: list[str], ready: Callable[[], None] = lambda: None) -> None:
    """Run all servers of this process until their time limit. Raises SpecError or OSError before `ready`."""
    specs = [read_spec(text) for text in texts]
    runners = [KINDS[spec.kind](spec) for spec in specs]
    for name in (spec.options["program"] for spec in specs if "program" in spec.options):
        Path("/proc/self/comm").write_text(name)
    ready()
    for run in runners:
        threading.Thread(target=run, daemon=True).start()
    time.sleep(min((spec.life for spec in specs), default=0))
    os._exit(0)  # daemon threads may be in a blocking call


def main() -> None:
    """Entry point: one argument a server."""
    try:
        serve(sys.argv[1:], lambda: print("listening", flush=True))
    except (SpecError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
