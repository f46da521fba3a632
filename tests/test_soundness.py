"""Less evidence must never make a verdict wrong: every recording again without what only Linux or root can see.

This is also the test of macOS and Windows on Linux: no error queue, no trace, no tables of other users.
"""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.lab import scenario
from portdoctor.model import (
    Can,
    Connect,
    Datagram,
    Diagnosis,
    Listeners,
    Lookup,
    Neighbour,
    Note,
    Observation,
    Report,
    Trace,
    Want,
)
from portdoctor.outcomes import of_errno
from portdoctor.render import json

CATALOGUE = load_catalogue()
RECORDED = [name for name in scenario.scenario_names() if scenario.recording_path(name).exists()]

# Where no ICMP error is shown, only the silence of some attempts is left of a rule that rejects the others.
HIDDEN = {"tcp/rejected-late": ("tcp.port-filtered",)}


def blinded(report: Report) -> Report:
    """The same report from a system that has no error queue, no trace, and shows nobody else's sockets."""
    seen = tuple(o for o in map(_blind, report.observations) if o is not None)
    notes = tuple(n for n in report.notes if not _about_a_trace(n))
    can = Can(error_queue=False, ttl_trace=False, listener_table="none", neighbour_table=False)
    return replace(report, vantage=replace(report.vantage, can=can), observations=seen, notes=notes)


def _blind(o: Observation) -> Observation | None:
    match o:
        case Trace() | Neighbour():
            return None
        case Listeners():
            return replace(o, complete=False, bound_shown=False, rows=())
        case Connect() | Datagram() | Lookup() if o.icmp is not None:
            number = o.errno.number if o.errno else 0
            return replace(o, icmp=None, outcome=of_errno(number, connecting=isinstance(o, Connect)))
        case _:
            return o


def _about_a_trace(note: Note) -> bool:
    return note.probe is not None and note.probe in (Want(probe="trace", args=note.probe.args),)


def recorded(name: str) -> tuple[Report, Diagnosis]:
    report = json.load_report(scenario.recording_path(name).read_bytes())
    return report, diagnose(report, CATALOGUE)


def allowed(name: str) -> set[str]:
    """The causes that are true of a scenario: its own, what it carries, and what they are special cases of.

    And those that may be called likely: what cannot be told apart even with all evidence, or without what is hidden.
    """
    kept = scenario.load_scenario(name)
    expect = kept.expect
    true = {c for c in (expect.cause, expect.because, *expect.chain, *expect.problems) if c}
    true |= {*kept.inseparable, *HIDDEN.get(name, ())}
    return true | {general for c in true for general in CATALOGUE[c].front.refines}


def test_there_are_recordings() -> None:
    assert len(RECORDED) > 50


@pytest.mark.parametrize("name", RECORDED)
def test_less_evidence_is_never_wrong(name: str) -> None:
    report, full = recorded(name)
    less = diagnose(blinded(report), CATALOGUE)
    for problem in less.problems:
        if problem.cause is None or problem.certainty == "undetermined":
            continue
        assert problem.cause in allowed(name), f"{problem.cause} ({problem.certainty}) on less evidence"
        if problem.certainty == "certain":
            named = [p for p in full.problems if p.cause]
            links = {id(p): {link.cause for link in p.chain} for p in named}  # a scope without its root stays true
            same = [
                p for p in named
                if problem.cause in {p.cause, *links[id(p)], *CATALOGUE[p.cause or ""].front.refines}
            ]
            assert same, f"certain of {problem.cause} only when less is seen"
            # A general cause may be certain where its special case is only likely.
            general = problem.cause in CATALOGUE[same[0].cause or ""].front.refines
            assert same[0].certainty == "certain" or general


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("system", ["macOS 15.1", "Windows 11"])
def test_nothing_is_certain_where_it_was_not_run(name: str, system: str) -> None:
    report, _ = recorded(name)
    elsewhere = replace(blinded(report), vantage=replace(blinded(report).vantage, os=system))
    for problem in diagnose(elsewhere, CATALOGUE).problems:
        if problem.cause and CATALOGUE[problem.cause].front.kind == "cause":
            verified = CATALOGUE[problem.cause].front.systems
            assert problem.certainty != "certain" or system.partition(" ")[0].lower() in verified


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_survives_its_own_format(name: str) -> None:
    report, full = recorded(name)
    again = json.load_report(json.render(report, full))
    assert diagnose(again, CATALOGUE) == full
    assert msgspec.json.decode(json.render(again, full))["verdict"]["symptom"] == full.verdict.symptom
