"""The report for the terminal: symptom, cause, what is ruled out, owner, steps, the next test. Pure.

At most 80 columns and, unless verbose, 25 lines: lists are shortened first. Readable without colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..model import (
    Candidate,
    Connect,
    Diagnosis,
    Note,
    Options,
    Outcome,
    Problem,
    Report,
    StageLine,
    Symptom,
    Target,
    Trace,
    Vantage,
)
from ..text import clean, cut, plural, seconds, sentence, shorter, width, words, wrapped
from . import phrases
from .command import broken
from .lines import Line, Span, line, plain
from .path import drawn, path_to
from .table import observed
from .walk import cleaned

COLUMNS = 80
MOST_LINES = 25
_LABEL = 15  # columns: the longest label, "Also possible", and a gap of two
_STATUS = {"ok": "green", "failed": "bold red", "slow": "yellow", "skipped": "dim"}
_WORSE: dict[Symptom, str] = {"ok": "bold green", "degraded": "bold yellow", "undetermined": "bold yellow"}


class Room(NamedTuple):
    """How many items of each list are shown, and the length of each. Items left out are counted."""

    steps: int
    ruled_out: int
    candidates: int
    also: int
    notes: int
    text: int = 500
    commands: bool = True


# From most to least text: the first that fits is used.
_ROOMS = (
    Room(4, 4, 5, 3, 3), Room(3, 3, 4, 3, 2), Room(3, 2, 3, 2, 2), Room(2, 2, 3, 2, 1), Room(2, 1, 2, 1, 1),
    Room(1, 1, 2, 1, 1), Room(1, 1, 1, 1, 0), Room(1, 0, 1, 0, 0), Room(1, 0, 0, 0, 0),
    *(Room(1, 0, 0, 0, 0, text, commands=False) for text in (500, 400, 300, 250, 200, 150, 100)),
    Room(0, 0, 0, 0, 0, 60, commands=False),
)  # fmt: skip
_ALL = Room(99, 99, 99, 99, 99)


def render(report: Report, diagnosis: Diagnosis, *, verbose: bool = False, encoding: str = "utf-8") -> str:
    """The whole report as plain text."""
    return plain(report_lines(report, diagnosis, verbose=verbose), encoding)


def report_lines(report: Report, diagnosis: Diagnosis, *, verbose: bool = False, columns: int = COLUMNS) -> list[Line]:
    """The whole report: heading, stages, then the verdict."""
    report, diagnosis = cleaned(report, diagnosis)
    head = [*heading(report, columns), *(each for s in diagnosis.stages for each in stage_text(s, columns))]
    return [*head, *verdict(report, diagnosis, verbose=verbose, columns=columns, taken=len(head))]


def brief(report: Report, diagnosis: Diagnosis) -> str:
    """One line without a line feed: "shop.example.com:8443 connection-refused (tcp.no-listener, likely)"."""
    report, diagnosis = cleaned(report, diagnosis)
    v = diagnosis.verdict
    cause = f" ({v.cause}, {v.certainty})" if v.cause else ""
    return f"{phrases.target(report)} {v.symptom}{cause}"


def heading(report: Report, columns: int = COLUMNS) -> list[Line]:
    """The first line (two for a long name), and one more for each other vantage point of a merged report."""
    elsewhere = [line(Span(cut(f"  also from {clean(each)}", columns), "dim")) for each in phrases.also_asked(report)]
    return [*_heading(phrases.target(report), phrases.when_and_where(report), columns), *elsewhere]


def opening(target: Target, options: Options, vantage: Vantage, columns: int = COLUMNS) -> list[Line]:
    """The heading before the first observation, and the limit of what may be probed beside the target's own port."""
    head = _heading(phrases.written(target), phrases.asked_by(target, vantage), columns)
    if not options.controls or "tcp" not in target.stages:
        return head
    return [*head, line(Span("  limit: up to 8 other ports of the same host as controls (--no-controls: none)", "dim"))]


def _heading(target: str, asked: str, columns: int) -> list[Line]:
    target, asked = clean(target), clean(f"checked {asked}" if asked else "")
    if width(target) + 3 + width(asked) <= columns:
        return [line(Span(target, "bold"), Span(f"   {asked}", "dim") if asked else "")]
    below = [line(Span(f"  {each}", "dim")) for each in wrapped(clean(asked, 150), columns - 2)]
    return [line(Span(cut(target, columns), "bold")), *below]


