"""Generates plausible reports: a strategy for every kind of observation, built from the types of the model.

A new kind of observation, or a new field, is generated without a line here; `FIELDS` narrows the fields whose type
allows more than a real check reports.
"""

from __future__ import annotations

import types
from functools import cache
from random import Random
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from portdoctor.model import (
    Bind,
    Can,
    Connect,
    Datagram,
    Ending,
    Errno,
    Handshake,
    Hop,
    HttpReply,
    Icmp,
    Interface,
    Listener,
    Lookup,
    Neighbour,
    Observation,
    Other,
    Outcome,
    Report,
    Route,
    Stage,
    Target,
    Trace,
    Vantage,
)
from portdoctor.outcomes import family_of, of_http, of_icmp, of_rcode

HOST, PORT = "shop.example.com", 8443
SERVERS = ("10.0.4.2", "203.0.113.45", "fd00:0:0:4::2", "127.0.0.1")
ROUTERS = ("10.0.1.2", "10.0.2.2", "fd00:0:0:1::2", "fd00:0:0:2::2")
RESOLVERS = ("192.0.2.53", "192.0.2.54", "127.0.0.53")
STAGES: tuple[tuple[Stage, ...], ...] = (
    ("dns", "tcp", "tls", "http"), ("dns", "tcp", "app"), ("tcp",), ("dns", "udp"), ("udp",), ("tcp", "http"),
    ("bind",),
)  # fmt: skip
KINDS: tuple[type[Ending], ...] = get_args(Observation)

