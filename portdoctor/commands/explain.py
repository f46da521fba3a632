"""`portdoctor explain NAME`"""

import sys
from typing import Annotated

import typer

from . import Usage
from .options import Causes
from .reading import catalogue_of, names
from .saying import put

_MOST = 64 * 1024  # characters of a pasted error that are looked at


def explain(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", autocompletion=names, help="A symptom, a cause, or an error."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="All symptoms and causes.")] = False,
    causes: Causes = None,
) -> None:
    """Explain a symptom, a cause, or a pasted error message."""
    from ..explaining import explain_text, listing

    catalogue = catalogue_of(causes)
    if list_:
        put(listing(catalogue))
        return
    words = " ".join(name or [])
    if not words and not sys.stdin.isatty():
        words = sys.stdin.read(_MOST)
    if not words.strip():
        raise Usage("Name a cause or a symptom: portdoctor explain tcp.no-listener. `explain --list` shows all.")
    text = explain_text(words.strip(), catalogue)
    if text.startswith("Nothing here is called"):
        raise Usage(text)
    put(text)
