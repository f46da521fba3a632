"""Several reports of one case, seen from several places, as one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from ..model import Connect, Note, Outcome, Report, Route

APART = 300.0  # seconds: what was seen further apart may have changed in between


class MergeError(ValueError):
    """Reports that are not about one case; the message says why."""


def merge(reports: Sequence[Report]) -> Report:
    """One report with the others inside it. The main one is the first that fails and was not made on the target.

    The others' observations get a letter before their ids ("b.o3"). Raises MergeError for different targets.
    """
    if len(reports) < 2:
        raise MergeError("Merging takes two reports or more: name both files.")
    ports = {(r.target.transport, r.target.port) for r in reports}
    if len(ports) > 1:
        listed = ", ".join(f"{r.target.host}:{r.target.port}" for r in reports)
        raise MergeError(f"The reports are about different ports: {listed}.")
    if not set.intersection(*({*_addresses(r)} for r in reports)):
        raise MergeError("The reports share no address that was tried: record both with the same target.")
    main = min(reports, key=lambda r: (_at_target(r), not _fails(r)))
    rest = [r for r in reports if r is not main]
    others = tuple(_lettered(r, chr(ord("b") + place % 25)) for place, r in enumerate(rest))
    notes = [*main.notes]
    for other in rest:
        gap = _gap(main, other)
        if gap is None or gap > APART:
            when = "at an unknown time" if gap is None else f"{gap / 60:.0f} minutes apart"
            text = f"The reports were made {when}: what they say may no longer belong together."
            notes.append(Note(kind="state-changed", text=text))
    return replace(main, others=others, notes=tuple(notes))


def _addresses(report: Report) -> list[str]:
    return [o.address for o in report.of(Connect) if o.role == "target"]


def _at_target(report: Report) -> bool:
    tried = set(_addresses(report))
    return any(o.type == "local" and o.address in tried for o in report.of(Route))


def _fails(report: Report) -> bool:
    return any(o.role == "target" and o.outcome is not Outcome.OK for o in report.of(Connect))


def _gap(one: Report, other: Report) -> float | None:
    try:
        times = [datetime.fromisoformat(r.vantage.started.replace("Z", "+00:00")) for r in (one, other)]
        return abs((times[0] - times[1]).total_seconds())
    except (ValueError, TypeError):
        return None


def _lettered(report: Report, letter: str) -> Report:
    seen = tuple(replace(o, id=f"{letter}.{o.id}") for o in report.observations)
    return replace(report, observations=seen, others=())
