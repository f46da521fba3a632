"""Reads the sockets on a port from the Linux kernel (sock_diag(7)): those of all users, without a privilege.

Layouts: linux/inet_diag.h, linux/sock_diag.h. States: include/net/tcp_states.h.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from itertools import islice

import msgspec

from ..model import Transport
from ..text import at
from . import netlink
from .sockaddr import address_text, interface_name
from .socket_table import STATES, Socket, Table

assert sys.platform == "linux"

_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_V6ONLY, _CGROUP = 11, 21  # INET_DIAG_SKV6ONLY, INET_DIAG_CGROUP_ID
_LISTEN, _BOUND = 1 << 10, 1 << 13
_ANY_CONNECTION = 0x1FFF & ~_LISTEN & ~1
_SPARE = (61017, 10217, 64217)  # outside the usual ranges of source ports
MOST_CONNECTIONS = 128  # connections kept for each family: a busy server has thousands


def sockets(port: int, transport: Transport) -> Table:
    """Return all sockets with that local port, listeners first. `port` 0: listeners of all ports. Raises OSError."""
    protocol = socket.IPPROTO_TCP if transport == "tcp" else socket.IPPROTO_UDP
    rows: list[Socket] = []
    if transport == "udp":
        rows += _ask_families(protocol, 0x1FFF, port)
        return Table(rows=tuple(_with_udp_state(row) for row in rows), bound_shown=True)
    rows += _ask_families(protocol, _LISTEN, port)
    bound = [msgspec.structs.replace(row, state="BOUND") for row in _ask_families(protocol, _BOUND, port)]
    rows += bound  # the kernel reports CLOSE in these rows; the request shows what they are
    if port:
        rows += _ask_families(protocol, _ANY_CONNECTION, port, MOST_CONNECTIONS)
    return Table(rows=tuple(rows), bound_shown=bool(bound) or _shows_bound(protocol))


def _with_udp_state(row: Socket) -> Socket:
    """Return the row with the state UNCONN, as ss(8) shows it, for a UDP socket that is not connected."""
    return msgspec.structs.replace(row, state="UNCONN") if row.state == "CLOSE" else row


def _ask_families(protocol: int, states: int, port: int, most: int | None = None) -> list[Socket]:
    """Return the rows of both families, at most `most` of each; the rest is not read."""
    found: list[Socket] = []
    for family in (socket.AF_INET, socket.AF_INET6):
        found += islice(_ask(family, protocol, states, port), most)
    return found


def _ask(family: int, protocol: int, states: int, port: int) -> Iterator[Socket]:
    head = struct.pack("=BBBBI", family, protocol, 0, 0, states)
    wanted = struct.pack(">HH", port, 0) + bytes(36) + b"\xff" * 8  # any address and interface, INET_DIAG_NOCOOKIE
    try:
        for payload in netlink.query_kernel(netlink.SOCK_DIAG, _BY_FAMILY, netlink.DUMP, head + wanted):
            row = read_socket(payload)
            if port in (0, row.port):
                yield row
    except netlink.Refused as error:
        if family != socket.AF_INET6 or error.errno != 2:  # ENOENT: a kernel without IPv6
            raise


def read_socket(payload: bytes) -> Socket:
    """Parse one inet_diag_msg with its attributes."""
    family, state, _, _ = struct.unpack_from("=BBBB", payload)
    port, peer_port = struct.unpack_from(">HH", payload, 4)
    size = 16 if family == socket.AF_INET6 else 4
    (index,) = struct.unpack_from("=I", payload, 40)
    interface = interface_name(index)
    _, queued, backlog, uid, inode = struct.unpack_from("=IIIII", payload, 52)
    found = netlink.attributes(payload[72:])
    peer = address_text(payload[24 : 24 + size], interface)
    listening = state == 10
    return Socket(
        address=address_text(payload[8 : 8 + size], interface),
        port=port,
        state=STATES.get(state, str(state)),
        peer=at(peer, peer_port) if peer_port else None,
        uid=uid,
        inode=inode,
        queued=queued if listening else 0,
        backlog=backlog if listening else 0,
        v6only=found[_V6ONLY] != b"\0" if _V6ONLY in found else None,
        cgroup=struct.unpack("=Q", found[_CGROUP])[0] if _CGROUP in found else 0,
    )


def _shows_bound(protocol: int) -> bool:
    """Return whether this kernel lists bound sockets, tested with one that is bound only for this request."""
    for port in (0, *_SPARE):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
                own.bind(("127.0.0.1", port))
                return any(True for _ in _ask(socket.AF_INET, protocol, _BOUND, own.getsockname()[1]))
        except OSError:
            continue  # port 0 fails when no source port is free
    return False
