"""SIGINT, SIGTERM and a closed pipe at random moments: the command ends soon, quietly, and its output is valid.

`python -m tests.test_signals 1000` runs that many rounds, and prints the seed of each that fails.
"""

from __future__ import annotations

import json
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import pytest

from .loopback import server, until_closed
from .test_contract import breaches

ROUNDS = 6  # of each kind of test
ENDED_WITHIN = 60.0  # seconds: to end in order takes a fraction of a second of processor time
# A name whose lookup never ends, as with a resolver that is silent and long timeouts.
NAME = "shop.localhost"  # never a query by DNS (RFC 6761)
SILENT_LOOKUP = (
    "import socket, time\nreal = socket.getaddrinfo\n"
    f"socket.getaddrinfo = lambda host, *a, **k: time.sleep(60) if host == {NAME!r} else real(host, *a, **k)\n"
)


@contextmanager
def targets() -> Iterator[tuple[list[str], str]]:
    """Give targets that keep a check waiting, and one that ends at once: it is refused."""
    with ExitStack() as stack:
        silent = [stack.enter_context(server(until_closed)) for _ in range(2)]
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        waiting = [f"https://127.0.0.1:{silent[0]}/", f"http://127.0.0.1:{silent[1]}/", f"ssh://127.0.0.1:{silent[0]}"]
        yield waiting, f"127.0.0.1:{closed.getsockname()[1]}"


@contextmanager
def folder() -> Iterator[str]:
    """Give a folder for PYTHONPATH in which no lookup of a name ends."""
    with TemporaryDirectory() as name:
        Path(name, "sitecustomize.py").write_text(SILENT_LOOKUP, encoding="utf-8")
        yield name


def handles_signals(pid: int) -> bool:
    """Return whether a process has a handler for SIGTERM: Python itself has none."""
    found = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.M)
    return found is not None and bool(int(found[1], 16) >> (signal.SIGTERM - 1) & 1)


def start(words: list[str], path: str = "") -> subprocess.Popen[bytes]:
    """Start the command and wait until it handles signals; before that, Python is starting."""
    command = [*(["env", f"PYTHONPATH={path}"] if path else []), sys.executable, "-m", "portdoctor", *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and not handles_signals(process.pid):
        time.sleep(0.002)
    return process


def _json(text: str) -> list[str]:
    return [b for line in text.splitlines() for b in breaches(json.loads(line))]


def _junit(text: str) -> list[str]:
    return [] if len(list(ElementTree.fromstring(text).iter("testcase"))) else ["no test case"]


def _tap(text: str) -> list[str]:
    plan = re.search(r"^1\.\.(\d+)$", text, re.M)
    points = re.findall(r"^(?:not )?ok \d+", text, re.M)
    return [] if plan and int(plan[1]) == len(points) > 0 else ["the plan does not match"]


def _openmetrics(text: str) -> list[str]:
    return [] if text.endswith("# EOF\n") and "probe_success" in text else ["incomplete"]


def _text(text: str) -> list[str]:
    return [] if text.endswith("\n") else ["incomplete"]


def _nagios(text: str) -> list[str]:
    return [] if text.startswith("PORTDOCTOR ") else ["no status line"]


FORMATS: dict[str, Callable[[str], list[str]]] = {
    "jsonl": _json, "junit": _junit, "tap": _tap, "openmetrics": _openmetrics, "terminal": _text, "ticket": _text,
    "markdown": _text, "nagios": _nagios,
}  # fmt: skip


def interrupt(seed: int) -> None:
    """Send one to three signals at a random moment of a random check, and test how it ends."""
    chosen = random.Random(seed)
    kind, number = chosen.choice(list(FORMATS)), chosen.choice([signal.SIGINT, signal.SIGTERM])
    after, gap = chosen.choice([0.0, chosen.uniform(0, 0.5), chosen.uniform(0, 3)]), chosen.choice([0, 0.001, 0.01])
    with targets() as (waiting, closed), folder() as path:
        of_names = chosen.random() < 0.25
        looked = [[f"{NAME}:80"]] if of_names else [waiting[:1], waiting[1:2], waiting[2:], [*waiting * 2, closed]]
        words = ["check", *chosen.choice(looked), "--format", kind]
        if not of_names and chosen.random() < 0.25:
            words = ["check", closed, "--wait", "60", "--format", kind]
        process = start(words, path if of_names else "")
        time.sleep(after)
        for _ in range(chosen.choice([1, 2, 2, 3])):
            process.send_signal(number)
            time.sleep(gap)
        try:
            out, err = process.communicate(timeout=ENDED_WITHIN)
        finally:
            process.kill()
    told = f"{words} {number.name} after {after:.3f} s: {out!r} {err!r}"
    assert process.returncode == 128 + number, told
    assert err == b"", told
    assert out, told
    assert FORMATS[kind](out.decode()) == [], told


def close_the_pipe(seed: int) -> None:
    """Close the reader of stdout at a random moment, and test that the command ends quietly."""
    chosen = random.Random(seed)
    with targets() as (waiting, closed):
        words = chosen.choice(
            [["explain", "--list"], ["check", closed], ["check", closed, "--json"], ["check", *[closed] * 9],
             ["check", *waiting, closed, "--budget", "2", "--unordered"], ["listening"]]
        )  # fmt: skip
        process = start(words)
        assert process.stdout is not None
        process.stdout.read(chosen.choice([0, 1, 40]))
        process.stdout.close()
        _, err = process.communicate(timeout=ENDED_WITHIN)
    assert (err, process.returncode in (0, 1, 3)) == (b"", True), (words, err, process.returncode)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc/PID/status")
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_signals_at_a_random_moment(seed: int) -> None:
    interrupt(seed)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc/PID/status")
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_pipe_that_is_closed_at_a_random_moment(seed: int) -> None:
    close_the_pipe(seed)


def test_a_signal_before_the_first_probe_is_a_report_too() -> None:
    code = (
        "import os, signal, sys\n"
        "from portdoctor.checkup import batch\n"
        "batch.run = lambda main: os.kill(os.getpid(), signal.SIGTERM)\n"
        "from portdoctor.__main__ import main\n"
        "sys.argv = ['portdoctor', 'check', '127.0.0.1:9', '--json']\n"
        "main()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    report = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr, report["interrupted"]) == (143, b"", True)
    assert breaches(report) == []


def test_a_report_that_nobody_reads_does_not_keep_the_command() -> None:
    with targets() as (waiting, _):
        process = start(["check", *waiting * 40, "--json"])
        time.sleep(1)
        process.send_signal(signal.SIGTERM)  # the partial reports fill the pipe
        time.sleep(2.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDED_WITHIN) == 143
        process.communicate()


@pytest.mark.parametrize("words", [["check", "-i", "-"], ["explain"], ["ticket", "-"]], ids=lambda w: w[0])
def test_a_signal_ends_the_wait_for_input(words: list[str]) -> None:
    process = start(words)
    process.send_signal(signal.SIGINT)
    assert process.wait(ENDED_WITHIN) == 130
    assert process.communicate() == (b"", b"")


def main() -> None:
    """Run as many rounds as the first argument says."""
    failed = 0
    for seed in range(int(sys.argv[1])):
        try:
            (close_the_pipe if seed % 4 == 0 else interrupt)(seed)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"seed {seed}: {error}"[:1500], flush=True)
    print(f"{failed} of {sys.argv[1]} rounds failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
