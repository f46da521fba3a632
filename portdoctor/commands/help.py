"""`portdoctor help [COMMAND]`"""

from typing import Annotated, Any

import typer

from . import COMMANDS
from .output.stdout import Stdout


def help(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]...", autocompletion=lambda: [*COMMANDS], help="check, or lab run."),
    ] = None,
) -> None:
    """Show the help of a command, or the list of commands."""
    shown: Any = ctx.find_root()
    for name in command or []:
        if not hasattr(shown.command, "resolve_command"):  # it has no commands of its own
            break
        name, found, _ = shown.command.resolve_command(shown, [name])
        shown = typer.Context(found, info_name=name, parent=shown)
    Stdout().print(shown.get_help())
