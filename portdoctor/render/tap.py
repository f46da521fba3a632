"""Test Anything Protocol, version 14: one point a target, its verdict in the YAML block. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..model import Diagnosis, Report
from .phrases import OWNERS, happened
from .state import Case, State, names_of, states_of, summary
from .walk import cleaned


def render(cases: Sequence[Case], states: Sequence[State] | None = None) -> str:
    """The document. An undetermined target is `not ok`, with its symptom."""
    found = states_of(cases, states)
    lines = ["TAP version 14", f"1..{len(cases)}"]
    shown = [cleaned(*case) for case in cases]
    for number, ((report, diagnosis), name, state) in enumerate(zip(shown, names_of(shown), found, strict=True), 1):
        ok = "ok" if state in ("ok", "warning") else "not ok"
        said = "" if diagnosis.verdict.symptom == "ok" else f" {summary(diagnosis)}"
        lines.append(f"{ok} {number} - {_escaped(name + said)}")
        if diagnosis.verdict.symptom != "ok":
            lines += _block(report, diagnosis)
    return "\n".join(lines) + "\n"


def _block(report: Report, diagnosis: Diagnosis) -> list[str]:
    v = diagnosis.verdict
    fields = {
        "message": happened(report, diagnosis),
        "symptom": v.symptom,
        "cause": v.cause or "",
        "certainty": v.certainty,
        "explanation": v.explanation,
        "owner": v.owner,
        "owner_text": v.owner_text or OWNERS[v.owner],
    }
    # A JSON string is a YAML double-quoted scalar (YAML 1.2 section 1.3).
    quoted = [f"  {name}: {msgspec.json.encode(text).decode()}" for name, text in fields.items()]
    return ["  ---", *quoted, "  ..."]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("#", "\\#")
