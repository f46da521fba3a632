"""Applies one function to every string of a report and its diagnosis. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ..model import Diagnosis, Report
from ..text import clean

T = TypeVar("T")


def map_text(value: T, change: Callable[[str], str]) -> T:
    """The value with every string changed, including keys of mappings; enumeration members stay."""
    return _map(value, change)  # type: ignore[no-any-return]


def _map(value: Any, change: Callable[[str], str]) -> Any:
    if type(value) is str:
        return change(value)
    if isinstance(value, tuple):
        return tuple([_map(item, change) for item in value])
    if isinstance(value, dict):
        return {_map(key, change): _map(item, change) for key, item in value.items()}
    if isinstance(value, msgspec.Struct):
        new = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            if (changed := _map(old, change)) is not old:
                new[name] = changed
        return msgspec.structs.replace(value, **new) if new else value
    return value


def texts(value: Any) -> list[str]:
    """Every string in the value, in order."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    map_text(value, keep)
    return found


def cleaned(report: Report, diagnosis: Diagnosis, limit: int = 500) -> tuple[Report, Diagnosis]:
    """Both with clean text only. Every renderer begins with this, since a recorded report may come from anywhere."""

    def change(text: str) -> str:
        return clean(text, limit)

    return map_text(report, change), map_text(diagnosis, change)
