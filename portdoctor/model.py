"""The nouns: frozen values that every layer speaks in. Law: imports nothing of ours.

Times are seconds as floats; `began` counts from the start of the report.
Field names are those of the JSON report (``portdoctor.report/1``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal, TypeVar

import msgspec

SCHEMA = "portdoctor.report/1"

Symptom = Literal[
    "ok", "degraded", "name-not-resolved", "connection-refused", "timeout", "unreachable",
    "connection-reset", "tls-failed", "wrong-protocol", "service-error", "port-conflict",
    "permission-denied", "address-unavailable", "resource-exhausted", "undetermined",
]  # fmt: skip
Certainty = Literal["certain", "likely", "undetermined"]
Owner = Literal[
    "this-machine", "network", "server-operator", "service-operator",
    "dns-operator", "certificate-owner", "unknown",
]  # fmt: skip
Stage = Literal["dns", "tcp", "udp", "tls", "http", "app", "bind"]
STAGES: tuple[Stage, ...] = ("dns", "tcp", "udp", "tls", "http", "app", "bind")
SubjectKind = Literal["target", "name", "resolver", "address", "local"]
Why = Literal[
    "not-looked", "not-possible-here", "no-answer", "rate-limited",
    "needs-privilege", "forbidden-by-option", "out-of-budget", "needs-person",
]  # fmt: skip
Transport = Literal["tcp", "udp"]


class Outcome(StrEnum):
    """How one attempt ended. Closed: `outcomes.py` maps every system's words onto it."""

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
    TRY_AGAIN = "try-again"  # EAI_AGAIN: the resolver gave no answer in its time
    QUERY_REFUSED = "query-refused"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    # TLS
    NOT_TLS = "not-tls"  # the peer answered with something that is no TLS record
    TLS_ALERT = "tls-alert"  # the peer refused with an alert
    TLS_ERROR = "tls-error"  # our side refused what the peer sent
    UNTRUSTED = "untrusted"  # the handshake is fine, the certificate is not accepted
    # what the service said
    OTHER_PROTOCOL = "other-protocol"
    ERROR_ANSWER = "error-answer"  # the right service, an error of its own
    TOO_LONG = "too-long"  # more than our limit of bytes or lines
    OTHER = "other"


class Value(msgspec.Struct, frozen=True):
    """A noun: immutable, compared by its content."""


class Errno(Value, frozen=True, kw_only=True):
    """A system error: `name` as in errno.h, `number` as this system counts."""

    name: str
    number: int


class Icmp(Value, frozen=True, kw_only=True):
    """An ICMP or ICMPv6 error read from the socket's error queue; `offender` is its sender."""

    type: int
    code: int
    offender: str


class Subject(Value, frozen=True, kw_only=True):
    """What a statement is about; `values` are addresses, resolvers or names."""

    kind: SubjectKind
    values: tuple[str, ...] = ()


# ---------------------------------------------------------------- what was asked for


class Target(Value, frozen=True, kw_only=True):
    """What was asked for. Holds no user name, password, path or query of a URL."""

    input: str
    host: str
    port: int
    transport: Transport = "tcp"
    service: str | None = None  # the service we expect there: an IANA name or one of ours
    scheme: str | None = None
    stages: tuple[Stage, ...] = ("dns", "tcp")
    because: dict[str, str] = {}  # stage -> why the target implies it


class Options(Value, frozen=True, kw_only=True):
    """The user's choices that change what may be looked at."""

    timeout: float | None = None  # per connection attempt; None: measured as we go
    budget: float = 15.0
    family: Literal[4, 6] | None = None
    source: str | None = None
    resolver: str | None = None
    cafile: str | None = None
    sni: str | None = None
    proxy: str | None = None
    controls: bool = True
    follow: bool = False
    authority: bool = False
    attempts: int = 1


class Can(Value, frozen=True, kw_only=True):
    """Which evidence this vantage point can give at all."""

    error_queue: bool = False
    ttl_trace: bool = False
    listener_table: Literal["all", "own", "none"] = "none"
    neighbour_table: bool = False


