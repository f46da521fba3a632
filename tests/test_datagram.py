"""One UDP exchange against real sockets on loopback: answers, errors, silence, and servers that misbehave."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.checkup.checkup import Checkup
from portdoctor.engine.verdict import diagnose
from portdoctor.host import current
from portdoctor.lab import servers_udp
from portdoctor.model import Connect, Datagram, Icmp, Options, Outcome
from portdoctor.probes import payloads
from portdoctor.probes.datagram import AGAIN_AFTER, MOST_SENT, exchange
from portdoctor.probes.payloads import Payload, payload_for
from portdoctor.target.parse import parse
from portdoctor.text import is_clean

HOST = current()
Answer = Callable[[bytes], list[bytes]]
MAKERS = (
    payloads.dns, payloads.multicast_dns, payloads.ntp, payloads.snmp, payloads.stun, payloads.quic, payloads.tftp,
    payloads.sip, payloads.memcache, payloads.ssdp, payloads.sql_browser, payloads.echo, payloads.coap,
    payloads.nothing, lambda: payloads.rpc(100000, 2),
)  # fmt: skip


@contextmanager
def service(answer: Answer, address: str = "127.0.0.1", *, elsewhere: bool = False) -> Iterator[int]:
    """A UDP server that sends what `answer` makes of each datagram, and return its port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock, socket.socket(family, socket.SOCK_DGRAM) as other:
        sock.bind((address, 0))
        sock.settimeout(0.05)
        stop = threading.Event()

        def run() -> None:
            while not stop.is_set():
                try:
                    request, who = sock.recvfrom(65535)
                except TimeoutError:
                    continue
                for response in answer(request):
                    (other if elsewhere else sock).sendto(response, who)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            stop.set()
            thread.join(5)


def ask(
    port: int, payload: Payload, limit: float = 1.0, address: str = "127.0.0.1", source: str | None = None
) -> Datagram:
    zero = time.monotonic()
    return asyncio.run(
        exchange(address, port, payload, clock=lambda: time.monotonic() - zero, host=HOST, limit=limit, source=source)
    )


def closed_port(address: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])


def quiet(request: bytes) -> list[bytes]:
    return []


def back(request: bytes) -> list[bytes]:
    return [request]


# ---------------------------------------------------------------- answers


def reply_to(name: str, request: bytes) -> bytes:
    """Return the answer of a correct server, written from the RFC of each protocol."""
    match name:
        case "DNS query" | "mDNS query":
            return request[:2] + b"\x81\x05" + request[4:]
        case "NTP request":
            return servers_udp.answer_ntp(request, {}) or b""
        case "SNMP discovery":
            return b"\x30\x1e\x02\x01\x03\x30\x0f\x02\x04" + request[request.index(b"\x02\x04") + 2 :][:4] + bytes(8)
        case "STUN binding":
            return b"\x01\x01\0\0" + request[4:20]
        case "QUIC version negotiation":
            return servers_udp.answer_quic(request, {}) or b""
        case "TFTP read request":
            return b"\0\x05\0\x01File not found\0"
        case "SIP OPTIONS":
            return b"SIP/2.0 404 Not Found\r\n\r\n"
        case "memcached version":
            return request[:8] + b"VERSION 1.6.18\r\n"
        case "SSDP search":
            return b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n"
        case "SQL Server Browser query":
            return b"\x05\x10\0ServerName;DB1;;"
        case "CoAP ping":
            return b"\x70\0" + request[2:4]
        case "RPC null call":
            return request[:4] + b"\0\0\0\x01" + bytes(16)
        case _:
            return request


SAYS = {
    "DNS query": "REFUSED", "mDNS query": "REFUSED", "NTP request": "stratum 2", "SNMP discovery": "version 3 report",
    "STUN binding": "binding response", "QUIC version negotiation": "version 1", "TFTP read request": "File not found",
    "SIP OPTIONS": "SIP/2.0 404 Not Found", "memcached version": "VERSION 1.6.18", "SSDP search": "HTTP/1.1 200 OK",
    "RPC null call": "reply", "echo": "the same line",
}  # fmt: skip


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make().name)
def test_a_correct_server_answers_each_request(make: Callable[[], Payload]) -> None:
    payload = make()
    with service(lambda request: [reply_to(payload.name, request)], elsewhere=payload.elsewhere) as port:
        o = ask(port, payload)
    assert (o.outcome, o.sent, o.replies, o.call) == (Outcome.OK, 1, 1, None)
    assert o.protocol == (payload.protocol or None)
    assert o.text == SAYS.get(payload.name, "")
    assert o.source == ("127.0.0.1" if not payload.elsewhere else o.source)


