"""What a person typed, read as a `Target`, or a `UsageError` that shows how to write it."""


class UsageError(ValueError):
    """Invalid input by the user. The message is one sentence: what is wrong and how to write it."""
