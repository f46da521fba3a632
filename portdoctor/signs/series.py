"""Signs about repeated attempts: how many of them end how, and in which order. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Connect, Outcome, Report, Subject, Trace, Want
from .base import Reading, absent, no_response, present, responded, sign, unknown, unsettled
from .observed import endpoint_text, other_attempts, own_connection

_FAIR = 3.0  # seconds: an attempt that waited less may have been cut short
_ENOUGH = 5  # the least number of attempts for a statement about their share


# Outcomes that something beyond this machine causes; its own limits and rules are not intermittent.
_BEYOND = (
    Outcome.REFUSED, Outcome.TIMEOUT, Outcome.RESET, Outcome.HOST_UNREACHABLE, Outcome.NET_UNREACHABLE,
    Outcome.PROHIBITED, Outcome.TTL_EXPIRED,
)  # fmt: skip
_FAILED = {
    Outcome.REFUSED: "was refused", Outcome.TIMEOUT: "received no response", Outcome.RESET: "was reset",
    Outcome.PROHIBITED: "was rejected", Outcome.HOST_UNREACHABLE: "ended with host unreachable",
    Outcome.NET_UNREACHABLE: "ended with network unreachable",
}  # fmt: skip


def attempts(report: Report, subject: Subject) -> list[Connect]:
    """Return the series in order: the user's own connection, then the repeated attempts; [] if there is none."""
    own = own_connection(report, subject)
    later = sorted((o for o in other_attempts(report, subject, "repeat") if o.series), key=lambda o: o.series or 0)
    return [own, *later] if own is not None and later else []


def _wanted(report: Report, subject: Subject, *evidence: Connect) -> Reading:
    want = Want(probe="series", args=subject.values[:1])
    return unsettled(report, want, *evidence, probed=bool(evidence))


def _first_try(o: Connect) -> bool:
    """Return whether the attempt connected with its first SYN."""
    return o.outcome is Outcome.OK and (o.syns or 1) == 1


def _places(found: list[Connect], series: list[Connect]) -> str:
    """Return "attempts 2, 5 and 9": the positions of these attempts in the series."""
    numbers = [str(series.index(o) + 1) for o in found]
    if len(numbers) == 1:
        return f"attempt {numbers[0]}"
    return f"attempts {', '.join(numbers[:-1])} and {numbers[-1]}"


@sign("attempts to the same port ended differently")
def outcomes_differ(report: Report, subject: Subject) -> Reading:
    """Of all attempts at the requested port, connections and traces, at least one connected and at least one failed.

    An attempt that was cut short does not count as failed.
    """
    own = own_connection(report, subject)
    if own is None:
        return unknown("not-looked")
    seen = [own, *(o for o in other_attempts(report, subject, "repeat") if o.mss_clamp is None)]
    traces = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    worked: list[Connect | Trace] = [o for o in seen if o.outcome is Outcome.OK]
    worked += [t for t in traces if any(h.outcome is Outcome.OK for h in t.hops)]
    failed = [
        o for o in seen
        if o.outcome in _BEYOND and (o.outcome is not Outcome.TIMEOUT or o is own or o.series or o.took >= _FAIR)
    ]  # fmt: skip
    if worked and failed:
        where = endpoint_text(report, subject)
        how = _FAILED.get(failed[0].outcome) or f"failed ({failed[0].outcome})".replace("-", " ")
        return present(f"One attempt at {where} connected, another {how}.", worked[0], failed[0])
    if len(seen) < 2:
        return unknown("not-looked", *seen, says="Only one attempt was made.")
    return no_response(*seen) or absent(f"{len(seen)} attempts showed no mix of success and failure.", *seen)


@sign("another attempt at the same port connected")
def another_connected(report: Report, subject: Subject) -> Reading:
    """A repeated attempt or a trace connected to the requested port: something was listening on it then.

    Could also be: a program that started or ended between the attempts.
    """
    own = own_connection(report, subject)
    if own is None:
        return unknown("not-looked")
    traces = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    worked: list[Connect | Trace] = [o for o in other_attempts(report, subject, "repeat") if o.outcome is Outcome.OK]
    worked += [t for t in traces if any(h.outcome is Outcome.OK for h in t.hops)]
    where = endpoint_text(report, subject)
    if worked:
        return present(f"Another attempt at {where} connected.", *worked)
    return no_response(own) or absent(f"No other attempt at {where} connected.", own)


