"""The words that are no secret: those that this package itself uses, of the protocols, systems and programs it knows.

A word counts as known if a file of the package uses it, so that a new cause or sentence needs no entry here. Words of
the outside world that the package does not use are in ``data/words.txt``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent.parent
_TOKEN = re.compile(r"[^\W_]+(?:[-_.'+][^\W_]+)*")
# Not words: names and addresses of examples, hexadecimal digits, escapes.
_EXAMPLE = re.compile(r"\d+(?:\.\d+){3}.*|(?=.*\d)[0-9a-f]+|(?:0?x|u)[0-9a-f]{2,}\w*")
_SECTIONS = re.compile(r"[-_'+]")


@cache
def vocabulary() -> frozenset[str]:
    """Return the known words in lower case: single words, and those joined by a hyphen, a dot or an underscore."""
    found: set[str] = set()
    phases = {entry.stem for folder in ("causes", "signs") for entry in (_HERE / folder).iterdir()}
    files = (*_HERE.rglob("*.py"), *(_HERE / "causes").rglob("*.md"), *(_HERE / "data").glob("*.t[ox]*"))
    for file in files:
        for token in set(_TOKEN.findall(file.read_text(encoding="utf-8").lower())):
            found.add(token)
            first, dot, rest = token.partition(".")
            if not dot:
                found.update(_SECTIONS.split(token))
            elif first in phases:  # a cause or a sign
                found.add(rest)
    return frozenset(word for word in found if not _EXAMPLE.fullmatch(word) and "example" not in word)
