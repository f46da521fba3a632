"""The state of each resolver for the name, and the best state of all of them. Pure."""

from __future__ import annotations

from typing import Literal

from ..model import Ending, Lookup, Outcome, Report, Value, Want
from ..text import words
from .base import Reading, absent, unsettled
from .observed import SETTLED

State = Literal[
    "address", "nxdomain", "nodata", "half", "servfail", "refused", "other-rcode", "truncated", "malformed",
    "none-for-name", "none-from-upstream", "only-over-tcp",
    "silent", "silent-tcp-refused", "silent-tcp-accepted", "silent-tcp-failed", "closed", "unreachable",
    "waiting", "closed-or-rejected", "not-sent", "unasked",
]  # fmt: skip
_ORDER: tuple[State, ...] = (
    "address", "nxdomain", "nodata", "half", "servfail", "refused", "other-rcode", "truncated", "malformed",
    "none-for-name", "none-from-upstream", "only-over-tcp", "waiting", "silent-tcp-accepted", "silent-tcp-refused",
    "silent-tcp-failed", "silent", "closed-or-rejected", "closed", "unreachable", "not-sent", "unasked",
)  # fmt: skip
FINAL: tuple[State, ...] = ("address", "nxdomain", "nodata")  # stub resolvers query no other server after these
SILENT: tuple[State, ...] = ("silent", "silent-tcp-refused", "silent-tcp-accepted", "silent-tcp-failed")
DEAD: tuple[State, ...] = (*SILENT, "closed", "closed-or-rejected", "unreachable")
ANSWERS: tuple[State, ...] = ("address", "nxdomain", "nodata", "half", "servfail", "refused", "other-rcode")
# The states that an undecided one may become after further probes.
_COULD_BE: dict[State, tuple[State, ...]] = {
    "waiting": ("none-for-name", "none-from-upstream", "only-over-tcp", *SILENT),
    "closed-or-rejected": ("closed", "unreachable"),
    "not-sent": _ORDER[:-1],
    "unasked": _ORDER[:-1],
}
_UNREACHABLE = (
    Outcome.HOST_UNREACHABLE, Outcome.NET_UNREACHABLE, Outcome.PROTOCOL_UNREACHABLE, Outcome.PROHIBITED,
    Outcome.TTL_EXPIRED, Outcome.BLACKHOLED, Outcome.DENIED,
)  # fmt: skip
FAILURES = (Outcome.SERVER_FAILURE, Outcome.QUERY_REFUSED, Outcome.OTHER)  # of a query that was answered
OF_ITSELF = "id.server"  # the queries that test whether a resolver without response is alive
OF_THE_ROOT = "."


class Standing(Value, frozen=True, kw_only=True):
    """The best state of any configured resolver, the resolvers in that state, and all lookups that were made.

    `could_be`: the states that it may still become, because some resolver was not queried or its state is undecided.
    `others`: the states of the other resolvers.
    """

    state: State
    resolvers: tuple[str, ...]
    lookups: tuple[Lookup, ...]
    could_be: tuple[State, ...] = ()
    others: tuple[tuple[str, State], ...] = ()


def system_lookup(report: Report) -> Lookup | None:
    """Return the system's own lookup of the name, as programs on this machine make it."""
    return next((o for o in reversed(report.of(Lookup)) if o.own), None)


def qtypes(report: Report) -> tuple[str, ...]:
    """Return the record types that the user's connection can use."""
    return {4: ("A",), 6: ("AAAA",), None: ("A", "AAAA")}[report.options.family]


def wire_lookups(report: Report, resolver: str | None = None) -> list[Lookup]:
    """Return our own DNS queries with checking enabled, to one resolver or to all."""
    return [
        o for o in report.of(Lookup)
        if o.via == "wire" and not o.checking_disabled and resolver in (None, o.resolver)
    ]  # fmt: skip


def address_lookups(report: Report, resolver: str | None = None) -> list[Lookup]:
    """Return those that asked for addresses of the name, of either IP version."""
    found = [o for o in wire_lookups(report, resolver) if o.qtype in ("A", "AAAA")]
    return [o for o in found if _same(o.name, report.target.host)]


