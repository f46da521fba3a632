"""One file per probe: an async function that does I/O and returns observations, without interpreting them.

Every probe takes its limits as arguments, and a `clock` that returns seconds since the report began. It catches only
OSError and the errors of its protocol, closes everything that it opens, and limits everything that it reads.
"""

from collections.abc import Callable

Clock = Callable[[], float]
MOST_BYTES = 64 * 1024  # of one response: enough for any greeting or header block
MOST_LINES = 100
