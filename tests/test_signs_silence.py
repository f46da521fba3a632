"""Silence contradicts nothing: what was not answered, or not probed, leaves a sign unknown.

By hand: the silence that leaves each sign unknown, and the witness that contradicts it. Over all recordings: the same
report with nothing but silence in it.
"""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.weigh import Reader
from portdoctor.lab import scenario
from portdoctor.model import (
    Bind,
    Can,
    Connect,
    Counters,
    Datagram,
    Greeting,
    Handshake,
    HostsFile,
    HttpReply,
    Icmp,
    Listeners,
    Lookup,
    Neighbour,
    Observation,
    Outcome,
    Report,
    Route,
    Stage,
    Subject,
    Target,
    Trace,
    Transport,
    Vantage,
)
from portdoctor.render import json
from portdoctor.signs import Reading, find
from portdoctor.signs.base import responded
from portdoctor.text import at

CATALOGUE = load_catalogue()
RECORDED = [name for name in scenario.scenario_names() if scenario.recording_path(name).exists()]
A4, A6, OTHER, R1, R2 = "198.51.100.9", "2001:db8::9", "198.51.100.20", "192.0.2.53", "192.0.2.54"
NAME = "db.example.org"
LINUX = Can(error_queue=True, ttl_trace=True, listener_table="all", neighbour_table=True)
QUIET = {"outcome": Outcome.TIMEOUT, "took": 3.6}


def report(
    *seen: Observation, transport: Transport = "tcp", can: Can = LINUX, resolvers: tuple[str, ...] = ()
) -> Report:  # fmt: skip
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate(seen, 1))
    stages: tuple[Stage, ...] = ("dns", "tcp", "tls", "http") if transport == "tcp" else ("udp",)
    target = Target(input=f"{NAME}:5353", host=NAME, port=5353, transport=transport, stages=stages)
    return Report(target=target, vantage=Vantage(os="Linux 6", can=can, resolvers=resolvers), observations=numbered)


def read(name: str, seen: Report) -> Reading:
    kind = "target" if name.startswith("addresses.f") or name == "addresses.some-work" else "address"
    subject = Subject(kind=kind, values=(A4,) if kind == "address" else ())
    return find(name)(seen, subject, *name.split(":")[1:])


def tcp(outcome: Outcome = Outcome.TIMEOUT, address: str = A4, port: int = 5353, **more: object) -> Connect:
    return Connect(outcome=outcome, address=address, port=port, took=3.6, **more)  # type: ignore[arg-type]


def udp(outcome: Outcome = Outcome.TIMEOUT, payload: str = "empty datagram", **more: object) -> Datagram:
    return Datagram(outcome=outcome, address=A4, port=5353, payload=payload, took=3.6, **more)  # type: ignore[arg-type]


def series(outcome: Outcome, many: int = 5) -> list[Connect]:
    syns = 1 if outcome is Outcome.OK else 3
    return [tcp(outcome), *(tcp(outcome, role="repeat", series=n, syns=syns) for n in range(2, many + 1))]


def wire(outcome: Outcome, rcode: str | None = None, resolver: str = R1, **more: object) -> list[Lookup]:
    kept = {"name": NAME, "via": "wire", "resolver": resolver, "outcome": outcome, "rcode": rcode, "took": 2.0}
    return [Lookup(qtype=q, **(kept | more)) for q in ("A", "AAAA")]  # type: ignore[arg-type]


