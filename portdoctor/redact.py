"""A report that may be shown to strangers: names and addresses give way to pseudonyms, everywhere. Pure.

Words that carry meaning (outcomes, causes, protocols) stay; free text is searched for what must not stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from .model import (
    Can,
    Certificate,
    Datagram,
    Diagnosis,
    Errno,
    Greeting,
    Handshake,
    Holder,
    HostsFile,
    HttpReply,
    Interfaces,
    Lookup,
    Note,
    Other,
    Problem,
    Report,
    Route,
    StageLine,
    Target,
    Want,
)
from .pseudonyms import TOKEN4, TOKEN6, Pseudonyms, token6
from .render.walk import cleaned

Case = tuple[Report, Diagnosis]
NOTE = "Names and addresses are pseudonyms: the same one stands for the same original, private stands for private."
MOST_TEXT = 4096  # characters of one string

_NAME = re.compile(r"(?<![\w@.-])(?:\*\.)?(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{0,61}\w(?!\w|\.\w)")
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
_MAILBOX = re.compile(r"(?<![\w.+-])[\w.+-]+(?=@[\w-]+\.)")
_AFTER_HOST = re.compile(r"(?<=://)([^/\s?#]+)[/?#]\S*")
_PAIR = re.compile(r"(?<==)([^,=/]+?)(?=\s*(?:,|/|$))")
# Fields whose text is one of our own words or a protocol's; every other string may hold what must not be shown.
_WORDS = {
    "id", "kind", "outcome", "symptom", "cause", "certainty", "owner", "evidence", "missing", "then",
    "scope", "risk", "where", "schema", "portdoctor", "transport", "service", "scheme", "stage", "qtype",
    "via", "role", "state", "type", "rcode", "flags", "reason", "hidden", "os", "started", "expected", "protocol",
    "version", "cipher", "alpn", "alert", "method", "verify_code", "not_before", "not_after", "sample_protocol",
    "pid", "since", "unit", "payload", "status", "why",
}  # fmt: skip
_WHOLE = (Errno, Can)


def redact(report: Report, diagnosis: Diagnosis) -> tuple[Report, Diagnosis, dict[str, str]]:
    """Both with pseudonyms, and the key: original -> pseudonym. The key is for the user's own eyes."""
    cases, key = redact_all([(report, diagnosis)])
    return (*cases[0], key)


def redact_all(cases: Sequence[Case]) -> tuple[list[Case], dict[str, str]]:
    """Several reports under one key: the same original has the same pseudonym in all of them."""
    cases = [cleaned(*case, limit=MOST_TEXT) for case in cases]
    strings = [text for case in cases for text in _strings(case)]
    names = Pseudonyms(avoid=(token for text in strings for token in _tokens(text)))
    for report in (each for case in cases for each in (case[0], *case[0].others)):
        _learn(report, names)
    known = _Change(names)
    reports = [_structured(report, names, known) for report, _ in cases]
    change = _Change(names)  # again: certificates and holders brought more words
    changed = []
    for report, (_, diagnosis) in zip(reports, cases, strict=True):
        report = _walk(report, change)
        notes = (*report.notes, Note(kind="info", text=NOTE))
        changed.append((msgspec.structs.replace(report, notes=notes), _walk(diagnosis, change)))
    return changed, dict(names.key)


def leaks(output: str, key: dict[str, str]) -> list[str]:
    """The originals that still stand in an output, sorted. Addresses are compared by value, names without case."""
    kept = set(key.values())
    found = {a for a in _addresses(output) if a in key and a not in kept}
    lowered = output.lower()
    for original in key:
        if original in found or not _is_wordlike(original):
            continue
        if original.lower() in lowered and _bounded(original).search(output):
            found.add(original)
    return sorted(found)


# ---------------------------------------------------------------- what must not be shown


def _learn(report: Report, names: Pseudonyms) -> None:
    """Meet every name in a field of its own, the target's first, so that free text can be searched for it."""
    t, v = report.target, report.vantage
    for name in (t.host, report.options.sni, *_learnable(report)):
        if name and not _is_address(name):
            names.name(name)
    if v.host:
        names.name(v.host)
        if "." in v.host:
            names.name(v.host.partition(".")[0])
    if v.user:
        names.word("user", v.user)
    for text in _network_text(report):
        for found in _NAME.findall(text):
            names.name(found)


def _learnable(report: Report) -> Iterator[str]:
    for o in report.observations:
        match o:
            case Lookup():
                yield from (o.name, *o.aliases)
            case HostsFile():
                yield o.name
                for _, _, text in o.lines:
                    yield from text.partition("#")[0].split()[1:]
            case Handshake():
                yield o.sni or ""
                yield from (name for c in o.chain for name in c.names)
            case _:
                pass


def _network_text(report: Report) -> Iterator[str]:
    """Text that somebody else wrote: any name in it may be a secret."""
    for o in report.observations:
        match o:
            case Lookup():
                yield from (text for _, text in o.ede)
            case HostsFile():
                yield from (text for _, _, text in o.lines)
            case Handshake():
                yield from (o.sample or "", o.verify_message or "")
                yield from (text for c in o.chain for text in (c.subject, c.issuer))
            case Greeting() | Datagram():
                yield o.text
            case HttpReply():
                yield from (o.text, o.phrase, o.location or "", *o.headers.values())
            case Other():
                yield o.raw
            case _:
                pass


