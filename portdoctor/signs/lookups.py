"""Signs about lookups of a name that are made more than once: whether the result stays. Pure; about a name."""

from __future__ import annotations

from ..model import Lookup, Outcome, Report, Subject, Want
from ..text import words
from .base import Reading, absent, present, sign, unknown, unsettled
from .resolver_states import (
    FAILURES,
    NOBODY,
    address_lookups,
    configured,
    nobody_answered,
    not_queried,
    qtypes,
    system_lookup,
)


@sign("a lookup of the name fails")
def fails(report: Report, subject: Subject) -> Reading:
    """The system's lookup returns no address, or a configured resolver answers with an error code."""
    system, queries = system_lookup(report), _queries(report)
    failed = [o for o in queries if o.outcome in FAILURES]
    if system is not None and system.outcome is not Outcome.OK:
        return present(f"The system's lookup failed: {system.os_says}.", system, *failed)
    if failed:
        return present(f"{_asked(failed[0])} was answered with {failed[0].rcode}.", *failed)
    return unknown("not-looked") if system is None else absent("No lookup of the name fails.", system, *queries)


@sign("the same lookup fails and returns an address")
def contradict(report: Report, subject: Subject) -> Reading:
    """One query to one resolver was answered with an error code and with an address, or the system's lookup failed
    and returned an address when it was repeated.

    Could also be: a record or a resolver that came into service between the two.
    """
    system, queries = system_lookup(report), _queries(report)
    for one in queries:
        other = next((o for o in queries if o.addresses and _same(o, one)), None)
        if one.outcome in FAILURES and other:
            first, last = sorted((one, other), key=lambda o: o.began)
            fact = f"{_asked(one)} was answered with {_said(first)}, and {_later(first, last)} with {_said(last)}."
            return present(fact, first, last)
    again = [o for o in report.of(Lookup) if o.via == "system" and o.role == "repeat"]
    failed = system is not None and system.outcome not in (Outcome.OK, Outcome.TIMEOUT)
    if system and failed and again and again[-1].addresses:
        later = _later(system, again[-1])
        fact = f"The system's lookup failed: {system.os_says}. It returned {words(again[-1].addresses)} {later}."
        return present(fact, system, again[-1])
    if not queries:
        return not_queried(report)
    if nobody_answered(report) or all(o.outcome is Outcome.TIMEOUT for o in queries):
        return unknown("no-answer", *queries, says=NOBODY)
    repeated = any(o.role == "repeat" for o in queries)
    found = any(o.addresses and o.qtype in qtypes(report) for o in queries)
    unsure = any(o.outcome in FAILURES for o in queries) or (failed and found)
    if unsure and not repeated:
        return unsettled(report, Want(probe="repeat-lookup", args=(report.target.host,)), *queries)
    if again and again[-1].outcome is Outcome.TIMEOUT:
        return unknown("out-of-budget", *again, says="The repeated lookup of the system had not ended in time.")
    says = "The repeated lookups end as the first ones did." if repeated else "No lookup contradicts another."
    return absent(says, *queries, *again)


def _queries(report: Report) -> list[Lookup]:
    """Return our queries for the name to the configured resolvers."""
    return [o for o in address_lookups(report) if o.resolver and configured(report, o.resolver)]


def _same(one: Lookup, other: Lookup) -> bool:
    """Return whether two queries are the same; a server may treat a query without EDNS differently."""
    question, other_question = ((o.resolver, o.qtype, "no-EDNS" in o.flags) for o in (one, other))
    return question == other_question


def _asked(o: Lookup) -> str:
    return f"The {o.qtype} query to resolver {o.resolver}"


def _said(o: Lookup) -> str:
    return words(o.addresses) or o.rcode or str(o.outcome)


def _later(first: Lookup, last: Lookup) -> str:
    return f"{max(last.began - first.began, 0.1):.1f} s later"
