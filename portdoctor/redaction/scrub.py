"""Replaces names and addresses in free text by pseudonyms, and drops every word that is not known to be harmless. Pure.

A text from the network may hold a secret in any place and spelling, which no pattern finds. So nothing is searched for:
what remains is a known word, a short number, a version or a time; what has a pseudonym gets it; the rest becomes "…".
"""

from __future__ import annotations

import re

from ..text import ELLIPSIS, is_address
from .pseudonyms import TOKEN6, Pseudonyms, token6
from .vocabulary import vocabulary

NAME = re.compile(r"(?:\*\.)?(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{0,61}\w\.?")
ID = re.compile(r"(?:[a-z]{1,2}\.)?[a-z]{1,2}\d{1,6}")  # of an observation or a problem
TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?|\d\d:\d\d(?::\d\d)?")
_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^\s/?#]*(@))?(\[[^\]\s]*\]|[^\s/?#:@]*)(:\d{1,5})?(?P<rest>[/?#].*)?", re.DOTALL
)
_SCHEMES = r"(?:bearer|basic|digest|negotiate|ntlm)\s+"  # of HTTP authentication
_SECRET = (
    r"(?:[\w.-]*(?:passw|passphrase|secret|token|api[_-]?key|authorization|credential|cookie)[\w-]*[\"']?\s*[:=]\s*"
    rf"|\b{_SCHEMES})"
)
_NUMBER = r"v?\d{1,5}(?:\.\d{1,5}){0,2}"
_RELEASE = r"(?:alpha|beta|dev|deb|ubuntu|post|rc|el|fc|[abdpru])(?:\d{1,3}(?:u\d{1,3})?)?"
_VERSION = re.compile(
    rf"{_NUMBER}(?:s|ms|min|h|k|kb|mb|gb|x|%)?|(?:v?\d{{1,3}}(?:\.\d{{1,3}}){{0,2}})?{_RELEASE}", re.IGNORECASE
)
_PURE = re.compile(_NUMBER)
_SECTIONS = re.compile(r"[-_+~]")
_MOST_NUMBERS = 2  # in one token: more may be an address
_FREE = re.compile(
    rf"""
    (?P<url>[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>`]+)
    |(?P<label>{_SECRET})(?P<secret>(?:{_SCHEMES})?[^\s,;]+)
    |(?P<mail>[^\s@<>"'(),;:=\[\]]+@[\w.-]*\w)
    |(?P<mac>(?<![\w:-])[0-9A-Fa-f]{{1,2}}(?:[:-][0-9A-Fa-f]{{1,2}}){{5,}}(?![\w:-]))
    |(?P<time>(?<![\w.:-])(?:{TIME.pattern})(?![\w:-]))
    |(?P<six>(?:(?<![\w:.])|(?<=[g-zG-Z]:)){TOKEN6.pattern})
    |(?P<four>(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w-]|\.\w))
    |(?P<colons>[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{0,4}}){{2,}})
    |(?P<ssh>(?<![\w.-])SSH-\d\.\d{{1,2}}-)
    |(?P<token>[^\s,;:()\[\]{{}}<>"'`|=&?!/]+)
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Scrubber:
    """Replaces what is secret in a text. `phrases`: originals of several words, which are replaced before the rest."""

    def __init__(self, names: Pseudonyms, phrases: dict[str, str] | None = None) -> None:
        self._names = names
        self._phrases = phrases or {}
        longest_first = sorted(self._phrases, key=len, reverse=True)
        listed = "|".join(map(re.escape, longest_first)) or "(?!)"
        self._phrase = re.compile(rf"(?<!\w)(?:{listed})(?!\w)", re.IGNORECASE)

    def text(self, text: str) -> str:
        """Return free text without what is secret or unknown."""
        if not self._phrases:
            return self._words(text)
        shown, end = [], 0
        for found in self._phrase.finditer(text):
            shown += [self._words(text[end : found.start()]), self._phrases[found[0].lower()]]
            end = found.end()
        return "".join((*shown, self._words(text[end:])))

    def word(self, text: str) -> str:
        """Return vocabulary as it is; what is not known becomes an ellipsis."""
        return _FREE.sub(lambda m: m[0] if m["token"] and harmless(m[0], together=True) else ELLIPSIS, text)

    def url(self, url: str) -> str:
        """Return a URL with the pseudonym of its host, without user, path and query."""
        if not (found := _URL.fullmatch(url)):
            return ELLIPSIS if not url.startswith("/") else "/" + ELLIPSIS[: len(url) - 1]
        scheme, user, host, port = found.group(1, 2, 3, 4)
        if not harmless(scheme):
            scheme = ELLIPSIS
        host = f"[{self.name(host[1:-1])}]" if host.startswith("[") else self.name(host)
        rest = found["rest"]
        path = "" if not rest else "/" if rest == "/" else f"/{ELLIPSIS}"
        return f"{scheme}://{ELLIPSIS + '@' if user else ''}{host}{port or ''}{path}"

    def mail(self, mail: str) -> str:
        """Return the pseudonym of a mail address: of the user and of the domain."""
        user, _, domain = mail.rpartition("@")
        return f"{self._names.word('user', user)}@{self.name(domain)}"

    def name(self, name: str) -> str:
        """Return the pseudonym of a host name or an address, whatever it looks like."""
        if is_address(name):
            return self._names.address(name)
        if "@" in name:
            return self.mail(name)
        if not name or re.fullmatch(r"(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?|[.*]", name):
            return self._names.name(name)
        return self._names.word("name", name)

    # ------------------------------------------------------------ one text

    def _words(self, text: str) -> str:
        return _FREE.sub(self._instead, text)

    def _instead(self, found: re.Match[str]) -> str:
        text = found[0]
        match found.lastgroup:
            case "url":
                bare = text.rstrip(".,;:!?)}" if "[" in text else ".,;:!?)}]")
                return self.url(bare) + text[len(bare) :]
            case "secret":
                return self._words(found["label"]) + ELLIPSIS
            case "mail":
                return self.mail(text)
            case "mac":
                return self._names.word("mac", re.sub("[:-]", ":", text.lower()))
            case "time" | "ssh":
                return text
            case "six":
                address, rest = token6(text)
                return self._names.address(address) + self._words(rest) if address else ELLIPSIS
            case "four":
                return self._names.address(text) if is_address(text) else ELLIPSIS
            case "colons":
                return ELLIPSIS
            case _:
                bare = text.rstrip(".")
                return self._token(bare) + text[len(bare) :]

    def _token(self, token: str) -> str:
        word = token.isalpha() and harmless(token)
        if (pseudonym := self._names.known(token, label=not word)) is not None:
            return pseudonym
        if word or harmless(token):
            return token
        if NAME.fullmatch(token):
            return self._names.name(token)
        return ELLIPSIS


def harmless(token: str, *, together: bool = False) -> bool:
    """Return whether a token can be no secret: a known word, a short number, a version, or one word with versions.

    `together`: known words may also be joined to a name that is not known. With underscores they always may, as in
    TLS_AES_256_GCM_SHA384: no host name has one.
    """
    together = together or ("_" in token and "-" not in token)
    words = vocabulary()
    low = token.lower().strip("-_")
    if low in words or not any(c.isalnum() for c in token) or _VERSION.fullmatch(token):
        return True
    parts = [part for part in _SECTIONS.split(low) if part]
    named = [part for part in parts if part in words]
    numbers = [part for part in parts if part not in words and _VERSION.fullmatch(part)]
    if len(named) + len(numbers) < len(parts) or (len(named) > 1 and not together) or len(numbers) > _MOST_NUMBERS:
        return False
    return "%" not in token and sum(part.count(".") + 1 for part in numbers if _PURE.fullmatch(part)) != 4

