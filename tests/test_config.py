"""Settings: an option outdoes a variable, a variable outdoes the file, and a mistake is one clear line."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from typer.main import get_command

from portdoctor import cli
from portdoctor.commands.output import settings
from portdoctor.host import config_folder

ROOT = Path(__file__).parent.parent
Run = Callable[..., tuple[int, str, str]]
OPPOSITE = {"no-controls": "--controls", "with-names": "--no-names"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the configuration file that counts."""

    def write(text: str) -> Path:
        file = tmp_path / "config.toml"
        file.write_text(text, encoding="utf-8")
        monkeypatch.setenv("PORTDOCTOR_CONFIG", str(file))
        return file

    return write


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["portdoctor", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        code = cli.main()
        return (code, *capsys.readouterr())

    return _run


def options(run: Run, *words: str) -> dict[str, Any]:
    """The options that a check would have: read off its plan."""
    code, out, err = run("check", "10.0.0.1:22", "--plan", "--json", *words)
    assert (code, err) == (0, "")
    plan = json.loads(out)
    return {**plan["options"], "tries": plan["tries"]}


# ---------------------------------------------------------------- who outdoes whom


@pytest.mark.parametrize(
    ("flag", "variable", "file", "expected"),
    [
        (None, None, None, 15.0), (None, None, "7", 7.0), (None, "6", None, 6.0), ("5", None, None, 5.0),
        (None, "6", "7", 6.0), ("5", None, "7", 5.0), ("5", "6", None, 5.0), ("5", "6", "7", 5.0),
        (None, "", "7", 7.0),
    ],
)  # fmt: skip
def test_a_value(
    run: Run, config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, flag: str | None, variable: str | None,
    file: str | None, expected: float,
) -> None:  # fmt: skip
    if file is not None:
        config(f"budget = {file}\n")
    if variable is not None:
        monkeypatch.setenv("PORTDOCTOR_BUDGET", variable)
    words = [] if flag is None else ["--budget", flag]
    assert options(run, *words)["budget"] == expected


@pytest.mark.parametrize(
    ("flag", "variable", "file", "controls"),
    [
        (None, None, None, True), (None, None, "true", False), (None, "1", None, False),
        ("--no-controls", None, None, False), (None, "0", "true", True), (None, "yes", "false", False),
        ("--controls", None, "true", True), ("--controls", "1", None, True), ("--no-controls", "0", "false", False),
        ("--controls", "on", "true", True), (None, "Off", "true", True),
    ],
)  # fmt: skip
def test_a_flag(
    run: Run, config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, flag: str | None, variable: str | None,
    file: str | None, controls: bool,
) -> None:  # fmt: skip
    if file is not None:
        config(f"no-controls = {file}\n")
    if variable is not None:
        monkeypatch.setenv("PORTDOCTOR_NO_CONTROLS", variable)
    assert options(run, *([flag] if flag else []))["controls"] is controls


def test_every_setting_reaches_its_option(
    run: Run, config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config('timeout = 2\nsource = "192.0.2.7"\nresolver = "192.0.2.53"\nattempts = 3\nwait = 10\nno-controls = true\n')
    told = options(run)
    assert (told["timeout"], told["source"], told["resolver"]) == (2.0, "192.0.2.7", "192.0.2.53")
    assert (told["attempts"], told["tries"], told["controls"]) == (3, 6, False)
    config('format = "tap"\n')
    assert "--plan does not support the format tap" in run("check", "10.0.0.1:22", "--plan")[2]
    assert json.loads(run("check", "10.0.0.1:22", "--plan", "--json")[1])["schema"] == "portdoctor.plan/1"
    monkeypatch.setenv("PORTDOCTOR_FORMAT", "jsonl")
    assert json.loads(run("check", "10.0.0.1:22", "--plan")[1])
    assert run("check", "10.0.0.1:22", "--plan", "--format", "terminal")[1].startswith("Plan for")


def test_paths_of_the_file_are_relative_to_it(run: Run, config: Callable[[str], Path], tmp_path: Path) -> None:
    config('cafile = "no-such.pem"\n')
    _, _, err = run("check", "10.0.0.1:22", "--plan")
    assert f"{tmp_path}{os.sep}no-such.pem for --cafile" in err
    config('causes = ["ours", "~/theirs"]\n')
    assert run("explain", "--list")[2].startswith(f"error: {tmp_path}{os.sep}ours: cannot read the cause files")
    given = settings.given({"PORTDOCTOR_CONFIG": str(tmp_path / "config.toml")})
    assert given.values["causes"] == [str(tmp_path / "ours"), os.path.expanduser("~/theirs")]


def test_folders_of_a_variable_are_separated_as_in_path(tmp_path: Path) -> None:
    text = os.pathsep.join(("one folder", "", "two"))
    assert settings.given({"PORTDOCTOR_CAUSES": text}).values == {"causes": ["one folder", "two"]}
    assert settings.given({"PORTDOCTOR_CAUSES": ""}).values == {}


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timeuot = 2\n", "1: unknown setting 'timeuot' (did you mean 'timeout'?)"),
        ("# ours\n\nno_controls = true\n", "3: unknown setting 'no_controls' (did you mean 'no-controls'?)"),
        ("[check]\ntimeout = 2\n", "1: unknown setting 'check'; tables are not supported, write each option as a key"),
        ('expect = "open"\n', "1: unknown setting 'expect'; known settings: timeout, "),
        ('timeout = "2 h"\n', "1: timeout: invalid value: write a number of seconds, or a duration such as "),
        ("timeout = true\n", "1: timeout: invalid value: write a number of seconds, or a duration such as "),
        ("attempts = 2.5\n", "1: attempts: invalid value: write a whole number such as 3"),
        ("strict = 1\n", "1: strict: invalid value: write true or false"),
        ("format = 3\n", "1: format: invalid value: write a string in quotes"),
        ('causes = "causes"\n', '1: causes: invalid value: write a list of folders such as ["causes"]'),
        ("causes = []\n", '1: causes: invalid value: write a list of folders such as ["causes"]'),
        ("timeout = 2\nstrict = tru\n", "2: invalid TOML: "),
        ("timeout = 2\ntimeout = 3\n", "2: invalid TOML: "),
        ("timeout = [2\n", "1: invalid TOML: "),
    ],
)
def test_a_mistake_in_the_file(run: Run, config: Callable[[str], Path], text: str, said: str) -> None:
    file = config(text)
    code, out, err = run("check", "10.0.0.1:22")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"{file}:{said}"), err


