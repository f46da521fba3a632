"""Looking names up, against DNS servers on loopback that answer, lie, cut off and say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rrset
import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.checkup.checkup import Checkup
from portdoctor.host import current
from portdoctor.model import Lookup, Options, Outcome
from portdoctor.probes import lookup as probe
from portdoctor.probes.lookup import is_for_dns, query_resolver, query_resolvers, resolve
from portdoctor.target.parse import parse

from .loopback import server, until_closed

Reply = Callable[[dns.message.Message], "bytes | None"]
NAME = "shop.example.com"


def clock() -> float:
    return time.monotonic()


@contextlib.contextmanager
def resolver(udp: Reply | None = None, tcp: Reply | None = None) -> Iterator[int]:
    """A DNS server on one loopback port; None: nothing listens there by that transport."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.bind(("127.0.0.1", 0))
        port = stream.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            serving = []
            if udp is not None:
                datagram.bind(("127.0.0.1", port))
                serving.append(threading.Thread(target=_by_udp, args=(datagram, udp)))
            if tcp is not None:
                stream.listen()
                serving.append(threading.Thread(target=_by_tcp, args=(stream, tcp)))
            for thread in serving:
                thread.start()
            try:
                yield port
            finally:
                if udp is not None:
                    datagram.sendto(b"", ("127.0.0.1", port))
                if tcp is not None:
                    stream.shutdown(socket.SHUT_RDWR)
                for thread in serving:
                    thread.join(5)
                    assert not thread.is_alive()


def _by_udp(sock: socket.socket, reply: Reply) -> None:
    while True:
        data, peer = sock.recvfrom(4096)
        if not data:
            return
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            continue  # another test probed this port number when it was free
        answer = reply(query)
        if answer is not None:
            sock.sendto(answer, peer)


def _by_tcp(listener: socket.socket, reply: Reply) -> None:
    with contextlib.suppress(OSError):
        while True:
            conn, _ = listener.accept()
            with conn, contextlib.suppress(OSError, struct.error):
                conn.settimeout(5)
                (length,) = struct.unpack("!H", conn.recv(2))
                answer = reply(dns.message.from_wire(conn.recv(length)))
                if answer is None:
                    conn.recv(1)  # until the client goes
                else:
                    conn.sendall(struct.pack("!H", len(answer)) + answer)


def saying(
    *records: str, rcode: str = "NOERROR", ede: tuple[int, str | None] | None = None, cut: bool = False
) -> Reply:
    """Answer with these records ("name TTL IN TYPE data") of the type asked for, aliases always."""

    def reply(query: dns.message.Message) -> bytes:
        answer = dns.message.make_response(query, recursion_available=True)
        answer.set_rcode(dns.rcode.from_text(rcode))
        for record in records:
            name, ttl, rdclass, rdtype, data = record.split(maxsplit=4)
            rrset = dns.rrset.from_text(name, int(ttl), rdclass, rdtype, data)
            if rrset.rdtype == query.question[0].rdtype or rdtype == "CNAME":
                answer.answer.append(rrset)
        if ede is not None and query.edns >= 0:
            answer.use_edns(0, payload=1232, options=[dns.edns.EDEOption(dns.edns.EDECode(ede[0]), ede[1])])
        if cut:
            answer.flags |= dns.flags.TC
        return answer.to_wire()

    return reply


ADDRESS = f"{NAME}. 60 IN A 192.0.2.7"


def asked(port: int, qtype: str = "A", limit: float = 3.0, **more: object) -> Lookup:
    more.setdefault("host", current())
    return asyncio.run(query_resolver(NAME, qtype, "127.0.0.1", clock, clock() + limit, port=port, **more))  # type: ignore[arg-type]


def all_asked(port: int, families: tuple[int, ...] = (4, 6), limit: float = 3.0, name: str = NAME) -> list[Lookup]:
    async def run() -> list[Lookup]:
        looks = query_resolvers(name, ["127.0.0.1"], families, clock, clock() + limit, current(), port=port)
        return [o async for o in looks]

    return asyncio.run(run())


# ---------------------------------------------------------------- one question


