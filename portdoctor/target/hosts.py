"""What a person types as a host, read as a name or an address. Law: looks nothing up.

Sources: RFC 1123 section 2.1 and RFC 1035 section 2.3.4 (names), RFC 4291 and RFC 4007 (IPv6, zones),
RFC 5890 to 5893 (international names), inet_aton(3) for the old forms of IPv4 that are refused here.
"""

from __future__ import annotations

from ..text import clean, is_ipv4
from . import UsageError

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_ZONE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:@+")
JOINERS = "\u200c\u200d\u00b7\u30fb"
_EMOJI = ("So", "Sk")  # pictures and their skin tones
_DOTS = str.maketrans("。．｡", "...")  # RFC 3490 section 3.1: what counts as a dot


def excerpt(text: str) -> str:
    """What was typed, fit to stand in a sentence."""
    return clean(text, 64)


def host_of(text: str, *, listening: bool = False) -> str:
    """The host as it is looked up or connected to. Raises `UsageError`.

    `listening`: a link-local address without zone passes, because bind itself explains what it lacks.
    """
    if text.startswith("["):
        return _bracketed(text[1:-1], listening)
    if "%" in text:
        raise UsageError("A host holds no % sign: write it as it is, and an IPv6 zone as [fe80::1%eth0]:22.")
    name = text.lower() if text.isascii() else _normal(text)
    _check_ipv4(name)
    if is_ipv4(name):
        return name
    return _name(name)


def _bracketed(inside: str, listening: bool) -> str:
    address, mark, zone = inside.partition("%")
    if zone.startswith("25") and len(zone) > 2:
        zone = zone[2:]  # RFC 6874 writes the % of a zone as %25 in a URL
    plain = _ipv6(address)
    if plain is None:
        hint = f"write {address}:443 without brackets" if is_ipv4(address) else "write it as [2001:db8::1]:443"
        raise UsageError(f"{excerpt(inside)!r} is no IPv6 address: {hint}.")
    if mark and (not zone or not _ZONE.issuperset(zone)):
        raise UsageError(f"After % comes the name of an interface: write [{plain}%eth0]:443.")
    if plain.startswith("fe80:") and not zone and not listening:
        raise UsageError(f"A link-local address needs its interface: write [{plain}%eth0]:443.")
    return f"{plain}%{zone}" if zone else plain


def _ipv6(text: str) -> str | None:
    """The address in the form of RFC 5952, None if it is none."""
    if ":" not in text or not text.isascii() or len(text) > 45:
        return None
    from ipaddress import AddressValueError, IPv6Address

    try:
        address = IPv6Address(text)
    except AddressValueError:
        return None
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped is not None else address.compressed


def _check_ipv4(name: str) -> None:
    """Refuse the forms that programs read in different ways: all parts are numbers, yet not four up to 255."""
    parts = name.removesuffix(".").split(".")
    if not all(_is_numeric(part) for part in parts) or is_ipv4(name):
        return
    if len(parts) == 1:
        raise UsageError(f"{excerpt(name)} is a number and no host: write an address such as 10.0.0.5:22.")
    if len(parts) != 4:
        raise UsageError(f"An IPv4 address has four numbers, not {len(parts)}: write it like 10.0.0.5:22.")
    if any(part.startswith("0x") for part in parts):
        raise UsageError("An IPv4 address is written in decimal numbers, such as 10.0.0.5:22.")
    octal = next((part for part in parts if len(part) > 1 and part.startswith("0")), None)
    if octal is not None:
        plain = ".".join(part.lstrip("0")[:3] or "0" for part in parts)
        raise UsageError(f"Some programs read {excerpt(octal)} as octal: write {plain}:443 without leading zeros.")
    high = next((part for part in parts if len(part) > 3 or int(part) > 255), "")
    if high:
        raise UsageError(f"{excerpt(high)} in {excerpt(name)} is above 255: write an IPv4 address such as 10.0.0.5:22.")
    raise UsageError(f"An IPv4 address has no final dot: write {'.'.join(parts)}:443.")


def _is_numeric(part: str) -> bool:
    if part.startswith("0x"):
        return all(c in "0123456789abcdef" for c in part[2:])
    return part.isascii() and part.isdigit()


def _name(name: str) -> str:
    """A host name: labels of 1 to 63 characters, 253 in all; underscores pass, because container names have them."""
    bare = name.removesuffix(".")
    for char in bare:
        if char != "." and char.isascii() and char not in _NAME:
            raise UsageError(f"A host name holds no {excerpt(char)!r}: write only the name, such as example.com:443.")
    labels = [_a_label(label) for label in bare.split(".")]
    host = ".".join(labels)
    if not all(labels):
        raise UsageError("The host name has an empty part between its dots: write it like www.example.com:443.")
    if host.startswith("-"):
        raise UsageError("A host name cannot begin with a hyphen: write it like example.com:443.")
    long = next((label for label in labels if len(label) > (63 if label.isascii() else 0)), None)
    if long is not None:
        raise UsageError("A part of a host name has at most 63 characters, as ASCII: write a shorter name.")
    if len(host) > 253:
        raise UsageError(f"A host name has at most 253 characters, not {len(host)}: write a shorter name.")
    return host + name[len(bare) :]


def _normal(text: str) -> str:
    """A name with letters beyond ASCII in the form in which names are compared (as UTS 46, non-transitional)."""
    import unicodedata

    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_DOTS)).lower()).translate(_DOTS)


def _a_label(label: str) -> str:
    """One label as it stands in the DNS. The codec "idna" of Python would make "strasse" of "straße" (RFC 3490)."""
    if label.isascii():
        return label
    if len(label) > 59:
        return label  # with "xn--" and its digits it is longer than 63, and encoding takes long
    import unicodedata

    for char in label:
        # Letters, marks, digits and the joiners of RFC 5892; emoji, because registries sold names of them.
        kind = unicodedata.category(char)
        if not char.isascii() and kind[0] not in "LMN" and kind not in _EMOJI and char not in JOINERS:
            raise UsageError(f"A host name holds no {excerpt(char)!r} (U+{ord(char):04X}): write it as its owner does.")
    if unicodedata.category(label[0])[0] == "M":
        raise UsageError("A part of a host name cannot begin with an accent: write it as its owner does.")
    return "xn--" + label.encode("punycode").decode("ascii")
