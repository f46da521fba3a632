"""Finds the errors in the page of a cause: its title, sections, sentences, steps and commands. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ..text import did_you_mean
from .blanks import BLANKS, blanks_in
from .cause import ACTION, COMMAND

SECTIONS = ("How we know", "Usual reasons", "What to do")
MOST_WORDS = 15  # of `says`, and of the first sentence of a page
MOST_TITLE = 72  # characters
Finding = tuple[int, str]  # line of the file, what is wrong there


def of_blanks(text: str) -> Iterator[str]:
    for blank in blanks_in(text):
        if blank not in BLANKS:
            yield f"unknown blank {blank!r}{did_you_mean(blank, BLANKS)}"


def of_sentence(text: str) -> Iterator[str]:
    """Yield the errors in `says`, or in the first sentence of a page."""
    count = len(text.split())
    if count > MOST_WORDS:
        yield f"the sentence has {count} words; at most {MOST_WORDS} are allowed"
    if not text.endswith((".", ":", "?")):
        yield "the sentence does not end with a full stop"
    yield from of_blanks(text)


def of_page(page: str, first: int) -> Iterator[Finding]:
    """Yield the errors in a page. `first`: the line of the file with the second +++, after which the page begins."""
    lines = page.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip()), 0)
    title = lines[start] if lines else ""
    if not title.startswith("# "):
        yield first + start + 1, "the page does not begin with a title line (# …)"
    elif len(title) - 2 > MOST_TITLE:
        yield first + start + 1, f"the title has {len(title) - 2} characters; at most {MOST_TITLE} are allowed"
    heads = {line[3:].strip(): number for number, line in enumerate(lines) if line.startswith("## ")}
    for heading in SECTIONS:
        if not _body(lines, heads.get(heading)):
            yield first + 1 + heads.get(heading, start), f"the page has no text under ## {heading}"
    meaning = next((n for n, line in enumerate(lines) if n > start and line.strip()), start)
    ends = (n for n in range(meaning, len(lines)) if not lines[n].strip() or lines[n].startswith("## "))
    text = " ".join(lines[meaning : next(ends, len(lines))])
    if not text or text.startswith("## "):
        yield first + start + 1, "the page has no text between its title and its first section"
    else:
        sentence = re.split(r"(?<=[.:?])\s", text)[0]
        yield from ((first + meaning + 1, f"first sentence: {wrong}") for wrong in of_sentence(sentence))
    for number, line in enumerate(lines, first + 1):
        prose = re.sub(r"`[^`]*`", "", line)
        if "!" in prose:
            yield number, "exclamation mark"
        if re.search(r"\d ?%", prose):
            yield number, "percentage: give the numbers that were observed"
        yield from ((number, wrong) for wrong in of_blanks(line))
    yield from _of_steps(lines, heads.get("What to do"), first)


def _body(lines: list[str], heading: int | None) -> list[str]:
    if heading is None:
        return []
    end = next((n for n in range(heading + 1, len(lines)) if lines[n].startswith("## ")), len(lines))
    return [line for line in lines[heading + 1 : end] if line.strip()]


def _of_steps(lines: list[str], heading: int | None, first: int) -> Iterator[Finding]:
    if heading is None:
        return
    commands = steps = 0
    for number, line in enumerate(lines[heading + 1 :], first + heading + 2):
        if line.startswith("## "):
            break
        if not line.strip():
            continue
        if ACTION.match(line):
            steps += 1
        elif steps and (command := COMMAND.match(line)):
            commands += 1
            yield from ((number, wrong) for wrong in _of_command(command["command"], command["system"] or "Any"))
        else:
            yield number, "malformed step: write “- Text. (server, risk none)”, and its commands as “  - Linux: `…`”"
    if _body(lines, heading) and not commands:
        yield first + heading + 1, "no step under ## What to do has a command"


def _of_command(command: str, system: str) -> Iterator[str]:
    if system == "Windows":
        return
    try:
        shlex.split(command.replace("{", "").replace("}", ""))
    except ValueError as error:
        yield f"a shell cannot parse this command: {error}"
