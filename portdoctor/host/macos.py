"""The Host of macOS, for an ordinary user: psutil and the tools of the system. It has no ICMP evidence."""

from __future__ import annotations

import os
import platform
import re
import socket
import sys

from ..model import Can, Counters, HostsFile, Icmp, Interfaces, Listeners, Neighbour, Outcome, Ports, Route, Transport
from . import portable

assert sys.platform != "win32"

_TYPES = {"BLACKHOLE": "blackhole", "REJECT": "unreachable", "LOCAL": "local"}  # flags of netstat(1)


class MacOS:
    """The Host of macOS; see the Protocol for what each method returns."""

    os = "macos"

    def describe(self) -> str:
        return f"macOS {platform.mac_ver()[0]}"

    def can(self) -> Can:
        return Can(listener_table="all" if os.getuid() == 0 else "own", neighbour_table=True)

    def limits(self) -> tuple[str, ...]:
        icmp = "cannot see which router sent an ICMP error: macOS does not report it"
        if os.getuid() == 0:
            return (icmp,)
        return (icmp, "cannot see the sockets of other users: needs root")

    def resolvers(self) -> tuple[str, ...]:
        """Those of the main network service; per-domain resolvers (scutil --dns) are not in this file."""
        from .files import nameservers, read_text

        try:
            return nameservers(read_text("/etc/resolv.conf"))
        except OSError:
            return ()

    def search(self) -> tuple[str, ...]:
        return ()

    def longest_lookup(self) -> float | None:
        return None

    def upstreams(self) -> tuple[str, ...]:
        return ()

    def hosts_file(self, name: str) -> HostsFile:
        from .files import hosts_file

        return hosts_file("/etc/hosts", name)

    def route(
        self, address: str, source: str | None = None, port: int | None = None, transport: Transport = "tcp"
    ) -> Route:
        """The errno from a UDP connect, the route from `route -n get`."""
        try:
            chosen = portable.source_for(address, source)
        except OSError as error:
            failed = portable.failure(error)
            none = failed["outcome"] is Outcome.NET_UNREACHABLE
            return Route(**failed, address=address, type="none" if none else "unknown", source=source)
        family = "-inet6" if ":" in address else "-inet"
        entry = read_route(portable.run_tool("/sbin/route", "-n", "get", family, address) or "")
        flags = entry.get("flags", "").strip("<>").split(",")
        kind = next((word for flag, word in _TYPES.items() if flag in flags), "unicast")
        gateway = entry.get("gateway")
        return Route(
            outcome=Outcome.OK,
            address=address,
            type="local" if portable.is_own(address) else kind,
            gateway=gateway if gateway and "GATEWAY" in flags else None,
            interface=entry.get("interface"),
            source=chosen,
        )

    def neighbour(self, address: str) -> Neighbour:
        """The ARP entry. IPv6 entries are not read, and the age of an entry is not known, so its state is "known"."""
        text = None if ":" in address else portable.run_tool("/usr/sbin/arp", "-n", address)
        if text is None:
            return Neighbour(outcome=Outcome.OTHER, address=address, state="unknown")
        found = re.search(r"\bat (\S+) on (\S+)", text)
        if not found:
            return Neighbour(outcome=Outcome.OK, address=address)
        state = "incomplete" if found[1] == "(incomplete)" else "known"
        return Neighbour(outcome=Outcome.OK, address=address, interface=found[2], state=state)

    def interfaces(self) -> Interfaces:
        return portable.interfaces()

    def listeners(self, port: int, transport: Transport = "tcp", *, owners: bool = True) -> Listeners:
        return portable.listeners(port, transport, owners)

    def port_policy(self) -> Ports:
        """No first unprivileged port: since macOS 10.14 the limit does not apply to wildcard addresses."""
        text = portable.run_tool("/usr/sbin/sysctl", "-n", "net.inet.ip.portrange.first", "net.inet.ip.portrange.last")
        numbers = [int(word) for word in (text or "").split() if word.isdigit()]
        ephemeral = (numbers[0], numbers[1]) if len(numbers) == 2 else None
        return Ports(outcome=Outcome.OK, ephemeral=ephemeral, bind_capability=os.getuid() == 0)

    def counters(self) -> Counters:
        return Counters(outcome=Outcome.OK)

    def packets(self) -> dict[str, tuple[int, int]]:
        return {}

    def is_own(self, address: str) -> bool:
        return portable.is_own(address)

    def watch_errors(self, sock: socket.socket) -> bool:
        return False

    def read_error(self, sock: socket.socket) -> tuple[int, Icmp | None] | None:
        return None

    def hurry(self, sock: socket.socket) -> None:
        """macOS cannot limit the number of SYNs; the caller closes the socket in time."""

    def syns_unanswered(self, sock: socket.socket) -> int | None:
        return None

    def rtt(self, sock: socket.socket) -> float | None:
        return None


def read_route(text: str) -> dict[str, str]:
    """Return the ``key: value`` lines of `route -n get`."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon and value.strip()}
