"""Everything a person may type, read as targets, or a sentence that says how to write it. Law: looks nothing up.

`Target.host` is what is looked up or connected to: lower case, an international name as its A-labels (RFC 5890), an
IPv6 address in the form of RFC 5952 without brackets, a zone kept. A final dot of a name is kept, because it switches
search suffixes off: SNI and the Host header leave it out. `Target.input` is what was typed for this one port, without
user name, password, path, query and fragment, so that it can be given to `check` again.
In `bind`, `Target.host` is the local address, or "*" for all addresses of both families (`:8080`): the probe then
tries [::] with both families, and 0.0.0.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .hosts import UsageError, host_of, is_literal, shown
from .model import Stage, Target, Transport, Value
from .ports import LAST_PORT, Service, known_service, named, near_name, port_of
from .services import SCHEMES

__all__ = ["ALL_ADDRESSES", "Asked", "UsageError", "parse", "parse_bind", "read_lines"]

ALL_ADDRESSES = "*"
_BARE: dict[str, tuple[Stage, ...]] = {"tcp": ("tcp",), "tls": ("tcp", "tls"), "udp": ("udp",)}
_WEB = ("http", "https", "ws", "wss")
_LONGEST = 8192  # characters of one target: longer than any URL that servers accept
_SECRET = (
    "The user name or password holds / ? or #, which ends the host: leave it out and write {scheme}host:port."
)


class Asked(Value, frozen=True, kw_only=True):
    """One target and the request path with its query, which is sent but never stored."""

    target: Target
    path: str = "/"


def parse(text: str) -> list[Asked]:
    """The targets that `text` asks for, one a port, in the order given, none twice. Raises `UsageError`."""
    scheme, authority, path = _split(text)
    if scheme and scheme not in SCHEMES and scheme not in _BARE:
        raise UsageError(_unknown_scheme(scheme, authority))
    host_text, ports_text = _host_and_ports(authority, scheme)
    if not ports_text and host_text.isascii() and host_text.isdigit() and not scheme:
        raise UsageError(f"{shown(host_text)} is a port without a host: write localhost:{shown(host_text)}.")
    host = host_of(host_text)
    transport: Transport = "udp" if scheme == "udp" else "tcp"
    ports = _ports(ports_text, transport, host_text) if ports_text else _default_port(scheme, host_text, path)
    stem = f"{scheme}://{host_text}" if scheme else host_text
    typed = bool(ports_text)
    if path != "/" and not scheme:
        raise UsageError(f"A path needs a scheme: write https://{host_text}:{ports[0]}/ and the path after it.")
    return [
        Asked(
            target=_target(f"{stem}:{port}" if typed else stem, host, port, transport, scheme or None),
            path=path if scheme in _WEB else "/",
        )
        for port in ports
    ]


def parse_bind(text: str) -> Asked:
    """The local address that `text` asks for: one port, `host` "*" when no address is given. Raises `UsageError`."""
    scheme, authority, path = _split(text)
    if scheme not in ("", "tcp", "udp") or path != "/":
        raise UsageError("Listening takes an address and a port, no URL: write 127.0.0.1:8080, or :8080 for all.")
    transport: Transport = "udp" if scheme == "udp" else "tcp"
    if ":" not in authority:
        try:
            ports = _ports(authority, transport, "")
        except UsageError as error:
            if authority.isascii() and authority.isdigit():
                raise
            raise UsageError(_no_local_port(authority)) from error
        host_text, host = "", ALL_ADDRESSES
    else:
        host_text, ports_text = ("", authority[1:]) if _only_port(authority) else _host_and_ports(authority, scheme)
        host = ALL_ADDRESSES if host_text in ("", "*") else host_of(host_text, listening=True)
        if not ports_text:
            raise UsageError(_no_local_port(host_text))
        ports = _ports(ports_text, transport, host_text)
    if len(ports) > 1:
        raise UsageError("One port at a time: write it as 127.0.0.1:8080, or :8080 for all addresses.")
    known = known_service(ports[0], transport)
    target = Target(
        input=f"{scheme}://{host_text}:{ports[0]}" if scheme else f"{host_text}:{ports[0]}",
        host=host,
        port=ports[0],
        transport=transport,
        service=known.name if known else None,
        scheme=scheme or None,
        stages=("bind",),
        because={"bind": "the command asks to listen"},
    )
    return Asked(target=target)


def read_lines(lines: Iterable[str]) -> Iterator[tuple[int, list[Asked] | UsageError]]:
    """The targets of a file, with line numbers from 1. A # at the start or after a space begins a comment."""
    for number, line in enumerate(lines, 1):
        text = _without_comment(line.lstrip("\ufeff") if number == 1 else line)
        if not text:
            continue
        try:
            yield number, parse(text)
        except UsageError as error:
            yield number, error


