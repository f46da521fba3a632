"""Signs about what came back by ICMP: who sent it, and what only he can have meant. Pure; about an address.

Any of these answers can be sent by a reject rule. A prohibition is one by its own words; "no route" and "no host"
are believed when other ports of the address get the same answer, and not when they get further.
"""

from __future__ import annotations

from typing import NamedTuple

from ..model import Connect, Datagram, Icmp, Outcome, Report, Subject, Trace, Want
from ..outcomes import answered, family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .contrast import ports_by_chance_pass_offender
from .machine import bare
from .path import answered_in_front, trace_wanted, traces
from .tcp import attempts_at, named, others, tried

# RFC 792 and RFC 1812 5.2.7.1, RFC 4443 3.1; the first number is the IP version
_PROHIBITS = {(4, 3, 3), (4, 3, 9), (4, 3, 10), (4, 3, 13), (6, 1, 1), (6, 1, 4), (6, 1, 5), (6, 1, 6)}
_NO_ROUTE = {(4, 3, 0), (4, 3, 6), (6, 1, 0)}
_NO_HOST = {(4, 3, 1), (6, 1, 3)}
_NO_PROTOCOL = {(4, 3, 2)}
AT_ONCE = 2.0  # seconds: a search for a host (ARP, ND) takes three tries of a second each, a reject none


class Answer(NamedTuple):
    """An ICMP error, and the observation that has it."""

    o: Connect | Datagram | Trace
    icmp: Icmp

    @property
    def key(self) -> tuple[int, int, int]:
        return (family_of(self.icmp.offender), self.icmp.type, self.icmp.code)


def answer_by_icmp(report: Report, subject: Subject) -> Answer | None:
    """The ICMP error that ended the user's own attempt, or, where that stayed silent, one to another attempt of ours.

    A router that limits its ICMP, or a rule that rejects only some packets, leaves some attempts without an answer.
    """
    o = tried(report, subject)
    if o is None or o.icmp is not None:
        return Answer(o, o.icmp) if o is not None and o.icmp is not None else None
    if o.outcome is not Outcome.TIMEOUT or not isinstance(o, Connect):
        return None
    for again in others(report, subject, "repeat"):
        if again.icmp is not None:
            return Answer(again, again.icmp)
    for trace in traces(report, subject, "target"):
        for hop in trace.hops:
            if hop.icmp is not None and hop.outcome is not Outcome.TTL_EXPIRED:
                return Answer(trace, hop.icmp)
    return None


def none_came(report: Report, subject: Subject) -> Reading:
    """No attempt of ours had an ICMP error; where the system does not show them, that is unknown."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome in (Outcome.OK, Outcome.TIMEOUT, Outcome.RESET) or report.vantage.can.error_queue:
        return absent("No ICMP error came.", o)
    return unknown("not-possible-here", o, says="This system does not show who sent an ICMP error.")


@sign
def rejected_by_icmp(report: Report, subject: Subject) -> Reading:
    """An ICMP answer that only a filter sends to a TCP connect; or any other, which only this port gets.

    For a datagram, 3/3 and ICMPv6 1/4 may also come from the host.
    """
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    o, said = answer.o, f"The answer was {named(answer.icmp)}"
    if answer.key in _PROHIBITS:
        more = "" if o is tried(report, subject) else ", to one of several attempts"
        return present(f"{said}{more}, which a firewall's reject rule sends.", o)
    if answer.key not in _NO_ROUTE | _NO_HOST | _NO_PROTOCOL:
        return absent(f"{said}.", o)
    if answer.key in _NO_HOST and _searched(report, subject, answer):
        return absent(f"{named(answer.icmp)} came after {o.took:.1f} s, as when a router finds no host.", o)
    further = ports_by_chance_pass_offender(report, subject)
    if further.state == "present":
        return Reading(state="present", says=f"{said}. {further.says}", evidence=(o.id, *further.evidence))
    controls = others(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), o)
    heard = _heard(report, subject)
    if heard:
        return present(f"{said}, but port {heard[0].port} of the same address answers.", o, heard[0])
    same = [c for c in controls if c.icmp == answer.icmp]
    if same and answer.key not in _NO_HOST:
        return absent(f"{said}; port {same[0].port} got the same answer.", o, *same)
    if answer.key in _NO_HOST:
        return _at_once_again(report, subject, answer, f"{said}; no other port answers.")
    return unknown("no-answer", o, *controls, says=f"{said}; no other port answers.")


def _heard(report: Report, subject: Subject) -> list[Connect]:
    """Other ports that the host answered, as far as is known: not those that something in front answers."""
    if answered_in_front(report, subject):
        return []
    return [c for c in others(report, subject, "control") if answered(c)]


def _searched(report: Report, subject: Subject, answer: Answer) -> bool:
    """Whether a router searched for the host before it gave up: its answer, and that to a repeat, took its time."""
    quick = [r for r in attempts_at(report, subject, "repeat") if r.icmp == answer.icmp and r.took < AT_ONCE]
    return answer.o.took >= AT_ONCE and len(quick) < 2 and not isinstance(answer.o, Trace)


def _at_once_again(report: Report, subject: Subject, answer: Answer, says: str) -> Reading:
    again = attempts_at(report, subject, "repeat")
    if len(again) >= 2 and all(r.icmp == answer.icmp and r.took < AT_ONCE for r in again):
        said = f"{named(answer.icmp)} came at once, {len(again) + 1} times, which no search for a host does."
        return present(said, answer.o, *again)
    want = Want(probe="repeat", args=subject.values[:1])
    return unsettled(report, want, answer.o, looked=bool(again), says=says)


@sign
def offender_is_target(report: Report, subject: Subject) -> Reading:
    """The ICMP error was sent by the target's own address."""
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    here = bare(answer.icmp.offender) == bare(subject.values[0])
    said = f"{answer.icmp.offender} sent it; the target is {subject.values[0]}."
    return present(said, answer.o) if here else absent(said, answer.o)


