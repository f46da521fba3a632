"""Predicts how known programs connect to a name with given addresses. Pure, except that it reads its table."""

from __future__ import annotations

import functools
import os
from typing import Literal

import msgspec

from ..model import Value
from ..outcomes import family_of

FASTEST = 0.2  # seconds: no program in the table abandons an address that responds sooner
_HERE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "clients.toml")


class Client(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connection policy of one program; data/clients.toml explains the fields. Times are in seconds."""

    name: str
    order: Literal["resolved", "alternate", "ipv4-first"]
    tries: Literal["one", "serial", "race"]
    source: str
    advice: str = ""
    each: float | None = None
    total: float | None = None
    delay: float = 0.0


class Measured(Value, frozen=True, kw_only=True):
    """The result of an attempt at one address: whether it connected, and its seconds, None without a response."""

    address: str
    works: bool
    took: float | None


class ClientResult(Value, frozen=True, kw_only=True):
    """Whether a program would connect, after how many seconds (`at`), and which working address it gave up (`left`)."""

    works: bool
    at: float | None
    left: Measured | None = None


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    client: tuple[Client, ...]


@functools.cache
def known_clients() -> tuple[Client, ...]:
    """Return the programs of data/clients.toml."""
    with open(_HERE, "rb") as file:
        return msgspec.toml.decode(file.read(), type=_Table).client


def fare(client: Client, measured: list[Measured]) -> ClientResult:
    """Predict the result for a program. `measured` is in getaddrinfo's order, and not empty."""
    order = _ordered(client, measured)
    if client.tries == "race":
        result = _race(client, order)
    else:
        result = _serial(client, order[:1] if client.tries == "one" else order)
    if client.total is not None and result.works and (result.at is None or result.at > client.total):
        slow = next((m for m in order if m.works), None)
        return ClientResult(works=False, at=client.total, left=slow)
    return result


def _ordered(client: Client, measured: list[Measured]) -> list[Measured]:
    if client.order == "resolved":
        return measured
    if client.order == "ipv4-first":
        return sorted(measured, key=lambda m: family_of(m.address))
    first = family_of(measured[0].address)
    ours = [m for m in measured if family_of(m.address) == first]
    rest = [m for m in measured if family_of(m.address) != first]
    turns: list[Measured] = []
    for place in range(max(len(ours), len(rest))):
        turns += ours[place : place + 1] + rest[place : place + 1]
    return turns


def _serial(client: Client, order: list[Measured]) -> ClientResult:
    """Try one address after the other; an unanswered attempt without a limit takes as long as the system's timeout."""
    now: float = 0.0
    left: Measured | None = None
    for place, m in enumerate(order):
        limit = client.each if place < len(order) - 1 else None
        if limit is not None and (m.took is None or m.took > limit):
            left = left or (m if m.works else None)
            now += limit
        elif m.took is None:
            last = place == len(order) - 1
            return ClientResult(works=not last, at=None, left=left if last else None)
        elif m.works:
            return ClientResult(works=True, at=now + m.took)
        else:
            now += m.took
    return ClientResult(works=False, at=now, left=left)


def _race(client: Client, order: list[Measured]) -> ClientResult:
    ends = [place * client.delay + m.took for place, m in enumerate(order) if m.works and m.took is not None]
    return ClientResult(works=bool(ends), at=min(ends, default=None))
