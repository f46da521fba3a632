"""Maps the error codes of systems and protocols to the closed set of outcomes.

Sources: errno(3), icmp(7), RFC 792, RFC 4443, getaddrinfo(3), Windows Sockets error codes.
"""

from __future__ import annotations

import errno as _errno
import os
import socket
import sys
from typing import assert_never

from .model import Connect, Errno, Icmp, Outcome, Stage, Symptom

_BY_NAME: dict[str, Outcome] = {
    "ECONNREFUSED": Outcome.REFUSED,
    "ETIMEDOUT": Outcome.TIMEOUT,
    "ECONNRESET": Outcome.RESET,
    "ECONNABORTED": Outcome.RESET,
    "EPIPE": Outcome.RESET,
    "EHOSTUNREACH": Outcome.HOST_UNREACHABLE,
    "EHOSTDOWN": Outcome.HOST_UNREACHABLE,
    "ENETUNREACH": Outcome.NET_UNREACHABLE,
    "ENETDOWN": Outcome.NET_UNREACHABLE,
    "ENOPROTOOPT": Outcome.PROTOCOL_UNREACHABLE,
    "EACCES": Outcome.DENIED,
    "EPERM": Outcome.DENIED,
    "EINVAL": Outcome.INVALID,
    "EADDRINUSE": Outcome.ADDRESS_IN_USE,
    "EADDRNOTAVAIL": Outcome.ADDRESS_UNAVAILABLE,
    "EAFNOSUPPORT": Outcome.FAMILY_UNSUPPORTED,
    "EPFNOSUPPORT": Outcome.FAMILY_UNSUPPORTED,
    "EPROTONOSUPPORT": Outcome.FAMILY_UNSUPPORTED,
    "EMFILE": Outcome.EXHAUSTED,
    "ENFILE": Outcome.EXHAUSTED,
    "ENOBUFS": Outcome.EXHAUSTED,
    "ENOMEM": Outcome.EXHAUSTED,
    "EMSGSIZE": Outcome.MESSAGE_TOO_BIG,
}

# Administrative prohibitions: RFC 792/1812 codes 9, 10, 13; RFC 4443 codes 1 (admin), 5 (policy), 6 (reject route).
_PROHIBITED = {(4, 3, 9), (4, 3, 10), (4, 3, 13), (6, 1, 1), (6, 1, 5), (6, 1, 6)}


def errno_of(number: int) -> Errno:
    """Return the errno with its name; names of Windows Sockets (WSAECONNREFUSED) without their WSA."""
    name = _errno.errorcode.get(number, f"E{number}")
    return Errno(name=name.removeprefix("WSA"), number=number)


def os_says(number: int) -> str:
    """Return the system's text for an errno (strerror(3))."""
    return os.strerror(number)


def family_of(address: str) -> int:
    """Return the IP version of a literal address, 4 or 6."""
    return 6 if ":" in address else 4


def of_icmp(icmp: Icmp) -> Outcome:
    """Return what an ICMP or ICMPv6 error means for a connection attempt (RFC 792, RFC 4443)."""
    family = family_of(icmp.offender)
    key = (family, icmp.type, icmp.code)
    if key in _PROHIBITED:
        return Outcome.PROHIBITED
    match key:
        case (4, 11, 0) | (6, 3, 0):
            return Outcome.TTL_EXPIRED
        case (4, 3, 3) | (6, 1, 4):
            return Outcome.REFUSED
        case (4, 3, 2) | (6, 4, 1):
            return Outcome.PROTOCOL_UNREACHABLE
        case (4, 3, 0) | (4, 3, 6) | (6, 1, 0):
            return Outcome.NET_UNREACHABLE
        case (4, 3, 4) | (6, 2, 0):
            return Outcome.MESSAGE_TOO_BIG
        case (4, 3, _) | (6, 1, _):
            return Outcome.HOST_UNREACHABLE
        case _:
            return Outcome.OTHER


def of_errno(number: int, icmp: Icmp | None = None, *, connecting: bool = False) -> Outcome:
    """Return the outcome of a failed system call. An ICMP error is more precise and takes precedence over the errno.

    `connecting`: on Linux, EINVAL from connect() means a blackhole route (fib_props in fib_semantics.c); from other
    calls it means an invalid argument.
    """
    if icmp is not None:
        return of_icmp(icmp)
    outcome = _BY_NAME.get(errno_of(number).name, Outcome.OTHER)
    if connecting and outcome is Outcome.INVALID and sys.platform == "linux":
        return Outcome.BLACKHOLED
    return outcome


