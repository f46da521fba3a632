"""OpenMetrics text (version 1.0), which Prometheus and the textfile collector read as well. No free text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ..model import Handshake, HttpReply, Lookup, Report
from .state import Case, State, duration, names_of, states_of
from .walk import cleaned

# Names and meanings follow blackbox_exporter.
_OF_REPORT: tuple[tuple[str, str, Callable[[Report], float | None]], ...] = (
    ("probe_duration_seconds", "How long the check took.", lambda r: duration(r)),
    ("probe_dns_lookup_time_seconds", "How long the name lookup took.", lambda r: _lookup_time(r)),
    ("probe_http_status_code", "The status of the HTTP response.", lambda r: _status(r)),
    ("probe_ssl_earliest_cert_expiry", "When the first certificate of the chain expires, in Unix time.",
     lambda r: _expiry(r)),
)  # fmt: skip


def render(cases: Sequence[Case], states: Sequence[State] | None = None) -> str:
    """The gauges of every target. The verdict is a gauge too: Prometheus's text format has no info metric."""
    found = states_of(cases, states)
    clean = [cleaned(*case) for case in cases]
    named = list(zip(names_of(clean), clean, strict=True))
    success = [
        f"{_labels(target=name)} {1 if state in ('ok', 'warning') else 0}"
        for (name, _), state in zip(named, found, strict=True)
    ]
    lines = _family("probe_success", "Whether the target is as expected.", success)
    for metric, says, read in _OF_REPORT:
        values = ((name, read(report)) for name, (report, _) in named)
        lines += _family(metric, says, [f"{_labels(target=n)} {_number(v)}" for n, v in values if v is not None])
    stages = [
        f"{_labels(target=name, stage=stage.name)} {_number(stage.took)}"
        for name, (_, diagnosis) in named for stage in diagnosis.stages if stage.took is not None
    ]  # fmt: skip
    lines += _family("portdoctor_stage_duration_seconds", "How long a stage took.", stages)
    verdicts = [f"{_verdict(name, case)} 1" for name, case in named]
    lines += _family("portdoctor_diagnosis_info", "The verdict on the target.", verdicts)
    return "\n".join([*lines, "# EOF"]) + "\n"


def _family(name: str, says: str, samples: Iterable[str]) -> list[str]:
    unit = [f"# UNIT {name} seconds"] if name.endswith("_seconds") else []
    found = [f"{name}{sample}" for sample in samples]
    return [f"# TYPE {name} gauge", *unit, f"# HELP {name} {says}", *found] if found else []


def _lookup_time(report: Report) -> float | None:
    return next((o.took for o in report.of(Lookup) if o.own), None)


def _status(report: Report) -> int | None:
    found = [o.status for o in report.of(HttpReply) if o.role == "target" and o.status is not None]
    return found[-1] if found else None


def _expiry(report: Report) -> float | None:
    ends = [c.not_after for o in report.of(Handshake) if o.role == "target" for c in o.chain if c.not_after]
    try:
        return min((datetime.fromisoformat(end).timestamp() for end in ends), default=None)
    except (ValueError, OverflowError):  # a report made by hand
        return None


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _verdict(name: str, case: Case) -> str:
    v = case[1].verdict
    return _labels(target=name, symptom=v.symptom, cause=v.cause or "", certainty=v.certainty)


def _labels(**labels: str) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items()) + "}"
