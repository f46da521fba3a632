"""The ticket in Markdown (GitHub's and GitLab's dialect). Pure."""

from __future__ import annotations

import re

from ..model import Diagnosis, Report
from .content import Section, content

# Characters with a meaning in Markdown or HTML. The slash breaks automatic links ("https://…").
_MARK = re.compile(r"([\\`*_{}\[\]<>#|~&$!^@/=]|^[-+])")
# A word with an address of the web or of mail, a mention or a reference: @name, #12, !12, $12, ~label, GH-12, www.x.
_LINKED = re.compile(r"(\S*(?:[@#!$~&^%]\w|://|(?i:www\.|GH-\d|mailto:|xmpp:)|[\[*]\w+:)\S*)")
_NUMBERED = re.compile(r"^(\d+)([.)])(?= )")


def render(report: Report, diagnosis: Diagnosis, *, names: bool = False) -> str:
    """The ticket. `names`: include the names of this machine and its user."""
    it = content(report, diagnosis, names=names)
    lines = [f"## {escaped(it.title)}", ""]
    for label, items in it.head:
        if len(items) == 1:
            lines.append(f"- **{label}:** {escaped(items[0].whole())}")
        else:
            lines += [f"- **{label}:**", *(f"  - {escaped(item.whole())}" for item in items)]
    for section in it.sections:
        lines += ["", f"### {escaped(section.title)}", "", *_body(section)]
    return "\n".join([*lines, "", escaped(it.foot)]) + "\n"


def escaped(text: str) -> str:
    """The text, escaped so that Markdown shows it unchanged.

    A word of which GitHub or GitLab would make a link or a mention is a code span: they look for these after the
    backslashes are gone.
    """
    parts = _LINKED.split(text)  # every second part is such a word
    parts[::2] = [_MARK.sub(r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [code(part) for part in parts[1::2]]
    return _NUMBERED.sub(r"\1\\\2", "".join(parts))


def code(text: str) -> str:
    """The text as a code span, with any backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text or ' '}{pad}{fence}"


def _block(lines: list[str], language: str = "") -> list[str]:
    longest = max((len(run) for text in lines for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _body(section: Section) -> list[str]:
    match section.kind:
        case "list":
            return [f"- {escaped(text)}" for (text,) in section.rows]
        case "picture":
            return _block([text for (text,) in section.rows])
        case "table":
            head = f"| {' | '.join(section.columns)} |"
            rows = [f"| {' | '.join(code(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in section.rows]
            return [head, f"|{' --- |' * len(section.columns)}", *rows]
        case "trials":
            return _trials(section)


def _trials(section: Section) -> list[str]:
    lines: list[str] = []
    for trial in section.trials:
        if trial.what:
            lines += [escaped(trial.what), ""]
        if trial.command:
            lines += [*_block([trial.command], trial.shell), ""]
        label = "Expected: " if trial.what else "- "
        lines += [f"{label}{code(text) if trial.what else escaped(text)}" for text in trial.expect.split("\n") if text]
        if trial.expect:
            lines.append("")
    return lines[:-1]
