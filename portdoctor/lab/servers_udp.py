"""Small UDP services that respond to our probes as their protocols require."""

from __future__ import annotations

import struct


def answer_quic(asked: bytes, options: dict[str, str]) -> bytes | None:
    """A QUIC server: to a packet of an unknown version, of at least 1200 bytes, the versions it knows (RFC 9000, 6)."""
    if len(asked) < 1200 or not asked[0] & 0x80 or asked[1:5] == b"\0\0\0\x01":
        return None
    theirs_end = 6 + asked[5]
    theirs = asked[6:theirs_end]
    ours = asked[theirs_end + 1 : theirs_end + 1 + asked[theirs_end]]
    return b"\xc0" + bytes(4) + bytes([len(ours)]) + ours + bytes([len(theirs)]) + theirs + b"\0\0\0\x01"


def answer_ntp(asked: bytes, options: dict[str, str]) -> bytes | None:
    """A time server that stands still at the second 3,900,000,000 of its era; `stratum=0` sends a kiss code."""
    if len(asked) < 48 or asked[0] & 7 != 3:
        return None
    stratum = int(options.get("stratum", 2))
    now = struct.pack(">II", 3_900_000_000, 0)
    reference = b"RATE" if stratum == 0 else b"\x7f\x7f\x01\x01"
    return bytes([0x24, stratum, 6, 0xEC]) + bytes(8) + reference + now + asked[40:48] + now + now
