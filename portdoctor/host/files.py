"""Reads resolv.conf and the hosts file."""

from __future__ import annotations

import socket

from ..model import HostsFile, Outcome
from ..outcomes import errno_of, of_errno
from ..text import is_address

_MOST = 8 * 1024 * 1024  # bytes of a hosts file: block lists reach a few megabytes
_RESOLVERS = 3  # MAXNS of glibc's resolv.h


def read_text(path: str, most: int = _MOST) -> str:
    """Return the text of a file, at most `most` bytes of it. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(most).decode("utf-8", "replace")


def nameservers(resolv_conf: str) -> tuple[str, ...]:
    """Return the nameservers of a resolv.conf as glibc reads them (resolv.conf(5)): the first three, in order.

    glibc ignores a line whose word is not an address, and reads the legacy forms of IPv4 (inet_aton(3)).
    """
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        # glibc requires the keyword in the first column, and takes the word after it
        if len(words) >= 2 and words[0] == "nameserver" and line[0] == "n":
            found.append(words[1] if is_address(words[1]) else _legacy(words[1]))
    return tuple([address for address in found if address][:_RESOLVERS])


def _legacy(word: str) -> str:
    try:
        return socket.inet_ntoa(socket.inet_aton(word))
    except (OSError, ValueError):
        return ""


def search_domains(resolv_conf: str) -> tuple[str, ...]:
    """Return the search list of a resolv.conf (resolv.conf(5)): the last line with "search" or "domain" counts."""
    found: tuple[str, ...] = ()
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] in ("search", "domain") and line[0] in "sd":
            found = tuple(words[1:]) if words[0] == "search" else (words[1],)
    return found


def hosts_lines(text: str, name: str) -> tuple[tuple[int, str, str], ...]:
    """Return (line number, address, text) of the lines that have the name (hosts(5)), ignoring case."""
    wanted = name.rstrip(".").lower()
    if not wanted or wanted not in text.lower():
        return ()
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) >= 2 and wanted in (word.lower() for word in words[1:]):
            found.append((number, words[0], line.strip()))
    return tuple(found)


def hosts_file(path: str, name: str) -> HostsFile:
    """Return the observation of the hosts file at `path`; an error in reading it is its outcome."""
    try:
        lines = hosts_lines(read_text(path), name)
    except OSError as error:
        number = error.errno or 0
        return HostsFile(
            outcome=of_errno(number), errno=errno_of(number), os_says=error.strerror or "", name=name, path=path
        )
    return HostsFile(outcome=Outcome.OK, name=name, path=path, lines=lines)
