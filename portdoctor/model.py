"""The data model: frozen values that all layers share. Imports nothing else of the package.

Times are seconds as floats; `began` counts from the start of the report. Field names are those of the JSON report
(``portdoctor.report/1``), and the docstrings are its documentation.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta

SCHEMA = "portdoctor.report/1"

Symptom = Literal[
    "ok", "degraded", "name-not-resolved", "connection-refused", "timeout", "unreachable",
    "connection-reset", "tls-failed", "wrong-protocol", "service-error", "port-conflict",
    "permission-denied", "address-unavailable", "resource-exhausted", "undetermined",
]  # fmt: skip
Certainty = Literal["certain", "likely", "undetermined"]
Owner = Literal[
    "user", "this-machine", "network", "server-operator", "service-operator",
    "dns-operator", "resolver-operator", "proxy-operator", "certificate-owner", "unknown",
]  # fmt: skip
Stage = Literal["dns", "tcp", "udp", "tls", "http", "app", "bind"]
STAGES: tuple[Stage, ...] = ("dns", "tcp", "udp", "tls", "http", "app", "bind")
SubjectKind = Literal["target", "name", "resolver", "address", "local"]
Why = Literal[
    "not-looked", "not-possible-here", "no-answer", "rate-limited",
    "needs-privilege", "forbidden-by-option", "out-of-budget", "needs-person",
]  # fmt: skip
Transport = Literal["tcp", "udp"]
Origin = Literal["this-machine", "path", "target", "resolver", "proxy", "unknown"]
EndpointRole = Literal["resolver", "upstream"]
Shell = Literal["sh", "powershell"]  # sh: any POSIX shell, such as bash or zsh


MOST_OBSERVATIONS = 5000  # of one report, and as many notes: a check makes a few hundred
MOST_OTHERS = 50  # vantage points of a merged report

# Bounds and forms of values. A report from a file that breaks them is refused when it is read; `render/recorded.py` has
# the forms, which the JSON Schema names as `format`.
Port = Annotated[int, Meta(ge=0, le=65535)]
Byte = Annotated[int, Meta(ge=0, le=255)]
Few = Annotated[int, Meta(ge=0, le=1000)]  # attempts, rounds, redirects
Count = Annotated[int, Meta(ge=-1, le=2**63 - 1)]  # -1: the kernel's word for no limit
Code = Annotated[int, Meta(ge=-(2**31), le=2**32 - 1)]  # error numbers, and numbers of 32 bits
Seconds = Annotated[float, Meta(ge=0, le=1_000_000)]
Address = Annotated[str, Meta(extra_json_schema={"format": "address"})]  # an IP address, with its zone if any
Network = Annotated[str, Meta(extra_json_schema={"format": "network"})]  # an address, or one with a prefix length
Host = Annotated[str, Meta(extra_json_schema={"format": "host"})]  # a name, an address, or "*"
Word = Annotated[str, Meta(extra_json_schema={"format": "word"})]  # a term of a protocol or registry, such as "AAAA"
Time = Annotated[str, Meta(extra_json_schema={"format": "time"})]  # UTC, ISO 8601
Id = Annotated[str, Meta(extra_json_schema={"format": "id"})]  # of an observation: "o3"; "b.o3" of another report

# What other texts are. Redaction replaces every text by what it is.
def _text(what: str) -> Meta:
    return Meta(extra={"text": what})


Command = Annotated[str, _text("command")]  # a command line
Device = Annotated[str, _text("device")]  # the name of a network interface
DistinguishedName = Annotated[str, _text("distinguished-name")]  # "CN=shop.example.com, O=Example"
FileName = Annotated[str, _text("file")]
Name = Annotated[str, _text("host")]  # of a host or a domain, or an address with a port
Program = Annotated[str, _text("program")]
Serial = Annotated[str, _text("serial")]  # a serial number, a fingerprint, the id of a container
SocketAddress = Annotated[str, _text("address")]  # an address, with a port where it has one
Term = Annotated[str, _text("term")]  # vocabulary of a protocol, of a system or of ours
Text = Annotated[str, _text("text")]  # anything, such as an error message or what a server sent
Unit = Annotated[str, _text("unit")]  # of systemd
Url = Annotated[str, _text("url")]
User = Annotated[str, _text("user")]


class Outcome(StrEnum):
    """How one attempt ended. A closed set: `outcomes.py` maps the error codes of every system to it."""

    OK = "ok"
    # connecting, sending, listening
    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    CLOSED = "closed"
    HOST_UNREACHABLE = "host-unreachable"
    NET_UNREACHABLE = "net-unreachable"
    PROTOCOL_UNREACHABLE = "protocol-unreachable"
    PROHIBITED = "prohibited"  # an ICMP administrative prohibition, v4 or v6
    TTL_EXPIRED = "ttl-expired"
    BLACKHOLED = "blackholed"  # EINVAL of a blackhole route
    DENIED = "denied"  # EACCES or EPERM by this machine
    INVALID = "invalid"  # EINVAL with another meaning
    ADDRESS_IN_USE = "address-in-use"
    ADDRESS_UNAVAILABLE = "address-unavailable"
    FAMILY_UNSUPPORTED = "family-unsupported"
    EXHAUSTED = "exhausted"  # file descriptors, memory, buffers
    MESSAGE_TOO_BIG = "message-too-big"
    # names
    NAME_NOT_FOUND = "name-not-found"  # NXDOMAIN, EAI_NONAME
    NO_DATA = "no-data"
    SERVER_FAILURE = "server-failure"  # SERVFAIL, EAI_FAIL
    TRY_AGAIN = "try-again"  # EAI_AGAIN: no resolver gave a usable response in time
    QUERY_REFUSED = "query-refused"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    # TLS
    NOT_TLS = "not-tls"  # the peer's response is not a TLS record
    TLS_ALERT = "tls-alert"  # the peer sent a fatal alert
    TLS_ERROR = "tls-error"  # our TLS library rejected what the peer sent
    UNTRUSTED = "untrusted"  # the certificate did not verify
    # what the service sent
    OTHER_PROTOCOL = "other-protocol"
    ERROR_ANSWER = "error-answer"  # the expected protocol, reporting an error
    TOO_LONG = "too-long"  # more bytes or lines than our limit
    STARVED = "starved"  # this process did not run while it should have waited: whether a response came is not known
    OTHER = "other"


class Value(msgspec.Struct, frozen=True):
    """An immutable value, compared by its content."""


class Errno(Value, frozen=True, kw_only=True):
    """A system error: `name` as in errno.h, `number` as on the system that reported it."""

    name: Word
    number: Code


class Icmp(Value, frozen=True, kw_only=True):
    """An ICMP or ICMPv6 error read from the socket's error queue; `offender` is the address that sent it."""

    type: Byte
    code: Byte
    offender: Address


