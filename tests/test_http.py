"""The HTTP probe against loopback servers that answer, stall, drip, flood, lie and send you round in circles."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portdoctor.model import HttpReply, Outcome
from portdoctor.probes.channel import Channel, Received
from portdoctor.probes.handshake import handshake
from portdoctor.probes.http import _reply, browse, request
from portdoctor.text import is_clean

from .loopback import Authority, Script, on, over_tls, reset, saying, server, until_closed


def ask(script: Script, *, limit: float = 5.0, host: str = "shop.example.com", path: str = "/") -> HttpReply:
    async def act(sock: socket.socket, clock: Callable[[], float]) -> HttpReply:
        return await request(Channel(sock, clock), host, port, path, "127.0.0.1", clock, clock() + limit)

    with server(script) as port:
        o = on(port, act)
    assert isinstance(o, HttpReply)
    return o


def answer(*parts: bytes, **more: Any) -> Script:
    return saying(*parts, after_hearing=True, **more)


OK = b"HTTP/1.1 200 OK\r\nServer: nginx/1.25\r\nContent-Length: 2\r\nSet-Cookie: a=secret\r\n\r\nhi"


def test_an_answer_keeps_the_chosen_headers_only() -> None:
    o = ask(answer(OK))
    assert (o.outcome, o.status, o.phrase, o.version, o.text) == (Outcome.OK, 200, "OK", "1.1", "hi")
    assert o.headers == {"server": "nginx/1.25", "content-length": "2"}
    assert o.first_byte is not None
    assert o.first_byte < 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, Outcome.OK), (404, Outcome.OK), (401, Outcome.OK), (407, Outcome.ERROR_ANSWER),
        (421, Outcome.ERROR_ANSWER), (429, Outcome.ERROR_ANSWER), (500, Outcome.ERROR_ANSWER),
        (502, Outcome.ERROR_ANSWER),
    ],
)  # fmt: skip
def test_the_status_decides_the_outcome(status: int, outcome: Outcome) -> None:
    assert ask(answer(b"HTTP/1.1 %d x\r\n\r\n" % status)).outcome is outcome


def test_the_question_is_one_request_whatever_was_typed() -> None:
    heard: list[bytes] = []

    def script(conn: socket.socket) -> None:
        heard.append(conn.recv(65536))
        conn.sendall(OK)

    ask(script, host="shop.example.com\r\nX: y", path="/a b\r\nX: z/ü?q=1#part")
    text = heard[0].decode("ascii")
    assert text.startswith("GET /a%20b%0D%0AX:%20z/%C3%BC?q=1 HTTP/1.1\r\n")
    assert text.count("\r\n\r\n") == 1
    names = [line.partition(":")[0] for line in text.splitlines()[1:] if line]
    assert names == ["Host", "User-Agent", "Accept", "Connection"]


def test_an_ipv6_host_is_written_in_brackets_without_its_scope() -> None:
    heard: list[bytes] = []

    def script(conn: socket.socket) -> None:
        heard.append(conn.recv(65536))
        conn.sendall(OK)

    ask(script, host="fe80::1%eth0")
    assert b"\r\nHost: [fe80::1]:" in heard[0]


def test_interim_answers_are_passed_over() -> None:
    o = ask(answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", OK))
    assert (o.status, o.text) == (200, "hi")


def test_a_bare_carriage_return_in_the_reason_is_still_http() -> None:
    o = ask(answer(b"HTTP/1.1 200 OK\rHTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\nhi"))
    assert (o.outcome, o.status, o.phrase, o.text) == (Outcome.OK, 200, "OK HTTP/1.1 200 OK", "hi")


def test_bare_line_feeds_and_no_reason_are_understood() -> None:
    o = ask(answer(b"HTTP/1.0 503\nRetry-After: 9\n\nwait"))
    assert (o.status, o.phrase, o.headers, o.text) == (503, "", {"retry-after": "9"}, "wait")


@pytest.mark.parametrize(
    ("said", "protocol", "outcome"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh", Outcome.OTHER_PROTOCOL),
        (b"<html><body>old</body></html>", "html", Outcome.OTHER_PROTOCOL),
        (b"\x15\x03\x01\x00\x02\x02\x46", "tls", Outcome.OTHER_PROTOCOL),
        (b"gibberish without end of line", None, Outcome.OTHER_PROTOCOL),
        (b"HTTP/1.1 OK\r\n\r\n", "http", Outcome.MALFORMED),
        (b"+OK", None, Outcome.OTHER_PROTOCOL),
    ],
)
def test_what_is_no_http_is_named(said: bytes, protocol: str | None, outcome: Outcome) -> None:
    o = ask(answer(said, then=lambda conn: conn.close()))
    if said != b"+OK":
        assert o.protocol == protocol
    assert o.outcome is outcome
    assert o.status is None


def test_silence_is_a_timeout() -> None:
    o = ask(until_closed, limit=0.3)
    assert (o.outcome, o.received, o.first_byte) == (Outcome.TIMEOUT, 0, None)
    assert o.took < 1


def test_the_end_of_the_connection_without_an_answer() -> None:
    assert ask(answer(then=lambda conn: conn.close())).outcome is Outcome.CLOSED
    o = ask(answer(then=reset))
    assert (o.outcome, o.errno and o.errno.name) == (Outcome.RESET, "ECONNRESET")


def test_a_head_that_breaks_off_keeps_its_status_and_its_end() -> None:
    o = ask(answer(b"HTTP/1.1 200 OK\r\nServer: x", then=lambda conn: conn.close()))
    assert (o.outcome, o.status, o.headers) == (Outcome.CLOSED, 200, {"server": "x"})


def test_a_dripping_server_is_bounded() -> None:
    o = ask(answer(*(bytes([b]) for b in OK * 3), pause=0.05), limit=0.4)
    assert o.outcome is Outcome.TIMEOUT
    assert o.took < 1


def test_an_endless_header_block_is_bounded() -> None:
    def flood(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.sendall(b"X: " + b"y" * 1000 + b"\r\n")

    o = ask(flood)
    assert (o.outcome, o.status) == (Outcome.TOO_LONG, 200)
    assert o.received <= 256 * 1024


def test_an_endless_body_is_bounded() -> None:
    def flood(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conn.sendall(b"line\n" * 1000)

    o = ask(flood)
    assert (o.outcome, o.status) == (Outcome.OK, 200)
    assert o.took < 1
    assert len(o.text) <= 400


def test_a_body_that_never_comes_does_not_hold_up_the_head() -> None:
    o = ask(answer(b"HTTP/1.1 500 Oh\r\nContent-Length: 99\r\n\r\n"))
    assert (o.outcome, o.status) == (Outcome.ERROR_ANSWER, 500)
    assert o.took < 1


def test_hostile_text_is_made_visible() -> None:
    o = ask(answer(b"HTTP/1.1 200 \x1b[31mred\r\nServer: \x1b]0;x\x07\r\n\r\n\x1b[2Jbody\xe2\x80\xae"))
    shown = o.phrase + o.headers["server"] + o.text
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_folded_and_repeated_headers_are_joined() -> None:
    o = ask(answer(b"HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nVIA: 1.1 b\r\nServer: one\r\n\ttwo\r\nodd line\r\n\r\n"))
    assert o.headers == {"server": "one two", "via": "1.1 a, 1.1 b"}


def test_headers_that_cannot_be_parsed_lose_nothing_else() -> None:
    o = ask(answer(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99 + b"X: " + b"z" * 66000 + b"\r\n\r\n"))
    assert o.status == 200
    assert o.headers == {}


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda rest: b"HTTP/1.1 " + rest)))
def test_any_bytes_give_an_answer_that_can_be_shown(data: bytes) -> None:
    received = Received()
    received.add(data, 0.0)
    received.outcome = Outcome.CLOSED
    o = _reply(received, {"address": "127.0.0.1", "port": 80})
    assert all(is_clean(text) for text in (o.text, o.phrase, *o.headers.values(), o.location or ""))
    assert o.outcome is not Outcome.OK or o.status is not None


# ------------------------------------------------------------------ redirects


def wander(pages: dict[bytes, bytes], path: str = "/") -> tuple[HttpReply, int]:
    """Browse a server with these pages; gives the last answer and the number of requests."""
    asked = 0

    def script(conn: socket.socket) -> None:
        nonlocal asked
        asked += 1
        line = conn.recv(65536).split(b" ")[1]
        conn.sendall(pages.get(line, b"HTTP/1.1 404 Not Found\r\n\r\n").replace(b"PORT", b"%d" % port))
        until_closed(conn)

    extra: list[socket.socket] = []

    async def act(sock: socket.socket, clock: Callable[[], float]) -> HttpReply:
        async def dial() -> Channel:
            again = socket.create_connection(("127.0.0.1", port))
            extra.append(again)
            again.setblocking(False)
            return Channel(again, clock)

        return await browse(Channel(sock, clock), dial, "localhost", port, path, "127.0.0.1", clock, clock() + 5)

    with server(script) as port:
        try:
            o = on(port, act)
        finally:
            for sock in extra:
                sock.close()
    assert isinstance(o, HttpReply)
    return o, asked


def to(location: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n"


def test_redirects_to_the_same_place_are_followed() -> None:
    o, asked = wander({b"/": to(b"/a?x=1"), b"/a?x=1": to(b"http://localhost:PORT/b#c"), b"/b": OK})
    assert (o.status, o.redirects, asked) == (200, 2, 3)


def test_a_redirect_elsewhere_is_an_answer_and_keeps_no_query() -> None:
    o, asked = wander({b"/": to(b"https://user:pass@login.example.com/in?token=secret")})
    assert (o.outcome, o.status, o.location) == (Outcome.OK, 302, "https://login.example.com/in")
    assert asked == 1
    assert "secret" not in repr(o)


def test_a_circle_is_an_error_answer() -> None:
    o, asked = wander({b"/": to(b"/a?q=secret"), b"/a?q=secret": to(b"/")})
    assert (o.outcome, o.status, o.text) == (Outcome.ERROR_ANSWER, 302, "redirects: / -> /a -> /")
    assert asked == 2


def test_a_query_that_differs_is_no_circle() -> None:
    o, _ = wander({b"/": to(b"/?step=2"), b"/?step=2": OK})
    assert o.outcome is Outcome.OK


def test_redirects_without_end_stop_at_five() -> None:
    o, asked = wander({b"/%d" % n: to(b"/%d" % (n + 1)) for n in range(20)}, "/0")
    assert (o.outcome, asked) == (Outcome.ERROR_ANSWER, 6)


# ------------------------------------------------------------------ inside TLS


def test_a_request_inside_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    o = _ask_tls(over_tls(authority.context("shop.example.com"), answer(OK)), authority)
    assert (o.outcome, o.status) == (Outcome.OK, 200)


def test_the_alert_that_asks_for_a_client_certificate_comes_with_the_answer(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.context("shop.example.com")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.pem)
    o = _ask_tls(over_tls(context, answer(OK)), authority)
    assert (o.outcome, o.alert) == (Outcome.TLS_ALERT, "certificate_required")
    assert o.os_says == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def test_the_alert_counts_though_the_connection_was_reset_behind_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.context("shop.example.com")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.pem)
    o = _ask_tls(over_tls(context, answer(OK)), authority, pause=0.2)
    assert (o.outcome, o.alert, o.errno) == (Outcome.TLS_ALERT, "certificate_required", None)


def _ask_tls(script: Script, authority: Authority, *, pause: float = 0.0) -> HttpReply:
    async def act(sock: socket.socket, clock: Callable[[], float]) -> HttpReply:
        until = clock() + 5
        _, channel = await handshake(
            sock, "127.0.0.1", port, "shop.example.com", str(authority.pem), ("http/1.1",), clock, until
        )
        assert channel is not None
        await asyncio.sleep(pause)
        return await request(channel, "shop.example.com", port, "/", "127.0.0.1", clock, until)

    began = time.monotonic()
    with server(script) as port:
        o = on(port, act)
    assert time.monotonic() - began < 4
    assert isinstance(o, HttpReply)
    return o
