"""Pages of `explain`: a cause, a symptom, the list of both, and a pasted error. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..catalogue.blanks import fill
from ..catalogue.cause import Cause, sign_named
from ..catalogue.symptoms import SymptomText
from ..model import Shell, Symptom
from ..text import clean, plural, width, words, wrapped
from .command import broken
from .lines import Line, Span, line
from .phrases import OWNERS

if TYPE_CHECKING:
    from ..catalogue.pasted import PastedError

COLUMNS = 80
MOST = 20  # distinct errors of one log that are shown
_KINDS = {
    "cause": "",
    "scope": "a scope: where the fault is, not why",
    "remainder": "a remainder, when no explanation is left: always undetermined",
}
_COMMAND = re.compile(r"^\s+- (?:(\w+): )?`(.+)`$")


def cause_page(cause: Cause, origin: str = "") -> list[Line]:
    """The page of one cause. `origin`: its file, if it is not one of ours."""
    front = cause.front
    found = [*_title(cause.name, cause.title), line()]
    found += _paragraph(cause.meaning)
    sections = re.split(r"^## ", cause.page, flags=re.MULTILINE)[1:]
    for section in sections:
        heading, _, body = section.partition("\n")
        found += [line(), line(Span(clean(heading), "bold")), *_body(body)]
    rows = [
        ("Symptoms", words(front.explains)),
        ("Owner", OWNERS[front.owner]),
        ("Certain", _certainty(cause)),
        ("Requires", "; ".join(map(_sign_title, front.requires))),
        ("Ruled out by", "; or ".join(map(_sign_title, front.excludes))),
        ("Messages", "; ".join(fill(phrase, {}) for phrase in front.answers)),
        ("Special case of", words(front.refines)),
        ("Other names", "; ".join(front.terms)),
        ("File", origin),
    ]
    return [*found, line(), *_rows([(label, said) for label, said in rows if said])]


def _certainty(cause: Cause) -> str:
    front = cause.front
    if front.kind != "cause":
        return _KINDS[front.kind]
    if front.cap == "certain":
        return "when all required signs are present and no other cause fits"
    if not front.proof:
        return f"never; at most {front.cap}"
    return f"only with this sign: {'; or '.join(map(_sign_title, front.proof))}; otherwise {front.cap}"


def _sign_title(name: str) -> str:
    return sign_named(name).title_of(name.partition(":")[2])


def symptom_page(name: Symptom, said: SymptomText, causes: Sequence[Cause]) -> list[Line]:
    """One symptom and the causes that explain it."""
    found = [*_title(name, said.title), line(), *_paragraph(said.text), line(), *_rows([("Seen as", said.seen)])]
    if causes:
        found += [line(), line(Span("Causes that explain it", "bold")), *_causes(causes)]
        found += [line(), line(Span("`portdoctor explain NAME` describes each of them.", "dim"))]
    return found


def listing(symptoms: dict[Symptom, SymptomText], causes: Sequence[Cause], ours: str) -> list[Line]:
    """All symptoms and causes. `ours`: the folder of our own causes; others are listed with their file."""
    found = [line(Span("Symptoms", "bold"))]
    found += _rows([(name, said.title) for name, said in symptoms.items()], size=_longest(symptoms))
    for phase in dict.fromkeys(c.phase for c in causes):
        found += [line(), line(Span(f"Causes: {phase}", "bold"))]
        found += _causes([c for c in causes if c.phase == phase], ours)
    return found


def named_so(term: str, causes: Sequence[Cause]) -> list[Line]:
    """The causes to which other tools give this name."""
    return [line(Span(term, "bold"), " is another name for:"), *_causes(causes)]


def _causes(causes: Sequence[Cause], ours: str = "") -> list[Line]:
    rows = []
    for cause in causes:
        mark = f" ({cause.front.kind})" if cause.front.kind != "cause" else ""
        site = f" [{cause.path}]" if ours and not cause.path.startswith(ours) else ""
        rows.append((cause.name, f"{cause.title}{mark}{site}"))
    return _rows(rows, size=_longest(c.name for c in causes))


def pasted_error(
    text: PastedError, symptoms: dict[Symptom, SymptomText], causes: Sequence[Cause], columns: int = COLUMNS
) -> list[Line]:
    """A pasted error: its meaning, target, possible causes, and the command to run."""
    said = symptoms[text.symptom]
    who = f" (as {text.program} prints it)" if text.program else ""
    often = f", {plural(text.count, 'time')}" if text.count > 1 else ""
    found = _title(text.symptom, said.title)
    found += [line(Span(f"  {each}", "dim")) for each in wrapped(text.line, columns - 2)]
    meaning = [("Means", said.text)]
    if text.also:
        possible = words([f"{name} ({symptoms[name].title})" for name in (text.symptom, *text.also)], "or")
        meaning = [
            ("Means", f"{possible}, the likeliest first. The text does not show which."),
            ("Decides", "The error of the system for this connection attempt. The command below shows it."),
        ]
    rows = [*meaning, ("Stage", f"{text.stage}{who}{often}")]
    if text.target:
        rows.append(("Target", text.target))
    found += [line(), *_rows(rows)]
    if causes:
        hinted = [c for c in causes if c.name in text.hints]
        rest = [c for c in causes if c.name not in text.hints]
        if hinted:
            found += [line(), line(Span("Named by this text", "bold")), *_causes(hinted)]
        if rest:
            found += [line(), line(Span("Also possible" if hinted else "Possible causes", "bold")), *_causes(rest)]
    where = "on the machine that printed it"
    return [*found, line(), line(f"Next, run {where}:"), line("  ", Span(text.command, "cyan"))]


def pasted_errors(found: Sequence[PastedError], read: int, symptoms: dict[Symptom, SymptomText]) -> list[Line]:
    """The distinct errors of a log, the most frequent first. `read`: the number of its lines."""
    count = plural(sum(each.count for each in found), "error")
    lines = [line(Span(f"{count} in {plural(read, 'line')}, {len(found)} of them distinct", "bold"))]
    for each in found[:MOST]:
        rows = [
            ("", each.line),
            ("Means", words([symptoms[name].title for name in (each.symptom, *each.also)], "or")),
            ("Target", each.target),
            ("Named", words(each.hints)),
            ("Next", each.command),
        ]
        lines += [
            line(),
            line(Span(f"{plural(each.count, 'time')}: {words((each.symptom, *each.also), 'or')}", "bold")),
        ]
        lines += _rows([row for row in rows if row[1]], size=8)
    if len(found) > MOST:
        lines += [line(), line(f"{len(found) - MOST} more that are distinct occur less often.")]
    return [*lines, line(), line(Span("`portdoctor explain NAME` describes a symptom and its causes.", "dim"))]


# ---------------------------------------------------------------- laying out


def _title(name: str, title: str) -> list[Line]:
    name, title = clean(name), clean(title)
    if width(name) + 3 + width(title) <= COLUMNS:
        return [line(Span(name, "bold"), f"   {title}")]
    return [line(Span(name, "bold")), *(line(f"  {each}") for each in wrapped(title, COLUMNS - 2))]


def _paragraph(text: str) -> list[Line]:
    return [line(each) for each in wrapped(clean(_plain(text), 4000), COLUMNS)]


def _plain(text: str) -> str:
    """The text without Markdown markup, with the blanks of a template in capitals."""
    return re.sub(r"`([^`]+)`|\*\*([^*]+)\*\*", lambda m: m[1] or m[2], fill(text, {}))


def _body(text: str) -> list[Line]:
    found: list[Line] = []
    for block in _blocks(text):
        command = _COMMAND.match(block)
        if command:
            system = f"{command[1]}:" if command[1] else ""
            indent = 14 if 14 + width(command[2]) <= COLUMNS else 6
            shell: Shell = "powershell" if command[1] == "Windows" else "sh"
            lines = broken(clean(fill(command[2], {}), 1000), COLUMNS - indent, shell)
            first = f"    {system:<9} " if indent == 14 else " " * indent
            if indent == 6 and system:
                found.append(line(f"    {system}"))
            found += [line(first if not n else " " * indent, Span(each, "cyan")) for n, each in enumerate(lines)]
        elif block.lstrip().startswith("- "):
            start = "  " if not block.startswith(" ") else "    "
            texts = wrapped(clean(_plain(block.lstrip()[2:]), 2000), COLUMNS - len(start) - 2)
            found += [line(f"{start}{'- ' if not n else '  '}{each}") for n, each in enumerate(texts)]
        else:
            found += [line(f"  {each}") for each in wrapped(clean(_plain(block), 4000), COLUMNS - 2)]
    return found


def _blocks(text: str) -> list[str]:
    """Paragraphs and list items, each on one line; the indent of an item stays."""
    blocks: list[str] = []
    fresh = True
    for raw in text.splitlines():
        if not raw.strip():
            fresh = True
        elif fresh or raw.lstrip().startswith("- "):
            blocks.append(raw.rstrip())
            fresh = False
        else:
            blocks[-1] += " " + raw.strip()
    return blocks


def _longest(names: Iterable[str]) -> int:
    return max(map(len, names), default=0) + 2


def _rows(rows: Sequence[tuple[str, str]], size: int = 0) -> list[Line]:
    size = min(size or _longest(label for label, _ in rows), 34)
    found: list[Line] = []
    for label, said in rows:
        for place, text in enumerate(wrapped(clean(said, 2000), COLUMNS - size - 2)):
            found.append(line("  ", Span(f"{label if not place else '':<{size}}", "bold"), text))
    return found
