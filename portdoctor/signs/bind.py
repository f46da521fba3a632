"""Signs about listening here. Pure readings of a report; the subject is the local address asked for."""

from __future__ import annotations

from ..model import Bind, Interfaces, Listener, Listeners, Outcome, Ports, Report, Subject, Want
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown, unsettled

WILDCARDS = ("0.0.0.0", "::")
_LISTENS = ("LISTEN", "UNCONN")
_LINGERS = ("TIME_WAIT", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "LAST_ACK", "CLOSING", "ESTABLISHED")


def asked(report: Report, subject: Subject) -> Bind | None:
    """The bind of the subject, as a server does it; of several the first."""
    binds = [o for o in report.of(Bind) if shown(o.address, o.port) in subject.values]
    return next((o for o in binds if o.reuse), binds[0] if binds else None)


def shown(address: str, port: int) -> str:
    """``127.0.0.1:80`` or ``[::1]:80``: the text of a subject of kind "local"."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def tables(report: Report, o: Bind) -> list[Listeners]:
    """The reads of the socket table for the port of a bind that gave one."""
    return [t for t in report.of(Listeners) if t.port == o.port and t.transport == o.transport and _read(t)]


def _read(table: Listeners) -> bool:
    return table.outcome is Outcome.OK


def want_table(o: Bind) -> Want:
    """The look that shows who holds the port."""
    return Want(probe="listeners", args=(str(o.port), o.transport))


def overlap(bound: str, bound_v6only: bool | None, wanted: str, wanted_v6only: bool | None) -> bool:
    """Whether two sockets on one port claim a common address. `::` without v6only claims IPv4 too."""
    if _bare(bound) == _bare(wanted):
        return True
    mine, theirs = _families(wanted, wanted_v6only), _families(bound, bound_v6only)
    if bound not in WILDCARDS and wanted not in WILDCARDS:
        return False
    return bool(mine & theirs)


def _families(address: str, v6only: bool | None) -> set[int]:
    return {4, 6} if address == "::" and not v6only else {family_of(_bare(address))}


def _bare(address: str) -> str:
    return address.partition("%")[0].removeprefix("::ffff:")


def describe(row: Listener) -> str:
    """Who a row belongs to, as far as it is known: "nginx (pid 12, user www-data, unit nginx.service)"."""
    h = row.holder
    if h is None or not (h.name or h.user or h.unit or h.container):
        return f"A process of uid {row.uid}" if row.uid is not None else "A process that is not shown to you"
    more = [
        f"pid {h.pid}" if h.pid is not None else "",
        f"user {h.user}" if h.user and h.name else "",
        f"unit {h.unit}" if h.unit else "",
        f"container {h.container}" if h.container else "",
        f"since {h.since}" if h.since else "",
    ]
    listed = ", ".join(word for word in more if word)
    name = h.name or (f"A process of user {h.user}" if h.user else "A process")
    return f"{name} ({listed})" if listed else name


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


def _failed_as(report: Report, subject: Subject, outcome: Outcome, says: str) -> Reading:
    o = asked(report, subject)
    if o is None:
        return unknown("not-looked")
    where = shown(o.address, o.port)
    if o.outcome is outcome:
        return present(f"Binding {where} fails: {says} ({o.errno.name if o.errno else outcome}).", o)
    if o.outcome is Outcome.OK:
        return absent(f"Binding {where} succeeds.", o)
    return absent(f"Binding {where} fails with another error ({o.errno.name if o.errno else o.outcome}).", o)


@sign
def bind_in_use(report: Report, subject: Subject) -> Reading:
    """EADDRINUSE, with SO_REUSEADDR set as servers do."""
    return _failed_as(report, subject, Outcome.ADDRESS_IN_USE, "the address is in use")


@sign
def bind_denied(report: Report, subject: Subject) -> Reading:
    """EACCES or EPERM."""
    return _failed_as(report, subject, Outcome.DENIED, "permission denied")


@sign
def bind_address_unavailable(report: Report, subject: Subject) -> Reading:
    """EADDRNOTAVAIL: no interface has the address, or not yet."""
    return _failed_as(report, subject, Outcome.ADDRESS_UNAVAILABLE, "the address is not available")


@sign
def bind_family_unsupported(report: Report, subject: Subject) -> Reading:
    """EAFNOSUPPORT: this kernel has no such family; or every address of the family is missing, ::1 included."""
    o = asked(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.FAMILY_UNSUPPORTED:
        return present(f"This kernel has no IPv{family_of(o.address)} (EAFNOSUPPORT).", o)
    if o.outcome is not Outcome.ADDRESS_UNAVAILABLE:
        return absent(f"This kernel has IPv{family_of(o.address)}.", o)
    looks = [i for i in report.of(Interfaces) if i.outcome is Outcome.OK]
    if not looks:
        return unsettled(report, Want(probe="interfaces"), o)
    family = family_of(o.address)
    if any(family_of(a) == family for row in looks[-1].rows for a in row.addresses):
        return absent(f"This machine has IPv{family} addresses.", looks[-1])
    return present(f"No interface has any IPv{family} address, not even the loopback.", o, looks[-1])


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
    return _bare(o.address) == _bare(row.address)


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
def port_is_ephemeral(report: Report, subject: Subject) -> Reading:
    """The port is in the range from which this kernel picks source ports."""
    o, policy = asked(report, subject), _policy(report)
    if o is None:
        return unknown("not-looked")
    if policy is None or policy.ephemeral is None:
        return unsettled(report, Want(probe="port-policy"), o, looked=policy is not None)
    first, last = policy.ephemeral
    if first <= o.port <= last:
        return present(f"Port {o.port} is one of those that outgoing connections use here ({first}-{last}).", policy)
    return absent(f"Port {o.port} is outside the range of outgoing connections ({first}-{last}).", policy)


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


def _policy(report: Report) -> Ports | None:
    found = [p for p in report.of(Ports) if p.outcome is Outcome.OK]
    return found[-1] if found else None


@sign
def port_is_privileged(report: Report, subject: Subject) -> Reading:
    """The port is below this kernel's threshold (ip_unprivileged_port_start)."""
    o, policy = asked(report, subject), _policy(report)
    if o is None:
        return unknown("not-looked")
    if policy is None or policy.unprivileged_start is None:
        return unsettled(report, Want(probe="port-policy"), o, looked=policy is not None)
    start = policy.unprivileged_start
    if o.port < start:
        return present(f"Here the ports below {start} need a privilege.", policy)
    return absent(f"Here the ports from {start} on need no privilege.", policy)


