"""What only this machine knows, behind one Protocol. `sys.platform` is read here and in outcomes.py only."""

from __future__ import annotations

import socket
import sys
from typing import Protocol

from ..model import Can, Counters, HostsFile, Icmp, Interfaces, Listeners, Neighbour, Ports, Route, Transport


class Host(Protocol):
    """One operating system. Methods that look return an observation with `began` 0; none needs a privilege."""

    os: str  # "linux", "macos" or "windows"

    def describe(self) -> str:
        """The system and its version in a few words: "Linux 6.18"."""

    def can(self) -> Can:
        """Which evidence this user can have here."""

    def limits(self) -> tuple[str, ...]:
        """What cannot be seen, and which privilege would show it, a sentence each."""

    def resolvers(self) -> tuple[str, ...]:
        """The configured nameservers as addresses, in order."""

    def hosts_file(self, name: str) -> HostsFile:
        """The lines of the hosts file that name `name`."""

    def route(
        self, address: str, source: str | None = None, port: int | None = None, transport: Transport = "tcp"
    ) -> Route:
        """The kernel's routing decision for a packet to `address`; rules may decide by the port, too."""

    def neighbour(self, address: str) -> Neighbour:
        """The neighbour entry of `address` (the gateway or an on-link target)."""

    def interfaces(self) -> Interfaces:
        """All interfaces with their addresses."""

    def listeners(self, port: int, transport: Transport = "tcp", *, owners: bool = True) -> Listeners:
        """The sockets of this machine on `port`, with their owners as far as this user may see."""

    def port_policy(self) -> Ports:
        """Privileged threshold, ephemeral and reserved ranges."""

    def counters(self) -> Counters:
        """Counters and limits that say why this machine drops or refuses."""

    def is_own(self, address: str) -> bool:
        """Whether the address belongs to this machine (any loopback address included)."""

    def watch_errors(self, sock: socket.socket) -> bool:
        """Ask for ICMP errors on the socket's error queue; False where the system has none."""

    def read_error(self, sock: socket.socket) -> tuple[int, Icmp | None] | None:
        """Drain the error queue: (errno, who sent the ICMP error), None when it is empty."""

    def hurry(self, sock: socket.socket) -> None:
        """Let the kernel give up this connect after one retransmission (TCP_SYNCNT 1), where it can."""

    def syns_unanswered(self, sock: socket.socket) -> int | None:
        """Retransmissions of the SYN (TCP_INFO), None where the system does not tell."""

    def rtt(self, sock: socket.socket) -> float | None:
        """The kernel's round-trip estimate of a connected socket in seconds."""


def user_name() -> str:
    """The user this process runs as: the name if the system knows one, else the number."""
    if sys.platform == "win32":
        import os

        return os.environ.get("USERNAME", "")
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def config_folder() -> str:
    """The folder of this user's configuration, as platformdirs has it; "" for a user without a home."""
    import os

    if sys.platform in ("darwin", "win32"):
        from platformdirs import user_config_dir

        return user_config_dir("portdoctor", appauthor=False)
    base = os.environ.get("XDG_CONFIG_HOME", "")  # XDG Base Directory Specification: a relative path is invalid
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.config")
    return os.path.join(base, "portdoctor") if os.path.isabs(base) else ""


def current() -> Host:
    """The host this process runs on."""
    if sys.platform == "darwin":
        from .macos import MacOS

        return MacOS()
    elif sys.platform == "win32":  # noqa: RET505  mypy leaves out branches of other systems, not what follows them
        from .windows import Windows

        return Windows()
    else:
        from .linux import Linux

        return Linux()
