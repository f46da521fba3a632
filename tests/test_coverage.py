"""Every cause is reproduced, and loses somewhere that looks like it. Read from scenarios and their recordings."""

from __future__ import annotations

from functools import cache

import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.lab import scenario
from portdoctor.model import Diagnosis
from portdoctor.render import json

CATALOGUE = load_catalogue()
# What Linux without hardware cannot show; each has a recording made by hand, marked so, or says why not.
ANSWERS = {name: scenario.load_scenario(name).expect for name in scenario.scenario_names()}


@cache
def replayed(name: str) -> Diagnosis:
    return diagnose(json.load_report(scenario.recording_path(name).read_bytes()), CATALOGUE)


def answered_by(cause: str) -> list[str]:
    return [n for n, e in ANSWERS.items() if cause in (e.cause, e.because, *e.chain, *e.problems)]


@pytest.mark.parametrize("cause", CATALOGUE.names())
def test_a_scenario_has_it_as_its_answer(cause: str) -> None:
    assert answered_by(cause), f"no scenario is diagnosed as {cause}"


@pytest.mark.parametrize("cause", CATALOGUE.names())
def test_it_loses_where_another_cause_is_the_answer(cause: str) -> None:
    own = answered_by(cause)
    for name in ANSWERS:
        if name in own or not scenario.recording_path(name).exists():
            continue
        told = replayed(name)
        ruled_out = {r.cause for p in told.problems for r in p.ruled_out}
        open_still = {c.cause for p in told.problems for c in p.candidates}
        if cause in ruled_out or (cause in open_still and told.verdict.cause):
            return
        if cause in scenario.load_scenario(name).near_miss_of:
            return  # gated: its first sign is not there, so it is not even weighed
    pytest.fail(f"{cause} is not ruled out by any other scenario")


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_every_scenario_has_its_recording(name: str) -> None:
    assert scenario.recording_path(name).exists(), f"run: portdoctor lab record {name}"
