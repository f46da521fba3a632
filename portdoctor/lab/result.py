"""The result of one run of a scenario, passed out of the lab's namespaces."""

from __future__ import annotations

import msgspec

LONGEST = 60.0  # seconds for the command: four times the default budget


class ScenarioRun(msgspec.Struct, kw_only=True):
    """The report as JSON text, the terminal output, the exit code, and times in seconds."""

    report: str = ""
    text: str = ""
    complaints: str = ""  # stderr of the command
    exit: int | None = None
    built: float = 0.0
    took: float = 0.0
    queued: float = 0.0  # part of `took`: wait for a processor
    failure: str = ""  # why the scenario did not run, "" if it did
