"""Assigns stable pseudonyms to names and addresses, which keep their family and stay private or public. Pure.

Public addresses move to documentation ranges (RFC 5737, RFC 3849), private ones stay in their block (RFC 1918,
RFC 4193, RFC 6598, RFC 3927); two addresses of one /24 or /64 stay in one. Names become ``host-1.domain-1.example``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import count

from ..text import is_address

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network
# Blocks of addresses and what their pseudonyms are made of; the last block of each family is the rest, the public ones.
# Documentation ranges first, then the range for benchmarks (RFC 2544), for more networks than those have.
_BLOCKS4 = tuple(
    (IPv4Network(block), tuple(map(IPv4Network, pool.split())))
    for block, pool in (
        ("10.0.0.0/8", "10.0.0.0/8"), ("172.16.0.0/12", "172.16.0.0/12"), ("192.168.0.0/16", "192.168.0.0/16"),
        ("100.64.0.0/10", "100.64.0.0/10"), ("169.254.0.0/16", "169.254.0.0/16"), ("224.0.0.0/4", "239.0.0.0/8"),
        ("0.0.0.0/0", "203.0.113.0/24 198.51.100.0/24 192.0.2.0/24 198.18.0.0/15"),
    )
)  # fmt: skip
_BLOCKS6 = tuple(
    (IPv6Network(block), (IPv6Network(pool),))
    for block, pool in (
        ("fc00::/7", "fd00::/16"), ("fe80::/10", "fe80::/16"), ("ff00::/8", "ff05::/16"), ("::/0", "2001:db8::/32"),
    )
)  # fmt: skip
_TRANSLATED = IPv6Network("64:ff9b::/96")
_KEPT4 = tuple(
    map(IPv4Network, ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/24", "239.255.255.250/32", "255.255.255.255/32"))
)
_KEPT6 = ("ff02::1", "ff02::2", "ff02::fb", "ff02::c", "ff02::1:2", "ff02::1:3")
# Reference addresses: the route to the target is compared with the route to these (signs/route.py).
_REFERENCES = ("192.0.2.1", "2001:db8::1")
# Top-level labels that show how a name is resolved and are not secret; other domains end in "example" (RFC 2606).
_KEPT_ENDS = ("local", "localdomain", "internal", "lan", "home", "arpa", "test", "invalid", "onion", "corp")
# Not secret: common host names, names for queries about a name server, and words of our own sentences. Replacing the
# host name "server" would only turn "on the server" into "on the host-1".
_KEPT_NAMES = frozenset((
    "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "id.server", "version.bind", "in-addr",
    "hostname.bind", "root", "nobody", "admin", "administrator", "user", "guest", "server", "client", "host",
    "service", "target", "test", "name", "address", "network", "machine", "device", "router", "gateway", "firewall",
    "resolver", "proxy", "local", "system", "program", "web", "http", "https", "ssh", "dns", "tcp", "udp", "tls",
    "bind", "app", "mail", "linux", "windows", "macos", "docker", "nginx", "postgres", "redis", "mysql", "python",
    "java", "node", "public", "private", "internet", "lab",
))  # fmt: skip
_SECOND_LEVEL = ("co", "com", "org", "net", "ac", "gov", "edu")

# Names of interfaces that a system assigns; one made of a MAC address (enx…) is not among them.
_ORDINARY_INTERFACE = re.compile(
    r"(?:lo\d{0,3}|(?:eth|wlan|wwan|utun|tun|tap|wg|ppp|bond|team|veth|br|bridge|docker|virbr|cni|tailscale|en|awdl|gif"
    r"|stf|lab)\d{1,3}|(?:en|wl|ww)(?:o\d{1,3}|s\d{1,3}|p\d{1,3}s\d{1,3})(?:f\d{1,2})?(?:np?\d{1,2})?|any)(?:[.@:]\d{1,4})?"
)
# Labels that name a protocol (RFC 6335 section 8.2, RFC 8552) or a kind of object, and no host.
_KEPT_LABELS = frozenset(("*", "svc", "pod", "_tcp", "_udp", "_tls", "_http", "_https", "_dmarc", "_domainkey"))

TOKEN6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.:]*(?:%[\w.-]*\w)?")
TOKEN4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")


class PseudonymsExhausted(Exception):
    """More addresses of one block occur than it has pseudonyms for. The message is one sentence."""


class Pseudonyms:
    """Assigns pseudonyms, the same one for the same original. `key`: original -> pseudonym.

    `avoid`: texts that are no pseudonyms, because they occur as originals.
    """

    def __init__(self, avoid: Iterable[str] = ()) -> None:
        self.key: dict[str, str] = {}
        self._avoid = {text.lower() for text in avoid}
        self._avoided_groups = {_group(ip_address(text)) for text in self._avoid if is_address(text)}
        self._folded: dict[str, str] = {}
        self._networks: dict[str, str] = {}
        self._free: dict[str, Iterator[str]] = {}
        self._domains: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._hosts: dict[str, Iterator[int]] = {}
        self._counts: dict[str, Iterator[int]] = {}

    def known(self, text: str, *, label: bool = True) -> str | None:
        """Return the pseudonym that a text already has, in any case; `label`: also one that a part of a name has."""
        low = text.lower()
        return self._folded.get(low) or (self._labels.get(low) if label else None)

    def name(self, name: str) -> str:
        """Return the pseudonym of a host name: domain, then the labels before it. Wildcards and a final dot stay."""
        plain = name.lower().removesuffix(".")
        if plain in _KEPT_NAMES or not any(c.isalnum() for c in plain):
            return name
        if plain not in self.key:
            self._keep(plain, self._reverse(plain) or self._name(plain))
        return self.key[plain] + ("." if name.endswith(".") else "")

    def word(self, kind: str, word: str) -> str:
        """Return the pseudonym of a user, an organisation, a serial number: "user-1"."""
        if not word or word.lower() in _KEPT_NAMES:
            return word
        if word not in self.key:
            self._keep(word, self._next(kind))
        return self.key[word]

    def address(self, text: str) -> str:
        """Return the pseudonym of an address, with its zone if any. Other text is returned unchanged."""
        bare, percent, zone = text.partition("%")
        try:
            address = ip_address(bare)
        except ValueError:
            return text
        if isinstance(address, IPv6Address) and (inner := _embedded(address)):
            prefix = IPv6Address(int(address) >> 32 << 32)
            plain = self.address(str(inner))
            both = f"::ffff:{plain}" if address.ipv4_mapped else str(IPv6Address(int(prefix) | int(IPv4Address(plain))))
            return both + percent + self.interface(zone)
        plain = str(address)
        if _kept(address):
            return bare + percent + self.interface(zone)
        if plain not in self.key:
            self._keep(plain, self._address(address))
        return self.key[plain] + percent + self.interface(zone)

    def interface(self, name: str) -> str:
        """Return the pseudonym of a network interface; standard names (eth0, en0, wlan0, docker0) stay."""
        return name if is_kept_interface(name) else self.word("interface", name)

    # ------------------------------------------------------------ one of a kind

    def _keep(self, original: str, pseudonym: str) -> None:
        self.key[original] = pseudonym
        self._folded.setdefault(original.lower(), pseudonym)

    def _next(self, kind: str, ending: str = "") -> str:
        numbers = self._counts.setdefault(kind, count(1))
        return next(n for n in (f"{kind}-{i}{ending}" for i in numbers) if n not in self._avoid)

    def _reverse(self, plain: str) -> str | None:
        """Return the name for the reverse lookup (in-addr.arpa, ip6.arpa) of an address's pseudonym."""
        labels = plain.split(".")
        if labels[-2:] == ["in-addr", "arpa"] and len(labels) == 6:
            text = ".".join(reversed(labels[:4]))
        elif labels[-2:] == ["ip6", "arpa"] and len(labels) == 34:
            digits = "".join(reversed(labels[:32]))
            text = ":".join(digits[place : place + 4] for place in range(0, 32, 4))
        else:
            return None
        return ip_address(self.address(text)).reverse_pointer if is_address(text) else None

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
        if label in _KEPT_LABELS:
            return label
        if label not in self._labels:
            self._labels[label] = self._next("host")
        return self._labels[label]

    # ------------------------------------------------------------ addresses

    def _address(self, address: _Address) -> str:
        group = _group(address)
        if group not in self._networks:
            self._networks[group] = self._network(address)
        while True:
            start = self._networks[group]
            most = 255 if address.version == 4 else 1 << 32
            for n in self._hosts.setdefault(start, iter(range(1, most))):
                made = str(ip_address(start) + n)
                if made not in self._avoid and made not in _REFERENCES:
                    return made
            self._networks[group] = self._network(address)  # that one has no address left

    def _network(self, address: _Address) -> str:
        """Return the next network in the address's block, private, multicast or public."""
        blocks = _BLOCKS4 if address.version == 4 else _BLOCKS6
        block, pool = next((b, p) for b, p in blocks if address in b)
        free = self._free.setdefault(str(block), self._networks_of(pool))
        if (start := next(free, None)) is None:
            raise PseudonymsExhausted(f"--redact has no pseudonyms left for addresses in {block}: redact fewer targets")
        return start

    def _networks_of(self, pool: Iterable[_Network]) -> Iterator[str]:
        """Yield networks without originals, then those with some; then all again, which several originals share."""
        yield from (start for start in _networks(pool) if start not in self._avoided_groups)
        yield from (start for start in _networks(pool) if start in self._avoided_groups)
        for _ in range(254):
            yield from _networks(pool)


