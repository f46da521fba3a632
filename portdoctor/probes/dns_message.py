"""Builds DNS queries, and makes Lookups of responses. It opens no socket, and imports dnspython only when used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..model import Lookup, Outcome
from ..outcomes import of_rcode
from ..text import clean
from .dns_reader import AAAA, CNAME, A, DnsError, Name, Record, Response, address, lower, name_at, read
from .threads import in_thread

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name as DnsName

PAYLOAD = 1232  # bytes of a response: avoids IP fragmentation (DNS Flag Day 2020)
_MOST_ADDRESSES = 64
_MOST_ALIASES = 20
_MOST_EDE = 8
_TC = 0x02  # in the third byte of the header (RFC 1035, 4.1.1)
_QR, _OPCODE = 0x8000, 0x7800
_WITHOUT_QUESTION = (1, 2, 4, 5)  # FORMERR, SERVFAIL, NOTIMP, REFUSED


async def dnspython() -> None:
    """Import the modules that read responses (about 70 ms) in a thread, without blocking the event loop."""
    if "dns.message" in sys.modules:
        return

    def load() -> None:
        import dns.message  # noqa: F401

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


def parse_answer(wire: bytes, asked: Message, blank: Lookup) -> Lookup | None:
    """Return the response as a Lookup made from `blank`; None when it does not match the query.

    A message that cannot be parsed gives Outcome.MALFORMED, a truncated one Outcome.TRUNCATED.
    """
    import dns.flags
    import dns.rcode

    try:
        found = read(wire)
        if not _matches(found, asked):
            return None
        addresses, aliases, ttl = _followed(wire, found, asked)
    except DnsError as error:
        return replace(blank, outcome=Outcome.MALFORMED, os_says=f"the response cannot be parsed: {error}")
    rcode = dns.rcode.to_text(dns.rcode.Rcode.make(found.rcode))
    answered = bool(addresses) or (bool(found.answer) and blank.qtype not in ("A", "AAAA"))
    outcome = Outcome.TRUNCATED if is_truncated(wire) else of_rcode(rcode, answered)
    return replace(
        blank,
        outcome=outcome,
        os_says="",
        rcode=clean(rcode, limit=20),
        addresses=addresses,
        aliases=aliases,
        ttl=ttl,
        ede=tuple((code, clean(text, limit=200)) for code, text in found.reasons[:_MOST_EDE]),
        flags=tuple(dns.flags.to_text(found.flags).split()),
    )


def _matches(found: Response, asked: Message) -> bool:
    """Return whether the response is to this query (RFC 5452 section 9). Some errors come without the question."""
    if not found.flags & _QR or found.id != asked.id or found.flags & _OPCODE:
        return False
    if found.question is None:
        return found.rcode in _WITHOUT_QUESTION
    mine = asked.question[0]
    return found.question == (_labels(mine.name), mine.rdtype, mine.rdclass)


def _labels(name: DnsName) -> Name:
    return lower(name.labels[:-1])


def _followed(
    wire: bytes, found: Response, asked: Message
) -> tuple[tuple[str, ...], tuple[str, ...], int | None]:
    """Follow the CNAME chain from the question: return the addresses, the aliases in order, and the smallest TTL.

    A chain that loops ends with the name that it repeats.
    """
    import dns.name

    question = asked.question[0]
    name = _labels(question.name)
    records: dict[tuple[Name, int], list[Record]] = {}
    for record in found.answer:
        if record.rclass == question.rdclass:
            records.setdefault((record.owner, record.kind), []).append(record)
    seen = {name}
    ttls: list[int] = []
    aliases: list[str] = []
    while len(aliases) < _MOST_ALIASES:
        if own := records.get((name, question.rdtype)):
            wanted = own[:_MOST_ADDRESSES] if question.rdtype in (A, AAAA) else []
            texts = dict.fromkeys(address(wire, record) for record in wanted)
            return tuple(texts), tuple(aliases), min([*ttls, *(record.ttl for record in own)])
        alias = next(iter(records.get((name, CNAME), ())), None)
        if alias is None:
            break
        target, _ = name_at(wire, alias.start)
        name = lower(target)
        ttls.append(alias.ttl)
        text = dns.name.Name((*target, b"")).to_text(omit_final_dot=True)
        aliases.append(clean(text, limit=255))
        if name in seen:
            break
        seen.add(name)
    return (), tuple(aliases), min([*ttls, *found.negative_ttls], default=None)
