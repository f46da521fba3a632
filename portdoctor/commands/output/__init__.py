"""What the commands share: options, settings, reading input, and reporting results."""
