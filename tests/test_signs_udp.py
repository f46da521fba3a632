"""The signs about UDP, on reports written by hand, and the causes that follow."""

from __future__ import annotations

import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Can,
    Connect,
    Counters,
    Datagram,
    Errno,
    Holder,
    Icmp,
    Interface,
    Interfaces,
    Listener,
    Listeners,
    Note,
    Observation,
    Outcome,
    Problem,
    Report,
    Route,
    Subject,
    Target,
    Vantage,
    Want,
)
from portdoctor.signs import Reading, find

SERVER, ROUTER, OURS = "203.0.113.9", "10.0.12.2", "192.0.2.7"
SIX, ROUTER6 = "2001:db8::9", "2001:db8:1::1"
REFUSED = Errno(name="ECONNREFUSED", number=111)
CATALOGUE = load_catalogue()
UDP_SIGNS = [
    "udp.port-unreachable-from-target", "udp.local-port-in-use", "udp.no-socket", "udp.send-denied",
    "udp.silent", "udp.tcp-comparison", "udp.silent-service", "udp.quic-sent",
    "udp.tcp-port-accepts", "udp.http3-advertised", "udp.datagrams-arrive", "udp.datagram-too-big",
    "udp.other-protocol",
]  # fmt: skip


def exchange(outcome: Outcome, address: str = SERVER, **more: object) -> Datagram:
    fields: dict[str, object] = {"port": 53, "payload": "DNS query", "sent": 1, "took": 0.02}
    return Datagram(id="o1", outcome=outcome, address=address, **(fields | more))  # type: ignore[arg-type]


def routed(address: str = SERVER, kind: str = "unicast") -> Route:
    return Route(id="r1", outcome=Outcome.OK, address=address, type=kind, gateway="192.0.2.1", source=OURS)


def report(*seen: Observation, port: int = 53, queue: bool = True, notes: tuple[Note, ...] = ()) -> Report:
    target = Target(input=f"udp://x:{port}", host=SERVER, port=port, transport="udp", stages=("udp",))
    interfaces = Interfaces(
        id="i1", outcome=Outcome.OK, rows=(Interface(name="eth0", up=True, running=True, addresses=(f"{OURS}/24",)),)
    )
    vantage = Vantage(os="Linux 6.18", can=Can(error_queue=queue, ttl_trace=queue, listener_table="all"))
    full = Counters(id="c1", outcome=Outcome.OK, values={"nf_conntrack_count": 3, "nf_conntrack_max": 1000})
    return Report(target=target, vantage=vantage, observations=(*seen, interfaces, full), notes=notes)


def table(*rows: Listener, complete: bool = True) -> Listeners:
    return Listeners(id="t1", outcome=Outcome.OK, port=53, transport="udp", complete=complete, rows=rows)


def row(address: str, peer: str | None = None, **more: object) -> Listener:
    holder = Holder(pid=7, name="unbound")
    return Listener(transport="udp", address=address, port=53, state="UNCONN", peer=peer, holder=holder, **more)  # type: ignore[arg-type]


def control(port: int, outcome: Outcome) -> Connect:
    return Connect(id=f"k{port}", outcome=outcome, took=0.01, address=SERVER, port=port, role="control")


def read(name: str, r: Report, address: str = SERVER) -> Reading:
    return find(name)(r, Subject(kind="address", values=(address,)), *name.split(":")[1:])


def first(r: Report) -> Problem:
    return diagnose(r, CATALOGUE).problems[0]


def icmp(kind: int, code: int, offender: str) -> Icmp:
    return Icmp(type=kind, code=code, offender=offender)


# ---------------------------------------------------------------- every sign


@pytest.mark.parametrize("name", UDP_SIGNS)
def test_over_tcp_it_is_absent(name: str) -> None:
    tcp = Report(
        target=Target(input="x:53", host=SERVER, port=53),
        observations=(Connect(id="o1", outcome=Outcome.REFUSED, address=SERVER, port=53, errno=REFUSED), routed()),
    )
    assert read(name, tcp).state == "absent"


@pytest.mark.parametrize("name", UDP_SIGNS)
def test_before_any_probe_it_is_unknown(name: str) -> None:
    assert read(name, report()).state == "unknown"


@pytest.mark.parametrize(
    ("address", "error", "state"),
    [
        (SERVER, icmp(3, 3, SERVER), "present"),
        (SERVER, icmp(3, 3, ROUTER), "absent"),
        (SIX, icmp(1, 4, SIX), "present"),
        (SIX, icmp(1, 4, ROUTER6), "absent"),
        ("fe80::1%eth0", icmp(1, 4, "fe80::1"), "present"),
    ],
)
def test_who_sent_the_port_unreachable(address: str, error: Icmp, state: str) -> None:
    o = exchange(Outcome.REFUSED, address, errno=REFUSED, icmp=error)
    assert read("udp.port-unreachable-from-target", report(o), address).state == state


