"""Scenarios: a network with its fault, the command, and the right diagnosis, in TOML.

docs/lab.md describes the format. Unknown keys are errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..model import Certainty, Origin, Owner, Symptom

_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")
_BLANK = re.compile(r"\{([a-z][a-z0-9-]*(?:>[a-z][a-z0-9-]*)?)(?:\.(ip4|ip6))?\}")
_OWN_BLANKS = ("dir", "pki", "python")
CLIENT_KEYS = ("hosts", "nameservers", "env", "nofile", "root")


class ScenarioError(ValueError):
    """An invalid scenario. The message names file and key."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A type for files that people write: an unknown key is an error."""


class Node(_Strict, frozen=True, kw_only=True):
    """The settings of one node. Chain keys contain nftables rules, `serve` the lab's own small servers."""

    input: str | tuple[str, ...] = ()
    forward: str | tuple[str, ...] = ()
    output: str | tuple[str, ...] = ()
    prerouting: str | tuple[str, ...] = ()
    postrouting: str | tuple[str, ...] = ()
    nft: str = ""  # whole tables, in the syntax of nft
    quiet: bool = False  # sends no ICMP errors: invisible in traces
    icmp_ratelimit: int | None = None  # None: the kernel's default; 0: no limit
    sysctl: dict[str, str | int] = {}
    addresses: tuple[str, ...] = ()  # further addresses, reachable from every node
    devices: str | tuple[str, ...] = ()  # whole `ip` commands: further interfaces and their addresses
    routes: str | tuple[str, ...] = ()  # arguments of `ip route add`
    rules: str | tuple[str, ...] = ()  # arguments of `ip rule add`
    default_route: bool | tuple[str, ...] = True  # addresses: these gateways instead of the correct ones
    down: tuple[str, ...] = ()  # neighbours to which the link is down
    forget: tuple[str, ...] = ()  # neighbours whose link-layer address must be resolved first
    serve: str | tuple[str, ...] = ()
    run: str | tuple[str, ...] = ()  # commands that listen
    as_root: bool = False  # its servers run as root: the client's user cannot inspect them
    files: dict[str, str] = {}  # name -> text, in {dir}
    nginx: str = ""
    sshd: str = ""
    unbound: str = ""
    dnsmasq: str = ""
    redis: str = ""
    postgres: str = ""
    # the client only
    hosts: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    env: dict[str, str] = {}
    nofile: int | None = None
    root: bool = False


class Expect(_Strict, frozen=True, kw_only=True):
    """The correct diagnosis. Missing keys are not compared, except `cause`: without it there must be none."""

    symptom: Symptom
    certainty: Certainty
    cause: str | None = None
    because: str | None = None
    chain: tuple[str, ...] = ()  # causes from the symptom to the root
    origin: Origin | None = None
    owner: Owner | None = None
    ruled_out: tuple[str, ...] = ()  # causes that the first problem must rule out
    candidates: tuple[str, ...] = ()  # causes that must be candidates
    problems: tuple[str, ...] = ()  # causes that further problems must have
    offender: str | None = None  # the sender of the ICMP error in the evidence
    hop: str | None = None  # an address that the text must contain as the place of the fault
    says: tuple[str, ...] = ()  # texts that the terminal output must contain
    exit: int | None = None
    within: float | None = None  # seconds for the command, without its wait for a processor

    @property
    def exit_code(self) -> int:
        """The exit code: that of the scenario, or else that of the symptom."""
        if self.exit is not None:
            return self.exit
        return {"ok": 0, "degraded": 0, "undetermined": 3}.get(self.symptom, 1)


class Scenario(_Strict, frozen=True, kw_only=True):
    """One network with its fault."""

    about: str
    command: str
    path: str = "client r1 r2 server"
    branches: tuple[str, ...] = ()
    families: tuple[int, ...] = (4, 6)
    names: dict[str, tuple[str, ...]] = {}  # further names that the client's resolver resolves, with their addresses
    injected: str | None = None  # the true cause, where it cannot be determined from the client
    near_miss_of: tuple[str, ...] = ()
    inseparable: dict[str, str] = {}  # cause -> why the evidence does not distinguish it from the true one
    also: dict[str, str] = {}  # node -> the command there, at the same time; the reports are merged
    needs: tuple[str, ...] = ()  # programs other than those of the keys
    handmade: str = ""  # why the recording is written by hand
    at: dict[str, Node] = {}
    expect: Expect
    name: str = ""  # from its path: "tcp/port-filtered"

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes, the client first."""
        return tuple(dict.fromkeys(" ".join((self.path, *self.branches)).split()))

    @property
    def client(self) -> str:
        return self.nodes[0]

    @property
    def truth(self) -> str | None:
        """The cause that was injected."""
        return self.injected or self.expect.because or self.expect.cause

    def node(self, name: str) -> Node:
        return self.at.get(name, Node())


def as_lines(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """The lines of a key that accepts one line or a list."""
    return (value,) if isinstance(value, str) and value else tuple(value)


def scenario_folder() -> Path:
    """The folder of the scenarios: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "scenarios"
    return inside if inside.is_dir() else package.parent / "scenarios"