class Subject(Value, frozen=True, kw_only=True):
    """What a statement is about; `values` are addresses, resolvers or names."""

    kind: SubjectKind
    values: tuple[Name, ...] = ()


# ---------------------------------------------------------------- the request


class Target(Value, frozen=True, kw_only=True):
    """What the user wants to reach or bind. Of a URL it keeps no user name, password, path or query.

    `alias`: the user's own name for it, as in NAME=TARGET.
    """

    input: Text
    host: Host
    port: Port
    transport: Transport = "tcp"
    service: Word | None = None  # the expected service: an IANA name, or PortDoctor's own
    scheme: Word | None = None
    stages: tuple[Stage, ...] = ("dns", "tcp")
    because: dict[Term, Text] = {}  # stage -> why it is part of this check
    alias: Name | None = None


class Options(Value, frozen=True, kw_only=True):
    """The options that decide what is probed, and how."""

    timeout: Seconds | None = None  # seconds for one connection attempt; None: chosen from what was measured
    budget: Seconds = 15.0  # seconds for the whole check
    family: Literal[4, 6] | None = None
    source: Address | None = None
    resolver: Address | None = None
    cafile: FileName | None = None
    sni: Host | None = None
    proxy: Url | None = None
    controls: bool = True
    follow: bool = False
    authority: bool = False
    insecure: bool = False  # accept any certificate; its faults are noted
    listen: bool = False  # `bind` also calls listen(2)
    attempts: Few = 1


class Can(Value, frozen=True, kw_only=True):
    """The kinds of evidence that are available to this user on this system."""

    error_queue: bool = False
    ttl_trace: bool = False
    listener_table: Literal["all", "own", "none"] = "none"
    neighbour_table: bool = False


