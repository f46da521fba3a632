"""Signs about who listens on the port, by the socket table of the target. Pure; about an address."""

from __future__ import annotations

from msgspec.structs import replace

from ..model import Answer, Bind, Connect, Counters, Listener, Listeners, Outcome, Report, Subject, Trace, Want
from ..text import at, plural
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .observed import endpoint_text, plain_address, report_of_target, route_to
from .sockets import owner_text, serves


def tables_at(there: Report, report: Report) -> list[Listeners]:
    return [o for o in there.of(Listeners) if o.port == report.target.port and o.outcome is Outcome.OK]


def whose(there: Report, report: Report) -> str:
    return "this machine" if there is report else "the server"


def no_table(there: Report, report: Report) -> Reading:
    if there is not report:
        return unknown("not-looked", says=f"The server's report has no socket table for port {report.target.port}.")
    return unsettled(report, Want(probe="listeners", args=(str(report.target.port), report.target.transport)))


@sign("nothing is listening on the port at this address")
def none(report: Report, subject: Subject) -> Reading:
    """The complete socket table of the target (this machine, or a merged report) has no listener for the address.

    Could also be: a process that stopped listening after the attempt.
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
                Answer(answer="no line: nothing is listening", then="tcp.no-listener"),
                Answer(
                    answer="a line with this address or *: a device in the path refuses",
                    then="tcp.refused-by-middlebox",
                ),
            ),
        )  # fmt: skip
        return unknown("needs-person", says="The server's socket table was not read.", ask=ask)
    tables = tables_at(there, report)
    if not tables:
        return no_table(there, report)
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    where = whose(there, report)
    if rows:
        fact = f"{owner_text(rows[0])} is listening on {at(rows[0].address, rows[0].port)} on {where}."
        return absent(fact, tables[-1])
    if not tables[-1].complete:
        return unknown("needs-privilege", tables[-1], says=f"The socket table of {where} is incomplete.")
    return present(f"Nothing is listening on {endpoint_text(report, subject)} on {where}.", tables[-1])


@sign("the target's socket table shows a listener for the port")
def found(report: Report, subject: Subject) -> Reading:
    """The target's socket table, if it was read, has a listener for the address: a refusal has another cause."""
    there = report_of_target(report, subject)
    if there is None:
        route = route_to(report, subject)
        if route is None:
            return unsettled(report, Want(probe="route", args=subject.values[:1]))
        return absent(f"{route.address} is not this machine.", route)
    reading = none(report, subject)
    if reading.state == "unknown":
        return reading
    tables = [o for o in tables_at(there, report) if o.id in reading.evidence]
    return absent(reading.says, *tables) if reading.state == "present" else present(reading.says, *tables)


# ---------------------------------------------------------------- the accept queue


@sign("the listener's accept queue is full")
def accept_queue_full(report: Report, subject: Subject) -> Reading:
    """The listener's accept queue is above its limit. Only the target's own socket table shows it."""
    there = report_of_target(report, subject)
    if there is None:
        ask = Ask(
            where="server",
            commands={"linux": "ss -ltn 'sport = :{port}'"},
            answers=(
                Answer(answer="Recv-Q above Send-Q: the program accepts too slowly", then="tcp.listen-queue-full"),
                Answer(answer="Recv-Q 0: packets are dropped before they reach it", then="tcp.port-filtered"),
            ),
        )
        return unknown("needs-person", says="The server's accept queue was not read.", ask=ask)
    tables = tables_at(there, report)
    if not tables:
        return no_table(there, report)
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    full = [r for r in rows if r.queued is not None and r.backlog is not None and r.queued > r.backlog]
    if full:
        held = plural(full[0].queued or 0, "connection")
        where = at(full[0].address, full[0].port)
        fact = f"The accept queue of {where} holds {held}, more than its limit of {full[0].backlog}."
        taken = [b for b in there.of(Bind) if b.port == report.target.port and b.outcome is Outcome.ADDRESS_IN_USE]
        return present(fact, tables[-1], *taken)
    if rows and all(r.queued is not None for r in rows):
        return absent(f"The accept queue of {at(rows[0].address, rows[0].port)} is not full.", tables[-1])
    if rows:
        fact = "This system does not show the length of the accept queue."
        return unknown("not-possible-here", tables[-1], says=fact)
    if not tables[-1].complete:
        fact = f"The socket table of {whose(there, report)} is incomplete."
        return unknown("needs-privilege", tables[-1], says=fact)
    return absent(f"Nothing is listening on {endpoint_text(report, subject)}.", tables[-1])


