"""Runs the command line and returns its exit code. The only place that knows exit codes."""

from __future__ import annotations

import errno
import importlib
import os
import re
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import __version__
from .commands import COMMANDS, InternalError
from .commands.output import settings
from .commands.output.group import Command, Root, implies_check, message_of
from .commands.output.interrupts import installed
from .commands.output.stdout import silence
from .target import UsageError
from .text import clean

if TYPE_CHECKING:
    from .commands.output.loop import RunResult

OK, FAILED, USAGE, UNKNOWN, BUG = 0, 1, 2, 3, 70
INTERRUPTED, TERMINATED = 130, 143  # `Interrupts.exit_code`
EXIT_CODES = {
    OK: "All targets work, or match --expect.",
    FAILED: "At least one target fails, or does not match --expect.",
    UNKNOWN: "No target fails, but at least one is undetermined, or a target or line of a batch is invalid.",
    USAGE: "An error on the command line, in a setting, or in a site's cause files; nothing was probed.",
    BUG: "A bug in portdoctor.",
    INTERRUPTED: "Interrupted (SIGINT); the results up to then were reported.",
    TERMINATED: "Terminated (SIGTERM); the results up to then were reported.",
}
WARNING, CRITICAL = 1, 2  # of a Nagios plugin, where 3 is UNKNOWN too

_NAME = "portdoctor"  # regardless of argv[0]: shell completion depends on it
_COMPLETE = "_PORTDOCTOR_COMPLETE"  # typer's variable, by which a shell requests completions
_HAS_PLACE = re.compile(r".*?:\d+: ")  # "file:line: …"

# ClickException, from typer's own copy of click or from the real one, depending on its version.
_CommandLineError: Any = typer.BadParameter.__mro__[2]


class _Commands(Root):
    exit_codes = {str(code): says for code, says in sorted(EXIT_CODES.items())}  # noqa: RUF012


