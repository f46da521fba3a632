"""Signs about the target's own socket table: this machine's, or a merged server's. Pure; about an address."""

from __future__ import annotations

from msgspec.structs import replace

from ..model import Answer, Bind, Connect, Counters, Listeners, Outcome, Report, Subject, Trace, Want
from ..outcomes import family_of
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .tcp import route_to


def at_the_target(report: Report, subject: Subject) -> Report | None:
    """The report that was made on the target itself: this one, or one that was merged with it."""
    for one in (report, *report.others):
        route = route_to(one, subject)
        if route is not None and route.type == "local":
            return one
    return None


def _tables(there: Report, report: Report) -> list[Listeners]:
    return [o for o in there.of(Listeners) if o.port == report.target.port and o.outcome is Outcome.OK]


def _whose(there: Report, report: Report) -> str:
    return "this machine" if there is report else "the server"


def _no_table(there: Report, report: Report) -> Reading:
    if there is not report:
        return unknown("not-looked", says="The server's report has no listener table for this port.")
    return unsettled(report, Want(probe="listeners", args=(str(report.target.port), report.target.transport)))


@sign
def accept_queue_is_full(report: Report, subject: Subject) -> Reading:
    """On this machine: the listener's accept queue is above its limit. Elsewhere only the server can tell."""
    there = at_the_target(report, subject)
    if there is None:
        ask = Ask(
            where="server",
            commands={"linux": "ss -ltn 'sport = :{port}'"},
            answers=(
                Answer(answer="Recv-Q above Send-Q: the program does not accept", then="tcp.listen-queue-full"),
                Answer(answer="Recv-Q 0: the packets are dropped before the program", then="tcp.port-filtered"),
            ),
        )
        return unknown("needs-person", says="The server's accept queue was not seen.", ask=ask)
    tables = _tables(there, report)
    if not tables:
        return _no_table(there, report)
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    full = [r for r in rows if r.queued is not None and r.backlog is not None and r.queued > r.backlog]
    if full:
        wait = "connection waits" if full[0].queued == 1 else "connections wait"
        said = f"{full[0].queued} {wait} for the program, more than its limit of {full[0].backlog}."
        taken = [b for b in there.of(Bind) if b.port == report.target.port and b.outcome is Outcome.ADDRESS_IN_USE]
        return present(said, tables[-1], *taken)
    if rows and all(r.queued is not None for r in rows):
        return absent("The listener's queue on this machine is not full.", tables[-1])
    if rows:
        return unknown("not-possible-here", tables[-1], says="This system does not show how long the queue is.")
    if not tables[-1].complete:
        return unknown("needs-privilege", tables[-1], says="The listener table of this machine is not complete.")
    return absent("No listener of this machine has a full queue.", tables[-1])


@sign
def program_does_not_accept(report: Report, subject: Subject) -> Reading:
    """The accept queue is full by the table, or the kernel counted as many overflows as SYNs of ours got no answer.

    ListenOverflows counts for all listeners of the network namespace together: another program's may be the full
    one, so the count alone proves nothing.
    """
    table = accept_queue_is_full(report, subject)
    counted = _overflows(report, subject)
    if table.state == "present":
        return replace(table, says=f"{table.says} {counted[0]}".strip())
    nobody = table.state == "absent" and nothing_listens_here(report, subject).state == "present"
    if counted[0] and not nobody:
        return present(counted[0], *counted[1])
    return table


def _overflows(report: Report, subject: Subject) -> tuple[str, tuple[Counters, ...]]:
    """What ListenOverflows says between two looks at this machine's counters; "" when it rose less than it must."""
    if at_the_target(report, subject) is not report:
        return "", ()
    looks = [c for c in report.of(Counters) if c.outcome is Outcome.OK and "ListenOverflows" in c.values]
    if len(looks) < 2:
        return "", ()
    first, last = looks[0], looks[-1]
    rise = last.values["ListenOverflows"] - first.values["ListenOverflows"]
    mine = _unanswered(report, subject, first.began, last.began)
    if mine < 2 or rise < mine:
        return "", ()
    said = f"{mine} SYNs got no answer, and meanwhile the kernel dropped {rise} for a full queue (ListenOverflows)."
    return said, (first, last)


def _unanswered(report: Report, subject: Subject, since: float, until: float) -> int:
    """SYNs to the asked port that left in this time and that nothing answered."""
    port = report.target.port
    sent = [
        o.began + after for o in report.of(Connect) if o.address in subject.values and o.port == port
        if o.outcome is Outcome.TIMEOUT for after in o.unanswered_at or (0.0,)
    ]  # fmt: skip
    traced = [
        t.began for t in report.of(Trace) if t.address in subject.values and t.port == port
        for h in t.hops if h.outcome is Outcome.TIMEOUT
    ]  # fmt: skip
    return len([moment for moment in (*sent, *traced) if since <= moment <= until])


@sign
def nothing_listens_here(report: Report, subject: Subject) -> Reading:
    """The complete socket table of the target (this machine, or a merged report) has no listener for the address."""
    there = at_the_target(report, subject)
    if there is None:
        ask = Ask(
            where="server",
            commands={
                "linux": "ss -ltn 'sport = :{port}'",
                "macos": "lsof -nP -iTCP:{port} -sTCP:LISTEN",
                "windows": "Get-NetTCPConnection -LocalPort {port} -State Listen",
            },
            answers=(
                Answer(answer="no line: nothing listens", then="tcp.no-listener"),
                Answer(answer="a line with this address or *: a device refuses", then="tcp.refused-by-middlebox"),
            ),
        )  # fmt: skip
        return unknown("needs-person", says="The server's own listener table was not seen.", ask=ask)
    tables = _tables(there, report)
    if not tables:
        return _no_table(there, report)
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    where = _whose(there, report)
    if rows:
        return absent(f"The listener table of {where} has a row for {rows[0].address} port {rows[0].port}.", tables[-1])
    if not tables[-1].complete:
        return unknown("needs-privilege", tables[-1], says=f"The listener table of {where} is not complete.")
    return present(f"The listener table of {where} has no row for port {report.target.port}.", tables[-1])


@sign
def own_table_shows_listener(report: Report, subject: Subject) -> Reading:
    """The target's table, when it was seen, has a listener for the address: a refusal has another reason."""
    there = at_the_target(report, subject)
    if there is None:
        route = route_to(report, subject)
        if route is None:
            return unsettled(report, Want(probe="route", args=subject.values[:1]))
        return absent("The target is not this machine.", route)
    reading = nothing_listens_here(report, subject)
    if reading.state == "unknown":
        return reading
    tables = [o for o in _tables(there, report) if o.id in reading.evidence]
    return absent(reading.says, *tables) if reading.state == "present" else present(reading.says, *tables)


def serves(bound: str, v6only: bool | None, address: str) -> bool:
    """Whether a socket bound to `bound` takes connections to `address`."""
    wild = {"0.0.0.0": 4, "::": 6, "*": 0, "": 0}
    if bound not in wild:
        return bound.partition("%")[0].removeprefix("::ffff:") == address.partition("%")[0].removeprefix("::ffff:")
    if wild[bound] == 6:
        return family_of(address) == 6 or not v6only
    return wild[bound] == 0 or wild[bound] == family_of(address)
