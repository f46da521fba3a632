"""Signs about this machine's own part in a failed connection. Pure readings of a report; the subject is an address."""

from __future__ import annotations

from typing import Literal

from ..model import Connect, Interfaces, Neighbour, Outcome, Report, Route, Subject, Trace, Want
from ..outcomes import answered, family_of
from . import local_drop, local_limits, local_listeners
from .base import Reading, absent, present, sign, unknown, unsettled
from .machine import bare, interfaces
from .tcp import route_to, tried
from .unreachable import answer_by_icmp, none_came

__all__ = ["local_drop", "local_limits", "local_listeners"]  # their signs are registered with ours

AT_ONCE = 0.1  # seconds: a refusal by this machine's own tables takes microseconds
_ASKED_LONG = 1.0  # seconds: ARP and ND repeat their question every second (Linux retrans_time_ms)
_REFUSED_HERE = (
    Outcome.NET_UNREACHABLE, Outcome.HOST_UNREACHABLE, Outcome.DENIED, Outcome.BLACKHOLED, Outcome.INVALID,
    Outcome.ADDRESS_UNAVAILABLE, Outcome.FAMILY_UNSUPPORTED,
)  # fmt: skip
_NO_WAY = ("none", "prohibit", "blackhole", "unreachable")
_SILENT_NEIGHBOUR = {
    "failed": "did not answer", "incomplete": "has not answered",
}  # fmt: skip
_DOUBTFUL = ("delay", "probe")  # the kernel is just asking again whether it is still there
_ALIVE = {
    "reachable": "answers", "stale": "answered before", "permanent": "is set by hand", "noarp": "needs no look-up",
}  # fmt: skip


def next_hop(route: Route) -> str | None:
    """Who must answer on the link: the gateway, or the target itself; None when no packet would leave."""
    if route.type != "unicast" or route.interface in (None, "lo"):
        return None
    return route.gateway or route.address


def _says_route(report: Report, subject: Subject, kind: str, says: str) -> Reading:
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        want = Want(probe="route", args=subject.values[:1])
        return unsettled(report, want, *([route] if route else []), looked=route is not None)
    if route.type == kind:
        entry = f" (entry {route.prefix})" if route.prefix else ""
        return present(f"{says}{entry}.", route)
    if route.type in ("unicast", "local"):
        way = f"through {route.gateway}" if route.gateway else f"on {route.interface}"
        return absent(f"The routing table has a way to {route.address}, {way}.", route)
    return absent(f"The routing table's answer is {route.type}, not {kind}.", route)


@sign
def route_says_none(report: Report, subject: Subject) -> Reading:
    """The kernel's look-up ends with ENETUNREACH and no entry covers the address."""
    return _says_route(report, subject, "none", f"The routing table has no entry for {subject.values[0]}")


@sign
def route_says_prohibit(report: Report, subject: Subject) -> Reading:
    """The look-up ends with EACCES: a route or rule of type prohibit."""
    return _says_route(report, subject, "prohibit", f"The routing table prohibits {subject.values[0]}")


@sign
def route_says_blackhole(report: Report, subject: Subject) -> Reading:
    """The look-up ends with EINVAL: a route or rule of type blackhole."""
    return _says_route(report, subject, "blackhole", f"The routing table discards what goes to {subject.values[0]}")


@sign
def route_says_unreachable(report: Report, subject: Subject) -> Reading:
    """The look-up ends with EHOSTUNREACH, or a rule of type unreachable covers the address."""
    return _says_route(report, subject, "unreachable", f"The routing table calls {subject.values[0]} unreachable")


