"""Reports made by hand, with the diagnoses that belong to them: what the renderers are tried on."""

from __future__ import annotations

from portdoctor.model import (
    Answer,
    Bind,
    Can,
    Candidate,
    Certificate,
    Connect,
    Diagnosis,
    Errno,
    Handshake,
    Holder,
    Hop,
    HttpReply,
    Icmp,
    Listener,
    Listeners,
    Lookup,
    NextTest,
    Note,
    Outcome,
    Problem,
    Report,
    RuledOut,
    Stage,
    StageLine,
    Step,
    Subject,
    Target,
    Trace,
    Vantage,
    Verdict,
)

Case = tuple[Report, Diagnosis]
SHOP = "203.0.113.45"
REFUSED = Errno(name="ECONNREFUSED", number=111)
TIMED_OUT = Errno(name="ETIMEDOUT", number=110)
VANTAGE = Vantage(
    host="workstation-7",
    os="Linux 6.18",
    user="dana",
    started="2026-11-22T09:14:03.120Z",
    source_address="192.0.2.7",
    interface="eth0",
    gateway="192.0.2.1",
    resolvers=("192.0.2.53",),
    can=Can(error_queue=True, ttl_trace=True, listener_table="own", neighbour_table=True),
    limits=("Other users' processes cannot be seen: that needs root.",),
)


def _target(port: int, service: str | None = None, *stages: Stage, host: str = "shop.example.com") -> Target:
    return Target(input=f"{host}:{port}", host=host, port=port, service=service, stages=stages or ("dns", "tcp"))


def _lookup(*addresses: str) -> Lookup:
    return Lookup(
        id="o1", outcome=Outcome.OK, took=0.0121, name="shop.example.com", via="system", addresses=addresses or (SHOP,)
    )


def _verdict(problem: Problem) -> Verdict:
    return Verdict(
        symptom=problem.symptom, cause=problem.cause, certainty=problem.certainty, title=problem.title,
        explanation=problem.explanation, owner=problem.owner,
    )  # fmt: skip


def _diagnosis(stages: tuple[StageLine, ...], *problems: Problem, **more: object) -> Diagnosis:
    return Diagnosis(verdict=_verdict(problems[0]), problems=problems, stages=stages, **more)  # type: ignore[arg-type]


_DNS = StageLine(name="dns", status="ok", took=0.0121, summary=SHOP)


def ok() -> Case:
    """Everything works, over TLS."""
    report = Report(
        portdoctor="0.1.0",
        target=_target(443, "https", "dns", "tcp", "tls", "http"),
        vantage=VANTAGE,
        observations=(
            _lookup(),
            Connect(id="o2", outcome=Outcome.OK, began=0.012, took=0.0241, address=SHOP, port=443),
            Handshake(
                id="o3", outcome=Outcome.OK, began=0.04, took=0.051, address=SHOP, port=443, sni="shop.example.com",
                version="TLSv1.3", alpn="http/1.1", verified=True,
            ),
            HttpReply(id="o4", outcome=Outcome.OK, began=0.1, took=0.08, address=SHOP, port=443, status=200),
        ),
    )  # fmt: skip
    stages = (
        _DNS,
        StageLine(name="tcp", status="ok", took=0.0241, summary=f"{SHOP} answers on port 443"),
        StageLine(name="tls", status="ok", took=0.051, summary="TLSv1.3 (http/1.1)"),
        StageLine(name="http", status="ok", took=0.08, summary="200 OK"),
    )
    verdict = Verdict(
        symptom="ok", certainty="certain", title="It works",
        explanation="shop.example.com accepts connections on port 443, and every stage that was looked at is well.",
    )  # fmt: skip
    return report, Diagnosis(verdict=verdict, stages=stages)


