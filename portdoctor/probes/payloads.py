"""Harmless requests to UDP services, without a password, and how to recognise their responses. Opens no socket.

The source of each is in its docstring; any client may send them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import NamedTuple

from ..text import clean

Answered = Callable[[bytes], str | None]
_ANY_SERVICE = "empty datagram"


class Payload(NamedTuple):
    """One request.

    `packets` are sent in turn, the first again after the last. `answers` returns a short description of the response
    ("" when there is nothing to add), None for a datagram that does not match the request. `protocol` is a name as of
    `protocol_of`, "" when any datagram is a response. `whole`: the request must not be fragmented. `elsewhere`: the
    response comes from another port of the host.
    """

    name: str
    packets: tuple[bytes, ...]
    answers: Answered
    protocol: str = ""
    whole: bool = False
    elsewhere: bool = False


def payload_for(service: str | None, port: int) -> Payload:
    """Return the request for a service by its name in the port registry, or by the port; else an empty datagram."""
    make = _OF_SERVICE.get(service or "") or _OF_PORT.get(port)
    return make() if make else nothing()


def nothing() -> Payload:
    """An empty datagram, then a line feed: a closed port rejects them, and no program takes them for a command."""
    return Payload(_ANY_SERVICE, (b"", b"\n"), lambda data: "")


def dns() -> Payload:
    """Query for the root name servers, then for the server's id (RFC 1035 section 4.1, RFC 4892).

    Recursion is not desired: a resolver whose upstream is unreachable responds to this, but not to a recursive query.
    """
    return _dns("DNS query", (b"\0", 2, 1), (b"\x02id\x06server\0", 16, 3))


def multicast_dns() -> Payload:
    """Query of one responder for its services, as a unicast DNS client (RFC 6762 section 6.7, RFC 6763 section 9)."""
    return _dns("mDNS query", (b"\x09_services\x07_dns-sd\x04_udp\x05local\0", 12, 1))


def _dns(name: str, *questions: tuple[bytes, int, int]) -> Payload:
    """Return the payload of DNS questions, each as (name, type, class)."""
    ident = os.urandom(2)
    head = ident + b"\0\0\0\x01\0\0\0\0\0\0"
    packets = tuple(head + owner + struct.pack(">HH", kind, of) for owner, kind, of in questions)

    def answers(data: bytes) -> str | None:
        if len(data) < 12 or data[:2] != ident or not data[2] & 0x80:
            return None
        code = data[3] & 15
        return _RCODES.get(code, f"rcode {code}")

    return Payload(name, packets, answers, "dns")


_RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}  # RFC 6895


def ntp() -> Payload:
    """Client request, mode 3; the response repeats its random timestamp as the origin (RFC 5905 sections 7.3 and 8)."""
    nonce = os.urandom(8)
    packet = b"\x23" + bytes(39) + nonce

    def answers(data: bytes) -> str | None:
        if len(data) < 48 or data[0] & 7 != 4 or data[24:32] != nonce:
            return None
        return f"stratum {data[1]}" if data[1] else f"kiss code {clean(data[12:16].rstrip(bytes(1)), 20)}"

    return Payload("NTP request", (packet,), answers, "ntp")


def snmp() -> Payload:
    """Engine discovery of version 3, without user or community; the response is a report (RFC 3414 section 4)."""
    ident = struct.pack(">I", int.from_bytes(os.urandom(4), "big") & 0x7FFFFFFF | 0x40000000)
    number, empty, zero = _ber(2, ident), _ber(4, b""), _ber(2, b"\0")
    header = _ber(0x30, number + _ber(2, b"\x05\xdc") + _ber(4, b"\x04") + _ber(2, b"\x03"))
    user = _ber(4, _ber(0x30, empty + zero + zero + empty + empty + empty))
    get = _ber(0xA0, number + zero + zero + _ber(0x30, b""))
    packet = _ber(0x30, _ber(2, b"\x03") + header + user + _ber(0x30, empty + empty + get))

    def answers(data: bytes) -> str | None:
        ours = data[:1] == b"\x30" and ident in data[:40]
        return "version 3 report" if ours and get not in data else None

    return Payload("SNMP discovery", (packet,), answers, "snmp")


def _ber(tag: int, body: bytes) -> bytes:
    """Return one BER element shorter than 128 bytes (ITU-T X.690, 8.1.3.4)."""
    return bytes((tag, len(body))) + body


def stun() -> Payload:
    """Binding request, which asks for the sender's address as the server sees it (RFC 8489 sections 5 and 6)."""
    rest = b"\x21\x12\xa4\x42" + os.urandom(12)

    def answers(data: bytes) -> str | None:
        kinds = {b"\x01\x01": "binding response", b"\x01\x11": "binding error"}
        return kinds.get(data[:2]) if data[4:20] == rest else None

    return Payload("STUN binding", (b"\0\x01\0\0" + rest,), answers, "stun")


