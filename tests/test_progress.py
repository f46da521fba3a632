"""What is shown on a terminal while a check runs."""

from __future__ import annotations

import asyncio
import io
import time
from typing import Any

import pytest
from msgspec.structs import replace

from portdoctor.commands.output.progress import Progress
from portdoctor.host import current
from portdoctor.model import Connect, Hop, Options, Outcome, Report, Target, Trace, Vantage
from portdoctor.probes.trace import trace

A, ROUTER = "203.0.113.45", "198.51.100.1"
TRACE = Trace(
    id="o1", outcome=Outcome.TIMEOUT, address=A, port=8080,
    hops=(Hop(ttl=1, outcome=Outcome.TTL_EXPIRED, address=ROUTER), Hop(ttl=2, outcome=Outcome.TIMEOUT)),
)  # fmt: skip
REPORT = Report(
    target=Target(input=A, host=A, port=8080, stages=("tcp",)), vantage=Vantage(os="Linux 6.18"), observations=(TRACE,)
)


class FakeSession:
    def __init__(self, report: Report, *under_way: Trace) -> None:
        self._report, self.target = report, report.target
        self.under_way = {t.address: t for t in under_way}

    def report(self) -> Report:
        return self._report


def shown(report: Report, *under_way: Trace) -> str:
    progress = Progress(1, Options(), io.StringIO())
    session: Any = FakeSession(report, *under_way)
    progress.observed(session, TRACE)
    return "\n".join("".join(span.text for span in each) for each in progress.lines())


def test_the_last_hop_is_shown_while_the_connection_still_waits() -> None:
    assert ROUTER in shown(REPORT)


def test_a_trace_to_an_address_that_connected_is_not_shown() -> None:
    connected = Connect(id="o2", outcome=Outcome.OK, address=A, port=8080)
    assert ROUTER not in shown(replace(REPORT, observations=(TRACE, connected)))


def test_a_hop_is_shown_while_the_trace_still_waits_for_others_and_nothing_is_called_lost() -> None:
    so_far = replace(TRACE, id="", hops=TRACE.hops[:1])
    lines = shown(replace(REPORT, observations=()), so_far)
    assert f"you ── {ROUTER} ── …" in lines
    assert "lost" not in lines
    assert A not in lines


def test_a_trace_under_way_to_an_address_that_connected_is_not_shown() -> None:
    connected = Connect(id="o1", outcome=Outcome.OK, address=A, port=8080)
    assert ROUTER not in shown(replace(REPORT, observations=(connected,)), TRACE)


def test_a_trace_reports_each_hop_before_the_silent_ones_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []

    async def run() -> Trace:
        first, second = asyncio.Event(), asyncio.Event()

        async def hop(address: str, port: int, ttl: int, *_: object) -> Hop:
            if ttl == 1:
                await second.wait()  # the nearer router responds after the farther one
                return Hop(ttl=1, outcome=Outcome.TTL_EXPIRED, address=ROUTER)
            if ttl == 2:
                return Hop(ttl=2, outcome=Outcome.TTL_EXPIRED, address="198.51.100.2")
            await first.wait()  # silent until both were reported
            return Hop(ttl=ttl, outcome=Outcome.TIMEOUT)

        def progress(trace: Trace) -> None:
            seen.append(tuple(h.ttl for h in trace.hops))
            (first if second.is_set() else second).set()

        monkeypatch.setattr("portdoctor.probes.trace._hop", hop)
        async with asyncio.timeout(5):
            return await trace(A, 8080, clock=time.monotonic, host=current(), wait=1, progress=progress)

    whole = asyncio.run(run())
    assert seen == [(2,), (1, 2)]
    assert [h.ttl for h in whole.hops] == list(range(1, 9))
