"""Recognises the protocol of a peer by its first bytes. Pure and total: any bytes give a name or None.

Sources: the RFC of each protocol (4253 SSH, 5321 SMTP, 959 FTP, 9051 IMAP, 1939 POP3, 854 Telnet, 8446 TLS, 9112 and
9113 HTTP, 4511 LDAP, 4271 BGP, 8489 STUN, 9000 QUIC), and the wire format that each server's manual publishes.
"""

from __future__ import annotations

import re

from .protocols import PROTOCOLS, pattern

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"SSH-", "ssh"), (b"Exceeded MaxStartups", "ssh"), (b"Not allowed at this time", "ssh"),
    (b"HTTP/", "http"), (b"RTSP/", "rtsp"), (b"SIP/2.0", "sip"),
    (b"NOTIFY * HTTP/", "ssdp"), (b"M-SEARCH * HTTP/", "ssdp"),
    (b"* OK", "imap"), (b"* BYE", "imap"), (b"* PREAUTH", "imap"), (b"+OK", "pop3"),
    (b"RFB 0", "rfb"), (b"AMQP", "amqp"), (b"@RSYNCD:", "rsync"), (b"( success (", "svn"), (b"INFO {", "nats"),
    (b"-ERR '", "nats"), (b'"IMPLEMENTATION"', "sieve"), (b"JDWP-Handshake", "jdwp"), (b"CNXN", "adb"),
    (b"ZBXD", "zabbix"), (b"VERSION ", "memcache"), (b"STAT ", "memcache"), (b"ERROR\r\n", "memcache"),
    (b"CLIENT_ERROR ", "memcache"), (b"SERVER_ERROR ", "memcache"), (b"+PONG", "redis"), (b"-NOAUTH", "redis"),
    (b"-DENIED", "redis"), (b"-LOADING", "redis"), (b"-MISCONF", "redis"), (b"-WRONGPASS", "redis"),
    (b"-NOPERM", "redis"), (b"-MASTERDOWN", "redis"), (b"imok", "zookeeper"), (b"This ZooKeeper", "zookeeper"),
    (b"NOTICE AUTH", "irc"), (b"NOTICE * :", "irc"), (b"ERROR :", "irc"), (b"PING :", "irc"),
    (b"EFATAL:", "postgresql"), (b" !\"#$%&'()*+,-./", "chargen"), (b"\xff" * 16, "bgp"),
)  # fmt: skip

# What only a mail server or only a file server writes in a greeting, in lower case. A host may be called mail or ftp.
_MAIL = re.compile(rb"smtp|postfix|exim|sendmail|haraka|^([45])\d\d[ -]\1\.\d{1,3}\.\d{1,3}\b")  # RFC 5321, RFC 3463
_FILES = re.compile(rb"ftpd|ftp serv|filezilla|file transfer|serv-u|^\d{3}[ -]\S+ .*\bftp\b")
_DOMAIN = re.compile(rb"(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*")
_NEWS = (b"nntp", b"news", b"posting", b"inn ", b"innd")
_REDIS_ERRORS = (
    b"unknown command", b"wrong number", b"protocol error", b"max number", b"not permitted", b"syntax error",
    b"operation not", b"invalid password", b"client sent auth", b"unauthenticated", b"value is not",
)  # fmt: skip
_NAMED = ("smtp", "ftp", "nntp")  # recognised by words in the text of a reply code, not by the code


def protocol_of(first_bytes: bytes, expected: str | None = None) -> str | None:
    """Return the protocol of a peer's first bytes, a name as in `Service.protocol`; None if it is not recognised.

    Where several protocols may begin with these bytes, it is the expected one if that is among them. Also "html" (a
    page without an HTTP header), and "smtp-or-ftp" and "pop3-or-redis" for what fits both. A single N or S is
    PostgreSQL's response to an SSLRequest.
    """
    data = first_bytes[:4096]
    if not data:
        return None
    seen = next((name for start, name in _STARTS if data.startswith(start)), None) or _binary(data) or _text(data)
    if expected is None or seen == expected or seen in _NAMED:
        return seen
    opens = pattern(expected, "opens")
    return expected if opens is not None and opens.match(data) else seen


def spoken(protocol: str) -> str:
    """Return the display name of a protocol."""
    return PROTOCOLS[protocol].title if protocol in PROTOCOLS else protocol


