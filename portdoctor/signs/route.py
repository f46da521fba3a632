"""Signs about this machine's route to an address: its type, its interface, its next hop. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_interface

from msgspec.structs import replace

from ..model import Connect, Icmp, Interface, Neighbour, Outcome, Report, Route, Subject, Trace, Want
from ..outcomes import answered, family_of
from .base import Reading, absent, no_response, present, sign, unknown, unsettled
from .icmp import after_address_resolution, icmp_error, sent_by_another_machine, sent_by_this_machine
from .observed import NO_TTL_TRACE, endpoint_text, interfaces, millis, own_attempt, plain_address, route_to

# Interface names that programs use, from their documentation; a digit, a dash or the end of the name follows.
_OF_CONTAINERS = re.compile(
    r"(docker|virbr|lxcbr|lxdbr|incusbr|lxc|cni|flannel|cilium|podman|nerdctl|vmnet|vboxnet|kube)([\d.\-_]|$)"
    r"|br-[0-9a-f]{12}$|veth[0-9a-z]|cali[0-9a-f]{6}"
)
_OF_TUNNELS = re.compile(
    r"(tun|utun|tap|wg|ppp|tailscale|zt|nordlynx|proton|mullvad|gpd|cscotun|ipsec|vti|xfrm|sit|gre|nebula|wt)"
    r"([\d.\-_]|$)|zt[0-9a-z]{8}"
)
_TUNNEL = "a VPN or tunnel"
_UNUSED_ADDRESS = {4: "192.0.2.1", 6: "2001:db8::1"}  # RFC 5737, RFC 3849: in use nowhere; nothing is sent
_RESOLVED_BY = 1.0  # seconds: ARP and ND repeat their request every second (Linux retrans_time_ms)
_IMMEDIATE = 0.1  # seconds: a local rule rejects at once
_SILENT_NEIGHBOUR = {
    "failed": "did not respond", "incomplete": "has not responded",
}  # fmt: skip
_DOUBTFUL = ("delay", "probe")  # the kernel is verifying that the neighbour is still reachable
_ALIVE = {
    "reachable": "responds", "stale": "responded before", "permanent": "is configured statically",
    "noarp": "needs no address resolution",
}  # fmt: skip


def kind_of(interface: str | None) -> str:
    """Return what kind of interface a name means: container network or tunnel; "" for any other."""
    if interface and _OF_CONTAINERS.match(interface):
        return "a container or virtual machine network"
    if interface and _OF_TUNNELS.match(interface):
        return _TUNNEL
    return ""


def next_hop(route: Route) -> str | None:
    """Return who must respond on the link: the gateway, or the target itself; None if the route needs no neighbour."""
    if route.type != "unicast" or route.interface in (None, "lo"):
        return None
    return route.gateway or route.address


_TYPES = {
    "none": "no route covers the address", "prohibit": "the routing table prohibits the address",
    "blackhole": "the routing table discards packets to the address",
    "unreachable": "the routing table marks the address as unreachable",
}  # fmt: skip
_TYPE_SAYS = {
    "none": "The routing table has no route to {}", "prohibit": "The routing table prohibits {}",
    "blackhole": "The routing table discards packets to {}", "unreachable": "The routing table marks {} as unreachable",
}  # fmt: skip


@sign("the route is of type {parameter}", parameter="a type of route", values=_TYPES)
def type(report: Report, subject: Subject, kind: str) -> Reading:
    """How the kernel's route lookup for the address ends, by a route or a rule.

    none: ENETUNREACH, no entry covers it; prohibit: EACCES; blackhole: EINVAL; unreachable: EHOSTUNREACH.
    """
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        want = Want(probe="route", args=subject.values[:1])
        return unsettled(report, want, *([route] if route else []), probed=route is not None)
    if route.type == kind:
        entry = f" (entry {route.prefix})" if route.prefix else ""
        return present(f"{_TYPE_SAYS[kind].format(subject.values[0])}{entry}.", route)
    if route.type in ("unicast", "local"):
        via = f"via {route.gateway}" if route.gateway else f"on {route.interface}"
        return absent(f"The routing table has a route to {route.address}, {via}.", route)
    return absent(f"The route to {route.address} is of type {route.type}, not {kind}.", route)


@sign("the route goes through a gateway")
def via_gateway(report: Report, subject: Subject) -> Reading:
    """Packets to the address go through a gateway. Absent: the route names no gateway."""
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), probed=route is not None)
    if route.gateway:
        return present(f"The route to {route.address} goes through the gateway {route.gateway}.", route)
    return absent(f"The route to {route.address} has no gateway.", route)


@sign("the address is a broadcast or multicast address")
def broadcast_or_multicast(report: Report, subject: Subject) -> Reading:
    """The address means many hosts: broadcast by this machine's routing table, or multicast by its range."""
    address, route = subject.values[0], route_to(report, subject)
    if ip_address(plain_address(address)).is_multicast:
        fact = f"{address} is a multicast address: it addresses a group of hosts."
        return present(fact, *([route] if route else []))
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), probed=route is not None)
    if route.type == "broadcast":
        return present(f"{address} is a broadcast address: it addresses every host of a network.", route)
    return absent(f"{address} is not a broadcast or multicast address.", route)


