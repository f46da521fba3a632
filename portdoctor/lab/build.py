"""Builds the network of a scenario. Runs inside the lab's own namespaces, as their root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from . import kernel_defaults
from . import namespaces as ns
from .layout import LAB, End, Layout, rules
from .scenario import Node, as_lines

assert sys.platform == "linux"


class BuildError(RuntimeError):
    """A network that could not be built. The message contains that of the tool."""


class Network:
    """The running network: one network namespace a node, by name."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.fd: dict[str, int] = {}

    def build(self) -> None:
        """Create nodes, links, addresses, routes and rules. Raises BuildError or OSError."""
        layout = self.layout
        for node in layout.nodes:
            self.fd[node] = ns.new_network(node)
            with ns.inside(self.fd[node]):
                _write_sysctls(kernel_defaults.of_node(), missing_is_ok=True)
        _wait([self._ip(layout.nodes[0], _links(layout))])
        for node, ends in layout.ends.items():
            with ns.inside(self.fd[node]):
                _write_sysctls(kernel_defaults.of_links(e.interface for e in ends), missing_is_ok=True)
        _wait([self._ip(n, _addresses(layout, n)) for n in layout.nodes])
        for node in layout.nodes:
            with ns.inside(self.fd[node]):
                _write_sysctls(_sysctls(layout, node))
        started = [self._ip(n, _routes(layout, n)) for n in layout.nodes]
        _wait([*started, *(self._nft(n, text) for n in layout.nodes if (text := rules(layout.scenario, n)))])

    def _ip(self, node: str, commands: Iterable[str]) -> subprocess.Popen[str]:
        return self._feed(node, ["ip", "-batch", "-"], "\n".join(commands) + "\n")

    def _nft(self, node: str, text: str) -> subprocess.Popen[str]:
        return self._feed(node, ["nft", "-f", "-"], text)

    def _feed(self, node: str, command: list[str], text: str) -> subprocess.Popen[str]:
        with ns.inside(self.fd[node]):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
        return process


