"""Reads the greeting of a service, or its response to one harmless request.

The requests change nothing and do not log in; each is the shortest to which its protocol requires a response.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from ..model import Greeting, Outcome
from ..outcomes import errno_of, os_says
from ..services.fingerprints import fits, protocol_of
from ..services.ports import service_named
from ..services.protocols import pattern
from ..text import clean
from . import Clock
from .channel import Channel, Received, receive, send

LISTEN = 0.4  # seconds to wait for data of a service that may not send first: a RST or a greeting comes by then
_REST = 0.15  # seconds for the rest of a greeting that is recognised already
_PAUSE = 1.5  # seconds between two parts of a greeting that is not recognised yet: a slow server, or a lost segment
_TEXT = 300  # characters of the greeting that are kept

_MQTT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"  # CONNECT, clean session, no client name; MQTT 3.1.1, 3.1
_LDAP = (  # search of the root entry for no attribute (1.1), base scope; RFC 4511 section 4.5.1
    b"\x30\x2a\x02\x01\x01\x63\x25\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x01\x02\x01\x05\x01\x01\x00"
    b"\x87\x0bobjectClass\x30\x05\x04\x031.1"
)
_DNS = b"\x00\x11PD\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"  # root NS, recursion not desired
_RDP = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"  # X.224 connection request
_BSON = b"\x10hello\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00\x00"  # {hello: 1, $db: "admin"}
_MONGO_BODY = b"\x00\x00\x00\x00\x00" + (len(_BSON) + 4).to_bytes(4, "little") + _BSON
_MONGO = (len(_MONGO_BODY) + 16).to_bytes(4, "little") + b"\x01\0\0\0\0\0\0\0\xdd\x07\0\0" + _MONGO_BODY  # OP_MSG

# What is sent where the client sends first: protocol of the service -> (bytes, their name in the report).
_REQUESTS: dict[str, tuple[bytes, str]] = {
    "postgresql": (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", "SSLRequest"),  # code 80877103
    "redis": (b"PING\r\n", "PING"),
    "memcache": (b"version\r\n", "version"),
    "amqp": (b"AMQP\x00\x00\x09\x01", "the AMQP 0-9-1 protocol header"),
    "mqtt": (_MQTT, "CONNECT"),
    "ldap": (_LDAP, "a search of the root DSE"),
    "dns": (_DNS, "a query for the root name servers"),
    "rdp": (_RDP, "X.224 connection request"),
    "mongodb": (_MONGO, "hello"),
    "rtsp": (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "OPTIONS"),
    "http": (b"GET / HTTP/1.0\r\n\r\n", "GET /"),
}

_FREE_TEXT = ("telnet",)  # protocols whose greeting may be any text


def request_to(service: str | None) -> tuple[bytes, str] | None:
    """Return the harmless request to a service that waits for its client, and its name; None if there is none."""
    known = service_named(service) if service else None
    if known is None or known.first != "client":
        return None
    return _REQUESTS.get(known.protocol or "")


async def greet(
    channel: Channel, address: str, port: int, service: str | None, clock: Clock, deadline: float,
    *, role: str = "target",
) -> Greeting:  # fmt: skip
    """Read the first data that the service sends. `deadline` is a time of `clock`.

    A service that sends first has until then; one that waits for its client is sent one harmless request. Any other
    service has LISTEN seconds, and the outcome is OK also when it sends nothing.
    """
    began = clock()
    known = service_named(service) if service else None
    expected = known.protocol if known and known.protocol else None
    request, sent = request_to(service) or (b"", None)
    must_respond = bool(request) or (known is not None and known.first == "server")
    received = await send(channel, request, deadline) if request else Received()
    until = deadline if must_respond else min(deadline, clock() + LISTEN)
    await _read_greeting(channel, received, expected, until)
    if expected == "postgresql" and received.data == b"N":
        received = await _start_postgres(channel, received, deadline)
    data = bytes(received.data)
    o = Greeting(
        outcome=Outcome.OK, began=began, took=clock() - began, address=address, port=port, role=role,  # type: ignore[arg-type]
        expected=expected, protocol=protocol_of(data, expected), text=clean(_readable(data), limit=_TEXT),
        received=len(data), sent=sent, waited=clock() - began, alert=received.alert,
    )  # fmt: skip
    return _with_outcome(o, data, received, must_respond)


def _with_outcome(o: Greeting, data: bytes, received: Received, must_respond: bool) -> Greeting:
    """Return the observation with its outcome: the data takes precedence over how the connection ended."""
    if not data:
        if received.outcome is Outcome.TIMEOUT and not must_respond:
            return o  # the connection stays open: nothing more can be observed of a service that need not send first
        return replace(o, outcome=received.outcome, **_ending(received))
    seen = o.protocol
    if seen is not None and o.expected is not None and not fits(o.expected, seen):
        return replace(o, outcome=Outcome.OTHER_PROTOCOL)
    protocol = seen or o.expected
    error = pattern(protocol or "", "errors")
    if error is not None and error.match(data):
        return replace(o, outcome=Outcome.ERROR_ANSWER, protocol=protocol, os_says=clean(o.text, limit=120))
    if seen is None and received.outcome is Outcome.TOO_LONG:
        return replace(o, outcome=Outcome.TOO_LONG)
    if seen is None and o.expected is not None and must_respond and o.expected not in _FREE_TEXT:
        if received.outcome is Outcome.TIMEOUT:
            return replace(o, outcome=Outcome.TIMEOUT)
        return replace(o, outcome=Outcome.OTHER_PROTOCOL)
    return o


def _ending(received: Received) -> dict[str, Any]:
    """Return the error that ended the connection, as fields of an observation."""
    if received.reason:
        return {"os_says": received.reason}
    if received.errno:
        return {"errno": errno_of(received.errno), "os_says": os_says(received.errno)}
    return {}


async def _read_greeting(channel: Channel, received: Received, expected: str | None, until: float) -> None:
    """Read to the end of the greeting: the end of a line, a whole packet, or a pause.

    The outcome is TIMEOUT only when nothing came, or when the time ended within data that is not recognised.
    """
    while await receive(channel, received, _next_deadline(channel, received, expected, until)):
        data = bytes(received.data)
        if data.endswith(b"\n") and not _goes_on(data) and (expected is None or protocol_of(data, expected)):
            return  # other lines may come before the greeting: RFC 4253 section 4.2
        if _is_packet(data) and _known(data, expected):
            return
    paused = received.data and received.outcome is Outcome.TIMEOUT
    if paused and (channel.clock() < until or _known(bytes(received.data), expected)):
        received.outcome = Outcome.OK


def _next_deadline(channel: Channel, received: Received, expected: str | None, until: float) -> float:
    return min(until, channel.clock() + _pause(received, expected)) if received.data else until


def _pause(received: Received, expected: str | None) -> float:
    return _REST if expected is None or expected in _FREE_TEXT or _known(bytes(received.data), None) else _PAUSE


def _known(data: bytes, expected: str | None) -> bool:
    """Return whether the bytes are recognised; a single byte only as PostgreSQL's, where that is expected."""
    seen = protocol_of(data, expected) if len(data) > 1 or expected == "postgresql" else None
    return seen is not None and (expected is None or fits(expected, seen))


