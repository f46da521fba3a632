"""The known services: their ports, protocol, TLS, greeting, and which side sends first. Data only.

A Python table instead of TOML: its byte code loads in less than a millisecond, tomllib alone takes more than ten.
Sources: the RFC of each protocol, or the manual of the server that is its reference.
"""

from __future__ import annotations

from typing import Literal

from ..model import Transport, Value

First = Literal["server", "client", "silent", "unknown"]


class Service(Value, frozen=True):
    """One service.

    `name` is the IANA name, or PortDoctor's own where the registry has none; `ports` are its registered or, for other
    names, its default ports; `also` are further ports that it commonly uses. `protocol` is a name as of `protocol_of`
    (inside TLS when `tls`). `first`: which side sends data first (inside TLS when `tls`): "server", "client", "silent"
    (the server never responds, or only to configured clients) or "unknown". `tls`: TLS from the first byte.
    `starttls`: the command or request that upgrades plaintext to TLS, "" without one. `greets` describes the first data
    of the server. `schemes` are its URL schemes. `registered`: the registry has this name for `ports`.
    `ours`: the service is in this table; False when only its registered name is known.
    """

    name: str
    title: str
    ports: tuple[int, ...]
    protocol: str = ""
    first: First = "unknown"
    transports: tuple[Transport, ...] = ("tcp",)
    tls: bool = False
    starttls: str = ""
    greets: str = ""
    also: tuple[int, ...] = ()
    schemes: tuple[str, ...] = ()
    registered: bool = True
    ours: bool = True


_BOTH: tuple[Transport, ...] = ("tcp", "udp")
_UDP: tuple[Transport, ...] = ("udp",)
_HTTP = "responds to a request with HTTP/1.1 and a status"
_S = Service

