"""The page of each symptom, read from data/symptoms.toml."""

from __future__ import annotations

import os

import msgspec

from ..model import Symptom, Value

_FILE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "symptoms.toml")


class SymptomText(Value, frozen=True, kw_only=True):
    """What is said of a symptom: `seen` are the words of other programs for it."""

    title: str
    seen: str
    text: str


def symptoms() -> dict[Symptom, SymptomText]:
    """Return the text of each symptom, in the order of the taxonomy."""
    with open(_FILE, "rb") as file:
        return msgspec.toml.decode(file.read(), type=dict[Symptom, SymptomText])
