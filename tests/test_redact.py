"""Redaction: nothing that names a person, a host or an address is left, and what a reader needs still shows."""

from __future__ import annotations

import ipaddress
import json
import re
import typing
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
)
from portdoctor.redaction.fields import what_is
from portdoctor.redaction.leaks import leaks, originals
from portdoctor.redaction.pseudonyms import Pseudonyms, PseudonymsExhausted, network, token6
from portdoctor.redaction.redact import NOTE, redact
from portdoctor.redaction.scrub import Scrubber
from portdoctor.render import json as json_format

from . import reports
from .test_hostile import FORMATS

CATALOGUE = load_catalogue()
SECRETS = (
    "acme", "wiki", "dana", "miller", "ws-4711", "10.20.30", "192.168.77", "8.8.4", "fd12:3456", "2a01:4f8",
    "contoso", "s3cret", "04d2beef", "abcdef01", "widgets", "billing", "00:1a:2b", "001a2b", "81-2-69-142", "2a02",
    "ywntzs",
)  # fmt: skip


def telling() -> Report:
    """A report full of names, in every place where one may stand."""
    leaf = Certificate(
        subject="CN=shop.acme.com, O=ACME Widgets, Inc., C=DE", issuer="CN=Contoso Issuing CA 7, O=Contoso",
        names=("shop.acme.com", "*.intranet.acme.com", "10.20.30.41"), serial="04d2beef", sha256="abcdef01" * 8,
        issuer_urls=("http://ca.acme.com/dana/intermediate.cer", "ldap:///CN=Contoso,DC=acme"),
    )  # fmt: skip
    return Report(
        portdoctor="0.1.0",
        target=Target(
            input="https://shop.acme.com:8443", host="shop.acme.com", port=8443, service="https", scheme="https",
            because={"tls": "the scheme of https://shop.acme.com"}, stages=("dns", "tcp", "tls", "http"),
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
                    Interface(name="enx001a2b3c4d5e", up=True, running=True),
                    Interface(name="eth0", up=True, running=True),
                ),
            ),
            Listeners(
                id="o7", outcome=Outcome.OK, port=8443,
                rows=(
                    Listener(
                        address="0.0.0.0", port=8443, peer="[2a01:4f8::9]:55123",
                        holder=Holder(
                            pid=7, name="java", user="miller", command="/home/miller/bin/java -Dpw=s3cret x",
                            unit="acme-billing.service",
                        ),
                    ),
                ),
            ),
            Handshake(
                id="o8", outcome=Outcome.UNTRUSTED, address="10.20.30.40", port=8443, sni="shop.acme.com",
                chain=(leaf,), trust="--cafile /home/dana/ca.pem",
                verify_message="certificate is not valid for 'shop.acme.com'",
            ),
            Greeting(
                id="o9", outcome=Outcome.OK, address="10.20.30.40", port=8443, protocol="smtp",
                text="220 billing ESMTP Postfix ready for ws-4711 [192.168.77.5], ip-81-2-69-142, addr:2a02:1::5, "
                "miller@acme.com ::ffff:10.20.30.40. YWNtZS5jb20= %61%63%6d%65 00:1A:2B:3C:4D:5E",
            ),
            HttpReply(
                id="o10", outcome=Outcome.OK, address="10.20.30.40", port=8443, status=302,
                location="https://dana:s3cret@login.acme.com/path?token=s3cret",
                headers={"via": "1.1 px1.intranet.acme.com", "server": "nginx/1.22.1", "x-host": "billing"},
                text="see http://wiki.intranet.acme.com/x",
            ),
        ),
        notes=(Note(kind="info", text="ws-4711 asked 192.168.77.53 for shop.acme.com as dana."),),
    )  # fmt: skip


def redacted(report: Report) -> tuple[Report, Diagnosis, dict[str, str]]:
    """A report with pseudonyms, its diagnosis, and the key."""
    (report,), key = redact([report])
    return report, diagnose(report, CATALOGUE), key


MADE: dict[str, Callable[[], Report]] = {name: lambda make=make: make()[0] for name, make in reports.ALL.items()}
MADE["telling"] = telling


# ---------------------------------------------------------------- nothing leaks


@pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)
def test_no_secret_is_left_in_any_format(render: Callable[[Report, Diagnosis], str]) -> None:
    report, diagnosis, key = redacted(telling())
    output = render(report, diagnosis)
    assert [secret for secret in SECRETS if secret in output.lower()] == []
    assert leaks([output], originals([telling()]), key.values()) == set()


def test_every_text_of_an_observation_declares_what_it_is() -> None:
    from portdoctor import model

    bare = []
    for kind in vars(model).values():
        if isinstance(kind, type) and issubclass(kind, model.Ending | model.Report | model.Target | model.Vantage):
            for field, hint in typing.get_type_hints(kind, include_extras=True).items():
                if re.search(r"<class 'str'>|\bstr\b", re.sub(r"Annotated\[str, ", "", str(hint))):
                    bare.append(f"{kind.__name__}.{field}")
    assert bare == []


def test_what_a_text_is() -> None:
    from portdoctor.model import Address, Transport

    assert what_is(Address) == "address"
    assert what_is(typing.Optional[Address]) == "address"  # noqa: UP045
    assert what_is(Transport) is None
    assert what_is(str) == "text"


# ---------------------------------------------------------------- the check of the output

HIDDEN = {
    "upper case": "see SHOP.ACME.COM",
    "one label": "acme is down",
    "reversed": "com.acme.shop",
    "percent": "%61%63%6d%65",
    "hexadecimal": "61636d65",
    "base64": "YWNtZS5jb20=",
    "base64, second alignment": "eGFjbWUuY29t",
    "base64, third alignment": "eHlhY21lLmNvbQ==",
    "an address": "10.20.30.40",
    "with hyphens": "ip-10-20-30-40",
    "reverse lookup": "40.30.20.10.in-addr.arpa",
    "decimal": "169090600 and 0xa141e28",
    "mapped": "::ffff:a14:1e28",
    "IPv6 in full": "2a01:04f8:0000:0000:0000:0000:0000:0007",
    "IPv6 in capitals": "[2A01:4F8::7]:443",
    "IPv6 with hyphens": "2a01-4f8--7.ipv6-literal.net",
    "ip6.arpa": "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.f.4.0.1.0.a.2.ip6.arpa",
    "user": "for dana",
    "mail": "miller@acme.com",
    "organisation": "ACME Widgets",
    "fingerprint": "abcdef01" * 8,
    "interface": "vpn-acme",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_the_check_finds_an_original_in_any_spelling(text: str) -> None:
    report, diagnosis, key = redacted(telling())
    output = json_format.render(report, diagnosis)
    found = originals([telling()])
    assert leaks([output], found, key.values()) == set()
    assert leaks([output, f"{output} {text}"], found, key.values())


def test_the_check_names_the_kind_of_a_leak_and_not_the_value() -> None:
    _, _, key = redacted(telling())
    assert leaks(["from 8.8.4.4"], originals([telling()]), key.values()) == {"an address"}
    assert leaks(["by login.other.example"], {("host", "login.other.example")}, ()) == {"a host name"}
    assert leaks(["dana"], originals([telling()]), key.values()) == {"a user name"}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_the_check_finds_what_was_not_redacted(make: Callable[[], Report]) -> None:
    report, diagnosis, key = redacted(make())
    found = originals([make()])
    assert leaks([json_format.render(report, diagnosis)], found, key.values()) == set()
    assert leaks([json_format.render(make(), diagnose(make(), CATALOGUE))], found, key.values())


# ---------------------------------------------------------------- it stays useful


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_redacted_report_is_a_report(make: Callable[[], Report]) -> None:
    report, diagnosis, _ = redacted(make())
    text = json_format.render(report, diagnosis)
    jsonschema.Draft202012Validator(json_format.schema()).validate(json.loads(text))
    again = json_format.load_report(text)
    for o in again.of(Connect):
        ipaddress.ip_address(o.address)
    assert [type(o) for o in again.observations] == [type(o) for o in make().observations]


RECORDINGS = sorted((Path(__file__).parent.parent / "scenarios").glob("*/*.json"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_redacted_recording_leaks_nothing_and_is_diagnosed_alike(path: Path) -> None:
    report = json_format.load_report(path.read_text(encoding="utf-8"))
    before = diagnose(report, CATALOGUE)
    changed, after, key = redacted(report)
    assert leaks([render(changed, after) for render in FORMATS.values()], originals([report]), key.values()) == set()
    again = diagnose(json_format.load_report(json_format.render(changed, after)), CATALOGUE)
    assert _gist(again) == _gist(before)


def _gist(diagnosis: Diagnosis) -> list[object]:
    v = diagnosis.verdict
    return [
        (v.symptom, v.cause, v.certainty),
        *(
            (p.symptom, p.cause, p.certainty, p.owner, [c.cause for c in p.candidates], [r.cause for r in p.ruled_out])
            for p in diagnosis.problems
        ),
    ]


def test_same_stays_same_and_private_stays_private() -> None:
    report, _, key = redacted(telling())
    address = key["10.20.30.40"]
    lookup = report.of(Lookup)[0]
    assert lookup.addresses[0] == address == report.of(Connect)[0].address
    assert address in report.of(Greeting)[0].text
    assert f"::ffff:{address}" in report.of(Greeting)[0].text
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
    _, _, key = redacted(telling())
    shop, balancer = key["shop.acme.com"], key["lb.intranet.acme.com"]
    assert shop.split(".")[1:] == balancer.split(".")[2:]
    assert shop.endswith(".example")
    assert "*." in key["*.intranet.acme.com"]


def test_technical_words_stay() -> None:
    report, _, _ = redacted(telling())
    holder = report.of(Listeners)[0].rows[0].holder
    assert holder
    assert (holder.name, holder.command, holder.pid, holder.unit) == ("java", "java", 7, "unit-1.service")
    assert report.of(HostsFile)[0].path == "/etc/hosts"
    assert report.vantage.os == "Linux 6.18"
    rows = report.of(Interfaces)[0].rows
    assert [row.name for row in rows] == ["interface-1", "interface-2", "eth0"]
    assert rows[0].name == report.vantage.interface == report.of(Route)[0].interface
    subject = report.of(Handshake)[0].chain[0].subject
    assert re.fullmatch(r"CN=host-\d\.domain-1\.example, O=organisation-1, C=DE", subject)
    reply = report.of(HttpReply)[0]
    assert re.fullmatch(r"https://…@host-\d\.domain-1\.example/…", reply.location or "")
    assert reply.headers["server"] == "nginx/1.22.1"
    assert report.of(Greeting)[0].text.startswith("220 … ESMTP Postfix ready for host-")
    assert report.of(Connect)[0].os_says.startswith("No route to host (192.168.")


TEXTS = {
    "-LOADING Redis is loading the dataset in memory": None,
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10": None,
    "421 4.7.0 Too many connections, try again later": None,
    "<html> <head><title>502 Bad Gateway</title></head> <center>nginx/1.22.1</center>": None,
    "Mon, 23 Nov 2026 06:20:52 GMT": None,
    "Temporary failure in name resolution (EAI_AGAIN)": None,
    "TLS_AES_256_GCM_SHA384": None,
    "no pg_hba.conf entry for host": None,
    "220 mx-zoltar ESMTP": "220 … ESMTP",
    "password: hosts": "password: …",
    "Authorization: Bearer ready": "Authorization: …",
    "x10.0.0.1y and 1.2.3.4.5": "… and …",
    "zoltar@acme.org": "user-1@domain-1.example",
    "1.2.3.4": "203.0.113.1",
    "00:11:22:33:44:55": "mac-1",
    "http://u:p@zoltar:8080/a?b=c": "http://…@host-1:8080/…",
    "81 of 142": None,
    "127.12.70.100.in-addr.arpa": "1.0.64.100.in-addr.arpa",
    "81-2-69-142": "…",
    "2130706433": "…",
    "%31%32%33": "…",
    "root@localhost": None,
}


@pytest.mark.parametrize(("text", "shown"), TEXTS.items(), ids=TEXTS)
def test_free_text(text: str, shown: str | None) -> None:
    assert Scrubber(Pseudonyms()).text(text) == (text if shown is None else shown)


def test_a_note_says_that_they_are_pseudonyms() -> None:
    report, _, _ = redacted(reports.ok()[0])
    assert NOTE in [n.text for n in report.notes]


def test_a_batch_shares_one_key() -> None:
    both = [reports.refused()[0], reports.filtered()[0]]
    changed, key = redact(both)
    assert {report.target.host for report in changed} == {key["shop.example.com"]}


def test_redacting_is_the_same_every_time() -> None:
    assert redacted(telling()) == redacted(telling())


def test_a_pseudonym_is_never_somebody_s_original() -> None:
    _, _, key = redacted(reports.filtered()[0])  # its addresses are of the very ranges that pseudonyms come from
    assert not set(key) & set(key.values())


def test_a_host_that_is_called_like_a_word_of_ours_breaks_no_word() -> None:
    report = reports.refused()[0]
    target = msgspec.structs.replace(report.target, host="no-listener", input="no-listener:8443")
    named = msgspec.structs.replace(report, target=target)
    changed, diagnosis, key = redacted(named)
    assert changed.target.host == key["no-listener"] == "host-1"
    assert changed.target.input == "host-1:8443"
    assert _gist(diagnosis) == _gist(diagnose(named, CATALOGUE))
    assert leaks([json_format.render(changed, diagnosis)], originals([named]), key.values()) == set()


def test_what_everything_is_called_is_no_secret() -> None:
    report = reports.refused()[0]
    target = msgspec.structs.replace(report.target, host="server", input="server:8443")
    changed, _, _ = redacted(msgspec.structs.replace(report, target=target))
    assert changed.target.host == "server"


# ---------------------------------------------------------------- pseudonyms


def test_a_search_domain_still_shows() -> None:
    names = Pseudonyms()
    short = names.name("db.acme.com")
    assert names.name("db.acme.com.corp.acme.com").startswith(f"{short}.")
    assert names.name("id.server") == "id.server"


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
    (changed,), key = redact([report])
    output = str(msgspec.to_builtins(changed.observations))
    assert leaks([output], originals([report]), key.values()) == set()
    assert len(set(key.values())) == len(key)


def test_more_networks_than_there_are_pseudonyms_for_share_them() -> None:
    names = Pseudonyms()
    made = [names.address(f"8.{n // 256}.{n % 256}.1") for n in range(3000)]
    assert len(set(made)) == 3000
    assert made[0].rpartition(".")[0] != made[500].rpartition(".")[0]
    assert names.address("not an address") == "not an address"
    assert names.address("::ffff:8.0.0.1") == f"::ffff:{made[0]}"
    assert names.address("64:ff9b::8.0.0.1") == str(ipaddress.ip_address(f"64:ff9b::{made[0]}"))


def test_pseudonyms_that_run_out_end_in_one_sentence() -> None:
    names = Pseudonyms()
    addresses = iter(f"169.254.{n // 256}.{n % 256}" for n in range(65536))
    with pytest.raises(PseudonymsExhausted, match=r"^--redact has no pseudonyms left for addresses in 169\.254"):
        any(names.address(address) == "" for address in addresses)
    assert len(set(names.key.values())) == len(names.key) > 60_000


def test_a_full_network_continues_in_another() -> None:
    whole = [f"192.168.7.{n}" for n in range(256)]
    names = Pseudonyms(avoid=whole)
    made = [names.address(address) for address in whole]
    assert len({*made, *whole}) == 512


def test_networks() -> None:
    names = Pseudonyms()
    inside = names.address("10.20.30.40")
    assert network("10.20.30.0/24", names) == str(ipaddress.ip_network(f"{inside}/24", strict=False))
    assert network("10.20.30.40/24", names) == f"{inside}/24"
    for kept in ("0.0.0.0/0", "10.0.0.0/8", "fe80::/64", "ff00::/8"):
        assert network(kept, names) == kept


def test_a_reverse_name_is_that_of_the_pseudonym() -> None:
    names = Pseudonyms()
    for address in ("8.1.2.3", "2a01:4f8::7"):
        reverse = ipaddress.ip_address(address).reverse_pointer
        assert names.name(reverse) == ipaddress.ip_address(names.address(address)).reverse_pointer


def test_an_address_at_the_end_of_a_sentence() -> None:
    assert token6("2001:db8::45.") == ("2001:db8::45", ".")
    assert token6("2001:db8::45:") == ("2001:db8::45", ":")
    assert token6("12:30:45") == ("", "12:30:45")
