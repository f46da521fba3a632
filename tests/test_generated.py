"""Properties of the diagnosis over generated reports: less evidence, another order, two vantage points, every format.

`pytest tests/test_generated.py --hypothesis-profile=long --timeout=0` runs many more examples of each.
"""

from __future__ import annotations

import random
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.commands.output.options import FORMATS
from portdoctor.engine.merge import merge
from portdoctor.engine.verdict import diagnose
from portdoctor.engine.weigh import compete
from portdoctor.model import Diagnosis, Problem, Report
from portdoctor.render import json, junit, markdown, nagios, openmetrics, tap, terminal, ticket

from . import generated
from .test_properties import SHUFFLED, meaning

CATALOGUE = load_catalogue()
chance = st.randoms(use_true_random=False)


def claim(p: Problem) -> tuple[str | None, str]:
    """The cause that a problem asserts, and how certain it is; a scope asserts the cause that it carries."""
    return p.because or p.cause, p.because_certainty or p.certainty


def certain(diagnosis: Diagnosis) -> dict[tuple[str, str], set[str]]:
    """Subject -> the causes that are certain about it."""
    found = defaultdict(set)
    for p in diagnosis.problems:
        cause, certainty = claim(p)
        if cause and CATALOGUE[cause].front.kind == "scope":
            continue  # it says where, not why
        if cause and certainty == "certain":
            for value in p.subject.values or ("",):
                found[p.subject.kind, value].add(cause)
    return found


def contradicts(full: Diagnosis, other: Diagnosis) -> list[str]:
    """The certain causes in `other` that compete with what is certain about the same subject in `full`."""
    one, two = certain(full), certain(other)
    wrong = []
    for subject, causes in two.items():
        known = one.get(subject, set())
        allowed = known | {general for c in known for general in CATALOGUE[c].front.refines}
        allowed |= {c for c in causes if not any(compete(CATALOGUE[c], CATALOGUE[k]) for k in known)}
        wrong += [f"{subject}: {sorted(known)} became {c}" for c in causes - allowed]
    return wrong


@given(generated.reports(), chance)
def test_one_observation_less_makes_no_other_cause_certain(report: Report, dice: random.Random) -> None:
    full = diagnose(report, CATALOGUE)
    left_out = dice.choice(report.observations)
    less = replace(report, observations=tuple(o for o in report.observations if o is not left_out))
    assert not contradicts(full, diagnose(less, CATALOGUE)), f"without {left_out.id}"


@given(generated.reports(), chance)
def test_the_order_of_unlike_observations_changes_nothing(report: Report, dice: random.Random) -> None:
    """Like observations have an order: the later of two is the newer state. Of unlike ones it is an accident."""
    groups = defaultdict(list)
    for o in report.observations:
        groups[type(o).__name__, o.own].append(o)
    turn = [key for key, found in groups.items() for _ in found]
    dice.shuffle(turn)
    mixed = replace(report, observations=tuple(groups[key].pop(0) for key in turn))
    assert meaning(diagnose(mixed, CATALOGUE)) == meaning(diagnose(report, CATALOGUE))


@given(generated.reports())
def test_the_order_of_requirements_changes_nothing(report: Report) -> None:
    assert meaning(diagnose(report, SHUFFLED)) == meaning(diagnose(report, CATALOGUE))


@given(generated.reports())
def test_two_established_rivals_never_happen(report: Report) -> None:
    for p in diagnose(report, CATALOGUE).problems:
        clash = [] if p.cause else [c.cause for c in p.candidates if not c.missing]
        assert len(clash) < 2, f"established rivals: {', '.join(clash)}"


@given(generated.reports())
def test_a_certain_verdict_keeps_no_test_that_could_overturn_it(report: Report) -> None:
    for p in diagnose(report, CATALOGUE).problems:
        if p.certainty != "certain" or (not p.because and p.cause and CATALOGUE[p.cause].front.kind == "scope"):
            continue  # a scope is certain of where it fails; the test is for why
        assert not p.candidates or p.because, f"{p.cause} is certain beside {p.candidates}"
        for answer in p.next_test.if_ if p.next_test else ():
            told, certainty = claim(p)
            general = CATALOGUE[answer.then].front.refines
            assert certainty != "certain" or told in (answer.then, *general), f"{told}, then {answer.then}"


@given(st.data())
def test_a_second_vantage_point_makes_no_other_cause_certain(data: st.DataObject) -> None:
    goal = data.draw(st.sampled_from(generated.SERVERS))
    stages = data.draw(st.sampled_from([s for s in generated.STAGES if "tcp" in s and "dns" not in s]))
    one, two = (data.draw(generated.reports(stages, (goal,))) for _ in range(2))
    both = merge([one, two])
    alone = diagnose(replace(both, others=()), CATALOGUE)
    assert not contradicts(alone, diagnose(both, CATALOGUE))


@given(generated.reports())
def test_every_format_shows_every_report(report: Report) -> None:
    diagnosis = diagnose(report, CATALOGUE)
    assert diagnosis == diagnose(json.load_report(json.render(report, diagnosis)), CATALOGUE)
    for verbose in (False, True):
        assert terminal.render(report, diagnosis, verbose=verbose)
    one_case = {"ticket": ticket, "markdown": markdown}
    batch = {"nagios": nagios, "junit": junit, "openmetrics": openmetrics, "tap": tap}
    assert {*FORMATS} == {*one_case, *batch, "terminal", "json", "jsonl"}
    assert all(r.render(report, diagnosis) for r in one_case.values())
    assert all(r.render([(report, diagnosis)]) for r in batch.values())
