"""Recordings: the report of a real run, stored beside its scenario, without details of the machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec

from ..model import Report
from .scenario import recording_path

_PACKAGE = str(Path(__file__).resolve().parent.parent.parent)


def keepable(report: str) -> str:
    """The report as it is stored: indented for diffs, with the paths of this machine replaced."""
    for path, name in ((sys.executable, "/usr/bin/python3"), (_PACKAGE, "/opt/portdoctor"), (sys.prefix, "/usr")):
        report = report.replace(path, name)
    report = re.sub(r'"os":"Linux [^"]*"', '"os":"Linux"', report)
    return msgspec.json.format(report, indent=1).strip() + "\n"


def recorded(name: str) -> Report | None:
    """The recorded report of a scenario, None when there is none. Raises msgspec.DecodeError for a broken one."""
    path = recording_path(name)
    return msgspec.json.decode(path.read_bytes(), type=Report) if path.exists() else None
