"""The Linux host: canned kernel answers, and the real kernel on loopback. Nothing leaves the machine."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from pathlib import Path

import pytest

from portdoctor.host import files, netlink, owners, procfs, sockdiag
from portdoctor.host.errqueue import read_extended_error
from portdoctor.host.linux import Linux
from portdoctor.model import Icmp, Outcome

HOST = Linux()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


IPV6 = _has_ipv6()
LOOPBACKS = [(socket.AF_INET, "127.0.0.1"), *([(socket.AF_INET6, "::1")] if IPV6 else [])]


# ---------------------------------------------------------------- the error queue


def _entry(number: int, origin: int, kind: int, code: int, offender: bytes) -> bytes:
    return struct.pack("=IBBBBII", number, origin, kind, code, 0, 0, 0) + offender


def _inet(address: str) -> bytes:
    return struct.pack("=HH", socket.AF_INET, 0) + socket.inet_aton(address) + bytes(8)


def _inet6(address: str, scope: int = 0) -> bytes:
    packed = socket.inet_pton(socket.AF_INET6, address)
    return struct.pack("=HHI", socket.AF_INET6, 0, 0) + packed + struct.pack("=I", scope)


def test_an_icmp_error_names_its_sender() -> None:
    data = _entry(errno.EHOSTUNREACH, 2, 3, 13, _inet("10.0.12.2"))
    assert read_extended_error(data) == (errno.EHOSTUNREACH, Icmp(type=3, code=13, offender="10.0.12.2"))


def test_an_icmpv6_error_names_its_sender() -> None:
    data = _entry(errno.EACCES, 3, 1, 1, _inet6("2001:db8::7"))
    assert read_extended_error(data) == (errno.EACCES, Icmp(type=1, code=1, offender="2001:db8::7"))


def test_a_link_local_sender_has_its_interface() -> None:
    lo = socket.if_nametoindex("lo")
    read = read_extended_error(_entry(errno.EACCES, 3, 1, 1, _inet6("fe80::7", lo)))
    assert read is not None
    assert read[1] == Icmp(type=1, code=1, offender="fe80::7%lo")


def test_a_local_error_has_no_sender() -> None:
    assert read_extended_error(_entry(errno.EMSGSIZE, 1, 0, 0, _inet("10.0.0.1"))) == (errno.EMSGSIZE, None)


@pytest.mark.parametrize("length", range(16))
def test_a_short_entry_is_no_error_of_ours(length: int) -> None:
    assert read_extended_error(bytes(length)) is None


def test_a_short_offender_is_left_out() -> None:
    assert read_extended_error(_entry(errno.EHOSTUNREACH, 2, 3, 1, b"\x02\0")) == (errno.EHOSTUNREACH, None)


def test_a_refusal_by_reset_leaves_the_queue_empty() -> None:
    with socket.socket() as free, socket.socket() as sock:
        free.bind(("127.0.0.1", 0))
        assert HOST.watch_errors(sock)
        sock.setblocking(False)
        sock.connect_ex(free.getsockname())
        select.select([], [sock], [], 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        assert HOST.read_error(sock) is None


@pytest.mark.parametrize(("family", "address"), LOOPBACKS)
def test_a_closed_udp_port_is_told_by_our_own_icmp(family: int, address: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as free, socket.socket(family, socket.SOCK_DGRAM) as sock:
        free.bind((address, 0))
        port = free.getsockname()[1]
        free.close()
        assert HOST.watch_errors(sock)
        sock.connect((address, port))
        sock.send(b"?")
        select.select([sock], [], [], 1)
        expected = Icmp(type=3, code=3, offender=address) if family == socket.AF_INET else None
        read = HOST.read_error(sock)
        assert read is not None
        assert read[0] == errno.ECONNREFUSED
        assert read[1] == (expected or Icmp(type=1, code=4, offender=address))
        assert HOST.read_error(sock) is None


# ---------------------------------------------------------------- TCP_INFO


def test_a_connected_socket_tells_its_round_trip_and_no_retransmission() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        assert HOST.syns_unanswered(sock) == 0
        rtt = HOST.rtt(sock)
        assert rtt is not None
        assert 0 < rtt < 1


def test_a_socket_of_another_kind_tells_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert HOST.syns_unanswered(sock) is None
        assert HOST.rtt(sock) is None


def test_hurry_leaves_one_retransmission() -> None:
    with socket.socket() as sock:
        HOST.hurry(sock)
        assert sock.getsockopt(socket.IPPROTO_TCP, 7) == 1


# ---------------------------------------------------------------- routes, neighbours, interfaces


def test_the_loopback_is_ours_and_needs_no_gateway() -> None:
    for address in ("127.0.0.1", "127.9.8.7"):
        route = HOST.route(address)
        assert (route.outcome, route.type, route.interface, route.gateway) == (Outcome.OK, "local", "lo", None)
        assert HOST.is_own(address)
        assert HOST.neighbour(address).state == "none"


def test_a_foreign_source_is_no_blackhole() -> None:
    assert HOST.route("127.0.0.1", "192.0.2.77").type == "local"


def test_a_source_of_ours_is_used() -> None:
    assert HOST.route("127.0.0.1", "127.0.0.9").source == "127.0.0.9"


def test_an_unknown_interface_is_a_failed_look_not_a_missing_route() -> None:
    route = HOST.route("fe80::1%nothere0")
    assert route.type == "unknown"
    assert route.outcome is not Outcome.OK
    assert HOST.neighbour("fe80::1%nothere0").state == "unknown"


def test_the_interfaces_have_the_loopback_with_its_address() -> None:
    look = HOST.interfaces()
    (lo,) = (row for row in look.rows if row.name == "lo")
    assert lo.loopback
    assert lo.up
    assert "127.0.0.1/8" in lo.addresses


def _route_message(kind: int, bits: int, *attributes: bytes, family: int = socket.AF_INET) -> bytes:
    return struct.pack("=BBBBBBBBI", family, bits, 0, 0, 254, 0, 0, kind, 0) + b"".join(attributes)


def test_a_route_message_is_read() -> None:
    gateway = netlink.attribute(5, socket.inet_aton("10.0.0.9"))
    destination = netlink.attribute(1, socket.inet_aton("10.9.0.0"))
    lo = netlink.attribute(4, struct.pack("=I", socket.if_nametoindex("lo")))
    route = netlink.read_route(_route_message(1, 16, destination, lo, gateway))
    assert (route.type, route.prefix, route.gateway, route.interface) == ("unicast", "10.9.0.0/16", "10.0.0.9", "lo")


def test_an_ipv4_route_by_an_ipv6_gateway_is_read() -> None:
    via = netlink.attribute(18, struct.pack("=H", socket.AF_INET6) + socket.inet_pton(socket.AF_INET6, "2001:db8::9"))
    route = netlink.read_route(_route_message(1, 0, via))
    assert (route.prefix, route.gateway) == ("0.0.0.0/0", "2001:db8::9")


def test_a_route_with_several_next_hops_gives_the_first() -> None:
    gateway = netlink.attribute(5, socket.inet_aton("10.0.0.9"))
    hop = struct.pack("=HBBI", 8 + len(gateway), 0, 0, socket.if_nametoindex("lo")) + gateway
    route = netlink.read_route(_route_message(1, 0, netlink.attribute(9, hop)))
    assert (route.gateway, route.interface) == ("10.0.0.9", "lo")


def test_a_neighbour_message_about_another_address_is_passed_over() -> None:
    wanted, other = socket.inet_aton("10.0.0.9"), socket.inet_aton("10.0.0.8")
    head = struct.pack("=BBHiHBB", socket.AF_INET, 0, 0, 7, 0x20, 0, 0)
    assert netlink.read_neighbour(head + netlink.attribute(1, wanted), wanted) == (7, "failed")
    assert netlink.read_neighbour(head + netlink.attribute(1, other), wanted) == (0, "")


@pytest.mark.parametrize("length", [0, 4, 15, 17, 99])
def test_a_broken_datagram_ends_the_reading(length: int) -> None:
    assert list(netlink.messages(struct.pack("=IHH", length, 1, 0) + bytes(8))) == []
    assert list(netlink.messages(bytes(length % 16))) == []


@pytest.mark.parametrize("data", [b"\x04", b"\x03\0\x01\0", b"\x63\0\x01\0\0\0\0\0"])
def test_a_broken_attribute_ends_the_reading(data: bytes) -> None:
    assert netlink.attributes(data) == {}


def test_the_kernels_refusal_keeps_its_errno() -> None:
    with pytest.raises(netlink.Refused) as refused:
        list(netlink.query_kernel(netlink.SOCK_DIAG, 9999, 0, b""))
    assert refused.value.errno == errno.EINVAL


# ---------------------------------------------------------------- sockets and their owners


def test_a_listener_is_found_with_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=7) as server:
        port = server.getsockname()[1]
        look = HOST.listeners(port)
        (row,) = look.rows
        assert look.complete
        assert (row.state, row.address, row.port, row.backlog, row.queued) == ("LISTEN", "127.0.0.1", port, 7, 0)
        assert row.inode == os.fstat(server.fileno()).st_ino
        assert row.holder is not None
        assert row.holder.pid == os.getpid()
        assert row.holder.command
        began = time.mktime(time.strptime(row.holder.since or "", "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        assert 0 <= time.time() - began < 24 * 3600


def test_a_connection_that_waits_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        rows = HOST.listeners(server.getsockname()[1]).rows
        assert [row.queued for row in rows if row.state == "LISTEN"] == [1]
        assert [row.state for row in rows] == ["LISTEN", "ESTABLISHED"]


def test_a_socket_that_is_bound_only_is_shown_where_the_kernel_can() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        look = HOST.listeners(bound.getsockname()[1])
        assert [row.state for row in look.rows] == (["BOUND"] if look.bound_shown else [])


def test_a_dual_stack_listener_is_told_from_an_ipv6_one() -> None:
    for only in (True, False) if IPV6 else ():
        with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=not only) as server:
            (row,) = HOST.listeners(server.getsockname()[1]).rows
            assert row.v6only is only


def test_a_udp_socket_is_found() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        (row,) = HOST.listeners(sock.getsockname()[1], "udp").rows
        assert (row.state, row.address) == ("UNCONN", "127.0.0.1")


def test_the_table_of_proc_says_the_same_as_sock_diag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (ours,) = procfs.sockets(port, "tcp")
        (theirs,) = sockdiag.sockets(port, "tcp").rows
        assert (ours.address, ours.port, ours.state, ours.inode) == (theirs.address, port, "LISTEN", theirs.inode)


def test_an_ipv6_row_of_proc_is_read() -> None:
    text = "head\n   0: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n"  # noqa: E501  as the kernel writes it
    (row,) = procfs.read_table(text, "tcp")
    assert (row.address, row.port, row.uid, row.inode, row.queued) == ("::ffff:127.0.0.1", 8080, 1000, 4711, 2)


@pytest.mark.parametrize(
    ("path", "unit", "container"),
    [
        ("/system.slice/nginx.service", "nginx.service", None),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-web.service", "app-web.service", None),
        (f"/system.slice/docker-{'ab' * 32}.scope", None, "ab" * 6),
        (f"/docker/{'cd' * 32}", None, "cd" * 6),
        (f"/user.slice/libpod-{'ef' * 32}.scope/container", None, "ef" * 6),
        (f"/kubepods.slice/pod1.slice/cri-containerd-{'01' * 32}.scope", None, "01" * 6),
        (f"/machine.slice/libpod-conmon-{'ab' * 32}.scope", f"libpod-conmon-{'ab' * 32}.scope", "ab" * 6),
        ("/", None, None),
        ("/init.scope", None, None),
    ],
)
def test_a_cgroup_names_the_unit_or_the_container(path: str, unit: str | None, container: str | None) -> None:
    assert owners.unit(path) == unit
    assert owners.container(path) == container


def test_the_cgroup_of_a_process_is_read_in_both_versions() -> None:
    assert owners.cgroup_of("0::/system.slice/a.service\n") == "/system.slice/a.service"
    assert owners.cgroup_of("12:pids:/docker/x\n1:name=systemd:/docker/xyz\n0::/\n") == "/docker/xyz"
    assert owners.cgroup_of("") is None


def test_packets_are_counted_by_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "Inter-|   Receive  |  Transmit\n face |bytes packets errs\n"
        "    lo: 9 8 0 0 0 0 0 0 9 8 0 0 0 0 0 0\n"
        "eth0.5:99 12 0 0 0 0 0 0 77 7 0 0 0 0 0 0\n"
    )
    monkeypatch.setattr(procfs, "read_text", lambda path: text)
    assert procfs.packets() == {"eth0.5": (12, 7)}


def test_a_cgroup_is_found_by_its_inode(tmp_path: Path) -> None:
    folder = tmp_path / "system.slice" / "a.service"
    folder.mkdir(parents=True)
    number = folder.stat().st_ino
    assert owners.cgroup_paths([number, 1], str(tmp_path)) == {number: "/system.slice/a.service"}


def test_a_user_without_a_name_keeps_the_number() -> None:
    assert owners.user_of(0) == "root"
    assert owners.user_of(3_999_999_999) == "uid 3999999999"
    assert owners.user_of(None) is None


# ---------------------------------------------------------------- ports, counters, files


def test_the_port_policy_is_read() -> None:
    policy = HOST.port_policy()
    assert policy.ephemeral is not None
    assert policy.ephemeral[0] < policy.ephemeral[1]
    assert policy.unprivileged_start is not None
    assert policy.bind_capability is not None


def test_reserved_ports_are_ranges() -> None:
    assert procfs.port_ranges("8080,9000-9010\n") == ((8080, 8080), (9000, 9010))
    assert procfs.port_ranges("\n") == ()


def test_counters_have_their_own_names() -> None:
    values = HOST.counters().values
    assert {"ListenOverflows", "tcp_inuse", "ephemeral_ports", "nofile_soft"} <= values.keys()


def test_counters_of_other_groups_are_left_out() -> None:
    text = "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 5 7\nIpExt: InOctets\nIpExt: 9\nTcpExt: cut"
    assert procfs.pick(text) == {"ListenOverflows": 7}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", ("192.0.2.1", "2001:db8::1")),
        ("# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n", ()),
        ("search example.com\noptions edns0\nnameserver\tfe80::1%eth0 # home\n", ("fe80::1%eth0",)),
        ("nameserver 1\nnameserver 2\nnameserver 3\nnameserver 4\n", ("0.0.0.1", "0.0.0.2", "0.0.0.3")),
        ("nameserver dns.example\nnameserver 127.1\nnameserver 192.0.2.1\n", ("127.0.0.1", "192.0.2.1")),
        (" nameserver 192.0.2.1\nnameservers 192.0.2.2\nnameserver\n", ()),
        ("", ()),
    ],
)
def test_resolv_conf_is_read_as_glibc_does(text: str, expected: tuple[str, ...]) -> None:
    assert files.nameservers(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("search a.example b.example\nnameserver 192.0.2.1\n", ("a.example", "b.example")),
        ("search a.example\ndomain b.example c.example\n", ("b.example",)),
        (" search a.example\n#search b.example\nsearch\n", ()),
    ],
)
def test_the_last_search_list_counts(text: str, expected: tuple[str, ...]) -> None:
    assert files.search_domains(text) == expected


ONE, TWO, THREE = ("".join(f"nameserver 192.0.2.{n}\n" for n in range(1, last + 1)) for last in (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "environment", "seconds"),
    [  # measured with glibc 2.36 and nameservers that do not respond
        (ONE, "", 10),
        (TWO, "", 20),
        (THREE, "", 28),
        (ONE + "options timeout:1 attempts:3\n", "", 3),
        (THREE + "options timeout:1 attempts:1 rotate\n", "", 3),
        (TWO + "options timeout:3 attempts:1\n", "", 6),
        (ONE + "search corp.test\noptions timeout:2\n", "", 8),
        # as resolv.conf(5) and the source state
        ("", "", 10),
        (ONE + "options timeout:99 attempts:99\n", "", 150),
        (ONE + "options timeout:0\n", "", 2),
        (ONE + "options timeout:1\noptions attempts:4 timeout:x\n", "", 4),
        (ONE + "#options timeout:1\n options timeout:1\n", "", 10),
        (ONE + "options timeout:1\n", "timeout:3 attempts:1", 3),
    ],
)
def test_the_resolver_library_waits_as_resolv_conf_tells_it(text: str, environment: str, seconds: float) -> None:
    assert files.longest_lookup(text, environment) == seconds


def test_the_hosts_file_gives_every_line_of_the_name(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n# 9.9.9.9 shop\n192.0.2.1\tweb Shop.example  # old\n::1 shop.example.\n")
    look = files.hosts_file(str(path), "shop.EXAMPLE.")
    assert look.lines == ((3, "192.0.2.1", "192.0.2.1\tweb Shop.example  # old"),)
    assert files.hosts_file(str(path), "shop").lines == ()


def test_a_missing_hosts_file_is_said(tmp_path: Path) -> None:
    look = files.hosts_file(str(tmp_path / "none"), "x")
    assert look.errno is not None
    assert look.errno.name == "ENOENT"


def test_what_this_machine_can_show() -> None:
    assert HOST.describe().startswith("Linux ")
    assert HOST.can().listener_table == "all"
    assert bool(HOST.limits()) == (os.geteuid() != 0)
    assert HOST.resolvers()