def _without_comment(line: str) -> str:
    text = line.strip()
    if text.startswith("#"):
        return ""
    for at, char in enumerate(text):
        if char == "#" and text[at - 1].isspace():
            return text[:at].rstrip()
    return text


def _split(text: str) -> tuple[str, str, str]:
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
    if any(c.isspace() or not (c.isprintable() or ord(c) >= 0xD800) or ord(c) < 32 for c in text):
        raise UsageError(
            "A target holds no spaces or control characters: "
            "give each target its own argument, such as host:22 host:443."
        )
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
    user, at_sign, host = authority.rpartition("@")
    _refuse_cut_secret(scheme, user, at_sign, authority, tail)
    return scheme, host, _request_path(tail)


def _refuse_cut_secret(scheme: str, user: str, at_sign: str, authority: str, tail: str) -> None:
    """A password with / ? or # in it would end the host early and show the rest of it as path or port."""
    if at_sign or "@" not in tail:
        return
    port = authority.rpartition(":")[2] if ":" in authority and not authority.endswith("]") else "0"
    if not (scheme in _WEB and port.isdigit()):
        raise UsageError(_SECRET.format(scheme=f"{scheme}://" if scheme in SCHEMES else ""))


def _request_path(tail: str) -> str:
    """Path and query as they go into a request line: percent-encoded ASCII, "/" at least."""
    path = tail.partition("#")[0]
    if not path.startswith("/"):
        path = f"/{path}" if path.startswith("?") else "/"
    return "".join(
        c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "surrogatepass")) for c in path
    )


def _host_and_ports(authority: str, scheme: str) -> tuple[str, str]:
    """The host (with brackets if typed) and the text of its ports, "" if none is given."""
    if not authority or _only_port(authority):
        example = f"{scheme}://example.com" if scheme in SCHEMES else f"localhost{shown(authority) or ':443'}"
        raise UsageError(f"The host is missing: write {example}.")
    if authority.startswith("["):
        inside, mark, rest = authority.partition("]")
        if not mark:
            raise UsageError(f"The bracket is not closed: write {shown(inside)}]:443.")
        if rest and not rest.startswith(":"):
            raise UsageError(f"After ] comes a colon and the port: write {shown(inside)}]:443.")
        return authority[: len(inside) + 1], rest[1:]
    if authority.count(":") > 1:
        raise UsageError(_many_colons(authority, scheme))
    host, _, ports = authority.partition(":")
    return host, ports


def _no_local_port(host: str) -> str:
    return f"No port is given: write {shown(host) or '127.0.0.1'}:8080, or :8080 alone."


def _only_port(authority: str) -> bool:
    return authority.startswith(":") and authority.count(":") == 1


def _many_colons(authority: str, scheme: str) -> str:
    """More than one colon outside brackets: an IPv6 address, perhaps with a port, or a list."""
    address, _, port = authority.rpartition(":")
    prefix = f"{scheme}://" if scheme else ""
    whole, parted = is_literal(authority), is_literal(address) and port.isalnum()
    if whole and parted:
        return (
            f"{authority} can be read as {prefix}[{address}]:{port} or as an address without a port, "
            f"{prefix}[{authority}]:443: write it with brackets."
        )
    if whole:
        return f"An IPv6 address needs brackets and a port: write {prefix}[{authority}]:443."
    if parted:
        return f"An IPv6 address needs brackets: write {prefix}[{address}]:{shown(port)}."
    if "," in authority:
        first = shown(authority.partition(",")[0])
        return f"These are several targets: give each its own argument, such as {prefix}{first}."
    return "There is more than one colon: write host:port, and an IPv6 address in brackets, such as [::1]:443."


