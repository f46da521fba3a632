"""What programs print when a connection fails: words -> symptom, words -> target, words -> program. Tables only.

The first row that fits counts, so what is special stands before what is general.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..model import Stage, Symptom


class What(NamedTuple):
    """Words, in lower case, that name a symptom; its stage, and the causes that the words name themselves."""

    pattern: re.Pattern[str]
    symptom: Symptom
    stage: Stage
    hints: tuple[str, ...] = ()


class Tool(NamedTuple):
    """Words by which a program is known."""

    name: str
    pattern: re.Pattern[str]


def _what(words: str, symptom: Symptom, stage: Stage, *hints: str) -> What:
    # In lower case, for a lowered line: several times quicker than a search that ignores case.
    lowered = re.sub(r"\\.|[A-Z]", lambda m: m[0] if m[0][0] == "\\" else m[0].lower(), words)
    return What(re.compile(lowered), symptom, stage, hints)


WHAT: tuple[What, ...] = (
    # listening
    _what(r"port is already allocated|Only one usage of each socket address|\b10048\b|ERR_ADDRESS_IN_USE|EADDRINUSE"
          r"|address (is )?already in use|Address in use|Port \d+ (is|was) already in use|port \d+ is in use"
          r"|Ports are not available", "port-conflict", "bind"),
    _what(r"(bind|listen)\b.*(permission denied|EACCES|operation not permitted)|(permission denied|EACCES).*\b(bind"
          r"|listen)"
          r"|make_sock: could not bind.*\(13\)|forbidden by its access permissions|\b10013\b",
          "permission-denied", "bind", "bind.privileged-port"),
    _what(r"(bind|listen).*(cannot assign requested address|EADDRNOTAVAIL)|EADDRNOTAVAIL.*(bind|listen)"
          r"|Cannot assign requested address: make_sock", "address-unavailable", "bind", "bind.address-not-local"),
    # names
    _what(r"ERR_ICANN_NAME_COLLISION", "name-not-resolved", "dns", "dns.name-collision"),
    _what(r"lookup \S+( on \S+)?: (read udp .*)?i/o timeout|DNS_TIMED_OUT|DNS_PROBE_FINISHED_NO_INTERNET"
          r"|Resolving timed out|EAI_AGAIN|Temporary failure in name resolution|Try again \(lookup"
          r"|Could not contact DNS"
          r"|Could not resolve \(timed out\)|DNS request timed out", "name-not-resolved", "dns",
          "dns.resolver-silent", "dns.servfail"),
    _what(r"server misbehaving|SERVFAIL|DNS_SERVER_FAILED", "name-not-resolved", "dns", "dns.servfail"),
    _what(r"NXDOMAIN|ENOTFOUND|no such host|Name or service not known|nodename nor servname|Name does not resolve"
          r"|Could not resolve host(name)?\b|Couldn't resolve host|could not translate host name|UnknownHostException"
          r"|ERR_NAME_NOT_RESOLVED|NameResolutionError|gaierror|host not found in (upstream|resolver)|Unknown host"
          r"|getaddrinfo failed|\b11001\b|failed to lookup address information|unable to resolve host address"
          r"|The remote name could not be resolved|could not be resolved \(\d+: |EAI_NONAME|NS_ERROR_UNKNOWN_HOST"
          r"|Unknown MySQL server host|name resolution failed", "name-not-resolved", "dns", "dns.nxdomain"),
    _what(r"EAI_NODATA|No address associated with hostname|NO_ADDRESS|no data of requested type",
          "name-not-resolved", "dns", "dns.nodata"),
    # the proxy in between
    _what(r"ERR_PROXY_CONNECTION_FAILED|Proxy CONNECT aborted|Could not resolve proxy|Unable to connect to proxy"
          r"|proxyconnect tcp", "connection-refused", "tcp", "proxy.unreachable"),
    _what(r"407 from proxy|Proxy Authentication Required|ERR_PROXY_AUTH", "service-error", "http",
          "proxy.auth-required"),
    # certificates
    _what(r"certificate (has )?expired|CERT_DATE_INVALID|CERT_HAS_EXPIRED|SEC_E_CERT_EXPIRED|CERTIFICATE_EXPIRED"
          r"|certificate has expired or is not yet valid|NotAfter:|SEC_ERROR_EXPIRED", "tls-failed", "tls",
          "tls.cert-expired"),
    _what(r"certificate is not yet valid|CertificateNotYetValid", "tls-failed", "tls", "tls.cert-not-yet-valid"),
    _what(r"no alternative certificate subject name matches|Hostname mismatch|ERR_CERT_COMMON_NAME_INVALID"
          r"|certificate is (not )?valid for |doesn't match (host|either)|ALTNAME_INVALID|No subject alternative"
          r"|SSL_ERROR_BAD_CERT_DOMAIN|RemoteCertificateNameMismatch|does not match target host name",
          "tls-failed", "tls", "tls.cert-name-mismatch"),
    _what(r"self[- ]signed certificate|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT", "tls-failed", "tls",
          "tls.cert-self-signed"),
    _what(r"unable to get (local )?issuer certificate|unable to verify the first certificate|UNABLE_TO_(GET|VERIFY)"
          r"|PKIX path building failed|signed by unknown authority|ERR_CERT_AUTHORITY_INVALID|SEC_ERROR_UNKNOWN_ISSUER"
          r"|RemoteCertificateChainErrors|issuer is not recognized|UnknownIssuer", "tls-failed", "tls",
          "tls.chain-incomplete", "tls.cert-private-ca", "tls.intercepted"),
    _what(r"certificate (has been )?revoked|ERR_CERT_REVOKED", "tls-failed", "tls", "tls.cert-revoked"),
    # the handshake
    _what(r"wrong version number|WRONG_VERSION_NUMBER|does not look like a TLS handshake"
          r"|Unsupported or unrecognized SSL"
          r"|plaintext connection\?|server gave HTTP response to HTTPS client|packet length too long"
          r"|ERR_SSL_PROTOCOL_ERROR"
          r"|SSL_ERROR_RX_RECORD_TOO_LONG|record layer failure|frame size exceeds the limit|InvalidContentType",
          "tls-failed", "tls", "tls.plaintext-port"),
    _what(r"client sent an HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port", "wrong-protocol",
          "app", "tls.required-by-server"),
    _what(r"alert protocol version|unsupported protocol|VERSION_OR_CIPHER_MISMATCH|no protocols available"
          r"|UNSUPPORTED_PROTOCOL|protocol is disabled", "tls-failed", "tls", "tls.version-mismatch",
          "tls.cipher-mismatch"),
    _what(r"unrecognized[_ ]name", "tls-failed", "tls", "tls.sni-required"),
    _what(r"certificate required|CERTIFICATE_REQUIRED|bad certificate|ERR_BAD_SSL_CLIENT_AUTH_CERT", "tls-failed",
          "tls",
          "tls.client-cert-required"),
    _what(r"TLS handshake timeout|SSL connection timeout|handshake timed out", "timeout", "tls",
          "tls.handshake-timeout"),
    _what(r"unexpected eof|SSL_ERROR_SYSCALL|EOF occurred in violation|PR_END_OF_FILE"
          r"|Remote host terminated the handshake",
          "connection-reset", "tls", "tls.closed-in-handshake"),
    _what(r"handshake[_ ]failure|SSLHandshakeException|SSL_connect|tls: |SSL: ", "tls-failed", "tls"),
    # the service's own words
    _what(r"no pg_hba\.conf entry|is not allowed to connect to this (MySQL|MariaDB)|protected mode", "service-error",
          "app",
          "app.access-denied-by-address"),
    _what(r"too many clients already|Too many connections|max number of clients reached|remaining connection slots",
          "service-error", "app", "app.too-many-connections"),
    _what(r"the database system is starting up|LOADING Redis is loading", "service-error", "app", "app.starting"),
    _what(r"no live upstreams|upstream prematurely closed|502 Bad Gateway|\b503 Service (Temporarily )?Unavailable"
          r"|\bHTTP(/\S+)? 50[23]\b|status(?: code)?:? 50[23]\b|returned error: 50[23]", "service-error", "http",
          "http.backend-down"),
    _what(r"504 Gateway Time-?out|\bHTTP(/\S+)? 504\b|status(?: code)?:? 504\b|returned error: 504", "service-error",
          "http", "http.backend-timeout"),
    _what(r"Too many redirects|ERR_TOO_MANY_REDIRECTS|redirected you too many times|Maximum \(\d+\) redirects",
          "service-error", "http", "http.redirect-loop"),
    _what(r"500 Internal Server Error|returned error: 500|status(?: code)?:? 500\b", "service-error", "http",
          "http.app-error"),
    _what(r"\b429 Too Many Requests|returned error: 429|status(?: code)?:? 429\b", "service-error", "http",
          "http.rate-limited"),
    _what(r"Received HTTP/0\.9|Unsupported HTTP version|ERR_INVALID_HTTP_RESPONSE|BadStatusLine|malformed HTTP response"
          r"|Parse Error: Expected HTTP|HPE_INVALID", "wrong-protocol", "http", "http.not-http"),
    _what(r"Protocol mismatch|Bad packet length|invalid greeting|banner exchange: .*invalid format", "wrong-protocol",
          "app",
          "app.wrong-protocol"),
    # connecting
    _what(r"ECONNREFUSED|Connection refused|actively refused|ERR_CONNECTION_REFUSED|\b10061\b|os error 111"
          r"|NS_ERROR_CONNECTION_REFUSED|errno[ =:]*111\b|was refused - did you specify"
          r"|refused\. Check that the hostname"
          r"|server on '[^']+' \(111\b", "connection-refused", "tcp"),
    _what(r"Couldn't connect to server|Could not connect to server|Unable to connect to the remote server",
          "undetermined", "tcp"),
    _what(r"Too many open files|EMFILE|ENFILE|ENOBUFS|No buffer space", "resource-exhausted", "tcp", "local.fd-limit"),
    _what(r"EADDRNOTAVAIL|Cannot assign requested address|ERR_ADDRESS_INVALID|\b10049\b", "address-unavailable", "tcp",
          "local.ports-exhausted"),
    _what(r"ENETUNREACH|Network is unreachable|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_UNREACHABLE|\b10051\b"
          r"|unreachable network", "unreachable", "tcp", "local.no-route", "tcp.net-unreachable"),
    _what(r"EHOSTUNREACH|No route to host|ERR_ADDRESS_UNREACHABLE|\b10065\b|EHOSTDOWN|Host is down|unreachable host"
          r"|NoRouteToHost|host unreachable|server on '[^']+' \(113\b", "unreachable", "tcp"),
    _what(r"ERR_NETWORK_ACCESS_DENIED|EPERM.*connect|connect.*(Operation not permitted|EPERM|EACCES|Permission denied)",
          "permission-denied", "tcp", "local.firewall-reject", "local.sandbox-denied"),
    # silence after the connect, before silence at all
    _what(r"Read timed out|ReadTimeout|awaiting headers|while reading response header|during banner exchange"
          r"|Layer7 timeout|0 bytes received|response timeout|timeout (waiting|awaiting) (for )?(response|headers)",
          "timeout", "app", "tcp.silent-after-accept", "app.slow"),
    _what(r"ETIMEDOUT|ESOCKETTIMEDOUT|timed[ -]?out|i/o timeout|deadline exceeded|ERR_(CONNECTION_)?TIMED_OUT|\b10060\b"
          r"|Connect(ion)? ?Timeout|ConnectTimeout|did not properly respond after a period|Layer4 timeout"
          r"|timeout expired"
          r"|NS_ERROR_NET_TIMEOUT|os error 110|server on '[^']+' \(110\b", "timeout", "tcp"),
    _what(r"Empty reply from server|ERR_EMPTY_RESPONSE|RemoteDisconnected|socket hang up|kex_exchange_identification"
          r"|Connection closed by|server closed the connection unexpectedly|ERR_CONNECTION_CLOSED"
          r"|unexpected end of file"
          r"|Remote end closed|EPIPE|Broken pipe|Unexpected end of (stream|file)|prematurely", "connection-reset",
          "app",
          "tcp.closed-after-accept"),
    _what(r"ECONNRESET|Connection reset|ERR_CONNECTION_RESET|forcibly closed|\b10054\b|os error 104|PR_CONNECT_RESET"
          r"|Recv failure|read: connection reset", "connection-reset", "app", "tcp.reset-after-accept"),
    _what(r"\bEOF$|: EOF\b", "connection-reset", "app", "tcp.closed-after-accept"),
)  # fmt: skip

_HOST = r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[\w-]+(?:\.[\w-]+)*\.?)"
_BARE6 = r"(?P<host>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*[0-9A-Fa-f:]|\[[^\]\s]+\]|[\w.-]+)"
_PORT = r"(?P<port>\d{1,5})"

WHERE: tuple[re.Pattern[str], ...] = tuple(
    re.compile(words)
    for words in (
        rf'connection to server at "(?P<host>[^"]+)"(?: \([^)]*\))?, port {_PORT}',  # psql, libpq 14 and later
        rf'running on host "(?P<host>[^"]+)"(?: \([^)]*\))? and accepting.*port {_PORT}',  # psql before 14
        r'could not translate host name "(?P<host>[^"]+)"',
        r"certificate is valid for .*, not (?P<host>[\w-]+(?:\.[\w-]+)+)",  # Go
        rf"[Ff]ailed to connect to {_HOST} port {_PORT}",  # curl, git
        rf"connect to (?P<host>[0-9A-Fa-f:.]+|[\w.-]+)(?: \([^)]*\))? port {_PORT}",  # curl -v, nc
        rf"connect to host (?P<host>\S+) port {_PORT}",  # ssh
        r"Connection (?:closed|reset|refused|timed out|to) (?:by|with"
          rf"|to)? ?(?:remote host )?(?P<host>[\w.:]+) port {_PORT}",
        r"Could not resolve host(?:name)?:? (?P<host>[\w.-]+\w)",  # curl, ssh
        rf"Connecting to [^|]*\|(?P<host>[^|]+)\|:{_PORT}",  # wget
        r"unable to resolve host address [‘'\"](?P<host>[^’'\"]+)",
        rf"\bconnect E[A-Z]+ {_BARE6}:{_PORT}\b",  # Node.js
        r"getaddrinfo E[A-Z_]+ (?P<host>[\w.-]+)(?::(?P<port>\d+))?",
        rf"listen E[A-Z]+:? (?:address already in use |permission denied )?(?P<host>\[?[0-9A-Fa-f:.*]*?\]?):{_PORT}\b",
        rf"\b(?:dial|listen) (?:tcp|udp)[46]? (?P<host>\[[^\]]*\]|[\w.-]*):{_PORT}",  # Go
        r"dial (?:tcp|udp)[46]?: lookup (?P<host>[\w.-]+\w)(?: on \S+)?: ",
        rf"proxyconnect tcp: dial tcp {_HOST}:{_PORT}",
        rf"HTTPS?ConnectionPool\(host='(?P<host>[^']+)', port={_PORT}\)",  # Python: urllib3, requests
        rf"[Cc]onnect call failed \('(?P<host>[^']+)', {_PORT}",  # asyncio
        rf"Cannot connect to host (?P<host>[^\s:]+):{_PORT}",  # aiohttp
        rf"[Ee]rror \d+ connecting to (?P<host>[\w.-]+|\[[^\]]+\]):{_PORT}",  # redis-py
        rf"while attempting to bind on address \('(?P<host>[^']*)', {_PORT}",
        rf"Connection to {_HOST}:{_PORT} refused",  # pgjdbc
        rf"Connect to (?:https?://)?{_HOST}:{_PORT} (?:\[[^\]]*\] )?failed",  # Apache HttpClient
        rf"Failed to connect to (?:[\w.-]*/)?(?P<host>[\w.:]+|\[[^\]]+\]):{_PORT}",  # OkHttp
        r"UnknownHostException: (?P<host>[\w-]+(?:\.[\w-]+)*)",
        rf"Connection refused(?: \(Connection refused\))?: (?:[\w.-]*/)?(?P<host>[\w.]+|\[[^\]]+\]):{_PORT}",  # Netty
        rf"Can't connect to (?:MySQL|MariaDB) server on '(?P<host>[^':]+|\[[^\]]+\])(?::{_PORT})?'",
        r"Unknown MySQL server host '(?P<host>[^']+)'",
        rf"Could not connect to Redis at (?P<host>[\w.:-]+):{_PORT}",
        rf"upstream: \"\w+://{_HOST}:{_PORT}",  # nginx
        rf"bind\(\) to (?P<host>\[[^\]]*\]|[\w.*]*):{_PORT} failed",
        r'host not found in (?:upstream|resolver) "(?P<host>[\w.-]+)',
        rf"could not bind to address (?P<host>\[[^\]]*\]|[\w.*]*):{_PORT}",  # Apache httpd
        rf"Bind for (?P<host>\[[^\]]*\]|[\w.]*):{_PORT} failed",  # Docker
        rf"exposing port (?:TCP|UDP) (?P<host>\[[^\]]*\]|[\w.]*):{_PORT}",
        rf"connection to the server (?:https?://)?{_HOST}:{_PORT} was refused",  # kubectl
        rf"Server at (?:https?://)?{_HOST}:{_PORT}",
        rf"TCP connect to \({_HOST} : {_PORT}\) failed",  # Test-NetConnection
        rf"\({_HOST}:{_PORT}\)",  # .NET
        rf"(?:actively refused it\.?|respond(?:ed)?\.?) (?P<host>\[[^\]]+\]|[\w.-]+):{_PORT}",
        rf"[Pp]ort {_PORT} (?:is|was) (?:already )?in use",
        rf"[a-zA-Z][\w+.-]*://(?:[^/@\s]*@)?{_HOST}(?::{_PORT})?(?=[/\s\"'\),;?#]|$)",
        r"(?<![\w.\]])(?P<host>\[[0-9A-Fa-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|localhost"
        r"|(?:[\w-]+\.)+(?!(?:go|js|ts|mjs|py|java|rb|rs|c|cc|cpp|h|kt|php|cs|scala"
          rf"|log)\b)[A-Za-z]{{2,}}):{_PORT}(?![\d:])",
        r"https?://(?P<host>[\w.-]+)",
        r"(?:host|Host|server|lookup|resolve)[ =:'\"]+(?P<host>(?:[\w-]+\.)+[A-Za-z]{2,})\b",
    )
)

_TOOLS: dict[str, str] = {
    "psql": r"psql:|connection to server at \"|could not translate host name|FATAL: .*pg_hba",
    "curl": r"curl: \(\d+\)|^\* +(Trying|connect to)|fatal: unable to access",
    "ssh": r"^ssh: |^Connection (closed|reset) by \S+ port|kex_exchange_identification|ssh_exchange"
    r"|port \d+: (Connection|Operation|No route)",
    "mysql": r"ERROR (2002|2003|2005|1040|1130)|(MySQL|MariaDB) server",
    "redis-cli": r"Redis at |redis\.exceptions|RedisConnection",
    "nginx": r"\[(error|emerg|crit|warn)\] \d+#\d+",
    "HAProxy": r"Server \S+/\S+ is DOWN|haproxy\[\d+\]|Layer[467] ",
    "Docker": r"docker:|driver failed programming|port is already allocated|Ports are not available",
    "kubectl": r"connection to the server \S+ was refused|Unable to connect to the server",
    ".NET": r"System\.Net|HttpRequestException|SocketException|actively refused|Npgsql",
    "Java": r"java\.|javax\.|Exception(: |$)|io\.netty|org\.postgresql|Caused by:",
    "Go": r"\bdial (tcp|udp)|http: server gave|Client\.Timeout|listen (tcp|udp)[46]? |x509: |net/http: ",
    "Node.js": r"\b(connect|getaddrinfo|listen) E[A-Z_]+|\bFetchError|AxiosError|ERR_TLS_|socket hang up",
    "Python": r"Traceback|\[Errno -?\d+\]|requests\.exceptions|urllib3|ConnectionPool|aiohttp|httpx|asyncio",
    "Rust": r"os error \d+|reqwest|hyper|rustls",
    "a browser": r"\b(net::)?ERR_[A-Z_]+|NS_ERROR_|DNS_PROBE_|SSL_ERROR_|SEC_ERROR_|PR_[A-Z_]+_ERROR",
    "wget": r"wget: |Connecting to [^|]*\|",
}
TOOLS: tuple[Tool, ...] = tuple(Tool(name, re.compile(words)) for name, words in _TOOLS.items())

# What a scheme or a program means when it names no port.
DEFAULT_PORTS: dict[str, int] = {
    "https": 443, "http": 80, "wss": 443, "ws": 80, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379,
    "rediss": 6379, "amqp": 5672, "amqps": 5671, "mongodb": 27017, "ldap": 389, "ldaps": 636, "ftp": 21, "ssh": 22,
    "smtp": 25, "imaps": 993, "psql": 5432, "redis-cli": 6379,
}  # fmt: skip
