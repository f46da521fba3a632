"""Random and mutated bytes for everything that reads what a peer sends: certificates, DNS, HTTP, greetings.

`fuzzing` says how more inputs are tried.
"""

from __future__ import annotations

import asyncio
import datetime
import errno
import ipaddress
import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.model import (
    Certificate,
    Connect,
    Greeting,
    Handshake,
    HttpReply,
    Lookup,
    Observation,
    Outcome,
    Report,
    Stage,
    Target,
    Vantage,
)
from portdoctor.probes.certificates import certificate_of
from portdoctor.probes.channel import Channel, TlsEnd
from portdoctor.probes.dns_message import ascii_name, parse_answer, query
from portdoctor.probes.greeting import greet
from portdoctor.probes.http import request
from portdoctor.render import json as json_format
from portdoctor.render import terminal, ticket

from . import fuzzing
from .test_hostile import harmless

COUNT = fuzzing.MANY or 300
SEED = fuzzing.SEED
DIAGNOSED = 50  # one of so many is diagnosed and rendered, which takes longer than to read it
MOST_SECONDS = 2.0  # of processor time for one input: a watchdog ends a step of two seconds
ADDRESS = "127.0.0.1"
pytestmark = pytest.mark.timeout(0 if fuzzing.MANY else 120)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a few of them changed, removed, repeated or inserted."""
    found = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 4, 12))):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(6):
            case 0 | 1 if at < len(found):
                found[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x30, 0xC0, chance.randrange(256)))
            case 2:
                del found[at : at + chance.choice((1, 1, 2, 8, 200))]
            case 3:
                found[at:at] = found[at : at + chance.randrange(40)] * chance.choice((1, 2, 50))
            case 4:
                found[at:at] = chance.randbytes(chance.choice((1, 2, 8, 300)))
            case _:
                found[at : at + 2] = chance.choice((b"\xff\xff", b"\0\0", b"\r\n", b"\x84\xff", b"\xc0\x0c"))
    return bytes(found)


@cache
def _catalogue() -> Any:
    return load_catalogue()


def shown(*seen: Observation, stages: tuple[Stage, ...]) -> str:
    """Diagnose and render a report of a target that was reached and answered so; nothing hostile gets through."""
    reached = Connect(outcome=Outcome.OK, address=ADDRESS, port=443)
    ids = tuple(_with_id(o, n) for n, o in enumerate((reached, *seen), 1))
    target = Target(input="127.0.0.1:443", host=ADDRESS, port=443, stages=stages)
    report = Report(
        portdoctor="0", target=target, vantage=Vantage(started="2026-11-25T09:00:00.000Z"), observations=ids
    )
    text = json_format.render(report, diagnose(report, _catalogue()))
    again = json_format.load_report(text)
    diagnosis = diagnose(again, _catalogue())
    assert json_format.render(again, diagnosis) == text
    for render in (terminal.render, ticket.render):
        assert harmless(render(report, diagnosis))
    return diagnosis.verdict.cause or ""


def _with_id(o: Observation, number: int) -> Observation:
    from msgspec.structs import replace

    return replace(o, id=f"o{number}")


def inputs(kind: str, seeds: list[bytes]) -> Iterator[tuple[int, bytes, random.Random]]:
    """Yield the inputs of a class; each is a function of the seed, the class and its number alone."""
    for number in range(COUNT):
        chance = random.Random(f"{SEED} {kind} {number}")
        seed = chance.choice(seeds)
        yield number, chance.randbytes(chance.randrange(400)) if number % 20 == 0 else mutated(seed, chance), chance


@pytest.fixture
def quick() -> Callable[[object], None]:
    """Call it after each input: none may take long."""
    last = time.process_time()

    def done(what: object) -> None:
        nonlocal last
        now = time.process_time()
        assert now - last < MOST_SECONDS, f"{now - last:.1f} s for {what!r}"[:2000]
        last = now

    return done


# ---------------------------------------------------------------- certificates


def _certificate(*names: x509.GeneralName) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, "shop.example.com"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Müller, Söhne"),
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
    ])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(0x0102030405060708)
        .not_valid_before(datetime.datetime(1960, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC))
    )  # fmt: skip
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    where = x509.UniformResourceIdentifier("http://ca.example/ca.crt")
    access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
    builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_certificates(quick: Callable[[object], None]) -> None:
    names: tuple[x509.GeneralName, ...] = (
        x509.DNSName("shop.example.com"), x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.RFC822Name("a@example.com"), x509.UniformResourceIdentifier("https://example.com/"),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example")])),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x01a"),
    )  # fmt: skip
    seeds = [_certificate(), _certificate(*names), _certificate(*names * 200)]
    for number, der, _ in inputs("certificate", seeds):
        cert = certificate_of(der)
        assert len(cert.names) <= 100
        assert max(map(len, (cert.subject, cert.issuer, cert.serial or "", *cert.names))) <= 400
        for moment in (cert.not_before, cert.not_after):
            assert moment is None or datetime.datetime.fromisoformat(moment)
        if number % DIAGNOSED == 0:
            shown(_untrusted(cert), stages=("tcp", "tls"))
        quick(der)


def _untrusted(cert: Certificate) -> Handshake:
    return Handshake(
        outcome=Outcome.UNTRUSTED, address=ADDRESS, port=443, chain=(cert, cert), verified=False, verify_code=20,
        received=1000, trust="a store", trust_anchors=3,
    )  # fmt: skip


# ---------------------------------------------------------------- DNS


def _response(question: bytes, counts: bytes, records: bytes, flags: bytes = b"\x81\x80") -> bytes:
    return b"\x12\x34" + flags + counts + question + records


_QUESTION = b"\4shop\7example\3com\0\0\1\0\1"
_A = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1"
_ALIAS = b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\3www\xc0\x11"
_SOA = b"\xc0\x11\0\6\0\1\0\0\0\x3c\0\x1a\1a\xc0\x11\1b\xc0\x11" + b"\0\0\0\1" * 5
_EDE = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0d\0\x0f\0\x09\0\x12expired"
_RESPONSES = [
    _response(_QUESTION, b"\0\1\0\1\0\0\0\1", _A + _EDE),
    _response(_QUESTION, b"\0\1\0\2\0\0\0\0", _ALIAS + _A.replace(b"\xc0\x0c", b"\xc0\x2c", 1)),
    _response(_QUESTION, b"\0\1\0\0\0\1\0\1", _SOA + _EDE, b"\x81\x83"),
    _response(_QUESTION, b"\0\1\0\0\0\0\0\0", b"", b"\x83\x80"),
    _response(_QUESTION, b"\0\1\1\x90\0\0\0\0", _A * 400),
    _response(b"\1a" * 126 + b"\0\0\1\0\1", b"\0\1\1\xf0\0\0\0\0", b"\xc0\x0c\0\2\0\1\0\0\0\1\0\4\1a\xc0\x0c" * 496),
    b"", b"\x12\x34", b"\0" * 12,
]  # fmt: skip


def test_dns_responses(quick: Callable[[object], None]) -> None:
    asked = query("shop.example.com", "A")
    asked.id = 0x1234
    blank = Lookup(outcome=Outcome.TIMEOUT, name="shop.example.com", qtype="A", via="wire", resolver=ADDRESS)
    for number, wire, _ in inputs("dns", _RESPONSES):
        found = parse_answer(wire, asked, blank)
        if found is not None:
            assert found.outcome is not Outcome.TIMEOUT, "data that came is not silence"
            assert len(found.addresses) <= 64
            assert all(ipaddress.ip_address(a) for a in found.addresses)
            assert max((len(text) for _, text in found.ede), default=0) <= 210
            if number % DIAGNOSED == 0:
                shown(found, stages=("dns", "tcp"))
        quick(wire)
    assert ascii_name("shop.example.com.") == "shop.example.com"


# ---------------------------------------------------------------- HTTP and greetings


class Recorded(Channel):
    """A channel that gives parts of the data, then an end."""

    def __init__(self, data: bytes, chance: random.Random) -> None:
        self.clock = time.monotonic
        self.received = 0
        self.ends = chance.choice((None, TimeoutError(), OSError(errno.ECONNRESET, "reset"), TlsEnd("BAD", None)))
        size = chance.choice((1, 7, 1000, 1 << 20)) if len(data) < 3000 else 1 << 14
        self.parts = [data[at : at + size] for at in range(0, len(data), size)]
        self.tls = chance.random() < 0.5

    @property
    def encrypted(self) -> bool:
        return self.tls

    async def send(self, data: bytes, deadline: float) -> None:
        pass

    async def receive(self, deadline: float, most: int = 0) -> bytes:
        if self.parts:
            self.received += len(self.parts[0])
            return self.parts.pop(0)
        if self.ends is not None:
            raise self.ends
        return b""


_HTTP = [
    b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 301 Moved\r\nLocation: https://[::1/\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Service Unavailable\r\nRetry-After: 9\r\n\r\nupstream",
    b"HTTP/1.0 200\n\n<html>", b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
    b"HTTP/1.1 200 OK\r\n" + b"X-Header: value\r\n" * 300 + b"\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: " + b"v" * 70_000 + b"\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 200, b"<!DOCTYPE html>", b"SSH-2.0-x\r\n", b"\x15\x03\x03\0\2\2\x28", b"",
]  # fmt: skip


def test_http_responses(quick: Callable[[object], None]) -> None:
    async def all_of_them() -> None:
        for number, data, chance in inputs("http", _HTTP):
            channel = Recorded(data, chance)
            o = await request(
                channel, "shop.example.com", 80, "/", ADDRESS, time.monotonic, time.monotonic() + 5
            )
            assert isinstance(o, HttpReply)
            complete = b"\n\r\n" in data or b"\n\n" in data
            if data[:9] == b"HTTP/1.1 " and data[9:12].isdigit() and data[12:13] == b" " and b"\r\n" in data[:100]:
                assert o.outcome not in (Outcome.OTHER_PROTOCOL, Outcome.MALFORMED) or o.protocol == "tls" or (
                    data[9:10] == b"1" and complete
                ) or b"\r" in data[:100].partition(b"\r\n")[0] or b"\n" in data[:100].partition(b"\r\n")[0]
            if o.status is not None and o.outcome is Outcome.OK:
                assert complete
            if number % DIAGNOSED == 0:
                cause = shown(o, stages=("tcp", "http"))
                assert not (data[:13] == b"HTTP/1.1 200 " and cause == "http.not-http")
            quick(data)

    asyncio.run(all_of_them())


_GREETINGS = [
    b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\r\n", b"220-first\r\n220 last\r\n", b"* OK IMAP4rev1\r\n", b"+OK\r\n",
    b"J\0\0\0\x0a8.0.36\0" + b"a" * 60, b"N", b"E\0\0\0\x20SFATAL\0C57P03\0Mstarting up\0\0", b"-ERR max clients\r\n",
    b"RFB 003.008\n", b"\xff\xfd\x18\xff\xfd\x20login: ", b"@RSYNCD: 31.0\n", b"\x05\0\0\1", b"spam\n" * 200, b"",
    b"\x15\x03\x01\0\2\2\x46", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 70_000,
]  # fmt: skip
_SERVICES = ("ssh", "smtp", "imap", "pop3", "mysql", "postgresql", "redis", "ldap", "rdp", "mongodb", None)


def test_greetings(quick: Callable[[object], None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def all_of_them() -> None:
        for number, data, chance in inputs("greeting", _GREETINGS):
            service = chance.choice(_SERVICES)
            o = await greet(Recorded(data, chance), ADDRESS, 22, service, time.monotonic, time.monotonic() + 5)
            assert isinstance(o, Greeting)
            assert len(o.text) <= 310
            if data:
                assert o.received, "data that came is not silence"
                assert o.outcome not in (Outcome.CLOSED, Outcome.RESET)
            if number % DIAGNOSED == 0:
                cause = shown(o, stages=("tcp", "app"))
                assert not data or cause not in ("tcp.closed-after-accept", "tcp.reset-after-accept")
            quick(data)

    asyncio.run(all_of_them())
