"""Signs about the answers of DNS for the name, and the reasons in them. Pure; the subject is a name."""

from __future__ import annotations

from ..model import Answer, Lookup, Outcome, Report, Subject, Want
from .base import Ask, Reading, absent, no_response, present, sign, unknown, unsettled
from .observed import icmp_sent
from .resolver_states import (
    ANSWERS,
    DEAD,
    FINAL,
    NOBODY,
    SILENT,
    Standing,
    State,
    address_lookups,
    near_lookups,
    nobody_answered,
    not_queried,
    standing,
    state_of,
    state_text,
    want_wire,
    wire_lookups,
)

_DNSSEC = range(6, 13)  # RFC 8914: DNSSEC Bogus to NSEC Missing
_TRACE = Ask(
    where="here",
    commands={
        "linux": "dig +trace {name}",
        "macos": "dig +trace {name}",
        "windows": "nslookup -debug {name}",
    },
    answers=(
        Answer(answer="it stops at servers that do not respond", then="dns.no-reachable-authority"),
        Answer(answer="it ends with an address: the resolver fails", then="dns.servfail"),
    ),
)
_ANOTHER_RESOLVER = Ask(
    where="here",
    commands={
        "linux": "dig +trace {name}",
        "macos": "dig +trace {name}",
        "windows": "nslookup {name} ANOTHER-RESOLVER",
    },
    answers=(
        Answer(answer="it ends with an address: the resolver blocks the name", then="dns.blocked-by-policy"),
        Answer(answer="the authoritative servers answer that the name does not exist", then="dns.nxdomain"),
    ),
)


_ANSWERS = {
    "nxdomain": "the resolvers answered NXDOMAIN: the name does not exist",
    "nodata": "the resolvers answered that the name has no address (NODATA)",
    "servfail": "the resolvers answered SERVFAIL",
    "refused": "the resolvers refused the query (REFUSED)",
    "truncated": "the answer was truncated, and TCP did not complete it",
    "malformed": "the answer was malformed",
    "none-for-name": "the resolvers answer other queries, but not those for this name",
    "none-from-upstream": "the resolvers respond, but return nothing from other DNS servers",
    "only-over-tcp": "the resolvers answer over TCP, but not over UDP",
}
_RESOLVERS = {
    "silent": "no resolver answers, over UDP or TCP",
    "closed": "the resolvers' port 53 is closed",
    "unreachable": "the resolvers cannot be reached",
}


@sign("the resolvers' answer is {parameter}", parameter="a kind of answer", values=_ANSWERS)
def answer(report: Report, subject: Subject, state: State) -> Reading:
    """The best answer of all configured resolvers is of this kind; the kinds exclude one another.

    nxdomain, nodata: a filter may also answer so. servfail: a failed validation, dead authoritative servers and a
    broken resolver give the same answer. none-for-name: the resolver answers for the root. none-from-upstream: it
    answers about itself (id.server, class CH). only-over-tcp: UDP port 53 is dropped in the path, or not served.
    """
    found = _in_state(report, state)
    if state == "truncated" and found.state == "present":
        cut = [o for o in address_lookups(report) if o.outcome is Outcome.TRUNCATED]
        return present(f"The answer was truncated: {cut[0].os_says}.", *wire_lookups(report))
    return found


@sign("the resolvers are {parameter}", parameter="a state of the resolvers", values=_RESOLVERS)
def resolvers(report: Report, subject: Subject, state: State) -> Reading:
    """No configured resolver answered any query, and this is their best state.

    silent: no response over UDP and no DNS answer over TCP, not even about itself; a slow resolver answers about
    itself. closed: port unreachable from the resolver itself; another sender is a firewall. unreachable: the query
    ended with an error from the path.
    """
    found = _in_state(report, state)
    if state != "unreachable" or found.state != "present":
        return found
    failed = [o for o in address_lookups(report) if o.errno]
    o = next((o for o in failed if o.icmp), failed[0] if failed else None)
    if o is None or o.errno is None:
        return found
    sender = f"; {icmp_sent(o.icmp)}" if o.icmp else ""
    fact = f"The query to resolver {o.resolver} failed with {o.errno.name}{sender}."
    return present(fact, *wire_lookups(report))


