"""Signs about this machine: interfaces, limits, local firewall. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Counters, Ending, Interfaces, Outcome, Report, Subject, Trace, Want
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .observed import (
    NO_TTL_TRACE,
    counters,
    endpoint_text,
    icmp_sent,
    interfaces,
    own_attempt,
    plain_address,
    route_to,
)

_IMMEDIATE = 0.5  # seconds: the kernel refuses in microseconds, later on a busy machine; address resolution takes 1 s
_LOCAL_ERRORS = (
    Outcome.NET_UNREACHABLE, Outcome.HOST_UNREACHABLE, Outcome.DENIED, Outcome.BLACKHOLED, Outcome.INVALID,
    Outcome.ADDRESS_UNAVAILABLE, Outcome.FAMILY_UNSUPPORTED,
)  # fmt: skip
_NO_PACKET = ("none", "prohibit", "blackhole", "unreachable")
_SECOND_SYN = 1.0  # seconds after the first SYN (initial RTO, RFC 6298)


@sign("this machine failed the attempt immediately, without an ICMP error")
def failed_without_icmp(report: Report, subject: Subject) -> Reading:
    """The attempt failed within 0.5 s without an ICMP error: this machine's kernel refused it.

    Could also be, without an error queue: an ICMP error from the first hop. Then only the routing table decides.
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome not in _LOCAL_ERRORS and o.outcome is not Outcome.PROHIBITED:
        return absent(f"The attempt at {endpoint_text(report, subject)} did not fail with a local error.", o)
    if o.icmp is not None:
        return absent(f"{icmp_sent(o.icmp)}.", o)
    if o.took > _IMMEDIATE:
        return absent(f"The attempt at {endpoint_text(report, subject)} failed only after {o.took:.1f} s.", o)
    name, where = o.errno.name if o.errno else str(o.outcome), endpoint_text(report, subject)
    if report.vantage.can.error_queue:
        return present(f"connect() to {where} failed immediately with {name}, without an ICMP error.", o)
    route = route_to(report, subject)
    if route is not None and route.type in _NO_PACKET:
        return present(f"connect() to {where} failed immediately with {name}; the routing table blocks it.", o, route)
    return unknown("not-possible-here", o, says="This system does not show whether an ICMP error was received.")


