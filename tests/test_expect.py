"""What `--expect` means, word by word."""

from __future__ import annotations

from typing import Any

from portdoctor.engine.expect import known, met
from portdoctor.engine.verdict import diagnose
from portdoctor.model import Diagnosis, Lookup, Observation, Outcome, Report

from .test_engine import A4, A6, OPEN, catalogue, connect, report, tls

CAUSES = catalogue(tcp__a={}, tcp__b={"requires": [OPEN], "explains": ["connection-refused"]})
OK = connect(outcome=Outcome.OK, took=0.01)


def diagnosis(*seen: Observation, **more: Any) -> tuple[Report, Diagnosis]:
    made = report(*seen, **more)
    return made, diagnose(made, CAUSES)


def test_expect_knows_words_symptoms_causes_and_doubt() -> None:
    silent, refused = diagnosis(connect()), diagnosis(connect(outcome=Outcome.REFUSED, took=0.01))
    works = diagnosis(connect(outcome=Outcome.OK, took=0.01))
    assert [met("open", *case) for case in (works, silent, refused)] == [True, False, False]
    assert [met("refused", *case) for case in (works, silent, refused)] == [False, False, True]
    assert [met("filtered", *case) for case in (works, silent, refused)] == [False, True, False]
    assert [met("timeout", *case) for case in (works, silent)] == [False, True]
    assert [met("tcp.a", *case) for case in (silent, refused)] == [True, False]
    assert met("tcp.b", *refused) is None  # still open
    assert met("tcp.c", *silent) is False
    half = diagnosis(connect(outcome=Outcome.OK, took=0.01), connect(A6))
    assert met("open", *half) is False
    ourselves = diagnosis(connect(outcome=Outcome.OK, took=0.01, self_connected=True))
    assert met("open", *ourselves) is False
    unfinished = diagnosis(connect(outcome=Outcome.OK, took=0.01), stages=("tcp", "tls"))
    assert met("closed", *unfinished) is None
    prohibited = diagnosis(connect(outcome=Outcome.PROHIBITED, took=0.01))
    assert met("filtered", *prohibited) is True
    unreachable = diagnosis(connect(outcome=Outcome.HOST_UNREACHABLE, took=0.01))
    assert met("filtered", *unreachable) is False


def test_words_symptoms_and_causes_are_known() -> None:
    assert [known(word, CAUSES) for word in ("filtered", "timeout", "tcp.a", "tcp.c")] == [True, True, True, False]


def test_open_is_about_the_connections_to_the_target_alone() -> None:
    untrusted = diagnosis(OK, tls(A4, Outcome.UNTRUSTED), stages=("tcp", "tls"))
    assert untrusted[1].verdict.symptom == "tls-failed"
    assert met("open", *untrusted) is True
    control = connect(outcome=Outcome.REFUSED, took=0.01, role="control")
    assert met("open", *diagnosis(OK, control)) is True


def test_open_without_a_connection_is_decided_by_the_name() -> None:
    found = Lookup(outcome=Outcome.OK, name="h", via="system", addresses=(A4,))
    missing = Lookup(outcome=Outcome.NAME_NOT_FOUND, name="h", via="system")
    assert met("open", *diagnosis(found, stages=("dns",))) is True
    assert met("open", *diagnosis(missing, stages=("dns", "tcp"))) is False
    assert met("open", *diagnosis(found, stages=("dns", "tcp"))) is None  # no connection was attempted


def test_filtered_is_the_verdict_and_not_what_another_address_meets() -> None:
    refused, prohibited = connect(outcome=Outcome.REFUSED, took=0.01), connect(A6, Outcome.PROHIBITED, 0.01)
    assert met("filtered", *diagnosis(refused, prohibited)) is False
    control = connect(outcome=Outcome.PROHIBITED, took=0.01, role="control")
    assert met("filtered", *diagnosis(connect(outcome=Outcome.HOST_UNREACHABLE, took=3.1), control)) is False


def test_a_candidate_beside_a_likely_cause_is_not_as_expected() -> None:
    known = catalogue(tcp__a={}, tcp__b={"requires": [OPEN]})
    seen = report(connect())
    likely = diagnose(seen, known)
    assert (likely.verdict.cause, likely.verdict.certainty) == ("tcp.a", "likely")
    assert met("tcp.b", seen, likely) is False
