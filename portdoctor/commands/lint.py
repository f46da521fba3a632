"""`portdoctor lint [DIR]...`"""

from typing import Annotated

import typer

from ..target import UsageError
from ..text import clean
from .output.reading import site_folders
from .output.stdout import Stdout


def lint(
    ctx: typer.Context,
    causes: Annotated[
        list[str] | None, typer.Argument(metavar="[DIR]...", help="Check these folders instead of the configured ones.")
    ] = None,
) -> None:
    """Check cause files.

    Checks the built-in ones and those in the configured folders, or those in DIR.

    Exit status: 0 no errors, 1 errors, 2 a folder cannot be read.
    """
    from ..catalogue.cause import CauseError
    from ..catalogue.folders import HERE, read_folder
    from ..catalogue.lint import lint

    named = causes or []
    source = ctx.get_parameter_source("causes")
    folders = named if source and source.name == "COMMANDLINE" else [HERE, *site_folders(named)]
    try:
        errors = lint(folders, needed=named)
        count = sum(len(read_folder(folder)) for folder in folders)
    except CauseError as error:
        raise UsageError(str(error)) from None
    errors = [clean(error, 1000) for error in errors]
    Stdout().print("\n".join(errors) if errors else f"{count} cause files, no errors")
    if errors:
        raise typer.Exit(1)


def refuse_errors() -> None:
    """Raise UsageError with one line per error in the built-in cause files."""
    from ..catalogue.folders import HERE
    from ..catalogue.lint import lint

    if errors := lint([HERE]):
        raise UsageError("\n".join(errors))


def errors_behind(error: BaseException) -> str:
    """Return the lint errors of the built-in cause files if one of them caused `error`, else ""."""
    from ..catalogue.cause import CauseError

    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, CauseError):
        return ""
    try:
        refuse_errors()
    except (UsageError, CauseError) as found:
        return str(found)
    return str(error)
