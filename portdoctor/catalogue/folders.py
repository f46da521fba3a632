"""Reads folders of cause files: PortDoctor's own, and those of a site."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .cause import Catalogue, CauseError

HERE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "causes")


def load_catalogue(folders: Iterable[str] = ()) -> Catalogue:
    """Return PortDoctor's causes and those of the given folders; a file there replaces the one of the same name.

    Raises CauseError for a folder that cannot be read.
    """
    texts: dict[str, tuple[str, str]] = {}
    for folder in (HERE, *folders):
        texts |= read_folder(folder)
    return Catalogue(texts)


def read_folder(folder: str) -> dict[str, tuple[str, str]]:
    """Return the cause files of a folder: name -> (path, text); bytes that are not UTF-8 become surrogates.

    Raises CauseError for a folder or a file that cannot be read.
    """
    texts = {}
    path = folder
    try:
        with os.scandir(folder) as entries:
            phases = sorted(entry.name for entry in entries if entry.is_dir())
        for phase in phases:
            for name in sorted(os.listdir(os.path.join(folder, phase))):
                if name.endswith(".md"):
                    path = os.path.join(folder, phase, name)
                    with open(path, encoding="utf-8", errors="surrogateescape") as file:
                        texts[f"{phase}.{name[:-3]}"] = (path, file.read())
    except OSError as error:
        raise CauseError(f"{path}: cannot read the cause files: {error.strerror}") from None
    return texts