def fits(expected: str, seen: str) -> bool:
    """Return whether the recognised protocol can be the expected one."""
    return expected == seen or (expected, seen) in {("http", "http2"), ("http", "html"), ("dns", "tls")}


def _number(data: bytes, start: int, size: int, *, little: bool = False) -> int:
    """Return the unsigned number in `size` bytes at `start`; -1 when the data is shorter."""
    part = data[start : start + size]
    return int.from_bytes(part, "little" if little else "big") if len(part) == size else -1


def _binary(data: bytes) -> str | None:
    """Recognise binary protocols."""
    size = len(data)
    second = data[1] if size > 1 else -1
    if size == 1 and data in b"NS":
        return "postgresql"
    if data[0] in (20, 21, 22, 23, 24) and second == 3 and size >= 3 and data[2] <= 4:
        return "tls"
    if data[0] == 0xFF and 0xFB <= second <= 0xFE:
        return "telnet"
    if size == 2 and data[0] == 5 and second in (0, 1, 2, 0xFF):
        return "socks"
    if size == 8 and data[0] == 0 and 0x5A <= second <= 0x5D:
        return "socks"
    if size < 4:
        return None
    return _database(data) or _network(data) or _other(data)


def _database(data: bytes) -> str | None:
    """Recognise the protocols of databases: their packets begin with a length."""
    size = len(data)
    little = _number(data, 0, 4, little=True)
    if size >= 6 and data[2] == 0 and data[3] == 0 and data[4] == 10 and data[5:6].isdigit():
        return "mysql"  # the greeting: sequence 0, protocol version 10, then the version as text
    if size >= 7 and data[1] <= 2 and data[2] == 0 and data[3] == 0 and data[4] == 0xFF and _number(data, 0, 3) > 0:
        return "mysql"  # an error in place of the greeting, "Host … is not allowed to connect"
    if data[4:5] == b"\x0b" and 2 <= little <= 64 and size >= 7 and data[5] == 8:
        return "mysqlx"
    if data[0] in b"ERNSZv" and 4 <= _number(data, 1, 4) <= 30000 and size >= 6 and _postgres_body(data):
        return "postgresql"
    if _number(data, 12, 4, little=True) in (1, 2012, 2013) and 16 <= little <= 48_000_000:
        return "mongodb"
    if data[0] == 4 and data[1] == 1 and size >= 8 and 8 <= _number(data, 2, 2) <= 32767 and data[6:8] == b"\x01\x00":
        return "tds"
    if size >= 8 and _number(data, 0, 2) == size and data[2:4] == b"\0\0" and data[4] in (2, 4, 5, 11):
        return "tns"
    return _ber(data)


def _postgres_body(data: bytes) -> bool:
    """Return whether a PostgreSQL message has a valid body: typed fields, or an authentication request's number."""
    if data[0] in b"EN":
        return data[5:6] in (b"S", b"V", b"C", b"M")
    return data[0] in b"Rv" and 0 <= _number(data, 5, 4) <= 12


def _ber(data: bytes) -> str | None:
    """Recognise LDAP (RFC 4511) and SNMP (RFC 3416): a BER sequence of a number and an operation or a community."""
    if data[0] != 0x30:
        return None
    at = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
    if at > 6 or data[at : at + 1] != b"\x02":
        return None
    length = _number(data, at + 1, 1)
    if not 1 <= length <= 4:
        return None
    number, tag = _number(data, at + 2, length), _number(data, at + 2 + length, 1)
    if tag in (0x61, 0x64, 0x65, 0x78):
        return "ldap"
    return "snmp" if (number in (0, 1) and tag == 0x04) or (number == 3 and tag == 0x30) else None


def _network(data: bytes) -> str | None:
    """Recognise DNS, NTP, QUIC and STUN, mostly in one datagram."""
    size = len(data)
    if data[4:8] == b"\x21\x12\xa4\x42" and data[0] < 4:
        return "stun"  # the magic cookie of RFC 8489
    if data[0] & 0x80 and data[1:5] == b"\0\0\0\0" and size >= 7 and data[5] <= 20:
        return "quic"  # version negotiation, RFC 9000 section 17.2.1
    if size in (48, 68) and data[0] & 7 == 4 and 1 <= data[0] >> 3 & 7 <= 4 and data[1] <= 16 and data[2] <= 17:
        return "ntp"
    if _dns(data) or (_number(data, 0, 2) >= 12 and _number(data, 0, 2) >= size - 2 and _dns(data[2:])):
        return "dns"
    return None


