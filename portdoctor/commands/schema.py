"""`portdoctor schema`"""

from typing import Annotated

import typer

from ..target import UsageError
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
    """Print the JSON Schema of a report, or of the --json output of `port`, `listening` or `check --plan`."""
    import importlib
    import json

    if of not in _KINDS:
        raise UsageError(f"unknown schema {of!r}: write one of {', '.join(_KINDS)}")
    Stdout().print(json.dumps(importlib.import_module(f"..render.{_KINDS[of]}", __package__).schema(), indent=2))
