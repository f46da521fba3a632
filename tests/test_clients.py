"""What known programs do with several addresses: the table against what the programs themselves were seen to do."""

from __future__ import annotations

import pytest

from portdoctor.services.clients import FASTEST, Client, Measured, fare, known_clients

SIX, FOUR = "fd00:0:0:4::2", "10.0.4.2"


def named(part: str) -> Client:
    return next(c for c in known_clients() if part in c.name)


def silent(address: str) -> Measured:
    return Measured(address=address, works=False, took=None)


def refused(address: str) -> Measured:
    return Measured(address=address, works=False, took=0.001)


def open_after(seconds: float, address: str) -> Measured:
    return Measured(address=address, works=True, took=seconds)


def test_every_row_has_a_source_and_no_limit_below_the_fast_lane() -> None:
    for client in known_clients():
        assert client.source
        limits = [limit for limit in (client.each, client.total) if limit is not None]
        assert all(limit > FASTEST for limit in limits)
        assert limits == [] or client.advice, f"{client.name}: what would make it wait longer?"


@pytest.mark.parametrize(
    ("client", "works", "at"),
    [  # seen in the network of scenarios/tcp/client-gives-up-first.toml: both families connect after 1.03 s
        ("Node.js 20", True, 1.28),
        ("Node.js 26", True, 1.53),
        ("curl", True, 1.04),
        ("Go", True, 1.03),
        ("Java", True, 1.03),
        ("Python", True, 1.02),
        ("Kubernetes", False, 1.0),
    ],
)
def test_both_families_are_slow(client: str, works: bool, at: float) -> None:
    ending = fare(named(client), [open_after(1.03, SIX), open_after(1.03, FOUR)])
    assert ending.works is works
    assert ending.at == pytest.approx(at, abs=0.02)


@pytest.mark.parametrize(
    ("client", "works", "at"),
    [  # seen in the network of client-gives-up-first-node.toml: IPv6 after 1.03 s, IPv4 refused
        ("Node.js 20", False, 0.25),
        ("Node.js 26", False, 0.5),
        ("curl", True, 1.04),
        ("Java", False, 0.0),
        ("Python", True, 1.03),
    ],
)
def test_one_family_is_slow_and_the_other_refuses(client: str, works: bool, at: float) -> None:
    ending = fare(named(client), [open_after(1.03, SIX), refused(FOUR)])
    assert ending.works is works
    assert ending.at == pytest.approx(at, abs=0.02)
    assert (ending.left == open_after(1.03, SIX)) is client.startswith("Node")


@pytest.mark.parametrize(
    ("client", "at"),
    [("Node.js 20", 0.26), ("Node.js 26", 0.51), ("curl", 0.2), ("Java", 0.0), ("Go", 0.3)],
)
def test_a_silent_family_before_a_fast_one_costs_what_was_seen(client: str, at: float) -> None:
    ending = fare(named(client), [silent(SIX), open_after(0.001, FOUR)])
    assert ending.works
    assert ending.at == pytest.approx(at, abs=0.02)


def test_a_serial_program_without_a_limit_waits_as_long_as_its_system() -> None:
    ending = fare(named("psql"), [silent(SIX), open_after(0.001, FOUR)])
    assert ending.works
    assert ending.at is None


def test_families_take_turns() -> None:
    """Node.js: three IPv6 addresses that are too slow do not keep it from the IPv4 one that is fast."""
    slow = [open_after(0.4, f"2001:db8::{n}") for n in range(3)]
    ending = fare(named("Node.js 20"), [*slow, open_after(0.01, FOUR)])
    assert ending.works
    assert ending.at == pytest.approx(0.26, abs=0.001)
