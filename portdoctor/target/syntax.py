"""Splits a typed target into scheme, host, ports and path. Discards user name and password. Law: pure."""

from __future__ import annotations

from ..model import Transport
from ..services.known import SCHEMES
from ..services.ports import LAST_PORT, near_name, port_of
from ..text import is_address
from . import UsageError
from .hosts import JOINERS, excerpt

WEB = ("http", "https", "ws", "wss")
_LONGEST = 8192  # characters of one target: longer than any URL that servers accept
_LONGEST_ALIAS = 64
_SECRET = "unescaped / ? # or \\ in the user name or password: omit both and write {scheme}host:port"


def without_alias(text: str) -> tuple[str | None, str]:
    """Return the alias in `NAME=TARGET`, None without one, and the target."""
    name, mark, rest = text.strip().partition("=")
    if not mark or not rest or len(name) > _LONGEST_ALIAS or not _is_alias(name):
        return None, text
    return name, rest


def _is_alias(name: str) -> bool:
    return name[:1].isalnum() and all(c.isalnum() or c in "-_." for c in name)


def split(text: str) -> tuple[str, str, str]:
    """Return the scheme in lower case ("" if none), the host with its ports, and the request path.

    Discards user name and password, so that no message can contain a secret.
    """
    text = text.strip()
    if len(text) > 1 and text[0] + text[-1] in ('""', "''", "<>", "``"):
        text = text[1:-1].strip()
    if not text:
        raise UsageError("empty target: write host:port, such as example.com:443")
    if len(text) > _LONGEST:
        raise UsageError(f"target longer than {_LONGEST} characters: write host:port, such as example.com:443")
    _refuse_invisible(text)
    head, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    elif any(c in head for c in "/?#@[]") or not head:
        raise UsageError("invalid scheme before ://: write a URL such as https://example.com")
    else:
        scheme = head.lower().removeprefix("jdbc:")
        if not scheme.endswith("+srv"):
            scheme = scheme.partition("+")[0]  # postgresql+psycopg:// and kin name a driver after the plus
    end = min((at for c in "/?#\\" if (at := rest.find(c)) >= 0), default=len(rest))
    authority, tail = rest[:end], rest[end:]
    _, at_sign, host = authority.rpartition("@")
    _refuse_cut_secret(scheme, at_sign, authority, tail)
    return scheme, host, _request_path(tail)


def _refuse_invisible(text: str) -> None:
    """Reject spaces, control and bidirectional characters. Lone surrogates, bytes that are not UTF-8, are allowed."""
    if "\ufffd" in text:
        raise UsageError("target is not valid UTF-8: retype it, such as example.com:443")
    for char in text:
        if char.isspace():
            raise UsageError("space in a target: write each target as one argument or line, such as host:22 host:443")
        if not char.isprintable() and char not in JOINERS and not "\ud800" <= char <= "\udfff":
            raise UsageError(
                f"invisible character U+{ord(char):04X} in the target: retype it, such as example.com:443"
            )


def _refuse_cut_secret(scheme: str, at_sign: str, authority: str, tail: str) -> None:
    """Reject a password with / ? or #: it would end the host early, and its rest would show as host, port or path.

    An @ after the host indicates one. It is taken as part of a path only in a web URL without a user name.
    """
    if "@" not in tail:
        return
    port = authority.rpartition(":")[2] if ":" in authority and not authority.endswith("]") else "0"
    if at_sign or scheme not in WEB or not port.isdigit():
        raise UsageError(_SECRET.format(scheme=f"{scheme}://" if scheme in SCHEMES else ""))


def _request_path(tail: str) -> str:
    """Return path and query for the request line: percent-encoded ASCII, at least "/"."""
    path = tail.partition("#")[0]
    if not path.startswith("/"):
        path = f"/{path}" if path.startswith("?") else "/"
    return "".join(
        c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "surrogatepass")) for c in path
    )


