"""Pure readings of a report: present, absent or unknown. Quantifiers live here. No I/O."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from .base import SIGNS, Ask, Reading

__all__ = ["MODULES", "SIGNS", "Ask", "Reading", "find", "load_all"]

# In the order in which diagnoses come to need them: a refused port must not pay for what is known of certificates.
MODULES = (
    "tcp", "series", "path", "contrast", "unreachable", "own", "local", "local_way", "dns_addresses", "target",
    "addresses", "clients", "bind", "app", "passing", "dns", "tls", "udp", "merged",
)  # fmt: skip


def find(name: str) -> Callable[..., Reading]:
    """The sign of that name; the modules are imported until it is there. Raises KeyError when there is none."""
    for module in MODULES:
        if name in SIGNS:
            break
        importlib.import_module(f".{module}", __name__)
    return SIGNS[name]


def load_all() -> dict[str, Callable[..., Reading]]:
    """Every sign by its name."""
    for module in MODULES:
        importlib.import_module(f".{module}", __name__)
    return SIGNS