def refused() -> Case:
    """A closed port: a reset from the host's distance, likely no listener."""
    report = Report(
        portdoctor="0.1.0",
        target=_target(8443, "https", "dns", "tcp", "tls"),
        vantage=VANTAGE,
        observations=(
            _lookup(),
            Connect(
                id="o2", outcome=Outcome.REFUSED, began=0.0123, took=0.0241, errno=REFUSED,
                os_says="Connection refused", address=SHOP, port=8443, source="192.0.2.7", source_port=40112, syns=1,
            ),
            Connect(id="o3", outcome=Outcome.OK, began=0.04, took=0.0239, address=SHOP, port=443, role="control"),
        ),
    )  # fmt: skip
    stages = (
        _DNS,
        StageLine(name="tcp", status="failed", took=0.0241, summary="Connection refused (ECONNREFUSED)"),
        StageLine(name="tls", status="skipped", skipped_because="tcp failed"),
    )
    problem = Problem(
        id="p1", symptom="connection-refused", cause="tcp.no-listener", certainty="likely",
        title="Nothing is listening on this port",
        explanation=f"Nothing listens on {SHOP} port 8443. The refusal was a TCP reset (RST) after 24 ms, without an "
        "ICMP error.",
        owner="server-operator", subject=Subject(kind="address", values=(SHOP,)), stage="tcp", evidence=("o2", "o3"),
        signs=("The refusal was a TCP reset (RST) after 24 ms, without an ICMP error.",),
        ruled_out=(
            RuledOut(
                cause="tcp.rejected-by-firewall", title="A firewall rejects the connection",
                because="The refusal carried no ICMP error.", evidence=("o2",),
            ),
            RuledOut(
                cause="tcp.refused-by-middlebox", title="A device in front of the server refuses this port",
                because="The refusal comes from hop 4, no nearer than the host that answers port 443.",
                evidence=("o2", "o3"),
            ),
        ),
        next_test=NextTest(
            where="server", command="ss -ltn 'sport = :8443'",
            if_=(
                Answer(answer="a line: something listens, and a device refuses", then="tcp.refused-by-middlebox"),
                Answer(answer="no line: nothing listens", then="tcp.no-listener"),
            ),
        ),
        steps=(
            Step(text="See what listens on the port.", command="ss -ltnp 'sport = :8443'", scope="server"),
            Step(text="Start the service, or give the port that it really uses.", scope="server", risk="low"),
        ),
    )  # fmt: skip
    return report, _diagnosis(stages, problem)


def _hops(*routers: str, silent_to: int = 0) -> tuple[Hop, ...]:
    expired = [
        Hop(ttl=n, outcome=Outcome.TTL_EXPIRED, address=a, took=0.01 * n, icmp=Icmp(type=11, code=0, offender=a))
        for n, a in enumerate(routers, 1)
    ]
    silent = [Hop(ttl=n, outcome=Outcome.TIMEOUT) for n in range(len(routers) + 1, silent_to + 1)]
    return (*expired, *silent)


def filtered() -> Case:
    """A port that a router drops, with the trace that shows where."""
    near, far, last = "198.51.100.1", "10.0.12.2", "10.0.23.3"
    traces = tuple(
        Trace(
            id=f"o{4 + 2 * n + (role == 'control')}", outcome=Outcome.OK, began=0.4 + n, took=0.6, address=SHOP,
            port=80 if role == "control" else 8080, role=role, round=n + 1,
            hops=(*_hops(near, far, last), Hop(ttl=4, outcome=Outcome.OK, address=SHOP, took=0.05))
            if role == "control" else _hops(near, far, silent_to=6),
        )
        for n in range(2) for role in ("target", "control")
    )  # fmt: skip
    report = Report(
        portdoctor="0.1.0",
        target=_target(8080, "http-alt"),
        vantage=VANTAGE,
        observations=(
            _lookup(),
            Connect(
                id="o2", outcome=Outcome.TIMEOUT, began=0.0123, took=1.9, address=SHOP, port=8080, syns=2,
                unanswered_at=(0.0, 1.03), limit=1.9, errno=TIMED_OUT, os_says="Connection timed out",
            ),
            Connect(id="o3", outcome=Outcome.OK, began=0.4, took=0.0511, address=SHOP, port=80, role="control"),
            *traces,
        ),
        notes=(Note(kind="info", text="Two rounds of the trace were made, a second apart."),),
    )  # fmt: skip
    stages = (_DNS, StageLine(name="tcp", status="failed", took=1.9, summary="no answer to 2 SYNs in 1.9 s"))
    problem = Problem(
        id="p1", symptom="timeout", cause="tcp.port-filtered", certainty="certain",
        title="A device on the way drops this port",
        explanation=f"A device on the way to {SHOP} drops port 8080. In 2 rounds, packets to port 80 reached "
        "10.0.23.3 at hop 3, those to port 8080 did not get past hop 2.",
        owner="network", subject=Subject(kind="address", values=(SHOP,)), stage="tcp",
        evidence=("o2", "o3", "o4", "o5", "o6", "o7"),
        signs=("Packets to port 80 reached 10.0.23.3 at hop 3, those to port 8080 did not get past hop 2.",),
        ruled_out=(
            RuledOut(cause="tcp.no-listener", because="The connection was not refused.", evidence=("o2",)),
            RuledOut(cause="tcp.host-silent", because="Port 80 of this address accepts connections.", evidence=("o3",)),
        ),
        steps=(Step(text="Ask for a rule that lets port 8080 pass at or behind 10.0.12.2.", scope="network"),),
    )  # fmt: skip
    return report, _diagnosis(stages, problem)