def _in_state(report: Report, state: State) -> Reading:
    """Read whether this is the best state of the resolvers: the states exclude one another."""
    found = standing(report)
    if found is None:
        return not_queried(report)
    says = state_text(found.state, found.resolvers)
    if state == "silent" and found.state in SILENT:
        state = found.state
    if state == found.state and (state in FINAL or not found.could_be):
        return present(" ".join((says, *_rest(found))), *found.lookups)
    if state == found.state or state in found.could_be:
        return unsettled(report, want_wire(report), *found.lookups, probed=True, says=says)
    return no_response(*found.lookups, says=says) or absent(says, *found.lookups)


def _rest(found: Standing) -> list[str]:
    by_state: dict[State, list[str]] = {}
    for resolver, state in found.others:
        by_state.setdefault(state, []).append(resolver)
    return [state_text(state, tuple(resolvers)) for state, resolvers in by_state.items()]


# ---------------------------------------------------------------- IP versions and aliases


@sign("the name has an address of the IP version that was excluded")
def other_family_has_address(report: Report, subject: Subject) -> Reading:
    """With -4 or -6: the name has an address of the IP version that the option excludes."""
    family = report.options.family
    if family is None:
        return absent("No option excludes an IP version.")
    other = "AAAA" if family == 4 else "A"
    lookups = [o for o in address_lookups(report) if o.qtype == other]
    found = [o for o in lookups if o.addresses]
    if found:
        return present(f"The name has an {other} record: {found[0].addresses[0]}.", *found)
    if any(o.outcome in (Outcome.NO_DATA, Outcome.NAME_NOT_FOUND) for o in lookups):
        return absent(f"The name has no {other} record either.", *lookups)
    return unsettled(report, want_wire(report), *lookups, probed=bool(address_lookups(report)))


@sign("queries for one record type, A or AAAA, receive no response")
def one_type_unanswered(report: Report, subject: Subject) -> Reading:
    """A queries are answered and AAAA queries are not, or the reverse, by every resolver that responds.

    Could also be: a device in the path that drops AAAA queries, or an authoritative server that ignores them.
    """
    lookups = address_lookups(report)
    if not lookups:
        return not_queried(report)
    answered_anywhere = {o.qtype for o in lookups if o.rcode}
    partly = False  # whether a resolver that responds was queried for one type only
    for resolver in dict.fromkeys(o.resolver for o in lookups):
        own = [o for o in lookups if o.resolver == resolver]
        answered = {o.qtype for o in own if o.rcode}
        good = {o.qtype for o in own if o.outcome in (Outcome.OK, Outcome.NO_DATA)}
        silent = {o.qtype for o in own if o.outcome is Outcome.TIMEOUT} - answered_anywhere
        if good and silent:
            one, other = good.pop(), silent.pop()
            waited = max(o.took for o in own if o.qtype == other)
            fact = f"{resolver} answers {one} queries; {other} queries received no response in {waited:.1f} s."
            return present(fact, *own)
        partly = partly or (bool(answered) and len({o.qtype for o in own}) < 2)
    if nobody_answered(report):
        return unknown("no-answer", *lookups, says=NOBODY)
    if partly and len(answered_anywhere) < 2:
        return unsettled(report, want_wire(report), *lookups, probed=True)
    return absent("A and AAAA queries do not differ in whether they are answered.", *lookups)


@sign("the name is an alias (CNAME) of a name that does not exist")
def cname_target_missing(report: Report, subject: Subject) -> Reading:
    """A CNAME was followed to a name that does not exist (NXDOMAIN)."""
    lookups = address_lookups(report)
    found = [o for o in lookups if o.aliases and o.outcome is Outcome.NAME_NOT_FOUND]
    if found:
        fact = f"The name is an alias (CNAME) of {found[0].aliases[-1]}, which does not exist (NXDOMAIN)."
        return present(fact, *found)
    if not lookups:
        return not_queried(report)
    if nobody_answered(report):
        return unknown("no-answer", *lookups, says=NOBODY)
    return absent("No alias (CNAME) of the name leads to NXDOMAIN.", *lookups)


