"""Binds a local address, as a server would, and releases it at once.

While a socket without SO_REUSEADDR is bound, no server can start on the port; while one listens, clients connect to
it. So the socket is bound only for the two system calls that bind and close it, and listens only where asked.
"""

from __future__ import annotations

import socket

from ..host import Host
from ..model import Bind, Outcome, Transport
from ..outcomes import errno_of, of_errno
from . import Clock


async def bind(
    address: str, port: int, transport: Transport, reuse: bool, clock: Clock, host: Host, *, listen: bool = False
) -> Bind:
    """Bind a literal address once. `reuse`: with SO_REUSEADDR, as servers do. `listen`: also call listen(2) for TCP.

    `::` is bound for both families, as most programs do. On Windows SO_REUSEADDR would take the port from the process
    that uses it, so it is never set there; without `reuse` the bind is exclusive (SO_EXCLUSIVEADDRUSE).
    """
    began = clock()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    v6only: bool | None = None
    listened = False
    failure: OSError | None = None
    try:
        with socket.socket(family, kind) as sock:
            _prepare(sock, reuse, host)
            if family == socket.AF_INET6:
                v6only = address != "::"
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
            where = _sockaddr(family, address, port)
            sock.bind(where)
            if listen and transport == "tcp":
                sock.listen(1)
                listened = True
    except OSError as error:
        failure = error
    number = (failure.errno or 0) if failure else 0
    return Bind(
        outcome=of_errno(number) if failure else Outcome.OK,
        began=began,
        took=clock() - began,
        errno=errno_of(number) if number else None,
        os_says=(failure.strerror or str(failure)) if failure else "",
        address=address,
        port=port,
        transport=transport,
        reuse=reuse,
        listened=listened,
        v6only=v6only,
    )


def _prepare(sock: socket.socket, reuse: bool, host: Host) -> None:
    if host.os != "windows":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
    elif not reuse:
        # a number: the name exists on Windows only (winsock2.h: ~SO_REUSEADDR)
        sock.setsockopt(socket.SOL_SOCKET, ~socket.SO_REUSEADDR, 1)


def _sockaddr(family: int, address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    if family == socket.AF_INET:
        return address, port
    bare, _, scope = address.partition("%")
    if not scope:
        return bare, port, 0, 0
    return bare, port, 0, int(scope) if scope.isdigit() else socket.if_nametoindex(scope)
