"""Signs about what this machine has left to connect with: source addresses and ports, files, firewall. Pure."""

from __future__ import annotations

from ..model import Outcome, Report, Subject, Want
from .base import Reading, absent, present, sign, unknown, unsettled
from .machine import bare, counters, interfaces
from .tcp import tried


@sign
def connect_address_unavailable(report: Report, subject: Subject) -> Reading:
    """The connect ended with EADDRNOTAVAIL: no source address or no source port was to be had."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.ADDRESS_UNAVAILABLE:
        return present("connect() failed: no local address or port is available (EADDRNOTAVAIL).", o)
    return absent("A local address and port were available.", o)


@sign
def source_was_chosen(report: Report, subject: Subject) -> Reading:
    """The user gave the source address (--source)."""
    o = tried(report, subject)
    if report.options.source:
        return present(f"The source address {report.options.source} was asked for.", *([o] if o else []))
    return absent("The kernel chose the source address.", *([o] if o else []))


@sign
def source_is_ours(report: Report, subject: Subject) -> Reading:
    """The chosen source address is on one of this machine's interfaces."""
    source, look = report.options.source, interfaces(report)
    if not source:
        return absent("No source address was asked for.")
    if look is None:
        return unsettled(report, Want(probe="interfaces"))
    rows = [r for r in look.rows if any(bare(a) == bare(source) for a in r.addresses)]
    if rows:
        return present(f"{rows[0].name} has {source}.", look)
    return absent(f"No interface of this machine has {source}.", look)


@sign
def ephemeral_ports_used_up(report: Report, subject: Subject) -> Reading:
    """This machine has at least as many TCP sockets, waiting ones (TIME_WAIT) included, as ephemeral ports."""
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


@sign
def files_used_up(report: Report, subject: Subject) -> Reading:
    """socket() ended with EMFILE (this process) or ENFILE (the whole machine)."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    name = o.errno.name if o.errno else ""
    if name == "EMFILE":
        return present("This process has no file descriptor left (EMFILE).", o)
    if name == "ENFILE":
        return present("The whole machine has no file descriptor left (ENFILE).", o)
    return absent("There were file descriptors left.", o)


@sign
def connection_table_is_full(report: Report, subject: Subject) -> Reading:
    """nf_conntrack_count is within two of a hundred of nf_conntrack_max: new flows are dropped at random."""
    look = counters(report)
    if look is None:
        return unsettled(report, Want(probe="counters"))
    count, most = look.values.get("nf_conntrack_count"), look.values.get("nf_conntrack_max")
    if count is None or not most:
        return absent("This machine tracks no connections, or does not show how many.", look)
    if count * 100 >= most * 98:
        return present(f"The firewall's connection table holds {count} of at most {most} entries.", look)
    return absent(f"The firewall's connection table holds {count} of at most {most} entries.", look)


@sign
def connect_denied(report: Report, subject: Subject) -> Reading:
    """The connect ended with EPERM or EACCES, and no ICMP error came: this machine forbids it."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.DENIED and o.icmp is None:
        if not report.vantage.can.error_queue:  # ICMPv6 "administratively prohibited" gives EACCES too
            return unknown("not-possible-here", o, says="This system does not tell whether an ICMP error came.")
        return present(f"connect() was denied ({o.errno.name if o.errno else 'no errno'}), and no ICMP error came.", o)
    return absent("connect() was not denied.", o)
