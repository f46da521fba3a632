"""One case from two places: what the second place decides, and what it must not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.merge import MergeError, merge
from portdoctor.engine.verdict import diagnose
from portdoctor.model import Can, Connect, Ending, Icmp, Listener, Listeners, Outcome, Report, Route, Target, Vantage
from portdoctor.render import json

CATALOGUE = load_catalogue()
HERE, SERVER, ELSEWHERE = "192.0.2.7", "203.0.113.45", "198.51.100.9"
ALL = Can(error_queue=True, ttl_trace=True, listener_table="all", neighbour_table=True)


def seen_from(source: str, *observations: Ending, at: str = "2026-11-22T09:14:03Z", port: int = 8080) -> Report:
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate(observations, 1))
    return Report(
        target=Target(input=f"{SERVER}:{port}", host=SERVER, port=port, stages=("tcp", "app")),
        vantage=Vantage(os="Linux 6.18", started=at, source_address=source, can=ALL),
        observations=numbered,  # type: ignore[arg-type]
    )


def connect(source: str, outcome: Outcome, took: float = 0.02, icmp: Icmp | None = None) -> Connect:
    return Connect(outcome=outcome, took=took, address=SERVER, port=8080, source=source, icmp=icmp)


def there(*rows: Listener, outcome: Outcome = Outcome.REFUSED, at: str = "2026-11-22T09:15:00Z") -> Report:
    return seen_from(
        SERVER,
        Route(outcome=Outcome.OK, address=SERVER, type="local"),
        connect(SERVER, outcome),
        Listeners(outcome=Outcome.OK, port=8080, complete=True, rows=rows),
        at=at,
    )


AWAY = Route(outcome=Outcome.OK, address=SERVER, gateway="192.0.2.1")
REFUSED = seen_from(HERE, AWAY, connect(HERE, Outcome.REFUSED))
SILENT = seen_from(
    HERE, AWAY, connect(HERE, Outcome.TIMEOUT, 3.5),
    Connect(outcome=Outcome.OK, took=0.02, address=SERVER, port=443, role="control"),
)  # fmt: skip


def test_the_servers_empty_table_makes_a_refusal_certain() -> None:
    alone = diagnose(REFUSED, CATALOGUE).verdict
    assert (alone.cause, alone.certainty) == ("tcp.no-listener", "likely")
    for order in ([REFUSED, there()], [there(), REFUSED]):
        both = diagnose(merge(order), CATALOGUE)
        assert (both.verdict.cause, both.verdict.certainty) == ("tcp.no-listener", "certain")
        assert "b.o3" in both.problems[0].evidence


def test_a_listener_on_the_server_clears_it() -> None:
    listening = there(Listener(address="0.0.0.0", port=8080), outcome=Outcome.OK)
    found = diagnose(merge([REFUSED, listening]), CATALOGUE).problems[0]
    assert found.cause != "tcp.no-listener"
    assert "tcp.no-listener" in [r.cause for r in found.ruled_out]


def test_a_listener_on_another_address_does_not_clear_it() -> None:
    loopback = there(Listener(address="127.0.0.1", port=8080))
    assert diagnose(merge([REFUSED, loopback]), CATALOGUE).verdict.certainty == "certain"


def test_another_place_that_connects_points_to_the_source() -> None:
    other = seen_from(ELSEWHERE, AWAY, connect(ELSEWHERE, Outcome.OK))
    v = diagnose(merge([SILENT, other]), CATALOGUE).verdict
    assert (v.cause, v.certainty, v.owner) == ("tcp.source-filtered", "likely", "network")


def test_the_same_place_again_proves_nothing_about_the_source() -> None:
    again = seen_from(HERE, AWAY, connect(HERE, Outcome.OK))
    assert diagnose(merge([SILENT, again]), CATALOGUE).verdict.cause == "tcp.port-filtered"


def test_a_half_open_connection_on_the_server_is_a_broken_way_back() -> None:
    half = Listener(address=SERVER, port=8080, state="SYN_RECV", peer=f"{HERE}:40123")
    listening = Listener(address="0.0.0.0", port=8080)
    v = diagnose(merge([SILENT, there(listening, half, outcome=Outcome.OK)]), CATALOGUE).verdict
    assert (v.cause, v.certainty) == ("tcp.return-path-broken", "certain")
    stranger = replace(half, peer=f"{ELSEWHERE}:40123")
    v = diagnose(merge([SILENT, there(listening, stranger, outcome=Outcome.OK)]), CATALOGUE).verdict
    assert v.cause == "tcp.port-filtered"


def test_what_was_seen_too_far_apart_is_noted_and_never_certain() -> None:
    late = there(at="2026-11-22T11:00:00Z")
    merged = merge([REFUSED, late])
    assert "106 minutes apart" in merged.notes[-1].text
    assert diagnose(merged, CATALOGUE).verdict.certainty == "likely"


def test_what_does_not_belong_together_is_refused() -> None:
    other_port = seen_from(HERE, connect(HERE, Outcome.OK), port=9090)
    with pytest.raises(MergeError, match="different ports"):
        merge([REFUSED, other_port])
    elsewhere = seen_from(HERE, Connect(outcome=Outcome.OK, address="203.0.113.99", port=8080))
    with pytest.raises(MergeError, match="share no address"):
        merge([REFUSED, elsewhere])
    with pytest.raises(MergeError, match="two reports"):
        merge([REFUSED])


def test_only_the_attempts_at_the_target_count() -> None:
    closed = Connect(outcome=Outcome.REFUSED, address=SERVER, port=443, role="control")
    works = seen_from(ELSEWHERE, connect(ELSEWHERE, Outcome.OK), closed)
    assert merge([works, SILENT]).vantage.source_address == HERE  # a closed control port is no failure
    stub = Route(outcome=Outcome.OK, address="127.0.0.53", type="local")
    at_home = seen_from(HERE, stub, AWAY, connect(HERE, Outcome.REFUSED))
    assert merge([works, at_home]).vantage.source_address == HERE  # a local route to another address
    only_control = seen_from(HERE, Connect(outcome=Outcome.OK, address="203.0.113.99", port=8080), closed)
    with pytest.raises(MergeError, match="share no address"):
        merge([REFUSED, only_control])


def test_a_merged_case_is_a_record_too() -> None:
    merged = merge([REFUSED, there()])
    again = json.load_report(json.render(merged, diagnose(merged, CATALOGUE)))
    assert diagnose(again, CATALOGUE) == diagnose(merged, CATALOGUE)
