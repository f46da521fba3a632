"""Parses a typed host as a name or an address. Law: no lookups.

Sources: RFC 1123 section 2.1 and RFC 1035 section 2.3.4 (names), RFC 4291 and RFC 4007 (IPv6, zones),
RFC 5890 to 5893 (internationalized names), inet_aton(3) for the legacy forms of IPv4, which are rejected.
"""

from __future__ import annotations

from ..text import clean, is_ipv4
from . import UsageError

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_ZONE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:@+")
_LONGEST_ZONE = 64  # characters; Linux has interface names of 15, Windows has numbers
JOINERS = "\u200c\u200d\u00b7\u30fb"
_EMOJI = ("So", "Sk")  # emoji and their skin tones
_DOTS = str.maketrans("。．｡", "...")  # RFC 3490 section 3.1: what counts as a dot


def excerpt(text: str) -> str:
    """Return typed text cleaned and shortened for a message."""
    return clean(text, 64)


def host_of(text: str, *, listening: bool = False) -> str:
    """Return the host as it is looked up or connected to. Raises `UsageError`.

    `listening`: accept a link-local address without a zone, because bind reports what is missing.
    """
    if text.startswith("["):
        return _bracketed(text[1:-1], listening)
    if "%" in text:
        raise UsageError("invalid % in a host: write the host unescaped, and an IPv6 zone as [fe80::1%eth0]:22")
    name = text.lower() if text.isascii() else _normal(text)
    _check_ipv4(name)
    if is_ipv4(name):
        return name
    return _name(name)


def literal(text: str, option: str) -> str | None:
    """Return the IP address; None if it was not given."""
    import ipaddress

    if not text:
        return None
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise UsageError(f"invalid value {text!r} for {option}: write an IP address, such as 192.0.2.7") from None
    return text


def name_of(text: str, option: str) -> str | None:
    """Return a host name in the form used by TLS. Raises UsageError if it is invalid."""
    try:
        return host_of(text).rstrip(".") if text else None
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def _bracketed(inside: str, listening: bool) -> str:
    address, mark, zone = inside.partition("%")
    if zone.startswith("25") and len(zone) > 2:
        zone = zone[2:]  # RFC 6874 writes the % of a zone as %25 in a URL
    plain = _ipv6(address)
    if plain is None:
        hint = f"write {address}:443 without brackets" if is_ipv4(address) else "write one such as [2001:db8::1]:443"
        raise UsageError(f"invalid IPv6 address {excerpt(inside)!r}: {hint}")
    if mark and (not 0 < len(zone) <= _LONGEST_ZONE or not _ZONE.issuperset(zone)):
        raise UsageError(f"invalid zone after %: write the name of an interface, such as [{plain}%eth0]:443")
    if plain.startswith("fe80:") and not zone and not listening:
        raise UsageError(f"missing interface for a link-local address: write [{plain}%eth0]:443")
    return f"{plain}%{zone}" if zone else plain


def _ipv6(text: str) -> str | None:
    """Return the address in the form of RFC 5952, None if it is not one."""
    if ":" not in text or not text.isascii() or len(text) > 45:
        return None
    from ipaddress import AddressValueError, IPv6Address

    try:
        address = IPv6Address(text)
    except AddressValueError:
        return None
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped is not None else address.compressed


def _check_ipv4(name: str) -> None:
    """Reject forms that programs parse differently: all parts are numbers, but not four of 0 to 255."""
    parts = name.removesuffix(".").split(".")
    if not all(_is_numeric(part) for part in parts) or is_ipv4(name):
        return
    if len(parts) == 1:
        raise UsageError(f"invalid host {excerpt(name)}: write an address such as 10.0.0.5:22")
    if len(parts) != 4:
        raise UsageError(f"invalid IPv4 address: it has {len(parts)} numbers, not four: write it as 10.0.0.5:22")
    if any(part.startswith("0x") for part in parts):
        raise UsageError("invalid IPv4 address: write decimal numbers, such as 10.0.0.5:22")
    octal = next((part for part in parts if len(part) > 1 and part.startswith("0")), None)
    if octal is not None:
        plain = ".".join(part.lstrip("0")[:3] or "0" for part in parts)
        raise UsageError(f"ambiguous IPv4 address: some programs read {excerpt(octal)} as octal: write {plain}:443")
    high = next((part for part in parts if len(part) > 3 or int(part) > 255), "")
    if high:
        raise UsageError(f"invalid IPv4 address {excerpt(name)!r}: {excerpt(high)} is above 255")
    raise UsageError(f"invalid final dot after an IPv4 address: write {'.'.join(parts)}:443")


def _is_numeric(part: str) -> bool:
    if part.startswith("0x"):
        return all(c in "0123456789abcdef" for c in part[2:])
    return part.isascii() and part.isdigit()


def _name(name: str) -> str:
    """Return the host name: labels of 1 to 63 characters, 253 in all; underscores occur in names of containers."""
    bare = name.removesuffix(".")
    for char in bare:
        if char != "." and char.isascii() and char not in _NAME:
            raise UsageError(f"invalid character {excerpt(char)!r} in a host name: write one such as example.com:443")
    labels = [_a_label(label) for label in bare.split(".")]
    host = ".".join(labels)
    if not all(labels):
        raise UsageError("empty label in a host name: write it as www.example.com:443")
    if host.startswith("-"):
        raise UsageError("invalid hyphen at the start of a host name: write it as example.com:443")
    long = next((label for label in labels if len(label) > (63 if label.isascii() else 0)), None)
    if long is not None:
        raise UsageError("host name label too long: at most 63 characters are allowed, encoded as ASCII")
    if len(host) > 253:
        raise UsageError(f"host name of {len(host)} characters is too long: at most 253 are allowed")
    return host + name[len(bare) :]


def _normal(text: str) -> str:
    """Return a non-ASCII name in the form in which names are compared (as UTS 46, non-transitional)."""
    import unicodedata

    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_DOTS)).lower()).translate(_DOTS)


def _a_label(label: str) -> str:
    """Return a label as it is in the DNS. Python's codec "idna" would turn "straße" into "strasse" (RFC 3490)."""
    if label.isascii():
        return label
    if len(label) > 59:
        return label  # longer than 63 once encoded, and encoding is slow
    import unicodedata

    for char in label:
        # Letters, marks, digits and the joiners of RFC 5892; emoji, because registries have sold such names.
        kind = unicodedata.category(char)
        if not char.isascii() and kind[0] not in "LMN" and kind not in _EMOJI and char not in JOINERS:
            raise UsageError(f"invalid character {excerpt(char)!r} (U+{ord(char):04X}) in a host name")
    if unicodedata.category(label[0])[0] == "M":
        raise UsageError("invalid accent at the start of a host name label")
    return "xn--" + label.encode("punycode").decode("ascii")
