"""Sends one HTTP request over a channel, and reads the status line, the headers and the start of the body.

Once the header block is complete, the body is read for a moment only. Sources: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from .. import __version__
from ..model import HttpReply, Outcome
from ..outcomes import errno_of, of_http, os_says
from ..services.fingerprints import protocol_of
from ..services.known import default_port
from ..text import at, bracketed, clean
from . import Clock
from .channel import Channel, Received, receive, send

MOST_REDIRECTS = 5  # on the same host, one after the other
_BODY = 400  # characters of the body that are kept
_BODY_WAIT = 0.2  # seconds for the beginning of the body after the header block
_BODY_ENOUGH = 1024  # bytes of the body to wait for
_VALUE = 300  # characters of a header's value that are kept
_MOST_HEADER = 256 * 1024  # bytes of a header block: as much as Chromium takes; curl takes 300 KiB

# The headers that show which server responded, and what it requires. Others, such as cookies, are not recorded.
_KEPT = (
    "server", "via", "location", "content-type", "content-length", "date", "retry-after", "age", "x-cache",
    "x-served-by", "x-powered-by", "cf-ray", "cf-cache-status", "x-amz-cf-id", "x-amzn-errortype", "x-azure-ref",
    "x-envoy-upstream-service-time", "proxy-status", "proxy-agent", "www-authenticate", "proxy-authenticate",
    "connection", "upgrade", "alt-svc", "x-ratelimit-remaining", "ratelimit",
)  # fmt: skip
_BLANK = re.compile(rb"(?<=\n)\r?\n")  # the empty line after a header block
# The 400 response of a TLS port to plaintext HTTP: nginx, Apache httpd, Go's net/http, Jetty and Tomcat.
_WANTS_TLS = re.compile(
    rb"plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled server|sent an HTTP request to"
    rb" an HTTPS server|requires TLS\.|combination of host and port requires TLS",
    re.I,
)
_SIZE = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,18})[ \t]*\r?$")
_STATUS_LINE = re.compile(rb"HTTP/(\d(?:\.\d)?) +(\d{3})(?: +([^\n]*?))?\r?\n")  # the phrase may have a bare CR


Dial = Callable[[], Awaitable[Channel | None]]


async def request(
    channel: Channel, host: str, port: int, path: str, address: str, clock: Clock, deadline: float,
    *, role: str = "target",
) -> HttpReply:  # fmt: skip
    """Send a GET for `path` of `host` and read the response. The connection cannot be used afterwards.

    `path` has its query, and means "/" when empty; `deadline` is a time of `clock`.
    """
    reply, _ = await _ask(channel, host, port, path, address, clock, deadline, role)
    return replace(reply, location=_bare(reply.location))


async def browse(
    channel: Channel, dial: Dial, host: str, port: int, path: str, address: str, clock: Clock, deadline: float
) -> HttpReply:
    """As `request`, but follow redirects on the same scheme, host and port, at most MOST_REDIRECTS.

    `dial` returns a new channel to the same address and port, None if that failed. A redirect loop, or one redirect
    too many, gives the last response with outcome ERROR_ANSWER; a redirect elsewhere is not followed.
    """
    began = clock()
    url = _url(channel, host, port, path)
    trail = [url]
    while True:
        reply, to = await _ask(channel, host, port, path, address, clock, deadline, "target")
        if to is None or _place(to) != _place(url):
            break
        url = to.partition("#")[0]
        path = _path_of(url)
        if url in trail or len(trail) > MOST_REDIRECTS:
            steps = " -> ".join(_shown(u, trail[0]) for u in (*trail, url))
            reply = replace(reply, outcome=Outcome.ERROR_ANSWER, text=clean(f"redirects: {steps}", limit=_BODY))
            break
        trail.append(url)
        next_channel = await dial()
        if next_channel is None:
            break
        channel = next_channel
    return replace(
        reply, began=began, took=clock() - began, redirects=len(trail) - 1, location=_bare(reply.location)
    )


def _shown(url: str, asked: str) -> str:
    """Return the path of a redirect without its query; the path that the user gave is not recorded."""
    path = _path_of(url).partition("?")[0]
    return "(the requested path)" if url == asked and path != "/" else path


async def _ask(
    channel: Channel, host: str, port: int, path: str, address: str, clock: Clock, deadline: float, role: str
) -> tuple[HttpReply, str | None]:
    """Return the response, and the URL that it redirects to."""
    began = clock()
    received = Received(_MOST_HEADER, most_lines=_MOST_HEADER)
    await send(channel, request_text(channel.encrypted, host, port, path), deadline, received)
    asked = clock()
    while not _is_enough(received) and await receive(channel, received, deadline):
        pass
    if _is_enough(received) and received.outcome is Outcome.OK:
        await _body(channel, received, min(deadline, clock() + _BODY_WAIT))
    fields: dict[str, Any] = {
        "address": address, "port": port, "role": role, "method": "GET", "began": began, "took": clock() - began,
        "received": len(received.data), "alert": received.alert,
        "first_byte": None if received.first is None else received.first - asked,
    }  # fmt: skip
    reply = _reply(received, fields)
    return reply, _redirect(reply, _url(channel, host, port, path))


def _bare(location: str | None) -> str | None:
    """Return a location without user, query and fragment, which are not recorded."""
    if location is None:
        return None
    return re.sub(r"//[^/@]*@", "//", re.split(r"[?#]", location, maxsplit=1)[0])


def _redirect(reply: HttpReply, url: str) -> str | None:
    """Return the absolute URL to which the response to `url` redirects, None when it does not."""
    if reply.status not in (301, 302, 303, 307, 308) or not reply.location:
        return None
    from urllib.parse import urljoin

    try:
        return urljoin(url, reply.location)
    except ValueError:  # an IPv6 address without its closing bracket
        return None


def _url(channel: Channel, host: str, port: int, path: str) -> str:
    return f"{'https' if channel.encrypted else 'http'}://{at(host, port)}{path or '/'}"


def _path_of(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _place(url: str) -> tuple[str, str, int] | None:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port or default_port(parts.scheme) or 0
    except ValueError:
        return None
    if not parts.hostname:
        return None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return (scheme, parts.hostname.rstrip("."), port)


def request_text(encrypted: bool, host: str, port: int, path: str) -> bytes:
    """Return the request. Input is encoded, so that a line break in it cannot start another header or request."""
    named = bracketed(host.partition("%")[0].rstrip("."))
    usual = 443 if encrypted else 80
    asked = (path or "/").partition("#")[0].encode("utf-8", "surrogateescape")
    safe = re.sub(rb"[^\x21-\x7e]", lambda found: b"%%%02X" % found[0][0], asked)
    lines = (
        f"GET {safe.decode('ascii')} HTTP/1.1",
        "Host: " + re.sub(r"[\x00-\x20]", "", named if port == usual else f"{named}:{port}"),
        f"User-Agent: portdoctor/{__version__}",
        "Accept: */*",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _final(data: bytes) -> bytes:
    """Return what follows the interim responses (100, 103: RFC 9110 section 15.2), each with its header block."""
    at = 0
    while (found := _STATUS_LINE.match(data, at)) and found[2][:1] == b"1" and found[2] != b"101":
        end = _BLANK.search(data, at)
        if end is None:
            break
        at = end.end()
    return data[at:]


def _is_enough(received: Received) -> bool:
    """Return whether the header block is complete, or the data cannot be HTTP."""
    if not b"HTTP/".startswith(received.data[:5]):
        return True
    if b"\n\n" not in received.data and b"\n\r\n" not in received.data:
        return False  # found quickly: a server may send a long header block in many small parts
    data = _final(bytes(received.data))
    return not b"HTTP/".startswith(data[:5]) or _BLANK.search(data) is not None


async def _body(channel: Channel, received: Received, until: float) -> None:
    """Read the start of the body, or of data that is not HTTP; how this ends does not change the outcome."""
    more = Received(_MOST_HEADER + _BODY_ENOUGH, most_lines=_MOST_HEADER)
    more.data = received.data
    end = len(received.data) + _more_to_come(bytes(received.data))
    while len(more.data) < end and await receive(channel, more, until):
        pass


def _more_to_come(data: bytes) -> int:
    """Return how many more bytes of the body to wait for, by status and Content-Length (RFC 9112 section 6.3)."""
    data = _final(data)
    found, blank = _STATUS_LINE.match(data), _BLANK.search(data)
    if found is None or blank is None:
        return _BODY_ENOUGH
    if found[2] in (b"204", b"304") or found[2][:1] in (b"1", b"3"):
        return 0
    size = _SIZE.search(data, 0, blank.start())
    return min(int(size[1]) if size else _BODY_ENOUGH, _BODY_ENOUGH) - (len(data) - blank.end())


def _reply(received: Received, fields: dict[str, Any]) -> HttpReply:
    data = _final(bytes(received.data))
    found = _STATUS_LINE.match(data)
    if found is None:
        return _no_http(received, data, fields)
    status = int(found[2])
    end = _BLANK.search(data)
    headers = _headers(data[found.end() : end.start() if end else None])
    wants_tls = status == 400 and end is not None and _WANTS_TLS.search(data, end.end()) is not None
    outcome = Outcome.OTHER_PROTOCOL if wants_tls else of_http(status) if end else received.outcome
    return HttpReply(
        outcome=outcome, protocol="tls" if wants_tls else None, status=status, phrase=clean(found[3] or b"", limit=100),
        version=found[1].decode("ascii"), headers={k: v for k, v in headers.items() if k != "location"},
        location=headers.get("location"), text=clean(data[end.end() :], limit=_BODY) if end else "",
        **fields, **({} if end else _ending(received)),
    )  # fmt: skip


def _no_http(received: Received, data: bytes, fields: dict[str, Any]) -> HttpReply:
    """Return the observation when nothing came, or data that is not an HTTP response."""
    if b"HTTP/".startswith(data[:5]) and b"\n" not in data:
        text = clean(data, limit=_BODY)  # the status line is incomplete: how the connection ended matters more
        return HttpReply(outcome=received.outcome, text=text, **fields, **_ending(received))
    protocol = protocol_of(data)
    outcome = Outcome.MALFORMED if protocol == "http" else Outcome.OTHER_PROTOCOL
    return HttpReply(outcome=outcome, protocol=protocol, text=clean(data, limit=_BODY), **fields, **_ending(received))


def _ending(received: Received) -> dict[str, Any]:
    """Return the error that ended the connection, as fields of an observation."""
    if received.outcome is Outcome.TOO_LONG:
        return {"os_says": f"the header block is longer than {_MOST_HEADER // 1024} KiB"}
    if received.reason:
        return {"os_says": received.reason}
    if received.errno:
        return {"errno": errno_of(received.errno), "os_says": os_says(received.errno)}
    return {}


def _headers(block: bytes) -> dict[str, str]:
    """Return the selected headers of a block (RFC 9112 section 5): repeated ones joined, folded lines unfolded.

    http.client could parse it too, but takes 25 ms to import, with the email parser that it uses.
    """
    found: dict[str, list[bytes]] = {}
    name = ""
    for line in block.splitlines():
        if line[:1] in (b" ", b"\t") and name in found:
            found[name][-1] += b" " + line.strip()
            continue
        key, colon, value = line.partition(b":")
        name = key.decode("latin-1").lower()
        if colon and name in _KEPT:
            found.setdefault(name, []).append(value.strip())
    return {name: clean(b", ".join(found[name]), limit=_VALUE) for name in _KEPT if name in found}
