"""The README keeps its word: its example is real output, its commands are those that CI runs."""

from __future__ import annotations

import re
from pathlib import Path

from portdoctor.catalogue import load
from portdoctor.cli import COMMANDS
from portdoctor.lab import scenario
from portdoctor.render import json, terminal
from portdoctor.verdict import diagnose

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = "tcp/port-filtered-ip4"


def test_the_example_is_what_the_program_says() -> None:
    shown = re.search(r"<!-- example: begin -->\n```\n\$ portdoctor (.*?)\n(.*?)```\n<!-- example: end -->", README, re.S)
    assert shown
    assert shown[1] == scenario.load(EXAMPLE).command
    report = json.load(scenario.recording_of(EXAMPLE).read_bytes())
    assert shown[2] == terminal.render(report, diagnose(report, load()))


def test_ci_runs_the_readme_s_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = re.search(r"# test command: begin\n(.*?)\n# test command: end", ci, re.S)
    assert command
    assert f"```sh\n{command[1]}\n```" in README


def test_two_commands_set_up() -> None:
    assert len(re.findall(r"^python3 -m venv \.venv && .*$", README, re.M)) == 2


def test_the_commands_it_names_exist() -> None:
    for name in re.findall(r"portdoctor ([a-z]+)", README):
        assert name in COMMANDS, name


def test_the_files_it_links_exist() -> None:
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)", README):
        assert (ROOT / link).exists(), link
