"""Signs about what makes a connection end: nothing, our data, its server name or version, a device in the path."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Can,
    Connect,
    Greeting,
    Handshake,
    Hop,
    Observation,
    Outcome,
    Report,
    Route,
    Subject,
    Target,
    Trace,
    Vantage,
)
from portdoctor.signs import Reading, find

A, HOST, ROUTER = "203.0.113.45", "shop.example", "198.51.100.1"
SUBJECT = Subject(kind="address", values=(A,))
TCP = Connect(outcome=Outcome.OK, took=0.02, address=A, port=8443, rtt=0.02)
GATEWAY = Route(outcome=Outcome.OK, address=A, gateway="192.0.2.1")
CATALOGUE = load_catalogue()
ENDED, OPEN = Outcome.RESET, Outcome.TIMEOUT


def report(*seen: Observation) -> Report:
    return Report(
        target=Target(input=HOST, host=HOST, port=8443, stages=("tcp", "tls")),
        observations=tuple(replace(o, id=f"o{n}") for n, o in enumerate((GATEWAY, TCP, *seen), 1)),
        vantage=Vantage(os="Linux 6.18", can=Can(error_queue=True, ttl_trace=True)),
    )  # fmt: skip


def hello(outcome: Outcome, *, name: str | None = HOST, role: str = "variant", **more: object) -> Handshake:
    received = 0 if outcome in (Outcome.RESET, Outcome.CLOSED, Outcome.TIMEOUT) else 900
    fields: dict[str, object] = {"took": 0.03, "received": received, **more}
    return Handshake(outcome=outcome, address=A, port=8443, sni=name, role=role, **fields)  # type: ignore[arg-type]


def old(outcome: Outcome) -> Handshake:
    return hello(outcome, newest="TLSv1.2")


OWN = hello(ENDED, role="target")


def turns(silent: Outcome = OPEN, speaking: Outcome = ENDED, took: float = 0.03) -> list[Greeting]:
    """The connections of the probe `stimulus`: of three, two send nothing; two send a ClientHello."""
    return [
        Greeting(
            outcome=speaking if sent else silent, took=took, address=A, port=8443, role="variant", sent=sent, waited=0.5
        )
        for sent in (None, "a ClientHello", "a ClientHello", None, None)
    ]  # fmt: skip


def read(name: str, *seen: Observation) -> Reading:
    return find(name)(report(*seen), SUBJECT)


def cause(*seen: Observation) -> tuple[str | None, str]:
    found = diagnose(report(*seen), CATALOGUE).problems[0]
    return found.cause, found.certainty


SAME = [hello(ENDED), hello(ENDED)]


# ---------------------------------------------------------------- like connections


def test_like_connections_that_end_differently_are_intermittent() -> None:
    assert read("stimulus.like-connections-differ", OWN).want is not None
    assert read("stimulus.like-connections-differ", OWN, *turns()).state == "absent"
    one_open = turns()
    one_open[2] = replace(one_open[2], outcome=Outcome.OK, received=50)
    found = read("stimulus.like-connections-differ", OWN, *one_open)
    assert found.says == "2 of 3 connections that sent the same data ended without a response."
    assert cause(OWN, *one_open) == ("app.intermittent", "likely")
    assert read("stimulus.like-connections-differ", hello(Outcome.OK, role="target"), *one_open).state == "absent"


def test_silent_connections_that_end_differently_are_intermittent_too() -> None:
    one_ended = turns()
    one_ended[4] = replace(one_ended[4], outcome=ENDED)
    assert cause(OWN, *one_ended) == ("app.intermittent", "likely")


def test_a_connection_that_ends_late_is_not_intermittent() -> None:
    late = [replace(o, took=0.4) for o in turns(silent=Outcome.CLOSED)]
    assert read("stimulus.like-connections-differ", OWN, *late).state == "absent"


def test_a_reset_before_connect_returned_counts_among_like_connections() -> None:
    at_once = replace(TCP, outcome=Outcome.RESET)
    seen = replace(report(*turns(speaking=OPEN)), observations=tuple(
        replace(o, id=f"o{n}") for n, o in enumerate((GATEWAY, at_once, *turns(speaking=OPEN)), 1)
    ))  # fmt: skip
    assert find("stimulus.like-connections-differ")(seen, SUBJECT).state == "present"
    assert find("app.reset-before-data")(seen, SUBJECT).state == "absent"


@pytest.mark.parametrize("servers", [2, 3, 4, 5])
def test_no_turn_of_a_load_balancer_looks_like_the_answer_to_our_data(servers: int) -> None:
    from portdoctor.checkup.repeats import TURNS

    for dead in range(1, 1 << servers):
        ends = [bool(dead >> place % servers & 1) for place in range(1 + len(TURNS))]
        if not ends[0]:
            continue  # the user's own connection works
        wrong = all(end == speaks for end, speaks in zip(ends[1:], TURNS, strict=True))
        assert not wrong, f"servers {dead:0{servers}b} of {servers} are dead"


# ---------------------------------------------------------------- another ClientHello


def test_a_name_that_is_rejected_is_told_from_a_version() -> None:
    by_name = [*SAME, old(ENDED), hello(Outcome.OK, name=None), hello(Outcome.TLS_ALERT, name="other.example")]
    assert read("tls.other-name-answered", OWN, *turns(), *by_name).state == "present"
    assert read("tls.older-version-answered", OWN, *turns(), *by_name).state == "absent"
    assert cause(OWN, *turns(), *by_name) == ("tls.sni-blocked", "likely")


def test_a_version_that_is_rejected_is_told_from_a_name() -> None:
    by_version = [*SAME, old(Outcome.OK), hello(ENDED, name=None), hello(ENDED, name="other.example")]
    assert read("tls.older-version-answered", OWN, *turns(), *by_version).state == "present"
    assert read("tls.other-name-answered", OWN, *turns(), *by_version).state == "absent"
    assert cause(OWN, *turns(), *by_version) == ("tls.version-intolerance", "likely")


@pytest.mark.parametrize("name", ["tls.other-name-answered", "tls.older-version-answered"])
def test_a_hello_that_is_answered_later_decides_nothing(name: str) -> None:
    found = read(name, OWN, *turns(), hello(Outcome.OK), old(Outcome.OK), hello(Outcome.OK, name=None))
    assert found.state == "absent"
    assert "intermittent" in found.says
    every = read(name, OWN, *turns(), *SAME, old(Outcome.OK), hello(Outcome.OK, name=None))
    assert every.state == "absent"
    assert "also responds" in every.says


@pytest.mark.parametrize("name", ["tls.other-name-answered", "tls.older-version-answered"])
def test_without_other_hellos_the_probe_is_wanted_once_data_is_the_reason(name: str) -> None:
    first = read(name, OWN)
    assert first.want is not None
    assert first.want.probe == "stimulus"
    then = read(name, OWN, *turns())
    assert then.want is not None
    assert then.want.probe == "handshake"
    assert read(name, OWN, *turns(silent=ENDED)).state == "absent"  # all end: not because of the ClientHello


def test_silence_of_other_hellos_proves_nothing() -> None:
    own = hello(OPEN, role="target")
    mute = [hello(OPEN), old(OPEN), hello(OPEN, name=None), hello(OPEN, name="other.example"), hello(OPEN)]
    assert read("tls.other-name-answered", own, *mute).state == "unknown"
    assert read("tls.older-version-answered", own, *mute).state == "unknown"


def test_an_alert_about_the_version_is_compared_with_tls_1_2() -> None:
    alert = {"alert": "protocol_version"}
    own, again = hello(Outcome.TLS_ALERT, role="target", **alert), hello(Outcome.TLS_ALERT, **alert)
    assert cause(own) == ("tls.version-mismatch", "likely")
    assert cause(own, again, hello(Outcome.TLS_ALERT, newest="TLSv1.2", **alert)) == ("tls.version-mismatch", "certain")
    assert cause(own, again, old(Outcome.OK)) == ("tls.version-intolerance", "likely")


def test_a_target_without_a_name_has_no_name_to_block() -> None:
    own = hello(ENDED, name=None, role="target")
    other = [hello(ENDED, name=None), hello(Outcome.OK, name="other.example")]
    assert read("tls.other-name-answered", own, *turns(), *other).state == "absent"
    assert "for other.example" in read("stimulus.ends-after-data-sent", own, *turns(), *other).says


# ---------------------------------------------------------------- a device in the path


def data(*hops: tuple[int, Outcome], round: int = 1) -> Trace:
    return Trace(
        outcome=ENDED, address=A, port=8443, role="data", round=round,
        hops=tuple(Hop(ttl=ttl, outcome=outcome) for ttl, outcome in hops),
    )  # fmt: skip


def syn(ttl: int, address: str = ROUTER, outcome: Outcome = Outcome.TTL_EXPIRED) -> Trace:
    return Trace(outcome=outcome, address=A, port=8443, hops=(Hop(ttl=ttl, outcome=outcome, address=address),))


CUT = [data((1, Outcome.TTL_EXPIRED), (2, ENDED)), *(data((2, ENDED), round=2) for _ in range(3))]


def test_a_reset_that_data_did_not_reach_the_host_for_comes_from_the_path() -> None:
    found = read("stimulus.ended-in-path", OWN, *turns(), *CUT, *(syn(2) for _ in range(6)))
    assert found.state == "present"
    assert ROUTER in found.says
    hellos = [*SAME, old(ENDED), hello(Outcome.OK, name=None), hello(ENDED, name="other.example")]
    closed = Connect(outcome=Outcome.REFUSED, address=A, port=23456, role="negative")
    seen = (OWN, *turns(), *CUT, *(syn(2) for _ in range(6)), *hellos, closed)
    assert cause(*seen) == ("tcp.ended-by-middlebox", "certain")


def test_the_hosts_own_reset_is_not_of_the_path() -> None:
    near = data((1, Outcome.TTL_EXPIRED), (2, Outcome.TTL_EXPIRED))
    assert read("stimulus.ended-in-path", OWN, *turns(), near, syn(3, A, Outcome.OK)).state == "absent"


@pytest.mark.parametrize(
    "syns",
    [
        [syn(2, A, Outcome.OK), *(syn(2) for _ in range(5))],  # the host is at this distance, on some path
        [syn(2, "198.51.100.9"), *(syn(2) for _ in range(5))],  # two paths
        [syn(2) for _ in range(4)],  # too few
        [syn(2, A) for _ in range(6)],  # the host itself forwards the port
    ],
)
def test_what_does_not_prove_a_device_in_the_path(syns: list[Trace]) -> None:
    assert read("stimulus.ended-in-path", OWN, *turns(), *CUT, *syns).state == "unknown"


def test_data_that_is_lost_everywhere_is_unknown() -> None:
    lost = data((1, Outcome.TTL_EXPIRED), (2, OPEN))
    assert read("stimulus.ended-in-path", OWN, *turns(), lost, *(syn(2) for _ in range(6))).state == "unknown"
    assert read("stimulus.ended-in-path", OWN, *turns(silent=ENDED), *CUT).state == "absent"
    wanted = read("stimulus.ended-in-path", OWN, *turns())
    assert wanted.want is not None
    assert wanted.want.probe == "data-trace"