def one_dead() -> Case:
    """Two addresses, one of them dead: degraded, with the cause found there."""
    six = "2001:db8::45"
    report = Report(
        portdoctor="0.1.0",
        target=_target(443, "https"),
        vantage=VANTAGE,
        observations=(
            _lookup(six, SHOP),
            Connect(
                id="o2", outcome=Outcome.HOST_UNREACHABLE, began=0.0123, took=3.06, address=six, port=443,
                errno=Errno(name="EHOSTUNREACH", number=113), os_says="No route to host",
                icmp=Icmp(type=1, code=3, offender="2001:db8:1::1"),
            ),
            Connect(id="o3", outcome=Outcome.OK, began=0.0123, took=0.02, address=SHOP, port=443),
        ),
    )  # fmt: skip
    stages = (
        StageLine(name="dns", status="ok", took=0.0121, summary=f"{six}, {SHOP}"),
        StageLine(name="tcp", status="ok", took=0.02, summary=f"{SHOP} answers on port 443; 1 of 2 addresses failed"),
    )
    dead = Problem(
        id="p2", symptom="unreachable", cause="tcp.host-unreachable", certainty="likely",
        title="The last router cannot find the host", explanation=f"The last router cannot find {six}.",
        owner="server-operator", subject=Subject(kind="address", values=(six,)), stage="tcp", evidence=("o2",),
    )  # fmt: skip
    over = Problem(
        id="p1", symptom="degraded", cause="tcp.one-address-dead", because="tcp.host-unreachable", certainty="certain",
        title="One of several addresses fails",
        explanation=f"1 of 2 addresses of shop.example.com fails. The last router cannot find {six}.",
        owner="server-operator", evidence=("o2", "o3"), hidden=("p2",),
    )  # fmt: skip
    return report, _diagnosis(stages, over, dead)


def bind_conflict() -> Case:
    """`bind 127.0.0.1:8080` while nginx holds 0.0.0.0:8080."""
    in_use = Errno(name="EADDRINUSE", number=98)
    report = Report(
        portdoctor="0.1.0",
        target=Target(input="127.0.0.1:8080", host="127.0.0.1", port=8080, stages=("bind",)),
        vantage=VANTAGE,
        observations=(
            Bind(
                id="o1", outcome=Outcome.ADDRESS_IN_USE, took=0.0001, errno=in_use, os_says="Address already in use",
                address="127.0.0.1", port=8080, reuse=True,
            ),
            Listeners(
                id="o2", outcome=Outcome.OK, took=0.002, port=8080, complete=True, bound_shown=True,
                rows=(
                    Listener(
                        address="0.0.0.0", port=8080, uid=0,
                        holder=Holder(pid=812, name="nginx", user="root", unit="nginx.service"),
                    ),
                ),
            ),
        ),
    )  # fmt: skip
    stages = (StageLine(name="bind", status="failed", took=0.0001, summary="Address already in use (EADDRINUSE)"),)
    problem = Problem(
        id="p1", symptom="port-conflict", cause="bind.in-use-wildcard", certainty="certain",
        title="Another address of this port is taken, and it overlaps",
        explanation="nginx (pid 812) holds port 8080 on all addresses.", owner="this-machine",
        subject=Subject(kind="local", values=("127.0.0.1:8080",)), stage="bind", evidence=("o1", "o2"),
        steps=(
            Step(text="Stop the other program.", command="systemctl stop nginx", scope="this-machine", risk="high"),
        ),
    )  # fmt: skip
    return report, _diagnosis(stages, problem)


def no_name() -> Case:
    """The name does not exist."""
    report = Report(
        portdoctor="0.1.0",
        target=_target(443, "https", "dns", "tcp", "tls", host="shpo.example.com"),
        vantage=VANTAGE,
        observations=(
            Lookup(
                id="o1", outcome=Outcome.NAME_NOT_FOUND, took=0.02, name="shpo.example.com", via="system",
                os_says="Name or service not known",
            ),
            Lookup(
                id="o2", outcome=Outcome.NAME_NOT_FOUND, took=0.018, name="shpo.example.com", qtype="A", via="wire",
                resolver="192.0.2.53", transport="udp", rcode="NXDOMAIN",
            ),
        ),
    )  # fmt: skip
    stages = (
        StageLine(name="dns", status="failed", took=0.02, summary="Name or service not known"),
        StageLine(name="tcp", status="skipped", skipped_because="no address"),
        StageLine(name="tls", status="skipped", skipped_because="no address"),
    )
    problem = Problem(
        id="p1", symptom="name-not-resolved", cause="dns.nxdomain", certainty="certain",
        title="The name does not exist",
        explanation="shpo.example.com does not exist. 192.0.2.53 answered NXDOMAIN.", owner="dns-operator",
        subject=Subject(kind="name", values=("shpo.example.com",)), stage="dns", evidence=("o1", "o2"),
        ruled_out=(RuledOut(cause="dns.resolver-silent", because="192.0.2.53 answered.", evidence=("o2",)),),
        steps=(
            Step(text="Look for a typing mistake in the name.", scope="this-machine"),
            Step(text="Ask the resolver.", command="dig @192.0.2.53 shpo.example.com A", scope="this-machine"),
        ),
    )  # fmt: skip
    return report, _diagnosis(stages, problem)


