"""Signs about this machine, on reports written by hand: each one present, and its near misses."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from portdoctor.model import (
    Can,
    Connect,
    Counters,
    Hop,
    Icmp,
    Interface,
    Interfaces,
    Listener,
    Listeners,
    Neighbour,
    Observation,
    Options,
    Outcome,
    Report,
    Route,
    Subject,
    Target,
    Trace,
    Vantage,
    Want,
)
from portdoctor.outcomes import errno_of
from portdoctor.signs import Reading, find

HERE, GATE, THERE = "192.0.2.7", "192.0.2.1", "203.0.113.9"
LINUX = Can(error_queue=True, ttl_trace=True, listener_table="all", neighbour_table=True)
ROUTE = Route(outcome=Outcome.OK, address=THERE, gateway=GATE, interface="eth0", source=HERE)
LO = Interface(name="lo", up=True, running=True, loopback=True, addresses=("127.0.0.1/8", "::1/128"))
ETH = Interface(name="eth0", up=True, running=True, addresses=(f"{HERE}/24", "2001:db8::7/64", "fe80::7/64"))


def read(name: str, *seen: Observation, can: Can = LINUX, source: str | None = None, address: str = THERE) -> Reading:
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate(seen, 1))
    report = Report(
        target=Target(input=f"{address}:80", host=address, port=80),
        vantage=Vantage(can=can),
        options=Options(source=source),
        observations=numbered,
    )
    return find(name)(report, Subject(kind="address", values=(address,)), *name.split(":")[1:])


def failed(outcome: Outcome, number: int = 0, took: float = 0.001, icmp: Icmp | None = None) -> Connect:
    error = errno_of(number) if number else None
    return Connect(
        outcome=outcome, errno=error, took=took, icmp=icmp, address=THERE, port=80, source=HERE
    )  # fmt: skip


def interfaces(*rows: Interface) -> Interfaces:
    return Interfaces(outcome=Outcome.OK, rows=(LO, *rows))


NO_ROUTE = failed(Outcome.NET_UNREACHABLE, 101)
OURS = Icmp(type=3, code=1, offender=HERE)
SILENT = failed(Outcome.TIMEOUT, took=3.0)


# ---------------------------------------------------------------- routes


@pytest.mark.parametrize("kind", ["none", "prohibit", "blackhole", "unreachable"])
def test_each_kind_of_route_has_its_sign(kind: str) -> None:
    refused = Route(outcome=Outcome.DENIED, address=THERE, type=kind)
    for other in ("none", "prohibit", "blackhole", "unreachable"):
        assert read(f"route.type:{other}", refused).state == ("present" if other == kind else "absent")
    assert read(f"route.type:{kind}", ROUTE).state == "absent"


def test_a_failed_route_lookup_leaves_the_signs_unknown() -> None:
    assert read("route.type:none", Route(outcome=Outcome.DENIED, address=THERE, type="unknown")).state == "unknown"
    assert read("route.type:none").want == Want(probe="route", args=(THERE,))


@pytest.mark.parametrize(
    ("o", "state"),
    [
        (NO_ROUTE, "present"),
        (failed(Outcome.NET_UNREACHABLE, 101, took=0.3), "present"),  # no processor was free
        (failed(Outcome.NET_UNREACHABLE, 101, took=0.9), "absent"),
        (failed(Outcome.NET_UNREACHABLE, 101, icmp=Icmp(type=3, code=0, offender=GATE)), "absent"),
        (failed(Outcome.REFUSED, 111), "absent"),
        (SILENT, "absent"),
    ],
)
def test_a_local_error_is_immediate_and_without_icmp(o: Connect, state: str) -> None:
    assert read("local.failed-without-icmp", o).state == state


def test_without_an_error_queue_the_routing_table_must_agree() -> None:
    none = Route(outcome=Outcome.NET_UNREACHABLE, address=THERE, type="none")
    assert read("local.failed-without-icmp", NO_ROUTE, ROUTE, can=Can()).state == "unknown"
    assert read("local.failed-without-icmp", NO_ROUTE, none, can=Can()).state == "present"


# ---------------------------------------------------------------- who sent the ICMP error


def test_this_machine_is_recognised_by_source_or_interfaces() -> None:
    other = Icmp(type=3, code=1, offender="2001:db8::7")
    assert read("icmp.sent-by-this-machine", failed(Outcome.HOST_UNREACHABLE, 113, icmp=OURS)).state == "present"
    o = failed(Outcome.HOST_UNREACHABLE, 113, icmp=other)
    assert read("icmp.sent-by-this-machine", o).want == Want(probe="interfaces")
    assert read("icmp.sent-by-this-machine", o, interfaces(ETH)).state == "present"
    assert read("icmp.sent-by-this-machine", o, interfaces()).state == "absent"
    assert read("icmp.sent-by-another-machine", o, interfaces()).state == "present"
    assert read("icmp.sent-by-another-machine", o, interfaces(ETH)).state == "absent"


def test_without_an_error_queue_no_sender_is_known() -> None:
    o = failed(Outcome.HOST_UNREACHABLE, 113)
    assert read("icmp.sent-by-this-machine", o).state == "absent"
    assert read("icmp.sent-by-this-machine", o, can=Can()).state == "unknown"
    assert read("icmp.sent-by-another-machine", o, can=Can()).state == "unknown"
    assert read("icmp.sent-by-another-machine", SILENT, can=Can()).state == "unknown"


# ---------------------------------------------------------------- the next hop


@pytest.mark.parametrize(
    ("state", "o", "expected"),
    [
        ("failed", SILENT, "present"),
        ("failed", failed(Outcome.HOST_UNREACHABLE, 113, took=3.1, icmp=OURS), "present"),
        ("incomplete", SILENT, "present"),
        ("incomplete", failed(Outcome.TIMEOUT, took=0.2), "unknown"),
        ("delay", SILENT, "unknown"),
        ("probe", SILENT, "unknown"),
        ("reachable", SILENT, "absent"),
        ("stale", SILENT, "absent"),
        ("none", SILENT, "absent"),
        ("none", failed(Outcome.HOST_UNREACHABLE, 113, took=0.01, icmp=OURS), "absent"),  # a local rule
        ("none", failed(Outcome.HOST_UNREACHABLE, 113, took=0.9, icmp=OURS), "unknown"),  # deleted, or a late rule
        ("none", failed(Outcome.HOST_UNREACHABLE, 113, took=3.1, icmp=OURS), "present"),  # deleted: gc_thresh1, arp(7)
        ("unknown", SILENT, "unknown"),
        ("failed", failed(Outcome.OK), "absent"),
    ],
)
def test_the_neighbour_entry_shows_the_state_of_the_next_hop(state: str, o: Connect, expected: str) -> None:
    entry = Neighbour(outcome=Outcome.OK, address=GATE, interface="eth0", state=state)
    assert read("route.next-hop-silent", o, ROUTE, entry).state == expected


def test_the_next_hop_is_the_gateway_or_the_target_or_none() -> None:
    assert read("route.next-hop-silent", SILENT, ROUTE).want == Want(probe="neighbour", args=(GATE,))
    on_link = replace(ROUTE, gateway=None)
    assert read("route.next-hop-silent", SILENT, on_link).want == Want(probe="neighbour", args=(THERE,))
    for kind in ("local", "none", "prohibit"):
        assert read("route.next-hop-silent", SILENT, replace(ROUTE, type=kind)).state == "absent"


# ---------------------------------------------------------------- links and addresses


def test_a_link_without_carrier_is_no_link() -> None:
    assert read("local.no-link", interfaces(ETH)).state == "absent"
    assert read("local.no-link", interfaces(replace(ETH, running=False))).state == "present"
    assert read("local.no-link", interfaces()).state == "present"


def test_link_local_addresses_reach_no_other_network() -> None:
    lonely = replace(ETH, addresses=("169.254.3.4/16", "fe80::7/64"))
    assert read("local.no-usable-address", interfaces(lonely)).state == "present"
    assert read("local.no-usable-address", interfaces(ETH)).state == "absent"
    assert read("local.no-usable-address", interfaces(replace(ETH, up=False))).state == "present"


def test_an_ip_version_is_missing_only_if_the_other_is_there() -> None:
    ipv6 = replace(ETH, addresses=("2001:db8::7/64",))
    assert read("local.family-without-address", NO_ROUTE, interfaces(ipv6)).state == "present"
    unready = replace(ipv6, tentative=ipv6.addresses)
    assert read("local.family-without-address", NO_ROUTE, interfaces(unready)).state == "absent"
    assert read("local.family-without-address", NO_ROUTE, interfaces(ETH)).state == "absent"
    assert read("local.family-without-address", failed(Outcome.FAMILY_UNSUPPORTED, 97)).state == "present"


# ---------------------------------------------------------------- limits


def test_source_addresses() -> None:
    assert read("local.source-on-interface", interfaces(ETH), source=HERE).state == "present"
    assert read("local.source-on-interface", interfaces(ETH), source="198.51.100.1").state == "absent"
    assert read("local.source-requested").state == "absent"


def counters(began: float = 0.0, **values: int) -> Counters:
    return Counters(outcome=Outcome.OK, began=began, values=values)


def test_source_ports_are_used_up_when_sockets_are_as_many() -> None:
    assert (
        read("local.ephemeral-ports-exhausted", counters(tcp_inuse=6, tcp_tw=2, ephemeral_ports=8)).state == "present"
    )
    assert read("local.ephemeral-ports-exhausted", counters(tcp_inuse=6, tcp_tw=1, ephemeral_ports=8)).state == "absent"
    assert read("local.ephemeral-ports-exhausted", counters()).state == "unknown"


def test_the_connection_tracking_table() -> None:
    assert read("local.conntrack-full", counters(nf_conntrack_count=99, nf_conntrack_max=100)).state == "present"
    assert read("local.conntrack-full", counters(nf_conntrack_count=50, nf_conntrack_max=100)).state == "absent"
    assert read("local.conntrack-full", counters()).state == "absent"


def test_an_icmpv6_prohibition_is_no_local_denial() -> None:
    denied = failed(Outcome.DENIED, 13)
    assert read("local.connect-denied", denied).state == "present"
    assert read("local.connect-denied", denied, can=Can()).state == "unknown"
    assert read("local.connect-denied", failed(Outcome.PROHIBITED, 13, icmp=OURS)).state == "absent"


# ---------------------------------------------------------------- packets dropped on this machine


def _rose(failed_: int, syns: int, all_: int) -> tuple[Counters, Counters]:
    before = counters(0.3, TCPRetransFail=5, TCPSynRetrans=40, RetransSegs=90)
    after = counters(3.2, TCPRetransFail=5 + failed_, TCPSynRetrans=40 + syns, RetransSegs=90 + all_)
    return before, after


@pytest.mark.parametrize(
    ("rise", "state"),
    [
        ((2, 2, 2), "present"),
        ((0, 2, 2), "absent"),
        ((0, 2, 9), "absent"),
        ((1, 2, 2), "unknown"),
        ((2, 2, 3), "unknown"),
        ((0, 0, 0), "unknown"),
    ],
)
def test_retransmissions_that_fail_on_this_machine(rise: tuple[int, int, int], state: str) -> None:
    assert read("local.retransmissions-dropped", SILENT, *_rose(*rise)).state == state


def test_one_read_of_the_counters_is_not_enough() -> None:
    before, after = _rose(2, 2, 2)
    assert read("local.retransmissions-dropped", SILENT, before).want == Want(probe="counters")
    assert read("local.retransmissions-dropped", SILENT, after).want is None
    assert read("local.retransmissions-dropped", NO_ROUTE, before, after).state == "absent"


def _trace(role: str, number: int, *outcomes: Outcome) -> Trace:
    hops = tuple(Hop(ttl=n, outcome=o, address=GATE) for n, o in enumerate(outcomes, 1))
    return Trace(outcome=Outcome.OK, address=THERE, port=80, role=role, round=number, hops=hops)  # type: ignore[arg-type]


def test_a_first_hop_that_does_not_respond_for_one_port() -> None:
    silent = [_trace("target", n, Outcome.TIMEOUT, Outcome.TIMEOUT) for n in (1, 2)]
    control = [_trace("control", n, Outcome.TTL_EXPIRED, Outcome.OK) for n in (1, 2)]
    behind = _trace("target", 2, Outcome.TTL_EXPIRED, Outcome.TIMEOUT)
    assert read("local.first-hop-silent", *silent, *control).state == "present"
    assert read("local.first-hop-silent", silent[0], control[0]).state == "unknown"
    assert read("local.first-hop-silent", silent[0], behind, *control).state == "absent"


# ---------------------------------------------------------------- the target is this machine

OWN = Route(outcome=Outcome.OK, address=HERE, type="local", interface="lo")


@pytest.mark.parametrize(
    ("bound", "other", "only"),
    [
        ("127.0.0.1", "present", "present"),
        ("192.0.2.8", "present", "absent"),
        (HERE, "absent", "absent"),
        ("0.0.0.0", "absent", "absent"),
    ],
)
def test_where_a_process_on_this_machine_is_listening(bound: str, other: str, only: str) -> None:
    table = Listeners(outcome=Outcome.OK, port=80, complete=True, rows=(Listener(address=bound, port=80),))
    assert read("listeners.other-address-only", OWN, table, address=HERE).state == other
    assert read("listeners.loopback-only", OWN, table, address=HERE).state == only


def test_an_incomplete_table_shows_no_absence() -> None:
    table = Listeners(outcome=Outcome.OK, port=80, complete=False)
    assert read("listeners.other-address-only", OWN, table, address=HERE).state == "unknown"
    assert read("listeners.other-address-only", OWN, replace(table, complete=True), address=HERE).state == "absent"
    assert read("listeners.other-address-only", replace(OWN, type="unicast"), address=HERE).state == "absent"