def test_without_an_error_queue_a_refusal_has_no_sender_but_on_this_machine() -> None:
    o = exchange(Outcome.REFUSED, errno=REFUSED)
    assert read("udp.port-unreachable-from-target", report(o, routed(), queue=False)).why == "not-possible-here"
    assert read("udp.port-unreachable-from-target", report(o, routed(kind="local"), queue=False)).state == "present"


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        ((row("0.0.0.0"),), True),
        ((row(SERVER),), True),
        ((row("::", v6only=False),), True),
        ((row("::", v6only=True),), False),
        ((row("127.0.0.1"),), False),
        ((row(SERVER, peer="198.51.100.1:99"),), False),
        ((), False),
    ],
)
def test_a_port_of_this_machine_is_in_use_or_free(rows: tuple[Listener, ...], taken: bool) -> None:
    r = report(exchange(Outcome.REFUSED, icmp=icmp(3, 3, SERVER)), routed(kind="local"), table(*rows))
    states = [read(n, r).state for n in ("udp.local-port-in-use", "udp.no-socket")]
    assert states == (["present", "absent"] if taken else ["absent", "present"])


def test_an_incomplete_table_proves_nothing() -> None:
    r = report(exchange(Outcome.REFUSED), routed(kind="local"), table(complete=False))
    assert read("udp.no-socket", r).why == "needs-privilege"


def test_a_person_must_check_another_machine() -> None:
    r = report(exchange(Outcome.REFUSED, icmp=icmp(3, 3, SERVER)), routed())
    reading = read("udp.no-socket", r)
    assert reading.why == "needs-person"
    assert reading.ask is not None
    assert all(a.then in CATALOGUE for a in reading.ask.answers)
    assert read("udp.local-port-in-use", r).state == "absent"


@pytest.mark.parametrize("name", ["udp.http3-advertised", "udp.datagrams-arrive"])
def test_the_answers_of_a_person_lead_to_causes(name: str) -> None:
    ask = read(name, report(exchange(Outcome.TIMEOUT))).ask
    assert ask is not None
    assert all(a.then in CATALOGUE for a in ask.answers)


def test_a_denied_connect_is_no_denied_send() -> None:
    denied = {"errno": Errno(name="EPERM", number=1)}
    assert read("udp.send-denied", report(exchange(Outcome.DENIED, call="send", **denied))).state == "present"
    assert read("udp.send-denied", report(exchange(Outcome.DENIED, call="connect", **denied))).state == "absent"


def test_controls_are_wanted_once() -> None:
    silent = exchange(Outcome.TIMEOUT)
    want = Want(probe="controls", args=(SERVER,))
    assert read("udp.tcp-port-accepts", report(silent)).want == want
    note = Note(kind="not-evaluated", text="no", probe=want, reason="forbidden-by-option")
    assert read("udp.tcp-port-accepts", report(silent, notes=(note,))).why == "forbidden-by-option"


# ---------------------------------------------------------------- causes


def test_a_closed_port_is_likely_from_another_machine_and_certain_on_this_one() -> None:
    o = exchange(Outcome.REFUSED, errno=REFUSED, icmp=icmp(3, 3, SERVER))
    afar, here = first(report(o, routed())), first(report(o, routed(kind="local"), table()))
    assert (afar.cause, afar.certainty, afar.owner) == ("udp.closed", "likely", "server-operator")
    assert (here.cause, here.certainty, here.owner) == ("udp.closed", "certain", "this-machine")
    assert afar.next_test is not None


def test_a_refused_port_that_a_local_process_uses_is_the_local_firewall() -> None:
    o = exchange(Outcome.REFUSED, errno=REFUSED, icmp=icmp(3, 3, SERVER))
    p = first(report(o, routed(kind="local"), table(row("0.0.0.0"))))
    assert (p.cause, p.certainty) == ("local.firewall-reject", "certain")
    assert "udp.closed" in [r.cause for r in p.ruled_out]


def same_answer(address: str, outcome: Outcome, error: Icmp) -> list[Connect]:
    return [
        Connect(id=f"k{port}", outcome=outcome, took=0.01, address=address, port=port, role="control", icmp=error)
        for port in (80, 443)
    ]