SERVICES: tuple[Service, ...] = (
    # the web
    _S("http", "Web (HTTP)", (80,), "http", "client", greets=_HTTP, schemes=("http", "ws")),
    _S("https", "Web over TLS (HTTPS)", (443,), "http", "client", tls=True, greets=_HTTP, also=(8443, 6443, 9443),
       schemes=("https", "wss")),
    _S("http-alt", "Web, alternative port (HTTP)", (8080, 8008, 591), "http", "client", greets=_HTTP),
    _S("ipp", "Printing (IPP, CUPS)", (631,), "http", "client", greets=_HTTP),
    _S("wsman", "Windows remote management (WinRM)", (5985,), "http", "client", greets=_HTTP),
    _S("wsmans", "Windows remote management over TLS (WinRM)", (5986,), "http", "client", tls=True, greets=_HTTP),
    _S("couchdb", "CouchDB", (5984,), "http", "client", greets=_HTTP),
    _S("docker", "Docker API without TLS", (2375,), "http", "client", greets=_HTTP),
    _S("docker-s", "Docker API over TLS", (2376,), "http", "client", tls=True, greets=_HTTP),
    _S("quic", "Web over QUIC (HTTP/3)", (443,), "quic", "client", transports=_UDP, registered=False),
    # shells and files
    _S("ssh", "Secure Shell", (22,), "ssh", "server", greets="SSH-2.0- and the server's version", also=(2222,),
       schemes=("ssh", "sftp")),
    _S("telnet", "Telnet", (23,), "telnet", "server", greets="option bytes (IAC, ff) or a login prompt"),
    _S("ftp", "File transfer (FTP)", (21,), "ftp", "server", starttls="AUTH TLS", greets="220 and a greeting",
       schemes=("ftp",)),
    _S("ftps", "File transfer over TLS (FTPS)", (990,), "ftp", "server", tls=True, greets="220 and a greeting",
       schemes=("ftps",)),
    _S("tftp", "Trivial file transfer", (69,), "tftp", "client", transports=_UDP),
    _S("rsync", "rsync daemon", (873,), "rsync", "server", greets="@RSYNCD: and a version"),
    _S("svn", "Subversion", (3690,), "svn", "server", greets="( success ( 2 2"),
    _S("git", "git daemon", (9418,), "git", "client",
       greets="responds to a request with lines that begin with four hex digits"),
    _S("nfs", "Network file system (NFS)", (2049,), "", "client", transports=_BOTH),
    _S("sunrpc", "RPC port mapper", (111,), "", "client", transports=_BOTH),
    _S("microsoft-ds", "Windows file sharing (SMB)", (445,), "smb", "client"),
    _S("netbios-ssn", "Windows file sharing over NetBIOS", (139,), "smb", "client"),
    _S("epmap", "Windows RPC endpoint mapper", (135,), "", "client"),
    _S("printer", "Line printer daemon", (515,), "", "client"),
    # mail and messages
    _S("smtp", "Mail transfer (SMTP)", (25,), "smtp", "server", starttls="STARTTLS", greets="220, a name and ESMTP",
       also=(2525,), schemes=("smtp",)),
    _S("submission", "Mail submission (SMTP)", (587,), "smtp", "server", starttls="STARTTLS",
       greets="220, a name and ESMTP"),
    _S("submissions", "Mail submission over TLS (SMTPS)", (465,), "smtp", "server", tls=True,
       greets="220, a name and ESMTP", schemes=("smtps",)),
    _S("pop3", "Mail retrieval (POP3)", (110,), "pop3", "server", starttls="STLS", greets="+OK and a greeting",
       schemes=("pop3",)),
    _S("pop3s", "Mail retrieval over TLS (POP3S)", (995,), "pop3", "server", tls=True, greets="+OK and a greeting",
       schemes=("pop3s",)),
    _S("imap", "Mailboxes (IMAP)", (143,), "imap", "server", starttls="STARTTLS", greets="* OK and the capabilities",
       schemes=("imap",)),
    _S("imaps", "Mailboxes over TLS (IMAPS)", (993,), "imap", "server", tls=True, greets="* OK and the capabilities",
       schemes=("imaps",)),
    _S("sieve", "Mail filters (ManageSieve)", (4190,), "sieve", "server", starttls="STARTTLS",
       greets='"IMPLEMENTATION" and further capabilities'),
    _S("nntp", "News (NNTP)", (119,), "nntp", "server", starttls="STARTTLS", greets="200 or 201 and a greeting"),
    _S("nntps", "News over TLS (NNTPS)", (563,), "nntp", "server", tls=True, greets="200 or 201 and a greeting"),
    _S("ircu", "Internet relay chat", (6667, 6665, 6666, 6668, 6669), "irc", "client",
       greets="often NOTICE lines while it looks up the client"),
    _S("ircs-u", "Internet relay chat over TLS", (6697,), "irc", "client", tls=True,
       greets="often NOTICE lines while it looks up the client"),
    _S("xmpp-client", "Messaging (XMPP), clients", (5222,), "xmpp", "client", starttls="STARTTLS"),
    _S("xmpp-server", "Messaging (XMPP), servers", (5269,), "xmpp", "client", starttls="STARTTLS"),
    _S("mqtt", "Device messaging (MQTT)", (1883,), "mqtt", "client", greets="responds to CONNECT with CONNACK (20 02)",
       schemes=("mqtt",)),
    _S("secure-mqtt", "Device messaging over TLS (MQTT)", (8883,), "mqtt", "client", tls=True,
       greets="responds to CONNECT with CONNACK (20 02)", schemes=("mqtts",)),
    _S("amqp", "Message queue (AMQP, RabbitMQ)", (5672,), "amqp", "client",
       greets="responds to the AMQP header with a start frame", schemes=("amqp",)),
    _S("amqps", "Message queue over TLS (AMQP, RabbitMQ)", (5671,), "amqp", "client", tls=True,
       greets="responds to the AMQP header with a start frame", schemes=("amqps",)),
    _S("nats", "NATS message server", (4222,), "nats", "server", greets="INFO and a JSON object", registered=False),
    _S("kafka", "Apache Kafka broker", (9092,), "", "client", registered=False),
    _S("sip", "Telephony (SIP)", (5060,), "sip", "client", transports=_BOTH,
       greets="responds with SIP/2.0 and a status"),
    _S("sips", "Telephony over TLS (SIP)", (5061,), "sip", "client", tls=True),
    # databases and caches
    _S("postgresql", "PostgreSQL database", (5432,), "postgresql", "client", starttls="SSLRequest",
       greets="responds to SSLRequest with S or N", also=(5433, 6432), schemes=("postgres", "postgresql")),
    _S("mysql", "MySQL or MariaDB database", (3306,), "mysql", "server", starttls="an SSL request packet",
       greets="a packet with protocol version 10 and the server's version", also=(3307,), schemes=("mysql", "mariadb")),
    _S("mysqlx", "MySQL X protocol", (33060,), "mysqlx", "server", starttls="the capability tls"),
    _S("ms-sql-s", "Microsoft SQL Server", (1433,), "tds", "client", starttls="PRELOGIN"),
    _S("ms-sql-m", "Microsoft SQL Server browser", (1434,), "", "client", transports=_UDP),
    _S("oracle-tns", "Oracle database listener (TNS)", (1521,), "tns", "client", registered=False),
    _S("redis", "Redis cache and store", (6379,), "redis", "client", greets="responds to PING with +PONG or -NOAUTH",
       also=(6380,), schemes=("redis", "rediss")),
    _S("memcache", "memcached", (11211,), "memcache", "client", transports=_BOTH,
       greets="responds to version with VERSION"),
    _S("mongodb", "MongoDB database", (27017,), "mongodb", "client", also=(27018, 27019), schemes=("mongodb",)),
    _S("cassandra", "Apache Cassandra (CQL)", (9042,), "", "client", registered=False),
    _S("etcd-client", "etcd, clients", (2379,), "", "client", greets="gRPC over HTTP/2, often inside TLS"),
    _S("etcd-server", "etcd, peers", (2380,), "", "client"),
    _S("zookeeper", "Apache ZooKeeper", (2181,), "zookeeper", "client", registered=False),
    _S("ldap", "Directory (LDAP)", (389,), "ldap", "client", starttls="the StartTLS operation", schemes=("ldap",)),
    _S("ldaps", "Directory over TLS (LDAPS)", (636,), "ldap", "client", tls=True, schemes=("ldaps",)),
    _S("msft-gc", "Windows global catalogue (LDAP)", (3268,), "ldap", "client", starttls="the StartTLS operation"),
    _S("msft-gc-ssl", "Windows global catalogue over TLS (LDAP)", (3269,), "ldap", "client", tls=True),
    _S("kerberos", "Kerberos", (88,), "", "client", transports=_BOTH),
    # displays and streams
    _S("ms-wbt-server", "Windows remote desktop (RDP)", (3389,), "rdp", "client", starttls="the X.224 negotiation"),
    _S("rfb", "Remote screen (VNC)", (5900,), "rfb", "server", greets="RFB 003.008", also=(5901, 5902)),
    _S("x11", "X Window System", (6000,), "x11", "client", also=(6001, 6010)),
    _S("rtsp", "Streaming control (RTSP)", (554,), "rtsp", "client", greets="responds with RTSP/1.0 and a status",
       also=(8554,)),
    _S("ajp13", "Web server to Tomcat (AJP)", (8009,), "ajp13", "client", registered=False),
    # names, time, network
    _S("domain", "Name resolution (DNS)", (53,), "dns", "client", transports=_BOTH),
    _S("domain-s", "Name resolution over TLS (DNS)", (853,), "dns", "client", tls=True),
    _S("mdns", "Names on the local network (mDNS)", (5353,), "dns", "client", transports=_UDP),
    _S("llmnr", "Names on the local network (LLMNR)", (5355,), "dns", "client", transports=_BOTH),
    _S("ntp", "Time (NTP)", (123,), "ntp", "client", transports=_UDP),
    _S("snmp", "Device monitoring (SNMP)", (161,), "snmp", "client", transports=_UDP,
       greets="responds only to the right community or user"),
    _S("snmptrap", "Device alarms (SNMP traps)", (162,), "", "silent", transports=_UDP),
    _S("syslog", "System log", (514,), "", "silent", transports=_UDP),
    _S("syslog-conn", "System log over TCP", (601,), "", "silent", also=(514,)),
    _S("syslog-tls", "System log over TLS", (6514,), "", "silent", tls=True),
    _S("bootps", "DHCP server", (67,), "", "client", transports=_UDP),
    _S("bootpc", "DHCP client", (68,), "", "silent", transports=_UDP),
    _S("stun", "NAT discovery (STUN, TURN)", (3478,), "stun", "client", transports=_BOTH),
    _S("stuns", "NAT discovery over TLS (STUN, TURN)", (5349,), "stun", "client", tls=True),
    _S("ssdp", "Device discovery (UPnP)", (1900,), "ssdp", "client", transports=_UDP),
    _S("radius", "Network authentication (RADIUS)", (1812,), "", "silent", transports=_UDP),
    _S("radius-acct", "Network accounting (RADIUS)", (1813,), "", "silent", transports=_UDP),
    _S("isakmp", "IPsec key exchange (IKE)", (500,), "", "client", transports=_UDP),
    _S("ipsec-nat-t", "IPsec through NAT", (4500,), "", "client", transports=_UDP),
    _S("openvpn", "OpenVPN", (1194,), "", "client", transports=_BOTH),
    _S("wireguard", "WireGuard VPN", (51820,), "", "silent", transports=_UDP,
       greets="responds only to configured peers", registered=False),
    _S("pptp", "PPTP VPN", (1723,), "", "client"),
    _S("bgp", "Routing between networks (BGP)", (179,), "bgp", "client", greets="closes unless the peer is configured"),
    _S("socks", "SOCKS proxy", (1080,), "socks", "client"),
    # small services
    _S("echo", "Echo", (7,), "", "client", transports=_BOTH),
    _S("discard", "Discard", (9,), "", "silent", transports=_BOTH),
    _S("daytime", "Time of day as text", (13,), "", "server"),
    _S("qotd", "Quote of the day", (17,), "", "server"),
    _S("chargen", "Character generator", (19,), "", "server", greets="an endless stream of characters"),
    _S("time", "Time as a number", (37,), "", "server"),
    _S("nicname", "Whois", (43,), "", "client"),
    _S("finger", "Finger", (79,), "", "client"),
)

