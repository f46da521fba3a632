"""Signs about this machine's own part: interfaces, limits, firewall. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Counters, Ending, Interfaces, Outcome, Report, Subject, Trace, Want
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .observed import counters, interfaces, own_attempt, plain_address, route_to

_IMMEDIATE = 0.5  # seconds: this kernel refuses in microseconds, later on a busy machine; a neighbour search takes 1 s
_REFUSED_HERE = (
    Outcome.NET_UNREACHABLE, Outcome.HOST_UNREACHABLE, Outcome.DENIED, Outcome.BLACKHOLED, Outcome.INVALID,
    Outcome.ADDRESS_UNAVAILABLE, Outcome.FAMILY_UNSUPPORTED,
)  # fmt: skip
_NO_PACKET = ("none", "prohibit", "blackhole", "unreachable")
_SECOND_SYN = 1.0  # seconds after the first one (RFC 6298 initial RTO)


@sign("this machine failed the attempt immediately, without an ICMP error")
def failed_without_icmp(report: Report, subject: Subject) -> Reading:
    """The attempt failed within 0.5 s and no ICMP error came: this machine's own kernel refused it.

    Could also be, without an error queue: an ICMP error from the first hop. Then only the routing table decides.
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome not in _REFUSED_HERE and o.outcome is not Outcome.PROHIBITED:
        return absent("The connection did not fail by a refusal of this machine.", o)
    if o.icmp is not None:
        return absent(f"An ICMP error came, from {o.icmp.offender}.", o)
    if o.took > _IMMEDIATE:
        return absent(f"The failure took {o.took:.1f} s.", o)
    name = o.errno.name if o.errno else str(o.outcome)
    if report.vantage.can.error_queue:
        return present(f"connect() failed at once ({name}), and no ICMP error came.", o)
    route = route_to(report, subject)
    if route is not None and route.type in _NO_PACKET:
        return present(f"connect() failed at once ({name}), and the routing table lets no packet out.", o, route)
    return unknown("not-possible-here", o, says="This system does not tell whether an ICMP error came.")


@sign("this machine denied the connection")
def connect_denied(report: Report, subject: Subject) -> Reading:
    """connect() ended with EPERM or EACCES, and no ICMP error came: a local firewall or policy forbids it.

    Could also be, without an error queue: ICMPv6 "administratively prohibited". Then it is unknown.
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.DENIED and o.icmp is None:
        if not report.vantage.can.error_queue:  # ICMPv6 "administratively prohibited" gives EACCES too
            return unknown("not-possible-here", o, says="This system does not tell whether an ICMP error came.")
        return present(f"connect() was denied ({o.errno.name if o.errno else 'no errno'}), and no ICMP error came.", o)
    return absent("connect() was not denied.", o)


# ---------------------------------------------------------------- interfaces and addresses


@sign("no network interface has a link")
def no_link(report: Report, subject: Subject) -> Reading:
    """No interface except the loopback is up and running (carrier)."""
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


@sign("no interface has an address beyond link-local ones")
def no_usable_address(report: Report, subject: Subject) -> Reading:
    """No interface has an address beyond link-local ones (169.254.0.0/16, fe80::/10), of either IP version."""
    look = interfaces(report)
    if look is None:
        return unsettled(report, Want(probe="interfaces"))
    found = _usable(look)
    if found:
        return absent(f"This machine has the address {found[0]}.", look)
    return present("No interface has an address that reaches beyond its own link.", look)


@sign("this machine has no usable address of the target's IP version")
def family_without_address(report: Report, subject: Subject) -> Reading:
    """This machine has usable addresses of the other IP version only, or its kernel lacks this one (EAFNOSUPPORT)."""
    o, look = own_attempt(report, subject), interfaces(report)
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


# ---------------------------------------------------------------- limits


@sign("no source address or source port was available")
def source_unavailable(report: Report, subject: Subject) -> Reading:
    """connect() ended with EADDRNOTAVAIL: the source address is not on this machine, or no source port is left."""
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.ADDRESS_UNAVAILABLE:
        return present("connect() failed: no local address or port is available (EADDRNOTAVAIL).", o)
    return absent("A local address and port were available.", o)


@sign("the user chose the source address")
def source_requested(report: Report, subject: Subject) -> Reading:
    """The user gave the source address (--source)."""
    o = own_attempt(report, subject)
    if report.options.source:
        return present(f"The source address {report.options.source} was asked for.", *([o] if o else []))
    return absent("The kernel chose the source address.", *([o] if o else []))


@sign("the chosen source address is on an interface of this machine")
def source_on_interface(report: Report, subject: Subject) -> Reading:
    """The source address that the user gave is on one of this machine's interfaces."""
    source, look = report.options.source, interfaces(report)
    if not source:
        return absent("No source address was asked for.")
    if look is None:
        return unsettled(report, Want(probe="interfaces"))
    rows = [r for r in look.rows if any(plain_address(a) == plain_address(source) for a in r.addresses)]
    if rows:
        return present(f"{rows[0].name} has {source}.", look)
    return absent(f"No interface of this machine has {source}.", look)


