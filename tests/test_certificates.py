"""Certificates with odd fields: what cannot be read is shown as unreadable, and the rest is judged."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

import portdoctor
from portdoctor.model import Certificate, Handshake, Outcome, Report, Subject, Target, Vantage
from portdoctor.probes.certificates import certificate_of
from portdoctor.probes.der import UNREADABLE
from portdoctor.signs.certificate import name_mismatch

from .loopback import over_tls, saying, server


def element(tag: int, *parts: bytes) -> bytes:
    """One element of DER."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 | 3]) + size.to_bytes(3, "big")
    return bytes([tag]) + length + content


CN, ORGANISATION = b"\x06\x03\x55\x04\x03", b"\x06\x03\x55\x04\x0a"
START, END = element(0x17, b"250101000000Z"), element(0x17, b"350101000000Z")


def name(*values: tuple[bytes, bytes]) -> bytes:
    return element(0x30, *(element(0x31, element(0x30, oid, value)) for oid, value in values))


PLAIN = name((CN, element(0x0C, b"a.example")))


def made(
    *, serial: bytes = b"\x02\x01\x07", issuer: bytes = PLAIN, subject: bytes = PLAIN, start: bytes = START,
    end: bytes = END, names: bytes | None = None,
) -> Certificate:  # fmt: skip
    """Read a certificate with these elements; `names` is the content of its subjectAltName."""
    algorithm = element(0x30, b"\x06\x03\x2a\x03\x04")
    alt = element(0x30, b"\x06\x03\x55\x1d\x11", element(0x04, element(0x30, names or b"")))
    extensions = [element(0xA3, element(0x30, alt))] if names is not None else []
    version = element(0xA0, b"\x02\x01\x02")
    body = element(0x30, version, serial, algorithm, issuer, element(0x30, start, end), subject, algorithm, *extensions)
    return certificate_of(element(0x30, body, algorithm, b"\x03\x01\x00"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (element(0x0C, "Müller".encode()), "Müller"),
        (element(0x0C, b"M\xfcller"), UNREADABLE),  # not UTF-8
        (element(0x14, b"M\xfcller"), "Müller"),  # TeletexString, which is used as Latin-1
        (element(0x1E, "Müller".encode("utf-16-be")), "Müller"),  # BMPString
        (element(0x1E, b"\x00M\x00"), UNREADABLE),
        (element(0x1C, "Müller".encode("utf-32-be")), "Müller"),  # UniversalString
        (element(0x13, b"\xff"), UNREADABLE),
        (element(0x30, element(0x0C, b"a")), UNREADABLE),  # a SEQUENCE
        (element(0x02, b"\x05"), UNREADABLE),
        (element(0x0C), ""),
    ],
)
def test_a_name_of_any_type(value: bytes, shown: str) -> None:
    cert = made(subject=name((ORGANISATION, value), (CN, element(0x0C, b"a.example"))))
    assert cert.subject == f"CN=a.example, O={shown}"
    assert cert.names == ()
    assert cert.not_after == "2035-01-01T00:00:00Z"
    assert cert.unreadable == ()


def test_a_huge_and_an_empty_name() -> None:
    assert len(made(subject=name((CN, element(0x0C, b"a" * 100_000)))).subject) < 400
    assert made(subject=element(0x30)).subject == ""
    assert not made(subject=element(0x30), issuer=element(0x30)).self_signed
    assert made().self_signed


def test_an_end_of_text_or_line_in_a_name_is_not_shown() -> None:
    subject = name((CN, element(0x0C, b"good.example\0.evil\r\n\x1b[31m")))
    cert = made(subject=subject, names=element(0x82, b"a\0.example"))
    for text in (cert.subject, *cert.names):
        assert not any(ord(c) < 32 for c in text)
    assert cert.names != ("a",)
    assert cert.names != ("a.example",)


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (element(0x82, b"shop.example.com"), "shop.example.com"),
        (element(0x82, b"shop\xff.example.com"), UNREADABLE),
        (element(0x82), ""),
        (element(0x87, b"\x0a\0\0\1"), "10.0.0.1"),
        (element(0x87, b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\1"), "2001:db8::1"),
        (element(0x87, b"\x0a\0\0"), UNREADABLE),
        (element(0x81, b"a@example.com"), "email:a@example.com"),
        (element(0x86, b"https://example.com/"), "URI:https://example.com/"),
        (element(0xA4, PLAIN), "DirName:CN=a.example"),
        (element(0xA4, b"\x30\x05\x31"), UNREADABLE),
        (element(0x88, b"\x2a\x03\x04"), "Registered ID:1.2.3.4"),
        (element(0x88, b"\xff"), UNREADABLE),
        (element(0xA0, CN, element(0xA0, element(0x0C, b"x"))), "othername"),
    ],
)
def test_an_alternative_name_of_any_kind(entry: bytes, shown: str) -> None:
    cert = made(names=entry + element(0x82, b"next.example"))
    assert cert.names == (shown, "next.example")


