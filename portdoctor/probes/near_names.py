"""Queries a resolver for names that differ little from one that does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..host import Host
from ..model import Lookup
from . import Clock
from .lookup import is_for_dns, query_resolver

MOST = 3
_ENDINGS = {"con": "com", "cmo": "com", "ocm": "com", "comm": "com", "vom": "com", "ogr": "org", "nte": "net"}
_OFTEN_DOUBLE = "lsetopfrmn"


def near_names(name: str) -> tuple[str, ...]:
    """Return at most `MOST` names: a corrected ending, a letter less or more, and the parent domain."""
    labels = name.rstrip(".").lower().split(".")
    found: list[str] = []
    if labels[-1] in _ENDINGS:
        found.append(".".join((*labels[:-1], _ENDINGS[labels[-1]])))
    one_less = (_changed(labels, at, _single(label)) for at, label in enumerate(labels[:-1]) if _single(label) != label)
    one_more = (_changed(labels, at, _double(label)) for at, label in enumerate(labels[:-1]) if _double(label) != label)
    letters = (*one_less, *one_more)
    parent = (".".join(labels[1:]),) if len(labels) > 2 else ()
    found += letters[: MOST - len(found) - len(parent)]
    return tuple(dict.fromkeys((*found, *parent)))[:MOST]


def _changed(labels: list[str], at: int, label: str) -> str:
    return ".".join((*labels[:at], label, *labels[at + 1 :]))


def _single(label: str) -> str:
    """Return the label with its first double letter made single; "www" as it is."""
    if label == "www":
        return label
    at = next((i for i in range(1, len(label)) if label[i] == label[i - 1] and label[i].isalpha()), None)
    return label if at is None else label[:at] + label[at + 1 :]


def _double(label: str) -> str:
    """Return the label with the first letter doubled that is often double and is single."""
    for i in range(1, len(label)):
        if label[i] in _OFTEN_DOUBLE and label[i] not in (label[i - 1], label[i + 1 : i + 2]):
            return label[:i] + label[i] + label[i:]
    return label


async def query_near_names(
    name: str, resolver: str, clock: Clock, deadline: float, host: Host | None
) -> AsyncIterator[Lookup]:
    """Send one query (A) for each of the near names, one after the other; yield the results."""
    for near in near_names(name):
        if is_for_dns(near) and clock() < deadline:
            yield await query_resolver(near, "A", resolver, clock, deadline, host=host)
