"""Redacts reports: replaces each text by what its field declares it to be, in all reports alike. Pure.

Known vocabulary stays, such as outcomes, causes and protocols. A diagnosis is not redacted but made again: that of a
redacted report contains only what the report does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from ..model import Note, Report
from ..render.json import MOST_TEXT
from ..render.walk import map_text, texts
from ..services.ports import port_of
from ..text import ELLIPSIS, clean, is_address
from .fields import map_fields
from .pseudonyms import Pseudonyms, network, tokens
from .scrub import ID, TIME, Scrubber, harmless

NOTE = "Names and addresses are pseudonyms: each stands for one original, and private addresses stay private."

_LISTED_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)([:#]\d{1,5})")
_ATTRIBUTE = re.compile(
    r"(?:^|[,/+]\s?)(CN|O|OU|C|L|ST|S|DC|UID|GN|SN|T|street|emailAddress|serialNumber|title|businessCategory"
    r"|organizationIdentifier|postalCode|jurisdiction\w{1,3})="
)
_UNKNOWN = "unknown"  # has the form of a word, which an ellipsis has not
_KIND_OF_ATTRIBUTE = {"O": "organisation", "OU": "unit", "L": "place", "ST": "place", "S": "place"}


class Redactor:
    """Redacts texts by what they are. `names` assigns the pseudonyms."""

    def __init__(self, names: Pseudonyms) -> None:
        self.names = names
        self._scrub = Scrubber(names)

    def learn(self, what: str, text: str) -> str:
        """Assign the pseudonyms of a text that is a name, an address or the like; free text is not read."""
        return text if what in ("term", "text", "word") else self.replace(what, text)

    def read(self) -> None:
        """Prepare for free text, with everything learned so far."""
        phrases = {o.lower(): p for o, p in self.names.key.items() if " " in o.strip()}
        self._scrub = Scrubber(self.names, phrases)

    def replace(self, what: str, text: str) -> str:
        """Return the text with pseudonyms. `what`: a value of `model.py`, such as "address"."""
        if not text:
            return text
        return _ACTIONS.get(what, Redactor.text)(self, text)

    # ------------------------------------------------------------ one kind of text each

    def text(self, text: str) -> str:
        return self._scrub.text(text)

    def term(self, text: str) -> str:
        return text if _is_term(text) else self._scrub.word(text)

    def word(self, text: str) -> str:
        return text if _is_term(text) or ELLIPSIS not in self._scrub.word(text) else _UNKNOWN

    def address(self, text: str) -> str:
        if is_address(text):
            return self.names.address(text)
        if "/" in text and is_address(text.partition("/")[0]):
            return network(text, self.names)
        if found := _LISTED_PORT.fullmatch(text):
            bare = found[1].strip("[]")
            host = self.host(bare)
            return (f"[{host}]" if found[1].startswith("[") else host) + found[2]
        return self.host(text)

    def host(self, text: str) -> str:
        if "://" in text:
            return self._scrub.url(text)
        return self._scrub.name(text)

    def url(self, text: str) -> str:
        return self._scrub.url(text)

    def user(self, text: str) -> str:
        return text if re.fullmatch(r"uid \d{1,5}", text) else self.names.word("user", text)

    def device(self, text: str) -> str:
        return self.names.interface(text)

    def serial(self, text: str) -> str:
        return self.names.word("serial", text)

    def id(self, text: str) -> str:
        return text if ID.fullmatch(text) else self.names.word("id", text)

    def time(self, text: str) -> str:
        return text if TIME.fullmatch(text) else ""

    def program(self, text: str) -> str:
        return text if harmless(text) else self.names.word("program", text)

    def command(self, text: str) -> str:
        return self.program((text.split() or [ELLIPSIS])[0].replace("\\", "/").rpartition("/")[2])

    def unit(self, text: str) -> str:
        base, dot, ending = text.rpartition(".")
        kind = f".{ending}" if dot and ending in ("service", "socket", "scope") else ""
        if harmless(text) or (kind and harmless(base)):
            return text
        return self.names.word("unit", text) + kind

    def file(self, text: str) -> str:
        """Keep the known parts of a path, except a name of a user."""
        parts = re.split(r"([/\\])", text)
        shown = []
        for place, part in enumerate(parts):
            is_user = place > 1 and parts[place - 2].lower() in ("home", "users")
            judged = harmless(part) or all(each.isalpha() and harmless(each) for each in part.split(".") if each)
            shown.append(part if judged and not is_user else ELLIPSIS)
        return "".join(shown)

    def distinguished_name(self, text: str) -> str:
        starts = list(_ATTRIBUTE.finditer(text))
        if not starts or starts[0].start():
            return self.names.word("name", text)
        ends = [m.start() for m in starts[1:]] + [len(text)]
        return "".join(m[0] + self._attribute(m[1], text[m.end() : end]) for m, end in zip(starts, ends, strict=True))

    def _attribute(self, key: str, value: str) -> str:
        if not value or (key in ("C", "jurisdictionC") and re.fullmatch("[A-Z]{2}", value)):
            return value
        if key in ("CN", "DC", "emailAddress") and not re.search(r"\s", value):
            return self.host(value)
        return self.names.word(_KIND_OF_ATTRIBUTE.get(key, "name"), value)


def _is_term(text: str) -> bool:
    return harmless(text) or port_of(text) is not None or port_of(text, "udp") is not None


_ACTIONS: dict[str, Callable[[Redactor, str], str]] = {
    "address": Redactor.address, "command": Redactor.command, "device": Redactor.device,
    "distinguished-name": Redactor.distinguished_name, "file": Redactor.file, "id": Redactor.id,
    "host": Redactor.host, "network": Redactor.address, "program": Redactor.program, "serial": Redactor.serial,
    "term": Redactor.term, "text": Redactor.text, "time": Redactor.time, "unit": Redactor.unit, "url": Redactor.url,
    "user": Redactor.user, "word": Redactor.word,
}  # fmt: skip


def redact(reports: Sequence[Report]) -> tuple[list[Report], dict[str, str]]:
    """Return the reports with pseudonyms, and the key (original -> pseudonym), which is for the user only.

    The same original has the same pseudonym in all reports. Raises PseudonymsExhausted if there are too many addresses.
    """
    reports = [map_text(report, lambda text: clean(text, MOST_TEXT)) for report in reports]
    names = Pseudonyms(avoid={token for report in reports for text in texts(report) for token in tokens(text)})
    redactor = Redactor(names)
    for report in reports:
        map_fields(report, redactor.learn)
    redactor.read()
    note = Note(kind="info", text=NOTE)
    changed = []
    for report in reports:
        report = map_fields(report, redactor.replace)
        changed.append(msgspec.structs.replace(report, notes=(*report.notes, note)))
    return changed, dict(names.key)