def host_and_ports(authority: str, scheme: str) -> tuple[str, str]:
    """Return the host (with brackets if typed) and the text of its ports, "" if there is none."""
    if not authority or only_port(authority):
        port = excerpt(authority) if len(authority) > 1 else ":443"
        example = f"{scheme}://example.com" if scheme in SCHEMES else f"localhost{port}"
        raise UsageError(f"missing host: write {example}")
    if authority.startswith("["):
        inside, mark, rest = authority.partition("]")
        if not mark:
            raise UsageError(f"missing ] after the IPv6 address: write {excerpt(inside)}]:443")
        if rest and not rest.startswith(":"):
            raise UsageError(f"invalid text after ]: write {excerpt(inside)}]:443")
        return authority[: len(inside) + 1], rest[1:]
    if authority.count(":") > 1:
        raise UsageError(_many_colons(authority, scheme))
    host, _, ports = authority.partition(":")
    return host, ports


def only_port(authority: str) -> bool:
    """Return whether there is only a port: ":8080"."""
    return authority.startswith(":") and authority.count(":") == 1


def _many_colons(authority: str, scheme: str) -> str:
    """Return the message for more than one colon outside brackets: an IPv6 address, with or without port, or a list."""
    address, _, port = authority.rpartition(":")
    prefix = f"{scheme}://" if scheme else ""
    whole, parted = is_address(authority), is_address(address) and port.isalnum()
    if whole and parted:
        return (
            f"ambiguous target {excerpt(authority)!r}: write {prefix}[{excerpt(address)}]:{port}, or "
            f"{prefix}[{excerpt(authority)}]:443 if it is an address without a port"
        )
    if whole:
        return f"missing brackets and port for an IPv6 address: write {prefix}[{excerpt(authority)}]:443"
    if parted:
        return f"missing brackets around an IPv6 address: write {prefix}[{excerpt(address)}]:{excerpt(port)}"
    if "," in authority:
        first = excerpt(authority.partition(",")[0])
        return f"several targets in one argument: write each as its own argument, such as {prefix}{first}"
    return "more than one colon: write host:port, or an IPv6 address in brackets, such as [::1]:443"


def ports_of(text: str, transport: Transport, host: str) -> list[range]:
    """Return the ports in "22", "https" or "22,80,8000-8010" as ranges that do not overlap. Raises `UsageError`."""
    ports: list[range] = []
    seen = bytearray(LAST_PORT + 2)  # the last one is never seen, so that each search ends
    where = f"{host}:{text}" if host else text
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if dash and _is_number(first) and _is_number(last):
            low, high = _number(first, where), _number(last, where)
            if low > high:
                raise UsageError(f"invalid port range {low}-{high}: write {high}-{low}")
        elif _is_number(part):
            low = high = _number(part, where)
        else:
            low = high = _named_port(part, transport, host)
        while (low := seen.find(0, low)) <= high:
            end = seen.find(1, low, high + 1)
            end = high + 1 if end < 0 else end
            ports.append(range(low, end))
            seen[low:end] = b"\1" * (end - low)
    return ports


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str, where: str) -> int:
    digits = text.lstrip("0")
    if not digits or len(digits) > 5 or int(digits) > LAST_PORT:
        raise UsageError(f"invalid port {excerpt(digits) or 0} in {excerpt(where)!r}: ports are 1-{LAST_PORT}")
    return int(digits)


def _named_port(name: str, transport: Transport, host: str) -> int:
    where = excerpt(host) or ""
    if not name:
        raise UsageError(f"missing port beside a comma: write {where}:22,80")
    if name[:1] == "-" or name[-1:] == "-":
        raise UsageError(f"invalid port {excerpt(name)!r}: write a number, or a range such as {where}:8000-8010")
    port = port_of(name, transport)
    if port is not None:
        return port
    other: Transport = "tcp" if transport == "udp" else "udp"
    if port_of(name, other) is not None:
        raise UsageError(f"{excerpt(name)} is a {other.upper()} service: write {other}://{where}:{excerpt(name)}")
    near = near_name(name)
    hint = f" (did you mean {near!r}?)" if near else f": write a port number, such as {where}:443"
    raise UsageError(f"unknown service {excerpt(name)!r}{hint}")
