"""Finds every error in cause files, PortDoctor's and a site's, by the same rules: `path:line: key: sentence`."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator

from .cause import Catalogue, CauseError, parse_cause
from .folders import HERE, load_catalogue, read_folder
from .lint_front import of_front, of_keys
from .lint_page import Finding, of_page

_PART = re.compile(r"[a-z][a-z0-9-]*")


def lint(folders: Iterable[str], needed: Collection[str] = ()) -> list[str]:
    """Return the errors in these folders of cause files, each checked together with PortDoctor's own causes.

    `needed`: folders that must have a cause file. Raises CauseError for a folder that cannot be read.
    """
    each = list(folders)
    catalogue = load_catalogue(folder for folder in each if folder != HERE)
    found: list[str] = []
    for folder in each:
        texts, misplaced = read_folder(folder), _misplaced(folder)
        for path in misplaced:
            found.append(f"{path}:1: the file must be in the folder of its phase, such as tcp/{os.path.basename(path)}")
        if not texts and not misplaced and folder in needed:
            found.append(f"{folder}: no cause files: write one as PHASE/NAME.md, such as tcp/not-on-vpn.md")
        found += lint_texts(texts, catalogue)
    return found


def lint_texts(texts: dict[str, tuple[str, str]], catalogue: Catalogue) -> list[str]:
    """Return the errors in the files `name -> (path, text)`. `catalogue` has every cause that they may name."""
    found = []
    for name, (path, text) in sorted(texts.items()):
        found += [f"{path}:{line}: {wrong}" for line, wrong in sorted(set(_of_file(name, text, catalogue)))]
    return found


def _misplaced(folder: str) -> list[str]:
    """Return the cause files that are not in the folder of a phase."""
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if entry.name.endswith(".md") and _is_cause(entry.path))


def _is_cause(path: str) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline().startswith("+++")


def _of_file(name: str, text: str, catalogue: Catalogue) -> Iterator[Finding]:
    phase, _, rest = name.partition(".")
    for part, what in ((phase, "folder"), (rest, "file")):
        if not _PART.fullmatch(part):
            yield 1, f"invalid {what} name {part!r}: use lower-case letters, digits and hyphens"
    try:
        text.encode()
    except UnicodeEncodeError as error:  # `read_folder` keeps such bytes as surrogates
        yield text.count("\n", 0, error.start) + 1, "the file is not UTF-8"
        return
    parts = text.split("+++\n", 2)
    if len(parts) != 3 or parts[0].strip():
        yield 1, "the file does not begin with front matter between two +++ lines"
        return
    wrong = list(of_keys(parts[1]))
    yield from wrong
    if not wrong:
        try:
            cause = parse_cause(name, text, "")
        except CauseError:
            pass  # a page without a title, which `of_page` reports
        else:
            yield from of_front(cause, parts[1], catalogue)
    yield from of_page(parts[2], 2 + parts[1].count("\n"))
