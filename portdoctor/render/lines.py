"""Text with styles that a reader may lose: lines of spans, so that colour stays optional. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ..text import visible


class Span(NamedTuple):
    """A piece of a line; `style` is a word of the terminal's ("bold", "red", "dim"), empty for none."""

    text: str
    style: str = ""


Line = tuple[Span, ...]
_ASCII = {
    "──": "--", "─✗": "-x", "✗": "x", "─": "-", "→": "->", "…": "...", "·": "-", "–": "-", "—": "-",
    "‘": "'", "’": "'", "“": '"', "”": '"', "≈": "~", "≤": "<=", "≥": ">=", "×": "x",
}  # fmt: skip


def line(*spans: Span | str) -> Line:
    """One line; plain strings have no style. The last gate: what cannot be seen is made visible here at the latest."""
    named = (Span(s) if isinstance(s, str) else s for s in spans)
    return tuple(s._replace(text=visible(s.text)) for s in named if s.text)


def plain(lines: list[Line], encoding: str = "utf-8") -> str:
    """The lines without styles, in characters that the encoding has; ends with a line feed unless empty."""
    return "".join(encodable("".join(s.text for s in each).rstrip() + "\n", encoding) for each in lines)


def encodable(text: str, encoding: str = "utf-8") -> str:
    """The text in characters that the encoding has: lines and arrows in ASCII, the rest as escapes.

    Raises LookupError for an encoding that Python does not know.
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for sign, ascii_sign in _ASCII.items():
            text = text.replace(sign, ascii_sign)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text
