"""Error lines as other programs print them: symptom, target and the check to run; and the pages of `explain`."""

from __future__ import annotations

import errno
import re
import socket
import time
from itertools import groupby
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.catalogue.pasted import PastedError, errors_in
from portdoctor.catalogue.printed import CodeTable, code_tables, load_phrases
from portdoctor.catalogue.symptoms import symptoms
from portdoctor.commands.explain import explain_text, listing
from portdoctor.model import Stage, Symptom
from portdoctor.outcomes import of_errno
from portdoctor.outcomes import symptom as outcome_symptom
from portdoctor.services.ports import service_named
from portdoctor.target import UsageError
from portdoctor.text import is_clean, width

CATALOGUE = load_catalogue()
PHRASES = load_phrases(CATALOGUE)
REFUSED, TIMEOUT, NAME, TLS = "connection-refused", "timeout", "name-not-resolved", "tls-failed"


def errors_of(text: str) -> list[PastedError]:
    return errors_in(text, PHRASES)


# (tool, what it prints, symptom, the command to run, a cause that the words name)
LINES: list[tuple[str, str, str, str, str]] = [
    ("Node.js", "connect ECONNREFUSED ::1:5432", REFUSED, "check [::1]:5432", ""),
    ("Node.js", "Error: connect ECONNREFUSED 127.0.0.1:3000", REFUSED, "check 127.0.0.1:3000", ""),
    ("Node.js", "Error: connect ETIMEDOUT 203.0.113.45:443", TIMEOUT, "check 203.0.113.45:443", ""),
    ("Node.js", "Error: getaddrinfo ENOTFOUND db.example.com", NAME, "check db.example.com:PORT", "dns.nxdomain"),
    ("Node.js", "Error: getaddrinfo EAI_AGAIN registry.example.com:443", NAME, "check registry.example.com:443",
     "dns.resolver-silent"),
    ("Node.js", "Error: listen EADDRINUSE: address already in use :::3000", "port-conflict", "bind :3000", ""),
    ("Node.js", "Error: listen EADDRINUSE: address already in use 127.0.0.1:3000", "port-conflict",
     "bind 127.0.0.1:3000", ""),
    ("Node.js", "Error: listen EACCES: permission denied 0.0.0.0:80", "permission-denied", "bind :80",
     "bind.privileged-port"),
    ("Node.js", "FetchError: request to https://api.example.com/x failed, reason: self signed certificate", TLS,
     "check api.example.com:443", "tls.cert-self-signed"),
    ("Node.js", "Error: socket hang up, https://api.example.com:8443/x", "connection-reset",
     "check api.example.com:8443", "tcp.closed-after-accept"),
    ("curl", "curl: (7) Failed to connect to shop.example.com port 8443: Connection refused", REFUSED,
     "check shop.example.com:8443", ""),
    ("curl", "curl: (7) Failed to connect to shop.example.com port 8443 after 12 ms: Couldn't connect to server",
     REFUSED, "check shop.example.com:8443", ""),
    ("curl", "curl: (6) Could not resolve host: shpo.example.com", NAME, "check shpo.example.com:PORT", "dns.nxdomain"),
    ("curl", "curl: (28) Failed to connect to 203.0.113.45 port 8080 after 130000 ms: Connection timed out", TIMEOUT,
     "check 203.0.113.45:8080", ""),
    ("curl", "curl: (60) SSL certificate problem: certificate has expired", TLS, "check HOST:PORT", "tls.cert-expired"),
    ("curl", "curl: (60) SSL: no alternative certificate subject name matches target host name 'b.example.com'", TLS,
     "check b.example.com:PORT", "tls.cert-name-mismatch"),
    ("curl", "curl: (52) Empty reply from server", "connection-reset", "check HOST:PORT", "tcp.closed-after-accept"),
    ("curl", "curl: (56) Recv failure: Connection reset by peer", "connection-reset", "check HOST:PORT",
     "tcp.reset-after-accept"),
    ("curl", "curl: (35) error:0A00010B:SSL routines::wrong version number", TLS, "check HOST:PORT",
     "tls.plaintext-port"),
    ("curl", "curl: (1) Received HTTP/0.9 when not allowed", "wrong-protocol", "check HOST:PORT", "http.not-http"),
    ("curl", "curl: (22) The requested URL returned error: 502", "service-error", "check HOST:PORT",
     "http.backend-down"),
    ("curl", "fatal: unable to access 'https://git.example.com/x.git/': Failed to connect to git.example.com port 443: "
     "Connection timed out", TIMEOUT, "check git.example.com:443", ""),
    ("ssh", "ssh: connect to host db1 port 22: Connection refused", REFUSED, "check db1:22", ""),
    ("ssh", "ssh: connect to host 10.0.0.5 port 2222: No route to host", "unreachable", "check 10.0.0.5:2222", ""),
    ("ssh", "ssh: connect to host 2001:db8::5 port 22: Network is unreachable", "unreachable", "check [2001:db8::5]:22",
     "local.no-route"),
    ("ssh", "ssh: Could not resolve hostname db1: Name or service not known", NAME, "check db1:22", "dns.nxdomain"),
    ("ssh", "ssh: Could not resolve hostname db1: Temporary failure in name resolution", NAME, "check db1:22",
     "dns.resolver-silent"),
    ("ssh", "Connection closed by 10.0.0.5 port 22", "connection-reset", "check 10.0.0.5:22",
     "tcp.closed-after-accept"),
    ("psql", 'psql: error: connection to server at "db.example.com" (10.0.0.5), port 5432 failed: Connection refused',
     REFUSED, "check db.example.com:5432", ""),
    ("psql", 'psql: error: connection to server at "localhost" (::1), port 5433 failed: FATAL:  no pg_hba.conf entry '
     'for host "::1"', "service-error", "check localhost:5433", "app.access-denied-by-address"),
    ("psql", 'psql: could not translate host name "db" to address: Name or service not known', NAME, "check db:5432",
     "dns.nxdomain"),
    ("psql", 'connection to server at "10.0.0.5", port 5432 failed: FATAL:  sorry, too many clients already',
     "service-error", "check 10.0.0.5:5432", "app.too-many-connections"),
    ("mysql", "ERROR 2003 (HY000): Can't connect to MySQL server on 'db.example.com:3306' (111)", REFUSED,
     "check db.example.com:3306", ""),
    ("mysql", "ERROR 2003 (HY000): Can't connect to MySQL server on 'db.example.com:3306' (110)", TIMEOUT,
     "check db.example.com:3306", ""),
    ("mysql", "ERROR 2005 (HY000): Unknown MySQL server host 'db.example.com' (-2)", NAME, "check db.example.com:3306",
     "dns.nxdomain"),
    ("mysql", "ERROR 1130 (HY000): Host '10.0.0.9' is not allowed to connect to this MySQL server", "service-error",
     "check HOST:PORT", "app.access-denied-by-address"),
    ("redis-cli", "Could not connect to Redis at 127.0.0.1:6379: Connection refused", REFUSED,
     "check 127.0.0.1:6379", ""),
    ("redis-cli", "redis.exceptions.ConnectionError: Error 111 connecting to cache:6379. Connection refused.", REFUSED,
     "check cache:6379", ""),
    ("Java", "java.net.ConnectException: Connection refused (Connection refused): db.example.com:5432", REFUSED,
     "check db.example.com:5432", ""),
    ("Java", "org.postgresql.util.PSQLException: Connection to localhost:5432 refused. Check that the hostname and "
     "port are correct", REFUSED, "check localhost:5432", ""),
    ("Java", "Caused by: java.net.UnknownHostException: db.internal", NAME, "check db.internal:PORT", "dns.nxdomain"),
    ("Java", "java.net.SocketTimeoutException: Connect timed out", TIMEOUT, "check HOST:PORT", ""),
    ("Java", "java.net.SocketTimeoutException: Read timed out", TIMEOUT, "check HOST:PORT", "tcp.silent-after-accept"),
    ("Java", "javax.net.ssl.SSLHandshakeException: PKIX path building failed: unable to find valid certification path",
     TLS, "check HOST:PORT", "tls.chain-incomplete"),
    ("Java", "io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: /10.0.0.5:9092", REFUSED,
     "check 10.0.0.5:9092", ""),
    ("Java", "java.net.NoRouteToHostException: No route to host", "unreachable", "check HOST:PORT", ""),
    ("Go", "dial tcp 10.0.0.5:5432: connect: connection refused", REFUSED, "check 10.0.0.5:5432", ""),
    ("Go", "dial tcp [2001:db8::5]:443: i/o timeout", TIMEOUT, "check [2001:db8::5]:443", ""),
    ("Go", 'Get "https://api.example.com/v1": dial tcp: lookup api.example.com on 127.0.0.53:53: no such host', NAME,
     "check api.example.com:443", "dns.nxdomain"),
    ("Go", "dial tcp: lookup api.example.com on 10.0.0.2:53: server misbehaving", NAME, "check api.example.com:PORT",
     "dns.servfail"),
    ("Go", "listen tcp :8080: bind: address already in use", "port-conflict", "bind :8080", ""),
    ("Go", "listen tcp 127.0.0.1:80: bind: permission denied", "permission-denied", "bind 127.0.0.1:80",
     "bind.privileged-port"),
    ("Go", "listen tcp 192.0.2.9:80: bind: cannot assign requested address", "address-unavailable", "bind 192.0.2.9:80",
     "bind.address-not-local"),
    ("Go", "x509: certificate is valid for a.example.com, not b.example.com", TLS, "check b.example.com:PORT",
     "tls.cert-name-mismatch"),
    ("Go", 'Get "https://api.example.com": http: server gave HTTP response to HTTPS client', TLS,
     "check api.example.com:443", "tls.plaintext-port"),
    ("Go", 'Get "https://api.example.com": net/http: TLS handshake timeout', TIMEOUT, "check api.example.com:443",
     "tls.handshake-timeout"),
    ("Go", 'Post "http://api.example.com:81/x": context deadline exceeded (Client.Timeout exceeded while awaiting '
     "headers)", TIMEOUT, "check api.example.com:81", "app.slow"),
    ("Python", "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443): Max "
     "retries exceeded with url: / (Caused by NewConnectionError('<x object at 0x7f>: Failed to establish a new "
     "connection: [Errno 111] Connection refused'))", REFUSED, "check api.example.com:443", ""),
    ("Python", "socket.gaierror: [Errno -2] Name or service not known", NAME, "check HOST:PORT", "dns.nxdomain"),
    ("Python", "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 8000)", REFUSED,
     "check 127.0.0.1:8000", ""),
    ("Python", "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host api.example.com:443 ssl:default "
     "[Connection refused]", REFUSED, "check api.example.com:443", ""),
    ("Python", "OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in "
     "use", "port-conflict", "bind :8000", ""),
    ("Python", "OSError: [Errno 24] Too many open files", "resource-exhausted", "check HOST:PORT", "local.fd-limit"),
    ("Rust", "error sending request for url (https://api.example.com:8443/x): tcp connect error: Connection refused "
     "(os error 111)", REFUSED, "check api.example.com:8443", ""),
    (".NET", "System.Net.Http.HttpRequestException: No connection could be made because the target machine actively "
     "refused it. (localhost:5001)", REFUSED, "check localhost:5001", ""),
    (".NET", "System.Net.Sockets.SocketException (10060): A connection attempt failed because the connected party did "
     "not properly respond after a period of time. (10.0.0.5:1433)", TIMEOUT, "check 10.0.0.5:1433", ""),
    (".NET", "System.Net.Sockets.SocketException (11001): No such host is known. (db.example.com:1433)", NAME,
     "check db.example.com:1433", "dns.nxdomain"),
    (".NET", "System.Net.Sockets.SocketException (10013): An attempt was made to access a socket in a way forbidden by "
     "its access permissions.", "permission-denied", "bind :PORT", "bind.privileged-port"),
    ("a browser", "net::ERR_CONNECTION_REFUSED", REFUSED, "check HOST:PORT", ""),
    ("a browser", "GET http://localhost:3000/api net::ERR_CONNECTION_REFUSED", REFUSED, "check localhost:3000", ""),
    ("a browser", "ERR_CERT_DATE_INVALID", TLS, "check HOST:PORT", "tls.cert-expired"),
    ("a browser", "ERR_NAME_NOT_RESOLVED", NAME, "check HOST:PORT", "dns.nxdomain"),
    ("a browser", "DNS_PROBE_FINISHED_NXDOMAIN", NAME, "check HOST:PORT", "dns.nxdomain"),
    ("a browser", "ERR_ADDRESS_UNREACHABLE", "unreachable", "check HOST:PORT", ""),
    ("a browser", "ERR_EMPTY_RESPONSE", "connection-reset", "check HOST:PORT", "tcp.closed-after-accept"),
    ("a browser", "ERR_TOO_MANY_REDIRECTS", "service-error", "check HOST:PORT", "http.redirect-loop"),
    ("nginx", "2026/11/22 09:14:03 [error] 812#812: *1 connect() failed (111: Connection refused) while connecting to "
     'upstream, client: 192.0.2.7, server: shop.example.com, request: "GET / HTTP/1.1", upstream: '
     '"http://127.0.0.1:3000/", host: "shop.example.com"', REFUSED, "check 127.0.0.1:3000", ""),
    ("nginx", "2026/11/22 09:14:03 [error] 812#812: *1 upstream timed out (110: Connection timed out) while reading "
     'response header from upstream, client: 192.0.2.7, upstream: "http://10.0.0.5:8080/x"', TIMEOUT,
     "check 10.0.0.5:8080", "app.slow"),
    ("nginx", "2026/11/22 09:14:03 [emerg] 812#812: bind() to 0.0.0.0:80 failed (98: Address already in use)",
     "port-conflict", "bind :80", ""),
    ("nginx", '2026/11/22 09:14:03 [emerg] 1#1: host not found in upstream "app" in /etc/nginx/conf.d/x.conf:3', NAME,
     "check app:PORT", "dns.nxdomain"),
    ("HAProxy", 'Server app/web1 is DOWN, reason: Layer4 connection problem, info: "Connection refused"', REFUSED,
     "check HOST:PORT", ""),
    ("HAProxy", "Server app/web1 is DOWN, reason: Layer4 timeout, check duration: 2001ms", TIMEOUT, "check HOST:PORT",
     ""),
    ("Docker", "docker: Error response from daemon: driver failed programming external connectivity on endpoint web: "
     "Bind for 0.0.0.0:8080 failed: port is already allocated.", "port-conflict", "bind :8080", ""),
    ("Docker", "Error response from daemon: Ports are not available: exposing port TCP 0.0.0.0:80 -> 0.0.0.0:0: listen "
     "tcp 0.0.0.0:80: bind: address already in use", "port-conflict", "bind :80", ""),
    ("kubectl", "The connection to the server 10.0.0.5:6443 was refused - did you specify the right host or port?",
     REFUSED, "check 10.0.0.5:6443", ""),
    ("wget", "Connecting to shop.example.com (shop.example.com)|203.0.113.45|:443... failed: Connection timed out.",
     TIMEOUT, "check 203.0.113.45:443", ""),
    ("", "nc: connect to 10.0.0.5 port 25 (tcp) failed: Connection refused", REFUSED, "check 10.0.0.5:25", ""),
    ("", "(98)Address already in use: AH00072: make_sock: could not bind to address [::]:80", "port-conflict",
     "bind :80", ""),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "text", "symptom", "command", "hint"), LINES, ids=[x[1][:50] for x in LINES])
