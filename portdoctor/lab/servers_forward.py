"""Forwards connections as the programs do by which container engines publish a port: accept first, then connect."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading


def forward(sock: socket.socket, options: dict[str, str]) -> None:
    """Connect to `to=ADDRESS:PORT` and copy both ways. If that fails, close (FIN), or with `fails=reset` send a RST."""
    host, _, port = options["to"].rpartition(":")
    try:
        backend = socket.create_connection((host.strip("[]"), int(port)), timeout=5.0)
    except OSError:
        if options.get("fails") == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    with backend:
        backend.settimeout(None)
        back = threading.Thread(target=_copy, args=(backend, sock), daemon=True)
        back.start()
        _copy(sock, backend)
        back.join()


def _copy(source: socket.socket, goal: socket.socket) -> None:
    """Copy until the source ends, then end the other direction."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            goal.sendall(data)
    with contextlib.suppress(OSError):
        goal.shutdown(socket.SHUT_WR)
