"""Reads the page of each symptom from data/symptoms.toml."""

from __future__ import annotations

import os

import msgspec

from ..model import Stage, Symptom, Value

_FILE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "symptoms.toml")


class SymptomText(Value, frozen=True, kw_only=True):
    """The text of a symptom. `seen`: examples of what other programs report for it.

    `prints`: phrases, with blanks in braces, that programs print for it whatever the cause is. `stage`: where it
    usually occurs, None where no error text means it.
    """

    title: str
    seen: str
    stage: Stage | None = None
    prints: tuple[str, ...] = ()
    text: str


def symptoms() -> dict[Symptom, SymptomText]:
    """Return the text of each symptom, in the order of the taxonomy."""
    with open(_FILE, "rb") as file:
        return msgspec.toml.decode(file.read(), type=dict[Symptom, SymptomText])
