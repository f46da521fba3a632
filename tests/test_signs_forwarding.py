"""Who must act: a Service of a cluster, a forwarded port, the devices that can have sent a RST."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.facts import facts_about
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Burst,
    Can,
    Connect,
    Holder,
    Hop,
    Icmp,
    Listener,
    Listeners,
    Lookup,
    Observation,
    Outcome,
    PacketCount,
    Report,
    Route,
    Subject,
    Target,
    Trace,
    Vantage,
    Want,
)
from portdoctor.signs import Reading, find

CATALOGUE = load_catalogue()
HERE, NODE, SERVICE, SERVICE6 = "10.244.1.5", "10.244.1.1", "10.96.8.3", "fd00:96::8"
SEARCH = ("ops.svc.k8s.example", "svc.k8s.example", "k8s.example")


def report(*seen: Observation, host: str = SERVICE, search: tuple[str, ...] = (), kubernetes: str = "") -> Report:
    can = Can(error_queue=True, ttl_trace=True, listener_table="all", neighbour_table=True)
    return Report(
        target=Target(input=f"{host}:9000", host=host, port=9000, stages=("tcp",)),
        vantage=Vantage(os="Linux 6.18", can=can, search=search, kubernetes=kubernetes or None),
        observations=tuple(replace(o, id=f"o{n}") for n, o in enumerate(seen, 1)),
    )


def read(name: str, seen: Report, address: str = SERVICE) -> Reading:
    return find(name)(seen, Subject(kind="address", values=(address,)))


def rejected(kind: int = 3, code: int = 3, address: str = SERVICE, offender: str = NODE) -> Connect:
    icmp = Icmp(type=kind, code=code, offender=offender)
    return Connect(outcome=Outcome.REFUSED, took=0.001, icmp=icmp, address=address, port=9000, source=HERE)


def route(kind: str = "unicast") -> Route:
    gateway = NODE if kind == "unicast" else None
    return Route(outcome=Outcome.OK, address=SERVICE, type=kind, gateway=gateway, source=HERE)  # type: ignore[arg-type]


RESET = Connect(outcome=Outcome.REFUSED, took=0.001, address=SERVICE, port=9000, source=HERE)


# ---------------------------------------------------------------- a Service without endpoints


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (report(rejected()), "absent"),
        (report(rejected(), search=("corp.example",)), "absent"),
        (report(rejected(), search=SEARCH), "unknown"),  # an address: it may be a Service
        (report(rejected(), kubernetes="10.96.0.1"), "unknown"),
        (report(rejected(), kubernetes=SERVICE), "present"),
        (report(rejected(), host="mail.svc.k8s.example", search=SEARCH), "present"),
        (report(rejected(), host="MAIL.ops.SVC.k8s.example.", search=SEARCH), "present"),
        (report(rejected(), host="mailsvc.k8s.example", search=SEARCH), "unknown"),
    ],
)
def test_the_search_list_and_the_environment_show_a_cluster(seen: Report, state: str) -> None:
    assert read("cluster.service", seen).state == state


def test_a_short_name_is_read_as_it_was_found() -> None:
    found = Lookup(
        outcome=Outcome.OK, name="mail", via="system", addresses=(SERVICE,), aliases=("mail.ops.svc.k8s.example",)
    )
    assert read("cluster.service", report(found, rejected(), host="mail", search=SEARCH)).state == "present"
    assert read("cluster.service", report(rejected(), host="mail", search=SEARCH)).state == "unknown"


@pytest.mark.parametrize(
    ("o", "state"),
    [
        (rejected(), "present"),
        (rejected(1, 4, SERVICE6, "fd00::1"), "present"),
        (rejected(3, 13), "absent"),
        (rejected(1, 1, SERVICE6, "fd00::1"), "absent"),
        (RESET, "absent"),
    ],
)
def test_only_port_unreachable_is_the_reject_of_a_service(o: Connect, state: str) -> None:
    seen = report(o, host="mail.ops.svc.k8s.example", search=SEARCH)
    assert read("icmp.port-unreachable", seen, o.address).state == state
    assert read("cluster.rejects-service", seen, o.address).state == state


def test_without_a_sign_of_a_cluster_the_owner_is_the_device() -> None:
    interfaces = route()
    problem = diagnose(report(interfaces, rejected()), CATALOGUE).problems[0]
    assert "tcp.service-without-endpoints" in {r.cause for r in problem.ruled_out}
    service = diagnose(report(interfaces, rejected(), search=SEARCH), CATALOGUE).problems[0]
    assert service.cause is None
    assert "tcp.service-without-endpoints" in {c.cause for c in service.candidates}


# ---------------------------------------------------------------- a published port with nothing behind it


def listening(name: str | None, address: str = "0.0.0.0", unit: str | None = None) -> Listeners:
    holder = Holder(name=name, pid=812 if name else None, user="root", unit=unit)
    row = Listener(address=address, port=9000, holder=holder)
    return Listeners(outcome=Outcome.OK, port=9000, complete=True, rows=(row,))


@pytest.mark.parametrize(
    ("table", "state", "cause"),
    [
        (listening("conmon"), "present", "tcp.forwarded-to-nobody"),
        (listening("rootlessport"), "present", "tcp.forwarded-to-nobody"),
        (listening(None, unit=f"libpod-conmon-{'0a' * 32}.scope"), "present", "tcp.forwarded-to-nobody"),
        (listening(None, unit="docker.service"), "present", "tcp.forwarded-to-nobody"),
        (listening(None, unit="nginx.service"), "unknown", None),
        (listening("nginx", unit="docker.service"), "absent", "local.firewall-reset"),
        (listening("nginx"), "absent", "local.firewall-reset"),
        (listening("conmon-exporter"), "absent", "local.firewall-reset"),
        (listening(None), "unknown", None),  # another user's process: its name is not visible
    ],
)
def test_a_port_forwarder_is_known_by_its_name(table: Listeners, state: str, cause: str | None) -> None:
    seen = report(route("local"), RESET, table, burst(Outcome.TIMEOUT))
    assert read("forwarding.program", seen).state == state
    assert read("forwarding.to-nobody", seen).state == state
    assert diagnose(seen, CATALOGUE).verdict.cause == cause


def passed(name: str, sent: int, idle: int = 0, received: int | None = None) -> PacketCount:
    back = sent if received is None else received
    return PacketCount(
        name=name, sent=(sent,) * 3, received=(back,) * 3, sent_idle=(idle,) * 3, received_idle=(idle,) * 3
    )


def burst(outcome: Outcome = Outcome.REFUSED, *interfaces: PacketCount) -> Burst:
    return Burst(outcome=outcome, address=SERVICE, port=9000, connections=5, interfaces=interfaces)


@pytest.mark.parametrize(
    ("interfaces", "state"),
    [
        ((), "absent"),
        ((passed("podman0", 5), passed("veth0", 5)), "present"),
        ((passed("podman0", 6), passed("eth0", 400, idle=380)), "present"),  # 6: an ARP request, too
        ((passed("podman0", 4),), "absent"),  # four packets are not the five connections
        ((passed("podman0", 5, received=0),), "unknown"),  # sent, and no RST came back that way
        ((passed("eth0", 40, idle=38),), "unknown"),  # other traffic, among which five would not show
        ((passed("veth1", 2), passed("veth2", 3)), "unknown"),  # two backends, or two others
    ],
)
def test_packets_on_interfaces_show_whether_connections_leave(
    interfaces: tuple[PacketCount, ...], state: str
) -> None:
    for table in (listening("conmon"), listening(None)):
        seen = report(route("local"), RESET, table, burst(Outcome.REFUSED, *interfaces))
        assert read("forwarding.leaves-host", seen).state == state
        cause = diagnose(seen, CATALOGUE).verdict.cause
        if state == "unknown":
            assert cause == ("tcp.forwarded-to-nobody" if table.rows[0].holder.name else None)  # type: ignore[union-attr]
        else:
            assert cause == ("tcp.forwarded-to-nobody" if state == "present" else "local.firewall-reset")


def test_packets_are_counted_before_a_refusal_is_judged() -> None:
    wanted = Want(probe="burst", args=(SERVICE,))
    assert read("forwarding.forwarded", report(route("local"), RESET, listening("conmon"))).want == wanted
    assert read("forwarding.forwarded", report(route("local"), RESET, listening(None))).want == wanted
    assert read("forwarding.forwarded", report(route("local"), RESET, listening("nginx"))).want is None
    other = replace(burst(), port=9001)
    assert read("forwarding.leaves-host", report(route("local"), RESET, listening(None), other)).want == wanted


def test_a_forwarder_at_another_address_or_machine_says_nothing() -> None:
    assert read("forwarding.program", report(route("local"), RESET, listening("conmon", "127.0.0.1"))).state == (
        "absent"
    )
    assert read("forwarding.program", report(route(), RESET, listening("conmon"))).state == "unknown"
    assert read("forwarding.program", report(route("local"), RESET)).state == "unknown"


# ---------------------------------------------------------------- who sent the RST


def test_a_reset_at_a_hop_names_the_router_there_and_the_one_before() -> None:
    def expired(ttl: int, address: str) -> Hop:
        icmp = Icmp(type=11, code=0, offender=address)
        return Hop(ttl=ttl, outcome=Outcome.TTL_EXPIRED, address=address, icmp=icmp)

    reset = Hop(ttl=3, outcome=Outcome.REFUSED, address=SERVICE)
    mine = Trace(
        outcome=Outcome.REFUSED, address=SERVICE, port=9000, role="target", hops=(expired(2, "10.7.0.2"), reset)
    )
    random = Trace(
        outcome=Outcome.TTL_EXPIRED, address=SERVICE, port=49999, role="random", hops=(expired(3, "10.8.0.2"),)
    )
    subject = Subject(kind="address", values=(SERVICE,))
    assert facts_about(report(RESET, mine, random), subject)["reset_by"] == "10.7.0.2 or 10.8.0.2"
    assert facts_about(report(RESET, mine), subject)["reset_by"] == "10.7.0.2 or a device next to it"
    assert facts_about(report(RESET), subject)["reset_by"] == "the device in the path that sends it"
