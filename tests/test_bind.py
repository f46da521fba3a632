"""Binds on loopback: every conflict that a port can have, and its diagnosis."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.host.linux import Linux
from portdoctor.model import (
    Bind,
    Diagnosis,
    Holder,
    Interface,
    Interfaces,
    Listener,
    Listeners,
    Outcome,
    Ports,
    Problem,
    Report,
    Subject,
    Target,
    Transport,
    Vantage,
)
from portdoctor.outcomes import errno_of
from portdoctor.probes.bind import bind
from portdoctor.probes.bindcheck import examine_bind
from portdoctor.render.phrases import works
from portdoctor.signs import find
from portdoctor.signs.conflict import overlap

HOST = Linux()
CATALOGUE = load_catalogue()


def examine(host: str, port: int, transport: Transport = "tcp", *, listen: bool = False) -> Report:
    """Return the report of `portdoctor bind`, as the checkup makes it."""
    target = Target(input=f"{host}:{port}", host=host, port=port, transport=transport, stages=("bind",))
    seen = asyncio.run(examine_bind(target, HOST, time.monotonic, listen=listen))
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate(seen, 1))
    return Report(target=target, vantage=Vantage(os="Linux", can=HOST.can()), observations=numbered)


def verdict(report: Report) -> tuple[str, str | None, str]:
    found: Diagnosis = diagnose(report, CATALOGUE)
    return found.verdict.symptom, found.verdict.cause, found.verdict.certainty


@contextmanager
def listener(address: str = "127.0.0.1", *, both: bool = False) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, dualstack_ipv6=both) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


# ---------------------------------------------------------------- the real kernel


def test_a_free_port_is_bound_and_released() -> None:
    report = examine("127.0.0.1", free_port())
    binds, (table,) = report.of(Bind), report.of(Listeners)
    assert (binds[0].outcome, binds[0].reuse, binds[0].listened) == (Outcome.OK, True, False)
    assert binds[0].took < 0.005
    # the second bind, which no server can start beside, is made only if a socket may use the port
    assert [(o.outcome, o.reuse) for o in binds[1:]] == ([] if table.bound_shown else [(Outcome.OK, False)])
    assert verdict(report) == ("ok", None, "certain")


def test_a_free_port_is_listened_on_only_where_asked() -> None:
    port = free_port()
    bound, listened = examine("127.0.0.1", port), examine("127.0.0.1", port, listen=True)
    assert listened.of(Bind)[0].listened
    notes = [[n.text for n in diagnose(r, CATALOGUE).notes] for r in (bound, listened)]
    assert [any("without listen()" in text for text in each) for each in notes] == [True, False]
    assert [works(r, diagnose(r, CATALOGUE)) for r in (bound, listened)] == [
        "free: a program can bind it", "free: a program can listen on it",
    ]  # fmt: skip


def test_no_client_connects_and_a_server_can_start_while_the_port_is_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    port, real, seen = free_port(), socket.socket.bind, []

    def bind_and_start_a_server(sock: socket.socket, where: tuple[str, int]) -> None:
        real(sock, where)
        if not seen:
            seen.append(sock)
            with socket.socket() as client:
                assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
            with socket.create_server(("127.0.0.1", port)) as server:
                socket.create_connection(server.getsockname()).close()

    monkeypatch.setattr(socket.socket, "bind", bind_and_start_a_server)
    assert asyncio.run(bind("127.0.0.1", port, "tcp", True, time.monotonic, HOST)).outcome is Outcome.OK
    assert seen


def test_a_port_beside_a_listener_on_another_address_is_bound_once() -> None:
    with listener("127.0.0.1") as port:
        report = examine("127.0.0.2", port)
        table = report.of(Listeners)[0]
        assert [row.state for row in table.rows] == ["LISTEN"]
        assert len(report.of(Bind)) == (1 if table.bound_shown else 2)


def test_a_taken_port_names_its_owner() -> None:
    with listener() as port:
        report = examine("127.0.0.1", port)
        assert verdict(report) == ("port-conflict", "bind.in-use", "certain")
        assert "is listening on 127.0.0.1" in diagnose(report, CATALOGUE).verdict.explanation


def used_by(holder: Holder) -> Problem:
    """The problem of a port on which this process listens."""
    row = Listener(address="127.0.0.1", port=8080, uid=33, holder=holder)
    failed = Bind(
        id="o1", outcome=Outcome.ADDRESS_IN_USE, errno=errno_of(98), address="127.0.0.1", port=8080, reuse=True
    )
    table = Listeners(id="o2", outcome=Outcome.OK, port=8080, complete=True, rows=(row,))
    target = Target(input="127.0.0.1:8080", host="127.0.0.1", port=8080, stages=("bind",))
    vantage = Vantage(os="Linux", started="2026-11-25T09:14:00.120Z")
    found = diagnose(Report(target=target, vantage=vantage, observations=(failed, table)), CATALOGUE).problems[0]
    assert found.cause == "bind.in-use"
    return found


def test_a_process_of_a_service_is_stopped_by_its_service() -> None:
    since = "2026-11-25T06:02:11Z"
    found = used_by(Holder(pid=812, name="nginx", user="www-data", unit="nginx.service", since=since))
    assert found.headline == "Already in use by nginx (pid 812, user www-data, started 3 h ago)."
    commands = [s.command for s in found.steps]
    assert commands[0] == "sudo systemctl stop nginx.service"
    assert not any("kill" in c for c in commands)


def test_a_process_of_a_session_is_stopped_by_its_pid() -> None:
    found = used_by(Holder(pid=812, name="nginx", unit="session-3.scope"))
    assert found.headline == "Already in use by nginx (pid 812)."
    assert next(s.command for s in found.steps) == "sudo kill 812"
    assert not any("systemctl" in s.command for s in found.steps)


def test_no_process_is_stopped_that_is_not_visible() -> None:
    found = used_by(Holder(user="www-data"))
    assert found.headline == "Already in use by a process of user www-data."
    assert not any("kill" in s.command or "systemctl" in s.command for s in found.steps)


@pytest.mark.parametrize("wanted", ["0.0.0.0", "*"])
def test_a_wildcard_conflicts_with_a_listener_on_one_address(wanted: str) -> None:
    with listener() as port:
        assert verdict(examine(wanted, port)) == ("port-conflict", "bind.in-use-wildcard", "certain")


def test_one_address_conflicts_with_a_wildcard() -> None:
    with listener("0.0.0.0") as port:
        assert verdict(examine("127.0.0.1", port)) == ("port-conflict", "bind.in-use-wildcard", "certain")


def test_two_addresses_do_not_conflict() -> None:
    with listener("127.0.0.1") as port:
        assert verdict(examine("127.0.0.2", port))[0] == "ok"


def test_a_dual_stack_listener_uses_ipv4_too() -> None:
    if socket.has_dualstack_ipv6():
        with listener("::", both=True) as port:
            assert verdict(examine("127.0.0.1", port)) == ("port-conflict", "bind.in-use-dual-stack", "certain")


def test_an_ipv6_only_listener_leaves_ipv4_free() -> None:
    if socket.has_dualstack_ipv6():
        with listener("::") as port:
            assert verdict(examine("0.0.0.0", port))[0] == "ok"
            assert verdict(examine("*", port)) == ("port-conflict", "bind.in-use", "certain")


def test_a_socket_that_does_not_listen_is_a_ghost() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        report = examine("127.0.0.1", bound.getsockname()[1])
        shown = report.of(Listeners)[0].bound_shown
        assert verdict(report) == ("port-conflict", "bind.in-use-ghost", "certain" if shown else "likely")


def test_a_ghost_that_the_kernel_does_not_list_is_likely() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        taken = asyncio.run(bind("127.0.0.1", port, "tcp", True, time.monotonic, HOST))
        again = asyncio.run(bind("127.0.0.1", port, "tcp", False, time.monotonic, HOST))
    table = Listeners(outcome=Outcome.OK, port=port, complete=True)
    seen = (taken, replace(table, began=taken.began), again, replace(table, began=again.began + 1))
    assert verdict(_report(taken, *seen[1:])) == ("port-conflict", "bind.in-use-ghost", "likely")
    assert verdict(_report(taken, seen[1]))[1] is None


def test_lingering_connections_are_no_conflict() -> None:
    with listener() as port, socket.create_server(("127.0.0.1", 0)) as server:
        assert port
        asked = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", asked)) as client:
            served, _ = server.accept()
            served.close()
            assert client.recv(1) == b""
    assert verdict(examine("127.0.0.1", asked)) == ("degraded", "bind.in-use-lingering", "certain")


def test_an_outgoing_connection_uses_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        report = examine("127.0.0.1", client.getsockname()[1])
        assert verdict(report) == ("port-conflict", "bind.in-use-outgoing", "certain")


def test_a_foreign_address_is_not_local() -> None:
    assert verdict(examine("192.0.2.77", 8080)) == ("address-unavailable", "bind.address-not-local", "certain")


def test_tcp_and_udp_do_not_conflict() -> None:
    with listener() as port:
        assert verdict(examine("127.0.0.1", port, "udp"))[0] == "ok"


def test_a_taken_udp_port_names_its_owner() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        report = examine("127.0.0.1", sock.getsockname()[1], "udp")
        assert verdict(report) == ("port-conflict", "bind.in-use", "certain")


def test_an_unknown_interface_is_an_observation() -> None:
    o = asyncio.run(bind("fe80::1%nothere0", 8080, "tcp", True, time.monotonic, HOST))
    assert o.outcome is not Outcome.OK
    assert o.os_says


# ---------------------------------------------------------------- reports written by hand


def _report(*seen: Bind | Listeners | Interfaces | Ports) -> Report:
    first = seen[0]
    assert isinstance(first, Bind)
    target = Target(input="x", host=first.address, port=first.port, stages=("bind",))
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate(seen, 1))
    return Report(target=target, vantage=Vantage(os="Linux"), observations=numbered)


def _failed(address: str, port: int, outcome: Outcome, number: int) -> Bind:
    return Bind(outcome=outcome, errno=errno_of(number), address=address, port=port, reuse=True)


LOW = _failed("0.0.0.0", 80, Outcome.DENIED, 13)
HIGH = _failed("0.0.0.0", 8080, Outcome.DENIED, 13)
POLICY = Ports(outcome=Outcome.OK, unprivileged_start=1024, bind_capability=False)
GONE = _failed("2001:db8::5", 80, Outcome.ADDRESS_UNAVAILABLE, 99)
LO = Interface(name="lo", up=True, running=True, loopback=True, addresses=("127.0.0.1/8",))
ETH = Interface(name="eth0", up=True, running=True, addresses=("192.0.2.7/24", "2001:db8::5/64"))


def test_a_low_port_needs_a_privilege() -> None:
    assert verdict(_report(LOW, POLICY)) == ("permission-denied", "bind.privileged-port", "certain")


@pytest.mark.parametrize(
    "seen", [(HIGH, POLICY), (LOW, replace(POLICY, bind_capability=True)), (LOW, replace(POLICY, unprivileged_start=0))]
)
def test_a_denial_without_a_privileged_port_is_a_policy(seen: tuple[Bind, Ports]) -> None:
    assert verdict(_report(*seen)) == ("permission-denied", "bind.denied-by-policy", "likely")


def test_a_denial_without_the_policy_stays_open() -> None:
    assert verdict(_report(LOW))[1] is None


def test_an_address_in_duplicate_detection_is_tentative() -> None:
    eth = replace(ETH, tentative=("2001:db8::5/64",))
    report = _report(GONE, Interfaces(outcome=Outcome.OK, rows=(LO, eth)))
    assert verdict(report) == ("address-unavailable", "bind.address-tentative", "certain")


def test_a_machine_without_ipv6_has_no_ipv6_address() -> None:
    report = _report(GONE, Interfaces(outcome=Outcome.OK, rows=(LO, replace(ETH, addresses=("192.0.2.7/24",)))))
    assert verdict(report) == ("address-unavailable", "bind.family-unavailable", "certain")


def test_a_kernel_without_ipv6_is_reported() -> None:
    report = _report(_failed("::1", 80, Outcome.FAMILY_UNSUPPORTED, 97))
    assert verdict(report)[1] == "bind.family-unavailable"


def test_an_address_that_came_back_is_not_called_foreign() -> None:
    report = _report(GONE, Interfaces(outcome=Outcome.OK, rows=(LO, ETH)))
    assert verdict(report)[1] is None


def test_an_incomplete_table_rules_nothing_out() -> None:
    taken = _failed("127.0.0.1", 80, Outcome.ADDRESS_IN_USE, 98)
    assert verdict(_report(taken, Listeners(outcome=Outcome.OK, port=80, complete=False)))[1] is None


def test_a_row_whose_scope_is_not_shown_is_not_called_dual_stack() -> None:
    taken = _failed("127.0.0.1", 80, Outcome.ADDRESS_IN_USE, 98)
    row = Listener(address="::", port=80, uid=33)
    report = _report(taken, Listeners(outcome=Outcome.OK, port=80, complete=True, rows=(row,)))
    reading = find("conflict.listener")(report, Subject(kind="local", values=("127.0.0.1:80",)), "dual-stack")
    assert reading.state == "unknown"


@pytest.mark.parametrize(
    ("bound", "bound_only", "wanted", "wanted_only", "conflict"),
    [
        ("0.0.0.0", None, "127.0.0.1", None, True),
        ("127.0.0.1", None, "0.0.0.0", None, True),
        ("127.0.0.1", None, "127.0.0.2", None, False),
        ("::", False, "10.0.0.1", None, True),
        ("::", True, "10.0.0.1", None, False),
        ("::", True, "::1", True, True),
        ("0.0.0.0", None, "::1", True, False),
        ("0.0.0.0", None, "::", False, True),
        ("127.0.0.1", None, "::", True, False),
        ("::ffff:10.0.0.1", False, "10.0.0.1", None, True),
        ("fe80::1%eth0", True, "fe80::1%eth0", True, True),
    ],
)
def test_overlap(bound: str, bound_only: bool | None, wanted: str, wanted_only: bool | None, conflict: bool) -> None:
    assert overlap(bound, bound_only, wanted, wanted_only) is conflict
