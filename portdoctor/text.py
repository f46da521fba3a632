"""Sanitises text from the network before it is shown, and formats what all renderers share. Pure.

Characters that a terminal, a log or a ticket would interpret instead of show are escaped: ESC becomes ``\\x1b``, a
bidirectional override ``\\u202e``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LIMIT = 500  # characters of one text: enough for a sample
ELLIPSIS = "…"
_MOST_MARKS = 4  # combining marks on one letter; scripts in use need about three

# str.isprintable() is false for Cc, Cf, Cs, Co, Cn, Zl, Zp and every Zs but the space (its documentation).
# These characters count as printable and are invisible: fillers, joiners, variation selectors, the empty Braille cell.
# The patterns are strings, not compiled: most runs never need them, and compiling takes a millisecond.
_BLANK = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_SPACES = "\r\n|[\t\n\v\f\r\x1c-\x1f\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"

_UNIT = r"(?<=\d) (?=(?:ms|s|min|SYNs?)\b)"


def clean(text: str | bytes, limit: int = LIMIT) -> str:
    """Return one line of printable text, at most `limit` characters; an ellipsis marks what was cut.

    Line breaks, tabs and other spaces become one space each, every other invisible character becomes an ASCII escape,
    and bytes that are not UTF-8 become escapes such as ``\\xff``. Cleaning a clean text changes nothing.
    """
    if isinstance(text, bytes):
        text = text[: 4 * limit + 4].decode("utf-8", "backslashreplace")
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text.strip()
    seen = visible(text[: limit + 2]) if len(text) > limit + 2 else visible(text)
    seen = seen.strip()
    if len(seen) <= limit and len(text) <= limit + 2:
        return seen
    return seen[: limit - 1].rstrip() + ELLIPSIS if limit > 1 else ELLIPSIS[:limit]


def is_clean(text: str, *, lines: bool = False) -> bool:
    """Return whether the text has nothing that `clean` would replace. `lines`: line feeds are allowed."""
    if lines:
        text = text.replace("\n", "")
    return visible(text) == text


def visible(text: str) -> str:
    """Return the text with every invisible character replaced by a space or an escape."""
    if text.isascii():
        if text.isprintable():
            return text
        return "".join(c if c.isprintable() else _escape(c) for c in re.sub(_SPACES, " ", text))
    from unicodedata import category  # imported late: few runs need its table

    shown, marks = [], 0
    for c in re.sub(_SPACES, " ", text):
        marks = marks + 1 if category(c) in ("Mn", "Me") else 0
        visible = c.isprintable() and marks <= _MOST_MARKS and not re.match(_BLANK, c)
        shown.append(c if visible else _escape(c))
    return "".join(shown)


def _escape(c: str) -> str:
    number = ord(c)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


# ---------------------------------------------------------------- times, counts and lists


def seconds(took: float | None) -> str:
    """Return a duration in seconds as text: "0.4 ms", "51 ms", "1.2 s", "2 min 13 s"; "" for None."""
    if took is None:
        return ""
    if took < 0.00005:
        return "<0.1 ms"
    if took < 0.00995:
        return f"{took * 1000:.1f} ms"
    if took < 0.9995:
        return f"{took * 1000:.0f} ms"
    if took < 60:
        return f"{took:.1f} s"
    return f"{int(took) // 60} min {int(took) % 60} s"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return "1 address", "3 ports"; `nouns` is the plural where it is not `noun` with an s."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def words(items: Iterable[str], last: str = "and") -> str:
    """Return a list as text: "a", "a and b", "a, b and c"."""
    listed = list(items)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} {last} {listed[-1]}"


# ---------------------------------------------------------------- addresses and names


def bracketed(host: str) -> str:
    """Return the host as written before a port: an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def at(host: str, port: int) -> str:
    """Return host and port as text: "10.0.4.2:8080", "[fd00::2]:8080"."""
    return f"{bracketed(host)}:{port}"


def is_ipv4(text: str) -> bool:
    """Return whether the text is an IPv4 address: four decimal numbers, without leading zeros (some read octal)."""
    parts = text.split(".")
    return len(parts) == 4 and all(_is_octet(part) for part in parts)


