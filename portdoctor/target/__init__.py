"""Parses what the user typed into a `Target`, or raises a `UsageError` that shows the right form."""


class UsageError(ValueError):
    """Invalid input by the user. The message: one line in lower case, without a final stop.

    It shows what is invalid and what to write. `cli` prints it after "error: ".
    """
