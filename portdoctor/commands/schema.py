"""`portdoctor schema`"""

from typing import Annotated

import typer

from ..target import UsageError
from .output.stdout import Stdout

# what has a schema -> its module in render
_KINDS = {"report": "json", "port": "port", "listening": "listening", "plan": "plan"}


def schema(
    of: Annotated[
        str,
        typer.Argument(metavar="[report|port|listening|plan]", autocompletion=lambda: [*_KINDS], help="Which JSON."),
    ] = "report",
) -> None:
    """The JSON Schema of a report, or of what `port`, `listening` and `check --plan` write with --json."""
    import importlib
    import json

    if of not in _KINDS:
        raise UsageError(f"There are schemas of {', '.join(_KINDS)}; {of!r} is none of them.")
    Stdout().print(json.dumps(importlib.import_module(f"..render.{_KINDS[of]}", __package__).schema(), indent=2))