@sign
def failed_at_once_without_icmp(report: Report, subject: Subject) -> Reading:
    """The connect failed within 0.1 s and no ICMP error came: this machine's kernel said no by itself."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome not in _REFUSED_HERE and o.outcome is not Outcome.PROHIBITED:
        return absent("The connection did not fail by a refusal of this machine.", o)
    if o.icmp is not None:
        return absent(f"An ICMP error came, from {o.icmp.offender}.", o)
    if o.took > AT_ONCE:
        return absent(f"The failure took {o.took:.1f} s.", o)
    name = o.errno.name if o.errno else str(o.outcome)
    if report.vantage.can.error_queue:
        return present(f"connect() failed at once ({name}), and no ICMP error came.", o)
    route = route_to(report, subject)
    if route is not None and route.type in _NO_WAY:
        return present(f"connect() failed at once ({name}), and the routing table lets no packet out.", o, route)
    return unknown("not-possible-here", o, says="This system does not tell whether an ICMP error came.")


@sign
def offender_is_ours(report: Report, subject: Subject) -> Reading:
    """The ICMP error came from an address of this machine: its own firewall, or a neighbour it could not find."""
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    o, offender = answer.o, bare(answer.icmp.offender)
    said = f"The ICMP error came from {answer.icmp.offender}"
    route = route_to(report, subject)
    source = "" if isinstance(o, Trace) else o.source
    here = offender in {bare(source or ""), bare(route.source or "") if route else ""}
    if here or (route is not None and route.type == "local" and offender == bare(route.address)):
        return present(f"{said}, an address of this machine.", o)
    look = interfaces(report)
    if look is None:
        return unsettled(report, Want(probe="interfaces"), o)
    if any(offender == bare(a) for row in look.rows for a in row.addresses):
        return present(f"{said}, an address of this machine.", o, look)
    return absent(f"{said}, which is not this machine.", o, look)


@sign
def icmp_from_elsewhere(report: Report, subject: Subject) -> Reading:
    """An ICMP error came from another machine: something beyond the own link answered."""
    ours = offender_is_ours(report, subject)
    if answer_by_icmp(report, subject) is None or ours.state == "unknown":
        return ours  # absent, or not to be told here
    state: Literal["present", "absent"] = "absent" if ours.state == "present" else "present"
    return Reading(state=state, says=ours.says, evidence=ours.evidence)


@sign
def route_has_gateway(report: Report, subject: Subject) -> Reading:
    """Packets to the address go through a gateway; otherwise it should be on the same link."""
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), looked=route is not None)
    if route.gateway:
        return present(f"The way to {route.address} goes through the gateway {route.gateway}.", route)
    return absent(f"{route.address} is on the same link as this machine: no gateway lies between.", route)


@sign
def next_hop_does_not_answer(report: Report, subject: Subject) -> Reading:
    """The neighbour entry of the gateway, or of an on-link target, is failed, or incomplete for a second or more.

    What else looks like it: nothing that reaches the target; the same state is seen when the own link is cut.
    """
    o, route = tried(report, subject), route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), looked=route is not None)
    hop = next_hop(route)
    if hop is None:
        return absent("No packet would leave this machine for that address.", route)
    if o is not None and o.outcome in (Outcome.OK, Outcome.RESET):
        return absent("The target answered.", o)
    heard = [c for c in report.of(Connect) if c.address in subject.values and answered(c)]
    passed = [t for t in report.of(Trace) if t.address in subject.values and _came_back(t)]
    if heard or passed:
        return absent("Another packet on the same way was answered.", *(heard or passed)[:1])
    found = [n for n in report.of(Neighbour) if n.address == hop]
    if not found or found[-1].state == "unknown":
        return unsettled(report, Want(probe="neighbour", args=(hop,)), *found[-1:], looked=bool(found))
    n = found[-1]
    who = f"The gateway {hop}" if route.gateway else hop
    on = f" on {n.interface}" if n.interface else ""
    asking = "neighbour discovery" if family_of(hop) == 6 else "ARP"
    waited = o is None or o.icmp is not None or o.took >= _ASKED_LONG
    if n.state == "failed" or (n.state == "incomplete" and waited):
        return present(f"{who} {_SILENT_NEIGHBOUR[n.state]} to {asking}{on} (neighbour entry {n.state}).", n)
    if n.state in _DOUBTFUL or n.state == "incomplete":
        return unknown("no-answer", n, says=f"{who} is just being looked for{on} (neighbour entry {n.state}).")
    if n.state == "none":
        return absent(f"{who} was not looked for{on}: there is no failed neighbour entry.", n)
    return absent(f"{who} {_ALIVE.get(n.state, n.state)}{on} (neighbour entry {n.state}).", n)


def _came_back(trace: Trace) -> bool:
    return any(h.outcome is Outcome.TTL_EXPIRED and h.address for h in trace.hops)


@sign
def no_link_is_up(report: Report, subject: Subject) -> Reading:
    """No interface but the loopback is up and running (carrier)."""
    look = interfaces(report)
    if look is None:
        return unsettled(report, Want(probe="interfaces"))
    running = [r for r in look.rows if not r.loopback and r.up and r.running]
    if running:
        return absent(f"{running[0].name} is up and has a link.", look)
    down = ", ".join(f"{r.name} {'has no carrier' if r.up else 'is down'}" for r in look.rows if not r.loopback)
    return present(f"No interface is up with a link{f': {down}' if down else ''}.", look)


def _usable(look: Interfaces, family: int | None = None) -> list[str]:
    """Addresses with which other networks can be reached: no loopback, none that is only for one link."""
    return [
        a
        for row in look.rows
        if row.up and not row.loopback
        for a in row.addresses
        if a not in row.tentative and not _link_only(a) and family in (None, family_of(a))
    ]


def _link_only(address: str) -> bool:
    return address.startswith(("169.254.", "fe8", "fe9", "fea", "feb"))


@sign
def no_usable_address(report: Report, subject: Subject) -> Reading:
    """No interface has an address beyond link-local ones (169.254.0.0/16, fe80::/10), of either family."""
    look = interfaces(report)
    if look is None:
        return unsettled(report, Want(probe="interfaces"))
    found = _usable(look)
    if found:
        return absent(f"This machine has the address {found[0]}.", look)
    return present("No interface has an address that reaches beyond its own link.", look)


@sign
def family_without_address(report: Report, subject: Subject) -> Reading:
    """This machine has no usable address of the target's family, but one of the other; or the kernel lacks it."""
    o, look = tried(report, subject), interfaces(report)
    family = family_of(subject.values[0])
    if o is not None and o.outcome is Outcome.FAMILY_UNSUPPORTED:
        return present(f"This machine has no IPv{family} (EAFNOSUPPORT).", o)
    if o is not None and o.outcome is Outcome.OK:
        return absent(f"IPv{family} works here.", o)
    if look is None:
        return unsettled(report, Want(probe="interfaces"))
    found = _usable(look, family)
    if found:
        return absent(f"This machine has the IPv{family} address {found[0]}.", look)
    if not _usable(look):
        return absent("This machine has no usable address of either family.", look)
    return present(f"This machine has no IPv{family} address that reaches beyond its own link.", look)
