"""Signs about why a look-up fails: extended errors, validation, aliases, slow and dead resolvers. Pure readings."""

from __future__ import annotations

from ..model import Answer, Lookup, Outcome, Report, Subject, Want
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .dns_answers import (
    ANSWERS,
    DEAD,
    State,
    about_name,
    describe,
    not_asked,
    standing,
    state_of,
    system,
    want_wire,
    wire,
)

SLOW = 1.0  # seconds for a name: a user notices, and no healthy resolver needs it
_DNSSEC = range(6, 13)  # RFC 8914: DNSSEC Bogus to NSEC Missing
_AUTHORITY = (22, 23)  # No Reachable Authority, Network Error
_POLICY = (15, 16, 17)  # Blocked, Censored, Filtered

TRACE = Ask(
    where="here",
    commands={
        "linux": "dig +trace {name}",
        "macos": "dig +trace {name}",
        "windows": "nslookup -debug {name}",
    },
    answers=(
        Answer(answer="It stops at servers that do not answer", then="dns.no-reachable-authority"),
        Answer(answer="It ends with an address, so the resolver is at fault", then="dns.servfail"),
    ),
)
ANOTHER_RESOLVER = Ask(
    where="here",
    commands={
        "linux": "dig +trace {name}", "macos": "dig +trace {name}", "windows": "nslookup {name} ANOTHER-RESOLVER",
    },
    answers=(
        Answer(answer="It ends with an address", then="dns.blocked-by-policy"),
        Answer(answer="The zone's own servers say that the name does not exist", then="dns.nxdomain"),
    ),
)


def _ede(report: Report, codes: tuple[int, ...] | range) -> list[tuple[Lookup, int, str]]:
    return [(o, code, text) for o in about_name(report) for code, text in o.ede if code in codes]


def _reason_named(
    report: Report, codes: tuple[int, ...] | range, what: str, fits: tuple[State, ...], ask: Ask | None
) -> Reading:
    """An extended error of these codes. Many resolvers give none: in the states that it fits, it stays open then."""
    found = _ede(report, codes)
    if found:
        o, code, text = found[0]
        said = f"{o.resolver} gives as its reason {what} (extended error {code}{': ' + text if text else ''})."
        return present(said, *{o.id: o for o, _, _ in found}.values())
    looks, stand = about_name(report), standing(report)
    if stand is None:
        return not_asked(report)
    says = describe(stand.state, stand.resolvers)
    if stand.state not in fits and not set(fits) & set(stand.could_be):
        return absent(says, *looks)
    if any(o.ede for o in looks):
        return absent("The resolver gives another reason.", *looks)
    return unknown("no-answer", *looks, says=f"{says} It gives no reason (no extended error).", ask=ask)


@sign
def ede_names_dnssec(report: Report, subject: Subject) -> Reading:
    """RFC 8914 codes 6 to 12."""
    return _reason_named(report, _DNSSEC, "a failed signature check", ("servfail",), None)


@sign
def ede_names_authority(report: Report, subject: Subject) -> Reading:
    """RFC 8914 codes 22 and 23. The resolver's own way out may be cut: it cannot tell the two apart."""
    what = "that the zone's own servers do not answer"
    return _reason_named(report, _AUTHORITY, what, ("servfail", "mute"), TRACE)


@sign
def ede_names_policy(report: Report, subject: Subject) -> Reading:
    """RFC 8914 codes 15, 16 and 17. A filter may also answer without a word of it."""
    fits: tuple[State, ...] = ("nxdomain", "nodata", "servfail", "query-refused")
    return _reason_named(report, _POLICY, "a filter", fits, ANOTHER_RESOLVER)


