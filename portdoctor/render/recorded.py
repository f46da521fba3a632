"""Checks the values of a recorded report that its types leave open: addresses, names, times, words and ids. Pure.

A report may come from anybody. What is not an address must not stand where commands and signs expect one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from ..text import clean, is_address

_ZONE = r"(?:%[A-Za-z0-9_.:@+-]{1,64})?"
_NAME = re.compile(r"(?!-)[A-Za-z0-9_*.-]{1,255}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+*/-]{0,63}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
_ID = re.compile(r"(?:[a-z]{1,2}\.)?o\d{1,6}")


def _is_address(text: str) -> bool:
    return len(text) < 120 and re.fullmatch(rf"[0-9A-Fa-f.:]+{_ZONE}", text) is not None and is_address(text)


def _is_network(text: str) -> bool:
    address, slash, bits = text.partition("/")
    size = 128 if ":" in address else 32
    known = not slash or (bits.isascii() and bits.isdigit() and len(bits) < 4 and int(bits) <= size)
    return known and _is_address(address)


def _is_time(text: str) -> bool:
    if not text:
        return True  # not known
    try:
        return _TIME.fullmatch(text) is not None and bool(datetime.fromisoformat(text.removesuffix("Z")))
    except ValueError:
        return False


# Form, as named in the model -> whether a text has it, and what a text that has it is.
_FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    "address": (_is_address, "an IP address"),
    "network": (_is_network, "an IP address or network"),
    "host": (lambda text: _NAME.fullmatch(text) or _is_address(text), "a host name or an IP address"),
    "word": (_WORD.fullmatch, "a word of letters, digits and hyphens"),
    "time": (_is_time, "a time such as 2026-11-22T09:14:03Z"),
    "id": (lambda text: not text or _ID.fullmatch(text), "the id of an observation, such as o3"),
}


def faults(value: msgspec.Struct, where: str = "") -> Iterator[str]:
    """Yield a sentence for each text in the value that does not have the form that the model gives to its field."""
    for name, form in _fields(type(value)):
        for at, text in _leaves(getattr(value, name), f"{where}.{name}" if where else name):
            if isinstance(text, msgspec.Struct):
                yield from faults(text, at)
            elif form and not _FORMS[form][0](text):
                yield f"{at}: {clean(text, 60)!r} is not {_FORMS[form][1]}"


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Yield the texts and structs in a field, with their places."""
    if type(value) is str or isinstance(value, msgspec.Struct):
        yield at, value
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{at}[{number}]")


@cache
def _fields(kind: type) -> tuple[tuple[str, str], ...]:
    """Return the fields of a struct with their forms, "" for free text."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple((name, _form(hints[name])) for name in kind.__struct_fields__)  # type: ignore[attr-defined]


def _form(hint: Any) -> str:
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and (form := (meta.extra_json_schema or {}).get("format")):
            return str(form)
    return next((form for each in get_args(hint) if (form := _form(each))), "")
