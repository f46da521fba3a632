"""The port registry, what we know of services, what first bytes say, and the page about one port."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portdoctor.model import Holder, Listener, Listeners, Outcome, Ports
from portdoctor.render import port as page
from portdoctor.services.fingerprints import fits, protocol_of, spoken
from portdoctor.services.known import ALIASES, SCHEMES, SERVICES
from portdoctor.services.ports import (
    UnknownService,
    controls_for,
    iana,
    known_service,
    lookup,
    near_name,
    port_of,
    range_of,
    service_named,
    service_of,
    usual_of,
)
from portdoctor.services.protocols import PROTOCOLS
from portdoctor.services.usual import USUAL, USUAL_UDP
from portdoctor.text import is_clean


@pytest.mark.parametrize(
    ("port", "transport", "name", "first", "tls"),
    [
        (443, "tcp", "https", "client", True),
        (80, "tcp", "http", "client", False),
        (8080, "tcp", "http-alt", "client", False),
        (8443, "tcp", "https", "client", True),
        (22, "tcp", "ssh", "server", False),
        (25, "tcp", "smtp", "server", False),
        (993, "tcp", "imaps", "server", True),
        (5432, "tcp", "postgresql", "client", False),
        (3306, "tcp", "mysql", "server", False),
        (6379, "tcp", "redis", "client", False),
        (27017, "tcp", "mongodb", "client", False),
        (53, "udp", "domain", "client", False),
        (514, "udp", "syslog", "silent", False),
        (51820, "udp", "wireguard", "silent", False),
        (12345, "tcp", "italk", "unknown", False),
    ],
)
def test_service_of(port: int, transport: str, name: str, first: str, tls: bool) -> None:
    service = service_of(port, transport)  # type: ignore[arg-type]
    assert service is not None
    assert (service.name, service.first, service.tls) == (name, first, tls)


def test_a_port_that_nobody_registered() -> None:
    assert service_of(60001) is None
    assert known_service(12345) is None
    assert iana(60001) == []


def test_names_of_services() -> None:
    assert port_of("HTTPS") == 443
    assert port_of("italk") == 12345
    assert port_of("syslog") is None
    assert port_of("syslog", "udp") == 514
    assert port_of("postgres") == 5432
    assert port_of("rdp") == 3389
    assert port_of("nothing-is-called-so") is None
    assert port_of("") is None
    assert port_of("tcp\tssh") is None
    assert service_named("Postgres") is service_named("postgresql")
    assert near_name("htpps") == "https"
    assert near_name("postgressql") == "postgresql"
    assert near_name("#!") is None


def test_rows_of_the_registry() -> None:
    assert [row.name for row in iana(80)] == ["http", "www", "www-http"]
    assert [(row.name, row.transports) for row in iana(514)] == [("shell", ("tcp",)), ("syslog", ("udp",))]
    assert iana(443)[0].description.startswith("http protocol over TLS")


def test_ranges() -> None:
    said = [range_of(port) for port in (1, 1023, 1024, 49151, 49152, 65535)]
    assert said == ["system", "system", "user", "user", "dynamic", "dynamic"]


def test_our_services_agree_with_the_registry() -> None:
    for service in SERVICES:
        if not service.registered:
            continue
        for port in service.ports:
            said = {t for row in iana(port) if row.name == service.name for t in row.transports}
            assert set(service.transports) <= said, (service.name, port)


def test_our_services_are_told_apart() -> None:
    assert len({s.name for s in SERVICES}) == len(SERVICES)
    places = [(port, t) for s in SERVICES for port in s.ports for t in s.transports]
    assert len(set(places)) == len(places)
    for service in SERVICES:
        assert not service.tls or not service.starttls, service.name
        assert service.protocol in {"", "tftp"} | PROTOCOLS.keys(), service.name
        assert len(service.title) <= 50, service.name
    assert {ALIASES[name] for name in ALIASES} <= {s.name for s in SERVICES}
    assert not ALIASES.keys() & {s.name for s in SERVICES}
    assert {name for name, _, _ in SCHEMES.values()} <= {s.name for s in SERVICES}


def test_the_schemes_of_the_contract_are_known() -> None:
    contract = (
        "https http ssh ftp smtp smtps imap imaps postgres postgresql mysql redis rediss amqp amqps mongodb ldap ldaps "
        "mqtt mqtts ws wss"
    )
    assert set(contract.split()) <= SCHEMES.keys()


def test_words_about_usual_ports_are_short() -> None:
    for says in (*USUAL.values(), *USUAL_UDP.values()):
        assert len(says) <= 90
        assert is_clean(says)
    assert "Grafana" in usual_of(3000)
    assert usual_of(3000, "udp") == ""


def test_the_big_table_is_not_read_for_common_ports() -> None:
    code = (
        "from portdoctor.services import ports\nfrom portdoctor.target import parse as target\n"
        "[target.parse(t) for t in ('host:443', 'https://host', 'host:5432', 'host:ssh', 'host:12345')]\n"
        "ports.service_of(443), ports.port_of('https'), ports.controls_for(443), ports.service_named('ssh')\n"
        "import sys\n"
        "unwanted = {'difflib', 'ipaddress', 'portdoctor.services.usual'}\n"
        "print(ports._table.cache_info().misses, *(unwanted & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == ["0"]


@given(st.integers(1, 65535))
def test_controls_are_a_few_other_ports(port: int) -> None:
    controls = controls_for(port)
    assert 1 <= len(controls) <= 8
    assert len(set(controls)) == len(controls)
    assert port not in controls
    assert all(1 <= other <= 65535 for other in controls)


def test_controls_begin_with_what_tells_most() -> None:
    assert controls_for(8000)[:3] == (443, 80, 22)
    assert controls_for(443)[:2] == (80, 22)
    assert 587 in controls_for(25)
    assert 6432 in controls_for(5432)
    assert any(other > 49151 or other >= 32768 for other in controls_for(443))


@pytest.mark.parametrize(
    ("text", "ports"),
    [("443", [443]), (" 00443 ", [443]), ("SSH", [22, 2222]), ("rdp", [3389]), ("italk", [12345]), ("http", [80])],
)
def test_lookup(text: str, ports: list[int]) -> None:
    assert lookup(text) == ports


def test_lookup_by_what_usually_lives_there() -> None:
    assert lookup("grafana")[0] == 3000
    assert lookup("Jenkins")[0] == 8080
    assert lookup("wireguard") == [51820]


@pytest.mark.parametrize(
    ("text", "says"),
    [("0", "1-65535"), ("65536", "1-65535"), ("9" * 5000, "1-65535"), ("htpps", "(did you mean 'https'?)"),
     ("remoteware-cm", "(did you mean 'remoteware-cl'?)"), ("", "such as 443"), ("\x1b[2J", "such as 443"),
     ("\udcff", "such as 443")],
)  # fmt: skip
def test_lookup_of_nothing(text: str, says: str) -> None:
    with pytest.raises(UnknownService) as error:
        lookup(text)
    assert says in str(error.value)
    assert is_clean(str(error.value))


@given(st.text())
def test_lookup_is_total(text: str) -> None:
    try:
        ports = lookup(text)
    except UnknownService:
        ports = []
    assert all(1 <= port <= 65535 for port in ports)


# ---------------------------------------------------------------- first bytes


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


FIRST_BYTES = [
    ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("ssh", b"Welcome, be good\r\nSSH-2.0-OpenSSH_9.6\r\n"),
    ("ssh", b"Exceeded MaxStartups\r\n"),
    ("ssh", b"Not allowed at this time\r\n"),
    ("http", b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n"),
    ("http", b"HTTP/1.0 400 Bad request\r\n\r\n"),
    ("html", b"\r\n<html><head><title>400</title>"),
    ("html", b"<!DOCTYPE html><html>"),
    ("http2", _hex("00000c04000000000000030000008000040000ffff")),
    ("http2", _hex("00001207000000000000000000000000014854545032")),
    ("smtp", b"220 mail.example.com ESMTP Postfix\r\n"),
    ("smtp", b"220-ftp.example.com ESMTP Exim 4.97\r\n220 ready\r\n"),
    ("smtp", b"554 mail.example.com ESMTP not accepting messages\r\n"),
    ("pop3-or-redis", b"-ERR frobnicate: quota exhausted\r\n"),
    ("smtp", b"421 4.3.2 mail system not available\r\n"),
    ("ftp", b"220 (vsFTPd 3.0.5)\r\n"),
    ("ftp", b"220---------- Welcome to Pure-FTPd ----------\r\n"),
    ("ftp", b"220 Microsoft FTP Service\r\n"),
    ("smtp-or-ftp", b"530 Sorry, the maximum number of clients are connected\r\n"),
    ("smtp-or-ftp", b"220 mail.example.com ready\r\n"),
    ("smtp-or-ftp", b"220 ftp.example.com ready\r\n"),
    ("smtp-or-ftp", b"220 ready\r\n"),
    ("smtp-or-ftp", b"421 Too many connections\r\n"),
    ("imap", b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"),
    ("imap", b"* BYE Too many connections\r\n"),
    ("pop3", b"+OK Dovecot ready.\r\n"),
    ("pop3", b"-ERR [SYS/TEMP] try again\r\n"),
    ("nntp", b"200 news.example.com InterNetNews server INN 2.7 ready (posting ok)\r\n"),
    ("sieve", b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n'),
    ("irc", b":irc.example.com NOTICE * :*** Looking up your hostname...\r\n"),
    ("irc", b"NOTICE AUTH :*** Checking Ident\r\n"),
    ("irc", b"ERROR :Closing Link\r\n"),
    ("xmpp", b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>"),
    ("mysql", b"\x4a\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00" + b"a" * 60),
    ("mysql", b"\x59\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB\x00"),
    ("mysql", b"\x45\x00\x00\x00\xff\x6a\x04Host '10.0.0.9' is not allowed to connect to this MySQL server"),
    ("mysqlx", _hex("050000000b08051a00")),
    ("postgresql", b"N"),
    ("postgresql", b"S"),
    ("postgresql", b"E\x00\x00\x00\x64SFATAL\x00VFATAL\x00C28000\x00Mno pg_hba.conf entry\x00\x00"),
    ("postgresql", b"R\x00\x00\x00\x08\x00\x00\x00\x03"),
    ("postgresql", b"EFATAL:  unsupported frontend protocol\n\x00"),
    ("redis", b"+PONG\r\n"),
    ("redis", b"-NOAUTH Authentication required.\r\n"),
    ("redis", b"-DENIED Redis is running in protected mode\r\n"),
    ("redis", b"-ERR unknown command 'GET'\r\n"),
    ("redis", b"-ERR max number of clients reached\r\n"),
    ("redis", b"$4\r\nPONG\r\n"),
    ("redis", b"*1\r\n$4\r\nPONG\r\n"),
    ("memcache", b"VERSION 1.6.22\r\n"),
    ("memcache", b"ERROR\r\n"),
    ("mongodb", _hex("5f000000010000000000000001000000") + b"\x08" * 79),
    ("mongodb", _hex("2d0100000100000002000000dd070000") + b"\0" * 16),
    ("rfb", b"RFB 003.008\n"),
    ("telnet", _hex("fffd18fffd20fffd23fffd27")),
    ("telnet", b"\r\nrouter7 login: "),
    ("telnet", b"User Access Verification\r\n\r\nUsername: "),
    ("rdp", _hex("030000130ed000001234000200080001000000")),
    ("tls", _hex("1603030050020000")),
    ("tls", _hex("15030300020228")),
    ("tls", _hex("15030100020246")),
    ("amqp", b"AMQP\x00\x00\x09\x01"),
    ("amqp", _hex("010000000001f5000a000a0009")),
    ("mqtt", _hex("20020000")),
    ("mqtt", _hex("20020005")),
    ("ldap", _hex("300c02010161070a010004000400")),
    ("ldap", _hex("3084000000100201016184000000070a010004000400")),
    ("ldap", _hex("302402010078") + b"\x1f\x0a\x01\x34"),
    ("snmp", _hex("302602010104067075626c6963a219")),
    ("rtsp", b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"),
    ("sip", b"SIP/2.0 200 OK\r\n"),
    ("ssdp", b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"),
    ("ajp13", b"AB\x00\x01\x09"),
    ("rsync", b"@RSYNCD: 31.0 sha512\n"),
    ("svn", b"( success ( 2 2 ( ) ( edit-pipeline ) ) )"),
    ("git", b"003aERR access denied or repository not exported\n"),
    ("nats", b'INFO {"server_id":"x"}\r\n'),
    ("nats", b"-ERR 'Unknown Protocol Operation'\r\n"),
    ("zookeeper", b"imok"),
    ("smb", b"\x00\x00\x00\x40\xfeSMB\x40\x00"),
    ("tds", _hex("0401002b00000100") + b"\0" * 35),
    ("tns", _hex("0020000004000000") + b"(" * 24),
    ("x11", _hex("01000b00000046000000")),
    ("socks", b"\x05\x00"),
    ("socks", b"\x05\xff"),
    ("bgp", b"\xff" * 16 + b"\x00\x15\x03\x06\x05"),
    ("dns", _hex("123481800001000100000000") + b"\x07example\x03com\x00\x00\x01\x00\x01"),
    ("dns", _hex("001d123481800001000000000000") + b"\x07example\x03com\x00\x00\x01\x00\x01"[:17]),
    ("ntp", bytes([0x24]) + b"\x02\x06\xe8" + b"\x01" * 44),
    ("stun", _hex("010100002112a442") + b"a" * 12),
    ("quic", _hex("c00000000008aabbccddeeff0011") + b"\x00" * 9),
    ("zabbix", b"ZBXD\x01\x00"),
    ("jdwp", b"JDWP-Handshake"),
    ("adb", b"CNXN\x00\x00\x00\x01"),
    ("chargen", b" !\"#$%&'()*+,-./0123456789\r\n"),
    (None, b""),
    (None, b"\n"),
    (None, b"hello\r\n"),
    (None, b"200 OK\r\n"),
    (None, b"\x00"),
    (None, b"\xff"),
    (None, b"{\"hello\": 1}\n"),
    (None, b"\x00" * 64),
    (None, b"220"[:2]),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "said"), FIRST_BYTES)
def test_recognise(protocol: str | None, said: bytes) -> None:
    assert protocol_of(said) == protocol


@pytest.mark.parametrize(
    ("expected", "said", "protocol"),
    [
        ("redis", b"-ERR frobnicate: quota exhausted\r\n", "redis"), ("redis", b"-FROB quota exhausted\r\n", "redis"),
        ("redis", b"-ERR 'frob' exhausted\r\n", "redis"), ("redis", b"+OK\r\n", "redis"),
        ("redis", b"+OK Dovecot ready.\r\n", "pop3"), ("pop3", b"-ERR unknown command\r\n", "pop3"),
        ("nats", b"-ERR frob\r\n", "nats"), ("nats", b"+OK\r\n", "nats"), ("mysql", b"-ERR frob\r\n", "pop3-or-redis"),
        ("ftp", b"220 mail.example.com ready\r\n", "ftp"), ("smtp", b"220 ftp.example.com ready\r\n", "smtp"),
        ("smtp", b"220 ftp ready\r\n", "smtp"), ("smtp", b"530 authentication required\r\n", "smtp"),
        ("ftp", b"554 busy\r\n", "ftp"), ("ftp", b"120 ready in 2 minutes\r\n", "ftp"),
        ("smtp", b"220 (vsFTPd 3.0.5)\r\n", "ftp"), ("ftp", b"220 mx.example.com ESMTP\r\n", "smtp"),
        ("nntp", b"200 ready\r\n", "nntp"), ("nntp", b"502 access restricted\r\n", "nntp"),
        ("memcache", b"ERROR quota exhausted\r\n", "memcache"), ("irc", b"ERROR :closing\r\n", "irc"),
        ("memcache", b"ERROR :quota\r\n", "memcache"), ("redis", b"ERROR\r\n", "memcache"),
        ("imap", b"* NO overloaded\r\n", "imap"), ("sieve", b'"SIEVE" "fileinto"\r\n', "sieve"),
        ("sieve", b'BYE "Too many connections"\r\n', "sieve"), ("svn", b"( failure ( ( 210005 ) ) )", "svn"),
        ("telnet", b"220 Welcome\r\n", "telnet"), ("telnet", b"*** Authorized users only ***\r\n", "telnet"),
        ("telnet", b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"), ("redis", b"HTTP/1.1 400 Bad Request\r\n\r\n", "http"),
        ("ssh", b"220 ready\r\n", "smtp-or-ftp"), ("redis", b"* OK ready\r\n", "imap"),
    ],
)  # fmt: skip
def test_the_expected_protocol_decides_an_ambiguous_opening(expected: str, said: bytes, protocol: str) -> None:
    assert protocol_of(said, expected) == protocol


def test_every_protocol_has_an_example_and_a_spoken_name() -> None:
    assert {protocol for protocol, _ in FIRST_BYTES if protocol} == PROTOCOLS.keys()
    assert spoken("rfb") == "VNC (RFB)"
    assert spoken("something-new") == "something-new"


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))))
@example(b"\x30\x84")
@example(b"E\x00\x00")
@example(b"\xff" * 3)
def test_recognise_is_total(said: bytes) -> None:
    assert protocol_of(said) in {None} | PROTOCOLS.keys()


@given(st.sampled_from([said for _, said in FIRST_BYTES]), st.integers(0, 200))
def test_recognise_takes_any_beginning(said: bytes, size: int) -> None:
    assert protocol_of(said[:size]) in {None} | PROTOCOLS.keys()


def test_what_fits() -> None:
    assert fits("http", "http")
    assert fits("http", "http2")
    assert not fits("smtp", "ftp")
    assert not fits("http", "tls")


# ---------------------------------------------------------------- the page about one port

POLICY = Ports(
    outcome=Outcome.OK, unprivileged_start=1024, ephemeral=(32768, 60999), reserved=((8000, 8010),),
    bind_capability=False,
)  # fmt: skip


def _table(port: int, *rows: Listener, complete: bool = True) -> tuple[Listeners, ...]:
    return (Listeners(outcome=Outcome.OK, port=port, rows=rows, complete=complete),)


def test_the_page_of_a_common_port() -> None:
    nginx = Listener(address="0.0.0.0", port=443, holder=Holder(pid=812, name="nginx", user="www-data"))
    seen = page.render(page.facts("https", 443, policy=POLICY, listeners=_table(443, nginx), others=(443, 8443)))
    assert seen.startswith("Port 443: https, Web over TLS (HTTPS)\n")
    for words in ("system (0-1023)", "TLS from the first byte", "listening requires a privilege (ports below 1024)",
                  "32768-60999", "nginx, pid 812, user www-data, on 0.0.0.0:443 TCP", "8443"):  # fmt: skip
        assert words in seen


def test_the_page_of_an_unregistered_port() -> None:
    seen = page.render(page.facts("60001", 60001, policy=POLICY, listeners=_table(60001)))
    for words in ("no registered service", "never registered", "which includes this port", "in use by     nothing"):
        assert words in seen
    assert "visible to this user" in page.render(page.facts("60001", 60001, listeners=_table(60001, complete=False)))
    assert "reserved: the system does not assign it" in page.render(page.facts("8005", 8005, policy=POLICY))
    assert "in use by" not in page.render(page.facts("8005", 8005))


def test_bound_sockets_and_connections_are_told_from_listeners() -> None:
    ghost = Listener(address="127.0.0.1", port=8080, state="BOUND", uid=1000)
    talk = Listener(address="10.0.0.1", port=8080, state="ESTABLISHED", peer="10.0.0.9:40000")
    seen = page.render(page.facts("8080", 8080, listeners=_table(8080, ghost, talk)))
    assert "user id 1000, on 127.0.0.1:8080 TCP (bound, not listening)" in seen.replace("\n                ", " ")
    assert "1 connection uses it" in seen


@given(st.integers(1, 65535), st.text(max_size=300))
def test_every_page_fits_and_is_clean(port: int, hostile: str) -> None:
    row = Listener(address="::", port=port, holder=Holder(pid=1, name=hostile, user=hostile, unit=hostile))
    known = page.facts(hostile, port, policy=POLICY, listeners=_table(port, row))
    seen = page.render(known)
    assert is_clean(seen, lines=True)
    assert all(len(line) <= 80 for line in seen.split("\n") if line.isascii())
    read = msgspec.json.decode(page.to_json(known), type=page.PortDocument)
    assert read.schema == page.PORT_SCHEMA
    assert read.port == port
    assert is_clean(read.asked)


def test_the_json_keeps_its_schema() -> None:
    import jsonschema

    for port in (443, 3000, 60001):
        text = page.to_json(page.facts(str(port), port, policy=POLICY, listeners=_table(port)))
        assert "\n" not in text
        jsonschema.validate(msgspec.json.decode(text), page.schema())