@pytest.mark.parametrize("make", [m for m in MAKERS if m().protocol not in ("", "echo")], ids=lambda make: make().name)
def test_a_server_that_sends_everything_back_is_no_such_service(make: Callable[[], Payload]) -> None:
    payload = make()
    with service(back) as port:
        o = ask(port, payload, 0.8)
    assert o.outcome is Outcome.OTHER_PROTOCOL
    assert o.text
    assert is_clean(o.text)


def test_it_answers_over_ipv6_too() -> None:
    with service(lambda request: [servers_udp.answer_ntp(request, {}) or b""], "::1") as port:
        o = ask(port, payloads.ntp(), address="::1", source="::1")
    assert (o.outcome, o.source) == (Outcome.OK, "::1")


def test_a_lost_datagram_is_sent_again() -> None:
    seen: list[bytes] = []

    def second(request: bytes) -> list[bytes]:
        seen.append(request)
        return [] if len(seen) == 1 else [servers_udp.answer_ntp(request, {}) or b""]

    with service(second) as port:
        o = ask(port, payloads.ntp(), 30.0)  # no shorter: the server may wait for a processor
    assert o.outcome is Outcome.OK
    assert o.sent >= 2
    assert o.took >= AGAIN_AFTER


def test_a_correct_answer_may_follow_a_wrong_one() -> None:
    with service(lambda request: [b"stray", servers_udp.answer_ntp(request, {}) or b""]) as port:
        o = ask(port, payloads.ntp())
    assert (o.outcome, o.replies) == (Outcome.OK, 2)


def test_what_came_from_the_network_is_made_harmless() -> None:
    with service(lambda request: [b"SIP/2.0 200 \x1b[2J\xe2\x80\xae\x07 OK" + b"x" * 5000]) as port:
        o = ask(port, payloads.sip())
    assert o.outcome is Outcome.OK
    assert is_clean(o.text)
    assert len(o.text) <= 80


def test_a_flood_of_wrong_answers_ends() -> None:
    with service(lambda request: [b"\x1b]0;x\x07" * 10] * 200) as port:
        o = ask(port, payloads.ntp(), 3.0)
    assert o.outcome is Outcome.OTHER_PROTOCOL
    assert o.took < 1.5
    assert o.replies <= 21
    assert is_clean(o.text)


def test_only_the_same_host_may_answer_from_another_port() -> None:
    with service(quiet) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        payload = payloads.tftp()

        async def both() -> Datagram:
            task = asyncio.create_task(
                exchange("127.0.0.1", port, payload, clock=time.monotonic, host=HOST, limit=0.5)
            )
            await asyncio.sleep(0.1)
            with open("/proc/net/udp", encoding="ascii") as table:
                mine = [int(line.split()[1].partition(":")[2], 16) for line in table if f" {os.getuid()} " in line]
            for to in mine:
                if to not in (port, other.getsockname()[1]):
                    other.sendto(b"\0\x05\0\x01File not found\0", ("127.0.0.1", to))
            return await task

        o = asyncio.run(both())
    assert o.outcome is Outcome.TIMEOUT


# ---------------------------------------------------------------- errors and silence


@pytest.mark.parametrize(("address", "kind", "code"), [("127.0.0.1", 3, 3), ("::1", 1, 4)])
@pytest.mark.parametrize("make", [payloads.nothing, payloads.quic, payloads.tftp], ids=lambda make: make().name)
def test_a_closed_port_refuses_by_icmp(make: Callable[[], Payload], address: str, kind: int, code: int) -> None:
    o = ask(closed_port(address), make(), address=address)
    assert o.outcome is Outcome.REFUSED
    assert o.icmp == Icmp(type=kind, code=code, offender=address)
    assert o.errno is not None
    assert o.errno.name == "ECONNREFUSED"
    assert o.took < 0.9
    assert o.call in ("send", "receive")


def test_no_response_takes_the_limit_and_no_longer() -> None:
    with service(quiet) as port:
        o = ask(port, payloads.nothing(), 0.5)
    assert (o.outcome, o.replies, o.limit) == (Outcome.TIMEOUT, 0, 0.5)
    assert 2 <= o.sent <= MOST_SENT
    assert 0.45 < o.took < 1.0


def test_a_broadcast_is_denied_by_this_machine_and_nothing_is_sent() -> None:
    o = ask(9, payloads.nothing(), address="127.255.255.255")
    assert (o.outcome, o.call, o.sent) == (Outcome.DENIED, "connect", 0)


