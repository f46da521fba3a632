"""Searches outputs for what must not be in them: every original of the reports, in any spelling. Pure.

The search takes its originals from the reports themselves, not from the key to the pseudonyms, and compares texts, not
fields: an error in the redaction is not repeated here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address

from ..model import Report
from ..text import clean, is_address
from . import spellings
from .fields import map_fields
from .pseudonyms import is_kept_address, is_kept_interface, is_kept_name, is_kept_network
from .scrub import ID, harmless

# What a text is -> how a sentence names it. What is not here, such as an error message, has no originals.
KINDS = {
    "address": "an address", "device": "the name of a network interface", "distinguished-name": "a certificate's name",
    "id": "an identifier", "mail": "a mail address", "host": "a host name", "program": "the name of a program",
    "serial": "a serial number or fingerprint", "unit": "the name of a unit", "user": "a user name",
}  # fmt: skip

_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)(?:/\d+)?")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:/\d+)?")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_VALUE = re.compile(r"(?:^|[,/+]\s?)[A-Za-z]+=([^,/+]+)")
_HOST = re.compile(r"://(?:[^\s/?#@]*@)?([^\s/?#:@\[\]]+)")
_HOME = re.compile(r"[/\\](?:home|Users)[/\\]([^/\\\s]+)")
_FULL_NAME = re.compile(r"(?<![\w.@-])(?:[\w-]+\.)+[A-Za-z]{2,24}(?![\w.-])")
_LEAST_LABEL = 3
_LEAST_PART = 6  # characters that are a leak within a longer word, too
_GRAM = 5

Original = tuple[str, str]
"""(what it is, the original)"""


def originals(reports: Iterable[Report]) -> set[Original]:
    """Return every original of the reports: from the fields that hold one, and addresses in texts."""
    found: set[Original] = set()

    def read(what: str, text: str) -> str:
        found.update(_read(what, clean(text, 4096)))
        return text

    for report in reports:
        map_fields(report, read)
    return found


def _read(what: str, text: str) -> Iterator[Original]:
    yield from (("mail", mail) for mail in _MAIL.findall(text))
    for listed in (*_IPV4.findall(text), *(a.rstrip(".") for a in _IPV6.findall(text))):
        if is_kept_network(listed):
            continue
        bare = listed.partition("/")[0]
        for each in (bare, bare.removesuffix(":")):
            if is_address(each) and not is_kept_address(each):
                yield "address", each
    named = [*_HOST.findall(text), *(_FULL_NAME.findall(text) if what == "text" else ())]
    yield from (("host", name) for name in named if not is_address(name) and not is_kept_name(name))
    yield from (("user", user) for user in _HOME.findall(text) if not is_kept_name(user))
    match what:
        case "host" | "address" | "network" if not (_is_numeric(text) or "://" in text or is_kept_name(text)):
            yield "host", text
        case "user" if not re.fullmatch(r"uid \d+", text) and not is_kept_name(text):
            yield what, text
        case "device" if not is_kept_interface(text):
            yield what, text
        case "distinguished-name":
            yield from ((what, v.strip()) for v in _VALUE.findall(text) if len(v) > 2 and not is_kept_name(v.strip()))
        case "serial" | "unit" | "program" | "id" if not _is_harmless(text):
            yield what, text


def _is_numeric(text: str) -> bool:
    """Return whether the text is an address, perhaps with a zone, a prefix length or a port."""
    bare = re.fullmatch(r"\[?(.*?)\]?(?:[:#]\d{1,5})?", text)
    return any(is_address(each.partition("%")[0].partition("/")[0]) for each in (text, bare[1] if bare else ""))


# ---------------------------------------------------------------- the search


def leaks(outputs: Iterable[str], found: Iterable[Original], pseudonyms: Iterable[str]) -> set[str]:
    """Return what kinds of originals are in an output, as `KINDS` names them. `pseudonyms` may be in it."""
    output = _Output("\n".join(outputs))
    expected = {word for pseudonym in pseudonyms for word in re.findall(r"[^\W_]+", pseudonym.lower())}
    kinds = set()
    for what, original in found:
        if is_address(original):
            numbers, hidden = _spellings_of_address(original)
            leaked = any(output.has_number(n) for n in numbers)
        else:
            if _is_harmless(original):
                continue
            wholes = [w for w in (original, *_labels(original)) if not _is_harmless(w)]
            names = [n for whole in wholes for n in spellings.of_text(whole) if len(n) >= _LEAST_LABEL]
            hidden = [h for whole in wholes for h in spellings.encodings(whole)]
            leaked = any(output.has_word(n, expected) for n in names)
        if leaked or any(output.has(h) for h in hidden):
            kinds.add(KINDS[what])
    return kinds


def _spellings_of_address(original: str) -> tuple[list[str], list[str]]:
    address = ip_address(original.partition("%")[0])
    of = spellings.of_ipv6(address) if isinstance(address, IPv6Address) else spellings.of_ipv4(address)
    return [*of], [h for text in {str(address), original} for h in spellings.encodings(text)]


def _labels(name: str) -> list[str]:
    """Return the parts of a name that may be secret alone: its labels but the last, and the domains that it is in."""
    if not re.fullmatch(r"[\w.*-]+", name):
        return []
    labels = name.lower().strip(".").split(".")
    domains = [labels[place:] for place in range(1, len(labels) - 1)]
    return [*labels[:-1], *(".".join(domain) for domain in domains if not _is_harmless(domain[0]))]


def _is_harmless(text: str) -> bool:
    """Return whether a text stands in outputs for another reason than that it was an original."""
    if len(text) < _LEAST_LABEL or is_kept_name(text) or ID.fullmatch(text) or re.fullmatch(r"\d{1,7}", text):
        return True
    return all(harmless(word) for word in re.findall(r"[\w.+~-]+", text))


class _Output:
    """One output, prepared for many searches."""

    def __init__(self, text: str) -> None:
        self._text, self._low = text, text.lower()
        self._grams = {t[i : i + _GRAM] for t in (text, self._low) for i in range(max(len(t) - _GRAM + 1, 0))}

    def has(self, needle: str) -> bool:
        """Return whether the output contains the text, in the case given or in lower case."""
        if len(needle) >= _GRAM and not (needle[:_GRAM] in self._grams and needle[-_GRAM:] in self._grams):
            return False
        return needle in self._text or needle in self._low

    def has_number(self, needle: str) -> bool:
        """Return whether the output contains a spelling of an address, not as a part of a longer one."""
        if not self.has(needle):
            return False
        digit = "[0-9a-f]" if re.search("[a-f:]", needle) else "[0-9]"
        joint = ":" if ":" in needle else r"\."
        before = "" if needle.startswith(":") else rf"(?<!{digit})(?<!{digit}{joint})"
        return re.search(rf"{before}{re.escape(needle)}(?!{joint}?{digit})", self._low) is not None

    def has_word(self, needle: str, expected: set[str]) -> bool:
        """Return whether the output contains a name; a long one also within a word, unless the word is expected."""
        start = self._low.find(needle) if self.has(needle) else -1
        while start >= 0:
            end = start + len(needle)
            first, last = start, end
            while first and self._low[first - 1].isalnum():
                first -= 1
            while last < len(self._low) and self._low[last].isalnum():
                last += 1
            run = self._low[first:last]
            if (len(needle) >= _LEAST_PART or run == needle) and run not in expected and not harmless(run):
                return True
            start = self._low.find(needle, start + 1)
        return False
