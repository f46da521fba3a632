"""Signs about sockets of this machine that conflict with a bind. Pure; the subject is the local address."""

from __future__ import annotations

from ..model import Bind, Listener, Listeners, Outcome, Report, Subject, Want
from ..outcomes import family_of
from ..text import at, plural
from .base import Reading, absent, present, sign, unknown, unsettled
from .sockets import bind_of, owner_text, unmapped

_WILDCARDS = ("0.0.0.0", "::")
_LISTENS = ("LISTEN", "UNCONN")
_LINGERS = ("TIME_WAIT", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "LAST_ACK", "CLOSING", "ESTABLISHED")


def _tables_of(report: Report, o: Bind) -> list[Listeners]:
    """Return the successful reads of the socket table for the port of a bind."""
    return [
        t for t in report.of(Listeners) if t.port == o.port and t.transport == o.transport and t.outcome is Outcome.OK
    ]


def _want_table(o: Bind) -> Want:
    """Return the probe that shows which socket uses the port."""
    return Want(probe="listeners", args=(str(o.port), o.transport))


def overlap(bound: str, bound_v6only: bool | None, wanted: str, wanted_v6only: bool | None) -> bool:
    """Return whether two sockets on one port share an address. `::` without v6only includes IPv4."""
    if unmapped(bound) == unmapped(wanted):
        return True
    mine, theirs = _families(wanted, wanted_v6only), _families(bound, bound_v6only)
    if bound not in _WILDCARDS and wanted not in _WILDCARDS:
        return False
    return bool(mine & theirs)


def _families(address: str, v6only: bool | None) -> set[int]:
    return {4, 6} if address == "::" and not v6only else {family_of(unmapped(address))}


def _conflicts(table: Listeners, o: Bind) -> list[Listener]:
    return [r for r in table.rows if overlap(r.address, r.v6only, o.address, o.v6only)]


def _users(
    report: Report, subject: Subject, states: tuple[str, ...]
) -> tuple[Bind | None, Listeners | None, list[Listener]]:
    """Return the bind, one read of the socket table, and its conflicting rows in these states."""
    o = bind_of(report, subject)
    if o is None:
        return None, None, []
    read = _tables_of(report, o)
    if not read:
        return o, None, []
    # the read with a witness: the socket may have been closed before the second one
    table = next((t for t in read if any(r.state in states for r in _conflicts(t, o))), read[-1])
    return o, table, [r for r in _conflicts(table, o) if r.state in states]


_OVERLAPS = {
    "same-address": "a socket is listening on exactly this address and port",
    "overlapping": "a socket is listening on the port at an overlapping address",
    "dual-stack": "a dual-stack socket on [::] is listening on the port",
}
_OVERLAP_SAYS = {
    "same-address": "the same address", "overlapping": "an overlapping address",
    "dual-stack": "[::] for both IP versions",
}  # fmt: skip


@sign("a listening socket conflicts: {parameter}", parameter="a kind of overlap", values=_OVERLAPS)
def listener(report: Report, subject: Subject, kind: str) -> Reading:
    """A listening socket of this kind uses the port. If one matches exactly, wildcard sockets beside it do not count.

    overlapping: on the wildcard, or on one address while the wildcard was requested. dual-stack: IPv4 was requested,
    and a socket on [::] also takes IPv4 (v6only off).
    """
    o, table, rows = _users(report, subject, _LISTENS)
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, _want_table(o), o)
    rows.sort(key=lambda r: unmapped(r.address) != unmapped(o.address))
    if rows and _overlap_kind(o, rows[0]) == kind:
        r = rows[0]
        if r.address == "::" and r.v6only is None and family_of(o.address) == 4:
            fact = "This system does not show whether the socket on [::] also accepts IPv4."
            return unknown("not-possible-here", table, says=fact)
        doing = "is listening on" if r.state == "LISTEN" else "is using"
        return present(f"{owner_text(r)} {doing} {at(r.address, r.port)}.", table)
    if not table.complete and not rows:
        return unknown("needs-privilege", table, says="The sockets of other users are not visible.")
    return absent(f"No socket is listening on port {o.port} at {_OVERLAP_SAYS[kind]}.", table)


