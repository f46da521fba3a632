"""--plan: says what the same command without it may send, and sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...target import UsageError
from .saying import put, write
from .telling import Tally

if TYPE_CHECKING:
    from ...model import Options
    from ...target.parse import Asked
    from .options import How

_FORMATS = ("terminal", "json", "jsonl")


def foretell(asked: Sequence[Asked], options: Options, how: How, *, readable: bool = True) -> Tally:
    """Tell the plans of the targets, one after the other. Raises UsageError where a plan has no such form.

    `readable`: all targets could be read.
    """
    from ... import host
    from ...checkup.plan import plan
    from ...render.plan import render, to_json
    from .waiting import most_tries

    if how.format not in _FORMATS:
        raise UsageError(f"--plan is told as text or by --json; it has no format {how.format}.")
    if how.redact:
        raise UsageError("--plan names what would be asked; it cannot be told under the pseudonyms of --redact.")
    here, tries = host.current(), most_tries(how.wait)
    plans = [plan(a.target, options, here, tries=tries) for a in asked]
    json = how.format != "terminal"
    text = "\n".join(map(to_json, plans)) if json else "\n\n".join(map(render, plans))
    if how.output:
        write(how.output, text + "\n")
    else:
        put(text, json=json)
    return Tally(symptoms=(), unreadable=not readable)