@sign("the aliases (CNAMEs) of the name form a loop")
def cname_loop(report: Report, subject: Subject) -> Reading:
    """The chain of CNAMEs returns to an earlier name, or does not end, and no resolver finds an address."""
    lookups = address_lookups(report)
    stand = standing(report)
    if stand is not None and stand.state == "address":
        return absent(state_text(stand.state, stand.resolvers), *lookups)
    host = report.target.host.lower().rstrip(".")
    for o in lookups:
        chain = [host, *(a.lower() for a in o.aliases)]
        if len(set(chain)) < len(chain):
            return present(f"The aliases (CNAMEs) return to an earlier name: {' → '.join(chain[:6])}.", o)
    if not lookups:
        return not_queried(report)
    open_ = stand is not None and ({stand.state, *stand.could_be} & {"servfail", "none-for-name"})
    if stand is not None and open_ and not any(o.ede for o in lookups):
        return unknown("no-answer", *lookups, says=state_text(stand.state, stand.resolvers), ask=_TRACE)
    if nobody_answered(report):
        return unknown("no-answer", *lookups, says=NOBODY)
    return absent("No alias (CNAME) of the name returns to an earlier name.", *lookups)


# ---------------------------------------------------------------- a name that does not exist


@sign("two resolvers answer that the name does not exist")
def two_resolvers_deny(report: Report, subject: Subject) -> Reading:
    """Two resolvers, configured or added with --resolver, answer NXDOMAIN, and none answers otherwise.

    Could also be: two resolvers that forward to the same filter.
    """
    lookups = address_lookups(report)
    asked = {o.resolver for o in lookups if o.resolver} - {*report.vantage.upstreams}
    states = {r: state_of(report, r) for r in (*report.vantage.resolvers, report.options.resolver) if r in asked and r}
    denied = tuple(r for r, state in states.items() if state == "nxdomain")
    other = next((r for r, state in states.items() if state in ANSWERS and state != "nxdomain"), None)
    if other:
        return absent(state_text(states[other], (other,)), *lookups)
    if len(denied) > 1:
        return present(state_text("nxdomain", denied), *lookups)
    if not lookups:
        return not_queried(report)
    if len(states) > 1 and any(state not in DEAD for state in states.values() if state != "nxdomain"):
        return unsettled(report, want_wire(report), *lookups, probed=True)
    if not denied:
        return unknown("no-answer", *lookups, says=NOBODY)
    return absent("Only one resolver answers that the name does not exist.", *lookups)


@sign("a similar name exists")
def near_name_exists(report: Report, subject: Subject) -> Reading:
    """A name with one letter less or more, another ending, or the parent domain exists, and this one does not.

    Could also be: the name is right, and its record was never created.
    """
    near = near_lookups(report)
    exists = [o for o in near if o.outcome in (Outcome.OK, Outcome.NO_DATA)]
    if exists:
        return present(f"{exists[0].name} exists, {report.target.host} does not.", *exists)
    resolver = next((o.resolver for o in address_lookups(report) if o.outcome is Outcome.NAME_NOT_FOUND), None)
    if resolver is None:
        return unknown("no-answer", *address_lookups(report))
    if near and all(o.outcome is Outcome.NAME_NOT_FOUND for o in near):
        return absent("No similar name that was queried exists.", *near)
    return unsettled(report, Want(probe="near-names", args=(report.target.host, resolver)), *near, probed=bool(near))


# ---------------------------------------------------------------- reasons


def _ede(report: Report, codes: tuple[int, ...] | range) -> list[tuple[Lookup, int, str]]:
    return [(o, code, text) for o in address_lookups(report) for code, text in o.ede if code in codes]


