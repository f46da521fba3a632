"""Lines of styled spans, so that colour is optional. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ..text import visible


class Span(NamedTuple):
    """A piece of a line; `style` is a terminal style ("bold", "red", "dim"), "" for none."""

    text: str
    style: str = ""


Line = tuple[Span, ...]
# A single quote has no replacement by the ASCII one, which would end a quoted word in a command.
_ASCII = {
    "──": "--", "─✗": "-x", "✗": "x", "─": "-", "→": "->", "…": "...", "·": "-", "–": "-", "—": "-",
    "“": '"', "”": '"', "≈": "~", "≤": "<=", "≥": ">=", "×": "x",
}  # fmt: skip


def line(*spans: Span | str) -> Line:
    """One line; plain strings have no style. Invisible characters that are still in the text become escapes."""
    named = (Span(s) if isinstance(s, str) else s for s in spans)
    return tuple(s._replace(text=visible(s.text)) for s in named if s.text)


def plain(lines: list[Line], encoding: str = "utf-8") -> str:
    """The lines without styles, in characters that the encoding has; ends with a line feed unless empty."""
    return "".join(encodable("".join(s.text for s in each).rstrip() + "\n", encoding) for each in lines)


def encodable(text: str, encoding: str = "utf-8") -> str:
    """The text in characters that the encoding has: lines and arrows become ASCII, the rest escapes.

    Raises LookupError for an encoding that Python does not know.
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for sign, ascii_sign in _ASCII.items():
            text = text.replace(sign, ascii_sign)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text
