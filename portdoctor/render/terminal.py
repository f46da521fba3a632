"""The report for the terminal: what is wrong and how sure that is, the owner, what to do; then the evidence. Pure.

Wrapped to the given columns. Unless verbose, at most 25 lines: what is cut is cut from the evidence. Readable without
colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

from ..model import Candidate, Connect, Diagnosis, Note, Outcome, Problem, Report, Shell, StageLine, Step, Symptom
from ..text import clean, cut, plural, seconds, width, wrapped
from . import phrases
from .command import broken
from .comparison import compared
from .lines import Line, Span, line, plain
from .path import drawn, path_to
from .table import observed
from .walk import cleaned

COLUMNS = 80
MOST_LINES = 25
_LEAST = 16  # columns for the headline beside the target; with less, it begins on the next line
_LABEL = 9  # columns before the second column: an indent of two, the longest label of the verdict, and a gap
_STATUS = {"ok": "green", "failed": "bold red", "slow": "yellow", "skipped": "dim"}
_STYLES: dict[Symptom, str] = {"ok": "bold green", "degraded": "bold yellow", "undetermined": "bold yellow"}
_MARKS: dict[Symptom, str] = {"ok": "✓", "degraded": "!", "undetermined": "?"}


class Room(NamedTuple):
    """How much of the evidence is shown: lines of text, rivals, rows of the comparison, other problems, notes."""

    facts: int
    rivals: int
    rows: int
    also: int
    notes: int
    path: bool = True
    skipped: bool = True


# From most to least: the first that fits is used.
_ROOMS = (
    Room(4, 4, 6, 3, 3), Room(3, 3, 5, 3, 2), Room(3, 3, 4, 2, 1), Room(3, 2, 3, 1, 1),
    Room(3, 2, 3, 1, 1, skipped=False),
    Room(2, 2, 3, 1, 1, skipped=False), Room(2, 2, 3, 1, 1, False, False), Room(3, 2, 0, 1, 1, skipped=False),
    Room(2, 2, 0, 1, 1, skipped=False), Room(2, 1, 0, 1, 1, False, False),
    Room(1, 1, 0, 1, 0, False, False),
)  # fmt: skip
_ALL = Room(99, 99, 99, 99, 99)


def render(
    report: Report, diagnosis: Diagnosis, *, verbose: bool = False, columns: int = COLUMNS, encoding: str = "utf-8"
) -> str:
    """The whole report as plain text."""
    return plain(report_lines(report, diagnosis, verbose=verbose, columns=columns), encoding)


def report_lines(report: Report, diagnosis: Diagnosis, *, verbose: bool = False, columns: int = COLUMNS) -> list[Line]:
    """The whole report: the verdict, then the evidence."""
    report, diagnosis = cleaned(report, diagnosis)
    if verbose:
        return [*_page(report, diagnosis, _ALL, columns, verbose=True), *_record(report, columns)]
    most = MOST_LINES if columns >= COLUMNS else MOST_LINES * COLUMNS // columns
    for room in _ROOMS:
        found = _page(report, diagnosis, room, columns)
        if len(found) <= most:
            break
    return found


def brief(report: Report, diagnosis: Diagnosis) -> str:
    """One line without a line feed: "shop.example.com:8443 connection-refused (tcp.no-listener, likely)"."""
    report, diagnosis = cleaned(report, diagnosis)
    v = diagnosis.verdict
    cause = f" ({v.cause}, {v.certainty})" if v.cause else ""
    return f"{phrases.target(report)} {v.symptom}{cause}"


def styles(symptom: Symptom) -> tuple[str, str]:
    """The mark of a symptom, and the style of its headline."""
    return _MARKS.get(symptom, "✗"), _STYLES.get(symptom, "bold red")


def stage_text(stage: StageLine, columns: int = COLUMNS) -> list[Line]:
    """A finished stage: name, status, time, result. One line, or two for a long summary."""
    said = clean(stage.summary if stage.status != "skipped" else stage.skipped_because or "not reached")
    took = seconds(stage.took) if stage.took is not None else "–"
    start = f"  {stage.name:<6}", Span(f"{stage.status:<8}", _STATUS[stage.status]), f"{took:>8}  "
    left = 26
    style = "dim" if stage.status == "skipped" else ""
    first, *rest = wrapped(said, max(columns - left, 14)) or [""]
    found = [line(*start, Span(first, style))]
    if rest:
        found.append(line(" " * left, Span(cut(" ".join(rest), max(columns - left, 14)), style)))
    return found


def _page(report: Report, diagnosis: Diagnosis, room: Room, columns: int, *, verbose: bool = False) -> list[Line]:
    first = diagnosis.problems[:1]
    problems = [*first, *(p for p in diagnosis.problems[1:] if p.id not in first[0].hidden)]
    found: list[Line] = []
    if report.interrupted:
        found.append(line(Span("Interrupted: the results are incomplete.", "bold yellow")))
    if not problems:
        found += _headline(
            diagnosis.verdict.symptom, phrases.target(report), phrases.works(report, diagnosis), "", columns
        )
    for problem in problems[:1]:
        found += _problem(report, diagnosis, problem, room, columns, verbose=verbose)
    found += [line(), *_stages(diagnosis, room, columns)]
    for problem in problems[:1]:
        found += _evidence(report, problem, room, columns)
    found += _others(report, problems[1:], room, columns, verbose=verbose)
    found += _remarks(report, diagnosis, room, columns)
    return [*found, line(), *_foot(report, diagnosis, problems, columns, verbose=verbose)]


# ---------------------------------------------------------------- the verdict


def _problem(
    report: Report, diagnosis: Diagnosis, p: Problem, room: Room, columns: int, *, verbose: bool
) -> list[Line]:
    found = _headline(p.symptom, phrases.target(report), phrases.headline(report, p), p.certainty, columns)
    found += [line("  ", each) for each in _facts(p, room, columns)]
    found += _rivals(phrases.still_open(diagnosis, p), p, room, columns, verbose=verbose)
    found += _labelled("Owner", [clean(p.owner_text or phrases.OWNERS[p.owner], 200)], columns)
    if p.ask:
        found += _labelled("Ask", [phrases.asked(report, p)], columns)
    return [*found, *_steps(p, columns, verbose=verbose), *_next_test(p, columns, verbose=verbose)]


def _headline(symptom: Symptom, target: str, says: str, certainty: str, columns: int) -> list[Line]:
    """The mark, the target, what is wrong; the certainty in a column of its own at the right."""
    mark, style = styles(symptom)
    room = columns - (width(certainty) + 2 if certainty else 0)
    target, says = clean(target, 120), clean(says, 250)  # a hostile name cannot push the owner off the screen
    first, *more = wrapped(f"{mark} {target}", room)
    if not more and room - width(first) - 2 >= _LEAST:
        start, *rest = wrapped(says, room - width(first) - 2)
        first, more = f"{first}  {start}", rest
    else:
        more.append(says)
    gap = " " * (room - width(first) + 2)
    found = [line(Span(first, style), Span(f"{gap}{certainty}" if certainty else "", "bold"))]
    return [*found, *(line("  ", Span(each, style)) for each in wrapped(" ".join(more), columns - 2))]


def _facts(p: Problem, room: Room, columns: int) -> list[str]:
    """What was observed, without the sentence of the headline: as many whole sentences as there is room for."""
    said = p.explanation.replace(p.headline, "", 1) if p.headline else p.explanation
    sentences = re.split(r"(?<=[.]) +(?=[A-Z0-9])", said.strip())
    lines = wrapped(" ".join(sentences), columns - 2)
    while len(lines) > room.facts and len(sentences) > 1:
        sentences.pop()
        lines = wrapped(" ".join(sentences), columns - 2)
    return lines[: max(room.facts, 2)] if room.facts else []


def _rivals(
    open_: tuple[Candidate, ...], p: Problem, room: Room, columns: int, *, verbose: bool
) -> list[Line]:
    """The causes that the evidence leaves open, most likely first."""
    if not open_:
        return []
    first = "perhaps" if phrases.is_certain(p) else "or" if p.cause else "either"
    names = {c.cause: f" ({c.cause})" if verbose and c.title else "" for c in open_}
    shown = [clean(c.title or c.cause, 150) + names[c.cause] for c in open_[: room.rivals]]
    found: list[Line] = []
    for place, title in enumerate(shown):
        found += _labelled(first if not place else "or", [phrases.lowered(title)], columns, style="", label="")
    left_out = len(open_) - len(shown)
    if left_out:
        found += _labelled("or" if found else first, [f"{plural(left_out, 'other cause')} (-v)"], columns, label="")
    return found


def _steps(p: Problem, columns: int, *, verbose: bool) -> list[Line]:
    """The steps that the user can take, in order. What the owner can do elsewhere is for the ticket, and for -v."""
    shown = p.steps if verbose else phrases.own_steps(p)
    found: list[Line] = []
    for number, step in enumerate(shown, 1):
        prefix = f"{number}. " if len(shown) > 1 else ""
        found += _labelled("" if found else "Do", [prefix + _step(step)], columns, hang=" " * len(prefix))
        if step.command:
            found += _command(step.command, columns, step.shell)
    return found


def _step(step: Step) -> str:
    """The step; where it is done, unless on this machine; and whether it is risky."""
    aside = [
        *([] if step.scope == "this-machine" else [phrases.WHERE[step.scope]]),
        *(["risky"] if step.risk == "high" else []),
    ]
    return f"{step.text.rstrip('.')} ({', '.join(aside)})" if aside else step.text


def _next_test(p: Problem, columns: int, *, verbose: bool) -> list[Line]:
    test = p.next_test
    if test is None:
        return []
    found = _labelled("Check", [f"{phrases.place_of(test)}:"], columns)
    found += _command(test.command, columns, test.shell)
    answers = [f"{a.answer} → {a.then}" if verbose else a.answer for a in test.if_]
    return [*found, *_labelled("", answers, columns, hang="  ")]


def _command(command: str, columns: int, shell: Shell) -> list[Line]:
    indent = _LABEL + 2 if _LABEL + 2 + width(command) <= columns else 2
    return [line(" " * indent, Span(part, "cyan")) for part in broken(command, columns - indent, shell)]


# ---------------------------------------------------------------- the evidence


def _stages(diagnosis: Diagnosis, room: Room, columns: int) -> list[Line]:
    shown = [s for s in diagnosis.stages if room.skipped or s.status != "skipped"]
    return [each for stage in shown for each in stage_text(stage, columns)]


def _evidence(report: Report, problem: Problem, room: Room, columns: int) -> list[Line]:
    """The path to an address that fails, and the comparison with other attempts."""
    concerned = problem.subject.values if problem.subject.kind == "address" else ()
    paths = (path_to(report, a) for a in _failing(report) if a in concerned or not concerned)
    path = next((p for p in paths if p), None) if room.path else None
    rows = compared(report, problem)
    shown = rows[: room.rows]
    if path and len(shown) > 1:
        path = path._replace(says="", beyond="")  # the comparison shows it
    found = [line("  ", each) for each in drawn(path, columns - 2)] if path else []
    label = min(max((width(r.label) for r in shown), default=0), columns // 3)
    for row in shown:
        names, said = wrapped(row.label, label), wrapped(row.result, columns - label - 5)
        found += [line("  ", f"{name:<{label}}", "   ", each) for name, each in zip_longest(names, said, fillvalue="")]
    if shown and len(rows) > len(shown):
        found.append(line("  ", Span(f"({len(rows) - len(shown)} more: -v)", "dim")))
    return [line(), *found] if found else []


def _failing(report: Report) -> list[str]:
    """The addresses to which no connection succeeded: only their paths are shown."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.outcome is not Outcome.OK]
    return list(dict.fromkeys(o.address for o in tried))