class Vantage(Value, frozen=True, kw_only=True):
    """From where and when it was looked. `started` is UTC, ISO 8601."""

    host: str = ""
    os: str = ""
    user: str = ""
    started: str = ""
    source_address: str | None = None
    interface: str | None = None
    gateway: str | None = None
    resolvers: tuple[str, ...] = ()
    can: Can = Can()
    limits: tuple[str, ...] = ()


class Want(Value, frozen=True, kw_only=True):
    """A look that would settle a sign: the probe's name and its arguments, as text."""

    probe: str
    args: tuple[str, ...] = ()


class Wanted(Value, frozen=True, kw_only=True):
    """A look and the number of causes that it may settle."""

    want: Want
    splits: int


class Note(Value, frozen=True, kw_only=True):
    """What is no cause of the target: see the taxonomy. `probe` and `reason` say why a look has no result."""

    kind: Literal["not-evaluated", "probe-error", "state-changed", "permission-needed", "info"]
    text: str
    stage: Stage | None = None
    probe: Want | None = None
    reason: Why | None = None
    evidence: tuple[str, ...] = ()


# ---------------------------------------------------------------- what was seen


class Ending(Value, frozen=True, kw_only=True):
    """What every observation begins with: how it ended, when, and the system's own words.

    `stage` is the stage that an observation of this kind belongs to when it is the user's own attempt.
    """

    stage: ClassVar[Stage | None] = None

    @property
    def own(self) -> bool:
        """Whether this is the user's own attempt, not a probe beside it."""
        return getattr(self, "role", "target") == "target"

    id: str = ""
    outcome: Outcome
    began: float = 0.0
    took: float = 0.0
    errno: Errno | None = None
    icmp: Icmp | None = None
    os_says: str = ""


class Lookup(Ending, frozen=True, kw_only=True, tag_field="kind", tag="lookup"):
    """One question about a name. `via`: "system" is getaddrinfo, "wire" a DNS query of ours."""

    stage: ClassVar[Stage | None] = "dns"

    @property
    def own(self) -> bool:
        return self.via == "system"

    name: str
    qtype: str = "ANY"  # "A", "AAAA"; "ANY" for getaddrinfo
    via: Literal["system", "wire"]
    resolver: str | None = None
    transport: Transport | None = None
    addresses: tuple[str, ...] = ()
    rcode: str | None = None
    ede: tuple[tuple[int, str], ...] = ()  # RFC 8914 code, text
    aliases: tuple[str, ...] = ()  # the CNAME chain, in order
    flags: tuple[str, ...] = ()
    ttl: int | None = None
    checking_disabled: bool = False


class HostsFile(Ending, frozen=True, kw_only=True, tag_field="kind", tag="hosts-file"):
    """The lines of the hosts file that name the host: (line number, address, text)."""

    name: str
    path: str
    lines: tuple[tuple[int, str, str], ...] = ()


class Connect(Ending, frozen=True, kw_only=True, tag_field="kind", tag="connect"):
    """One TCP connection attempt.

    `role`: "target" the asked port, "repeat" the asked port again, "control" another port of the
    same host, "negative" a port nobody should use, "elsewhere" another address for comparison.
    `syns`: SYNs sent; `unanswered_at`: when each unanswered SYN left, seconds after `began`, as far
    as TCP_INFO told; `limit`: how long we were ready to wait; `rtt`: the kernel's estimate.
    `series`: the place in an ordered series of attempts, from 2 (the user's own connection is the first).
    """

    stage: ClassVar[Stage | None] = "tcp"

    address: str
    port: int
    role: Literal["target", "repeat", "control", "negative", "elsewhere"] = "target"
    source: str | None = None
    source_port: int | None = None
    syns: int | None = None
    unanswered_at: tuple[float, ...] = ()
    limit: float | None = None
    rtt: float | None = None
    mss_clamp: int | None = None
    self_connected: bool = False
    series: int | None = None


