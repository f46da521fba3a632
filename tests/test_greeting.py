"""The greeting probe: services that speak first, services that are asked, silence, refusals, floods."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from portdoctor.model import Greeting, Outcome
from portdoctor.probes.channel import Channel
from portdoctor.probes.greeting import greet

from .loopback import Script, on, reset, saying, server, until_closed


def hello(script: Script, service: str | None, *, limit: float = 5.0) -> Greeting:
    connected = threading.Event()

    async def act(sock: socket.socket, clock: Callable[[], float]) -> Greeting:
        connected.set()
        return await greet(Channel(sock, clock), "127.0.0.1", port, service, clock, clock() + limit)

    def when_connected(conn: socket.socket) -> None:  # a RST that comes before connect() returns makes that fail
        connected.wait(30)
        script(conn)

    with server(when_connected) as port:
        o = on(port, act)
    assert isinstance(o, Greeting)
    return o


MYSQL = b"\x00\x00\x00\x0a8.0.36\x00" + b"x" * 66
MYSQL = bytes([len(MYSQL) - 1]) + MYSQL


@pytest.mark.parametrize(
    ("service", "greeting", "protocol"),
    [
        ("ssh", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "ssh"),
        ("ssh", b"Authorised use only\r\nSSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        ("smtp", b"220 mail.example.com ESMTP Postfix\r\n", "smtp"),
        ("smtp", b"220 welcome\r\n", "smtp"),
        ("smtp", b"220-mail.example.com ESMTP\r\n220 ready\r\n", "smtp"),
        ("ftp", b"220 (vsFTPd 3.0.3)\r\n", "ftp"),
        ("ftp", b"220 hello\r\n", "ftp"),
        ("imap", b"* OK [CAPABILITY IMAP4rev1] ready\r\n", "imap"),
        ("pop3", b"+OK ready\r\n", "pop3"),
        ("mysql", MYSQL, "mysql"),
        ("rfb", b"RFB 003.008\n", "rfb"),
        ("telnet", b"Welcome to the switch\r\nUser: ", None),
    ],
)
def test_a_service_that_speaks_first(service: str, greeting: bytes, protocol: str | None) -> None:
    o = hello(saying(greeting), service)
    assert o.outcome is Outcome.OK
    if protocol:
        assert o.protocol == protocol
    assert o.sent is None
    assert o.took < 1


@pytest.mark.parametrize(
    ("service", "answer", "first_word"),
    [
        ("redis", b"+PONG\r\n", b"PING"), ("redis", b"-NOAUTH Authentication required.\r\n", b"PING"),
        ("memcache", b"VERSION 1.6.18\r\n", b"version"), ("postgresql", b"S", b"\0\0\0\x08\x04\xd2\x16\x2f"),
        ("mqtt", b"\x20\x02\x00\x00", b"\x10"), ("mqtt", b"\x20\x02\x00\x05", b"\x10"),
        ("amqp", b"\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x0a\x00\x09\x00\x00\xce", b"AMQP\0\0\x09\x01"),
    ],
)  # fmt: skip
def test_a_service_that_is_asked(service: str, answer: bytes, first_word: bytes) -> None:
    heard: list[bytes] = []

    def script(conn: socket.socket) -> None:
        heard.append(conn.recv(65536))
        conn.sendall(answer)
        until_closed(conn)

    o = hello(script, service)
    assert (o.outcome, o.protocol) == (Outcome.OK, service)
    assert heard[0].startswith(first_word)
    assert o.sent
    assert o.took < 1


PG_FATAL = b"SFATAL\0VFATAL\0C%b\0M%b\0Fpostmaster.c\0\0"


def pg_error(code: bytes, message: bytes) -> bytes:
    body = PG_FATAL % (code, message)
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        (b"57P03", b"the database system is starting up", Outcome.ERROR_ANSWER),
        (b"53300", b"sorry, too many clients already", Outcome.ERROR_ANSWER),
        (b"28000", b'role "portdoctor" does not exist', Outcome.OK),
        (b"28000", b'no pg_hba.conf entry for host "10.0.0.9", user "portdoctor"', Outcome.OK),
    ],
)
def test_postgresql_says_more_once_a_session_begins(code: bytes, message: bytes, outcome: Outcome) -> None:
    heard: list[bytes] = []

    def script(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(b"N")
        heard.append(conn.recv(65536))
        conn.sendall(pg_error(code, message))

    o = hello(script, "postgresql")
    assert (o.outcome, o.protocol) == (outcome, "postgresql")
    assert message.decode() in o.text
    start = heard[0]
    assert int.from_bytes(start[:4], "big") == len(start)
    assert start[4:8] == b"\0\x03\0\0"


@pytest.mark.parametrize(
    ("service", "answer"),
    [
        ("smtp", b"554 5.7.1 mail.example.com no service for you\r\n"), ("smtp", b"421 too many connections\r\n"),
        ("smtp", b"450 try again later\r\n"), ("ftp", b"421 Too many users\r\n"), ("imap", b"* BYE overloaded\r\n"),
        ("mysql", b"E\0\0\0\xff\x6a\x04Host '10.0.0.9' is not allowed to connect to this MySQL server"),
        ("mysql", b"\x17\0\0\0\xff\x10\x04#08004Too many connections"),
        ("redis", b"-DENIED Redis is running in protected mode\r\n"), ("redis", b"-LOADING the dataset\r\n"),
        ("redis", b"-ERR max number of clients reached\r\n"), ("ssh", b"Exceeded MaxStartups\r\n"),
        ("postgresql", pg_error(b"53300", b"sorry, too many clients already")),
    ],
)  # fmt: skip
def test_the_right_service_with_an_error_of_its_own(service: str, answer: bytes) -> None:
    o = hello(saying(answer, then=lambda conn: conn.close()), service)
    assert (o.outcome, o.protocol) == (Outcome.ERROR_ANSWER, service)


@pytest.mark.parametrize(
    ("service", "answer", "protocol"),
    [
        ("ssh", b"HTTP/1.1 400 Bad Request\r\n\r\n", "http"), ("smtp", b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        ("redis", b"HTTP/1.1 400 Bad Request\r\n\r\n", "http"), ("postgresql", b"-ERR unknown command\r\n", "redis"),
        ("mysql", b"\x15\x03\x01\x00\x02\x02\x46", "tls"), ("ssh", b"hello there\r\n", None),
    ],
)  # fmt: skip
def test_another_protocol(service: str, answer: bytes, protocol: str | None) -> None:
    o = hello(saying(answer), service)
    assert (o.outcome, o.protocol, o.expected) == (Outcome.OTHER_PROTOCOL, protocol, service)
    assert o.took < 2


def test_a_service_that_speaks_first_and_is_silent() -> None:
    o = hello(until_closed, "ssh", limit=0.3)
    assert (o.outcome, o.received) == (Outcome.TIMEOUT, 0)


def test_a_service_that_is_asked_and_is_silent() -> None:
    assert hello(until_closed, "redis", limit=0.3).outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("service", [None, "discard", "kafka", "microsoft-ds", "no-such-service"])
def test_silence_of_a_service_without_a_first_word_is_well(service: str | None) -> None:
    o = hello(until_closed, service)
    assert (o.outcome, o.received, o.protocol) == (Outcome.OK, 0, None)
    assert 0.3 < o.took < 0.8


def test_an_unknown_service_that_speaks_is_recognised() -> None:
    o = hello(saying(b"SSH-2.0-OpenSSH_9.2\r\n"), None)
    assert (o.outcome, o.protocol) == (Outcome.OK, "ssh")


@pytest.mark.parametrize("service", ["ssh", None])
def test_the_end_of_the_connection_before_a_word(service: str | None) -> None:
    assert hello(lambda conn: conn.close(), service).outcome is Outcome.CLOSED
    o = hello(reset, service)
    assert o.outcome is Outcome.RESET
    assert o.errno is not None


def test_a_reset_that_comes_a_moment_later() -> None:
    def script(conn: socket.socket) -> None:
        time.sleep(0.15)
        reset(conn)

    assert hello(script, None).outcome is Outcome.RESET


def test_a_slow_greeting_is_waited_for() -> None:
    o = hello(saying(b"", b"S", b"SH-2.0-slow\r\n", pause=0.3), "ssh")
    assert (o.outcome, o.protocol) == (Outcome.OK, "ssh")


def test_a_notice_before_the_greeting_is_waited_past() -> None:
    o = hello(saying(b"Authorised use only\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", pause=0.2), "ssh")
    assert (o.outcome, o.protocol) == (Outcome.OK, "ssh")


def test_a_dripping_greeting_is_bounded_and_is_no_other_protocol() -> None:
    o = hello(saying(*(bytes([b]) for b in b"SSSSSSSSSSSSSSSSS"), pause=0.1), "ssh", limit=0.6)
    assert o.outcome is Outcome.TIMEOUT
    assert o.took < 1


def test_an_endless_greeting_is_bounded() -> None:
    def flood(conn: socket.socket) -> None:
        while True:
            conn.sendall(b"y" * 65536)

    o = hello(flood, "ssh")
    assert o.outcome is Outcome.TOO_LONG
    assert o.received <= 65536
    assert len(o.text) <= 300


def test_a_thousand_lines_are_cut_off() -> None:
    o = hello(saying(b"220-line\r\n" * 1000, then=until_closed), "smtp")
    assert o.received <= 65536
    assert o.took < 2


def test_hostile_text_is_made_visible() -> None:
    o = hello(saying(b"220 \x1b[31mESMTP \xe2\x80\xae\r\n"), "smtp")
    assert "\x1b" not in o.text
    assert "\u202e" not in o.text
