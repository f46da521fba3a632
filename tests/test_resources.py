"""What this process lacks is never read as a fault of the target, and a batch asks for no more than there is."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import portdoctor
from portdoctor import host
from portdoctor.checkup.descriptors import Descriptors, Share
from portdoctor.host import linux
from portdoctor.model import Outcome
from portdoctor.probes import lookup
from portdoctor.probes.threads import NoThread, in_thread

from .hostile_peers import peer
from .test_limits import free_port


def batch(targets: list[str], *args: str, nofile: int | None = None) -> list[dict[str, Any]]:
    """The reports of one batch, in a process with so many file descriptors."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({nofile}, {nofile}))\n" if nofile else ""
    code = f"{limit}import sys\nfrom portdoctor.cli import main\nsys.exit(main())"
    command = [sys.executable, "-c", code, "check", "--json", "-i", "-", *args]
    text = "\n".join(targets)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=100, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("nofile", [40, 64, 256])
def test_few_descriptors_are_enough_for_many_targets(nofile: int, tmp_path: Path) -> None:
    closed = free_port()
    with peer("healthy", tmp_path) as port:
        targets = [f"http://127.0.0.1:{port}/", f"http://localhost:{port}/", f"127.0.0.1:{closed}", f"[::1]:{closed}"]
        reports = batch(targets * 50, "-4" if not socket.has_ipv6 else "--attempts=1", nofile=nofile)
    assert len(reports) == 200
    symptoms = [report["verdict"]["symptom"] for report in reports]
    assert {*symptoms[::4]} == {"ok"}
    assert {*symptoms[1::4]} <= {"ok", "degraded"}  # ::1 refuses
    assert {*symptoms[2::4]} == {"connection-refused"}
    assert not any("Too many open files" in json.dumps(report) for report in reports)


def test_silent_targets_with_few_descriptors_stay_silent(tmp_path: Path) -> None:
    """Silence makes a check open its most sockets: repeats, controls, traces."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = []
        for _ in range(8):  # a full accept queue drops further SYNs
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            waiting.append(sock)
        reports = batch([f"127.0.0.1:{port}"] * 4, "-w", "1", "--budget", "6", nofile=64)
        for sock in waiting:
            sock.close()
    assert len(reports) == 4
    for report in reports:
        assert report["verdict"]["symptom"] in ("timeout", "undetermined")
        assert "EMFILE" not in json.dumps(report["observations"])


def test_a_share_is_never_exceeded_and_all_get_their_turn() -> None:
    async def main(seed: int) -> None:
        chance = random.Random(seed)
        share = Share(chance.randrange(1, 9))
        held = most = served = 0

        async def one(count: int) -> None:
            nonlocal held, most, served
            async with share.some(count):
                held += min(count, share.total)
                most = max(most, held)
                try:
                    await asyncio.sleep(chance.random() / 1000)
                finally:
                    held -= min(count, share.total)
                served += 1

        tasks = [asyncio.create_task(one(chance.randrange(1, 12))) for _ in range(40)]
        await asyncio.sleep(0.002)
        cancelled = chance.sample(tasks, 10)
        for task in cancelled:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert served == sum(e is None for e in ended) >= 30
        assert most <= share.total
        async with asyncio.timeout(1), share.some(share.total):  # everything came back
            pass

    for seed in range(30):
        asyncio.run(main(seed))


def test_fewer_checks_run_where_there_are_few_descriptors() -> None:
    assert Descriptors(10_000).parallel(16) == 16
    assert Descriptors(64).parallel(16) < 16
    assert Descriptors(0).parallel(16) == 1


def test_without_a_thread_the_lookup_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: threading.Thread) -> None:
        if self.name != "watchdog" and "asyncio" not in self.name:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    report, diagnosis = portdoctor.check("localhost:1", budget=5)
    (o,) = [o for o in report.observations if isinstance(o, portdoctor.model.Lookup) and o.via == "system"]
    assert (o.outcome, o.errno.name if o.errno else "") == (Outcome.EXHAUSTED, "EAGAIN")
    assert "thread" in o.os_says
    assert diagnosis.verdict.symptom == "resource-exhausted"


def test_threads_that_end_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = threading.Thread.start, iter([True, True, False])

    def fail(self: threading.Thread) -> None:
        if next(tries):
            raise RuntimeError("can't start new thread")
        real(self)

    async def work() -> int:
        return await in_thread(lambda: 7, "test", long=True)

    monkeypatch.setattr(threading.Thread, "start", fail)
    assert asyncio.run(work()) == 7


def test_short_work_runs_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def work(long: bool) -> int:
        return await in_thread(lambda: 7, "test", long=long)

    monkeypatch.setattr(threading.Thread, "start", fail)
    assert asyncio.run(work(False)) == 7
    with pytest.raises(NoThread):
        asyncio.run(work(True))


def test_a_late_result_is_no_timeout() -> None:
    async def work() -> int:
        pending = asyncio.ensure_future(in_thread(lambda: time.sleep(0.1) or 7, "test", limit=0.2))
        await asyncio.sleep(0)
        time.sleep(0.4)
        return await pending

    assert asyncio.run(work()) == 7


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_resolv_conf_that_cannot_be_opened_names_no_resolver(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("builtins.open", fail)
    assert linux.Linux().resolvers() == ()
    assert linux.Linux().search() == ()
    monkeypatch.setattr("builtins.open", lambda *a, **k: fail() if number == 0 else _missing())
    assert linux.Linux().resolvers() == ("127.0.0.1",)


def _missing() -> None:
    raise FileNotFoundError(errno.ENOENT, "No such file")


def test_a_lookup_without_descriptors_is_not_the_resolver_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    def no_socket(*args: object, **more: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(lookup.socket, "socket", no_socket)
    blank = lookup.Lookup(outcome=Outcome.TIMEOUT, name="a.example", via="system")
    o = lookup._getaddrinfo("a.example", None, blank)
    assert (o.outcome, o.errno.name if o.errno else "") == (Outcome.EXHAUSTED, "EMFILE")
    monkeypatch.undo()
    assert host.free_descriptors() > 0


@pytest.mark.parametrize("nofile", range(4, 24))
@pytest.mark.parametrize("target", ["127.0.0.1:1", "localhost:1"])
def test_with_hardly_any_descriptor_it_says_so(nofile: int, target: str) -> None:
    command = f"ulimit -n {nofile}; exec {sys.executable} -m portdoctor check {target} --json"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    if "encodings" in done.stderr or "site" in done.stderr or "libpython" in done.stderr:
        return  # Python itself could not start
    if done.returncode == 2:
        assert "Too many open files" in done.stderr
        assert "This is a bug" not in done.stderr
        return
    verdict = json.loads(done.stdout)["verdict"]
    assert verdict["symptom"] in ("connection-refused", "resource-exhausted", "undetermined"), verdict
    if verdict["symptom"] == "connection-refused":
        assert verdict["cause"] == "tcp.no-listener"