_PATH = (
    Outcome.OK, Outcome.REFUSED, Outcome.TIMEOUT, Outcome.HOST_UNREACHABLE, Outcome.NET_UNREACHABLE,
    Outcome.BLACKHOLED, Outcome.DENIED, Outcome.INVALID, Outcome.ADDRESS_UNAVAILABLE, Outcome.FAMILY_UNSUPPORTED,
    Outcome.EXHAUSTED,
)  # fmt: skip
_EXCHANGE = (Outcome.OK, Outcome.TIMEOUT, Outcome.RESET, Outcome.CLOSED)
OUTCOMES: dict[Stage | None, tuple[Outcome, ...]] = {
    "dns": (
        Outcome.OK, Outcome.NAME_NOT_FOUND, Outcome.NO_DATA, Outcome.SERVER_FAILURE, Outcome.TRY_AGAIN,
        Outcome.TIMEOUT, Outcome.REFUSED, Outcome.QUERY_REFUSED, Outcome.HOST_UNREACHABLE, Outcome.MALFORMED,
        Outcome.TRUNCATED,
    ),
    "tcp": _PATH,
    "udp": (*_PATH, Outcome.MESSAGE_TOO_BIG),
    "tls": (*_EXCHANGE, Outcome.NOT_TLS, Outcome.TLS_ALERT, Outcome.TLS_ERROR, Outcome.UNTRUSTED),
    "http": (*_EXCHANGE, Outcome.ERROR_ANSWER, Outcome.OTHER_PROTOCOL, Outcome.TOO_LONG),
    "app": (*_EXCHANGE, Outcome.ERROR_ANSWER, Outcome.OTHER_PROTOCOL, Outcome.TLS_ALERT),
    "bind": (
        Outcome.OK, Outcome.ADDRESS_IN_USE, Outcome.DENIED, Outcome.ADDRESS_UNAVAILABLE, Outcome.INVALID,
        Outcome.FAMILY_UNSUPPORTED,
    ),
    None: (Outcome.OK, Outcome.OK, Outcome.DENIED, Outcome.OTHER),
}  # fmt: skip
_ICMP = {
    4: ((3, 0), (3, 1), (3, 2), (3, 3), (3, 9), (3, 10), (3, 13), (11, 0)),
    6: ((1, 0), (1, 1), (1, 3), (1, 4), (1, 5), (1, 6), (3, 0)),
}
ICMP = tuple(
    Icmp(type=number, code=code, offender=sender)
    for sender in (*ROUTERS, *SERVERS)
    for number, code in _ICMP[family_of(sender)]
)
_TIMES = ("2026-01-02T03:04:05Z", "2026-11-20T00:00:00Z", "2026-12-24T00:00:00Z")
# The values of a field by its name, or by kind and name; the values of all others follow from their types.
FIELDS: dict[str | tuple[type, str], tuple[Any, ...]] = {
    "id": ("",),
    "began": (0.0,),
    "took": (0.001, 0.02, 0.4, 1.02, 3.1, 3.6),
    "errno": (None,),
    "icmp": (None,),
    "os_says": ("",),
    "address": SERVERS,
    "port": (PORT,),
    "source": (None,),
    "name": (HOST, "shop.exmaple.com"),
    "resolver": RESOLVERS,
    "qtype": ("A", "AAAA"),
    "rcode": ("NOERROR", "NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"),
    "addresses": (SERVERS[:1], SERVERS[1:2], SERVERS[2:3], SERVERS),
    "aliases": ((), (), ("shop.example.net",), ("shop.example.net", HOST)),
    "checking_disabled": (False, False, False, True),
    "flags": ((), ("RD", "RA"), ("RD", "RA", "AD"), ("accepted",)),
    "ede": ((), ((7, ""),), ((22, "no servers"),), ((15, "blocked"),)),
    "gateway": (None, *ROUTERS),
    "interface": ("eth0", "lo"),
    "prefix": (None, "10.0.4.0/24"),
    "type": (*["unicast"] * 4, "local", "blackhole", "prohibit", "unreachable", "none"),
    "syns": (1, 1, 2, 4),
    "series": (None, *range(2, 8)),
    "round": (1, 2),
    "limit": (None, 3.5),
    "waited": (None, 1.0, 5.0),
    "self_connected": (*[False] * 9, True),
    "mss_clamp": (None, None, None, 536),
    "not_before": _TIMES,
    "not_after": _TIMES,
    "since": _TIMES,
    "status": (200, 301, 401, 404, 429, 500, 502, 503, 511),
    "headers": ({}, {"server": "nginx"}, {"location": "https://login.example/"}),
    "alert": (None, "handshake_failure", "protocol_version", "unrecognized_name"),
    "protocol": (None, "http", "ssh", "smtp", "tls"),
    "text": ("", "SSH-2.0-OpenSSH_9.2", "220 mail ESMTP", "ERR max number of clients reached"),
    "values": (
        {}, {"ListenOverflows": 0}, {"ListenOverflows": 3}, {"nf_conntrack_count": 8, "nf_conntrack_max": 8},
        {"ListenOverflows": 5, "nf_conntrack_count": 2, "nf_conntrack_max": 8},
    ),
    (Neighbour, "address"): (*ROUTERS, *SERVERS),
    (Neighbour, "state"): ("failed", "incomplete", "reachable", "stale", "none"),
    (Listener, "address"): ("0.0.0.0", "::", "127.0.0.1", *SERVERS),
    (Listener, "state"): ("LISTEN", "LISTEN", "BOUND", "ESTABLISHED", "TIME_WAIT"),
    (Listener, "peer"): (None, "10.0.1.1"),
    (Bind, "address"): ("0.0.0.0", "::", "127.0.0.1"),
    (Interface, "addresses"): (("10.0.1.1/24",), ("fd00:0:0:1::1/64",), ()),
    (Interface, "tentative"): ((),),
    (Connect, "icmp"): (*[None] * len(ICMP), *ICMP),
    (Datagram, "icmp"): (*[None] * len(ICMP), *ICMP),
    "verify_code": (9, 10, 18, 19, 20, 62),
    "reason": ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "TLSV1_ALERT_PROTOCOL_VERSION"),
    "sample_protocol": (None, "http", "ssh", "smtp"),
    (HttpReply, "protocol"): (None, "ssh", "smtp", "tls"),
    (Other, "raw"): ('{"kind":"later"}',),
}  # fmt: skip
_BY_TYPE: dict[Any, tuple[Any, ...]] = {
    bool: (False, True), int: tuple(range(21)), float: (0.0, 0.5, 3.0), type(None): (None,),
    str: ("", "word"),
}  # fmt: skip
_BY_FORM: dict[str, tuple[str, ...]] = {
    "address": SERVERS, "network": ("10.0.4.0/24", "fd00:0:0:4::/64"), "host": (HOST, "shop.exmaple.com"),
    "word": ("word", "other-word"), "time": _TIMES, "id": ("",),
}  # fmt: skip
# Fields that a real observation always has; another field with a default often keeps it.
_ALWAYS = {"hops", "rcode", "resolver", "qtype", "type", "took", "addresses", "status", "state", "role", "outcome"}


