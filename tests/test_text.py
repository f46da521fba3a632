"""The sanitiser: no control, invisible or bidirectional character passes, whatever the input."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portdoctor.text import (
    at,
    clean,
    cut,
    is_clean,
    phrase_pattern,
    plural,
    seconds,
    sentence,
    visible,
    width,
    words,
    wrapped,
)

ANYTHING = st.text(st.characters(), max_size=300)  # surrogates, controls and private use included
HARMFUL = (
    *map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)),  # C0, DEL, C1
    *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f", "\u061c",  # bidi
    "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e",  # zero-width and soft hyphen
    "\u2028", "\u2029", "\ud800", "\udfff", "\ue000", "\U000e0041", "\U0010ffff", "\u3164", "\u2800", "\ufe0f",
)  # fmt: skip


def seen(text: str) -> bool:
    """The same rule by another definition: the general categories of Unicode."""
    return all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in text)


@given(ANYTHING, st.integers(1, 120))
def test_nothing_harmful_passes_and_the_length_is_bounded(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert seen(cleaned)
    assert is_clean(cleaned)
    assert len(cleaned) <= limit


@given(ANYTHING, st.integers(1, 120))
def test_cleaning_twice_changes_nothing(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert clean(once, limit) == once


@given(st.binary(max_size=300), st.integers(1, 120))
def test_bytes_are_shown_readably(data: bytes, limit: int) -> None:
    cleaned = clean(data, limit)
    assert seen(cleaned)
    assert len(cleaned) <= limit


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80))
def test_harmless_text_is_unchanged(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("c", HARMFUL, ids=lambda c: f"U+{ord(c):04X}")
def test_each_harmful_character_becomes_visible(c: str) -> None:
    cleaned = clean(f"a{c}b")
    assert cleaned in ("a b", f"a\\x{ord(c):02x}b", f"a\\u{ord(c):04x}b", f"a\\U{ord(c):08x}b")
    assert not is_clean(f"a{c}b")


def test_text_in_any_script_is_unchanged() -> None:
    for text in ("Zürich", "日本語", "Привет", "שלום", "ภาษาไทย", "हिन्दी", "naïve — ok… ✗ ──"):
        assert clean(text) == text


def test_a_line_is_one_line() -> None:
    assert clean("220 mail\r\n250-ok\n\ttab") == "220 mail 250-ok  tab"


def test_an_escape_sequence_is_shown_as_text() -> None:
    assert clean(b"\x1b]0;owned\x07\x1b[2J") == r"\x1b]0;owned\x07\x1b[2J"


def test_combining_marks_are_limited() -> None:
    assert clean("Z" + "\u0301" * 50, 200).count("\u0301") == 4


def test_cut_text_ends_in_an_ellipsis_and_ten_megabytes_are_cheap() -> None:
    assert clean("x" * 10_000_000, 10) == "xxxxxxxxx…"
    assert clean(b"\xff" * 10_000_000, 9) == r"\xff\xff…"
    assert clean("abc", 3) == "abc"


def test_line_feeds_are_clean_only_when_allowed() -> None:
    assert is_clean("a\nb", lines=True)
    assert not is_clean("a\nb")
    assert not is_clean("a\rb", lines=True)


@pytest.mark.parametrize(
    ("took", "text"),
    [(None, ""), (0.0, "<0.1 ms"),
     (0.0004, "0.4 ms"), (0.00996, "10 ms"), (0.0512, "51 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"),
     (1.23, "1.2 s"), (133.0, "2 min 13 s")],
)  # fmt: skip
def test_times_for_people(took: float | None, text: str) -> None:
    assert seconds(took) == text


def test_plurals_lists_addresses_and_sentences() -> None:
    assert plural(1, "address", "addresses") == "1 address"
    assert plural(2, "SYN") == "2 SYNs"
    assert words(["a", "b", "c"]) == "a, b and c"
    assert words(["a"]) == "a"
    assert words([]) == ""
    assert at("2001:db8::1", 443) == "[2001:db8::1]:443"
    assert sentence("no address") == "No address."
    assert sentence("why?") == "Why?"


@given(ANYTHING.map(visible), st.integers(4, 100))
def test_wrapped_text_fits_and_loses_nothing(text: str, columns: int) -> None:
    lines = wrapped(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_number_keeps_its_unit() -> None:
    assert wrapped("no response in 1.9 s at all", 18) == ["no response in", "1.9 s at all"]


@given(ANYTHING.map(visible), st.integers(1, 40))
def test_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("too many connections", "FATAL:  Too many\tconnections for role", True),
        ("530", "5300 bytes", False),
        ("#08004", "#08004Too many connections", True),
        ("too many connections", "#08004Too many connections", True),
        ("too many connections", "too many connectionsets", False),
        ("C53300", "SFATAL C53300 Mtoo many", True),
        ("Host {address} is not allowed", "Host '10.0.0.7' is not allowed to connect", True),
        ("Host {address} is not allowed", f"Host {'x' * 81} is not allowed", False),
        ("Host {address} is not allowed", "Host 10.0.0.7\nis not allowed", False),
        ("pg_hba.conf", "pg_hbaXconf", False),
    ],
)
def test_a_phrase_of_a_cause_file_is_found_as_whole_words(phrase: str, text: str, found: bool) -> None:
    assert bool(phrase_pattern(phrase).search(text)) is found


def test_the_blanks_of_a_phrase_name_the_target() -> None:
    pattern = phrase_pattern('server at "{host}" ({address}), port {port}')
    found = pattern.search('connection to server at "db" (10.0.0.5), port 5432 failed')
    assert found
    assert found.groupdict() == {"host": "db", "address": "10.0.0.5", "port": "5432"}
    six = phrase_pattern("connect {code} {host}:{port}").search("connect ECONNREFUSED ::1:5432")
    assert six
    assert six.group("host", "port") == ("::1", "5432")
    assert not phrase_pattern("port {port} is").search("port 123456 is")
    twice = phrase_pattern("{host} or {host}").search("a or b")
    assert twice
    assert twice["host"] == "a"
