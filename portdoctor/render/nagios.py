"""One line of a monitoring plugin with its performance data (Monitoring Plugins Development Guidelines). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..text import plural
from .phrases import target
from .state import Case, State, states_of, worst
from .walk import cleaned

WORDS: dict[State, str] = {"ok": "OK", "warning": "WARNING", "failed": "CRITICAL", "unknown": "UNKNOWN"}
EXIT: dict[State, int] = {"ok": 0, "warning": 1, "failed": 2, "unknown": 3}
_MOST_NAMED = 5


def render(cases: Sequence[Case], states: Sequence[State] | None = None) -> str:
    """ "PORTDOCTOR CRITICAL - shop.example.com:443 connection-refused (tcp.no-listener) | dns=0.012s tcp=0.003s" """
    found = states_of(cases, states)
    clean_cases = [cleaned(*case) for case in cases]
    if len(clean_cases) == 1:
        said = _named(clean_cases[0])
    else:
        bad = [case for case, state in zip(clean_cases, found, strict=True) if state != "ok"]
        said = f"{len(bad)} of {plural(len(cases), 'target')} not ok" if bad else f"{plural(len(cases), 'target')} ok"
        said += "".join(f", {_named(case)}" for case in bad[:_MOST_NAMED])
        said += f", {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
    data = [text for case in clean_cases for text in _data(case, several=len(cases) > 1)]
    line = f"PORTDOCTOR {WORDS[worst(found)]} - {said.replace('|', '/')}"
    return f"{line} | {' '.join(data)}\n" if data else f"{line}\n"


def _named(case: Case) -> str:
    report, diagnosis = case
    v = diagnosis.verdict
    return f"{target(report)} {v.symptom}" + (f" ({v.cause})" if v.cause else "")


def _data(case: Case, *, several: bool) -> list[str]:
    report, diagnosis = case
    ran = [s for s in diagnosis.stages if s.took is not None]
    if not several:
        return [f"{s.name}={s.took:.3f}s" for s in ran]
    # A label has no quote and no equals sign; one with a space is in single quotes.
    name = target(report).replace("'", "_").replace("=", "_").replace("|", "/")
    return [f"'{name} {s.name}'={s.took:.3f}s" for s in ran]
