"""Generates the manual page portdoctor(1) from the definitions of the command line when the wheel is built."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from portdoctor import __version__, cli
from portdoctor.commands import COMMANDS, EXAMPLES
from portdoctor.commands.output import settings

SECTIONS = (
    "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO",
)  # fmt: skip


def manpage(date: str) -> str:
    """Return the page in the man macros of roff. `date`: of the build, as YYYY-MM-DD."""
    from typer.main import get_command

    root: Any = get_command(cli.build(None))
    parts = {
        "NAME": ["portdoctor \\- why a connection fails, who must act, and what would prove it"],
        "SYNOPSIS": list(_synopsis(root)),
        "DESCRIPTION": list(_description()),
        "COMMANDS": [line for name in COMMANDS for line in _command(name, root.commands[name])],
        "EXIT STATUS": list(_exit_status()),
        "ENVIRONMENT": list(_environment()),
        "FILES": list(_files()),
        "EXAMPLES": list(_examples()),
        "SEE ALSO": ["\\fBcurl\\fR(1), \\fBdig\\fR(1), \\fBnc\\fR(1), \\fBopenssl\\fR(1), \\fBss\\fR(8)"],
    }
    head = f'.TH PORTDOCTOR 1 "{date}" "portdoctor {__version__}" "User Commands"'
    lines = [head, *(line for name in SECTIONS for line in (f".SH {name}", *parts[name]))]
    return "".join(f"{short}\n" for line in lines for short in _short(line))


def _synopsis(root: Any) -> Iterator[str]:
    for name in COMMANDS:
        command = root.commands[name]
        arguments = [_text(p.metavar or p.human_readable_name.upper()) for p in _arguments(command)]
        words = ["[\\fIOPTIONS\\fR]", *(f"\\fI{word}\\fR" for word in arguments)]
        if hasattr(command, "commands"):
            words = ["|".join(f"\\fB{_text(each)}\\fR" for each in command.commands), "[\\fIOPTIONS\\fR]"]
        yield f".B portdoctor {_text(name)}"
        yield " ".join(words)
        if name != COMMANDS[-1]:
            yield ".br"


def _description() -> Iterator[str]:
    yield _text(
        "portdoctor diagnoses a failing connection stage by stage: name lookup, connect, TLS, and the response of the "
        "service. It considers every cause that could explain the failure, rules causes out by evidence, and runs the "
        "probe that separates those that remain. It needs no privileges, and reports what it could not determine."
    )


def _command(name: str, command: Any) -> Iterator[str]:
    yield f'.SS "portdoctor {_text(name)}"'
    yield from _paragraphs(command.help or "")
    for each, inner in getattr(command, "commands", {}).items():
        arguments = " ".join(f"\\fI{_text(p.metavar or p.human_readable_name.upper())}\\fR" for p in _arguments(inner))
        yield from _tagged(f"{name} {each}", _text(_first(inner.help or "")), f" {arguments}" if arguments else "")
    for param in _arguments(command):
        if getattr(param, "help", ""):
            yield ".TP"
            yield f"\\fI{_text(param.metavar or param.human_readable_name.upper())}\\fR"
            yield _text(param.help)
    for param in command.params:
        if param.opts[0].startswith("-"):
            yield ".TP"
            yield _option(param)
            yield _text(" ".join(p for p in (param.help or "", _default(param)) if p))


def _arguments(command: Any) -> list[Any]:
    return [param for param in command.params if not param.opts[0].startswith("-")]


def _option(param: Any) -> str:
    shown = ", ".join(f"\\fB{_text(opt)}\\fR" for opt in (*param.opts, *param.secondary_opts))
    if param.is_flag:
        return shown
    return f"{shown} \\fI{_text(param.metavar or param.type.name.upper())}\\fR"


def _default(param: Any) -> str:
    shown = param.default not in (None, "", False, 0) and not callable(param.default)
    return f"Default: {param.default:g}." if shown and isinstance(param.default, float) else (
        f"Default: {param.default}." if shown else ""
    )


def _exit_status() -> Iterator[str]:
    for code, says in cli.EXIT_CODES.items():
        yield from _tagged(str(code), _text(says))
    yield ".PP"
    yield _text(
        f"With --format nagios: {cli.OK} OK, {cli.WARNING} WARNING, {cli.CRITICAL} CRITICAL, {cli.UNKNOWN} UNKNOWN, "
        f"and also {cli.UNKNOWN} for invalid input."
    )


def _environment() -> Iterator[str]:
    yield _text("An option overrides its variable, and a variable overrides the configuration file.")
    for name in settings.SETTINGS:
        says = "Same as --causes; folders are separated as in PATH." if name == "causes" else f"Same as --{name}."
        yield from _tagged(settings.variable(name), _text(says))
    yield from _tagged("PORTDOCTOR_CONFIG", "The configuration file to read instead of the one below.")
    yield from _tagged("NO_COLOR, FORCE_COLOR", "Disable colours; enable colours even if stdout is not a terminal.")
    yield from _tagged("SSL_CERT_FILE, SSL_CERT_DIR", "CA certificates to trust, as in other programs with OpenSSL.")


def _files() -> Iterator[str]:
    yield from _tagged(f"~/.config/portdoctor/{settings.FILE}", _text("Settings in TOML, such as timeout = 2.5"))
    yield from _tagged("~/.config/portdoctor/causes/", _text("Your own causes: PHASE/NAME.md"))


def _examples() -> Iterator[str]:
    for examples in EXAMPLES.values():
        for command, says in examples.items():
            yield from _tagged(says, f"\\fB{_text(command)}\\fR")


# ---------------------------------------------------------------- roff


def _tagged(tag: str, text: str, more: str = "") -> list[str]:
    return [".TP", f"\\fB{_text(tag)}\\fR{more}", text]


def _paragraphs(text: str) -> Iterator[str]:
    for place, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if place:
            yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _first(text: str) -> str:
    return " ".join(text.strip().partition("\n\n")[0].split())


def _text(text: str) -> str:
    """Escape text for roff: backslashes, hyphens, quotes, and a full stop at the start."""
    escaped = text.replace("\\", "\\[rs]").replace("-", "\\-").replace("'", "\\[aq]").replace("`", "\\[ga]")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _short(line: str) -> list[str]:
    """Wrap text to 78 characters, since roff refills paragraphs. Requests and options are not wrapped."""
    if line.startswith(".") or "\\f" in line:
        return [line]
    wrapped = textwrap.wrap(line, 78, break_long_words=False, break_on_hyphens=False)
    return [f"\\&{each}" if each.startswith(".") else each for each in wrapped]