class Vantage(Value, frozen=True, kw_only=True):
    """The machine that ran the check, and when. `started` is UTC, ISO 8601.

    `limits`: what this user cannot observe there, a sentence each.
    """

    host: Name = ""
    os: Text = ""
    user: User = ""
    started: Time = ""
    source_address: Address | None = None
    interface: Device | None = None
    gateway: Address | None = None
    resolvers: tuple[Address, ...] = ()
    search: tuple[Name, ...] = ()  # the search domains of resolv.conf
    kubernetes: Name | None = None  # KUBERNETES_SERVICE_HOST, which Kubernetes sets in every container of a pod
    upstreams: tuple[Address, ...] = ()  # of a stub resolver on this machine, where it was examined
    can: Can = Can()
    limits: tuple[Text, ...] = ()


class Want(Value, frozen=True, kw_only=True):
    """A follow-up probe that would decide a sign: its name and its arguments, as text."""

    probe: Term
    args: tuple[Text, ...] = ()


class Wanted(Value, frozen=True, kw_only=True):
    """A follow-up probe and the number of open causes that its result may decide."""

    want: Want
    splits: int


class Note(Value, frozen=True, kw_only=True):
    """Something to know that is not a cause. `probe` and `reason`: the probe that has no result, and why."""

    kind: Literal["not-evaluated", "probe-error", "state-changed", "permission-needed", "info"]
    text: Text
    stage: Stage | None = None
    probe: Want | None = None
    reason: Why | None = None
    evidence: tuple[Id, ...] = ()


# ---------------------------------------------------------------- observations


class Ending(Value, frozen=True, kw_only=True):
    """The fields that all observations share: how the attempt ended, when, and the error text.

    `began` and `took` are seconds; `errno` and `icmp` are the errors, where there were any; `os_says` is the error
    text of the system, the library or the peer, or our own where they have none. `stage` is the stage that such an
    observation belongs to when it is the attempt that the user asked for.
    """

    stage: ClassVar[Stage | None] = None

    @property
    def own(self) -> bool:
        """Whether this is the attempt that the user asked for, not a further probe."""
        return getattr(self, "role", "target") == "target"

    id: Id = ""
    outcome: Outcome
    began: Seconds = 0.0
    took: Seconds = 0.0
    errno: Errno | None = None
    icmp: Icmp | None = None
    os_says: Text = ""


class Lookup(Ending, frozen=True, kw_only=True, tag_field="kind", tag="lookup"):
    """One lookup of a name. `via`: "system" for getaddrinfo(3), "wire" for a DNS query sent to `resolver`.

    `role`: "repeat" for the same lookup again, after one that failed.
    """

    stage: ClassVar[Stage | None] = "dns"

    @property
    def own(self) -> bool:
        return self.via == "system" and self.role == "target"

    name: Host
    qtype: Word = "ANY"  # "A", "AAAA"; "ANY" for getaddrinfo
    via: Literal["system", "wire"]
    role: Literal["target", "repeat"] = "target"
    resolver: Address | None = None
    transport: Transport | None = None
    addresses: tuple[Address, ...] = ()
    rcode: Word | None = None
    ede: tuple[tuple[Port, Text], ...] = ()  # extended DNS errors (RFC 8914): info-code, extra text
    aliases: tuple[Name, ...] = ()  # the CNAME chain, in order
    flags: tuple[Word, ...] = ()  # header flags, "no-EDNS", "accepted" (TCP, without a response)
    ttl: Code | None = None
    checking_disabled: bool = False


class HostsFile(Ending, frozen=True, kw_only=True, tag_field="kind", tag="hosts-file"):
    """The lines of the hosts file that name the host: (line number, address, text)."""

    name: Host
    path: FileName
    lines: tuple[tuple[Count, SocketAddress, Text], ...] = ()