@sign("this machine denied the connection")
def connect_denied(report: Report, subject: Subject) -> Reading:
    """connect() failed with EPERM or EACCES, without an ICMP error: a local firewall or policy forbids it.

    Could also be, without an error queue: ICMPv6 "administratively prohibited". Then it is unknown.
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.DENIED and o.icmp is None:
        if not report.vantage.can.error_queue:  # ICMPv6 "administratively prohibited" gives EACCES too
            return unknown("not-possible-here", o, says="This system does not show whether an ICMP error was received.")
        name = o.errno.name if o.errno else "no errno"
        return present(f"This machine denied connect() to {endpoint_text(report, subject)} ({name}).", o)
    return absent(f"This machine did not deny connect() to {endpoint_text(report, subject)}.", o)


# ---------------------------------------------------------------- interfaces and addresses


@sign("no network interface has a link")
def no_link(report: Report, subject: Subject) -> Reading:
    """No interface except the loopback is up and running (carrier)."""
    table = interfaces(report)
    if table is None:
        return unsettled(report, Want(probe="interfaces"))
    running = [r for r in table.rows if not r.loopback and r.up and r.running]
    if running:
        return absent(f"Interface {running[0].name} is up and has a link.", table)
    down = ", ".join(f"{r.name} {'has no carrier' if r.up else 'is down'}" for r in table.rows if not r.loopback)
    return present(f"No interface of this machine has a link{f': {down}' if down else ''}.", table)


def _usable(table: Interfaces, family: int | None = None) -> list[str]:
    """Return the addresses from which other networks can be reached: no loopback, link-local or tentative ones."""
    return [
        a
        for row in table.rows
        if row.up and not row.loopback
        for a in row.addresses
        if a not in row.tentative and not _link_only(a) and family in (None, family_of(a))
    ]


def _link_only(address: str) -> bool:
    return address.startswith(("169.254.", "fe8", "fe9", "fea", "feb"))


@sign("no interface has an address beyond link-local ones")
def no_usable_address(report: Report, subject: Subject) -> Reading:
    """No interface has an address beyond link-local ones (169.254.0.0/16, fe80::/10), of either IP version."""
    table = interfaces(report)
    if table is None:
        return unsettled(report, Want(probe="interfaces"))
    found = _usable(table)
    if found:
        return absent(f"This machine has the address {found[0]}.", table)
    return present("No interface has an address other than loopback and link-local ones.", table)


@sign("this machine has no usable address of the target's IP version")
def family_without_address(report: Report, subject: Subject) -> Reading:
    """This machine has usable addresses of the other IP version only, or its kernel lacks this one (EAFNOSUPPORT)."""
    o, table = own_attempt(report, subject), interfaces(report)
    family = family_of(subject.values[0])
    if o is not None and o.outcome is Outcome.FAMILY_UNSUPPORTED:
        return present(f"This machine does not support IPv{family} (EAFNOSUPPORT).", o)
    if o is not None and o.outcome is Outcome.OK:
        return absent(f"The attempt at {endpoint_text(report, subject)} over IPv{family} succeeded.", o)
    if table is None:
        return unsettled(report, Want(probe="interfaces"))
    found = _usable(table, family)
    if found:
        return absent(f"This machine has the IPv{family} address {found[0]}.", table)
    if not _usable(table):
        return absent("This machine has no usable address of either IP version.", table)
    return present(f"This machine has no IPv{family} address other than loopback and link-local ones.", table)


# ---------------------------------------------------------------- limits


@sign("no source address or source port was available")
def source_unavailable(report: Report, subject: Subject) -> Reading:
    """connect() failed with EADDRNOTAVAIL: the source address is not on this machine, or no source port is free."""
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.ADDRESS_UNAVAILABLE:
        return present("connect() failed with EADDRNOTAVAIL: no source address or source port is available.", o)
    return absent("The attempt did not fail with EADDRNOTAVAIL.", o)


@sign("the user chose the source address")
def source_requested(report: Report, subject: Subject) -> Reading:
    """The user gave the source address (--source)."""
    o = own_attempt(report, subject)
    if report.options.source:
        return present(f"The user chose the source address {report.options.source} (--source).", *([o] if o else []))
    return absent("The kernel chose the source address.")


@sign("the chosen source address is on an interface of this machine")
def source_on_interface(report: Report, subject: Subject) -> Reading:
    """The source address that the user gave is on one of this machine's interfaces."""
    source, table = report.options.source, interfaces(report)
    if not source:
        return absent("The user chose no source address.")
    if table is None:
        return unsettled(report, Want(probe="interfaces"))
    rows = [r for r in table.rows if any(plain_address(a) == plain_address(source) for a in r.addresses)]
    if rows:
        return present(f"Interface {rows[0].name} has the source address {source}.", table)
    return absent(f"No interface of this machine has the source address {source}.", table)


@sign("this machine has at least as many TCP sockets as ephemeral ports")
def ephemeral_ports_exhausted(report: Report, subject: Subject) -> Reading:
    """This machine has at least as many TCP sockets, those in TIME_WAIT included, as ephemeral ports.

    Could also be: many sockets to many servers, which may share source ports.
    """
    table = counters(report)
    if table is None:
        return unsettled(report, Want(probe="counters"))
    used = table.values.get("tcp_inuse", 0) + table.values.get("tcp6_inuse", 0) + table.values.get("tcp_tw", 0)
    size = table.values.get("ephemeral_ports")
    if size is None or "tcp_inuse" not in table.values:
        return unknown("not-possible-here", table, says="This system does not show how many TCP sockets are in use.")
    if used >= size:
        return present(f"{used} TCP sockets are in use or in TIME_WAIT; the ephemeral range has {size} ports.", table)
    return absent(f"{used} TCP sockets are in use or in TIME_WAIT; the ephemeral range has {size} ports.", table)


@sign("no file descriptor was left")
def no_file_descriptors(report: Report, subject: Subject) -> Reading:
    """socket() failed with EMFILE (this process) or ENFILE (the whole machine)."""
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    name = o.errno.name if o.errno else ""
    if name == "EMFILE":
        return present("This process has no file descriptor left (EMFILE).", o)
    if name == "ENFILE":
        return present("This machine has no file descriptor left (ENFILE).", o)
    return absent("The attempt did not fail for lack of file descriptors.", o)