def of_gaierror(number: int) -> Outcome:
    """Return the outcome of a failed getaddrinfo(3). `number` is an EAI code, which is not an errno."""
    names = {
        "EAI_NONAME": Outcome.NAME_NOT_FOUND,
        "EAI_NODATA": Outcome.NO_DATA,
        "EAI_ADDRFAMILY": Outcome.NO_DATA,
        "EAI_AGAIN": Outcome.TRY_AGAIN,
        "EAI_FAIL": Outcome.SERVER_FAILURE,
        "EAI_FAMILY": Outcome.FAMILY_UNSUPPORTED,
        "EAI_MEMORY": Outcome.EXHAUSTED,
    }
    by_number = {getattr(socket, name): outcome for name, outcome in names.items() if hasattr(socket, name)}
    return by_number.get(number, Outcome.OTHER)


def of_rcode(rcode: str, has_address: bool) -> Outcome:
    """Return the outcome of a DNS response. `rcode` is its name as in RFC 6895."""
    match rcode:
        case "NOERROR":
            return Outcome.OK if has_address else Outcome.NO_DATA
        case "NXDOMAIN":
            return Outcome.NAME_NOT_FOUND
        case "SERVFAIL":
            return Outcome.SERVER_FAILURE
        case "REFUSED":
            return Outcome.QUERY_REFUSED
        case _:
            return Outcome.OTHER


def answered(o: Connect) -> bool:
    """Return whether the response came from the host itself: no other device sent it as an ICMP error."""
    if o.outcome is Outcome.OK:
        return True
    if o.outcome is not Outcome.REFUSED:
        return False
    return o.icmp is None or o.icmp.offender.partition("%")[0] == o.address.partition("%")[0]


def of_http(status: int) -> Outcome:
    """Return the outcome of an HTTP status (RFC 9110): an error of the service for 407, 421, 429 and 5xx."""
    return Outcome.ERROR_ANSWER if status >= 500 or status in (407, 421, 429) else Outcome.OK


def symptom(stage: Stage, outcome: Outcome, icmp: Icmp | None = None) -> Symptom:
    """Return the symptom for any outcome at any stage. `icmp`: the ICMP error behind it, if there was one."""
    match outcome:
        case Outcome.OK:
            return "ok"
        case Outcome.REFUSED:
            return "connection-refused"
        case Outcome.TIMEOUT:
            return "name-not-resolved" if stage == "dns" else "undetermined" if stage == "udp" else "timeout"
        case Outcome.RESET | Outcome.CLOSED:
            return "connection-reset"
        case (
            Outcome.HOST_UNREACHABLE | Outcome.NET_UNREACHABLE | Outcome.PROTOCOL_UNREACHABLE
            | Outcome.PROHIBITED | Outcome.TTL_EXPIRED | Outcome.BLACKHOLED
        ):  # fmt: skip
            return "unreachable"
        case Outcome.DENIED:
            return "permission-denied" if icmp is None else "unreachable"
        case Outcome.ADDRESS_IN_USE:
            return "port-conflict"
        case Outcome.ADDRESS_UNAVAILABLE:
            return "address-unavailable"
        case Outcome.FAMILY_UNSUPPORTED | Outcome.INVALID:
            if stage == "dns":
                return "name-not-resolved"
            return "address-unavailable" if stage == "bind" else "unreachable"
        case Outcome.EXHAUSTED:
            return "resource-exhausted"
        case (
            Outcome.NAME_NOT_FOUND | Outcome.NO_DATA | Outcome.SERVER_FAILURE | Outcome.TRY_AGAIN
            | Outcome.QUERY_REFUSED | Outcome.TRUNCATED | Outcome.MALFORMED
        ):  # fmt: skip
            return "name-not-resolved" if stage == "dns" else "wrong-protocol"
        case Outcome.NOT_TLS | Outcome.TLS_ALERT | Outcome.TLS_ERROR | Outcome.UNTRUSTED:
            return "tls-failed"
        case Outcome.OTHER_PROTOCOL:
            return "wrong-protocol"
        case Outcome.TOO_LONG:  # of HTTP only the header block is: the status line was right
            return "service-error" if stage == "http" else "wrong-protocol"
        case Outcome.ERROR_ANSWER:
            return "service-error"
        case Outcome.STARVED:
            return "undetermined"
        case Outcome.MESSAGE_TOO_BIG | Outcome.OTHER:
            if stage == "dns":
                return "name-not-resolved"
            return "unreachable" if stage in ("tcp", "udp") else "undetermined"
    assert_never(outcome)
