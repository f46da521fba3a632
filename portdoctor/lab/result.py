"""The result of one run of a scenario, passed out of the lab's namespaces."""

from __future__ import annotations

import msgspec

LONGEST = 60.0  # seconds for the command: four times the default budget


class ScenarioRun(msgspec.Struct, kw_only=True):
    """The report as JSON text, what the terminal showed, the exit code, and the times in seconds."""

    report: str = ""
    text: str = ""
    complaints: str = ""  # what the command wrote on stderr
    exit: int | None = None
    built: float = 0.0
    took: float = 0.0
    queued: float = 0.0  # of `took`: ready to run, but no processor was free
    failure: str = ""  # why the scenario did not run
