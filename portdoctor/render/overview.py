"""Many targets on a terminal: a line for each, what fails alike, and the report of the first of each kind. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ..model import Diagnosis, Report
from ..text import clean, cut, plural, width, wrapped
from . import phrases
from .lines import Line, Span, line
from .state import Case
from .terminal import report_lines, styles
from .walk import cleaned

_TARGET = 28  # columns of the target, where there is room
_MOST_KINDS = 5  # reports shown in full


class Kind(NamedTuple):
    """What makes two failures alike: symptom, chain of causes, what else fits, certainty, and who must act.

    The owner's text names the device, so that two devices that do the same are two kinds.
    """

    symptom: str
    chain: tuple[str, ...]
    candidates: tuple[str, ...]
    certainty: str
    owner: str


def failure_kind(diagnosis: Diagnosis) -> Kind | None:
    """The kind of the verdict; None where the target works."""
    verdict = diagnosis.verdict
    if verdict.symptom == "ok" or not diagnosis.problems:
        return None if verdict.symptom == "ok" else Kind(verdict.symptom, (), (), verdict.certainty, "")
    p = diagnosis.problems[0]
    chain = tuple(link.cause for link in p.chain) or ((p.cause,) if p.cause else ())
    return Kind(p.symptom, chain, tuple(c.cause for c in p.candidates), p.certainty, p.owner_text or p.owner)


def row(report: Report, diagnosis: Diagnosis, columns: int) -> Line:
    """One target in one line: the mark, the target, what is wrong, how sure that is."""
    report, diagnosis = cleaned(report, diagnosis)
    mark, style = styles(diagnosis.verdict.symptom)
    problem = next(iter(diagnosis.problems), None)
    says = phrases.headline(report, problem) if problem else phrases.works(report, diagnosis)
    certainty = problem.certainty if problem else ""
    target = cut(phrases.target(report), max(columns // 2, 20))
    start = f"{mark} {target:<{min(_TARGET, columns // 3)}}  "
    room = columns - width(start) - (width(certainty) + 2 if certainty else 0)
    return line(Span(start, style), f"{cut(says, room):<{room}}" if certainty else cut(says, room), f"  {certainty}")


def totals(firsts: dict[Kind | None, Case], counts: dict[Kind | None, int], columns: int) -> list[Line]:
    """How many targets work, what the others have in common, and the report of the first of each kind.

    `firsts`: the first target of each kind; `counts`: the number of targets of each kind.
    """
    total = sum(counts.values())
    found = [line(), line(Span(f"{counts.get(None, 0)} of {plural(total, 'target')} work", "bold"))]
    failing = sorted((kind for kind in counts if kind is not None), key=lambda kind: -counts[kind])
    for kind in failing:
        _, diagnosis = cleaned(*firsts[kind])
        count = f"{counts[kind]} of {total}" + (" fail alike" if counts[kind] > 1 else "")
        what = phrases.lowered(diagnosis.verdict.title or phrases.TITLES[diagnosis.verdict.symptom])
        owner = f"; owner: {kind.owner}" if kind.owner else ""
        said = f"{count}: {what}{owner}"
        found += [line("  ", text) for text in wrapped(clean(said, 400), columns - 2)]
    for kind in failing[:_MOST_KINDS]:
        found += [line(), *report_lines(*firsts[kind], columns=columns)]
    if len(failing) > _MOST_KINDS:
        found += [line(), line(Span(f"{len(failing) - _MOST_KINDS} more kinds: -v shows every report", "dim"))]
    return found
