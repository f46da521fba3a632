"""Why a connection fails, who must act, and what would prove it.

>>> report, diagnosis = portdoctor.check("shop.example.com:443")  # doctest: +SKIP
>>> diagnosis.verdict.cause  # doctest: +SKIP
'tcp.no-listener'
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["Diagnosis", "Report", "StarvedError", "UsageError", "__version__", "bind", "check", "diagnose"]

# Public name -> the module that defines it. Imported on first use: `portdoctor --version` must not load the engine.
_DEFINED_IN = {
    "Diagnosis": ".model", "Report": ".model", "UsageError": ".target",
    "StarvedError": ".checkup.watchdog", "bind": ".checkup.api", "check": ".checkup.api", "diagnose": ".checkup.api",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _DEFINED_IN:
        raise AttributeError(f"module 'portdoctor' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_DEFINED_IN[name], __name__), name)