class Connect(Ending, frozen=True, kw_only=True, tag_field="kind", tag="connect"):
    """One TCP connection attempt.

    `role`: "target" the target port, "repeat" the target port again, "control" another port of the same host,
    "negative" a random port that should be closed, "elsewhere" another address for comparison.
    `syns`: SYNs sent; `unanswered_at`: when each unanswered SYN was sent, in seconds after `began`, as far as TCP_INFO
    shows it; `limit`: the time limit in seconds; `rtt`: the kernel's round-trip estimate in seconds.
    `series`: the position in an ordered series of attempts, from 2 (the first is the one with the role "target").
    """

    stage: ClassVar[Stage | None] = "tcp"

    address: Address
    port: Port
    role: Literal["target", "repeat", "control", "negative", "elsewhere"] = "target"
    source: Address | None = None
    source_port: Port | None = None
    syns: Few | None = None
    unanswered_at: tuple[Seconds, ...] = ()
    limit: Seconds | None = None
    rtt: Seconds | None = None
    mss_clamp: Port | None = None
    self_connected: bool = False
    series: Few | None = None


class Hop(Value, frozen=True, kw_only=True):
    """One TTL of a trace. `address` is the responder: the host itself, or the sender of the ICMP error."""

    ttl: Byte
    outcome: Outcome
    address: Address | None = None
    took: Seconds = 0.0
    icmp: Icmp | None = None


class Trace(Ending, frozen=True, kw_only=True, tag_field="kind", tag="trace"):
    """One round of connection attempts with increasing TTL to a port. `hops`: the TTLs that were sent, in order.

    `role`: "target" the target port, "control" an open port of the same host, "random" a random high port, which
    shows how the path treats packets to this host in general; "data" the target port, where the connection was made
    with the usual TTL and its first data was sent with each of these.
    """

    address: Address
    port: Port
    role: Literal["target", "control", "random", "elsewhere", "data"] = "target"
    round: Few = 1
    transport: Transport = "tcp"
    hops: tuple[Hop, ...] = ()


class Route(Ending, frozen=True, kw_only=True, tag_field="kind", tag="route"):
    """This machine's routing decision for `address`.

    `type`: as in ip-route(8), such as unicast, local, blackhole, prohibit or unreachable; "none" without a route,
    "unknown" where it could not be read.
    """

    address: Address
    type: Word = "unicast"
    gateway: Address | None = None
    interface: Device | None = None
    source: Address | None = None
    prefix: Network | None = None
    table: Code | None = None


class Neighbour(Ending, frozen=True, kw_only=True, tag_field="kind", tag="neighbour"):
    """The neighbour table entry (ARP, NDP) of an on-link address; `state` as in ip-neighbour(8), "none" without one."""

    address: Address
    interface: Device | None = None
    state: Term = "none"


class Interface(Value, frozen=True, kw_only=True):
    """One network interface with its addresses in prefix notation.

    `tentative`: addresses that are not usable, because duplicate address detection (RFC 4862) is under way or failed.
    """

    name: Device
    up: bool
    running: bool
    loopback: bool = False
    addresses: tuple[Network, ...] = ()
    tentative: tuple[Network, ...] = ()


class Interfaces(Ending, frozen=True, kw_only=True, tag_field="kind", tag="interfaces"):
    """The network interfaces of this machine."""

    rows: tuple[Interface, ...] = ()


class Holder(Value, frozen=True, kw_only=True):
    """The process that uses a socket, as far as this user may see it. `since` is its start in UTC, ISO 8601."""

    pid: Code | None = None
    name: Program | None = None
    command: Command | None = None
    user: User | None = None
    unit: Unit | None = None
    container: Serial | None = None
    since: Time | None = None


class Listener(Value, frozen=True, kw_only=True):
    """A socket of this machine. `state`: LISTEN, BOUND (bound, not listening), UNCONN (UDP), ESTABLISHED, …"""

    transport: Transport = "tcp"
    address: Address
    port: Port
    state: Word = "LISTEN"
    peer: SocketAddress | None = None
    uid: Code | None = None
    inode: Count | None = None
    v6only: bool | None = None
    queued: Count | None = None  # connections that wait for accept(2)
    backlog: Count | None = None
    holder: Holder | None = None


class Listeners(Ending, frozen=True, kw_only=True, tag_field="kind", tag="listeners"):
    """The socket table of this machine for one port. `complete`: it has the sockets of all users."""

    port: Port
    transport: Transport = "tcp"
    complete: bool = False
    bound_shown: bool = False  # the system also lists sockets that are bound and do not listen
    rows: tuple[Listener, ...] = ()


