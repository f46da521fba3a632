"""Redaction: nothing that names a person, a host or an address is left, and what a reader needs still shows."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Certificate,
    Connect,
    Diagnosis,
    Greeting,
    Handshake,
    Holder,
    HostsFile,
    HttpReply,
    Icmp,
    Interface,
    Interfaces,
    Listener,
    Listeners,
    Lookup,
    Note,
    Outcome,
    Report,
    Route,
    Target,
    Vantage,
    Verdict,
)
from portdoctor.redaction import redact
from portdoctor.redaction.pseudonyms import Pseudonyms, token6
from portdoctor.redaction.scrub import leaks, strings
from portdoctor.render import json as json_format

from . import reports
from .test_hostile import FORMATS

CATALOGUE = load_catalogue()
SECRETS = (
    "acme", "intranet", "dana", "miller", "ws-4711", "10.20.30", "192.168.77", "8.8.4", "fd12:3456", "2a01:4f8",
    "contoso", "s3cret", "04d2beef", "abcdef01",
)  # fmt: skip


def telling() -> reports.Case:
    """A report full of names, in every place where one may stand."""
    leaf = Certificate(
        subject="CN=shop.acme.com, O=ACME Widgets GmbH, C=DE", issuer="CN=Contoso Issuing CA 7, O=Contoso",
        names=("shop.acme.com", "*.intranet.acme.com", "10.20.30.41"), serial="04d2beef", sha256="abcdef01" * 8,
    )  # fmt: skip
    report = Report(
        portdoctor="0.1.0",
        target=Target(
            input="https://shop.acme.com:8443", host="shop.acme.com", port=8443, service="https", scheme="https",
            because={"tls": "the scheme of https://shop.acme.com"},
        ),
        vantage=Vantage(
            host="ws-4711.acme.com", os="Linux 6.18", user="dana", started="2026-11-22T09:14:03Z",
            source_address="192.168.77.5", interface="vpn-acme", gateway="192.168.77.1",
            resolvers=("192.168.77.53", "8.8.4.4", "127.0.0.53"),
        ),
        observations=(
            Lookup(
                id="o1", outcome=Outcome.OK, name="shop.acme.com", via="system",
                addresses=("10.20.30.40", "2a01:4f8::7"),
                aliases=("lb.intranet.acme.com",), ede=((22, "no reachable authority for ns1.acme.com"),),
            ),
            HostsFile(
                id="o2", outcome=Outcome.OK, name="shop.acme.com", path="/etc/hosts",
                lines=((7, "10.20.30.40", "10.20.30.40 shop.acme.com shop # by dana@acme.com"),),
            ),
            Connect(
                id="o3", outcome=Outcome.PROHIBITED, address="10.20.30.40", port=8443, source="192.168.77.5",
                icmp=Icmp(type=3, code=13, offender="192.168.77.1"), os_says="No route to host (192.168.77.1)",
            ),
            Connect(id="o4", outcome=Outcome.TIMEOUT, address="2a01:4f8::7", port=8443, source="fd12:3456::2%vpn-acme"),
            Route(id="o5", outcome=Outcome.OK, address="10.20.30.40", interface="vpn-acme", prefix="10.20.30.0/24"),
            Interfaces(
                id="o6", outcome=Outcome.OK,
                rows=(
                    Interface(name="vpn-acme", up=True, running=True, addresses=("192.168.77.5/24", "fd12:3456::2/64")),
                    Interface(name="eth0", up=True, running=True),
                ),
            ),
            Listeners(
                id="o7", outcome=Outcome.OK, port=8443,
                rows=(
                    Listener(
                        address="0.0.0.0", port=8443,
                        holder=Holder(pid=7, name="java", user="miller", command="/home/miller/bin/java -Dpw=s3cret x"),
                    ),
                ),
            ),
            Handshake(
                id="o8", outcome=Outcome.UNTRUSTED, address="10.20.30.40", port=8443, sni="shop.acme.com",
                chain=(leaf,), trust="the file /home/dana/ca.pem",
            ),
            Greeting(
                id="o9", outcome=Outcome.OK, address="10.20.30.40", port=8443, protocol="smtp",
                text="220 mail.acme.com ESMTP ready for ws-4711.acme.com [192.168.77.5], "
                "admin miller@acme.com ::ffff:10.20.30.40.",
            ),
            HttpReply(
                id="o10", outcome=Outcome.OK, address="10.20.30.40", port=8443, status=302,
                location="https://dana:s3cret@login.acme.com/path?token=s3cret",
                headers={"via": "1.1 px1.intranet.acme.com"},
                text="see http://wiki.intranet.acme.com/x",
            ),
        ),
        notes=(Note(kind="info", text="ws-4711 asked 192.168.77.53 for shop.acme.com as dana."),),
    )  # fmt: skip
    _, diagnosis = reports.filtered()
    problem = msgspec.structs.replace(
        diagnosis.problems[0],
        explanation="A device at 192.168.77.1 rejects shop.acme.com (10.20.30.40 port 8443), and db.acme.com too.",
        subject=msgspec.structs.replace(diagnosis.problems[0].subject, values=("10.20.30.40", "2a01:4f8::7")),
    )
    verdict = Verdict(symptom="timeout", cause="tcp.port-filtered", explanation="Ask acme.com about 10.20.30.40.")
    return report, msgspec.structs.replace(diagnosis, problems=(problem,), verdict=verdict)


def redacted(report: Report, diagnosis: Diagnosis) -> tuple[Report, Diagnosis, dict[str, str]]:
    """A single case with pseudonyms, and the key."""
    ((report, diagnosis),), key = redact.redact([(report, diagnosis)])
    return report, diagnosis, key


CASES: dict[str, Callable[[], reports.Case]] = {**reports.ALL, "telling": telling}


@pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)
def test_no_secret_is_left_in_any_format(render: Callable[[Report, Diagnosis], str]) -> None:
    report, diagnosis, key = redacted(*telling())
    output = render(report, diagnosis).lower()
    assert [secret for secret in SECRETS if secret in output] == []
    assert leaks(output, key) == []


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_the_check_for_leaks_finds_what_was_not_redacted(make: Callable[[], reports.Case]) -> None:
    report, diagnosis, key = redacted(*make())
    assert leaks(json_format.render(report, diagnosis), key) == []
    if key:
        assert leaks(json_format.render(*make()), key)


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_a_redacted_report_is_a_report(make: Callable[[], reports.Case]) -> None:
    report, diagnosis, _ = redacted(*make())
    text = json_format.render(report, diagnosis)
    jsonschema.Draft202012Validator(json_format.schema()).validate(json.loads(text))
    again = json_format.load_report(text)
    for o in again.of(Connect):
        ipaddress.ip_address(o.address)
    assert [type(o) for o in again.observations] == [type(o) for o in make()[0].observations]


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_the_words_of_the_diagnosis_stay(make: Callable[[], reports.Case]) -> None:
    before = make()[1]
    _, after, _ = redacted(*make())
    assert [(p.id, p.symptom, p.cause, p.because, p.certainty, p.owner, p.evidence) for p in before.problems] == [
        (p.id, p.symptom, p.cause, p.because, p.certainty, p.owner, p.evidence) for p in after.problems
    ]
    assert [s.name for s in before.stages] == [s.name for s in after.stages]
    for one, other in zip(before.problems, after.problems, strict=True):
        assert [r.cause for r in one.ruled_out] == [r.cause for r in other.ruled_out]


def test_same_stays_same_and_private_stays_private() -> None:
    report, diagnosis, key = redacted(*telling())
    address = key["10.20.30.40"]
    lookup = report.of(Lookup)[0]
    connects = report.of(Connect)
    assert lookup.addresses[0] == address == connects[0].address == diagnosis.problems[0].subject.values[0]
    assert address in report.of(Greeting)[0].text
    for original, pseudonym in key.items():
        try:
            was, is_ = ipaddress.ip_address(original), ipaddress.ip_address(pseudonym)
        except ValueError:
            continue
        assert was.version == is_.version
        blocks = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "192.168.0.0/16", "fc00::/7")]
        assert [was in n for n in blocks] == [is_ in n for n in blocks]
    assert key["192.168.77.5"].rpartition(".")[0] == key["192.168.77.1"].rpartition(".")[0]  # one network still
    assert report.vantage.resolvers[2] == "127.0.0.53"


def test_names_keep_their_kinship() -> None:
    _, _, key = redacted(*telling())
    shop, balancer = key["shop.acme.com"], key["lb.intranet.acme.com"]
    assert shop.split(".")[1:] == balancer.split(".")[2:]
    assert shop.endswith(".example")
    assert "*." in key["*.intranet.acme.com"]


def test_technical_words_stay() -> None:
    report, _, _ = redacted(*telling())
    holder = report.of(Listeners)[0].rows[0].holder
    assert holder
    assert (holder.name, holder.command, holder.pid) == ("java", "java", 7)
    assert report.of(HostsFile)[0].path == "/etc/hosts"
    assert report.vantage.os == "Linux 6.18"
    assert report.of(Interfaces)[0].rows[1].name == "eth0"
    assert report.of(Interfaces)[0].rows[0].name == report.vantage.interface == report.of(Route)[0].interface
    assert "C=DE" in report.of(Handshake)[0].chain[0].subject
    assert re.fullmatch(r"https://…@host-\d\.domain-1\.example/…", report.of(HttpReply)[0].location or "")


def test_a_note_says_that_they_are_pseudonyms() -> None:
    report, _, _ = redacted(*reports.ok())
    assert redact.NOTE in [n.text for n in report.notes]


def test_a_batch_shares_one_key() -> None:
    cases, key = redact.redact([reports.refused(), reports.filtered()])
    assert {c[0].target.host for c in cases} == {key["shop.example.com"]}
    assert all(leaks(json_format.render(*case), key) == [] for case in cases)


def test_redacting_is_the_same_every_time() -> None:
    assert redacted(*telling()) == redacted(*telling())


def test_a_pseudonym_is_never_somebody_s_original() -> None:
    report, diagnosis = reports.filtered()  # its addresses are of the very ranges that pseudonyms come from
    _, _, key = redacted(report, diagnosis)
    assert not set(key) & set(key.values())


def test_a_host_that_is_called_like_a_word_of_ours_breaks_no_word() -> None:
    report, diagnosis = reports.refused()
    target = msgspec.structs.replace(report.target, host="no-listener", input="no-listener:8443")
    changed, verdict, key = redacted(msgspec.structs.replace(report, target=target), diagnosis)
    assert changed.target.host == key["no-listener"] == "host-1"
    assert verdict.problems[0].cause == "tcp.no-listener"
    assert verdict.problems[0].next_test == diagnosis.problems[0].next_test


def test_what_everything_is_called_is_no_secret() -> None:
    report, diagnosis = reports.refused()
    target = msgspec.structs.replace(report.target, host="server", input="server:8443")
    changed, verdict, _ = redacted(msgspec.structs.replace(report, target=target), diagnosis)
    assert changed.target.host == "server"
    assert verdict.problems[0].steps == diagnosis.problems[0].steps


def test_a_search_domain_still_shows() -> None:
    names = Pseudonyms()
    short = names.name("db.acme.com")
    assert names.name("db.acme.com.corp.acme.com").startswith(f"{short}.")
    assert names.name("id.server") == "id.server"


RECORDINGS = sorted((Path(__file__).parent.parent / "scenarios").glob("*/*.json"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_redacted_recording_leaks_nothing_and_is_diagnosed_alike(path: Path) -> None:
    report = json_format.load_report(path.read_text(encoding="utf-8"))
    before = diagnose(report, CATALOGUE)
    changed, after, key = redacted(report, before)
    for render in FORMATS.values():
        assert leaks(render(changed, after), key) == []
    again = diagnose(json_format.load_report(json_format.render(changed, after)), CATALOGUE).verdict
    assert (again.symptom, again.cause, again.certainty) == (
        before.verdict.symptom, before.verdict.cause, before.verdict.certainty,
    )  # fmt: skip


V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
NAME = st.from_regex(r"[a-z]{3,8}(\.[a-z]{3,8}){1,3}", fullmatch=True)


@given(st.lists(V4, max_size=6), st.lists(V6, max_size=6), st.lists(NAME, min_size=1, max_size=6))
def test_nothing_leaks_whatever_the_names_are(fours: list[str], sixes: list[str], names: list[str]) -> None:
    text = " and ".join((*fours, *(f"[{a}]:443" for a in sixes), *names))
    report = Report(
        target=Target(input=f"{names[0]}:1", host=names[0], port=1),
        observations=(
            Lookup(
                id="o1", outcome=Outcome.OK, name=names[0], via="system", addresses=(*fours, *sixes),
                aliases=tuple(names),
            ),
            Greeting(id="o2", outcome=Outcome.OK, address="127.0.0.1", port=1, text=text),
        ),
    )
    diagnosis = Diagnosis(verdict=Verdict(symptom="ok", explanation=text))
    changed, verdict, key = redacted(report, diagnosis)
    output = " ".join(strings((changed.observations, verdict)))
    assert leaks(output, key) == []
    assert len(set(key.values())) == len(key)


def test_many_networks_get_a_pseudonym_each() -> None:
    names = Pseudonyms()
    made = [names.address(f"8.{n // 256}.{n % 256}.1") for n in range(400)]
    assert len(set(made)) == 400
    assert names.address("not an address") == "not an address"
    assert names.address("::ffff:8.0.0.1") == f"::ffff:{made[0]}"


def test_an_address_at_the_end_of_a_sentence() -> None:
    assert token6("2001:db8::45.") == ("2001:db8::45", ".")
    assert token6("2001:db8::45:") == ("2001:db8::45", ":")
    assert token6("12:30:45") == ("", "12:30:45")