def _group(address: _Address) -> str:
    """Return the first address of the /24 or /64: pseudonyms of one network are in one network."""
    bits = 8 if address.version == 4 else 64
    return str(type(address)(int(address) >> bits << bits))


def _networks(pool: Iterable[_Network]) -> Iterator[str]:
    for net in pool:
        yield from (str(n.network_address) for n in net.subnets(new_prefix=24 if net.version == 4 else 64))


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address in a mapped (RFC 4291) or translated (RFC 6052) address."""
    translated = address in _TRANSLATED
    return IPv4Address(int(address) & 0xFFFFFFFF) if translated or address.ipv4_mapped else None


def is_kept_name(name: str) -> bool:
    """Return whether a name is no secret: one that every machine knows, or without a letter or digit."""
    low = name.lower().removesuffix(".")
    return low in _KEPT_NAMES or low in _KEPT_LABELS or not any(c.isalnum() for c in low)


def is_kept_interface(name: str) -> bool:
    """Return whether the name of an interface is one that systems assign: eth0, enp3s0, docker0."""
    numbered = name.isascii() and name.isdigit() and len(name) < 5  # a zone may be the index of the interface
    return numbered or _ORDINARY_INTERFACE.fullmatch(name) is not None


def is_kept_network(text: str) -> bool:
    """Return whether a network in prefix notation is one that everybody has, such as 10.0.0.0/8 or fe80::/64."""
    try:
        whole = ip_network(text)
    except ValueError:
        return False
    common = whole.prefixlen <= (8 if whole.version == 4 else 16)
    return common or str(whole) == "fe80::/64" or any(whole == block for block, _ in (*_BLOCKS4, *_BLOCKS6))


def is_kept_address(text: str) -> bool:
    """Return whether an address means the same everywhere."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and (inner := _embedded(address)):
        return _kept(inner)
    return _kept(address)


