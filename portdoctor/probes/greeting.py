"""The first words of a service: its greeting, or its answer to one harmless question. Judges nothing.

The questions change nothing and ask for no log-in; each is the shortest that its protocol must answer.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from ..model import Greeting, Outcome
from ..outcomes import errno_of, os_says
from ..services.fingerprints import fits, protocol_of
from ..services.ports import service_named
from ..text import clean
from . import Clock
from .channel import Channel, Heard, receive, send

LISTEN = 0.4  # seconds of listening to a service of which we know no first word: a reset or a greeting is there by then
_REST = 0.15  # seconds for the rest of what is recognised already
_PAUSE = 1.5  # seconds between two parts of a greeting that is not recognised yet: a slow server, or a lost segment
_TEXT = 300  # characters of the greeting that are kept

_MQTT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"  # CONNECT, clean session, no client name; MQTT 3.1.1, 3.1
_LDAP = (  # search of the root entry for no attribute (1.1), base scope; RFC 4511 section 4.5.1
    b"\x30\x2a\x02\x01\x01\x63\x25\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x01\x02\x01\x05\x01\x01\x00"
    b"\x87\x0bobjectClass\x30\x05\x04\x031.1"
)
_DNS = b"\x00\x11PD\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"  # NS of the root, no recursion
_RDP = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"  # X.224 connection request
_BSON = b"\x10hello\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00\x00"  # {hello: 1, $db: "admin"}
_MONGO_BODY = b"\x00\x00\x00\x00\x00" + (len(_BSON) + 4).to_bytes(4, "little") + _BSON
_MONGO = (len(_MONGO_BODY) + 16).to_bytes(4, "little") + b"\x01\0\0\0\0\0\0\0\xdd\x07\0\0" + _MONGO_BODY  # OP_MSG

# What we say first where the client speaks first: service protocol -> (bytes, how the report names them).
_FIRST_WORDS: dict[str, tuple[bytes, str]] = {
    "postgresql": (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", "SSLRequest"),  # code 80877103
    "redis": (b"PING\r\n", "PING"),
    "memcache": (b"version\r\n", "version"),
    "amqp": (b"AMQP\x00\x00\x09\x01", "the header AMQP 0-9-1"),
    "mqtt": (_MQTT, "CONNECT"),
    "ldap": (_LDAP, "a search of the root entry"),
    "dns": (_DNS, "a question for the root's servers"),
    "rdp": (_RDP, "X.224 connection request"),
    "mongodb": (_MONGO, "hello"),
    "rtsp": (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "OPTIONS"),
    "http": (b"GET / HTTP/1.0\r\n\r\n", "GET /"),
}

# The service's own word for "no", by protocol: the right service, and an error of its own.
_ERRORS: dict[str, re.Pattern[bytes]] = {
    "smtp": re.compile(rb"[45]\d\d[ -]"),
    "ftp": re.compile(rb"[45]\d\d[ -]"),
    "smtp-or-ftp": re.compile(rb"[45]\d\d[ -]"),
    "nntp": re.compile(rb"[45]\d\d[ -]"),
    "imap": re.compile(rb"\* BYE", re.I),
    "pop3": re.compile(rb"-ERR", re.I),
    "ssh": re.compile(rb"(?:.*\n)*?(?:Exceeded MaxStartups|Not allowed at this time)"),
    # a log-in that is asked for is the service at work
    "redis": re.compile(rb"-(?!NOAUTH|NOPERM|WRONGPASS|ERR operation not permitted)"),
    "postgresql": re.compile(rb"E.*\0C(?:57P|53|58|XX)", re.S),  # not ready, out of resources, broken: no log-in error
    "mysql": re.compile(rb"...[\0-\2]\xff", re.S),
    "rsync": re.compile(rb"@ERROR"),
    "irc": re.compile(rb"ERROR :"),
    "http": re.compile(rb"HTTP/\d(?:\.\d)? (?:5\d\d|407|421|429)"),
    "memcache": re.compile(rb"SERVER_ERROR|ERROR Too many", re.I),
    "nats": re.compile(rb"-ERR"),
    "mqtt": re.compile(rb"\x20\x02.\x03", re.S),  # CONNACK 3: server unavailable
}
_FREE_TEXT = ("telnet",)  # protocols whose first words may be anything


async def greet(
    channel: Channel, address: str, port: int, service: str | None, clock: Clock, deadline: float,
    *, role: str = "target",
) -> Greeting:  # fmt: skip
    """Hear the first words of what answers there. `deadline` is a moment of `clock`.

    A service that speaks first is waited for until then; one that waits for its client is asked one harmless
    question; one we do not know, or that never answers, is listened to for a moment, and silence is well.
    """
    began = clock()
    known = service_named(service) if service else None
    expected = known.protocol if known and known.protocol else None
    words, sent = _FIRST_WORDS.get(expected or "", (b"", None)) if known and known.first == "client" else (b"", None)
    talks = bool(words) or (known is not None and known.first == "server")
    heard = await send(channel, words, deadline) if words else Heard()
    until = deadline if talks else min(deadline, clock() + LISTEN)
    await _hear_out(channel, heard, expected, until)
    if expected == "postgresql" and heard.data == b"N":
        heard = await _start_postgres(channel, heard, deadline)
    data = bytes(heard.data)
    o = Greeting(
        outcome=Outcome.OK, began=began, took=clock() - began, address=address, port=port, role=role,  # type: ignore[arg-type]
        expected=expected, protocol=protocol_of(data), text=clean(_readable(data), limit=_TEXT), received=len(data),
        sent=sent, waited=clock() - began, alert=heard.alert,
    )  # fmt: skip
    return _judged(o, data, heard, talks)


def _judged(o: Greeting, data: bytes, heard: Heard, talks: bool) -> Greeting:
    """The outcome: what was said goes before how the conversation ended."""
    if not data:
        if heard.outcome is Outcome.TIMEOUT and not talks:
            return o  # accepted, and it stays open: all that can be known of a service without a first word
        return replace(o, outcome=heard.outcome, **_ending(heard))
    seen = o.protocol
    if seen is not None and o.expected is not None and not fits(o.expected, seen):
        return replace(o, outcome=Outcome.OTHER_PROTOCOL)
    protocol = o.expected if seen is None or seen == "smtp-or-ftp" else seen
    error = _ERRORS.get(protocol or "")
    if error is not None and error.match(data):
        return replace(o, outcome=Outcome.ERROR_ANSWER, protocol=protocol, os_says=clean(o.text, limit=120))
    if seen is None and heard.outcome is Outcome.TOO_LONG:
        return replace(o, outcome=Outcome.TOO_LONG)
    if seen is None and o.expected is not None and talks and o.expected not in _FREE_TEXT:
        if heard.outcome is Outcome.TIMEOUT:
            return replace(o, outcome=Outcome.TIMEOUT)
        return replace(o, outcome=Outcome.OTHER_PROTOCOL)
    return replace(o, protocol=protocol if seen == "smtp-or-ftp" and protocol else seen)


def _ending(heard: Heard) -> dict[str, Any]:
    """The system's own words for how the conversation broke."""
    if heard.reason:
        return {"os_says": heard.reason}
    if heard.errno:
        return {"errno": errno_of(heard.errno), "os_says": os_says(heard.errno)}
    return {}


