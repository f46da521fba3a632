"""Lists the spellings and encodings in which a name or an address may stand in an output. Pure.

Independent of the code that replaces them: it shares no pattern with it, so that an error there is found here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

_LEAST_ENCODED = 8  # characters: a shorter one also occurs in other texts
_LEAST_BASE64 = 5


def of_text(name: str) -> Iterator[str]:
    """Yield a host name, a user or the like in lower case: as a Unicode name and an A-label, reversed, with hyphens."""
    low = name.lower().strip(".")
    yield low
    labels = low.split(".")
    if len(labels) > 1:
        yield ".".join(reversed(labels))
        yield from (joint.join(labels) for joint in "-_")
    for codec in ("idna", "punycode"):
        try:
            yield low.encode("idna").decode() if codec == "idna" else low.encode().decode("idna")
        except UnicodeError:
            continue
    yield low.encode("ascii", "backslashreplace").decode()  # as in JSON
    yield low.encode("ascii", "xmlcharrefreplace").decode()


def of_ipv4(address: IPv4Address) -> Iterator[str]:
    """Yield the spellings of an IPv4 address; inet_aton(3) reads several."""
    octets = str(address).split(".")
    number = int(address)
    yield from (joint.join(octets) for joint in (".", "-", "_"))
    yield from (joint.join(reversed(octets)) for joint in (".", "-"))
    yield ".".join(o.zfill(3) for o in octets)
    yield "-".join(o.zfill(3) for o in octets)
    yield ".".join(f"0{int(o):o}" for o in octets)
    yield ".".join(f"0x{int(o):x}" for o in octets)
    yield ".".join(f"0x{int(o):02x}" for o in octets)
    yield f"{number:08x}"
    if number >= 2**24:  # the addresses below are no host's (RFC 1122), and these spellings of them are common numbers
        yield from (str(number), f"0{number:o}")
        yield f":{number >> 16:x}:{number & 0xFFFF:x}"  # in an IPv6 address: mapped, 6to4, translated
        yield f":{number >> 16:04x}:{number & 0xFFFF:04x}"


def of_ipv6(address: IPv6Address) -> Iterator[str]:
    """Yield the spellings of an IPv6 address (RFC 4291), its reverse name, its name in a UNC path."""
    groups = address.exploded.split(":")
    short = [group.lstrip("0") or "0" for group in groups]
    forms = {str(address), address.exploded, ":".join(short)}
    runs = [(a, b) for a in range(8) for b in range(a + 1, 9) if set(short[a:b]) == {"0"}]
    forms |= {f"{':'.join(g[:a])}::{':'.join(g[b:])}" for a, b in runs for g in (short, groups)}
    tail = str(IPv4Address(int(address) & 0xFFFFFFFF))
    forms |= {":".join((*short[:6], tail)), ":".join((*groups[:6], tail))}
    forms |= {f"{':'.join(short[:a])}::{':'.join((*short[b:6], tail))}" for a, b in runs if b <= 6}
    yield from forms
    yield from (form.replace(":", joint) for form in forms for joint in ("-", "_"))
    digits = "".join(groups)
    yield from (digits, ".".join(reversed(digits)), ".".join(digits))
    if int(address) >= 10**7:
        yield str(int(address))


def encodings(text: str) -> Iterator[str]:
    """Yield a text, as it is and in lower case, in the encodings that hide it."""
    for form in dict.fromkeys((text, text.lower())):
        yield from _encoded(form)
        yield from _base64(form)


def _encoded(text: str) -> Iterator[str]:
    """Yield a text percent-encoded and in hexadecimal digits, in lower case."""
    data = text.encode("utf-8", "surrogatepass")
    every = "".join(f"%{byte:02x}" for byte in data)
    for form in (every, quote(data, safe="").lower(), data.hex(), data.hex(" "), data.hex(":"), data.hex("-")):
        if len(form) >= _LEAST_ENCODED:
            yield form
    yield from (f"\\x{data.hex()}", "".join(f"\\x{byte:02x}" for byte in data))


def _base64(text: str) -> Iterator[str]:
    """Yield what base64 makes of a text at each of its three alignments, whatever stands around it."""
    data = text.encode("utf-8", "surrogatepass")
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        first = (0, 2, 3)[before]
        last = len(whole) - (1 if (len(data) + before) % 3 else 0)  # the last digit may depend on what follows
        inner = whole[first:last]
        if len(inner) >= _LEAST_BASE64:
            yield inner
            yield inner.translate(str.maketrans("+/", "-_"))
