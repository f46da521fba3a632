"""Kleene logic over causes and signs: what is established, open, ruled out. No weights, no percentages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..catalogue.cause import Cause, CauseError, Front, sign_named
from ..model import Report, RuledOut, Subject, Value
from ..signs import Reading
from ..signs.base import responded

State = Literal["established", "open", "unseen", "ruled-out"]


class Weighed(Value, frozen=True, kw_only=True):
    """A cause against the evidence. `decider` is the sign that rules it out, `missing` those that are unknown."""

    cause: Cause
    state: State
    decider: Reading | None = None
    missing: tuple[str, ...] = ()
    present: tuple[Reading, ...] = ()

    def ruled_out(self) -> RuledOut:
        """The line of the ruled-out list."""
        decider = self.decider or Reading(state="unknown")
        return RuledOut(
            cause=self.cause.name, title=self.cause.title, because=decider.says, evidence=decider.evidence
        )


class Reader:
    """Reads signs of one report, each sign of a subject once."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._read: dict[tuple[str, Subject, tuple[str, ...]], Reading] = {}

    def read(self, name: str, subject: Subject, front: Front | None = None) -> Reading:
        """The reading of a sign; "name:parameter" gives the sign its parameter. Raises CauseError for no such sign.

        `front`: the cause that asks, for signs that take the value of one of its keys.
        """
        sign = sign_named(name)
        value: tuple[str, ...] = getattr(front, sign.reads) if sign.reads and front else ()
        if sign.reads and front and not value:
            raise CauseError(f"sign {name!r} reads the key {sign.reads!r}, which is missing")
        key = (name, subject, value)
        if key not in self._read:
            parameter = name.partition(":")[2]
            self._read[key] = sign(self.report, subject, *(argument for argument in (parameter, value) if argument))
        return self._read[key]

    def weigh(self, cause: Cause, subject: Subject) -> Weighed:
        """Established: all required present, all excluded absent. Ruled out: one of them contradicted. Else open.

        Unseen: nothing shows it, attempts that could have shown it were silent or not made, and no probe or person
        would decide. It is not ruled out, and it is no explanation either.
        """
        front = cause.front
        read: list[tuple[str, Reading]] = []
        against: list[Reading] = []
        for names, contrary in ((front.requires, "absent"), (front.excludes, "present")):
            for name in names:
                reading = self.read(name, subject, front)
                read.append((name, reading))
                if reading.state == contrary:
                    against.append(reading)
            if against and self._weakness(min(against, key=self._weakness)) == 0:
                break  # no stronger contradiction is possible, and the other signs need not be loaded
        if against:
            return Weighed(cause=cause, state="ruled-out", decider=min(against, key=self._weakness))
        missing = tuple(name for name, reading in read if reading.state == "unknown")
        required = [reading for _, reading in read[: len(front.requires)]]
        present = tuple(reading for reading in required if reading.state == "present")
        unseen = all(self._unseen(r) for r in required) and not self.any_present(front.supports, subject)
        state: State = "established" if not missing else "unseen" if unseen else "open"
        return Weighed(cause=cause, state=state, missing=missing, present=present)

    def _unseen(self, reading: Reading) -> bool:
        if reading.want or reading.ask:
            return False
        return reading.why == "not-looked" or (reading.why == "no-answer" and is_silence(self.report, reading.evidence))

    def _weakness(self, reading: Reading) -> int:
        """What responded contradicts best, then this machine's own configuration; silence contradicts nothing."""
        return 2 if is_silence(self.report, reading.evidence) else 0 if reading.evidence else 1

    def any_present(self, names: Iterable[str], subject: Subject) -> Reading | None:
        """The first of these signs that is present."""
        readings = (self.read(name, subject) for name in names)
        return next((r for r in readings if r.state == "present"), None)


def is_silence(report: Report, evidence: Iterable[str]) -> bool:
    """Whether there is evidence, and all of it is probes that received no response: that contradicts nothing."""
    ids = set(evidence)
    found = [o for o in report.observations if o.id in ids]
    return bool(found) and not any(responded(o) for o in found)


def hides(one: Cause, other: Cause) -> bool:
    """Whether `other` would be a consequence of `one`: named in its `hides`, by name or as "tcp.*"."""
    if one.name == other.name:
        return False
    return any(
        name == other.name or (name.endswith(".*") and other.name.startswith(name[:-1])) for name in one.front.hides
    )


def special(one: Cause, other: Cause) -> bool:
    """Whether `one` is a special case of `other`."""
    return other.name in one.front.refines


def compete(one: Cause, other: Cause) -> bool:
    """Whether two causes about one subject exclude each other as explanations.

    A cause that would hide another competes with it while it is open: only when it is established is the other
    its consequence (see `leading`).
    """
    if one.name == other.name or special(one, other) or special(other, one):
        return False
    if set(one.front.refines) & set(other.front.refines):
        return True
    return other.name not in one.front.with_ and one.name not in other.front.with_


def leading(established: list[Weighed]) -> list[Weighed]:
    """The established causes that are neither hidden behind nor generalised by another established one."""
    causes = [w.cause for w in established]
    return [
        w for w in established
        if not any(hides(c, w.cause) or special(c, w.cause) for c in causes)
    ]  # fmt: skip
