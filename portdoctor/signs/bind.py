"""Signs about binding a local address: the error, the privilege, the address. Pure; the subject is that address."""

from __future__ import annotations

from ..model import Bind, Interfaces, Outcome, Ports, Report, Subject, Want
from ..outcomes import family_of
from ..text import at
from .base import Reading, absent, present, sign, unknown, unsettled
from .sockets import bind_of, unmapped

_ERRORS = {
    "in-use": "the address and port are already in use", "denied": "permission to bind was denied",
    "address-unavailable": "the address is not available on this machine",
}  # fmt: skip
_ERROR_SAYS = {
    "in-use": (Outcome.ADDRESS_IN_USE, "the address is in use"), "denied": (Outcome.DENIED, "permission denied"),
    "address-unavailable": (Outcome.ADDRESS_UNAVAILABLE, "the address is not available"),
}  # fmt: skip


@sign("the bind failed: {parameter}", parameter="an error of bind()", values=_ERRORS)
def error(report: Report, subject: Subject, kind: str) -> Reading:
    """How bind() failed, with SO_REUSEADDR set as servers do.

    in-use: EADDRINUSE. denied: EACCES or EPERM. address-unavailable: EADDRNOTAVAIL; no interface has it, or not yet.
    """
    o = bind_of(report, subject)
    if o is None:
        return unknown("not-looked")
    outcome, says = _ERROR_SAYS[kind]
    where = at(o.address, o.port)
    if o.outcome is outcome:
        return present(f"Binding {where} failed: {says} ({o.errno.name if o.errno else outcome}).", o)
    if o.outcome is Outcome.OK:
        return absent(f"Binding {where} succeeded.", o)
    return absent(f"Binding {where} failed with another error ({o.errno.name if o.errno else o.outcome}).", o)


@sign("this machine does not support the IP version of the address")
def family_unsupported(report: Report, subject: Subject) -> Reading:
    """EAFNOSUPPORT: this kernel lacks the IP version; or no interface has an address of it, not even ::1."""
    o = bind_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.FAMILY_UNSUPPORTED:
        return present(f"This kernel does not support IPv{family_of(o.address)} (EAFNOSUPPORT).", o)
    if o.outcome is not Outcome.ADDRESS_UNAVAILABLE:
        return absent(f"This kernel supports IPv{family_of(o.address)}.", o)
    tables = [i for i in report.of(Interfaces) if i.outcome is Outcome.OK]
    if not tables:
        return unsettled(report, Want(probe="interfaces"), o)
    family = family_of(o.address)
    if any(family_of(a) == family for row in tables[-1].rows for a in row.addresses):
        return absent(f"This machine has IPv{family} addresses.", tables[-1])
    return present(f"No interface has an IPv{family} address, not even the loopback interface.", o, tables[-1])


@sign("the bind succeeds only with SO_REUSEADDR")
def needs_reuseaddr(report: Report, subject: Subject) -> Reading:
    """The bind succeeds with SO_REUSEADDR and fails without it (EADDRINUSE)."""
    binds = [o for o in report.of(Bind) if at(o.address, o.port) in subject.values]
    served = [o for o in binds if o.reuse and o.outcome is Outcome.OK]
    bare = [o for o in binds if not o.reuse]
    if not any(o.reuse for o in binds):
        return unknown("not-looked", *binds)
    if not served:
        return absent("No bind with SO_REUSEADDR succeeded.", *binds)
    if any(o.outcome is Outcome.ADDRESS_IN_USE for o in bare):
        return present(f"Binding {subject.values[0]} succeeds with SO_REUSEADDR and fails without it.", *served, *bare)
    if bare:
        return absent(f"Binding {subject.values[0]} without SO_REUSEADDR does not fail with EADDRINUSE.", *bare)
    return unknown("not-looked")


# ---------------------------------------------------------------- privileges and addresses


def _policy(report: Report) -> Ports | None:
    found = [p for p in report.of(Ports) if p.outcome is Outcome.OK]
    return found[-1] if found else None


@sign("the port is in the ephemeral range of this machine")
def port_ephemeral(report: Report, subject: Subject) -> Reading:
    """The port is in the range from which this kernel chooses source ports."""
    o, policy = bind_of(report, subject), _policy(report)
    if o is None:
        return unknown("not-looked")
    if policy is None or policy.ephemeral is None:
        return unsettled(report, Want(probe="port-policy"), o, probed=policy is not None)
    first, last = policy.ephemeral
    if first <= o.port <= last:
        return present(f"Port {o.port} is in the ephemeral range of this machine ({first}-{last}).", policy)
    return absent(f"Port {o.port} is outside the ephemeral range of this machine ({first}-{last}).", policy)


