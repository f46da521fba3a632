"""Small UDP services that respond to our probes as their protocols require."""

from __future__ import annotations

import struct


def answer_quic(message: bytes, options: dict[str, str]) -> bytes | None:
    """A Version Negotiation packet in response to an unknown version, of at least 1200 bytes (RFC 9000, section 6)."""
    if len(message) < 1200 or not message[0] & 0x80 or message[1:5] == b"\0\0\0\x01":
        return None
    theirs_end = 6 + message[5]
    theirs = message[6:theirs_end]
    ours = message[theirs_end + 1 : theirs_end + 1 + message[theirs_end]]
    return b"\xc0" + bytes(4) + bytes([len(ours)]) + ours + bytes([len(theirs)]) + theirs + b"\0\0\0\x01"


def answer_ntp(message: bytes, options: dict[str, str]) -> bytes | None:
    """An NTP response with the fixed time of 3,900,000,000 s in its era; `stratum=0` sends a kiss code."""
    if len(message) < 48 or message[0] & 7 != 3:
        return None
    stratum = int(options.get("stratum", 2))
    now = struct.pack(">II", 3_900_000_000, 0)
    reference = b"RATE" if stratum == 0 else b"\x7f\x7f\x01\x01"
    return bytes([0x24, stratum, 6, 0xEC]) + bytes(8) + reference + now + message[40:48] + now + now
