"""The manual page: every command, option and variable is on it, roff reads it, and it is in the wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from typer.main import get_command

from portdoctor import cli
from portdoctor.commands import COMMANDS
from portdoctor.commands.output import settings

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "packaging"))
from manpage import SECTIONS, manpage  # noqa: E402

PAGE = manpage("2026-11-22")
SHOWN = PAGE.replace("\\-", "-").replace("\\[aq]", "'").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")
LINTERS = {"mandoc": ["-T", "lint", "-W", "warning"], "groff": ["-ww", "-man", "-Tutf8", "-z"]}


def section(name: str) -> str:
    return SHOWN.partition(f"\n.SH {name}\n")[2].partition("\n.SH ")[0]


def test_the_sections_are_those_of_a_manual_page() -> None:
    assert PAGE.startswith('.TH PORTDOCTOR 1 "2026-11-22" "portdoctor ')
    assert tuple(re.findall(r"^\.SH (.+)$", PAGE, re.M)) == SECTIONS
    assert section("NAME").startswith("portdoctor - ")  # what whatis(1) reads
    assert all(section(name).strip() for name in SECTIONS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_on_it(name: str) -> None:
    root: Any = get_command(cli.build(None))
    said = SHOWN.partition(f'.SS "portdoctor {name}"\n')[2]
    said = re.split(r"^\.S[SH] ", said, maxsplit=1, flags=re.M)[0]
    for param in root.commands[name].params:
        options = [opt for opt in (*param.opts, *param.secondary_opts) if opt.startswith("-")]
        assert all(re.search(rf"(^|[ ,]){re.escape(opt)}([ ,]|$)", said, re.M) for opt in options)
    for inner in getattr(root.commands[name], "commands", {}):
        assert f"\n{name} {inner}" in said
    assert f"portdoctor {name}\n" in section("SYNOPSIS")


def test_every_variable_and_exit_code_is_on_it() -> None:
    for name in settings.SETTINGS:
        assert f"\n{settings.variable(name)}\n" in section("ENVIRONMENT")
    signals = (cli.INTERRUPTED, cli.TERMINATED)
    codes = {str(code) for code in (cli.OK, cli.FAILED, cli.USAGE, cli.UNKNOWN, cli.BUG, *signals)}
    assert codes == set(re.findall(r"^\.TP\n(\d+)$", section("EXIT STATUS"), re.M))


def test_no_line_of_text_is_taken_for_a_request() -> None:
    requests = {line.split()[0] for line in PAGE.splitlines() if line.startswith((".", "'"))}
    assert requests == {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".br"}
    assert max(len(line) for line in PAGE.splitlines() if "\\f" not in line) <= 80
    assert PAGE.isascii()


@pytest.mark.parametrize("tool", [tool for tool in LINTERS if shutil.which(tool)] or ["none"])
def test_roff_reads_it(tool: str, tmp_path: Path) -> None:
    page = tmp_path / "portdoctor.1"
    page.write_text(PAGE, encoding="utf-8")
    if tool in LINTERS:  # where no roff is installed, the tests above are all there is
        words = [tool, *LINTERS[tool], str(page)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("", "")


def test_it_is_in_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795305600")  # 2026-11-22
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("share/man/man1/portdoctor.1")]
        assert ".data/data/" in name
        assert archive.read(name).decode() == PAGE
