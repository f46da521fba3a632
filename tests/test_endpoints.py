"""The transport to a resolver, as a report of its own."""

from __future__ import annotations

from typing import Any

from portdoctor.engine.endpoints import of_resolver, owned, views
from portdoctor.model import (
    Connect,
    Datagram,
    Icmp,
    Lookup,
    Observation,
    Outcome,
    Problem,
    Report,
    Route,
    Subject,
    Vantage,
)

from .test_engine import A4, connect, report

R1, R2, R3 = "198.51.100.53", "198.51.100.54", "2001:db8::53"
NAME = Subject(kind="name", values=("h",))


def query(resolver: str = R1, outcome: Outcome = Outcome.TIMEOUT, **more: Any) -> Lookup:
    return Lookup(**{"name": "h", "via": "wire", "transport": "udp", "resolver": resolver, "outcome": outcome, **more})


def hosts(seen: Report, role: Any, subject: Subject = NAME) -> list[str]:
    return [view.target.host for view in views(seen, role, subject)]


def transport(*seen: Observation) -> list[tuple[str, str, Outcome]]:
    """Kind, role and outcome of what the report of R1 has."""
    found = of_resolver(report(*seen), R1).observations
    return [(type(o).__name__, getattr(o, "role", ""), o.outcome) for o in found]


def test_the_resolvers_of_this_machine_that_were_queried() -> None:
    system = Lookup(outcome=Outcome.TRY_AGAIN, name="h", via="system")
    seen = (system, query(), query(R2), query(R1))
    assert hosts(report(*seen), "resolver") == [R1, R2]  # the configured ones are not known
    configured = report(*seen, query(R3), vantage=Vantage(resolvers=(R2, R1), upstreams=(R3,)))
    assert hosts(configured, "resolver") == [R1, R2]
    assert hosts(configured, "resolver", Subject(kind="resolver", values=(R2,))) == [R2]
    assert hosts(configured, "upstream") == [R3]


def test_the_first_query_over_udp_is_the_attempt_and_the_others_are_repeats() -> None:
    assert transport(query(), query(R2), query()) == [
        ("Datagram", "target", Outcome.TIMEOUT), ("Datagram", "repeat", Outcome.TIMEOUT),
    ]  # fmt: skip


def test_a_query_over_tcp_is_a_control_connection() -> None:
    assert transport(query(transport="tcp"), query(R2, transport="tcp")) == [("Connect", "control", Outcome.TIMEOUT)]
    accepted = query(transport="tcp", flags=("accepted",))  # connected, and no response to the query
    assert transport(accepted) == [("Connect", "control", Outcome.OK)]


def test_any_response_shows_that_the_transport_works() -> None:
    for outcome in (Outcome.OK, Outcome.MALFORMED, Outcome.SERVER_FAILURE, Outcome.QUERY_REFUSED):
        found = of_resolver(report(query(outcome=outcome)), R1).of(Datagram)[0]
        assert (found.outcome, found.replies) == (Outcome.OK, 1)
    assert of_resolver(report(query(outcome=Outcome.REFUSED)), R1).of(Datagram)[0].replies == 0


def test_the_tables_of_this_machine_and_probes_of_the_resolver_belong_to_it() -> None:
    route = Route(outcome=Outcome.OK, address=A4)
    probe = Connect(outcome=Outcome.REFUSED, address=R1, port=53, role="control")
    assert transport(connect(), route, probe) == [("Route", "", Outcome.OK), ("Connect", "control", Outcome.REFUSED)]


def test_a_denied_query_failed_in_send_unless_a_router_denied_it() -> None:
    def call(o: Lookup) -> str | None:
        return of_resolver(report(o), R1).of(Datagram)[0].call

    assert call(query(outcome=Outcome.DENIED)) == "send"
    assert call(query(outcome=Outcome.DENIED, icmp=Icmp(type=3, code=13, offender="192.0.2.1"))) is None
    assert call(query(outcome=Outcome.REFUSED)) is None


def test_whoever_runs_a_resolver_runs_its_host() -> None:
    view = of_resolver(report(query()), R1)
    assert owned(Problem(id="p", symptom="timeout", owner="server-operator"), view).owner == "resolver-operator"
    assert owned(Problem(id="p", symptom="timeout", owner="network"), view).owner == "network"
