"""Signs about the right to listen here: privileges, and addresses that this machine has. Pure."""

from __future__ import annotations

from ..model import Interfaces, Outcome, Ports, Report, Subject, Want
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .sockets import asked, bare, failed_as


@sign
def bind_denied(report: Report, subject: Subject) -> Reading:
    """EACCES or EPERM."""
    return failed_as(report, subject, Outcome.DENIED, "permission denied")


@sign
def bind_address_unavailable(report: Report, subject: Subject) -> Reading:
    """EADDRNOTAVAIL: no interface has the address, or not yet."""
    return failed_as(report, subject, Outcome.ADDRESS_UNAVAILABLE, "the address is not available")


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
        if any(bare(o.address) == a.partition("/")[0].partition("%")[0] for a in row.addresses):
            return present(f"{row.name} has {bare(o.address)}.", looks[-1])
    return absent(f"No interface of this machine has {bare(o.address)}.", looks[-1])


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
        if bare(o.address) in (a.partition("/")[0].partition("%")[0] for a in row.tentative):
            return present(f"{row.name} has {bare(o.address)}, not yet checked for a duplicate.", looks[-1])
    return absent(f"{bare(o.address)} is not being checked for a duplicate.", looks[-1])


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
