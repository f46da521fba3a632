"""Faults nobody wrote down, run for real: a share of `lab matrix --vary`. Nothing may be certain and wrong."""

from __future__ import annotations

import msgspec
import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.lab import vary
from portdoctor.lab.ability import Ability
from portdoctor.lab.judge import ReportedDiagnosis
from portdoctor.lab.run import run_scenario
from portdoctor.model import Diagnosis

from .conftest import lab_is_required

EVERY = list(vary.variants())
SHARE = EVERY[::17]  # no divisor of the number of hops, settings or families: each of them comes up


def test_the_share_has_every_hop_setting_and_fault() -> None:
    words = " ".join(v.scenario.name for v in SHARE)
    assert all(word in words for word in (*vary.HOPS, *vary.SETTINGS, "IPv4", "IPv6"))
    assert {f.name for f in vary.FAULTS} - {v.scenario.name.split(" at ")[0] for v in SHARE} <= {"nothing listens"}


def test_every_variant_names_causes_that_exist() -> None:
    named = {c for v in EVERY for c in (*v.right, *(cause for cause, _ in v.like)) if c}
    assert named <= set(load_catalogue().names())


@pytest.mark.lab
@pytest.mark.parametrize("variant", SHARE, ids=lambda v: v.scenario.name)
def test_a_fault_that_nobody_wrote_down_is_never_certain_and_wrong(variant, lab: Ability, record_property) -> None:
    if not lab.ok:
        record_property("lab-not-run", variant.scenario.name)
        assert not lab_is_required(), f"the lab must run here: {[c for c in lab.checks if not c.ok]}"
        return
    result = run_scenario(variant.scenario, lab)
    assert result.report, result.failure or result.complaints
    reported = msgspec.json.decode(result.report, type=ReportedDiagnosis)
    judged = vary.judged(variant, Diagnosis(verdict=reported.verdict, problems=reported.problems))
    assert judged.score != "WRONG", judged
