"""What a person typed, taken apart: scheme, host, ports, path. User name and password end here. Law: pure."""

from __future__ import annotations

from ..model import Transport
from ..services.known import SCHEMES
from ..services.ports import LAST_PORT, near_name, port_of
from ..text import is_address
from . import UsageError
from .hosts import JOINERS, excerpt

WEB = ("http", "https", "ws", "wss")
_LONGEST = 8192  # characters of one target: longer than any URL that servers accept
_SECRET = "The user name or password holds / ? # or \\, which ends the host: leave it out and write {scheme}host:port."


def split(text: str) -> tuple[str, str, str]:
    """The scheme in lower case ("" if none), host with ports, and the request path. User name and password are gone.

    All that may hold a secret is cut off here, before any sentence is made of the rest.
    """
    text = text.strip()
    if len(text) > 1 and text[0] + text[-1] in ('""', "''", "<>", "``"):
        text = text[1:-1].strip()
    if not text:
        raise UsageError("The target is empty: write a host and a port, such as example.com:443.")
    if len(text) > _LONGEST:
        raise UsageError(f"The target is longer than {_LONGEST} characters: write host:port, such as example.com:443.")
    _refuse_invisible(text)
    head, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    elif any(c in head for c in "/?#@[]") or not head:
        raise UsageError("The text before :// is no scheme: write a URL such as https://example.com.")
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
    """Spaces, control and direction characters. Lone surrogates pass: they are bytes of a path that are no UTF-8."""
    if "\ufffd" in text:
        raise UsageError("The target is no UTF-8 text: type it anew, such as example.com:443.")
    for char in text:
        if char.isspace():
            raise UsageError("A target holds no spaces: give each its own argument or line, such as host:22 host:443.")
        if not char.isprintable() and char not in JOINERS and not "\ud800" <= char <= "\udfff":
            raise UsageError(
                f"An invisible character (U+{ord(char):04X}) is in the target: type it anew, such as example.com:443."
            )


def _refuse_cut_secret(scheme: str, at_sign: str, authority: str, tail: str) -> None:
    """A password with / ? or # in it would end the host early and show the rest of it as host, port or path.

    An @ after the host is a sign of that; it is believed to be a path's only in a web address without a user name.
    """
    if "@" not in tail:
        return
    port = authority.rpartition(":")[2] if ":" in authority and not authority.endswith("]") else "0"
    if at_sign or scheme not in WEB or not port.isdigit():
        raise UsageError(_SECRET.format(scheme=f"{scheme}://" if scheme in SCHEMES else ""))


def _request_path(tail: str) -> str:
    """Path and query as they go into a request line: percent-encoded ASCII, "/" at least."""
    path = tail.partition("#")[0]
    if not path.startswith("/"):
        path = f"/{path}" if path.startswith("?") else "/"
    return "".join(
        c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "surrogatepass")) for c in path
    )


def host_and_ports(authority: str, scheme: str) -> tuple[str, str]:
    """The host (with brackets if typed) and the text of its ports, "" if none is given."""
    if not authority or only_port(authority):
        example = f"{scheme}://example.com" if scheme in SCHEMES else f"localhost{excerpt(authority) or ':443'}"
        raise UsageError(f"The host is missing: write {example}.")
    if authority.startswith("["):
        inside, mark, rest = authority.partition("]")
        if not mark:
            raise UsageError(f"The bracket is not closed: write {excerpt(inside)}]:443.")
        if rest and not rest.startswith(":"):
            raise UsageError(f"After ] comes a colon and the port: write {excerpt(inside)}]:443.")
        return authority[: len(inside) + 1], rest[1:]
    if authority.count(":") > 1:
        raise UsageError(_many_colons(authority, scheme))
    host, _, ports = authority.partition(":")
    return host, ports


def only_port(authority: str) -> bool:
    """Whether no host stands before the port: ":8080"."""
    return authority.startswith(":") and authority.count(":") == 1


def _many_colons(authority: str, scheme: str) -> str:
    """More than one colon outside brackets: an IPv6 address, perhaps with a port, or a list."""
    address, _, port = authority.rpartition(":")
    prefix = f"{scheme}://" if scheme else ""
    whole, parted = is_address(authority), is_address(address) and port.isalnum()
    if whole and parted:
        return (
            f"{excerpt(authority)} can be read as {prefix}[{excerpt(address)}]:{port}, or as an address without "
            f"a port, {prefix}[{excerpt(authority)}]:443: write the one you mean."
        )
    if whole:
        return f"An IPv6 address needs brackets and a port: write {prefix}[{excerpt(authority)}]:443."
    if parted:
        return f"An IPv6 address needs brackets: write {prefix}[{excerpt(address)}]:{excerpt(port)}."
    if "," in authority:
        first = excerpt(authority.partition(",")[0])
        return f"These are several targets: give each its own argument, such as {prefix}{first}."
    return "There is more than one colon: write host:port, and an IPv6 address in brackets, such as [::1]:443."


def ports_of(text: str, transport: Transport, host: str) -> list[int]:
    """The ports of "22", "https" or "22,80,8000-8010". Raises `UsageError`."""
    ports: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if dash and _is_number(first) and _is_number(last):
            low, high = _number(first), _number(last)
            if low > high:
                raise UsageError(f"The range {low}-{high} runs backwards: write {high}-{low}.")
            ports.update(dict.fromkeys(range(low, high + 1)))
        elif _is_number(part):
            ports[_number(part)] = None
        else:
            ports[_named_port(part, transport, host)] = None
    return list(ports)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str) -> int:
    digits = text.lstrip("0")
    if not digits:
        raise UsageError(f"Port 0 stands for no port: write one from 1 to {LAST_PORT}, such as 443.")
    if len(digits) > 5 or int(digits) > LAST_PORT:
        raise UsageError(f"Port {excerpt(text)} does not exist: write one from 1 to {LAST_PORT}, such as 443.")
    return int(digits)


def _named_port(name: str, transport: Transport, host: str) -> int:
    where = excerpt(host) or ""
    if not name:
        raise UsageError(f"A port is missing between the commas: write {where}:22,80.")
    if name[:1] == "-" or name[-1:] == "-":
        raise UsageError(f"{excerpt(name)!r} is no port: write a number, or a range such as {where}:8000-8010.")
    port = port_of(name, transport)
    if port is not None:
        return port
    other: Transport = "tcp" if transport == "udp" else "udp"
    if port_of(name, other) is not None:
        raise UsageError(f"{excerpt(name)} is a {other.upper()} service: write {other}://{where}:{excerpt(name)}.")
    near = near_name(name)
    hint = f"did you mean {near}?" if near else f"write a number, such as {where}:443."
    raise UsageError(f"No service is called {excerpt(name)!r}: {hint}")