# ---------------------------------------------------------------- the next hop


@sign("the next hop does not respond to ARP or neighbour discovery")
def next_hop_silent(report: Report, subject: Subject) -> Reading:
    """The neighbour entry of the gateway, or of an on-link target, is failed, or incomplete for a second or more.

    The kernel may delete a failed entry at once (gc_thresh1 in arp(7)). Without an entry it is present if this machine
    itself reported the host as unreachable after the time that address resolution takes, and absent only if the attempt
    ended immediately. Could also be: the machine's own link is cut. Any response from beyond the link rules
    it out.
    """
    o, route = own_attempt(report, subject), route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), probed=route is not None)
    hop = next_hop(route)
    if hop is None:
        return absent(f"The route to {route.address} has no next hop on a link.", route)
    if o is not None and o.outcome in (Outcome.OK, Outcome.RESET):
        return absent(f"The target {o.address} responded.", o)
    error, sender = icmp_error(report, subject), sent_by_another_machine(report, subject)
    if error and sender.state == "present":
        return replace(sender, state="absent")  # our packet passed the next hop
    responding = [c for c in report.of(Connect) if c.address in subject.values and answered(c)]
    passed = [t for t in report.of(Trace) if t.address in subject.values and _came_back(t)]
    if responding or passed:
        return absent(f"Another packet to {route.address} received a response.", *(responding or passed)[:1])
    found = [n for n in report.of(Neighbour) if n.address == hop]
    if not found or found[-1].state == "unknown":
        return unsettled(report, Want(probe="neighbour", args=(hop,)), *found[-1:], probed=bool(found))
    n = found[-1]
    who = f"The gateway {hop}" if route.gateway else hop
    on = f" on {n.interface}" if n.interface else ""
    asking = "neighbour discovery" if family_of(hop) == 6 else "ARP"
    waited = o is None or o.icmp is not None or o.took >= _RESOLVED_BY
    if n.state == "failed" or (n.state == "incomplete" and waited):
        if error and sender.state == "unknown":
            return sender
        return present(f"{who} {_SILENT_NEIGHBOUR[n.state]} to {asking}{on} (neighbour entry {n.state}).", n)
    if n.state in _DOUBTFUL or n.state == "incomplete":
        fact = f"Address resolution of {hop}{on} is in progress (neighbour entry {n.state})."
        return unknown("no-answer", n, says=fact)
    if n.state == "none":
        return _without_entry(report, subject, n, f"{who} did not respond to {asking}{on}")
    return absent(f"{who} {_ALIVE.get(n.state, n.state)}{on} (neighbour entry {n.state}).", n)