def _structured(report: Report, names: Pseudonyms, change: _Change) -> Report:
    """The fields whose whole value is a name of a kind of its own."""

    def certificate(c: Certificate) -> Certificate:
        return msgspec.structs.replace(
            c,
            subject=_PAIR.sub(lambda m: _part(m[1], names, change), c.subject),
            issuer=_PAIR.sub(lambda m: _part(m[1], names, change), c.issuer),
            serial=names.word("serial", c.serial) if c.serial else None,
            sha256=names.word("fingerprint", c.sha256) if c.sha256 else None,
        )

    def one(o: Any) -> Any:
        match o:
            case Handshake():
                return msgspec.structs.replace(o, chain=tuple(map(certificate, o.chain)))
            case HttpReply(location=str() as location):
                return msgspec.structs.replace(o, location=_AFTER_HOST.sub(r"\1/…", location))
            case Route(interface=str() as interface):
                return msgspec.structs.replace(o, interface=names.interface(interface))
            case Interfaces():
                rows = tuple(msgspec.structs.replace(r, name=names.interface(r.name)) for r in o.rows)
                return msgspec.structs.replace(o, rows=rows)
            case _:
                return _holders(o, names)

    v = report.vantage
    interface = names.interface(v.interface) if v.interface else None
    return msgspec.structs.replace(
        report,
        vantage=msgspec.structs.replace(v, interface=interface),
        others=tuple(_structured(other, names, change) for other in report.others),
        observations=tuple(one(o) for o in report.observations),
    )


def _holders(o: Any, names: Pseudonyms) -> Any:
    if not hasattr(o, "rows"):
        return o

    def row(r: Any) -> Any:
        h: Holder | None = r.holder
        if h is None:
            return r
        command = h.command.split()[0].replace("\\", "/").rpartition("/")[2] if h.command else None
        return msgspec.structs.replace(
            r,
            holder=msgspec.structs.replace(
                h,
                user=names.word("user", h.user) if h.user else None,
                command=command,
                container=names.word("container", h.container) if h.container else None,
            ),
        )

    return msgspec.structs.replace(o, rows=tuple(map(row, o.rows)))


def _part(value: str, names: Pseudonyms, change: _Change) -> str:
    """One value of a distinguished name: a host name, a country, or an organisation."""
    changed = change(value)
    if changed != value or len(value) <= 2:
        return changed
    return names.word("organisation", value)


# ---------------------------------------------------------------- everywhere


class _Change:
    """Puts pseudonyms into a piece of text, in one pass so that no pseudonym is changed again."""

    def __init__(self, names: Pseudonyms) -> None:
        self._names = names
        self._folded = {original.lower(): pseudonym for original, pseudonym in names.key.items()}
        below = [rf"(?:\*\.)?(?:[\w-]+\.)*{re.escape(d)}" for d in names.domains()]
        known = sorted((k for k in names.key if _is_wordlike(k)), key=len, reverse=True)
        listed = "|".join((*below, *map(re.escape, known))) or "(?!)"
        name = rf"(?P<name>(?<![\w-])(?:{listed})(?![\w-]|\.\w))"
        self._pattern = re.compile(f"(?P<six>{TOKEN6.pattern})|(?P<four>{TOKEN4.pattern})|{name}", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        text = _USER_IN_URL.sub("…@", text)
        text = _MAILBOX.sub(lambda m: self._names.word("user", m[0]), text)
        return self._pattern.sub(self._instead, text)

    def _instead(self, found: re.Match[str]) -> str:
        if found["six"]:
            address, rest = token6(found["six"])
            return self._names.address(address) + rest if address else rest
        if found["four"]:
            return self._names.address(found["four"])
        text = found["name"]
        return self._folded.get(text.lower()) or self._names.name(text)


def _walk(value: Any, change: _Change) -> Any:
    if type(value) is str:
        return change(value)
    if isinstance(value, tuple):
        return tuple(_walk(item, change) for item in value)
    if isinstance(value, dict):
        return {key: _walk(item, change) for key, item in value.items()}
    if isinstance(value, msgspec.Struct) and not isinstance(value, _WHOLE):
        changed = {f: _walk(getattr(value, f), change) for f in value.__struct_fields__ if not _is_word(value, f)}
        return msgspec.structs.replace(value, **changed)
    return value


def _is_word(value: msgspec.Struct, field: str) -> bool:
    """Whether the field holds a word of a vocabulary, or a program's name; everything else is text."""
    match field:
        case "name":
            return isinstance(value, StageLine | Holder)
        case "stages":
            return isinstance(value, Target)
        case "because":
            return isinstance(value, Problem)
        case "probe":
            return isinstance(value, Want)
        case _:
            return field in _WORDS


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from (text for item in value.items() for text in _strings(item))
    elif isinstance(value, msgspec.Struct):
        yield from (text for f in value.__struct_fields__ for text in _strings(getattr(value, f)))


def _tokens(text: str) -> Iterable[str]:
    return (*re.findall(r"[\w.-]+", text.lower()), *_addresses(text))


def _addresses(text: str) -> Iterator[str]:
    """Every address in the text, in its canonical form and without a zone."""
    from ipaddress import ip_address

    for found in TOKEN4.findall(text):
        if _is_address(found):
            yield str(ip_address(found))
    for found in TOKEN6.findall(text):
        address, _ = token6(found)
        if address:
            six = ip_address(address.partition("%")[0])
            yield str(six)
            if six.version == 6 and six.ipv4_mapped:
                yield str(six.ipv4_mapped)


def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_wordlike(original: str) -> bool:
    return not _is_address(original)


def _bounded(original: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(original)}(?![\w-]|\.\w)", re.IGNORECASE)
