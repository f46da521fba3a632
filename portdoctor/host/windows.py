"""The Host of Windows, for an ordinary user: psutil, netsh and arp. It has no ICMP evidence."""

from __future__ import annotations

import os
import platform
import re
import socket

from ..model import Can, Counters, HostsFile, Icmp, Interfaces, Listeners, Neighbour, Outcome, Ports, Route, Transport
from . import portable


class Windows:
    """The Host of Windows; see the Protocol for what each method returns."""

    os = "windows"

    def describe(self) -> str:
        return f"Windows {platform.version()}"

    def can(self) -> Can:
        return Can(listener_table="all", neighbour_table=True)

    def limits(self) -> tuple[str, ...]:
        return ("cannot see which router sent an ICMP error: Windows does not report it",)

    def resolvers(self) -> tuple[str, ...]:
        """Those of the network adapters, from the registry."""
        import dns.exception
        import dns.resolver

        try:
            found = dns.resolver.Resolver().nameservers
        except (dns.exception.DNSException, OSError):
            return ()
        return tuple(str(one) for one in found)

    def search(self) -> tuple[str, ...]:
        return ()

    def longest_lookup(self) -> float | None:
        return None

    def upstreams(self) -> tuple[str, ...]:
        return ()

    def hosts_file(self, name: str) -> HostsFile:
        from .files import hosts_file

        root = os.environ.get("SYSTEMROOT", r"C:\Windows")
        return hosts_file(root + r"\System32\drivers\etc\hosts", name)

    def route(
        self, address: str, source: str | None = None, port: int | None = None, transport: Transport = "tcp"
    ) -> Route:
        """The errno and the source from a UDP connect; the gateway is not looked up."""
        try:
            chosen = portable.source_for(address, source)
        except OSError as error:
            failed = portable.failure(error)
            none = failed["outcome"] is Outcome.NET_UNREACHABLE
            return Route(**failed, address=address, type="none" if none else "unknown", source=source)
        own = portable.is_own(address)
        rows = portable.interfaces().rows
        interface = next((r.name for r in rows if any(chosen == a.partition("/")[0] for a in r.addresses)), None)
        # without a gateway, "unicast" would mean on-link, which is not known
        return Route(
            outcome=Outcome.OK, address=address, type="local" if own else "unknown", interface=interface, source=chosen
        )

    def neighbour(self, address: str) -> Neighbour:
        """The ARP entry. IPv6 entries are not read, and the age of an entry is not known, so its state is "known"."""
        text = None if ":" in address else portable.run_tool("arp", "-a", address)
        if text is None:
            return Neighbour(outcome=Outcome.OTHER, address=address, state="unknown")
        known = re.search(rf"^\s*{re.escape(address)}\s+([0-9a-f]{{2}}-){{5}}", text, re.MULTILINE | re.IGNORECASE)
        return Neighbour(outcome=Outcome.OK, address=address, state="known" if known else "none")

    def interfaces(self) -> Interfaces:
        return portable.interfaces()

    def listeners(self, port: int, transport: Transport = "tcp", *, owners: bool = True) -> Listeners:
        return portable.listeners(port, transport, owners)

    def port_policy(self) -> Ports:
        """No port needs a privilege, but a bind to an excluded range (Hyper-V, WSL) is denied."""
        dynamic = numbers(portable.run_tool("netsh", "int", "ipv4", "show", "dynamicport", "tcp"))
        first_and_count = [n for row in dynamic for n in row[-1:]]
        ephemeral = None
        if len(first_and_count) == 2:
            ephemeral = (first_and_count[0], first_and_count[0] + first_and_count[1] - 1)
        excluded = numbers(portable.run_tool("netsh", "int", "ipv4", "show", "excludedportrange", "protocol=tcp"))
        return Ports(
            outcome=Outcome.OK,
            unprivileged_start=0,
            ephemeral=ephemeral,
            reserved=tuple((row[0], row[1]) for row in excluded if len(row) == 2),
        )

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
        """Windows cannot limit the number of SYNs; the caller closes the socket in time."""

    def syns_unanswered(self, sock: socket.socket) -> int | None:
        return None

    def rtt(self, sock: socket.socket) -> float | None:
        return None


def numbers(text: str | None) -> list[list[int]]:
    """Return the whole numbers of each line that has any: netsh translates its text, so only numbers are read."""
    rows = [[int(n) for n in re.findall(r"\b\d+\b", line)] for line in (text or "").splitlines()]
    return [row for row in rows if row]