def _without_entry(report: Report, subject: Subject, n: Neighbour, silent: str) -> Reading:
    own = own_attempt(report, subject)
    if own is None or own.outcome is Outcome.TIMEOUT or own.took < _IMMEDIATE:
        return absent(f"There is no failed neighbour entry for {n.address}.", n)
    late = after_address_resolution(report, subject)
    if late.state == "present" and sent_by_this_machine(report, subject).state == "present":
        return present(f"{silent}: this machine reported that after {millis(own.took)}.", own, n)
    return unknown("no-answer", n, own, says=f"There is no neighbour entry for {n.address}: it may have been deleted.")


@sign("this machine has no default route")
def no_default(report: Report, subject: Subject) -> Reading:
    """Neither IP version has a route to an address outside this machine's networks (RFC 5737, RFC 3849).

    Could also be: a machine that reaches what it needs by specific routes only.
    """
    routes = [(a, route_to(report, Subject(kind="address", values=(a,)))) for a in _UNUSED_ADDRESS.values()]
    for address, route in routes:
        if route is None or route.type == "unknown":
            return unsettled(report, Want(probe="route", args=(address,)), probed=route is not None)
    found = [route for _, route in routes if route is not None]
    usable = [route for route in found if route.type == "unicast"]
    if usable:
        return absent(f"The default route leaves by {usable[0].interface}.", usable[0])
    return present("This machine has no default route, over IPv4 or IPv6.", *found)


@sign("the default gateway does not respond to ARP or neighbour discovery")
def default_gateway_silent(report: Report, subject: Subject) -> Reading:
    """The neighbour entry of every default gateway is failed or incomplete.

    Could also be: the machine's own link is cut.
    """
    silent: list[Reading] = []
    for address in _UNUSED_ADDRESS.values():
        route = route_to(report, Subject(kind="address", values=(address,)))
        if route is None or route.type == "unknown":
            return unsettled(report, Want(probe="route", args=(address,)), probed=route is not None)
        if route.type == "unicast":
            reading = next_hop_silent(report, Subject(kind="address", values=(address,)))
            if route.gateway is None or reading.state != "present":
                return reading if route.gateway else absent("A default route has no gateway.", route)
            silent.append(reading)
    return silent[0] if silent else absent("This machine has no default route.")


def _came_back(trace: Trace) -> bool:
    return any(h.outcome is Outcome.TTL_EXPIRED and h.address for h in trace.hops)


@sign("this machine's own tunnel reports the host as unreachable")
def tunnel_reports_unreachable(report: Report, subject: Subject) -> Reading:
    """This machine's tunnel interface sends "host unreachable" (3/1, ICMPv6 1/3): it has no peer for the address.

    Could also be: a rule of the local firewall that rejects with this error, which is rare.
    """
    o, route = own_attempt(report, subject), route_to(report, subject)
    if o is None:
        return unknown("not-looked")
    if route is not None and kind_of(route.interface) != _TUNNEL:
        return absent(f"The route to {o.address} uses no tunnel of this machine.", route)
    if o.icmp is None or not _is_host_unreachable(o.icmp):
        return no_response(o) or absent(f"No tunnel of this machine reported {o.address} as unreachable.", o)
    ours = sent_by_this_machine(report, subject)
    if ours.state != "present" or route is None:
        return ours
    return present(f"{route.interface} ({_TUNNEL}) reports that {o.address} is unreachable.", o, route)


def _is_host_unreachable(icmp: Icmp) -> bool:
    return (family_of(icmp.offender), icmp.type, icmp.code) in {(4, 3, 1), (6, 1, 3)}


