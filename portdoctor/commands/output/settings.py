"""Reads settings: options given in the configuration file or in environment variables.

An option overrides a variable, and a variable overrides the file. A missing file costs one failed open().
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import typer
from typer.core import TyperCommand

from ...target import UsageError

Kind = Literal["duration", "count", "flag", "text", "file", "folders"]
SETTINGS: dict[str, Kind] = {
    "timeout": "duration", "budget": "duration", "source": "text", "resolver": "text", "cafile": "file",
    "no-controls": "flag", "attempts": "count", "wait": "duration", "strict": "flag", "parallel": "count",
    "format": "text", "color": "text", "quiet": "flag", "verbose": "flag", "redact": "flag", "with-names": "flag",
    "causes": "folders",
}  # fmt: skip
COMMANDS = ("check", "bind", "diagnose", "ticket", "explain", "lint")  # commands with at least one of these options
FILE = "config.toml"
_TAKES: dict[Kind, str] = {
    "duration": 'a number of seconds, or a duration such as "500ms" or "2m"', "count": "a whole number such as 3",
    "flag": "true or false", "text": "a string in quotes", "file": "a file name in quotes",
    "folders": 'a list of folders such as ["causes"]',
}  # fmt: skip
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Given(NamedTuple):
    """The settings given: `values` by parameter of the commands, and the `sources` of each."""

    values: dict[str, Any]
    sources: dict[str, str]


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"PORTDOCTOR_{parameter(name).upper()}"


def parameter(name: str) -> str:
    """Return the parameter of the commands for a setting."""
    return name.replace("-", "_")


def config_file(environment: Mapping[str, str]) -> str:
    """Return the path of the configuration file, whether it exists or not; "" for a user without a home directory."""
    named = environment.get("PORTDOCTOR_CONFIG", "")
    if named:
        return named
    from ...host import config_folder

    folder = config_folder()
    return os.path.join(folder, FILE) if folder else ""


def given(environment: Mapping[str, str]) -> Given:
    """Return the settings of the file and the variables.

    Raises UsageError with one line per error, which names file, line and key, or the variable.
    """
    path = config_file(environment)
    values, sources, wrong = _of_file(path, _text(path, required=bool(environment.get("PORTDOCTOR_CONFIG"))))
    for name, kind in SETTINGS.items():
        text = environment.get(variable(name), "")
        if not text:
            continue
        value = _from_text(kind, text)
        if value is None:
            valid = _TAKES[kind].replace(" in quotes", "").replace('"', "")
            wrong.append(f"invalid value {text[:60]!r} for {variable(name)}: write {valid}")
        values[parameter(name)], sources[parameter(name)] = value, variable(name)
    if wrong:
        raise UsageError("\n".join(wrong))
    return Given(values, sources)


def _text(path: str, *, required: bool) -> str:
    """Return the text of the file, "" if it does not exist. A file named by a variable must exist."""
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        if required:
            raise UsageError(f"PORTDOCTOR_CONFIG: cannot read {path}: {error.strerror}") from None
        return ""  # a service may not have permission to read its user's home directory
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: the file is not UTF-8") from None


def _of_file(path: str, text: str) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    wrong: list[str] = []
    if not text.strip():
        return values, sources, wrong
    import tomllib

    from ...catalogue.toml_lines import line_of_error, line_of_key

    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{path}:1: invalid TOML: it is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, or an integer of more digits than Python reads
        raise UsageError(f"{path}:{line_of_error(text, str(error))}: invalid TOML: {error}") from None
    for key, value in found.items():
        where = f"{path}:{line_of_key(text, key)}"
        if key not in SETTINGS:
            wrong.append(f"{where}: {_unknown(key, value)}")
        elif (read := _from_toml(SETTINGS[key], value, os.path.dirname(path))) is None:
            wrong.append(f"{where}: {key}: invalid value: write {_TAKES[SETTINGS[key]]}")
        else:
            values[parameter(key)], sources[parameter(key)] = read, where
    return values, sources, wrong


def _unknown(key: str, value: object) -> str:
    from ...text import clean, did_you_mean

    key = clean(key, 60)
    if hint := did_you_mean(key.replace("_", "-"), SETTINGS):
        return f"unknown setting {key!r}{hint}"
    tables = "; tables are not supported, write each option as a key" if isinstance(value, dict) else ""
    return f"unknown setting {key!r}{tables}; known settings: {', '.join(SETTINGS)}"


def _from_toml(kind: Kind, value: object, folder: str) -> Any:
    """Return the value for the option, None if its type is wrong. Paths are relative to the folder of the file."""
    if "\0" in (value if isinstance(value, str) else "".join(map(str, value)) if isinstance(value, list) else ""):
        return None  # no file, name or address has it
    match kind, value:
        case "flag", bool():
            return value
        case ("duration" | "count"), bool():
            return None
        case "duration", int() | float() | str():
            return _duration(value)
        case "count", int():
            return value
        case "text", str():
            return value
        case "file", str():
            return os.path.join(folder, os.path.expanduser(value))
        case "folders", list() if value and all(isinstance(each, str) for each in value):
            return [os.path.join(folder, os.path.expanduser(each)) for each in value]
        case _:
            return None


def _from_text(kind: Kind, text: str) -> Any:
    try:
        match kind:
            case "duration":
                return _duration(text)
            case "count":
                return int(text)
            case "flag":
                return True if text.lower() in _TRUE else False if text.lower() in _FALSE else None
            case "folders":
                return [folder for folder in text.split(os.pathsep) if folder] or None
            case _:
                return text
    except ValueError:
        return None


def _duration(value: object) -> str | None:
    from .reading import seconds_in

    return None if seconds_in(str(value)) is None else str(value)


def chosen(name: str, words: Iterable[str], environment: Mapping[str, str]) -> str:
    """Return the value of a text or flag, as far as it can be read after another error; "" for none."""
    found = ""
    follows = False
    for word in words:
        if follows or word.startswith(f"--{name}="):
            found = word.partition("=")[2] if not follows else word
        elif word == f"--{name}" and SETTINGS[name] == "flag":
            found = "1"
        follows = word == f"--{name}" and SETTINGS[name] != "flag"
    if found:
        return found
    try:
        values = given(environment).values
    except UsageError:
        return environment.get(variable(name), "")
    return str(values.get(parameter(name)) or "")


class ConfiguredCommand(TyperCommand):
    """A command that names the source of an invalid value if it is not the command line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message += self._source_of(ctx, error.format_message())
            raise

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise UsageError(f"{error}{self._source_of(ctx, str(error))}") from None

    def _source_of(self, ctx: Any, message: str) -> str:
        sources: dict[str, str] = ctx.find_root().obj or {}
        for param in self.params:
            source = ctx.get_parameter_source(param.name or "")
            named = any(f"{option}" in re.split(r"[\s':]+", message) for option in param.opts)
            if named and source is not None and source.name == "DEFAULT_MAP" and param.name in sources:
                return f" (set by {sources[param.name]})"
        return ""
