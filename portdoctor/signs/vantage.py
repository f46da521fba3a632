"""Signs that need a second vantage point: merged reports of one case. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Answer, Connect, Listeners, Outcome, Report, Subject
from ..text import at
from .base import Ask, Reading, present, sign, unknown
from .observed import own_attempt, report_of_target


@sign("the connection succeeds from another vantage point")
def works_elsewhere(report: Report, subject: Subject) -> Reading:
    """Another vantage point, which is not the target itself, connects to the same address and port."""
    own = own_attempt(report, subject)
    for other in report.others:
        o = own_attempt(other, subject)
        if o is None or o.outcome is not Outcome.OK or other is report_of_target(report, subject):
            continue
        if own is not None and o.source == own.source:
            continue
        fact = f"The connection to {at(o.address, o.port)} succeeds from {o.source or 'another vantage point'}."
        return present(fact, o)
    ask = Ask(
        where="elsewhere",
        commands={
            "linux": "nc -vz -w 3 {address} {port}",
            "macos": "nc -vz -G 3 {address} {port}",
            "windows": "Test-NetConnection {address} -Port {port}",
        },
        answers=(
            Answer(answer="it connects: your own address is filtered", then="tcp.source-filtered"),
            Answer(answer="no response either: the port is filtered for all sources", then="tcp.port-filtered"),
        ),
    )
    seen = [o for other in report.others if (o := own_attempt(other, subject)) is not None]
    says = "No report from another vantage point was merged." if not seen else "No other vantage point connects."
    return unknown("needs-person" if not seen else "no-answer", *seen, says=says, ask=None if seen else ask)


@sign("our SYN arrives at the server")
def syn_arrives(report: Report, subject: Subject) -> Reading:
    """The server's socket table has a half-open connection (SYN_RECV) from our address: our SYN arrived."""
    own, there = own_attempt(report, subject), report_of_target(report, subject)
    if there is not None and there is not report and own is not None and own.source:
        tables = [o for o in there.of(Listeners) if o.port == report.target.port]
        for table in tables:
            half = [r for r in table.rows if r.state == "SYN_RECV" and r.peer and _address(r.peer) == own.source]
            if half:
                fact = f"The server has a half-open connection (SYN_RECV) from {own.source}: our SYN arrived."
                return present(fact, table)
    ask = Ask(
        where="server",
        commands={"linux": "sudo tcpdump -ni any 'tcp port {port} and host {source}'"},
        answers=(
            Answer(answer="SYNs arrive and SYN-ACKs leave: the return path is broken", then="tcp.return-path-broken"),
            Answer(answer="nothing arrives: the packets are dropped before the server", then="tcp.port-filtered"),
        ),
    )
    return unknown("needs-person", says="Whether the SYN arrives at the server was not observed.", ask=ask)


@sign("the server itself can connect to the port")
def server_connects_to_itself(report: Report, subject: Subject) -> Reading:
    """On the server itself, the same address and port accept a connection."""
    there = report_of_target(report, subject)
    if there is None or there is report:
        return unknown("needs-person", says="No report from the server was merged.")
    found = [o for o in there.of(Connect) if o.role == "target" and o.address in subject.values]
    good = [o for o in found if o.outcome is Outcome.OK]
    if good:
        return present(f"On the server itself, {at(good[0].address, good[0].port)} accepts connections.", good[0])
    return unknown("no-answer", *found, says="No attempt on the server itself connected.")


def _address(peer: str) -> str:
    """Return the address of "10.0.1.1:40890" or "[fd00::1]:40890"; an IPv4-mapped one as IPv4."""
    host = peer.rpartition(":")[0] if peer.count(":") == 1 or peer.startswith("[") else peer
    return host.strip("[]").removeprefix("::ffff:")
