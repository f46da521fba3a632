"""The documents are true: what is generated is up to date, and the README's commands are those that CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portdoctor.cli import COMMANDS

from .written import BLOCKS, FILES, block

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "name"), BLOCKS)
def test_generated_text_is_up_to_date(file: str, name: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert block(file, name, text) == BLOCKS[file, name](), "run: python -m tests.written"


@pytest.mark.parametrize("file", FILES)
def test_a_generated_file_is_up_to_date(file: str) -> None:
    assert (ROOT / file).read_text(encoding="utf-8") == FILES[file](), "run: python -m tests.written"


def test_ci_runs_the_readme_s_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = re.search(r"# test command: begin\n(.*?)\n# test command: end", ci, re.S)
    assert command
    assert f"```sh\n{command[1]}\n```" in README


def test_two_commands_set_up() -> None:
    assert len(re.findall(r"^python3 -m venv \.venv && .*$", README, re.M)) == 2


def test_the_commands_it_names_exist() -> None:
    for name in re.findall(r"portdoctor ([a-z]+)(?=[\s`])", README):
        assert name in COMMANDS, name


def test_the_files_it_links_exist() -> None:
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)", README):
        assert (ROOT / link).exists(), link


def _places() -> list[tuple[str, str]]:
    """(name, file) of each "`name` in `file`" and ("", file) of each other file that the architecture names."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([A-Za-z_]+)` in `([\w/.]+\.py)`", text)
    return [*named, *(("", file) for file in re.findall(r"`([\w/]+/[\w.]+\.py)`", text))]


@pytest.mark.parametrize(("name", "file"), sorted(set(_places())))
def test_the_architecture_names_what_exists(name: str, file: str) -> None:
    path = next((p for p in (ROOT / "portdoctor" / file, ROOT / file) if p.exists()), None)
    assert path, f"{file} does not exist"
    defined = rf"^ *(async )?(def|class) {name}\b|^{name}\b.*="
    assert not name or re.search(defined, path.read_text(encoding="utf-8"), re.M), f"{file} does not define {name}"
