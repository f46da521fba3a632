"""The sign about what known programs make of the times that were measured. Pure; the subject is the target."""

from __future__ import annotations

from ..clients import FASTEST, Client, Ending, Measured, fare, known
from ..model import Connect, Lookup, Outcome, Report, Subject
from .base import Reading, absent, present, sign, unknown

_MOST = 2  # programs that are named


@sign
def a_known_client_gives_up(report: Report, subject: Subject) -> Reading:
    """At least one address connects, and a known program would not get there: it leaves too early, or tries another.

    The best time of each address counts, so that one lost packet does not look like it. Nobody says that the user's
    own program is one of these.
    """
    seen = _measured(report)
    if not seen:
        return unknown("not-looked")
    attempts = [o for o in report.of(Connect) if o.role in ("target", "repeat") and o.mss_clamp is None]
    if not any(m.works for m in seen):
        return absent("No address connects.", *attempts)
    if all(m.works and m.took is not None and m.took < FASTEST for m in seen):
        return absent("Every address connects sooner than any known program gives up.", *attempts)
    fares = [(client, fare(client, seen)) for client in known()]
    lost = [(client, ending) for client, ending in fares if not ending.works]
    if not lost:
        return absent("Every known program gets there too.", *attempts)
    said = " ".join(_said(client, ending, seen) for client, ending in lost[:_MOST])
    return present(said, *attempts)


def _measured(report: Report) -> list[Measured]:
    """Each address in the order of the resolver, with the best time of all attempts there."""
    tried = list(dict.fromkeys(o.address for o in report.of(Connect) if o.role == "target"))
    resolved = [a for o in report.of(Lookup) if o.via == "system" for a in o.addresses]
    tried.sort(key=lambda a: resolved.index(a) if a in resolved else len(resolved))
    return [_best(report, address) for address in tried]


def _best(report: Report, address: str) -> Measured:
    seen = [
        o for o in report.of(Connect)
        if o.address == address and o.role in ("target", "repeat") and o.mss_clamp is None
    ]  # fmt: skip
    good = [o.took for o in seen if o.outcome is Outcome.OK and not o.self_connected]
    if good:
        return Measured(address=address, works=True, took=min(good))
    silent = any(o.outcome is Outcome.TIMEOUT for o in seen)
    return Measured(address=address, works=False, took=None if silent else min(o.took for o in seen))


def _said(client: Client, ending: Ending, seen: list[Measured]) -> str:
    if ending.left is not None and ending.left.took is not None:
        limit = client.each if client.each is not None else client.total or 0.0
        took = f"{ending.left.took:.2f} s"
        return f"{client.name}: leaves {ending.left.address} after {limit:g} s, and connecting takes {took}."
    if client.tries == "one":
        first = next(m for m in seen if not m.works)
        return f"{client.name}: tries one address only, and {first.address} fails."
    return f"{client.name}: does not get to an address that works."
