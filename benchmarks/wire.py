"""Builds networks with delay from namespaces. Needs root, `ip`, `nft`, a C compiler and /dev/net/tun."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from timing import Measured

HERE = Path(__file__).parent
SERVER = "10.98.200.2"
_SECONDS = 600  # after which a link exits, even if this process was killed
_READY = 5.0
_LISTEN = (
    "import socket\n"
    "s = socket.create_server(('', {port}))\n"
    "print(flush=True)\n"
    "while True: s.accept()[0].close()\n"
)  # fmt: skip


def why_not() -> str:
    """Return in a sentence why the networks cannot be built on this machine; "" when they can."""
    missing = [tool for tool in ("ip", "nft", "cc", "unshare") if not shutil.which(tool)]
    if sys.platform != "linux" or missing:
        return f"This benchmark needs Linux with {', '.join(missing) or 'network namespaces'}."
    if os.geteuid() != 0:
        return "This benchmark needs root, for named network namespaces and /dev/net/tun."
    return "" if os.path.exists("/dev/net/tun") else "This benchmark needs /dev/net/tun, for the link with delay."


@contextmanager
def direct(round_trip: float) -> Iterator[str]:
    """Connect a client and a server directly. Yields the client's namespace; the server has no open port.

    `round_trip` is in seconds.
    """
    with ExitStack() as stack:
        client, server = (stack.enter_context(_namespace(name)) for name in ("c", "s"))
        stack.enter_context(_wire(client, server, round_trip))
        _in(client, "ip addr add 10.98.200.1/24 dev wire")
        _in(server, f"ip addr add {SERVER}/24 dev wire")
        yield client


@contextmanager
def chain(round_trip: float, dropped: int, open_port: int, routers: int = 2) -> Iterator[str]:
    """Build client, routers and server in a line, with the delay on the first link. Yields the client's namespace.

    The last router silently drops packets to the port `dropped`; the server listens on `open_port`.
    """
    with ExitStack() as stack:
        names = ["c", *(f"r{n}" for n in range(1, routers + 1)), "s"]
        nodes = [stack.enter_context(_namespace(name)) for name in names]
        stack.enter_context(_wire(nodes[0], nodes[1], round_trip))
        nets = [f"10.98.{n}" for n in range(1, routers + 1)] + [SERVER.rpartition(".")[0]]
        for place, (left, right) in enumerate(pairwise(nodes)):
            if place:
                _in(left, f"ip link add right type veth peer left netns {right}", "ip link set right up")
                _in(right, "ip link set left up")
            _in(left, f"ip addr add {nets[place]}.1/24 dev {'right' if place else 'wire'}",
                f"ip route add default via {nets[place]}.2")  # fmt: skip
            _in(right, f"ip addr add {nets[place]}.2/24 dev {'left' if place else 'wire'}")
            if place:
                _in(right, f"ip route add {nets[0]}.0/24 via {nets[place]}.1")
        for router in nodes[1:-1]:
            _in(router, "sysctl -qw net.ipv4.ip_forward=1")
        _in(nodes[-2], "nft add table ip t", "nft add chain ip t f { type filter hook forward priority 0 ; }",
            f"nft add rule ip t f tcp dport {dropped} drop")  # fmt: skip
        stack.enter_context(_listening(nodes[-1], open_port))
        yield nodes[0]


def measure(namespace: str, commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Measured]:
    """Run commands in turns in a namespace, as a user without privileges in it."""
    asked = json.dumps({"commands": commands, "rounds": rounds})
    done = _plainly(namespace, [sys.executable, str(HERE / "timing.py")], asked)
    return {name: Measured(*row) for name, row in json.loads(done).items()}


def report(namespace: str, command: Sequence[str]) -> dict[str, object]:
    """Return the JSON that a command prints in a namespace."""
    found: dict[str, object] = json.loads(_plainly(namespace, command))
    return found


def _plainly(namespace: str, command: Sequence[str], text: str = "") -> str:
    """Run a command in its own user namespace: without privileges over the network, but able to read what root can."""
    prefix = ["ip", "netns", "exec", namespace, "unshare", "--user", "--map-user=1000", "--"]
    whole = [*prefix, *command]
    done = subprocess.run(whole, input=text, capture_output=True, text=True, check=False, timeout=_SECONDS)
    if not done.stdout:
        sys.exit(f"{command[0]} failed: {done.stderr}")
    return done.stdout


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    full = f"portdoctor-{os.getpid()}-{name}"
    _run(f"ip netns add {full}")
    try:
        _in(full, "ip link set lo up")
        yield full
    finally:
        _run(f"ip netns del {full}")


@contextmanager
def _wire(one: str, other: str, round_trip: float) -> Iterator[None]:
    """Create an interface "wire" in both namespaces; a packet takes half the round trip from one to the other."""
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/delaytun"
        _run(f"cc -O2 -w -o {program} {HERE / 'delaytun.c'}")
        process = subprocess.Popen(
            [program, one, "wire", other, "wire", str(round_trip * 500), "0", str(_SECONDS)]
        )  # milliseconds each way
        try:
            for namespace in (one, other):
                _until(lambda n=namespace: _succeeds(f"ip -n {n} link set wire up"))  # type: ignore[misc]
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _listening(namespace: str, port: int) -> Iterator[None]:
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", _LISTEN.format(port=port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout:
                process.stdout.readline()
            yield
        finally:
            process.terminate()


def _until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + _READY
    while not done():
        if time.monotonic() > ends:
            sys.exit("The wire did not come up.")
        time.sleep(0.02)


def _in(namespace: str, *commands: str) -> None:
    for command in commands:
        _run(f"ip netns exec {namespace} {command}")


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


def _succeeds(command: str) -> bool:
    return subprocess.run(command.split(), check=False, stderr=subprocess.DEVNULL).returncode == 0
