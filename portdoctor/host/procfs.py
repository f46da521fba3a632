"""Reads port ranges, capabilities, counters and limits from /proc, and the socket table as a fallback."""

from __future__ import annotations

import os
import socket
import struct
import sys

from ..model import Transport
from ..text import at
from .files import read_text
from .socket_table import STATES, Socket

assert sys.platform == "linux"

_SYS = "/proc/sys/net/ipv4/"
_CAP_NET_BIND_SERVICE = 10  # linux/capability.h
_NS_GET_USERNS = 0xB701  # linux/nsfs.h: _IO(0xb7, 1)
_WANTED = {
    "TcpExt": ("ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies",
               "TCPTimeouts", "TCPSynRetrans", "TCPRetransFail",
               "TCPMemoryPressures", "PAWSPassive", "TCPWantZeroWindowAdv"),
    "Tcp": ("RetransSegs", "AttemptFails", "EstabResets", "OutRsts", "CurrEstab"),
    "Ip": ("OutNoRoutes", "OutDiscards", "InDiscards"),
    "Udp": ("NoPorts", "RcvbufErrors", "SndbufErrors"),
    "Icmp": ("OutDestUnreachs", "OutRateLimitHost"),
}  # fmt: skip
_NUMBERS = {
    "nf_conntrack_count": "/proc/sys/net/netfilter/nf_conntrack_count",
    "nf_conntrack_max": "/proc/sys/net/netfilter/nf_conntrack_max",
    "somaxconn": "/proc/sys/net/core/somaxconn",
    "tcp_max_syn_backlog": _SYS + "tcp_max_syn_backlog",
}


def number(path: str) -> int | None:
    """Return the number in a file; None when the file does not exist or has other content."""
    try:
        return int(read_text(path, 64).split()[0])
    except (OSError, ValueError, IndexError):
        return None


def ephemeral() -> tuple[int, int] | None:
    """Return the range of source ports that the kernel assigns (ip_local_port_range)."""
    try:
        first, last = read_text(_SYS + "ip_local_port_range", 64).split()
        return int(first), int(last)
    except (OSError, ValueError):
        return None


def reserved() -> tuple[tuple[int, int], ...]:
    """Return the ports that the kernel never assigns; a program may still bind them (ip_local_reserved_ports)."""
    try:
        return port_ranges(read_text(_SYS + "ip_local_reserved_ports"))
    except OSError:
        return ()


