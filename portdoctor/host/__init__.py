"""The operating system of this machine, behind one Protocol. Only here and in outcomes.py is `sys.platform` read."""

from __future__ import annotations

import socket
import sys
from typing import Protocol

from ..model import Can, Counters, HostsFile, Icmp, Interfaces, Listeners, Neighbour, Ports, Route, Transport

_MANY = 10_000  # descriptors: more are never needed


class Host(Protocol):
    """One operating system. Its methods need no privilege.

    Methods that return an observation set `began` to 0, and report an error of the system as its outcome.
    """

    os: str  # "linux", "macos" or "windows"

    def describe(self) -> str:
        """Return the system and its version: "Linux 6.18"."""

    def can(self) -> Can:
        """Return the kinds of evidence that are available to this user."""

    def limits(self) -> tuple[str, ...]:
        """Return what this user cannot see, and which privilege would show it, a sentence each."""

    def resolvers(self) -> tuple[str, ...]:
        """Return the addresses of the configured resolvers, in order."""

    def search(self) -> tuple[str, ...]:
        """Return the search domains that complete a name, in order."""

    def longest_lookup(self) -> float | None:
        """Return the most seconds for which a lookup waits for the resolvers, None where it is not known."""

    def upstreams(self) -> tuple[str, ...]:
        """The servers that a stub resolver on this machine forwards to, as far as its configuration can be read."""

    def hosts_file(self, name: str) -> HostsFile:
        """Return the lines of the hosts file that have `name`."""

    def route(
        self, address: str, source: str | None = None, port: int | None = None, transport: Transport = "tcp"
    ) -> Route:
        """Return the kernel's routing decision for a packet to `address`; policy rules may depend on the port."""

    def neighbour(self, address: str) -> Neighbour:
        """Return the neighbour entry of `address` (the gateway or an on-link target)."""

    def interfaces(self) -> Interfaces:
        """Return all interfaces with their addresses."""

    def listeners(self, port: int, transport: Transport = "tcp", *, owners: bool = True) -> Listeners:
        """Return the sockets of this machine on `port`, with their processes as far as this user may see them."""

    def port_policy(self) -> Ports:
        """Return the first unprivileged port, and the ephemeral and reserved ranges."""

    def counters(self) -> Counters:
        """Return counters and limits that explain why this machine drops or refuses packets."""

    def packets(self) -> dict[str, tuple[int, int]]:
        """Return interface -> packets (received, sent), without the loopback interface; {} where it is not known."""

    def is_own(self, address: str) -> bool:
        """Return whether the address belongs to this machine (any loopback address does)."""

    def watch_errors(self, sock: socket.socket) -> bool:
        """Let the socket queue ICMP errors (IP_RECVERR); return False where the system cannot."""

    def read_error(self, sock: socket.socket) -> tuple[int, Icmp | None] | None:
        """Read and clear the error queue: return (errno, ICMP error), None when it is empty."""

    def hurry(self, sock: socket.socket) -> None:
        """Let the kernel give up this connect after one retransmission (TCP_SYNCNT 1), where it can."""

    def syns_unanswered(self, sock: socket.socket) -> int | None:
        """Return the retransmissions of the SYN (TCP_INFO), None where the system does not report them."""

    def rtt(self, sock: socket.socket) -> float | None:
        """Return the kernel's round-trip estimate of a connected socket in seconds, None where it has none."""


def user_name() -> str:
    """Return the name of the user of this process, or the uid where it has no name."""
    if sys.platform == "win32":
        import os

        return os.environ.get("USERNAME", "")
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):  # no such user, or no descriptor to read the table
        return str(os.getuid())


def free_descriptors() -> int:
    """Return how many more files and sockets this process may open, at most 10,000."""
    if sys.platform == "win32":
        return 480  # select() takes 512 sockets
    import os
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        used = len(os.listdir("/dev/fd"))
    except OSError:
        used = 8
    return min(soft - used if soft != resource.RLIM_INFINITY else _MANY, _MANY)


def config_folder() -> str:
    """Return the folder of this user's configuration, as platformdirs does; "" for a user without a home folder."""
    import os

    if sys.platform in ("darwin", "win32"):
        from platformdirs import user_config_dir

        return user_config_dir("portdoctor", appauthor=False)
    base = os.environ.get("XDG_CONFIG_HOME", "")  # XDG Base Directory Specification: a relative path is invalid
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.config")
    return os.path.join(base, "portdoctor") if os.path.isabs(base) else ""


def current() -> Host:
    """Return the Host of the system that this process runs on."""
    if sys.platform == "darwin":
        from .macos import MacOS

        return MacOS()
    elif sys.platform == "win32":  # noqa: RET505  mypy skips the branches of other systems, not what follows them
        from .windows import Windows

        return Windows()
    else:
        from .linux import Linux

        return Linux()
