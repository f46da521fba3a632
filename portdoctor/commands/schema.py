"""`portdoctor schema`"""

from typing import Annotated

import typer

from ..target import UsageError
from ..text import did_you_mean, words
from .output.stdout import Stdout

# document with a schema -> its module in `render`
_KINDS = {"report": "json", "port": "port", "listening": "listening", "plan": "plan"}


def schema(
    of: Annotated[
        str,
        typer.Argument(
            metavar="[report|port|listening|plan]", autocompletion=lambda: [*_KINDS],
            help="The document that the schema describes.",
        ),
    ] = "report",
) -> None:
    """Print the JSON Schema of a report or another document.

    The others are the --json output of `port`, `listening` and `check --plan`.
    """
    import importlib
    import json

    if of not in _KINDS:
        hint = did_you_mean(of, _KINDS) or f": write {words(_KINDS, 'or')}"
        raise UsageError(f"unknown schema {of!r}{hint}")
    Stdout().print(json.dumps(importlib.import_module(f"..render.{_KINDS[of]}", __package__).schema(), indent=2))