def test_a_source_of_another_machine_is_reported() -> None:
    o = ask(9, payloads.nothing(), source="192.0.2.1")
    assert (o.outcome, o.call) == (Outcome.ADDRESS_UNAVAILABLE, "bind")


def test_an_interface_that_does_not_exist_is_reported() -> None:
    o = ask(9, payloads.nothing(), address="fe80::1%nowhere")
    assert o.call == "connect"
    assert o.outcome is not Outcome.OK


def test_a_datagram_that_is_too_big_is_reported() -> None:
    big = payloads.quic()._replace(packets=(bytes(65508),))
    with service(quiet) as port:
        o = ask(port, big)
    assert (o.outcome, o.call) == (Outcome.MESSAGE_TOO_BIG, "send")


def test_nothing_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with service(quiet) as port:

        async def cancelled() -> None:
            for _ in range(5):
                task = asyncio.create_task(
                    exchange("127.0.0.1", port, payloads.ntp(), clock=time.monotonic, host=HOST)
                )
                await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(cancelled())
    for address in ("127.0.0.1", "127.255.255.255", "fe80::1%nowhere"):
        ask(closed_port("127.0.0.1"), payloads.ntp(), 0.2, address=address)
    assert len(os.listdir("/proc/self/fd")) == before


# ---------------------------------------------------------------- the requests


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make().name)
def test_no_bytes_break_the_reading_of_an_answer(make: Callable[[], Payload]) -> None:
    payload = make()
    right = reply_to(payload.name, payload.packets[0])

    @given(st.binary(max_size=80), st.integers(0, len(right)))
    def reads(data: bytes, kept: int) -> None:
        for wire in (data, right[:kept], right[:kept] + data):
            text = payload.answers(wire)
            assert text is None or is_clean(text)

    reads()


def test_a_request_is_small_and_belongs_to_a_named_service() -> None:
    assert payload_for("quic", 443).packets[0][:1] == b"\xc0"
    assert len(payload_for("quic", 443).packets[0]) == 1200
    assert payload_for("quic", 443).whole
    assert payload_for("domain", 53).protocol == "dns"
    assert payload_for(None, 853).protocol == "quic"
    assert payload_for("wireguard", 51820).packets == (b"", b"\n")
    assert all(len(p) <= 512 for make in MAKERS for p in make().packets if make().name != "QUIC version negotiation")


def test_two_requests_do_not_share_their_secret() -> None:
    for make in MAKERS:
        one, other = make(), make()
        if one.protocol not in ("", "ssdp", "ssrp"):
            assert one.packets != other.packets


# ---------------------------------------------------------------- in a checkup


def check(text: str, **options: object) -> Checkup:
    checkup = Checkup(parse(text)[0], Options(**options), HOST, load_catalogue())  # type: ignore[arg-type]
    asyncio.run(checkup.run())
    return checkup


def test_silence_is_compared_with_tcp_ports_of_the_same_host() -> None:
    with service(quiet) as port:
        c = check(f"udp://127.0.0.1:{port}")
    others = [o for o in c.of(Connect) if o.role == "control"]
    assert port in [o.port for o in others]
    assert len(others) <= 8
    v = diagnose(c.report(), load_catalogue()).verdict
    assert (v.symptom, v.cause, v.certainty) == ("undetermined", "udp.needs-protocol", "likely")


def test_no_other_port_is_probed_when_that_is_forbidden() -> None:
    with service(quiet) as port:
        c = check(f"udp://127.0.0.1:{port}", controls=False)
    assert not c.of(Connect)
    d = diagnose(c.report(), load_catalogue())
    assert (d.verdict.symptom, d.verdict.cause) == ("undetermined", "udp.open-or-filtered")
    assert [x.cause for x in d.problems[0].candidates] == ["udp.needs-protocol"]


def test_the_users_limit_is_the_limit() -> None:
    with service(quiet) as port:
        c = check(f"udp://127.0.0.1:{port}", controls=False, timeout=0.4)
    (o,) = c.of(Datagram)
    assert o.limit == 0.4
    assert o.took < 0.8


def test_an_answer_needs_no_further_probe() -> None:
    with service(lambda request: [b"hello"]) as port:
        c = check(f"udp://127.0.0.1:{port}")
    assert not c.of(Connect)
    assert diagnose(c.report(), load_catalogue()).verdict.symptom == "ok"


def test_a_closed_port_of_this_machine_is_certain() -> None:
    c = check(f"udp://127.0.0.1:{closed_port('127.0.0.1')}")
    d = diagnose(c.report(), load_catalogue())
    assert (d.verdict.cause, d.verdict.certainty) == ("udp.closed", "certain")
    assert not d.unexplained
