"""The budget holds whatever a peer sends, and what it sends costs no other target its answer."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import portdoctor
from portdoctor import StarvedError, host
from portdoctor.catalogue.folders import load_catalogue
from portdoctor.checkup import checkup
from portdoctor.checkup.batch import examine, run
from portdoctor.checkup.pulse import Pulse
from portdoctor.checkup.watchdog import MOST
from portdoctor.model import Connect, Greeting, HttpReply, Lookup, Options, Outcome
from portdoctor.probes.lookup import query_resolver
from portdoctor.target.parse import parse

from .hostile_peers import DATAGRAMS, PEERS, peer
from .test_limits import BUDGET, START_UP

_TLS = tuple(k for k in PEERS if re.search("tickets|updates|records|alerts|data-in|hello|handshake", k))
_DNS = ("dns-segments",)
_GREETING = tuple(k for k in PEERS if "greeting" in k or k == "zeros")
_HTTP = tuple(k for k in PEERS if k not in (*_TLS, *_DNS, *_GREETING, "healthy", "slow", "silent"))
SCHEMES = {**dict.fromkeys(_TLS, "https"), **dict.fromkeys(_HTTP, "http"), **dict.fromkeys(_GREETING, "ssh")}
# After a handshake with a certificate of another CA, the check ends: these come behind one that is accepted.
AFTER_TLS = tuple(k for k in _TLS if "hello" not in k and "handshake" not in k and "plain" not in k)


def run_cli(*args: str) -> tuple[list[dict[str, Any]], float, str]:
    began = time.monotonic()
    command = [sys.executable, "-m", "portdoctor", "check", *args, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], time.monotonic() - began, done.stderr


def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept any certificate: what follows the handshake is tested."""
    from portdoctor.probes import certificates

    monkeypatch.setattr(certificates, "prepare", lambda cafile=None: certificates.unverified())


@pytest.mark.parametrize("kind", SCHEMES)
def test_the_budget_holds_under_a_flood(kind: str, tmp_path: Path) -> None:
    with peer(kind, tmp_path) as port:
        (report,), took, _ = run_cli(f"{SCHEMES[kind]}://127.0.0.1:{port}/", "--budget", str(BUDGET))
    assert took < BUDGET + START_UP
    assert len(json.dumps(report)) < 400_000
    verdict = report["verdict"]
    assert verdict["cause"] != "http.not-http"
    if any(o.get("received") for o in report["observations"]):
        assert not re.search("no response|did not respond|sent no", verdict["explanation"])


@pytest.mark.parametrize("kind", AFTER_TLS)
def test_records_without_data_are_bounded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unverified(monkeypatch)
    began = time.monotonic()
    with peer(kind, tmp_path) as port:
        report, diagnosis = portdoctor.check(f"https://127.0.0.1:{port}/", budget=BUDGET)
    assert time.monotonic() - began < BUDGET + START_UP
    reply = report.of(HttpReply)[0]
    if kind == "data-in-single-bytes" and reply.outcome is Outcome.TIMEOUT:
        return  # the peer was too slow for 256 KiB
    assert reply.outcome in (Outcome.TLS_ERROR, Outcome.TLS_ALERT, Outcome.TOO_LONG, Outcome.CLOSED)
    assert reply.os_says or reply.outcome is Outcome.CLOSED
    assert diagnosis.verdict.cause not in ("http.no-response", "http.not-http", "tcp.silent-after-accept")
    assert diagnosis.verdict.symptom != "ok"


@pytest.mark.parametrize("kind", ["session-tickets", "header-in-single-bytes", "greeting", "interim-responses"])
def test_the_healthy_targets_of_a_batch_are_right(kind: str, tmp_path: Path) -> None:
    with peer(kind, tmp_path) as bad, peer("healthy", tmp_path) as good:
        hostile = f"{SCHEMES[kind]}://127.0.0.1:{bad}/"
        healthy = [f"http://127.0.0.1:{good}/{n}" for n in range(6)]
        reports, took, _ = run_cli(*healthy[:3], hostile, hostile, *healthy[3:], "--budget", str(BUDGET))
    assert took < 2 * BUDGET + START_UP
    answers = [r["verdict"]["symptom"] for r in reports]
    assert answers[:3] + answers[5:] == ["ok"] * 6


@pytest.mark.parametrize("kind", ["session-tickets", "header-in-single-bytes", "greeting-in-single-bytes"])
def test_ctrl_c_works_under_a_flood(kind: str, tmp_path: Path) -> None:
    with peer(kind, tmp_path) as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "portdoctor", "check", "--json", *[f"{SCHEMES[kind]}://127.0.0.1:{port}/"] * 3],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(0.6)  # while it reads, or before: both must end
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
        took = time.monotonic() - began
    assert "Traceback" not in err
    assert took < 0.5 + START_UP / 3
    assert process.returncode in (130, 1, 3)
    for line in out.splitlines():
        json.loads(line)


# ---------------------------------------------------------------- DNS