def _overlap_kind(o: Bind, row: Listener) -> str:
    if unmapped(o.address) == unmapped(row.address):
        return "same-address"
    dual = row.address == "::" and not row.v6only and family_of(o.address) == 4
    return "dual-stack" if dual else "overlapping"


@sign("a listening socket uses the address")
def listening_socket(report: Report, subject: Subject) -> Reading:
    """A listening socket uses the requested address, exactly or as part of a wildcard."""
    o, table, rows = _users(report, subject, _LISTENS)
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, _want_table(o), o)
    if rows:
        return present(f"{owner_text(rows[0])} is listening on {at(rows[0].address, rows[0].port)}.", table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The sockets of other users are not visible.")
    return absent(f"No listening socket uses {at(o.address, o.port)}.", table)


@sign("a bound socket that does not listen uses the address")
def bound_socket(report: Report, subject: Subject) -> Reading:
    """A socket is bound to the address and does not listen (sock_diag lists it since Linux 6.8)."""
    o, table, rows = _users(report, subject, ("BOUND",))
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, _want_table(o), o)
    if rows:
        r = rows[0]
        return present(f"{owner_text(r)} is bound to {at(r.address, r.port)} and is not listening.", table)
    if table.bound_shown and table.complete:
        return absent(f"No socket is bound to {at(o.address, o.port)} without listening.", table)
    fact = "This system does not list sockets that are bound but not listening."
    return unknown("not-possible-here", table, says=fact)


@sign("a connection uses the port on this machine")
def connection(report: Report, subject: Subject) -> Reading:
    """A connection of no listener has the port as its local port, so the kernel does not share it."""
    o, table, rows = _users(report, subject, ("ESTABLISHED", "SYN_SENT", "CLOSE_WAIT", "FIN_WAIT1", "FIN_WAIT2"))
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, _want_table(o), o)
    if rows:
        r = rows[0]
        return present(f"{owner_text(r)} is using {at(r.address, r.port)} for a connection to {r.peer}.", table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The sockets of other users are not visible.")
    return absent(f"No connection uses port {o.port} on this machine.", table)


@sign("old connections still use the port")
def old_connections(report: Report, subject: Subject) -> Reading:
    """The socket table has connections on the port that are closed or closing, and no conflicting listener."""
    o, table, rows = _users(report, subject, _LINGERS)
    if o is None:
        return unknown("not-looked")
    if table is None:
        return unsettled(report, _want_table(o), o)
    if rows:
        kinds = ", ".join(sorted({r.state for r in rows}))
        uses = "still uses" if len(rows) == 1 else "still use"
        return present(f"{plural(len(rows), 'old connection')} {uses} port {o.port} ({kinds}).", table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The sockets of other users are not visible.")
    return absent(f"No old connection uses port {o.port}.", table)


@sign("the bind failed twice, and the socket table shows no conflict")
def none_found(report: Report, subject: Subject) -> Reading:
    """The bind failed twice, and before and after the second failure the complete table had no conflicting row."""
    o = bind_of(report, subject)
    if o is None:
        return unknown("not-looked")
    again = [b for b in report.of(Bind) if at(b.address, b.port) in subject.values and b is not o]
    read = _tables_of(report, o)
    if any(_conflicts(t, o) for t in read):
        return absent(f"The socket table has a socket that conflicts with {at(o.address, o.port)}.", *read)
    if not again or again[0].outcome is not Outcome.ADDRESS_IN_USE:
        return absent("The second bind did not fail with EADDRINUSE.", *again) if again else unknown("not-looked")
    before = [t for t in read if t.began <= again[0].began]
    after = [t for t in read if t.began >= again[0].began]
    if before and after and all(t.complete for t in read):
        fact = f"Binding {at(o.address, o.port)} failed twice; the socket table shows no conflict."
        return present(fact, o, again[0], *read)
    return unknown("no-answer", *read, says="The socket table was not read before and after the second failure.")
