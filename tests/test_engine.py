"""Each guard of the engine, with small causes made for it: no knowledge of the real catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.cause import Catalogue, CauseError
from portdoctor.engine import weigh
from portdoctor.engine.merge import MergeError, merge
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Can,
    Connect,
    Handshake,
    Lookup,
    Note,
    Observation,
    Outcome,
    Report,
    Stage,
    Subject,
    Target,
    Vantage,
)

A4, A6 = "192.0.2.7", "2001:db8::7"
AT_A4 = Subject(kind="address", values=(A4,))
ALL = Can(error_queue=True, ttl_trace=True, listener_table="all", neighbour_table=True)
TRUE, FALSE, OPEN = "target.port:8080", "target.port:1", "vantage.syn-arrives"  # present, absent, unknown
PAGE = """# T

X.

## How we know
X.

## Usual reasons
- X.

## What to do
- Show it. (server, risk none)
  - `ls`
"""


def catalogue(**causes: dict[str, Any]) -> Catalogue:
    """Causes by their name, `tcp__a` being "tcp.a", with what differs from a plain cause about an address."""
    texts = {}
    for name, keys in causes.items():
        plain = {"about": "address", "explains": ["timeout"], "owner": "network", "says": "X.", "requires": [TRUE]}
        front = plain | keys
        toml = "".join(f"{key} = {_toml(value)}\n" for key, value in front.items())
        texts[name.replace("__", ".")] = ("", f"+++\n{toml}+++\n{PAGE}")
    return Catalogue(texts)


def _toml(value: Any) -> str:
    return "[" + ", ".join(f'"{v}"' for v in value) + "]" if isinstance(value, list) else f'"{value}"'


def connect(address: str = A4, outcome: Outcome = Outcome.TIMEOUT, took: float = 3.5, **more: Any) -> Connect:
    return Connect(outcome=outcome, address=address, port=8080, took=took, **more)


def tls(address: str, outcome: Outcome) -> Handshake:
    return Handshake(outcome=outcome, address=address, port=8080, took=0.01)


def report(*seen: Observation, stages: tuple[Stage, ...] = ("tcp",), **more: Any) -> Report:
    numbered = tuple(_with_id(o, f"o{n}") for n, o in enumerate(seen, 1))
    target = Target(input="h:8080", host="h", port=8080, stages=stages)
    return Report(**{"target": target, "vantage": Vantage(os="Linux 6"), "observations": numbered, **more})


def _with_id(o: Observation, name: str) -> Observation:
    return replace(o, id=name)


def first(known: Catalogue, *seen: Observation, **more: Any) -> tuple[str | None, str, set[str]]:
    """Cause, certainty and candidates of the first problem."""
    p = diagnose(report(*seen or (connect(),), **more), known).problems[0]
    return p.cause, p.certainty, {c.cause for c in p.candidates}


# ---------------------------------------------------------------- weighing


def test_a_cause_does_not_hide_itself_nor_compete_with_itself() -> None:
    a = catalogue(tcp__a={"hides": ["tcp.*"]})["tcp.a"]
    assert not weigh.hides(a, a)
    assert not weigh.compete(a, a)


def test_hides_takes_a_name_or_a_whole_phase() -> None:
    known = catalogue(tcp__a={"hides": ["tcp.*", "dns.x"]}, tcp__b={}, dns__x={}, dns__y={})
    hidden = {name for name in known.names() if weigh.hides(known["tcp.a"], known[name])}
    assert hidden == {"tcp.b", "dns.x"}


def test_a_special_case_does_not_compete_with_its_general_one() -> None:
    known = catalogue(tcp__a={}, tcp__b={"refines": ["tcp.a"]}, tcp__c={"refines": ["tcp.a"], "with": ["tcp.b"]})
    assert not weigh.compete(known["tcp.a"], known["tcp.b"])
    assert not weigh.compete(known["tcp.b"], known["tcp.a"])
    assert weigh.compete(known["tcp.b"], known["tcp.c"])  # two special cases of one, whatever `with` says


def test_causes_that_may_be_true_together_do_not_compete_whichever_says_so() -> None:
    known = catalogue(tcp__a={"with": ["tcp.b"]}, tcp__b={}, tcp__c={})
    assert not weigh.compete(known["tcp.a"], known["tcp.b"])
    assert not weigh.compete(known["tcp.b"], known["tcp.a"])
    assert weigh.compete(known["tcp.a"], known["tcp.c"])


def test_what_responded_contradicts_before_silence() -> None:
    silent, refused = connect(), connect(outcome=Outcome.REFUSED, role="control")
    assert weigh.is_silence(report(silent), ["o1"])
    assert not weigh.is_silence(report(silent, refused), ["o1", "o2"])
    assert not weigh.is_silence(report(silent), [])

    def decider(*seen: Observation, **keys: list[str]) -> str:
        known = catalogue(tcp__a={"requires": [FALSE], **keys})
        return weigh.Reader(report(*seen, vantage=Vantage(can=ALL))).weigh(known["tcp.a"], AT_A4).ruled_out().because

    own = "The requested port is 8080."  # the target itself contradicts: no observation does
    assert decider(connect()) == own
    refused = connect(outcome=Outcome.REFUSED)
    assert decider(refused, excludes=["tcp.refused-by-rst"]) != own
    assert decider(connect(), excludes=["tcp.silent"]) == own


def test_what_is_not_present_is_not_reported_as_present() -> None:
    known = catalogue(tcp__a={"requires": [TRUE, OPEN]})
    weighed = weigh.Reader(report(connect())).weigh(known["tcp.a"], AT_A4)
    assert (weighed.state, [r.state for r in weighed.present], weighed.missing) == ("open", ["present"], (OPEN,))


def test_a_sign_that_reads_a_key_needs_the_key() -> None:
    with pytest.raises(CauseError, match="answers"):
        first(catalogue(tcp__a={"requires": ["app.service-says"]}))


def test_a_sign_of_a_subject_is_read_once() -> None:
    reader = weigh.Reader(report(connect()))
    assert reader.read(TRUE, AT_A4) is reader.read(TRUE, AT_A4)


# ---------------------------------------------------------------- the verdict


def test_established_alone_is_certain_and_beside_an_open_rival_likely() -> None:
    assert first(catalogue(tcp__a={})) == ("tcp.a", "certain", set())
    assert first(catalogue(tcp__a={}, tcp__b={"requires": [OPEN]})) == ("tcp.a", "likely", {"tcp.b"})
    assert first(catalogue(tcp__a={}, tcp__b={"requires": [FALSE]})) == ("tcp.a", "certain", set())
    assert first(catalogue(tcp__a={}, tcp__b={"requires": [OPEN], "refines": ["tcp.a"]}))[:2] == ("tcp.a", "certain")


def test_two_established_rivals_are_undetermined_and_both_listed() -> None:
    assert first(catalogue(tcp__a={}, tcp__b={})) == (None, "undetermined", {"tcp.a", "tcp.b"})
    together = diagnose(report(connect()), catalogue(tcp__a={"with": ["tcp.b"]}, tcp__b={}))
    assert [p.cause for p in together.problems] == ["tcp.a", "tcp.b"]


def test_a_cause_that_only_silence_speaks_about_is_neither_ruled_out_nor_a_candidate() -> None:
    unseen = {"requires": ["tcp.refused-by-rst"]}  # unknown while no attempt received a response
    d = diagnose(report(connect()), catalogue(tcp__a={}, tcp__b=unseen))
    assert (d.problems[0].certainty, d.problems[0].candidates, d.problems[0].ruled_out) == ("certain", (), ())
    assert first(catalogue(tcp__b=unseen)) == (None, "undetermined", set())
    assert first(catalogue(tcp__b={**unseen, "supports": [TRUE]})) == ("tcp.b", "likely", set())
    assert first(catalogue(tcp__a={}, tcp__b={"requires": ["tcp.refused-by-rst", TRUE]}))[2] == {"tcp.b"}
    wanted = {"requires": ["tcp.refused-by-rst", "tcp.other-port-responds"]}  # a probe would decide
    assert first(catalogue(tcp__a={}, tcp__b=wanted))[2] == {"tcp.b"}


def test_a_hidden_and_a_general_cause_give_way() -> None:
    assert first(catalogue(tcp__a={"hides": ["tcp.b"]}, tcp__b={}))[0] == "tcp.a"
    assert first(catalogue(tcp__a={}, tcp__b={"refines": ["tcp.a"]}))[0] == "tcp.b"
    assert first(catalogue(tcp__a={"hides": ["tcp.b"]}, tcp__b={"requires": [OPEN]})) == ("tcp.a", "certain", set())


def test_elimination_takes_support_and_no_rival() -> None:
    supported = {"requires": [OPEN], "supports": [TRUE]}
    assert first(catalogue(tcp__a=supported))[:2] == ("tcp.a", "likely")
    assert first(catalogue(tcp__a={"requires": [OPEN], "supports": [FALSE]}))[0] is None
    assert first(catalogue(tcp__a={"requires": [OPEN]}))[0] is None
    assert first(catalogue(tcp__a=supported, tcp__b={"requires": [OPEN]}))[0] is None


def test_a_cap_is_lifted_by_a_proof_only() -> None:
    assert first(catalogue(tcp__a={"cap": "likely"}))[1] == "likely"
    assert first(catalogue(tcp__a={"cap": "likely", "proof": [TRUE]}))[1] == "certain"
    assert first(catalogue(tcp__a={"cap": "likely", "proof": [FALSE]}))[1] == "likely"
    settled = first(catalogue(tcp__a={"cap": "likely", "proof": [TRUE]}, tcp__b={"requires": [OPEN]}))
    assert settled == ("tcp.a", "certain", set())


def test_an_earlier_stage_that_may_have_led_elsewhere_takes_the_proof_away() -> None:
    earlier = {"requires": [OPEN], "needs": ["dns"], "at": ["tcp"], "hides": ["tcp.a"]}
    proven = {"cap": "likely", "proof": [TRUE]}
    name = Lookup(outcome=Outcome.OK, name="h", via="system", addresses=(A4,))
    seen = {"stages": ("dns", "tcp")}
    assert first(catalogue(tcp__a=proven, dns__w=earlier), name, connect(), **seen)[1] == "likely"
    assert first(catalogue(tcp__a=proven, dns__w=earlier))[1] == "certain"  # no name was looked up


def test_a_remainder_is_undetermined_and_waits_for_probes() -> None:
    rest = {"kind": "remainder"}
    assert first(catalogue(tcp__z=rest))[:2] == ("tcp.z", "undetermined")
    wanting = catalogue(tcp__z=rest, tcp__a={"requires": ["route.type:none"]})
    d = diagnose(report(connect()), wanting)
    assert (d.problems[0].cause, [w.want.probe for w in d.wants]) == (None, ["route"])


def test_other_systems_and_other_times_lower_the_certainty() -> None:
    seen = report(connect())
    elsewhere = replace(seen, vantage=Vantage(os="Windows 11"))
    assert diagnose(elsewhere, catalogue(tcp__a={})).problems[0].certainty == "likely"
    assert diagnose(elsewhere, catalogue(tcp__a={"systems": ["windows"]})).problems[0].certainty == "certain"
    later = replace(seen, others=(seen,), notes=(Note(kind="state-changed", text="X."),))
    assert diagnose(later, catalogue(tcp__a={})).problems[0].certainty == "likely"


def test_a_cause_about_another_stage_symptom_or_subject_is_not_weighed() -> None:
    for keys in ({"explains": ["unreachable"]}, {"at": ["tls"]}, {"about": "name"}, {"kind": "scope"}):
        assert first(catalogue(tcp__a=keys))[0] is None, keys


def test_what_was_not_completed_is_not_called_working() -> None:
    known = catalogue(tcp__a={})
    ok = connect(outcome=Outcome.OK, took=0.01)
    assert diagnose(report(ok), known).verdict.symptom == "ok"
    assert diagnose(report(ok, stages=("tcp", "tls")), known).verdict.symptom == "undetermined"
    unfinished = diagnose(report(ok, stages=("tcp", "tls"), interrupted=True), known).verdict
    assert unfinished.explanation == "Stages that were not completed: tls."
    interrupted = diagnose(report(ok, interrupted=True), known).verdict
    assert (interrupted.symptom, interrupted.explanation) == ("undetermined", "The checkup was interrupted.")
    elsewhere = diagnose(report(ok, tls(A6, Outcome.UNTRUSTED), stages=("tcp", "tls")), known)
    assert elsewhere.verdict.symptom == "undetermined"  # a handshake that failed completes no stage


def test_a_fault_after_the_connection_is_the_verdict_though_another_address_works() -> None:
    known = catalogue(tls__a={"explains": ["tls-failed"]})
    ok6, ok4 = connect(A6, Outcome.OK, 0.01), connect(A4, Outcome.OK, 0.01)
    stages: tuple[Stage, ...] = ("tcp", "tls")
    d = diagnose(report(ok6, tls(A6, Outcome.UNTRUSTED), ok4, tls(A4, Outcome.OK), stages=stages), known)
    assert (d.verdict.symptom, d.verdict.cause) == ("tls-failed", "tls.a")
    assert [n.text.partition(" ")[0] for n in d.notes] == [A4]
    d = diagnose(report(ok6, tls(A6, Outcome.OK), ok4, tls(A4, Outcome.UNTRUSTED), stages=stages), known)
    assert d.verdict.symptom == "degraded"


def test_what_works_is_not_impaired_by_what_is_open_or_undecided() -> None:
    impairs = {"explains": ["degraded", "timeout"]}
    ok = connect(outcome=Outcome.OK, took=0.01)

    def impaired(*seen: Observation, **causes: dict[str, Any]) -> list[tuple[str, str | None, int]]:
        d = diagnose(report(*seen), catalogue(**causes))
        return [(p.symptom, p.cause, len(p.ruled_out)) for p in d.problems]

    assert impaired(ok, tcp__a=impairs) == [("degraded", "tcp.a", 0)]
    assert impaired(ok, tcp__a=impairs, tcp__b={**impairs, "requires": [TRUE, FALSE]}) == [("degraded", "tcp.a", 0)]
    assert impaired(ok, tcp__a={**impairs, "requires": [OPEN], "supports": [TRUE]}) == []
    assert impaired(ok, tcp__a={**impairs, "kind": "remainder"}) == []
    assert impaired(ok, tcp__a={**impairs, "about": "name"}) == []
    assert impaired(ok, tls__a={**impairs, "about": "target"}) == []  # seen at another stage
    assert impaired(ok, tcp__a={**impairs, "about": "target"}) == [("degraded", "tcp.a", 0)]
    assert impaired(connect(), tcp__a=impairs) == [("timeout", "tcp.a", 0)]  # what fails is not impaired as well


def test_a_scope_needs_an_address_that_fails() -> None:
    where = {"kind": "scope", "about": "target", "explains": ["degraded"]}
    known = catalogue(tcp__some=where, tcp__a={"explains": ["degraded", "timeout"]})
    ok4, ok6 = connect(outcome=Outcome.OK, took=0.01), connect(A6, Outcome.OK, 0.01)
    works = diagnose(report(ok4, ok6), known).problems
    assert [(p.cause, p.because, p.because_certainty) for p in works] == [("tcp.a", None, None)]
    half = diagnose(report(ok4, connect(A6)), known).problems
    assert (half[0].cause, half[0].because, half[0].because_certainty) == ("tcp.some", "tcp.a", "certain")
    both = catalogue(tcp__some=where, tcp__a={"with": ["tcp.b"]}, tcp__b={})
    assert diagnose(report(ok4, connect(A6)), both).problems[0].hidden == ("p2",)
    undecided = diagnose(report(ok4, connect(A6)), catalogue(tcp__some=where)).problems
    assert (undecided[0].cause, undecided[0].because, undecided[0].because_certainty) == ("tcp.some", None, None)
    no_scope = diagnose(report(ok4, connect(A6)), catalogue(tcp__a={})).problems
    assert [(p.symptom, p.cause) for p in no_scope] == [("degraded", "tcp.a")]


def test_an_ip_version_that_this_machine_cannot_use_is_a_note() -> None:
    none6, ok4 = connect(A6, Outcome.NET_UNREACHABLE, 0.0), connect(outcome=Outcome.OK, took=0.01)
    d = diagnose(report(none6, ok4), catalogue(tcp__a={"explains": ["unreachable"]}))
    assert (d.verdict.symptom, d.problems, d.unexplained) == ("ok", (), ())
    assert [n.evidence for n in d.notes] == [("o1",)]


def test_what_a_client_meets_stands_first_and_once() -> None:
    known = catalogue(tls__a={"explains": ["tls-failed"]})
    ok4, ok6 = connect(outcome=Outcome.OK, took=0.01), connect(A6, Outcome.OK, 0.4)
    seen = (ok6, tls(A6, Outcome.UNTRUSTED), ok4, tls(A4, Outcome.UNTRUSTED))
    d = diagnose(report(*seen, stages=("tcp", "tls")), known)
    assert [p.subject.values for p in d.problems] == [(A4, A6)]


def test_what_failed_without_an_explanation_is_listed() -> None:
    other = connect("192.0.2.9", took=1.0, role="elsewhere")
    fine = connect("192.0.2.10", Outcome.OK, 0.1, role="elsewhere")
    assert diagnose(report(connect(), other, fine), catalogue(tcp__a={})).unexplained == ("o2",)


def test_a_resolver_does_not_impair_a_name_that_was_not_looked_up() -> None:
    known = catalogue(dns__dead={"about": "resolver", "explains": ["degraded"]})
    wire = Lookup(outcome=Outcome.TIMEOUT, name="h", via="wire", resolver="192.0.2.53")
    system = Lookup(outcome=Outcome.OK, name="h", via="system", addresses=(A4,))
    ok = connect(outcome=Outcome.OK, took=0.01)
    assert [p.cause for p in diagnose(report(system, wire, ok), known).problems] == ["dns.dead"]
    assert diagnose(report(wire, ok), known).problems == ()


def test_only_a_cap_asks_for_its_proof() -> None:
    def wanted(**causes: dict[str, Any]) -> list[str]:
        return [w.want.probe for w in diagnose(report(connect()), catalogue(**causes)).wants]

    proof = {"proof": ["route.type:none"]}
    assert wanted(tcp__a=proof) == []
    assert wanted(tcp__a={**proof, "cap": "likely"}) == ["route"]


def test_an_open_cause_behind_an_established_one_asks_for_nothing() -> None:
    general = {"requires": ["route.type:none"]}
    for keys in ({"refines": ["tcp.a"]}, {"hides": ["tcp.a"]}):
        d = diagnose(report(connect()), catalogue(tcp__a=general, tcp__b=keys))
        assert (d.verdict.cause, d.verdict.certainty, d.wants) == ("tcp.b", "certain", ())


def test_causes_that_hide_each_other_explain_nothing() -> None:
    assert first(catalogue(tcp__a={"hides": ["tcp.b"]}, tcp__b={"hides": ["tcp.a"]}))[:2] == (None, "undetermined")


# ---------------------------------------------------------------- the root behind a scope


def unresolved(*queries: tuple[str, Outcome]) -> list[str | None]:
    """The causes where the name is not resolved and the queries to these resolvers ended so."""
    known = catalogue(
        dns__s={"about": "name", "explains": ["name-not-resolved"], "requires": ["target.port:8080"],
                "through": "resolver"},
        udp__closed={"explains": ["connection-refused"], "requires": ["target.port:53"]},
        udp__far={"explains": ["unreachable"], "requires": ["target.port:53"]},
        udp__rest={"explains": ["undetermined"], "requires": ["target.port:53"], "kind": "remainder"},
    )  # fmt: skip
    wire = [
        Lookup(outcome=outcome, name="h", via="wire", transport="udp", resolver=resolver)
        for resolver, outcome in queries
    ]
    system = Lookup(outcome=Outcome.TRY_AGAIN, name="h", via="system")
    return [p.cause for p in diagnose(report(system, *wire, stages=("dns", "tcp")), known).problems]


def test_a_scope_gives_way_to_the_one_root_of_all_its_endpoints() -> None:
    one, two = "198.51.100.53", "198.51.100.54"
    assert unresolved() == ["dns.s"]
    assert unresolved((one, Outcome.REFUSED)) == ["udp.closed"]
    assert unresolved((one, Outcome.REFUSED), (two, Outcome.REFUSED)) == ["udp.closed"]
    assert unresolved((one, Outcome.REFUSED), (two, Outcome.HOST_UNREACHABLE)) == ["dns.s", "udp.closed", "udp.far"]
    assert unresolved((one, Outcome.REFUSED), (two, Outcome.TIMEOUT)) == ["dns.s", "udp.closed"]
    assert unresolved((one, Outcome.REFUSED), (two, Outcome.OK)) == ["dns.s", "udp.closed"]


# ---------------------------------------------------------------- merging


def test_merging_takes_two_reports_of_one_port_and_address() -> None:
    one = report(connect())
    with pytest.raises(MergeError, match="two"):
        merge([one])
    with pytest.raises(MergeError, match="port"):
        merge([one, replace(one, target=replace(one.target, port=9))])
    with pytest.raises(MergeError, match="address"):
        merge([one, report(connect("192.0.2.8"))])
    works = report(connect(outcome=Outcome.OK))
    assert merge([works, one]).observations == one.observations  # the one that fails is the main one
    assert [o.id for o in merge([works, one]).others[0].observations] == ["b.o1"]