class Bind(Ending, frozen=True, kw_only=True, tag_field="kind", tag="bind"):
    """One bind(2) of a local address. `reuse`: with SO_REUSEADDR, as servers do. `listened`: listen(2) succeeded."""

    stage: ClassVar[Stage | None] = "bind"

    address: Address
    port: Port
    transport: Transport = "tcp"
    reuse: bool = False
    listened: bool = False
    v6only: bool | None = None


class Ports(Ending, frozen=True, kw_only=True, tag_field="kind", tag="port-policy"):
    """The port settings of this machine. Ranges are (first, last), both included."""

    unprivileged_start: Code | None = None
    ephemeral: tuple[Code, Code] | None = None
    reserved: tuple[tuple[Code, Code], ...] = ()
    bind_capability: bool | None = None  # this process holds CAP_NET_BIND_SERVICE


class Counters(Ending, frozen=True, kw_only=True, tag_field="kind", tag="counters"):
    """Kernel counters and limits at one moment, by their kernel names (ListenOverflows, nf_conntrack_count, …)."""

    values: dict[Term, Count] = {}


class PacketCount(Value, frozen=True, kw_only=True):
    """Packets of one interface: in each burst of connections, and in each pause of the same length after it."""

    name: Device
    sent: tuple[Count, ...] = ()
    received: tuple[Count, ...] = ()
    sent_idle: tuple[Count, ...] = ()
    received_idle: tuple[Count, ...] = ()


class Burst(Ending, frozen=True, kw_only=True, tag_field="kind", tag="burst"):
    """Bursts of `connections` connection attempts each, and the packets meanwhile on interfaces that sent any.

    The loopback interface is not among them. `outcome`: how the attempts ended; of several outcomes, the last one.
    """

    address: Address
    port: Port
    connections: Few
    interfaces: tuple[PacketCount, ...] = ()


class Certificate(Value, frozen=True, kw_only=True):
    """One certificate that the server sent. Times are UTC, ISO 8601; `names` are its subjectAltName entries.

    `unreadable`: the fields that could not be read, "certificate" for all of them.
    """

    subject: DistinguishedName = ""
    issuer: DistinguishedName = ""
    not_before: Time | None = None
    not_after: Time | None = None
    names: tuple[Name, ...] = ()
    issuer_urls: tuple[Url, ...] = ()  # where the issuer's certificate is published (AIA caIssuers)
    serial: Serial | None = None
    sha256: Serial | None = None
    self_signed: bool = False
    unreadable: tuple[str, ...] = ()


class Handshake(Ending, frozen=True, kw_only=True, tag_field="kind", tag="handshake"):
    """One TLS handshake.

    `reason` is OpenSSL's error, `alert` the name of the peer's alert (RFC 8446 section 6), `chain` the certificates
    that the peer sent, its own first, `sample` the start of its response when that is not TLS.
    """

    stage: ClassVar[Stage | None] = "tls"

    address: Address
    port: Port
    role: Literal["target", "repeat", "variant", "verify"] = "target"  # "verify": beside one that does not, --insecure
    sni: Host | None = None
    newest: Term | None = None  # the newest TLS version in the ClientHello, where it is not OpenSSL's own
    version: Term | None = None
    cipher: Term | None = None
    alpn: Term | None = None
    verified: bool | None = None
    verify_code: Code | None = None
    verify_message: Text | None = None
    trust: Text | None = None  # the trust store that was used
    trust_anchors: Count | None = None  # CA certificates in it; None where they cannot be counted beforehand
    reason: Term | None = None
    alert: Term | None = None
    chain: tuple[Certificate, ...] = ()
    sample: Text | None = None
    sample_protocol: Term | None = None
    received: Count = 0  # bytes the peer sent
    client_cert_asked: bool | None = None
    mss_clamp: Port | None = None  # bytes per segment, when the connection was opened with TCP_MAXSEG