def _kept(address: _Address) -> bool:
    """Return whether an address means the same everywhere: loopback, any, broadcast, multicast, our references."""
    if str(address) in _REFERENCES:
        return True
    if isinstance(address, IPv4Address):
        return any(address in net for net in _KEPT4)
    return address.is_loopback or address.is_unspecified or str(address) in _KEPT6


def network(text: str, names: Pseudonyms) -> str:
    """Return the pseudonym of a network in prefix notation: "10.20.0.0/16"."""
    if is_kept_network(text):
        return text
    bare, _, bits = text.partition("/")
    pseudonym = names.address(bare)
    if not (bits.isdigit() and len(bits) < 4) or pseudonym == bare:
        return pseudonym + (f"/{bits}" if bits.isdigit() and len(bits) < 4 else "")
    plain, percent, zone = pseudonym.partition("%")
    try:
        whole = ip_network(bare) if percent else ip_network(text)  # raises ValueError for an address in its network
        made = ip_network(f"{plain}/{whole.prefixlen}", strict=False)
    except ValueError:
        return f"{pseudonym}/{bits}"
    return f"{made.network_address}{percent}{zone}/{bits}"


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


def tokens(text: str) -> Iterator[str]:
    """Yield what may be an original in a text: its words in lower case, and its addresses in canonical form."""
    yield from re.findall(r"[\w.-]+", text.lower())
    for found in (*TOKEN4.findall(text), *(token6(found)[0] for found in TOKEN6.findall(text))):
        if is_address(found):
            address = ip_address(found.partition("%")[0])
            yield str(address)
            if isinstance(address, IPv6Address) and (inner := _embedded(address)):
                yield str(inner)
