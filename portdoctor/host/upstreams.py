"""The servers that a stub resolver on this machine forwards to, as far as its configuration can be read.

Sources: systemd-resolved.service(8), dnsmasq(8), NetworkManager(8), unbound.conf(5).
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator

from ..text import is_address
from .files import nameservers, read_text

_MOST = 64 * 1024  # bytes of one file
_RESOLV_FILES = (
    "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf", "/run/dnsmasq/resolv.conf",
)  # fmt: skip
_DNSMASQ = ("/etc/dnsmasq.conf", "/etc/dnsmasq.d/*.conf")
_UNBOUND = ("/etc/unbound/unbound.conf", "/etc/unbound/unbound.conf.d/*.conf")
_SERVER = re.compile(r"^\s*server=([0-9A-Fa-f:.]+)(?:[@#].*)?\s*$", re.M)  # one for all names: no /domain/ before it
_RESOLV = re.compile(r"^\s*resolv-file=(\S+)\s*$", re.M)
_FORWARD = re.compile(r"^\s*forward-addr:\s*([0-9A-Fa-f:.]+)", re.M)
_MOST_SERVERS = 4


def upstreams() -> tuple[str, ...]:
    """The upstream servers' addresses, at most four; none where no configuration names any. Loopback is left out."""
    found = [a for a in _found() if is_address(a) and a != "::1" and not a.startswith("127.")]
    return tuple(dict.fromkeys(found))[:_MOST_SERVERS]


def _found() -> Iterator[str]:
    for path in _RESOLV_FILES:
        yield from nameservers(_text(path))
    for path in [p for pattern in (*_dnsmasq_files(), *_DNSMASQ) for p in sorted(glob.glob(pattern))]:
        text = _text(path)
        yield from _SERVER.findall(text)
        for other in _RESOLV.findall(text):
            yield from nameservers(_text(other))
    for path in [p for pattern in _UNBOUND for p in sorted(glob.glob(pattern))]:
        yield from _FORWARD.findall(_text(path))


def _dnsmasq_files() -> list[str]:
    """The configuration files that running dnsmasq processes were started with; /proc shows them to every user."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _text(f"/proc/{entry}/comm").strip() == "dnsmasq":
            words = _text(f"/proc/{entry}/cmdline").split("\0")
            found += [w.partition("=")[2] for w in words if w.startswith("--conf-file=")]
            found += [words[n + 1] for n, w in enumerate(words[:-1]) if w == "-C"]
    return [glob.escape(path) for path in found if path]


def _text(path: str) -> str:
    try:
        return read_text(path, _MOST)
    except OSError:
        return ""