def test_an_address_with_its_rcode_flags_and_ttl() -> None:
    with resolver(saying(ADDRESS)) as port:
        o = asked(port)
    assert (o.outcome, o.addresses, o.rcode, o.ttl) == (Outcome.OK, ("192.0.2.7",), "NOERROR", 60)
    assert (o.via, o.resolver, o.transport, o.name, o.qtype) == ("wire", "127.0.0.1", "udp", NAME, "A")
    assert {"QR", "RA"} <= set(o.flags)
    assert 0 < o.took < 1


def test_the_alias_chain_in_order_and_its_smallest_ttl() -> None:
    chain = saying(f"{NAME}. 300 IN CNAME a.example.net.", "a.example.net. 20 IN CNAME b.example.net.",
                   "b.example.net. 60 IN A 192.0.2.9")  # fmt: skip
    with resolver(chain) as port:
        o = asked(port)
    assert (o.outcome, o.aliases, o.addresses, o.ttl) == (
        Outcome.OK, ("a.example.net", "b.example.net"), ("192.0.2.9",), 20,
    )  # fmt: skip


def test_an_alias_loop_ends_with_the_name_it_comes_back_to() -> None:
    loop = saying(f"{NAME}. 60 IN CNAME www.{NAME}.", f"www.{NAME}. 60 IN CNAME {NAME}.")
    with resolver(loop) as port:
        o = asked(port)
    assert (o.outcome, o.aliases) == (Outcome.NO_DATA, (f"www.{NAME}", NAME))


@pytest.mark.parametrize(
    ("rcode", "outcome"),
    [
        ("NXDOMAIN", Outcome.NAME_NOT_FOUND),
        ("NOERROR", Outcome.NO_DATA),
        ("SERVFAIL", Outcome.SERVER_FAILURE),
        ("REFUSED", Outcome.QUERY_REFUSED),
        ("NOTIMP", Outcome.OTHER),
        ("FORMERR", Outcome.OTHER),
    ],
)
def test_each_rcode_has_its_outcome(rcode: str, outcome: Outcome) -> None:
    with resolver(saying(rcode=rcode)) as port:
        o = asked(port)
    assert (o.outcome, o.rcode, o.addresses) == (outcome, rcode, ())


def test_extended_errors_are_kept_and_cleaned() -> None:
    with resolver(saying(rcode="SERVFAIL", ede=(22, "dead \x1b[31m servers\n"))) as port:
        o = asked(port)
    ((code, text),) = o.ede
    assert code == 22
    assert "dead" in text
    assert text.isprintable()


def test_a_cut_answer_is_asked_again_by_tcp() -> None:
    with resolver(saying(cut=True), saying(ADDRESS)) as port:
        o = asked(port)
    assert (o.outcome, o.transport, o.addresses) == (Outcome.OK, "tcp", ("192.0.2.7",))


def test_a_cut_answer_without_tcp_keeps_the_errno_of_tcp() -> None:
    with resolver(saying(cut=True)) as port:
        o = asked(port)
    assert (o.outcome, o.transport, o.rcode) == (Outcome.TRUNCATED, "udp", "NOERROR")
    assert o.errno is not None
    assert o.errno.name == "ECONNREFUSED"
    assert o.os_says.startswith("truncated over UDP")


def test_an_answer_cut_in_the_middle_of_a_record_is_cut_not_malformed() -> None:
    def half(query: dns.message.Message) -> bytes:
        wire = saying(ADDRESS, cut=True)(query)
        assert wire is not None
        return wire[:-3]

    with resolver(half) as port:
        assert asked(port).outcome is Outcome.TRUNCATED


def with_wrong_id(query: dns.message.Message) -> bytes:
    answer = saying("shop.example.com. 60 IN A 192.0.2.66")(query)
    assert answer is not None
    return struct.pack("!H", query.id ^ 1) + answer[2:]


def test_nothing_but_answers_with_a_wrong_id() -> None:
    with resolver(with_wrong_id) as port:
        o = asked(port, limit=0.4)
    assert (o.outcome, o.addresses) == (Outcome.MALFORMED, ())
    assert "not match the query" in o.os_says