def test_every_mistake_is_said(
    run: Run, config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config('timeuot = 2\nstrict = true\nbudget = "x"\n')
    monkeypatch.setenv("PORTDOCTOR_WAIT", "long")
    _, _, err = run("check", "10.0.0.1:22")
    assert [line.partition(" ")[0] for line in err.splitlines()] == [f"{file}:1:", f"{file}:3:", "error:"]
    assert "PORTDOCTOR_WAIT" in err.splitlines()[2]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TIMEOUT", "abc", "invalid value 'abc' for PORTDOCTOR_TIMEOUT: write a number of seconds, or a "
         "duration such as 500ms or 2m"),
        ("ATTEMPTS", "2.5", "invalid value '2.5' for PORTDOCTOR_ATTEMPTS: write a whole number such as 3"),
        ("STRICT", "maybe", "invalid value 'maybe' for PORTDOCTOR_STRICT: write true or false"),
        ("FORMAT", "xml", "invalid value 'xml' for --format: write terminal, ticket, markdown, json, jsonl, "
         "nagios, junit, openmetrics or tap (set by PORTDOCTOR_FORMAT)"),
        ("SOURCE", "me", "such as 192.0.2.7 (set by PORTDOCTOR_SOURCE)"),
        ("ATTEMPTS", "99", " (set by PORTDOCTOR_ATTEMPTS)"),
        ("TIMEOUT", "0", " (set by PORTDOCTOR_TIMEOUT)"),
        ("TIMEOUT", "-1", "duration such as 500ms or 2m"),
        ("WAIT", "nan", "duration such as 500ms or 2m"),
    ],
)
def test_a_mistake_in_a_variable(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"PORTDOCTOR_{name}", value)
    code, out, err = run("check", "10.0.0.1:22", "--plan")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.rstrip().endswith(said)


def test_a_refused_value_of_the_file_is_named_with_its_line(run: Run, config: Callable[[str], Path]) -> None:
    file = config('strict = true\ncolor = "pink"\n')
    assert run("check", "10.0.0.1:22")[2].endswith(f" (set by {file}:2)\n")
    assert "set by" not in run("check", "10.0.0.1:22", "--color", "blue")[2]