@sign
def router_has_no_route(report: Report, subject: Subject) -> Reading:
    """ICMP 3/0, 3/6 or ICMPv6 1/0, and no other port gets further: a router, by its own words, knows no way on.

    What else looks like it: a rule that rejects with this answer.
    """
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    o, said = answer.o, f"The answer was {named(answer.icmp)}"
    if answer.key not in _NO_ROUTE:
        return absent(f"{said}.", o)
    if bare(answer.icmp.offender) == bare(subject.values[0]):
        return absent(f"{said}, the target itself, which is there.", o)
    further = ports_by_chance_pass_offender(report, subject)
    if further.state == "present":
        return Reading(state="absent", says=further.says, evidence=(o.id, *further.evidence))
    heard = _heard(report, subject)
    if heard:
        said = f"{said}, but port {heard[0].port} of the same address answers."
        return trace_wanted(report, subject, *traces(report, subject, "chance"), says=said)
    return present(f"{said}: that router has no route to the target.", o)


@sign
def other_ports_get_the_same_answer(report: Report, subject: Subject) -> Reading:
    """The same ICMP error, from the same sender, came for another port of the address, too, and none answered.

    What else looks like it: a rule that rejects every port with this answer.
    """
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    controls = others(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), answer.o)
    heard = _heard(report, subject)
    if heard:
        return absent(f"Port {heard[0].port} of the same address answers.", *heard)
    same = [c for c in controls if c.icmp == answer.icmp]
    if same:
        ports = f"port {same[0].port}" if len(same) == 1 else f"{len(same)} other ports"
        return present(f"The same answer came for {ports}.", answer.o, *same)
    return unknown("no-answer", answer.o, *controls, says="Other ports are silent.")


@sign
def router_finds_no_host(report: Report, subject: Subject) -> Reading:
    """ICMP 3/1 or ICMPv6 1/3 after the router's ARP time.

    At once it may be a reject rule, a route that says unreachable, or, where routers remember that, a search that
    failed a moment ago.
    """
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    o, said = answer.o, f"The answer was {named(answer.icmp)}: that router finds no host at this address."
    if answer.key not in _NO_HOST:
        return absent(f"The answer was {named(answer.icmp)}.", o)
    if _searched(report, subject, answer):
        return present(said, o)
    slow = [r for r in attempts_at(report, subject, "repeat") if r.icmp == answer.icmp and r.took >= AT_ONCE]
    if slow:
        return present(f"{said} It came after {slow[0].took:.1f} s.", o, slow[0])
    further = ports_by_chance_pass_offender(report, subject)
    if further.state == "present":
        return Reading(state="absent", says=further.says, evidence=(o.id, *further.evidence))
    controls = others(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), o)
    heard = _heard(report, subject)
    if heard:
        text = f"{named(answer.icmp)} came at once, but port {heard[0].port} of the same address answers."
        return trace_wanted(report, subject, *traces(report, subject, "chance"), says=text)
    text = f"{named(answer.icmp)} came at once; a router that sought this host a moment ago may say so, too."
    return unknown("no-answer", o, *controls, says=text)


@sign
def a_search_for_a_host_failed(report: Report, subject: Subject) -> Reading:
    """ICMP 3/1 or ICMPv6 1/3 came after the seconds that a search for a host takes: no rule answers so late."""
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    said = f"{named(answer.icmp)} came after {answer.o.took:.1f} s."
    if answer.key in _NO_HOST and _searched(report, subject, answer):
        return present(said, answer.o)
    return absent(said, answer.o)


# ---------------------------------------------------------------- a lifetime that ran out


@sign
def ttl_ran_out(report: Report, subject: Subject) -> Reading:
    """ICMP 11/0 or ICMPv6 3/0 at the system's normal TTL."""
    answer = answer_by_icmp(report, subject)
    if answer is None:
        return none_came(report, subject)
    said = f"The answer was {named(answer.icmp)}"
    if answer.key in {(4, 11, 0), (6, 3, 0)}:
        return present(f"{said}: the packet's lifetime (TTL) ran out on the way.", answer.o)
    return absent(f"{said}.", answer.o)


@sign
def hops_repeat(report: Report, subject: Subject) -> Reading:
    """In one trace the same router answers at two distances that are no neighbours: packets circle.

    At neighbouring ones a router may answer twice without a loop.
    """
    mine = traces(report, subject, "target")
    for trace in mine:
        seen: dict[str, int] = {}
        for hop in trace.hops:
            if hop.outcome is not Outcome.TTL_EXPIRED or hop.address is None:
                continue
            first = seen.setdefault(hop.address, hop.ttl)
            if hop.ttl - first >= 2:
                return present(f"{hop.address} answers at hop {first} and again at hop {hop.ttl}.", trace)
    if len(mine) >= 1 and any(t.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT) for t in mine):
        return absent("No router answers twice on the way.", *mine)
    return trace_wanted(report, subject, *mine)


@sign
def arrives_with_a_set_lifetime(report: Report, subject: Subject) -> Reading:
    """A packet whose lifetime we set to a few hops arrives, though one with the system's own lifetime does not."""
    mine = traces(report, subject, "target")
    for trace in mine:
        for hop in trace.hops:
            if hop.icmp is None and hop.outcome in (Outcome.OK, Outcome.REFUSED):
                return present(f"With a lifetime (TTL) of {hop.ttl} set by hand, a packet arrives.", trace)
    repeat = hops_repeat(report, subject)
    if repeat.state == "present":
        return absent(repeat.says, *mine)
    return trace_wanted(report, subject, *mine)
