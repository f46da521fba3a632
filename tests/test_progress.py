"""What is shown on a terminal while a check runs."""

from __future__ import annotations

import io
from typing import Any

from msgspec.structs import replace

from portdoctor.commands.output.progress import Progress
from portdoctor.model import Connect, Hop, Options, Outcome, Report, Target, Trace, Vantage

A, ROUTER = "203.0.113.45", "198.51.100.1"
TRACE = Trace(
    id="o1", outcome=Outcome.TIMEOUT, address=A, port=8080,
    hops=(Hop(ttl=1, outcome=Outcome.TTL_EXPIRED, address=ROUTER), Hop(ttl=2, outcome=Outcome.TIMEOUT)),
)  # fmt: skip
REPORT = Report(
    target=Target(input=A, host=A, port=8080, stages=("tcp",)), vantage=Vantage(os="Linux 6.18"), observations=(TRACE,)
)


class FakeSession:
    def __init__(self, report: Report) -> None:
        self._report, self.target = report, report.target

    def report(self) -> Report:
        return self._report


def shown(report: Report) -> str:
    progress = Progress(1, Options(), io.StringIO())
    session: Any = FakeSession(report)
    progress.observed(session, report.observations[-1])
    return "\n".join("".join(span.text for span in each) for each in progress.lines())


def test_the_last_hop_is_shown_while_the_connection_still_waits() -> None:
    assert ROUTER in shown(REPORT)


def test_a_trace_to_an_address_that_connected_is_not_shown() -> None:
    connected = Connect(id="o2", outcome=Outcome.OK, address=A, port=8080)
    assert ROUTER not in shown(replace(REPORT, observations=(TRACE, connected)))
