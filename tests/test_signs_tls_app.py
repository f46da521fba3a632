"""Signs and causes of TLS, HTTP and greetings, on reports written by hand: each with its near misses."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Can,
    Certainty,
    Certificate,
    Connect,
    Diagnosis,
    Errno,
    Greeting,
    Handshake,
    HttpReply,
    Observation,
    Outcome,
    Report,
    Stage,
    Subject,
    Target,
    Vantage,
)
from portdoctor.render import phrases
from portdoctor.signs import find
from portdoctor.signs.x509 import common_name, days_between, http_date, name_matches, time_text
from portdoctor.text import phrase_pattern

CATALOGUE = load_catalogue()
A = "203.0.113.45"
HOST = "shop.example.com"
SUBJECT = Subject(kind="address", values=(A,))
CONNECT = Connect(id="c", outcome=Outcome.OK, took=0.02, address=A, port=443, rtt=0.02)
GOOD = Certificate(
    subject=f"CN={HOST}", issuer="CN=Example CA", not_before="2026-09-01T00:00:00Z", not_after="2027-03-01T00:00:00Z",
    names=(HOST,), sha256="ab" * 32,
)  # fmt: skip


Spoken = Handshake | HttpReply | Greeting
# Random ports are closed: no device in front of the server accepts everything.
NOT_INTERCEPTED = tuple(
    Connect(outcome=Outcome.REFUSED, address=A, port=p, role="negative") for p in (20001, 23456, 31234)
)


def report(*seen: Observation, stages: tuple[Stage, ...] = ("tcp", "tls", "http"), port: int = 443) -> Report:
    stalled = [o for o in seen if isinstance(o, Spoken) and o.outcome is Outcome.TIMEOUT and o.role == "target"]
    small = [replace(o, role="variant", mss_clamp=536) for o in stalled]  # no matter of packet size
    numbered = tuple(replace(o, id=f"o{n}") for n, o in enumerate((CONNECT, *NOT_INTERCEPTED, *seen, *small), 1))
    return Report(
        target=Target(input=HOST, host=HOST, port=port, stages=stages), observations=numbered,
        vantage=Vantage(os="Linux 6.18", started="2026-11-22T09:14:03.120Z", can=Can(error_queue=True)),
    )  # fmt: skip


def shake(outcome: Outcome, **more: object) -> Handshake:
    fields: dict[str, object] = {"sni": HOST, "trust": "--cafile x.pem", "trust_anchors": 1, "received": 900}
    return Handshake(outcome=outcome, address=A, port=443, **{**fields, **more})  # type: ignore[arg-type]


def untrusted(code: int, *chain: Certificate, **more: object) -> Handshake:
    return shake(Outcome.UNTRUSTED, verified=False, verify_code=code, verify_message="no", chain=chain, **more)


def cert(**more: object) -> Certificate:
    return replace(GOOD, **more)


def reply(outcome: Outcome, status: int | None = None, **more: object) -> HttpReply:
    return HttpReply(outcome=outcome, address=A, port=443, status=status, **more)  # type: ignore[arg-type]


def greeting(outcome: Outcome, **more: object) -> Greeting:
    return Greeting(outcome=outcome, address=A, port=443, **more)  # type: ignore[arg-type]


def dated(date: str, **headers: str) -> HttpReply:
    return reply(Outcome.OTHER_PROTOCOL, 400, role="variant", protocol="tls", headers={"date": date, **headers})


def causes(found: Diagnosis) -> dict[str | None, Certainty]:
    return {p.cause: p.certainty for p in found.problems}


EXPIRED = cert(not_before="2026-01-01T00:00:00Z", not_after="2026-11-15T00:00:00Z")
NOW, THEN = "Sun, 22 Nov 2026 09:14:00 GMT", "Sun, 01 Nov 2026 09:14:00 GMT"


def test_an_expired_certificate_is_certain_once_the_clock_is_confirmed() -> None:
    assert causes(diagnose(report(untrusted(10, EXPIRED)), CATALOGUE)) == {"tls.cert-expired": "likely"}
    found = diagnose(report(untrusted(10, EXPIRED), dated(NOW)), CATALOGUE)
    assert causes(found) == {"tls.cert-expired": "certain"}
    assert "2026-11-15" in found.problems[0].explanation
    assert found.problems[0].owner == "certificate-owner"


def test_a_server_clock_that_differs_points_to_the_clocks() -> None:
    found = diagnose(report(untrusted(10, EXPIRED), dated(THEN)), CATALOGUE)
    assert causes(found) == {"local.clock-skew": "likely"}


@pytest.mark.parametrize(
    ("date", "expected", "rival"),
    [
        (None, {"tls.cert-expired": "likely", "tls.cert-name-mismatch": "certain"}, "local.clock-skew"),
        (THEN, {"local.clock-skew": "likely", "tls.cert-name-mismatch": "certain"}, "tls.cert-expired"),
        (NOW, {"tls.cert-expired": "certain", "tls.cert-name-mismatch": "certain"}, None),
    ],
)
def test_a_wrong_clock_and_an_expired_certificate_are_told_apart_beside_a_wrong_name(
    date: str | None, expected: dict[str | None, str], rival: str | None
) -> None:
    shown = untrusted(62, replace(EXPIRED, names=("a.example",)))
    asked = reply(Outcome.TIMEOUT, role="variant") if date is None else dated(date)
    found = diagnose(report(shown, asked), CATALOGUE)
    assert causes(found) == expected
    first = found.problems[0]
    assert [c.cause for c in first.candidates] == ([rival] if rival else [])
    then = {a.then for a in first.next_test.if_} if first.next_test else set()
    assert then == ({rival, first.cause} if rival else set())
    assert not any(c.cause == "tls.cert-name-mismatch" for p in found.problems for c in p.ruled_out)


def test_without_a_url_of_the_issuer_the_intermediate_may_be_missing() -> None:
    first = diagnose(report(untrusted(20, GOOD)), CATALOGUE).problems[0]
    assert [c.cause for c in first.candidates] == ["tls.chain-incomplete"]
    assert first.next_test is not None
    assert {a.then for a in first.next_test.if_} == {"tls.cert-private-ca", "tls.chain-incomplete"}
    for seen in (untrusted(20, GOOD, cert()), untrusted(18, cert(issuer=GOOD.subject, self_signed=True))):
        ruled_out = {r.cause for r in diagnose(report(seen), CATALOGUE).problems[0].ruled_out}
        assert "tls.chain-incomplete" in ruled_out
    twice = diagnose(report(untrusted(20, EXPIRED), dated(NOW)), CATALOGUE)
    assert causes(twice) == {"tls.cert-expired": "certain", "tls.cert-private-ca": "likely"}


def test_status_511_under_a_verified_certificate_is_no_portal() -> None:
    portal = reply(Outcome.ERROR_ANSWER, 511)
    trusted = shake(Outcome.OK, verified=True, chain=(GOOD,))
    own = diagnose(report(trusted, portal, stages=("tcp", "tls", "http")), CATALOGUE)
    assert causes(own) == {"http.app-error": "certain"}
    assert "http.captive-portal" in {r.cause for r in own.problems[0].ruled_out}
    unverified = diagnose(
        report(replace(trusted, verified=False), portal, stages=("tcp", "tls", "http")), CATALOGUE
    )
    assert causes(unverified) == {"http.captive-portal": "likely"}


def test_the_age_of_a_cached_response_is_added_to_its_date() -> None:
    days = 21 * 86400
    assert causes(diagnose(report(untrusted(10, EXPIRED), dated(THEN, age=str(days))), CATALOGUE)) == {
        "tls.cert-expired": "certain"
    }


def test_all_three_errors_are_read_although_openssl_reports_one() -> None:
    bad = cert(subject="CN=old", issuer="CN=old", names=("old.example.com",), not_after="2026-11-15T00:00:00Z",
               self_signed=True)  # fmt: skip
    found = causes(diagnose(report(untrusted(18, bad), dated(NOW)), CATALOGUE))
    assert found == {
        "tls.cert-expired": "certain", "tls.cert-name-mismatch": "certain", "tls.cert-self-signed": "certain",
    }  # fmt: skip


def test_a_truncated_list_of_names_proves_nothing() -> None:
    many = cert(names=tuple(f"n{n}.example" for n in range(100)))
    assert find("certificate.name-mismatch")(report(untrusted(20, many)), SUBJECT).state == "unknown"
    assert find("certificate.name-mismatch")(report(untrusted(62, many)), SUBJECT).state == "present"
    assert find("certificate.name-mismatch")(report(untrusted(10, many)), SUBJECT).state == "absent"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (untrusted(9, cert(not_before="2027-01-01T00:00:00Z")), {"tls.cert-not-yet-valid": "likely"}),
        (untrusted(62, cert(names=("a.example", "b.example"))), {"tls.cert-name-mismatch": "certain"}),
        (untrusted(62, cert(names=())), {"tls.cert-name-mismatch": "certain"}),
        (untrusted(18, cert(issuer=GOOD.subject, self_signed=True)), {"tls.cert-self-signed": "certain"}),
        (untrusted(20, GOOD), {"tls.cert-private-ca": "likely"}),
        (untrusted(19, GOOD, cert(self_signed=True)), {"tls.cert-private-ca": "likely"}),
        (untrusted(20, cert(issuer_urls=("http://ca.example/i.cer",))), {"tls.chain-incomplete": "likely"}),
        (untrusted(20, GOOD, trust_anchors=0), {"tls.trust-store-missing": "certain"}),
        (shake(Outcome.NOT_TLS, sample="SSH-2.0-x", sample_protocol="ssh"), {"tls.plaintext-port": "certain"}),
        (shake(Outcome.NOT_TLS, sample="odd"), {"tls.plaintext-port": "certain"}),
        (shake(Outcome.TLS_ALERT, alert="protocol_version"), {"tls.version-mismatch": "likely"}),
        (shake(Outcome.TLS_ERROR, reason="UNSUPPORTED_PROTOCOL"), {"tls.version-mismatch": "certain"}),
        (shake(Outcome.TLS_ALERT, alert="unrecognized_name"), {"tls.sni-required": "certain"}),
        (shake(Outcome.TLS_ALERT, alert="handshake_failure", client_cert_asked=True),
         {"tls.client-cert-required": "likely"}),
        (shake(Outcome.TLS_ALERT, alert="handshake_failure"), {None: "undetermined"}),
        (shake(Outcome.TLS_ERROR, reason="SOMETHING_NEW"), {None: "undetermined"}),
        (shake(Outcome.TIMEOUT, received=0), {"tls.handshake-timeout": "likely"}),
        (shake(Outcome.RESET, received=0), {"tcp.reset-after-accept": "likely"}),
        (shake(Outcome.CLOSED, received=0), {"tcp.closed-after-accept": "likely"}),
        (shake(Outcome.CLOSED, received=50), {"tls.closed-in-handshake": "likely"}),
        (shake(Outcome.RESET, received=50), {"tls.reset-in-handshake": "likely"}),
    ],
)  # fmt: skip
def test_what_a_handshake_means(seen: Handshake, expected: dict[str | None, str]) -> None:
    assert causes(diagnose(report(seen), CATALOGUE)) == expected


def test_no_response_to_a_hello_but_to_plain_http_is_a_plain_text_port() -> None:
    asked = reply(Outcome.OK, 200, role="variant")
    names = (HOST, None, "other.example")
    mute = [shake(Outcome.TIMEOUT, received=0, role="variant", sni=name) for name in names]
    old = shake(Outcome.TIMEOUT, received=0, role="variant", newest="TLSv1.2")
    found = diagnose(report(shake(Outcome.TIMEOUT, received=0), asked, *mute, old), CATALOGUE)
    assert causes(found) == {"tls.plaintext-port": "certain"}
    found = diagnose(report(shake(Outcome.TIMEOUT, received=0), asked), CATALOGUE)  # a filter may drop the ClientHello
    assert causes(found) == {"tls.handshake-timeout": "likely"}
    answered = shake(Outcome.OK, received=900, role="variant", sni=None)
    found = diagnose(report(shake(Outcome.TIMEOUT, received=0), asked, mute[0], answered), CATALOGUE)
    assert "tls.plaintext-port" in {r.cause for r in found.problems[0].ruled_out}
    still = reply(Outcome.TIMEOUT, role="variant")
    found = diagnose(report(shake(Outcome.TIMEOUT, received=0), still), CATALOGUE)
    assert causes(found) == {"tls.handshake-timeout": "likely"}
    tls = reply(Outcome.OTHER_PROTOCOL, role="variant", protocol="tls")
    found = diagnose(report(shake(Outcome.TIMEOUT, received=0), tls), CATALOGUE)
    assert causes(found) == {"tls.handshake-timeout": "likely"}


def test_an_alert_after_the_handshake_is_read_from_the_answer() -> None:
    seen = (shake(Outcome.OK, verified=True, chain=(GOOD,)), reply(Outcome.TLS_ALERT, alert="certificate_required"))
    assert causes(diagnose(report(*seen), CATALOGUE)) == {"tls.client-cert-required": "certain"}


def test_a_certificate_that_expires_soon_degrades_a_success() -> None:
    def warned(start: str, end: str, **headers: str) -> dict[str | None, Certainty]:
        ok = shake(Outcome.OK, verified=True, chain=(cert(not_before=start, not_after=end),))
        return causes(diagnose(report(ok, reply(Outcome.OK, 200, headers=headers)), CATALOGUE))

    assert warned("2026-09-01T00:00:00Z", "2026-12-01T00:00:00Z") == {"tls.cert-expires-soon": "likely"}
    assert warned("2026-09-01T00:00:00Z", "2026-12-01T00:00:00Z", date=NOW) == {"tls.cert-expires-soon": "certain"}
    assert warned("2026-09-01T00:00:00Z", "2026-12-01T00:00:00Z", date=THEN) == {"tls.cert-expires-soon": "likely"}
    assert warned("2026-09-01T00:00:00Z", "2026-12-20T00:00:00Z") == {}
    assert warned("2026-11-20T00:00:00Z", "2026-11-26T12:00:00Z") == {}  # a six-day certificate in its first half


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (reply(Outcome.ERROR_ANSWER, 502, phrase="Bad Gateway"), {"http.backend-down": "certain"}),
        (reply(Outcome.ERROR_ANSWER, 503, text="no healthy upstream"), {"http.backend-down": "certain"}),
        (reply(Outcome.ERROR_ANSWER, 503, headers={"server": "awselb/2.0"}), {"http.backend-down": "certain"}),
        (reply(Outcome.ERROR_ANSWER, 503), {None: "undetermined"}),
        (reply(Outcome.ERROR_ANSWER, 504), {"http.backend-timeout": "certain"}),
        (reply(Outcome.ERROR_ANSWER, 500), {"http.app-error": "certain"}),
        (reply(Outcome.ERROR_ANSWER, 522), {"http.cdn-origin-failed": "likely"}),
        (reply(Outcome.ERROR_ANSWER, 429), {"http.rate-limited": "certain"}),
        (reply(Outcome.ERROR_ANSWER, 407), {"http.auth-required": "likely"}),
        (reply(Outcome.ERROR_ANSWER, 511), {"http.captive-portal": "likely"}),
        (reply(Outcome.ERROR_ANSWER, 421), {"http.vhost-missing": "certain"}),
        (reply(Outcome.ERROR_ANSWER, 302, os_says="redirects in a circle"), {"http.redirect-loop": "certain"}),
        (reply(Outcome.OTHER_PROTOCOL, text="odd"), {"http.not-http": "certain"}),
        (reply(Outcome.MALFORMED, protocol="http", text="HTTP/x"), {"http.not-http": "certain"}),
        (reply(Outcome.OTHER_PROTOCOL, protocol="ssh", text="SSH-2.0"), {"app.wrong-protocol": "certain"}),
        (reply(Outcome.OTHER_PROTOCOL, 400, protocol="tls"), {"tls.required-by-server": "certain"}),
        (reply(Outcome.TIMEOUT), {"http.no-response": "likely"}),
        (reply(Outcome.RESET, errno=Errno(name="ECONNRESET", number=104)), {"tcp.reset-after-accept": "likely"}),
        (reply(Outcome.CLOSED), {"tcp.closed-after-accept": "likely"}),
        (reply(Outcome.OK, 404), {}),
        (reply(Outcome.OK, 200, first_byte=3.0), {"app.slow": "likely"}),
        (reply(Outcome.OK, 200, first_byte=0.3), {}),
    ],
)
def test_what_an_http_answer_means(seen: HttpReply, expected: dict[str | None, str]) -> None:
    assert causes(diagnose(report(seen, stages=("tcp", "http")), CATALOGUE)) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (greeting(Outcome.TIMEOUT, expected="ssh"), {"tcp.silent-after-accept": "likely"}),
        (greeting(Outcome.TIMEOUT, expected="redis", sent="PING"), {"tcp.silent-after-accept": "likely"}),
        (greeting(Outcome.RESET, expected="ssh"), {"tcp.reset-after-accept": "likely"}),
        (greeting(Outcome.CLOSED, expected="ssh"), {"tcp.closed-after-accept": "likely"}),
        (greeting(Outcome.OTHER_PROTOCOL, expected="ssh", protocol="http", text="HTTP/1.1 400", received=9),
         {"app.wrong-protocol": "certain"}),
        (greeting(Outcome.OTHER_PROTOCOL, expected="redis", text="who", received=3), {"app.wrong-protocol": "certain"}),
        (greeting(Outcome.OTHER_PROTOCOL, expected="smtp", protocol="tls", received=7),
         {"tls.required-by-server": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="mysql", text="Host '10.0.0.9' is not allowed to connect to this"),
         {"app.access-denied-by-address": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="mysql", text="#08004Too many connections"),
         {"app.too-many-connections": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="postgresql", text="SFATAL C53300 Msorry, too many clients already"),
         {"app.too-many-connections": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="ssh", text="Exceeded MaxStartups"),
         {"app.too-many-connections": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="smtp", text="421 Too many connections from your host"),
         {"app.too-many-connections": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="redis", text="-DENIED Redis is running in protected mode"),
         {"app.access-denied-by-address": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="redis", text="-LOADING Redis is loading the dataset in memory"),
         {"app.starting": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="postgresql", text="C57P03 Mthe database system is starting up"),
         {"app.starting": "certain"}),
        (greeting(Outcome.ERROR_ANSWER, protocol="smtp", text="554 go away"), {None: "undetermined"}),
        (greeting(Outcome.OK, expected="ssh", protocol="ssh", received=20), {}),
    ],
)  # fmt: skip
def test_what_a_greeting_means(seen: Greeting, expected: dict[str | None, str]) -> None:
    assert causes(diagnose(report(seen, stages=("tcp", "app"), port=22), CATALOGUE)) == expected


def test_a_new_error_of_a_service_needs_a_page_and_no_python(tmp_path: Path) -> None:
    page = Path(CATALOGUE["app.starting"].path).read_text(encoding="utf-8")
    start, end = page.index("answers = ["), page.index("owner =")
    folder = tmp_path / "app"
    folder.mkdir()
    text = f'{page[:start]}answers = ["asleep until {{time}}"]\n{page[end:]}'
    (folder / "asleep.md").write_text(text, encoding="utf-8")
    seen = greeting(Outcome.ERROR_ANSWER, protocol="smtp", text="421 the database is ASLEEP until 07:00 UTC")
    found = diagnose(report(seen, stages=("tcp", "app"), port=25), load_catalogue([str(tmp_path)]))
    assert causes(found) == {"app.asleep": "certain"}
    assert {r.cause for r in found.problems[0].ruled_out} >= {"app.starting", "app.too-many-connections"}


@pytest.mark.parametrize(
    ("seen", "port"),
    [
        (greeting(Outcome.OK, text="ERR frobnicate: quota exhausted", received=33), 11311),
        (greeting(Outcome.OTHER_PROTOCOL, expected="redis", text="-ERR frobnicate: quota", received=24), 6379),
    ],
)
def test_the_first_data_of_a_site_service_is_its_error(seen: Greeting, port: int, tmp_path: Path) -> None:
    page = Path(CATALOGUE["app.starting"].path).read_text(encoding="utf-8")
    start, end = page.index("requires ="), page.index("owner =")
    folder = tmp_path / "app"
    folder.mkdir()
    keys = 'requires = ["app.first-data"]\nanswers = ["ERR frobnicate"]\n'
    (folder / "quota.md").write_text(page[:start] + keys + page[end:], encoding="utf-8")
    site = load_catalogue([str(tmp_path)])
    found = diagnose(report(seen, stages=("tcp", "app"), port=port), site)
    assert (found.verdict.symptom, causes(found)) == ("service-error", {"app.quota": "certain"})
    later = replace(seen, text="welcome; ERR frobnicate")
    assert diagnose(report(later, stages=("tcp", "app"), port=port), site).verdict.cause != "app.quota"


def test_a_working_greeting_with_the_words_of_an_error_is_no_error() -> None:
    seen = greeting(Outcome.OK, text="Your IP is 10.0.0.1. Maximum connections: 5", received=43)
    assert diagnose(report(seen, stages=("tcp", "app"), port=11311), CATALOGUE).verdict.symptom == "ok"


def test_a_web_page_where_another_service_was_expected_is_another_protocol() -> None:
    seen = greeting(Outcome.OTHER_PROTOCOL, expected="redis", protocol="html", text="<html>", received=6)
    assert causes(diagnose(report(seen, stages=("tcp", "app")), CATALOGUE)) == {"app.wrong-protocol": "certain"}


def test_an_open_port_of_an_unknown_service_only_accepts_connections() -> None:
    for seen, says in (
        (greeting(Outcome.OK, took=0.4), "the server sent no data in 0.4 s; the connection stays open"),
        (greeting(Outcome.OK, text="hello", received=5), "the server sent “hello”"),
    ):
        it = report(seen, stages=("tcp", "app"), port=11311)
        found = diagnose(it, CATALOGUE)
        assert (found.verdict.symptom, phrases.works(it, found)) == ("ok", "accepts connections")
        assert found.stages[-1].summary == says
    it = report(greeting(Outcome.OK, protocol="ssh", received=9), stages=("tcp", "app"), port=22)
    assert phrases.works(it, diagnose(it, CATALOGUE)) == "works"


def test_no_answer_of_a_service_means_two_causes() -> None:
    answers = [(c.name, phrase) for c in CATALOGUE for phrase in c.front.answers]
    assert len({name for name, _ in answers}) >= 3
    for name, phrase in answers:
        others = [other for other, text in answers if other != name and phrase_pattern(phrase).search(text)]
        assert not others, (name, phrase)


def test_an_error_page_over_http_is_read_like_a_greeting() -> None:
    page = reply(Outcome.ERROR_ANSWER, 503, phrase="Service Unavailable", text="starting up")
    for phrase, state in (("starting up", "present"), ("503 service", "present"), ("shutting down", "absent")):
        assert find("app.service-says")(report(page), SUBJECT, (phrase,)).state == state
    fine = reply(Outcome.OK, 200, text="starting up")
    assert find("app.service-says")(report(fine), SUBJECT, ("starting up",)).state == "absent"


def test_a_503_of_an_unknown_server_asks_a_person() -> None:
    found = diagnose(report(reply(Outcome.ERROR_ANSWER, 503), stages=("tcp", "http")), CATALOGUE)
    problem = found.problems[0]
    assert {c.cause for c in problem.candidates} == {"http.backend-down", "http.app-error"}
    assert problem.next_test is not None
    assert problem.next_test.where == "server"


def test_what_another_system_does_not_show_is_only_likely() -> None:
    seen = report(untrusted(62, cert(names=("a.example",))))
    mac = replace(seen, vantage=replace(seen.vantage, os="macOS 15"))
    assert causes(diagnose(mac, CATALOGUE)) == {"tls.cert-name-mismatch": "likely"}


def test_every_sign_reads_an_empty_report() -> None:
    empty = Report(target=Target(input=HOST, host=HOST, port=443))
    for name in (
        "certificate.expired", "certificate.not-yet-valid", "certificate.name-mismatch", "certificate.self-signed",
        "certificate.issuer-unknown", "certificate.intermediate-missing", "certificate.trust-store-empty",
        "certificate.expires-soon", "certificate.clocks-agree", "certificate.valid-by-server-clock", "tls.plain-text",
        "tls.client-hello-unanswered", "tls.version-refused", "app.silent",
        "tls.client-certificate-required", "app.reset-before-data", "app.closed-before-data", "http.request-unanswered",
        "app.other-protocol", "app.speaks-tls", "http.not-http", "http.gateway-error",
        "http.server-error", "http.redirect-loop", "app.service-says",
        "http.first-byte-late",
    ):  # fmt: skip
        assert find(name)(empty, SUBJECT).state == "unknown", name
    for name, parameter in (("tls.alert", "unknown_ca"), ("tls.handshake-ended", "reset"), ("http.status", "500")):
        assert find(name)(empty, SUBJECT, parameter).state == "unknown", name


@pytest.mark.parametrize(
    ("name", "wanted", "same"),
    [
        ("shop.example.com", "SHOP.example.com.", True), ("*.example.com", "shop.example.com", True),
        ("*.example.com", "example.com", False), ("*.example.com", "a.b.example.com", False),
        ("*.com", "example.com", False), ("f*.example.com", "foo.example.com", False),
        ("*.0.0.1", "127.0.0.1", False), ("127.0.0.1", "127.0.0.1", True),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", True), ("2001:db8::2", "2001:db8::1", False),
        ("fe80::1", "fe80::1%eth0", True), ("shop.example.com", "", False), ("", "", True),
    ],
)  # fmt: skip
def test_names_match_as_in_rfc_9525(name: str, wanted: str, same: bool) -> None:
    assert name_matches(name, wanted) is same


def test_times_and_names_for_people() -> None:
    assert days_between("2026-11-01T00:00:00Z", "2026-11-22T12:00:00Z") == 21
    assert days_between(None, "2026-11-22T12:00:00Z") == 0
    assert time_text("2026-11-15T09:14:00Z") == "2026-11-15 09:14 UTC"
    assert common_name("CN=Example CA, O=Example") == "“Example CA”"
    assert http_date(report(dated("yesterday")), SUBJECT) is None
    assert http_date(report(dated("Sun, 31 Feb 2026 09:14:00 GMT", age="5")), SUBJECT) is not None