def stage_text(stage: StageLine, columns: int = COLUMNS) -> list[Line]:
    """A finished stage: name, status, time, result. One line, or two for a long summary."""
    said = clean(stage.summary if stage.status != "skipped" else stage.skipped_because or "")
    start = f" {seconds(stage.took):>8}   "
    left = 15 + len(start)
    first, *rest = wrapped(said, columns - left) or [""]
    style = "dim" if stage.status == "skipped" else ""
    found = [line(f"  {stage.name:<6}", Span(f"{stage.status:<7}", _STATUS[stage.status]), start, Span(first, style))]
    if rest:
        found.append(line(" " * left, Span(cut(" ".join(rest), columns - left), style)))
    return found


def verdict(
    report: Report, diagnosis: Diagnosis, *, verbose: bool = False, columns: int = COLUMNS, taken: int = 0
) -> list[Line]:
    """All lines after the stages. `taken`: lines already above. Takes cleaned values (see `walk.cleaned`)."""
    if verbose:
        return [*_verdict(report, diagnosis, _ALL, columns), *_record(report, diagnosis, columns)]
    for room in _ROOMS:
        found = _verdict(report, diagnosis, room, columns)
        if taken + len(found) <= MOST_LINES:
            return found
    # Only texts of extreme length come here; our own have been shown by then.
    return [*found[: max(MOST_LINES - taken - 1, 1)], line(Span("(more: -v)", "dim"))]


def _verdict(report: Report, diagnosis: Diagnosis, room: Room, columns: int) -> list[Line]:
    first = diagnosis.problems[0] if diagnosis.problems else None
    found: list[Line] = _tried(report) if room.commands else []
    concerned = first.subject.values if first and first.subject.kind == "address" else ()
    for address in [a for a in _failing(report) if a in concerned or not concerned]:
        if path := path_to(report, address):
            found += [*([line()] if room.commands else []), *(line(each) for each in drawn(path, columns))]
            break
    found.append(line())
    if report.interrupted:
        found.append(line(Span("Interrupted: the results are incomplete.", "bold yellow")))
    symptom = diagnosis.verdict.symptom
    happened = phrases.happened(report, diagnosis)
    style = _WORSE.get(symptom, "bold red")
    found += [line(Span(text, style)) for text in wrapped(clean(happened, room.text), columns)]
    if first is not None:
        found += _problem(first, phrases.still_open(diagnosis, first), room, columns)
        found += _also(report, diagnosis, first, room, columns)
    found += _remarks(report, diagnosis, room, columns)
    return found


def _problem(problem: Problem, open_: tuple[Candidate, ...], room: Room, columns: int) -> list[Line]:
    found: list[Line] = []
    says = sentence(problem.title)
    if problem.cause is None:
        says = f"{says or 'The cause is undetermined.'} {problem.explanation}".rstrip()
    else:
        says = f"{shorter(problem.explanation or says, room.text)} {phrases.cause_label(problem)}"
    found += _labelled(phrases.CERTAINTIES[problem.certainty], [clean(says, room.text + 80)], columns)
    label = phrases.open_label(problem)
    if open_ and room.candidates:
        found += _labelled(label, _shortened([_with_name(c.title, c.cause) for c in open_], room.candidates), columns)
    elif open_:
        found += _labelled(label, [_counted([c.cause for c in open_])], columns)
    if problem.ruled_out and room.ruled_out:
        listed = [f"{r.cause}: {r.because}" for r in problem.ruled_out]
        found += _labelled("Ruled out", _shortened(listed, room.ruled_out), columns)
    elif problem.ruled_out:
        found += _labelled("Ruled out", [_counted([r.cause for r in problem.ruled_out])], columns)
    found += _labelled("Owner", [sentence(problem.owner_text or phrases.OWNERS[problem.owner])], columns)
    if problem.ask:
        found += _labelled("Ask", [clean(problem.ask, 600)], columns)
    found += _steps(problem, room, columns)
    return [*found, *_next_test(problem, room, columns)]


def _steps(problem: Problem, room: Room, columns: int) -> list[Line]:
    shown = problem.steps[: room.steps]
    found: list[Line] = []
    for number, step in enumerate(shown, 1):
        where = phrases.WHERE[step.scope] + (", risky" if step.risk == "high" else "")
        prefix = f"{number}. " if len(shown) > 1 else ""
        label = "Do" if number == 1 else ""
        left_out = len(problem.steps) - len(shown) if number == len(shown) else 0
        more = f"; {plural(left_out, 'more step')}: -v" if left_out else ""
        text = f"{prefix}{clean(step.text, room.text)} ({where}{more})"
        found += _labelled(label, [text], columns, hang=" " * len(prefix))
        if step.command and room.commands:
            found += _command(step.command, columns)
    return found