class Hop(Value, frozen=True, kw_only=True):
    """One TTL of a trace. `address` is who answered: the router for ttl-expired, the offender of a reject."""

    ttl: int
    outcome: Outcome
    address: str | None = None
    took: float = 0.0
    icmp: Icmp | None = None


class Trace(Ending, frozen=True, kw_only=True, tag_field="kind", tag="trace"):
    """One round of TTL-limited connects to a port. `hops` in TTL order; only TTLs that were sent.

    `role`: "target" the asked port, "control" an open port of the same host, "chance" a high port picked at random:
    what treats it treats whatever comes for the host.
    """

    address: str
    port: int
    role: Literal["target", "control", "chance", "elsewhere"] = "target"
    round: int = 1
    transport: Transport = "tcp"
    hops: tuple[Hop, ...] = ()


class Route(Ending, frozen=True, kw_only=True, tag_field="kind", tag="route"):
    """This machine's routing decision. `type`: unicast, local, blackhole, prohibit, unreachable, none."""

    address: str
    type: str = "unicast"
    gateway: str | None = None
    interface: str | None = None
    source: str | None = None
    prefix: str | None = None
    table: int | None = None


class Neighbour(Ending, frozen=True, kw_only=True, tag_field="kind", tag="neighbour"):
    """The neighbour (ARP, ND) entry of an on-link address; `state` is the kernel's word, "none" if absent."""

    address: str
    interface: str | None = None
    state: str = "none"


class Interface(Value, frozen=True, kw_only=True):
    """One network interface with its addresses in prefix notation; `tentative`: those not usable yet (IPv6 DAD)."""

    name: str
    up: bool
    running: bool
    loopback: bool = False
    addresses: tuple[str, ...] = ()
    tentative: tuple[str, ...] = ()


class Interfaces(Ending, frozen=True, kw_only=True, tag_field="kind", tag="interfaces"):
    """All interfaces of this machine."""

    rows: tuple[Interface, ...] = ()


class Holder(Value, frozen=True, kw_only=True):
    """The process behind a socket, as far as this user may see it. `since` is UTC, ISO 8601."""

    pid: int | None = None
    name: str | None = None
    command: str | None = None
    user: str | None = None
    unit: str | None = None
    container: str | None = None
    since: str | None = None


class Listener(Value, frozen=True, kw_only=True):
    """A socket of this machine. `state`: LISTEN, BOUND (bound, not listening), ESTABLISHED, TIME_WAIT, …"""

    transport: Transport = "tcp"
    address: str
    port: int
    state: str = "LISTEN"
    peer: str | None = None
    uid: int | None = None
    inode: int | None = None
    v6only: bool | None = None
    queued: int | None = None  # connections waiting in accept()
    backlog: int | None = None
    holder: Holder | None = None


class Listeners(Ending, frozen=True, kw_only=True, tag_field="kind", tag="listeners"):
    """The socket table of this machine for one port. `complete`: every user's rows were read."""

    port: int
    transport: Transport = "tcp"
    complete: bool = False
    bound_shown: bool = False  # the kernel also lists sockets that are bound and do not listen
    rows: tuple[Listener, ...] = ()


class Bind(Ending, frozen=True, kw_only=True, tag_field="kind", tag="bind"):
    """One real bind. `reuse`: with SO_REUSEADDR, as servers do. `listened`: listen() succeeded too."""

    stage: ClassVar[Stage | None] = "bind"

    address: str
    port: int
    transport: Transport = "tcp"
    reuse: bool = False
    listened: bool = False
    v6only: bool | None = None


class Ports(Ending, frozen=True, kw_only=True, tag_field="kind", tag="port-policy"):
    """What this kernel says about ports: ranges are (first, last)."""

    unprivileged_start: int | None = None
    ephemeral: tuple[int, int] | None = None
    reserved: tuple[tuple[int, int], ...] = ()
    bind_capability: bool | None = None  # this process holds CAP_NET_BIND_SERVICE


class Counters(Ending, frozen=True, kw_only=True, tag_field="kind", tag="counters"):
    """Kernel counters and limits at one moment, by their own names (ListenOverflows, nf_conntrack_count, …)."""

    values: dict[str, int] = {}


