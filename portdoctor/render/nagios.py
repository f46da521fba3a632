"""One line of a monitoring plugin with its performance data (Monitoring Plugins Development Guidelines). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..text import plural, seconds
from .state import Case, State, duration, names_of, states_of, worst
from .walk import cleaned

WORDS: dict[State, str] = {"ok": "OK", "warning": "WARNING", "failed": "CRITICAL", "unknown": "UNKNOWN"}
EXIT: dict[State, int] = {"ok": 0, "warning": 1, "failed": 2, "unknown": 3}
_MOST_NAMED = 5


Limits = tuple[float | None, float | None]  # seconds in total for a warning, and for a critical state


def render(cases: Sequence[Case], states: Sequence[State] | None = None, limits: Limits = (None, None)) -> str:
    """ "PORTDOCTOR CRITICAL - shop:443 connection-refused (tcp.no-listener) | time=0.036s;;;0 tcp=0.024s" """
    found = states_of(cases, states)
    clean_cases = [cleaned(*case) for case in cases]
    names = names_of(clean_cases)
    named = [_named(name, case, limits) for name, case in zip(names, clean_cases, strict=True)]
    if len(named) == 1:
        said = named[0]
    else:
        bad = [text for text, state in zip(named, found, strict=True) if state != "ok"]
        said = f"{len(bad)} of {plural(len(cases), 'target')} not ok" if bad else f"{plural(len(cases), 'target')} ok"
        said += "".join(f", {text}" for text in bad[:_MOST_NAMED])
        said += f", {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
    data = [
        text for name, case in zip(names, clean_cases, strict=True)
        for text in _data(name if len(cases) > 1 else "", case, limits)
    ]  # fmt: skip
    line = f"PORTDOCTOR {WORDS[worst(found)]} - {said.replace('|', '/')}"
    return f"{line} | {' '.join(data)}\n" if data else f"{line}\n"


def _named(name: str, case: Case, limits: Limits) -> str:
    v, took = case[1].verdict, duration(case[0])
    slow = any(limit is not None and took > limit for limit in limits)
    return f"{name} {v.symptom}" + (f" ({v.cause})" if v.cause else "") + (f", took {seconds(took)}" if slow else "")


def _data(name: str, case: Case, limits: Limits) -> list[str]:
    warning, critical = ("" if limit is None else f"{limit:g}" for limit in limits)
    times = [("time", f"{duration(case[0]):.3f}s;{warning};{critical};0")]
    times += [(s.name, f"{s.took:.3f}s") for s in case[1].stages if s.took is not None]
    if not name:
        return [f"{label}={value}" for label, value in times]
    # A label has no quote and no equals sign; one with a space is in single quotes.
    name = name.replace("'", "_").replace("=", "_").replace("|", "/")
    return [f"'{name} {label}'={value}" for label, value in times]
