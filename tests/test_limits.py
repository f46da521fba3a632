"""The budget holds under every fault, what is read is bounded, and an interruption leaves a valid report."""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from portdoctor.checkup import batch

BUDGET = 3.0
START_UP = 3.0  # seconds of grace for a loaded machine: the limits inside are what is tested


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def lab_server(kind: str, *options: str) -> Iterator[int]:
    """One of the lab's servers on loopback."""
    port = free_port()
    spec = " ".join((kind, f"127.0.0.1:{port}", "for=60", *options))
    command = [sys.executable, "-m", "portdoctor.lab.servers", spec]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "listening\n"
        yield port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def check(*args: str, env: dict[str, str] | None = None) -> tuple[dict[str, Any], float, int]:
    """The report, how long it took, the exit code."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "portdoctor", "check", *args, "--json"],
        capture_output=True, text=True, timeout=40, check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip
    took = time.monotonic() - began
    assert "Traceback" not in done.stderr, done.stderr
    return json.loads(done.stdout), took, done.returncode


@pytest.mark.parametrize(
    ("kind", "url", "symptoms"),
    [
        ("drip", "http://127.0.0.1:{}/", {"timeout", "ok"}),
        ("endless", "http://127.0.0.1:{}/", {"ok"}),
        ("stuffed", "http://127.0.0.1:{}/", {"ok"}),  # 1,000 header lines, which curl accepts too
        ("slow", "http://127.0.0.1:{}/", {"timeout"}),
        ("redirect", "http://127.0.0.1:{}/", {"service-error"}),
        ("hold", "https://127.0.0.1:{}/", {"timeout"}),
        ("hold", "ssh://127.0.0.1:{}", {"timeout"}),
        ("endless", "ssh://127.0.0.1:{}", {"wrong-protocol", "timeout", "connection-reset"}),
        ("deaf", "http://127.0.0.1:{}/", {"timeout"}),
    ],
)
def test_the_budget_holds(kind: str, url: str, symptoms: set[str]) -> None:
    with lab_server(kind) as port:
        report, took, _ = check(url.format(port), "--budget", str(BUDGET))
    assert took < BUDGET + START_UP
    assert report["verdict"]["symptom"] in symptoms, report["verdict"]
    assert len(json.dumps(report)) < 400_000
    for o in report["observations"]:
        assert o["began"] + o["took"] <= BUDGET + 0.5
        assert o.get("received", 0) <= (257 if o["kind"] == "http-reply" else 64) * 1024


def test_a_hung_resolver_does_not_outlive_the_budget(tmp_path) -> None:  # type: ignore[no-untyped-def]
    hang = tmp_path / "sitecustomize.py"
    hang.write_text(
        "import socket, time\n"
        "real = socket.getaddrinfo\n"
        "socket.getaddrinfo = lambda host, *a, **k: time.sleep(60) if host == 'name.invalid' else real(host, *a, **k)\n"
    )
    env = {"PYTHONPATH": str(tmp_path)}
    report, took, code = check("name.invalid:80", "--budget", "2", "--resolver", "127.0.0.1", env=env)
    assert took < 2 + START_UP
    assert report["verdict"]["symptom"] in ("undetermined", "name-not-resolved")
    assert code in (1, 3)


def test_ctrl_c_leaves_one_valid_partial_report() -> None:
    with lab_server("hold") as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "portdoctor", "check", f"https://127.0.0.1:{port}/", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    report = json.loads(out)
    assert report["interrupted"] is True
    assert [o["outcome"] for o in report["observations"] if o["kind"] == "connect"] == ["ok"]
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m portdoctor explain --list | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_everything_that_was_opened_is_closed() -> None:
    code = (
        "import gc, warnings, sys\n"
        "warnings.simplefilter('error')\n"
        "sys.argv = ['portdoctor', 'check', '127.0.0.1:%d', '--json']\n"
        "from portdoctor.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "gc.collect()\n"
    )
    command = [sys.executable, "-X", "dev", "-c", code % free_port()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "ResourceWarning" not in done.stderr, done.stderr


MOST_MEMORY = 500 << 20  # bytes of address space; the targets alone took 1.5 GB when they were held


@pytest.mark.parametrize("option", ["--json", "--plan", "--unordered"])
def test_the_memory_does_not_grow_with_the_number_of_targets(option: str) -> None:
    """655,350 targets are read and the first results come, in order, in the memory that a few hundred need."""
    lines = "".join(f"127.0.0.{n}:1-65535\n" for n in range(1, 11))
    process = subprocess.Popen(
        [sys.executable, "-m", "portdoctor", "check", "-i", "-", "--json", "--no-controls", option],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY)),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(lines)
    process.stdin.close()
    found = [json.loads(line)["target"]["input"] for line, _ in zip(process.stdout, range(40), strict=False)]
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert errors == ""
    assert len(found) == 40
    if option != "--unordered":
        assert found == [f"127.0.0.1:{port}" for port in range(1, 41)]


def test_results_that_wait_for_an_earlier_one_are_bounded() -> None:
    """A target that does not respond holds back the results of a bounded number of later ones only."""
    asyncio = importlib.import_module("asyncio")
    begun: list[int] = []

    async def examine(asked: int, *_: object, **__: object) -> tuple[SimpleNamespace, int]:
        begun.append(asked)
        await asyncio.sleep(0.2 if asked == 0 else 0)
        return SimpleNamespace(interrupted=False), asked

    async def main() -> None:
        asked = range(5000)
        seen = [case[1] async for case in batch.examine_all(asked, None, None, None, parallel=4)]  # type: ignore[arg-type]
        assert seen == list(asked)

    async def first() -> None:
        found = batch.examine_all(range(5000), None, None, None, parallel=4)  # type: ignore[arg-type]
        assert (await anext(found))[1] == 0
        assert 4 < len(begun) <= 2 * 4 + batch._AHEAD
        await found.aclose()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "examine", examine)
        asyncio.run(first())
        asyncio.run(main())
