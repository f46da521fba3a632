"""Reads this machine through psutil and sockets, for systems without a more precise source."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from typing import Any

from ..model import Holder, Interface, Interfaces, Listener, Listeners, Outcome, Transport
from ..outcomes import errno_of, of_errno

_TOOL_SECONDS = 2.0  # for a tool of the system: it takes milliseconds, or hangs on a lookup


def run_tool(*command: str) -> str | None:
    """Return what a tool prints to stdout and stderr; None when it does not exist or takes too long."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=_TOOL_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace")


def failure(error: OSError) -> dict[str, Any]:
    """Return the fields of an observation that failed with this error."""
    number = error.errno or 0
    return {
        "outcome": of_errno(number),
        "errno": errno_of(number) if number else None,
        "os_says": error.strerror or str(error),
    }


def source_for(address: str, source: str | None) -> str:
    """Return the source address of packets to `address`, from a UDP connect, which sends nothing. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if source:
            sock.bind((source, 0))
        bare, _, scope = address.partition("%")
        if scope:
            sock.connect((bare, 9, 0, int(scope) if scope.isdigit() else socket.if_nametoindex(scope)))
        else:
            sock.connect((bare, 9))
        return str(sock.getsockname()[0])


def interfaces() -> Interfaces:
    """Return all interfaces. What psutil calls up is the system's "running"."""
    import psutil

    try:
        addresses, states = psutil.net_if_addrs(), psutil.net_if_stats()
    except OSError as error:
        return Interfaces(**failure(error))
    rows = []
    for name, entries in addresses.items():
        literal = [e for e in entries if e.family in (socket.AF_INET, socket.AF_INET6)]
        up = name in states and states[name].isup
        loopback = any(e.address.startswith("127.") or e.address == "::1" for e in literal)
        listed = tuple(_with_prefix(e.address, e.netmask) for e in literal)
        rows.append(Interface(name=name, up=up, running=up, loopback=loopback, addresses=listed))
    return Interfaces(outcome=Outcome.OK, rows=tuple(rows))


def _with_prefix(address: str, netmask: str | None) -> str:
    """Return the address in prefix notation; without a netmask (Windows, IPv6), the address alone."""
    bare = address.partition("%")[0]
    if not netmask:
        return bare
    family = socket.AF_INET6 if ":" in netmask else socket.AF_INET
    try:
        bits = int.from_bytes(socket.inet_pton(family, netmask)).bit_count()
    except OSError:
        return bare
    return f"{bare}/{bits}"


def is_own(address: str) -> bool:
    """Return whether an interface has the address, or it is a loopback address."""
    bare = address.partition("%")[0]
    if bare.startswith("127.") or bare == "::1":
        return True
    return any(bare == a.partition("/")[0] for row in interfaces().rows for a in row.addresses)


def listeners(port: int, transport: Transport, owners: bool) -> Listeners:
    """Return the sockets on a port as psutil shows them; `complete` when it may see those of all users."""
    import psutil

    try:
        found, complete = [(c, c.pid) for c in psutil.net_connections(kind=transport)], True
    except psutil.AccessDenied:
        found, complete = list(_of_own_processes(transport)), False
    except OSError as error:
        return Listeners(**failure(error), port=port, transport=transport)
    rows = []
    for c, pid in found:
        if not c.laddr or (port and c.laddr.port != port) or (not port and c.status not in ("LISTEN", "NONE")):
            continue
        state = {"NONE": "UNCONN", "CLOSE": "BOUND"}.get(c.status, c.status)
        row = Listener(
            transport=transport, address=c.laddr.ip, port=c.laddr.port, state=state,
            peer=f"{c.raddr.ip}:{c.raddr.port}" if c.raddr else None,
            holder=_holder(pid) if owners and pid else None,
        )  # fmt: skip
        rows.append(row)
    rows.sort(key=lambda r: r.state not in ("LISTEN", "UNCONN"))
    return Listeners(outcome=Outcome.OK, port=port, transport=transport, complete=complete, rows=tuple(rows))


def _of_own_processes(kind: Transport) -> Iterator[tuple[Any, int]]:
    import psutil

    for process in psutil.process_iter():
        try:
            for connection in process.net_connections(kind=kind):
                yield connection, process.pid
        except (psutil.Error, OSError):
            continue  # another user's process, or one that has just ended


def _holder(pid: int) -> Holder:
    import time

    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(process.create_time()))
            return Holder(pid=pid, name=process.name(), user=process.username(), since=began)
    except (psutil.Error, OSError):
        return Holder(pid=pid)
