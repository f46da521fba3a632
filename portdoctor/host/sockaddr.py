"""Converts addresses between text and bytes, with the scope of link-local ones."""

from __future__ import annotations

import socket


def split_scope(address: str) -> tuple[str, int]:
    """Return (address, interface index) of ``fe80::1%eth0``; 0 without a scope. Raises OSError for an unknown one."""
    address, _, scope = address.partition("%")
    if not scope:
        return address, 0
    return address, int(scope) if scope.isdigit() else socket.if_nametoindex(scope)


def pack(address: str) -> tuple[int, bytes]:
    """Return (family, bytes) of a literal address. Raises OSError for an invalid one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def address_text(packed: bytes, interface: str | None = None) -> str:
    """Return the address in 4 or 16 bytes as text; an IPv6 link-local one gets its scope."""
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    address = socket.inet_ntop(socket.AF_INET6, packed)
    return f"{address}%{interface}" if interface and address.startswith("fe80:") else address


def interface_name(index: int) -> str | None:
    """Return the name of an interface; None when it does not exist."""
    try:
        return socket.if_indextoname(index) if index else None
    except OSError:
        return None
