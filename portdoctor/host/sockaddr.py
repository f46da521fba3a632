"""Addresses as text and as bytes, with the interface of those that are valid on one link."""

from __future__ import annotations

import socket


def split_scope(address: str) -> tuple[str, int]:
    """(address, interface index) of ``fe80::1%eth0``; 0 without a scope. Raises OSError for no such interface."""
    address, _, scope = address.partition("%")
    if not scope:
        return address, 0
    return address, int(scope) if scope.isdigit() else socket.if_nametoindex(scope)


def pack(address: str) -> tuple[int, bytes]:
    """(family, bytes) of a literal address. Raises OSError when it is none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def address_text(packed: bytes, interface: str | None = None) -> str:
    """The address of 4 or 16 bytes; an IPv6 link-local one gets its scope."""
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    address = socket.inet_ntop(socket.AF_INET6, packed)
    return f"{address}%{interface}" if interface and address.startswith("fe80:") else address


def interface_name(index: int) -> str | None:
    """The name of an interface; None when it is gone."""
    try:
        return socket.if_indextoname(index) if index else None
    except OSError:
        return None
