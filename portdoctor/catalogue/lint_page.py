"""What is wrong on the page of a cause: its title, its sections, its sentences, its steps and commands. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from .cause import ACTION, COMMAND

SECTIONS = ("How we know", "Usual reasons", "What to do")
BLANKS = (
    "host", "port", "address", "service", "name", "resolver", "offender", "hop", "source", "gateway", "interface",
    "holder", "transport", "sni", "url", "endpoint", "protocol", "status", "detail",
)  # fmt: skip
MOST_WORDS = 15  # of a sentence that is read at two in the morning
MOST_TITLE = 72  # characters
Found = tuple[int, str]  # line of the file, what is wrong there


def near(word: str, words: Iterable[str]) -> str:
    near = get_close_matches(word.lower(), list(words), 2, 0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def of_sentence(text: str) -> Iterator[Found]:
    if len(text.split()) > MOST_WORDS:
        yield 0, f"the sentence has {len(text.split())} words, {MOST_WORDS} at most are read"
    if not text.endswith((".", ":", "?")):
        yield 0, "the sentence has no full stop"
    for blank in re.findall(r"\{([a-z_]+)\}", text):
        if blank not in BLANKS:
            yield 0, f"there is no blank {{{blank}}}{near(blank, BLANKS)}"


def of_page(page: str, first: int) -> Iterator[Found]:
    """`first`: the line of the file with the second +++, after which the page begins."""
    lines = page.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip()), 0)
    title = lines[start] if lines else ""
    if not title.startswith("# "):
        yield first + start + 1, "the page must begin with a title line: # …"
    elif len(title) - 2 > MOST_TITLE:
        yield first + start + 1, f"the title has more than {MOST_TITLE} characters"
    heads = {line[3:].strip(): number for number, line in enumerate(lines) if line.startswith("## ")}
    for heading in SECTIONS:
        if not _body(lines, heads.get(heading)):
            yield first + 1 + heads.get(heading, start), f"the page has no text under ## {heading}"
    meaning = next((n for n, line in enumerate(lines) if n > start and line.strip()), start)
    ends = (n for n in range(meaning, len(lines)) if not lines[n].strip() or lines[n].startswith("## "))
    text = " ".join(lines[meaning : next(ends, len(lines))])
    if not text or text.startswith("## "):
        yield first + start + 1, "the page says nothing between its title and its first section"
    else:
        for _, says in of_sentence(re.split(r"(?<=[.:?])\s", text)[0]):
            yield first + meaning + 1, f"the first sentence: {says}"
    for number, line in enumerate(lines, first + 1):
        prose = re.sub(r"`[^`]*`", "", line)
        if "!" in prose:
            yield number, "no exclamation marks"
        if re.search(r"\d ?%", prose):
            yield number, "no percentages: say what was seen"
    yield from _of_steps(lines, heads.get("What to do"), first)


def _body(lines: list[str], heading: int | None) -> list[str]:
    if heading is None:
        return []
    end = next((n for n in range(heading + 1, len(lines)) if lines[n].startswith("## ")), len(lines))
    return [line for line in lines[heading + 1 : end] if line.strip()]


def _of_steps(lines: list[str], heading: int | None, first: int) -> Iterator[Found]:
    commands = 0
    body = _body(lines, heading)
    begun = False
    for number, line in enumerate(lines[heading + 1 :] if heading is not None else [], first + (heading or 0) + 2):
        if line.startswith("## "):
            break
        command = COMMAND.match(line)
        if not line.strip() or ACTION.match(line):
            begun = begun or bool(line.strip())
        elif command and begun:
            commands += 1
            yield from ((number, says) for says in _of_command(command["command"], command["system"] or "Any"))
        else:
            yield number, "no step, - Text. (server, risk none), and no command of one,   - Linux: `…`"
    if body and not commands:
        yield first + (heading or 0) + 1, "no step under ## What to do has a command"


def _of_command(command: str, system: str) -> Iterator[str]:
    for blank in re.findall(r"\{([a-z_]+)\}", command):
        if blank not in BLANKS:
            yield f"there is no blank {{{blank}}}{near(blank, BLANKS)}"
    if system != "Windows":
        try:
            shlex.split(command.replace("{", "").replace("}", ""))
        except ValueError as error:
            yield f"no shell reads this command: {error}"
