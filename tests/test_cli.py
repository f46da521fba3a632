"""The command line: exit codes in every combination, what goes where, and ends that are not the user's fault."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portdoctor import __version__, cli
from portdoctor.checkup import checkup
from portdoctor.commands import COMMANDS
from portdoctor.commands.output import stdout
from portdoctor.commands.output.loop import RunResult
from portdoctor.commands.output.options import OutputOptions
from portdoctor.model import Symptom
from portdoctor.render.state import State, duration

from . import reports
from .loopback import reset, server, until_closed

ESC = "\x1b["


class Done(NamedTuple):
    """What a run of the command line came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process."""
    for name in ("NO_COLOR", "FORCE_COLOR", "PORTDOCTOR_NO_CONTROLS"):
        monkeypatch.delenv(name, raising=False)

    def _run(*words: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["portdoctor", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        code = cli.main()
        return Done(code, *capsys.readouterr())

    return _run


def started(*words: str) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", "portdoctor", *words], stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def closed() -> str:
    """A loopback target that refuses."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def opened() -> Iterator[str]:
    """A loopback target that accepts, and is asked for no more than that."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"tcp://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def broken() -> Iterator[str]:
    """A loopback web server that resets every connection."""
    with server(reset) as port:
        yield f"http://127.0.0.1:{port}/"


# ---------------------------------------------------------------- exit codes


def _code_of_the_contract(result: RunResult) -> int:
    """The contract, sentence by sentence: 130, 1, 3, 0; --expect; Nagios."""
    failing = [s for s in result.symptoms if s not in ("ok", "undetermined") and (s != "degraded" or result.strict)]
    vague = "undetermined" in result.symptoms or result.unreadable or result.reader_closed
    if result.interrupted and not result.reader_closed:
        return 130
    if result.met is not None:
        if False in result.met:
            return 1 if result.nagios is None else 2
        return 3 if None in result.met or result.unreadable or result.reader_closed else 0
    if result.nagios is not None:
        return 2 if failing else 3 if vague else 1 if "degraded" in result.symptoms else 0
    return 1 if failing else 3 if vague else 0


def _states(
    symptoms: tuple[Symptom, ...], met: tuple[bool | None, ...] | None, *, strict: bool
) -> tuple[State, ...]:
    """The states that a monitoring system gets for these results."""
    if met is not None:
        of_met: dict[bool | None, State] = {True: "ok", False: "failed", None: "unknown"}
        return tuple(of_met[each] for each in met)
    of: dict[str, State] = {"ok": "ok", "undetermined": "unknown", "degraded": "failed" if strict else "warning"}
    return tuple(of.get(each, "failed") for each in symptoms)


def test_a_slow_check_is_a_warning_or_critical_for_nagios(run: Run, opened: str) -> None:
    took = duration(reports.ok()[0])

    def state(make: Callable[[], reports.Case], warning: float | None, critical: float | None) -> State:
        return OutputOptions(format="nagios", warning=warning, critical=critical).state(make())

    assert state(reports.ok, took * 2, took * 3) == "ok"
    assert state(reports.ok, took / 2, took * 2) == "warning"
    assert state(reports.ok, None, took / 2) == "failed"
    assert state(reports.refused, 0.001, None) == "failed"
    assert run("check", opened, "--format", "nagios", "--warning", "1m", "--critical", "2m").code == 0
    done = run("check", opened, "--warning", "1")
    assert (done.code, "--format nagios" in done.err) == (2, True)


def test_exit_codes_in_every_combination() -> None:
    kinds: list[Symptom] = ["ok", "degraded", "undetermined", "timeout"]
    some = [c for size in range(4) for c in itertools.combinations(kinds, size)]
    answers: list[tuple[bool | None, ...] | None] = [None, (True,), (True, None), (True, False), (None, False)]
    flags = list(itertools.product([False, True], repeat=5))
    for symptoms, met, (stopped, unreadable, left, strict, nagios) in itertools.product(some, answers, flags):
        result = RunResult(
            symptoms=symptoms, met=met, interrupted=stopped, unreadable=unreadable, reader_closed=left, strict=strict,
            nagios=_states(symptoms, met, strict=strict) if nagios else None,
        )  # fmt: skip
        assert cli.exit_code(result) == _code_of_the_contract(result), result


def test_a_target_that_works_is_0_and_one_that_fails_is_1(run: Run, opened: str, closed: str) -> None:
    assert run("check", opened).code == 0
    assert run("check", closed).code == 1
    assert run("check", opened, closed, "-q").code == 1


@pytest.mark.parametrize(
    ("expect", "of_opened", "of_closed"),
    [
        ("open", 0, 1), ("closed", 1, 0), ("refused", 1, 0), ("filtered", 1, 1), ("ok", 0, 1),
        ("connection-refused", 1, 0), ("tcp.no-listener", 1, 0), ("tcp.port-filtered", 1, 1),
    ],
)  # fmt: skip
def test_expect(run: Run, opened: str, closed: str, expect: str, of_opened: int, of_closed: int) -> None:
    assert run("check", opened, "-q", "--expect", expect).code == of_opened
    assert run("check", closed, "-q", "--expect", expect).code == of_closed


def test_nagios(run: Run, opened: str, closed: str) -> None:
    good, bad = run("check", opened, "--format", "nagios"), run("check", closed, "--format=nagios")
    assert (good.code, bad.code) == (0, 2)
    assert good.out.startswith("PORTDOCTOR OK")
    assert bad.out.startswith("PORTDOCTOR CRITICAL")
    usage = run("check", "no-port", "--format", "nagios")
    assert usage.code == 3


def test_bind_is_0_for_a_free_port_and_1_for_a_taken_one(run: Run, opened: str, closed: str) -> None:
    assert run("bind", closed).code == 0
    taken = run("bind", opened.removeprefix("tcp://"), "--json")
    assert taken.code == 1
    assert json.loads(taken.out)["verdict"]["symptom"] == "port-conflict"


# ---------------------------------------------------------------- the user's mistakes


@pytest.mark.parametrize(
    "words",
    [
        ["check"], ["check", "example.com"], ["check", "2001:db8::1:443"], ["check", "localhost:99999"],
        ["check", "localhost:1", "-4", "-6"], ["check", "localhost:1", "--timeout", "0"],
        ["check", "localhost:1", "--timeout", "soon"], ["check", "localhost:1", "--budget", "-1"],
        ["check", "localhost:1", "--source", "eth0"], ["check", "localhost:1", "--resolver", "one"],
        ["check", "localhost:1", "--cafile", "/nowhere.pem"], ["check", "localhost:1", "--format", "xml"],
        ["check", "localhost:1", "--color", "blue"], ["check", "localhost:1", "--expect", "shut"],
        ["check", "localhost:1", "--causes", "/nowhere"], ["check", "localhost:1", "--parallel", "0"],
        ["check", "localhost:1", "--bogus"], ["check", "-i", "/nowhere"], ["check", "localhost:1", "--record"],
        ["bind"], ["bind", "https://x"], ["bind", "300.1.1.1:80"], ["bind", "80", "81"],
        ["diagnose"], ["diagnose", "/nowhere.json"], ["diagnose", __file__], ["ticket", __file__],
        ["port", "99999"], ["port", "htps"], ["port"], ["listening", "htps"], ["schema", "x"],
        ["explain"], ["explain", "tcp.no-listner"],
        ["chek", "localhost:1"], ["--bogus"], ["lab", "show", "tcp/nothing"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_mistake_is_one_sentence_on_stderr(run: Run, words: list[str]) -> None:
    done = run(*words)
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.splitlines()) == 1, done.err
    assert "Traceback" not in done.err


def test_what_was_misspelt_is_suggested(run: Run) -> None:
    assert "'check'" in run("chek", "localhost:1").err
    assert "tcp.no-listener" in run("explain", "tcp.no-listner").err
    assert "https" in run("port", "htps").err


def test_no_command_shows_the_commands(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "check" in done.err


# ---------------------------------------------------------------- many targets


def test_an_unreadable_line_is_said_with_its_number_and_the_others_are_checked(
    run: Run, tmp_path: Path, opened: str
) -> None:
    file = tmp_path / "targets"
    file.write_text(f"# ours\n{opened}\n\nexample.com\n")
    done = run("check", "-i", str(file), "--json")
    assert done.code == 3
    assert done.err.startswith("error: line 4: ")
    assert len(done.err.splitlines()) == 1
    assert [json.loads(line)["verdict"]["symptom"] for line in done.out.splitlines()] == ["ok"]


def test_an_unreadable_line_does_not_hide_a_failure(run: Run, tmp_path: Path, closed: str) -> None:
    file = tmp_path / "targets"
    file.write_text(f"{closed}\nexample.com\n")
    assert run("check", "-i", str(file), "-q").code == 1


def test_lines_from_stdin(run: Run, opened: str) -> None:
    done = run("check", "-i", "-", "--json", stdin=f"{opened}  # the one\n")
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 1)


@pytest.mark.parametrize(("lines", "said"), [("example.com\n[::1\n", 3), ("example.com\n", 1), ("# none\n", 1)])
def test_no_readable_line_is_a_mistake(run: Run, tmp_path: Path, lines: str, said: int) -> None:
    file = tmp_path / "targets"
    file.write_text(lines)
    done = run("check", "-i", str(file))
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", said)


def test_an_unreadable_target_among_others(run: Run, opened: str) -> None:
    done = run("check", opened, "example.com", "--json")
    assert done.code == 3
    assert len(done.err.splitlines()) == 1


def test_json_is_one_object_a_target_in_the_order_asked(run: Run, opened: str, closed: str) -> None:
    done = run("check", closed, opened, closed.replace("127.0.0.1", "127.0.0.2"), "--json")
    reports = [json.loads(line) for line in done.out.splitlines()]
    assert [r["target"]["input"] for r in reports] == [closed, opened, closed.replace("127.0.0.1", "127.0.0.2")]
    assert done.err == ""
    unordered = run("check", closed, opened, "--json", "--unordered")
    assert {json.loads(line)["target"]["input"] for line in unordered.out.splitlines()} == {closed, opened}


@pytest.mark.parametrize("form", ["ticket", "markdown", "jsonl", "nagios", "junit", "openmetrics", "tap", "terminal"])
def test_every_format_tells_two_targets(run: Run, opened: str, closed: str, form: str) -> None:
    done = run("check", opened, closed, "--format", form)
    assert done.code == (2 if form == "nagios" else 1)
    assert closed.rpartition(":")[2] in done.out
    assert opened.rpartition(":")[2] in done.out
    assert ESC not in done.out


# ---------------------------------------------------------------- files


def test_output_goes_to_a_file_and_nothing_to_stdout(run: Run, tmp_path: Path, closed: str) -> None:
    file = tmp_path / "out"
    done = run("check", closed, "--json", "-o", str(file))
    assert (done.code, done.out) == (1, "")
    assert json.loads(file.read_text())["verdict"]["symptom"] == "connection-refused"
    assert run("check", closed, "-o", str(file)).out == ""
    assert closed in file.read_text()


@pytest.mark.parametrize("option", [(), ("-v",), ("-q",)])
def test_a_file_holds_what_stdout_would_show(run: Run, tmp_path: Path, option: tuple[str, ...]) -> None:
    file, recording = tmp_path / "out", str(Path(__file__).parent.parent / "scenarios" / "tcp" / "no-listener.json")
    shown = run("diagnose", recording, recording, *option)
    assert run("diagnose", recording, recording, *option, "-o", str(file)).out == ""
    assert file.read_text() == shown.out


@pytest.mark.parametrize("option", ["-o", "--record"])
def test_a_report_is_written_for_its_owner_only_and_never_through_a_link(
    run: Run, closed: str, tmp_path: Path, option: str
) -> None:
    file, other, link = tmp_path / "report", tmp_path / "other", tmp_path / "link"
    file.write_text("older", encoding="utf-8")
    file.chmod(0o644)
    other.write_text("kept", encoding="utf-8")
    link.symlink_to(other)
    run("check", closed, option, str(file), "-q")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="utf-8") != "older"
    done = run("check", closed, option, str(link), "-q")
    assert done.code == 2
    assert "it is a symbolic link" in done.err
    assert other.read_text(encoding="utf-8") == "kept"
    assert sorted(entry.name for entry in tmp_path.iterdir() if "portdoctor" in entry.name) == []


def test_metrics_are_readable_for_the_collector_and_a_device_is_written(run: Run, closed: str, tmp_path: Path) -> None:
    file = tmp_path / "portdoctor.prom"
    run("check", closed, "--format", "openmetrics", "-o", str(file))
    umask = os.umask(0o022)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
    assert run("check", closed, "-o", os.devnull).code == 1


@pytest.mark.parametrize("option", ["-o", "--record"])
def test_a_file_that_cannot_be_written_is_one_sentence(run: Run, tmp_path: Path, closed: str, option: str) -> None:
    done = run("check", closed, "-q", option, str(tmp_path / "no" / "folder"))
    assert done.code == 2
    assert len(done.err.splitlines()) == 1


def test_a_record_is_diagnosed_again_and_told_as_a_ticket(run: Run, tmp_path: Path, closed: str) -> None:
    file = tmp_path / "report.json"
    first = run("check", closed, "--json", "--record", str(file))
    assert file.read_text() == first.out
    again = run("diagnose", str(file), "--json")
    assert again.code == 1
    assert json.loads(again.out)["problems"] == json.loads(first.out)["problems"]
    from_file, from_stdin = run("ticket", str(file)), run("ticket", stdin=file.read_text())
    assert from_file == from_stdin
    assert from_file.code == 1
    assert "ECONNREFUSED" in from_file.out


# ---------------------------------------------------------------- ends


def test_the_reader_may_leave_before_the_first_line(broken: str, closed: str) -> None:
    for command in (f"check {broken} --json", f"check {closed}", f"check {closed} {closed}", f"bind {closed}"):
        line = f"{sys.executable} -m portdoctor {command} | head -0; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == "", command
        assert done.stdout.strip() in ("1", "3"), command  # what was found until then; never "all as expected"


@contextmanager
def full_queue() -> Iterator[int]:
    """A loopback listener that answers no SYN, because nobody takes what waits in its queue."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        try:
            yield address[1]
        finally:
            for sock in waiting:
                sock.close()


