"""Signs about the configured resolvers, and about the system's own lookup. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from ..model import Outcome, Report, Subject, Want
from ..text import words
from . import udp
from .base import Reading, absent, present, sign, unknown, unsettled
from .observed import millis, route_to
from .resolver_states import (
    ANSWERS,
    DEAD,
    FAILURES,
    FINAL,
    NOBODY,
    SILENT,
    address_lookups,
    could_have_address,
    is_loopback,
    nobody_answered,
    not_queried,
    qtypes,
    standing,
    state_of,
    state_text,
    system_lookup,
    want_wire,
    wire_lookups,
)

_NO_ANSWER = ("servfail", "refused", "other-rcode", "none-from-upstream", "none-for-name", "waiting", *SILENT)
_SILENCE = 1.0  # seconds: a later "no such name" means no response, on systems that report both alike
_SLOW_LOOKUP = 1.0  # seconds: users notice it, and a working resolver does not need it


@sign("no resolver is configured")
def none_configured(report: Report, subject: Subject) -> Reading:
    """The system's configuration lists no resolver. On Linux an empty list means 127.0.0.1."""
    if report.vantage.resolvers:
        verb = "resolver is" if len(report.vantage.resolvers) == 1 else "resolvers are"
        return absent(f"The configured {verb} {words(report.vantage.resolvers)}.")
    if not report.vantage.os:
        return unknown("not-looked")
    return present("This machine has no resolver configured.")


@sign("this resolver does not respond")
def unresponsive(report: Report, subject: Subject) -> Reading:
    """This resolver answers no query: it does not respond, is closed or is unreachable."""
    resolver = subject.values[0]
    state = state_of(report, resolver)
    lookups = wire_lookups(report, resolver)
    if state in DEAD:
        return present(state_text(state, (resolver,)), *lookups)
    if state in ("unasked", "waiting", "not-sent"):
        return unsettled(report, want_wire(report), *lookups, probed=bool(lookups))
    return absent(state_text(state, (resolver,)), *lookups)


@sign("one of the configured resolvers does not respond")
def any_unresponsive(report: Report, subject: Subject) -> Reading:
    """At least one configured resolver answers no query."""
    states = {r: state_of(report, r) for r in report.vantage.resolvers}
    dead = tuple(r for r, s in states.items() if s in DEAD)
    if dead:
        return present(state_text(states[dead[0]], dead[:1]), *wire_lookups(report))
    if not states:
        return not_queried(report)
    if any(s in ("unasked", "waiting", "not-sent") for s in states.values()):
        return unsettled(report, want_wire(report), probed=bool(address_lookups(report)))
    return absent("Every configured resolver responds.", *wire_lookups(report))


@sign("another configured resolver responds")
def another_responds(report: Report, subject: Subject) -> Reading:
    """A configured resolver other than this one responds."""
    others = [r for r in report.vantage.resolvers if r not in subject.values]
    good = [r for r in others if state_of(report, r) in ANSWERS]
    if good:
        return present(f"Resolver {good[0]} responds.", *wire_lookups(report, good[0]))
    if not others:
        return absent("No other resolver is configured.")
    return unsettled(report, want_wire(report), probed=bool(address_lookups(report)))


@sign("the configured resolvers contradict each other")
def answers_differ(report: Report, subject: Subject) -> Reading:
    """One configured resolver returns an address, another answers that there is none."""
    states = {r: state_of(report, r) for r in report.vantage.resolvers}
    with_, without = ([r for r, s in states.items() if s in kind] for kind in (FINAL[:1], FINAL[1:]))
    if with_ and without:
        parts = (state_text("address", tuple(with_)), *(state_text(states[r], (r,)) for r in without))
        return present(" ".join(parts), *wire_lookups(report))
    if len(states) < 2:
        return absent("Only one resolver is configured." if states else "No resolver is configured.")
    quiet = next((r for r, s in states.items() if s not in ANSWERS), None)
    if quiet is not None:
        return unknown("no-answer", *wire_lookups(report), says=state_text(states[quiet], (quiet,)))
    return absent("No configured resolver contradicts another.", *wire_lookups(report))


# ---------------------------------------------------------------- a stub resolver on this machine


def _on_this_machine(report: Report) -> list[str]:
    """The configured resolvers, when all of them are addresses of this machine; else none."""
    resolvers = [r for r in report.vantage.resolvers if is_loopback(r) or _is_local(report, r)]
    return resolvers if len(resolvers) == len(report.vantage.resolvers) else []


def _is_local(report: Report, address: str) -> bool:
    route = route_to(report, Subject(kind="address", values=(address,)))
    return route is not None and route.type == "local"


@sign("the configured resolvers run on this machine and have no answer for the name")
def stub_fails(report: Report, subject: Subject) -> Reading:
    """Every configured resolver is an address of this machine, and none has an answer: neither address nor denial.

    Could also be: a full recursive resolver on this machine, for which the servers of the zone failed.
    """
    stand, stubs = standing(report), _on_this_machine(report)
    if stand is None:
        return not_queried(report)
    if not stubs:
        return absent("A configured resolver is another machine.")
    if stand.state in _NO_ANSWER:
        return present(state_text(stand.state, stand.resolvers), *stand.lookups)
    return absent(state_text(stand.state, stand.resolvers), *stand.lookups)


