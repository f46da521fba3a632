"""Signs about ICMP errors: who sent them, and what they can mean. Pure; the subject is an address.

A reject rule can send any of these errors. "Prohibited" always comes from a rule; "no route" and "no host" are believed
if other ports of the address receive the same error, and not if packets to them get further.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..model import Connect, Datagram, Icmp, Outcome, Report, Subject, Trace, Want
from ..outcomes import answered, family_of
from .base import Reading, absent, no_response, present, sign, unknown, unsettled
from .observed import (
    answered_in_front,
    attempts_at,
    cut_short,
    endpoint_text,
    icmp_sent,
    interfaces,
    millis,
    other_attempts,
    own_attempt,
    plain_address,
    route_to,
    trace_wanted,
    traces,
)
from .trace import random_ports_pass_icmp_sender

# RFC 792 and RFC 1812 5.2.7.1, RFC 4443 3.1; the first number is the IP version
_PROHIBITS = {(4, 3, 3), (4, 3, 9), (4, 3, 10), (4, 3, 13), (6, 1, 1), (6, 1, 4), (6, 1, 5), (6, 1, 6)}
_NO_ROUTE = {(4, 3, 0), (4, 3, 6), (6, 1, 0)}
_NO_HOST = {(4, 3, 1), (6, 1, 3)}
_NO_PROTOCOL = {(4, 3, 2)}
_RESOLUTION_TIME = 2.0  # seconds: failed address resolution (ARP, ND) takes three tries of one second each
_SAME_TIME = 0.2  # seconds between the ends of two attempts that one error ended


class IcmpError(NamedTuple):
    """An ICMP error, and the observation that has it."""

    o: Connect | Datagram | Trace
    icmp: Icmp

    @property
    def key(self) -> tuple[int, int, int]:
        return (family_of(self.icmp.offender), self.icmp.type, self.icmp.code)


def icmp_error(report: Report, subject: Subject) -> IcmpError | None:
    """Return the ICMP error that ended the user's own attempt or, if that timed out, one received by another attempt.

    A router that rate-limits ICMP, or a rule that rejects only some packets, leaves some attempts without a response.
    """
    o = own_attempt(report, subject)
    if o is None or o.icmp is not None:
        return IcmpError(o, o.icmp) if o is not None and o.icmp is not None else None
    if o.outcome is not Outcome.TIMEOUT or not isinstance(o, Connect):
        return None
    for again in other_attempts(report, subject, "repeat"):
        if again.icmp is not None:
            return IcmpError(again, again.icmp)
    for trace in traces(report, subject, "target"):
        for hop in trace.hops:
            if hop.icmp is not None and hop.outcome is not Outcome.TTL_EXPIRED:
                return IcmpError(trace, hop.icmp)
    return None


def no_icmp_error(report: Report, subject: Subject) -> Reading:
    """Return absent if the attempt ended with another response; unknown if it was silent, or ICMP is not shown."""
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome in (Outcome.OK, Outcome.RESET) or report.vantage.can.error_queue:
        silent = no_response(o, says=f"Neither an ICMP error nor a response was received from {o.address}.")
        return silent or absent(f"No ICMP error was received for {endpoint_text(report, subject)}.", o)
    return unknown("not-possible-here", o, says="This system does not show who sent an ICMP error.")


def judged_silence(report: Report, subject: Subject) -> Reading | None:
    """Read a silent connection attempt as to a host that is searched for; None if it was not silent.

    A machine that finds no host reports it after 3.1 s: a longer attempt with an error queue is complete.
    """
    o = own_attempt(report, subject)
    early = cut_short(report, subject)
    if early or not isinstance(o, Connect) or o.outcome is not Outcome.TIMEOUT or not report.vantage.can.error_queue:
        return early
    return absent(f"No ICMP error was received for {endpoint_text(report, subject)} in {o.took:.1f} s.", o)


# ---------------------------------------------------------------- who sent it


@sign("the target's own address sent the ICMP error")
def sent_by_target(report: Report, subject: Subject) -> Reading:
    """The source of the ICMP error is the target's own address.

    Could also be: a device in front that translates the address (NAT).
    """
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    here = plain_address(answer.icmp.offender) == plain_address(subject.values[0])
    if here:
        return present(f"The target {answer.icmp.offender} sent the ICMP error.", answer.o)
    return absent(f"{answer.icmp.offender} sent the ICMP error, not the target {subject.values[0]}.", answer.o)


@sign("this machine itself sent the ICMP error")
def sent_by_this_machine(report: Report, subject: Subject) -> Reading:
    """The source of the ICMP error is an address of this machine: its own firewall, or an unresolved neighbour."""
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    o, offender = answer.o, plain_address(answer.icmp.offender)
    ours = f"{answer.icmp.offender}, an address of this machine, sent the ICMP error."
    route = route_to(report, subject)
    source = "" if isinstance(o, Trace) else o.source
    here = offender in {plain_address(source or ""), plain_address(route.source or "") if route else ""}
    if here or (route is not None and route.type == "local" and offender == plain_address(route.address)):
        return present(ours, o)
    table = interfaces(report)
    if table is None:
        return unsettled(report, Want(probe="interfaces"), o)
    if any(offender == plain_address(a) for row in table.rows for a in row.addresses):
        return present(ours, o, table)
    return absent(f"{answer.icmp.offender}, not an address of this machine, sent the ICMP error.", o, table)


@sign("another machine sent the ICMP error")
def sent_by_another_machine(report: Report, subject: Subject) -> Reading:
    """The source of the ICMP error is not an address of this machine: another machine responded."""
    ours = sent_by_this_machine(report, subject)
    if icmp_error(report, subject) is None or ours.state == "unknown":
        return ours  # absent or unknown
    state: Literal["present", "absent"] = "absent" if ours.state == "present" else "present"
    return Reading(state=state, says=ours.says, evidence=ours.evidence)


@sign("the target host itself sent the ICMP error")
def sent_by_target_host(report: Report, subject: Subject) -> Reading:
    """The target sent the ICMP error, or this machine did if it is the target: it forwards the port elsewhere.

    Could also be: a router in the path that forwards the port (DNAT): the error then has the target's address.
    """
    if icmp_error(report, subject) is None and (silence := judged_silence(report, subject)):
        return silence
    at_target = sent_by_target(report, subject)
    route = route_to(report, subject)
    if at_target.state == "present" or route is None or route.type != "local":
        return at_target
    return sent_by_this_machine(report, subject)


# ---------------------------------------------------------------- what it means


@sign("an ICMP error rejects the connection")
def rejected(report: Report, subject: Subject) -> Reading:
    """An ICMP error that only a filter sends in response to a SYN; or another one that only this port receives.

    Could also be: in response to a datagram, 3/3 and ICMPv6 1/4 also come from a host on which nothing uses the port.
    """
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    o, fact = answer.o, icmp_sent(answer.icmp)
    if answer.key in _PROHIBITS:
        more = "" if o is own_attempt(report, subject) else " in response to one of several attempts"
        return present(f"{fact}{more}, as a firewall's reject rule does.", o)
    if answer.key not in _NO_ROUTE | _NO_HOST | _NO_PROTOCOL:
        return absent(f"{fact}.", o)
    if answer.key in _NO_HOST and _after_resolution(report, subject, answer):
        return absent(f"{fact} after {o.took:.1f} s, as a router does that finds no host.", o)
    further = random_ports_pass_icmp_sender(report, subject)
    if further.state == "present":
        return Reading(state="present", says=f"{fact}. {further.says}", evidence=(o.id, *further.evidence))
    controls = other_attempts(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), o)
    responding = _responding_ports(report, subject)
    if responding:
        return present(f"{fact}, but port {responding[0].port} of the same host responds.", o, responding[0])
    same = [c for c in controls if c.icmp == answer.icmp]
    if same and answer.key not in _NO_HOST:
        return absent(f"{fact}, and the same error for port {same[0].port} of the same host.", o, *same)
    if answer.key in _NO_HOST:
        return _immediate_again(report, subject, answer, f"{fact}; no other port of the host responds.")
    return unknown("no-answer", o, *controls, says=f"{fact}; no other port of the host responds.")


def _responding_ports(report: Report, subject: Subject) -> list[Connect]:
    """Return the other ports that responded; none if a device in front of the host responds for them."""
    if answered_in_front(report, subject):
        return []
    return [c for c in other_attempts(report, subject, "control") if answered(c)]


def _after_resolution(report: Report, subject: Subject, answer: IcmpError) -> bool:
    """Return whether the error came after address resolution timed out, for the attempt and for most repeats.

    A repeat that ended with the attempt waited for the same resolution, however late it began.
    """
    ended = answer.o.began + answer.o.took
    quick = [
        r for r in attempts_at(report, subject, "repeat")
        if r.icmp == answer.icmp and r.took < _RESOLUTION_TIME and abs(r.began + r.took - ended) > _SAME_TIME
    ]  # fmt: skip
    return answer.o.took >= _RESOLUTION_TIME and len(quick) < 2 and not isinstance(answer.o, Trace)


def _immediate_again(report: Report, subject: Subject, answer: IcmpError, says: str) -> Reading:
    again = attempts_at(report, subject, "repeat")
    if len(again) >= 2 and all(r.icmp == answer.icmp and r.took < _RESOLUTION_TIME for r in again):
        fact = f"{icmp_sent(answer.icmp)} immediately, {len(again) + 1} times; failed address resolution takes seconds."
        return present(fact, answer.o, *again)
    want = Want(probe="repeat", args=subject.values[:1])
    return unsettled(report, want, answer.o, probed=bool(again), says=says)


@sign("an ICMP port unreachable refused the connection")
def port_unreachable(report: Report, subject: Subject) -> Reading:
    """ICMP 3/3 or ICMPv6 1/4 in response to a SYN: a reject rule, also that of a Kubernetes node."""
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    if isinstance(answer.o, Datagram):
        return absent("The ICMP error responds to a datagram, not to a SYN.", answer.o)
    fact = f"{icmp_sent(answer.icmp)}."
    return (present if answer.key in {(4, 3, 3), (6, 1, 4)} else absent)(fact, answer.o)


@sign("a router reports that it has no route to the target")
def no_route(report: Report, subject: Subject) -> Reading:
    """ICMP 3/0, 3/6 or ICMPv6 1/0 from a router, and packets to no other port get further.

    Could also be: a rule that rejects with this error.
    """
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    o, fact = answer.o, icmp_sent(answer.icmp)
    if answer.key not in _NO_ROUTE:
        return absent(f"{fact}.", o)
    if plain_address(answer.icmp.offender) == plain_address(subject.values[0]):
        return absent(f"{fact}, and is the target itself.", o)
    further = random_ports_pass_icmp_sender(report, subject)
    if further.state == "present":
        return Reading(state="absent", says=further.says, evidence=(o.id, *further.evidence))
    responding = _responding_ports(report, subject)
    if responding:
        fact = f"{fact}, but port {responding[0].port} of the same host responds."
        return trace_wanted(report, subject, *traces(report, subject, "random"), says=fact)
    return present(f"{fact}: that router has no route to {subject.values[0]}.", o)


@sign("other ports of the address receive the same ICMP error")
def same_for_other_ports(report: Report, subject: Subject) -> Reading:
    """Another port of the address received the same ICMP error from the same sender, and no port responded.

    Could also be: a rule that rejects every port with this error.
    """
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    controls = other_attempts(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), answer.o)
    responding = _responding_ports(report, subject)
    if responding:
        return absent(f"Port {responding[0].port} of the same host ({subject.values[0]}) responds.", *responding)
    same = [c for c in controls if c.icmp == answer.icmp]
    if same:
        ports = f"port {same[0].port}" if len(same) == 1 else f"{len(same)} other ports"
        fact = f"{answer.icmp.offender} sent the same ICMP error for {ports} of the same host."
        return present(fact, answer.o, *same)
    return unknown("no-answer", answer.o, *controls, says="No other port of the host received the same ICMP error.")


@sign("a router reports that the host does not exist on its link")
def host_not_found(report: Report, subject: Subject) -> Reading:
    """ICMP 3/1 or ICMPv6 1/3 after the time that the router's address resolution (ARP, ND) takes.

    Could also be, if it comes immediately: a reject rule, an unreachable route, or a router that caches a resolution
    that has just failed. Then it is unknown, and so it is while a router would still be searching.
    """
    answer = icmp_error(report, subject)
    if answer is None:
        return judged_silence(report, subject) or no_icmp_error(report, subject)
    o, fact = answer.o, icmp_sent(answer.icmp)
    if answer.key not in _NO_HOST:
        return absent(f"{fact}.", o)
    if _after_resolution(report, subject, answer):
        return present(f"{fact} after {o.took:.1f} s: its address resolution found no host.", o)
    slow = [r for r in attempts_at(report, subject, "repeat") if r.icmp == answer.icmp and r.took >= _RESOLUTION_TIME]
    if slow:
        fact = f"{fact} after {slow[0].took:.1f} s: its address resolution found no host."
        return present(fact, o, slow[0])
    further = random_ports_pass_icmp_sender(report, subject)
    if further.state == "present":
        return Reading(state="absent", says=further.says, evidence=(o.id, *further.evidence))
    controls = other_attempts(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), o)
    responding = _responding_ports(report, subject)
    if responding:
        text = f"{fact} immediately, but port {responding[0].port} of the same host responds."
        return trace_wanted(report, subject, *traces(report, subject, "random"), says=text)
    text = f"{fact} immediately, as a router also does whose address resolution has just failed."
    return unknown("no-answer", o, *controls, says=text)


@sign("the ICMP error came after address resolution timed out")
def after_address_resolution(report: Report, subject: Subject) -> Reading:
    """ICMP 3/1 or ICMPv6 1/3 came after the seconds that ARP or ND takes to fail: a reject rule responds at once."""
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    fact = f"{icmp_sent(answer.icmp)} after {millis(answer.o.took)}."
    if answer.key in _NO_HOST and _after_resolution(report, subject, answer):
        return present(fact, answer.o)
    return absent(fact, answer.o)


@sign("the TTL of our packets expired in transit")
def ttl_exceeded(report: Report, subject: Subject) -> Reading:
    """ICMP 11/0 or ICMPv6 3/0 for a packet with the system's normal TTL.

    Could also be: a loop, and a path that is longer than the TTL.
    """
    answer = icmp_error(report, subject)
    if answer is None:
        return no_icmp_error(report, subject)
    fact = icmp_sent(answer.icmp)
    if answer.key in {(4, 11, 0), (6, 3, 0)}:
        return present(f"{fact}: the TTL of a packet to {subject.values[0]} expired in transit.", answer.o)
    return absent(f"{fact}.", answer.o)