def test_mistakes_in_a_nagios_check_are_3(
    run: Run, config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config('format = "nagios"\n')
    assert run("check", "10.0.0.1:22", "--bogus")[0] == 3
    assert run("check", "10.0.0.1:22", "--bogus", "--format", "tap")[0] == 2
    config('format = "nagios"\ntimeuot = 2\n')
    assert run("check", "10.0.0.1:22")[0] == 2  # a file with a mistake says nothing
    monkeypatch.setenv("PORTDOCTOR_FORMAT", "nagios")
    assert run("check", "10.0.0.1:22")[0] == 3
    monkeypatch.setenv("PORTDOCTOR_FORMAT", "tap")
    assert run("check", "10.0.0.1:22", "--format=nagios")[0] == 3


def test_a_file_that_a_variable_names_must_be_there(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PORTDOCTOR_CONFIG", str(tmp_path / "none.toml"))
    code, _, err = run("check", "10.0.0.1:22")
    assert code == 2
    assert err == f"error: PORTDOCTOR_CONFIG: cannot read {tmp_path}/none.toml: No such file or directory\n"
    (tmp_path / "none.toml").write_bytes(b"timeout = 2 # \xff\n")
    assert run("check", "10.0.0.1:22")[2] == f"error: {tmp_path}/none.toml: the file is not UTF-8\n"


def test_help_and_commands_without_settings_need_no_file(run: Run, config: Callable[[str], Path]) -> None:
    config("timeuot = 2\n")
    assert run("check", "--help")[0] == 0
    assert run("port", "443")[0] == 0
    assert run("schema")[0] == 0


# ---------------------------------------------------------------- where it lies, what it costs


@pytest.mark.parametrize("base", [None, "", "relative", "/etc/office"])
def test_the_folder_is_that_of_platformdirs(monkeypatch: pytest.MonkeyPatch, base: str | None) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    if base is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", base)
    assert config_folder() == platformdirs.user_config_dir("portdoctor", appauthor=False)


def test_without_a_home_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert settings.config_file({}) == "" if sys.platform == "linux" else settings.config_file({})


def test_a_file_that_is_not_there_loads_nothing(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from portdoctor.commands.output import settings\n"
        "assert settings.given(os.environ) == ({}, {})\n"
        "assert not {'tomllib', 'platformdirs'} & set(sys.modules) or sys.platform != 'linux'\n"
    )
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    env["PORTDOCTOR_CONFIG"] = ""  # as good as not set
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=env)


def test_a_file_of_another_user_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> io.StringIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    assert settings.given({}) == ({}, {})


def test_the_users_own_file_is_read(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PORTDOCTOR_CONFIG")
    monkeypatch.setattr("portdoctor.host.config_folder", lambda: str(tmp_path))
    assert options(run)["timeout"] is None
    (tmp_path / "config.toml").write_text("timeout = 2.5\n", encoding="utf-8")
    assert options(run)["timeout"] == 2.5


# ---------------------------------------------------------------- the table and the commands


def test_every_setting_is_an_option_of_a_command_that_reads_them() -> None:
    known: dict[str, set[str]] = {}
    for name in settings.COMMANDS:
        for param in get_command(cli.build(name)).commands[name].params:  # type: ignore[attr-defined]
            known.setdefault(param.name, set()).update((*param.opts, *param.secondary_opts))
    for name in settings.SETTINGS:
        assert f"--{name}" in known[settings.parameter(name)]
        if settings.SETTINGS[name] == "flag":
            assert OPPOSITE.get(name, f"--no-{name}") in known[settings.parameter(name)]


def test_the_documentation_has_every_setting_and_no_other() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `--([\w-]+)` \| `(\w+)` \| `([\w-]+) = (.+?)` \|", page, re.M)
    assert [row[0] for row in rows] == list(settings.SETTINGS)
    text = "".join(f"{key} = {value}\n" for _, _, key, value in rows)
    for name, variable, key, _ in rows:
        assert (variable, key) == (settings.variable(name), name)
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    for sample in (text, example):
        values, _, wrong = settings._of_file("config.toml", sample)
        assert values
        assert wrong == []


# ---------------------------------------------------------------- completion


def completed(shell: str, line: str, **more: str) -> list[str]:
    """What a shell would offer at the end of a command line."""
    words = line.split(" ")
    bash = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    asked = bash if shell == "bash" else {"_TYPER_COMPLETE_ARGS": line}
    env = {
        **os.environ, **asked, **more, "_PORTDOCTOR_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "portdoctor"], capture_output=True, text=True, timeout=60, check=False, env=env,
        cwd=ROOT,
    )  # fmt: skip
    assert done.stderr == ""
    return re.findall(r'"([^"]+)"', done.stdout) if shell == "zsh" else done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_causes(shell: str) -> None:
    assert completed(shell, "portdoctor explain tcp.port-f") == ["tcp.port-filtered"]


def test_completion() -> None:
    assert completed("bash", "portdoctor che") == ["check"]
    assert completed("bash", "portdoctor check --format j") == ["json", "jsonl", "junit"]
    assert completed("bash", "portdoctor check --color a") == ["auto", "always"]
    assert completed("bash", "portdoctor check --expect connection-r") == ["connection-refused", "connection-reset"]
    assert completed("bash", "portdoctor bind --expect ope") == ["open"]
    assert completed("bash", "portdoctor schema p") == ["port", "plan"]
    assert "--redact-key" in completed("bash", "portdoctor check --red")


def test_completion_of_a_sites_causes_and_in_spite_of_mistakes(tmp_path: Path) -> None:
    page = (ROOT / "docs/own-causes.md").read_text(encoding="utf-8")
    (tmp_path / "tcp").mkdir()
    (example,) = re.findall(r"```markdown\n(.*?)```", page, re.S)
    (tmp_path / "tcp" / "not-on-vpn.md").write_text(example, encoding="utf-8")
    assert completed("bash", "portdoctor explain tcp.not-on", PORTDOCTOR_CAUSES=str(tmp_path)) == ["tcp.not-on-vpn"]
    (tmp_path / "tcp" / "not-on-vpn.md").write_text("", encoding="utf-8")
    more = {"PORTDOCTOR_CAUSES": str(tmp_path), "PORTDOCTOR_WAIT": "long"}
    assert completed("bash", "portdoctor explain tcp.port-f", **more) == ["tcp.port-filtered"]


def test_the_script_for_the_shell_can_be_shown() -> None:
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for shell in ("bash", "zsh", "fish"):
        words = [sys.executable, "-m", "portdoctor", "--show-completion", shell]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True, env=env, cwd=ROOT)
        assert "_PORTDOCTOR_COMPLETE" in done.stdout
