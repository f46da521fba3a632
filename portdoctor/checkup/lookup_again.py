"""Repeats lookups that failed, which shows whether the failure stays."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ..model import Lookup, Outcome, Report
from ..signs.resolver_states import FAILURES, address_lookups, configured, qtypes, system_lookup
from .session import Session

ROUNDS = 3  # a resolver with several servers behind it gets more than one chance to use another
_PAUSE = 0.2  # seconds between rounds
_LONGEST = 3.0  # seconds for one repeated lookup


async def repeat_lookup(c: Session, name: str) -> None:
    """Repeat the queries that a configured resolver answered with an error code, until one of them has an address.

    If the system's lookup failed and a resolver has an address, repeat that lookup too, and the query without EDNS, as
    the system's resolver library sends it.
    """
    from ..probes.lookup import resolve

    for _ in range(ROUNDS):
        again = [o for o in _last_of_each(c.report()) if o.outcome in FAILURES]
        if not again or any(o.role == "repeat" and o.addresses for o in c.of(Lookup)):
            break
        await asyncio.sleep(_PAUSE)
        await asyncio.gather(*(_query(c, name, o) for o in again))
    report = c.report()
    good = [o for o in _last_of_each(report) if o.addresses and o.qtype in qtypes(report)]
    system = system_lookup(report)
    if good and system and system.outcome not in (Outcome.OK, Outcome.TIMEOUT):
        await asyncio.gather(*(_query(c, name, o, edns=False) for o in good))
        until = c.clock() + min(_LONGEST, max(c.left() - 0.5, 0.1))
        c.add(replace(await resolve(name, c.options.family, c.clock, until), role="repeat"))


def _last_of_each(report: Report) -> list[Lookup]:
    """Return the last query of each type to each configured resolver."""
    last = {(o.resolver, o.qtype): o for o in address_lookups(report) if o.resolver and configured(report, o.resolver)}
    return list(last.values())


async def _query(c: Session, name: str, before: Lookup, *, edns: bool = True) -> None:
    from ..probes.lookup import query_resolver

    assert before.resolver is not None
    until = c.clock() + min(_LONGEST, max(c.left() - 0.5, 0.1))
    o = await query_resolver(name, before.qtype, before.resolver, c.clock, until, edns=edns, host=c.host)
    flags = o.flags if edns else (*o.flags, "no-EDNS")
    c.add(replace(o, role="repeat", flags=flags))