def of_type(kind: Any, dice: Random) -> Any:
    """A value of a type as the model uses types."""
    args = get_args(kind)
    for meta in getattr(kind, "__metadata__", ()):
        form = (meta.extra_json_schema or {}).get("format")
        return dice.choice(_BY_FORM[form]) if form else of_type(args[0], dice)
    match get_origin(kind):
        case origin if origin is Literal:
            return dice.choice(args)
        case origin if origin in (Union, types.UnionType):
            return of_type(dice.choice(args), dice)
        case origin if origin is tuple and args[1:] == (...,):
            return tuple(of_type(args[0], dice) for _ in range(dice.randrange(4)))
        case origin if origin is tuple:
            return tuple(of_type(a, dice) for a in args)
        case origin if origin is dict:
            return {of_type(args[0], dice): of_type(args[1], dice) for _ in range(dice.randrange(3))}
    if issubclass(kind, msgspec.Struct):
        return of_struct(kind, dice)
    return dice.choice(_BY_TYPE[kind])


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, Any, bool, tuple[Any, ...]], ...]:
    """Name, type, whether it may keep its default, and the values of each field of a class of the model."""
    found = []
    for field in msgspec.structs.fields(kind):
        required = field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        values = FIELDS.get((kind, field.name), FIELDS.get(field.name, ()))
        if field.name == "outcome" and issubclass(kind, Ending):
            values = OUTCOMES[kind.stage]
        hint = get_type_hints(kind, include_extras=True)[field.name]
        found.append((field.name, hint, required or field.name in _ALWAYS, values))
    return tuple(found)


def of_struct(kind: type[Any], dice: Random, **given: Any) -> Any:
    """A value of a class of the model, with these values in some fields."""
    made = {"hops": _hops(dice), **given} if kind is Trace else given
    for name, hint, always, values in _fields(kind):
        if name not in made and (always or dice.random() < 0.5):
            made[name] = dice.choice(values) if values else of_type(hint, dice)
    return kind(**made)


def _hops(dice: Random) -> tuple[Hop, ...]:
    """Routers that respond, and then one ending for every further TTL: the shape of a real trace."""
    reached = dice.randrange(5)
    end = dice.choice((Outcome.OK, Outcome.REFUSED, Outcome.TIMEOUT, Outcome.PROHIBITED))
    last = dice.choice((*ROUTERS, *SERVERS))
    early = [Hop(ttl=n + 1, outcome=Outcome.TTL_EXPIRED, address=ROUTERS[n % 2]) for n in range(reached)]
    if end is Outcome.TIMEOUT:
        return (*early, *(Hop(ttl=n + 1, outcome=end) for n in range(reached, 6)))
    return (*early, Hop(ttl=reached + 1, outcome=end, address=last))


def consistent(o: Any) -> Any:
    """The observation with the fields that follow from others: an ICMP error or a response code decides the outcome."""
    match o:
        case Lookup(via="system"):
            bare = replace(
                o, qtype="ANY", resolver=None, transport=None, rcode=None, ede=(), flags=(), name=HOST, aliases=(),
                checking_disabled=False,
            )  # fmt: skip
            return replace(bare, addresses=o.addresses if o.outcome is Outcome.OK else ())
        case Lookup(outcome=Outcome.OK | Outcome.NAME_NOT_FOUND | Outcome.SERVER_FAILURE | Outcome.NO_DATA):
            family = {"A": 4, "AAAA": 6}.get(o.qtype)
            found = tuple(a for a in o.addresses if family_of(a) == family) if o.rcode == "NOERROR" else ()
            answer = of_rcode(o.rcode or "NOERROR", bool(found))
            via = o.transport or "udp"
            if HOST in o.aliases and (found or o.rcode == "NXDOMAIN"):  # a loop of aliases leads to neither
                return consistent(replace(o, aliases=()))
            return replace(o, addresses=found, outcome=answer, rcode=o.rcode or "NOERROR", transport=via)
        case Lookup():
            return replace(o, addresses=(), rcode=None, ede=(), aliases=(), transport=o.transport or "udp")
        case Handshake():
            answered = o.outcome in (Outcome.OK, Outcome.UNTRUSTED)
            return replace(
                o, chain=o.chain if answered else (), verified=o.outcome is Outcome.OK if answered else None,
                verify_code=o.verify_code if o.outcome is Outcome.UNTRUSTED else None,
                alert=o.alert if o.outcome is Outcome.TLS_ALERT else None,
                reason=o.reason if o.outcome is Outcome.TLS_ERROR else None,
                sample_protocol=o.sample_protocol if o.outcome is Outcome.NOT_TLS else None,
                sample=o.sample if o.outcome is Outcome.NOT_TLS else None,
            )  # fmt: skip
        case HttpReply(outcome=Outcome.OK | Outcome.ERROR_ANSWER, status=int() as status):
            return replace(o, outcome=of_http(status))
        case HttpReply():
            return replace(o, status=None)
        case Connect(series=int()) if o.role != "repeat":
            return consistent(replace(o, series=None))
        case Connect() | Datagram() if o.icmp is not None and family_of(o.icmp.offender) != family_of(o.address):
            return replace(o, icmp=None, outcome=Outcome.TIMEOUT, took=3.6)
        case Connect() | Datagram() if o.icmp is not None:
            return replace(o, outcome=of_icmp(o.icmp))
        case Connect() if o.outcome is Outcome.TIMEOUT:
            return replace(o, took=3.6, syns=4)
        case Connect() if o.outcome is Outcome.REFUSED:
            return replace(o, errno=Errno(name="ECONNREFUSED", number=111))
    return o


