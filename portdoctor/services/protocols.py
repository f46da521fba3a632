"""The protocols that PortDoctor recognises: their names for people, ambiguous openings, and error responses. Data only.

Sources: the RFC of each protocol, or the manual of the server that is its reference.
"""

from __future__ import annotations

import functools
import re
from typing import Literal

from ..model import Value


class Protocol(Value, frozen=True):
    """One protocol. `title` is its name for people.

    `opens` is a pattern of the first bytes that it permits, where other protocols use them too or it permits any text
    after them: where this protocol is expected, they are its own. `errors` is a pattern of first bytes that are an
    error response of the service. Both are regular expressions of bytes, matched at the start; "" for none.
    """

    title: str
    opens: bytes = b""
    errors: bytes = b""


_P = Protocol
_CODE = rb"(?:[ \r\n-]|$)"  # what follows a reply code
_REFUSED = rb"[45]\d\d[ -]"

PROTOCOLS: dict[str, Protocol] = {
    "adb": _P("Android debugging (ADB)"),
    "ajp13": _P("AJP"),
    "amqp": _P("AMQP"),
    "bgp": _P("BGP"),
    "chargen": _P("chargen (RFC 864)"),
    "dns": _P("DNS"),
    "ftp": _P("FTP", rb"(?:[12]20|[45]\d\d)" + _CODE, _REFUSED),
    "git": _P("git"),
    "html": _P("a web page without an HTTP header"),
    "http": _P("HTTP", errors=rb"HTTP/\d(?:\.\d)? (?:5\d\d|407|421|429)"),
    "http2": _P("HTTP/2"),
    "imap": _P("IMAP", rb"\* (?:OK|BYE|PREAUTH|NO|BAD)\b", rb"\* (?:BYE|NO|BAD)\b"),
    "irc": _P("IRC", rb":|NOTICE |ERROR |PING ", rb"ERROR :"),
    "jdwp": _P("Java debugging (JDWP)"),
    "ldap": _P("LDAP"),
    "memcache": _P("memcached", rb"(?:ERROR|SERVER_ERROR|CLIENT_ERROR|VERSION|STAT)\b", rb"SERVER_ERROR|ERROR \S"),
    "mongodb": _P("MongoDB"),
    "mqtt": _P("MQTT", errors=rb"\x20\x02.\x03"),  # CONNACK 3: server unavailable
    "mysql": _P("MySQL", errors=rb"...[\0-\2]\xff"),
    "mysqlx": _P("MySQL X"),
    "nats": _P("NATS", rb"INFO |-ERR|\+OK|PING", rb"-ERR"),
    "nntp": _P("NNTP", rb"(?:20[01]|[45]\d\d)" + _CODE, _REFUSED),
    "ntp": _P("NTP"),
    "pop3": _P("POP3", rb"\+OK|-ERR", rb"-ERR"),
    "pop3-or-redis": _P("POP3, Redis or a similar protocol", errors=rb"-ERR"),
    # SQLSTATE: shutting down, resources, system, internal
    "postgresql": _P("PostgreSQL", errors=rb"E.*\0C(?:57P|53|58|XX)"),
    "quic": _P("QUIC"),
    "rdp": _P("remote desktop (RDP)"),
    # The error of a command that requires a login means that the service works.
    "redis": _P("Redis", rb"-[A-Z]|\+OK\r|[$:*]\d", rb"-(?!NOAUTH|NOPERM|WRONGPASS|ERR operation not permitted)"),
    "rfb": _P("VNC (RFB)"),
    "rsync": _P("rsync", errors=rb"@ERROR"),
    "rtsp": _P("RTSP"),
    "sieve": _P("ManageSieve", rb'"[A-Z]+"|(?:OK|NO|BYE)\b', rb"(?:NO|BYE)\b"),
    "sip": _P("SIP"),
    "smb": _P("Windows file sharing (SMB)"),
    "smtp": _P("SMTP", rb"(?:220|[45]\d\d)" + _CODE, _REFUSED),
    "smtp-or-ftp": _P("SMTP or FTP", errors=_REFUSED),
    "snmp": _P("SNMP"),
    "socks": _P("SOCKS"),
    "ssdp": _P("SSDP"),
    "ssh": _P("SSH", errors=rb"(?:[^\n]*\n)*?(?:Exceeded MaxStartups|Not allowed at this time)"),
    "stun": _P("STUN"),
    "svn": _P("Subversion", rb"\( (?:success|failure) \(", rb"\( failure \("),
    "tds": _P("Microsoft SQL (TDS)"),
    "telnet": _P("Telnet", rb"\s*(?:\d|[-+*:]|ERROR|PING|NOTICE)"),  # any text may be its banner
    "tls": _P("TLS"),
    "tns": _P("Oracle (TNS)"),
    "x11": _P("X11"),
    "xmpp": _P("XMPP"),
    "zabbix": _P("Zabbix"),
    "zookeeper": _P("ZooKeeper"),
}


@functools.cache
def pattern(protocol: str, field: Literal["opens", "errors"]) -> re.Pattern[bytes] | None:
    """Return the compiled pattern of a protocol, None without one. Case is ignored, and a dot is any byte."""
    source: bytes = getattr(PROTOCOLS[protocol], field) if protocol in PROTOCOLS else b""
    return re.compile(source, re.I | re.S) if source else None
