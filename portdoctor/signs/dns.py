"""Signs about name resolution: the name as its resolvers see it. Pure readings of a report."""

from __future__ import annotations

from ..model import Outcome, Report, Subject
from . import dns_reasons
from .base import Reading, absent, present, sign, unknown, unsettled
from .dns_answers import (
    FINAL,
    Standing,
    State,
    about_name,
    could_have_address,
    describe,
    not_asked,
    standing,
    state_of,
    system,
    want_wire,
    wire,
    wire_addresses,
)

__all__ = ["dns_reasons"]  # its signs are registered with these

SLOW = 1.0  # seconds after which a "no such name" of a system that says nothing else is silence


def _in_state(report: Report, state: State) -> Reading:
    """Whether the best that the resolvers gave is this state: the states exclude one another."""
    found = standing(report)
    if found is None:
        return not_asked(report)
    says = describe(found.state, found.resolvers)
    if state == found.state and (state in FINAL or not found.could_be):
        return present(" ".join((says, *_rest(found))), *found.looks)
    if state == found.state or state in found.could_be:
        return unsettled(report, want_wire(report), *found.looks, looked=True, says=says)
    return absent(says, *found.looks)


def _rest(found: Standing) -> list[str]:
    by_state: dict[State, list[str]] = {}
    for resolver, state in found.others:
        by_state.setdefault(state, []).append(resolver)
    return [describe(state, tuple(resolvers)) for state, resolvers in by_state.items()]


@sign
def resolver_says_nxdomain(report: Report, subject: Subject) -> Reading:
    """Rcode NXDOMAIN, and no resolver gives an address. A filter may answer so as well (blocked-by-policy)."""
    return _in_state(report, "nxdomain")


@sign
def resolver_says_nodata(report: Report, subject: Subject) -> Reading:
    """NOERROR without an address for every family that may be used."""
    return _in_state(report, "nodata")


@sign
def resolver_says_servfail(report: Report, subject: Subject) -> Reading:
    """Rcode SERVFAIL is the best answer: a failed validation, dead authorities and a sick resolver look alike."""
    return _in_state(report, "servfail")


@sign
def resolver_refuses_query(report: Report, subject: Subject) -> Reading:
    """Rcode REFUSED is the best answer. Not a closed port: the resolver is there."""
    return _in_state(report, "query-refused")


@sign
def answer_is_cut(report: Report, subject: Subject) -> Reading:
    """TC=1 by UDP, and TCP port 53 did not give the whole answer."""
    found = _in_state(report, "truncated")
    looks = [o for o in about_name(report) if o.outcome is Outcome.TRUNCATED]
    return present(f"The answer came {looks[0].os_says}.", *wire(report)) if found.state == "present" else found


@sign
def answer_is_malformed(report: Report, subject: Subject) -> Reading:
    """All that came cannot be parsed, or has another id or question than ours."""
    return _in_state(report, "malformed")


@sign
def resolver_is_mute(report: Report, subject: Subject) -> Reading:
    """The resolver answers about the root, but in our time nothing about the name."""
    return _in_state(report, "mute")


@sign
def upstream_is_mute(report: Report, subject: Subject) -> Reading:
    """The resolver answers for itself (id.server, class CH), but not what it must ask others."""
    return _in_state(report, "upstream-mute")


@sign
def only_tcp_is_answered(report: Report, subject: Subject) -> Reading:
    """Silence by UDP, an answer by TCP: UDP port 53 is dropped on the way, or not served."""
    return _in_state(report, "udp-blocked")


@sign
def resolvers_are_silent(report: Report, subject: Subject) -> Reading:
    """No resolver answers anything, by UDP or TCP, not even about itself. A slow one answers about itself."""
    return _in_state(report, "silent")


@sign
def resolvers_are_closed(report: Report, subject: Subject) -> Reading:
    """Port unreachable from the resolver itself. From another sender it is a firewall: not this sign."""
    return _in_state(report, "closed")


@sign
def resolvers_are_unreachable(report: Report, subject: Subject) -> Reading:
    """The query met an error on its way: no route, or a device that names itself."""
    reading = _in_state(report, "unreachable")
    if reading.state != "present":
        return reading
    failed = [o for o in about_name(report) if o.errno]
    o = next((o for o in failed if o.icmp), failed[0] if failed else None)
    if o is None or o.errno is None:
        return reading
    sender = f", ICMP {o.icmp.type}/{o.icmp.code} from {o.icmp.offender}" if o.icmp else ""
    said = f"The query to {o.resolver} failed with {o.errno.name}{sender}."
    return present(said, *wire(report))


