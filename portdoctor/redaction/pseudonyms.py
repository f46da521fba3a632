"""Assigns stable pseudonyms to names and addresses, which keep their family and stay private or public. Pure.

Public addresses move to documentation ranges (RFC 5737, RFC 3849), private ones stay in their block (RFC 1918,
RFC 4193, RFC 6598, RFC 3927); two addresses of one /24 or /64 stay in one. Names become ``host-1.domain-1.example``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import count

_Address = IPv4Address | IPv6Address
_BLOCKS4 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")))
_BLOCKS6 = tuple(map(IPv6Network, ("fc00::/7", "fe80::/10")))
# Documentation ranges; the range for benchmarks (RFC 2544) for paths that cross more networks than those three.
_PUBLIC4 = tuple(map(IPv4Network, ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/15")))
_KEPT4 = tuple(map(IPv4Network, ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32")))
# Reference addresses: the route to the target is compared with the route to these (signs/route.py).
_REFERENCES = ("192.0.2.1", "2001:db8::1")
# Top-level labels that show how a name is resolved and are not secret; other domains end in "example" (RFC 2606).
_KEPT_ENDS = ("local", "localdomain", "internal", "lan", "home", "arpa", "test", "invalid", "onion", "corp")
# Not secret: common host names, names for queries about a name server, and words of our own sentences. Replacing the
# host name "server" would only turn "on the server" into "on the host-1".
_KEPT_NAMES = frozenset((
    "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "id.server", "version.bind",
    "hostname.bind", "root", "nobody", "admin", "administrator", "user", "guest", "server", "client", "host",
    "service", "target", "test", "name", "address", "network", "machine", "device", "router", "gateway", "firewall",
    "resolver", "proxy", "local", "system", "program", "web", "http", "https", "ssh", "dns", "tcp", "udp", "tls",
    "bind", "app", "mail", "linux", "windows", "macos", "docker", "nginx", "postgres", "redis", "mysql", "python",
    "java", "node", "public", "private", "internet", "lab",
))  # fmt: skip
_SECOND_LEVEL = ("co", "com", "org", "net", "ac", "gov", "edu")

_ORDINARY_INTERFACE = re.compile(
    r"lo\d*|(eth|en|wl|ww|utun|tun|tap|wg|ppp|bond|veth|br|docker|virbr|lxc|cni|cali|tailscale)[\w-]*\d[\w.]*"
)

TOKEN6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.:]*(?:%[\w.-]*\w)?")
TOKEN4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")


class Pseudonyms:
    """Assigns pseudonyms, the same one for the same original. `key`: original -> pseudonym."""

    def __init__(self, avoid: Iterable[str] = ()) -> None:
        self.key: dict[str, str] = {}
        self._avoid = {text.lower() for text in avoid}
        self._networks: dict[str, str] = {}
        self._domains: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._hosts: dict[str, Iterator[int]] = {}
        self._counts: dict[str, Iterator[int]] = {}

    def name(self, name: str) -> str:
        """Return the pseudonym of a host name: domain, then the labels before it. Wildcards and a final dot stay."""
        plain = name.lower().removesuffix(".")
        if plain in _KEPT_NAMES or not any(c.isalnum() for c in plain):
            return name
        if plain not in self.key:
            self.key[plain] = self._name(plain)
        return self.key[plain] + ("." if name.endswith(".") else "")

    def word(self, kind: str, word: str) -> str:
        """Return the pseudonym of a user, an organisation, a serial number: "user-1"."""
        if not word or word.lower() in _KEPT_NAMES:
            return word
        known = self.key.get(word)
        if known is None:
            known = self.key[word] = self._next(kind)
        return known

    def address(self, text: str) -> str:
        """Return the pseudonym of an address, with its zone if any. Other text is returned unchanged."""
        bare, percent, zone = text.partition("%")
        try:
            address = ip_address(bare)
        except ValueError:
            return text
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        if mapped is not None:
            return f"::ffff:{self.address(str(mapped))}"
        if _kept(address):
            return text
        plain = str(address)
        if plain not in self.key:
            self.key[plain] = self._address(address)
        return self.key[plain] + percent + self.interface(zone)

    def interface(self, name: str) -> str:
        """Return the pseudonym of a network interface; standard names (eth0, en0, wlan0, docker0) stay."""
        return name if _ORDINARY_INTERFACE.fullmatch(name) else self.word("interface", name)

    # ------------------------------------------------------------ one of a kind

    def _next(self, kind: str, ending: str = "") -> str:
        numbers = self._counts.setdefault(kind, count(1))
        return next(n for n in (f"{kind}-{i}{ending}" for i in numbers) if n not in self._avoid)

    def _name(self, plain: str) -> str:
        labels = plain.split(".")
        # A search domain was appended to a known name, which must remain visible.
        for size in range(len(labels) - 1, 1, -1):
            if (known := self.key.get(".".join(labels[:size]))) is not None:
                return f"{known}.{self.name('.'.join(labels[size:]))}"
        if len(labels) == 1:
            return self._label(plain)
        country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
        size = 3 if country else 2
        domain = ".".join(labels[-size:])
        if domain not in self._domains:
            kept = labels[-1] in _KEPT_ENDS
            own = f"{self._label(labels[-2])}.{labels[-1]}" if kept else self._next("domain", ".example")
            self._domains[domain] = own
        return ".".join((*map(self._label, labels[:-size]), self._domains[domain]))

    def _label(self, label: str) -> str:
        if label in ("*", "svc") or label.startswith("_"):  # svc: the Services of a Kubernetes cluster
            return label
        if label not in self._labels:
            self._labels[label] = self._next("host")
        return self._labels[label]

    def domains(self) -> list[str]:
        """Return the real domains found: a name below one of them is also a secret."""
        return list(self._domains)

    def _address(self, address: _Address) -> str:
        if isinstance(address, IPv4Address):
            group = str(IPv4Network((int(address) & 0xFFFFFF00, 24)))
            start = self._networks.get(group) or self._network(group, self._groups4(address))
            return self._host(group, start, lambda n: str(IPv4Address(int(IPv4Address(start)) + n)))
        group = str(IPv6Network((int(address) >> 64 << 64, 64)))
        start = self._networks.get(group) or self._network(group, self._groups6(address))
        return self._host(group, start, lambda n: str(IPv6Address(int(IPv6Address(start)) + n)))

    def _network(self, group: str, candidates: Iterator[str]) -> str:
        taken = set(self._networks.values())
        self._networks[group] = next(c for c in candidates if c not in taken)
        return self._networks[group]

    def _host(self, group: str, start: str, made: Callable[[int], str]) -> str:
        numbers = self._hosts.setdefault(group, count(1))
        return next(a for a in map(made, numbers) if a.lower() not in self._avoid and a not in _REFERENCES)

    def _groups4(self, address: IPv4Address) -> Iterator[str]:
        """Yield the first addresses of the /24s that may replace this one, in its private block or public."""
        block = next((b for b in _BLOCKS4 if address in b), None)
        for pool in (block,) if block else _PUBLIC4:
            yield from (str(net.network_address) for net in pool.subnets(new_prefix=24))

    def _groups6(self, address: IPv6Address) -> Iterator[str]:
        block = next((b for b in _BLOCKS6 if address in b), None)
        start = 0xFD00 << 112 if block is _BLOCKS6[0] else 0xFE80 << 112 if block else 0x20010DB8 << 96
        return (str(IPv6Address(start + (n << 64))) for n in count(0))


def _kept(address: _Address) -> bool:
    """Return whether an address means the same everywhere: loopback, any, broadcast, multicast, our references."""
    if str(address) in _REFERENCES:
        return True
    if isinstance(address, IPv4Address):
        return any(address in net for net in _KEPT4)
    return address.is_loopback or address.is_unspecified or address.is_multicast


def token6(text: str) -> tuple[str, str]:
    """Return (address, rest) of text that resembles IPv6: a full stop or a port may follow the address."""
    for end in range(len(text), max(len(text) - 7, 1), -1):
        bare = text[:end]
        try:
            ip_address(bare.partition("%")[0])
        except ValueError:
            continue
        return bare, text[end:]
    return "", text
