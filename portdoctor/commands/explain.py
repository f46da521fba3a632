"""`portdoctor explain NAME`"""

import sys
from collections import deque
from collections.abc import Sequence
from typing import Annotated

import typer

from ..catalogue.cause import Catalogue, Cause
from ..catalogue.folders import HERE
from ..catalogue.pasted import MOST_LINES, errors_in, lines_of, mentions
from ..catalogue.printed import Phrases, load_phrases
from ..catalogue.symptoms import SymptomText, symptoms
from ..model import Symptom
from ..render import explain as page
from ..render.lines import Line, plain
from ..target import UsageError
from ..text import clean, nearest, words
from .output.interrupts import installed
from .output.options import Causes
from .output.reading import catalogue_of, names
from .output.stdout import Stdout

_MOST = 64 * 1024 * 1024  # characters of a log that are read
_MOST_LINE = 64 * 1024
_MOST_NAME = 100  # characters of a name that are compared with the known names


def explain(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", autocompletion=names, help="A symptom, a cause, an errno, or an error message; - is stdin."
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List all symptoms and causes.")] = False,
    causes: Causes = None,
) -> None:
    """Explain a symptom, a cause, or a pasted error message."""
    catalogue = catalogue_of(causes)
    if list_:
        Stdout().print(listing(catalogue))
        return
    asked = " ".join(name or [])
    if asked == "-" or (not asked and not sys.stdin.isatty()):
        with installed().raising():
            asked = _stdin()
    if not asked.strip():
        raise UsageError("missing name: write a cause or symptom, such as tcp.no-listener; `explain --list` shows all")
    Stdout().print(explain_text(asked.strip(), catalogue))


def explain_text(asked: str, catalogue: Catalogue) -> str:
    """Return the page of a cause or symptom, or the explanation of an error message or log.

    Raises UsageError, with similar names, if it is neither.
    """
    name = asked.strip().lower()
    if name in catalogue:
        cause = catalogue[name]
        return plain(page.cause_page(cause, "" if cause.path.startswith(HERE) else cause.path))
    texts = symptoms()
    for symptom, text in texts.items():
        if name == symptom:
            return plain(page.symptom_page(symptom, text, catalogue.explaining(symptom)))
    known = _pasted(asked, texts, catalogue)
    if known:
        return plain(known)
    named = [c for c in catalogue if any(name in (term.lower(), *term.lower().split()) for term in c.front.terms)]
    if len(named) == 1:
        return plain(page.cause_page(named[0]))
    if named:
        return plain(page.named_so(clean(asked, 80), named))
    raise UsageError(_unknown(asked, [*catalogue.names(), *texts]))


def _stdin() -> str:
    """Return the last lines of stdin, as many as are searched for errors."""
    lines: deque[str] = deque(maxlen=MOST_LINES)
    read = 0
    while read < _MOST and (line := sys.stdin.readline(_MOST_LINE)):
        read += len(line)
        lines.append(line)
    return "".join(lines)


def listing(catalogue: Catalogue) -> str:
    """Return all symptoms and causes, one per line; a site's causes with their file."""
    return plain(page.listing(symptoms(), list(catalogue), HERE))


def _pasted(asked: str, texts: dict[Symptom, SymptomText], catalogue: Catalogue) -> list[Line]:
    phrases = load_phrases(catalogue)
    found = errors_in(_number(asked, phrases), phrases)
    if not found:
        if near := mentions(asked, phrases):
            raise UsageError(f"no error: {clean(near, 60)!r} is named here in a comment, setting or count")
        return []
    read = len(lines_of(asked))
    if len(found) > 1:
        return page.pasted_errors(found, read, texts)
    every = [cause for symptom in (found[0].symptom, *found[0].also) for cause in catalogue.explaining(symptom)]
    every += [catalogue[name] for name in found[0].hints]
    causes = _at(list({cause.name: cause for cause in every}.values()), found[0].stage, found[0].hints)
    return page.pasted_error(found[0], texts, causes)


def _number(word: str, phrases: Phrases) -> str:
    """Return a lone number of an error as the first form of its table prints it, any other word as it is."""
    number = word.lower() if len(word) <= _MOST_NAME else ""
    form = next((form.text for form, meanings in phrases.coded if number in meanings), "")
    return form.replace("{number}", word) or word


def _at(causes: Sequence[Cause], stage: str, hints: Sequence[str]) -> list[Cause]:
    """Return the causes of that stage, or those that the text names; all if there are none."""
    near = [c for c in causes if stage in c.at or c.name in hints] or list(causes)
    return sorted(near, key=lambda c: c.phase != stage)


def _unknown(asked: str, names: list[str]) -> str:
    shown = clean(asked.strip().partition("\n")[0], 60)
    near = nearest(asked.strip()[:_MOST_NAME], names, 3, 0.55)
    if not near:
        last = [n for n in names if n.partition(".")[2] and asked.strip().lower() in n]
        near = last[:3]
    if near:
        return f"unknown name {shown!r} (did you mean {words([repr(name) for name in near], 'or')}?)"
    count = len(lines_of(asked))
    if count > 1:
        return f"no known error message in {count} lines"
    return f"unknown name {shown!r}, and no known error message; `explain --list` shows all names"