def test_a_wrong_id_is_passed_over_for_the_right_answer() -> None:
    heard: list[int] = []

    def wrong_first(query: dns.message.Message) -> bytes | None:
        heard.append(query.id)
        return with_wrong_id(query) if len(heard) == 1 else saying(ADDRESS)(query)

    with resolver(wrong_first) as port:
        o = asked(port, limit=0.8)
    assert (o.outcome, o.addresses) == (Outcome.OK, ("192.0.2.7",))


def test_another_question_is_passed_over() -> None:
    def other(query: dns.message.Message) -> bytes:
        answer = dns.message.make_response(query)
        answer.question[0].name = dns.name.from_text("other.example.")
        return answer.to_wire()

    with resolver(other) as port:
        assert asked(port, limit=0.4).outcome is Outcome.MALFORMED


@pytest.mark.parametrize("rubbish", [b"\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00", b"\x81\x80" + b"\xff" * 40])
def test_rubbish_with_the_right_id_is_malformed(rubbish: bytes) -> None:
    with resolver(lambda query: query.id.to_bytes(2, "big") + rubbish) as port:
        o = asked(port)
    assert o.outcome is Outcome.MALFORMED
    assert o.took < 1


def test_silence_ends_with_the_deadline() -> None:
    with resolver(lambda query: None) as port:
        o = asked(port, limit=0.5)
    assert o.outcome is Outcome.TIMEOUT
    assert 0.45 < o.took < 0.8


def test_a_lost_query_is_asked_again() -> None:
    heard: list[int] = []

    def second(query: dns.message.Message) -> bytes | None:
        heard.append(query.id)
        return saying(ADDRESS)(query) if len(heard) > 1 else None

    with resolver(second) as port:
        o = asked(port, limit=0.8)
    assert o.outcome is Outcome.OK
    assert heard[0] == heard[1]


def test_a_server_that_drops_edns_is_asked_without() -> None:
    with resolver(lambda query: None if query.edns >= 0 else saying(ADDRESS)(query)) as port:
        o = asked(port, limit=0.8)
    assert o.outcome is Outcome.OK
    assert "no-EDNS" in o.flags


def test_a_server_that_knows_no_edns_is_asked_without_at_once() -> None:
    def old(query: dns.message.Message) -> bytes | None:
        return saying(rcode="FORMERR")(query) if query.edns >= 0 else saying(ADDRESS)(query)

    with resolver(old) as port:
        o = asked(port)
    assert o.outcome is Outcome.OK
    assert o.took < 0.5


def test_a_closed_port_is_refused_by_its_host() -> None:
    with resolver() as port:
        o = asked(port)
    assert o.outcome is Outcome.REFUSED
    assert o.errno is not None
    assert o.errno.name == "ECONNREFUSED"
    if current().can().error_queue:
        assert o.icmp is not None
        assert (o.icmp.type, o.icmp.code, o.icmp.offender) == (3, 3, "127.0.0.1")


def test_a_closed_port_without_an_error_queue() -> None:
    with resolver() as port:
        o = asked(port, host=None)
    assert (o.outcome, o.icmp) == (Outcome.REFUSED, None)


def test_checking_disabled_is_said_to_the_server() -> None:
    def validating(query: dns.message.Message) -> bytes | None:
        return saying(ADDRESS)(query) if query.flags & dns.flags.CD else saying(rcode="SERVFAIL")(query)

    with resolver(validating) as port:
        assert asked(port).outcome is Outcome.SERVER_FAILURE
        o = asked(port, checking_disabled=True)
    assert (o.outcome, o.checking_disabled) == (Outcome.OK, True)


def test_tcp_alone() -> None:
    with resolver(tcp=saying(ADDRESS)) as port:
        o = asked(port, transport="tcp")
    assert (o.outcome, o.transport) == (Outcome.OK, "tcp")


def test_tcp_that_says_nothing_ends_with_the_deadline() -> None:
    with resolver(tcp=lambda query: None) as port:
        o = asked(port, transport="tcp", limit=0.4)
    assert o.outcome is Outcome.TIMEOUT
    assert o.took < 0.8