@sign("no socket uses UDP port 53 of the resolvers on this machine")
def no_socket(report: Report, subject: Subject) -> Reading:
    """Every configured resolver is an address of this machine, whose socket table has no socket for UDP port 53."""
    stubs = _on_this_machine(report)
    if not stubs:
        return unknown("not-possible-here", says="The resolver's socket table was not read.")
    target = replace(report.target, port=53, transport="udp")
    as_target = replace(report, target=target)
    readings = [udp.no_socket(as_target, Subject(kind="address", values=(r,))) for r in stubs]
    return next((r for r in readings if r.state != "present"), readings[0])


@sign("no upstream server of the local resolver responds")
def upstreams_unresponsive(report: Report, subject: Subject) -> Reading:
    """Every server that the resolver on this machine forwards to was queried, and none responds.

    Could also be: an upstream that the resolver's configuration does not show, and that responds.
    """
    want = Want(probe="upstreams", args=(report.target.host,))
    if not _on_this_machine(report):
        return absent("A configured resolver is another machine.")
    upstreams = report.vantage.upstreams
    if not upstreams:
        return unsettled(report, want)
    states = {r: state_of(report, r) for r in upstreams}
    looks = [o for r in upstreams for o in wire_lookups(report, r)]
    responds = [r for r, s in states.items() if s not in DEAD]
    if not responds:
        return present(" ".join(state_text(s, (r,)) for r, s in states.items()), *looks)
    if all(states[r] in ("unasked", "waiting", "not-sent") for r in responds):
        return unsettled(report, want, *looks, probed=bool(looks))
    return absent(state_text(states[responds[0]], (responds[0],)), *looks)


# ---------------------------------------------------------------- the system's lookup


@sign("the system's lookup received no answer")
def system_lookup_unanswered(report: Report, subject: Subject) -> Reading:
    """getaddrinfo failed without an answer (EAI_AGAIN) or did not end, rather than with "no such name".

    Linux distinguishes the two. Other systems report "no such name" for both: a quick one is then unknown.
    """
    o = system_lookup(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.TIMEOUT:
        return present(f"The system's lookup had not ended after {o.took:.1f} s.", o)
    if o.outcome in (Outcome.TRY_AGAIN, Outcome.SERVER_FAILURE):
        return present(f"The system's lookup failed: {o.os_says}.", o)
    if o.outcome is Outcome.OK:
        return absent("The system's lookup returned an address.", o)
    if report.vantage.os.lower().startswith("linux"):
        return absent(f"The system's lookup returned a definite answer: {o.os_says}.", o)
    if o.took >= _SILENCE:
        return present(f"The system's lookup failed after {o.took:.1f} s: {o.os_says}.", o)
    fact = "This system does not distinguish no response from a name that does not exist."
    return unknown("not-possible-here", o, says=fact)


@sign("the system's lookup fails, while DNS has an address")
def only_system_lookup_fails(report: Report, subject: Subject) -> Reading:
    """getaddrinfo returns no address, a configured resolver does: nsswitch, a stale cache, another resolver."""
    o = system_lookup(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OK:
        return absent("The system's lookup returned an address.", o)
    theirs = [r for r in report.vantage.resolvers if state_of(report, r) == "address"]
    found = [a for r in theirs for q in address_lookups(report, r) if q.qtype in qtypes(report) for a in q.addresses]
    if found and o.outcome is Outcome.TIMEOUT:
        return unknown("out-of-budget", o, says=f"The system's lookup had not ended after {o.took:.1f} s.")
    if report.options.resolver and not any(state_of(report, r) in ANSWERS for r in report.vantage.resolvers):
        fact = "--resolver queries another server than programs on this machine use."
        return unknown("forbidden-by-option", o, says=fact)
    plain = [o for o in address_lookups(report) if o.outcome in FAILURES and "no-EDNS" in o.flags]
    if found and plain:
        fact = f"Resolver {plain[0].resolver} answers {plain[0].rcode} to a query without EDNS, as the system sends it."
        return absent(fact, *plain)
    if found:
        fact = f"DNS returns {found[0]}, while the system's lookup fails: {o.os_says}."
        return present(fact, o, *address_lookups(report))
    if could_have_address(report):
        return not_queried(report, o)
    if nobody_answered(report):
        return unknown("no-answer", o, *address_lookups(report), says=NOBODY)
    return absent("DNS returns no address either.", o, *address_lookups(report))


@sign("the system's lookup was slow")
def system_lookup_slow(report: Report, subject: Subject) -> Reading:
    """getaddrinfo took a second or more. Could also be: a dead first resolver, or one lost packet."""
    o = system_lookup(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.TIMEOUT:
        return unknown("out-of-budget", o, says=f"The system's lookup had not ended after {o.took:.1f} s.")
    if o.outcome is Outcome.OK and o.took >= _SLOW_LOOKUP:
        return present(f"The system's lookup took {o.took:.1f} s.", o)
    return absent(f"The system's lookup took {millis(o.took)}.", o)
