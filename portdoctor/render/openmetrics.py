"""OpenMetrics text (version 1.0), for a textfile collector or a scrape. No free text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .phrases import target
from .state import Case, State, duration, states_of
from .walk import cleaned


def render(cases: Sequence[Case], states: Sequence[State] | None = None) -> str:
    """The gauges of every target. A target that occurs twice appears once, with its last result."""
    found = states_of(cases, states)
    by_name = {target(case[0]): (case, state) for case, state in zip(map(_clean, cases), found, strict=True)}
    lines = [
        "# TYPE probe_success gauge",
        "# HELP probe_success Whether the target is as expected.",
        *(
            f"probe_success{_labels(target=name)} {1 if state in ('ok', 'warning') else 0}"
            for name, (_, state) in by_name.items()
        ),
        "# TYPE probe_duration_seconds gauge",
        "# UNIT probe_duration_seconds seconds",
        "# HELP probe_duration_seconds How long the check took.",
        *(f"probe_duration_seconds{_labels(target=n)} {duration(case[0]):.6f}" for n, (case, _) in by_name.items()),
        "# TYPE portdoctor_stage_duration_seconds gauge",
        "# UNIT portdoctor_stage_duration_seconds seconds",
        "# HELP portdoctor_stage_duration_seconds How long a stage took.",
        *(
            f"portdoctor_stage_duration_seconds{_labels(target=name, stage=stage.name)} {stage.took:.6f}"
            for name, (case, _) in by_name.items()
            for stage in case[1].stages
            if stage.took is not None
        ),
        "# TYPE portdoctor_diagnosis info",
        "# HELP portdoctor_diagnosis The verdict on the target.",
        *(
            f"portdoctor_diagnosis_info{_verdict(name, case)} 1"
            for name, (case, _) in by_name.items()
        ),
        "# EOF",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _clean(case: Case) -> Case:
    return cleaned(*case)


def _verdict(name: str, case: Case) -> str:
    v = case[1].verdict
    return _labels(target=name, symptom=v.symptom, cause=v.cause or "", certainty=v.certainty)


def _labels(**labels: str) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items()) + "}"
