"""Every form of a target that a person may type, and every sentence for those that are none."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portdoctor.services.known import SCHEMES
from portdoctor.target import UsageError
from portdoctor.target.parse import Asked, parse, parse_bind
from portdoctor.target.words import looks_like_target, read_lines, targets_in


def one(text: str) -> Asked:
    (asked,) = parse(text)
    return asked


@pytest.mark.parametrize(
    ("text", "host", "port", "service", "stages"),
    [
        ("shop.example.com:443", "shop.example.com", 443, "https", "dns tcp tls http"),
        ("host:80", "host", 80, "http", "dns tcp http"),
        ("host:8080", "host", 8080, "http-alt", "dns tcp http"),
        ("host:8443", "host", 8443, "https", "dns tcp tls http"),
        ("host:https", "host", 443, "https", "dns tcp tls http"),
        ("host:HTTPS", "host", 443, "https", "dns tcp tls http"),
        ("host:postgres", "host", 5432, "postgresql", "dns tcp app"),
        ("host:22", "host", 22, "ssh", "dns tcp app"),
        ("host:25", "host", 25, "smtp", "dns tcp app"),
        ("host:21", "host", 21, "ftp", "dns tcp app"),
        ("host:143", "host", 143, "imap", "dns tcp app"),
        ("host:110", "host", 110, "pop3", "dns tcp app"),
        ("host:3306", "host", 3306, "mysql", "dns tcp app"),
        ("host:993", "host", 993, "imaps", "dns tcp tls app"),
        ("host:465", "host", 465, "submissions", "dns tcp tls app"),
        ("host:636", "host", 636, "ldaps", "dns tcp tls app"),
        ("host:12345", "host", 12345, None, "dns tcp app"),
        ("host:3000", "host", 3000, None, "dns tcp app"),
        ("localhost:8080", "localhost", 8080, "http-alt", "dns tcp http"),
        ("10.0.0.5:22", "10.0.0.5", 22, "ssh", "tcp app"),
        ("0.0.0.0:80", "0.0.0.0", 80, "http", "tcp http"),
        ("[2001:db8::1]:443", "2001:db8::1", 443, "https", "tcp tls http"),
        ("[2001:DB8:0:0::1]:443", "2001:db8::1", 443, "https", "tcp tls http"),
        ("[::ffff:10.0.0.5]:22", "::ffff:10.0.0.5", 22, "ssh", "tcp app"),
        ("[fe80::1%eth0]:22", "fe80::1%eth0", 22, "ssh", "tcp app"),
        ("https://[fe80::1%25eth0]", "fe80::1%eth0", 443, "https", "tcp tls http"),
        ("https://host", "host", 443, "https", "dns tcp tls http"),
        ("HTTPS://Host/", "host", 443, "https", "dns tcp tls http"),
        ("https://host:8080", "host", 8080, "https", "dns tcp tls http"),
        ("http://host:443", "host", 443, "http", "dns tcp http"),
        ("ssh://host", "host", 22, "ssh", "dns tcp app"),
        ("ftp://host", "host", 21, "ftp", "dns tcp app"),
        ("smtp://host", "host", 25, "smtp", "dns tcp app"),
        ("smtps://host", "host", 465, "submissions", "dns tcp tls app"),
        ("imap://host", "host", 143, "imap", "dns tcp app"),
        ("imaps://host", "host", 993, "imaps", "dns tcp tls app"),
        ("postgres://host", "host", 5432, "postgresql", "dns tcp app"),
        ("postgresql://host/db", "host", 5432, "postgresql", "dns tcp app"),
        ("postgresql+psycopg://host/db", "host", 5432, "postgresql", "dns tcp app"),
        ("jdbc:mysql://host/db", "host", 3306, "mysql", "dns tcp app"),
        ("mysql://host", "host", 3306, "mysql", "dns tcp app"),
        ("redis://host", "host", 6379, "redis", "dns tcp app"),
        ("rediss://host", "host", 6379, "redis", "dns tcp tls app"),
        ("amqp://host", "host", 5672, "amqp", "dns tcp app"),
        ("amqps://host", "host", 5671, "amqps", "dns tcp tls app"),
        ("mongodb://host", "host", 27017, "mongodb", "dns tcp app"),
        ("ldap://host", "host", 389, "ldap", "dns tcp app"),
        ("ldaps://host", "host", 636, "ldaps", "dns tcp tls app"),
        ("mqtt://host", "host", 1883, "mqtt", "dns tcp app"),
        ("mqtts://host", "host", 8883, "secure-mqtt", "dns tcp tls app"),
        ("ws://host", "host", 80, "http", "dns tcp http"),
        ("wss://host", "host", 443, "https", "dns tcp tls http"),
        ("tcp://host:443", "host", 443, "https", "dns tcp"),
        ("tls://host:993", "host", 993, "imaps", "dns tcp tls"),
        ("udp://host:53", "host", 53, "domain", "dns udp"),
        ("udp://10.0.0.5:domain", "10.0.0.5", 53, "domain", "udp"),
        ("Host.Example.COM.:443", "host.example.com.", 443, "https", "dns tcp tls http"),
        ("  host:443\n", "host", 443, "https", "dns tcp tls http"),
        ("<https://host>", "host", 443, "https", "dns tcp tls http"),
        ("user@host:22", "host", 22, "ssh", "dns tcp app"),
        ("my_database:5432", "my_database", 5432, "postgresql", "dns tcp app"),
        ("host:00443", "host", 443, "https", "dns tcp tls http"),
        ("bücher.example:443", "xn--bcher-kva.example", 443, "https", "dns tcp tls http"),
        ("straße.example:443", "xn--strae-oqa.example", 443, "https", "dns tcp tls http"),
        ("例え。テスト:443", "xn--r8jz45g.xn--zckzah", 443, "https", "dns tcp tls http"),
        ("BÜCHER.example:443", "xn--bcher-kva.example", 443, "https", "dns tcp tls http"),
        ("１０.0.0.5:22", "10.0.0.5", 22, "ssh", "tcp app"),
    ],
)
def test_forms(text: str, host: str, port: int, service: str | None, stages: str) -> None:
    target = one(text).target
    assert (target.host, target.port, target.service, " ".join(target.stages)) == (host, port, service, stages)
    assert target.transport == ("udp" if text.startswith("udp:") else "tcp")
    assert set(target.because) == set(target.stages)


def test_why_a_stage_is_implied() -> None:
    assert one("host:443").target.because["tls"] == "port 443 is https by the port registry"
    assert one("host:8443").target.because["tls"] == "port 8443 is https by common use"
    assert one("host:51820").target.because["app"].startswith("port 51820 has no known service")
    assert one("host:9092").target.because["app"] == "port 9092 is kafka by common use"
    assert one("https://host:1234").target.because["tls"] == "the scheme is https://"
    assert one("host:22").target.because["dns"] == "host is a name, which must be resolved"


def test_several_ports_are_several_targets() -> None:
    asked = parse("example.com:22,80,8000-8002,ssh,80")
    assert [a.target.port for a in asked] == [22, 80, 8000, 8001, 8002]
    assert [a.target.input for a in asked][:3] == ["example.com:22", "example.com:80", "example.com:8000"]
    assert [a.target.input for a in parse("tcp://host:1-2")] == ["tcp://host:1", "tcp://host:2"]
    assert len(parse("host:1-65535")) == 65535


@pytest.mark.parametrize(
    ("text", "stored", "path"),
    [
        ("https://u:secret@host:8443/a/b?q=1#top", "https://host:8443", "/a/b?q=1"),
        ("https://u:s@cret@host", "https://host", "/"),
        ("https://host?q=secret", "https://host", "/?q=secret"),
        ("https://host#secret", "https://host", "/"),
        ("https://host:/x", "https://host", "/x"),
        ("https://host/@scope/package", "https://host", "/@scope/package"),
        ("https://host:8443/@scope/package", "https://host:8443", "/@scope/package"),
        ("https://host/ü", "https://host", "/%C3%BC"),
        ("wss://host/chat", "wss://host", "/chat"),
        ("postgres://u:secret@host/db?sslmode=require", "postgres://host", "/"),
        ("redis://:secret@host:6379/0", "redis://host:6379", "/"),
        ("mongodb://u:secret@host", "mongodb://host", "/"),
        ("u:secret@host:22", "host:22", "/"),
        ("bücher.example:https", "bücher.example:443", "/"),
        ("[FE80::1%eth0]:22", "[FE80::1%eth0]:22", "/"),
    ],
)
def test_nothing_secret_is_stored(text: str, stored: str, path: str) -> None:
    asked = one(text)
    assert (asked.target.input, asked.path) == (stored, path)
    assert "secret" not in repr(asked.target)
    assert one(asked.target.input).target == asked.target


MISTAKES = [
    ("host", "host:443", "https://host"),
    ("example.com.", "example.com.:443"),
    ("", "example.com:443"),
    ("   ", "example.com:443"),
    ("8080", "localhost:8080"),
    (":443", "localhost:443"),
    ("host:", "host:443"),
    ("https://", "https://example.com"),
    ("https://:443", "https://example.com"),
    ("https:/host", "https://example.com"),
    ("http:\\\\host", "http://example.com"),
    ("htps://host", "https://host"),
    ("gopher://host", "tcp://host:443"),
    ("://host", "https://example.com"),
    ("tls://host", "tls://host:443"),
    ("udp://host", "udp://host:53"),
    ("mongodb+srv://u:secret@host/db", "mongodb://host:27017"),
    ("mongodb://u:secret@a:1,b:2/db", "mongodb://a:1"),
    ("2001:db8::1:443", "[2001:db8::1]:443", "[2001:db8::1:443]:443"),
    ("::1", "[::1]:443"),
    ("2001:db8:0:0:0:0:0:1:443", "[2001:db8:0:0:0:0:0:1]:443"),
    ("fe80::1%eth0", "[fe80::1%eth0]:443"),
    ("[::1]", "[::1]:443"),
    ("[::1]443", "[::1]:443"),
    ("[::1", "[::1]:443"),
    ("[10.0.0.5]:22", "10.0.0.5:443"),
    ("[nonsense]:22", "[2001:db8::1]:443"),
    ("[fe80::1]:22", "[fe80::1%eth0]:443"),
    ("[fe80::1%]:22", "[fe80::1%eth0]:443"),
    ("[fe80::1%a b]:22", "space in a target"),
    ("host:80:90", "[::1]:443"),
    ("host%20name:80", "[fe80::1%eth0]:22"),
    ("010.1.1.1:80", "octal", "10.1.1.1:443"),
    ("256.1.1.1:80", "255"),
    ("1.2.3:80", "3 numbers, not four"),
    ("1.2.3.4.5:80", "5 numbers, not four"),
    ("0x7f.0.0.1:80", "decimal"),
    ("10.0.0.5.:22", "10.0.0.5:443"),
    ("2130706433:80", "10.0.0.5:22"),
    ("host:0", "1-65535"),
    ("host:65536", "1-65535"),
    ("host:" + "9" * 5000, "1-65535"),
    ("host:80-22", "22-80"),
    ("host:0-5", "1-65535"),
    ("host:60000-70000", "1-65535"),
    ("host:22,,80", "host:22,80"),
    ("host:22,", "host:22,80"),
    ("host:-80", "host:8000-8010"),
    ("host:22-", "host:8000-8010"),
    ("host:+80", "host:443"),
    ("host:８０", "host:443"),
    ("host:htpps", "https"),
    ("host:tftp", "udp://host:tftp"),
    ("udp://host:ssh", "tcp://host:ssh"),
    ("a:80,b:443", "a:80"),
    ("a:80 b:443", "host:22 host:443"),
    ("ho st:80", "host:22 host:443"),
    ("host\u200b:80", "U+200B"),
    ("host\x1b[2J:80", "U+001B"),
    ("ex\u202eample:80", "U+202E"),
    ("h\u0378st:80", "U+0378"),
    ("*.example.com:443", "'*'"),
    ("ho,st:80", "','"),
    ("host..example:80", "www.example.com:443"),
    (".:80", "www.example.com:443"),
    (".example:80", "www.example.com:443"),
    ("-host:80", "hyphen"),
    ("a" * 64 + ".example:80", "63"),
    ("ü" * 60 + ".example:80", "63"),
    (".".join(["a" * 60] * 5) + ":80", "253"),
    ("h" * 9000 + ":80", "8192"),
    ("host:443/path?token=secret", "https://host:443/"),
    ("host/path?token=secret", "https://host/"),
    ("postgres://u:se/secret@host:5432/db", "postgres://host:port"),
    ("https://u:secret#x@host", "https://host:port"),
    ("https://u:p@secret/rest@host", "https://host:port"),
    ("DOMAIN\\user@host:22", "host:port"),
    ("\u0308a.example:80", "accent"),
    ("a→b.example:443", "U+2192"),
    ("foo\ud800:80", "U+D800"),
]


@pytest.mark.parametrize(("text", "says"), [(text, says) for text, *says in MISTAKES])
def test_mistakes_get_one_sentence(text: str, says: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        parse(text)
    message = str(error.value)
    for part in says:
        assert part in message
    assert "secret" not in message
    assert message.isprintable()
    assert len(message) < 320
    assert message[0].islower() or message[0] == "'"
    assert not message.endswith(".") or text.endswith(".")


@pytest.mark.parametrize(
    ("text", "host", "port", "stored"),
    [
        (":8080", "*", 8080, ":8080"),
        ("8080", "*", 8080, ":8080"),
        ("*:8080", "*", 8080, "*:8080"),
        ("https", "*", 443, ":443"),
        (":https", "*", 443, ":443"),
        ("[::]:8080", "::", 8080, "[::]:8080"),
        ("[::1]:8080", "::1", 8080, "[::1]:8080"),
        ("[fe80::1]:8080", "fe80::1", 8080, "[fe80::1]:8080"),
        ("127.0.0.1:80", "127.0.0.1", 80, "127.0.0.1:80"),
        ("localhost:8080", "localhost", 8080, "localhost:8080"),
        ("tcp://:8080", "*", 8080, "tcp://:8080"),
        ("udp://:5353", "*", 5353, "udp://:5353"),
        ("udp://5353", "*", 5353, "udp://:5353"),
        ("udp://127.0.0.1:mdns", "127.0.0.1", 5353, "udp://127.0.0.1:5353"),
    ],
)
def test_bind(text: str, host: str, port: int, stored: str) -> None:
    target = parse_bind(text).target
    assert (target.host, target.port, target.input, target.stages) == (host, port, stored, ("bind",))
    assert target.transport == ("udp" if text.startswith("udp") else "tcp")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("0", "65535"),
        (":65536", "65535"),
        ("localhost", "localhost:8080"),
        ("127.0.0.1", "127.0.0.1:8080"),
        ("[::1]", "[::1]:8080"),
        ("::1:8080", "[::1]:8080"),
        (":::8080", "[::]:8080"),
        (":80,81", "more than one port"),
        (":80-90", "more than one port"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("127.0.0.1:80/x", "127.0.0.1:8080"),
        ("256.0.0.1:80", "255"),
    ],
)
def test_bind_mistakes(text: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_bind(text)
    assert says in str(error.value)


def test_lines_of_a_file() -> None:
    text = "\ufeffhost:22\r\n\n# all of it\n  web:80,443   # the shop\nhttps://host/#top\nbroken\n\t\n#host:1"
    read = list(read_lines(text.split("\n")))
    assert [number for number, _ in read] == [1, 4, 5, 6]
    first, second, third, fourth = (asked for _, asked in read)
    assert not isinstance(first, UsageError)
    assert first[0].target.host == "host"
    assert not isinstance(second, UsageError)
    assert [a.target.port for a in second] == [80, 443]
    assert not isinstance(third, UsageError)
    assert third[0].target.input == "https://host"
    assert isinstance(fourth, UsageError)


def test_two_words_on_a_line_are_host_and_port() -> None:
    read = [asked for _, asked in read_lines(["db 5432", "[::1] 22", "host:22 80", "a b"])]
    assert [a if isinstance(a, UsageError) else (a[0].target.host, a[0].target.port) for a in read[:2]] == [
        ("db", 5432), ("::1", 22),
    ]  # fmt: skip
    assert all("space in a target" in str(error) for error in read[2:])


@pytest.mark.parametrize(
    ("text", "alias", "shown"),
    [
        ("db=10.0.0.5:22", "db", "10.0.0.5:22"), ("a.b-c_1=https://host", "a.b-c_1", "https://host"),
        ("bücher=host:1", "bücher", "host:1"), ("https://host/?a=b", None, "https://host"),
    ],
)  # fmt: skip
def test_an_alias_is_no_part_of_the_target(text: str, alias: str | None, shown: str) -> None:
    assert (one(text).target.alias, one(text).target.input) == (alias, shown)


@pytest.mark.parametrize("text", ["=host:1", "db=", "a b=host:1", "-x=host:1", f"{'x' * 65}=host:1", "‮db=host:1"])
def test_what_is_no_alias(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize("text", ["a:1", "/x", "https://a", "10.0.0.5", "::1", "db=10.0.0.5", "db=host:1", ":"])
def test_what_can_only_be_a_target(text: str) -> None:
    assert looks_like_target(text)


@pytest.mark.parametrize("text", ["check", "chekc", "host", "example.com", "10.0.0", "443", "", "-q", "db=host"])
def test_what_may_be_a_command(text: str) -> None:
    assert not looks_like_target(text)


def test_ports_apart_from_their_target() -> None:
    found = [t if isinstance(t, UsageError) else [a.target.input for a in t] for t in targets_in(["a", "1,3-4", "b:2"])]
    assert found == [["a:1", "a:3", "a:4"], ["b:2"]]
    (both,) = targets_in(["a:1"], "2")
    assert str(both) == "port given twice: write a:1 or -p 2"


# ---------------------------------------------------------------- properties

pieces = st.sampled_from(
    ["host", "example.com", "10.0.0.5", "[::1]", "[fe80::1%eth0]", "::1", ":", ":443", "://", "https://", "udp://", "@",
     "/", "?", "#", ",", "-", "80-90", "https", "%", "[", "]", "\\", " ", "ü", "\u202e", "\x00", "999", ".", "\ud800"]
)  # fmt: skip
typed = st.one_of(st.text(), st.lists(pieces, max_size=8).map("".join))


def _error_of(read: Callable[[str], object], text: str) -> str:
    """Return the message of a UsageError, "" when there is none; anything else is raised."""
    try:
        read(text)
    except UsageError as error:
        return str(error)
    return ""


@given(typed)
def test_any_text_is_targets_or_one_usage_error(text: str) -> None:
    for read in (parse, parse_bind):
        assert _error_of(read, text).isprintable()


names = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9](\.[a-z][a-z0-9]{0,10}){0,3}", fullmatch=True)
v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).filter(lambda a: not a.is_link_local).map(lambda a: f"[{a}]")


@given(st.one_of(names, v4, v6), st.integers(1, 65535))
def test_host_and_port_come_back(host: str, port: int) -> None:
    target = one(f"{host}:{port}").target
    assert target.port == port
    assert target.host in (host, host.strip("[]")) or ":" in target.host
    assert target.input == f"{host}:{port}"
    assert one(target.input).target == target


# A secret with letters that stand in no host or scheme here, so that finding one of them is a leak.
secrets = st.text(st.sampled_from(string.ascii_uppercase + "!$&'()*+,;=:@%~"), min_size=1).map(lambda s: f"QX{s}XQ")
queries = secrets.filter(lambda s: "@" not in s)  # an @ there may be the end of a password with a / in it: refused


@given(st.sampled_from(sorted(SCHEMES)), secrets, secrets, queries, st.booleans())
def test_no_credentials_are_stored(scheme: str, user: str, password: str, query: str, with_port: bool) -> None:
    text = f"{scheme}://{user}:{password}@host{':4711' if with_port else ''}/{query}?{query}#{query}"
    asked = one(text)
    assert "Q" not in repr(asked.target)
    assert asked.target.host == "host"


@given(st.sampled_from(sorted(SCHEMES)), st.text(st.sampled_from("Q/?#@:\\ \t"), min_size=1))
def test_no_credentials_are_shown(scheme: str, password: str) -> None:
    """Whatever stands in a password, neither the stored target nor the sentence about it has the password."""
    text = f"{scheme}://user:QQ{password}QQ@host/"
    message = _error_of(parse, text)
    assert "Q" not in message
    if not message:
        assert "Q" not in repr([a.target for a in parse(text)])