class Greeting(Ending, frozen=True, kw_only=True, tag_field="kind", tag="greeting"):
    """The first data that a service sent. `text` is a sanitised sample; `protocol` what it was recognised as."""

    stage: ClassVar[Stage | None] = "app"

    address: Address
    port: Port
    role: Literal["target", "repeat", "variant"] = "target"
    expected: Term | None = None
    protocol: Term | None = None
    text: Text = ""
    received: Count = 0
    sent: Term | None = None  # the name of the request that was sent first, if any
    waited: Seconds | None = None
    mss_clamp: Port | None = None  # bytes per segment, when the connection was opened with TCP_MAXSEG
    alert: Term | None = None  # the peer's TLS alert, when it came only after the handshake


class HttpReply(Ending, frozen=True, kw_only=True, tag_field="kind", tag="http-reply"):
    """The response to one HTTP request. `text` is a sanitised sample of the body, or of the data that is not HTTP."""

    stage: ClassVar[Stage | None] = "http"

    address: Address
    port: Port
    role: Literal["target", "repeat", "variant"] = "target"
    method: Term = "GET"
    status: Few | None = None
    phrase: Text = ""
    version: Term | None = None
    headers: dict[Term, Text] = {}  # a selection, with names in lower case
    location: Url | None = None
    protocol: Term | None = None  # the protocol of the response when it was not HTTP
    text: Text = ""
    received: Count = 0
    first_byte: Seconds | None = None  # seconds from the request to the first byte
    redirects: Few = 0  # redirects on the same scheme, host and port that were followed before this response
    mss_clamp: Port | None = None  # bytes per segment, when the connection was opened with TCP_MAXSEG
    alert: Term | None = None  # the peer's TLS alert, when it came only after the handshake


class Datagram(Ending, frozen=True, kw_only=True, tag_field="kind", tag="datagram"):
    """One UDP exchange.

    `payload` names what was sent; `sent` and `replies` count datagrams; `protocol` and `text` describe the response;
    `limit` is the time limit in seconds; `call` is the system call that failed.
    """

    stage: ClassVar[Stage | None] = "udp"

    address: Address
    port: Port
    role: Literal["target", "repeat", "control"] = "target"
    payload: Term = ""
    sent: Few = 0
    replies: Few = 0
    protocol: Term | None = None
    text: Text = ""
    limit: Seconds | None = None
    source: Address | None = None
    source_port: Port | None = None
    call: Literal["socket", "bind", "connect", "send", "receive"] | None = None


class Other(Ending, frozen=True, kw_only=True, tag_field="kind", tag="other"):
    """An observation of a kind that this version does not know: its kind in `was`, its JSON in `raw`."""

    was: Term = ""
    raw: Text = ""


Observation = (
    Lookup | HostsFile | Connect | Trace | Route | Neighbour | Interfaces | Listeners | Bind | Ports
    | Counters | Burst | Handshake | Greeting | HttpReply | Datagram | Other
)  # fmt: skip
Kind = TypeVar("Kind", bound=Ending)


