"""What a series of attempts shows: how many fail, in which order; and what shows nothing. Reports written by hand."""

from __future__ import annotations

import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.engine.weigh import Reader
from portdoctor.model import (
    Connect,
    Counters,
    Hop,
    Listener,
    Listeners,
    Lookup,
    Note,
    Outcome,
    Report,
    Route,
    Subject,
    Target,
    Trace,
    Vantage,
    Want,
)

HOST = "10.0.4.2"
SUBJECT = Subject(kind="address", values=(HOST,))
CATALOGUE = load_catalogue()


def report(letters: str, *more: Connect | Trace | Lookup, notes: tuple[Note, ...] = ()) -> Report:
    """Return a report of a series, a letter each: "." connects, "s" needs another SYN, "x" silent, "r" refused."""
    seen = tuple(attempt(letter, place) for place, letter in enumerate(letters, 1))
    target = Target(input=f"{HOST}:80", host=HOST, port=80, stages=("tcp",))
    route = Route(id="route", outcome=Outcome.OK, address=HOST, gateway="10.0.1.2")
    return Report(target=target, vantage=Vantage(os="Linux 6.18"), observations=(route, *seen, *more), notes=notes)


def attempt(letter: str, place: int) -> Connect:
    outcome = {".": Outcome.OK, "s": Outcome.OK, "x": Outcome.TIMEOUT, "r": Outcome.REFUSED}[letter]
    return Connect(
        id=f"o{place}", outcome=outcome, began=place / 10, took={"s": 1.03, "x": 3.5}.get(letter, 0.001), address=HOST,
        port=80, syns={"s": 2, "x": 4}.get(letter, 1), role="target" if place == 1 else "repeat",
        series=None if place == 1 else place,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("letters", "cause"),
    [
        ("..........", None),
        ("s.........", None),  # a single lost packet, or a cold neighbour cache
        ("ssssssssss", "tcp.slow-handshake"),
        ("s..s...s..", "tcp.packet-loss"),
        (".s...s....", "tcp.packet-loss"),
        (".s...s..x.", "tcp.packet-loss"),  # one that failed is no "now and then"
        (".r.r.r.r.r", "tcp.intermittent"),
        (".x..s.x...", "tcp.intermittent"),
        ("....xxxxxx", "tcp.rate-limited"),
        ("....ssssss", "tcp.rate-limited"),
        ("....rrrrrr", "tcp.rate-limited"),
        (".rrrrrrrrr", None),  # once is no order; the target may have stopped just then
        ("........xx", "tcp.intermittent"),  # two at the end are no limit yet
        ("....xx.xxx", "tcp.intermittent"),  # one more answer, and it is no limit
        ("xr.xr.xr.x", "tcp.intermittent"),
        ("rr.rr.rr.r", "tcp.intermittent"),
    ],
)
def test_the_cause_of_a_series(letters: str, cause: str | None) -> None:
    diagnosis = diagnose(report(letters), CATALOGUE)
    assert diagnosis.verdict.cause == cause
    assert "series" not in [w.want.probe for w in diagnosis.wants]


def test_the_sentence_has_numbers_and_positions() -> None:
    reading = Reader(report("s..s...s..")).read("series.some-retransmitted", SUBJECT)
    assert reading.says == "3 of 10 attempts needed more than one SYN: attempts 1, 4 and 8."
    reading = Reader(report(".r.r.r.r.r")).read("series.some-fail", SUBJECT)
    assert reading.says == "5 of 10 attempts failed: attempts 2, 4, 6, 8 and 10."
    assert len(reading.evidence) == 10


def test_a_series_is_wanted_when_the_first_attempt_was_slow_and_not_otherwise() -> None:
    want = Want(probe="series", args=(HOST,))
    assert want in [w.want for w in diagnose(report("s"), CATALOGUE).wants]
    for healthy_or_plain in (".", "r"):
        assert want not in [w.want for w in diagnose(report(healthy_or_plain), CATALOGUE).wants]


def test_a_series_is_wanted_when_attempts_disagree() -> None:
    want = Want(probe="series", args=(HOST,))
    worked = Connect(id="o2", outcome=Outcome.OK, began=0.3, took=0.001, address=HOST, port=80, role="repeat")
    assert want in [w.want for w in diagnose(report("x", worked), CATALOGUE).wants]
    hops = (Hop(ttl=1, outcome=Outcome.TTL_EXPIRED, address="10.0.1.2"), Hop(ttl=2, outcome=Outcome.OK, address=HOST))
    trace = Trace(id="o3", outcome=Outcome.OK, address=HOST, port=80, hops=hops)
    assert want in [w.want for w in diagnose(report("r", trace), CATALOGUE).wants]


