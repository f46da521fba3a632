"""Reads routes, neighbours, links and addresses from the Linux kernel by rtnetlink(7). Needs no privilege.

Layouts: linux/netlink.h, linux/rtnetlink.h, linux/neighbour.h, linux/if_addr.h, linux/if_link.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator

from ..model import Value
from .sockaddr import address_text, interface_name, pack, split_scope

assert sys.platform == "linux"

ROUTE, SOCK_DIAG = 0, 4  # netlink families
REQUEST, DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: the table changed while it was read
_MOST = 256  # datagrams of one response: 8 MiB, more than a usual table
_SECONDS = 1.0  # time limit: the kernel responds in microseconds

GET_LINK, GET_ADDRESS, GET_ROUTE, GET_NEIGHBOUR, GET_RULE = 18, 22, 26, 30, 34
_IP_PROTO, _DPORT = 27, 29  # RTA_IP_PROTO, RTA_DPORT
LOOKUP_TABLE, FIB_MATCH = 0x1000, 0x2000
_ROUTE_TYPES = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole",
                7: "unreachable", 8: "prohibit", 9: "throw"}  # fmt: skip
_TYPE_OF_ERRNO = {
    errno.EACCES: "prohibit", errno.EINVAL: "blackhole", errno.EHOSTUNREACH: "unreachable", errno.ENETUNREACH: "none",
}  # fmt: skip
_RULE_ACTIONS = {6: "blackhole", 7: "unreachable", 8: "prohibit"}  # linux/fib_rules.h
_OTHER_SELECTORS = {2, 3, 10, 12, 17, 20, 22, 23, 24}  # FRA_SRC, IIFNAME, FWMARK, TUN_ID, OIFNAME, UID_RANGE, …
_NEIGHBOUR_STATES = {0x01: "incomplete", 0x02: "reachable", 0x04: "stale", 0x08: "delay", 0x10: "probe",
                     0x20: "failed", 0x40: "noarp", 0x80: "permanent"}  # fmt: skip
UP, LOOPBACK = 0x1, 0x8
LINKED = 0x40 | 0x10000  # IFF_RUNNING follows IFF_LOWER_UP (the carrier) up to a second later
TENTATIVE, DAD_FAILED = 0x40, 0x08


class RouteFact(Value, frozen=True, kw_only=True):
    """One route as the kernel reports it, with its prefix such as 10.0.0.0/8."""

    type: str
    prefix: str
    table: int
    gateway: str | None = None
    interface: str | None = None
    source: str | None = None


class Refused(OSError):
    """The kernel understood the request and responded with this errno."""


class Incomplete(OSError):
    """The table changed while it was read, or it is too long."""


def query_kernel(family: int, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """Yield the payloads of the kernel's response to one request.

    Raises OSError: Refused with the errno in the response, Incomplete for an interrupted dump, else the socket's error.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as sock:
        sock.settimeout(_SECONDS)
        sock.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 1, 0) + body)
        for _ in range(_MOST):
            for message, message_flags, payload in messages(sock.recv(32768)):
                if message == _ERROR:
                    (number,) = struct.unpack_from("=i", payload)
                    if number:
                        raise Refused(-number, os.strerror(-number))
                    return
                if message_flags & _INTERRUPTED:
                    raise Incomplete(0, "the table changed while it was read")
                if message == _DONE:
                    return
                yield payload
            if flags & DUMP == 0:
                return
    raise Incomplete(0, "the table is too long")


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (type, flags, payload) of each message in one datagram; stop at an invalid length."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags = struct.unpack_from("=IHH", data, at)
        if length < 16 or at + length > len(data):
            return
        yield kind, flags, data[at + 16 : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """Return attribute type -> value of a sequence of rtattr, without the flags for nesting and byte order."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4 or at + length > len(data):
            return found
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Return one rtattr, padded to 4 bytes."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def look_up_route(
    address: str, source: str | None = None, flow: tuple[int, int] | None = None, *, match: bool = False
) -> RouteFact:
    """Return the kernel's routing decision for a packet to `address`; with `match`, the table entry behind it.

    `flow`: IP protocol and destination port, which policy rules may select by (Linux 4.18; earlier ones ignore it).

    Raises Refused with the errno that a connect would get: EACCES for prohibit, EINVAL for blackhole, EHOSTUNREACH for
    unreachable, ENETUNREACH without a route (fib_props in the kernel's fib_semantics.c; for rules, fib4_rule_action).
    Raises OSError when the request fails.
    """
    bare, index = split_scope(address)
    family, packed = pack(bare)
    body = attribute(1, packed)
    source_bits = 0
    if source:
        packed_source = pack(split_scope(source)[0])[1]
        source_bits = 8 * len(packed_source)
        body += attribute(2, packed_source)
    if index:
        body += attribute(4, struct.pack("=I", index))
    if flow:
        body += attribute(_IP_PROTO, bytes(flow[:1])) + attribute(_DPORT, struct.pack(">H", flow[1]))
    flags = LOOKUP_TABLE | (FIB_MATCH if match else 0)
    head = struct.pack("=BBBBBBBBI", family, 8 * len(packed), source_bits, 0, 0, 0, 0, 0, flags)
    for payload in query_kernel(ROUTE, GET_ROUTE, 0, head + body):
        return read_route(payload)
    raise Incomplete(0, "the kernel returned no route")


def read_route(payload: bytes) -> RouteFact:
    """Parse one rtmsg with its attributes."""
    family, bits, _, _, table, _, _, kind, _ = struct.unpack_from("=BBBBBBBBI", payload)
    found = attributes(payload[12:])
    index = found.get(4)
    hops = found.get(9)  # RTA_MULTIPATH: rtnexthop is length, flags, hops (8 bytes with the interface)
    if hops and index is None and len(hops) >= 8:
        length = struct.unpack_from("=H", hops)[0]
        index = hops[4:8]
        found = attributes(hops[8:length]) | found
    interface = interface_name(struct.unpack("=I", index)[0]) if index else None
    gateway = found.get(5) or found.get(18, b"")[2:]  # RTA_VIA carries the family first
    empty = bytes(16 if family == socket.AF_INET6 else 4)
    return RouteFact(
        type=_ROUTE_TYPES.get(kind, str(kind)),
        prefix=f"{address_text(found.get(1, empty))}/{bits}",
        table=struct.unpack("=I", found[15])[0] if 15 in found else table,
        gateway=address_text(gateway, interface) if gateway else None,
        interface=interface,
        source=address_text(found[7]) if 7 in found else None,
    )


def refusal(address: str, number: int, *, by_port: bool) -> tuple[str, str | None]:
    """Return (type of the route, prefix of its entry) for a lookup that failed with errno `number`.

    ENETUNREACH means no route, or a rule of type unreachable. `by_port`: the lookup succeeds without the port, so a
    rule for the port caused the error; its entry is not searched.
    """
    kind = _TYPE_OF_ERRNO.get(number, "unknown")
    if by_port:
        return "unreachable" if kind == "none" else kind, None
    try:
        if kind in ("prohibit", "blackhole", "unreachable"):
            return kind, refusing_entry(address, kind)
        if kind == "none" and (prefix := refusing_entry(address, "unreachable")):
            return "unreachable", prefix
    except OSError:
        return kind, None  # the type is known, its entry is not
    return kind, None


def refusing_entry(address: str, kind: str) -> str | None:
    """Return the longest prefix of a route or rule of that type that covers the address. Raises OSError.

    The kernel's error does not name the entry, so the tables are searched. Rules that select by more than the
    destination are ignored, because it is not known whether they apply.
    """
    bare, _ = split_scope(address)
    family, packed = pack(bare)
    number = next(n for n, name in _ROUTE_TYPES.items() if name == kind)
    covering: list[tuple[int, str]] = []
    for payload in query_kernel(ROUTE, GET_ROUTE, DUMP, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, number, 0)):
        bits, found = payload[1], attributes(payload[12:])
        if payload[7] == number and _covers(found.get(1, b""), bits, packed):
            covering.append((bits, read_route(payload).prefix))
    for payload in query_kernel(ROUTE, GET_RULE, DUMP, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)):
        bits, found = payload[1], attributes(payload[12:])
        selects = found.keys() & _OTHER_SELECTORS or payload[2] or payload[3]
        if _RULE_ACTIONS.get(payload[7]) == kind and not selects and _covers(found.get(1, b""), bits, packed):
            covering.append((bits, f"{address_text(found[1])}/{bits}" if 1 in found else "all"))
    return max(covering)[1] if covering else None


def _covers(prefix: bytes, bits: int, packed: bytes) -> bool:
    shift = 8 * len(packed) - bits
    return int.from_bytes(prefix or bytes(len(packed))) >> shift == int.from_bytes(packed) >> shift


def neighbours(address: str) -> list[tuple[int, str]]:
    """Return (interface index, state) of every neighbour entry of an address. Raises OSError."""
    bare, index = split_scope(address)
    family, packed = pack(bare)
    rows = []
    for payload in query_kernel(ROUTE, GET_NEIGHBOUR, DUMP, struct.pack("=BBHiHBB", family, 0, 0, 0, 0, 0, 0)):
        at, state = read_neighbour(payload, packed)
        if at and (not index or at == index):
            rows.append((at, state))
    return rows


def read_neighbour(payload: bytes, wanted: bytes) -> tuple[int, str]:
    """Return (interface index, state) of one ndmsg, (0, "") when it is about another address."""
    _, _, _, index, state, _, _ = struct.unpack_from("=BBHiHBB", payload)
    if attributes(payload[12:]).get(1) != wanted:
        return 0, ""
    return index, _NEIGHBOUR_STATES.get(state, "none" if state == 0 else str(state))


def links() -> list[tuple[int, str, int]]:
    """Return (index, name, flags) of every interface. Raises OSError."""
    rows = []
    # IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS: the statistics are most of the response
    body = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + attribute(29, struct.pack("=I", 8))
    for payload in query_kernel(ROUTE, GET_LINK, DUMP, body):
        _, _, _, index, flags, _ = struct.unpack_from("=BBHiII", payload)
        name = attributes(payload[16:]).get(3, b"").rstrip(b"\0").decode(errors="replace")
        rows.append((index, name, flags))
    return rows


def interface_addresses() -> list[tuple[int, str, int]]:
    """Return (interface index, address in prefix notation, flags) of every address. Raises OSError."""
    rows = []
    for payload in query_kernel(ROUTE, GET_ADDRESS, DUMP, struct.pack("=BBBBI", 0, 0, 0, 0, 0)):
        _, bits, flags, _, index = struct.unpack_from("=BBBBI", payload)
        found = attributes(payload[8:])
        local = found.get(2) or found.get(1)  # on a point-to-point link IFA_ADDRESS is the peer
        if local:
            more = struct.unpack("=I", found[8])[0] if 8 in found else flags
            rows.append((index, f"{address_text(local)}/{bits}", more))
    return rows
