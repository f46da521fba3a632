"""Properties of the diagnosis over every recording: less evidence, another order, and two vantage points."""

from __future__ import annotations

import random
from functools import cache

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.cause import Catalogue
from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.merge import merge
from portdoctor.engine.verdict import diagnose
from portdoctor.lab import scenario
from portdoctor.model import Connect, Diagnosis, Problem, Report
from portdoctor.render import json
from portdoctor.signs.base import responded

CATALOGUE = load_catalogue()
RECORDED = [name for name in scenario.scenario_names() if scenario.recording_path(name).exists()]


@cache
def recorded(name: str) -> tuple[Report, Diagnosis]:
    report = json.load_report(scenario.recording_path(name).read_bytes())
    return report, diagnose(report, CATALOGUE)


def true_of(name: str) -> set[str]:
    """The causes that are true of a scenario: what is expected, links of its chains, and their general forms."""
    kept, (_, full) = scenario.load_scenario(name), recorded(name)
    expect = kept.expect
    true = {c for c in (expect.cause, expect.because, *expect.chain, *expect.problems) if c}
    true |= {link.cause for p in full.problems for link in p.chain}
    return true | {general for c in true for general in CATALOGUE[c].front.refines}


@pytest.mark.parametrize("name", RECORDED)
def test_one_observation_less_makes_no_other_cause_certain(name: str) -> None:
    report, _ = recorded(name)
    true = true_of(name)
    for left_out in report.observations:
        less = replace(report, observations=tuple(o for o in report.observations if o is not left_out))
        found = diagnose(less, CATALOGUE)
        assert not unearned(found), f"without {left_out.id}: {unearned(found)}"
        for problem in found.problems:
            claimed = problem.because or problem.cause  # a scope counts which addresses fail; its cause is the claim
            certainty = problem.because_certainty or problem.certainty
            if claimed is not None and certainty == "certain":
                assert claimed in true, f"without {left_out.id}: {claimed}, certain"


def meaning(diagnosis: Diagnosis) -> list[tuple[object, ...]]:
    """What a diagnosis says, without the order and the wording of its evidence."""

    def of(p: Problem) -> tuple[object, ...]:
        return (
            p.symptom, p.cause, p.certainty, p.owner, p.subject, {c.cause for c in p.candidates},
            {r.cause for r in p.ruled_out},
        )  # fmt: skip

    return [of(p) for p in diagnosis.problems]


@pytest.mark.parametrize("name", RECORDED)
def test_the_order_of_requirements_changes_nothing(name: str) -> None:
    report, full = recorded(name)
    assert meaning(diagnose(report, SHUFFLED)) == meaning(full)


def shuffled(catalogue: Catalogue) -> Catalogue:
    """The same causes with every list of signs and causes in another order."""
    chance = random.Random(1)
    texts = {}
    for cause in catalogue:
        front = cause.front
        lists = {
            key: tuple(chance.sample(value, len(value)))
            for key in ("requires", "excludes", "supports", "proof", "hides", "refines", "with_")
            for value in (getattr(front, key),)
        }
        texts[cause.name] = replace(cause, front=replace(front, **lists))
    return Shuffled(texts)


class Shuffled(Catalogue):
    """A catalogue of causes that are parsed already."""

    def __init__(self, causes: dict[str, object]) -> None:
        super().__init__(dict.fromkeys(causes, ("", "")))
        self._parsed = causes  # type: ignore[assignment]
        self._causes = causes

    def explaining(self, symptom):  # type: ignore[no-untyped-def]
        return [self._causes[name] for name in sorted(self._causes) if symptom in self._causes[name].front.explains]


SHUFFLED = shuffled(CATALOGUE)


def unearned(diagnosis: Diagnosis) -> list[str]:
    """What a diagnosis must not say, of every problem, a sentence each.

    Two rivals that the same evidence establishes; a certain cause beside a rival, or with a test that could overturn
    it. Of a scope, where it fails is certain by counting; the claim is why.
    """
    wrong = []
    for problem in diagnosis.problems:
        scope = problem.cause is not None and CATALOGUE[problem.cause].front.kind == "scope"
        told = problem.because if scope else problem.cause
        certainty = problem.because_certainty if scope else problem.certainty
        established = [c.cause for c in problem.candidates if not c.missing]
        if established:  # an established candidate is a rival of another one, or of the cause
            wrong.append(f"established rivals of {told}: {', '.join(established)}")
        if certainty == "certain" and problem.candidates:
            wrong.append(f"{problem.cause} is certain beside {', '.join(c.cause for c in problem.candidates)}")
        if certainty != "certain" or problem.next_test is None:
            continue
        for answer in problem.next_test.if_:
            if told not in (answer.then, *CATALOGUE[answer.then].front.refines):
                wrong.append(f"{told} is certain, and a test leads to {answer.then}")
    return wrong


@pytest.mark.parametrize("name", RECORDED)
def test_certain_is_earned(name: str) -> None:
    """With all evidence, without each kind of observation, and where nothing but the user's own attempts were made."""
    report, full = recorded(name)
    assert not unearned(full)
    for kind in {type(o) for o in report.observations}:
        less = replace(report, observations=tuple(o for o in report.observations if type(o) is not kind))
        assert not unearned(diagnose(less, CATALOGUE)), f"without {kind.__name__}"
    own = replace(report, observations=tuple(o for o in report.observations if o.own and o.stage is not None))
    assert not unearned(diagnose(own, CATALOGUE)), "with the user's own attempts only"


@pytest.mark.parametrize("name", RECORDED)
def test_silence_rules_nothing_out(name: str) -> None:
    """A cause is ruled out by something that responded or by this machine's own tables, never by silence alone."""
    report, full = recorded(name)
    seen = {o.id: o for o in report.observations}
    for problem in full.problems:
        for line in problem.ruled_out:
            evidence = [seen[i] for i in line.evidence if i in seen]
            probed = any(o.stage is None or not o.own for o in evidence)  # else a fact of this machine's configuration
            assert not probed or any(map(responded, evidence)), f"{line.cause} ruled out: {line.because}"


@pytest.mark.parametrize("name", RECORDED)
def test_a_second_vantage_point_makes_nothing_wrong(name: str) -> None:
    """Another place that saw the same, or only a part of it, adds no certain cause that is not true."""
    report, _ = recorded(name)
    if not any(isinstance(o, Connect) and o.own for o in report.observations):
        return  # merging needs an address that both tried
    true = true_of(name)
    for part in (report.observations, tuple(o for o in report.observations if o.stage is not None)):
        both = merge([report, replace(report, observations=part)])
        for problem in diagnose(both, CATALOGUE).problems:
            claimed, certainty = problem.because or problem.cause, problem.because_certainty or problem.certainty
            assert claimed is None or certainty != "certain" or claimed in true, f"{claimed}, certain"
