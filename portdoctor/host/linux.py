"""The Host of Linux, for an ordinary user: the error queue, netlink, sock_diag and /proc."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from ..model import (
    Can,
    Counters,
    Holder,
    HostsFile,
    Icmp,
    Interface,
    Interfaces,
    Listener,
    Listeners,
    Neighbour,
    Outcome,
    Ports,
    Route,
    Transport,
)
from ..outcomes import errno_of, of_errno
from .errqueue import read_extended_error
from .sockaddr import interface_name

if TYPE_CHECKING:
    from .socket_table import Socket

assert sys.platform == "linux"

_IP_RECVERR, _IPV6_RECVERR, _MSG_ERRQUEUE = 11, 25, 0x2000  # linux/in.h, linux/in6.h, linux/socket.h
_TCP_SYNCNT, _TCP_INFO = 7, 11  # linux/tcp.h
_RETRANSMITS, _RTT, _TOTAL_RETRANS = 2, 68, 100  # offsets in struct tcp_info
_MOST_ERRORS = 32  # entries drained at once
_IP_PROTO = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_HOLDS = ("LISTEN", "BOUND", "UNCONN")
_MOST_OWNERS = 8  # connections whose owner is looked up when nothing listens
_GLIBC_DEFAULT = ("127.0.0.1",)


class Linux:
    """The Host of Linux; see the Protocol for what each method returns."""

    os = "linux"
    _resolvers_text: str | None = None

    def describe(self) -> str:
        return "Linux " + ".".join(os.uname().release.split(".")[:2])

    def can(self) -> Can:
        old = self._release() < (5, 9)  # earlier kernels queue no ICMP error in the state SYN_SENT
        return Can(error_queue=not old, ttl_trace=not old, listener_table="all", neighbour_table=True)

    def limits(self) -> tuple[str, ...]:
        if os.geteuid() == 0:
            return ()
        return ("cannot see which process of another user is using a socket: needs root",)

    def _release(self) -> tuple[int, ...]:
        first = os.uname().release.partition("-")[0].split(".")[:2]
        return tuple(int(part) for part in first if part.isdigit())

    def resolvers(self) -> tuple[str, ...]:
        """As glibc reads them; without any, its default is the resolver of this machine. None if the file is not known.

        It is read once: later this process may have no file descriptor left to read it with.
        """
        from .files import nameservers

        text = self._resolv_conf()
        return () if text is None else nameservers(text) or _GLIBC_DEFAULT

    def search(self) -> tuple[str, ...]:
        from .files import search_domains

        return search_domains(self._resolv_conf() or "")

    def _resolv_conf(self) -> str | None:
        """Return the text of resolv.conf, "" where there is none; None where this process cannot open a file."""
        if self._resolvers_text is None:
            from .files import read_text

            try:
                self._resolvers_text = read_text("/etc/resolv.conf")
            except OSError as error:
                if of_errno(error.errno or 0) is Outcome.EXHAUSTED:
                    return None
                self._resolvers_text = ""
        return self._resolvers_text

    def longest_lookup(self) -> float | None:
        """As glibc computes it. A plugin of nsswitch.conf, such as nss-resolve, has limits of its own."""
        from .files import longest_lookup, read_text

        try:
            return longest_lookup(read_text("/etc/resolv.conf"), os.environ.get("RES_OPTIONS", ""))
        except OSError:
            return longest_lookup("", os.environ.get("RES_OPTIONS", ""))

    def upstreams(self) -> tuple[str, ...]:
        from .upstreams import upstreams

        return upstreams()

    def hosts_file(self, name: str) -> HostsFile:
        from .files import hosts_file

        return hosts_file("/etc/hosts", name)

    def route(
        self, address: str, source: str | None = None, port: int | None = None, transport: Transport = "tcp"
    ) -> Route:
        """The errno of the kernel's response is the outcome: a connect would fail with it."""
        from . import netlink

        flow = (_IP_PROTO[transport], port) if port else None
        goal = "::1" if address == "::" else address  # connect() takes :: as this machine, the route lookup does not
        try:
            fact = netlink.look_up_route(goal, source, flow)
        except netlink.Refused as error:
            if source and not self.is_own(source):  # EINVAL or ENETUNREACH is about the source, not about the route
                return self.route(address, None, port, transport)
            by_port = flow is not None and self.route(address, source).outcome is Outcome.OK
            kind, prefix = netlink.refusal(address, error.errno or 0, by_port=by_port)
            failed = _failure(error, connecting=True)
            return Route(**failed, address=address, type=kind, source=source, prefix=prefix)
        except OSError as error:
            return Route(**_failure(error), address=address, type="unknown", source=source)
        try:
            entry = netlink.look_up_route(goal, source, flow, match=True)
        except OSError:
            entry = None  # kernels before 4.13 do not support this request
        return Route(
            outcome=Outcome.OK,
            address=address,
            type=fact.type,
            gateway=fact.gateway,
            interface=fact.interface,
            source=fact.source or source,
            prefix=entry.prefix if entry else None,
            table=entry.table if entry else fact.table,
        )

    def neighbour(self, address: str) -> Neighbour:
        """The entry on the interface through which a packet would leave; "none" without one."""
        from . import netlink

        route = self.route(address)
        try:
            rows = [(interface_name(index), state) for index, state in netlink.neighbours(address)]
        except OSError as error:
            return Neighbour(**_failure(error), address=address, state="unknown")
        rows.sort(key=lambda row: row[0] != route.interface)
        interface, state = rows[0] if rows else (route.interface, "none")
        return Neighbour(outcome=Outcome.OK, address=address, interface=interface, state=state)

    def interfaces(self) -> Interfaces:
        from . import netlink

        try:
            links, addresses = netlink.links(), netlink.interface_addresses()
        except OSError as error:
            return Interfaces(**_failure(error))
        rows = tuple(
            Interface(
                name=name,
                up=bool(flags & netlink.UP),
                running=bool(flags & netlink.LINKED),
                loopback=bool(flags & netlink.LOOPBACK),
                addresses=tuple(address for at, address, _ in addresses if at == index),
                tentative=tuple(
                    address for at, address, state in addresses
                    if at == index and state & (netlink.TENTATIVE | netlink.DAD_FAILED)
                ),
            )
            for index, name, flags in links
        )
        return Interfaces(outcome=Outcome.OK, rows=rows)

    def is_own(self, address: str) -> bool:
        """By the routing table: a packet to the address would be delivered to this machine."""
        return self.route(address).type == "local"

    def listeners(self, port: int, transport: Transport = "tcp", *, owners: bool = True) -> Listeners:
        """By sock_diag, else from /proc/net; `port` 0 returns the listeners of all ports."""
        from . import sockdiag

        try:
            table = sockdiag.sockets(port, transport)
            rows, bound_shown = table.rows, table.bound_shown
        except OSError:
            from . import procfs

            try:
                rows, bound_shown = procfs.sockets(port, transport), False
            except OSError as error:
                return Listeners(**_failure(error), port=port, transport=transport)
        holders = _holders(rows) if owners else {}
        return Listeners(
            outcome=Outcome.OK,
            port=port,
            transport=transport,
            complete=True,
            bound_shown=bound_shown,
            rows=tuple(_listener(row, transport, holders.get(row.inode)) for row in rows),
        )

    def port_policy(self) -> Ports:
        from . import procfs

        return Ports(
            outcome=Outcome.OK,
            unprivileged_start=procfs.unprivileged_start(),
            ephemeral=procfs.ephemeral(),
            reserved=procfs.reserved(),
            bind_capability=procfs.may_bind_low(),
        )

    def counters(self) -> Counters:
        from . import procfs

        try:
            return Counters(outcome=Outcome.OK, values=procfs.counters())
        except OSError as error:
            return Counters(**_failure(error))

    def packets(self) -> dict[str, tuple[int, int]]:
        from . import procfs

        try:
            return procfs.packets()
        except OSError:
            return {}

    def watch_errors(self, sock: socket.socket) -> bool:
        level, option = (
            (socket.IPPROTO_IPV6, _IPV6_RECVERR) if sock.family == socket.AF_INET6 else (socket.IPPROTO_IP, _IP_RECVERR)
        )
        try:
            sock.setsockopt(level, option, 1)
        except OSError:
            return False
        return True

    def read_error(self, sock: socket.socket) -> tuple[int, Icmp | None] | None:
        """Of several errors, return the last one from ICMP. Read SO_ERROR first: reading the queue clears it."""
        found: tuple[int, Icmp | None] | None = None
        for _ in range(_MOST_ERRORS):
            try:
                _, ancillary, _, _ = sock.recvmsg(512, 512, _MSG_ERRQUEUE | socket.MSG_DONTWAIT)
            except OSError:
                break  # EAGAIN: the queue is empty
            for level, kind, data in ancillary:
                if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                    entry = read_extended_error(data)
                    if entry and (entry[1] or found is None):
                        found = entry
        return found

    def hurry(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_SYNCNT, 1)

    def syns_unanswered(self, sock: socket.socket) -> int | None:
        """Read it while connecting or right after: later it also counts retransmitted data."""
        info = _tcp_info(sock)
        if len(info) < _TOTAL_RETRANS + 4:
            return None
        return int(max(info[_RETRANSMITS], struct.unpack_from("=I", info, _TOTAL_RETRANS)[0]))

    def rtt(self, sock: socket.socket) -> float | None:
        info = _tcp_info(sock)
        if len(info) < _RTT + 4:
            return None
        (microseconds,) = struct.unpack_from("=I", info, _RTT)
        return microseconds / 1e6 if microseconds else None


