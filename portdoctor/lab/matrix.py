"""The matrix of injected against diagnosed causes: correct, undetermined, or wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from ..model import Diagnosis

Score = Literal["certain", "likely", "open", "other", "WRONG"]
SCORES: tuple[Score, ...] = ("certain", "likely", "open", "other", "WRONG")
HEADS: dict[Score, str] = {
    "certain": "certain", "likely": "likely", "open": "undetermined", "other": "other", "WRONG": "wrong",
}  # fmt: skip
LEGEND = (
    "certain, likely: the verdict is the injected cause. undetermined: the verdict has no cause, or only a remainder. "
    "other: another cause is likely. wrong: another cause is certain."
)


class Case(NamedTuple):
    """One fault and its verdict."""

    name: str  # the scenario, or the variant
    injected: str | None  # None: no fault
    accepted: tuple[str, ...]  # causes that are correct verdicts, including the injected one
    diagnosed: str | None
    certainty: str
    apart: tuple[tuple[str, str], ...] = ()  # (a cause that cannot be distinguished, why)

    @property
    def score(self) -> Score:
        right = self.diagnosed in self.accepted if self.injected else self.diagnosed is None
        if self.certainty == "certain":
            return "certain" if right else "WRONG"
        if self.certainty == "undetermined":
            return "open"
        return "likely" if right else "other"


def case(
    name: str, injected: str | None, diagnosis: Diagnosis,
    accepted: Iterable[str] = (), apart: tuple[tuple[str, str], ...] = (),
) -> Case:  # fmt: skip
    """The case of one diagnosis. The cause behind a scope ("one address fails, because …") counts as the verdict."""
    v = diagnosis.verdict
    because = diagnosis.problems[0].because if diagnosis.problems else None
    right = (*accepted, injected) if injected else tuple(accepted)
    found = because if because and because in right else v.cause
    return Case(name, injected, tuple(r for r in right if r), found, v.certainty, apart)


def table(cases: list[Case]) -> list[list[str]]:
    """The rows of the matrix, header first: a row per injected cause, a column per score."""
    counted: dict[str, Counter[Score]] = {}
    for c in cases:
        counted.setdefault(c.injected or "nothing", Counter())[c.score] += 1
    rows = [["injected", "cases", *(HEADS[s] for s in SCORES)]]
    for injected, scores in sorted(counted.items()):
        rows.append([injected, str(scores.total()), *(str(scores[s] or "·") for s in SCORES)])
    total = Counter(c.score for c in cases)
    rows.append(["all", str(total.total()), *(str(total[s]) for s in SCORES)])
    return rows


def confusions(cases: list[Case]) -> list[str]:
    """Every case with another cause than the injected one."""
    return [
        f"{c.name}: {c.injected or 'nothing'} was diagnosed as {c.diagnosed or 'nothing'}, {c.certainty}"
        for c in cases
        if c.score in ("other", "WRONG")
    ]


def inseparable(cases: list[Case]) -> list[str]:
    """The pairs that cannot be distinguished from one vantage point, and why."""
    return sorted({f"{c.injected} and {other}: {why}" for c in cases for other, why in c.apart})


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


def matrix_page(cases: list[Case], markdown: bool) -> str:
    """The whole page: the table, wrong verdicts, inseparable causes, and the count that must be zero."""
    bullet, gap = ("- ", "\n\n") if markdown else ("  ", "\n")
    rows = table(cases)
    parts = [as_markdown(rows) if markdown else as_text(rows), LEGEND]
    lists = (
        ("Diagnosed as another cause", confusions(cases)),
        ("Not distinguishable from one vantage point", inseparable(cases)),
    )
    parts += [f"{head}:{gap}" + "\n".join(bullet + line for line in found) for head, found in lists if found]
    parts.append(f"Certain and wrong: {sum(c.score == 'WRONG' for c in cases)} of {len(cases)}.")
    return "\n\n".join(parts)
