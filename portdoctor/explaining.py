"""`explain`: finds what a name or a pasted text means, in the catalogue, among the symptoms and the known errors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches

import msgspec

from .catalogue import HERE
from .cause import Catalogue, Cause
from .model import Symptom
from .render import explain
from .render.explain import SymptomText
from .render.lines import Line, plain
from .text import clean

_SYMPTOMS = os.path.join(os.path.dirname(__file__), "data", "symptoms.toml")


def symptoms() -> dict[Symptom, SymptomText]:
    """What is said of each symptom, in the order of the taxonomy."""
    with open(_SYMPTOMS, "rb") as file:
        return msgspec.toml.decode(file.read(), type=dict[Symptom, SymptomText])


def explain_text(asked: str, catalogue: Catalogue) -> str:
    """The page of a cause or symptom, or the reading of an error line or log.

    For what is neither, one sentence that begins with "Nothing here is called" and names what is near.
    """
    name = asked.strip().lower()
    if name in catalogue:
        cause = catalogue[name]
        return plain(explain.cause_page(cause, "" if cause.path.startswith(HERE) else cause.path))
    said = symptoms()
    for symptom, text in said.items():
        if name == symptom:
            return plain(explain.symptom_page(symptom, text, catalogue.explaining(symptom)))
    known = _recognised(asked, said, catalogue)
    if known:
        return plain(known)
    named = [c for c in catalogue if any(name in (term.lower(), *term.lower().split()) for term in c.front.terms)]
    if len(named) == 1:
        return plain(explain.cause_page(named[0]))
    if named:
        return plain(explain.named_so(clean(asked, 80), named))
    return _unknown(asked, [*catalogue.names(), *said])


def listing(catalogue: Catalogue) -> str:
    """All symptoms and causes, a line each; those of a site name their file."""
    return plain(explain.listing(symptoms(), list(catalogue), HERE))


def _recognised(asked: str, said: dict[Symptom, SymptomText], catalogue: Catalogue) -> list[Line]:
    from .errors import recognise

    lines: list[Line] = []
    for place, found in enumerate(recognise(asked)):
        causes = _at(catalogue.explaining(found.symptom), found.stage, found.hints)
        lines += [*([()] if place else []), *explain.recognised(found, said, causes)]
    return lines


def _at(causes: Sequence[Cause], stage: str, hints: Sequence[str]) -> list[Cause]:
    """The causes of that stage, or that the words themselves name; all when none is of that stage."""
    near = [c for c in causes if stage in c.at or c.name in hints] or list(causes)
    return sorted(near, key=lambda c: c.phase != stage)


def _unknown(asked: str, names: list[str]) -> str:
    shown = clean(asked.strip().partition("\n")[0], 60)
    near = get_close_matches(asked.strip().lower(), names, n=3, cutoff=0.55)
    if not near:
        last = [n for n in names if n.partition(".")[2] and asked.strip().lower() in n]
        near = last[:3]
    if near:
        return f"Nothing here is called {shown!r}. Near: {', '.join(near)}."
    return f"Nothing here is called {shown!r}, and no known error is in it. `explain --list` shows all names."
