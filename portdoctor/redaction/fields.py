"""Applies a function to every text of a report, with what its field declares the text to be (model.py). Pure."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T")
Change = Callable[[str, str], str]
"""(what the text is, the text) -> the new text"""


def map_fields(value: T, change: Change) -> T:
    """Return the value with every text changed, in the order of the fields. A closed set of words stays as it is."""
    return _map(value, type(value), change)  # type: ignore[no-any-return]


@cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def what_is(hint: Any) -> str | None:
    """Return what a type of text declares it to be: "text" where it declares nothing, None for a closed set."""
    for each in _alternatives(hint):
        if each is str:
            return "text"
        for meta in getattr(each, "__metadata__", ()):
            if isinstance(meta, msgspec.Meta) and (form := meta.extra or meta.extra_json_schema):
                return str(form.get("text") or form["format"])
    return None if any(get_origin(each) is Literal for each in _alternatives(hint)) else "text"


def _map(value: Any, hint: Any, change: Change) -> Any:
    if type(value) is str:
        what = what_is(hint)
        return value if what is None else change(what, value)
    if isinstance(value, msgspec.Struct):
        hints = _hints(type(value))
        new = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            if (changed := _map(old, hints[name], change)) is not old:
                new[name] = changed
        return msgspec.structs.replace(value, **new) if new else value
    if isinstance(value, tuple):
        inner = get_args(next(h for h in _alternatives(hint) if get_origin(h) is tuple))
        each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple([_map(item, of, change) for item, of in zip(value, each, strict=True)])
    if isinstance(value, dict):
        key_of, of = get_args(next(h for h in _alternatives(hint) if get_origin(h) is dict))
        return {_map(key, key_of, change): _map(item, of, change) for key, item in value.items()}
    return value


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Annotated and get_args(hint)[0] is not str:
        hint = get_args(hint)[0]
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