async def _hear_out(channel: Channel, heard: Heard, expected: str | None, until: float) -> None:
    """Read to the end of the first words: a line end, a whole packet, or a pause after what came.

    Leaves TIMEOUT only where nothing came, or where time ended in the middle of words that are not recognised.
    """
    while await receive(channel, heard, min(until, channel.clock() + _pause(heard, expected)) if heard.data else until):
        data = bytes(heard.data)
        if data.endswith(b"\n") and not _goes_on(data) and (expected is None or protocol_of(data)):
            return  # a line that nobody knows may stand before the greeting: RFC 4253 section 4.2
        if _is_packet(data) and _known(data, expected):
            return
    paused = heard.data and heard.outcome is Outcome.TIMEOUT
    if paused and (channel.clock() < until or _known(bytes(heard.data), expected)):
        heard.outcome = Outcome.OK


def _pause(heard: Heard, expected: str | None) -> float:
    return _REST if expected is None or expected in _FREE_TEXT or _known(bytes(heard.data), None) else _PAUSE


def _known(data: bytes, expected: str | None) -> bool:
    """Whether the bytes are recognised; one byte is too little, but where PostgreSQL is asked for."""
    seen = protocol_of(data) if len(data) > 1 or expected == "postgresql" else None
    return seen is not None and (expected is None or fits(expected, seen))


def _is_packet(data: bytes) -> bool:
    """Whether these are no lines of text: a number below the tab, or PostgreSQL's one letter."""
    return min(data) < 9 or len(data) == 1


def _goes_on(data: bytes) -> bool:
    """Whether the last line announces another: "220-" of SMTP and FTP (RFC 5321 section 4.2.1)."""
    last = data.rstrip(b"\r\n").rpartition(b"\n")[2]
    return last[:3].isdigit() and last[3:4] == b"-"


async def _start_postgres(channel: Channel, before: Heard, deadline: float) -> Heard:
    """After the N, the beginning of a session: "starting up" and "too many clients" are said only here.

    No password is sent; the question for one ends it. Source: PostgreSQL's manual, "Message Formats".
    """
    body = b"\x00\x03\x00\x00user\x00portdoctor\x00database\x00postgres\x00\x00"
    heard = await send(channel, (len(body) + 4).to_bytes(4, "big") + body, deadline)
    await _hear_out(channel, heard, "postgresql", min(deadline, channel.clock() + 1.0))
    return heard if heard.data else before


def _readable(data: bytes) -> bytes:
    """The words of a packet without the numbers around them; lines of text as they are."""
    if not data or not _is_packet(data) or len(data) < 4:
        return data
    return b" ".join(re.findall(rb"[\x20-\x7e]{3,}", data))
