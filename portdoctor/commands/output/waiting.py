"""--wait: look again, with growing pauses, until all targets are as expected or the time is over."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence

from ...checkup.batch import Case
from ...render.state import summary
from ...target.parse import Asked

FIRST_PAUSE = 0.5  # seconds, doubled after each try
LONGEST_PAUSE = 10.0


def pauses(wait: float) -> Iterator[float]:
    """The pauses between tries that take no time: the last one ends when `wait` seconds are over."""
    left, pause = wait, FIRST_PAUSE
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause = min(2 * pause, LONGEST_PAUSE)


def most_tries(wait: float) -> int:
    """How often a target is looked at in `wait` seconds, at most."""
    return 1 + sum(1 for _ in pauses(wait))


def until(
    asked: Sequence[Asked], wait: float, look: Callable[[Sequence[Asked]], list[Case]],
    fine: Callable[[Case], bool], *, verbose: bool,
) -> tuple[list[Case], bool]:  # fmt: skip
    """The last case of each target, and whether the waiting was interrupted. A target that is fine is left alone.

    No try begins later than `wait` seconds from now. `verbose`: a line a try on stderr, without any name.
    """
    began = time.monotonic()
    known: dict[int, Case] = {}
    left = list(range(len(asked)))
    pause, tries = FIRST_PAUSE, 0
    try:
        while True:
            tries += 1
            cases = look([asked[place] for place in left])
            known |= dict(zip(left, cases, strict=False))
            stopped = len(cases) < len(left) or any(report.interrupted for report, _ in cases)
            left = [place for place in left if place not in known or not fine(known[place])]
            elapsed = time.monotonic() - began
            over = not left or stopped or elapsed >= wait
            pause = min(pause, max(wait - elapsed, 0.0))
            if verbose:
                what = "" if over else f"; again in {pause:.1f} s"
                print(f"{elapsed:6.1f} s  try {tries}: {_said(known, left, len(asked))}{what}", file=sys.stderr)
            if over:
                return _in_order(known), False
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
    except KeyboardInterrupt:  # between two looks; one that is under way tells of it in its report
        return _in_order(known), True


def _in_order(known: dict[int, Case]) -> list[Case]:
    return [known[place] for place in sorted(known)]


def _said(known: dict[int, Case], left: list[int], total: int) -> str:
    if total > 1:
        return f"{total - len(left)} of {total} targets as expected"
    said = summary(known[0][1]) if known else "nothing was seen"
    return f"{said}, as expected" if not left else said
