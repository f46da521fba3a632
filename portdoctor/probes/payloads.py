"""What we say to a UDP service so that it answers: harmless, without a password, and what its answer looks like.

No socket here. Sources are beside each payload; all of them are questions that any client may ask.
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
    """One question.

    `packets` are sent in turn, the first again after the last. `answers` gives the answer in a few words ("" when
    there is nothing to say), None for a datagram that does not belong to the question. `protocol` is in the words of
    `protocol_of`, "" when any datagram is an answer. `whole`: it must not be cut into IP fragments. `elsewhere`: the
    answer comes from another port of the host.
    """

    name: str
    packets: tuple[bytes, ...]
    answers: Answered
    protocol: str = ""
    whole: bool = False
    elsewhere: bool = False


def payload_for(service: str | None, port: int) -> Payload:
    """The question for a service by its name in the port registry; for others a datagram that says nothing."""
    make = _OF_SERVICE.get(service or "") or _OF_PORT.get(port)
    return make() if make else nothing()


def nothing() -> Payload:
    """Empty, then a line end: a closed port refuses it, and no program can mistake it for an order."""
    return Payload(_ANY_SERVICE, (b"", b"\n"), lambda data: "")


def dns() -> Payload:
    """The name servers of the root, then the server's own name (RFC 1035, 4.1; RFC 4892).

    Without the wish for recursion: a resolver whose own way out is broken is silent to it, and answers this.
    """
    return _dns("DNS query", (b"\0", 2, 1), (b"\x02id\x06server\0", 16, 3))


def multicast_dns() -> Payload:
    """Which services there are, as an ordinary DNS client asks one responder (RFC 6762, 6.7; RFC 6763, 9)."""
    return _dns("mDNS query", (b"\x09_services\x07_dns-sd\x04_udp\x05local\0", 12, 1))


def _dns(name: str, *questions: tuple[bytes, int, int]) -> Payload:
    """Questions as (name, type, class)."""
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
    """A client's request, mode 3; the answer repeats our random timestamp as its origin (RFC 5905, 7.3 and 8)."""
    nonce = os.urandom(8)
    packet = b"\x23" + bytes(39) + nonce

    def answers(data: bytes) -> str | None:
        if len(data) < 48 or data[0] & 7 != 4 or data[24:32] != nonce:
            return None
        return f"stratum {data[1]}" if data[1] else f"kiss code {clean(data[12:16].rstrip(bytes(1)), 20)}"

    return Payload("NTP request", (packet,), answers, "ntp")


def snmp() -> Payload:
    """Engine discovery of version 3: no user, no community, answered with a report (RFC 3414, section 4)."""
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
    """One BER element shorter than 128 bytes (ITU-T X.690, 8.1.3.4)."""
    return bytes((tag, len(body))) + body


def stun() -> Payload:
    """A binding request: "which address do you see?" (RFC 8489, sections 5 and 6)."""
    rest = b"\x21\x12\xa4\x42" + os.urandom(12)

    def answers(data: bytes) -> str | None:
        kinds = {b"\x01\x01": "binding response", b"\x01\x11": "binding error"}
        return kinds.get(data[:2]) if data[4:20] == rest else None

    return Payload("STUN binding", (b"\0\x01\0\0" + rest,), answers, "stun")


def quic() -> Payload:
    """A first packet of a version that is reserved for this: the answer lists the server's versions.

    RFC 9000: section 6 (version negotiation), 15 (0x?a?a?a?a), 14.1 (1200 bytes, never in fragments), 17.2.1.
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
    """A request for a file that is not there: the error comes from a port of its own (RFC 1350, sections 4 and 5)."""
    packet = b"\0\x01portdoctor-%b\0octet\0" % os.urandom(4).hex().encode()

    def answers(data: bytes) -> str | None:
        if data[:2] == b"\0\x05" and len(data) >= 4:
            return clean(data[4:].rstrip(b"\0"), 80)
        return "data" if data[:2] == b"\0\x03" else None

    return Payload("TFTP read request", (packet,), answers, "tftp", elsewhere=True)


def sip() -> Payload:
    """OPTIONS: what can you do? Answered with a status, no call is made (RFC 3261, section 11)."""
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
    """The command `version` in the frame of UDP (memcached's protocol.txt, "UDP protocol")."""
    ident = os.urandom(2)

    def answers(data: bytes) -> str | None:
        said = data[8:]
        return clean(said, 80) if data[:2] == ident and said.startswith((b"VERSION ", b"ERROR", b"SERVER_")) else None

    return Payload("memcached version", (ident + b"\0\0\0\x01\0\0version\r\n",), answers, "memcache")


def rpc(program: int, version: int) -> Payload:
    """Procedure 0 of a program, which does nothing but answer (RFC 5531, section 12.1)."""
    ident = os.urandom(4)
    packet = ident + struct.pack(">IIIII", 0, 2, program, version, 0) + bytes(16)

    def answers(data: bytes) -> str | None:
        return "reply" if data[:4] == ident and data[4:8] == b"\0\0\0\x01" else None

    return Payload("RPC null call", (packet,), answers, "rpc")


def ssdp() -> Payload:
    """A search that is sent to one device only (UPnP Device Architecture 1.1, section 1.3.2)."""
    text = 'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nST: upnp:rootdevice\r\n\r\n'

    def answers(data: bytes) -> str | None:
        return clean(data.partition(b"\r\n")[0], 80) if data.startswith(b"HTTP/1.") else None

    return Payload("SSDP search", (text.encode(),), answers, "ssdp")


def sql_browser() -> Payload:
    """Which instances are there? One byte, as every client sends it (MS-SQLR, 2.2.1)."""
    return Payload("SQL Server Browser query", (b"\x02",), lambda data: "" if data[:1] == b"\x05" else None, "ssrp")


def echo() -> Payload:
    """A word that should come back (RFC 862)."""
    word = b"portdoctor %b\n" % os.urandom(4).hex().encode()
    return Payload("echo", (word,), lambda data: "the same word" if data == word else None, "echo")


def coap() -> Payload:
    """An empty message that asks for a confirmation, which is a reset: a CoAP ping (RFC 7252, section 4.3)."""
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
