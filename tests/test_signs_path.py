"""Signs about the path: what proves where packets end, and what does not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Can,
    Connect,
    Hop,
    Icmp,
    Interface,
    Interfaces,
    Observation,
    Outcome,
    Problem,
    Report,
    Route,
    Subject,
    Target,
    Trace,
    Vantage,
)
from portdoctor.signs import Reading, find
from portdoctor.signs.route import kind_of

CATALOGUE = load_catalogue()
HOST, R1, R2, R3 = "203.0.113.9", "10.0.1.2", "10.0.2.2", "10.0.3.2"
SUBJECT = Subject(kind="address", values=(HOST,))


def report(*seen: Observation) -> Report:
    target = Target(input=f"{HOST}:8080", host=HOST, port=8080, stages=("tcp",))
    vantage = Vantage(os="Linux 6.18", can=Can(error_queue=True, ttl_trace=True, listener_table="all"))
    route = Route(id="w", outcome=Outcome.OK, address=HOST, type="unicast", gateway=R1, interface="eth0")
    row = Interface(name="eth0", up=True, running=True, addresses=("192.0.2.7/24",))
    interfaces = Interfaces(id="i", outcome=Outcome.OK, rows=(row,))
    numbered = [o if o.id else type(o)(**{**_fields(o), "id": f"o{n}"}) for n, o in enumerate(seen)]
    return Report(target=target, vantage=vantage, observations=(route, interfaces, *numbered))


def _fields(o: Observation) -> dict[str, object]:
    return {name: getattr(o, name) for name in o.__struct_fields__}


def read(name: str, seen: Report) -> Reading:
    return find(name)(seen, SUBJECT, *name.split(":")[1:])


def first(seen: Report) -> Problem:
    return diagnose(seen, CATALOGUE).problems[0]


def expired(ttl: int, address: str) -> Hop:
    kind = Icmp(type=11, code=0, offender=address)
    return Hop(ttl=ttl, outcome=Outcome.TTL_EXPIRED, address=address, icmp=kind)


def quiet(ttl: int) -> Hop:
    return Hop(ttl=ttl, outcome=Outcome.TIMEOUT)


def reset(ttl: int) -> Hop:
    return Hop(ttl=ttl, outcome=Outcome.REFUSED, address=HOST)


def opened(ttl: int) -> Hop:
    return Hop(ttl=ttl, outcome=Outcome.OK, address=HOST)


def trace(role: str, *hops: Hop, number: int = 1, port: int = 8080) -> Trace:
    return Trace(outcome=hops[-1].outcome, address=HOST, port=port, role=role, round=number, hops=hops)  # type: ignore[arg-type]


def silence() -> list[Observation]:
    gone = Connect(id="t", outcome=Outcome.TIMEOUT, took=3.5, address=HOST, port=8080, syns=4)
    again = [Connect(outcome=Outcome.TIMEOUT, took=1.0, address=HOST, port=8080, role="repeat") for _ in range(3)]
    return [gone, *again, Connect(outcome=Outcome.OK, took=0.01, address=HOST, port=80, role="control")]


def refusal() -> list[Observation]:
    return [Connect(id="t", outcome=Outcome.REFUSED, took=0.01, address=HOST, port=8080)]


def round_one(*mine: Hop) -> list[Observation]:
    random = trace("random", expired(1, R1), expired(2, R2), expired(3, R3), reset(4), port=20001)
    return [trace("target", *mine), random]


def again(times: int, mine: Hop, theirs: Hop) -> list[Observation]:
    asked = [trace("target", mine, number=2) for _ in range(times)]
    return [*asked, *(trace("random", theirs, number=2, port=20001 + n % 3) for n in range(times))]


DROPPED = (expired(1, R1), expired(2, R2), quiet(3), quiet(4))
RESET = (expired(1, R1), expired(2, R2), reset(3))


@pytest.mark.parametrize(
    ("seen", "hops", "mine", "sign", "cause"),
    [
        (silence, DROPPED, quiet(3), "trace.random-ports-pass-last-hop", "tcp.port-filtered"),
        (refusal, RESET, reset(3), "trace.refused-before-random-ports", "tcp.refused-by-middlebox"),
    ],
)
def test_many_random_ports_prove_where_packets_end(seen, hops, mine, sign, cause) -> None:
    proved = report(*seen(), *round_one(*hops), *again(5, mine, expired(3, R3)))
    assert read(sign, proved).state == "present"
    assert R3 in read(sign, proved).says
    assert (first(proved).cause, first(proved).certainty) == (cause, "certain")


@pytest.mark.parametrize(
    "doubt",
    [
        again(2, quiet(3), expired(3, R3)),  # too few
        [*again(5, quiet(3), expired(3, R3)), trace("random", reset(3), number=2, port=20002)],  # one ends there
        [*again(5, quiet(3), expired(3, R3)), trace("target", expired(3, R3), number=2)],  # one of ours gets on
        [*again(5, quiet(3), expired(3, R3)), trace("random", expired(2, "10.9.9.9"), port=20003)],  # two paths
        again(5, quiet(3), quiet(3)),  # the router no longer responds
        again(5, quiet(3), expired(3, HOST)),  # the host itself forwards them
    ],
)
def test_what_is_no_proof_of_a_drop_in_the_path(doubt: list[Observation]) -> None:
    seen = report(*silence(), *round_one(*DROPPED), *doubt)
    assert read("trace.random-ports-pass-last-hop", seen).state != "present"
    assert first(seen).certainty != "certain"


@pytest.mark.parametrize("took", [1.6, 2.0, 3.1])
def test_a_silence_that_was_cut_short_leaves_a_forwarded_port_open(took: float) -> None:
    own, *rest = silence()
    seen = report(replace(own, took=took), *rest, *round_one(*DROPPED), *again(5, quiet(3), expired(3, R3)))
    assert read("trace.drop-located", seen).state == "unknown"
    assert read("icmp.host-not-found", seen).state == "unknown"
    assert (first(seen).cause, first(seen).certainty) == ("tcp.port-filtered", "likely")
    assert "tcp.forwarded-to-nobody" in {c.cause for c in first(seen).candidates}


@pytest.mark.parametrize(
    ("took", "stops", "state", "cause"),
    [
        (3.5, False, "present", "tcp.port-filtered"),
        (2.0, True, "present", "tcp.port-filtered"),
        (2.0, False, "unknown", None),
    ],
)
def test_a_short_silence_is_a_filter_only_where_packets_stop_before_the_host(
    took: float, stops: bool, state: str, cause: str | None
) -> None:
    """A host that forwards the port to a machine that is gone reports the expired TTL itself, then is silent."""
    forwarded = (expired(1, R1), expired(2, R2), expired(3, R3), expired(4, HOST), quiet(5))
    own, *rest = silence()
    traces = [*round_one(*DROPPED), *again(5, quiet(3), expired(3, R3))] if stops else round_one(*forwarded)
    seen = report(replace(own, took=took), *rest, *traces)
    assert read("trace.not-forwarding", seen).state == state
    found = first(seen)
    assert (found.cause, found.certainty == "undetermined") == (cause, state == "unknown")
    open_ = {found.cause, *(c.cause for c in found.candidates)}
    assert ("tcp.forwarded-to-nobody" in open_, "tcp.port-filtered" in open_) == (took < 3.4, True)


def test_a_refused_attempt_is_no_silence_to_explain() -> None:
    assert read("trace.not-forwarding", report(*refusal())).state == "absent"


def test_two_paths_need_more_samples() -> None:
    other = trace("random", expired(2, "10.9.9.9"), port=20003)
    seen = report(*silence(), *round_one(*DROPPED), other, *again(7, quiet(3), expired(3, R3)))
    assert read("trace.random-ports-pass-last-hop", seen).state == "present"


def test_an_open_port_alone_shows_the_hop_and_proves_nothing() -> None:
    control = [
        trace("control", expired(1, R1), expired(2, R2), expired(3, R3), opened(4), port=80),
        trace("control", expired(3, R3), number=2, port=80),
    ]
    dropped = trace("random", *DROPPED, port=20001)
    seen = report(*silence(), trace("target", *DROPPED), dropped, trace("target", quiet(3), number=2), *control)
    assert read("trace.open-port-passes-last-hop", seen).state == "present"
    assert (first(seen).cause, first(seen).certainty) == ("tcp.port-filtered", "likely")
    assert R2 in first(seen).explanation


def test_a_port_that_a_proxy_answers_shows_nothing_about_the_host() -> None:
    control = trace("control", expired(1, R1), opened(2), port=80)
    alike = (expired(1, R1), expired(2, R2), expired(3, R3), quiet(4), quiet(5))
    seen = report(*silence(), trace("target", *alike), trace("random", *alike, port=20001), control)
    assert read("tcp.other-port-responds", seen).state == "unknown"
    assert read("tcp.other-ports-silent", seen).state == "unknown"
    assert first(seen).certainty == "undetermined"


def test_a_near_response_of_a_control_is_no_proxy_where_its_path_varies() -> None:
    control = trace("control", expired(1, R1), opened(2), port=80)
    alike = (expired(1, R1), expired(2, R2), expired(3, R3), quiet(4), quiet(5))
    again = [trace("control", hop, number=3, port=80) for hop in (opened(2), expired(2, R2))]
    seen = report(*silence(), trace("target", *alike), trace("random", *alike, port=20001), control, *again)
    assert read("tcp.other-port-responds", seen).state == "present"
    assert (first(seen).cause, first(seen).certainty) == ("tcp.port-filtered", "likely")


def test_an_open_port_one_hop_beyond_a_refusal_is_no_middlebox() -> None:
    control = [
        trace("control", expired(1, R1), expired(2, R2), expired(3, R3), opened(4), port=80),
        trace("control", expired(3, R3), number=2, port=80),
    ]
    kept = [*refusal(), Connect(outcome=Outcome.OK, took=0.01, address=HOST, port=80, role="control")]
    random = trace("random", *RESET, port=20001)
    seen = report(*kept, trace("target", *RESET), random, trace("target", reset(3), number=2), *control)
    assert read("trace.refused-before-other-ports", seen).state == "unknown"
    assert (first(seen).cause, first(seen).certainty) == ("tcp.no-listener", "likely")


# ---------------------------------------------------------------- by ICMP


def rejected(code: int, took: float = 0.01, offender: str = R2) -> Connect:
    error = Icmp(type=3, code=code, offender=offender)
    return Connect(id="t", outcome=Outcome.NET_UNREACHABLE, took=took, address=HOST, port=8080, icmp=error)


def control(outcome: Outcome, icmp: Icmp | None = None, port: int = 80) -> Connect:
    return Connect(outcome=outcome, took=0.01, address=HOST, port=port, role="control", icmp=icmp)


def test_no_route_is_believed_when_other_ports_receive_the_same() -> None:
    error = rejected(0).icmp
    alone, same = report(rejected(0)), report(rejected(0), control(Outcome.NET_UNREACHABLE, error))
    other = report(rejected(0), control(Outcome.OK))
    assert (first(alone).cause, first(alone).certainty) == ("tcp.net-unreachable", "likely")
    assert (first(same).cause, first(same).certainty) == ("tcp.net-unreachable", "certain")
    assert (first(other).cause, first(other).certainty) == ("tcp.rejected-by-firewall", "likely")


def test_a_host_that_reports_no_route_to_itself_has_a_firewall() -> None:
    p = first(report(rejected(0, offender=HOST), control(Outcome.OK)))
    assert (p.cause, p.certainty) == ("tcp.rejected-by-host-firewall", "likely")


def test_a_late_host_unreachable_is_address_resolution_even_beside_an_open_port() -> None:
    p = first(report(rejected(1, took=3.1), control(Outcome.OK)))
    assert (p.cause, p.certainty) == ("tcp.host-unreachable", "likely")
    itself = first(report(rejected(1, took=3.1, offender=HOST), control(Outcome.OK)))
    assert (itself.cause, itself.certainty) == ("tcp.forwarded-to-nobody", "likely")


def test_looping_packets_pass_a_router_twice() -> None:
    lost = Connect(
        id="t", outcome=Outcome.TTL_EXPIRED, took=0.01, address=HOST, port=8080,
        icmp=Icmp(type=11, code=0, offender=R2),
    )  # fmt: skip
    twice = trace("target", expired(1, R1), expired(2, R2), expired(3, R1))
    neighbours = trace("target", expired(1, R1), expired(2, R2), expired(3, R2), quiet(4))
    assert (first(report(lost, twice)).cause, first(report(lost, twice)).certainty) == ("tcp.routing-loop", "certain")
    assert read("trace.hops-repeat", report(lost, neighbours)).state != "present"
    arrives = trace("target", expired(1, R1), expired(2, R2), opened(3))
    assert first(report(lost, arrives)).cause == "local.lifetime-too-short"


# ---------------------------------------------------------------- this machine's route


@pytest.mark.parametrize(
    "name", ["docker0", "br-0a1b2c3d4e5f", "virbr0", "cni0", "cali0a1b2c3d4e5", "lxcbr0", "vethab12", "podman0"]
)
def test_container_networks_are_known_by_name(name: str) -> None:
    assert "container" in kind_of(name)


@pytest.mark.parametrize(
    "name", ["tun0", "wg0", "wg-home", "tailscale0", "ppp0", "utun4", "tap0", "zt7nnig26b", "nordlynx"]
)
def test_tunnels_are_known_by_name(name: str) -> None:
    assert "VPN" in kind_of(name)


@pytest.mark.parametrize(
    "name", ["eth0", "enp3s0", "wlan0", "wlp2s0", "bond0", "br0", "br-lan", "lo", None, "wwan0", "en0"]
)
def test_other_interfaces_are_not(name: str | None) -> None:
    assert not kind_of(name)


def test_another_interface_needs_a_default_route_to_compare_with() -> None:
    here = Route(id="v", outcome=Outcome.OK, address=HOST, type="unicast", interface="wg0", prefix="203.0.113.0/24")
    usual = Route(id="u", outcome=Outcome.OK, address="192.0.2.1", type="unicast", gateway=R1, interface="eth0")
    seen = Report(target=report().target, vantage=report().vantage, observations=(here, usual))
    assert read("route.other-interface", seen).state == "present"
    none = Report(target=seen.target, vantage=seen.vantage, observations=(here,))
    assert read("route.other-interface", none).want is not None


def test_a_tunnel_that_covers_a_neighbour_is_an_overlap() -> None:
    here = Route(id="v", outcome=Outcome.OK, address=HOST, type="unicast", interface="tun0", prefix="203.0.113.0/25")
    rows = (
        Interface(name="tun0", up=True, running=True, addresses=("10.8.0.1/24",)),
        Interface(name="eth0", up=True, running=True, addresses=("203.0.113.2/24",)),
    )
    interfaces = Interfaces(id="i", outcome=Outcome.OK, rows=rows)
    seen = Report(target=report().target, vantage=report().vantage, observations=(here, interfaces))
    assert read("route.covered-by-local-network", seen).state == "present"
