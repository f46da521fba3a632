"""The report as text for a ticket: the first 15 lines can be read alone, then follows all the evidence. Pure."""

from __future__ import annotations

from ..model import Diagnosis, Report
from ..text import clean, sentence, shorter, width, wrapped
from .command import broken
from .content import Content, Item, Section, content
from .lines import encodable

COLUMNS = 78
HEAD_LINES = 15
_LABEL = 14
# (items per label, characters per item) in the head, from most to least; everything is repeated below in full.
_MOST = ((99, 500), (5, 500), (4, 500), (3, 500), (2, 500), (1, 500), (0, 500), (0, 300), (0, 200), (0, 100), (0, 50))


def render(report: Report, diagnosis: Diagnosis, *, names: bool = False, encoding: str = "utf-8") -> str:
    """The ticket. `names`: include the names of this machine and its user."""
    it = content(report, diagnosis, names=names)
    lines = [*_head(it)]
    for section in (*_spilled(it, lines), *it.sections):
        lines += ["", section.title.upper(), *_body(section)]
    lines += ["", *wrapped(it.foot, COLUMNS)]
    return encodable("".join(f"{line.rstrip()}\n" for line in lines), encoding)


def _head(it: Content) -> list[str]:
    for most, length in _MOST:
        lines = wrapped(it.title, COLUMNS)[:1]
        for label, items in it.head:
            lines += _labelled(label, items, most, length)
        if len(lines) <= HEAD_LINES:
            break
    return lines[:HEAD_LINES]


def _labelled(label: str, items: tuple[Item, ...], most: int, length: int) -> list[str]:
    shown = [f"{shorter(item.text, length)} {item.tail}".strip() for item in items[: max(most, 1)]]
    if most == 0 and len(items) > 1:
        shown = [f"{len(items)}, all below: {clean(items[0].tail or items[0].text.partition(':')[0], 50)}, …"]
    elif len(items) > len(shown):
        shown.append(f"({len(items) - len(shown)} more below)")
    lines: list[str] = []
    for text in shown:
        for place, part in enumerate(wrapped(text, COLUMNS - _LABEL - 2)):
            mark = f"{label:<{_LABEL}}" if not lines else " " * _LABEL
            lines.append(f"{mark}{'  ' if place and len(shown) > 1 else ''}{part}")
    return lines


def _spilled(it: Content, head: list[str]) -> list[Section]:
    """Sections for the labels that did not fit into the head, in full."""
    text = " ".join(" ".join(head).split())
    spilled = []
    for label, items in it.head:
        if any(" ".join(item.whole().split()) not in text for item in items):
            spilled.append(Section(label, "list", tuple((item.whole(),) for item in items)))
    return spilled


def _body(section: Section) -> list[str]:
    match section.kind:
        case "list":
            return [line for (text,) in section.rows for line in _hanging(f"- {text}", 2)]
        case "picture":
            return [f"  {text}" for (text,) in section.rows]
        case "table":
            return _table(section)
        case "trials":
            return _trials(section)


def _table(section: Section) -> list[str]:
    rows = [section.columns, *section.rows]
    fixed = [max(width(row[n]) for row in rows) for n in range(len(section.columns) - 2)]
    left = sum(fixed) + 2 * len(fixed) + 2
    lines = []
    for row in rows:
        start = "  " + "".join(f"{cell}{' ' * (size - width(cell))}  " for cell, size in zip(row, fixed, strict=False))
        first, *rest = wrapped(": ".join(row[-2:]), COLUMNS - left - 2) or [""]
        lines += [start + first, *(" " * (left + 2) + text for text in rest)]
    return lines


def _trials(section: Section) -> list[str]:
    lines: list[str] = []
    for trial in section.trials:
        if trial.what:
            lines += _hanging(f"- {sentence(trial.what).removesuffix('.')}", 2)
        lines += [f"    {part}" for part in broken(trial.command, COLUMNS - 4, trial.shell)] if trial.command else []
        label = "expected: " if trial.what else ""
        lines += [each for text in _lines(trial.expect) for each in _hanging(f"{label}{text}", 2, start="    ")]
    return lines


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _hanging(text: str, by: int, start: str = "") -> list[str]:
    first, *rest = wrapped(text, COLUMNS - by - len(start)) or [""]
    return [start + first, *(start + " " * by + each for each in rest)]
