"""What listens here, who holds it and who can reach it: the table, the JSON and the reach of an address."""

from __future__ import annotations

import json
import socket

import jsonschema
import pytest

from portdoctor import host
from portdoctor.model import Holder, Listener, Listeners, Outcome
from portdoctor.render.listening import document, reach_of, render, schema, to_json

WEB = Listener(
    address="0.0.0.0", port=443, queued=3, backlog=128, uid=0,
    holder=Holder(pid=812, name="nginx", user="root", unit="nginx.service"),
)  # fmt: skip
DATABASE = Listener(address="127.0.0.1", port=5432, uid=26)
ROWS = (
    WEB,
    DATABASE,
    Listener(address="::1", port=5432, uid=26),
    Listener(address="10.0.0.5", port=8080, state="BOUND"),
    Listener(address="10.0.0.5", port=40000, state="ESTABLISHED", peer="10.0.0.9:443"),
)
DATAGRAMS = (
    Listener(transport="udp", address="10.0.0.5", port=53, state="UNCONN"),
    Listener(transport="udp", address="10.0.0.5", port=40001, state="ESTABLISHED", peer="10.0.0.9:53"),
)


def table(*rows: Listener, complete: bool = True) -> Listeners:
    return Listeners(outcome=Outcome.OK, port=0, complete=complete, rows=rows)


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("127.0.0.1", "loopback"), ("127.8.8.8", "loopback"), ("::1", "loopback"), ("::ffff:127.0.0.1", "loopback"),
        ("10.0.0.5", "lan"), ("172.16.0.1", "lan"), ("192.168.1.1", "lan"), ("100.64.0.1", "lan"),
        ("169.254.1.1", "lan"), ("fd00::1", "lan"), ("fe80::1%eth0", "lan"), ("0.0.0.0", "all"), ("::", "all"),
        ("*", "all"), ("8.8.8.8", "all"), ("2600::1", "all"),
    ],
)  # fmt: skip
def test_who_can_reach_an_address(address: str, reach: str) -> None:
    assert reach_of(address) == reach


def test_only_listening_sockets_are_listed_by_port() -> None:
    found = document((table(*ROWS), table(*DATAGRAMS)))
    listed = [(row.port, row.transport, row.address) for row in found.rows]
    assert listed == [
        (53, "udp", "10.0.0.5"), (443, "tcp", "0.0.0.0"), (5432, "tcp", "127.0.0.1"), (5432, "tcp", "::1"),
    ]  # fmt: skip
    assert [row.reach for row in found.rows] == ["lan", "all", "loopback", "loopback"]
    assert found.rows[1].service == "https"


def test_the_text_fits_and_names_the_process() -> None:
    text = render(document((table(*ROWS),)))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "nginx, pid 812, 3 of 128 queued" in text
    assert "user id 26" in text


def test_what_is_not_visible_is_reported() -> None:
    limits = ("cannot see which process of another user is using a socket: needs root",)
    assert "Cannot see which process" in render(document((table(DATABASE),), limits=limits))
    assert "Cannot see" not in render(document((table(WEB),), limits=limits))
    assert "that is visible to this user" in render(document((table(complete=False),), 80))
    assert render(document((table(),), 80)) == "Nothing is listening on port 80 of this machine."


def test_hostile_names_are_harmless() -> None:
    evil = Listener(address="0.0.0.0", port=80, holder=Holder(pid=1, name="a\x1b[31m\u202eb\nc"))
    found = document((table(evil),))
    for text in (render(found), to_json(found)):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_the_json_keeps_its_schema() -> None:
    found = json.loads(to_json(document((table(*ROWS), table(*DATAGRAMS)), 443, ("a limit",))))
    jsonschema.Draft202012Validator(schema()).validate(found)
    assert found["schema"] == "portdoctor.listening/1"
    assert found["rows"][1]["holder"]["name"] == "nginx"


def test_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        found = document((host.current().listeners(port), host.current().listeners(port, "udp")), port)
    assert [(row.address, row.port, row.reach) for row in found.rows] == [("127.0.0.1", port, "loopback")]
