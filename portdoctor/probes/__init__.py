"""One file a probe: an async function that does I/O and returns observations. It measures and judges nothing.

Every probe takes its limits as arguments and `clock`, which gives seconds since the report began.
It catches OSError and its protocol's errors only, closes all it opens and bounds all it reads.
"""

from collections.abc import Callable

Clock = Callable[[], float]
MOST_BYTES = 64 * 1024  # of one answer: enough for any greeting or header block
MOST_LINES = 100