def _is_octet(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255 and str(int(part)) == part


def is_address(text: str) -> bool:
    """Return whether the text is an IPv4 address, or an IPv6 address without brackets; a zone (RFC 4007) is allowed."""
    if ":" not in text:
        return is_ipv4(text)
    from ipaddress import AddressValueError, IPv6Address  # imported late: names and IPv4 addresses do not need it

    try:
        IPv6Address(text.partition("%")[0])
    except AddressValueError:
        return False
    return True


def nearest(word: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Return up to `most` known words that are similar to `word`, best first. `cutoff`: 0 (any word) to 1 (equal)."""
    from difflib import get_close_matches  # imported late: only an error needs it

    return get_close_matches(word.lower(), list(known), most, cutoff)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: " (did you mean 'owner'?)", "" if no known word is similar."""
    found = nearest(word, known)
    return f" (did you mean {found[0]!r}?)" if found else ""


# ---------------------------------------------------------------- lines and columns


def width(text: str) -> int:
    """Return the terminal columns of the text: wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, columns: int) -> str:
    """Return the text in at most `columns` columns; an ellipsis marks what was cut."""
    if width(text) <= columns:
        return text
    return _fitting(text, columns - 1, least=0).rstrip() + ELLIPSIS[: max(columns, 0)]


def shorter(text: str, most: int) -> str:
    """Return the text in at most `most` characters, cut after a sentence where possible; an ellipsis marks the cut."""
    if len(text) <= most:
        return text
    whole = text[: max(most - 3, 0)].rpartition(". ")[0]
    return f"{whole}. {ELLIPSIS}" if len(whole) > most // 3 else clean(text, most)


def sentence(text: str) -> str:
    """Return the text with a capital at its start and a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".:?…" else ".")


def wrapped(text: str, columns: int) -> list[str]:
    """Return the text in lines of at most `columns` columns, broken at spaces, not between a number and its unit.

    A word that is longer than a line is broken inside. A line has at least one column.
    """
    columns = max(columns, 1)
    lines, line = [], ""
    for word in re.sub(_UNIT, "\u00a0", " ".join(text.split())).split(" "):
        word = word.replace("\u00a0", " ")
        while width(word) > columns:
            room = columns - width(line) - (1 if line else 0)
            if room < columns // 2 and line:
                lines.append(line)
                line, room = "", columns
            head = _fitting(word, room)
            lines.append(f"{line} {head}" if line else head)
            line, word = "", word[len(head) :]
        joined = f"{line} {word}" if line else word
        if width(joined) > columns:
            lines.append(line)
            line = word
        else:
            line = joined
    return [*lines, line] if line else lines


def _fitting(word: str, columns: int, least: int = 1) -> str:
    taken = 0
    for place, c in enumerate(word):
        taken += width(c)
        if taken > columns:
            return word[: max(place, least)]
    return word


# ---------------------------------------------------------------- phrases of cause files

# Blank of a phrase -> the pattern of the text it stands for.
PHRASE_BLANKS = {
    "host": r"\[[0-9a-f:.%\w]{2,60}\]|[0-9a-f]{0,4}:[0-9a-f:.]{1,45}|[\w*][\w.-]{0,252}",
    "port": r"[0-9]{1,5}(?![0-9])",
    "address": r"[^\s,;]{1,80}",
    "code": r"\S{1,60}",
    "number": r"-?[0-9a-z]{1,10}(?![0-9a-z])",
    "text": r"[^\r\n]{1,80}?",
}
_GROUPS = ("host", "port", "address", "number")


def phrase_pattern(phrase: str) -> re.Pattern[str]:
    """Return the pattern that finds a phrase of a cause file (`prints`, `answers`) in a text, ignoring case.

    Only whole words and numbers match: "530" is found in "530 busy" and in "#530Busy", not in "5300". A blank,
    written ``{name}``, matches 1 to 80 characters of one line; ``{host}`` and ``{address}`` match a name or an
    address, ``{port}`` a number, ``{code}`` one word, ``{number}`` the number of an error; a space matches spaces and
    tabs. Groups: `host`, `address`, `port`, `number`, each for its first blank. Blanks are atomic groups, so that a
    hostile text cannot make the match slow.
    """
    phrase = phrase.strip()
    first, *rest = re.split(r"\{([^{}]*)\}", phrase)
    parts = [_literal(first)]
    for place, (name, literal) in enumerate(zip(rest[::2], rest[1::2], strict=True)):
        blank = PHRASE_BLANKS.get(name, PHRASE_BLANKS["text"])
        group = f"?P<{name}>" if name in _GROUPS and name not in rest[: 2 * place : 2] else "?:"
        parts.append(f"(?>({group}{blank}){_literal(literal)})")
    before, after = _edge(phrase[:1]), _edge(phrase[-1:])
    return re.compile(rf"(?<!{before}){''.join(parts)}(?!{after})", re.IGNORECASE)


def _literal(text: str) -> str:
    return "[ \\t]++".join(map(re.escape, text.split(" ")))


def _edge(c: str) -> str:
    """Return the class of characters that would continue the word or number that begins or ends with this one."""
    return r"\d" if c.isdigit() else r"[^\W\d_]" if c.isalpha() else r"[^\s\S]"