@sign("some attempts of a series failed and others succeeded")
def some_fail(report: Report, subject: Subject) -> Reading:
    """Of an ordered series, at least two attempts fail and at least two succeed: no single failure explains it.

    A series is wanted only after attempts that ended differently.
    """
    series = attempts(report, subject)
    if not series:
        mixed = outcomes_differ(report, subject).state == "present"
        return _wanted(report, subject) if mixed else unknown("not-looked")
    good = [o for o in series if o.outcome is Outcome.OK]
    bad = [o for o in series if o.outcome in _BEYOND]
    if len(good) >= 2 and len(bad) >= 2:
        return present(f"{len(bad)} of {len(series)} attempts failed: {_places(bad, series)}.", *series)
    if len(series) < _ENOUGH:
        return _wanted(report, subject, *series)
    if len(bad) >= 2:
        return no_response(*series) or absent(f"{len(bad)} of {len(series)} attempts failed.", *series)
    return absent(f"{len(good)} of {len(series)} attempts succeeded.", *series)


@sign("some attempts of a series needed more than one SYN")
def some_retransmitted(report: Report, subject: Subject) -> Reading:
    """Of an ordered series, at least two attempts needed another SYN and at least one did not.

    Could also be: a server or firewall that drops some first packets on purpose or under load.
    """
    series = attempts(report, subject)
    if not series:
        return _wanted(report, subject)
    again = [o for o in series if (o.syns or 1) > 1]
    at_once = [o for o in series if _first_try(o)]
    if len(again) >= 2 and at_once:
        fact = f"{len(again)} of {len(series)} attempts needed more than one SYN: {_places(again, series)}."
        return present(fact, *series)
    if len(series) < _ENOUGH:
        return _wanted(report, subject, *series)
    if at_once:
        return absent(f"{len(at_once)} of {len(series)} attempts connected with the first SYN.", *series)
    return no_response(*series) or absent(f"All {len(series)} attempts needed more than one SYN.", *series)


@sign("every attempt of a series needed more than one SYN")
def all_retransmitted(report: Report, subject: Subject) -> Reading:
    """Every attempt of the series needed another SYN: an empty neighbour cache or a lost packet cannot explain it."""
    series = attempts(report, subject)
    if not series:
        return _wanted(report, subject)
    at_once = [o for o in series if (o.syns or 1) == 1 and responded(o)]
    if at_once:
        fact = f"{len(at_once)} of {len(series)} attempts needed only one SYN."
        return absent(fact, *at_once)
    if len(series) < _ENOUGH:
        return _wanted(report, subject, *series)
    return present(f"All {len(series)} attempts needed more than one SYN.", *series)


@sign("attempts succeed up to a number, then fail")
def works_until_limit(report: Report, subject: Subject) -> Reading:
    """In order: the first attempts connected with one SYN, and from the first that did not, none did.

    Needs at least two at the beginning and three after them. Could also be: a server that stopped in the meantime.
    """
    series = attempts(report, subject)
    if not series:
        return unknown("not-looked", says="No series of attempts was made.")
    at_once = [_first_try(o) for o in series]
    first = at_once.index(False) if False in at_once else len(series)
    if first >= 2 and len(series) - first >= 3 and not any(at_once[first:]):
        bad = [o for o in series[first:] if o.outcome is not Outcome.OK]
        then = "failed" if len(bad) == len(series) - first else "needed another SYN or failed"
        rest = len(series) - first
        fact = f"The first {first} of {len(series)} attempts connected with the first SYN, the next {rest} {then}."
        return present(fact, *series)
    if len(series) < _ENOUGH:
        return unknown("not-looked", *series, says="Too few attempts were made to show an order.")
    fact = f"The series of {len(series)} attempts shows no number after which attempts fail."
    return no_response(*series) or absent(fact, *series)