@sign("this machine uses as many TCP ports as its ephemeral range has")
def ephemeral_ports_exhausted(report: Report, subject: Subject) -> Reading:
    """This machine has at least as many TCP sockets, those in TIME_WAIT included, as ephemeral ports.

    Could also be: many sockets to many servers, which may share source ports.
    """
    look = counters(report)
    if look is None:
        return unsettled(report, Want(probe="counters"))
    used = look.values.get("tcp_inuse", 0) + look.values.get("tcp6_inuse", 0) + look.values.get("tcp_tw", 0)
    size = look.values.get("ephemeral_ports")
    if size is None or "tcp_inuse" not in look.values:
        return unknown("not-possible-here", look, says="The number of used source ports is not shown here.")
    if used >= size:
        return present(f"{used} TCP sockets are in use or waiting, and the source port range has {size} ports.", look)
    return absent(f"{used} TCP sockets are in use or waiting; the source port range has {size} ports.", look)


@sign("no file descriptor was left")
def no_file_descriptors(report: Report, subject: Subject) -> Reading:
    """socket() ended with EMFILE (this process) or ENFILE (the whole machine)."""
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    name = o.errno.name if o.errno else ""
    if name == "EMFILE":
        return present("This process has no file descriptor left (EMFILE).", o)
    if name == "ENFILE":
        return present("The whole machine has no file descriptor left (ENFILE).", o)
    return absent("There were file descriptors left.", o)


@sign("the connection tracking table is full")
def conntrack_full(report: Report, subject: Subject) -> Reading:
    """nf_conntrack_count is at least 98/100 of nf_conntrack_max: new connections are dropped at random."""
    look = counters(report)
    if look is None:
        return unsettled(report, Want(probe="counters"))
    count, most = look.values.get("nf_conntrack_count"), look.values.get("nf_conntrack_max")
    if count is None or not most:
        return absent("This machine tracks no connections, or does not show how many.", look)
    if count * 100 >= most * 98:
        return present(f"The firewall's connection table holds {count} of at most {most} entries.", look)
    return absent(f"The firewall's connection table holds {count} of at most {most} entries.", look)


# ---------------------------------------------------------------- packets that this machine drops


@sign("this machine drops its own SYNs")
def retransmissions_dropped(report: Report, subject: Subject) -> Reading:
    """Between two reads of the counters, every retransmitted SYN failed inside this machine (TCPRetransFail).

    A packet that an output rule drops returns to TCP as EPERM, which only this counter shows. Linux counts for the
    whole network namespace, so only all or nothing proves it: TCPRetransFail against TCPSynRetrans, with no other
    retransmission (RetransSegs) between the reads.
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The connection did not end in silence.", o)
    before, after = _around(report, o)
    if before is None or not {"TCPRetransFail", "TCPSynRetrans"} <= before.values.keys():
        return unknown("not-looked", o, says="The counters were not read while the connection was tried.")
    if after is None:
        return unsettled(report, Want(probe="counters"), before)
    failed, syns, all_ = (
        after.values.get(name, 0) - before.values.get(name, 0)
        for name in ("TCPRetransFail", "TCPSynRetrans", "RetransSegs")
    )
    if syns < 1:
        return unknown("no-answer", before, after, says="No SYN was sent again between the two looks.")
    if failed <= 0:
        return absent(f"{_syns(syns)} left this machine.", before, after)
    if failed == syns == all_:
        return present(f"{_syns(syns)} got no further than this machine (TCPRetransFail).", before, after)
    said = f"{failed} of {all_} packets that were sent again were discarded inside this machine; whose, is not told."
    return unknown("no-answer", before, after, says=said)


def _syns(count: int) -> str:
    return "The SYN that was sent again" if count == 1 else f"All {count} SYNs that were sent again"


def _around(report: Report, o: Ending) -> tuple[Counters | None, Counters | None]:
    """The last read of the counters before this attempt's second SYN, and the first one after its end."""
    looks = [c for c in report.of(Counters) if c.outcome is Outcome.OK]
    before = [c for c in looks if c.began < o.began + _SECOND_SYN]
    after = [c for c in looks if c.began >= o.began + o.took and c.began > o.began + _SECOND_SYN]
    return (before[-1] if before else None), (after[0] if after else None)


@sign("the first hop responds for an open port, but not for this port")
def first_hop_silent(report: Report, subject: Subject) -> Reading:
    """In two rounds no hop responded for the failing port, not even the first, which responded for an open port.

    Could also be: a filter of the first router that precedes its TTL check, or one between it and this machine (a
    hypervisor's, or a cloud's security group).
    """
    mine = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    controls = {t.round: t for t in report.of(Trace) if t.role == "control" and t.address in subject.values}
    reached = [t for t in mine if any(h.outcome is not Outcome.TIMEOUT for h in t.hops)]
    if reached:
        return absent(f"A hop answered packets to port {report.target.port}.", *reached)
    pairs = [(t, controls[t.round]) for t in mine if t.round in controls and _first_hop(t, Outcome.TIMEOUT)]
    pairs = [(t, control) for t, control in pairs if _first_hop(control, Outcome.TTL_EXPIRED)]
    if len(pairs) >= 2:
        port = pairs[0][1].port
        said = f"The first hop answers packets to port {port}, and none to port {report.target.port}, in two rounds."
        return present(said, *(t for pair in pairs for t in pair))
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says="This system does not tell an ordinary user which hop answered.")
    return unsettled(report, Want(probe="trace", args=subject.values[:1]), *mine, looked=bool(mine))


def _first_hop(trace: Trace, outcome: Outcome) -> bool:
    return any(h.ttl == 1 and h.outcome is outcome for h in trace.hops)