@sign("the connection tracking table is full")
def conntrack_full(report: Report, subject: Subject) -> Reading:
    """nf_conntrack_count is at least 98/100 of nf_conntrack_max: new connections are dropped at random."""
    table = counters(report)
    if table is None:
        return unsettled(report, Want(probe="counters"))
    count, most = table.values.get("nf_conntrack_count"), table.values.get("nf_conntrack_max")
    if count is None and most is None:
        return absent("This machine does not track connections (nf_conntrack).", table)
    if count is None or not most:
        return unknown("not-possible-here", table, says="This system does not show how many connections it tracks.")
    if count * 100 >= most * 98:
        return present(f"The connection tracking table has {count} of at most {most} entries.", table)
    return absent(f"The connection tracking table has {count} of at most {most} entries.", table)


# ---------------------------------------------------------------- packets dropped on this machine


@sign("this machine drops its own SYNs")
def retransmissions_dropped(report: Report, subject: Subject) -> Reading:
    """Between two reads of the counters, every retransmitted SYN was dropped on this machine (TCPRetransFail).

    TCP receives EPERM for a packet that an output rule drops, which only this counter shows. Linux counts for the whole
    network namespace, so only all or none prove it: TCPRetransFail against TCPSynRetrans, with no other retransmission
    (RetransSegs) between the reads.
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent(f"The attempt at {endpoint_text(report, subject)} did not time out.", o)
    before, after = _around(report, o)
    if before is None or not {"TCPRetransFail", "TCPSynRetrans"} <= before.values.keys():
        return unknown("not-looked", o, says="The counters were not read during the attempt.")
    if after is None:
        return unsettled(report, Want(probe="counters"), before)
    failed, syns, all_ = (
        after.values.get(name, 0) - before.values.get(name, 0)
        for name in ("TCPRetransFail", "TCPSynRetrans", "RetransSegs")
    )
    if syns < 1:
        fact = "No SYN was retransmitted between the two reads of the counters."
        return unknown("no-answer", before, after, says=fact)
    if failed <= 0:
        return absent(f"{_syns(syns)} left this machine.", before, after)
    if failed == syns == all_:
        return present(f"{_syns(syns)} failed to leave this machine (TCPRetransFail).", before, after)
    fact = f"{failed} of {all_} retransmitted packets failed to leave this machine; they may be of other connections."
    return unknown("no-answer", before, after, says=fact)


def _syns(count: int) -> str:
    return "The retransmitted SYN" if count == 1 else f"All {count} retransmitted SYNs"


def _around(report: Report, o: Ending) -> tuple[Counters | None, Counters | None]:
    """Return the last read of the counters before this attempt's second SYN, and the first one after its end."""
    reads = [c for c in report.of(Counters) if c.outcome is Outcome.OK]
    before = [c for c in reads if c.began < o.began + _SECOND_SYN]
    after = [c for c in reads if c.began >= o.began + o.took and c.began > o.began + _SECOND_SYN]
    return (before[-1] if before else None), (after[0] if after else None)


@sign("the first hop responds for an open port, but not for this port")
def first_hop_silent(report: Report, subject: Subject) -> Reading:
    """In two rounds no hop responded for the failing port, not even the first, which responded for an open port.

    Could also be: a filter that the first router applies before its TTL check, or one between it and this machine (of a
    hypervisor, or a cloud security group).
    """
    mine = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    controls = {t.round: t for t in report.of(Trace) if t.role == "control" and t.address in subject.values}
    reached = [t for t in mine if any(h.outcome is not Outcome.TIMEOUT for h in t.hops)]
    if reached:
        return absent(f"A hop responds to packets to port {report.target.port}.", *reached)
    pairs = [(t, controls[t.round]) for t in mine if t.round in controls and _first_hop(t, Outcome.TIMEOUT)]
    pairs = [(t, control) for t, control in pairs if _first_hop(control, Outcome.TTL_EXPIRED)]
    if len(pairs) >= 2:
        port = pairs[0][1].port
        fact = f"In two rounds, the first hop responded for port {port}, but not for port {report.target.port}."
        return present(fact, *(t for pair in pairs for t in pair))
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says=NO_TTL_TRACE)
    return unsettled(report, Want(probe="trace", args=subject.values[:1]), *mine, probed=bool(mine))


def _first_hop(trace: Trace, outcome: Outcome) -> bool:
    return any(h.ttl == 1 and h.outcome is outcome for h in trace.hops)
