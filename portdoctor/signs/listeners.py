"""Signs about who listens on the port, by the socket table of the target. Pure; about an address."""

from __future__ import annotations

from msgspec.structs import replace

from ..model import Answer, Bind, Connect, Counters, Listener, Listeners, Outcome, Report, Subject, Trace, Want
from ..text import at
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .observed import plain_address, report_of_target, route_to
from .sockets import owner_text, serves


def _tables_at(there: Report, report: Report) -> list[Listeners]:
    return [o for o in there.of(Listeners) if o.port == report.target.port and o.outcome is Outcome.OK]


def _whose(there: Report, report: Report) -> str:
    return "this machine" if there is report else "the server"


def _no_table(there: Report, report: Report) -> Reading:
    if there is not report:
        return unknown("not-looked", says="The server's report has no listener table for this port.")
    return unsettled(report, Want(probe="listeners", args=(str(report.target.port), report.target.transport)))


@sign("nothing listens on the port")
def none(report: Report, subject: Subject) -> Reading:
    """The complete socket table of the target (this machine, or a merged report) has no listener for the address.

    Could also be: a program that stopped listening after the attempt.
    """
    there = report_of_target(report, subject)
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
    tables = _tables_at(there, report)
    if not tables:
        return _no_table(there, report)
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    where = _whose(there, report)
    if rows:
        return absent(f"The listener table of {where} has a row for {rows[0].address} port {rows[0].port}.", tables[-1])
    if not tables[-1].complete:
        return unknown("needs-privilege", tables[-1], says=f"The listener table of {where} is not complete.")
    return present(f"The listener table of {where} has no row for port {report.target.port}.", tables[-1])


@sign("the target's socket table shows a listener for the port")
def found(report: Report, subject: Subject) -> Reading:
    """The target's table, where it was read, has a listener for the address: a refusal has another reason."""
    there = report_of_target(report, subject)
    if there is None:
        route = route_to(report, subject)
        if route is None:
            return unsettled(report, Want(probe="route", args=subject.values[:1]))
        return absent("The target is not this machine.", route)
    reading = none(report, subject)
    if reading.state == "unknown":
        return reading
    tables = [o for o in _tables_at(there, report) if o.id in reading.evidence]
    return absent(reading.says, *tables) if reading.state == "present" else present(reading.says, *tables)


# ---------------------------------------------------------------- the accept queue


@sign("the listener's accept queue is full")
def accept_queue_full(report: Report, subject: Subject) -> Reading:
    """The listener's accept queue is above its limit. Only the target's own table shows it."""
    there = report_of_target(report, subject)
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
    tables = _tables_at(there, report)
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


@sign("the program does not accept its pending connections")
def not_accepting(report: Report, subject: Subject) -> Reading:
    """The table shows a full accept queue, or the kernel counted as many overflows as our SYNs got no response.

    ListenOverflows counts for all listeners of the network namespace together: another program's queue may be the full
    one, so the count alone proves nothing.
    """
    table = accept_queue_full(report, subject)
    counted = _overflows(report, subject)
    if table.state == "present":
        return replace(table, says=f"{table.says} {counted[0]}".strip())
    nobody = table.state == "absent" and none(report, subject).state == "present"
    if counted[0] and not nobody:
        return present(counted[0], *counted[1])
    return table


def _overflows(report: Report, subject: Subject) -> tuple[str, tuple[Counters, ...]]:
    """How far ListenOverflows rose between two reads of this machine's counters; "" when by less than it must."""
    if report_of_target(report, subject) is not report:
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


# ---------------------------------------------------------------- a target that is this machine


def _listeners(report: Report, subject: Subject) -> tuple[Reading | None, Listeners | None, list[Listener]]:
    """(the reading where the table decides nothing, the table, its listeners of the requested port)."""
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        want = Want(probe="route", args=subject.values[:1])
        return unsettled(report, want, looked=route is not None), None, []
    if route.type != "local":
        return absent("The target is not this machine.", route), None, []
    t = report.target
    found = [o for o in report.of(Listeners) if (o.port, o.transport) == (t.port, t.transport)]
    read = [o for o in found if o.outcome is Outcome.OK]
    if not read:
        return unsettled(report, Want(probe="listeners", args=(str(t.port), t.transport)), looked=bool(found)), None, []
    return None, read[-1], [r for r in read[-1].rows if r.state in ("LISTEN", "UNCONN")]


@sign("a program listens on the port at this address")
def at_this_address(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and a program listens on the port at the requested address.

    Could also be: a program that began to listen only after the attempt, or for one interface only.
    """
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    here = [r for r in rows if serves(r.address, r.v6only, subject.values[0])]
    if here:
        return present(f"{owner_text(here[0])} listens on {at(here[0].address, here[0].port)}.", table)
    return absent(f"No program listens on {subject.values[0]} port {report.target.port}.", table)


@sign("a program listens on the port, but at another address")
def other_address_only(report: Report, subject: Subject) -> Reading:
    """The target is this machine: a program listens on the port, and none of its addresses is the requested one."""
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    address = subject.values[0]
    if any(serves(r.address, r.v6only, address) for r in rows):
        return absent(f"A program listens on {address} port {report.target.port}.", table)
    if not rows:
        if not table.complete:
            return unknown("needs-privilege", table, says="The listener table of this machine is not complete.")
        return absent(f"No program of this machine listens on port {report.target.port}.", table)
    return present(f"{owner_text(rows[0])} listens on {at(rows[0].address, rows[0].port)}, not on {address}.", table)


@sign("programs listen on the port at loopback addresses only")
def loopback_only(report: Report, subject: Subject) -> Reading:
    """The target is this machine at another address, and every listener of the port is on a loopback address."""
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    if _loopback(subject.values[0]):
        return absent("The address asked for is a loopback address itself.", table)
    other = [r for r in rows if not _loopback(r.address)]
    if other:
        return absent(f"A program listens on {at(other[0].address, other[0].port)}.", table)
    if not rows:
        if not table.complete:
            return unknown("needs-privilege", table, says="The listener table of this machine is not complete.")
        return absent(f"No program of this machine listens on port {report.target.port}.", table)
    return present(f"{owner_text(rows[0])} listens on {at(rows[0].address, rows[0].port)} only.", table)


def _loopback(address: str) -> bool:
    return address.startswith("127.") or plain_address(address) == "::1"
