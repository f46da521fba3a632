"""Pure readings of a report: present, absent or unknown. Only signs count and compare. No I/O.

The file is the namespace: "tcp.refused-by-rst" is the function ``refused_by_rst`` in ``tcp.py``.
"""

from __future__ import annotations

import importlib

from .base import Ask, Reading, Sign

__all__ = ["Ask", "Reading", "Sign", "find", "load_all", "title_of"]


def find(name: str) -> Sign:
    """Return the sign of a name, with or without a parameter; import only its file. Raises KeyError if unknown."""
    base = name.partition(":")[0]
    file, _, function = base.partition(".")
    if not file.isidentifier():
        raise KeyError(name)
    try:
        module = importlib.import_module(f".{file}", __name__)
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{file}":
            raise
        raise KeyError(name) from None
    found = getattr(module, function.replace("-", "_"), None)
    if not isinstance(found, Sign) or found.name != base:  # a sign of another file that this one imports
        raise KeyError(name)
    return found


def load_all() -> dict[str, Sign]:
    """Return every sign by its name, without parameters. Import all files of the folder: for lint, documentation."""
    from pkgutil import iter_modules

    modules = [importlib.import_module(f".{found.name}", __name__) for found in iter_modules(__path__)]
    signs = [found for module in modules for found in vars(module).values() if isinstance(found, Sign)]
    return {found.name: found for found in signs}


def title_of(name: str) -> str:
    """Return the title of a sign by its full name: for "http.status:502", "the HTTP status is 502"."""
    return find(name).title_of(name.partition(":")[2])