def test_ctrl_c_while_a_connect_is_silent(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    with full_queue() as port:
        words = [f"127.0.0.1:{port}", "--timeout", "20", "--budget", "30", "--record", str(file)]
        process = started("check", *words)
        for _ in range(200):
            if any(f":{port:04X} 02 " in row for row in Path("/proc/net/tcp").read_text().splitlines()):
                break  # its SYN is sent
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    report = json.loads(file.read_text())
    assert process.returncode == 130
    assert str(port) in out
    assert "Interrupted: the results are incomplete." in out
    assert report["interrupted"] is True
    assert report["verdict"]["certainty"] != "certain"
    assert err == ""


@pytest.mark.parametrize("options", [(), ("--unordered",), ("--parallel", "2")], ids=" ".join)
def test_ctrl_c_ends_a_whole_batch(options: tuple[str, ...]) -> None:
    heard = threading.Semaphore(0)

    def silent(conn: socket.socket) -> None:
        heard.release()
        until_closed(conn)

    with server(silent) as one, server(silent) as other:
        process = started("check", f"http://127.0.0.1:{one}/", f"http://127.0.0.1:{other}/", "--json", *options)
        for _ in range(2):
            assert heard.acquire(timeout=30)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    reports = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 130
    assert [r["interrupted"] for r in reports] == [True, True]
    assert all(o["outcome"] == "ok" for r in reports for o in r["observations"] if o["kind"] == "connect")
    assert err == ""


def test_a_bug_is_ours(run: Run, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise TypeError("a bug of ours")

    monkeypatch.setattr("portdoctor.checkup.checkup.connect", wrong)
    done = run("check", closed, "--json")
    assert done.code == 70
    assert done.out == ""
    assert "a bug of ours" in done.err
    assert done.err.splitlines()[-1] == "This is a bug in portdoctor, not a fault of the network."


def test_a_bug_at_one_of_many_targets_leaves_the_others_their_answer(
    run: Run, monkeypatch: pytest.MonkeyPatch, closed: str, opened: str
) -> None:
    real = checkup.connect

    async def sometimes(address: str, port: int, **limits: Any) -> Any:
        if closed.endswith(f":{port}"):
            raise TypeError("a bug of ours")
        return await real(address, port, **limits)

    monkeypatch.setattr(checkup, "connect", sometimes)
    done = run("check", closed, opened, "--json")
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert done.code == 3
    assert first["verdict"]["symptom"] == "undetermined"
    assert [note["kind"] for note in first["notes"]] == ["probe-error"]
    assert second["verdict"]["symptom"] == "ok"
    assert "TypeError: a bug of ours" in done.err
    assert run("check", closed, opened).code == 3


def test_a_process_ends_with_the_code_and_all_of_its_output(closed: str) -> None:
    process = started("check", closed, "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)["verdict"]["cause"] == "tcp.no-listener"
    assert err == ""


def test_without_stdout_the_code_still_tells(closed: str) -> None:
    line = f"{sys.executable} -m portdoctor check {closed} --json >&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")


# ---------------------------------------------------------------- colours


@pytest.mark.parametrize(
    ("option", "environment", "coloured"),
    [
        ("auto", {}, False), ("auto", {"FORCE_COLOR": "1"}, True), ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ("auto", {"FORCE_COLOR": "", "NO_COLOR": ""}, False),
        ("always", {"NO_COLOR": "1"}, True), ("never", {"FORCE_COLOR": "1"}, False),
    ],
)  # fmt: skip
def test_colours(
    run: Run, monkeypatch: pytest.MonkeyPatch, closed: str, option: str, environment: dict[str, str], coloured: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (ESC in run("check", closed, "--color", option).out) is coloured


def test_a_dumb_terminal_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert stdout.wants_colour("auto")
    monkeypatch.setenv("TERM", "dumb")
    assert not stdout.wants_colour("auto")


# ---------------------------------------------------------------- the other commands


def test_every_command_has_help(run: Run) -> None:
    listed = run("--help")
    assert listed.code == 0
    for name in COMMANDS:
        assert f"  {name}" in listed.out
        done = run(name, "-h")
        assert (done.code, done.err) == (0, "")
        assert "Usage:" in done.out


def test_only_the_command_that_is_named_is_built() -> None:
    assert [c.name for c in cli.build("port").registered_commands] == ["port"]
    assert len(cli.build(None).registered_commands) + len(cli.build(None).registered_groups) == len(COMMANDS)
    assert len(cli.build("prot").registered_commands) > 1  # so that a near one can be suggested


def test_version(run: Run) -> None:
    done = run("--version")
    assert (done.code, done.err) == (0, "")
    process = started("--version")
    out, _ = process.communicate(timeout=60)
    assert out == done.out == f"portdoctor {__version__}\n"


def test_explain(run: Run) -> None:
    cause, symptom = run("explain", "tcp.no-listener"), run("explain", "connection-refused")
    assert cause.code == symptom.code == 0
    assert "tcp.no-listener" in cause.out
    assert "tcp.no-listener" in symptom.out
    error = "connect to 127.0.0.1 port 8080 failed: Connection refused"
    assert "connection-refused" in run("explain", *error.split()).out
    assert run("explain", stdin=error).out == run("explain", error).out
    listing = run("explain", "--list")
    assert listing.code == 0
    assert "tcp.port-filtered" in listing.out


def test_port(run: Run, opened: str) -> None:
    assert "https" in run("port", "443").out
    facts = json.loads(run("port", opened.rpartition(":")[2], "--json").out)
    assert facts["schema"] == "portdoctor.port/1"
    assert [row["address"] for row in facts["used_by"]] == ["127.0.0.1"]


@pytest.mark.parametrize("of", ["report", "port", "listening"])
def test_schema(run: Run, of: str) -> None:
    done = run("schema", of)
    assert done.code == 0
    assert f"portdoctor.{of}/1" in done.out
    assert json.loads(done.out)["$schema"]


def test_listening(run: Run, opened: str) -> None:
    port = int(opened.rpartition(":")[2])
    assert "this machine" in run("listening", str(port)).out
    assert f"{port}/tcp" in run("listening").out
    rows = json.loads(run("listening", str(port), "--json").out)["rows"]
    assert [(row["port"], row["reach"]) for row in rows] == [(port, "loopback")]


@pytest.mark.parametrize(
    "command", ["check {} --json", "check {}", "check {} --format ticket", "explain tcp.no-listener"]
)
def test_a_terminal_without_unicode(closed: str, command: str) -> None:
    words = [sys.executable, "-m", "portdoctor", *command.format(closed).split()]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, capture_output=True, timeout=60, check=False, env=env)
    assert done.stderr == b""
    assert done.stdout.isascii()
    if "--json" in command:
        assert json.loads(done.stdout)["verdict"]["cause"] == "tcp.no-listener"


def test_controls_can_be_forbidden(run: Run, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    def controls(done: Done) -> bool:
        return bool(json.loads(done.out)["options"]["controls"])

    assert controls(run("check", closed, "--json"))
    assert not controls(run("check", closed, "--json", "--no-controls"))
    monkeypatch.setenv("PORTDOCTOR_NO_CONTROLS", "1")
    assert not controls(run("check", closed, "--json"))


def test_the_options_of_the_contract_are_there(run: Run) -> None:
    text = run("check", "--help").out
    wanted = {
        "--json", "--format", "-o", "--record", "-w", "--timeout", "--budget", "-4", "-6", "--source", "--resolver",
        "--cafile", "--sni", "--no-controls", "--expect", "--strict", "--parallel", "--unordered", "--causes", "-q",
        "-v", "--color", "-h", "-i",
    }  # fmt: skip
    assert wanted <= {word for word in text.replace(",", " ").split() if word.startswith("-")}


def test_the_environment_is_not_needed(closed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portdoctor", "check", closed, "-q"],
        capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parent.parent,
        env={"PATH": os.defpath},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
