"""The TLS handshake probe against real servers on loopback: every way it can end."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portdoctor.model import Handshake, Outcome
from portdoctor.probes.certificates import prepare
from portdoctor.probes.channel import TlsEnd, alert_of
from portdoctor.probes.handshake import _first_alert, _plain_messages, handshake

from .loopback import Authority, Script, on, over_tls, reset, saying, server, until_closed

NAME = "shop.example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


def shake(
    script: Script, authority: Authority, *, name: str | None = NAME, limit: float = 5.0, trusted: bool = True,
    alpn: tuple[str, ...] = (), verify: bool = True,
) -> Handshake:  # fmt: skip
    cafile = str(authority.pem) if trusted else None

    async def act(sock: socket.socket, clock):  # type: ignore[no-untyped-def]
        o, _ = await handshake(sock, "127.0.0.1", port, name, cafile, alpn, clock, clock() + limit, verify)
        return o

    with server(script) as port:
        o = on(port, act)
    assert isinstance(o, Handshake)
    return o


def test_a_good_handshake_says_version_names_and_trust(authority: Authority) -> None:
    context = authority.context(NAME, "*.example.com")
    context.set_alpn_protocols(["http/1.1"])
    o = shake(over_tls(context, until_closed), authority, alpn=("http/1.1",))
    assert (o.outcome, o.version, o.alpn, o.verified, o.sni) == (Outcome.OK, "TLSv1.3", "http/1.1", True, NAME)
    assert o.trust == f"--cafile {authority.pem}"
    assert o.trust_anchors == 1
    leaf = o.chain[0]
    assert leaf.names == (NAME, "*.example.com")
    assert leaf.subject == f"CN={NAME}"
    assert leaf.issuer == "CN=Test Authority"
    assert leaf.not_before is not None
    assert leaf.not_after is not None
    assert leaf.not_before < time.strftime("%Y-%m-%dT%H:%M:%SZ") < leaf.not_after
    assert len(leaf.sha256 or "") == 64
    assert not leaf.self_signed


@pytest.mark.parametrize(
    ("days", "itself", "names", "trusted", "code"),
    [
        ((-90, -3), False, (NAME,), True, 10),
        ((3, 90), False, (NAME,), True, 9),
        ((-10, 90), True, (NAME,), True, 18),
        ((-10, 90), False, ("other.example.com",), True, 62),
        ((-10, 90), False, (NAME,), False, 20),
    ],
)
def test_an_untrusted_certificate_is_still_read(
    authority: Authority, days: tuple[int, int], itself: bool, names: tuple[str, ...], trusted: bool, code: int
) -> None:
    context = authority.context(*names, days=days, itself=itself)
    o = shake(over_tls(context, until_closed), authority, trusted=trusted)
    assert (o.outcome, o.verified, o.verify_code) == (Outcome.UNTRUSTED, False, code)
    assert o.verify_message
    assert o.chain[0].names == names
    assert o.chain[0].self_signed is itself


def test_an_expired_certificate_with_a_wrong_name_of_an_unknown_issuer_shows_all_three(authority: Authority) -> None:
    context = authority.context("other.example.com", days=(-90, -3))
    o = shake(over_tls(context, until_closed), authority, trusted=False)
    assert o.outcome is Outcome.UNTRUSTED
    assert o.chain[0].names == ("other.example.com",)
    assert (o.chain[0].not_after or "") < time.strftime("%Y-%m-%d")


def test_an_address_is_checked_and_never_sent_as_a_name(authority: Authority) -> None:
    o = shake(over_tls(authority.context(NAME), until_closed), authority, name="127.0.0.1")
    assert (o.outcome, o.verify_code, o.sni) == (Outcome.UNTRUSTED, 62, None)


def test_a_client_hello_can_leave_out_tls_1_3(authority: Authority) -> None:
    async def act(sock: socket.socket, clock):  # type: ignore[no-untyped-def]
        o, _ = await handshake(
            sock, "127.0.0.1", port, NAME, None, (), clock, clock() + 5.0, False, role="variant", newest="TLSv1.2"
        )
        return o

    with server(over_tls(authority.context(NAME), until_closed)) as port:
        o = on(port, act)
    assert (o.outcome, o.version, o.newest, o.role) == (Outcome.OK, "TLSv1.2", "TLSv1.2", "variant")


def test_without_verification_any_certificate_is_read(authority: Authority) -> None:
    o = shake(over_tls(authority.context("x.example", days=(-9, -8)), until_closed), authority, name=None, verify=False)
    assert (o.outcome, o.verified, o.trust, o.sni) == (Outcome.OK, None, None, None)
    assert o.chain[0].names == ("x.example",)


@pytest.mark.parametrize(
    ("answer", "after_hearing", "protocol"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", False, "ssh"),
        (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n", True, "http"),
        (b"220 mail.example.com ESMTP Postfix\r\n", False, "smtp"),
        (b"-ERR unknown command\r\n", True, "redis"),
        (b"J\x00\x00\x00\x0a8.0.36\x00" + b"x" * 60, False, "mysql"),
        (b"what is this", True, None),
    ],
)
def test_a_plain_text_answer_is_recognised(
    authority: Authority, answer: bytes, after_hearing: bool, protocol: str | None
) -> None:
    o = shake(saying(answer, after_hearing=after_hearing), authority)
    assert (o.outcome, o.sample_protocol) == (Outcome.NOT_TLS, protocol)
    assert o.sample
    assert "\x00" not in o.sample
    assert o.received == len(answer)


def test_plain_text_before_a_reset_is_still_recognised(authority: Authority) -> None:
    o = shake(saying(b"SSH-2.0-x\r\n", after_hearing=True, then=reset), authority)
    assert (o.outcome, o.sample_protocol) == (Outcome.NOT_TLS, "ssh")


def test_a_silent_server_is_a_timeout(authority: Authority) -> None:
    o = shake(until_closed, authority, limit=0.3)
    assert (o.outcome, o.received) == (Outcome.TIMEOUT, 0)
    assert 0.25 < o.took < 1


def test_half_a_hello_is_a_timeout_that_says_how_much_came(authority: Authority) -> None:
    o = shake(saying(b"\x16\x03\x03\x00\x7a\x02", after_hearing=True), authority, limit=0.3)
    assert (o.outcome, o.received) == (Outcome.TIMEOUT, 6)


def test_a_dripping_server_is_bounded(authority: Authority) -> None:
    drip = saying(*(bytes([b]) for b in b"\x16\x03\x03\x40\x00\x02" + b"\x00" * 100), pause=0.05)
    o = shake(drip, authority, limit=0.4)
    assert o.outcome is Outcome.TIMEOUT
    assert o.took < 1


def test_an_endless_plain_answer_is_bounded(authority: Authority) -> None:
    def flood(conn: socket.socket) -> None:
        while True:
            conn.sendall(b"y" * 65536)

    o = shake(flood, authority, limit=5)
    assert o.outcome is Outcome.NOT_TLS
    assert o.took < 2
    assert len(o.sample or "") <= 200


def test_an_endless_handshake_is_bounded(authority: Authority) -> None:
    record = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + b"\x00" * (16384 - 4)

    def flood(conn: socket.socket) -> None:
        conn.recv(65536)
        while True:
            conn.sendall(record)

    o = shake(flood, authority, limit=5)
    assert o.outcome in (Outcome.TLS_ERROR, Outcome.TOO_LONG, Outcome.TLS_ALERT)
    assert o.took < 3


@pytest.mark.parametrize(("end", "outcome"), [(reset, Outcome.RESET), (lambda conn: conn.close(), Outcome.CLOSED)])
def test_the_end_of_the_connection_after_the_hello(authority: Authority, end: Script, outcome: Outcome) -> None:
    def script(conn: socket.socket) -> None:
        conn.recv(65536)
        end(conn)

    o = shake(script, authority)
    assert o.outcome is outcome
    assert (o.errno is not None and o.errno.name == "ECONNRESET") == (outcome is Outcome.RESET)


def test_an_alert_is_named(authority: Authority) -> None:
    for number, name in ((70, "protocol_version"), (40, "handshake_failure"), (112, "unrecognized_name")):
        o = shake(saying(bytes((21, 3, 1, 0, 2, 2, number)), after_hearing=True), authority)
        assert (o.outcome, o.alert) == (Outcome.TLS_ALERT, name)


def test_a_client_certificate_that_is_missing_in_tls_1_2(authority: Authority) -> None:
    context = authority.context(NAME)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.pem)
    o = shake(over_tls(context, until_closed), authority)
    assert (o.outcome, o.alert, o.client_cert_asked) == (Outcome.TLS_ALERT, "handshake_failure", True)


def test_a_client_certificate_that_is_missing_in_tls_1_3_shows_on_the_first_read(authority: Authority) -> None:
    context = authority.context(NAME)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.pem)

    async def act(sock: socket.socket, clock):  # type: ignore[no-untyped-def]
        o, channel = await handshake(
            sock, "127.0.0.1", port, NAME, str(authority.pem), (), clock, clock() + 5, trust=prepare(str(authority.pem))
        )
        assert (o.outcome, o.version) == (Outcome.OK, "TLSv1.3")
        with pytest.raises(TlsEnd) as caught:
            await channel.receive(clock() + 5)
        return caught.value

    with server(over_tls(context, until_closed)) as port:
        end = on(port, act)
    assert (end.alert, end.reason) == ("certificate_required", "TLSV13_ALERT_CERTIFICATE_REQUIRED")


def test_a_trust_file_that_cannot_be_used_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        prepare(str(tmp_path / "absent.pem"))
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        prepare(str(tmp_path / "no.pem"))


def test_the_environment_names_the_trust_store(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    trust = prepare()
    assert (trust.name, trust.anchors) == (f"SSL_CERT_FILE={authority.pem}", 1)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert prepare().anchors == 0


@pytest.mark.parametrize(
    ("reason", "alert"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "protocol_version"), ("SSLV3_ALERT_HANDSHAKE_FAILURE", "handshake_failure"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate_required"), ("TLSV1_UNRECOGNIZED_NAME", "unrecognized_name"),
        ("WRONG_VERSION_NUMBER", None), ("TLSV1_SOMETHING_NEW", None), (None, None),
    ],
)  # fmt: skip
def test_the_alert_in_openssl_words(reason: str | None, alert: str | None) -> None:
    assert alert_of(reason) == alert


@given(st.binary(max_size=200))
def test_any_bytes_can_be_looked_through(data: bytes) -> None:
    for begun in (data, b"\x16\x03\x03" + data, b"\x15\x03\x03\x00\x02" + data):
        assert isinstance(_plain_messages(begun), list)
        assert _first_alert(bytearray(begun)) is None or begun[0] == 21
