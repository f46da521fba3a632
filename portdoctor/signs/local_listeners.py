"""Signs about a target that is this machine: who listens on the port, and at which address. Pure."""

from __future__ import annotations

from ..model import Connect, Listener, Listeners, Outcome, Report, Subject, Want
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .machine import bare
from .own import serves
from .sockets import describe, shown
from .tcp import route_to


def _listeners(report: Report, subject: Subject) -> tuple[Reading | None, Listeners | None, list[Listener]]:
    """(reading when it cannot be told, the table, its listeners of the asked port)."""
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


@sign
def listens_on_other_address(report: Report, subject: Subject) -> Reading:
    """The target is this machine: a program listens on the port, and none of its addresses is the one asked for."""
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
    return present(f"{describe(rows[0])} listens on {shown(rows[0].address, rows[0].port)}, not on {address}.", table)


@sign
def listens_on_loopback_only(report: Report, subject: Subject) -> Reading:
    """The same, and every such listener is on a loopback address while another address was asked for."""
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    if _loopback(subject.values[0]):
        return absent("The address asked for is a loopback address itself.", table)
    other = [r for r in rows if not _loopback(r.address)]
    if other:
        return absent(f"A program listens on {shown(other[0].address, other[0].port)}.", table)
    if not rows:
        if not table.complete:
            return unknown("needs-privilege", table, says="The listener table of this machine is not complete.")
        return absent(f"No program of this machine listens on port {report.target.port}.", table)
    return present(f"{describe(rows[0])} listens on {shown(rows[0].address, rows[0].port)} only.", table)


def _loopback(address: str) -> bool:
    return address.startswith("127.") or bare(address) == "::1"


@sign
def other_family_connects(report: Report, subject: Subject) -> Reading:
    """Another address of the same name, of the other IP version, accepts the connection."""
    family = family_of(subject.values[0])
    tries = [o for o in report.of(Connect) if o.role == "target" and family_of(o.address) != family]
    good = [o for o in tries if o.outcome is Outcome.OK]
    if good:
        return present(f"The same name's address {good[0].address} accepts the connection.", good[0])
    return absent("No address of the other IP version accepts the connection.", *tries)


@sign
def listens_at_this_address(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and a program listens on the port at the very address that was asked for.

    What else looks like it: a program that began to listen only after the attempt, or for one interface only.
    """
    reading, table, rows = _listeners(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    here = [r for r in rows if serves(r.address, r.v6only, subject.values[0])]
    if here:
        return present(f"{describe(here[0])} listens on {shown(here[0].address, here[0].port)}.", table)
    return absent(f"No program listens on {subject.values[0]} port {report.target.port}.", table)
