"""The Python API as programs use it: from plain code, in a running event loop, and in the examples of its page."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import jsonschema
import pytest

import portdoctor
from portdoctor.render.json import schema

from .loopback import server, until_closed

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", PAGE, re.M | re.S))


@pytest.fixture
def opened() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"tcp://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{sock.getsockname()[1]}"


# ---------------------------------------------------------------- results


def test_a_result(opened: str, closed: str) -> None:
    good, bad = portdoctor.check(opened), portdoctor.check(f"db={closed}")
    assert (good.ok, good.verdict.symptom, good.verdict.cause) == (True, "ok", None)
    assert (bad.ok, bad.verdict.symptom, bad.verdict.cause) == (False, "connection-refused", "tcp.no-listener")
    assert "db (127.0.0.1:" in str(bad).splitlines()[0]
    report, diagnosis = bad
    assert (report, diagnosis) == (bad.report, bad.diagnosis)
    assert portdoctor.diagnose(report) == diagnosis


def test_json_is_written_and_read(tmp_path: Path, closed: str) -> None:
    result = portdoctor.check(closed)
    jsonschema.Draft202012Validator(schema()).validate(json.loads(result.to_json()))
    for number, text in enumerate((result.to_json(), result.report.to_json())):
        file = tmp_path / f"{number}.json"
        file.write_text(text, encoding="utf-8")
        assert portdoctor.load(file) == portdoctor.load(str(file)) == result.report
        done = subprocess.run(
            [sys.executable, "-m", "portdoctor", "diagnose", str(file), "--json"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (1, "")
        assert json.loads(done.stdout) == json.loads(result.to_json())
    both = tmp_path / "both"
    both.write_text(f"{result.to_json()}\n{result.to_json()}\n", encoding="utf-8")
    assert portdoctor.load_many(both) == [result.report] * 2
    wrong = {both: "2 reports: use load_many", tmp_path / "none": "cannot read", ROOT / "LICENSE": "LICENSE:1: "}
    for bad, says in wrong.items():
        with pytest.raises(portdoctor.UsageError, match=says):
            portdoctor.load(bad)


def test_bind_and_listening(opened: str, closed: str) -> None:
    used, free = opened.removeprefix("tcp://"), closed.removeprefix("tcp://")
    assert portdoctor.bind(free).ok
    assert portdoctor.bind(free, listen=True).report.options.listen
    assert portdoctor.bind(used, budget=5).verdict.symptom == "port-conflict"
    port = int(used.rpartition(":")[2])
    for rows in (portdoctor.listening(port).rows, portdoctor.listening(str(port)).rows):
        assert [(row.port, row.reach) for row in rows] == [(port, "loopback")]
    assert port in {row.port for row in portdoctor.listening().rows}


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": -1}, {"timeout": 0}, {"timeout": float("nan")}, {"timeout": float("inf")}, {"timeout": "5"},
        {"timeout": True}, {"timeout": 86400}, {"budget": 0}, {"budget": None}, {"budget": -0.1}, {"family": 5},
        {"family": "4"}, {"family": True}, {"family": 0}, {"source": "eth0"}, {"source": ""}, {"source": "::1"},
        {"source": 1}, {"source": "10.0.0"}, {"family": 6}, {"resolver": "dns.example"}, {"resolver": b"10.0.0.1"},
        {"cafile": "/no/such.pem"}, {"cafile": 3}, {"cafile": str(ROOT / "LICENSE")}, {"sni": "a b"}, {"sni": ""},
        {"sni": "x" * 300}, {"attempts": 0}, {"attempts": 51}, {"attempts": 2.0}, {"attempts": True}, {"controls": 1},
        {"insecure": 1},
        {"controls": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_argument_is_no_diagnosis(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]) -> None:
    monkeypatch.setattr("portdoctor.api.examine", lambda *_, **__: pytest.fail("it was probed"))
    (name,) = wrong
    with pytest.raises(ValueError, match=name) as error:
        portdoctor.check("127.0.0.1:9", **wrong)
    assert type(error.value) is portdoctor.UsageError
    with pytest.raises(portdoctor.UsageError) as same:
        asyncio.run(portdoctor.acheck("127.0.0.1:9", **wrong))
    assert str(same.value) == str(error.value)


@pytest.mark.parametrize("target", ["", "host", "host:0", "host:1,2", "a b:1", None, 443, b"host:1", "nope://host"])
def test_a_wrong_target_is_no_diagnosis(target: Any) -> None:
    for call in (portdoctor.check, portdoctor.bind):
        with pytest.raises(portdoctor.UsageError):
            call(target)
    with pytest.raises(portdoctor.UsageError):
        asyncio.run(portdoctor.acheck(target))


def test_other_wrong_arguments() -> None:
    for port in (0, 65536, -1, "nope-nope", True, 1.5):
        with pytest.raises(portdoctor.UsageError):
            portdoctor.listening(port)  # type: ignore[arg-type]
    with pytest.raises(portdoctor.UsageError):
        portdoctor.diagnose({})  # type: ignore[arg-type]
    with pytest.raises(portdoctor.UsageError):
        portdoctor.load(None)  # type: ignore[arg-type]
    with pytest.raises(portdoctor.UsageError):
        portdoctor.bind(":8080", budget=-1)
    with pytest.raises(portdoctor.UsageError):
        portdoctor.bind(":8080", listen=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        portdoctor.check("127.0.0.1:9", timout=1)  # type: ignore[call-arg]


def test_valid_arguments_reach_the_check(closed: str) -> None:
    target = closed.removeprefix("tcp://")
    result = portdoctor.check(target, timeout=1, budget=5, family=4, source="127.0.0.2", controls=False, attempts=2)
    options = result.report.options
    assert (options.timeout, options.budget, options.family, options.source) == (1.0, 5.0, 4, "127.0.0.2")
    assert (options.controls, options.attempts) == (False, 2)
    assert result.report.vantage.source_address == "127.0.0.2"


# ---------------------------------------------------------------- event loops


def test_in_a_running_loop(opened: str, closed: str) -> None:
    async def main() -> tuple[list[bool], bool]:
        results = await asyncio.gather(*(portdoctor.acheck(each) for each in (opened, closed, opened)))
        return [result.ok for result in results], portdoctor.check(closed).ok  # as in a notebook

    assert asyncio.run(main()) == ([True, False, True], False)


def test_the_loop_runs_on_and_a_timeout_of_the_caller_ends_the_check() -> None:
    ended = threading.Event()
    accepted = threading.Semaphore(0)

    def silent(conn: socket.socket) -> None:
        accepted.release()
        until_closed(conn)
        ended.set()

    async def main(target: str) -> int:
        beats = 0
        task = asyncio.create_task(portdoctor.acheck(target, timeout=20, budget=30))
        while not accepted.acquire(blocking=False):
            await asyncio.sleep(0.01)
            beats += 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return beats

    with server(silent) as port:
        began = time.monotonic()
        assert asyncio.run(main(f"http://127.0.0.1:{port}/")) > 0
        assert ended.wait(20)
        assert time.monotonic() - began < 20


def test_a_check_that_is_cancelled_before_it_began_sends_nothing(opened: str) -> None:
    async def main() -> None:
        task = asyncio.create_task(portdoctor.acheck(opened))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent there")
def test_ctrl_c_is_keyboard_interrupt() -> None:
    code = (
        "import os, signal, threading, portdoctor, sys\n"
        "threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n    portdoctor.check(sys.argv[1], timeout=20, budget=30)\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    with server(until_closed) as port:
        done = subprocess.run(
            [sys.executable, "-c", code, f"http://127.0.0.1:{port}/"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


# ---------------------------------------------------------------- names and types


def test_the_public_names_have_types() -> None:
    assert set(dir(portdoctor)) == set(portdoctor.__all__)
    stub = (ROOT / "portdoctor" / "__init__.pyi").read_text(encoding="utf-8")
    imported = {(module, name) for module, name, _ in re.findall(r"^from (\S+) import (\w+) as (\2)$", stub, re.M)}
    assert imported == {(module, name) for name, module in portdoctor._MODULE.items()}
    assert (ROOT / "portdoctor" / "py.typed").exists()
    with pytest.raises(AttributeError):
        portdoctor.nothing  # noqa: B018


def test_a_type_checker_sees_them(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import portdoctor\n"
        "def f(r: portdoctor.Result) -> str | None:\n    return r.verdict.cause\n"
        "portdoctor.check('a:1', family=5)\n"
        "portdoctor.check('a:1').okay\n"
    )
    words = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path), str(program)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=110, check=False, cwd=tmp_path)
    lines = [line.partition(": ")[0].rpartition(":")[2] for line in done.stdout.splitlines() if ": error: " in line]
    assert lines == ["4", "5"], done.stdout


# ---------------------------------------------------------------- the page


def example(title: str, opened: str, closed: str) -> dict[str, Any]:
    """The names that an example defines, with loopback targets for those of the page."""
    code = EXAMPLES[title].replace("tcp://shop.example.com:443", opened).replace("tcp://shop.example.com:8443", closed)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code.replace("tcp://db.example.com:5432", opened), title, "exec"), names)
    return names


def test_the_health_check(capsys: pytest.CaptureFixture[str], opened: str, closed: str) -> None:
    assert example("A health check", opened, closed)["main"]() == 0
    assert capsys.readouterr().out == ""
    assert example("A health check", closed, closed)["main"]() == 1
    assert "(certain), owner: " in capsys.readouterr().out


def test_the_pytest_assertion(opened: str, closed: str) -> None:
    names = example("A pytest assertion", opened, closed)
    names["test_the_database_is_reachable"]()
    names["test_the_admin_port_is_closed"]()
    with pytest.raises(AssertionError, match="nothing is listening"):
        example("A pytest assertion", closed, closed)["test_the_database_is_reachable"]()


@pytest.mark.parametrize(("works", "status"), [(True, 200), (False, 503)])
def test_the_async_service(opened: str, closed: str, works: bool, status: int) -> None:
    respond = example("An async service", opened if works else closed, closed)["respond"]

    def get(port: int) -> tuple[int, bytes]:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    async def main() -> tuple[int, bytes]:
        async with await asyncio.start_server(respond, "127.0.0.1", 0) as service:
            return await asyncio.to_thread(get, service.sockets[0].getsockname()[1])

    code, body = asyncio.run(main())
    assert code == status
    assert [json.loads(line)["verdict"]["symptom"] == "ok" for line in body.splitlines()] == [works, works]


def test_the_recorded_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], opened: str, closed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "case.json").write_text(portdoctor.check(closed).to_json(), encoding="utf-8")
    example("A recorded report", opened, closed)
    assert capsys.readouterr().out == "connection-refused tcp.no-listener certain\n"


def test_the_page_names_every_argument_and_function() -> None:
    import inspect

    for name in inspect.signature(portdoctor.check).parameters:
        assert name == "target" or f"| `{name}` |" in PAGE
    assert inspect.signature(portdoctor.check) == inspect.signature(portdoctor.acheck)
    for name in ("check", "acheck", "bind", "listening", "diagnose", "load", "load_many"):
        assert re.search(rf"`(await )?{name}\(", PAGE)
