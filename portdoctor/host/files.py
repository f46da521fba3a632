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


def longest_lookup(resolv_conf: str, options: str = "") -> float:
    """Return the most seconds for which glibc waits for the nameservers of a resolv.conf, over UDP.

    `options`: the value of the environment variable RES_OPTIONS, which overrides the file. Each attempt waits for every
    nameserver in turn: `timeout` seconds for the first, `timeout` * 2**n / count for the n-th after it, in whole
    seconds and at least one (send_dg in res_send.c). A name that fails is looked up once more with a search domain.
    """
    timeout, attempts = 5, 2  # RES_TIMEOUT and RES_DFLRETRY of glibc's resolv.h
    lines = [line for line in resolv_conf.splitlines() if line.startswith("options")]
    for word in " ".join((*(line.partition("options")[2] for line in lines), options)).split():
        key, _, value = word.partition(":")
        if key in ("timeout", "attempts") and value.isdigit():
            timeout = min(int(value), 30) if key == "timeout" else timeout
            attempts = min(int(value), 5) if key == "attempts" else attempts
    count = len(nameservers(resolv_conf)) or 1
    waits = [max(1, (timeout << n) // (count if n else 1)) for n in range(count)]
    return float(attempts * sum(waits) * (2 if search_domains(resolv_conf) else 1))


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
