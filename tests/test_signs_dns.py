"""Signs about name resolution on reports written by hand: each one present, absent and unknown."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.engine.weigh import hides
from portdoctor.model import (
    Can,
    Connect,
    Errno,
    HostsFile,
    Icmp,
    Lookup,
    Note,
    Observation,
    Options,
    Outcome,
    Report,
    Subject,
    Target,
    Vantage,
    Want,
)
from portdoctor.signs import Reading, find
from portdoctor.signs.resolver_states import standing, state_of

HOST = "shop.example.com"
R1, R2 = "192.0.2.53", "192.0.2.54"
NAME = Subject(kind="name", values=(HOST,))
WORDS = {"NOERROR": Outcome.NO_DATA, "NXDOMAIN": Outcome.NAME_NOT_FOUND, "SERVFAIL": Outcome.SERVER_FAILURE,
         "REFUSED": Outcome.QUERY_REFUSED, "NOTIMP": Outcome.OTHER}  # fmt: skip
REFUSED = Errno(name="ECONNREFUSED", number=111)
State = Literal["present", "absent", "unknown"]


def report(*lookups: Observation, resolvers: tuple[str, ...] = (R1,), os: str = "Linux 6.18", **more: Any) -> Report:
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate(lookups, 1))
    host = more.pop("host", HOST)
    stages = more.pop("stages", ("dns", "tcp"))
    return Report(
        target=Target(input=f"{host}:443", host=host, port=443, stages=stages),
        vantage=Vantage(os=os, resolvers=resolvers, can=Can(error_queue=True)),
        observations=numbered,
        **more,
    )


def system(outcome: Outcome = Outcome.TRY_AGAIN, *addresses: str, took: float = 0.01, **more: Any) -> Lookup:
    return Lookup(
        outcome=outcome, name=HOST, via="system", addresses=addresses, took=took, os_says=str(outcome), **more
    )


def answer(rcode: str, qtype: str = "A", resolver: str = R1, **more: Any) -> Lookup:
    more.setdefault("outcome", WORDS[rcode])
    return Lookup(name=HOST, qtype=qtype, via="wire", resolver=resolver, transport="udp", rcode=rcode, **more)


def both(rcode: str, resolver: str = R1, **more: Any) -> tuple[Lookup, Lookup]:
    return answer(rcode, "A", resolver, **more), answer(rcode, "AAAA", resolver, **more)


def address(*addresses: str, resolver: str = R1, **more: Any) -> Lookup:
    return answer("NOERROR", resolver=resolver, outcome=Outcome.OK, addresses=addresses, **more)


def failed(outcome: Outcome, resolver: str = R1, **more: Any) -> tuple[Lookup, Lookup]:
    a, aaaa = (
        Lookup(outcome=outcome, name=HOST, qtype=q, via="wire", resolver=resolver, transport="udp", **more)
        for q in ("A", "AAAA")
    )
    return a, aaaa


def alive(udp: bool = False, root: bool = False, tcp: bool = False, resolver: str = R1) -> tuple[Lookup, ...]:
    """Return the three queries that test whether a resolver without response is alive."""

    def query(name: str, qtype: str, transport: Any, good: bool) -> Lookup:
        outcome = Outcome.OK if good else Outcome.TIMEOUT
        rcode = "NOERROR" if good else None
        return Lookup(
            outcome=outcome, name=name, qtype=qtype, via="wire", resolver=resolver, transport=transport, rcode=rcode
        )

    return (
        query("id.server", "TXT", "udp", udp), query(".", "NS", "udp", root), query("id.server", "TXT", "tcp", tcp),
    )  # fmt: skip


def silent(resolver: str = R1) -> tuple[Lookup, ...]:
    return (*failed(Outcome.TIMEOUT, resolver, took=4.5), *alive(resolver=resolver))


def closed(offender: str | None = R1, resolver: str = R1) -> tuple[Lookup, ...]:
    icmp = Icmp(type=3, code=3, offender=offender) if offender else None
    return failed(Outcome.REFUSED, resolver, errno=REFUSED, icmp=icmp, os_says="Connection refused")


def again(lookup: Lookup, began: float = 0.5, **more: Any) -> Lookup:
    """Return the lookup as made a second time."""
    return replace(lookup, role="repeat", began=began, **more)


NOT_FOUND = system(Outcome.NAME_NOT_FOUND)
CUT = system(Outcome.TIMEOUT, took=11.0)
FAILS = system()
WORKS = system(Outcome.OK, "192.0.2.7")


def read(name: str, r: Report, subject: Subject = NAME) -> Reading:
    return find(name)(r, subject, *name.split(":")[1:])


# ---------------------------------------------------------------- the state of a resolver


@pytest.mark.parametrize(
    ("lookups", "state"),
    [
        ((), "unasked"),
        ((address("192.0.2.7"), answer("NOERROR", "AAAA")), "address"),
        ((address("192.0.2.7"), failed(Outcome.TIMEOUT)[1]), "address"),
        (both("NXDOMAIN"), "nxdomain"),
        (both("NOERROR"), "nodata"),
        ((answer("NOERROR", "A"),), "unasked"),
        ((answer("SERVFAIL", "A"),), "unasked"),
        ((answer("NXDOMAIN", "A"),), "nxdomain"),
        ((answer("NOERROR", "A"), failed(Outcome.TIMEOUT)[1]), "half"),
        ((answer("NOERROR", "A"), answer("SERVFAIL", "AAAA")), "servfail"),
        (both("SERVFAIL"), "servfail"),
        (both("REFUSED"), "refused"),
        (both("NOTIMP"), "other-rcode"),
        (both("NOERROR", outcome=Outcome.TRUNCATED), "truncated"),
        (failed(Outcome.MALFORMED), "malformed"),
        (failed(Outcome.TIMEOUT), "waiting"),
        (silent(), "silent"),
        ((*failed(Outcome.TIMEOUT), *alive(udp=True)), "none-from-upstream"),
        ((*failed(Outcome.TIMEOUT), *alive(udp=True, root=True)), "none-for-name"),
        ((*failed(Outcome.TIMEOUT), *alive(tcp=True)), "only-over-tcp"),
        (closed(), "closed"),
        (closed("192.0.2.1"), "unreachable"),
        (closed(None), "closed-or-rejected"),
        (failed(Outcome.NET_UNREACHABLE), "unreachable"),
        (failed(Outcome.PROHIBITED), "unreachable"),
        (failed(Outcome.EXHAUSTED), "not-sent"),
    ],
)
def test_the_state_of_a_resolver(lookups: tuple[Observation, ...], state: str) -> None:
    assert state_of(report(*lookups), R1) == state


def test_a_closed_port_of_this_machine_needs_no_icmp() -> None:
    assert state_of(report(*closed(None, "127.0.0.53")), "127.0.0.53") == "closed"


def test_queries_with_checking_disabled_or_for_other_names_do_not_count() -> None:
    unchecked = replace(address("192.0.2.7"), checking_disabled=True)
    assert state_of(report(*both("SERVFAIL"), unchecked), R1) == "servfail"


def test_a_resolver_is_silent_only_after_address_resolution_would_have_failed() -> None:
    queries = failed(Outcome.TIMEOUT, took=2.7)
    assert read("dns.resolvers:silent", report(*queries, *alive(), resolvers=(R1,))).state == "unknown"
    assert read("dns.resolvers:silent", report(*silent(), resolvers=(R1,))).state == "present"


def test_the_best_state_is_that_of_all_resolvers() -> None:
    r = report(*silent(R1), *both("SERVFAIL", R2), resolvers=(R1, R2))
    found = standing(r)
    assert found is not None
    assert (found.state, found.resolvers, found.others, found.could_be) == ("servfail", (R2,), ((R1, "silent"),), ())


def test_a_resolver_that_was_not_queried_may_have_a_better_state() -> None:
    r = report(*both("SERVFAIL"), resolvers=(R1, R2))
    assert read("dns.answer:servfail", r).state == "unknown"
    assert read("dns.answer:nxdomain", r).state == "unknown"
    assert read("dns.resolvers:silent", r).state == "absent"
    final = report(*both("NXDOMAIN"), resolvers=(R1, R2))
    assert read("dns.answer:nxdomain", final).state == "present"


# ---------------------------------------------------------------- each state's sign

BY_STATE: dict[str, tuple[Observation, ...]] = {
    "dns.answer:nxdomain": both("NXDOMAIN"),
    "dns.answer:nodata": both("NOERROR"),
    "dns.answer:servfail": both("SERVFAIL"),
    "dns.answer:refused": both("REFUSED"),
    "dns.answer:truncated": both(
        "NOERROR", outcome=Outcome.TRUNCATED, os_says="truncated over UDP, and over TCP: no response"
    ),
    "dns.answer:malformed": failed(Outcome.MALFORMED),
    "dns.answer:none-for-name": (*failed(Outcome.TIMEOUT), *alive(udp=True, root=True)),
    "dns.answer:none-from-upstream": (*failed(Outcome.TIMEOUT), *alive(udp=True)),
    "dns.answer:only-over-tcp": (*failed(Outcome.TIMEOUT), *alive(tcp=True)),
    "dns.resolvers:silent": silent(),
    "dns.resolvers:closed": closed(),
    "dns.resolvers:unreachable": failed(
        Outcome.PROHIBITED,
        errno=Errno(name="EHOSTUNREACH", number=113),
        icmp=Icmp(type=3, code=13, offender="192.0.2.1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_STATE)
@pytest.mark.parametrize("seen", BY_STATE)
def test_the_states_exclude_one_another(name: str, seen: str) -> None:
    reading = read(name, report(FAILS, *BY_STATE[seen]))
    other = "unknown" if seen == "dns.resolvers:silent" else "absent"  # silence contradicts no answer
    assert reading.state == ("present" if name == seen else other)
    assert reading.says.endswith(".")
    assert reading.evidence


@pytest.mark.parametrize("name", BY_STATE)
def test_without_a_query_one_is_wanted(name: str) -> None:
    reading = read(name, report(FAILS))
    assert (reading.state, reading.want) == ("unknown", Want(probe="wire", args=(HOST,)))
    note = Note(kind="not-evaluated", text="no time", probe=reading.want, reason="out-of-budget")
    assert read(name, report(FAILS, notes=(note,))).why == "out-of-budget"


@pytest.mark.parametrize(
    ("lookups", "open_"),
    [
        (closed(None), {"dns.resolvers:closed", "dns.resolvers:unreachable"}),
        (failed(Outcome.TIMEOUT), set(BY_STATE)),
    ],
)
def test_states_that_were_not_fully_probed_stay_open(lookups: tuple[Observation, ...], open_: set[str]) -> None:
    readings = {name: read(name, report(FAILS, *lookups)).state for name in BY_STATE}
    assert {name for name, state in readings.items() if state == "unknown"} == open_
    assert {state for name, state in readings.items() if name not in open_} <= {"absent"}


# ---------------------------------------------------------------- the other signs about the name

ALIAS = ("gone.example.net",)
LOOP = (f"www.{HOST}", HOST)
UNCHECKED = answer("NOERROR", checking_disabled=True, outcome=Outcome.OK, addresses=("192.0.2.7",))


def near(rcode: str) -> Lookup:
    return replace(answer(rcode), name="shops.example.com")


CASES: list[tuple[str, State, Report]] = [
    ("resolver.none-configured", "present", report(FAILS, resolvers=())),
    ("resolver.none-configured", "absent", report(FAILS)),
    ("resolver.none-configured", "unknown", report(FAILS, resolvers=(), os="")),
    ("resolver.system-lookup-unanswered", "present", report(FAILS)),
    ("resolver.system-lookup-unanswered", "present", report(system(Outcome.TIMEOUT))),
    ("resolver.system-lookup-unanswered", "absent", report(NOT_FOUND)),
    ("resolver.system-lookup-unanswered", "absent", report(WORKS)),
    ("resolver.system-lookup-unanswered", "unknown", report()),
    ("resolver.system-lookup-unanswered", "unknown", report(NOT_FOUND, os="macOS 15")),
    ("resolver.system-lookup-unanswered", "present", report(system(Outcome.NAME_NOT_FOUND, took=5.0), os="Windows 11")),
    (
        "resolver.answers-differ",
        "present",
        report(NOT_FOUND, *both("NXDOMAIN"), address("192.0.2.7", resolver=R2), resolvers=(R1, R2)),
    ),
    (
        "resolver.answers-differ",
        "absent",
        report(NOT_FOUND, *both("NXDOMAIN"), *both("NOERROR", R2), resolvers=(R1, R2)),
    ),
    ("resolver.answers-differ", "absent", report(NOT_FOUND, *both("NXDOMAIN"), resolvers=(R1,))),
    ("resolver.answers-differ", "unknown", report(NOT_FOUND, *both("NXDOMAIN"), *silent(R2), resolvers=(R1, R2))),
    ("resolver.answers-differ", "unknown", report(FAILS, *silent(), *silent(R2), resolvers=(R1, R2))),
    ("resolver.only-system-lookup-fails", "unknown", report(FAILS, *silent())),
    ("resolver.only-system-lookup-fails", "present", report(FAILS, address("192.0.2.7"), again(address("192.0.2.7")))),
    ("resolver.only-system-lookup-fails", "unknown", report(CUT, address("192.0.2.7"))),
    (
        "resolver.only-system-lookup-fails",
        "absent",
        report(FAILS, address("192.0.2.7"), again(answer("SERVFAIL"), flags=("no-EDNS",))),
    ),
    ("lookups.fails", "present", report(FAILS)),
    ("lookups.fails", "present", report(WORKS, answer("REFUSED"))),
    ("lookups.fails", "absent", report(WORKS, address("192.0.2.7"), *silent(R2))),
    ("lookups.fails", "absent", report(WORKS, answer("REFUSED", resolver=R2), options=Options(resolver=R2))),
    ("lookups.fails", "unknown", report()),
    ("lookups.contradict", "present", report(FAILS, answer("SERVFAIL"), again(address("192.0.2.7")))),
    ("lookups.contradict", "present", report(WORKS, address("192.0.2.7"), again(answer("REFUSED")))),
    ("lookups.contradict", "present", report(FAILS, address("192.0.2.7"), again(WORKS))),
    ("lookups.contradict", "absent", report(FAILS, address("192.0.2.7"), again(FAILS), again(address("192.0.2.7")))),
    ("lookups.contradict", "absent", report(FAILS, *both("SERVFAIL"), *(again(o) for o in both("SERVFAIL")))),
    ("lookups.contradict", "absent", report(WORKS, address("192.0.2.7"), *silent(R2), resolvers=(R1, R2))),
    ("lookups.contradict", "absent", report(NOT_FOUND, *both("NXDOMAIN"))),
    ("lookups.contradict", "absent", report(FAILS, *closed(R1))),
    (  # two servers, of which one always fails
        "lookups.contradict",
        "absent",
        report(WORKS, answer("SERVFAIL"), again(answer("SERVFAIL")), address("192.0.2.7", resolver=R2)),
    ),
    (  # two questions, of which one always fails
        "lookups.contradict",
        "absent",
        report(WORKS, address("192.0.2.7"), answer("SERVFAIL", "AAAA"), again(answer("SERVFAIL", "AAAA"))),
    ),
    (  # a server that fails without EDNS
        "lookups.contradict",
        "absent",
        report(FAILS, address("192.0.2.7"), again(answer("SERVFAIL"), flags=("no-EDNS",)), again(FAILS)),
    ),
    ("lookups.contradict", "unknown", report(FAILS, *silent())),
    ("lookups.contradict", "unknown", report(FAILS, *failed(Outcome.TIMEOUT), *alive(udp=True, root=True))),
    ("lookups.contradict", "unknown", report(FAILS, *both("SERVFAIL"))),
    ("lookups.contradict", "unknown", report(FAILS, address("192.0.2.7"))),
    ("lookups.contradict", "unknown", report(FAILS, address("192.0.2.7"), again(address("192.0.2.7")), again(CUT))),
    ("resolver.no-socket", "unknown", report(FAILS, *closed(R1))),
    ("dns.two-resolvers-deny", "present", report(*both("NXDOMAIN"), *both("NXDOMAIN", R2), resolvers=(R1, R2))),
    ("dns.two-resolvers-deny", "absent", report(*both("NXDOMAIN"))),
    ("dns.two-resolvers-deny", "absent", report(*both("NXDOMAIN"), *both("NOERROR", R2), resolvers=(R1, R2))),
    ("dns.two-resolvers-deny", "unknown", report(*silent())),
    ("dns.near-name-exists", "present", report(*both("NXDOMAIN"), near("NOERROR"))),
    ("dns.near-name-exists", "absent", report(*both("NXDOMAIN"), near("NXDOMAIN"))),
    ("dns.near-name-exists", "unknown", report(*both("NXDOMAIN"))),
    (
        "dns.other-family-has-address",
        "present",
        report(answer("NOERROR", "AAAA"), address("192.0.2.7"), options=Options(family=6)),
    ),
    ("dns.other-family-has-address", "absent", report(*both("NOERROR"), options=Options(family=6))),
    ("dns.other-family-has-address", "absent", report(*both("NOERROR"))),
    ("dns.other-family-has-address", "unknown", report(answer("NOERROR", "AAAA"), options=Options(family=6))),
    ("dns.one-type-unanswered", "present", report(address("192.0.2.7"), failed(Outcome.TIMEOUT)[1])),
    ("dns.one-type-unanswered", "present", report(answer("NOERROR"), failed(Outcome.TIMEOUT)[1])),
    ("dns.one-type-unanswered", "absent", report(address("192.0.2.7"), answer("NOERROR", "AAAA"))),
    ("dns.one-type-unanswered", "absent", report(answer("NXDOMAIN"), failed(Outcome.TIMEOUT)[1])),
    (
        "dns.one-type-unanswered",
        "absent",
        report(address("192.0.2.7"), failed(Outcome.TIMEOUT)[1], answer("NOERROR", "AAAA", R2), resolvers=(R1, R2)),
    ),
    ("dns.one-type-unanswered", "unknown", report(address("192.0.2.7"))),
    ("resolver.only-system-lookup-fails", "present", report(NOT_FOUND, address("192.0.2.7"))),
    ("resolver.only-system-lookup-fails", "absent", report(WORKS, address("192.0.2.7"))),
    ("resolver.only-system-lookup-fails", "absent", report(NOT_FOUND, *both("NXDOMAIN"))),
    ("resolver.only-system-lookup-fails", "unknown", report(NOT_FOUND)),
    ("resolver.only-system-lookup-fails", "unknown", report(CUT, address("192.0.2.7"))),
    ("resolver.only-system-lookup-fails", "absent", report(CUT, *both("NXDOMAIN"))),
    ("resolver.system-lookup-slow", "unknown", report(CUT, address("192.0.2.7"))),
    ("resolver.only-system-lookup-fails", "unknown", report(address("192.0.2.7"))),
    (
        "resolver.only-system-lookup-fails",
        "unknown",
        report(NOT_FOUND, address("192.0.2.7", resolver=R2), options=Options(resolver=R2)),
    ),
    ("dns.ede:dnssec", "present", report(*both("SERVFAIL", ede=((7, "expired"),)))),
    ("dns.ede:dnssec", "absent", report(*both("SERVFAIL", ede=((22, ""),)))),
    ("dns.ede:dnssec", "unknown", report(*both("SERVFAIL"))),
    ("dns.ede:authority", "present", report(*both("SERVFAIL", ede=((23, "timeout"),)))),
    ("dns.ede:authority", "absent", report(*both("SERVFAIL", ede=((6, ""),)))),
    ("dns.ede:authority", "absent", report(*both("NXDOMAIN"))),
    ("dns.ede:authority", "absent", report(*both("NXDOMAIN", ede=((22, ""),)))),
    ("dns.ede:authority", "unknown", report(*both("SERVFAIL"))),
    ("dns.ede:authority", "unknown", report(*failed(Outcome.TIMEOUT), *alive(udp=True, root=True))),
    ("dns.ede:authority", "unknown", report()),
    ("dns.ede:policy", "present", report(*both("NXDOMAIN", ede=((15, "ads"),)))),
    ("dns.ede:policy", "unknown", report(*silent())),
    ("dns.ede:policy", "absent", report(*closed(R1))),
    ("dns.ede:policy", "unknown", report(*both("NXDOMAIN"))),
    ("dns.dnssec-validation-fails", "present", report(*both("SERVFAIL"), UNCHECKED)),
    ("dns.dnssec-validation-fails", "present", report(*both("SERVFAIL", ede=((6, ""),)))),
    ("dns.dnssec-validation-fails", "absent", report(*both("SERVFAIL"), answer("SERVFAIL", checking_disabled=True))),
    ("dns.dnssec-validation-fails", "absent", report(*both("NXDOMAIN"))),
    ("dns.dnssec-validation-fails", "unknown", report(*both("SERVFAIL"))),
    (
        "dns.dnssec-validation-fails",
        "unknown",
        report(*both("SERVFAIL"), replace(failed(Outcome.TIMEOUT)[0], checking_disabled=True)),
    ),
    ("dns.dnssec-validation-fails", "unknown", report()),
    ("dns.cname-target-missing", "present", report(*both("NXDOMAIN", aliases=ALIAS))),
    ("dns.cname-target-missing", "absent", report(*both("NXDOMAIN"))),
    ("dns.cname-target-missing", "absent", report(address("192.0.2.7", aliases=ALIAS))),
    ("dns.cname-target-missing", "unknown", report()),
    ("dns.cname-loop", "present", report(*both("NOERROR", aliases=LOOP))),
    ("dns.cname-loop", "absent", report(*both("NOERROR", aliases=ALIAS))),
    ("dns.cname-loop", "unknown", report(*silent())),
    ("dns.cname-loop", "unknown", report(*both("SERVFAIL"))),
    ("dns.cname-loop", "unknown", report()),
    ("resolver.system-lookup-slow", "present", report(system(Outcome.OK, "192.0.2.7", took=2.0))),
    ("resolver.system-lookup-slow", "absent", report(WORKS)),
    ("resolver.system-lookup-slow", "unknown", report()),
    ("resolver.any-unresponsive", "present", report(*silent(), address("192.0.2.7", resolver=R2), resolvers=(R1, R2))),
    ("resolver.any-unresponsive", "absent", report(address("192.0.2.7"))),
    ("resolver.any-unresponsive", "unknown", report(address("192.0.2.7"), resolvers=(R1, R2))),
]


@pytest.mark.parametrize(("name", "state", "seen"), CASES)
def test_a_sign_about_the_name(name: str, state: State, seen: Report) -> None:
    reading = read(name, seen)
    assert reading.state == state, reading
    assert state == "unknown" or reading.says.endswith(".")
    assert reading.state != "unknown" or reading.why


def test_the_probe_that_would_settle_a_servfail() -> None:
    want = read("dns.dnssec-validation-fails", report(*both("SERVFAIL"))).want
    assert want == Want(probe="wire-cd", args=(HOST, R1))


def test_a_person_is_asked_for_what_no_probe_can_show() -> None:
    ask = read("dns.ede:authority", report(*both("SERVFAIL"))).ask
    assert ask is not None
    assert ask.commands["linux"] == "dig +trace {name}"
    assert {a.then for a in ask.answers} == {"dns.no-reachable-authority", "dns.servfail"}


# ---------------------------------------------------------------- one resolver


def about(resolver: str) -> Subject:
    return Subject(kind="resolver", values=(resolver,))


@pytest.mark.parametrize(
    ("lookups", "dead", "other"),
    [
        ((*silent(), address("192.0.2.7", resolver=R2)), "present", "present"),
        ((*closed(), address("192.0.2.7", resolver=R2)), "present", "present"),
        ((*silent(), *silent(R2)), "present", "unknown"),
        ((*both("SERVFAIL"), address("192.0.2.7", resolver=R2)), "absent", "present"),
        ((*failed(Outcome.TIMEOUT), address("192.0.2.7", resolver=R2)), "unknown", "present"),
        ((address("192.0.2.7", resolver=R2),), "unknown", "present"),
    ],
)
def test_one_resolver_of_two(lookups: tuple[Observation, ...], dead: State, other: State) -> None:
    r = report(WORKS, *lookups, resolvers=(R1, R2))
    assert read("resolver.unresponsive", r, about(R1)).state == dead
    assert read("resolver.another-responds", r, about(R1)).state == other


def test_a_single_resolver_has_no_other() -> None:
    assert read("resolver.another-responds", report(*silent()), about(R1)).state == "absent"


# ---------------------------------------------------------------- signs about an address

OLD, NEW = "198.51.100.9", "203.0.113.7"
LINE = HostsFile(outcome=Outcome.OK, name=HOST, path="/etc/hosts", lines=((4, OLD, f"{OLD}\t{HOST}"),))
NO_LINE = HostsFile(outcome=Outcome.OK, name=HOST, path="/etc/hosts")
UNREAD = HostsFile(outcome=Outcome.DENIED, name=HOST, path="/etc/hosts")


def tried(address: str, outcome: Outcome, role: Any = "target") -> Connect:
    return Connect(outcome=outcome, address=address, port=443, role=role, took=0.001)


DEAD = tried(OLD, Outcome.REFUSED)
ELSEWHERE: list[tuple[str, State, Report]] = [
    ("target.address-from-hosts-file", "present", report(DEAD, LINE)),
    ("target.address-from-hosts-file", "absent", report(DEAD, NO_LINE)),
    ("target.address-from-hosts-file", "absent", report(DEAD, host=OLD, stages=("tcp",))),
    ("target.address-from-hosts-file", "unknown", report(DEAD)),
    ("target.address-from-hosts-file", "unknown", report(DEAD, UNREAD)),
    ("target.dns-address-differs", "present", report(DEAD, address(NEW))),
    ("target.dns-address-differs", "absent", report(DEAD, address(NEW, OLD))),
    ("target.dns-address-differs", "absent", report(DEAD, *both("NXDOMAIN"))),
    ("target.dns-address-differs", "unknown", report(DEAD)),
    ("target.dns-address-differs", "unknown", report(DEAD, answer("NOERROR", "AAAA"))),
    ("target.dns-address-connects", "present", report(DEAD, LINE, address(NEW), tried(NEW, Outcome.OK, "elsewhere"))),
    (
        "target.dns-address-connects",
        "absent",
        report(DEAD, LINE, address(NEW), tried(NEW, Outcome.REFUSED, "elsewhere")),
    ),
    ("target.dns-address-connects", "absent", report(DEAD, NO_LINE, address(NEW))),
    ("target.dns-address-connects", "unknown", report(DEAD, address(NEW))),
    ("target.dns-address-connects", "unknown", report(DEAD, LINE, address(NEW))),
    ("tcp.connect-failed", "present", report(DEAD)),
    ("tcp.connect-failed", "absent", report(tried(OLD, Outcome.OK))),
    ("tcp.connect-failed", "unknown", report()),
    ("target.collision-address", "absent", report(DEAD)),
    ("target.reserved-address", "absent", report(DEAD)),
    ("target.public-name", "present", report(DEAD)),
    ("target.public-name", "absent", report(DEAD, host="printer")),
    ("target.public-name", "absent", report(DEAD, host="nas.home.arpa")),
    ("target.public-name", "absent", report(DEAD, host=OLD, stages=("tcp",))),
    ("target.address-from-dns", "present", report(DEAD, address(OLD))),
    ("target.address-from-dns", "absent", report(DEAD, address(NEW))),
    ("target.address-from-dns", "unknown", report(DEAD)),
    ("target.address-from-dns", "absent", report(DEAD, *both("NOERROR"))),
    (
        "target.found-with-search-domain",
        "present",
        report(system(Outcome.OK, OLD, aliases=(f"{HOST}.corp.example",)), DEAD, *both("NXDOMAIN")),
    ),
    (
        "target.found-with-search-domain",
        "absent",
        report(system(Outcome.OK, OLD, aliases=(f"{HOST}.corp.example",)), DEAD, address(OLD)),
    ),
    ("target.found-with-search-domain", "absent", report(system(Outcome.OK, OLD, aliases=("cdn.example.net",)), DEAD)),
    (
        "target.found-with-search-domain",
        "unknown",
        report(system(Outcome.OK, OLD, aliases=(f"{HOST}.corp.example",)), DEAD),
    ),
]


@pytest.mark.parametrize(("name", "state", "seen"), ELSEWHERE)
def test_a_sign_about_an_address(name: str, state: State, seen: Report) -> None:
    reading = read(name, seen, Subject(kind="address", values=(OLD,)))
    assert reading.state == state, reading
    assert state == "unknown" or reading.says.endswith((".", "”."))


def test_the_other_address_is_probed_only_when_the_hosts_file_is_known_to_differ() -> None:
    subject = Subject(kind="address", values=(OLD,))
    assert read("target.dns-address-connects", report(DEAD, address(NEW)), subject).want is None
    want = read("target.dns-address-connects", report(DEAD, LINE, address(NEW)), subject).want
    assert want == Want(probe="elsewhere", args=(NEW, "443"))


@pytest.mark.parametrize("bogon", ["0.0.0.0", "127.0.0.1", "169.254.7.7", "::", "::1", "255.255.255.255"])
def test_bogons(bogon: str) -> None:
    assert read("target.reserved-address", report(), Subject(kind="address", values=(bogon,))).state == "present"


@pytest.mark.parametrize("good", ["10.0.0.1", "192.168.1.1", "203.0.113.7", "fd00::1", "fe80::1%eth0"])
def test_addresses_that_are_no_bogons(good: str) -> None:
    assert read("target.reserved-address", report(), Subject(kind="address", values=(good,))).state == "absent"


def test_the_marker_of_a_name_collision() -> None:
    subject = Subject(kind="address", values=("127.0.53.53",))
    assert read("target.collision-address", report(), subject).state == "present"
    typed = report(host="127.0.53.53", stages=("tcp",))
    assert read("target.collision-address", typed, subject).state == "absent"


# ---------------------------------------------------------------- causes that need a report written by hand

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    "seen",
    [
        (FAILS, answer("SERVFAIL"), again(address("192.0.2.7"))),
        (FAILS, address("192.0.2.7"), again(WORKS)),
        (NOT_FOUND, address("192.0.2.7"), again(WORKS)),
    ],
)
def test_a_lookup_that_fails_and_succeeds_blames_nobody_for_sure(seen: tuple[Observation, ...]) -> None:
    verdict = diagnose(report(*seen, answer("NOERROR", "AAAA")), CATALOGUE).verdict
    assert (verdict.cause, verdict.certainty, verdict.owner) == ("dns.intermittent", "likely", "unknown")


@pytest.mark.parametrize("seen", [(FAILS, address("192.0.2.7")), (CUT, address("192.0.2.7"))])
def test_this_machine_is_not_blamed_for_a_lookup_that_was_not_repeated(seen: tuple[Observation, ...]) -> None:
    diagnosis = diagnose(report(*seen), CATALOGUE)
    assert (diagnosis.verdict.cause, diagnosis.verdict.certainty) == (None, "undetermined")
    assert "192.0.2.7" in diagnosis.notes[0].text


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (both("SERVFAIL", R2), f"Resolver {R2} answers that the lookup failed (SERVFAIL)"),
        (both("NXDOMAIN", R2), f"Resolver {R2} answers that the name does not exist (NXDOMAIN)"),
        ((answer("REFUSED", "AAAA"),), f"Resolver {R1} answered REFUSED to the AAAA query"),
    ],
)
def test_a_resolver_that_contradicts_an_address_is_noted(seen: tuple[Observation, ...], words: str) -> None:
    works = Connect(outcome=Outcome.OK, address="192.0.2.7", port=443)
    r = report(WORKS, works, address("192.0.2.7"), *seen, resolvers=(R1, R2))
    diagnosis = diagnose(r, CATALOGUE)
    assert diagnosis.verdict.symptom == "ok"
    assert [n.text for n in diagnosis.notes if n.kind == "info"] == [
        f"{words}; the system's lookup returned 192.0.2.7."
    ]


@pytest.mark.parametrize("step", [1, -1])
def test_resolvers_that_differ_are_noted_in_their_configured_order(step: int) -> None:
    """Whichever response came first."""
    works = Connect(outcome=Outcome.OK, address="192.0.2.7", port=443)
    seen = (address("192.0.2.7"), address("192.0.2.99", resolver=R2))
    r = report(WORKS, works, *seen[::step], resolvers=(R1, R2))
    notes = [n.text for n in diagnose(r, CATALOGUE).notes if n.kind == "info"]
    assert f"Resolver {R1} returned 192.0.2.7, resolver {R2} returned 192.0.2.99." in notes


def test_no_resolver_is_likely_where_it_was_never_run() -> None:
    r = report(system(Outcome.NAME_NOT_FOUND, took=3.0), resolvers=(), os="macOS 15.1")
    verdict = diagnose(r, CATALOGUE).verdict
    assert (verdict.cause, verdict.certainty, verdict.owner) == ("dns.no-resolver", "likely", "this-machine")


def test_a_refusal_whose_sender_is_not_shown_decides_nothing() -> None:
    problem = diagnose(report(FAILS, *closed(None)), CATALOGUE).problems[0]
    assert problem.cause is None
    assert {c.cause for c in problem.candidates} == {"dns.resolver-port-closed", "dns.resolver-unreachable"}


@pytest.mark.parametrize(
    ("seen", "host", "cause", "certainty", "owner"),
    [
        ((*both("NXDOMAIN"), *both("NXDOMAIN", R2)), HOST, "dns.name-unknown", "likely", "user"),
        ((*both("NXDOMAIN"), *silent(R2)), HOST, "dns.nxdomain", "likely", "dns-operator"),
        ((*both("NXDOMAIN"), *both("SERVFAIL", R2)), HOST, "dns.nxdomain", "certain", "dns-operator"),
        (
            (*both("NXDOMAIN"), *both("NXDOMAIN", R2, ede=((15, ""),))),
            HOST, "dns.blocked-by-policy", "certain", "network",
        ),
        (
            (*both("NXDOMAIN", ede=((15, ""),)), *both("NOERROR", R2, outcome=Outcome.OK, addresses=("192.0.2.7",))),
            HOST, "dns.blocked-by-policy", "certain", "network",
        ),
        ((*both("NXDOMAIN"), *both("SERVFAIL", R2, ede=((22, ""),))), HOST, "dns.nxdomain", "certain", "dns-operator"),
        (both("NXDOMAIN"), "printer.local", "dns.private-name-unknown", "likely", "user"),
        (both("NXDOMAIN"), "intra", "dns.private-name-unknown", "likely", "user"),
        ((*both("NXDOMAIN"), *both("NXDOMAIN", R2)), "intra", "dns.name-unknown", "likely", "user"),
    ],
)  # fmt: skip
def test_who_must_act_for_a_name_that_does_not_exist(
    seen: tuple[Lookup, ...], host: str, cause: str, certainty: str, owner: str
) -> None:
    repeated = [again(o) for o in seen if o.rcode == "SERVFAIL"]
    near_names = [replace(answer("NXDOMAIN"), name="other.example.com")]
    lookups = [replace(o, name=host) if o.name == HOST else o for o in (NOT_FOUND, *seen, *repeated)]
    resolvers = tuple(dict.fromkeys(o.resolver for o in seen if o.resolver))
    verdict = diagnose(report(*lookups, *near_names, host=host, resolvers=resolvers), CATALOGUE).verdict
    assert (verdict.cause, verdict.certainty, verdict.owner) == (cause, certainty, owner)


def test_an_error_without_a_cause_is_undetermined() -> None:
    problem = diagnose(report(FAILS, *both("NOTIMP")), CATALOGUE).problems[0]
    assert (problem.cause, problem.certainty) == (None, "undetermined")


def test_a_wrong_address_hides_its_consequences() -> None:
    """A new cause about an address must be hidden by those about a wrong address."""
    wrong = [CATALOGUE[f"dns.{n}"] for n in ("hosts-override", "name-collision", "bogon-answer", "search-expanded")]
    for cause in wrong:
        symptoms = set(cause.front.explains)
        led_to = {
            c.name for c in CATALOGUE
            if c.front.about == "address" and c.front.kind == "cause" and symptoms & set(c.front.explains)
        }  # fmt: skip
        assert {n for n in led_to - {w.name for w in wrong} if not hides(cause, CATALOGUE[n])} == set(), cause.name