def test_tcp_that_is_closed_early() -> None:
    with resolver(tcp=lambda query: b"") as port:
        o = asked(port, transport="tcp")
    assert o.outcome is Outcome.MALFORMED
    with resolver(tcp=lambda query: saying(ADDRESS)(query)[:7]) as port:  # type: ignore[index]
        assert asked(port, transport="tcp").outcome is Outcome.MALFORMED


@pytest.mark.parametrize("where", ["nonsense", "", "300.1.2.3"])
def test_a_resolver_that_is_no_address(where: str) -> None:
    o = asyncio.run(query_resolver(NAME, "A", where, clock, clock() + 1))
    assert o.outcome not in (Outcome.OK, Outcome.TIMEOUT)
    assert o.took < 0.5


def test_names_that_dns_cannot_hold() -> None:
    for name in ("a" * 64 + ".example", "shop..example"):
        assert asyncio.run(query_resolver(name, "A", "127.0.0.1", clock, clock() + 1)).outcome is Outcome.INVALID


def test_a_name_in_other_letters_is_asked_in_ascii() -> None:
    names: list[str] = []

    def keep(query: dns.message.Message) -> bytes | None:
        names.append(query.question[0].name.to_text())
        return saying(rcode="NXDOMAIN")(query)

    with resolver(keep) as port:
        asyncio.run(query_resolver("bücher.example", "A", "127.0.0.1", clock, clock() + 1, port=port))
    assert names == ["xn--bcher-kva.example."]


# ---------------------------------------------------------------- all resolvers


def test_both_families_are_asked() -> None:
    with resolver(saying(ADDRESS, f"{NAME}. 60 IN AAAA 2001:db8::7")) as port:
        found = all_asked(port)
    assert {(o.qtype, o.addresses) for o in found} == {("A", ("192.0.2.7",)), ("AAAA", ("2001:db8::7",))}


def test_the_other_family_is_asked_only_when_the_first_has_no_record() -> None:
    with resolver(saying(ADDRESS)) as port:
        assert [o.qtype for o in all_asked(port, (4,))] == ["A"]
        found = all_asked(port, (6,))
    assert [(o.qtype, o.outcome) for o in found] == [("AAAA", Outcome.NO_DATA), ("A", Outcome.OK)]


@pytest.mark.parametrize("name", ["localhost", "db.localhost", "LOCALHOST.", "192.0.2.1", "2001:db8::1", "a.onion"])
def test_names_that_dns_is_not_asked_for(name: str) -> None:
    assert not is_for_dns(name)
    with resolver(lambda query: pytest.fail("asked")) as port:
        assert all_asked(port, name=name) == []


def test_a_silent_resolver_is_asked_about_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "ALIVE_AFTER", 0.1)

    def alive(query: dns.message.Message) -> bytes | None:
        return saying(rcode="NOTIMP")(query) if query.question[0].rdclass == dns.rdataclass.CH else None

    with resolver(alive) as port:
        found = all_asked(port, limit=0.8)
    seen = {(o.name, o.qtype, o.transport): o.outcome for o in found}
    assert seen == {
        (NAME, "A", "udp"): Outcome.TIMEOUT,
        (NAME, "AAAA", "udp"): Outcome.TIMEOUT,
        ("id.server", "TXT", "udp"): Outcome.OTHER,
        (".", "NS", "udp"): Outcome.TIMEOUT,
        ("id.server", "TXT", "tcp"): Outcome.REFUSED,
    }


def test_leaving_early_ends_everything_cleanly() -> None:
    async def run() -> float:
        async def consume() -> None:
            async for _ in query_resolvers(NAME, ["127.0.0.1"], (4, 6), clock, clock() + 5, None, port=port):
                pass

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.3)
        began = clock()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []
        return clock() - began

    with resolver(lambda query: None) as port:
        assert asyncio.run(run()) < 0.2


def test_an_answer_is_not_kept_back_by_a_silent_resolver() -> None:
    async def run() -> float:
        began = clock()
        looks = query_resolvers(NAME, ["127.0.0.1", "127.0.0.2"], (4,), clock, clock() + 3, None, port=port)
        async with contextlib.aclosing(looks) as answers:  # type: ignore[type-var]
            async for o in answers:
                if o.outcome is Outcome.OK:
                    return clock() - began
        raise AssertionError("no answer")

    with resolver(saying(ADDRESS)) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind(("127.0.0.2", port))
        assert asyncio.run(run()) < 0.5


