"""Reads a DNS response (RFC 1035 section 4) in time proportional to its length: only the records that a lookup needs.

dnspython decodes and compares every record: one message of 64 KiB with long names takes it 13 seconds.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

A, CNAME, SOA, AAAA, OPT = 1, 5, 6, 28, 41  # record types
_EDE = 15  # EDNS option, RFC 8914
_MOST_POINTERS = 16  # of one name
_MOST_NAME = 255  # bytes
_MOST_TTL = 0x7FFFFFFF  # RFC 2181 section 8: more counts as zero
Name = tuple[bytes, ...]


class DnsError(ValueError):
    """The bytes are not a DNS message."""


class Record(NamedTuple):
    """One record: its owner as labels in lower case, and where its data is."""

    owner: Name
    kind: int
    rclass: int
    ttl: int
    start: int
    end: int


class Response(NamedTuple):
    """What a lookup needs of a response. `question` is None without one; `answer` is in the order of the message."""

    id: int
    flags: int
    rcode: int
    question: tuple[Name, int, int] | None
    answer: tuple[Record, ...]
    negative_ttls: tuple[int, ...]
    reasons: tuple[tuple[int, bytes], ...]


def name_at(wire: bytes, at: int) -> tuple[Name, int]:
    """Return the labels of a name, and the place behind it. Pointers must point backwards. Raises DnsError."""
    labels: list[bytes] = []
    size = pointers = 0
    behind: int | None = None
    lowest = at
    while length := _byte(wire, at):
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | _byte(wire, at + 1)
            behind = at + 2 if behind is None else behind
            pointers += 1
            if target >= lowest or pointers > _MOST_POINTERS:
                raise DnsError("invalid compression pointer")
            at = lowest = target
            continue
        if length > 63:
            raise DnsError("invalid label")
        label = wire[at + 1 : at + 1 + length]
        size += length + 1
        if len(label) < length or size >= _MOST_NAME:
            raise DnsError("invalid name")
        labels.append(label)
        at += length + 1
    return tuple(labels), at + 1 if behind is None else behind


def lower(name: Name) -> Name:
    """Return the name as it is compared."""
    return tuple(label.lower() for label in name)


def address(wire: bytes, record: Record) -> str:
    """Return the address of an A or AAAA record. Raises DnsError."""
    family, size = (socket.AF_INET, 4) if record.kind == A else (socket.AF_INET6, 16)
    if record.end - record.start != size:
        raise DnsError("invalid address")
    return socket.inet_ntop(family, wire[record.start : record.end])


def read(wire: bytes) -> Response:
    """Return the parts of a response. One with the TC bit may be incomplete. Raises DnsError."""
    if len(wire) < 12:
        raise DnsError("shorter than a header")
    number, flags, questions, answers, authorities, additional = struct.unpack_from("!6H", wire)
    if questions > 1:
        raise DnsError("more than one question")
    at, question = 12, None
    if questions:
        name, at = name_at(wire, at)
        kind, rclass = _unpack("!HH", wire, at)
        question = lower(name), kind, rclass
        at += 4
    answer: list[Record] = []
    ttls: list[int] = []
    reasons: list[tuple[int, bytes]] = []
    rcode = flags & 0xF
    try:
        for place, record in enumerate(_records(wire, at, answers + authorities + additional)):
            if place < answers:
                answer.append(record)
            elif record.kind == SOA and place < answers + authorities:
                ttls.append(record.ttl)
            elif record.kind == OPT:
                rcode |= (_unpack("!I", wire, record.start - 6)[0] >> 24) << 4
                reasons += _reasons(wire[record.start : record.end])
    except DnsError:
        if not flags & 0x0200:
            raise
    return Response(number, flags, rcode, question, tuple(answer), tuple(ttls), tuple(reasons))


def _records(wire: bytes, at: int, count: int) -> Iterator[Record]:
    for _ in range(count):
        owner, at = name_at(wire, at)
        kind, rclass, ttl, size = _unpack("!HHIH", wire, at)
        start = at + 10
        at = start + size
        if at > len(wire):
            raise DnsError("the message is incomplete")
        yield Record(lower(owner), kind, rclass, ttl if ttl <= _MOST_TTL else 0, start, at)


def _reasons(options: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the extended errors among the EDNS options (RFC 6891 section 6.1.2): info-code and text."""
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack_from("!HH", options, at)
        data = options[at + 4 : at + 4 + size]
        at += 4 + size
        if code == _EDE and len(data) >= 2:
            yield int.from_bytes(data[:2], "big"), data[2:].rstrip(b"\0")


def _byte(wire: bytes, at: int) -> int:
    if at >= len(wire):
        raise DnsError("the message is incomplete")
    return wire[at]


def _unpack(form: str, wire: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, wire, at)
    except struct.error:
        raise DnsError("the message is incomplete") from None
