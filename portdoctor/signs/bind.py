"""Signs about listening here. Pure readings of a report; the subject is the local address asked for."""

from __future__ import annotations

from ..model import Bind, Listener, Listeners, Outcome, Report, Subject
from ..outcomes import family_of
from . import bind_rights
from .base import Reading, absent, present, sign, unknown, unsettled
from .sockets import asked, bare, describe, failed_as, overlap, shown, tables, want_table

__all__ = ["bind_rights"]  # its signs are registered with ours
_LISTENS = ("LISTEN", "UNCONN")
_LINGERS = ("TIME_WAIT", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "LAST_ACK", "CLOSING", "ESTABLISHED")


def _conflicts(table: Listeners, o: Bind) -> list[Listener]:
    return [r for r in table.rows if overlap(r.address, r.v6only, o.address, o.v6only)]


def _holders(
    report: Report, subject: Subject, states: tuple[str, ...]
) -> tuple[Bind | None, Listeners | None, list[Listener]]:
    """The bind, the last read of the table, and the rows of these states in its way."""
    o = asked(report, subject)
    if o is None:
        return None, None, []
    read = tables(report, o)
    if not read:
        return o, None, []
    # the read with a witness: a holder may have left before the second one
    table = next((t for t in read if any(r.state in states for r in _conflicts(t, o))), read[-1])
    return o, table, [r for r in _conflicts(table, o) if r.state in states]


@sign
def bind_in_use(report: Report, subject: Subject) -> Reading:
    """EADDRINUSE, with SO_REUSEADDR set as servers do."""
    return failed_as(report, subject, Outcome.ADDRESS_IN_USE, "the address is in use")


@sign
def listener_at_same_address(report: Report, subject: Subject) -> Reading:
    """A socket listens on exactly the address and port asked for."""
    return _listener(report, subject, "the same address", lambda o, r: _same(o, r))


@sign
def listener_at_overlapping_address(report: Report, subject: Subject) -> Reading:
    """A socket of the same family listens on the wildcard, or on one address while the wildcard was asked for."""
    return _listener(
        report, subject, "an address that overlaps", lambda o, r: not _same(o, r) and not _dual_stack(o, r)
    )


@sign
def dual_stack_listener(report: Report, subject: Subject) -> Reading:
    """An IPv4 address was asked for, and a socket on [::] that also takes IPv4 (v6only off) has the port."""
    return _listener(report, subject, "[::] for both families", _dual_stack)


def _same(o: Bind, row: Listener) -> bool:
    return bare(o.address) == bare(row.address)


def _dual_stack(o: Bind, row: Listener) -> bool:
    return row.address == "::" and not row.v6only and family_of(o.address) == 4


def _listener(report: Report, subject: Subject, where: str, fits: object) -> Reading:
    o, table, rows = _holders(report, subject, _LISTENS)
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, want_table(o), o)
    # an exact row is the whole answer: a wildcard beside it (SO_REUSEPORT) is not what stands in the way first
    rows.sort(key=lambda r: not _same(o, r))
    rows = rows[:1]
    found = [r for r in rows if callable(fits) and fits(o, r)]
    if found:
        r = found[0]
        if r.address == "::" and r.v6only is None and family_of(o.address) == 4:
            return unknown("not-possible-here", table, says="Whether [::] takes IPv4 here too is not shown.")
        doing = "listens on" if r.state == "LISTEN" else "receives on"
        return present(f"{describe(r)} {doing} {shown(r.address, r.port)}.", table)
    if not table.complete and not rows:
        return unknown("needs-privilege", table, says="The sockets of other users are not shown.")
    return absent(f"Nothing listens on {where}.", table)


@sign
def listener_in_the_way(report: Report, subject: Subject) -> Reading:
    """A socket that listens claims the address asked for, exactly or as part of a wildcard."""
    o, table, rows = _holders(report, subject, _LISTENS)
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, want_table(o), o)
    if rows:
        return present(f"{describe(rows[0])} listens on {shown(rows[0].address, rows[0].port)}.", table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The sockets of other users are not shown.")
    return absent(f"No listening socket claims {shown(o.address, o.port)}.", table)


@sign
def bound_socket_in_the_way(report: Report, subject: Subject) -> Reading:
    """A socket is bound to the address and does not listen (sock_diag lists it since Linux 6.8)."""
    o, table, rows = _holders(report, subject, ("BOUND",))
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, want_table(o), o)
    if rows:
        r = rows[0]
        return present(f"{describe(r)} has bound {shown(r.address, r.port)} and does not listen.", table)
    if table.bound_shown and table.complete:
        return absent("No socket is bound there without listening.", table)
    return unknown("not-possible-here", table, says="This system does not list sockets that are bound only.")


@sign
def no_row_in_two_reads(report: Report, subject: Subject) -> Reading:
    """The bind failed twice, and before and after the second failure the complete table had no row in the way."""
    o = asked(report, subject)
    if o is None:
        return unknown("not-looked")
    again = [b for b in report.of(Bind) if shown(b.address, b.port) in subject.values and b is not o]
    read = tables(report, o)
    if any(_conflicts(t, o) for t in read):
        return absent("The table has a row for the address.", *read)
    if not again or again[0].outcome is not Outcome.ADDRESS_IN_USE:
        return absent("The second bind did not fail in the same way.", *again) if again else unknown("not-looked")
    before = [t for t in read if t.began <= again[0].began]
    after = [t for t in read if t.began >= again[0].began]
    if before and after and all(t.complete for t in read):
        return present("The bind failed twice, and no row of the socket table is in its way.", o, again[0], *read)
    return unknown("no-answer", *read, says="The socket table was not read around the second failure.")


@sign
def connection_in_the_way(report: Report, subject: Subject) -> Reading:
    """A connection that is no listener's uses the port as its own, so that the kernel gives it to nobody else."""
    o, table, rows = _holders(report, subject, ("ESTABLISHED", "SYN_SENT", "CLOSE_WAIT", "FIN_WAIT1", "FIN_WAIT2"))
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, want_table(o), o)
    if rows:
        r = rows[0]
        return present(f"{describe(r)} has a connection from {shown(r.address, r.port)} to {r.peer}.", table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The sockets of other users are not shown.")
    return absent("No connection uses the port on this machine.", table)


@sign
def reuse_makes_the_difference(report: Report, subject: Subject) -> Reading:
    """The bind works with SO_REUSEADDR and fails without it (EADDRINUSE)."""
    binds = [o for o in report.of(Bind) if shown(o.address, o.port) in subject.values]
    served = [o for o in binds if o.reuse and o.outcome is Outcome.OK]
    bare = [o for o in binds if not o.reuse]
    if not served:
        return absent("The bind fails with SO_REUSEADDR too.", *binds)
    if any(o.outcome is Outcome.ADDRESS_IN_USE for o in bare):
        return present("The bind works with SO_REUSEADDR and fails without it.", *served, *bare)
    if bare:
        return absent("The bind works without SO_REUSEADDR too.", *bare)
    return unknown("not-looked")


@sign
def old_connections_remain(report: Report, subject: Subject) -> Reading:
    """The table has connections of the port that are over or ending, and no listener in the way."""
    o, table, rows = _holders(report, subject, _LINGERS)
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, want_table(o), o)
    if rows:
        kinds = ", ".join(sorted({r.state for r in rows}))
        few = "connection remains" if len(rows) == 1 else "connections remain"
        return present(f"{len(rows)} {few} from before ({kinds}).", table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The sockets of other users are not shown.")
    return absent("No connection of the port remains.", table)