def near_lookups(report: Report) -> list[Lookup]:
    """Return those that asked for names similar to the target's."""
    found = [o for o in wire_lookups(report) if o.qtype == "A"]
    return [o for o in found if not _same(o.name, report.target.host)]


def _same(name: str, other: str) -> bool:
    return name.rstrip(".").lower() == other.rstrip(".").lower()


def wire_addresses(report: Report) -> list[str]:
    """Return the addresses from DNS, of the IP versions that may be used, in order."""
    found = [a for o in address_lookups(report) if o.qtype in qtypes(report) for a in o.addresses]
    return list(dict.fromkeys(found))


def state_of(report: Report, resolver: str) -> State:
    """Return the state of one resolver for this name."""
    own = [o for o in address_lookups(report, resolver) if o.qtype in qtypes(report)]
    outcomes = {o.outcome for o in own}
    if not own:
        return "unasked"
    if any(o.addresses and o.outcome is Outcome.OK for o in own):
        return "address"
    if not {o.qtype for o in own} >= set(qtypes(report)) and Outcome.NAME_NOT_FOUND not in outcomes:
        return "unasked"  # the checkup continued before the other type was answered
    if outcomes == {Outcome.NO_DATA}:
        return "nodata"
    if outcomes == {Outcome.NO_DATA, Outcome.TIMEOUT}:
        return "half"
    named: tuple[tuple[Outcome, State], ...] = (
        (Outcome.NAME_NOT_FOUND, "nxdomain"),
        (Outcome.SERVER_FAILURE, "servfail"),
        (Outcome.QUERY_REFUSED, "refused"),
        (Outcome.OTHER, "other-rcode"),
        (Outcome.TRUNCATED, "truncated"),
        (Outcome.MALFORMED, "malformed"),
    )
    for outcome, state in named:
        if any(o.outcome is outcome and (o.rcode or outcome is Outcome.MALFORMED) for o in own):
            return state
    return _without_answer(report, resolver, own)


def _without_answer(report: Report, resolver: str, own: list[Lookup]) -> State:
    refused = [o for o in own if o.outcome is Outcome.REFUSED]
    if refused:
        senders = {o.icmp.offender for o in refused if o.icmp}
        if resolver in senders or (not senders and is_loopback(resolver)):
            return "closed"
        return "unreachable" if senders else "closed-or-rejected"
    if any(o.outcome in _UNREACHABLE for o in own):
        return "unreachable"
    silent = [o for o in own if o.outcome is Outcome.TIMEOUT]
    if not silent:
        return "not-sent"
    alive = {(o.name, o.transport): o for o in wire_lookups(report, resolver) if o.name in (OF_ITSELF, OF_THE_ROOT)}
    answered = {key for key, o in alive.items() if o.rcode}
    if (OF_THE_ROOT, "udp") in answered and alive[OF_THE_ROOT, "udp"].outcome is Outcome.OK:
        return "none-for-name"
    if answered & {(OF_ITSELF, "udp"), (OF_THE_ROOT, "udp")}:
        return "none-from-upstream"
    if (OF_ITSELF, "tcp") in answered:
        return "only-over-tcp"
    if len(alive) < 3 or max(o.took for o in silent) < SETTLED:
        return "waiting"
    return _silent(alive[OF_ITSELF, "tcp"])


def _silent(over_tcp: Lookup) -> State:
    """Name the silence over UDP by what TCP port 53 did."""
    match over_tcp.outcome:
        case Outcome.TIMEOUT:
            return "silent-tcp-accepted" if "accepted" in over_tcp.flags else "silent"
        case Outcome.REFUSED if over_tcp.icmp is None or over_tcp.icmp.offender == over_tcp.resolver:
            return "silent-tcp-refused"
        case Outcome.CLOSED | Outcome.RESET | Outcome.MALFORMED | Outcome.OTHER:
            return "silent-tcp-accepted"
        case _:
            return "silent-tcp-failed"


def configured(report: Report, resolver: str) -> bool:
    """Return whether programs on this machine use the resolver; one that only --resolver names is not configured."""
    return resolver in report.vantage.resolvers or resolver not in (report.options.resolver, *report.vantage.upstreams)