def _default_port(scheme: str, host: str, path: str) -> list[int]:
    if scheme in SCHEMES:
        return [SCHEMES[scheme][1]]
    if scheme:
        raise UsageError(f"{scheme}:// needs a port: write {scheme}://{shown(host)}:443.")
    if path != "/":
        raise UsageError(f"A path needs a scheme: write https://{shown(host)}/ and the path after it.")
    if host.lower() in SCHEMES:
        raise UsageError(f"No host is given: write a URL such as {host.lower()}://example.com, or {host}:443 for a host.")
    raise UsageError(f"No port is given: write {shown(host)}:443 or https://{shown(host)}.")


def _unknown_scheme(scheme: str, authority: str) -> str:
    from difflib import get_close_matches

    if scheme.endswith("+srv"):
        return "This names its servers by a DNS SRV record: write one of those servers, such as mongodb://host:27017."
    near = get_close_matches(scheme, [*SCHEMES, *_BARE], 1, 0.6)
    host = shown(authority) or "example.com"
    write = f"{near[0]}://{host}" if near else f"tcp://{host}" + ("" if ":" in host else ":443")
    return f"The scheme {shown(scheme)}:// is not known here: write {write}."


def _ports(text: str, transport: Transport, host: str) -> list[int]:
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
        raise UsageError(f"Port {shown(text)} does not exist: write one from 1 to {LAST_PORT}, such as 443.")
    return int(digits)


def _named_port(name: str, transport: Transport, host: str) -> int:
    where = shown(host) or ""
    if not name:
        raise UsageError(f"A port is missing between the commas: write {where}:22,80.")
    if name[:1] == "-" or name[-1:] == "-":
        raise UsageError(f"{shown(name)!r} is no port: write a number, or a range such as {where}:8000-8010.")
    port = port_of(name, transport)
    if port is not None:
        return port
    other: Transport = "tcp" if transport == "udp" else "udp"
    if port_of(name, other) is not None:
        raise UsageError(f"{shown(name)} is a {other.upper()} service: write {other}://{where}:{shown(name)}.")
    near = near_name(name)
    hint = f"did you mean {near}?" if near else f"write a number, such as {where}:443."
    raise UsageError(f"No service is called {shown(name)!r}: {hint}")


def _target(text: str, host: str, port: int, transport: Transport, scheme: str | None) -> Target:
    """The target with the stages it implies: by its scheme first, else by the port registry."""
    because: dict[str, str] = {}
    if not is_literal(host):
        because["dns"] = f"{host} is a name, which needs an address"
    because[transport] = "UDP has no connection: only an answer shows the service" if transport == "udp" else _TCP
    if scheme in _BARE:
        known = known_service(port, transport)
        because.update(dict.fromkeys(_BARE[scheme], f"the scheme {scheme}:// asks for it"))
    elif scheme:
        known = named(SCHEMES[scheme][0])
        _imply(because, known, SCHEMES[scheme][2], f"the scheme {scheme}:// asks for it")
    elif transport == "tcp":
        known = known_service(port)
        _imply(because, known, known is not None and known.tls, _by_port(known, port))
    stages: list[Stage] = [s for s in ("dns", "tcp", "udp", "tls", "http", "app") if s in because]
    return Target(
        input=text,
        host=host,
        port=port,
        transport=transport,
        service=known.name if known else None,
        scheme=scheme,
        stages=tuple(stages),
        because=because,
    )


_TCP = "the service is reached over TCP"


def _imply(because: dict[str, str], service: Service | None, tls: bool, why: str) -> None:
    if tls:
        because["tls"] = why
    if service is None or service.protocol != "http":
        because["app"] = why
    else:
        because["http"] = why


def _by_port(service: Service | None, port: int) -> str:
    if service is None:
        return f"port {port} has no service that we know: only whether the connection stays open is looked at"
    how = "by the port registry" if port in service.ports else "by common use"
    return f"port {port} is {service.name} {how}"
