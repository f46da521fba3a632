"""Signs about the configured resolvers, and about the system's own lookup. Pure."""

from __future__ import annotations

from ..model import Outcome, Report, Subject
from .base import Reading, absent, present, sign, unknown, unsettled
from .resolver_states import (
    ANSWERS,
    DEAD,
    FINAL,
    address_lookups,
    could_have_address,
    not_queried,
    state_of,
    state_text,
    system_lookup,
    want_wire,
    wire_addresses,
    wire_lookups,
)

_SILENCE = 1.0  # seconds after which a "no such name" of a system that says nothing else is silence
_SLOW_LOOKUP = 1.0  # seconds for a name: a user notices, and no healthy resolver needs it


@sign("no nameserver is configured")
def none_configured(report: Report, subject: Subject) -> Reading:
    """The system's resolver configuration lists no server. On Linux an empty list means 127.0.0.1."""
    if report.vantage.resolvers:
        return absent(f"The configured resolver is {' and '.join(report.vantage.resolvers)}.")
    if not report.vantage.os:
        return unknown("not-looked")
    return present("The list of nameservers is empty.")


@sign("this resolver does not respond")
def unresponsive(report: Report, subject: Subject) -> Reading:
    """This resolver gives no answer at all: silent, closed or unreachable."""
    resolver = subject.values[0]
    state = state_of(report, resolver)
    looks = wire_lookups(report, resolver)
    if state in DEAD:
        return present(state_text(state, (resolver,)), *looks)
    if state in ("unasked", "waiting", "not-sent"):
        return unsettled(report, want_wire(report), *looks, looked=bool(looks))
    return absent(state_text(state, (resolver,)), *looks)


@sign("one of the configured resolvers does not respond")
def any_unresponsive(report: Report, subject: Subject) -> Reading:
    """At least one configured resolver gives no answer at all."""
    states = {r: state_of(report, r) for r in report.vantage.resolvers}
    dead = tuple(r for r, s in states.items() if s in DEAD)
    if dead:
        return present(state_text(states[dead[0]], dead[:1]), *wire_lookups(report))
    if any(s in ("unasked", "waiting") for s in states.values()):
        return unsettled(report, want_wire(report), looked=bool(address_lookups(report)))
    return absent("Every configured resolver answers.", *wire_lookups(report))


@sign("another configured resolver answers")
def another_responds(report: Report, subject: Subject) -> Reading:
    """A configured resolver other than this one answers."""
    others = [r for r in report.vantage.resolvers if r not in subject.values]
    good = [r for r in others if state_of(report, r) in ANSWERS]
    if good:
        return present(f"{good[0]} answers.", *wire_lookups(report, good[0]))
    if not others:
        return absent("No other resolver is configured.")
    return unsettled(report, want_wire(report), looked=bool(address_lookups(report)))


@sign("the configured resolvers contradict each other")
def answers_differ(report: Report, subject: Subject) -> Reading:
    """One configured resolver has an address, another answers that there is none."""
    states = {r: state_of(report, r) for r in report.vantage.resolvers}
    with_, without = ([r for r, s in states.items() if s in kind] for kind in (FINAL[:1], FINAL[1:]))
    if with_ and without:
        parts = (state_text("address", tuple(with_)), *(state_text(states[r], (r,)) for r in without))
        return present(" ".join(parts), *wire_lookups(report))
    return absent("No resolver contradicts another.", *wire_lookups(report))


# ---------------------------------------------------------------- the system's lookup


@sign("the system's lookup received no answer")
def system_lookup_unanswered(report: Report, subject: Subject) -> Reading:
    """getaddrinfo ended without an answer (EAI_AGAIN) or not at all, rather than with "no such name".

    Linux distinguishes the two. Other systems report "no such name" for both: there a quick one is unknown.
    """
    o = system_lookup(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome in (Outcome.TRY_AGAIN, Outcome.TIMEOUT, Outcome.SERVER_FAILURE):
        return present(f"Programs here get: {o.os_says}.", o)
    if o.outcome is Outcome.OK:
        return absent("Programs here get an address for the name.", o)
    if report.vantage.os.lower().startswith("linux"):
        return absent(f"Programs here get a definite answer: {o.os_says}.", o)
    if o.took >= _SILENCE:
        return present(f"Programs here get nothing for {o.took:.1f} s, then: {o.os_says}.", o)
    return unknown("not-possible-here", o, says="This system does not tell silence from a missing name.")


@sign("the system's lookup fails, while DNS has an address")
def only_system_lookup_fails(report: Report, subject: Subject) -> Reading:
    """getaddrinfo has no address, a configured resolver has: nsswitch, a stale cache, or another resolver is used."""
    o, found = system_lookup(report), wire_addresses(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OK:
        return absent("Programs here get an address for the name.", o)
    if report.options.resolver:
        return unknown("forbidden-by-option", o, says="--resolver asks another server than programs here do.")
    if found:
        said = f"DNS gives {found[0]}, while programs here get: {o.os_says}."
        return present(said, o, *address_lookups(report))
    if could_have_address(report):
        return not_queried(report, o)
    return absent("DNS gives no address either.", o, *address_lookups(report))


@sign("the system's lookup was slow")
def system_lookup_slow(report: Report, subject: Subject) -> Reading:
    """getaddrinfo took a second or more. Could also be: a dead first resolver, or one lost packet."""
    o = system_lookup(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OK and o.took >= _SLOW_LOOKUP:
        return present(f"Programs here wait {o.took:.1f} s for the address.", o)
    return absent(f"The look-up ended after {o.took * 1000:.0f} ms.", o)
