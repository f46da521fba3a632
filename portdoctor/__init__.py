"""Why a connection fails, who must act, and what would prove it.

>>> report, diagnosis = portdoctor.check("shop.example.com:443")  # doctest: +SKIP
>>> diagnosis.verdict.cause  # doctest: +SKIP
'tcp.no-listener'
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["Diagnosis", "Report", "__version__", "bind", "check", "diagnose"]


def __getattr__(name: str) -> Any:
    """The public names, imported when they are used: `portdoctor --version` must not load the engine."""
    if name in ("check", "bind"):
        from . import run

        return getattr(run, name)
    if name in ("Report", "Diagnosis"):
        from . import model

        return getattr(model, name)
    raise AttributeError(f"module 'portdoctor' has no attribute {name!r}")


def diagnose(report: Any) -> Any:
    """What a recorded report means, with today's knowledge. Takes a `Report`, gives a `Diagnosis`; pure."""
    from .catalogue import load
    from .verdict import diagnose as _diagnose

    return _diagnose(report, load())