@sign
def no_nameserver_configured(report: Report, subject: Subject) -> Reading:
    """The system's resolver configuration lists no server. On Linux an empty list means 127.0.0.1."""
    if report.vantage.resolvers:
        return absent(f"The configured resolver is {' and '.join(report.vantage.resolvers)}.")
    if not report.vantage.os:
        return unknown("not-looked")
    return present("The list of nameservers is empty.")


@sign
def system_got_no_answer(report: Report, subject: Subject) -> Reading:
    """getaddrinfo ended without an answer (EAI_AGAIN) or not at all, rather than with a "no such name".

    Linux tells the two apart. Other systems say "no such name" to both: there a quick one is unknown.
    """
    o = system(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome in (Outcome.TRY_AGAIN, Outcome.TIMEOUT, Outcome.SERVER_FAILURE):
        return present(f"Programs here get: {o.os_says}.", o)
    if o.outcome is Outcome.OK:
        return absent("Programs here get an address for the name.", o)
    if report.vantage.os.lower().startswith("linux"):
        return absent(f"Programs here get a definite answer: {o.os_says}.", o)
    if o.took >= SLOW:
        return present(f"Programs here get nothing for {o.took:.1f} s, then: {o.os_says}.", o)
    return unknown("not-possible-here", o, says="This system does not tell silence from a missing name.")


@sign
def resolvers_disagree(report: Report, subject: Subject) -> Reading:
    """One configured resolver has an address, another says that there is none."""
    states = {r: state_of(report, r) for r in report.vantage.resolvers}
    with_, without = ([r for r, s in states.items() if s in kind] for kind in (FINAL[:1], FINAL[1:]))
    if with_ and without:
        parts = (describe("address", tuple(with_)), *(describe(states[r], (r,)) for r in without))
        return present(" ".join(parts), *wire(report))
    return absent("No resolver contradicts another.", *wire(report))


@sign
def other_family_has_address(report: Report, subject: Subject) -> Reading:
    """With -4 or -6: the family that was not asked for has an address."""
    family = report.options.family
    if family is None:
        return absent("Both address families may be used.")
    other = "AAAA" if family == 4 else "A"
    looks = [o for o in about_name(report) if o.qtype == other]
    found = [o for o in looks if o.addresses]
    if found:
        return present(f"The name has an {other} record: {found[0].addresses[0]}.", *found)
    if any(o.outcome in (Outcome.NO_DATA, Outcome.NAME_NOT_FOUND) for o in looks):
        return absent(f"The name has no {other} record either.", *looks)
    return unsettled(report, want_wire(report), *looks, looked=bool(about_name(report)))


@sign
def one_family_gets_no_answer(report: Report, subject: Subject) -> Reading:
    """A queries are answered and AAAA queries are not, or the reverse, by every resolver that answers at all."""
    looks = about_name(report)
    answered = {o.qtype for o in looks if o.rcode}
    good = {o.qtype for o in looks if o.outcome in (Outcome.OK, Outcome.NO_DATA)}
    silent = {o.qtype for o in looks if o.outcome is Outcome.TIMEOUT} - answered
    if good and silent:
        one, other = good.pop(), silent.pop()
        waited = max(o.took for o in looks if o.qtype == other)
        said = f"Queries for {one} records are answered, those for {other} get no answer in {waited:.1f} s."
        return present(said, *looks)
    if not looks:
        return not_asked(report)
    if len({o.qtype for o in looks}) < 2:
        return unsettled(report, want_wire(report), *looks, looked=True)
    return absent("No address family is left without an answer.", *looks)


@sign
def system_fails_where_dns_answers(report: Report, subject: Subject) -> Reading:
    """getaddrinfo has no address, a configured resolver has: nsswitch, a stale cache, or another resolver is asked."""
    o, found = system(report), wire_addresses(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OK:
        return absent("Programs here get an address for the name.", o)
    if report.options.resolver:
        return unknown("forbidden-by-option", o, says="--resolver asks another server than programs here do.")
    if found:
        said = f"DNS gives {found[0]}, while programs here get: {o.os_says}."
        return present(said, o, *about_name(report))
    if could_have_address(report):
        return not_asked(report, o)
    return absent("DNS gives no address either.", o, *about_name(report))
