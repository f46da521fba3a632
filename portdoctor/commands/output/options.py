"""The options that several commands share; `OutputOptions` has the validated values of the output options."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import force_setattr

from ...model import Value
from ...target import UsageError
from ...text import did_you_mean, words

if TYPE_CHECKING:
    from ...render.state import Case, State

FORMATS = {  # value of --format -> module in `render`
    "terminal": "terminal", "ticket": "ticket", "markdown": "markdown", "json": "json", "jsonl": "json",
    "nagios": "nagios", "junit": "junit", "openmetrics": "openmetrics", "tap": "tap",
}  # fmt: skip
COLORS = ("auto", "always", "never")


def flag(*names: str, help: str) -> Any:
    """Return an option without a value, whose default is not shown."""
    return typer.Option(*names, show_default=False, help=help)


def choice(name: str, known: Iterable[str], help: str) -> Any:
    """Return an option that takes one of the known words."""
    return typer.Option(name, metavar="|".join(known), autocompletion=lambda: [*known], help=help)


def file(*names: str, help: str) -> Any:
    """Return an option that takes a file name."""
    return typer.Option(*names, metavar="FILE", help=help)


def duration_option(*names: str, help: str) -> Any:
    """Return an option that takes a duration, which `reading.duration_of` reads."""
    return typer.Option(*names, metavar="DURATION", help=help)


Json = Annotated[bool, typer.Option("--json", help="Write one JSON object per target, one per line.")]
Format = Annotated[str, choice("--format", FORMATS, "Output format.")]
Output = Annotated[str, file("-o", "--output", help="Write to this file; - is stdout.")]
Record = Annotated[str, file("--record", help="Save the report to a file, for `ticket` and `diagnose`.")]
Budget = Annotated[str, duration_option("--budget", help="Time limit for each target, such as 30s or 2m.")]
Strict = Annotated[bool, flag("--strict/--no-strict", help="Treat degraded as a failure.")]
_WAIT = "Repeat until all targets are as expected, at most this long."
Wait = Annotated[str, duration_option("--wait", help=_WAIT)]
Warning = Annotated[str, duration_option("--warning", help="With --format nagios: WARNING if a check takes longer.")]
Critical = Annotated[str, duration_option("--critical", help="With --format nagios: CRITICAL if a check takes longer.")]
Plan = Annotated[bool, typer.Option("--plan", help="Show what may be sent, where to and how much, without sending it.")]
Redact = Annotated[bool, flag("--redact/--no-redact", help="Replace names and addresses by pseudonyms in the output.")]
RedactKey = Annotated[str, file("--redact-key", help="Write the key of --redact to this file [default: a new file].")]
Names = Annotated[bool, flag("--with-names/--no-names", help="Include host and user name in tickets.")]
_CAUSES = "Read your own causes from this folder."
Causes = Annotated[list[str] | None, typer.Option("--causes", metavar="DIR", help=_CAUSES)]
Quiet = Annotated[bool, flag("-q", "--quiet/--no-quiet", help="Print only the verdict, on one line.")]
Verbose = Annotated[bool, flag("-v", "--verbose/--no-verbose", help="Show all the evidence.")]
Color = Annotated[str, choice("--color", COLORS, "Colours.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Same as --color never.")]


def invalid(value: str, option: str, known: Iterable[str]) -> str:
    """Return the message for a value that is none of the known words: the most similar one, else all."""
    return f"invalid value {value!r} for {option}" + (did_you_mean(value, known) or f": write {words(known, 'or')}")


class OutputOptions(Value, frozen=True, kw_only=True):
    """How results are shown, and what counts as success. `output` and `record` are files; empty: stdout, not saved.

    `json` overrides `format`. `redact_key`: the file for the key to the pseudonyms. `names`: a ticket includes user and
    host name. `wait`: seconds in which to repeat until all targets are as expected; 0: one attempt. `warning`,
    `critical`: seconds in total above which Nagios gets that state.
    Raises UsageError for an invalid value.
    """

    format: str = "terminal"
    json: bool = False
    output: str = ""
    record: str = ""
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    redact: bool = False
    redact_key: str = ""
    names: bool = False
    strict: bool = False
    expect: str = ""
    wait: float = 0.0
    warning: float | None = None
    critical: float | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(invalid(self.format, "--format", FORMATS))
        if self.color not in COLORS:
            raise UsageError(invalid(self.color, "--color", COLORS))
        if self.json:
            force_setattr(self, "format", "json")
        if self.output == "-":
            force_setattr(self, "output", "")
        if self.record == "-":
            raise UsageError("invalid value '-' for --record: name a file, or write --json for the report on stdout")
        if (self.warning or self.critical) and self.format != "nagios":
            raise UsageError("--warning and --critical are limits for --format nagios")
        files = [name for name in (self.output, self.record, self.redact_key) if name]
        if len({os.path.realpath(name) for name in files}) < len(files):
            raise UsageError(f"two options name the same file {files[-1]}: name a file for each")

    @property
    def redacted(self) -> bool:
        """Whether names and addresses are replaced by pseudonyms."""
        return self.redact or bool(self.redact_key)

    def state(self, case: "Case") -> "State":
        """Return the state of a target for a health check: by --expect if given, else by its verdict."""
        from ...render.state import duration, worst

        took = duration(case[0])
        if self.critical is not None and took > self.critical:
            return "failed"
        slow = self.warning is not None and took > self.warning
        return worst([self._health(case), *(("warning",) if slow else ())])

    def _health(self, case: "Case") -> "State":
        from ...render.state import health_of

        if not self.expect:
            return health_of(case[1], strict=self.strict)
        from ...engine.expect import met

        states: dict[bool | None, State] = {True: "ok", False: "failed", None: "unknown"}
        return states[met(self.expect, *case)]
