"""The parts of the documents that are generated. `python -m tests.written` writes them again."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from portdoctor.catalogue.blanks import BLANKS
from portdoctor.catalogue.cause import Front
from portdoctor.catalogue.folders import load_catalogue
from portdoctor.catalogue.lint_front import allowed_words
from portdoctor.engine.verdict import diagnose
from portdoctor.lab import scenario
from portdoctor.render import json, terminal
from portdoctor.text import words

ROOT = Path(__file__).parent.parent
EXAMPLE = "tcp/port-filtered-ip4"


def example() -> str:
    """The first thing a reader sees: a broken connection and what the program says of it."""
    report = json.load_report(scenario.recording_path(EXAMPLE).read_bytes())
    told = terminal.render(report, diagnose(report, load_catalogue()))
    return f"```\n$ portdoctor {scenario.load_scenario(EXAMPLE).command}\n{told}```\n"


def picture() -> str:
    """The example as a picture of a terminal. It names no font that would be fetched from elsewhere."""
    from io import StringIO

    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    report = json.load_report(scenario.recording_path(EXAMPLE).read_bytes())
    console = Console(file=StringIO(), record=True, width=82, markup=False, emoji=False, highlight=False)
    console.print(Text(f"$ portdoctor {scenario.load_scenario(EXAMPLE).command}", style="dim"))
    for line in terminal.report_lines(report, diagnose(report, load_catalogue())):
        console.print(Text.assemble(*((span.text, span.style) for span in line)), soft_wrap=True)
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.S)
    form = form.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    form = form.replace("<svg ", '<svg xml:space="preserve" ', 1)
    drawn = console.export_svg(title="portdoctor", code_format=form, theme=MONOKAI, unique_id="portdoctor")
    return "".join(f"{line.rstrip()}\n" for line in drawn.splitlines())


def matrix() -> str:
    """Injected against diagnosed, for every recording, as the lab's command prints it."""
    command = [sys.executable, "-m", "portdoctor", "lab", "matrix", "--format", "markdown"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout


_WITHOUT_PYTHON = {
    "causes": "one Markdown file a cause, a folder a phase",
    "data": "tables that others publish or people edit: IANA ports, client policies, the text of each symptom",
}


def layout() -> str:
    """The map of the package: each folder and file with the first sentence of its docstring."""
    return "```\nportdoctor/\n" + "".join(f"{line}\n" for line in _below(ROOT / "portdoctor", 1)) + "```\n"


def _below(folder: Path, depth: int) -> Iterator[str]:
    files = [p for p in folder.glob("*.py") if p.name != "__init__.py" or depth == 1]
    for path in sorted(files, key=lambda p: (not p.name.startswith("__"), p.name)):
        yield _entry(path.name, depth, _job(path))
    for inner in sorted(p for p in folder.iterdir() if p.is_dir() and p.name != "__pycache__"):
        face = inner / "__init__.py"
        yield _entry(f"{inner.name}/", depth, _job(face) if face.exists() else _WITHOUT_PYTHON[inner.name])
        if face.exists():
            yield from _below(inner, depth + 1)


def _entry(name: str, depth: int, job: str) -> str:
    return f"{'  ' * depth + name:<26} {job}"


def _job(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.split("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".")


def keys() -> str:
    """The keys of a cause file's front matter, from the type that decodes it."""
    rows = ["| key | value | meaning |", "|---|---|---|"]
    for field in msgspec.structs.fields(Front):
        kind, meta = get_args(field.type)
        name = f"**`{field.encode_name}`**" if field.required else f"`{field.encode_name}`"
        rows.append(f"| {name} | {_value(kind)} | {meta.description} |")
    return "\n".join(rows) + "\n"


def _value(kind: Any) -> str:
    one = "text" if kind is str or str in get_args(kind) else words([f"`{w}`" for w in allowed_words(kind)], "or")
    return f"list of {one if one != 'text' else 'texts'}" if get_origin(kind) is tuple else one


def blanks() -> str:
    """The blanks of a cause's text, from their one definition."""
    rows = [f"| `{{{name}}}` | {meaning} |" for name, meaning in BLANKS.items()]
    return "\n".join(["| blank | what is put in its place |", "|---|---|", *rows]) + "\n"


# (file, name of the block) -> what makes it
BLOCKS: dict[tuple[str, str], Callable[[], str]] = {
    ("README.md", "example"): example,
    ("README.md", "matrix"): matrix,
    ("docs/architecture.md", "layout"): layout,
    ("docs/own-causes.md", "keys"): keys,
    ("docs/own-causes.md", "blanks"): blanks,
}


# file -> what makes all of it
FILES: dict[str, Callable[[], str]] = {"docs/example.svg": picture}


def block(file: str, name: str, text: str) -> str:
    """The text between the marks of a block."""
    found = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", text, re.S)
    assert found, f"{file} has no block {name}"
    return found[1]


def main() -> None:
    for file, make in FILES.items():
        (ROOT / file).write_text(make(), encoding="utf-8")
    for (file, name), make in BLOCKS.items():
        path = ROOT / file
        text = path.read_text(encoding="utf-8")
        marks = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        path.write_text(text.replace(block(file, name, text).join(marks), make().join(marks)), encoding="utf-8")


if __name__ == "__main__":
    main()