class Certificate(Value, frozen=True, kw_only=True):
    """One certificate of the chain. Times are UTC, ISO 8601; `names` are its subjectAltName entries."""

    subject: str = ""
    issuer: str = ""
    not_before: str | None = None
    not_after: str | None = None
    names: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()  # where the issuer publishes its own certificate (AIA caIssuers)
    serial: str | None = None
    sha256: str | None = None
    self_signed: bool = False


class Handshake(Ending, frozen=True, kw_only=True, tag_field="kind", tag="handshake"):
    """One TLS handshake. `reason` is OpenSSL's word, `alert` the peer's, `sample` its first bytes if not TLS."""

    stage: ClassVar[Stage | None] = "tls"

    address: str
    port: int
    role: Literal["target", "repeat", "variant"] = "target"
    sni: str | None = None
    version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    verified: bool | None = None
    verify_code: int | None = None
    verify_message: str | None = None
    trust: str | None = None  # the trust store that was used
    trust_anchors: int | None = None  # authorities in it; None where they are not counted beforehand
    reason: str | None = None
    alert: str | None = None
    chain: tuple[Certificate, ...] = ()
    sample: str | None = None
    sample_protocol: str | None = None
    received: int = 0  # bytes the peer sent
    client_cert_asked: bool | None = None
    mss_clamp: int | None = None  # bytes a segment, when the connection was opened with TCP_MAXSEG


class Greeting(Ending, frozen=True, kw_only=True, tag_field="kind", tag="greeting"):
    """The first bytes of a service. `text` is a sanitised sample; `protocol` what we recognise in it."""

    stage: ClassVar[Stage | None] = "app"

    address: str
    port: int
    role: Literal["target", "repeat", "variant"] = "target"
    expected: str | None = None
    protocol: str | None = None
    text: str = ""
    received: int = 0
    sent: str | None = None  # what we said first, if anything
    waited: float | None = None
    mss_clamp: int | None = None  # bytes a segment, when the connection was opened with TCP_MAXSEG
    alert: str | None = None  # the peer's TLS alert, when it came only after the handshake


class HttpReply(Ending, frozen=True, kw_only=True, tag_field="kind", tag="http-reply"):
    """The answer to one HTTP request. `text` is a sanitised sample of the body or of what came instead."""

    stage: ClassVar[Stage | None] = "http"

    address: str
    port: int
    role: Literal["target", "repeat", "variant"] = "target"
    method: str = "GET"
    status: int | None = None
    phrase: str = ""
    version: str | None = None
    headers: dict[str, str] = {}  # a chosen few, lower-case names
    location: str | None = None
    protocol: str | None = None  # what answered when it was not HTTP
    text: str = ""
    received: int = 0
    first_byte: float | None = None  # seconds from the request to the first byte
    redirects: int = 0  # redirects to the same place that were followed before this answer
    mss_clamp: int | None = None  # bytes a segment, when the connection was opened with TCP_MAXSEG
    alert: str | None = None  # the peer's TLS alert, when it came only after the handshake


class Datagram(Ending, frozen=True, kw_only=True, tag_field="kind", tag="datagram"):
    """One UDP exchange. `call`: the system call that failed; `protocol` and `text` say what the answer was."""

    stage: ClassVar[Stage | None] = "udp"

    address: str
    port: int
    role: Literal["target", "repeat", "control"] = "target"
    payload: str = ""
    sent: int = 0
    replies: int = 0
    protocol: str | None = None
    text: str = ""
    limit: float | None = None
    source: str | None = None
    source_port: int | None = None
    call: Literal["socket", "bind", "connect", "send", "receive"] | None = None


class Other(Ending, frozen=True, kw_only=True, tag_field="kind", tag="other"):
    """An observation of a kind that this version does not know; `raw` is its JSON."""

    was: str = ""
    raw: str = ""


Observation = (
    Lookup | HostsFile | Connect | Trace | Route | Neighbour | Interfaces | Listeners | Bind | Ports
    | Counters | Handshake | Greeting | HttpReply | Datagram | Other
)  # fmt: skip
Kind = TypeVar("Kind", bound=Ending)