TLS_QUIET = Handshake(address=A4, port=5353, **QUIET)  # type: ignore[arg-type]
TLS_RESET = replace(TLS_QUIET, outcome=Outcome.RESET)
TLS_DONE = replace(TLS_QUIET, outcome=Outcome.OK, received=900, verified=True)
HTTP_QUIET = HttpReply(address=A4, port=5353, **QUIET)  # type: ignore[arg-type]
HTTP_DONE = replace(HTTP_QUIET, outcome=Outcome.OK, status=204, received=90)
GREETING_QUIET = Greeting(address=A4, port=5353, **QUIET)  # type: ignore[arg-type]
GREETING_DONE = replace(GREETING_QUIET, outcome=Outcome.OK, received=20, protocol="ssh", text="SSH-2.0-x")
PROHIBITED = tcp(Outcome.PROHIBITED, icmp=Icmp(type=3, code=13, offender="192.0.2.1"))
REFUSED = tcp(Outcome.REFUSED)
HERE = Route(outcome=Outcome.OK, address=A4, type="local", interface="lo")
SYSTEM = Lookup(outcome=Outcome.OK, name=NAME, via="system", addresses=(A4,))
HOSTS = HostsFile(outcome=Outcome.OK, name=NAME, path="/etc/hosts", lines=((3, A4, f"{A4} {NAME}"),))
ELSEWHERE = wire(Outcome.OK, "NOERROR", addresses=(OTHER,))
TABLE = Listeners(outcome=Outcome.OK, port=5353, complete=True)
PARTIAL = replace(TABLE, complete=False)
NAMED = replace(SYSTEM, aliases=(f"{NAME}.corp.example",))

