"""The sign about what known client programs do with the measured times. Pure; the subject is the target."""

from __future__ import annotations

from ..model import Connect, Lookup, Outcome, Report, Subject
from ..services.clients import FASTEST, Client, Measured, fare, known_clients
from .base import Reading, absent, no_response, present, sign, unknown

_MOST_NAMED = 2  # programs in one sentence


@sign("a known client program gives up before it connects")
def give_up_early(report: Report, subject: Subject) -> Reading:
    """At least one address connects, but a known client gives up on it too early and connects to no other.

    A client that tries only a dead address has another problem: see addresses.some-work. The best time of each address
    counts, so that one lost packet does not give the same result. Whether the user runs such a client is unknown.
    """
    seen = _measured(report)
    if not seen:
        return unknown("not-looked")
    attempts = [o for o in report.of(Connect) if o.role in ("target", "repeat") and o.mss_clamp is None]
    if not any(m.works for m in seen):
        return no_response(*attempts) or absent("No address connects.", *attempts)
    if all(m.works and m.took is not None and m.took < FASTEST for m in seen):
        return absent("Every address connects before any known client program gives up.", *attempts)
    if any(_measured_once(report, m) for m in seen):
        return unknown("not-looked", *attempts, says="A slow address was measured only once.")
    fares = [(client, fare(client, seen)) for client in known_clients()]
    early = [(client, ending.left) for client, ending in fares if not ending.works and ending.left is not None]
    if not early:
        return absent("No known client program gives up before it connects.", *attempts)
    fact = " ".join(_limit_text(client, left) for client, left in early[:_MOST_NAMED])
    return present(fact, *attempts)


def _measured(report: Report) -> list[Measured]:
    """Return each address in the resolver's order, with the best time of all attempts."""
    tried = list(dict.fromkeys(o.address for o in report.of(Connect) if o.role == "target"))
    resolved = [a for o in report.of(Lookup) if o.own for a in o.addresses]
    tried.sort(key=lambda a: resolved.index(a) if a in resolved else len(resolved))
    return [_best(report, address) for address in tried]


def _connections_to(report: Report, address: str) -> list[Connect]:
    return [
        o for o in report.of(Connect)
        if o.address == address and o.role in ("target", "repeat") and o.mss_clamp is None
    ]  # fmt: skip


def _measured_once(report: Report, m: Measured) -> bool:
    """Return whether the only connection to an address lost a packet: its time may not be typical."""
    seen = [o for o in _connections_to(report, m.address) if o.outcome is Outcome.OK]
    return len(seen) == 1 and (seen[0].syns or 1) > 1


def _best(report: Report, address: str) -> Measured:
    seen = _connections_to(report, address)
    good = [o.took for o in seen if o.outcome is Outcome.OK and not o.self_connected]
    if good:
        return Measured(address=address, works=True, took=min(good))
    silent = any(o.outcome is Outcome.TIMEOUT for o in seen)
    return Measured(address=address, works=False, took=None if silent else min((o.took for o in seen), default=0.0))


def _limit_text(client: Client, left: Measured) -> str:
    limit = client.each if client.each is not None else client.total or 0.0
    return f"{client.name} gives up on {left.address} after {limit:g} s; connecting takes {left.took or 0.0:.2f} s."
