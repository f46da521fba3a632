"""`portdoctor lint [DIR]...`"""

from typing import Annotated

import typer

from ..target import UsageError
from .output.reading import site_folders
from .output.stdout import Stdout


def lint(
    ctx: typer.Context,
    causes: Annotated[
        list[str] | None, typer.Argument(metavar="[DIR]...", help="Folders of cause files, instead of all known ones.")
    ] = None,
) -> None:
    """Check cause files: ours and those of the configured folders, or those in DIR.

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
    Stdout().print("\n".join(errors) if errors else f"{count} cause files, no errors")
    if errors:
        raise typer.Exit(1)


def refuse_errors() -> None:
    """Raise UsageError with a line for each error in our own cause files."""
    from ..catalogue.folders import HERE
    from ..catalogue.lint import lint

    if errors := lint([HERE]):
        raise UsageError("\n".join(errors))


def errors_behind(error: BaseException) -> str:
    """The linter's lines about our own cause files when one of them ended a command with `error`, else ""."""
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