def _version(value: bool) -> None:
    if value:
        print(f"portdoctor {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("-V", "--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def build(named: str | None) -> typer.Typer:
    """Return the command line with only the command of that name, or with all commands if there is none.

    Importing and building all of them takes as long as a check of a refused port. So do the options for completion,
    which are valid only without a command.
    """
    app = typer.Typer(
        name=_NAME,
        cls=_Commands,
        add_completion=named in (None, "help") or _COMPLETE in os.environ,
        help="Find out why a connection fails, who must act, and what would prove it.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in [named] if named in COMMANDS and named != "help" else COMMANDS:
        if name == "lab":
            app.add_typer(importlib.import_module(".commands.lab", __package__).app, name="lab")
        else:
            module = importlib.import_module(f".commands.{name}", __package__)
            app.command(name, cls=Command)(getattr(module, name))
    return app


def exit_code(result: RunResult) -> int:
    """Return the exit code of a run. Precedence: 130 or 143, 1, 3, 0; --expect and Nagios have their own meanings."""
    if result.interrupted and not result.reader_closed:
        return installed().exit_code
    vague = result.unreadable or result.reader_closed
    if result.nagios is not None:
        codes = {"failed": CRITICAL, "unknown": UNKNOWN, "warning": WARNING, "ok": OK}
        states = {*result.nagios, *(("unknown",) if vague else ())}
        return next((code for state, code in codes.items() if state in states), OK)
    if result.met is not None:
        return FAILED if False in result.met else UNKNOWN if None in result.met or vague else OK
    fine = ("ok", "undetermined") if result.strict else ("ok", "degraded", "undetermined")
    failed = any(symptom not in fine for symptom in result.symptoms)
    unknown = vague or "undetermined" in result.symptoms
    return FAILED if failed else UNKNOWN if unknown else OK


def main() -> int:
    """Run the command line of this process and return its exit code.

    2: invalid input, with one message. 70: a bug, with a traceback. 130: interrupted. 143: terminated (SIGTERM).
    """
    words = sys.argv[1:]
    try:
        return _run(words)
    except (UsageError, _CommandLineError) as error:
        message = str(error) if isinstance(error, UsageError) else message_of(error)
        if settings.chosen("format", words, os.environ) == "nagios":
            return _complain_to_nagios(message)
        _complain(message)
        return USAGE
    except BrokenPipeError:  # the reader of a help text or a list closed the pipe
        silence(sys.stdout)
        return UNKNOWN
    except (KeyboardInterrupt, typer.Abort):
        return installed().exit_code
    except InternalError as error:
        print(f"{error} This is a bug in portdoctor.", file=sys.stderr)
        return BUG
    except Exception as error:  # noqa: BLE001  a bug must never be shown as a network fault
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO):
            silence(sys.stdout)
            _complain(f"cannot write to stdout: {error.strerror}")
            return USAGE
        if _without_descriptors(error):  # before anything is imported, which would need one
            sys.unraisablehook = lambda _: None  # asyncio's half-made loop raises when it is collected
            _complain(f"this process cannot open another file: {os.strerror(errno.EMFILE)} (ulimit -n shows the limit)")
            return USAGE
        from .commands.lint import errors_behind

        if lines := errors_behind(error):
            _complain(lines)
            return USAGE
        import traceback

        if settings.chosen("redact", words, os.environ) or any(w.startswith("--redact") for w in words):
            _print_traceback(error)
        else:
            traceback.print_exc()
        print("This is a bug in portdoctor, not a fault of the network.", file=sys.stderr)
        return BUG


def _without_descriptors(error: BaseException | None) -> bool:
    """Whether the error, the failed import of a module, or what led to it is for lack of file descriptors."""
    texts = (os.strerror(errno.EMFILE), os.strerror(errno.ENFILE))
    while error is not None:
        if isinstance(error, OSError | ImportError) and any(text in str(error) for text in texts):
            return True
        error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
    return False


def _complain(message: str) -> None:
    """Print a message to stderr, each line after "error: " unless it begins with a file and a line number."""
    # A file name, a key or a value in it may have escape codes, or a megabyte.
    lines = (clean(line if _HAS_PLACE.match(line) else f"error: {line}", 1000) for line in message.split("\n") if line)
    try:
        print("\n".join(lines), file=sys.stderr, flush=True)
    except BrokenPipeError:
        silence(sys.stderr)


def _complain_to_nagios(message: str) -> int:
    """Print a message to stdout, where a monitoring system reads the one line of a plugin."""
    line = clean("; ".join(message.splitlines()).replace("|", "/"), 1000)
    try:
        print(f"PORTDOCTOR UNKNOWN - {line}", flush=True)
    except BrokenPipeError:
        silence(sys.stdout)
    return UNKNOWN


def _print_traceback(error: BaseException) -> None:
    """Print the traceback without the messages, which may contain secrets."""
    import traceback

    traceback.print_tb(error.__traceback__)
    print(type(error).__name__, file=sys.stderr)
    for inner in getattr(error, "exceptions", ()):  # of a group
        _print_traceback(inner)


def _run(words: list[str]) -> int:
    named = _command(_typed() or words)
    defaults: dict[str, object] = {}
    sources: dict[str, str] = {}
    if named in settings.COMMANDS and not {"-h", "--help"} & set(words):
        defaults, sources = _settings()
    default_map = {named: defaults} if defaults else {}  # an empty one would be the value of the option --version
    app = build(named)
    with installed().raising() if named == "lab" else nullcontext():  # the others state where they wait
        ended: object = app(prog_name=_NAME, standalone_mode=False, default_map=default_map, obj=sources)
    if installed().number and (ended is None or isinstance(ended, int)):
        return installed().exit_code
    if isinstance(ended, int):  # typer.Exit: --help, --version, the lab; or an interruption outside a check
        return ended
    return exit_code(ended) if ended is not None else OK  # type: ignore[arg-type]


def _command(words: list[str]) -> str | None:
    """Return the command of a command line; None for an unknown one, or none."""
    if words and words[0] in COMMANDS:
        return words[0]
    return "check" if implies_check(words) and not words[0].startswith("-") else None


def _settings() -> settings.Given:
    """Return the settings. During shell completion, errors in them are ignored."""
    try:
        return settings.given(os.environ)
    except UsageError:
        if _COMPLETE in os.environ:
            return settings.Given({}, {})
        raise


def _typed() -> list[str]:
    """Return the words after the program name on a command line that a shell is completing; none otherwise."""
    if _COMPLETE not in os.environ:
        return []
    if "COMP_WORDS" in os.environ:
        _join_words_of_bash()
    return (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()[1:]


def _join_words_of_bash() -> None:
    """Join the words that bash splits at colons, and separate `--option=value` as click expects it."""
    words = os.environ["COMP_WORDS"].split("\n" if "\n" in os.environ["COMP_WORDS"] else None)
    current = int(os.environ.get("COMP_CWORD") or 0)
    joined: list[str] = []
    place = 0
    for number, word in enumerate(words):
        if joined and (word.startswith(":") or (joined[-1].endswith(":") and number != current)):
            joined[-1] += word
        elif word != "=" or number == current:
            joined.append(word)
        if number <= current:
            place = len(joined) - 1
    os.environ["COMP_WORDS"] = "\n".join(joined)
    os.environ["COMP_CWORD"] = str(place + max(current - len(words) + 1, 0))


if __name__ == "__main__":
    sys.exit(main())