def tls_expired() -> Case:
    """A certificate that ended last week."""
    leaf = Certificate(
        subject="CN=shop.example.com", issuer="CN=Example CA", not_before="2026-08-15T00:00:00Z",
        not_after="2026-11-15T00:00:00Z", names=("shop.example.com",), serial="04d2", sha256="ab" * 32,
    )  # fmt: skip
    report = Report(
        portdoctor="0.1.0",
        target=_target(443, "https", "dns", "tcp", "tls", "http"),
        vantage=VANTAGE,
        observations=(
            _lookup(),
            Connect(id="o2", outcome=Outcome.OK, began=0.012, took=0.0241, address=SHOP, port=443),
            Handshake(
                id="o3", outcome=Outcome.UNTRUSTED, began=0.04, took=0.051, address=SHOP, port=443,
                sni="shop.example.com", version="TLSv1.3", verified=False, verify_code=10,
                verify_message="certificate has expired", chain=(leaf,), trust="the system's trust store",
            ),
        ),
    )  # fmt: skip
    stages = (
        _DNS,
        StageLine(name="tcp", status="ok", took=0.0241, summary=f"{SHOP} answers on port 443"),
        StageLine(name="tls", status="failed", took=0.051, summary="certificate has expired"),
        StageLine(name="http", status="skipped", skipped_because="tls failed"),
    )
    problem = Problem(
        id="p1", symptom="tls-failed", cause="tls.cert-expired", certainty="certain",
        title="The certificate has expired",
        explanation="The certificate of shop.example.com ended on 2026-11-15.", owner="certificate-owner",
        subject=Subject(kind="address", values=(SHOP,)), stage="tls", evidence=("o3",),
        steps=(Step(text="Renew the certificate and load it.", scope="server", risk="low"),),
    )  # fmt: skip
    return report, _diagnosis(stages, problem)


def undecided() -> Case:
    """Silence, and nothing that separates what is left; many candidates, notes and something unexplained."""
    report = Report(
        portdoctor="0.1.0",
        target=_target(5432, "postgresql"),
        vantage=VANTAGE,
        observations=(
            _lookup(),
            Connect(
                id="o2", outcome=Outcome.TIMEOUT, began=0.0123, took=3.0, address=SHOP, port=5432, syns=3,
                os_says="Connection timed out", errno=TIMED_OUT,
            ),
            Lookup(
                id="o3", outcome=Outcome.SERVER_FAILURE, took=0.3, name="shop.example.com", qtype="AAAA", via="wire",
                resolver="192.0.2.53", rcode="SERVFAIL",
            ),
        ),
        notes=(
            Note(kind="permission-needed", text="The firewall's rules of this machine need root to be read."),
            Note(kind="not-evaluated", text="No other port was tried: --no-controls.", stage="tcp"),
        ),
    )  # fmt: skip
    stages = (_DNS, StageLine(name="tcp", status="failed", took=3.0, summary="no answer to 3 SYNs in 3.0 s"))
    names = ("tcp.port-filtered", "tcp.host-silent", "tcp.path-dead", "local.firewall-drop", "tcp.listen-queue-full")
    problem = Problem(
        id="p1", symptom="timeout", certainty="undetermined", title="The evidence fits more than one cause",
        explanation="No answer came to 3 SYNs in 3.0 s.", subject=Subject(kind="address", values=(SHOP,)), stage="tcp",
        evidence=("o2",),
        candidates=tuple(Candidate(cause=n, title=f"A reason for silence, {n[4:]}", missing=("x",)) for n in names),
        ruled_out=tuple(RuledOut(cause=f"local.case-{n}", because="A route was found. " * 4) for n in range(5)),
        next_test=NextTest(
            where="server",
            command="tcpdump -ni any 'tcp port 5432 and host 192.0.2.7 and tcp[tcpflags] & tcp-syn != 0'",
            if_=(
                Answer(answer="packets arrive: the answer is lost on its way back", then="tcp.return-path-broken"),
                Answer(answer="no packet arrives: it is dropped on the way", then="tcp.port-filtered"),
            ),
        ),
    )  # fmt: skip
    return report, _diagnosis(stages, problem, unexplained=("o3",))


ALL = {
    f.__name__: f for f in (ok, refused, filtered, one_dead, bind_conflict, no_name, tls_expired, undecided)
}