@sign("the port is privileged on this machine")
def port_privileged(report: Report, subject: Subject) -> Reading:
    """The port is below this kernel's threshold (ip_unprivileged_port_start)."""
    o, policy = bind_of(report, subject), _policy(report)
    if o is None:
        return unknown("not-looked")
    if policy is None or policy.unprivileged_start is None:
        return unsettled(report, Want(probe="port-policy"), o, probed=policy is not None)
    start = policy.unprivileged_start
    if o.port < start:
        return present(f"Port {o.port} is privileged: on this machine, ports below {start} are.", policy)
    return absent(f"Port {o.port} is not privileged: on this machine, only ports below {start} are.", policy)


@sign("this process has the capability for privileged ports")
def capability_held(report: Report, subject: Subject) -> Reading:
    """This process has CAP_NET_BIND_SERVICE in the user namespace that owns the network namespace."""
    policy = _policy(report)
    if policy is None or policy.bind_capability is None:
        return unsettled(report, Want(probe="port-policy"), probed=policy is not None)
    if policy.bind_capability:
        return present("This process has the privilege for privileged ports (CAP_NET_BIND_SERVICE).", policy)
    return absent("This process lacks the privilege for privileged ports (CAP_NET_BIND_SERVICE).", policy)


@sign("this process lacks the privilege for the port")
def lacks_privilege(report: Report, subject: Subject) -> Reading:
    """The port is privileged and this process has no privilege for it: the kernel's own rule explains the denial."""
    low = port_privileged(report, subject)
    if low.state != "present":
        return low
    held = capability_held(report, subject)
    if held.state == "unknown":
        return held
    policy = [p for p in report.of(Ports) if p.id in held.evidence]
    return present(held.says, *policy) if held.state == "absent" else absent(held.says, *policy)


@sign("an interface of this machine has the address")
def address_on_interface(report: Report, subject: Subject) -> Reading:
    """One of this machine's interfaces has the requested address."""
    o = bind_of(report, subject)
    if o is None:
        return unknown("not-looked")
    tables = [i for i in report.of(Interfaces) if i.outcome is Outcome.OK]
    if not tables:
        return unsettled(report, Want(probe="interfaces"), o)
    for row in tables[-1].rows:
        if any(unmapped(o.address) == a.partition("/")[0].partition("%")[0] for a in row.addresses):
            return present(f"Interface {row.name} has the address {unmapped(o.address)}.", tables[-1])
    return absent(f"No interface of this machine has the address {unmapped(o.address)}.", tables[-1])


@sign("the IPv6 address is tentative: duplicate address detection is not finished")
def address_tentative(report: Report, subject: Subject) -> Reading:
    """Duplicate address detection for this IPv6 address is running, or found a duplicate (RFC 4862, section 5.4)."""
    o = bind_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if family_of(o.address) == 4:
        return absent(f"{o.address} is an IPv4 address, and only IPv6 addresses are tentative.", o)
    tables = [i for i in report.of(Interfaces) if i.outcome is Outcome.OK]
    if not tables:
        return unsettled(report, Want(probe="interfaces"), o)
    for row in tables[-1].rows:
        if unmapped(o.address) in (a.partition("/")[0].partition("%")[0] for a in row.tentative):
            fact = f"{unmapped(o.address)} on {row.name} is tentative (duplicate address detection)."
            return present(fact, tables[-1])
    return absent(f"{unmapped(o.address)} is not tentative.", tables[-1])


@sign("the link-local address has no interface (scope)")
def scope_missing(report: Report, subject: Subject) -> Reading:
    """A link-local address (fe80::/10) without an interface: the bind failed with EINVAL."""
    o = bind_of(report, subject)
    if o is None:
        return unknown("not-looked")
    lacks = o.address.lower().startswith("fe80:") and "%" not in o.address
    if lacks and o.outcome is Outcome.INVALID:
        return present(f"{o.address} is a link-local address without an interface (scope).", o)
    return absent(f"Binding {at(o.address, o.port)} did not fail for a missing interface (scope).", o)