def _wait(processes: Iterable[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stderr is not None
        with process.stderr as pipe:
            said = pipe.read()
        if process.wait() != 0:
            raise BuildError(f"{process.args!r}: {said.strip()}")


def _links(layout: Layout) -> list[str]:
    commands = []
    for a, b in layout.pairs:
        here = next(e for e in layout.ends[a] if e.peer == b)
        peer = layout.peer_of(here)
        commands.append(
            f"link add {here.interface} netns {a} address {here.mac} type veth"
            f" peer name {peer.interface} netns {b} address {peer.mac}"
        )
    return commands


def _addresses(layout: Layout, node: str) -> list[str]:
    down = layout.scenario.node(node).down
    commands = ["link set lo up"]
    for e in layout.ends[node]:
        for family in layout.families:
            length = 24 if family == 4 else 64
            commands.append(f"addr add {e.address(family)}/{length} dev {e.interface}{_nodad(family)}")
        if e.peer not in down:
            commands.append(f"link set {e.interface} up")
    for address in layout.scenario.node(node).addresses:
        family = 6 if ":" in address else 4
        commands.append(f"addr add {address}/{32 if family == 4 else 128} dev lo{_nodad(family)}")
    return [*commands, *as_lines(layout.scenario.node(node).devices)]


def _nodad(family: int) -> str:
    return " nodad" if family == 6 else ""


def _routes(layout: Layout, node: str) -> list[str]:
    here = layout.scenario.node(node)
    commands = [f"route replace {r}" for r in layout.routes(node)]
    commands += [f"route replace default via {g}" for g in layout.gateways(node)]
    commands += [f"route add {r}" for r in as_lines(here.routes)]
    commands += [f"rule add {r}" for r in as_lines(here.rules)]
    commands += [c for e in layout.ends[node] if _knows(layout, here, e) for c in _neighbours(layout, e)]
    return commands


def _knows(layout: Layout, here: Node, end: End) -> bool:
    there = layout.scenario.node(end.peer)
    return end.peer not in here.forget and end.peer not in here.down and end.node not in there.down


def _neighbours(layout: Layout, end: End) -> list[str]:
    """Reachable neighbour entries, so that no packet, and no ICMP error, is spent on resolving them."""
    peer = layout.peer_of(end)
    return [
        f"neigh replace {peer.address(f)} lladdr {peer.mac} dev {end.interface} nud reachable" for f in layout.families
    ]


def _sysctls(layout: Layout, node: str) -> dict[str, str | int]:
    here = layout.scenario.node(node)
    wanted: dict[str, str | int] = {}
    if layout.is_router(node):
        wanted |= {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1}
    if node != layout.nodes[0]:
        wanted["net/ipv4/ip_unprivileged_port_start"] = 0  # its daemons run as an ordinary user
    if here.icmp_ratelimit is not None:
        wanted |= {"net/ipv4/icmp_ratelimit": here.icmp_ratelimit, "net/ipv6/icmp/ratelimit": here.icmp_ratelimit}
    return wanted | {key.replace(".", "/"): value for key, value in here.sysctl.items()}


def _write_sysctls(values: dict[str, str | int], *, missing_is_ok: bool = False) -> None:
    """Write settings of the current namespace. `missing_is_ok`: skip those that this kernel does not have."""
    for key, value in values.items():
        try:
            with open(f"/proc/sys/{key}", "w") as file:
                file.write(f"{value}\n")
        except FileNotFoundError:
            if not missing_is_ok:
                raise BuildError(f"sysctl {key}: this kernel has no such setting") from None
        except OSError as error:
            raise BuildError(f"sysctl {key} = {value}: {error.strerror}") from None


def furnish(layout: Layout, pki: Path) -> None:
    """Mount an empty /run, the client's hosts file and resolver configuration, and the certificates."""
    resolv, hosts = os.path.realpath("/etc/resolv.conf"), os.path.realpath("/etc/hosts")
    ns.mount("none", "/", flags=ns.MS_REC | ns.MS_PRIVATE)
    ns.mount("lab", "/run", "tmpfs")
    for path in ("/run/netns", LAB):
        os.mkdir(path)
    os.chmod(LAB, 0o777)
    if pki.is_dir():
        shutil.copytree(pki, f"{LAB}/pki")
    _replace(hosts, "hosts", _hosts(layout))
    _replace(resolv, "resolv.conf", _resolv(layout))
    _replace(os.path.realpath("/etc/nsswitch.conf"), "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    _replace("/etc/gai.conf", "gai.conf", "")  # the default address order
    _replace("/etc/passwd", "passwd", _USERS)
    _replace("/etc/group", "group", _GROUPS)
    ns.set_hostname(layout.nodes[0])


STUB = "127.0.0.53"  # the lab's resolver on the client, which resolves the names of all nodes


def has_stub(layout: Layout) -> bool:
    """Whether the client uses the lab's resolver: not if the scenario names others, or has one node."""
    return len(layout.nodes) > 1 and not layout.scenario.node(layout.nodes[0]).nameservers


def stub(layout: Layout) -> str:
    """The lab's resolver as a server specification, with a record for every node."""
    known = {n: [layout.address(n, f) for f in layout.families] for n in layout.nodes}
    records = [f"{name}={','.join(found)}" for name, found in (known | layout.scenario.names).items()]
    return f"dns {STUB}:53 {' '.join(records)}"


def _hosts(layout: Layout) -> str:
    client = layout.scenario.node(layout.nodes[0])
    return "\n".join(["127.0.0.1 localhost", "::1 localhost", *client.hosts]) + "\n"


def _resolv(layout: Layout) -> str:
    servers = [STUB] if has_stub(layout) else layout.scenario.node(layout.nodes[0]).nameservers
    return "".join(f"{s}\n" if " " in s else f"nameserver {s}\n" for s in servers if s != "none")


_USERS = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/run/lab:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
_GROUPS = "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"


def _replace(path: str, name: str, text: str) -> None:
    """Mount `text` over the file at `path`, in this mount namespace only."""
    if path.startswith("/run/"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_text(text)
        return
    if not os.path.exists(path):
        return
    ours = Path(LAB, name)
    ours.write_text(text)
    ns.mount(str(ours), path, flags=ns.MS_BIND)
