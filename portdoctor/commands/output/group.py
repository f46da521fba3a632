"""The commands and groups as typer classes: implied `check`, suggestions for misspelt words, examples in the help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typer.core import TyperGroup

from ...target import UsageError
from ...target.words import looks_like_target
from ...text import clean, did_you_mean, words
from .. import COMMANDS, DIAGNOSING, EXAMPLES
from .settings import ConfiguredCommand

_FIRST = dict(next(iter(EXAMPLES[name].items())) for name in ("check", "bind", "explain", "port", "listening", "lab"))


class Command(ConfiguredCommand):
    """A command whose help ends with examples and, if it diagnoses, with the exit codes."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        write_list(formatter, "Examples", EXAMPLES.get(ctx.info_name, {}))
        if ctx.info_name in DIAGNOSING:
            write_list(formatter, "Exit codes", ctx.find_root().command.exit_codes)


class Commands(TyperGroup):
    """A group whose unknown commands are refused with a similar one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        if args[0] not in known and not ctx.resilient_parsing:
            raise UsageError(_unknown(args, known, ctx.command_path))
        return super().resolve_command(ctx, args)


class Root(Commands):
    """The group of all commands. A command line that begins with a target is one of `check`.

    Options before the target are those of `check`. A word that can be a misspelt command is never taken as a target.
    """

    exit_codes: ClassVar[dict[str, str]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in COMMANDS if name in self.commands]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        write_list(formatter, "Examples", _FIRST)
        write_list(formatter, "Exit codes", self.exit_codes)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
        if args and implies_check(args) and args[0].partition("=")[0] not in own:
            if args[0].startswith("-"):
                self._refuse_other_words(ctx, args)
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def _refuse_other_words(self, ctx: Any, args: list[str]) -> None:
        check: Any = self.get_command(ctx, "check")
        quiet = ctx.resilient_parsing
        with check.context_class(check, info_name="check", parent=ctx, resilient_parsing=quiet) as inner:
            typed = check.make_parser(inner).parse_args([*args])[0].get("targets") or ()
        if quiet or not typed or looks_like_target(typed[0]):
            return
        if typed[0] in COMMANDS:
            raise UsageError(f"option {args[0]} before the command: write {ctx.command_path} {typed[0]} {args[0]}")
        raise UsageError(_unknown(typed, COMMANDS, ctx.command_path))


def write_list(formatter: Any, heading: str, rows: Mapping[str, str]) -> None:
    """Write a section of a help text: each word or command line with its meaning."""
    if rows:
        with formatter.section(heading):
            formatter.write_dl([*rows.items()])


def implies_check(args: Sequence[str]) -> bool:
    """Return whether a command line without a command can be one of `check`: it begins with a target, or an option."""
    return bool(args) and (args[0].startswith("-") or looks_like_target(args[0]))


def message_of(error: Any) -> str:
    """Return the message of an error of the command line in the form of our own."""
    if hasattr(error, "possibilities"):
        near = words([*(error.possibilities or ())][:3], "or")
        return f"unknown option {clean(error.option_name, 60)}" + (f" (did you mean {near}?)" if near else "")
    message = str(error.format_message())
    return message[:1].lower() + message[1:].rstrip(".")


def _unknown(typed: Sequence[str], known: Sequence[str], path: str) -> str:
    name = clean(typed[0], 60)
    if hint := did_you_mean(name, known):
        return f"unknown command {name!r}{hint}"
    if len(path.split()) > 1:
        return f"unknown command {name!r}: `{path} --help` lists the commands"
    port = typed[1] if typed[1:] and typed[1].isdigit() else "443"
    return f"unknown command {name!r}: write {path} {name}:{port} to check a host; `{path} help` lists the commands"
