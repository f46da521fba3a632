"""Redacts a report: replaces names and addresses by pseudonyms in all fields. Pure.

Vocabulary (outcomes, causes, protocols) stays; free text is searched for names and addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ..model import (
    Certificate,
    Datagram,
    Greeting,
    Handshake,
    Holder,
    HostsFile,
    HttpReply,
    Interfaces,
    Lookup,
    Note,
    Other,
    Report,
    Route,
)
from ..render.json import MOST_TEXT
from ..render.state import Case
from ..render.walk import cleaned
from ..text import is_address
from .pseudonyms import Pseudonyms
from .scrub import Change, strings, tokens, walk

NOTE = "Names and addresses are pseudonyms: each stands for one original, and private addresses stay private."

_NAME = re.compile(r"(?<![\w@.-])(?:\*\.)?(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{0,61}\w(?!\w|\.\w)")
_AFTER_HOST = re.compile(r"(?<=://)([^/\s?#]+)[/?#]\S*")
_PAIR = re.compile(r"(?<==)([^,=/]+?)(?=\s*(?:,|/|$))")


def redact(cases: Sequence[Case]) -> tuple[list[Case], dict[str, str]]:
    """Return the cases with pseudonyms, and the key (original -> pseudonym), which is for the user only.

    The same original has the same pseudonym in all cases.
    """
    cases = [cleaned(*case, limit=MOST_TEXT) for case in cases]
    names = Pseudonyms(avoid=(token for case in cases for text in strings(case) for token in tokens(text)))
    for report in (each for case in cases for each in (case[0], *case[0].others)):
        _learn(report, names)
    known = Change(names)
    reports = [_structured(report, names, known) for report, _ in cases]
    change = Change(names)  # again: certificates and processes added more words
    changed = []
    for report, (_, diagnosis) in zip(reports, cases, strict=True):
        report = walk(report, change)
        notes = (*report.notes, Note(kind="info", text=NOTE))
        changed.append((msgspec.structs.replace(report, notes=notes), walk(diagnosis, change)))
    return changed, dict(names.key)


# ---------------------------------------------------------------- what is secret


def _learn(report: Report, names: Pseudonyms) -> None:
    """Assign a pseudonym to every name in a dedicated field, the target's first, so that free text can be searched."""
    t, v = report.target, report.vantage
    for name in (t.host, report.options.sni, *_learnable(report)):
        if name and not is_address(name):
            names.name(name)
    for domain in v.search:
        names.name(domain)
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
    """Yield text that came from the network: any name in it may be a secret."""
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


def _structured(report: Report, names: Pseudonyms, change: Change) -> Report:
    """Replace the fields whose whole value is a name, such as an interface or a serial number."""

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


def _part(value: str, names: Pseudonyms, change: Change) -> str:
    """Return the pseudonym of one value of a distinguished name: a host name, a country, or an organisation."""
    changed = change(value)
    if changed != value or len(value) <= 2:
        return changed
    return names.word("organisation", value)
