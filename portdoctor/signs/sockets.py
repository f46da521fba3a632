"""What signs read about sockets: the bind that was tried, the addresses that a socket serves, its owner. Pure."""

from __future__ import annotations

from ..model import Bind, Listener, Report, Subject
from ..outcomes import family_of
from ..text import at


def serves(bound: str, v6only: bool | None, address: str) -> bool:
    """Return whether a socket bound to `bound` accepts connections to `address`."""
    wild = {"0.0.0.0": 4, "::": 6, "*": 0, "": 0}
    if bound not in wild:
        return unmapped(bound) == unmapped(address)
    if wild[bound] == 6:
        return family_of(address) == 6 or not v6only
    return wild[bound] == 0 or wild[bound] == family_of(address)


def unmapped(address: str) -> str:
    """Return an address without scope; an IPv4-mapped one as IPv4."""
    return address.partition("%")[0].removeprefix("::ffff:")


def owner_text(row: Listener) -> str:
    """Return the owner of a row, as far as it is known: "nginx (pid 12, user www-data, unit nginx.service)"."""
    h = row.holder
    if h is None or not (h.name or h.user or h.unit or h.container):
        return f"A process of uid {row.uid}" if row.uid is not None else "A process not visible to this user"
    more = [
        f"pid {h.pid}" if h.pid is not None else "",
        f"user {h.user}" if h.user and h.name else "",
        f"unit {h.unit}" if h.unit else "",
        f"container {h.container}" if h.container else "",
        f"started {h.since}" if h.since else "",
    ]
    listed = ", ".join(word for word in more if word)
    name = h.name or (f"A process of user {h.user}" if h.user else "A process")
    return f"{name} ({listed})" if listed else name


def bind_of(report: Report, subject: Subject) -> Bind | None:
    """Return the first bind of the subject, preferably one with SO_REUSEADDR as servers set it."""
    binds = [o for o in report.of(Bind) if at(o.address, o.port) in subject.values]
    return next((o for o in binds if o.reuse), binds[0] if binds else None)