@sign
def bind_capability_held(report: Report, subject: Subject) -> Reading:
    """This process holds CAP_NET_BIND_SERVICE, in the user namespace that owns the network namespace."""
    policy = _policy(report)
    if policy is None or policy.bind_capability is None:
        return unsettled(report, Want(probe="port-policy"), looked=policy is not None)
    if policy.bind_capability:
        return present("This process has the privilege for low ports (CAP_NET_BIND_SERVICE).", policy)
    return absent("This process lacks the privilege for low ports (CAP_NET_BIND_SERVICE).", policy)


@sign
def lacks_port_privilege(report: Report, subject: Subject) -> Reading:
    """The port is privileged and this process has no privilege for it: the kernel's own rule explains the denial."""
    low = port_is_privileged(report, subject)
    if low.state != "present":
        return low
    held = bind_capability_held(report, subject)
    if held.state == "unknown":
        return held
    policy = [p for p in report.of(Ports) if p.id in held.evidence]
    return present(held.says, *policy) if held.state == "absent" else absent(held.says, *policy)


@sign
def address_on_an_interface(report: Report, subject: Subject) -> Reading:
    """One of this machine's interfaces has the address asked for."""
    o = asked(report, subject)
    if o is None:
        return unknown("not-looked")
    looks = [i for i in report.of(Interfaces) if i.outcome is Outcome.OK]
    if not looks:
        return unsettled(report, Want(probe="interfaces"), o)
    for row in looks[-1].rows:
        if any(_bare(o.address) == a.partition("/")[0].partition("%")[0] for a in row.addresses):
            return present(f"{row.name} has {_bare(o.address)}.", looks[-1])
    return absent(f"No interface of this machine has {_bare(o.address)}.", looks[-1])


@sign
def address_is_tentative(report: Report, subject: Subject) -> Reading:
    """The kernel still checks whether another machine has this IPv6 address, or has found one (RFC 4862, 5.4)."""
    o = asked(report, subject)
    if o is None:
        return unknown("not-looked")
    if family_of(o.address) == 4:
        return absent("IPv4 addresses are not checked before use.", o)
    looks = [i for i in report.of(Interfaces) if i.outcome is Outcome.OK]
    if not looks:
        return unsettled(report, Want(probe="interfaces"), o)
    for row in looks[-1].rows:
        if _bare(o.address) in (a.partition("/")[0].partition("%")[0] for a in row.tentative):
            return present(f"{row.name} has {_bare(o.address)}, not yet checked for a duplicate.", looks[-1])
    return absent(f"{_bare(o.address)} is not being checked for a duplicate.", looks[-1])


@sign
def scope_is_missing(report: Report, subject: Subject) -> Reading:
    """A link-local address (fe80::/10) without its interface: the bind fails with EINVAL."""
    o = asked(report, subject)
    if o is None:
        return unknown("not-looked")
    lacks = o.address.lower().startswith("fe80:") and "%" not in o.address
    if lacks and o.outcome is Outcome.INVALID:
        return present(f"{o.address} is a link-local address without its interface.", o)
    return absent("The address needs no interface beside it.", o)
