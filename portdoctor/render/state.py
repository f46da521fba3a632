"""The state of a finished check in one word, for monitoring and test formats. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from ..model import Diagnosis, Report
from .phrases import target

State = Literal["ok", "warning", "failed", "unknown"]
Case = tuple[Report, Diagnosis]
# The state of a batch is the first of these that occurs in it.
ORDER: tuple[State, ...] = ("failed", "unknown", "warning", "ok")


def health_of(diagnosis: Diagnosis, *, strict: bool = False) -> State:
    """The state that a health check reports for a verdict. `strict`: degraded is a failure."""
    match diagnosis.verdict.symptom:
        case "ok":
            return "ok"
        case "degraded":
            return "failed" if strict else "warning"
        case "undetermined":
            return "unknown"
        case _:
            return "failed"


def states_of(cases: Sequence[Case], states: Sequence[State] | None) -> list[State]:
    """The given states (from `--expect` or `--strict`), or else those of the verdicts."""
    return list(states) if states is not None else [health_of(diagnosis) for _, diagnosis in cases]


def worst(states: Sequence[State]) -> State:
    """The worst state of a batch; unknown for an empty one."""
    return next((s for s in ORDER if s in states), "unknown")


def names_of(cases: Sequence[Case]) -> list[str]:
    """A name for each target that no other has: two URLs of one host differ by scheme, or by a number."""
    names = [target(report) for report, _ in cases]
    alike = Counter(names)
    typed = (report.target.input for report, _ in cases)
    names = [text if alike[name] > 1 else name for name, text in zip(names, typed, strict=True)]
    given = set(names)
    unique: list[str] = []
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        number, text = seen[name], name
        while number > 1 and text in (name, *given, *unique):
            text, number = f"{name} ({number})", number + 1
        unique.append(text)
    return unique


def duration(report: Report) -> float:
    """Seconds from the start of the check to the end of the last probe."""
    return max((o.began + o.took for o in report.observations), default=0.0)


def summary(diagnosis: Diagnosis) -> str:
    """ "connection-refused (tcp.no-listener, likely)" """
    v = diagnosis.verdict
    return f"{v.symptom} ({v.cause}, {v.certainty})" if v.cause else v.symptom