def quic() -> Payload:
    """Initial packet with a reserved version; the response lists the versions that the server supports.

    RFC 9000 sections 6 (version negotiation), 15 (0x?a?a?a?a), 14.1 (1200 bytes, not fragmented), 17.2.1.
    """
    theirs, ours = os.urandom(8), os.urandom(8)
    head = b"\xc0" + b"\x1a\x2a\x3a\x4a" + b"\x08" + theirs + b"\x08" + ours
    packet = head + bytes(1200 - len(head))

    def answers(data: bytes) -> str | None:
        if len(data) < 7 or not data[0] & 0x80 or data[1:5] != bytes(4) or data[6:14] != ours:
            return None
        listed = data[15 + data[14] :] if len(data) > 14 else b""
        known = [_VERSIONS[listed[at : at + 4]] for at in range(0, len(listed), 4) if listed[at : at + 4] in _VERSIONS]
        return " and ".join(known) or "version negotiation"

    return Payload("QUIC version negotiation", (packet,), answers, "quic", whole=True)


_VERSIONS = {b"\0\0\0\x01": "version 1", b"\x6b\x33\x43\xcf": "version 2"}  # RFC 9000, RFC 9369


def tftp() -> Payload:
    """Read request for a random file name; the error comes from another port (RFC 1350 sections 4 and 5)."""
    packet = b"\0\x01portdoctor-%b\0octet\0" % os.urandom(4).hex().encode()

    def answers(data: bytes) -> str | None:
        if data[:2] == b"\0\x05" and len(data) >= 4:
            return clean(data[4:].rstrip(b"\0"), 80)
        return "data" if data[:2] == b"\0\x03" else None

    return Payload("TFTP read request", (packet,), answers, "tftp", elsewhere=True)


def sip() -> Payload:
    """OPTIONS request, which makes no call; the response is a status line (RFC 3261 section 11)."""
    token = os.urandom(8).hex()
    lines = (
        "OPTIONS sip:portdoctor.invalid SIP/2.0", f"Via: SIP/2.0/UDP portdoctor.invalid;branch=z9hG4bK{token};rport",
        "Max-Forwards: 1", f"From: <sip:probe@portdoctor.invalid>;tag={token}", "To: <sip:probe@portdoctor.invalid>",
        f"Call-ID: {token}", "CSeq: 1 OPTIONS", "Content-Length: 0", "", "",
    )  # fmt: skip

    def answers(data: bytes) -> str | None:
        return clean(data.partition(b"\r\n")[0], 80) if data.startswith(b"SIP/2.0 ") else None

    return Payload("SIP OPTIONS", ("\r\n".join(lines).encode(),), answers, "sip")


def memcache() -> Payload:
    """Command `version` with the UDP frame header (memcached's protocol.txt, "UDP protocol")."""
    ident = os.urandom(2)

    def answers(data: bytes) -> str | None:
        text = data[8:]
        return clean(text, 80) if data[:2] == ident and text.startswith((b"VERSION ", b"ERROR", b"SERVER_")) else None

    return Payload("memcached version", (ident + b"\0\0\0\x01\0\0version\r\n",), answers, "memcache")


def rpc(program: int, version: int) -> Payload:
    """Call of the null procedure of a program, which only sends a reply (RFC 5531 section 12.1)."""
    ident = os.urandom(4)
    packet = ident + struct.pack(">IIIII", 0, 2, program, version, 0) + bytes(16)

    def answers(data: bytes) -> str | None:
        return "reply" if data[:4] == ident and data[4:8] == b"\0\0\0\x01" else None

    return Payload("RPC null call", (packet,), answers, "rpc")


def ssdp() -> Payload:
    """Unicast search for one device (UPnP Device Architecture 1.1, section 1.3.2)."""
    text = 'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nST: upnp:rootdevice\r\n\r\n'

    def answers(data: bytes) -> str | None:
        return clean(data.partition(b"\r\n")[0], 80) if data.startswith(b"HTTP/1.") else None

    return Payload("SSDP search", (text.encode(),), answers, "ssdp")


def sql_browser() -> Payload:
    """Query for the instances of a host, one byte as all clients send it (MS-SQLR section 2.2.1)."""
    return Payload("SQL Server Browser query", (b"\x02",), lambda data: "" if data[:1] == b"\x05" else None, "ssrp")


def echo() -> Payload:
    """A random line, which should come back unchanged (RFC 862)."""
    line = b"portdoctor %b\n" % os.urandom(4).hex().encode()
    return Payload("echo", (line,), lambda data: "the same line" if data == line else None, "echo")


def coap() -> Payload:
    """CoAP ping: an empty confirmable message, to which the response is a reset (RFC 7252 section 4.3)."""
    ident = os.urandom(2)
    return Payload("CoAP ping", (b"\x40\0" + ident,), lambda d: "" if d == b"\x70\0" + ident else None, "coap")


_OF_SERVICE: dict[str, Callable[[], Payload]] = {
    "domain": dns, "llmnr": dns, "mdns": multicast_dns, "ntp": ntp, "snmp": snmp, "stun": stun, "quic": quic,
    "tftp": tftp, "sip": sip, "memcache": memcache, "ssdp": ssdp, "ms-sql-m": sql_browser, "echo": echo,
    "sunrpc": lambda: rpc(100000, 2), "nfs": lambda: rpc(100003, 3),
}  # fmt: skip
_OF_PORT: dict[int, Callable[[], Payload]] = {
    853: quic,  # DNS over QUIC, RFC 9250
    5683: coap, 19302: stun, 8443: quic,
}  # fmt: skip
