"""HTTP servers: correct, failing, redirecting in a loop, slow, endless. For the lab only."""

from __future__ import annotations

import socket
import time

_PHRASES = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 407: "Proxy Authentication Required", 421: "Misdirected Request", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    511: "Network Authentication Required", 521: "Web Server Is Down",
}  # fmt: skip


def read_request(sock: socket.socket) -> bytes:
    """The request up to its empty line, at most 64 KiB."""
    got = b""
    while b"\r\n\r\n" not in got and len(got) < 65536:
        more = sock.recv(4096)
        if not more:
            return got
        got += more
    return got


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Status')}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def http(sock: socket.socket, options: dict[str, str]) -> None:
    """Send one response: `status=`, `body=`, `server=`, `header-NAME=`, after `delay=`; 400 to what is not HTTP."""
    request = read_request(sock)
    if not request:
        return
    status = int(options.get("status", 200)) if b" HTTP/1" in request.split(b"\r\n")[0] else 400
    time.sleep(float(options.get("delay", 0)))
    body = options.get("body", f"{status} {_PHRASES.get(status, '')}").encode()
    headers = {"Server": options.get("server", "lab"), "Content-Type": "text/html", "Content-Length": str(len(body))}
    headers |= {k.removeprefix("header-"): v for k, v in options.items() if k.startswith("header-")}
    sock.sendall(_head(status, {**headers, "Connection": "close"}) + (b"" if request.startswith(b"HEAD") else body))


def redirect(sock: socket.socket, options: dict[str, str]) -> None:
    """Redirect to `to=`; a path redirects to itself, in a loop. `status=` 301, 302, …"""
    read_request(sock)
    headers = {"Location": options.get("to", "/"), "Content-Length": "0", "Connection": "close"}
    sock.sendall(_head(int(options.get("status", 302)), headers))


def slow(sock: socket.socket, options: dict[str, str]) -> None:
    """Respond as `http`, after `delay=` seconds (10)."""
    http(sock, {"delay": "10", **options})


def drip(sock: socket.socket, options: dict[str, str]) -> None:
    """Send one byte every second (`every=`), for an hour."""
    read_request(sock)
    text = _head(200, {"Content-Type": "text/plain"}) + b"." * 3600
    for place in range(len(text)):
        sock.sendall(text[place : place + 1])
        time.sleep(float(options.get("every", 1)))


def endless(sock: socket.socket, options: dict[str, str]) -> None:
    """Send a body without end, as fast as it is read."""
    read_request(sock)
    sock.sendall(_head(200, {"Content-Type": "application/octet-stream"}))
    while True:
        sock.sendall(b"x" * 65536)


def stuffed(sock: socket.socket, options: dict[str, str]) -> None:
    """Send `count=` header lines (1000)."""
    read_request(sock)
    sock.sendall(_head(200, {f"X-Line-{n}": "x" * 20 for n in range(int(options.get("count", 1000)))}))
