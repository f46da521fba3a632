"""The Python API: `check`, `bind` and `diagnose`, as the package exports them."""

from __future__ import annotations

from typing import Any

from ..catalogue.folders import load_catalogue
from ..engine import verdict
from ..model import Diagnosis, Options, Report
from ..target.parse import Asked
from .batch import Case, examine, run


def check(target: str, **options: Any) -> Case:
    """Diagnose one target, as `portdoctor check` does, and return its report and diagnosis.

    Keyword arguments are the fields of `Options`. Raises UsageError (a ValueError) for an invalid target, or one with
    several ports, StarvedError when the limits of time could not be kept.
    """
    from ..target import UsageError
    from ..target.parse import parse

    asked = parse(target)
    if len(asked) != 1:
        raise UsageError("check() takes a target with one port; call it once for each port.")
    return _one(asked[0], options)


def bind(target: str, **options: Any) -> Case:
    """Find out whether a program can bind ``[ADDR:]PORT``, as `portdoctor bind` does.

    Returns and raises as `check`.
    """
    from ..target.parse import parse_bind

    return _one(parse_bind(target), options)


def _one(asked: Asked, options: dict[str, Any]) -> Case:
    from .. import host
    return run(lambda: examine(asked, Options(**options), host.current(), load_catalogue(), raises=True))


def diagnose(report: Report) -> Diagnosis:
    """Return the diagnosis of a recorded report by the causes of this version. Pure: it does no network I/O."""
    return verdict.diagnose(report, load_catalogue())
