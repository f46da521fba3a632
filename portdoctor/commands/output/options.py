"""The options that several commands share; `OutputOptions` holds the checked values of those about the output."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import force_setattr

from ...model import Value
from ...target import UsageError

if TYPE_CHECKING:
    from ...render.state import Case, State

FORMATS = {  # value of --format -> module in `render`
    "terminal": "terminal", "ticket": "ticket", "markdown": "markdown", "json": "json", "jsonl": "json",
    "nagios": "nagios", "junit": "junit", "openmetrics": "openmetrics", "tap": "tap",
}  # fmt: skip
COLORS = ("auto", "always", "never")


def flag(*names: str, help: str) -> Any:
    """An option without a value. Its default is not shown."""
    return typer.Option(*names, show_default=False, help=help)


def choice(name: str, words: Iterable[str], help: str) -> Any:
    """An option that takes one of the words."""
    return typer.Option(name, metavar="|".join(words), autocompletion=lambda: [*words], help=help)


def file(*names: str, help: str) -> Any:
    """An option that takes the name of a file."""
    return typer.Option(*names, metavar="FILE", help=help)


Json = Annotated[bool, typer.Option("--json", help="One JSON object per target, one a line.")]
Format = Annotated[str, choice("--format", FORMATS, "How to say it.")]
Output = Annotated[str, file("-o", "--output", help="Write to this file instead of stdout.")]
Record = Annotated[str, file("--record", help="Keep the report, for `ticket` and `diagnose`.")]
Budget = Annotated[float, typer.Option("--budget", metavar="SECONDS", help="The whole diagnosis of one target.")]
Strict = Annotated[bool, flag("--strict/--no-strict", help="Degraded is a problem.")]
_WAIT = "Look again until all is as expected, so long at most."
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", show_default=False, help=_WAIT)]
Plan = Annotated[bool, typer.Option("--plan", help="Say what may be sent, to whom and how much, and send nothing.")]
Redact = Annotated[bool, flag("--redact/--no-redact", help="Pseudonyms for names and addresses, in every format.")]
RedactKey = Annotated[str, file("--redact-key", help="Keep the key of --redact there [default: a new file here].")]
Names = Annotated[bool, flag("--with-names/--no-names", help="In tickets: this machine's and user's name too.")]
_CAUSES = "A folder with a site's own causes."
Causes = Annotated[list[str] | None, typer.Option("--causes", metavar="DIR", help=_CAUSES)]
Quiet = Annotated[bool, flag("-q", "--quiet/--no-quiet", help="Say nothing but the verdict's line.")]
Verbose = Annotated[bool, flag("-v", "--verbose/--no-verbose", help="Show all the evidence.")]
Color = Annotated[str, choice("--color", COLORS, "Colours.")]


class OutputOptions(Value, frozen=True, kw_only=True):
    """How results are shown, and what counts as success. `output` and `record` are files; empty: stdout, not kept.

    `json` overrides `format`. `redact_key`: the file for the key to the pseudonyms. `names`: a ticket shows user and
    host. `wait`: seconds in which to try again until all targets are as expected; 0: try once.
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

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"--format takes one of {', '.join(FORMATS)}; {self.format!r} is none.")
        if self.color not in COLORS:
            raise UsageError(f"--color takes auto, always or never; {self.color!r} is none.")
        if not 0 <= self.wait < 86400:
            raise UsageError("--wait takes seconds from 0 on, for example --wait 30.")
        if self.json:
            force_setattr(self, "format", "json")

    @property
    def redacted(self) -> bool:
        """Whether names and addresses are replaced by pseudonyms."""
        return self.redact or bool(self.redact_key)

    def state(self, case: "Case") -> "State":
        """Return the state of a target for a health check: by --expect if it is given, else by its verdict."""
        from ...render.state import health_of

        if not self.expect:
            return health_of(case[1], strict=self.strict)
        from ...engine.expect import met

        states: dict[bool | None, State] = {True: "ok", False: "failed", None: "unknown"}
        return states[met(self.expect, *case)]
