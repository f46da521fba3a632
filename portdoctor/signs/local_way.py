"""Signs about the way that this machine chooses: which interface, whose network, one host or many. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_interface

from ..model import Connect, Icmp, Interface, Outcome, Report, Route, Subject, Trace, Want
from ..outcomes import answered, family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .local import next_hop_does_not_answer, offender_is_ours
from .machine import bare, interfaces
from .tcp import route_to, tried
from .unreachable import offender_is_target

# The names that programs give their interfaces, from their documentation; a digit, a dash or the end follows.
_OF_CONTAINERS = re.compile(
    r"(docker|virbr|lxcbr|lxdbr|incusbr|lxc|cni|flannel|cilium|podman|nerdctl|vmnet|vboxnet|kube)([\d.\-_]|$)"
    r"|br-[0-9a-f]{12}$|veth[0-9a-z]|cali[0-9a-f]{6}"
)
_OF_TUNNELS = re.compile(
    r"(tun|utun|tap|wg|ppp|tailscale|zt|nordlynx|proton|mullvad|gpd|cscotun|ipsec|vti|xfrm|sit|gre|nebula|wt)"
    r"([\d.\-_]|$)|zt[0-9a-z]{8}"
)
_TUNNEL = "a VPN or tunnel"
_ORDINARY = {4: "192.0.2.1", 6: "2001:db8::1"}  # RFC 5737, RFC 3849: nobody's; only the routing table is asked


def kind_of(interface: str | None) -> str:
    """What an interface is by its name: a network of containers, a tunnel; "" for any other."""
    if interface and _OF_CONTAINERS.match(interface):
        return "a network of containers or virtual machines"
    if interface and _OF_TUNNELS.match(interface):
        return _TUNNEL
    return ""


@sign
def address_is_for_many(report: Report, subject: Subject) -> Reading:
    """The address stands for many hosts: broadcast by this machine's own tables, or multicast by its range."""
    address, route = subject.values[0], route_to(report, subject)
    if ip_address(bare(address)).is_multicast:
        said = f"{address} is a multicast address: it stands for a group of hosts."
        return present(said, *([route] if route else []))
    if route is None:
        return unsettled(report, Want(probe="route", args=subject.values[:1]))
    if route.type == "broadcast":
        return present(f"{address} is a broadcast address: it stands for every host of a network.", route)
    return absent(f"{address} stands for one host.", route)


@sign
def tunnel_says_unreachable(report: Report, subject: Subject) -> Reading:
    """This machine's own tunnel interface answers "host unreachable" (3/1, ICMPv6 1/3): it has no peer for the address.

    What else looks like it: a rule of the own firewall with that answer, which is rare.
    """
    o, route = tried(report, subject), route_to(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.icmp is None or not _is_host_unreachable(o.icmp) or kind_of(route.interface if route else None) != _TUNNEL:
        return absent("No tunnel of this machine said that it cannot reach the address.", o)
    ours = offender_is_ours(report, subject)
    if ours.state != "present" or route is None:
        return ours
    return present(f"{route.interface}, {_TUNNEL}, says that it cannot reach {o.address}.", o, route)


def _is_host_unreachable(icmp: Icmp) -> bool:
    return (family_of(icmp.offender), icmp.type, icmp.code) in {(4, 3, 1), (6, 1, 3)}


@sign
def target_passes_it_on(report: Report, subject: Subject) -> Reading:
    """The target itself, or this machine where it is the target, says that another host is missing."""
    at_target = offender_is_target(report, subject)
    route = route_to(report, subject)
    if at_target.state == "present" or route is None or route.type != "local":
        return at_target
    return offender_is_ours(report, subject)


@sign
def leaves_by_another_way(report: Report, subject: Subject) -> Reading:
    """Packets to the address leave by another interface than those to the rest of the world, for an entry of its own.

    The routing table is asked about an address of nobody (RFC 5737); nothing is sent there.
    """
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), looked=route is not None)
    if route.type != "unicast":
        return absent(f"The routing table's answer is {route.type}.", route)
    ordinary = _ORDINARY[family_of(subject.values[0])]
    usual = route_to(report, Subject(kind="address", values=(ordinary,)))
    if usual is None:
        return unsettled(report, Want(probe="route", args=(ordinary,)), route)
    if usual.type != "unicast":
        return absent("There is no default route to compare with.", route, usual)
    if usual.interface == route.interface:
        said = f"Packets to {route.address} leave by {route.interface}, as those to other networks do."
        return absent(said, route, usual)
    kind = kind_of(route.interface)
    if route.gateway is None and not kind:
        return absent(f"{route.address} lies in the network of {route.interface}.", route)
    entry = f" for the entry {route.prefix}" if route.prefix else ""
    named = f"{route.interface} ({kind})" if kind else str(route.interface)
    return present(f"Packets to {route.address} leave by {named}{entry}, others by {usual.interface}.", route, usual)


@sign
def network_of_this_machine_covers_it(report: Report, subject: Subject) -> Reading:
    """The address lies in a network of containers on this machine, or both in a tunnel's and in another interface's.

    What else looks like it: a container that is not running.
    """
    route = route_to(report, subject)
    if route is None or route.type == "unknown":
        return unsettled(report, Want(probe="route", args=subject.values[:1]), looked=route is not None)
    kind = kind_of(route.interface)
    if route.type != "unicast" or not kind:
        return absent("The address leaves by no network of containers and by no tunnel.", route)
    prefix = route.prefix or "its network"
    if kind != _TUNNEL and route.gateway is None:
        return present(f"{route.address} lies in {prefix}, which {route.interface} has: {kind}.", route)
    look = interfaces(report)
    if look is None:
        return unsettled(report, Want(probe="interfaces"), route)
    row = next((r for r in look.rows if r.name != route.interface and not r.loopback and _holds(r, route)), None)
    if row is None:
        return absent(f"No other interface has a network with {route.address}.", route, look)
    said = f"{route.address} lies in the network of {row.name}, but {route.interface} ({kind}) has {prefix}."
    return present(said, route, look)


def _holds(row: Interface, route: Route) -> bool:
    address = ip_address(bare(route.address))
    nets = [ip_interface(a.partition("%")[0]).network for a in row.addresses]
    return any(address in net for net in nets if net.version == address.version and net.num_addresses > 1)


@sign
def nothing_comes_back_this_way(report: Report, subject: Subject) -> Reading:
    """No port of the address and no router on the way gave any sign of life; or the next hop itself is missing."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    missing = next_hop_does_not_answer(report, subject)
    if missing.state == "present":
        return missing
    tunnel = tunnel_says_unreachable(report, subject)
    if tunnel.state == "present":
        return tunnel
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The attempt was answered.", o)
    mine = [c for c in report.of(Connect) if c.address in subject.values]
    heard = [c for c in mine if answered(c) or c.icmp is not None]
    seen = [t for t in report.of(Trace) if t.address in subject.values]
    alive = [t for t in seen if any(h.outcome is not Outcome.TIMEOUT for h in t.hops)]
    if heard or alive:
        return absent("Something on that way answered.", *(heard or alive)[:1])
    controls = [c for c in mine if c.role == "control"]
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), o)
    if not seen:
        if not report.vantage.can.ttl_trace:
            return unknown("not-possible-here", o, says="This system does not tell which hop answers.")
        return unsettled(report, Want(probe="trace", args=subject.values[:1]), o)
    return present("Nothing came back that way: no port and no router on it answered.", o, *controls, *seen)
