"""Parses what the user typed into a `Target`, or raises a `UsageError` that shows the right form."""


class UsageError(ValueError):
    """Invalid input by the user. The message is one line, in lower case without a final stop: what is invalid, what is valid.

    `cli` prints it after "error: ".
    """
