"""What is observed beside the problems, as notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portdoctor.engine.notes import accidents, late_answers, lost_syns, of_listening, of_lookups, working
from portdoctor.engine.subjects import Finding, addresses, at_address
from portdoctor.engine.weigh import Reader
from portdoctor.model import (
    Bind,
    Datagram,
    Lookup,
    Note,
    Observation,
    Options,
    Outcome,
    Problem,
    Report,
    Target,
    Vantage,
)

from .test_engine import A4, A6, connect, report

R1, R2 = "198.51.100.53", "198.51.100.54"
B4, B6 = "192.0.2.8", "2001:db8::8"


def system(*found: str, outcome: Outcome = Outcome.OK, **more: Any) -> Lookup:
    return Lookup(outcome=outcome, name="h", via="system", addresses=found, **more)


def wire(qtype: str, answer: str | Outcome, resolver: str | None = R1) -> Lookup:
    """A query that was answered with an address, or that ended so."""
    rcodes = {Outcome.NAME_NOT_FOUND: "NXDOMAIN", Outcome.SERVER_FAILURE: "SERVFAIL", Outcome.TIMEOUT: None}
    outcome, found = (answer, ()) if isinstance(answer, Outcome) else (Outcome.OK, (answer,))
    return Lookup(
        outcome=outcome, name="h", via="wire", transport="udp", resolver=resolver, qtype=qtype, addresses=found,
        rcode=rcodes.get(outcome, "NOERROR"),
    )  # fmt: skip


def texts(notes: Iterable[Note]) -> list[str]:
    return [n.text for n in notes]


def lookups(*seen: Observation, **more: Any) -> list[str]:
    return texts(of_lookups(report(*seen, stages=("dns", "tcp"), **more)))


def findings(seen: Report) -> list[Finding]:
    return [at_address(seen, a) for a in addresses(seen)]


# ---------------------------------------------------------------- lookups


def test_without_a_lookup_by_the_system_nothing_is_noted() -> None:
    assert lookups(wire("A", Outcome.NAME_NOT_FOUND)) == []


def test_a_record_type_that_a_resolver_does_not_have() -> None:
    seen = (system(A4), wire("A", A4), wire("AAAA", Outcome.NO_DATA))
    notes = list(of_lookups(report(*seen)))
    assert [(n.kind, n.stage, n.evidence) for n in notes] == [("not-evaluated", "dns", ("o3",))]
    assert lookups(system(A4), wire("A", A4)) == []
    without = (wire("A", Outcome.NO_DATA, R2), wire("AAAA", Outcome.NO_DATA, R2))
    of_r2 = f"Resolver {R2} answers that the name has no address (NODATA); the system's lookup returned {A4}."
    assert lookups(system(A4), wire("A", A4), wire("AAAA", A6), *without) == [of_r2]


def test_a_resolver_that_this_machine_does_not_use_is_not_noted() -> None:
    other = (wire("A", Outcome.NAME_NOT_FOUND, R2), wire("AAAA", Outcome.NAME_NOT_FOUND, R2))
    seen = (system(A4), wire("A", A4), wire("AAAA", A6), *other)
    assert len(lookups(*seen)) == 1
    assert lookups(*seen, vantage=Vantage(resolvers=(R1,)), options=Options(resolver=R2)) == []
    nobody = (wire("A", Outcome.NAME_NOT_FOUND, None), wire("AAAA", Outcome.NAME_NOT_FOUND, None))
    assert lookups(system(A4), *nobody) == []


def test_other_addresses_of_the_same_ip_version_contradict() -> None:
    assert lookups(system(A4), wire("A", B4)) == [f"The system's lookup returned {A4}, resolver {R1} returned {B4}."]
    assert lookups(system(A6), wire("A", B4)) == []  # another IP version
    assert lookups(system(A4, B4), wire("A", B4)) == []
    two = lookups(system(A4, B4), wire("A", A4), wire("A", B4, R2))
    assert two == [f"Resolver {R1} returned {A4}, resolver {R2} returned {B4}."]
    assert lookups(system(A4, B6), wire("A", A4), wire("AAAA", B6, R2)) == []
    assert lookups(system(A4), wire("A", A4), wire("A", A4, R2)) == []


def test_a_resolver_without_the_address_that_the_system_found() -> None:
    missing = wire("A", Outcome.NAME_NOT_FOUND)
    nxdomain = f"Resolver {R1} answers that the name does not exist (NXDOMAIN); the system's lookup returned {A4}."
    assert lookups(system(A4), missing) == [nxdomain]
    assert lookups(system(A4, aliases=("h.example",)), missing) == []  # a search domain was appended
    both = (missing, wire("A", A4, R2), wire("AAAA", Outcome.NAME_NOT_FOUND, R2))
    assert nxdomain in lookups(system(A4, aliases=("h.example",)), *both)
    assert lookups(system(A4), wire("A", Outcome.TIMEOUT), wire("AAAA", Outcome.TIMEOUT)) == []
    failed = (wire("A", A4), wire("AAAA", Outcome.SERVER_FAILURE))
    text = f"Resolver {R1} answered SERVFAIL to the AAAA query; the system's lookup returned {A4}."
    assert lookups(system(A4), *failed) == [text]
    both_failed = (wire("A", Outcome.SERVER_FAILURE), wire("AAAA", Outcome.SERVER_FAILURE))
    assert len(lookups(system(A4), *both_failed)) == 1


def test_a_resolver_that_has_the_address_where_the_system_has_none() -> None:
    silent = system(outcome=Outcome.TIMEOUT)
    failed = system(outcome=Outcome.TRY_AGAIN, os_says="try again")
    assert lookups(silent, wire("A", Outcome.TIMEOUT), wire("A", A4, R2), wire("AAAA", A6, R2)) == [
        f"Resolver {R2} returned {A4}, while the system's lookup had not ended."
    ]
    assert lookups(failed, wire("A", A4)) == [
        f"Resolver {R1} returned {A4}, while the system's lookup failed: try again."
    ]
    assert lookups(failed, wire("A", Outcome.NO_DATA)) == []


# ---------------------------------------------------------------- connections


def test_a_connection_that_succeeds_late() -> None:
    def late(*seen: Observation) -> list[tuple[str, ...]]:
        made = report(*seen)
        return [n.evidence for n in late_answers(Reader(made), findings(made))]

    control = connect(outcome=Outcome.REFUSED, took=0.01, role="control")
    slow, quick = connect(outcome=Outcome.OK, took=1.1), connect(outcome=Outcome.OK, took=0.1)
    assert late(slow, control, connect(outcome=Outcome.OK, took=0.01, role="control")) == [("o2",)]
    assert late(quick, control) == []
    assert late(connect(), control) == []
    assert late(slow) == []
    assert late(slow, connect(role="repeat", series=2)) == []  # the series has its own note
    datagram = Datagram(outcome=Outcome.OK, address=A4, port=53, took=1.1)
    assert late(datagram, control) == []


def test_an_address_that_works_beside_the_one_that_fails() -> None:
    made = report(connect(), connect(A6, Outcome.OK, 0.1))
    assert [n.evidence for n in working(findings(made))] == [("o2",)]


def test_one_attempt_of_a_series_that_differs() -> None:
    def differing(*outcomes: Outcome) -> list[tuple[str, tuple[str, ...]]]:
        seen = [connect(outcome=outcomes[0])]
        seen += [connect(outcome=o, role="repeat", series=n) for n, o in enumerate(outcomes[1:], 2)]
        made = report(*seen)
        return [(n.text, n.evidence) for n in accidents(made, findings(made))]

    ok, lost = Outcome.OK, Outcome.TIMEOUT
    assert differing(ok, lost, ok) == [(f"One of 3 attempts at {A4} failed; the others succeeded.", ("o2",))]
    assert differing(lost, lost, ok) == [
        (f"Attempt 3 of 3 at {A4} succeeded; the others failed: timeout.", ("o1", "o2", "o3"))
    ]
    assert differing(ok, lost) == []
    assert differing(ok, ok, ok) == []
    assert differing(ok, lost, ok, lost) == []
    assert differing(lost, lost, lost) == []


def test_a_connection_that_needed_more_than_one_syn() -> None:
    def lost(*seen: Observation, problems: tuple[Problem, ...] = ()) -> list[tuple[str, ...]]:
        made = report(*seen)
        return [n.evidence for n in lost_syns(made, findings(made), problems)]

    second = connect(outcome=Outcome.OK, took=1.0, syns=2)
    assert lost(second) == [("o1",)]
    assert lost(connect(outcome=Outcome.OK, syns=1)) == []
    assert lost(connect(outcome=Outcome.OK)) == []  # not counted
    assert lost(connect(syns=3)) == []
    assert lost(Datagram(outcome=Outcome.OK, address=A4, port=53)) == []
    subject = findings(report(second))[0].subject
    assert lost(second, problems=(Problem(id="p1", symptom="degraded", subject=subject),)) == []


# ---------------------------------------------------------------- binds


def test_what_a_bind_does_not_show() -> None:
    def noted(*seen: Observation, **more: Any) -> list[tuple[str, tuple[str, ...]]]:
        found = of_listening(report(*seen, **{"stages": ("bind",), **more}))
        return [(n.text.partition(" ")[0], n.evidence) for n in found]

    free = Bind(outcome=Outcome.OK, address="0.0.0.0", port=8080, reuse=True)
    used = Bind(outcome=Outcome.ADDRESS_IN_USE, address="0.0.0.0", port=8080)
    listened = Bind(outcome=Outcome.OK, address="::", port=8080, reuse=True, listened=True)
    assert noted(used, free) == [("The", ("o2",)), ("A", ("o2",))]
    assert noted(free, listened) == [("A", ("o1", "o2"))]
    assert noted(free, target=Target(input="8080", host="*", port=8080, transport="udp", stages=("bind",))) == [
        ("A", ("o1",))
    ]
    assert noted(used) == []
    assert noted(connect(), free, stages=("tcp",)) == []
