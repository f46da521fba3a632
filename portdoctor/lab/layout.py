"""Addresses, interfaces and routes of a scenario's network. Pure.

Link number i (from 1, along the path and then the branches) is 10.0.i.0/24 and fd00:0:0:i::/64. The node named
first has .1 on it, the other .2: hop k of the path responds from 10.0.k.2. A node's interfaces are eth0, eth1, …
in the order of the links.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import NamedTuple

from .scenario import Scenario, as_lines

LAB = "/run/lab"  # the temporary directory of everything that a scenario starts


class End(NamedTuple):
    """One end of a link: the interface that `node` has towards `peer`."""

    node: str
    peer: str
    link: int
    place: int  # 1 or 2, the last number of its address
    interface: str

    @property
    def mac(self) -> str:
        return f"02:00:00:00:{self.link:02x}:{self.place:02x}"

    def address(self, family: int) -> str:
        return f"10.0.{self.link}.{self.place}" if family == 4 else f"fd00:0:0:{self.link:x}::{self.place}"

    def subnet(self, family: int) -> str:
        return f"10.0.{self.link}.0/24" if family == 4 else f"fd00:0:0:{self.link:x}::/64"


class Layout:
    """The network of a scenario: its link ends, and the next hop from each node to each other."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.nodes = scenario.nodes
        self.families = scenario.families
        self.ends: dict[str, list[End]] = {n: [] for n in self.nodes}
        pairs = [p for chain in (scenario.path, *scenario.branches) for p in _pairs(chain.split())]
        self.pairs = pairs
        for link, (a, b) in enumerate(pairs, 1):
            self.ends[a].append(End(a, b, link, 1, f"eth{len(self.ends[a])}"))
            self.ends[b].append(End(b, a, link, 2, f"eth{len(self.ends[b])}"))

    def is_router(self, node: str) -> bool:
        return len(self.ends[node]) > 1

    def towards(self, start: str, goal: str) -> End | None:
        """The end of `start` on the shortest path to `goal`; None for itself or if there is no path."""
        seen, queue = {start}, deque((e.peer, e) for e in self.ends[start])
        while queue:
            node, first = queue.popleft()
            if node == goal:
                return first
            if node not in seen:
                seen.add(node)
                queue.extend((e.peer, first) for e in self.ends[node])
        return None

    def peer_of(self, end: End) -> End:
        return next(e for e in self.ends[end.peer] if e.link == end.link)

    def address(self, node: str, family: int) -> str:
        """The address by which the client knows a node: that of its interface towards the client."""
        end = self.towards(node, self.nodes[0]) or next(iter(self.ends[node]), None)
        if end is None:
            return "127.0.0.1" if family == 4 else "::1"
        return end.address(family)

    def routes(self, node: str) -> list[str]:
        """The arguments of `ip route replace` that make every subnet and further address reachable from `node`."""
        if len(self.ends[node]) == 1:
            return []  # the default route covers all
        own = {e.link for e in self.ends[node]}
        goals = [(e, f, e.subnet(f)) for ends in self.ends.values() for e in ends for f in self.families]
        found = {}
        for e, family, subnet in goals:
            if e.link in own:
                continue
            end = self.towards(node, e.node)
            other = self.towards(node, e.peer)
            if end and (other is None or self._distance(node, e.node) <= self._distance(node, e.peer)):
                found[subnet] = self._via(end, family)
        for other_node in self.nodes:
            for address in self.scenario.node(other_node).addresses:
                end = self.towards(node, other_node)
                if end:
                    found[address] = self._via(end, 6 if ":" in address else 4)
        return [f"{goal} {via}" for goal, via in found.items()]

    def _via(self, end: End, family: int) -> str:
        return f"via {self.peer_of(end).address(family)} dev {end.interface}"

    def _distance(self, start: str, goal: str) -> int:
        distance, edge, seen = 0, {start}, {start}
        while edge and goal not in edge:
            edge = {e.peer for n in edge for e in self.ends[n]} - seen
            seen |= edge
            distance += 1
        return distance

    def gateways(self, node: str) -> list[str]:
        """The default gateways of an end node, one a family."""
        wanted = self.scenario.node(node).default_route
        if isinstance(wanted, tuple):
            return list(wanted)
        if not wanted or len(self.ends[node]) != 1:
            return []
        return [self.peer_of(self.ends[node][0]).address(f) for f in self.families]

    def words(self, node: str, which: str) -> str:
        """The value of ``{node.ip4}``, ``{node.ip6}`` and, for the address on one link, ``{node>peer.ip4}``."""
        name, _, peer = node.partition(">")
        family = 6 if which == "ip6" else 4
        if not peer:
            return self.address(name, family)
        end = self.towards(name, peer)
        return end.address(family) if end else ""

    def drawn(self) -> str:
        """The network, one line a chain."""
        chains = [" ── ".join(chain.split()) for chain in (self.scenario.path, *self.scenario.branches)]
        return "\n".join(chains)


def _pairs(chain: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(chain))


def rules(scenario: Scenario, node: str) -> str:
    """The nftables ruleset of a node, "" when it has none."""
    here = scenario.node(node)
    text = here.nft
    quiet = ("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept", "meta l4proto { icmp, ipv6-icmp } drop")
    filters = {
        "input": as_lines(here.input),
        "forward": as_lines(here.forward),
        "output": (*as_lines(here.output), *(quiet if here.quiet else ())),
    }
    if any(filters.values()):
        chains = "".join(_chain(c, f"type filter hook {c} priority 0", r) for c, r in filters.items() if r)
        text += f"\ntable inet lab {{\n{chains}}}\n"
    nats = {"prerouting": ("dstnat", as_lines(here.prerouting)), "postrouting": ("srcnat", as_lines(here.postrouting))}
    if here.prerouting or here.postrouting:
        chains = "".join(_chain(c, f"type nat hook {c} priority {p}", r) for c, (p, r) in nats.items() if r)
        text += f"\ntable inet labnat {{\n{chains}}}\n"
    return text


def _chain(name: str, hook: str, body: tuple[str, ...]) -> str:
    return f" chain {name} {{\n  {hook}; policy accept;\n" + "".join(f"  {rule}\n" for rule in body) + " }\n"
