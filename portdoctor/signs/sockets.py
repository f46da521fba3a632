"""What the signs about sockets of this machine share: which bind was asked for, who is in its way. Pure."""

from __future__ import annotations

from ..model import Bind, Listener, Listeners, Outcome, Report, Subject, Want
from ..outcomes import family_of
from .base import Reading, absent, present, unknown

WILDCARDS = ("0.0.0.0", "::")


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
    if bare(bound) == bare(wanted):
        return True
    mine, theirs = _families(wanted, wanted_v6only), _families(bound, bound_v6only)
    if bound not in WILDCARDS and wanted not in WILDCARDS:
        return False
    return bool(mine & theirs)


def _families(address: str, v6only: bool | None) -> set[int]:
    return {4, 6} if address == "::" and not v6only else {family_of(bare(address))}


def bare(address: str) -> str:
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


def failed_as(report: Report, subject: Subject, outcome: Outcome, says: str) -> Reading:
    o = asked(report, subject)
    if o is None:
        return unknown("not-looked")
    where = shown(o.address, o.port)
    if o.outcome is outcome:
        return present(f"Binding {where} fails: {says} ({o.errno.name if o.errno else outcome}).", o)
    if o.outcome is Outcome.OK:
        return absent(f"Binding {where} succeeds.", o)
    return absent(f"Binding {where} fails with another error ({o.errno.name if o.errno else o.outcome}).", o)
