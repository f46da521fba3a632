"""--plan: prints what the command would send, and sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...target import UsageError
from .loop import RunResult
from .stdout import Stdout, write_file

if TYPE_CHECKING:
    from ...model import Options
    from ...target.parse import Asked
    from .options import OutputOptions


def print_plans(
    asked: Sequence[Asked], options: Options, output: OutputOptions, *, all_readable: bool = True
) -> RunResult:
    """Print the plans of the targets. Raises UsageError for a format that plans do not support."""
    from ... import host
    from ...checkup.plan import plan
    from ...render.plan import render, to_json
    from .waiting import most_tries

    json = output.format in ("json", "jsonl")
    if not json and output.format != "terminal":
        raise UsageError(f"--plan does not support the format {output.format}: omit --format, or write --json")
    if output.redacted:
        raise UsageError("--plan does not support --redact, because a plan must name what would be probed")
    here, tries = host.current(), most_tries(output.wait)
    plans = (plan(a.target, options, here, tries=tries) for a in asked)
    texts = (to_json(p) if json else ("\n" if n else "") + render(p) for n, p in enumerate(plans))
    if output.output:
        write_file(output.output, (text + "\n" for text in texts))
        return RunResult(symptoms=(), unreadable=not all_readable)
    stdout = Stdout()
    for text in texts:
        stdout.print(text, json=json)
        if stdout.reader_closed:
            break
    return RunResult(symptoms=(), unreadable=not all_readable)
