"""What a sign is and what it returns. A sign does no I/O and reads no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from ..model import Answer, Ending, Outcome, Report, Subject, Trace, Value, Want, Why


class Ask(Value, frozen=True, kw_only=True):
    """A test that only a person can run. `commands`: system ("linux", "macos", "windows") -> command."""

    where: Literal["server", "here", "elsewhere", "network"]
    commands: dict[str, str]
    answers: tuple[Answer, ...]


class Reading(Value, frozen=True, kw_only=True):
    """The result of reading a sign: its state, the fact in one sentence, and the ids of the observations that prove it.

    `want`: the probe that would settle an unknown; `ask`: the test that a person could run.
    """

    state: Literal["present", "absent", "unknown"]
    says: str = ""
    evidence: tuple[str, ...] = ()
    why: Why | None = None
    want: Want | None = None
    ask: Ask | None = None


class Sign:
    """A reading with a name: ``refused_by_rst`` in ``tcp.py`` is "tcp.refused-by-rst".

    `title`: the text that is shown for it, true when the sign is present. `parameter`: what follows the colon of the
    name, in words; "" if nothing does. `values`: the allowed parameters with their titles; empty if any is allowed.
    `reads`: the key of the front matter whose value is the sign's argument; "" if it takes none.
    """

    def __init__(
        self, function: Callable[..., Reading], title: str, *,
        parameter: str = "", values: Mapping[str, str] | None = None,
        check: Callable[[str], object] | None = None, reads: str = "",
    ) -> None:  # fmt: skip
        file = function.__module__.rpartition(".")[2]
        self.name = f"{file}.{function.__name__.replace('_', '-')}"
        self.title = title
        self.parameter = parameter
        self.values = dict(values or {})
        self.reads = reads
        self._function = function
        self._check = check
        self.__doc__ = function.__doc__

    def __call__(self, report: Report, subject: Subject, *argument: Any) -> Reading:
        """Read the sign. `argument`: the parameter, or the value of the key that the sign reads."""
        return self._function(report, subject, *argument)

    def title_of(self, parameter: str = "") -> str:
        """Return the title with the parameter filled in: "the HTTP status is 502 or 503"."""
        return self.values.get(parameter) or self.title.replace("{parameter}", parameter.replace("+", " or "))

    def fault(self, parameter: str) -> str:
        """Return the error in a parameter, or "" if the sign accepts it. A sign without parameters accepts only ""."""
        if not self.parameter:
            return f"the sign {self.name} takes no parameter" if parameter else ""
        if not parameter:
            example = f", such as {self.name}:{next(iter(self.values))}" if self.values else ""
            return f"the sign {self.name} needs a parameter after a colon: {self.parameter}{example}"
        if self.values and parameter not in self.values:
            return f"{parameter!r} is not {self.parameter}; {self.name} takes {', '.join(self.values)}"
        try:
            if self._check:
                self._check(parameter)
        except ValueError as error:
            return f"{parameter!r} is not {self.parameter}: {error}"
        return ""


def sign(
    title: str, *, parameter: str = "", values: Mapping[str, str] | None = None,
    check: Callable[[str], object] | None = None, reads: str = "",
) -> Callable[[Callable[..., Reading]], Sign]:  # fmt: skip
    """Make a function ``(report, subject[, argument]) -> Reading`` a `Sign`.

    `check` raises ValueError for a parameter that the sign cannot read.
    """

    def made(function: Callable[..., Reading]) -> Sign:
        return Sign(function, title, parameter=parameter, values=values, check=check, reads=reads)

    return made


def present(says: str, *evidence: Ending) -> Reading:
    """Return present: a witness was observed."""
    if any(o.outcome is Outcome.STARVED for o in evidence):
        return _starved(evidence)
    return Reading(state="present", says=says, evidence=tuple(o.id for o in evidence))


def absent(says: str, *evidence: Ending) -> Reading:
    """Return absent: a contrary witness, or a complete observation without a witness."""
    if any(o.outcome is Outcome.STARVED for o in evidence):
        return _starved(evidence)
    return Reading(state="absent", says=says, evidence=tuple(o.id for o in evidence))


def _starved(evidence: tuple[Ending, ...]) -> Reading:
    """Return unknown: the evidence is incomplete, because this process did not run for a part of the wait."""
    return unknown("out-of-budget", *evidence, says="This process did not run for a part of the time that it waited.")


def unknown(why: Why, *evidence: Ending, says: str = "", ask: Ask | None = None) -> Reading:
    """Return unknown: neither was observed, and no probe would settle it."""
    return Reading(state="unknown", says=says, why=why, ask=ask, evidence=tuple(o.id for o in evidence))


def responded(o: Ending) -> bool:
    """Return whether an observation is more than silence: data was received, or the attempt ended before its limit."""
    if isinstance(o, Trace):
        return any(h.outcome is not Outcome.TIMEOUT for h in o.hops)
    return o.outcome not in (Outcome.TIMEOUT, Outcome.STARVED) or bool(getattr(o, "received", 0))


def no_response(*seen: Ending | None, says: str = "No response was received.") -> Reading | None:
    """Return unknown if there is nothing but silence: it contradicts no statement about a response. None otherwise."""
    found = [o for o in seen if o is not None]
    if any(responded(o) for o in found):
        return None
    return unknown("no-answer", *found, says=says) if found else unknown("not-looked")


def unsettled(
    report: Report, want: Want, *evidence: Ending, probed: bool = False, says: str = "", ask: Ask | None = None
) -> Reading:
    """Return unknown, with the final reason if the probe that would settle it was run or forbidden.

    `probed`: the probe ran, and its observation did not settle the sign. Otherwise a note in the report may give the
    reason why it did not run; without such a note, the probe is still wanted.
    """
    ids = tuple(o.id for o in evidence)
    for note in report.notes:
        if note.probe == want and note.reason is not None:
            return Reading(state="unknown", says=says or note.text, why=note.reason, ask=ask, evidence=ids)
    if probed:
        return Reading(state="unknown", says=says, why="no-answer", ask=ask, evidence=ids)
    return Reading(state="unknown", says=says, why="not-looked", want=want, ask=ask, evidence=ids)
