"""JUnit XML, one test case a target, for continuous integration. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from .phrases import happened
from .state import Case, State, duration, names_of, states_of, summary
from .ticket import render as ticket
from .walk import cleaned

_MOST_TEXT = 20_000  # characters of a ticket in a failure: the first lines are enough in a build log


def render(cases: Sequence[Case], states: Sequence[State] | None = None) -> str:
    """A document with one suite: failed targets are failures, undetermined ones errors, degraded ones have output."""
    found = states_of(cases, states)
    total = f"{sum(duration(report) for report, _ in cases):.3f}"
    counts = {
        "tests": str(len(cases)), "failures": str(found.count("failed")), "errors": str(found.count("unknown")),
        "skipped": "0", "time": total,
    }  # fmt: skip
    root = ElementTree.Element("testsuites", {"name": "portdoctor", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "portdoctor", **counts, **_started(cases)})
    shown = [cleaned(*case) for case in cases]
    for case, name, state in zip(shown, names_of(shown), found, strict=True):
        suite.append(_case(case, name, state))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _started(cases: Sequence[Case]) -> dict[str, str]:
    first = cleaned(*cases[0])[0].vantage.started if cases else ""
    return {"timestamp": first.removesuffix("Z").partition(".")[0]} if first else {}


def _case(case: Case, name: str, state: State) -> ElementTree.Element:
    report, diagnosis = case
    took = f"{duration(report):.3f}"
    element = ElementTree.Element("testcase", {"name": name, "classname": "portdoctor.check", "time": took})
    if state in ("failed", "unknown"):
        kind = "failure" if state == "failed" else "error"
        message = f"{happened(report, diagnosis)} {summary(diagnosis)}"
        trouble = ElementTree.SubElement(element, kind, {"message": message, "type": diagnosis.verdict.symptom})
        trouble.text = ticket(report, diagnosis)[:_MOST_TEXT]
    elif diagnosis.verdict.symptom != "ok":
        ElementTree.SubElement(element, "system-out").text = ticket(report, diagnosis)[:_MOST_TEXT]
    return element
