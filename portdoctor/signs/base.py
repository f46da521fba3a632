"""What a sign returns, and how to say it. Law: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from ..model import Answer, Ending, Report, Subject, Value, Want, Why


class Ask(Value, frozen=True, kw_only=True):
    """A test that only a person can run. `commands`: system ("linux", "macos", "windows") -> command."""

    where: Literal["server", "here", "elsewhere", "network"]
    commands: dict[str, str]
    answers: tuple[Answer, ...]


class Reading(Value, frozen=True, kw_only=True):
    """A sign read: its state, the fact in one sentence, and the observations that prove it.

    `want` names the probe that would settle an unknown; `ask` the test that a person could run.
    """

    state: Literal["present", "absent", "unknown"]
    says: str = ""
    evidence: tuple[str, ...] = ()
    why: Why | None = None
    want: Want | None = None
    ask: Ask | None = None


Sign = Callable[[Report, Subject], Reading]
ParamSign = Callable[[Report, Subject, str], Reading]
SIGNS: dict[str, Callable[..., Reading]] = {}
S = TypeVar("S", Sign, ParamSign)


def sign(function: S) -> S:
    """Register a sign under its function's name with dashes: ``answered_by_rst`` is "answered-by-rst"."""
    name = function.__name__.replace("_", "-")
    if name in SIGNS:
        raise ValueError(f"two signs are called {name}")
    SIGNS[name] = function
    return function


def present(says: str, *evidence: Ending) -> Reading:
    """A witness was seen."""
    return Reading(state="present", says=says, evidence=tuple(o.id for o in evidence))


def absent(says: str, *evidence: Ending) -> Reading:
    """A contrary witness, or a complete look without a witness."""
    return Reading(state="absent", says=says, evidence=tuple(o.id for o in evidence))


def unknown(why: Why, *evidence: Ending, says: str = "", ask: Ask | None = None) -> Reading:
    """Neither was seen, and no probe of ours would settle it."""
    return Reading(state="unknown", says=says, why=why, ask=ask, evidence=tuple(o.id for o in evidence))


def unsettled(
    report: Report, want: Want, *evidence: Ending, looked: bool = False, says: str = "", ask: Ask | None = None
) -> Reading:
    """Unknown, with the final reason if the probe that would settle it was tried or forbidden.

    `looked`: the probe has an observation that did not settle the sign. Otherwise a note of the
    report may say why it never ran; failing that, it is still worth running.
    """
    ids = tuple(o.id for o in evidence)
    for note in report.notes:
        if note.probe == want and note.reason is not None:
            return Reading(state="unknown", says=says or note.text, why=note.reason, ask=ask, evidence=ids)
    if looked:
        return Reading(state="unknown", says=says, why="no-answer", ask=ask, evidence=ids)
    return Reading(state="unknown", says=says, why="not-looked", want=want, ask=ask, evidence=ids)
