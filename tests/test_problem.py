"""How a problem is written: its evidence, its owner, its steps and the test that would decide."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from portdoctor.catalogue.cause import Catalogue
from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.lab.recording import recorded
from portdoctor.model import Lookup, Note, Observation, Outcome, Problem, Report, Route, Trace, Vantage

from .test_engine import A4, FALSE, OPEN, PAGE, TRUE, catalogue, connect, first, report, tls

HOST, NETWORK = "target.host:h", "target.in-network:192.0.2.0/24"  # present
LOCAL = Route(outcome=Outcome.OK, address=A4, type="local")
FILTERED, BROKEN = "tcp.port-filtered", "tcp.return-path-broken"  # the answers of OPEN lead to these


def problem(known: Catalogue, *seen: Observation, **more: Any) -> Problem:
    return diagnose(report(*seen or (connect(),), **more), known).problems[0]


def next_test(*seen: Observation, **causes: dict[str, Any]) -> list[str] | None:
    """The causes that the answers of the next test lead to."""
    found = problem(catalogue(**causes), *seen).next_test
    return [a.then for a in found.if_] if found else None


def page(*steps: str) -> Catalogue:
    """A cause with these steps."""
    front = f'about = "address"\nexplains = ["timeout"]\nowner = "network"\nsays = "X."\nrequires = ["{TRUE}"]\n'
    text = PAGE.partition("- Show it.")[0] + "".join(f"- {step}\n" for step in steps)
    return Catalogue({"tcp.a": ("", f"+++\n{front}+++\n{text}")})


# ---------------------------------------------------------------- evidence and words


def test_the_evidence_is_what_failed_or_else_the_whole_path() -> None:
    ok = connect(outcome=Outcome.OK, took=0.01)
    failed = problem(catalogue(tls__a={"explains": ["tls-failed"]}), ok, tls(A4, Outcome.UNTRUSTED))
    assert failed.evidence == ("o2",)
    impaired = problem(catalogue(tls__a={"explains": ["degraded"]}), ok, tls(A4, Outcome.OK))
    assert impaired.evidence == ("o1", "o2")


def test_a_cause_is_ruled_out_by_the_evidence_of_the_sign_or_by_the_attempt() -> None:
    plain = {"explains": ["tls-failed"]}
    known = catalogue(
        tls__b={**plain, "requires": ["tcp.refused-by-rst"]},
        tls__c={**plain, "requires": [FALSE]},
        dns__d={**plain, "requires": [FALSE], "needs": ["dns"], "at": ["tls"]},
    )
    seen = (Lookup(outcome=Outcome.OK, name="h", via="system", addresses=(A4,)),
            connect(outcome=Outcome.OK, took=0.01), tls(A4, Outcome.UNTRUSTED),
            Lookup(outcome=Outcome.OK, name="h", via="wire", resolver="192.0.2.53"))  # fmt: skip
    undecided = problem(known, *seen, stages=("dns", "tcp", "tls"))
    assert undecided.evidence == ("o3",)  # not what rules out
    found = undecided.ruled_out
    assert {r.cause: r.evidence for r in found} == {"tls.b": ("o2",), "tls.c": ("o2", "o3"), "dns.d": ("o1",)}
    assert found[-1].cause == "dns.d"


def test_the_probes_beside_the_attempt_are_evidence() -> None:
    trace = Trace(outcome=Outcome.TIMEOUT, address=A4, port=8080)
    elsewhere = connect("192.0.2.9", role="elsewhere")
    assert problem(catalogue(tcp__a={}), connect(), connect(role="control"), trace, elsewhere).evidence == (
        "o1", "o2", "o3",
    )  # fmt: skip


def test_what_is_undecided_is_explained_by_what_was_seen() -> None:
    other = {"requires": ["target.host:x"]}
    assert problem(catalogue(tcp__a={}, tcp__b={}, tcp__c=other)).explanation == "The requested port is 8080."
    assert problem(catalogue(tcp__c=other)).explanation == "The requested host is h."
    assert problem(catalogue()).explanation == "What was seen has no cause here."


def test_a_sentence_that_another_one_contains_is_left_out() -> None:
    report = recorded("dns/intermittent-system")
    assert report is not None
    signs = diagnose(report, load_catalogue()).problems[0].signs
    assert [s for s in signs if s.startswith("The system's lookup failed")] == list(signs[:1])


def test_the_detail_of_a_headline_is_the_first_required_sign() -> None:
    assert problem(catalogue(tcp__a={"says": "X: {detail}"})).headline.startswith("X: The requested port is 8080")
    eliminated = problem(catalogue(tcp__a={"says": "X: {detail}", "requires": [OPEN], "supports": [TRUE]}))
    assert "8080" not in eliminated.headline  # no required sign is present


def test_silence_rules_out_no_cause_by_name() -> None:
    assert problem(catalogue(tcp__a={}, tcp__b={"excludes": ["tcp.silent"]})).ruled_out == ()


def test_the_proof_is_named_before_what_supports() -> None:
    keys = {"supports": [NETWORK]}
    assert problem(catalogue(tcp__a=keys)).signs == (
        "The requested port is 8080.", f"{A4} is in 192.0.2.0/24.",
    )  # fmt: skip
    assert problem(catalogue(tcp__a={**keys, "proof": [HOST]})).signs == (
        "The requested port is 8080.", "The requested host is h.",
    )  # fmt: skip


def test_the_title_counts_what_is_left() -> None:
    one, more = catalogue(tcp__a={"requires": [OPEN]}), catalogue(tcp__a={}, tcp__b={})
    assert problem(one).title == "The cause is not decided"
    assert problem(more).title == "The evidence fits more than one cause"


# ---------------------------------------------------------------- certainty


def test_what_a_proof_does_not_lift() -> None:
    proof = {"proof": [TRUE]}
    assert first(catalogue(tcp__a={**proof, "requires": [OPEN], "supports": [TRUE]}))[:2] == ("tcp.a", "likely")
    rivals = catalogue(tcp__a=proof, tcp__b={"requires": [OPEN]})
    assert first(rivals, vantage=Vantage(os="Windows 11")) == ("tcp.a", "likely", {"tcp.b"})  # not settled


def test_what_does_not_lower_the_certainty() -> None:
    changed = Note(kind="state-changed", text="X.")
    assert first(catalogue(tcp__a={}), notes=(changed,))[1] == "certain"  # in one report
    assert first(catalogue(tcp__a={}), vantage=Vantage())[1] == "certain"  # the system is not known
    earlier = {"requires": [OPEN], "needs": ["dns"], "at": ["tcp"]}  # does not hide the other
    name = Lookup(outcome=Outcome.OK, name="h", via="system", addresses=(A4,))
    known = catalogue(tcp__a={"proof": [TRUE]}, dns__w=earlier)
    assert first(known, name, connect(), stages=("dns", "tcp"))[1] == "certain"
    other: Report = report(connect())
    assert first(catalogue(tcp__a={}), others=(other,))[1] == "certain"


# ---------------------------------------------------------------- who must act, and how


def test_the_owner_is_named_as_the_cause_does_where_that_is_known() -> None:
    default = "whoever runs the network in the path"
    named = catalogue(tcp__a={"owner_text": "whoever runs {address}"})
    assert problem(catalogue(tcp__a={})).owner_text == default
    assert problem(named).owner_text == f"whoever runs {A4}"
    assert problem(catalogue(tcp__a={"owner_text": "whoever runs {offender}"})).owner_text == default
    here = problem(named, connect(), LOCAL)
    assert (here.owner, here.owner_text) == ("this-machine", "you, on this machine")


def test_the_owner_gets_a_message_unless_it_is_the_user() -> None:
    asked = catalogue(tcp__a={"ask": "Please check {address}."})
    assert problem(asked).ask == f"Please check {A4}."
    assert problem(asked, connect(), LOCAL).ask == ""
    assert problem(catalogue(tcp__a={"ask": "Please check.", "owner": "user"})).ask == ""


def test_the_origin_follows_from_the_owner_unless_the_cause_says_it() -> None:
    assert problem(catalogue(tcp__a={})).origin == "path"
    assert problem(catalogue(tcp__a={"origin": "target"})).origin == "target"


def test_only_the_operator_of_this_machine_is_told_by_its_routes() -> None:
    other = replace(LOCAL, address="192.0.2.9")
    assert problem(catalogue(tcp__a={}), connect(), other).owner == "network"
    service = catalogue(tcp__a={"owner": "service-operator"})
    assert problem(service, connect(), LOCAL).owner == "service-operator"


def test_the_steps_are_done_here_when_the_server_is_this_machine() -> None:
    def scopes(*seen: Observation, steps: tuple[str, ...]) -> list[str]:
        return [s.scope for s in problem(page(*steps), *seen).steps]

    both = ("See X. (server, risk none)", "Ask X. (network, risk none)")
    away = Route(outcome=Outcome.OK, address=A4, gateway="192.0.2.1")
    assert scopes(connect(), away, steps=both) == ["server", "network"]
    assert scopes(connect(), LOCAL, steps=both) == ["this-machine"]
    assert scopes(connect(), LOCAL, steps=both[1:]) == ["this-machine"]


# ---------------------------------------------------------------- the next test


def test_the_next_test_leads_to_a_cause_that_is_left() -> None:
    assert next_test(tcp__a={"cap": "likely", "proof": [OPEN]}) == [BROKEN, FILTERED]
    assert next_test(tcp__a={"cap": "likely", "supports": [OPEN]}) == [BROKEN, FILTERED]
    assert next_test(tcp__a={}, tcp__b={"requires": [OPEN]}) == [BROKEN, FILTERED]
    assert next_test(tcp__b={"requires": [OPEN]}) == [BROKEN, FILTERED]
    assert next_test(tcp__a={}, tcp__b={"requires": [HOST, "target.port:8080"]}) is None  # a person need not look
    own: dict[str, dict[str, Any]] = {"tcp__port-filtered": {"cap": "likely", "proof": [OPEN]}}
    out: dict[str, dict[str, Any]] = {"tcp__return-path-broken": {"requires": [FALSE]}}
    assert next_test(**own) == [BROKEN, FILTERED]
    assert next_test(**own, **out) is None  # only its own name is left


def test_beside_a_certain_cause_only_its_special_cases_are_left_to_test() -> None:
    sure: dict[str, dict[str, Any]] = {"tcp__port-filtered": {}}
    special: dict[str, Any] = {"requires": [OPEN], "refines": [FILTERED]}
    assert next_test(**sure, **{"tcp__return-path-broken": special}) == [BROKEN, FILTERED]
    assert next_test(**sure, tcp__x=special) is None  # no answer leads to it
    beside = {"requires": [OPEN], "with": [FILTERED]}
    assert next_test(**sure, **{"tcp__return-path-broken": beside}) is None


def test_a_test_on_the_server_is_done_here_when_that_is_this_machine() -> None:
    known = catalogue(tcp__b={"requires": [OPEN]})
    remote, here = problem(known).next_test, problem(known, connect(), LOCAL).next_test
    assert remote is not None
    assert here is not None
    assert (remote.where, here.where) == ("server", "here")
    assert "tcpdump" in remote.command
    elsewhere = problem(catalogue(tcp__b={"requires": ["vantage.works-elsewhere"]}), connect(), LOCAL).next_test
    assert elsewhere is not None
    assert elsewhere.where == "elsewhere"
    assert elsewhere.command.startswith("nc ")
    asked = catalogue(tcp__b={"requires": ["vantage.works-elsewhere"]})
    from_windows = problem(asked, vantage=Vantage(os="Windows 11")).next_test
    assert from_windows is not None
    assert from_windows.command == elsewhere.command  # the system of another machine is not known


def test_the_command_of_a_test_is_that_of_the_system_it_runs_on() -> None:
    known = catalogue(
        dns__a={"about": "name", "explains": ["name-not-resolved"], "requires": ["dns.cname-loop"]}
    )
    failed = Lookup(outcome=Outcome.TRY_AGAIN, name="h", via="system")
    wire = [
        Lookup(outcome=Outcome.SERVER_FAILURE, rcode="SERVFAIL", name="h", via="wire", resolver="192.0.2.53", qtype=q)
        for q in ("A", "AAAA")
    ]

    def command(system: str) -> tuple[str, str, str]:
        found = problem(known, failed, *wire, stages=("dns", "tcp"), vantage=Vantage(os=system)).next_test
        assert found is not None
        return found.where, found.command.partition(" ")[0], found.shell

    assert command("Linux 6") == ("here", "dig", "sh")
    assert command("Windows 11") == ("here", "nslookup", "powershell")
    assert command("FreeBSD 14") == ("here", "dig", "sh")
    there = problem(catalogue(tcp__b={"requires": [OPEN]}), vantage=Vantage(os="Windows 11")).next_test
    assert there is not None
    assert (there.command.split()[1], there.shell) == ("tcpdump", "sh")  # the system of the server is not known