# scheme -> (service, default port, TLS from the first byte). target/parse.py has the pseudo-schemes tcp, tls and udp.
SCHEMES: dict[str, tuple[str, int, bool]] = {
    **{scheme: (s.name, s.ports[0], s.tls) for s in SERVICES for scheme in s.schemes},
    "rediss": ("redis", 6379, True),
}


def default_port(scheme: str) -> int | None:
    """The default port of a URL's scheme, None for a scheme without one."""
    return SCHEMES[scheme][1] if scheme in SCHEMES else None


# Common names -> names in the registry.
ALIASES: dict[str, str] = {
    "postgres": "postgresql", "pg": "postgresql", "mariadb": "mysql", "mssql": "ms-sql-s", "mongo": "mongodb",
    "memcached": "memcache", "rabbitmq": "amqp", "mqtts": "secure-mqtt", "rediss": "redis",
    "dns": "domain", "dot": "domain-s", "dhcp": "bootps", "whois": "nicname", "portmap": "sunrpc",
    "rdp": "ms-wbt-server", "vnc": "rfb", "smb": "microsoft-ds", "cifs": "microsoft-ds", "winrm": "wsman",
    "smtps": "submissions", "sftp": "ssh", "www": "http", "http3": "quic", "irc": "ircu", "ike": "isakmp",
    "cups": "ipp", "rpcbind": "sunrpc", "sqlserver": "ms-sql-s", "oracle": "oracle-tns", "ajp": "ajp13",
}  # fmt: skip