def standing(report: Report) -> Standing | None:
    """Return the best state of the name over all configured resolvers; None if none was queried."""
    if not address_lookups(report):
        return None
    asked = [o.resolver for o in address_lookups(report) if o.resolver and configured(report, o.resolver)]
    states = {r: state_of(report, r) for r in dict.fromkeys((*report.vantage.resolvers, *asked))}
    if not states:
        return None
    best = min(states.values(), key=_ORDER.index)
    undecided = [s for state in states.values() for s in _COULD_BE.get(state, ())]
    better = [s for s in undecided if best in _COULD_BE or _ORDER.index(s) < _ORDER.index(best)]
    return Standing(
        state=best,
        resolvers=tuple(r for r, s in states.items() if s == best),
        lookups=tuple(wire_lookups(report)),
        could_be=tuple(dict.fromkeys(better)),
        others=tuple((r, s) for r, s in states.items() if s != best),
    )


def could_have_address(report: Report) -> bool:
    """Return whether a resolver was not fully queried and may have an address for the name."""
    stand = standing(report)
    return stand is None or "address" in stand.could_be


NOBODY = "No resolver answered the query for the name, so no answer could show it."


def nobody_answered(report: Report) -> bool:
    """Return whether queries for the name received no response. Silence rules nothing out; an error or refusal does."""
    lookups = address_lookups(report)
    silent = any(o.outcome is Outcome.TIMEOUT for o in lookups)
    return silent and not any(o.rcode or o.outcome is Outcome.MALFORMED for o in lookups)


def want_wire(report: Report) -> Want:
    """Return the probe that queries every configured resolver."""
    return Want(probe="wire", args=(report.target.host,))


def not_queried(report: Report, *evidence: Ending) -> Reading:
    """Return the reading of a sign about answers if no resolver was queried: absent if none is configured."""
    if not report.vantage.resolvers and report.vantage.os:
        return absent("No resolver is configured.")
    return unsettled(report, want_wire(report), *evidence, says="No resolver was queried.")


def is_loopback(address: str) -> bool:
    """Return whether an address is a loopback address."""
    return address == "::1" or address.startswith("127.")


_STATE_SAYS: dict[State, str] = {
    "address": "{who} return{s} an address",
    "nxdomain": "{who} answer{s} that the name does not exist (NXDOMAIN)",
    "nodata": "{who} answer{s} that the name has no address (NODATA)",
    "half": "{who} answer{s} queries for one of A and AAAA, but not for the other",
    "servfail": "{who} answer{s} that the lookup failed (SERVFAIL)",
    "refused": "{who} refuse{s} the query (REFUSED)",
    "other-rcode": "{who} answer{s} with an error code",
    "truncated": "{who} truncate{s} the answer, and TCP does not complete it",
    "malformed": "{who} send{s} a malformed answer",
    "none-for-name": "{who} answer{s} other queries, but not those for this name",
    "none-from-upstream": "{who} respond{s}, but return{s} nothing from other DNS servers",
    "only-over-tcp": "{who} answer{s} over TCP, but not over UDP",
    "silent": "no response from {who} over UDP or TCP",
    "silent-tcp-refused": "no response from {who} over UDP; TCP port 53 refuses connections",
    "silent-tcp-accepted": "no response from {who} over UDP; TCP port 53 accepts connections without a DNS answer",
    "silent-tcp-failed": "no response from {who} over UDP; the connection to TCP port 53 fails",
    "closed": "port 53 of {who} is closed",
    "unreachable": "queries do not reach {who}",
    "waiting": "{who} did not respond in time",
    "closed-or-rejected": "the query to {who} was refused",
    "not-sent": "no query could be sent to {who}",
    "unasked": "no query was sent to {who}",
}


def state_text(state: State, resolvers: tuple[str, ...]) -> str:
    """Return one sentence about one state."""
    noun = "resolvers" if len(resolvers) > 1 else "resolver"
    who = f"{noun} {words(resolvers)}" if resolvers else "no resolver"
    text = _STATE_SAYS[state].format(who=who, s="" if len(resolvers) > 1 else "s")
    return text[0].upper() + text[1:] + "."
