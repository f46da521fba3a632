"""`portdoctor lint`, and what every command makes of an error in our own cause files: the linter's line, exit 2."""

from __future__ import annotations

import compileall
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECORDING = str(ROOT / "scenarios/tcp/no-listener.json")
CAUSE = Path("portdoctor/causes/tcp/no-listener.md")
LINTING = (["lab", "run", "tcp/no-listener"], ["lab", "record", "tcp/no-listener"])
DIAGNOSING = (
    ["check", "127.0.0.1:{closed}"], ["check", "127.0.0.1:{closed}", "127.0.0.1:{closed}"], ["diagnose", RECORDING],
    ["ticket", RECORDING], ["lab", "matrix"],
)  # fmt: skip
EXPLAINING = (["explain", "tcp.no-listener"], ["explain", "connection-refused"], ["explain", "--list"])
NAMING = (*DIAGNOSING, EXPLAINING[0])
# What is wrong -> (old text, new text, the linter's line after the path, the commands that cannot go on).
ERRORS = {
    "key": ("\nowner =", "\nonwer =", "7: unknown key 'onwer' (did you mean 'owner'?)", (*DIAGNOSING, *EXPLAINING)),
    "word": ('"server-operator"', '"operator"', "7: owner: invalid value 'operator'", (*DIAGNOSING, *EXPLAINING)),
    "sign": ('requires = ["', 'requires = ["not-a-sign", "', "4: requires: unknown sign 'not-a-sign'", NAMING),
    "parameter": ('requires = ["', 'requires = ["tcp.silent:x", "', "4: requires: the sign tcp.silent takes", NAMING),
    "step": ("## What to do\n", "## What to do\nDo it.\n", "30: malformed step: write", DIAGNOSING),
    "cause": ("\nowner =", '\nrefines = ["x.y"]\nowner =', "7: refines: unknown cause 'x.y'", ()),
    "sentence": ("The host responds,", f"{'The host ' * 9}responds,", "15: first sentence: the sentence has ", ()),
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, whose cause files a test may break."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "portdoctor", folder / "portdoctor")
    compileall.compile_dir(folder / "portdoctor", quiet=2)  # once, not in each command of each test
    (folder / "scenarios").symlink_to(ROOT / "scenarios")
    return folder


def run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), **variables}
    command = [sys.executable, "-m", "portdoctor", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def broken(folder: Path, old: str, new: str) -> None:
    text = (ROOT / CAUSE).read_text(encoding="utf-8")
    assert old in text
    (folder / CAUSE).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_in_our_own_causes_is_one_line_whichever_command_meets_it(copy: Path, error: str) -> None:
    old, new, line, stopped = ERRORS[error]
    broken(copy, old, new)
    port = str(closed_port())
    linted = run(copy, "lint")
    assert (linted.returncode, linted.stderr) == (1, "")
    assert linted.stdout.startswith(f"{copy / CAUSE}:{line}"), linted.stdout
    for command in (*LINTING, *DIAGNOSING, *EXPLAINING):
        ended = run(copy, *(word.format(closed=port) for word in command))
        if command in stopped or command in LINTING:
            assert (ended.returncode, ended.stderr) == (2, linted.stdout), command
        else:
            assert ended.returncode in (0, 1), (command, ended.stderr)
            assert ended.stderr == "", command


def test_ours_are_counted_and_have_no_errors(copy: Path) -> None:
    broken(copy, "", "")
    ended = run(copy, "lint")
    count = len(list((ROOT / "portdoctor/causes").glob("*/*.md")))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{count} cause files, no errors\n", "")


def test_a_sites_folder_is_checked_alone_or_with_ours_when_it_is_configured(copy: Path, tmp_path: Path) -> None:
    broken(copy, "\nowner =", "\nonwer =")
    cause = tmp_path / "tcp/x.md"
    cause.parent.mkdir()
    text = (ROOT / CAUSE).read_text(encoding="utf-8")
    cause.write_text(text.replace("server-operator", "operator"), encoding="utf-8")
    ours, site = f"{copy / CAUSE}:7: unknown key", f"{cause}:7: owner: invalid value"
    alone = run(copy, "lint", str(tmp_path))
    assert (alone.returncode, [line.startswith(site) for line in alone.stdout.splitlines()]) == (1, [True])
    config = tmp_path / "config.toml"
    config.write_text(f'causes = ["{tmp_path}"]\n', encoding="utf-8")
    both = run(copy, "lint", PORTDOCTOR_CONFIG=str(config))
    first, second = both.stdout.splitlines()
    assert (both.returncode, first.startswith(ours), second.startswith(site)) == (1, True, True)


def test_a_folder_that_cannot_be_read_is_the_users_error(copy: Path, tmp_path: Path) -> None:
    ended = run(copy, "lint", str(tmp_path / "none"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"error: {tmp_path / 'none'}: cannot read the cause files: No such file or directory\n"
