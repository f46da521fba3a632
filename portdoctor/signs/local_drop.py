"""Signs that this machine itself discards what it should send. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Counters, Ending, Outcome, Report, Subject, Trace, Want
from .base import Reading, absent, present, sign, unknown, unsettled
from .tcp import tried

_SECOND_SYN = 1.0  # seconds after the first one (RFC 6298 initial RTO)


@sign
def own_retransmissions_fail(report: Report, subject: Subject) -> Reading:
    """Between two looks at the counters, every SYN that was sent again failed inside this machine (TCPRetransFail).

    A packet that an output rule drops comes back to TCP as EPERM, which it counts and tells nobody. Linux counts
    for the whole network namespace, so only all or nothing can be told: TCPRetransFail against TCPSynRetrans,
    with no other retransmission (RetransSegs) between the looks.
    """
    o = tried(report, subject)
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
    """The last look before this attempt's second SYN, and the first look after its end."""
    looks = [c for c in report.of(Counters) if c.outcome is Outcome.OK]
    before = [c for c in looks if c.began < o.began + _SECOND_SYN]
    after = [c for c in looks if c.began >= o.began + o.took and c.began > o.began + _SECOND_SYN]
    return (before[-1] if before else None), (after[0] if after else None)


@sign
def stops_before_first_hop(report: Report, subject: Subject) -> Reading:
    """In two rounds no hop answered the failing port, not even the first, which answered an open control.

    What else looks like it: a filter of the first router that comes before its TTL check, or one between it and
    this machine (a hypervisor's, or a cloud's security group).
    """
    mine = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    controls = {t.round: t for t in report.of(Trace) if t.role == "control" and t.address in subject.values}
    reached = [t for t in mine if any(h.outcome is not Outcome.TIMEOUT for h in t.hops)]
    if reached:
        return absent(f"A hop answered packets to port {report.target.port}.", *reached)
    pairs = [(t, controls[t.round]) for t in mine if t.round in controls and _first(t, Outcome.TIMEOUT)]
    pairs = [(t, control) for t, control in pairs if _first(control, Outcome.TTL_EXPIRED)]
    if len(pairs) >= 2:
        port = pairs[0][1].port
        said = f"The first hop answers packets to port {port}, and none to port {report.target.port}, in two rounds."
        return present(said, *(t for pair in pairs for t in pair))
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says="This system does not tell an ordinary user which hop answered.")
    return unsettled(report, Want(probe="trace", args=subject.values[:1]), *mine, looked=bool(mine))


def _first(trace: Trace, outcome: Outcome) -> bool:
    return any(h.ttl == 1 and h.outcome is outcome for h in trace.hops)
