"""Every scenario is legal, every recording gives the right diagnosis, and every network gives it for real."""

from __future__ import annotations

import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.lab import judge
from portdoctor.lab.ability import Ability
from portdoctor.lab.recording import recorded
from portdoctor.lab.run import run_scenario
from portdoctor.lab.scenario import load_scenario, recording_path, scenario_folder, scenario_names

from .conftest import lab_is_required

NAMES = scenario_names()
RECORDED = [n for n in NAMES if recording_path(n).exists()]


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_legal(name, catalogue):
    scenario = load_scenario(name)
    e = scenario.expect
    named = [*scenario.near_miss_of, *e.ruled_out, *e.candidates, *e.problems]
    named += [c for c in (e.cause, e.because) if c]
    assert not [c for c in named if c not in catalogue]
    assert scenario.about.endswith(".")
    assert judge.ready(scenario).name == name
    if scenario.handmade:
        assert name in RECORDED, "a handmade scenario is its recording"


def test_every_recording_has_a_scenario():
    kept = sorted(f"{p.parent.name}/{p.stem}" for p in scenario_folder().glob("*/*.json"))
    assert not set(kept) - set(NAMES)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_gives_the_right_diagnosis(name, catalogue):
    scenario, report = load_scenario(name), recorded(name)
    assert report is not None
    assert judge.of_diagnosis(scenario, report, diagnose(report, catalogue)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_tells_nothing_of_the_machine_it_was_made_on(name):
    path = recording_path(name)
    text = path.read_text() if path.exists() else ""
    assert not [word for word in ("/root", "/home", "/work", ".venv", "site-packages") if word in text]


@pytest.mark.lab
@pytest.mark.parametrize("name", [n for n in NAMES if not load_scenario(n).handmade])
def test_the_real_network_gives_the_right_diagnosis(name, lab: Ability, record_property):
    if not lab.ok:
        record_property("lab-not-run", name)
        assert not lab_is_required(), f"the lab must run here: {[c for c in lab.checks if not c.ok]}"
        return
    scenario = load_scenario(name)
    assert judge.of_run(scenario, run_scenario(scenario, lab)) == []