def _failure(error: OSError, *, connecting: bool = False) -> dict[str, Any]:
    """Return the fields of an observation that failed with this error."""
    number = error.errno or 0
    return {
        "outcome": of_errno(number, connecting=connecting),
        "errno": errno_of(number) if number else None,
        "os_says": error.strerror or str(error),
    }


def _holders(rows: tuple[Socket, ...]) -> dict[int, Holder]:
    """Return inode -> process of the sockets that use the port: listening or bound; without any, its connections."""
    owned = [row for row in rows if row.inode]  # a lingering connection (TIME_WAIT) has none
    holding = [row for row in owned if row.state in _HOLDS] or owned[:_MOST_OWNERS]
    if not holding:
        return {}
    from . import owners

    mine = owners.processes(row.inode for row in holding)
    root = owners.cgroup_root()
    paths = owners.cgroup_paths((row.cgroup for row in holding if row.inode not in mine), root) if root else {}
    return {row.inode: owners.holder(mine.get(row.inode), row.uid, paths.get(row.cgroup)) for row in holding}


def _listener(row: Socket, transport: Transport, holder: Holder | None) -> Listener:
    return Listener(
        transport=transport,
        address=row.address,
        port=row.port,
        state=row.state,
        peer=row.peer,
        uid=row.uid if row.inode else None,  # the kernel reports 0 for a socket that no process has open
        inode=row.inode or None,
        v6only=row.v6only,
        queued=row.queued if row.state == "LISTEN" else None,
        backlog=row.backlog if row.state == "LISTEN" else None,
        holder=holder,
    )


def _tcp_info(sock: socket.socket) -> bytes:
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 256)
    except OSError:
        return b""
