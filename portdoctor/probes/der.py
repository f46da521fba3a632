"""Reads a certificate's fields from DER (X.690, RFC 5280), each on its own: one that cannot be read hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

UNREADABLE = "(unreadable)"
_MOST_ELEMENTS = 10_000  # of one sequence
_MOST_NAMES = 100  # of one certificate; content networks put hundreds into one
_MOST_ATTRIBUTES = 50  # of one distinguished name
_MOST_URLS = 4
_MOST_SERIAL = 40  # bytes: RFC 5280 allows 20
_INTEGER, _OCTETS, _OID, _SEQUENCE, _SET = 0x02, 0x04, 0x06, 0x30, 0x31
_VERSION, _EXTENSIONS = 0xA0, 0xA3  # context tags of a TBSCertificate
_EMAIL, _DNS, _DIRECTORY, _URI, _IP, _REGISTERED = 0x81, 0x82, 0xA4, 0x86, 0x87, 0x88  # of a GeneralName
_KINDS = {_DNS: "", _EMAIL: "email:", _URI: "URI:"}
_UTC_TIME, _TIME = 0x17, 0x18
_STRINGS = {  # tag -> the encoding of the string
    0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1A: "ascii", 0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}  # fmt: skip
_ATTRIBUTES = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.42": "GN",
    "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode", "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
}  # fmt: skip
_ALT_NAME, _AUTHORITY_INFORMATION, _CA_ISSUERS = "2.5.29.17", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.2"
T = TypeVar("T")


class DerError(ValueError):
    """The bytes are not the DER of what was expected."""


class Element(NamedTuple):
    """One element: its tag, its content, and all its bytes."""

    tag: int
    content: bytes
    whole: bytes


class Fields(NamedTuple):
    """The fields of a certificate, not yet sanitised. Times are UTC, ISO 8601; `unreadable` names what is missing."""

    subject: str
    issuer: str
    not_before: str | None
    not_after: str | None
    names: tuple[str, ...]
    issuer_urls: tuple[str, ...]
    serial: str | None
    self_signed: bool
    unreadable: tuple[str, ...]


def fields_of(der: bytes) -> Fields:
    """Return what can be read of a certificate. Raises nothing for any bytes."""
    unreadable: list[str] = []

    def read(field: str, reader: Callable[[], T], otherwise: T) -> T:
        try:
            return reader()
        except (DerError, ValueError, OverflowError):
            unreadable.append(field)
            return otherwise

    nothing: dict[str, Element] = {}
    parts = read("certificate", lambda: _parts(der), nothing)
    if not parts:
        return Fields(UNREADABLE, UNREADABLE, None, None, (), (), None, False, ("certificate",))
    extensions: dict[str, bytes] = read("extensions", lambda: _extensions(parts.get("extensions")), {})
    subject, issuer = parts["subject"], parts["issuer"]
    return Fields(
        subject=read("subject", lambda: _name(subject), UNREADABLE),
        issuer=read("issuer", lambda: _name(issuer), UNREADABLE),
        not_before=read("not_before", lambda: _moment(_children(parts["validity"], 2)[0]), None),
        not_after=read("not_after", lambda: _moment(_children(parts["validity"], 2)[1]), None),
        names=read("names", lambda: _names(extensions.get(_ALT_NAME)), (UNREADABLE,)),
        issuer_urls=read("issuer_urls", lambda: _issuer_urls(extensions.get(_AUTHORITY_INFORMATION)), ()),
        serial=read("serial", lambda: _serial(parts["serial"]), None),
        self_signed=bool(subject.content) and subject.whole == issuer.whole,
        unreadable=tuple(unreadable),
    )


# ---------------------------------------------------------------- elements


def _elements(data: bytes) -> Iterator[Element]:
    """Yield the elements of a content, one after the other. Raises DerError."""
    at = count = 0
    while at < len(data):
        element = _element(data, at)
        yield element
        at += len(element.whole)
        count += 1
        if count > _MOST_ELEMENTS:
            raise DerError("too many elements")


def _element(data: bytes, at: int) -> Element:
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        raise DerError("no element")
    start, length = at + 2, data[at + 1]
    if length & 0x80:
        size = length & 0x7F
        start += size
        if not 1 <= size <= 4 or start > len(data):
            raise DerError("invalid length")
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > len(data):
        raise DerError("the content is incomplete")
    return Element(data[at], data[start : start + length], data[at : start + length])


def _children(element: Element, least: int, tag: int = _SEQUENCE) -> list[Element]:
    if element.tag != tag:
        raise DerError("another type was expected")
    found = list(_elements(element.content))
    if len(found) < least:
        raise DerError("elements are missing")
    return found


def _parts(der: bytes) -> dict[str, Element]:
    """Return the elements of the TBSCertificate by name (RFC 5280 section 4.1)."""
    body = _children(_children(_element(der, 0), 1)[0], 5)
    if body[0].tag == _VERSION:
        body = body[1:]
    if len(body) < 5:
        raise DerError("elements are missing")
    found = dict(zip(("serial", "algorithm", "issuer", "validity", "subject"), body, strict=False))
    extensions = [e for e in body[5:] if e.tag == _EXTENSIONS]
    if extensions:
        found["extensions"] = extensions[0]
    return found


def _extensions(element: Element | None) -> dict[str, bytes]:
    """Return the values of the extensions by OID; the first of each."""
    found: dict[str, bytes] = {}
    for extension in _children(_children(element, 1, _EXTENSIONS)[0], 0) if element else ():
        parts = _children(extension, 2)
        if parts[-1].tag == _OCTETS:
            found.setdefault(_oid(parts[0]), parts[-1].content)
    return found


# ---------------------------------------------------------------- values


def _oid(element: Element) -> str:
    data = element.content
    if element.tag not in (_OID, _REGISTERED) or not data or data[-1] & 0x80 or len(data) > 64:
        raise DerError("no object identifier")
    arcs, value = [], 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _text(element: Element) -> str:
    """Return a string of any of its types; what is no string, or not in its encoding, is UNREADABLE."""
    encoding = _STRINGS.get(element.tag)
    try:
        return element.content.decode(encoding) if encoding else UNREADABLE
    except UnicodeDecodeError:
        return UNREADABLE


def _name(element: Element) -> str:
    """Return a distinguished name in one line, the common name first: "CN=shop.example.com, O=Example"."""
    pairs = []
    for part in _children(element, 0)[:_MOST_ATTRIBUTES]:
        for attribute in _children(part, 0, _SET)[:_MOST_ATTRIBUTES]:
            kind, value = _children(attribute, 2)[:2]
            oid = _oid(kind)
            pairs.append((_ATTRIBUTES.get(oid, oid), _text(value)))
    pairs.sort(key=lambda pair: pair[0] != "CN")
    return ", ".join(f"{kind}={value}" for kind, value in pairs[:_MOST_ATTRIBUTES])


def _moment(element: Element) -> str:
    """Return a time as ISO 8601 in UTC; years of two digits are 1950 to 2049 (RFC 5280 section 4.1.2.5)."""
    digits = element.content.decode("ascii")
    if element.tag == _UTC_TIME and digits[:2].isdigit():
        digits = ("20" if digits[:2] < "50" else "19") + digits
    elif element.tag != _TIME:
        raise DerError("no time")
    if len(digits) != 15 or not digits[:14].isdigit() or digits[14] != "Z":
        raise DerError("no time in UTC to the second")
    month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
    return f"{datetime(int(digits[:4]), month, day, hour, minute, second).isoformat()}Z"


def _serial(element: Element) -> str:
    """Return the serial number in hexadecimal, whole bytes."""
    if element.tag != _INTEGER or not element.content or len(element.content) > _MOST_SERIAL:
        raise DerError("no serial number")
    value = int.from_bytes(element.content, "big", signed=True)
    digits = f"{abs(value):X}"
    return ("-" if value < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def _names(value: bytes | None) -> tuple[str, ...]:
    """Return the subjectAltName entries, what cannot be read as UNREADABLE (RFC 5280 section 4.2.1.6)."""
    if value is None:
        return ()
    return tuple(_general_name(e) for e in _children(_element(value, 0), 0)[:_MOST_NAMES])


def _general_name(element: Element) -> str:
    """Return a host name or address as it is, another kind with its name, as OpenSSL prints it."""
    tag, content = element.tag, element.content
    try:
        if tag == _IP:
            return str(ip_address(content))
        if tag == _DIRECTORY:
            return f"DirName:{_name(_element(content, 0))}"
        if tag == _REGISTERED:
            return f"Registered ID:{_oid(element)}"
        return f"{_KINDS[tag]}{content.decode('ascii')}" if tag in _KINDS else "othername"
    except ValueError:
        return UNREADABLE


def _issuer_urls(value: bytes | None) -> tuple[str, ...]:
    found: list[str] = []
    for access in _children(_element(value, 0), 0) if value is not None else ():
        method, place = _children(access, 2)[:2]
        if _oid(method) == _CA_ISSUERS and place.tag == _URI:
            found.append(place.content.decode("ascii", "replace"))
    return tuple(found[:_MOST_URLS])