@sign("the program does not accept its pending connections")
def not_accepting(report: Report, subject: Subject) -> Reading:
    """The table shows a full accept queue, or the kernel counted as many overflows as SYNs without response.

    ListenOverflows counts for all listeners of the network namespace: the queue of another program may be the full one,
    so the count alone proves nothing.
    """
    table = accept_queue_full(report, subject)
    counted = _overflows(report, subject)
    if table.state == "present":
        return replace(table, says=f"{table.says} {counted[0]}".strip())
    unused = table.state == "absent" and none(report, subject).state == "present"
    if counted[0] and not unused:
        return present(counted[0], *counted[1])
    return table


def _overflows(report: Report, subject: Subject) -> tuple[str, tuple[Counters, ...]]:
    """Return the sentence about the rise of ListenOverflows, "" if it rose too little, and the two reads."""
    if report_of_target(report, subject) is not report:
        return "", ()
    reads = [c for c in report.of(Counters) if c.outcome is Outcome.OK and "ListenOverflows" in c.values]
    if len(reads) < 2:
        return "", ()
    first, last = reads[0], reads[-1]
    rise = last.values["ListenOverflows"] - first.values["ListenOverflows"]
    mine = _unanswered(report, subject, first.began, last.began)
    if mine < 2 or rise < mine:
        return "", ()
    fact = f"{mine} SYNs received no response, while this machine's ListenOverflows rose by {rise}."
    return fact, (first, last)


def _unanswered(report: Report, subject: Subject, since: float, until: float) -> int:
    """Return the number of SYNs to the requested port that were sent in this time and received no response."""
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
    """Return (the reading if the table decides nothing, the table, its listeners on the requested port)."""
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        want = Want(probe="route", args=subject.values[:1])
        return unsettled(report, want, probed=route is not None), None, []
    if route.type != "local":
        return absent(f"{route.address} is not this machine.", route), None, []
    t = report.target
    found = [o for o in report.of(Listeners) if (o.port, o.transport) == (t.port, t.transport)]
    read = [o for o in found if o.outcome is Outcome.OK]
    if not read:
        return unsettled(report, Want(probe="listeners", args=(str(t.port), t.transport)), probed=bool(found)), None, []
    return None, read[-1], [r for r in read[-1].rows if r.state in ("LISTEN", "UNCONN")]


@sign("a process is listening on the port at this address")
def at_this_address(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and a process is listening on the port at the requested address.

    Could also be: a process that started listening after the attempt, or on one interface only.
    """
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    here = [r for r in rows if serves(r.address, r.v6only, subject.values[0])]
    if here:
        return present(f"{owner_text(here[0])} is listening on {at(here[0].address, here[0].port)}.", table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The socket table of this machine is incomplete.")
    return absent(f"Nothing is listening on {endpoint_text(report, subject)}.", table)


@sign("a process is listening on the port, but at another address")
def other_address_only(report: Report, subject: Subject) -> Reading:
    """The target is this machine: a process is listening on the port, but not at the requested address."""
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    address = subject.values[0]
    if any(serves(r.address, r.v6only, address) for r in rows):
        return absent(f"A process is listening on {endpoint_text(report, subject)}.", table)
    if not rows:
        if not table.complete:
            return unknown("needs-privilege", table, says="The socket table of this machine is incomplete.")
        return absent(f"No process on this machine is listening on port {report.target.port}.", table)
    fact = f"{owner_text(rows[0])} is listening on {at(rows[0].address, rows[0].port)}, not on {address}."
    return present(fact, table)


@sign("processes are listening on the port at loopback addresses only")
def loopback_only(report: Report, subject: Subject) -> Reading:
    """The target is this machine at another address, and every listener of the port is on a loopback address."""
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    if _loopback(subject.values[0]):
        return absent(f"{subject.values[0]} is a loopback address.", table)
    other = [r for r in rows if not _loopback(r.address)]
    if other:
        return absent(f"A process is listening on {at(other[0].address, other[0].port)}.", table)
    if not rows:
        if not table.complete:
            return unknown("needs-privilege", table, says="The socket table of this machine is incomplete.")
        return absent(f"No process on this machine is listening on port {report.target.port}.", table)
    return present(f"{owner_text(rows[0])} is listening on {at(rows[0].address, rows[0].port)} only.", table)


def _loopback(address: str) -> bool:
    return address.startswith("127.") or plain_address(address) == "::1"
