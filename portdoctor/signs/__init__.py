"""Pure readings of a report: present, absent or unknown. Quantifiers live here. No I/O."""

from . import app, bind, dns, local, merged, own, path, target, tcp, tls, udp
from .base import SIGNS, Ask, Reading

__all__ = [
    "SIGNS", "Ask", "Reading",
    "app", "bind", "dns", "local", "merged", "own", "path", "target", "tcp", "tls", "udp",
]  # fmt: skip
