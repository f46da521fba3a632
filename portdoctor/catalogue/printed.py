"""Collects the phrases that programs print, from the causes and data/*.toml, with their meanings.

A phrase is compiled only when its longest word is in the text.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from ..model import Stage, Symptom
from ..text import phrase_pattern
from .cause import Catalogue, Cause
from .symptoms import SymptomText, symptoms

_DATA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data")


class Phrase:
    """One phrase. `literal`: its longest word outside blanks, in lower case; `length`: characters outside blanks."""

    def __init__(self, text: str) -> None:
        parts = re.split(r"\{[^{}]*\}", text.strip())
        self.text = text
        self.literal = max((word for part in parts for word in part.lower().split() or [""]), key=len)
        self.length = sum(map(len, parts))

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        return phrase_pattern(self.text)


class Printed(NamedTuple):
    """A phrase and the symptoms that it can mean, the most likely first."""

    phrase: Phrase
    symptoms: tuple[Symptom, ...]
    stage: Stage
    causes: tuple[str, ...]  # names of the causes that list it


class Coded(NamedTuple):
    """A phrase with a number, and the meaning of each number."""

    phrase: Phrase
    meanings: dict[str, Printed]


class Program(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One program of data/programs.toml, which explains the fields."""

    name: str
    marks: tuple[str, ...]
    source: str
    shapes: tuple[str, ...] = ()
    service: str = ""


class Phrases(NamedTuple):
    """All phrases. `marks` identify a program; each is paired with it. `programs`: what is no error and no target."""

    printed: tuple[Printed, ...]
    coded: tuple[Coded, ...]
    shapes: tuple[Phrase, ...]
    marks: tuple[tuple[Phrase, Program], ...]
    programs: Programs

    def within(self, text: str) -> Phrases:
        """Return those whose longest word is in the text: the others cannot match any line of it."""
        low = text.lower()
        every = [p.phrase for p in self.printed] + [c.phrase for c in self.coded]
        every += [*self.shapes, *(mark for mark, _ in self.marks)]
        present = {literal for literal in {phrase.literal for phrase in every} if literal in low}
        return Phrases(
            tuple(p for p in self.printed if p.phrase.literal in present),
            tuple(c for c in self.coded if c.phrase.literal in present),
            tuple(s for s in self.shapes if s.literal in present),
            tuple(m for m in self.marks if m[0].literal in present),
            self.programs,
        )


class Programs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """data/programs.toml, which explains the fields."""

    not_begin: tuple[str, ...]
    not_contain: tuple[str, ...]
    not_targets: tuple[str, ...]
    program: tuple[Program, ...]


class CodeTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of data/codes.toml, which explains the fields."""

    name: str
    source: str
    forms: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]


class _CodeTables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    table: tuple[CodeTable, ...]


def programs() -> Programs:
    """Return data/programs.toml."""
    with open(os.path.join(_DATA, "programs.toml"), "rb") as file:
        return msgspec.toml.decode(file.read(), type=Programs)


def code_tables() -> tuple[CodeTable, ...]:
    """Return the tables of data/codes.toml."""
    with open(os.path.join(_DATA, "codes.toml"), "rb") as file:
        return msgspec.toml.decode(file.read(), type=_CodeTables).table


def load_phrases(catalogue: Catalogue) -> Phrases:
    """Return all phrases of these causes, of the symptoms and of the programs."""
    known = programs()
    printed = tuple(_printed(symptoms(), catalogue.printing()))
    return Phrases(
        printed=printed,
        coded=tuple(_coded(code_tables(), {p.phrase.text: p for p in printed})),
        shapes=tuple(Phrase(shape) for program in known.program for shape in program.shapes),
        marks=tuple((Phrase(mark), program) for program in known.program for mark in program.marks),
        programs=known,
    )


def _coded(tables: Iterable[CodeTable], printed: dict[str, Printed]) -> Iterator[Coded]:
    """Yield the forms of each table. A phrase that no cause of this catalogue prints has no numbers."""
    for table in tables:
        meanings = {
            number.lower(): printed[phrase]
            for phrase, numbers in table.codes.items()
            if phrase in printed
            for number in numbers
        }
        yield from (Coded(Phrase(form), meanings) for form in table.forms)


def _printed(texts: dict[Symptom, SymptomText], causes: Iterable[Cause]) -> list[Printed]:
    """Return the meaning of each phrase: the symptoms that list it, else what its causes explain first."""
    by_symptom: dict[str, list[Symptom]] = {}
    by_cause: dict[str, list[Cause]] = {}
    for symptom, text in texts.items():
        for phrase in text.prints:
            by_symptom.setdefault(phrase, []).append(symptom)
    for cause in causes:
        for phrase in cause.front.prints:
            by_cause.setdefault(phrase, []).append(cause)
    found = []
    for phrase in dict.fromkeys([*by_symptom, *by_cause]):
        named = by_cause.get(phrase, [])
        meant = by_symptom.get(phrase) or _explained(named)
        stage = _stage(texts[meant[0]].stage or "tcp", [] if phrase in by_symptom else named)
        found.append(Printed(Phrase(phrase), tuple(meant), stage, tuple(cause.name for cause in named)))
    return found


def _explained(causes: list[Cause]) -> list[Symptom]:
    """Return the first symptom of each cause, except "degraded": a client that prints an error has failed."""
    first = [next((s for s in c.front.explains if s != "degraded"), None) for c in causes]
    return [*dict.fromkeys(s for s in first if s)] or ["degraded"]


def _stage(usual: Stage, causes: list[Cause]) -> Stage:
    """Return the stage at which the symptom usually occurs, unless the cause cannot occur there."""
    at = causes[0].at if causes else ()
    if not at or usual in at:
        return usual
    return next((stage for stage in at if stage == causes[0].phase), at[-1])