@sign
def validation_fails(report: Report, subject: Subject) -> Reading:
    """SERVFAIL with checking on, and an answer with checking disabled (CD=1), or EDE 6–12.

    A failure that passed between the two queries looks the same: certain only by the extended error.
    """
    if _ede(report, _DNSSEC):
        return ede_names_dnssec(report, subject)
    stand = standing(report)
    if stand is None:
        return not_asked(report)
    if stand.state != "servfail":
        return absent(describe(stand.state, stand.resolvers), *stand.looks)
    resolver = stand.resolvers[0]
    unchecked = [o for o in report.of(Lookup) if o.checking_disabled and o.resolver == resolver]
    answered = [o for o in unchecked if o.outcome in (Outcome.OK, Outcome.NO_DATA, Outcome.NAME_NOT_FOUND)]
    if answered:
        said = f"{resolver} answers when it is told not to check signatures (CD=1)."
        return present(said, *unchecked, *about_name(report, resolver))
    if any(o.outcome is Outcome.SERVER_FAILURE for o in unchecked):
        return absent("The look-up fails without the signature check (CD=1) too.", *unchecked)
    want = Want(probe="wire-cd", args=(report.target.host, resolver))
    return unsettled(report, want, *unchecked, looked=bool(unchecked))


@sign
def alias_leads_nowhere(report: Report, subject: Subject) -> Reading:
    """A CNAME was followed to a name that does not exist."""
    looks = about_name(report)
    found = [o for o in looks if o.aliases and o.outcome is Outcome.NAME_NOT_FOUND]
    if found:
        said = f"The name is an alias (CNAME) of {found[0].aliases[-1]}, and that name does not exist."
        return present(said, *found)
    if not looks:
        return not_asked(report)
    return absent("No alias leads to a name that does not exist.", *looks)


@sign
def alias_goes_in_circles(report: Report, subject: Subject) -> Reading:
    """The chain of CNAMEs comes back to a name that it had, or does not end."""
    looks = about_name(report)
    host = report.target.host.lower().rstrip(".")
    for o in looks:
        chain = [host, *(a.lower() for a in o.aliases)]
        if len(set(chain)) < len(chain):
            return present(f"The aliases come back to {chain[-1]}: {' → '.join(chain[:6])}.", o)
    if not looks:
        return not_asked(report)
    stand = standing(report)
    open_ = stand is not None and ({stand.state, *stand.could_be} & {"servfail", "mute"})
    if stand is not None and open_ and not any(o.ede for o in looks):
        return unknown("no-answer", *looks, says=describe(stand.state, stand.resolvers), ask=TRACE)
    return absent("No alias comes back to an earlier name.", *looks)


@sign
def system_lookup_was_slow(report: Report, subject: Subject) -> Reading:
    """getaddrinfo needed longer than a user likes. A dead first resolver or a lost packet looks the same."""
    o = system(report)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OK and o.took >= SLOW:
        return present(f"Programs here wait {o.took:.1f} s for the address.", o)
    return absent(f"The look-up ended after {o.took * 1000:.0f} ms.", o)


@sign
def a_resolver_is_dead(report: Report, subject: Subject) -> Reading:
    """Some configured resolver gives no answer at all."""
    states = {r: state_of(report, r) for r in report.vantage.resolvers}
    dead = tuple(r for r, s in states.items() if s in DEAD)
    if dead:
        return present(describe(states[dead[0]], dead[:1]), *wire(report))
    if any(s in ("unasked", "waiting") for s in states.values()):
        return unsettled(report, want_wire(report), looked=bool(about_name(report)))
    return absent("Every configured resolver answers.", *wire(report))


@sign
def this_resolver_is_dead(report: Report, subject: Subject) -> Reading:
    """This one gives no answer at all."""
    resolver = subject.values[0]
    state = state_of(report, resolver)
    looks = wire(report, resolver)
    if state in DEAD:
        return present(describe(state, (resolver,)), *looks)
    if state in ("unasked", "waiting", "not-sent"):
        return unsettled(report, want_wire(report), *looks, looked=bool(looks))
    return absent(describe(state, (resolver,)), *looks)


@sign
def another_resolver_answers(report: Report, subject: Subject) -> Reading:
    """A configured resolver other than this one answers."""
    others = [r for r in report.vantage.resolvers if r not in subject.values]
    good = [r for r in others if state_of(report, r) in ANSWERS]
    if good:
        return present(f"{good[0]} answers.", *wire(report, good[0]))
    if not others:
        return absent("No other resolver is configured.")
    return unsettled(report, want_wire(report), looked=bool(about_name(report)))