# ---------------------------------------------------------------- as programs look names up


def looked_up(name: str, family: int | None = None, limit: float = 3.0) -> Lookup:
    return asyncio.run(resolve(name, family, clock, clock() + limit))


def test_localhost() -> None:
    o = looked_up("localhost")
    assert o.outcome is Outcome.OK
    assert set(o.addresses) & {"127.0.0.1", "::1"}
    assert (o.via, o.qtype) == ("system", "ANY")


def rows(*addresses: tuple[str, int], name: str = "") -> list[tuple[object, ...]]:
    return [
        (socket.AF_INET6, 1, 6, name, (a, 0, 0, scope)) if ":" in a else (socket.AF_INET, 1, 6, name, (a, 0))
        for a, scope in addresses
    ]


def test_addresses_keep_their_order_once_each_with_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = rows(("2001:db8::1", 0), ("192.0.2.1", 0), ("fe80::1", 1), ("2001:db8::1", 0), name="web.corp.example")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answer)
    monkeypatch.setattr(socket, "if_indextoname", lambda number: f"link{number}")
    o = looked_up("web")
    assert o.addresses == ("2001:db8::1", "192.0.2.1", "fe80::1%link1")
    assert o.aliases == ("web.corp.example",)


def test_a_scope_without_a_name_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(number: int) -> str:
        raise OSError("no such interface")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: rows(("fe80::1", 9)))
    monkeypatch.setattr(socket, "if_indextoname", gone)
    assert looked_up("web").addresses == ("fe80::1%9",)


@pytest.mark.parametrize(
    ("eai", "outcome"),
    [
        ("EAI_NONAME", Outcome.NAME_NOT_FOUND),
        ("EAI_NODATA", Outcome.NO_DATA),
        ("EAI_AGAIN", Outcome.TRY_AGAIN),
        ("EAI_FAIL", Outcome.SERVER_FAILURE),
        ("EAI_FAMILY", Outcome.FAMILY_UNSUPPORTED),
    ],
)
def test_each_error_of_getaddrinfo(eai: str, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **more: object) -> None:
        raise socket.gaierror(getattr(socket, eai), "the system's words")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    o = looked_up("shop.example.com")
    assert (o.outcome, o.errno) == (outcome, None)
    assert o.os_says == f"the system's words ({eai})"


def test_a_system_error_keeps_its_errno(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **more: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    o = looked_up("shop.example.com")
    assert o.outcome is Outcome.EXHAUSTED
    assert o.errno is not None
    assert o.errno.name == "EMFILE"


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "shop..example"])
def test_impossible_names(name: str) -> None:
    assert looked_up(name).outcome is Outcome.INVALID


def test_a_hung_resolver_does_not_hold_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: freed.wait(20) and [])
    began = clock()
    o = looked_up("shop.example.com", limit=0.3)
    freed.set()
    assert o.outcome is Outcome.TIMEOUT
    assert clock() - began < 0.8
    assert 0.25 < o.took < 0.8


def test_a_hung_resolver_does_not_hold_the_process() -> None:
    code = (
        "import asyncio, socket, time\n"
        "socket.getaddrinfo = lambda *a, **k: time.sleep(30)\n"
        "from portdoctor.probes.lookup import resolve\n"
        "print(asyncio.run(resolve('shop.example.com', None, time.monotonic, time.monotonic() + 0.2)).outcome)\n"
    )
    began = clock()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.strip() == "timeout"
    assert clock() - began < 10


