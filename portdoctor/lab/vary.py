"""Generates scenarios: each fault in the path at every hop, over IPv4 and IPv6, in several settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..model import Diagnosis
from .matrix import Case, case
from .scenario import Expect, Node, Scenario

HOPS = ("r1", "r2", "r3", "server")
PORT = 8080


class Place(NamedTuple):
    """Where a fault is: hop, address family and setting."""

    hop: str
    family: int
    setting: str

    @property
    def goal(self) -> str:
        return f"{{server.ip{self.family}}}"

    @property
    def at_host(self) -> bool:
        return self.hop == "server"

    @property
    def chain(self) -> str:
        """The nftables chain: forward for packets that are forwarded, input for those to the host itself."""
        return "input" if self.at_host and self.setting != "docker" else "forward"


class Fault(NamedTuple):
    """One kind of fault. `spoil` returns the keys of the node, None if the fault is not possible at that place."""

    name: str
    spoil: Callable[[Place], dict[str, object] | None]
    right: Callable[[Place], tuple[str, ...]]  # the injected cause, then others that are also correct
    like: Callable[[Place], dict[str, str]]  # cause -> why no evidence at the client distinguishes it


def _rule(verdict: str) -> Callable[[Place], dict[str, object] | None]:
    def spoil(place: Place) -> dict[str, object]:
        port = 80 if place.at_host and place.setting == "docker" else PORT  # the host's rules see the container's port
        return {place.chain: f"tcp dport {port} {verdict}"}

    return spoil


def _all_but_80(verdict: str) -> Callable[[Place], dict[str, object] | None]:
    def spoil(place: Place) -> dict[str, object] | None:
        if place.at_host and place.setting == "docker":
            return None  # the container's port is 80
        return {place.chain: ("ct state established accept", f"tcp dport != 80 {verdict}")}

    return spoil


def _all(place: Place) -> dict[str, object]:
    return {place.chain: "drop"}


def _route(kind: str) -> Callable[[Place], dict[str, object] | None]:
    def spoil(place: Place) -> dict[str, object] | None:
        return None if place.at_host else {"routes": f"{kind} {place.goal}/{32 if place.family == 4 else 128}"}

    return spoil


def _loop(place: Place) -> dict[str, object] | None:
    back = {"r2": "r1", "r3": "r2"}.get(place.hop)
    if back is None:
        return None
    return {"routes": f"{place.goal}/{32 if place.family == 4 else 128} via {{{back}>{place.hop}.ip{place.family}}}"}


def _closed(place: Place) -> dict[str, object] | None:
    return {"serve": "http :80"} if place.at_host and place.setting != "docker" else None


def _either(router: str, host: str, *also: str) -> Callable[[Place], tuple[str, ...]]:
    return lambda place: ((host if place.at_host else router), *also)


_BY_PORT = _either("tcp.rejected-by-firewall", "tcp.rejected-by-host-firewall")
_AS_ABSENT = _either("tcp.rejected-by-firewall", "tcp.rejected-by-host-firewall", "tcp.host-unreachable")
_UNREACHABLE = _either("tcp.host-unreachable", "", "tcp.rejected-by-firewall", "tcp.net-unreachable")
_BY_RST = _either("tcp.refused-by-middlebox", "tcp.rejected-by-host-firewall")


def _filtered(place: Place) -> tuple[str, ...]:
    return ("tcp.port-filtered",)


def _silent(place: Place) -> tuple[str, ...]:
    """A host that drops packets for its container still responds itself: then only ports are filtered."""
    also = ("tcp.port-filtered",) if place.at_host and place.setting == "docker" else ()
    return ("tcp.host-silent", "tcp.path-dead", *also)


def _unlike(place: Place) -> dict[str, str]:
    """No cause that cannot be distinguished."""
    return {}


def _like_no_listener(place: Place) -> dict[str, str]:
    """Why an RST of a device in front, or of the host's firewall, looks like that of the host."""
    if place.at_host:
        why = "Both are an RST from the same host."
    elif place.hop == "r3":
        why = "The router is the last hop before the host, and an RST does not identify the device that sent it."
    elif place.setting == "quiet":
        why = "The next router sends no ICMP errors, so no trace shows that other packets get further."
    else:
        return {}
    return {"tcp.no-listener": why}


def _like_a_forwarded_port(place: Place) -> dict[str, str]:
    why = "A host that forwards port 80 to another machine refuses other ports at the same distance."
    return _like_no_listener(place) or {"tcp.no-listener": why}


def _like_a_full_queue(place: Place) -> dict[str, str]:
    near = place.hop in ("r3", "server")
    why = "The packets are dropped at the distance of the host; only the host shows what drops them."
    return {"tcp.listen-queue-full": why} if near else {}


def _like_the_other_silence(place: Place) -> dict[str, str]:
    found = {"tcp.path-dead": "No other host beyond that router was probed."}
    if place.setting == "proxy":
        found["tcp.port-filtered"] = "No other port shows whether the host is up."
    return found


def _like_silence(place: Place) -> dict[str, str]:
    """A loop with a router that sends no ICMP errors looks like silence."""
    why = "The packets expire at the router that sends no ICMP errors."
    return {"tcp.host-silent": why} if place.setting == "quiet" else {}


