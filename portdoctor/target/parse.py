"""Parses targets as users type them. Law: no lookups.

`Target.host` is what is looked up or connected to: in lower case, an internationalized name as A-labels (RFC 5890), an
IPv6 address in the form of RFC 5952 without brackets but with its zone. The final dot of a name is kept, because it
disables search suffixes; SNI and the Host header omit it. `Target.input` is what was typed for this one port, without
user name, password, path, query and fragment, so that it can be passed to `check` again.
In `bind`, `Target.host` is the local address, or "*" for all addresses of both families (`:8080`): the probe then
tries [::] with both families, and 0.0.0.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from ..model import Stage, Target, Transport, Value
from ..services.known import SCHEMES, Service, default_port
from ..services.ports import known_service, service_named
from ..text import is_address, nearest
from . import UsageError
from .hosts import excerpt, host_of
from .syntax import WEB, host_and_ports, only_port, ports_of, split, without_alias

__all__ = ["ALL_ADDRESSES", "Asked", "parse", "parse_bind"]

ALL_ADDRESSES = "*"
_TCP = "the service is reached over TCP"
_UDP = "UDP has no connection: only a response shows that a service is running"
_BARE: dict[str, tuple[Stage, ...]] = {"tcp": ("tcp",), "tls": ("tcp", "tls"), "udp": ("udp",)}


class Asked(Value, frozen=True, kw_only=True):
    """A target, and the request path with its query, which is sent but never stored."""

    target: Target
    path: str = "/"


class Several(Sequence[Asked]):
    """The targets of one text, one per port: each is made when it is asked for, since a text may name 65,535."""

    def __init__(
        self, stem: str, host: str, ports: list[range], *, typed: bool, scheme: str, path: str, alias: str | None
    ) -> None:
        """`stem`: the text without ports; `typed`: the text has ports, so that `Target.input` needs one too."""
        self.host, self._stem, self._ports, self._typed, self._scheme = host, stem, ports, typed, scheme
        self._transport: Transport = "udp" if scheme == "udp" else "tcp"
        self._path = path if scheme in WEB else "/"
        self._alias = alias

    def __len__(self) -> int:
        return sum(map(len, self._ports))

    def __iter__(self) -> Iterator[Asked]:
        return (self._asked(port) for ports in self._ports for port in ports)

    @overload
    def __getitem__(self, place: int) -> Asked: ...
    @overload
    def __getitem__(self, place: slice) -> list[Asked]: ...
    def __getitem__(self, place: int | slice) -> Asked | list[Asked]:
        ports = [port for ports in self._ports for port in ports][place]
        return self._asked(ports) if isinstance(ports, int) else list(map(self._asked, ports))

    def _asked(self, port: int) -> Asked:
        text = f"{self._stem}:{port}" if self._typed else self._stem
        target = _target(text, self.host, port, self._transport, self._scheme or None, self._alias)
        return Asked(target=target, path=self._path)


def parse(text: str, ports: str = "") -> Several:
    """Return the targets in `text`, one per port, in the given order without duplicates. Raises `UsageError`.

    `ports`: the port or ports of a target that is written without one.
    """
    alias, text = without_alias(text)
    scheme, authority, path = split(text)
    if ports and ":" in authority and is_address(authority):
        authority = f"[{authority}]"
    if scheme and scheme not in SCHEMES and scheme not in _BARE:
        raise UsageError(_unknown_scheme(scheme, authority))
    host_text, ports_text = host_and_ports(authority, scheme)
    if ports and ports_text:
        raise UsageError(f"port given twice: write {excerpt(host_text)}:{excerpt(ports_text)} or -p {excerpt(ports)}")
    ports_text = ports or ports_text
    if not ports_text and host_text.isascii() and host_text.isdigit() and not scheme:
        raise UsageError(f"missing host in {excerpt(host_text)!r}: write localhost:{excerpt(host_text)}")
    host = host_of(host_text)
    transport: Transport = "udp" if scheme == "udp" else "tcp"
    numbers = ports_of(ports_text, transport, host_text) if ports_text else _default_port(scheme, host_text, path)
    stem = f"{scheme}://{host_text}" if scheme else host_text
    if path != "/" and not scheme:
        port = numbers[0].start
        raise UsageError(f"missing scheme before a path: write https://{host_text}:{port}/ followed by the path")
    return Several(stem, host, numbers, typed=bool(ports_text), scheme=scheme, path=path, alias=alias)


def parse_bind(text: str) -> Asked:
    """Return the local address in `text`: one port, and `host` "*" without an address. Raises `UsageError`."""
    scheme, authority, path = split(text)
    if scheme not in ("", "tcp", "udp") or path != "/":
        raise UsageError("invalid local address: write ADDR:PORT, such as 127.0.0.1:8080, or :8080 for all addresses")
    transport: Transport = "udp" if scheme == "udp" else "tcp"
    if ":" not in authority:
        try:
            ports = ports_of(authority, transport, "")
        except UsageError as error:
            if authority.isascii() and authority.isdigit():
                raise
            raise UsageError(_no_local_port(authority)) from error
        host_text, host = "", ALL_ADDRESSES
    else:
        host_text, ports_text = ("", authority[1:]) if only_port(authority) else host_and_ports(authority, scheme)
        host = ALL_ADDRESSES if host_text in ("", "*") else host_of(host_text, listening=True)
        if not ports_text:
            raise UsageError(_no_local_port(host_text))
        ports = ports_of(ports_text, transport, host_text)
    if sum(map(len, ports)) > 1:
        raise UsageError("more than one port: write one, such as 127.0.0.1:8080, or :8080 for all addresses")
    port = ports[0].start
    known = known_service(port, transport)
    target = Target(
        input=f"{scheme}://{host_text}:{port}" if scheme else f"{host_text}:{port}",
        host=host,
        port=port,
        transport=transport,
        service=known.name if known else None,
        scheme=scheme or None,
        stages=("bind",),
        because={"bind": "the command is `bind`"},
    )
    return Asked(target=target)


def _no_local_port(host: str) -> str:
    return f"missing port: write {excerpt(host) or '127.0.0.1'}:8080, or :8080"


def _default_port(scheme: str, host: str, path: str) -> list[range]:
    if port := default_port(scheme):
        return [range(port, port + 1)]
    if scheme:
        example = 53 if scheme == "udp" else 443
        raise UsageError(f"missing port, which {scheme}:// requires: write {scheme}://{excerpt(host)}:{example}")
    if host.lower() in SCHEMES:
        raise UsageError(f"missing host or port: write {host.lower()}://example.com or {host}:443")
    if path != "/":
        raise UsageError(f"missing scheme before a path: write https://{excerpt(host)}/ followed by the path")
    raise UsageError(f"missing port: write {excerpt(host)}:443 or https://{excerpt(host)}")


def _unknown_scheme(scheme: str, authority: str) -> str:
    if scheme.endswith("+srv"):
        return f"unsupported scheme {excerpt(scheme)}://, which names servers by SRV record: write one server, such as mongodb://host:27017"
    near = nearest(scheme, [*SCHEMES, *_BARE])
    host = excerpt(authority) or "example.com"
    write = f"{near[0]}://{host}" if near else f"tcp://{host}" + ("" if ":" in host else ":443")
    return f"unknown scheme {excerpt(scheme)}://: write {write}"


def _target(
    text: str, host: str, port: int, transport: Transport, scheme: str | None, alias: str | None
) -> Target:
    """Return the target with its stages: by its scheme if it has one, else by the port registry."""
    because: dict[str, str] = {}
    if not is_address(host):
        because["dns"] = f"{host} is a name, which must be resolved"
    because[transport] = _UDP if transport == "udp" else _TCP
    if scheme in _BARE:
        known = known_service(port, transport)
        because.update(dict.fromkeys(_BARE[scheme], f"the scheme is {scheme}://"))
    elif scheme:
        known = service_named(SCHEMES[scheme][0])
        _imply(because, known, SCHEMES[scheme][2], f"the scheme is {scheme}://")
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
        alias=alias,
    )


def _imply(because: dict[str, str], service: Service | None, tls: bool, why: str) -> None:
    if tls:
        because["tls"] = why
    if service is None or service.protocol != "http":
        because["app"] = why
    else:
        because["http"] = why


def _by_port(service: Service | None, port: int) -> str:
    if service is None:
        return f"port {port} has no known service: only whether the connection stays open is probed"
    how = "by the port registry" if service.registered and port in service.ports else "by common use"
    return f"port {port} is {service.name} {how}"