@pytest.mark.parametrize(
    ("longest", "budget", "limit"),
    [
        (10.0, 15.0, 11.0),  # the resolver library ends before the time that follow-up probes need
        (12.0, 15.0, 12.5),  # or a little after
        (20.0, 15.0, 11.0),  # it would not end in time
        (20.0, 30.0, 26.0),
        (None, 6.0, 4.0),
    ],
)
def test_the_system_may_take_as_long_as_its_resolver_library(
    longest: float | None, budget: float, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    async def resolve(name: str, family: int | None, clock: Any, deadline: float) -> Lookup:
        given.append(deadline - clock())
        return Lookup(outcome=Outcome.TIMEOUT, name=name, via="system", took=given[0])

    monkeypatch.setattr("portdoctor.probes.lookup.resolve", resolve)
    host = current()
    monkeypatch.setattr(host, "longest_lookup", lambda: longest)
    checkup = Checkup(parse("shop.example.com:443")[0], Options(budget=budget), host, load_catalogue())
    asyncio.run(checkup._name())
    assert given[0] == pytest.approx(limit, abs=0.3)
    stopped = [note.text for note in checkup.report().notes]
    cut = longest is not None and longest > limit
    assert [f"may take {longest:g} s" in text for text in stopped] == [True] if cut else stopped == []


@pytest.mark.parametrize(
    ("queried", "now", "first", "waits"),
    [
        (None, 9.0, None, True),  # the queries were not sent yet
        (5.0, 5.2, None, True),
        (5.0, 5.4, None, False),  # no resolver responds
        (5.0, 5.4, 0.15, True),  # they are far away: 0.6 s
        (5.0, 5.7, 0.15, False),
        (5.0, 6.1, 0.5, False),  # no longer than a second
    ],
)
def test_a_healthy_check_waits_a_moment_for_the_resolvers(
    queried: float | None, now: float, first: float | None, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkup = Checkup(parse("shop.example.com:443")[0], Options(), current(), load_catalogue())
    if first is not None:
        checkup.add(Lookup(outcome=Outcome.OK, name=NAME, via="wire", rcode="NOERROR", began=5.0, took=first))
    monkeypatch.setattr(checkup, "clock", lambda: now)
    checkup._queried = queried

    async def run() -> bool:
        wire = asyncio.create_task(asyncio.sleep(60))
        moment = asyncio.create_task(checkup._moment(wire))
        try:
            await asyncio.sleep(0.1)
            return not moment.done()
        finally:
            wire.cancel()
            await moment  # it ends with the queries

    assert asyncio.run(run()) == waits


def test_dnspython_is_loaded_only_for_wire_queries() -> None:
    code = (
        "import asyncio, sys, time\n"
        "from portdoctor.probes.lookup import resolve\n"
        "asyncio.run(resolve('localhost', None, time.monotonic, time.monotonic() + 3))\n"
        "print([m for m in sys.modules if m == 'dns' or m.startswith('dns.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("over_tcp", "outcome"),
    [
        (lambda query: b"", Outcome.MALFORMED),  # length zero
        (lambda query: bytes([query[0] ^ 1]) + query[1:2] + b"\x81\x80" + query[4:], Outcome.MALFORMED),  # another id
        (lambda query: query[:2] + b"\x83\x80" + query[4:], Outcome.MALFORMED),  # truncated over TCP too
        (lambda query: None, Outcome.MALFORMED),  # two bytes of length, then silence
    ],
)
def test_an_odd_response_over_tcp_is_not_a_blocked_port(
    over_tcp: Callable[[bytes], bytes | None], outcome: Outcome
) -> None:
    """Over UDP, TC; over TCP port 53 the resolver answers, badly: TCP does not fail."""

    def serve(conn: socket.socket) -> None:
        query = conn.recv(65535)[2:]
        answer = over_tcp(query)
        conn.sendall(b"\x01\x00" if answer is None else len(answer).to_bytes(2, "big") + answer)
        until_closed(conn)

    with server(serve) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))

        def truncate() -> None:
            with contextlib.suppress(OSError):
                query, sender = udp.recvfrom(65535)
                udp.sendto(query[:2] + b"\x83\x80" + query[4:], sender)

        udp.settimeout(5)
        thread = threading.Thread(target=truncate)
        thread.start()
        zero = time.monotonic()
        o = asyncio.run(
            query_resolver("a.example", "A", "127.0.0.1", lambda: time.monotonic() - zero, 2.0, edns=False, port=port)
        )
        thread.join()
    assert (o.outcome, o.transport) == (outcome, "tcp")
