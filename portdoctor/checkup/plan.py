"""Lists what a check may send, before it sends anything, from the same tables that the checkup uses.

It does no lookup and opens no socket; the resolvers are read from this machine's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import __version__
from ..host import Host
from ..model import Options, Per, Plan, PlannedProbe, Stage, Target, When
from ..probes.datagram import MOST_SENT
from ..probes.greeting import request_to
from ..probes.http import MOST_REDIRECTS
from ..probes.lookup import ALIVE, ALIVE_AFTER, is_for_dns
from ..probes.payloads import payload_for
from ..signs.resolver_states import is_loopback
from ..text import at, is_address
from . import path, repeats
from .checkup import MOST_ADDRESSES
from .followup import FOLLOW_UPS, Sends

_SYSTEM = "the system's name resolution"
_BINDS = 2  # of one address: as servers do, and without SO_REUSEADDR if a socket may use the port


def plan(target: Target, options: Options, host: Host, *, tries: int = 1) -> Plan:
    """Return everything that a check of the target may send. `tries`: the most checks that are run."""
    steps = _bind(target, options) if "bind" in target.stages else _check(target, options, host)
    return Plan(
        portdoctor=__version__, target=target, options=options, seconds=options.budget, tries=tries,
        addresses=1 if is_address(target.host) else MOST_ADDRESSES,
        steps=tuple(steps), reads=tuple(name for name, row in FOLLOW_UPS.items() if not row.sends),
    )  # fmt: skip


def _bind(target: Target, options: Options) -> Iterator[PlannedProbe]:
    if not is_address(target.host) and target.host != "*":
        yield _system_lookup(target, "bind")
    where = at(target.host, target.port)
    listens = options.listen and target.transport == "tcp"
    what = "bind, listen, and close at once" if listens else "bind and close at once, without listening"
    yield PlannedProbe(stage="bind", probe="bind", when="always", what=what, most=_BINDS, per="address", to=(where,))


def _system_lookup(target: Target, stage: Stage) -> PlannedProbe:
    what = f"getaddrinfo for {target.host}"
    return PlannedProbe(stage=stage, probe="getaddrinfo", when="always", what=what, most=1, per="target", to=(_SYSTEM,))


def _check(target: Target, options: Options, host: Host) -> Iterator[PlannedProbe]:
    resolvers = tuple(dict.fromkeys((*host.resolvers(), *((options.resolver,) if options.resolver else ()))))
    if not is_for_dns(target.host):
        resolvers = ()
    yield from _always(target, options, resolvers)
    yield from _when_silent(target, resolvers)
    for name, row in FOLLOW_UPS.items():
        for sends in row.sends:
            if name == "series" and options.attempts > 1:
                continue  # these attempts are always made, see `_always`
            step = _follow_up(name, sends, target, options, resolvers)
            if step is not None:
                yield step


def _always(target: Target, options: Options, resolvers: tuple[str, ...]) -> Iterator[PlannedProbe]:
    itself, port = (target.host,), (target.port,)

    def step(stage: Stage, probe: str, what: str, most: int = 1) -> PlannedProbe:
        return PlannedProbe(
            stage=stage, probe=probe, when="always", what=what, most=most, per="address", to=itself, ports=port
        )

    for stage in target.stages:
        match stage:
            case "dns":
                yield _system_lookup(target, "dns")
                if resolvers:
                    what = f"query (A, AAAA) for {target.host}"
                    yield PlannedProbe(
                        stage="dns", probe="wire", when="always", what=what, most=2, per="resolver", to=resolvers,
                        ports=(53,),
                    )  # fmt: skip
            case "tcp":
                yield step("tcp", "connect", "connection")
                if options.attempts > 1:
                    yield step("tcp", "attempts", "further connection", options.attempts - 1)
            case "udp":
                yield step("udp", "exchange", f"datagram ({payload_for(target.service, target.port).name})", MOST_SENT)
            case "tls":
                yield step("tls", "handshake", "handshake on that connection")
                if options.insecure:
                    yield step("tls", "verify", "handshake that verifies the certificate, on a further connection")
            case "http":
                yield step("http", "request", "request on that connection")
                what = "request that follows a redirect on the same host and port, on a new connection"
                yield step("http", "redirect", what, MOST_REDIRECTS)
            case "app":
                request = request_to(target.service or target.scheme)
                what = f"harmless request ({request[1]})" if request else "wait for a greeting, without sending data,"
                yield step("app", "greeting", f"{what} on that connection")
            case "bind":
                pass


def _when_silent(target: Target, resolvers: tuple[str, ...]) -> Iterator[PlannedProbe]:
    if resolvers and "dns" in target.stages:
        yield PlannedProbe(
            stage="dns", probe="alive", when="when-silent", most=len(ALIVE), per="resolver", to=resolvers,
            what=f"query, after {ALIVE_AFTER:g} s, that tests whether it responds at all, sent", ports=(53,),
        )  # fmt: skip
    if "tcp" in target.stages:
        yield PlannedProbe(
            stage="tcp", probe="again", when="when-silent", what="connection", most=len(path.REPEATS), per="address",
            to=(target.host,), ports=(target.port,),
        )  # fmt: skip


def _follow_up(
    name: str, sends: Sends, target: Target, options: Options, resolvers: tuple[str, ...]
) -> PlannedProbe | None:
    stage = next((stage for stage in sends.stages if stage in target.stages), None)
    if stage is None or (sends.to == "control" and not options.controls):
        return None
    to: tuple[str, ...] = (target.host,)
    on: tuple[int, ...] = (target.port,)
    per: Per = "address"
    what: str = sends.what
    match sends.to:
        case "control":
            on = _other_ports(name, target)
        case "path":
            if not (is_address(target.host) and is_loopback(target.host)):
                to = (target.host, "the routers in the path")
            if options.controls and name == "trace":
                what, on = f"{what} (target port, a random port, an open port)", ()
        case "resolvers":
            to, on, per = resolvers, (53,), "resolver"
        case "system":
            to, on, per = (_SYSTEM,), (), "target"
        case "upstreams":
            if not any(r == "::1" or r.startswith("127.") for r in resolvers):
                return None
            to, on, per = ("the servers that the resolver on this machine forwards to",), (53,), "resolver"
        case "elsewhere":
            to, per = ("an address that DNS gives and this machine does not use",), "target"
        case "port":
            pass
    if not to:
        return None
    when: When = "when-silent" if name in ("controls", "trace") else "when-it-fails"
    return PlannedProbe(
        stage=stage, probe=name, when=when, what=what, most=sends.most, per=per, to=to, ports=on
    )


def _other_ports(name: str, target: Target) -> tuple[int, ...]:
    """Return the other ports that are probed, where they are known beforehand: random ports are not."""
    return () if name != "controls" else repeats.control_ports(target)