@sign("nothing in the path responds")
def path_silent(report: Report, subject: Subject) -> Reading:
    """No port of the address and no router in the path responds; or the next hop does not respond.

    Could also be: a target that drops everything, behind routers that send no ICMP.
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    missing = next_hop_silent(report, subject)
    if missing.state == "present":
        return missing
    tunnel = tunnel_reports_unreachable(report, subject)
    if tunnel.state == "present":
        return tunnel
    if o.outcome is not Outcome.TIMEOUT:
        return absent(f"The attempt at {endpoint_text(report, subject)} did not time out.", o)
    mine = [c for c in report.of(Connect) if c.address in subject.values]
    responding = [c for c in mine if answered(c) or c.icmp is not None]
    seen = [t for t in report.of(Trace) if t.address in subject.values]
    alive = [t for t in seen if any(h.outcome is not Outcome.TIMEOUT for h in t.hops)]
    if responding or alive:
        return absent(f"A host or router in the path to {o.address} responded.", *(responding or alive)[:1])
    controls = [c for c in mine if c.role == "control"]
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), o)
    if not seen:
        if not report.vantage.can.ttl_trace:
            return unknown("not-possible-here", o, says=NO_TTL_TRACE)
        return unsettled(report, Want(probe="trace", args=subject.values[:1]), o)
    return present(f"No port of {o.address} and no router in the path responded.", o, *controls, *seen)


# ---------------------------------------------------------------- the interface


@sign("packets leave through a different interface than those to other networks")
def other_interface(report: Report, subject: Subject) -> Reading:
    """A specific route sends packets to the address through another interface than packets to other networks.

    The comparison is the route to an address that is in use nowhere (RFC 5737); nothing is sent to it.
    """
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), probed=route is not None)
    if route.type != "unicast":
        return absent(f"The route to {route.address} is of type {route.type}.", route)
    ordinary = _UNUSED_ADDRESS[family_of(subject.values[0])]
    usual = route_to(report, Subject(kind="address", values=(ordinary,)))
    if usual is None:
        return unsettled(report, Want(probe="route", args=(ordinary,)), route)
    if usual.type != "unicast":
        return absent("There is no default route to compare with.", route, usual)
    if usual.interface == route.interface:
        fact = f"Packets to {route.address} leave through {route.interface}, like those to other networks."
        return absent(fact, route, usual)
    kind = kind_of(route.interface)
    if route.gateway is None and not kind:
        return absent(f"{route.address} is in the network of {route.interface}.", route)
    details = ", ".join(detail for detail in (kind, f"route {route.prefix}" if route.prefix else "") if detail)
    named = f"{route.interface} ({details})" if details else str(route.interface)
    fact = f"Packets to {route.address} leave through {named}, those to other networks through {usual.interface}."
    return present(fact, route, usual)


@sign("a container or tunnel network of this machine covers the address")
def covered_by_local_network(report: Report, subject: Subject) -> Reading:
    """The address is in a container network of this machine, or in the networks of a tunnel and another interface.

    Could also be: the address of a container that is not running.
    """
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), probed=route is not None)
    kind = kind_of(route.interface)
    if route.type != "unicast" or not kind:
        return absent(f"Packets to {route.address} leave through no container network and no tunnel.", route)
    prefix = route.prefix or "its network"
    if kind != _TUNNEL and route.gateway is None:
        return present(f"{route.address} is in {prefix}, the network of {route.interface} ({kind}).", route)
    table = interfaces(report)
    if table is None:
        return unsettled(report, Want(probe="interfaces"), route)
    row = next((r for r in table.rows if r.name != route.interface and not r.loopback and _holds(r, route)), None)
    if row is None:
        return absent(f"No other interface has a network that contains {route.address}.", route, table)
    fact = f"{route.address} is in the network of {row.name}, but {prefix} is routed to {route.interface} ({kind})."
    return present(fact, route, table)


def _holds(row: Interface, route: Route) -> bool:
    address = ip_address(plain_address(route.address))
    nets = [ip_interface(a.partition("%")[0]).network for a in row.addresses]
    return any(address in net for net in nets if net.version == address.version and net.num_addresses > 1)
