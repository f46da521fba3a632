"""--wait: probes again, with growing pauses, until all targets are as expected or the time has expired."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ...render.state import Case, summary
from .interrupts import installed

if TYPE_CHECKING:
    from ...target.parse import Asked
    from .options import OutputOptions

FIRST_PAUSE = 0.5  # seconds, doubled after each attempt
LONGEST_PAUSE = 10.0


def pauses(wait: float) -> Iterator[float]:
    """Yield the pauses between attempts of no duration; the last one ends after `wait` seconds."""
    left, pause = wait, FIRST_PAUSE
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause = min(2 * pause, LONGEST_PAUSE)


def most_tries(wait: float) -> int:
    """Return how often a target is probed in `wait` seconds, at most."""
    return 1 + sum(1 for _ in pauses(wait))


def until(asked: Sequence[Asked], output: OutputOptions, probe: Callable[[Sequence[Asked]], list[Case]]) -> list[Case]:
    """Return the last case of each target. A signal ends the attempt, or the pause before the next one.

    A target that is as expected is not probed again. No attempt begins later than `output.wait` seconds from now.
    With -v or on a terminal, print one line per attempt to stderr, without names: what was seen and is awaited.
    """
    began = time.monotonic()
    interrupts = installed()
    known: dict[int, Case] = {}
    left = list(range(len(asked)))
    pause, tries = FIRST_PAUSE, 0
    told = output.verbose or (sys.stderr.isatty() and not output.quiet)
    goal = f"not {output.expect} yet, " if output.expect else ""
    while True:
        tries += 1
        cases = probe([asked[place] for place in left])
        known |= dict(zip(left, cases, strict=False))
        left = [p for p in left if p not in known or output.state(known[p]) not in ("ok", "warning")]
        elapsed = time.monotonic() - began
        over = not left or interrupts.number or elapsed >= output.wait
        pause = min(pause, max(output.wait - elapsed, 0.0))
        if told:
            what = "" if over else f"; {goal}next attempt in {pause:.1f} s"
            print(f"{elapsed:6.1f} s  attempt {tries}: {_seen(known, left, len(asked))}{what}", file=sys.stderr)
        if not over:
            interrupts.sleep(pause)
        if over or interrupts.number:
            return [known[place] for place in sorted(known)]
        pause = min(2 * pause, LONGEST_PAUSE)


def _seen(known: dict[int, Case], left: list[int], total: int) -> str:
    if total > 1:
        return f"{total - len(left)} of {total} targets as expected"
    seen = summary(known[0][1]) if known else "no result"
    return f"{seen}, as expected" if not left else seen