class Report(Value, frozen=True, kw_only=True):
    """The record: what was asked, from where, what was seen. `diagnose` needs nothing else."""

    schema: str = SCHEMA
    portdoctor: str = ""
    target: Target
    vantage: Vantage = Vantage()
    options: Options = Options()
    observations: tuple[Observation, ...] = ()
    notes: tuple[Note, ...] = ()
    interrupted: bool = False
    others: tuple[Report, ...] = ()  # the same case seen from other places (`diagnose --merge`)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Observations of one kind, in order."""
        return [o for o in self.observations if isinstance(o, kind)]


# ---------------------------------------------------------------- what it means


class Answer(Value, frozen=True, kw_only=True):
    """One possible answer of a test and the cause it points to."""

    answer: str
    then: str


class NextTest(Value, frozen=True, kw_only=True):
    """The test that would decide what is left, for a person to run."""

    where: str
    command: str
    if_: tuple[Answer, ...] = msgspec.field(name="if", default=())


class Step(Value, frozen=True, kw_only=True):
    """Something to do."""

    text: str
    command: str = ""
    scope: Literal["this-machine", "network", "server"] = "server"
    risk: Literal["none", "low", "high"] = "none"


class Candidate(Value, frozen=True, kw_only=True):
    """A cause that still fits and the signs that would settle it."""

    cause: str
    title: str = ""
    missing: tuple[str, ...] = ()


class RuledOut(Value, frozen=True, kw_only=True):
    """A cause that the evidence contradicts."""

    cause: str
    title: str = ""
    because: str
    evidence: tuple[str, ...] = ()


class Problem(Value, frozen=True, kw_only=True):
    """A symptom of a subject with its cause or candidates."""

    id: str
    symptom: Symptom
    cause: str | None = None
    because: str | None = None
    because_certainty: Certainty | None = None  # how sure that one is: where it fails may be surer than why
    certainty: Certainty = "undetermined"
    title: str = ""
    explanation: str = ""
    owner: Owner = "unknown"
    subject: Subject = Subject(kind="target")
    stage: Stage | None = None
    evidence: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()  # the facts behind the cause, a sentence each
    candidates: tuple[Candidate, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    next_test: NextTest | None = None
    steps: tuple[Step, ...] = ()
    hidden: tuple[str, ...] = ()


class Verdict(Value, frozen=True, kw_only=True):
    """The answer in one line: the first problem, or that there is none."""

    symptom: Symptom
    cause: str | None = None
    certainty: Certainty = "undetermined"
    title: str = ""
    explanation: str = ""
    owner: Owner = "unknown"


class StageLine(Value, frozen=True, kw_only=True):
    """One stage as the user sees it."""

    name: Stage
    status: Literal["ok", "failed", "slow", "skipped"]
    took: float | None = None
    summary: str = ""
    skipped_because: str | None = None


class Diagnosis(Value, frozen=True, kw_only=True):
    """What a report means. `wants` are the looks that would decide what is open."""

    verdict: Verdict
    problems: tuple[Problem, ...] = ()
    unexplained: tuple[str, ...] = ()
    stages: tuple[StageLine, ...] = ()
    notes: tuple[Note, ...] = ()
    wants: tuple[Wanted, ...] = ()


# ---------------------------------------------------------------- what may be sent

PLAN_SCHEMA = "portdoctor.plan/1"
When = Literal["always", "when-silent", "when-it-fails"]
Per = Literal["target", "address", "resolver"]


class PlannedProbe(Value, frozen=True, kw_only=True):
    """Something that may be sent by one try: `what`, at most `most` times for each `per`.

    `probe` is the name of a look, or of what the stage consists of. `to` names whom, as far as that is known
    before anything is sent; `ports` are theirs.
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
    """What `--plan` writes. Nothing of it was sent.

    `addresses`: how many of the target's at most; `seconds`: of one try; `tries`: how often all of it, with --wait.
    `reads`: what is read on this machine alone.
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
