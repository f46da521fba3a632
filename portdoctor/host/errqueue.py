"""Parses entries of a Linux socket's error queue: the errno, and the ICMP error with its sender. Pure."""

from __future__ import annotations

import socket
import struct

from ..model import Icmp
from .sockaddr import address_text, interface_name

_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3  # linux/errqueue.h


def read_extended_error(data: bytes) -> tuple[int, Icmp | None] | None:
    """Return (errno, ICMP error) of a sock_extended_err and its offender's sockaddr (ip(7)); None if too short."""
    if len(data) < 16:
        return None
    number, origin, kind, code, _, _, _ = struct.unpack_from("=IBBBBII", data)
    offender = data[16:]
    if origin == _ORIGIN_ICMP and len(offender) >= 8:
        return number, Icmp(type=kind, code=code, offender=socket.inet_ntop(socket.AF_INET, offender[4:8]))
    if origin == _ORIGIN_ICMP6 and len(offender) >= 24:
        scope = struct.unpack_from("=I", offender, 24)[0] if len(offender) >= 28 else 0
        return number, Icmp(type=kind, code=code, offender=address_text(offender[8:24], interface_name(scope)))
    return number, None