FAULTS = (
    Fault("drop the port", _rule("drop"), _filtered, _like_a_full_queue),
    Fault("drop all but port 80", _all_but_80("drop"), _filtered, _like_a_full_queue),
    Fault("drop everything", _all, _silent, _like_the_other_silence),
    Fault("refuse by RST", _rule("reject with tcp reset"), _BY_RST, _like_no_listener),
    Fault("refuse all but port 80 by RST", _all_but_80("reject with tcp reset"), _BY_RST, _like_a_forwarded_port),
    Fault("reject: port", _rule("reject"), _BY_PORT, _unlike),
    Fault("reject: admin", _rule("reject with icmpx admin-prohibited"), _BY_PORT, _unlike),
    Fault("reject: no route", _rule("reject with icmpx no-route"), _BY_PORT, _unlike),
    Fault("reject: host", _rule("reject with icmpx host-unreachable"), _AS_ABSENT, _unlike),
    Fault("route: prohibit", _route("prohibit"), _BY_PORT, _unlike),
    Fault("route: unreachable", _route("unreachable"), _UNREACHABLE, _unlike),
    Fault("route: blackhole", _route("blackhole"), _silent, _like_the_other_silence),
    Fault("route: loop", _loop, _either("tcp.routing-loop", ""), _like_silence),
    Fault("nothing listens", _closed, _either("tcp.no-listener", "tcp.no-listener"), _unlike),
)
SETTINGS = {
    "plain": "port 80 of the host is open",
    "docker": "the port is forwarded to a container (DNAT)",
    "alone": "no other port is open",
    "quiet": "another router sends no ICMP errors",
    "proxy": "the first router itself answers ports 80 and 443",
    "paths": "two paths of different length lead to the host, by source port",
}


class Variant(NamedTuple):
    """One built case of the matrix."""

    scenario: Scenario
    right: tuple[str, ...]
    like: tuple[tuple[str, str], ...] = ()


def variants() -> Iterator[Variant]:
    """All variants, in a fixed order."""
    for fault in FAULTS:
        for family in (4, 6):
            for setting in SETTINGS:
                for hop in HOPS:
                    place = Place(hop, family, setting)
                    spoiled = fault.spoil(place) if _makes_sense(place) else None
                    if spoiled is not None:
                        like = tuple(fault.like(place).items())
                        yield Variant(_scenario(fault, place, spoiled), fault.right(place), like)


def _makes_sense(place: Place) -> bool:
    """Whether the setting keeps the fault: on one of two paths it would break only some connections."""
    return place.setting != "paths" or place.hop in ("r1", "server")


def _two_paths(place: Place) -> dict[str, dict[str, object]]:
    """The first router forwards by r2 and r3, or by a, b and c, chosen by a hash of addresses, protocol and ports."""
    v, goal = place.family, f"{place.goal}/{32 if place.family == 4 else 128}"
    key = f"net.ipv{v}.fib_multipath_hash_"
    by = {"a": "b>a", "b": "c>b", "c": "server>c"}
    return {
        "r1": {
            "sysctl": {f"{key}policy": 3, f"{key}fields": 55},  # addresses, protocol and ports
            "routes": f"{goal} nexthop via {{r2>r1.ip{v}}} nexthop via {{a>r1.ip{v}}}",
        },
        **{node: {"routes": f"{goal} via {{{end}.ip{v}}}"} for node, end in by.items()},
    }


def _scenario(fault: Fault, place: Place, spoiled: dict[str, object]) -> Scenario:
    ports = (80, PORT) if place.setting != "alone" else (PORT,)
    nodes: dict[str, dict[str, object]] = {"server": {"serve": tuple(f"http :{p}" for p in ports)}}
    branches: tuple[str, ...] = ()
    if place.setting == "docker":
        container = f"{{container.ip{place.family}}}"
        dnat = f"dnat ip{'6' if place.family == 6 else ''} to"
        at = f"[{container}]" if place.family == 6 else container
        branches = ("server container",)
        nodes["server"] = {
            "prerouting": (f"tcp dport {PORT} {dnat} {at}:80", f"tcp dport 80 {dnat} {at}:81")
        }
        nodes["container"] = {"serve": ("http :80", "http :81")}
    if place.setting == "quiet":
        nodes["r1" if place.hop == "r2" else "r2"] = {"quiet": True}
    if place.setting == "proxy":
        nodes["r1"] = {"prerouting": "tcp dport { 80, 443 } redirect", "serve": ("http :80", "hold :443")}
    if place.setting == "paths":
        branches = ("r1 a b c server",)
        nodes |= _two_paths(place)
    nodes[place.hop] = {**nodes.get(place.hop, {}), **spoiled}
    goal = f"[{place.goal}]" if place.family == 6 else place.goal
    return Scenario(
        name=f"{fault.name} at {place.hop}, IPv{place.family}, {place.setting}",
        about=f"{fault.name} at {place.hop}: {SETTINGS[place.setting]}.",
        command=f"check {goal}:{PORT}",
        path="client r1 r2 r3 server",
        branches=branches,
        at={name: Node(**keys) for name, keys in nodes.items()},  # type: ignore[arg-type]
        expect=Expect(symptom="undetermined", certainty="undetermined"),
    )


def judged(variant: Variant, diagnosis: Diagnosis) -> Case:
    """The case of a variant that was run."""
    return case(variant.scenario.name, variant.right[0], diagnosis, variant.right[1:], variant.like)
