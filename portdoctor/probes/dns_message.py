"""Builds DNS queries, and reads responses into Lookups. It opens no socket, and imports dnspython only when used."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..model import Lookup, Outcome
from ..outcomes import of_rcode
from ..text import clean
from .threads import in_thread

if TYPE_CHECKING:
    from dns.message import Message

PAYLOAD = 1232  # bytes of a response: avoids IP fragmentation (DNS Flag Day 2020)
_MOST_ADDRESSES = 64
_MOST_ALIASES = 20
_MOST_EDE = 8
_MOST_RECORDS = 500  # of one response; dnspython takes up to 3 ms for one with long names
_QUICK = 512  # bytes of a response that is parsed at once
_TC = 0x02  # in the third byte of the header (RFC 1035, 4.1.1)


async def dnspython() -> None:
    """Import the modules that read responses (about 70 ms) in a thread, without blocking the event loop."""
    if "dns.message" in sys.modules and "dns.rdtypes.IN.AAAA" in sys.modules:
        return

    def load() -> None:
        # dnspython imports the class of a record type when it first reads one.
        import dns.edns
        import dns.message
        import dns.rdtypes.ANY.CNAME
        import dns.rdtypes.ANY.SOA
        import dns.rdtypes.IN.A
        import dns.rdtypes.IN.AAAA  # noqa: F401

    await in_thread(load, "import dns")


def ascii_name(name: str) -> str:
    """Return the name in its ASCII form (IDNA), without a final dot. Raises UnicodeError for an invalid label."""
    return name.rstrip(".").encode("idna").decode("ascii") or "."


def query(name: str, qtype: str, *, edns: bool = True, checking_disabled: bool = False, qclass: str = "IN") -> Message:
    """Return a query for the absolute name. Raises UnicodeError or dns.exception.DNSException for an invalid name."""
    import dns.flags
    import dns.message
    import dns.name

    absolute = dns.name.from_text(ascii_name(name), dns.name.root)
    if edns:
        message = dns.message.make_query(absolute, qtype, qclass, use_edns=0, payload=PAYLOAD, want_dnssec=True)
    else:
        message = dns.message.make_query(absolute, qtype, qclass)
    if checking_disabled:
        message.flags |= dns.flags.CD
    return message


def id_of(wire: bytes) -> int | None:
    """Return the id of a message, None when it is shorter than a header."""
    return int.from_bytes(wire[:2], "big") if len(wire) >= 12 else None


def is_truncated(wire: bytes) -> bool:
    """Return whether the TC bit is set: the response did not fit, and must be requested over TCP."""
    return len(wire) >= 12 and bool(wire[2] & _TC)


async def read_answer(wire: bytes, asked: Message, blank: Lookup) -> Lookup | None:
    """Return `parse_answer`; a long response is parsed in a thread, because a hostile one may take a second."""
    if len(wire) <= _QUICK:
        return parse_answer(wire, asked, blank)
    return await in_thread(lambda: parse_answer(wire, asked, blank), "parse DNS")


def _records(wire: bytes) -> int:
    """Return the number of records that a response claims to have (RFC 1035, 4.1.1)."""
    return sum(int.from_bytes(wire[at : at + 2], "big") for at in (4, 6, 8, 10))


def parse_answer(wire: bytes, asked: Message, blank: Lookup) -> Lookup | None:
    """Return the response as a Lookup made from `blank`; None when it does not match the query.

    A message that cannot be parsed gives Outcome.MALFORMED, a truncated one Outcome.TRUNCATED.
    """
    import dns.exception
    import dns.flags
    import dns.message
    import dns.rcode

    if len(wire) >= 12 and _records(wire) > _MOST_RECORDS:
        words = f"the response has {_records(wire)} records; at most {_MOST_RECORDS} are read"
        return replace(blank, outcome=Outcome.MALFORMED, os_says=words)
    try:
        answer = dns.message.from_wire(wire, ignore_trailing=True, continue_on_error=is_truncated(wire))
        if not asked.is_response(answer):
            return None
        rcode = dns.rcode.to_text(answer.rcode())
    except (dns.exception.DNSException, ValueError) as error:
        words = clean(str(error) or type(error).__name__, limit=120)
        return replace(blank, outcome=Outcome.MALFORMED, os_says=f"the response cannot be parsed: {words}")
    addresses, aliases, ttl = _followed(answer, asked)
    answered = bool(addresses) or (bool(answer.answer) and blank.qtype not in ("A", "AAAA"))
    outcome = Outcome.TRUNCATED if is_truncated(wire) else of_rcode(rcode, answered)
    return replace(
        blank,
        outcome=outcome,
        os_says="",
        rcode=clean(rcode, limit=20),
        addresses=addresses,
        aliases=aliases,
        ttl=ttl,
        ede=_reasons(answer),
        flags=tuple(dns.flags.to_text(answer.flags).split()),
    )


def _followed(answer: Message, asked: Message) -> tuple[tuple[str, ...], tuple[str, ...], int | None]:
    """Follow the CNAME chain from the question: return the addresses, the aliases in order, and the smallest TTL.

    A chain that loops ends with the name that it repeats.
    """
    import dns.rdatatype
    import dns.rdtypes.ANY.CNAME

    question = asked.question[0]
    name = question.name
    seen = {name}
    ttls: list[int] = []
    aliases: list[str] = []
    while len(aliases) < _MOST_ALIASES:
        found = answer.get_rrset(answer.answer, name, question.rdclass, question.rdtype)
        if found is not None:
            addresses = question.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
            some = islice(found, _MOST_ADDRESSES) if addresses else ()
            texts = dict.fromkeys(clean(record.to_text(), limit=64) for record in some)
            return tuple(texts), tuple(aliases), min([*ttls, found.ttl])
        alias = answer.get_rrset(answer.answer, name, question.rdclass, dns.rdatatype.CNAME)
        target = alias[0] if alias else None
        if alias is None or not isinstance(target, dns.rdtypes.ANY.CNAME.CNAME):
            break
        name = target.target
        ttls.append(alias.ttl)
        aliases.append(clean(name.to_text(omit_final_dot=True), limit=255))
        if name in seen:
            break
        seen.add(name)
    negative = [s.ttl for s in answer.authority if s.rdtype == dns.rdatatype.SOA]
    return (), tuple(aliases), min([*ttls, *negative], default=None)


def _reasons(answer: Message) -> tuple[tuple[int, str], ...]:
    """Return the extended DNS errors (RFC 8914): info-code and extra text."""
    import dns.edns

    found = [o for o in answer.options if isinstance(o, dns.edns.EDEOption)]
    return tuple((int(o.code), clean(o.text or "", limit=200)) for o in found[:_MOST_EDE])