def _dns(data: bytes) -> bool:
    """Return whether this is a DNS response (RFC 1035 section 4.1.1) with one question and plausible counts."""
    if len(data) < 12 or data[2] & 0xF8 != 0x80 or data[3] & 0x40:
        return False
    return _number(data, 4, 2) == 1 and all(_number(data, at, 2) < 100 for at in (6, 8, 10))


def _other(data: bytes) -> str | None:
    size = len(data)
    if data[4:8] in (b"\xffSMB", b"\xfeSMB"):
        return "smb"
    if data[:2] == b"\x03\x00" and 7 <= _number(data, 2, 2) <= 64 and data[5:6] == b"\xd0":
        return "rdp"  # an X.224 connection confirm in a TPKT packet
    if data[:3] == b"\x01\x00\x00" and data[7:11] == b"\x00\x0a\x00\x0a":
        return "amqp"  # AMQP 0-9-1 connection.start
    if size >= 9 and data[3] in (4, 7) and data[4] <= 1 and data[5:9] == b"\0\0\0\0" and _number(data, 0, 3) <= 16384:
        return "http2"  # SETTINGS or GOAWAY on stream 0, RFC 9113
    if data[0] == 0x20 and data[1] == size - 2 and data[2] <= 1 and size <= 128 and data[3] < 0xA4:
        return "mqtt"  # CONNACK
    if data[:2] == b"AB" and size >= 5 and 1 <= _number(data, 2, 2) <= 8192 and data[4] in (3, 4, 5, 6, 9):
        return "ajp13"
    if size >= 8 and data[0] <= 2 and data[2:6] in (b"\x0b\0\0\0", b"\0\x0b\0\0"):
        return "x11"
    if data[0] == 0x81 and size >= 24 and data[1] <= 0x22 and data[5] == 0:
        return "memcache"
    return None


def _text(data: bytes) -> str | None:
    """Recognise protocols of text lines."""
    start = data[:1024]
    low = start.lower()
    line = low.split(b"\n", 1)[0]
    if b"\nSSH-" in start:
        return "ssh"  # RFC 4253 section 4.2 allows lines before the version
    if low.lstrip().startswith((b"<!doctype html", b"<html", b"<head", b"<title")):
        return "html"
    if b"<stream:stream" in low or b"jabber:" in line:
        return "xmpp"
    if line[:3].isdigit() and line[3:4] in (b" ", b"-", b"\r", b""):
        return _coded(line[:3], low)
    if line.startswith(b"-err "):
        if line.startswith((b"-err [sys/", b"-err [auth]", b"-err [in-use]", b"-err [login-delay]")):
            return "pop3"  # RFC 2449, RFC 3206
        return "redis" if any(word in line for word in _REDIS_ERRORS) else "pop3-or-redis"
    if line[:1] in (b"*", b"$", b":") and line[1:].strip(b"\r").isdigit() and line.endswith(b"\r"):
        return "redis"
    if line.startswith(b":") and (b" notice " in line or b" 001 " in line):
        return "irc"
    if len(data) >= 8 and _hexadecimal(data[:4]) and data[4:8] == b"ERR ":
        return "git"
    if low.rstrip().endswith((b"login:", b"username:", b"user name:", b"password:")) and len(data) < 1024:
        return "telnet"
    return None


def _coded(code: bytes, low: bytes) -> str | None:
    """Recognise protocols with three-digit reply codes: SMTP, FTP and NNTP share them, so the text must decide."""
    if code in (b"200", b"201", b"400", b"502") and any(word in low for word in _NEWS):
        return "nntp"
    if code in (b"220", b"421", b"530", b"550", b"554", b"500"):
        text = _DOMAIN.sub(b"", low)
        if _MAIL.search(low if low[:1] in b"45" else text):
            return "smtp"
        return "ftp" if _FILES.search(text) else "smtp-or-ftp"
    return None


def _hexadecimal(data: bytes) -> bool:
    return all(c in b"0123456789abcdefABCDEF" for c in data)
