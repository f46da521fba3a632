"""Writes the notes: what was observed beside the problems, such as observations that contradict each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from ..model import Bind, Connect, Ending, Handshake, Lookup, Note, Outcome, Problem, Report, Stage
from ..outcomes import family_of
from ..signs.resolver_states import (
    ANSWERS,
    FAILURES,
    address_lookups,
    configured,
    state_of,
    state_text,
    system_lookup,
)
from ..signs.series import attempts
from ..text import at, words
from .problem import aside
from .subjects import Finding, of_bind
from .weigh import Reader

_LATE = 0.3  # seconds without a response after which a checkup starts to probe beside a connection


def of_lookups(report: Report) -> Iterator[Note]:
    """Note what DNS answered beside a name that resolves: no record, other addresses, an error before an answer."""
    system = system_lookup(report)
    if system is None:
        return
    if system.outcome is not Outcome.OK:
        yield from _control(report, system)
        return
    lookups = [o for o in address_lookups(report) if o.resolver and configured(report, o.resolver)]
    good = {o.resolver for o in lookups if o.addresses}
    seen = [o for o in lookups if o.outcome is Outcome.NO_DATA and o.resolver in good]
    if seen:
        text = "DNS has no record of some types; the name resolves without them."
        yield _note("not-evaluated", text, "dns", seen)
    for one, other in _contradictions(report, system):
        yield _note("info", f"{_returned(one)}, {_returned(other)}.", "dns", (one, other))
    if good or not system.aliases:  # else a search domain was appended
        yield from _without_address(report, system, lookups)


def of_listening(report: Report) -> Iterator[Note]:
    """Note what a bind that succeeded does not show about a program that is to listen."""
    f = of_bind(report)
    if f is None or f.symptom != "ok":
        return
    binds = [o for o in report.of(Bind) if o.outcome is Outcome.OK]
    if report.target.transport == "tcp" and not any(o.listened for o in binds):
        text = "The port was bound without listen(), which a policy can still deny; --listen tests it."
        yield _note("info", text, f.stage, binds)
    text = "A program of another user, sandbox or security label can get another result than this one."
    yield _note("info", text, f.stage, binds)


def late_answers(reader: Reader, found: list[Finding]) -> Iterator[Note]:
    """Note a connection that succeeded late: the probes beside it, made meanwhile, need no cause."""
    for f in found:
        tcp = next((o for o in f.path if isinstance(o, Connect)), None)
        if f.symptom != "ok" or tcp is None or tcp.took < _LATE:
            continue
        later = attempts(reader.report, f.subject)[1:]
        beside = [o for o in aside(reader, f.subject) if o.outcome is not Outcome.OK and o not in later]
        if beside:
            text = f"{tcp.address} responded after {tcp.took:.1f} s; other ports were probed meanwhile."
            yield _note("info", text, f.stage, beside)


def working(found: list[Finding]) -> Iterator[Note]:
    """Note the addresses that work beside the one that a client connects to and that fails."""
    for f in found:
        if f.symptom == "ok":
            text = f"{f.subject.values[0]} works; a client that connected to another address does not try it."
            yield _note("info", text, f.stage, f.path)


def accidents(report: Report, found: list[Finding]) -> Iterator[Note]:
    """Note a series of attempts in which a single one differs from the others: that is no pattern."""
    for f in found:
        series = attempts(report, f.subject)
        failed = [o for o in series if o.outcome is not Outcome.OK]
        if len(series) < 3:
            continue
        if len(failed) == 1:
            text = f"One of {len(series)} attempts at {failed[0].address} failed; the others succeeded."
            yield _note("state-changed", text, f.stage, failed)
        elif len(failed) == len(series) - 1:
            number = next(n for n, o in enumerate(series, 1) if o.outcome is Outcome.OK)
            how = words(tuple(dict.fromkeys(o.os_says or str(o.outcome) for o in failed)))
            text = f"Attempt {number} of {len(series)} at {failed[0].address} succeeded; the others failed: {how}."
            yield _note("state-changed", text, f.stage, series)


def unaccepted(report: Report) -> Iterator[Note]:
    """Note a certificate that did not verify where the user accepts any (--insecure)."""
    for o in report.of(Handshake):
        if o.role == "verify" and o.outcome is Outcome.UNTRUSTED:
            text = f"The certificate of {at(o.address, o.port)} is not accepted: {o.verify_message}."
            yield Note(kind="info", text=f"{text} --insecure ignores it.", stage=o.stage, evidence=(o.id,))


def lost_syns(report: Report, found: list[Finding], problems: Iterable[Problem]) -> Iterator[Note]:
    """Note a connection that needed more than one SYN, where no problem is about it."""
    told = {p.subject for p in problems}
    for f in found:
        tcp = next((o for o in f.path if isinstance(o, Connect)), None)
        if tcp is None or tcp.outcome is not Outcome.OK or (tcp.syns or 1) < 2 or f.subject in told:
            continue
        where = at(tcp.address, tcp.port)
        text = f"The first SYN to {where} received no response; SYN {tcp.syns} connected after {tcp.took:.1f} s."
        yield _note("info", text, f.stage, [tcp])


def _control(report: Report, system: Lookup) -> Iterator[Note]:
    """A resolver that returns an address while the lookup of programs on this machine fails."""
    how = "had not ended" if system.outcome is Outcome.TIMEOUT else f"failed: {system.os_says}"
    for o in address_lookups(report):
        if o.addresses and o.outcome is Outcome.OK:
            yield _note("info", f"{_returned(o)}, while the system's lookup {how}.", "dns", [o, system])
            return


def _without_address(report: Report, system: Lookup, lookups: list[Lookup]) -> Iterator[Note]:
    """A resolver that answers without an address, where the name resolves; or with an error to one type of query."""
    found = _returned(system)
    for resolver in dict.fromkeys(o.resolver or "" for o in lookups):
        state, own = state_of(report, resolver), [o for o in lookups if o.resolver == resolver]
        failed = [o for o in own if o.outcome in FAILURES]
        if state in ANSWERS and state != "address":
            yield _note("info", f"{state_text(state, (resolver,))[:-1]}; {found}.", "dns", own)
        elif state == "address" and failed:
            text = f"Resolver {resolver} answered {failed[0].rcode} to the {failed[0].qtype} query; {found}."
            yield _note("info", text, "dns", failed)


def _contradictions(report: Report, system: Lookup) -> Iterator[tuple[Lookup, Lookup]]:
    """The lookups that returned addresses of one IP version without one in common, in the order of the resolvers."""
    rank = {resolver: number for number, resolver in enumerate(report.vantage.resolvers)}
    found = [o for o in address_lookups(report) if o.addresses]
    found.sort(key=lambda o: (rank.get(o.resolver or "", len(rank)), o.qtype))
    answers = {(o.resolver, o.qtype): o for o in found}
    for o in answers.values():
        ours = [a for a in system.addresses if family_of(a) == family_of(o.addresses[0])]
        if ours and not {*ours} & {*o.addresses}:
            yield system, o
    for one, other in combinations(answers.values(), 2):
        if one.qtype == other.qtype and not {*one.addresses} & {*other.addresses}:
            yield one, other


def _returned(o: Lookup) -> str:
    who = "the system's lookup" if o.via == "system" else f"resolver {o.resolver}"
    return f"{who} returned {words(o.addresses)}"


def _note(kind: str, text: str, stage: Stage, evidence: Iterable[Ending]) -> Note:
    text = text[0].upper() + text[1:]
    return Note(kind=kind, text=text, stage=stage, evidence=tuple(o.id for o in evidence))  # type: ignore[arg-type]
