"""The probe `data-trace` and the ClientHello that it sends, against servers on the loopback interface."""

from __future__ import annotations

import asyncio
import time

import pytest

from portdoctor.host import current
from portdoctor.model import Outcome, Trace
from portdoctor.probes.data_trace import data_trace
from portdoctor.probes.handshake import client_hello

from .loopback import Script, reset, saying, server, until_closed


def send(script: Script, data: bytes = b"GET /") -> Trace:
    with server(script) as port:
        return asyncio.run(
            data_trace("127.0.0.1", port, data, (1, 2), clock=time.monotonic, host=current(), wait=0.3, round=2)
        )


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (lambda sock: (sock.recv(4096), reset(sock)), Outcome.RESET),
        (lambda sock: sock.recv(4096), Outcome.CLOSED),
        (saying(b"220 ready\r\n"), Outcome.OK),
        (until_closed, Outcome.TIMEOUT),
    ],
)
def test_each_connection_ends_as_the_server_ends_it(script: Script, outcome: Outcome) -> None:
    seen = send(script)
    assert (seen.role, seen.round) == ("data", 2)
    assert [(hop.ttl, hop.outcome) for hop in seen.hops] == [(1, outcome), (2, outcome)]


def test_a_port_that_refuses_shows_nothing() -> None:
    with server(until_closed) as port:
        pass
    seen = asyncio.run(data_trace("127.0.0.1", port, b"x", (1,), clock=time.monotonic, host=current(), wait=0.2))
    assert [hop.outcome for hop in seen.hops] == [Outcome.TIMEOUT]


def test_the_client_hello_has_the_name_and_the_protocols() -> None:
    data = client_hello("shop.example", ("http/1.1",))
    assert data[:1] == b"\x16"
    assert b"shop.example" in data
    assert b"http/1.1" in data
    assert b"127.0.0.1" not in client_hello("127.0.0.1", ())
