"""Compares a diagnosis with the one that a scenario expects. Pure."""

from __future__ import annotations

import msgspec

from ..model import Connect, Datagram, Diagnosis, Ending, Lookup, Problem, Report, Trace, Verdict
from .layout import LAB, Layout
from .result import ScenarioRun
from .scenario import Expect, Scenario, fill_blanks


class ReportedDiagnosis(msgspec.Struct, frozen=True):
    """The part of a report that is compared."""

    verdict: Verdict
    problems: tuple[Problem, ...] = ()


def ready(scenario: Scenario) -> Scenario:
    """The scenario with its blanks filled, as it runs."""
    layout = Layout(scenario)
    own = {"dir": LAB, "pki": f"{LAB}/pki", "python": "python3"}
    return fill_blanks(scenario, lambda name, which: layout.words(name, which) if which else own[name])


def of_run(scenario: Scenario, result: ScenarioRun) -> list[str]:
    """The differences between a real run and the expected result, a sentence each."""
    if result.failure:
        return [result.failure]
    expect = ready(scenario).expect
    if not result.report:
        return [f"no report; exit {result.exit}: {(result.complaints or result.text).strip()[-600:]}"]
    reported = msgspec.json.decode(result.report, type=ReportedDiagnosis)
    report = msgspec.json.decode(result.report, type=Report)
    wrong = of_diagnosis(scenario, report, Diagnosis(verdict=reported.verdict, problems=reported.problems))
    if result.exit != expect.exit_code:
        wrong.append(f"exit code {result.exit}, expected {expect.exit_code}")
    flat = " ".join(result.text.split())
    wrong += [f"the text does not contain {s!r}" for s in expect.says if " ".join(s.split()) not in flat]
    if expect.within is not None and (took := result.took - result.queued) > expect.within:
        wrong.append(f"took {took:.1f} s without the wait for a processor, expected at most {expect.within:.1f} s")
    if "Traceback" in result.complaints:
        wrong.append(f"internal error: {result.complaints.strip()[-600:]}")
    return wrong


def of_diagnosis(scenario: Scenario, report: Report, diagnosis: Diagnosis) -> list[str]:
    """The differences between a diagnosis and the expected one, a sentence each."""
    expect = ready(scenario).expect
    v = diagnosis.verdict
    wrong = [
        f"{what} {found or 'none'}, expected {right or 'none'}"
        for what, found, right in (
            ("symptom", v.symptom, expect.symptom),
            ("cause", v.cause, expect.cause),
            ("certainty", v.certainty, expect.certainty),
        )
        if found != right
    ]
    first = diagnosis.problems[0] if diagnosis.problems else Problem(id="", symptom="ok")
    wrong += _of_first(expect, report, first)
    named = [p.cause for p in diagnosis.problems]
    wrong += [f"no problem has the cause {c}" for c in expect.problems if c not in named]
    wrong += [f"the verdict is {c}, of which this is a near miss" for c in scenario.near_miss_of if v.cause == c]
    return wrong


def _of_first(expect: Expect, report: Report, first: Problem) -> list[str]:
    wrong = []
    if expect.because is not None and first.because != expect.because:
        wrong.append(f"because {first.because or 'nothing'}, expected {expect.because}")
    chain = tuple(link.cause for link in first.chain)
    if expect.chain and chain != expect.chain:
        wrong.append(f"chain {' → '.join(chain) or 'none'}, expected {' → '.join(expect.chain)}")
    if expect.origin is not None and first.origin != expect.origin:
        wrong.append(f"origin {first.origin}, expected {expect.origin}")
    if expect.owner is not None and first.owner != expect.owner:
        wrong.append(f"owner {first.owner}, expected {expect.owner}")
    out = {r.cause for r in first.ruled_out}
    wrong += [f"{c} is not ruled out" for c in expect.ruled_out if c not in out]
    still = {c.cause for c in first.candidates}
    wrong += [f"{c} is not among the candidates" for c in expect.candidates if c not in still]
    evidence = [o for o in report.observations if o.id in first.evidence]
    offenders = {a for o in evidence for a in _offenders(o)}
    if expect.offender is not None and expect.offender not in offenders:
        wrong.append(f"offender {', '.join(sorted(offenders)) or 'none'}, expected {expect.offender}")
    said = " ".join((first.title, first.explanation, *first.signs))
    if expect.hop is not None and expect.hop not in said:
        wrong.append(f"the place {expect.hop} is not in the text: {said}")
    return wrong


def _offenders(o: Ending) -> list[str]:
    found = [o.icmp.offender] if o.icmp and isinstance(o, Connect | Datagram | Lookup | Trace) else []
    if isinstance(o, Trace):
        found += [h.icmp.offender for h in o.hops if h.icmp]
    return found
