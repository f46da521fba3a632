"""The command line as people type it: targets without `check`, ports as for nc, durations, aliases, misspelt words."""

from __future__ import annotations

import json
import os
import shlex
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from portdoctor import __version__, cli
from portdoctor.commands import COMMANDS, EXAMPLES
from portdoctor.commands.output import reading
from portdoctor.commands.output.options import FORMATS
from portdoctor.commands.output.stdout import check_writable
from portdoctor.target import UsageError

from .loopback import Authority, over_tls, saying, server
from .test_cli import Run, closed, run

__all__ = ["closed", "run"]


def port_of(target: str) -> str:
    return target.rpartition(":")[2]


# ---------------------------------------------------------------- targets


def test_a_target_needs_no_command(run: Run, closed: str) -> None:
    wanted = run("check", closed, "-q")
    assert wanted.code == 1
    for words in ([closed], [f"http://{closed}/"], [f"tcp://{closed}"], ["127.0.0.1", port_of(closed)]):
        done = run(*words, "-q")
        assert (done.code, done.err) == (1, ""), words
        assert done.out == wanted.out, words
        assert run("-q", *words).out == wanted.out, words  # options first
    assert run("-w", "2s", "-q", closed).out == wanted.out  # an option with a value first
    assert json.loads(run("--json", closed).out)["target"]["input"] == closed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["chekc", "127.0.0.1:9"], "unknown command 'chekc' (did you mean 'check'?)"),
        (["explian", "443"], "unknown command 'explian' (did you mean 'explain'?)"),
        (["--json", "chekc", "127.0.0.1:9"], "unknown command 'chekc' (did you mean 'check'?)"),
        (["chekc", "443"], "unknown command 'chekc' (did you mean 'check'?)"),
        (["server", "9"], "unknown command 'server': write portdoctor server:9 to check a host"),
        (["-q", "server", "9"], "unknown command 'server': write portdoctor server:9 to check a host"),
        (["--json", "port", "9"], "option --json before the command: write portdoctor port --json"),
        (["lab", "rnu"], "unknown command 'rnu' (did you mean 'run'?)"),
        (["lab", "xyz"], "unknown command 'xyz': `portdoctor lab --help` lists the commands"),
        (["help", "chekc"], "unknown command 'chekc' (did you mean 'check'?)"),
    ],
)
def test_a_misspelt_command_is_never_probed(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {says}")
    assert len(done.err.splitlines()) == 1


def test_a_colon_alone_is_one_sentence(run: Run) -> None:
    for words in ([":"], ["check", ":"]):
        assert run(*words) == (2, "", "error: missing host: write localhost:443\n")
    assert run("bind", ":").err == "error: missing port: write 127.0.0.1:8080, or :8080\n"


@pytest.mark.parametrize(
    "words",
    [
        ["{host}", "{port}"], ["{host}", "-p", "{port}"], ["--port={port}", "{host}"], ["tcp://{host}", "-p{port}"],
        ["[::1]", "{port}"], ["::1", "{port}"], ["::1", "-p", "{port}"], ["http://{host}/", "-p", "{port}"],
    ],
)  # fmt: skip
def test_a_port_may_stand_apart(run: Run, closed: str, words: list[str]) -> None:
    given = [word.format(host="127.0.0.1", port=port_of(closed)) for word in words]
    plan = json.loads(run("check", *given, "--plan", "--json").out)
    assert plan["target"]["port"] == int(port_of(closed))
    assert plan["target"]["host"] in ("127.0.0.1", "::1")


def test_ports_for_many_targets(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text("10.0.0.1 22 # two words\n10.0.0.2\nshop=10.0.0.3:1\n", encoding="utf-8")
    done = run("check", "10.0.0.4", "10.0.0.5", "23", "-i", str(file), "-p", "80,81", "--plan", "--json")
    asked = [(t["host"], t["port"], t["alias"]) for t in (json.loads(line)["target"] for line in done.out.splitlines())]
    assert asked == [
        ("10.0.0.4", 80, None), ("10.0.0.4", 81, None), ("10.0.0.5", 23, None), ("10.0.0.1", 22, None),
        ("10.0.0.2", 80, None), ("10.0.0.2", 81, None),
    ]  # fmt: skip
    assert done.err == "error: line 3: port given twice: write 10.0.0.3:1 or -p 80,81\n"
    assert run("check", "10.0.0.4", "443", "22", "--plan").code == 3  # 22 is no host
    assert "unknown service 'htps' (did you mean 'https'?)" in run("check", "10.0.0.4", "-p", "htps").err


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_shows_the_alias_but_not_redacted(run: Run, closed: str, form: str, tmp_path: Path) -> None:
    done = run("check", f"shop.db={closed}", "--format", form)
    assert "shop.db" in done.out
    assert closed in done.out
    redacted = run("check", f"shop.db={closed}", "--format", form, "--redact-key", str(tmp_path / "key"))
    assert redacted.code == done.code
    assert "shop.db" not in redacted.out
    assert "shop.db" in (tmp_path / "key").read_text(encoding="utf-8")


def test_the_alias_is_shown_in_short_and_in_a_plan_and_is_no_part_of_the_target(run: Run, closed: str) -> None:
    assert run(f"db={closed}", "-q").out.startswith(f"db ({closed}) connection-refused")
    assert run(f"db={closed}", "--plan").out.startswith(f"Plan for db ({closed})")
    target = json.loads(run(f"db={closed}", "--json").out)["target"]
    assert (target["alias"], target["input"], target["host"]) == ("db", closed, "127.0.0.1")


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5.0), ("2.5", 2.5), (".5", 0.5), ("500ms", 0.5), ("2s", 2.0), ("1m", 60.0), ("1.5h", 5400.0), (" 3s ", 3.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert reading.duration_of(text, "--timeout") == seconds


@pytest.mark.parametrize("text", ["0", "-1", "5x", "5 s", "1e3", "nan", "inf", "s", "24h", "9" * 400, "٣s", "1m30s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match=r"for --timeout: write a duration such as 500ms, 5s or 2m$"):
        reading.duration_of(text, "--timeout")


def test_durations_of_options_and_settings(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = ("10.0.0.1:9", "--plan", "--json")
    plan = json.loads(run("check", *options, "-w", "500ms", "--budget", "1m", "--wait", "10s").out)
    assert (plan["options"]["timeout"], plan["options"]["budget"], plan["tries"]) == (0.5, 60.0, 6)
    (tmp_path / "config.toml").write_text('timeout = "250ms"\nbudget = 20\n', encoding="utf-8")
    monkeypatch.setenv("PORTDOCTOR_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PORTDOCTOR_WAIT", "0")
    plan = json.loads(run("check", *options).out)
    assert (plan["options"]["timeout"], plan["options"]["budget"], plan["tries"]) == (0.25, 20.0, 1)


def test_long_forms(run: Run, closed: str) -> None:
    for option, family in (("--ipv4", 4), ("-4", 4), ("--ipv6", 6)):
        assert json.loads(run("check", "localhost:9", "--plan", "--json", option).out)["options"]["family"] == family
    assert "\x1b[" in run("check", closed, "--color", "always").out
    assert "\x1b[" not in run("check", closed, "--no-color", "--color", "always").out
    for words in (["-V"], ["--version"], ["version"]):
        assert run(*words) == (0, f"portdoctor {__version__}\n", "")


@pytest.mark.parametrize("option", ["-k", "--insecure"])
def test_a_certificate_of_any_kind_can_be_accepted(run: Run, tmp_path: Path, option: str) -> None:
    answer = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", after_hearing=True)
    with server(over_tls(Authority(tmp_path).context("localhost"), answer)) as port:
        target = f"web=https://localhost:{port}/"
        refused, accepted = (json.loads(run(target, "-4", "--json", *more).out) for more in ((), (option,)))
        plan = json.loads(run(target, "--plan", "--json", option).out)
    assert refused["verdict"]["symptom"] == "tls-failed"
    assert accepted["verdict"]["symptom"] == "ok"
    assert [stage["status"] for stage in accepted["stages"] if stage["name"] in ("tls", "http")] == ["ok", "ok"]
    (note,) = [note for note in accepted["notes"] if "--insecure ignores it" in note["text"]]
    (seen,) = [o for o in accepted["observations"] if o["id"] in note["evidence"]]
    assert (seen["role"], seen["outcome"]) == ("verify", "untrusted")
    assert [step["most"] for step in plan["steps"] if step["probe"] == "verify"] == [1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["check", "--jsno", "10.0.0.1:9"], "unknown option --jsno (did you mean --json"),
        (["10.0.0.1:9", "--recrod", "x"], "unknown option --recrod (did you mean --record"),
        (["check", "10.0.0.1:9", "--format", "jsn"], "invalid value 'jsn' for --format (did you mean 'json'?)"),
        (["check", "10.0.0.1:9", "--color", "nevr"], "invalid value 'nevr' for --color (did you mean 'never'?)"),
        (["check", "10.0.0.1:9", "--expect", "tcp.no-listner"], "unknown value 'tcp.no-listner' for --expect "
         "(did you mean 'tcp.no-listener'?)"),
        (["check", "10.0.0.1:9", "--expect", "conection-refused"], "unknown value 'conection-refused' for --expect "
         "(did you mean 'connection-refused'?)"),
        (["bind", ":9", "--expect", "opne"], "unknown value 'opne' for --expect (did you mean 'open'?)"),
        (["schema", "reprot"], "unknown schema 'reprot' (did you mean 'report'?)"),
        (["lab", "run", "tcp/port-filterd"], "unknown scenario 'tcp/port-filterd' (did you mean 'tcp/port-filtered'?)"),
        (["lab", "matrix", "--format", "markdwon"], "invalid value 'markdwon' for --format (did you mean 'markdown'?)"),
        (["explain", "tcp.no-listner"], "unknown name 'tcp.no-listner' (did you mean 'tcp.no-listener'"),
        (["port", "htps"], "unknown service 'htps' (did you mean 'https'?)"),
        (["check", "10.0.0.1:htps"], "unknown service 'htps' (did you mean 'https'?)"),
        (["check", "htps://10.0.0.1"], "unknown scheme htps://: write https://10.0.0.1"),
        (["check", "10.0.0.1:9", "--record"], "option '--record' requires an argument"),
        (["port"], "missing argument 'PORT|NAME'"),
    ],
)  # fmt: skip
def test_a_misspelt_word_is_shown_with_a_similar_one(run: Run, words: list[str], says: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {says}"), done.err
    assert len(done.err.splitlines()) == 1


# ---------------------------------------------------------------- files


def test_a_dash_is_stdout(run: Run, closed: str) -> None:
    assert run("check", closed, "-q", "-o", "-").out == run("check", closed, "-q").out
    assert "for --record: name a file, or write --json" in run("check", closed, "--record", "-").err


@pytest.mark.parametrize("option", ["-o", "--record", "--redact-key"])
@pytest.mark.parametrize("place", ["folder", "missing/file", "link", "closed/file"])
def test_files_are_checked_before_anything_is_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, place: str
) -> None:
    monkeypatch.setattr("portdoctor.commands.output.loop.probe_all", lambda *_, **__: pytest.fail("it was probed"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "closed").mkdir(mode=0o500)
    (tmp_path / "link").symlink_to("elsewhere")
    if place == "closed/file" and os.access(tmp_path / "closed", os.W_OK):  # root: nothing is closed to it
        real = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: "closed" not in str(path) and real(path, mode))
    done = run("check", "10.0.0.1:9", option, str(tmp_path / place))
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert str(tmp_path / place).removesuffix("/file") in done.err


def test_two_options_cannot_name_one_file(run: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "file")
    for words in (["-o", file, "--record", file], ["--record", file, "--redact-key", file]):
        says = f"error: two options name the same file {file}: name a file for each\n"
        assert run("check", "10.0.0.1:9", *words) == (2, "", says)


def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    for file in ("/dev/stdout", os.devnull, str(tmp_path / "pipe"), str(tmp_path / "new")):
        check_writable(file)


# ---------------------------------------------------------------- nagios


@pytest.mark.parametrize(
    "words",
    [
        ["check", "no-port"], ["check", "10.0.0.1:9", "--bogus"], ["chekc", "10.0.0.1:9"], ["check"], ["10.0.0.1:0"],
        ["check", "10.0.0.1:9", "--timeout", "5x"], ["check", "10.0.0.1:9", "--record", "/no/such/folder"],
    ],
)  # fmt: skip
def test_usage_errors_of_a_plugin_are_one_line_on_stdout(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    done = run(*words, "--format", "nagios")
    assert (done.code, done.err) == (3, "")
    assert done.out.startswith("PORTDOCTOR UNKNOWN - ")
    assert len(done.out.splitlines()) == 1
    assert "|" not in done.out
    monkeypatch.setenv("PORTDOCTOR_FORMAT", "nagios")
    assert run(*words) == done


# ---------------------------------------------------------------- help


def test_help(run: Run) -> None:
    assert run("help") == run("--help")
    for name in COMMANDS:
        assert run("help", name) == run(name, "--help"), name
    assert run("help", "lab", "run") == run("lab", "run", "-h")


def test_help_ends_with_examples_and_exit_codes(run: Run) -> None:
    text = run("check", "-h").out
    for line in EXAMPLES["check"]:
        assert f"  {line}" in text
    for code in cli.EXIT_CODES:
        assert f"\n  {code} " in text
    assert "Exit codes" not in run("port", "-h").out
    assert "TEXT" not in text  # every metavar says what to write
    assert "FLOAT" not in text
    assert "INTEGER" not in text


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_the_examples_are_valid(line: str) -> None:
    root: Any = get_command(cli.build(None))
    words = shlex.split(line)[1:]
    with root.make_context("portdoctor", words) as ctx:
        name, command, rest = root.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        assert name in COMMANDS
        inner = command.make_context(name, rest, parent=ctx)
        assert inner.params or command.resolve_command(inner, [*inner._protected_args, *inner.args])[1]


# ---------------------------------------------------------------- completion


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("check --format = js", "json"), ("check --format =", "terminal"), ("lab run tcp/port-fi", "tcp/port-filtered"),
        ("lab show dns/nx", "dns/nxdomain"), ("port postg", "postgres"), ("listening http", "http"),
        ("10.0.0.1 : 22 --form", "--format"), ("host : 22 --format = na", "nagios"), ("help lin", "lint"),
        ("lab matrix --format ma", "markdown"), ("--json host : 22 --col", "--color"), ("ver", "version"),
    ],
)  # fmt: skip
def test_completion_in_bash(tmp_path: Path, words: str, first: str) -> None:
    """As bash splits them: `--format=js` has three words, `host:22` as well."""
    program = tmp_path / "portdoctor"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m portdoctor "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    script = 'eval "$(portdoctor --show-completion bash)"; COMP_WORDS=(portdoctor "$@"); COMP_CWORD=$#; '
    script += "_portdoctor_completion portdoctor; printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words.split()], capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stdout.splitlines()[0] == first, done.stderr
