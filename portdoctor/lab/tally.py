"""Gathers the cases of the matrix: from recordings, real runs, or variants of every fault."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec

from ..catalogue import folders as catalogue
from ..engine.verdict import diagnose
from ..model import Diagnosis, Report
from .ability import Ability
from .judge import ReportedDiagnosis
from .matrix import Case, case
from .recording import recorded
from .result import ScenarioRun
from .run import run_scenario
from .scenario import Scenario
from .vary import Variant, judged, variants

Tally = tuple[list[Case], list[str]]  # the cases, and the scenarios that could not be counted, with the reason


def of_recordings(scenarios: list[Scenario]) -> Tally:
    """Diagnose every recording again with the current causes."""
    known = catalogue.load_catalogue()
    reports: list[tuple[Scenario, Report]] = []
    left_out = []
    for scenario in scenarios:
        report = recorded(scenario.name)
        if report is None:
            left_out.append(f"{scenario.name} has no recording")
        else:
            reports.append((scenario, report))
    return [_case(s, diagnose(r, known)) for s, r in reports], left_out


def of_runs(scenarios: list[Scenario], ability: Ability, jobs: int) -> Tally:
    """Run every scenario."""
    real = [s for s in scenarios if not s.handmade]
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda s: run_scenario(s, ability), real))
    cases = [_case(s, _diagnosis(o)) for s, o in zip(real, results, strict=True) if o.report]
    return cases, [f"{s.name}: {_failure(o)}" for s, o in zip(real, results, strict=True) if not o.report]


def of_variants(ability: Ability, jobs: int) -> Tally:
    """Run every variant."""

    def one(variant: Variant) -> ScenarioRun:
        return run_scenario(variant.scenario, ability)

    every = list(variants())
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(one, every))
    cases = [judged(v, _diagnosis(o)) for v, o in zip(every, results, strict=True) if o.report]
    return cases, [f"{v.scenario.name}: {_failure(o)}" for v, o in zip(every, results, strict=True) if not o.report]


def _diagnosis(result: ScenarioRun) -> Diagnosis:
    reported = msgspec.json.decode(result.report, type=ReportedDiagnosis)
    return Diagnosis(verdict=reported.verdict, problems=reported.problems)


def _failure(result: ScenarioRun) -> str:
    return result.failure or f"no report, exit {result.exit}"


def _case(scenario: Scenario, diagnosis: Diagnosis) -> Case:
    accepted = tuple(c for c in (scenario.expect.cause,) if c and not scenario.injected)
    return case(scenario.name, scenario.truth, diagnosis, accepted, tuple(scenario.inseparable.items()))
