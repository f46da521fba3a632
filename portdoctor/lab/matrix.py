"""Injected cause against diagnosed cause: how often it is right, how often undecided, and never certain and wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from ..model import Diagnosis

Score = Literal["certain", "likely", "open", "other", "WRONG"]
SCORES: tuple[Score, ...] = ("certain", "likely", "open", "other", "WRONG")
MEANING: dict[Score, str] = {
    "certain": "right, and certain",
    "likely": "right, and likely",
    "open": "undecided",
    "other": "likely something else",
    "WRONG": "certain, and wrong",
}


class Case(NamedTuple):
    """One fault and what came of it."""

    name: str  # the scenario, or the variant
    injected: str | None  # None: nothing was broken
    accepted: tuple[str, ...]  # causes that are right answers, the injected one among them
    diagnosed: str | None
    certainty: str
    why: str = ""  # why the evidence cannot tell them apart

    @property
    def score(self) -> Score:
        right = self.diagnosed in self.accepted if self.injected else self.diagnosed is None
        if self.certainty == "certain":
            return "certain" if right else "WRONG"
        if self.certainty == "undetermined" and not (right and self.diagnosed):
            return "open"
        return "likely" if right else "other"


def case(name: str, injected: str | None, diagnosis: Diagnosis, accepted: Iterable[str] = (), why: str = "") -> Case:
    """The case of one diagnosis. The cause behind a scope ("one address fails, because …") counts as named."""
    v = diagnosis.verdict
    because = diagnosis.problems[0].because if diagnosis.problems else None
    right = (*accepted, injected) if injected else tuple(accepted)
    found = because if because and because in right else v.cause
    return Case(name, injected, tuple(r for r in right if r), found, v.certainty, why)


def table(cases: list[Case]) -> list[list[str]]:
    """The rows of the matrix, header first: a row per injected cause, a column per score."""
    counted: dict[str, Counter[Score]] = {}
    for c in cases:
        counted.setdefault(c.injected or "nothing", Counter())[c.score] += 1
    rows = [["injected", "cases", *(MEANING[s] for s in SCORES)]]
    for injected, scores in sorted(counted.items()):
        rows.append([injected, str(scores.total()), *(str(scores[s] or "·") for s in SCORES)])
    total = Counter(c.score for c in cases)
    rows.append(["all", str(total.total()), *(str(total[s]) for s in SCORES)])
    return rows


def confusions(cases: list[Case]) -> list[str]:
    """Every case in which another cause was named, with the reason the scenario gives."""
    told = []
    for c in cases:
        if c.score in ("other", "WRONG"):
            reason = f": {c.why}" if c.why else ""
            told.append(f"{c.name}: {c.injected or 'nothing'} was diagnosed as {c.diagnosed}, {c.certainty}{reason}")
    return told


def as_text(rows: list[list[str]]) -> str:
    """The table for a terminal: numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(rest, widths[1:], strict=True))]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def as_markdown(rows: list[list[str]]) -> str:
    """The table for a README."""
    head, *body = rows
    ruler = ["---", *("--:" for _ in head[1:])]
    cells = [[f"`{row[0]}`" if "." in row[0] else row[0], *row[1:]] for row in body]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *cells))


def shown(cases: list[Case], markdown: bool) -> str:
    """The whole page: the table, what was taken for something else, and the figure that must be zero."""
    rows, mixed = table(cases), confusions(cases)
    parts = [as_markdown(rows) if markdown else as_text(rows)]
    if mixed:
        bullet = "- " if markdown else "  "
        parts.append("Taken for something else:\n" + "\n".join(bullet + m for m in mixed))
    parts.append(f"Certain and wrong: {sum(c.score == 'WRONG' for c in cases)} of {len(cases)}.")
    return "\n\n".join(parts)
