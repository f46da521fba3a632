"""Reads the cause files of a folder: ours, and those of a site."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .cause import Action, Catalogue, Cause, CauseError

__all__ = ["Action", "Catalogue", "Cause", "CauseError", "load"]
HERE = os.path.join(os.path.dirname(__file__), "causes")


def load(folders: Iterable[str] = ()) -> Catalogue:
    """Our causes and those of the given folders (a file there replaces one of ours of the same name).

    Raises CauseError for a folder that cannot be read.
    """
    texts: dict[str, tuple[str, str]] = {}
    for folder in (HERE, *folders):
        texts |= _read(folder)
    return Catalogue(texts)


def _read(folder: str) -> dict[str, tuple[str, str]]:
    texts = {}
    try:
        phases = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        for phase in phases:
            for entry in os.scandir(os.path.join(folder, phase)):
                if entry.name.endswith(".md"):
                    with open(entry.path, encoding="utf-8") as file:
                        texts[f"{phase}.{entry.name[:-3]}"] = (entry.path, file.read())
    except OSError as error:
        raise CauseError(f"{folder}: cannot read the causes there: {error.strerror}") from None
    return texts