def test_a_line_is_understood(tool: str, text: str, symptom: str, command: str, hint: str) -> None:
    found = errors_of(text)
    assert found, "not recognised"
    assert (found[0].symptom, found[0].command) == (symptom, f"portdoctor {command}")
    if tool:
        assert found[0].program == tool
    assert not hint or hint in found[0].hints


# ---------------------------------------------------------------- lines of tests/explain_lines.toml


class _From(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    lines: list[tuple[str, str, str, str]]


class _NoError(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    text: str


class _Real(msgspec.Struct, forbid_unknown_fields=True, rename={"sources": "from"}):
    sources: list[_From]
    no_error: list[_NoError]


REAL = msgspec.toml.decode((Path(__file__).parent / "explain_lines.toml").read_bytes(), type=_Real)


@pytest.mark.parametrize(("source", "line"), [(f.source, x) for f in REAL.sources for x in f.lines])
def test_a_real_line_gives_its_symptoms_target_and_cause(source: str, line: tuple[str, str, str, str]) -> None:
    text, symptoms, target, cause = line
    (found,) = errors_of(text)
    assert [found.symptom, *found.also] == symptoms.split(), source
    assert found.target == target, source
    assert not cause or cause in found.hints, source
    assert not any(hint.startswith("udp.") for hint in found.hints)


@pytest.mark.parametrize("near", REAL.no_error, ids=lambda near: near.text[:40])
def test_a_line_that_only_looks_like_an_error_is_none(near: _NoError) -> None:
    assert errors_of(near.text) == [], near.source


def test_a_log_without_an_error_is_reported_as_one() -> None:
    log = "\n".join(near.text for near in REAL.no_error)
    assert "is named here in a comment, setting or count" in refused(log)
    assert refused("one line\nand another") == "no known error message in 2 lines"


def test_every_real_line_has_a_source_and_stands_once() -> None:
    every = [line for f in REAL.sources for line in f.lines]
    assert len({text for text, *_ in every}) == len(every) > 300
    for each in (*REAL.sources, *REAL.no_error):
        assert each.source.strip()


@pytest.mark.parametrize(
    ("text", "symptoms", "target"),
    [
        ("curl: (7) Failed to connect to db port 80 after 3 ms: Couldn't connect to server", [REFUSED, "unreachable"],
         "db:80"),
        ("curl: (7) Failed to connect to db port 80: No route to host", ["unreachable"], "db:80"),
        ("curl: (7)", [REFUSED, "unreachable"], ""),
        ("curl: (5) Could not resolve proxy: proxy.example.com", [NAME], "proxy.example.com"),
        ("net::ERR_PROXY_CONNECTION_FAILED", [REFUSED, TIMEOUT, "unreachable"], ""),
        ('Get "https://a.example.com": proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused',
         [REFUSED], "10.0.0.9:3128"),
        ("curl: (35) OpenSSL SSL_connect: Connection reset by peer in connection to a.example.com:443",
         ["connection-reset"], "a.example.com:443"),
        ("read tcp 10.0.0.1:50000->10.0.0.2:443: read: connection reset by peer", ["connection-reset"],
         "10.0.0.2:443"),
        ('Get "https://b.example.com:8443/": x509: certificate is valid for a.example.com, not b.example.com', [TLS],
         "b.example.com:8443"),
        ("dial tcp 10.0.0.5:10061: i/o timeout", [TIMEOUT], "10.0.0.5:10061"),
    ],
)  # fmt: skip
def test_the_most_specific_phrase_counts(text: str, symptoms: list[str], target: str) -> None:
    (found,) = errors_of(text)
    assert [found.symptom, *found.also] == symptoms
    assert found.target == target
    assert not any(hint.startswith("udp.") for hint in found.hints)


def test_an_ambiguous_line_lists_the_causes_of_all_its_symptoms() -> None:
    text = explain_text("curl: (7) Failed to connect to db port 80 after 3 ms: Couldn't connect to server", CATALOGUE)
    assert text.startswith("connection-refused")
    assert "unreachable (" in text
    assert "tcp.no-listener " in text
    assert "tcp.host-unreachable " in text
    assert "udp." not in text


# ---------------------------------------------------------------- the phrases

FILLED = {"host": "db.example.com", "port": "5432", "address": "192.0.2.7", "code": "x1", "text": "some text"}


def filled(phrase: str, number: str = "0") -> str:
    """The phrase with texts in its blanks."""
    return re.sub(r"\{(\w+)\}", lambda blank: {**FILLED, "number": number}[blank[1]], phrase)


# Two causes print the same where the program cannot tell them apart; a test reports any other pair.
ALIKE = [
    {"dns.resolver-silent", "dns.servfail"},
    {"tls.cert-expired", "tls.cert-not-yet-valid"},
    {"tls.cert-private-ca", "tls.chain-incomplete"},
    {"local.no-route", "tcp.net-unreachable"},
    {"app.slow", "tcp.silent-after-accept"},
    {"tls.closed-in-handshake", "tls.reset-in-handshake"},
]
EVERY = [
    *((symptom, phrase) for symptom, said in symptoms().items() for phrase in said.prints),
    *((cause.name, phrase) for cause in CATALOGUE for phrase in cause.front.prints),
]


@pytest.mark.parametrize(("name", "phrase"), EVERY)
def test_a_phrase_leads_back_to_what_prints_it(name: str, phrase: str) -> None:
    found = errors_of(filled(phrase))[0]
    assert name in (found.symptom, *found.also, *found.hints)
    if "{host}" in phrase:
        assert found.host == FILLED["host"]
    if "{port}" in phrase:
        assert found.port == 5432


def test_no_phrase_stands_in_two_causes_that_a_program_can_tell_apart() -> None:
    for printed in PHRASES.printed:
        assert len(printed.causes) < 2 or set(printed.causes) in ALIKE, printed.phrase.text


def test_a_phrase_stands_once_whatever_its_case() -> None:
    for _, group in groupby(sorted(EVERY), key=lambda each: each[0]):
        low = [phrase.lower() for _, phrase in group]
        assert len(low) == len(set(low))


def test_a_phrase_and_its_symptom_agree_with_its_causes() -> None:
    for printed in PHRASES.printed:
        explained = {s for name in printed.causes for s in CATALOGUE[name].front.explains}
        if printed.phrase.text != "ERR_ICANN_NAME_COLLISION":  # Chromium reports a collision as a failed lookup
            assert not printed.causes or explained & set(printed.symptoms), printed.phrase.text


# ---------------------------------------------------------------- the numbers


@pytest.mark.parametrize("table", code_tables(), ids=lambda table: table.name)
def test_a_number_means_what_its_phrase_means(table: CodeTable) -> None:
    printed = {p.phrase.text: p for p in PHRASES.printed}
    for phrase, numbers in table.codes.items():
        for number in numbers:
            for form in table.forms:
                found = errors_of(filled(form, number))
                assert (found[0].symptom, *found[0].also) == printed[phrase].symptoms, (form, number)


def test_no_number_has_two_meanings_in_one_form() -> None:
    for table in code_tables():
        numbers = [number for each in table.codes.values() for number in each]
        assert len(numbers) == len(set(numbers)), table.name


def test_an_unknown_number_and_success_mean_nothing() -> None:
    for text in ("[Errno 2] No such file or directory", "curl: (0)", "Verify return code: 0 (ok)", "SQLSTATE[00000]"):
        assert errors_of(text) == []


def test_the_errnos_of_this_system_and_their_outcomes_agree_with_the_table() -> None:
    table = code_tables()[0].codes
    names = [name for name in table if name.startswith("E") and not name.startswith("EAI_")]
    for name in names:
        number: int = getattr(errno, name)
        assert str(number) in table[name]
        stage: Stage = "bind" if name == "EADDRINUSE" else "tcp"
        if name != "EAFNOSUPPORT":  # outcomes.py knows the call: a route to that family, or an address to listen on
            assert errors_of(f"errno {number}")[0].symptom == outcome_symptom(stage, of_errno(number)), name
    for name in (name for name in table if name.startswith("EAI_")):
        assert str(getattr(socket, name)) in table[name]
    assert len(names) > 10


@pytest.mark.parametrize(
    ("number", "symptom"),
    [("111", REFUSED), ("61", REFUSED), ("10061", REFUSED), ("-3", NAME), ("53300", "service-error"), ("7", REFUSED)],
)
def test_a_lone_number_is_an_errno_or_the_code_of_another_table(number: str, symptom: str) -> None:
    assert explain_text(number, CATALOGUE).startswith(symptom)


def test_a_site_s_own_cause_is_found_by_what_it_prints(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("causes")
    (folder / "tcp").mkdir()
    text = Path(CATALOGUE["tcp.no-listener"].path).read_text(encoding="utf-8")
    own = text.replace("\nsays = ", '\nprints = ["ACME-17: gateway {host} is closed"]\nsays = ', 1)
    (folder / "tcp" / "gateway-closed.md").write_text(own, encoding="utf-8")
    page = explain_text("ACME-17: gateway vpn.example.com is closed", load_catalogue([str(folder)]))
    assert page.startswith("connection-refused")
    assert "tcp.gateway-closed " in page.partition("Named by this text")[2].partition("Also possible")[0]
    assert "portdoctor check vpn.example.com:PORT" in page


def test_every_program_is_known_by_each_of_its_marks() -> None:
    for mark, program in PHRASES.marks:
        assert mark.pattern.search(f"x {filled(mark.text)} x")
        assert not program.service or service_named(program.service)


PARTS = [
    *{part for phrase in (*(p.phrase for p in PHRASES.printed), *PHRASES.shapes) for part in re.split(r"\{\w+\}|(?<= )",
                                                                                               phrase.text) if part},
    "::", "10.0.0.1", "a.", "a-", "[", "'", " ", "\t", "://", "@",
]  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=4))
def test_hostile_text_takes_no_longer_than_its_length(parts: list[str]) -> None:
    text = "".join(parts)
    line = (text * (2_000 // len(text) + 1))[:2_000]
    began = time.process_time()
    errors_of("\n".join([line] * 32))  # 64 KiB
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("text", ["", "hello", "all is well", "Listening on :8080", "GET / HTTP/1.1 200", "tcp.x-y"])
def test_what_is_no_error_is_not_taken_for_one(text: str) -> None:
    assert errors_of(text) == []


def test_a_log_gives_what_it_says_most() -> None:
    log = "\n".join(
        ["start", *["dial tcp 10.0.0.5:5432: connect: connection refused"] * 7, "dial tcp 10.0.0.6:53: i/o timeout"]
    )
    first, second = errors_of(log)
    assert (first.count, first.target) == (7, "10.0.0.5:5432")
    assert (second.count, second.symptom) == (1, "timeout")
    page = explain_text(log, CATALOGUE)
    assert page.startswith("8 errors in 9 lines, 2 of them distinct")
    assert page.index("7 times: connection-refused") < page.index("1 time: timeout")
    assert max(map(width, page.splitlines())) <= 80


def test_a_stack_trace_is_one_error() -> None:
    trace = (
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed: unable to find valid certification path\n"
        "\tat java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)\n"
        "Caused by: sun.security.validator.ValidatorException: PKIX path building failed\n"
    )
    (found,) = errors_of(trace * 10)
    assert found.count == 10
    dotnet = (
        "System.Net.Http.HttpRequestException: The SSL connection could not be established, see inner exception.\n"
        " ---> System.Security.Authentication.AuthenticationException: RemoteCertificateNameMismatch\n"
    )
    (found,) = errors_of(dotnet * 10)
    assert (found.count, found.hints) == (10, ("tls.cert-name-mismatch",))


def test_a_log_with_many_errors_shows_the_most_frequent() -> None:
    log = "\n".join(
        f"dial tcp 10.0.{n // 250}.{n % 250}:80: i/o timeout" for n in range(300) for _ in range(1 + (n == 7))
    )
    page = explain_text(log, CATALOGUE)
    assert page.startswith("301 errors in 301 lines, 300 of them distinct\n\n2 times: timeout\n")
    assert "280 more that are distinct occur less often." in page


def test_a_log_of_ten_thousand_lines_takes_about_a_second() -> None:
    real = [text for f in REAL.sources for text, *_ in f.lines]
    log = "\n".join(
        (real[n % len(real)] if n % 4 == 0 else f"INFO request {n} took {n % 97} ms") for n in range(10_000)
    )
    began = time.process_time()
    assert sum(each.count for each in errors_of(log)) > 2_000
    assert time.process_time() - began < 6.0


def test_a_target_may_stand_a_line_away() -> None:
    text = (
        "java.net.ConnectException: Connection refused\n"
        "\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)\n"
        "Caused by: Connect to db.example.com:5432 failed\n"
    )
    assert errors_of(text)[0].target == "db.example.com:5432"
    old = (
        "psql: could not connect to server: Connection refused\n"
        '\tIs the server running on host "db1" (10.0.0.5) and accepting\n\tTCP/IP connections on port 5432?'
    )
    assert errors_of(old)[0].host == "db1"


def test_the_wildcard_address_is_no_target_of_a_check() -> None:
    text = "SSL_do_handshake() failed (SSL: error:0A0000C1:SSL routines::no shared cipher), server: 0.0.0.0:443"
    (found,) = errors_of(text)
    assert (found.symptom, found.target, found.command) == (TLS, "", "portdoctor check HOST:443")
    assert errors_of("listen tcp 0.0.0.0:53: bind: address already in use")[0].command == "portdoctor bind :53"


def test_the_same_error_twice_is_said_once() -> None:
    text = "ConnectionRefusedError: [Errno 111] Connection refused\nHTTPConnectionPool(host='a', port=1): refused"
    assert len(errors_of(text)) == 1


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for found in errors_of(text):
        assert is_clean(found.line)
        assert is_clean(found.command)


def test_a_long_line_and_a_long_log_end() -> None:
    assert errors_of("a:" * 500_000) == []
    assert errors_of("connection refused\n" * 50_000)[0].count == 10_000


# ---------------------------------------------------------------- explain


def test_every_symptom_has_its_text() -> None:
    texts = symptoms()
    assert set(texts) == set(get_args(Symptom))
    for said in texts.values():
        assert len(said.title.split()) <= 15
        assert said.text.endswith(".")
        assert "!" not in said.text


@pytest.mark.parametrize("name", [*CATALOGUE.names(), *get_args(Symptom)])
def test_a_page_reads_well(name: str) -> None:
    text = explain_text(name, CATALOGUE)
    assert text.startswith(name)
    assert is_clean(text, lines=True)
    assert max(width(line) for line in text.splitlines() if "://" not in line) <= 80
    assert "{" not in text.replace("${", "").replace("'{", "").replace("{ ", "") or "curl" in text


def test_a_symptom_names_its_causes() -> None:
    text = explain_text("connection-refused", CATALOGUE)
    assert "tcp.no-listener " in text


def test_a_misspelt_name_suggests_a_near_one() -> None:
    assert "tcp.no-listener" in refused("tcp.no-lisener")
    assert "tcp.no-listener" in refused("no-listener")
    with pytest.raises(UsageError, match=r"^unknown name 'xyzzy'"):
        explain_text("xyzzy", CATALOGUE)
    assert is_clean(refused("\x1b[31m\u202e"))


def refused(asked: str) -> str:
    with pytest.raises(UsageError) as error:
        explain_text(asked, CATALOGUE)
    return str(error.value)


def test_a_term_of_another_tool_leads_to_its_causes() -> None:
    assert "tcp.no-listener" in explain_text("NEL tcp.refused", CATALOGUE)


def test_a_pasted_error_says_what_to_run() -> None:
    text = explain_text("connect ECONNREFUSED ::1:5432", CATALOGUE)
    assert text.startswith("connection-refused")
    assert "tcp.no-listener" in text
    assert "portdoctor check [::1]:5432" in text


def test_the_list_has_every_name_once() -> None:
    text = listing(CATALOGUE)
    for name in (*CATALOGUE.names(), *get_args(Symptom)):
        assert text.count(f"\n  {name} ") == 1
    assert max(map(width, text.splitlines())) <= 80


def test_the_list_says_where_a_site_s_cause_comes_from(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("causes")
    ours = CATALOGUE["tcp.no-listener"]
    (folder / "tcp").mkdir()
    with open(ours.path, encoding="utf-8") as file:
        (folder / "tcp" / "vpn-down.md").write_text(file.read(), encoding="utf-8")
    text = " ".join(listing(load_catalogue([str(folder)])).split())
    assert "vpn-down.md]" in text.replace(" ", "")
    assert "File " in explain_text("tcp.vpn-down", load_catalogue([str(folder)]))