def test_an_attempt_that_was_cut_short_did_not_fail() -> None:
    early = Connect(id="o2", outcome=Outcome.TIMEOUT, began=0.3, took=1.0, address=HOST, port=80, role="repeat")
    assert Reader(report("s", early)).read("series.outcomes-differ", SUBJECT).state == "absent"


def test_too_few_attempts_prove_no_share() -> None:
    for name in (
        "series.some-retransmitted",
        "series.some-fail",
        "series.all-retransmitted",
        "series.works-until-limit",
    ):
        letters = "s.." if name != "series.all-retransmitted" else "sss"
        assert Reader(report(letters)).read(name, SUBJECT).state == "unknown"


def test_without_time_for_a_series_nothing_is_claimed() -> None:
    want = Want(probe="series", args=(HOST,))
    note = Note(kind="not-evaluated", text="No time was left.", probe=want, reason="out-of-budget")
    diagnosis = diagnose(report("s", notes=(note,)), CATALOGUE)
    assert diagnosis.verdict.symptom == "ok"
    assert want not in [w.want for w in diagnosis.wants]


def test_an_ip_version_needs_two_failing_addresses_or_an_end_at_the_gateway() -> None:
    def named(*tried: tuple[str, Outcome]) -> Report:
        seen = tuple(
            Connect(id=f"o{n}", outcome=outcome, took=0.01, address=address, port=80)
            for n, (address, outcome) in enumerate(tried, 1)
        )
        return Report(target=Target(input="x:80", host="x", port=80), observations=seen)

    def state(family: int, *tried: tuple[str, Outcome]) -> str:
        return Reader(named(*tried)).read(f"addresses.family-fails:{family}", Subject(kind="target")).state

    ok, dead = Outcome.OK, Outcome.HOST_UNREACHABLE
    assert state(6, ("2001:db8::1", dead), ("2001:db8::2", dead), ("10.0.0.1", ok)) == "present"
    assert state(6, ("2001:db8::1", dead), ("10.0.0.1", ok)) == "unknown"
    assert state(6, ("2001:db8::1", dead), ("2001:db8::2", ok), ("10.0.0.1", ok)) == "absent"
    assert state(6, ("2001:db8::1", dead), ("2001:db8::2", dead), ("10.0.0.1", dead)) == "absent"
    assert state(4, ("2001:db8::1", ok), ("10.0.0.1", dead), ("10.0.0.2", dead)) == "present"


def test_one_attempt_of_many_that_failed_is_noted_and_no_cause() -> None:
    diagnosis = diagnose(report("x........."), CATALOGUE)
    assert diagnosis.verdict.cause is None
    assert [n.kind for n in diagnosis.notes] == ["state-changed"]
    diagnosis = diagnose(report(".....x...."), CATALOGUE)
    assert diagnosis.verdict.symptom == "ok"
    assert [n.kind for n in diagnosis.notes] == ["state-changed"]
    assert not diagnosis.unexplained


def test_a_full_queue_needs_its_table_to_be_certain() -> None:
    """The kernel counts overflows for every program: if as many as our unanswered SYNs, they are likely ours."""
    reads = [
        Counters(id=f"c{n}", outcome=Outcome.OK, began=began, values={"ListenOverflows": n * 5})
        for n, began in enumerate((0.3, 3.0))
    ]
    silent = Connect(
        id="o1", outcome=Outcome.TIMEOUT, took=2.5, address=HOST, port=80, syns=3, unanswered_at=(0.0, 1.03, 2.05)
    )
    route = Route(id="r", outcome=Outcome.OK, address=HOST, type="local")
    row = Listener(address="0.0.0.0", port=80, queued=1, backlog=0)
    full = Listeners(id="t", outcome=Outcome.OK, port=80, complete=True, rows=(row,))
    hidden = Listeners(id="t", outcome=Outcome.OK, port=80, complete=False)
    target = Target(input=f"{HOST}:80", host=HOST, port=80, stages=("tcp",))
    for table, certainty in ((full, "certain"), (hidden, "likely")):
        seen = (route, silent, table, *reads)
        v = diagnose(Report(target=target, vantage=Vantage(os="Linux 6.18"), observations=seen), CATALOGUE).verdict
        assert (v.cause, v.certainty) == ("tcp.listen-queue-full", certainty)


def test_nothing_listens_is_ruled_out_by_an_attempt_that_connected() -> None:
    name = "series.another-connected"
    assert Reader(report("r.rrrr")).read(name, SUBJECT).state == "present"
    assert Reader(report("rrrr")).read(name, SUBJECT).state == "absent"
    assert Reader(report("x")).read(name, SUBJECT).state == "unknown"
    traced = Trace(outcome=Outcome.OK, address=HOST, port=80, hops=(Hop(ttl=1, outcome=Outcome.OK, address=HOST),))
    assert Reader(report("r", traced)).read(name, SUBJECT).state == "present"
