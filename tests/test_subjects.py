"""Which subjects of a report fail, and the line of each stage."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from portdoctor.engine.stages import stage_lines
from portdoctor.engine.subjects import (
    addresses,
    at_address,
    connects_first,
    of_bind,
    of_name,
    of_resolvers,
    unusable_here,
)
from portdoctor.model import Bind, Connect, Icmp, Lookup, Note, Observation, Outcome

from .test_engine import A4, A6, connect, report, tls


def test_a_client_meets_the_address_that_connects_first() -> None:
    fast4, slow6 = connect(A4, Outcome.OK, 0.01), connect(A6, Outcome.OK, 0.2)
    late6 = connect(A6, Outcome.OK, 0.4)
    refused6 = connect(A6, Outcome.REFUSED, 0.01)

    def winner(*seen: Connect) -> str | None:
        found = connects_first([at_address(report(*seen), o.address) for o in seen])
        return found.subject.values[0] if found else None

    assert winner(slow6, fast4) == A6  # IPv4 begins 250 ms later
    assert winner(late6, fast4) == A4
    assert winner(refused6, connect(A4, Outcome.OK, 0.3)) == A4
    assert winner(refused6, connect(A4)) is None
    more = [connect(f"2001:db8::{n}") for n in range(1, 4)]
    both = [*more, connect("2001:db8::9", Outcome.OK, 0.01), connect(A4, Outcome.OK, 0.05)]
    assert winner(*both) == A4  # the IP versions take turns
    third6 = connect("2001:db8::8", Outcome.OK, 0.6)
    slowest6, refused4 = connect(A6, Outcome.OK, 1.0), connect(A4, Outcome.REFUSED, 0.01)
    assert winner(slowest6, third6, refused4) == "2001:db8::8"  # begins when IPv4 has failed, after 260 ms


def test_the_addresses_are_in_the_order_of_the_system() -> None:
    system = Lookup(outcome=Outcome.OK, name="h", via="system", addresses=(A6, A4))
    wire = Lookup(outcome=Outcome.OK, name="h", via="wire", resolver="192.0.2.53", addresses=(A4,))
    control = connect("192.0.2.9", role="elsewhere")
    assert addresses(report(wire, system, connect(A4), connect(A6), control)) == [A6, A4]


def test_the_lookup_of_the_system_is_the_state_of_the_name() -> None:
    system = Lookup(outcome=Outcome.OK, name="h", via="system", addresses=(A4,))
    wire = Lookup(outcome=Outcome.NAME_NOT_FOUND, name="h", via="wire", resolver="192.0.2.53")
    found = of_name(report(system, wire, stages=("dns", "tcp")))
    assert found is not None
    assert found.symptom == "ok"
    assert of_name(report(wire)) is None
    assert [f.subject.values for f in of_resolvers(report(system, wire))] == [("192.0.2.53",)]


def test_an_address_without_a_route_is_no_fault_while_another_ip_version_works() -> None:
    none6, ok4 = connect(A6, Outcome.NET_UNREACHABLE, 0.0), connect(A4, Outcome.OK, 0.01)

    def unusable(*seen: Connect) -> list[str]:
        found = unusable_here([at_address(report(*seen), o.address) for o in seen])
        return [f.subject.values[0] for f in found]

    assert unusable(none6, ok4) == [A6]
    assert unusable(none6) == []
    other6 = connect("2001:db8::8", Outcome.OK, 0.01)
    assert unusable(none6, other6, ok4) == []  # the version works
    rejected = connect(A6, Outcome.NET_UNREACHABLE, 0.0, icmp=Icmp(type=1, code=0, offender="2001:db8::1"))
    assert unusable(rejected, ok4) == []  # a router reported it


def test_the_stages_at_an_address_are_in_their_order_whatever_the_order_of_the_observations() -> None:
    found = at_address(report(tls(A4, Outcome.RESET), connect(A4, Outcome.REFUSED)), A4)
    assert (found.symptom, [o.stage for o in found.path]) == ("connection-refused", ["tcp", "tls"])


def test_a_bind_is_judged_as_a_server_binds() -> None:
    plain = Bind(outcome=Outcome.ADDRESS_IN_USE, address="0.0.0.0", port=8080)
    reused = Bind(outcome=Outcome.OK, address="0.0.0.0", port=8080, reuse=True)
    seen = report(plain, reused, stages=("bind",))
    found = of_bind(seen)
    assert found is not None
    assert found.symptom == "ok"
    assert [line.status for line in stage_lines(seen)] == ["ok"]
    assert [o.id for o in found.path] == ["o1"]  # what failed beside it
    alone = of_bind(report(replace(plain, outcome=Outcome.OK), stages=("bind",)))
    assert alone is not None
    assert [o.id for o in alone.path] == ["o1"]
    assert of_bind(report(plain, reused)) is None  # a bind beside a connection
    both = report(reused, Bind(outcome=Outcome.ADDRESS_IN_USE, address="::", port=8080, reuse=True), stages=("bind",))
    assert [line.status for line in stage_lines(both)] == ["failed"]
    beside = report(connect(), Bind(outcome=Outcome.ADDRESS_IN_USE, address="::", port=1, reuse=True), reused)
    assert [line.status for line in stage_lines(beside)] == ["failed", "ok"]


def test_a_stage_that_did_not_run_has_its_reason() -> None:
    def reasons(*seen: Observation, **more: Any) -> list[str | None]:
        return [line.skipped_because for line in stage_lines(report(*seen, stages=("tcp", "tls"), **more))]

    ok = connect(outcome=Outcome.OK, took=0.01)
    assert reasons(connect()) == [None, "tcp failed"]
    assert reasons(ok) == [None, "not reached within the budget"]
    assert reasons(ok, interrupted=True) == [None, "interrupted"]
    note = Note(kind="not-evaluated", text="X.", stage="tls")
    assert reasons(ok, notes=(note,)) == [None, "X."]
    assert reasons(ok, notes=(Note(kind="info", text="X.", stage="tls"),))[1] != "X."
    assert [line.status for line in stage_lines(report(connect(outcome=Outcome.OK, took=2.0)))] == ["slow"]
    assert [line.status for line in stage_lines(report(connect(outcome=Outcome.OK, self_connected=True)))] == ["failed"]
    two = stage_lines(report(ok, connect(A6)))
    assert two[0].summary.endswith("1 of 2 addresses failed")