def observation(kind: type[Ending], seed: int, **given: Any) -> Any:
    """An observation of one kind, with these values in some fields."""
    fields = kind.__struct_fields__
    return consistent(of_struct(kind, Random(seed), **{k: v for k, v in given.items() if k in fields}))


def beside(seed: int, goal: str, stage: Stage) -> Any:
    """A further probe, or a table of this machine: everything but the attempts that the user asked for.

    Half of them are of the stage that ended the check, or of the path to the address.
    """
    near = [k for k in KINDS if k.stage == stage or k in (Trace, Route)]
    dice = Random(seed)
    kind = dice.choice(dice.choice((KINDS, near)))
    given: dict[str, Any] = {"via": "wire"}
    if (kind, "address") not in FIELDS:
        given["address"] = goal
    o = observation(kind, seed, **given)
    if getattr(o, "role", "") == "target" and not isinstance(o, Trace):
        o = consistent(replace(o, role="repeat"))
    other = {"control": 80, "negative": 45678, "random": 45678}.get(getattr(o, "role", ""))
    return replace(o, port=other) if other else o


def _steady(o: Any) -> bool:
    return isinstance(o, Bind) or (o.stage is None and not isinstance(o, Trace))


def _unlike(seen: list[Any]) -> list[Any]:
    """One reading of each table and one bind of each address: what changes during the check is another matter."""
    kept: dict[Any, Any] = {}
    for place, o in enumerate(seen):
        kept.setdefault((type(o), getattr(o, "address", "")) if _steady(o) else place, o)
    return list(kept.values())


seeds = st.integers(0, 2**32 - 1)


@st.composite
def reports(draw: st.DrawFn, stages: tuple[Stage, ...] | None = None, tried: tuple[str, ...] = ()) -> Report:
    """One check: a lookup, the stages at each address until one fails, and probes beside them."""
    path = stages or draw(st.sampled_from(STAGES))
    goals = tried or tuple(draw(st.lists(st.sampled_from(SERVERS), min_size=1, max_size=2, unique=True)))
    seen: list[Any] = []
    if "dns" in path:
        seen.append(observation(Lookup, draw(seeds), via="system", addresses=goals))
    if "bind" in path:
        seen += [observation(Bind, draw(seeds)) for _ in range(draw(st.integers(1, 3)))]
    elif not seen or seen[0].outcome is Outcome.OK:
        for goal in goals:
            for stage in path[path[0] == "dns" :]:
                kind = next(k for k in KINDS if k.stage == stage)
                seen.append(observation(kind, draw(seeds), role="target", address=goal))
                if seen[-1].outcome is not Outcome.OK:
                    break
    last: Stage = seen[-1].stage
    seen += [beside(seed, goals[seed % len(goals)], last) for seed in draw(st.lists(seeds, max_size=12))]
    numbered = tuple(replace(o, id=f"o{n}", began=n * 0.01) for n, o in enumerate(_unlike(seen), 1))
    can = draw(st.sampled_from([Can(), Can(error_queue=True, ttl_trace=True, listener_table="all")]))
    return Report(
        target=Target(
            input=f"{HOST}:{PORT}", host=HOST, port=PORT, stages=path, transport="udp" if "udp" in path else "tcp"
        ),
        vantage=Vantage(os="Linux 6.18", started="2026-11-22T09:14:03Z", resolvers=RESOLVERS[:2], can=can),
        observations=numbered,
    )
