"""Finds names and addresses in text: replaces them by pseudonyms, and searches output for leaks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..model import Can, Errno, Holder, Problem, StageLine, Target, Want
from ..text import is_address
from .pseudonyms import TOKEN4, TOKEN6, Pseudonyms, token6

_USER_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
_MAILBOX = re.compile(r"(?<![\w.+-])[\w.+-]+(?=@[\w-]+\.)")
# Fields whose text is vocabulary of ours or of a protocol; every other string may contain a secret.
_WORDS = {
    "id", "kind", "outcome", "symptom", "cause", "certainty", "owner", "evidence", "missing", "then",
    "scope", "risk", "where", "schema", "portdoctor", "transport", "service", "scheme", "stage", "qtype",
    "via", "role", "state", "type", "rcode", "flags", "reason", "hidden", "os", "started", "expected", "protocol",
    "version", "cipher", "alpn", "alert", "method", "verify_code", "not_before", "not_after", "sample_protocol",
    "pid", "since", "unit", "payload", "status", "why",
}  # fmt: skip
_WHOLE = (Errno, Can)


class Change:
    """Replaces originals in a text by pseudonyms, in one pass so that no pseudonym is replaced again."""

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


def walk(value: Any, change: Change) -> Any:
    if type(value) is str:
        return change(value)
    if isinstance(value, tuple):
        return tuple(walk(item, change) for item in value)
    if isinstance(value, dict):
        return {key: walk(item, change) for key, item in value.items()}
    if isinstance(value, msgspec.Struct) and not isinstance(value, _WHOLE):
        changed = {f: walk(getattr(value, f), change) for f in value.__struct_fields__ if not _is_word(value, f)}
        return msgspec.structs.replace(value, **changed)
    return value


def _is_word(value: msgspec.Struct, field: str) -> bool:
    """Return whether the field is vocabulary or a program's name; every other field is text."""
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


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        yield from (text for item in value.items() for text in strings(item))
    elif isinstance(value, msgspec.Struct):
        yield from (text for f in value.__struct_fields__ for text in strings(getattr(value, f)))


def tokens(text: str) -> Iterable[str]:
    return (*re.findall(r"[\w.-]+", text.lower()), *_addresses(text))


def _addresses(text: str) -> Iterator[str]:
    """Yield every address in the text, in canonical form and without a zone."""
    from ipaddress import ip_address

    for found in TOKEN4.findall(text):
        if is_address(found):
            yield str(ip_address(found))
    for found in TOKEN6.findall(text):
        address, _ = token6(found)
        if address:
            six = ip_address(address.partition("%")[0])
            yield str(six)
            if six.version == 6 and six.ipv4_mapped:
                yield str(six.ipv4_mapped)


def _is_wordlike(original: str) -> bool:
    return not is_address(original)


def _bounded(original: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(original)}(?![\w-]|\.\w)", re.IGNORECASE)


def leaks(output: str, key: dict[str, str]) -> list[str]:
    """Return the originals still in an output, sorted. Addresses are compared by value, names without case."""
    kept = set(key.values())
    found = {a for a in _addresses(output) if a in key and a not in kept}
    lowered = output.lower()
    for original in key:
        if original in found or not _is_wordlike(original):
            continue
        if original.lower() in lowered and _bounded(original).search(output):
            found.add(original)
    return sorted(found)
