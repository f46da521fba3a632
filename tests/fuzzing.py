"""What the fuzzers share: how many inputs they run, reproducible chance, and hostile values.

``PORTDOCTOR_FUZZ=100000 pytest tests/test_fuzz_records.py`` runs 100,000 inputs instead of the few of continuous
integration, and ``PORTDOCTOR_FUZZ_SEED=2`` others. A failure names the seed of its input.
"""

from __future__ import annotations

import copy
import os
import random
import unicodedata
from collections.abc import Iterator
from typing import Any

MANY = int(os.environ.get("PORTDOCTOR_FUZZ", "0"))
SEED = int(os.environ.get("PORTDOCTOR_FUZZ_SEED", "1"))

TEXTS = (
    "", " ", "-oProxyCommand=id", "--", "+short", "@/etc/passwd", "=ls", "~root", "%1", "#1", "$(touch x)", "`touch x`",
    "';touch x;'", '";touch x;"', "\u2019;touch x;\u2019", "\u201a\u201b", "a\nb", "a\r\n# EOF", "a\x00b", "\x1b[31m",
    "\x1b]8;;http://x\x07y", "\x9b2J", "\u202eabc", "\u2028", "\ud800", "|", "a|b", "<b>x</b>", "http://evil.example/",
    "www.evil.example", "@all", "#123", "a@b.example", "![x](http://e)", "[x](http://e)", "`" * 5, "漢字" * 40,
    "e" + "\u0301" * 50, "x" * 80, "x" * 5000, "0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1", "::", "::1",
    "ff02::1", "::ffff:10.0.0.1", "fe80::1%eth0", "fe80::1%$(id)", "1.2.3", "01.2.3.4", "10.0.0.0/8", "10.0.0.0/99",
    "::/0", "*", ".", "..", "a..b", "A", "AAAA", "ANY; id", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-11-22T09:14:03+05:00", "2026-11-22", "o1", "b.o1", "o99999999", "o1;id", "ok",
    "timeout", "refused", "target", "tcp", "udp", "null", "NaN", "1e999",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 7, 64, 128, 255, 256, 443, 1000, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64,
    -(2**31), -(2**63), 10**40, 0.5, -0.5, 1e-300, 1e70, 1e300, -1e300, 1e6, 2e9, int("9" * 400),
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": 1}, [None], ["x"] * 300, {"x": "y"})


def inputs(usual: int) -> Iterator[tuple[int, random.Random]]:
    """Yield (number, chance) for each input: `usual` of them, or as many as PORTDOCTOR_FUZZ says."""
    for number in range(MANY or usual):
        yield number, random.Random(f"{SEED}/{number}")


def hostile(chance: random.Random) -> Any:
    """A hostile value for a field of any type."""
    return copy.deepcopy(chance.choice(chance.choice((TEXTS, NUMBERS, OTHERS))))


def broken(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a few of them changed, removed, repeated or added."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        place = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[place : place + chance.choice((1, 2, 10, 1000))]
            case 2:
                changed[place:place] = chance.choice(TEXTS).encode("utf-8", "surrogatepass")
            case 3:
                changed[place:place] = changed[place : place + chance.choice((1, 10, 200))]
            case 4:
                changed[place:place] = chance.choice((b"[", b"{", b'"', b"9")) * chance.choice((1, 20, 5000))
            case 5:
                del changed[place:]
    return bytes(changed)


def harmless(text: str) -> bool:
    """Whether the text has no control, no direction mark and nothing unseen; only line feeds break lines."""
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return (text.isascii() and text.replace("\n", "").isprintable()) or all(
        unicodedata.category(c) not in bad for c in text if c != "\n"
    )