def _others(report: Report, others: list[Problem], room: Room, columns: int, *, verbose: bool) -> list[Line]:
    """The second problem with its own headline and owner; further ones a line each."""
    found: list[Line] = []
    for place, p in enumerate(others[: room.also] if not verbose else others):
        head = _headline(p.symptom, phrases.place(report, p), phrases.headline(report, p), p.certainty, columns)
        if place and not verbose:
            found += head[:1]
            continue
        found += [line(), *head, *_labelled("Owner", [clean(p.owner_text or phrases.OWNERS[p.owner], 200)], columns)]
        if p.ask and room.notes:
            found += _labelled("Ask", [phrases.asked(report, p)], columns)
    left_out = 0 if verbose else len(others) - room.also
    if left_out > 0:
        found.append(line("  ", Span(f"({plural(left_out, 'more problem')}: -v)", "dim")))
    return found


def _remarks(report: Report, diagnosis: Diagnosis, room: Room, columns: int) -> list[Line]:
    found: list[Line] = []
    if diagnosis.unexplained:
        seen = {o.id: o for o in phrases.everything(report)}
        listed = [clean(": ".join(observed(seen[i])), 300) for i in diagnosis.unexplained if i in seen]
        found += _labelled("Unexplained", _shortened(listed, max(room.notes, 1)), columns)
    notes = [n for n in dict.fromkeys((*report.notes, *diagnosis.notes)) if _worth(n) or room is _ALL]
    if notes and room.notes:
        found += _labelled("Note", _shortened([clean(n.text, 300) for n in notes], room.notes), columns)
    return [line(), *found] if found else []


