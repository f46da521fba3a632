"""Why a connection fails, who must act, and what would prove it.

>>> result = portdoctor.check("shop.example.com:443")  # doctest: +SKIP
>>> result.ok, result.verdict.cause  # doctest: +SKIP
(False, 'tcp.no-listener')
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
# Imported on first use: `portdoctor --version` must not load the engine. `__init__.pyi` has the types of these names.
_DEFINED_IN = {
    ".api": ("Result", "acheck", "bind", "check", "diagnose", "listening", "load", "load_many"),
    ".model": (
        "Candidate", "Certainty", "Diagnosis", "NextTest", "Note", "Observation", "Options", "Outcome", "Owner",
        "Problem", "Report", "RuledOut", "Stage", "StageLine", "Step", "Subject", "Symptom", "Target", "Vantage",
        "Verdict",
    ),
    ".render.listening": ("ListeningDocument",),
    ".target": ("UsageError",),
    ".checkup.watchdog": ("StarvedError",),
}  # fmt: skip
_MODULE = {name: module for module, names in _DEFINED_IN.items() for name in names}
__all__ = ["__version__", *_MODULE]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'portdoctor' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_MODULE[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
