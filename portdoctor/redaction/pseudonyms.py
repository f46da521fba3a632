"""Stable pseudonyms for names and addresses: same stays same, private stays private, IPv6 stays IPv6. Pure.

Addresses move into ranges nobody owns (RFC 5737, RFC 3849) or stay in their private block (RFC 1918, RFC 4193,
RFC 6598, RFC 3927); two addresses of one /24 or /64 stay in one. Names become ``host-1.domain-1.example``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import count

_Address = IPv4Address | IPv6Address
_BLOCKS4 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")))
_BLOCKS6 = tuple(map(IPv6Network, ("fc00::/7", "fe80::/10")))
# Documentation first; a path may cross more networks than those three, then the range for benchmarks (RFC 2544).
_PUBLIC4 = tuple(map(IPv4Network, ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/15")))
_KEPT4 = tuple(map(IPv4Network, ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32")))
# Nobody's: a route to the target is compared with the route to these (signs/route.py).
_REFERENCES = ("192.0.2.1", "2001:db8::1")
# Final labels that say how a name is resolved and are no secret; every other domain ends in "example" (RFC 2606).
_KEPT_ENDS = ("local", "localdomain", "internal", "lan", "home", "arpa", "test", "invalid", "onion", "corp")
# No secrets: what every machine is called, what name servers are asked about themselves, and words of our own
# sentences. A host that is called "server" is not hidden by writing "On the host-1".
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
    """Hands out pseudonyms, the same one for the same original. `key` is original -> pseudonym."""

    def __init__(self, avoid: Iterable[str] = ()) -> None:
        self.key: dict[str, str] = {}
        self._avoid = {text.lower() for text in avoid}
        self._networks: dict[str, str] = {}
        self._domains: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._hosts: dict[str, Iterator[int]] = {}
        self._counts: dict[str, Iterator[int]] = {}

    def name(self, name: str) -> str:
        """A host name label by label: its domain, then the labels before it. A star and a final dot stay."""
        plain = name.lower().removesuffix(".")
        if plain in _KEPT_NAMES or not any(c.isalnum() for c in plain):
            return name
        if plain not in self.key:
            self.key[plain] = self._name(plain)
        return self.key[plain] + ("." if name.endswith(".") else "")

    def word(self, kind: str, word: str) -> str:
        """A user, an organisation, a serial number: "user-1"."""
        if not word or word.lower() in _KEPT_NAMES:
            return word
        known = self.key.get(word)
        if known is None:
            known = self.key[word] = self._next(kind)
        return known

    def address(self, text: str) -> str:
        """An address, with its zone if it has one. Text that is no address comes back as it is."""
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
        """A network interface; the usual names of systems (eth0, en0, wlan0, docker0) name nobody and stay."""
        return name if _ORDINARY_INTERFACE.fullmatch(name) else self.word("interface", name)

    # ------------------------------------------------------------ one of a kind

    def _next(self, kind: str, ending: str = "") -> str:
        numbers = self._counts.setdefault(kind, count(1))
        return next(n for n in (f"{kind}-{i}{ending}" for i in numbers) if n not in self._avoid)

    def _name(self, plain: str) -> str:
        labels = plain.split(".")
        # A search domain was added to a known name, and a reader must still see that.
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
        if label == "*" or label.startswith("_"):
            return label
        if label not in self._labels:
            self._labels[label] = self._next("host")
        return self._labels[label]

    def domains(self) -> list[str]:
        """The real domains that were met: a name below one of them is a secret too."""
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
        """The first addresses of the /24s that may stand for this one's, of its own private block or public."""
        block = next((b for b in _BLOCKS4 if address in b), None)
        for pool in (block,) if block else _PUBLIC4:
            yield from (str(net.network_address) for net in pool.subnets(new_prefix=24))

    def _groups6(self, address: IPv6Address) -> Iterator[str]:
        block = next((b for b in _BLOCKS6 if address in b), None)
        start = 0xFD00 << 112 if block is _BLOCKS6[0] else 0xFE80 << 112 if block else 0x20010DB8 << 96
        return (str(IPv6Address(start + (n << 64))) for n in count(0))


def _kept(address: _Address) -> bool:
    """Addresses that mean the same everywhere: loopback, any, broadcast, multicast, and those of our own."""
    if str(address) in _REFERENCES:
        return True
    if isinstance(address, IPv4Address):
        return any(address in net for net in _KEPT4)
    return address.is_loopback or address.is_unspecified or address.is_multicast


def token6(text: str) -> tuple[str, str]:
    """(address, rest) of something that looks like IPv6: a full stop or a port may hang on its end."""
    for end in range(len(text), max(len(text) - 7, 1), -1):
        bare = text[:end]
        try:
            ip_address(bare.partition("%")[0])
        except ValueError:
            continue
        return bare, text[end:]
    return "", text