def _worth(note: Note) -> bool:
    """Skipped stages are listed with the stages, and probes that were not possible with the observations (-v)."""
    return note.kind != "not-evaluated"


def _foot(report: Report, diagnosis: Diagnosis, problems: list[Problem], columns: int, *, verbose: bool) -> list[Line]:
    """The cause by name, what is ruled out, and what more there is; then when and where the check was made."""
    parts: list[str] = []
    more: list[str] = []
    found: list[Line] = []
    for p in problems[:1]:
        parts += [phrases.named(p)] if p.cause else []
        if verbose:
            found += _labelled("Ruled out", [f"{r.cause}: {r.because}" for r in p.ruled_out], columns)
        elif p.ruled_out:
            more.append(plural(len(p.ruled_out), "cause") + " ruled out")
        theirs = 0 if verbose else len(p.steps) - len(phrases.own_steps(p))
        more += [f"{plural(theirs, 'step')} for the owner"] if theirs else []
    parts += [f"{', '.join(more)}: -v"] if more else []
    checked = f"checked {phrases.when_and_where(report)}".strip()
    for text in (" · ".join(parts), checked, *(f"also from {each}" for each in phrases.also_asked(report))):
        found += [line("  ", Span(each, "dim")) for each in wrapped(text, columns - 2)]
    return found