# the sign, a report that leaves it unknown, a report with a contrary witness or a complete observation
CASES: list[tuple[str, Report, Report]] = [
    ("icmp.rejected", report(tcp()), report(REFUSED)),
    ("icmp.sent-by-target", report(tcp()), report(PROHIBITED)),
    ("icmp.sent-by-this-machine", report(tcp(), can=Can()), report(tcp(Outcome.RESET), can=Can())),
    ("icmp.no-route", report(udp(), transport="udp"), report(udp(Outcome.OK, replies=1), transport="udp")),
    ("icmp.host-not-found", report(tcp(), can=Can()), report(tcp())),  # it lasted longer than a search for the host
    ("tcp.refused-by-rst", report(tcp()), report(tcp(Outcome.OK))),
    ("tcp.self-connected", report(tcp()), report(REFUSED)),
    ("tcp.raw-error", report(), report(tcp(Outcome.OK))),
    ("tcp.syn-retransmitted", report(), report(REFUSED)),
    ("tcp.syn-retransmitted", report(tcp()), report(tcp(Outcome.OK, syns=1))),
    (
        "tcp.random-ports-accept",
        report(*(tcp(role="negative", port=p) for p in (20001, 20002))),
        report(tcp(Outcome.REFUSED, role="negative", port=20001), tcp(role="negative", port=20002)),
    ),
    (
        "tcp.small-segments-pass",
        report(TLS_QUIET, replace(TLS_QUIET, role="variant", mss_clamp=536)),
        report(TLS_QUIET, replace(TLS_QUIET, role="repeat", outcome=Outcome.RESET)),
    ),
    ("series.outcomes-differ", report(tcp()), report(REFUSED, tcp(Outcome.REFUSED, role="repeat"))),
    ("series.outcomes-differ", report(tcp(), tcp(role="repeat")), report(tcp(), tcp(Outcome.REFUSED, role="repeat"))),
    ("series.some-fail", report(*series(Outcome.TIMEOUT)), report(*series(Outcome.REFUSED))),
    ("series.some-fail", report(REFUSED), report(*series(Outcome.OK))),
    ("series.some-retransmitted", report(*series(Outcome.TIMEOUT)), report(*series(Outcome.OK))),
    ("series.works-until-limit", report(*series(Outcome.TIMEOUT)), report(*series(Outcome.REFUSED))),
    ("addresses.some-work", report(), report(tcp(Outcome.OK))),
    ("addresses.some-work", report(tcp(), tcp(address=OTHER)), report(tcp(), tcp(Outcome.REFUSED, OTHER))),
    ("addresses.other-family-connects", report(tcp()), report(tcp(), SYSTEM)),
    ("addresses.other-family-connects", report(tcp(), tcp(address=A6)), report(tcp(), tcp(Outcome.REFUSED, A6))),
    ("addresses.family-fails:6", report(tcp()), report(tcp(Outcome.OK, A6))),
    ("addresses.family-fails:6", report(tcp(), tcp(address=A6)), report(REFUSED, tcp(address=A6))),
    ("target.address-from-dns", report(*wire(Outcome.TIMEOUT)), report(*ELSEWHERE)),
    (
        "target.dns-address-differs",
        report(*wire(Outcome.TIMEOUT), resolvers=(R1,)),
        report(*wire(Outcome.NAME_NOT_FOUND, "NXDOMAIN"), resolvers=(R1,)),
    ),
    (
        "target.dns-address-connects",
        report(HOSTS, *ELSEWHERE, tcp(address=OTHER, role="elsewhere")),
        report(HOSTS, *ELSEWHERE, tcp(Outcome.REFUSED, OTHER, role="elsewhere")),
    ),
    (
        "target.found-with-search-domain",
        report(NAMED, *wire(Outcome.SERVER_FAILURE, "SERVFAIL")),
        report(NAMED, *wire(Outcome.OK, "NOERROR", addresses=(A4,))),
    ),
    ("target.found-with-search-domain", report(), report(SYSTEM)),
    (
        "resolver.answers-differ",
        report(*wire(Outcome.NAME_NOT_FOUND, "NXDOMAIN"), *wire(Outcome.TIMEOUT, resolver=R2), resolvers=(R1, R2)),
        report(
            *wire(Outcome.NAME_NOT_FOUND, "NXDOMAIN"), *wire(Outcome.NAME_NOT_FOUND, "NXDOMAIN", R2), resolvers=(R1, R2)
        ),
    ),
    (
        "resolver.any-unresponsive",
        report(*wire(Outcome.EXHAUSTED), resolvers=(R1,)),
        report(*wire(Outcome.SERVER_FAILURE, "SERVFAIL"), resolvers=(R1,)),
    ),
    (
        "dns.cname-loop",
        report(*wire(Outcome.TIMEOUT), *wire(Outcome.QUERY_REFUSED, "REFUSED", name="id.server")),
        report(*wire(Outcome.NAME_NOT_FOUND, "NXDOMAIN")),
    ),
    ("local.conntrack-full", report(Counters(outcome=Outcome.OK, values={"nf_conntrack_count": 9})),
     report(Counters(outcome=Outcome.OK, values={"tcp_inuse": 9}))),
    ("route.broadcast-or-multicast", report(replace(HERE, type="unknown")), report(HERE)),
    ("route.tunnel-reports-unreachable", report(tcp()), report(tcp(), HERE)),
    ("listeners.at-this-address", report(HERE, PARTIAL), report(HERE, TABLE)),
    ("forwarding.program", report(HERE, PARTIAL), report(HERE, TABLE)),
    ("tls.alert:unknown_ca", report(TLS_QUIET), report(TLS_RESET)),
    ("tls.handshake-ended:closed", report(TLS_QUIET), report(TLS_RESET)),
    ("tls.version-refused", report(TLS_QUIET), report(TLS_DONE)),
    ("tls.client-certificate-required", report(TLS_QUIET), report(TLS_DONE)),
    ("certificate.expired", report(TLS_QUIET), report(TLS_RESET)),
    ("certificate.issuer-unknown", report(TLS_QUIET), report(TLS_DONE)),
    ("certificate.intermediate-missing", report(TLS_QUIET), report(TLS_DONE)),
    ("certificate.trust-store-empty", report(TLS_QUIET), report(TLS_DONE)),
    ("http.status:500", report(HTTP_QUIET), report(HTTP_DONE)),
    ("http.not-http", report(HTTP_QUIET), report(HTTP_DONE)),
    ("http.redirect-loop", report(HTTP_QUIET), report(HTTP_DONE)),
    ("http.gateway-error", report(HTTP_QUIET), report(HTTP_DONE)),
    ("http.server-error", report(HTTP_QUIET), report(HTTP_DONE)),
    ("app.reset-before-data", report(GREETING_QUIET), report(GREETING_DONE)),
    ("stimulus.ends-without-data-sent", report(GREETING_QUIET), report(GREETING_DONE)),
    ("app.other-protocol", report(GREETING_QUIET), report(GREETING_DONE)),
    ("app.speaks-tls", report(HTTP_QUIET), report(HTTP_DONE)),
    ("app.service-says", report(GREETING_QUIET), report(GREETING_DONE)),
    ("udp.silent-service", report(udp(), transport="udp"), report(udp(payload="DNS query"), transport="udp")),
    ("udp.other-protocol", report(udp(), transport="udp"), report(udp(Outcome.OK, replies=1), transport="udp")),
    ("udp.port-unreachable-from-target", report(udp(), transport="udp"), report(udp(Outcome.OK), transport="udp")),
    (
        "udp.tcp-port-accepts",
        report(udp(), tcp(role="control"), transport="udp"),
        report(udp(), tcp(Outcome.REFUSED, role="control"), transport="udp"),
    ),
    ("clients.give-up-early", report(tcp(), tcp(address=OTHER)), report(REFUSED)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "quiet", "contrary"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_silence_leaves_a_sign_unknown_and_a_witness_contradicts_it(name: str, quiet: Report, contrary: Report) -> None:
    left = read(name, quiet)
    assert (left.state, left.why is None) == ("unknown", False), left
    against = read(name, contrary)
    assert against.state == "absent", against
    assert against.says.endswith(".")
    assert against.evidence, "a contrary witness is an observation"


@pytest.mark.parametrize("state", ["failed", "incomplete"])
def test_an_icmp_error_from_another_machine_shows_that_the_next_hop_forwards(state: str) -> None:
    route = Route(outcome=Outcome.OK, address=A4, gateway="192.0.2.1", interface="eth0", source="192.0.2.7")
    entry = Neighbour(outcome=Outcome.OK, address="192.0.2.1", interface="eth0", state=state)
    assert read("route.next-hop-silent", report(tcp(), route, entry)).state == "present"
    routed = tcp(Outcome.HOST_UNREACHABLE, icmp=Icmp(type=3, code=1, offender="203.0.113.1"), source="192.0.2.7")
    assert read("route.next-hop-silent", report(routed, route, entry)).want is not None  # whose address is it?


def test_a_bind_that_was_not_tried_is_unknown() -> None:
    bare = Bind(outcome=Outcome.ADDRESS_IN_USE, address="127.0.0.1", port=5353, id="o1")
    subject = Subject(kind="local", values=("127.0.0.1:5353",))
    one = replace(report(), observations=(bare,))
    both = replace(one, observations=(bare, replace(bare, reuse=True, id="o2")))
    assert find("bind.needs-reuseaddr")(one, subject).state == "unknown"
    assert find("bind.needs-reuseaddr")(both, subject).state == "absent"


# ---------------------------------------------------------------- all signs, all recordings

# Signs that silence may contradict, each with the reason.
MAY_BE_ABSENT = {
    # The attempt waited for a response, so the call itself had not failed.
    "local.connect-denied", "local.failed-without-icmp", "local.no-file-descriptors", "local.source-unavailable",
    "udp.datagram-too-big", "udp.send-denied",
    # The attempt lasted longer than a machine searches for a host, and the error queue stayed empty.
    "icmp.host-not-found", "icmp.sent-by-target-host", "forwarding.to-nobody",
    # The exchange was repeated without what would explain its silence, and was silent again.
    "tcp.small-segments-pass",
    # The sign is about silence itself, or about what was sent.
    "app.silent", "http.not-http", "http.request-unanswered", "tls.other-name-answered", "udp.quic-sent",
    "udp.silent-service",
    # Another report, merged with this one, has the complete socket table of the target.
    "listeners.accept-queue-full", "listeners.found", "listeners.none", "listeners.not-accepting",
    "forwarding.forwarded",
}  # fmt: skip


def only_silence(seen: Report, *, muted: bool) -> Report:
    """The report with nothing but silence: its silent attempts or, muted, all of them without what they received."""
    kept = [o for o in seen.observations if isinstance(o, (*NETWORK, Trace))]
    return replace(seen, observations=tuple(map(_muted, kept) if muted else (o for o in kept if not responded(o))))


NETWORK = (Lookup, Connect, Handshake, HttpReply, Greeting, Datagram)
_SENT = {
    "id", "began", "took", "address", "port", "role", "round", "transport", "name", "qtype", "via", "resolver",
    "checking_disabled", "series", "syns", "source", "mss_clamp", "sni", "expected", "sent", "method", "payload",
}  # fmt: skip


def _muted(o: Observation) -> Observation:
    fields = {name: getattr(o, name) for name in o.__struct_fields__ if name in _SENT}
    if isinstance(o, Trace):
        fields["hops"] = tuple(replace(h, outcome=Outcome.TIMEOUT, address=None, icmp=None) for h in o.hops)
    return type(o)(outcome=Outcome.TIMEOUT, **fields)  # type: ignore[arg-type]


@cache
def named() -> dict[str, set[tuple[str, str]]]:
    """Every sign that a cause names, with its parameter and one cause that names it, by what it is about."""
    found: dict[str, set[tuple[str, str]]] = {}
    for cause in CATALOGUE:
        front = cause.front
        for name in (*front.requires, *front.excludes, *front.supports, *front.proof):
            found.setdefault(front.about, set()).add((name, cause.name))
    return found


def subjects(seen: Report) -> list[Subject]:
    tried = dict.fromkeys(o.address for o in seen.observations if isinstance(o, Connect | Datagram) and o.own)
    bound = dict.fromkeys(at(o.address, o.port) for o in seen.of(Bind))
    return [
        Subject(kind="target"), Subject(kind="name", values=(seen.target.host,)),
        *(Subject(kind="address", values=(a,)) for a in tried), *(Subject(kind="local", values=(b,)) for b in bound),
        *(Subject(kind="resolver", values=(r,)) for r in seen.vantage.resolvers),
    ]  # fmt: skip


@pytest.mark.parametrize("muted", [False, True], ids=["silent-attempts", "muted-attempts"])
@pytest.mark.parametrize("name", RECORDED)
def test_silence_contradicts_no_sign(name: str, muted: bool) -> None:
    """A sign is absent only by the request or the configuration, which are no observations, or by the table above."""
    full = json.load_report(scenario.recording_path(name).read_bytes())
    quiet = only_silence(full, muted=muted)
    assert not any(map(responded, quiet.observations))
    reader = Reader(quiet)
    for subject in subjects(full):
        for sign, cause in named().get(subject.kind, ()):
            reading = reader.read(sign, subject, CATALOGUE[cause].front)
            if reading.state == "absent" and reading.evidence:
                assert sign.partition(":")[0] in MAY_BE_ABSENT, f"{sign} of {cause} is absent: {reading.says}"


# Signs that are absent without an observation: by what was asked for, or by what this machine is configured to use.
NOT_OBSERVED = (
    "target.", "udp.", "dns.", "resolver.", "cluster.service", "local.source-on-interface", "local.source-requested",
    "addresses.other-family-connects", "certificate.verified", "lookups.",
)  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_observed_contradicts_only_the_request_and_the_configuration(name: str) -> None:
    full = json.load_report(scenario.recording_path(name).read_bytes())
    reader = Reader(replace(full, observations=(), others=()))
    for subject in subjects(full):
        for sign, cause in named().get(subject.kind, ()):
            reading = reader.read(sign, subject, CATALOGUE[cause].front)
            assert reading.state != "absent" or sign.startswith(NOT_OBSERVED), f"{sign} is absent: {reading.says}"


def test_the_table_names_no_sign_that_does_not_need_it() -> None:
    """Each exception occurs in a recording: the table does not outgrow its reasons."""
    needed: set[str] = set()
    for name in RECORDED:
        full = json.load_report(scenario.recording_path(name).read_bytes())
        for muted in (False, True):
            reader = Reader(only_silence(full, muted=muted))
            for subject in subjects(full):
                for sign, cause in named().get(subject.kind, ()):
                    base = sign.partition(":")[0]
                    if base not in needed and base in MAY_BE_ABSENT:
                        reading = reader.read(sign, subject, CATALOGUE[cause].front)
                        needed |= {base} if reading.state == "absent" else set()
    assert needed == MAY_BE_ABSENT
