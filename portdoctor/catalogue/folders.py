"""Reads the cause files of a folder: ours, and those of a site."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .cause import Action, Catalogue, Cause, CauseError

__all__ = ["Action", "Catalogue", "Cause", "CauseError", "load", "read"]
HERE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "causes")


def load(folders: Iterable[str] = ()) -> Catalogue:
    """Our causes and those of the given folders (a file there replaces one of ours of the same name).

    Raises CauseError for a folder that cannot be read.
    """
    texts: dict[str, tuple[str, str]] = {}
    for folder in (HERE, *folders):
        texts |= read(folder)
    return Catalogue(texts)


def read(folder: str) -> dict[str, tuple[str, str]]:
    """The cause files of a folder: name -> (path, text). Raises CauseError for what cannot be read."""
    texts = {}
    path = folder
    try:
        with os.scandir(folder) as found:
            phases = sorted(entry.name for entry in found if entry.is_dir())
        for phase in phases:
            for name in sorted(os.listdir(os.path.join(folder, phase))):
                if name.endswith(".md"):
                    path = os.path.join(folder, phase, name)
                    with open(path, encoding="utf-8") as file:
                        texts[f"{phase}.{name[:-3]}"] = (path, file.read())
    except OSError as error:
        raise CauseError(f"{folder}: cannot read the causes there: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CauseError(f"{path}:{line}: the file is not UTF-8") from None
    return texts