def _next_test(problem: Problem, room: Room, columns: int) -> list[Line]:
    test = problem.next_test
    if test is None:
        return []
    found = _labelled("Check", [f"{phrases.test_of(test)}:"], columns)
    found += _command(clean(test.command, room.text), columns)
    answers = [clean(f"{a.answer} → {a.then}", room.text) for a in test.if_]
    return [*found, *_labelled("", answers, columns, hang="  ")]


def _command(command: str, columns: int) -> list[Line]:
    indent = _LABEL + 2 if _LABEL + 2 + width(command) <= columns else 2
    return [line(" " * indent, Span(part, "cyan")) for part in broken(command, columns - indent)]


def _also(report: Report, diagnosis: Diagnosis, first: Problem, room: Room, columns: int) -> list[Line]:
    others = [p for p in diagnosis.problems[1:] if p.id not in first.hidden]
    listed = [
        f"{phrases.place(report, p)}: {p.title or phrases.TITLES[p.symptom]} {phrases.cause_label(p)}".rstrip()
        for p in others
    ]
    return _labelled("Also", _shortened(listed, room.also), columns) if listed else []


def _remarks(report: Report, diagnosis: Diagnosis, room: Room, columns: int) -> list[Line]:
    found: list[Line] = []
    if diagnosis.unexplained:
        seen = {o.id: o for o in phrases.everything(report)}
        listed = [": ".join(observed(seen[i])) for i in diagnosis.unexplained if i in seen]
        shown = [clean(each, room.text) for each in _shortened(listed, max(room.notes, 1))]
        found += _labelled("Unexplained", shown, columns)
    notes = [n for n in dict.fromkeys((*report.notes, *diagnosis.notes)) if _worth(n) or room is _ALL]
    if notes and room.notes:
        found += _labelled("Note", _shortened([n.text for n in notes], room.notes), columns)
    return found


def _worth(note: Note) -> bool:
    """Skipped stages are listed with the stages, and probes that were not possible with the observations (-v)."""
    return note.kind != "not-evaluated"


def _record(report: Report, diagnosis: Diagnosis, columns: int) -> list[Line]:
    """The part that only -v shows: every observation, and what this user cannot observe."""
    found = [line(), line(Span("Observations", "bold"))]
    for o in sorted(phrases.everything(report), key=lambda o: o.began):
        what, result = observed(o)
        texts = wrapped(f"{o.began:6.2f} s  {what}: {result}", columns - 17)
        found += [line(f"  {o.id:<4} {text}" if not n else f"{'':<17}{text}") for n, text in enumerate(texts)]
    if report.vantage.limits:
        found += _labelled("Not visible", list(report.vantage.limits), columns)
    return found


def _tried(report: Report) -> list[Line]:
    """The other ports that were probed: the owner of the target has a right to know."""
    ports = sorted({o.port for o in report.of(Connect) if o.role in ("control", "negative")})
    if not ports:
        return []
    random = len({o.port for o in report.of(Trace) if o.role == "random"})
    which = words([*map(str, ports), *([plural(random, "random port")] if random else [])])
    said = f"also probed, as controls: port{'s' if len(ports) > 1 else ''} {which}"
    return [line(Span(f"  {text}", "dim")) for text in wrapped(said, COLUMNS - 2)]


def _failing(report: Report) -> list[str]:
    """The addresses to which no connection succeeded: only their paths are shown."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.outcome is not Outcome.OK]
    return list(dict.fromkeys(o.address for o in tried))


def _with_name(title: str, cause: str) -> str:
    return f"{title} ({cause})" if title else cause


def _counted(causes: list[str]) -> str:
    """The first cause by name, and the number of the others."""
    first = clean(causes[0], 40)
    return f"{first} and {len(causes) - 1} more (-v)" if len(causes) > 1 else first


def _shortened(items: list[str], most: int) -> list[str]:
    if len(items) <= most:
        return items
    return [*items[:most], f"({len(items) - most} more: -v)"] if most else []


def _labelled(label: str, items: Iterable[str], columns: int, *, style: str = "", hang: str = "") -> list[Line]:
    """The items in the second column, the label beside the first. Each of several has a hanging indent."""
    listed = list(items)
    hang = hang or ("  " if len(listed) > 1 else "")
    found: list[Line] = []
    for item in listed:
        for place, text in enumerate(wrapped(item, columns - _LABEL - len(hang))):
            mark = Span(" " * _LABEL) if found else Span(f"{label:<{_LABEL}}", "bold")
            found.append(line(mark, Span(hang + text if place else text, style)))
    return found