def port_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Return ``8080,9000-9010`` as (first, last) pairs."""
    pairs = [part.partition("-") for part in text.strip().split(",") if part]
    return tuple((int(first), int(last or first)) for first, _, last in pairs if first.isdigit())


def unprivileged_start() -> int | None:
    """Return the first port that needs no privilege."""
    return number(_SYS + "ip_unprivileged_port_start")


def may_bind_low() -> bool | None:
    """Return whether this process has CAP_NET_BIND_SERVICE in the user namespace that owns the network namespace."""
    try:
        status = read_text("/proc/self/status", 16 * 1024)
    except OSError:
        return None
    mask = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), None)
    if mask is None:
        return None
    return bool(int(mask, 16) >> _CAP_NET_BIND_SERVICE & 1) and _network_is_ours()


def _network_is_ours() -> bool:
    """Return whether our user namespace or a descendant owns the network namespace: else capabilities do not apply."""
    import fcntl

    try:
        with open("/proc/self/ns/net", "rb") as net:
            os.close(fcntl.ioctl(net, _NS_GET_USERNS))
    except OSError as error:
        return error.errno not in (1,)  # EPERM: the owner is outside of our user namespace
    return True


def counters() -> dict[str, int]:
    """Return counters and limits by their kernel names. Raises OSError when /proc has no such tables."""
    found = pick(read_text("/proc/net/netstat")) | pick(read_text("/proc/net/snmp"))
    found |= {name: value for name, path in _NUMBERS.items() if (value := number(path)) is not None}
    found |= _sockets_used() | _files()
    return found


def packets() -> dict[str, tuple[int, int]]:
    """Return interface -> packets (received, sent) of /proc/net/dev, without the loopback interface. Raises OSError."""
    rows = (line.rpartition(":") for line in read_text("/proc/net/dev").splitlines()[2:])
    found = {name.strip(): numbers.split() for name, _, numbers in rows}
    return {name: (int(row[1]), int(row[9])) for name, row in found.items() if name != "lo" and len(row) > 9}


def pick(text: str) -> dict[str, int]:
    """Return the wanted counters of /proc/net/netstat or snmp: for each group, a line of names and one of values."""
    lines = text.splitlines()
    found: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        group, _, keys = names.partition(":")
        row = dict(zip(keys.split(), values.partition(":")[2].split(), strict=False))
        found |= {name: int(row[name]) for name in _WANTED.get(group, ()) if name in row}
    return found


def _sockets_used() -> dict[str, int]:
    """Return the TCP sockets in use and in TIME_WAIT in this network namespace, and the number of source ports."""
    found: dict[str, int] = {}
    for path, group, prefix in (("/proc/net/sockstat", "TCP:", "tcp"), ("/proc/net/sockstat6", "TCP6:", "tcp6")):
        try:
            words = next((line.split() for line in read_text(path).splitlines() if line.startswith(group)), [])
        except OSError:
            continue
        row = dict(zip(words[1::2], words[2::2], strict=False))
        found |= {f"{prefix}_{name}": int(row[name]) for name in ("inuse", "orphan", "tw") if name in row}
    if ports := ephemeral():
        kept = sum(max(0, min(last, ports[1]) - max(first, ports[0]) + 1) for first, last in reserved())
        found["ephemeral_ports"] = ports[1] - ports[0] + 1 - kept
    return found


def _files() -> dict[str, int]:
    """Return the open files of this process and of the machine, with their limits."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = {"nofile_soft": soft, "nofile_hard": hard}
    try:
        found["nofile_used"] = len(os.listdir("/proc/self/fd")) - 1  # without the descriptor of the listing
        used, _, most = read_text("/proc/sys/fs/file-nr", 128).split()
        found |= {"file_nr": int(used), "file_max": int(most)}
    except (OSError, ValueError):
        return found
    return found


def sockets(port: int, transport: Transport) -> tuple[Socket, ...]:
    """Return the sockets of /proc/net, for kernels or sandboxes without sock_diag: no bound sockets. Raises OSError."""
    rows: list[Socket] = []
    for name in (transport, f"{transport}6"):
        try:
            rows += read_table(read_text(f"/proc/net/{name}"), transport)
        except FileNotFoundError:
            continue  # a kernel without IPv6
    return tuple(row for row in rows if row.port == port or (port == 0 and row.state in ("LISTEN", "UNCONN")))


def read_table(text: str, transport: Transport) -> list[Socket]:
    """Parse the rows of /proc/net/tcp, tcp6, udp or udp6 (proc(5)): addresses are 32-bit words in host byte order."""
    rows = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 10:
            continue
        address, port = _end(words[1])
        peer, peer_port = _end(words[2])
        state = STATES.get(int(words[3], 16), words[3])
        backlog, _, queued = words[4].partition(":")
        listening = state == "LISTEN"
        rows.append(
            Socket(
                address=address,
                port=port,
                state="UNCONN" if transport == "udp" and state == "CLOSE" else state,
                peer=at(peer, peer_port) if peer_port else None,
                uid=int(words[7]),
                inode=int(words[9]),
                queued=int(queued, 16) if listening else 0,
                backlog=int(backlog, 16) if listening else 0,
            )
        )
    return rows


def _end(text: str) -> tuple[str, int]:
    digits, _, port = text.partition(":")
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET6 if len(packed) == 16 else socket.AF_INET
    return socket.inet_ntop(family, packed), int(port, 16)
