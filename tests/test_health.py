"""Health checks and tickets from the command line: --wait, --strict, --expect in every format, --redact, names."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from portdoctor import cli
from portdoctor.catalogue.folders import load_catalogue
from portdoctor.checkup.batch import Case
from portdoctor.commands.output import waiting
from portdoctor.commands.output.formats import text_of
from portdoctor.commands.output.loop import result_of
from portdoctor.commands.output.options import FORMATS, OutputOptions
from portdoctor.engine.verdict import diagnose
from portdoctor.render import json as json_format

from .loopback import saying, server, until_closed
from .test_redact import SECRETS, telling

ROOT = Path(__file__).parent.parent
RECORDED = {
    "ok": "app/postgres-works", "degraded": "bind/in-use-lingering", "undetermined": "udp/needs-protocol-syslog",
    "failed": "tcp/no-listener",
}  # fmt: skip
BATCH = ("nagios", "junit", "openmetrics", "tap")


class Done(NamedTuple):
    """What a run of the command line came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command line in this process and in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def _run(*words: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["portdoctor", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        code = cli.main()
        return Done(code, *capsys.readouterr())

    return _run


def recorded(name: str) -> str:
    return str(ROOT / "scenarios" / f"{RECORDED[name]}.json")


@pytest.fixture
def closed() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def opened() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"tcp://127.0.0.1:{sock.getsockname()[1]}"


# ---------------------------------------------------------------- formats and exit codes agree


PLUGIN = re.compile(r"PORTDOCTOR (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+?)(?: \| (.+))?\n")
PERF = re.compile(r"(?:'[^'=]+'|[^\s'=]+)=-?\d+(?:\.\d+)?(?:u?m?s|%|[KMGT]?B|c)?(?:;[^;\s]*){0,4}")


def states_in(form: str, out: str) -> list[str]:
    """The state of each target, read back from a format by a reader that is not ours; of the worst, for nagios."""
    match form:
        case "nagios":
            found = PLUGIN.fullmatch(out)
            assert found, out
            labels = re.findall(r"(?:'[^']*'|[^\s'])+", found[3] or "")
            assert all(PERF.fullmatch(label) for label in labels), labels
            return [{"OK": "ok", "WARNING": "warning", "CRITICAL": "failed", "UNKNOWN": "unknown"}[found[1]]]
        case "junit":
            kinds = {junitparser.Failure: "failed", junitparser.Error: "unknown"}
            suites = junitparser.JUnitXml.fromstring(out.encode())
            tests = [test for suite in suites for test in suite]
            assert suites.failures == sum(isinstance(r, junitparser.Failure) for t in tests for r in t.result)
            assert suites.errors == sum(isinstance(r, junitparser.Error) for t in tests for r in t.result)
            return [kinds[type(test.result[0])] if test.result else "ok" for test in tests]
        case "openmetrics":
            families = {family.name: family for family in text_string_to_metric_families(out)}
            return ["ok" if sample.value else "failed" for sample in families["probe_success"].samples]
        case _:
            lines = re.findall(r"^(not ok|ok) \d+ - ", out, re.M)
            assert out.startswith(f"TAP version 14\n1..{len(lines)}\n")
            return ["ok" if line == "ok" else "failed" for line in lines]


def alike(form: str, state: str) -> str:
    """A state as far as the format can tell it."""
    match form:
        case "junit":
            return "ok" if state == "warning" else state
        case "openmetrics" | "tap":
            return "ok" if state in ("ok", "warning") else "failed"
        case _:
            return state


STATE = {"ok": "ok", "degraded": "warning", "undetermined": "unknown", "failed": "failed"}
CODES = {"ok": 0, "warning": 0, "unknown": 3, "failed": 1}
NAGIOS = {"ok": 0, "warning": 1, "failed": 2, "unknown": 3}
ORDER = ("failed", "unknown", "warning", "ok")


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_and_every_mixture(run: Run, form: str, strict: bool) -> None:
    mixtures = [c for size in (1, 2, 4) for c in itertools.combinations(STATE, size)]
    for names in mixtures:
        states = ["failed" if strict and name == "degraded" else STATE[name] for name in names]
        worst = next(state for state in ORDER if state in states)
        done = run("diagnose", *map(recorded, names), "--format", form, *(["--strict"] if strict else []))
        assert (done.code, done.err) == (NAGIOS[worst] if form == "nagios" else CODES[worst], ""), names
        if form == "nagios":
            assert states_in(form, done.out) == [worst]
        elif form in BATCH:
            assert states_in(form, done.out) == [alike(form, state) for state in states]


def cases(*names: str) -> list[Case]:
    reports = [json_format.load_report(Path(recorded(name)).read_bytes()) for name in names]
    return [(report, diagnose(report, load_catalogue())) for report in reports]


@pytest.mark.parametrize("form", BATCH)
@pytest.mark.parametrize(
    ("name", "expect", "state"),
    [
        ("failed", "refused", "ok"), ("failed", "open", "failed"), ("failed", "tcp.no-listener", "ok"),
        ("failed", "tcp.refused-by-middlebox", "failed"), ("ok", "open", "ok"), ("ok", "closed", "failed"),
        ("undetermined", "timeout", "unknown"), ("undetermined", "undetermined", "ok"), ("degraded", "degraded", "ok"),
    ],
)  # fmt: skip
def test_an_expectation_shows_in_every_format(form: str, name: str, expect: str, state: str) -> None:
    found, output = cases(name), OutputOptions(format=form, expect=expect)
    assert states_in(form, text_of(found, output) + "\n") == [alike(form, state)]
    code = cli.exit_code(result_of(found, output))
    assert code == (NAGIOS if form == "nagios" else CODES)[state]


def test_the_state_of_a_check_as_nagios_reads_it(run: Run, opened: str, closed: str) -> None:
    assert run("check", closed, "--format", "nagios", "--expect", "refused").code == 0
    done = run("check", opened, closed, "--format", "nagios", "--expect", "open")
    assert (done.code, states_in("nagios", done.out)) == (2, ["failed"])


# ---------------------------------------------------------------- --wait


@given(st.floats(0, 4000))
def test_the_pauses_grow_and_end_in_time(wait: float) -> None:
    found = list(waiting.pauses(wait))
    assert sum(found) == pytest.approx(wait)
    assert found[:-1] == sorted(found[:-1])
    assert max(found, default=0) <= waiting.LONGEST_PAUSE
    assert waiting.most_tries(wait) == len(found) + 1


@pytest.fixture
def opening() -> Iterator[Callable[[float], str]]:
    """A port that opens after so many seconds."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    threads: list[threading.Timer] = []

    def later(seconds: float) -> str:
        threads.append(threading.Timer(seconds, sock.listen))
        threads[0].start()
        return f"tcp://127.0.0.1:{sock.getsockname()[1]}"

    try:
        yield later
    finally:
        for thread in threads:
            thread.join()
        sock.close()


def test_waiting_for_a_port_that_opens(run: Run, opening: Callable[[float], str]) -> None:
    target = opening(1.0)
    done = run("check", target, "--wait", "20", "-v", "--json")
    report = json.loads(done.out)
    assert (done.code, report["verdict"]["symptom"]) == (0, "ok")
    lines = done.err.splitlines()
    assert 3 <= len(lines) <= 4
    assert re.fullmatch(r" +\d\.\d s  attempt 1: connection-refused \(.*\); next attempt in 0\.5 s", lines[0])
    assert lines[-1].endswith(f"attempt {len(lines)}: ok, as expected")


def test_waiting_in_vain_ends_in_time_and_tells_the_last(run: Run, closed: str) -> None:
    began = time.monotonic()
    done = run("check", closed, "--wait", "1.2", "--json", "-v")
    assert 1.2 <= time.monotonic() - began < 5
    assert (done.code, len(done.out.splitlines())) == (1, 1)
    assert [line.partition("attempt ")[2][0] for line in done.err.splitlines()] == ["1", "2", "3"]
    assert "again" not in done.err.splitlines()[-1]


def test_waiting_is_silent_without_v_and_not_begun_where_all_is_well(run: Run, opened: str, closed: str) -> None:
    assert run("check", closed, "--wait", "0.3", "-q").err == ""
    done = run("check", opened, "--wait", "60")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].startswith("✓ 127.0.0.1:")


def test_waiting_for_what_is_expected(run: Run, opened: str, closed: str) -> None:
    assert run("check", closed, "--wait", "60", "--expect", "refused", "-q").code == 0
    assert run("check", opened, "--wait", "0.3", "--expect", "refused", "-q").code == 1
    assert run("check", closed, "--wait", "60", "--expect", "tcp.no-listener", "-q").code == 0


def test_waiting_for_a_port_to_be_free(run: Run) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    timer = threading.Timer(0.7, sock.close)
    timer.start()
    done = run("bind", f"127.0.0.1:{sock.getsockname()[1]}", "--wait", "20", "-q", "-v")
    timer.join()
    assert done.code == 0
    assert "port-conflict" in done.err.splitlines()[0]


def test_of_a_batch_only_what_is_left_is_looked_at_again(run: Run, opening: Callable[[float], str]) -> None:
    seen: list[float] = []

    def count(conn: socket.socket) -> None:
        seen.append(time.monotonic())
        until_closed(conn)

    with server(count) as port:
        done = run("check", f"tcp://127.0.0.1:{port}", opening(0.8), "--wait", "20", "-v", "--format", "tap")
    assert done.code == 0
    assert states_in("tap", done.out) == ["ok", "ok"]
    assert len(seen) == 1
    assert "attempt 1: 1 of 2 targets as expected; next attempt" in done.err
    assert done.err.splitlines()[-1].endswith("2 of 2 targets as expected")


@pytest.mark.parametrize("strict", [True, False])
def test_degraded_is_waited_for_only_if_strict(strict: bool) -> None:
    (case,) = cases("degraded")
    looks: list[int] = []

    def look(some: object) -> list[Case]:
        looks.append(1)
        return [case]

    output = OutputOptions(strict=strict, wait=0.6)
    assert waiting.until([None], output, look) == [case]  # type: ignore[list-item]
    assert len(looks) == (3 if strict else 1)


def test_ctrl_c_while_waiting_tells_what_was_seen(closed: str) -> None:
    words = [sys.executable, "-m", "portdoctor", "check", closed, "--wait", "60", "--json", "-v"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    for _ in range(3):
        process.stderr.readline()  # the third pause is two seconds long
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(out)["verdict"]["cause"] == "tcp.no-listener"
    assert "Traceback" not in err


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "100000", "soon"])
def test_what_cannot_be_waited(run: Run, closed: str, wait: str) -> None:
    done = run("check", closed, "--wait", wait)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)


def test_attempts_and_parallel(run: Run, opened: str, closed: str) -> None:
    report = json.loads(run("check", opened, "--attempts", "4", "--json").out)
    assert sum(o["kind"] == "connect" for o in report["observations"]) == 4
    done = run("check", opened, closed, closed, "--parallel", "1", "--format", "tap")
    assert states_in("tap", done.out) == ["ok", "failed", "failed"]


# ---------------------------------------------------------------- --redact


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """A recorded report that is full of names."""
    file = tmp_path / "secret.json"
    report = telling()
    file.write_text(json_format.render(report, diagnose(report, load_catalogue())) + "\n", encoding="utf-8")
    return str(file)


def key_of(done: Done) -> dict[str, str]:
    """The key that a run kept: pseudonym -> original."""
    (name,) = re.findall(r"^The key to the pseudonyms is in (\S+)\. ", done.err, re.M)
    assert stat.S_IMODE(os.stat(name).st_mode) == 0o600
    found: dict[str, str] = json.loads(Path(name).read_text(encoding="utf-8"))
    return found


def shown(*texts: str) -> list[str]:
    return [word for word in SECRETS for text in texts if word in text.lower()]


@pytest.mark.parametrize("form", FORMATS)
def test_a_recorded_report_under_pseudonyms(run: Run, secret: str, form: str) -> None:
    before = run("diagnose", secret, "--format", form)
    done = run("diagnose", secret, "--format", form, "--redact")
    assert shown(before.out)
    assert shown(done.out, done.err.replace("secret.json", "")) == []
    assert done.code == before.code
    assert "shop.acme.com" in key_of(done).values()
    coloured = run("diagnose", secret, "--format", form, "--redact", "-v", "--color", "always")
    assert shown(re.sub(r"\x1b\[[\d;]*m", "", coloured.out)) == []


def test_a_ticket_under_pseudonyms_can_be_undone_by_its_key(run: Run, secret: str) -> None:
    plain, done = run("ticket", secret), run("ticket", secret, "--redact", "--with-names")
    assert shown(done.out) == []
    key = key_of(done)
    host = next(pseudonym for pseudonym, original in key.items() if original == "shop.acme.com")
    assert done.out.splitlines()[0] == plain.out.splitlines()[0].replace("shop.acme.com", host)
    assert len(set(key.values())) == len(key)


def names_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "ws-4711.acme.com")
    monkeypatch.setattr("portdoctor.checkup.session.user_name", lambda: "miller")


@pytest.mark.parametrize("form", FORMATS)
def test_a_check_under_pseudonyms(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str) -> None:
    names_here(monkeypatch)
    banner = saying(b"554 mail.intranet.acme.com: go away, 10.20.30.41, says dana@acme.com\r\n")
    with server(banner) as port:
        target, record = f"smtp://127.0.0.1:{port}", str(tmp_path / "record")
        done = run("check", target, "--format", form, "--redact", "--record", record, "-v")
    assert done.code in (1, 2)
    assert shown(done.out, done.err, Path(record).read_text(encoding="utf-8")) == []
    assert {"mail.intranet.acme.com", "10.20.30.41"} <= set(key_of(done).values())


def test_nothing_is_told_before_all_is_known(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names_here(monkeypatch)
    out = str(tmp_path / "out")
    with server(saying(b"220 mail.intranet.acme.com\r\n")) as port:
        target = f"smtp://127.0.0.1:{port}"
        for words in (["--json"], [], ["-q"], ["--wait", "5", "-v"], ["-o", out], ["--unordered", "--json"]):
            done = run("check", target, f"127.0.0.1:{port}", "--redact", *words)
            assert shown(done.out, done.err) == []
            key_of(done)
    assert shown(Path(out).read_text(encoding="utf-8")) == []


def test_a_batch_has_one_key(run: Run, closed: str, opened: str) -> None:
    done = run("check", closed, opened, "--redact", "--json")
    assert len(done.out.splitlines()) == 2
    assert len(done.err.splitlines()) == 1


def test_bind_under_pseudonyms(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    names_here(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        done = run("bind", f"127.0.0.1:{sock.getsockname()[1]}", "--redact", "--json")
    assert done.code == 1
    assert shown(done.out) == []


def test_a_key_is_never_overwritten_and_asked_for_first(run: Run, tmp_path: Path) -> None:
    heard: list[int] = []

    def hear(conn: socket.socket) -> None:
        heard.append(1)
        conn.close()

    (tmp_path / "key").write_text("older", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with server(hear) as port:
        for name in ("key", "link", "no/folder/key"):
            done = run("check", f"tcp://127.0.0.1:{port}", "--redact-key", name)
            assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert heard == []
        done = run("check", f"tcp://127.0.0.1:{port}", "--redact-key", "new", "-q")
    assert done.code == 0
    assert (tmp_path / "key").read_text(encoding="utf-8") == "older"
    assert not (tmp_path / "elsewhere").exists()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert "is in new. " in done.err


def test_keys_of_one_second_have_names_of_their_own(run: Run, secret: str, tmp_path: Path) -> None:
    for _ in range(3):
        assert run("ticket", secret, "--redact").code == 1
    assert len(list(tmp_path.glob("portdoctor-redaction-key-*.json"))) == 3


def test_a_leak_is_a_bug_of_ours_and_nothing_is_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch, secret: str, tmp_path: Path
) -> None:
    monkeypatch.setattr("portdoctor.redaction.leaks.leaks", lambda *_: {"a host name"})
    for words in (["ticket", secret], ["diagnose", secret, "--json", "-o", str(tmp_path / "out")]):
        done = run(*words, "--redact")
        assert (done.code, done.out) == (70, "")
        assert re.fullmatch(r"The redacted report still contains a host name, so .*bug in portdoctor\.\n", done.err)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("portdoctor-redaction-key-*"))


def test_a_real_leak_is_found(run: Run, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    from portdoctor.render import ticket

    real = ticket.render
    monkeypatch.setattr(ticket, "render", lambda *a, **k: real(*a, **k) + "by DB.acme.com\n" + "seen at 10.20.30.40\n")
    assert run("ticket", secret, "--redact").code == 70
    assert run("ticket", secret).code == 1


def test_a_crash_says_no_name(run: Run, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    said = "a bug of ours with shop.acme.com"

    def wrong(*_: object, **__: object) -> None:
        raise TypeError(said)

    monkeypatch.setattr("portdoctor.checkup.checkup.connect", wrong)
    for words in (["--redact"], ["--redact-key", "key"]):
        done = run("check", closed, *words)
        assert (done.code, done.out, shown(done.err)) == (70, "", [])
        assert "TypeError" in done.err
    monkeypatch.setenv("PORTDOCTOR_REDACT", "1")
    assert shown(run("check", closed).err) == []


def test_what_cannot_be_read_is_not_repeated(run: Run, closed: str) -> None:
    lines = f"{closed}\nshop.acme.com\n"
    done = run("check", "-i", "-", "intranet.acme.com", "--redact", "-q", stdin=lines)
    assert done.code == 1
    assert shown(done.err) == []
    assert "error: line 2: invalid target" in done.err


# ---------------------------------------------------------------- names in a ticket


@pytest.mark.parametrize("form", ["ticket", "markdown"])
def test_who_looked_stands_in_a_ticket_only_when_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch, closed: str, form: str
) -> None:
    names_here(monkeypatch)
    assert shown(run("check", closed, "--format", form).out) == []
    named = run("check", closed, "--format", form, "--with-names").out
    assert "ws-4711.acme.com" in named
    assert "miller" in named
    assert shown(run("check", closed, "--format", "junit").out) == []


def test_a_recorded_report_as_a_ticket(run: Run, secret: str) -> None:
    assert "ws-4711" not in run("ticket", secret).out
    assert "ws-4711" in run("ticket", secret, "--with-names").out
