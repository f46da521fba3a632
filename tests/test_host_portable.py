"""What macOS and Windows share, run here on loopback; their tools' output from canned text."""

from __future__ import annotations

import os
import socket

import pytest

from portdoctor.host import macos, portable, windows
from portdoctor.host.macos import MacOS
from portdoctor.host.windows import Windows
from portdoctor.model import Can, Outcome

ROUTE = """   route to: 192.0.2.80
destination: default
       mask: default
    gateway: 192.0.2.1
  interface: en0
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
"""
EXCLUDED = """
Protokoll tcp: Portausschlussbereiche

Startport    Endport
----------    --------
        80          80
     50000       50059     *

* - Verwaltete Portausschlüsse.
"""
DYNAMIC = """
Protocol tcp Dynamic Port Range
---------------------------------
Start Port      : 49152
Number of Ports : 16384
"""


def test_a_listener_is_found_with_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        look = portable.listeners(port, "tcp", owners=True)
        (row,) = look.rows
        assert (row.address, row.port, row.state) == ("127.0.0.1", port, "LISTEN")
        assert row.holder is not None
        assert row.holder.pid == os.getpid()
        assert row.holder.since


def test_interfaces_have_prefixes_and_are_ours() -> None:
    (lo,) = (row for row in portable.interfaces().rows if row.loopback)
    assert "127.0.0.1/8" in lo.addresses
    assert portable.is_own("127.0.0.1")
    assert portable.is_own("127.4.4.4")
    assert not portable.is_own("192.0.2.77")


def test_the_source_is_found_without_sending() -> None:
    assert portable.source_for("127.0.0.1", None) == "127.0.0.1"
    assert portable.source_for("127.0.0.1", "127.0.0.9") == "127.0.0.9"
    with pytest.raises(OSError, match=r"\S"):
        portable.source_for("127.0.0.1", "192.0.2.77")


def test_a_tool_that_is_not_there_gives_none() -> None:
    assert portable.run_tool("portdoctor-no-such-tool") is None
    assert (portable.run_tool("echo", "7") or "").strip() == "7"


def test_the_words_of_route_are_read() -> None:
    way = macos.read_route(ROUTE)
    assert (way["gateway"], way["interface"]) == ("192.0.2.1", "en0")
    assert macos.read_route("route: writing to routing socket: not in table\n").get("gateway") is None


def test_the_numbers_of_netsh_are_read_in_any_language(monkeypatch: pytest.MonkeyPatch) -> None:
    assert windows.numbers(EXCLUDED) == [[80, 80], [50000, 50059]]
    monkeypatch.setattr(portable, "run_tool", lambda *command: DYNAMIC if "dynamicport" in command else EXCLUDED)
    policy = Windows().port_policy()
    assert policy.ephemeral == (49152, 65535)
    assert policy.reserved == ((80, 80), (50000, 50059))


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("? (192.0.2.5) at a0:b1:c2:d3:e4:f5 on en0 ifscope [ethernet]\n", "known"),
        ("? (192.0.2.5) at (incomplete) on en0 ifscope [ethernet]\n", "incomplete"),
        ("192.0.2.5 (192.0.2.5) -- no entry\n", "none"),
        (None, "unknown"),
    ],
)
def test_the_arp_entry_of_macos_is_read(monkeypatch: pytest.MonkeyPatch, text: str | None, state: str) -> None:
    monkeypatch.setattr(portable, "run_tool", lambda *_: text)
    assert MacOS().neighbour("192.0.2.5").state == state


@pytest.mark.parametrize(
    ("text", "state"),
    [("  192.0.2.5             a0-b1-c2-d3-e4-f5     dynamic\n", "known"), ("No ARP Entries Found.\n", "none")],
)
def test_the_arp_entry_of_windows_is_read(monkeypatch: pytest.MonkeyPatch, text: str, state: str) -> None:
    monkeypatch.setattr(portable, "run_tool", lambda *_: text)
    assert Windows().neighbour("192.0.2.5").state == state


@pytest.mark.parametrize("host", [MacOS(), Windows()])
def test_no_evidence_is_promised_that_the_system_does_not_give(host: MacOS | Windows) -> None:
    can = host.can()
    assert (can.error_queue, can.ttl_trace) == (Can().error_queue, Can().ttl_trace)
    with socket.socket() as sock:
        assert not host.watch_errors(sock)
        assert host.read_error(sock) is None
        assert host.syns_unanswered(sock) is None
    assert host.limits()
    assert host.counters().outcome is Outcome.OK
    assert host.route("127.0.0.1").type == "local"
