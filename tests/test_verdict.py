"""The engine's promises, over reports that nobody thought of: properties, not examples."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.engine.weigh import Reader
from portdoctor.model import (
    Bind,
    Can,
    Connect,
    Counters,
    Datagram,
    Greeting,
    Handshake,
    Hop,
    HttpReply,
    Icmp,
    Listener,
    Listeners,
    Lookup,
    Neighbour,
    Note,
    Observation,
    Outcome,
    Report,
    Route,
    Stage,
    Subject,
    Target,
    Trace,
    Vantage,
)
from portdoctor.outcomes import symptom

CATALOGUE = load_catalogue()
ADDRESSES = ("10.0.3.2", "203.0.113.45", "2001:db8::1", "127.0.0.1")
NEAR = ("10.0.1.2", "10.0.2.2", "192.0.2.7", "fd00::2")
PATHS: tuple[tuple[Stage, ...], ...] = (
    ("dns", "tcp", "tls", "http"), ("dns", "tcp", "app"), ("tcp",), ("bind",), ("dns", "udp"), ("tcp", "http"),
)  # fmt: skip

ALL = Can(error_queue=True, ttl_trace=True, listener_table="own", neighbour_table=True)
outcomes = st.sampled_from(list(Outcome))
address = st.sampled_from(ADDRESSES)
seconds = st.floats(0, 20)
icmps = st.none() | st.builds(
    Icmp, type=st.sampled_from([3, 11, 1]), code=st.integers(0, 13), offender=st.sampled_from(NEAR + ADDRESSES)
)
roles = st.sampled_from(["target", "repeat", "control", "negative", "elsewhere"])
hops = st.builds(
    Hop, ttl=st.integers(1, 12), outcome=outcomes, address=st.none() | st.sampled_from(NEAR + ADDRESSES), took=seconds
)
observation: st.SearchStrategy[Observation] = st.one_of(
    st.builds(
        Connect, outcome=outcomes, took=seconds, icmp=icmps, address=address, port=st.sampled_from([80, 443, 8080]),
        role=roles, syns=st.none() | st.integers(1, 4), series=st.none() | st.integers(2, 9),
        self_connected=st.booleans(), began=seconds, mss_clamp=st.sampled_from([None, None, 536]),
    ),
    st.builds(Datagram, outcome=outcomes, took=seconds, icmp=icmps, address=address, port=st.just(53)),
    st.builds(
        Lookup, outcome=outcomes, name=st.just("host.example"), via=st.sampled_from(["system", "wire"]),
        resolver=st.none() | st.sampled_from(["192.0.2.53", "192.0.2.54"]), qtype=st.sampled_from(["A", "AAAA", "ANY"]),
        addresses=st.lists(address, max_size=2).map(tuple),
    ),
    st.builds(
        Trace, outcome=outcomes, address=address, port=st.just(443), role=st.sampled_from(["target", "control"]),
        round=st.integers(1, 2), hops=st.lists(hops, max_size=5).map(tuple),
    ),
    st.builds(
        Route, outcome=st.just(Outcome.OK), address=address, gateway=st.none() | st.sampled_from(NEAR),
        type=st.sampled_from(["unicast", "local", "blackhole", "prohibit", "unreachable", "none"]),
    ),
    st.builds(
        Neighbour, outcome=st.just(Outcome.OK), address=st.sampled_from(NEAR),
        state=st.sampled_from(["failed", "incomplete", "reachable", "stale", "none"]),
    ),
    st.builds(
        Listeners, outcome=st.just(Outcome.OK), port=st.sampled_from([80, 443, 8080]), complete=st.booleans(),
        rows=st.lists(
            st.builds(
                Listener, address=st.sampled_from(["0.0.0.0", "::", "127.0.0.1"]), port=st.just(443),
                queued=st.none() | st.integers(0, 9), backlog=st.none() | st.integers(0, 9),
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(
        Counters, outcome=st.just(Outcome.OK), began=seconds,
        values=st.fixed_dictionaries({"ListenOverflows": st.integers(0, 20)}),
    ),
    st.builds(
        Bind, outcome=outcomes, address=st.sampled_from(["0.0.0.0", "::"]), port=st.just(443), reuse=st.booleans()
    ),
    st.builds(
        Handshake, outcome=outcomes, took=seconds, address=address, port=st.just(443),
        role=st.sampled_from(["target", "repeat", "variant"]), mss_clamp=st.sampled_from([None, 536]),
        reason=st.none() | st.text(max_size=12), sample=st.none() | st.text(max_size=12),
    ),
    st.builds(
        HttpReply, outcome=outcomes, took=seconds, address=address, port=st.just(443),
        status=st.none() | st.integers(100, 599),
    ),
    st.builds(Greeting, outcome=outcomes, took=seconds, address=address, port=st.just(22), text=st.text(max_size=12)),
)  # fmt: skip
notes = st.builds(Note, kind=st.just("not-evaluated"), text=st.just("It was not looked at."))


@st.composite
def reports(draw: st.DrawFn) -> Report:
    seen = draw(st.lists(observation, max_size=9))
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate(seen, 1))
    can = draw(st.sampled_from([Can(), ALL]))
    system = draw(st.sampled_from(["Linux 6.18", "macOS 15", ""]))
    return Report(
        target=Target(input="host.example:443", host="host.example", port=443, stages=draw(st.sampled_from(PATHS))),
        vantage=Vantage(os=system, started="2026-11-22T09:14:03Z", can=can),
        observations=numbered,
        notes=tuple(draw(st.lists(notes, max_size=1))),
        interrupted=draw(st.booleans()),
    )


@settings(max_examples=300, deadline=None)
@given(reports())
def test_every_report_has_a_diagnosis_that_keeps_the_promises(report: Report) -> None:
    diagnosis = diagnose(report, CATALOGUE)
    ids = {o.id for o in report.observations}
    told = {e for p in diagnosis.problems for e in (*p.evidence, *(x for r in p.ruled_out for x in r.evidence))}
    told |= {e for n in diagnosis.notes for e in n.evidence} | set(diagnosis.unexplained)
    assert told <= ids, "evidence is an observation"
    failed = {o.id for o in report.observations if o.outcome is not Outcome.OK}
    assert failed <= told, "what failed is explained, hidden, or said to be unexplained"
    for p in diagnosis.problems:
        cause = CATALOGUE[p.cause] if p.cause else None
        if cause is None or cause.front.kind == "remainder":
            assert p.certainty == "undetermined"
        if p.certainty == "certain" and cause and cause.front.kind == "cause":
            assert report.vantage.os in ("", "Linux 6.18"), "not run on such a system: likely at most"
            subject = Subject(kind=p.subject.kind, values=p.subject.values[:1])
            reader = Reader(report)
            assert all(reader.read(n, subject).state == "present" for n in cause.front.requires)
            assert all(reader.read(n, subject).state == "absent" for n in cause.front.excludes)
            assert cause.front.cap == "certain" or reader.any_present(cause.front.proof, subject)
    v = diagnosis.verdict
    assert v.symptom != "ok" or (not diagnosis.problems and v.certainty == "certain")
    assert diagnose(report, CATALOGUE) == diagnosis, "the same answer tomorrow"


SUBJECTS = {
    "address": Subject(kind="address", values=("10.0.3.2",)),
    "name": Subject(kind="name", values=("host.example",)),
    "resolver": Subject(kind="resolver", values=("192.0.2.53",)),
    "local": Subject(kind="local", values=("0.0.0.0:443",)),
    "target": Subject(kind="target"),
}
USES = sorted(
    {
        (name, cause.front.about)
        for cause in CATALOGUE
        for name in (*cause.front.requires, *cause.front.excludes, *cause.front.supports, *cause.front.proof)
    }
)


@settings(max_examples=400, deadline=None)
@given(reports(), st.sampled_from(USES))
def test_a_sign_is_three_valued_on_any_report(report: Report, use: tuple[str, str]) -> None:
    name, about = use
    reading = Reader(report).read(name, SUBJECTS[about])
    assert reading.state in ("present", "absent", "unknown")
    assert (reading.why is not None) == (reading.state == "unknown")
    assert reading.state == "unknown" or reading.says
    assert set(reading.evidence) <= {o.id for o in report.observations}


def test_signs_that_take_a_parameter() -> None:
    target = Target(input="db.example:5432", host="db.example", port=5432)
    seen = (Connect(id="o1", outcome=Outcome.TIMEOUT, address="10.20.1.5", port=5432),)
    reader = Reader(Report(target=target, observations=seen))
    subject = Subject(kind="address", values=("10.20.1.5",))
    true = ("target.in-network:10.20.0.0/16", "target.port:5432", "target.host:*.example", "target.host:DB.example")
    false = (
        "target.in-network:10.30.0.0/16",
        "target.in-network:2001:db8::/32",
        "target.port:22",
        "target.host:db.example.com",
    )
    assert {reader.read(name, subject).state for name in true} == {"present"}
    assert {reader.read(name, subject).state for name in false} == {"absent"}


@given(st.sampled_from(["dns", "tcp", "udp", "tls", "http", "app", "bind"]), outcomes, icmps)
def test_the_symptom_is_a_total_function(stage: Stage, outcome: Outcome, icmp: Icmp | None) -> None:
    assert symptom(stage, outcome, icmp)
    assert (symptom(stage, outcome, icmp) == "ok") == (outcome is Outcome.OK)
