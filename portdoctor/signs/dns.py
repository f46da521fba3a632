"""Signs about what DNS answers for the name, and the reasons that it gives. Pure; the subject is a name."""

from __future__ import annotations

from ..model import Answer, Lookup, Outcome, Report, Subject, Want
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .resolver_states import (
    FINAL,
    Standing,
    State,
    address_lookups,
    not_queried,
    standing,
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
        Answer(answer="It stops at servers that do not answer", then="dns.no-reachable-authority"),
        Answer(answer="It ends with an address, so the resolver is at fault", then="dns.servfail"),
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
        Answer(answer="It ends with an address", then="dns.blocked-by-policy"),
        Answer(answer="The zone's own servers say that the name does not exist", then="dns.nxdomain"),
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
    "none-from-upstream": "the resolvers respond, but receive no answer from the servers that they must ask",
    "only-over-tcp": "the resolvers answer over TCP, but not over UDP",
}
_RESOLVERS = {
    "silent": "no resolver responds, over UDP or TCP",
    "closed": "the resolvers' port 53 is closed",
    "unreachable": "the resolvers cannot be reached",
}


@sign("the resolvers' answer is {parameter}", parameter="a kind of answer", values=_ANSWERS)
def answer(report: Report, subject: Subject, state: State) -> Reading:
    """The best answer of all configured resolvers together is of this kind; the kinds exclude one another.

    nxdomain, nodata: also what a filter answers. servfail: a failed validation, dead authoritative servers and a
    broken resolver look the same. none-for-name: the resolver answers about the root. none-from-upstream: it answers
    about itself (id.server, class CH). only-over-tcp: UDP port 53 is dropped in the path, or not served.
    """
    found = _in_state(report, state)
    if state == "truncated" and found.state == "present":
        cut = [o for o in address_lookups(report) if o.outcome is Outcome.TRUNCATED]
        return present(f"The answer came {cut[0].os_says}.", *wire_lookups(report))
    return found


@sign("the resolvers are {parameter}", parameter="a state of the resolvers", values=_RESOLVERS)
def resolvers(report: Report, subject: Subject, state: State) -> Reading:
    """No configured resolver answered at all, and this is the best that is known of them.

    silent: no response over UDP or TCP, not even about itself; a slow resolver answers about itself. closed: port
    unreachable from the resolver itself; from another sender it is a firewall. unreachable: the query met an error in
    the path.
    """
    found = _in_state(report, state)
    if state != "unreachable" or found.state != "present":
        return found
    failed = [o for o in address_lookups(report) if o.errno]
    o = next((o for o in failed if o.icmp), failed[0] if failed else None)
    if o is None or o.errno is None:
        return found
    sender = f", ICMP {o.icmp.type}/{o.icmp.code} from {o.icmp.offender}" if o.icmp else ""
    said = f"The query to {o.resolver} failed with {o.errno.name}{sender}."
    return present(said, *wire_lookups(report))


def _in_state(report: Report, state: State) -> Reading:
    """Whether the best that the resolvers gave is this state: the states exclude one another."""
    found = standing(report)
    if found is None:
        return not_queried(report)
    says = state_text(found.state, found.resolvers)
    if state == found.state and (state in FINAL or not found.could_be):
        return present(" ".join((says, *_rest(found))), *found.looks)
    if state == found.state or state in found.could_be:
        return unsettled(report, want_wire(report), *found.looks, looked=True, says=says)
    return absent(says, *found.looks)


def _rest(found: Standing) -> list[str]:
    by_state: dict[State, list[str]] = {}
    for resolver, state in found.others:
        by_state.setdefault(state, []).append(resolver)
    return [state_text(state, tuple(resolvers)) for state, resolvers in by_state.items()]


# ---------------------------------------------------------------- families and aliases


@sign("the name has an address of the IP version that was excluded")
def other_family_has_address(report: Report, subject: Subject) -> Reading:
    """With -4 or -6: the IP version that was not asked for has an address."""
    family = report.options.family
    if family is None:
        return absent("Both address families may be used.")
    other = "AAAA" if family == 4 else "A"
    looks = [o for o in address_lookups(report) if o.qtype == other]
    found = [o for o in looks if o.addresses]
    if found:
        return present(f"The name has an {other} record: {found[0].addresses[0]}.", *found)
    if any(o.outcome in (Outcome.NO_DATA, Outcome.NAME_NOT_FOUND) for o in looks):
        return absent(f"The name has no {other} record either.", *looks)
    return unsettled(report, want_wire(report), *looks, looked=bool(address_lookups(report)))


@sign("queries for one record type, A or AAAA, receive no response")
def one_type_unanswered(report: Report, subject: Subject) -> Reading:
    """A queries are answered and AAAA queries are not, or the reverse, by every resolver that answers at all.

    Could also be: a device in the path that drops AAAA queries, or an authoritative server that ignores them.
    """
    looks = address_lookups(report)
    answered = {o.qtype for o in looks if o.rcode}
    good = {o.qtype for o in looks if o.outcome in (Outcome.OK, Outcome.NO_DATA)}
    silent = {o.qtype for o in looks if o.outcome is Outcome.TIMEOUT} - answered
    if good and silent:
        one, other = good.pop(), silent.pop()
        waited = max(o.took for o in looks if o.qtype == other)
        said = f"Queries for {one} records are answered, those for {other} get no answer in {waited:.1f} s."
        return present(said, *looks)
    if not looks:
        return not_queried(report)
    if len({o.qtype for o in looks}) < 2:
        return unsettled(report, want_wire(report), *looks, looked=True)
    return absent("No address family is left without an answer.", *looks)


