"""The options that several commands share, and how to tell: the format and where it goes."""

from typing import Annotated

import typer

from ...model import Value
from ...target import UsageError

FORMATS = ("terminal", "ticket", "markdown", "json", "jsonl", "nagios", "junit", "openmetrics", "tap")

COLOURS = ("auto", "always", "never")


def formats() -> list[str]:
    """What a shell may complete after --format."""
    return list(FORMATS)


def colours() -> list[str]:
    """What a shell may complete after --color."""
    return list(COLOURS)


Json = Annotated[bool, typer.Option("--json", help="One JSON object per target, one a line.")]
Format = Annotated[
    str, typer.Option("--format", metavar="|".join(FORMATS), autocompletion=formats, help="How to say it.")
]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Write to this file instead of stdout.")]
Record = Annotated[str, typer.Option("--record", metavar="FILE", help="Keep the report, for `ticket` and `diagnose`.")]
Budget = Annotated[float, typer.Option("--budget", metavar="SECONDS", help="The whole diagnosis of one target.")]
Strict = Annotated[bool, typer.Option("--strict/--no-strict", show_default=False, help="Degraded is a problem.")]
Wait = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", show_default=False, help="Look again until all is as expected, so long at most."
    ),
]
Plan = Annotated[bool, typer.Option("--plan", help="Say what may be sent, to whom and how much, and send nothing.")]
Redact = Annotated[
    bool,
    typer.Option(
        "--redact/--no-redact", show_default=False, help="Pseudonyms for names and addresses, in every format."
    ),
]
RedactKey = Annotated[
    str, typer.Option("--redact-key", metavar="FILE", help="Keep the key of --redact there [default: a new file here].")
]
Names = Annotated[
    bool,
    typer.Option(
        "--with-names/--no-names", show_default=False, help="In tickets: this machine's and user's name too."
    ),
]
Causes = Annotated[
    list[str] | None, typer.Option("--causes", metavar="DIR", help="A folder with a site's own causes.")
]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet/--no-quiet", show_default=False, help="Say nothing but the verdict's line.")
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose/--no-verbose", show_default=False, help="Show all the evidence.")
]
Color = Annotated[
    str, typer.Option("--color", metavar="|".join(COLOURS), autocompletion=colours, help="Colours.")
]


class How(Value, frozen=True, kw_only=True):
    """How to tell it, and what is well. `output` and `record` are files; empty: stdout, and not kept.

    `redact`: under pseudonyms, with their `key` in that file. `names`: a ticket says who looked.
    `wait`: seconds to look again until all is as expected; 0: look once.
    """

    format: str = "terminal"
    output: str = ""
    record: str = ""
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    redact: bool = False
    key: str = ""
    names: bool = False
    strict: bool = False
    expect: str = ""
    wait: float = 0.0

    @property
    def at_end(self) -> bool:
        """Whether nothing may be told before all is known."""
        return self.redact or self.wait > 0


def how(
    format: str, *, json: bool = False, output: str = "", record: str = "", quiet: bool = False,
    verbose: bool = False, color: str = "auto", redact: bool = False, redact_key: str = "", names: bool = False,
    strict: bool = False, expect: str = "", wait: float = 0.0,
) -> How:  # fmt: skip
    """The options of one run, checked. Raises UsageError for a word that is none of the choices."""
    if format not in FORMATS:
        raise UsageError(f"--format takes one of {', '.join(FORMATS)}; {format!r} is none.")
    if color not in COLOURS:
        raise UsageError(f"--color takes auto, always or never; {color!r} is none.")
    if not 0 <= wait < 86400:
        raise UsageError("--wait takes seconds from 0 on, for example --wait 30.")
    return How(
        format="json" if json else format, output=output, record=record, quiet=quiet, verbose=verbose, color=color,
        redact=redact or bool(redact_key), key=redact_key, names=names, strict=strict, expect=expect, wait=wait,
    )  # fmt: skip