@pytest.fixture
def clock() -> Callable[[], float]:
    zero = time.monotonic()
    return lambda: time.monotonic() - zero


@pytest.mark.parametrize("kind", DATAGRAMS)
def test_a_flood_of_wrong_datagrams_ends_with_the_limit(kind: str, tmp_path: Path, clock: Any) -> None:
    with peer(kind, tmp_path) as port:
        o: Lookup = run(
            lambda: query_resolver("a.example", "A", "127.0.0.1", clock, clock() + 1.0, port=port, host=host.current())
        )
    assert o.outcome is Outcome.MALFORMED, o
    assert 0.3 < o.took < 2.0


def test_endless_segments_over_tcp_are_a_malformed_response(tmp_path: Path, clock: Any) -> None:
    with peer("dns-segments", tmp_path) as port:
        began = clock()
        o: Lookup = run(
            lambda: query_resolver("a.example", "A", "127.0.0.1", clock, clock() + 1.5, port=port, transport="tcp")
        )
    assert o.outcome is Outcome.MALFORMED
    assert clock() - began < 3


# ---------------------------------------------------------------- our own starvation


def test_a_step_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The check that does not yield ends with a note; the other one gets its answer; the Python API raises."""

    async def busy(self: checkup.Checkup, address: str) -> None:
        until = time.process_time() + 30
        while time.process_time() < until:
            pass

    real = checkup.Checkup._visit

    async def visit(self: checkup.Checkup, address: str) -> None:
        await (busy(self, address) if self.target.port == 1 else real(self, address))

    monkeypatch.setattr(checkup.Checkup, "_visit", visit)
    began = time.process_time()
    with peer("healthy", tmp_path) as port:
        options = Options(budget=15)

        async def both() -> Any:
            targets = (parse(t)[0] for t in ("127.0.0.1:1", f"http://127.0.0.1:{port}/"))
            return await asyncio.gather(
                *(examine(a, options, host.current(), load_catalogue()) for a in targets)
            )

        (stuck, verdict), (_, fine) = run(both)
    assert time.process_time() - began < MOST + 4
    assert verdict.verdict.symptom == "undetermined"
    assert any(n.kind == "probe-error" and "processor" in n.text for n in stuck.notes)
    assert fine.verdict.symptom == "ok"
    with pytest.raises(StarvedError):
        portdoctor.check("127.0.0.1:1", budget=1)


@pytest.mark.parametrize(("kind", "outcome"), [("slow", Outcome.OK), ("silent", Outcome.STARVED)])
def test_a_silence_that_was_not_observed_is_no_evidence(kind: str, outcome: Outcome, tmp_path: Path) -> None:
    """The event loop stands still for longer than the limit of the exchange: a response that came meanwhile is read."""

    async def stall() -> None:
        await asyncio.sleep(0.15)
        time.sleep(1.6)

    async def main() -> Any:
        stalled = asyncio.create_task(stall())
        options = Options(budget=3, timeout=1.0, controls=False)
        asked = parse(f"http://127.0.0.1:{port}/")[0]
        found = await examine(asked, options, host.current(), load_catalogue())
        await stalled
        return found

    with peer(kind, tmp_path) as port:
        report, diagnosis = run(main)
    assert report.of(HttpReply)[0].outcome is outcome
    assert diagnosis.verdict.symptom == ("ok" if outcome is Outcome.OK else "undetermined")
    assert any("did not run" in n.text for n in report.notes)


def test_the_pulse_judges_only_long_losses() -> None:
    async def main() -> tuple[Pulse, float]:
        zero = time.monotonic()
        pulse = Pulse(lambda: time.monotonic() - zero)
        with pulse.beating():
            await asyncio.sleep(0.3)
            time.sleep(0.9)
            await asyncio.sleep(0)
        return pulse, time.monotonic() - zero

    pulse, ended = asyncio.run(main())
    assert 0.6 < pulse.lost() < ended
    silent = Greeting(outcome=Outcome.TIMEOUT, address="127.0.0.1", port=22, began=0.0, took=1.2)
    assert pulse.judged(silent).outcome is Outcome.STARVED
    assert "did not run" in pulse.judged(silent).os_says
    before = Greeting(outcome=Outcome.TIMEOUT, address="127.0.0.1", port=22, began=0.0, took=0.25)
    assert pulse.judged(before) is before
    heard = Greeting(outcome=Outcome.CLOSED, address="127.0.0.1", port=22, began=0.0, took=1.2)
    assert pulse.judged(heard) is heard
    kernel = Connect(outcome=Outcome.TIMEOUT, address="127.0.0.1", port=22, began=0.0, took=1.2)
    assert pulse.judged(kernel) is kernel


def test_a_stopped_process_does_not_blame_the_target(tmp_path: Path) -> None:
    with peer("greeting-in-single-bytes", tmp_path), peer("healthy", tmp_path) as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "portdoctor", "check", "--json", f"http://127.0.0.1:{port}/", "-w", "1"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(0.25)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=20)
    report = json.loads(out)
    assert report["verdict"]["symptom"] in ("ok", "undetermined")