@pytest.mark.parametrize(
    ("address", "error", "outcome", "cause", "certainty"),
    [
        (SERVER, icmp(3, 3, ROUTER), Outcome.REFUSED, "udp.rejected-by-firewall", "certain"),
        (SERVER, icmp(3, 13, ROUTER), Outcome.PROHIBITED, "udp.rejected-by-firewall", "certain"),
        (SIX, icmp(1, 1, ROUTER6), Outcome.PROHIBITED, "udp.rejected-by-firewall", "certain"),
        (SERVER, icmp(3, 10, SERVER), Outcome.PROHIBITED, "udp.rejected-by-host-firewall", "likely"),
        (SIX, icmp(1, 1, SIX), Outcome.PROHIBITED, "udp.rejected-by-host-firewall", "likely"),
        (SERVER, icmp(3, 3, OURS), Outcome.REFUSED, "local.firewall-reject", "certain"),
        (SERVER, icmp(3, 0, ROUTER), Outcome.NET_UNREACHABLE, "tcp.net-unreachable", "certain"),
        (SERVER, icmp(3, 2, SERVER), Outcome.PROTOCOL_UNREACHABLE, "tcp.unreachable-other", "undetermined"),
    ],
)
def test_who_rejected_the_datagram(address: str, error: Icmp, outcome: Outcome, cause: str, certainty: str) -> None:
    p = first(report(exchange(outcome, address, icmp=error), routed(address), *same_answer(address, outcome, error)))
    assert (p.cause, p.certainty) == (cause, certainty)


def test_a_denied_send_is_the_local_firewall() -> None:
    o = exchange(Outcome.DENIED, errno=Errno(name="EPERM", number=1), call="send", sent=0)
    p = first(report(o, routed()))
    assert (p.symptom, p.cause, p.certainty) == ("permission-denied", "udp.local-denied", "certain")
    assert {"local.sandbox-denied", "local.conntrack-full"} <= {r.cause for r in p.ruled_out}


def test_a_full_connection_tracking_table_also_denies() -> None:
    o = exchange(Outcome.DENIED, errno=Errno(name="EPERM", number=1), call="send", sent=0)
    r = report(o, routed())
    full = Counters(id="c2", outcome=Outcome.OK, values={"nf_conntrack_count": 1000, "nf_conntrack_max": 1000})
    p = first(Report(target=r.target, vantage=r.vantage, observations=(*r.observations, full)))
    assert p.cause == "local.conntrack-full"


def silence(port: int, payload: str, *seen: Observation) -> Problem:
    o = exchange(Outcome.TIMEOUT, port=port, payload=payload, sent=4, took=3.5)
    return first(report(o, routed(), *seen, port=port))


def test_silence_decides_nothing() -> None:
    p = silence(161, "SNMP discovery", control(161, Outcome.REFUSED), control(80, Outcome.OK))
    assert (p.symptom, p.cause, p.certainty) == ("undetermined", "udp.open-or-filtered", "undetermined")
    assert "TCP port 80 of the same host (203.0.113.9) responds" in p.explanation


def test_a_service_that_is_silent_by_design_is_likely_only_if_the_host_exists() -> None:
    there = silence(514, "empty datagram", control(514, Outcome.REFUSED), control(80, Outcome.TIMEOUT))
    assert (there.symptom, there.cause, there.certainty) == ("undetermined", "udp.needs-protocol", "likely")
    gone = silence(514, "empty datagram", control(514, Outcome.TIMEOUT), control(80, Outcome.TIMEOUT))
    assert (gone.cause, gone.certainty) == ("udp.open-or-filtered", "undetermined")
    assert [c.cause for c in gone.candidates] == ["udp.needs-protocol"]


def test_quic_is_blocked_only_while_tcp_works() -> None:
    blocked = silence(443, "QUIC version negotiation", control(443, Outcome.OK))
    assert (blocked.symptom, blocked.cause, blocked.certainty) == ("undetermined", "udp.quic-blocked", "likely")
    both = silence(443, "QUIC version negotiation", control(443, Outcome.TIMEOUT), control(80, Outcome.OK))
    assert both.cause == "udp.open-or-filtered"


def test_a_datagram_that_is_too_big_names_the_sender_of_the_error() -> None:
    o = exchange(Outcome.MESSAGE_TOO_BIG, payload="QUIC version negotiation", icmp=icmp(3, 4, ROUTER), call="send")
    p = first(report(o, routed()))
    assert (p.cause, p.certainty) == ("udp.message-too-big", "certain")
    assert ROUTER in p.explanation


def test_another_service_on_the_port_is_reported() -> None:
    p = first(report(exchange(Outcome.OTHER_PROTOCOL, protocol="ssh", text="SSH-2.0-x", replies=1), routed()))
    assert (p.symptom, p.cause, p.certainty) == ("wrong-protocol", "udp.wrong-protocol", "certain")
    assert "SSH" in p.explanation


def test_an_answer_is_all_that_is_needed() -> None:
    v = diagnose(report(exchange(Outcome.OK, protocol="dns", text="NOERROR", replies=1), routed()), CATALOGUE).verdict
    assert (v.symptom, v.certainty) == ("ok", "certain")
    assert v.explanation.endswith(":53: all stages succeeded (udp).")