def scenario_names() -> list[str]:
    """The names of all scenarios, as "phase/name"."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in scenario_folder().glob("*/*.toml"))


def scenario_path(name: str) -> Path:
    return scenario_folder() / f"{name}.toml"


def recording_path(name: str) -> Path:
    return scenario_folder() / f"{name}.json"


def load_scenario(name: str) -> Scenario:
    """The scenario "phase/name". Raises ScenarioError."""
    path = scenario_path(name)
    try:
        text = path.read_bytes()
    except OSError:
        raise ScenarioError(f"unknown scenario {name!r}; `portdoctor lab list` lists all") from None
    return parse_scenario(text, name)


def parse_scenario(text: bytes, name: str) -> Scenario:
    """A scenario from its TOML, checked. Raises ScenarioError naming file and key."""
    try:
        scenario = msgspec.toml.decode(text, type=Scenario)
    except msgspec.DecodeError as error:
        raise ScenarioError(f"scenarios/{name}.toml: {error}") from None
    scenario = msgspec.structs.replace(scenario, name=name)
    for complaint in complaints(scenario):
        raise ScenarioError(f"scenarios/{name}.toml: {complaint}")
    return scenario


def complaints(scenario: Scenario) -> list[str]:
    """The errors in a scenario that decodes, a sentence each."""
    known = scenario.nodes
    listed = ", ".join(known)
    rule = "use lowercase letters, digits and hyphens"
    wrong = [f"path: invalid node name {n!r}: {rule}" for n in known if not _NAME.fullmatch(n)]
    wrong += [f"at.{n}: unknown node; the nodes are {listed}" for n in scenario.at if n not in known]
    unconnected = [b for b in scenario.branches if b.split()[0] not in known]
    wrong += [f"branches: {b!r} does not begin with a node of the path" for b in unconnected]
    if scenario.injected and scenario.expect.certainty == "certain" and scenario.expect.cause:
        wrong.append("injected: the expected cause is another one, and must not be certain")
    for n, node in scenario.at.items():
        if n != scenario.client:
            wrong += [f"at.{n}.{k}: allowed for the client only" for k in CLIENT_KEYS if getattr(node, k)]
        wrong += [f"at.{n}: unknown node {other!r}" for other in (*node.down, *node.forget) if other not in known]
    if not scenario.command.split() or scenario.command.split()[0] not in ("check", "bind", "diagnose", "listening"):
        wrong.append(f"command: {scenario.command!r} does not begin with a command of portdoctor")
    for found in _BLANK.finditer(str(msgspec.to_builtins(scenario))):
        name, which = found.groups()
        wrong += [f"{found[0]}: unknown node {n!r}" for n in name.split(">") if which and n not in known]
    return wrong


def _fill(value: Any, words: Callable[[str, str | None], str]) -> Any:
    """The value with every ``{node.ip4}``, ``{node.ip6}`` and ``{dir}``-like blank filled; other braces stay."""
    if isinstance(value, str):
        def put(found: re.Match[str]) -> str:
            name, which = found.groups()
            return words(name, which) if which or name in _OWN_BLANKS else found[0]

        return _BLANK.sub(put, value)
    if isinstance(value, list | tuple):
        return [_fill(v, words) for v in value]
    if isinstance(value, dict):
        return {k: _fill(v, words) for k, v in value.items()}
    return value


def fill_blanks(scenario: Scenario, words: Callable[[str, str | None], str]) -> Scenario:
    """The scenario with its blanks filled."""
    name = scenario.name
    return msgspec.convert({**_fill(msgspec.to_builtins(scenario), words), "name": name}, Scenario)