def _is_packet(data: bytes) -> bool:
    """Return whether this is a binary packet: it has a byte below the tab, or is PostgreSQL's single letter."""
    return min(data) < 9 or len(data) == 1


def _goes_on(data: bytes) -> bool:
    """Return whether the last line announces another one: "220-" of SMTP and FTP (RFC 5321 section 4.2.1)."""
    last = data.rstrip(b"\r\n").rpartition(b"\n")[2]
    return last[:3].isdigit() and last[3:4] == b"-"


async def _start_postgres(channel: Channel, before: Received, deadline: float) -> Received:
    """Send the startup message after an N: only then does the server report "starting up" or "too many clients".

    No password is sent; its request for one ends the exchange. Source: PostgreSQL's manual, "Message Formats".
    """
    body = b"\x00\x03\x00\x00user\x00portdoctor\x00database\x00postgres\x00\x00"
    received = await send(channel, (len(body) + 4).to_bytes(4, "big") + body, deadline)
    await _read_greeting(channel, received, "postgresql", min(deadline, channel.clock() + 1.0))
    return received if received.data else before


def _readable(data: bytes) -> bytes:
    """Return the printable text in a packet; lines of text unchanged."""
    if not data or not _is_packet(data) or len(data) < 4:
        return data
    return b" ".join(re.findall(rb"[\x20-\x7e]{3,}", data))