def test_thousands_of_names_are_cut() -> None:
    assert len(made(names=element(0x82, b"a.example") * 5000).names) == 100
    assert made(names=element(0x82, b"a.example") * 20_000).unreadable == ("names",)


@pytest.mark.parametrize(
    ("serial", "shown"),
    [
        (b"\x02\x01\x00", "00"), (b"\x02\x01\xff", "-01"), (b"\x02\x02\x0f\xff", "0FFF"),
        (b"\x02\x14" + b"\x7f" * 20, "7F" * 20), (b"\x02\x29" + b"\x01" * 41, None), (b"\x02\x00", None),
        (b"\x04\x01\x01", None),
    ],
)  # fmt: skip
def test_serial_numbers(serial: bytes, shown: str | None) -> None:
    cert = made(serial=serial)
    assert cert.serial == shown
    assert cert.unreadable == (() if shown else ("serial",))
    assert cert.subject == "CN=a.example"


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        (element(0x17, b"500101000000Z"), "1950-01-01T00:00:00Z"),
        (element(0x17, b"491231235959Z"), "2049-12-31T23:59:59Z"),
        (element(0x18, b"99991231235959Z"), "9999-12-31T23:59:59Z"),
        (element(0x18, b"00010101000000Z"), "0001-01-01T00:00:00Z"),
        (element(0x18, b"00000101000000Z"), None), (element(0x17, b"250230000000Z"), None),
        (element(0x17, b"250101000060Z"), None), (element(0x17, b"2501010000Z"), None), (element(0x17), None),
        (element(0x17, b"\xb2\xb5010100000Z"), None), (element(0x18, b"20250101000000+0100"), None),
        (element(0x02, b"250101000000Z"), None),
    ],
)  # fmt: skip
def test_times(end: bytes, shown: str | None) -> None:
    cert = made(end=end)
    assert cert.not_after == shown
    assert cert.unreadable == (() if shown else ("not_after",))
    assert cert.not_before == "2025-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "der", [b"", b"0", b"\x30\x80\0\0", b"\x30\x84\xff\xff\xff\xff", b"\x30" * 5000, b"\0" * 70_000]
)
def test_no_certificate_at_all(der: bytes) -> None:
    cert = certificate_of(der)
    assert (cert.subject, cert.unreadable) == (UNREADABLE, ("certificate",))


def served(folder: Path, names: x509.SubjectAlternativeName) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(9).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9))
        .add_extension(names, critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "odd.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + cert.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def check_served(folder: Path, names: x509.SubjectAlternativeName) -> tuple[Handshake, str | None]:
    with server(over_tls(served(folder, names), saying())) as port:
        report, diagnosis = portdoctor.check(f"tls://localhost:{port}", family=4)
    return report.of(Handshake)[0], diagnosis.verdict.cause


def test_a_directory_name_of_a_live_server(tmp_path: Path) -> None:
    directory = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
    names = x509.SubjectAlternativeName([directory, x509.DNSName("localhost")])
    o, cause = check_served(tmp_path, names)
    assert o.chain[0].names == ("DirName:CN=x", "localhost")
    assert cause == "tls.cert-self-signed"



def test_a_name_that_cannot_be_read_may_match() -> None:
    """OpenSSL stops at the unknown issuer: whether the unreadable name is the requested one is not known."""
    cert = made(names=element(0x82, b"shop\xff.example.com"))
    o = Handshake(
        id="o1", outcome=Outcome.UNTRUSTED, address="127.0.0.1", port=443, chain=(cert,), verified=False, verify_code=20
    )
    target = Target(input="a.example:443", host="a.example", port=443, stages=("tls",))
    report = Report(portdoctor="0", target=target, vantage=Vantage(), observations=(o,))
    where = Subject(kind="address", values=("127.0.0.1",))
    assert name_mismatch(report, where).state == "unknown"
    readable = replace(o, chain=(replace(cert, names=("other.example",)),))
    assert name_mismatch(replace(report, observations=(readable,)), where).state == "present"