class Report(Value, frozen=True, kw_only=True):
    """The record of one check: the target, the vantage point and the observations. `diagnose` needs nothing else."""

    schema: Term = SCHEMA
    portdoctor: Term = ""
    target: Target
    vantage: Vantage = Vantage()
    options: Options = Options()
    observations: Annotated[tuple[Observation, ...], Meta(max_length=MOST_OBSERVATIONS)] = ()
    notes: Annotated[tuple[Note, ...], Meta(max_length=MOST_OBSERVATIONS)] = ()
    interrupted: bool = False
    # reports of the same target from other machines (`diagnose --merge`)
    others: Annotated[tuple[Report, ...], Meta(max_length=MOST_OTHERS)] = ()

    def to_json(self) -> str:
        """Return the report without a diagnosis as one line of JSON, which `portdoctor.load` and `diagnose` read."""
        return msgspec.json.encode(self).decode()

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return the observations of one kind, in order."""
        return [o for o in self.observations if isinstance(o, kind)]


# ---------------------------------------------------------------- the diagnosis


class Answer(Value, frozen=True, kw_only=True):
    """One possible result of a test, and the cause that it points to."""

    answer: str
    then: str


class NextTest(Value, frozen=True, kw_only=True):
    """The test that would decide between the open causes, for a person to run."""

    where: str
    command: str
    shell: Shell = "sh"
    if_: tuple[Answer, ...] = msgspec.field(name="if", default=())


class Step(Value, frozen=True, kw_only=True):
    """One recommended action: where it is done (`scope`), its risk, and a command where there is one."""

    text: str
    command: str = ""
    shell: Shell = "sh"
    scope: Literal["this-machine", "network", "server"] = "server"
    risk: Literal["none", "low", "high"] = "none"


class Candidate(Value, frozen=True, kw_only=True):
    """A cause that the evidence leaves possible, and the signs that would decide it."""

    cause: str
    title: str = ""
    missing: tuple[str, ...] = ()


class RuledOut(Value, frozen=True, kw_only=True):
    """A cause that the evidence contradicts."""

    cause: str
    title: str = ""
    because: str
    evidence: tuple[str, ...] = ()


class Link(Value, frozen=True, kw_only=True):
    """One cause of a chain, and what it is about."""

    cause: str
    subject: Subject


class Problem(Value, frozen=True, kw_only=True):
    """A symptom of a subject with its cause or candidates.

    `chain` leads from the symptom to the root, which is `cause`. `origin`: where the evidence places the fault, which
    is not always who must act. `owner_text` names the owner in words. `assumptions`: what was taken for granted.
    """

    id: str
    symptom: Symptom
    cause: str | None = None
    because: str | None = None
    because_certainty: Certainty | None = None  # certainty of `because`, which may be lower than that of `cause`
    certainty: Certainty = "undetermined"
    title: str = ""
    headline: str = ""  # what is wrong, in one sentence with names and addresses
    explanation: str = ""
    owner: Owner = "unknown"
    owner_text: str = ""
    ask: str = ""  # the message to the owner; empty where the owner is the user
    origin: Origin = "unknown"
    chain: tuple[Link, ...] = ()
    assumptions: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    subject: Subject = Subject(kind="target")
    stage: Stage | None = None
    evidence: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()  # the facts that establish the cause, a sentence each
    candidates: tuple[Candidate, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    next_test: NextTest | None = None
    steps: tuple[Step, ...] = ()
    hidden: tuple[str, ...] = ()


class Verdict(Value, frozen=True, kw_only=True):
    """The result in short: the first problem, or that there is none."""

    symptom: Symptom
    cause: str | None = None
    certainty: Certainty = "undetermined"
    title: str = ""
    explanation: str = ""
    owner: Owner = "unknown"
    owner_text: str = ""


class StageLine(Value, frozen=True, kw_only=True):
    """The result of one stage. `took` is in seconds."""

    name: Stage
    status: Literal["ok", "failed", "slow", "skipped"]
    took: float | None = None
    summary: str = ""
    skipped_because: str | None = None


class Diagnosis(Value, frozen=True, kw_only=True):
    """What a report means. `wants` are the follow-up probes that would decide what is open."""

    verdict: Verdict
    problems: tuple[Problem, ...] = ()
    unexplained: tuple[str, ...] = ()
    stages: tuple[StageLine, ...] = ()
    notes: tuple[Note, ...] = ()
    wants: tuple[Wanted, ...] = ()


# ---------------------------------------------------------------- the plan

PLAN_SCHEMA = "portdoctor.plan/1"
When = Literal["always", "when-silent", "when-it-fails"]
Per = Literal["target", "address", "resolver"]


class PlannedProbe(Value, frozen=True, kw_only=True):
    """What one probe may send in one check: `what`, at most `most` times for each `per`.

    `probe` is the name of a follow-up probe, or of a part of the stage. `to` are the destinations, as far as they are
    known before anything is sent; `ports` are the ports there, where they are known.
    """

    stage: Stage
    probe: str
    when: When
    what: str
    most: int
    per: Per
    to: tuple[str, ...]
    ports: tuple[int, ...] = ()


class Plan(Value, frozen=True, kw_only=True):
    """Everything that a check may send, as `--plan` shows it. Nothing was sent.

    `addresses`: the most addresses of the target that are tried; `seconds`: the budget of one check; `tries`: the most
    checks with --wait. `reads`: the probes that only read tables of this machine.
    """

    schema: Literal["portdoctor.plan/1"] = "portdoctor.plan/1"
    portdoctor: str
    target: Target
    options: Options
    addresses: int
    seconds: float
    tries: int = 1
    steps: tuple[PlannedProbe, ...]
    reads: tuple[str, ...]