def _reason_named(
    report: Report, codes: tuple[int, ...] | range, what: str, fits: tuple[State, ...], ask: Ask | None
) -> Reading:
    """Read whether there is an extended error of these codes. Many resolvers send none: states in `fits` stay open."""
    # An error beside an answer, as with a stale one, did not stop the lookup at that resolver.
    found = [each for each in _ede(report, codes) if state_of(report, each[0].resolver or "") in fits]
    if found:
        o, code, text = found[0]
        fact = f"Resolver {o.resolver} reports {what} (EDE {code}{': ' + text if text else ''})."
        return present(fact, *{o.id: o for o, _, _ in found}.values())
    lookups, stand = address_lookups(report), standing(report)
    if stand is None:
        return not_queried(report)
    says = state_text(stand.state, stand.resolvers)
    if stand.state not in fits and not set(fits) & set(stand.could_be):
        return no_response(*lookups, says=NOBODY) or absent(says, *lookups)
    if any(o.ede for o in lookups):
        return absent("The resolver reports another extended error (EDE).", *lookups)
    return unknown("no-answer", *lookups, says=f"{says} It sends no extended error (EDE).", ask=ask)


_REASONS: dict[str, tuple[tuple[int, ...] | range, str, tuple[State, ...], Ask | None]] = {
    "dnssec": (_DNSSEC, "a failed DNSSEC validation", ("servfail",), None),
    "authority": (  # No Reachable Authority, Network Error
        (22, 23), "that the authoritative servers do not respond", ("servfail", "none-for-name"), _TRACE,
    ),
    "policy": (  # Blocked, Censored, Filtered
        (15, 16, 17), "that a filter blocks the name", ("nxdomain", "nodata", "servfail", "refused"), _ANOTHER_RESOLVER,
    ),
}  # fmt: skip
_EDE = {
    "dnssec": "the resolver reports a failed DNSSEC validation (EDE)",
    "authority": "the resolver reports that the authoritative servers do not respond (EDE)",
    "policy": "the resolver reports that a filter blocks the name (EDE)",
}


@sign("the resolver's extended error (EDE) names {parameter}", parameter="a kind of extended error", values=_EDE)
def ede(report: Report, subject: Subject, kind: str) -> Reading:
    """The answer has an extended DNS error (RFC 8914) of this kind. Many resolvers send none.

    dnssec: codes 6 to 12. authority: 22 and 23, also sent when the resolver itself is disconnected. policy: 15, 16 and
    17; a filter may also answer without them.
    """
    return _reason_named(report, *_REASONS[kind])


@sign("DNSSEC validation of the name fails")
def dnssec_validation_fails(report: Report, subject: Subject) -> Reading:
    """SERVFAIL with checking on, and an answer with checking disabled (CD=1); or EDE 6 to 12.

    Could also be: a failure that ended between the two queries. Only the extended error proves it.
    """
    if _ede(report, _DNSSEC):
        return ede(report, subject, "dnssec")
    stand = standing(report)
    if stand is None:
        return not_queried(report)
    if nobody_answered(report):
        return unknown("no-answer", *stand.lookups, says=NOBODY)
    if stand.state != "servfail":
        return absent(state_text(stand.state, stand.resolvers), *stand.lookups)
    resolver = stand.resolvers[0]
    unchecked = [o for o in report.of(Lookup) if o.checking_disabled and o.resolver == resolver]
    answered = [o for o in unchecked if o.outcome in (Outcome.OK, Outcome.NO_DATA, Outcome.NAME_NOT_FOUND)]
    if answered:
        fact = f"Resolver {resolver} answers if DNSSEC checking is disabled (CD=1)."
        return present(fact, *unchecked, *address_lookups(report, resolver))
    if any(o.outcome is Outcome.SERVER_FAILURE for o in unchecked):
        return absent("The lookup also fails with DNSSEC checking disabled (CD=1).", *unchecked)
    want = Want(probe="wire-cd", args=(report.target.host, resolver))
    return unsettled(report, want, *unchecked, probed=bool(unchecked))