@sign("the name is an alias (CNAME) of a name that does not exist")
def cname_target_missing(report: Report, subject: Subject) -> Reading:
    """A CNAME was followed to a name that does not exist (NXDOMAIN)."""
    looks = address_lookups(report)
    found = [o for o in looks if o.aliases and o.outcome is Outcome.NAME_NOT_FOUND]
    if found:
        said = f"The name is an alias (CNAME) of {found[0].aliases[-1]}, and that name does not exist."
        return present(said, *found)
    if not looks:
        return not_queried(report)
    return absent("No alias leads to a name that does not exist.", *looks)


@sign("the aliases (CNAMEs) of the name form a loop")
def cname_loop(report: Report, subject: Subject) -> Reading:
    """The chain of CNAMEs returns to a name that it already had, or does not end."""
    looks = address_lookups(report)
    host = report.target.host.lower().rstrip(".")
    for o in looks:
        chain = [host, *(a.lower() for a in o.aliases)]
        if len(set(chain)) < len(chain):
            return present(f"The aliases come back to {chain[-1]}: {' → '.join(chain[:6])}.", o)
    if not looks:
        return not_queried(report)
    stand = standing(report)
    open_ = stand is not None and ({stand.state, *stand.could_be} & {"servfail", "none-for-name"})
    if stand is not None and open_ and not any(o.ede for o in looks):
        return unknown("no-answer", *looks, says=state_text(stand.state, stand.resolvers), ask=_TRACE)
    return absent("No alias comes back to an earlier name.", *looks)


# ---------------------------------------------------------------- reasons


def _ede(report: Report, codes: tuple[int, ...] | range) -> list[tuple[Lookup, int, str]]:
    return [(o, code, text) for o in address_lookups(report) for code, text in o.ede if code in codes]


def _reason_named(
    report: Report, codes: tuple[int, ...] | range, what: str, fits: tuple[State, ...], ask: Ask | None
) -> Reading:
    """An extended error of these codes. Many resolvers give none: in the states that it fits, it stays open then."""
    found = _ede(report, codes)
    if found:
        o, code, text = found[0]
        said = f"{o.resolver} gives as its reason {what} (extended error {code}{': ' + text if text else ''})."
        return present(said, *{o.id: o for o, _, _ in found}.values())
    looks, stand = address_lookups(report), standing(report)
    if stand is None:
        return not_queried(report)
    says = state_text(stand.state, stand.resolvers)
    if stand.state not in fits and not set(fits) & set(stand.could_be):
        return absent(says, *looks)
    if any(o.ede for o in looks):
        return absent("The resolver gives another reason.", *looks)
    return unknown("no-answer", *looks, says=f"{says} It gives no reason (no extended error).", ask=ask)


_REASONS: dict[str, tuple[tuple[int, ...] | range, str, tuple[State, ...], Ask | None]] = {
    "dnssec": (_DNSSEC, "a failed signature check", ("servfail",), None),
    "authority": (  # No Reachable Authority, Network Error
        (22, 23), "that the zone's own servers do not answer", ("servfail", "none-for-name"), _TRACE,
    ),
    "policy": (  # Blocked, Censored, Filtered
        (15, 16, 17), "a filter", ("nxdomain", "nodata", "servfail", "refused"), _ANOTHER_RESOLVER,
    ),
}  # fmt: skip
_EDE = {
    "dnssec": "the resolver reports a failed DNSSEC validation (EDE)",
    "authority": "the resolver reports that the authoritative servers do not respond (EDE)",
    "policy": "the resolver reports that a filter blocks the name (EDE)",
}


@sign("the resolver's extended error (EDE) names {parameter}", parameter="a kind of extended error", values=_EDE)
def ede(report: Report, subject: Subject, kind: str) -> Reading:
    """An extended DNS error (RFC 8914) of this kind came with the answer. Many resolvers give none.

    dnssec: codes 6 to 12. authority: 22 and 23, which also come when the resolver's own uplink is cut. policy: 15, 16
    and 17; a filter may also answer without them.
    """
    return _reason_named(report, *_REASONS[kind])


@sign("DNSSEC validation of the name fails")
def dnssec_validation_fails(report: Report, subject: Subject) -> Reading:
    """SERVFAIL with checking on, and an answer with checking disabled (CD=1); or EDE 6 to 12.

    Could also be: a failure that passed between the two queries. Certain only by the extended error.
    """
    if _ede(report, _DNSSEC):
        return ede(report, subject, "dnssec")
    stand = standing(report)
    if stand is None:
        return not_queried(report)
    if stand.state != "servfail":
        return absent(state_text(stand.state, stand.resolvers), *stand.looks)
    resolver = stand.resolvers[0]
    unchecked = [o for o in report.of(Lookup) if o.checking_disabled and o.resolver == resolver]
    answered = [o for o in unchecked if o.outcome in (Outcome.OK, Outcome.NO_DATA, Outcome.NAME_NOT_FOUND)]
    if answered:
        said = f"{resolver} answers when it is told not to check signatures (CD=1)."
        return present(said, *unchecked, *address_lookups(report, resolver))
    if any(o.outcome is Outcome.SERVER_FAILURE for o in unchecked):
        return absent("The look-up fails without the signature check (CD=1) too.", *unchecked)
    want = Want(probe="wire-cd", args=(report.target.host, resolver))
    return unsettled(report, want, *unchecked, looked=bool(unchecked))