def _record(report: Report, columns: int) -> list[Line]:
    """The part that only -v shows: every observation, and what this user cannot observe."""
    found = [line(), line(Span("Observations", "bold"))]
    for o in sorted(phrases.everything(report), key=lambda o: o.began):
        what, result = observed(o)
        texts = wrapped(f"{o.began:6.2f} s  {what}: {result}", columns - 17)
        found += [line(f"  {o.id:<4} {text}" if not n else f"{'':<17}{text}") for n, text in enumerate(texts)]
    if report.vantage.limits:
        found += _labelled("Not visible", list(report.vantage.limits), columns)
    return found


# ---------------------------------------------------------------- layout


def _shortened(items: list[str], most: int) -> list[str]:
    return items if len(items) <= most else [*items[:most], f"({len(items) - most} more: -v)"]


def _labelled(
    name: str, items: Iterable[str], columns: int, *, style: str = "", hang: str = "", label: str = "bold"
) -> list[Line]:
    """The items in the second column, the name beside the first. Each of several has a hanging indent."""
    listed = list(items)
    hang = hang or ("  " if len(listed) > 1 else "")
    start = max(_LABEL, len(name) + 4)
    found: list[Line] = []
    for item in listed:
        for place, text in enumerate(wrapped(item, columns - start - len(hang))):
            mark = Span(" " * start) if found else Span(f"{'  ' + name:<{start}}", label)
            found.append(line(mark, Span(hang + text if place else text, style)))
    return found
