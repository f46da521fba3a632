"""Signs about a target that is this machine: its own socket table. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Answer, Listeners, Outcome, Report, Subject, Want
from ..outcomes import family_of
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .tcp import route_to


@sign
def accept_queue_is_full(report: Report, subject: Subject) -> Reading:
    """On this machine: the listener's accept queue is above its limit. Elsewhere only the server can tell."""
    route = route_to(report, subject)
    if route is None or route.type != "local":
        ask = Ask(
            where="server",
            commands={"linux": "ss -ltn 'sport = :{port}'"},
            answers=(
                Answer(answer="Recv-Q above Send-Q: the program does not accept", then="tcp.listen-queue-full"),
                Answer(answer="Recv-Q 0: the packets are dropped before the program", then="tcp.port-filtered"),
            ),
        )
        return unknown("needs-person", says="The server's accept queue was not seen.", ask=ask)
    tables = [o for o in report.of(Listeners) if o.port == report.target.port and o.outcome is Outcome.OK]
    if not tables:
        return unsettled(report, Want(probe="listeners", args=(str(report.target.port), report.target.transport)))
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    full = [r for r in rows if r.queued is not None and r.backlog is not None and r.queued > r.backlog]
    if full:
        said = f"{full[0].queued} connections wait for the program, whose limit is {full[0].backlog}."
        return present(said, tables[-1])
    if rows and all(r.queued is not None for r in rows):
        return absent("The listener's queue on this machine is not full.", tables[-1])
    if rows:
        return unknown("not-possible-here", tables[-1], says="This system does not show how long the queue is.")
    return absent("No listener of this machine has a full queue.", tables[-1])


@sign
def nothing_listens_here(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and its complete socket table has no listener for the port and address."""
    tables = [o for o in report.of(Listeners) if o.port == report.target.port and o.outcome is Outcome.OK]
    route = route_to(report, subject)
    if route is None or route.type != "local":
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
    if not tables:
        return unsettled(report, Want(probe="listeners", args=(str(report.target.port), report.target.transport)))
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    if rows:
        return absent(f"{rows[0].address} port {rows[0].port} has a listener on this machine.", tables[-1])
    if not tables[-1].complete:
        return unknown("needs-privilege", tables[-1], says="The listener table of this machine is not complete.")
    return present(f"This machine's listener table has no row for port {report.target.port}.", tables[-1])


@sign
def own_table_shows_listener(report: Report, subject: Subject) -> Reading:
    """The target is this machine and its table has a listener for the address: the refusal has another reason."""
    route = route_to(report, subject)
    if route is None:
        return unsettled(report, Want(probe="route", args=subject.values[:1]))
    if route.type != "local":
        return absent("The target is not this machine.", route)
    reading = nothing_listens_here(report, subject)
    if reading.state == "unknown":
        return reading
    tables = [o for o in report.of(Listeners) if o.id in reading.evidence]
    return absent(reading.says, *tables) if reading.state == "present" else present(reading.says, *tables)


def serves(bound: str, v6only: bool | None, address: str) -> bool:
    """Whether a socket bound to `bound` takes connections to `address`."""
    wild = {"0.0.0.0": 4, "::": 6, "*": 0, "": 0}
    if bound not in wild:
        return bound.partition("%")[0].removeprefix("::ffff:") == address.partition("%")[0].removeprefix("::ffff:")
    if wild[bound] == 6:
        return family_of(address) == 6 or not v6only
    return wild[bound] == 0 or wild[bound] == family_of(address)
