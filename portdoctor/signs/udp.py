"""Signs about an exchange of datagrams. Pure; the subject is an address.

UDP has no connection: a response or an error is a witness, silence is not. For a TCP target every sign here is absent.
"""

from __future__ import annotations

from ..model import Answer, Datagram, Icmp, Listener, Listeners, Outcome, Report, Route, Subject, Want
from ..outcomes import answered, family_of
from ..services.fingerprints import spoken
from ..services.ports import known_service
from ..text import at, plural
from .base import Ask, Reading, absent, no_response, present, sign, unknown, unsettled
from .observed import (
    endpoint_text,
    icmp_sent,
    millis,
    other_attempts,
    own_attempt,
    plain_address,
    quoted,
    route_to,
)
from .sockets import serves

_PORT_UNREACHABLE = {(4, 3, 3), (6, 1, 4)}  # RFC 792, RFC 4443 section 3.1
_EMPTY = "empty datagram"  # the payload for a port whose service we do not know


def own_exchange(report: Report, subject: Subject) -> Datagram | None:
    """Return the user's own exchange with the address."""
    o = own_attempt(report, subject)
    return o if isinstance(o, Datagram) else None


def _not_udp(report: Report) -> Reading:
    if report.target.transport == "udp":
        return unknown("not-looked")
    return absent("The transport of the target is TCP, not UDP.")


def _is_port_unreachable(icmp: Icmp) -> bool:
    return (family_of(icmp.offender), icmp.type, icmp.code) in _PORT_UNREACHABLE


@sign("the target sent ICMP port unreachable")
def port_unreachable_from_target(report: Report, subject: Subject) -> Reading:
    """ICMP port unreachable (3/3, ICMPv6 1/4), sent by the target's own address.

    Could also be: the host's own firewall, whose reject rule sends the same; a device that translates addresses.
    Without an error queue the sender is known only where it must be this machine.
    """
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.outcome is not Outcome.REFUSED:
        fact = f"No ICMP port unreachable was received for {at(o.address, o.port)}."
        return no_response(o) or absent(fact, o)
    if o.icmp is None:
        route = route_to(report, subject)
        if route is not None and route.type == "local":
            fact = f"This machine refused the datagram to {at(o.address, o.port)} (ICMP port unreachable)."
            return present(fact, o, route)
        return unknown("not-possible-here", o, says="This system does not show which host refused the datagram.")
    fact = f"{icmp_sent(o.icmp)} after {millis(o.took)}"
    if not _is_port_unreachable(o.icmp):
        return absent(f"{fact}, not port unreachable.", o)
    if plain_address(o.icmp.offender) != plain_address(o.address):
        return absent(f"{fact}, not the target {o.address}.", o)
    return present(f"The target {fact}.", o)


@sign("no datagram received a response")
def silent(report: Report, subject: Subject) -> Reading:
    """No response and no error within the limit. It proves nothing about the host or the service."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.outcome is not Outcome.TIMEOUT:
        return absent(f"The exchange with {at(o.address, o.port)} did not time out.", o)
    sent = f"{plural(o.sent, 'datagram')} ({o.payload}) to {at(o.address, o.port)}"
    return present(f"No response and no error for {sent} in {o.took:.1f} s.", o)


@sign("this machine denied sending the datagram")
def send_denied(report: Report, subject: Subject) -> Reading:
    """send() failed with EPERM or EACCES, without an ICMP error: this machine dropped the datagram.

    Could also be: a full connection tracking table; a filter of the program's own control group (cgroup).
    """
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.call != "send" or o.outcome is not Outcome.DENIED or o.icmp is not None:
        return absent(f"This machine did not deny sending the datagram to {at(o.address, o.port)}.", o)
    name = o.errno.name if o.errno else "no errno"
    fact = f"send() to {at(o.address, o.port)} was denied ({name}); the datagram did not leave this machine."
    return present(fact, o)


@sign("the datagram is too big for the path")
def datagram_too_big(report: Report, subject: Subject) -> Reading:
    """A datagram that must not be fragmented does not fit: EMSGSIZE, or ICMP 3/4 (ICMPv6 2/0) from a router."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.outcome is not Outcome.MESSAGE_TOO_BIG:
        return absent(f"The datagram to {at(o.address, o.port)} was not reported as too big.", o)
    who = icmp_sent(o.icmp) if o.icmp else "send() failed with EMSGSIZE"
    return present(f"{who}: the datagram to {at(o.address, o.port)} ({o.payload}) is too big.", o)


@sign("the response is in a protocol other than the requested one")
def other_protocol(report: Report, subject: Subject) -> Reading:
    """A response was received that does not match the request in the protocol of this port."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.outcome is not Outcome.OTHER_PROTOCOL:
        return no_response(o) or absent(f"{at(o.address, o.port)} did not respond in another protocol.", o)
    what = spoken(o.protocol) if o.protocol else "an unknown protocol"
    return present(f"{at(o.address, o.port)} responded to the {o.payload} with {what}: {quoted(o.text, 60)}.", o)


# ---------------------------------------------------------------- a target that is this machine


def _local_table(report: Report, subject: Subject) -> tuple[Route | None, Listeners | None]:
    """Return the route to the address, and this machine's own UDP socket table for the port if it was read."""
    t = report.target
    tables = [
        o for o in report.of(Listeners)
        if (o.port, o.transport, o.outcome) == (t.port, "udp", Outcome.OK)
    ]  # fmt: skip
    return route_to(report, subject), tables[-1] if tables else None


def _receivers(table: Listeners, address: str) -> list[Listener]:
    """Return the sockets that receive datagrams from any peer; a connected one receives from its own peer only."""
    return [r for r in table.rows if not r.peer and serves(r.address, r.v6only, address)]


def _owner_of(row: Listener) -> str:
    if row.holder is not None and row.holder.name:
        return f"{row.holder.name} (pid {row.holder.pid})"
    return f"A process of uid {row.uid}" if row.uid is not None else "A process"


def _local_port(report: Report, subject: Subject, *, taken: bool) -> Reading:
    """Read whether a process on this machine uses the port; absent if the target is another machine."""
    if report.target.transport != "udp":
        return absent("The transport of the target is TCP, not UDP.")
    route, table = _local_table(report, subject)
    if route is None:
        return unsettled(report, Want(probe="route", args=subject.values[:1]))
    if route.type != "local":
        return absent(f"{route.address} is not this machine.", route)
    if table is None:
        return unsettled(report, Want(probe="listeners", args=(str(report.target.port), "udp")))
    rows = _receivers(table, subject.values[0])
    if rows:
        fact = f"{_owner_of(rows[0])} is using UDP port {report.target.port} at {subject.values[0]}."
        return present(fact, table) if taken else absent(fact, table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The socket table of this machine is incomplete.")
    fact = f"This machine has no UDP socket for {endpoint_text(report, subject)}."
    other = [r for r in table.rows if not r.peer]
    if other:
        row = other[0]
        fact = f"{_owner_of(row)} is using UDP port {report.target.port} at {row.address}, not at {subject.values[0]}."
    return absent(fact, table) if taken else present(fact, table)


@sign("a process on this machine uses the UDP port")
def local_port_in_use(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and a process uses the port at that address: a refusal has another cause."""
    return _local_port(report, subject, taken=True)


@sign("no socket on the target uses the UDP port")
def no_socket(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and its complete socket table has no socket for the port at that address.

    For another machine, only a person on it can check.
    """
    route, _ = _local_table(report, subject)
    if report.target.transport == "udp" and route is not None and route.type != "local":
        ask = Ask(
            where="server",
            commands={
                "linux": "ss -lun 'sport = :{port}'",
                "macos": "lsof -nP -iUDP:{port}",
                "windows": "Get-NetUDPEndpoint -LocalPort {port}",
            },
            answers=(
                Answer(answer="no line: no process uses the port", then="udp.closed"),
                Answer(
                    answer="a line with this address or *: a firewall on the server rejects",
                    then="udp.rejected-by-host-firewall",
                ),
            ),
        )  # fmt: skip
        return unknown("needs-person", says="The server's socket table was not read.", ask=ask)
    return _local_port(report, subject, taken=False)


@sign("the target sent ICMP port unreachable because no program uses the UDP port")
def port_closed(report: Report, subject: Subject) -> Reading:
    """Port unreachable from the target, and no socket there: the port is closed, and no rule rejects.

    Without the target's socket table it is unknown: a reject rule of the host sends the same error.
    """
    sent = port_unreachable_from_target(report, subject)
    return sent if sent.state == "absent" else no_socket(report, subject)


# ---------------------------------------------------------------- causes of silence


@sign("the target was probed over UDP; TCP ports can only show that it exists")
def tcp_comparison(report: Report, subject: Subject) -> Reading:
    """Present for every UDP probe; the sentence gives the result of TCP ports of the same host: whether it exists."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    controls = other_attempts(report, subject, "control")
    found = [c for c in controls if answered(c)]
    if found:
        best = next((c for c in found if c.outcome is Outcome.OK), found[0])
        return present(f"TCP port {best.port} of the same host ({best.address}) responds: the host exists.", o, best)
    if controls and all(c.outcome is Outcome.TIMEOUT for c in controls):
        fact = f"No response from {plural(len(controls), 'TCP port')} of the same host ({o.address})."
        return present(fact, o, *controls)
    return present(f"No TCP port showed whether the host {o.address} exists.", o, *controls)


@sign("the service does not respond to unknown clients or data")
def silent_service(report: Report, subject: Subject) -> Reading:
    """The service never responds, or responds only to clients it knows: silence is normal for it.

    Also, on this machine: a process uses the port, and the probe was an empty datagram.
    """
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    known = known_service(report.target.port, "udp")
    if known is not None and known.first == "silent":
        return present(f"{known.title} does not respond to unknown clients, even when it works.", o)
    if o.payload != _EMPTY:
        return absent(f"The probe used the protocol of the service ({o.payload}).", o)
    taken = _local_port(report, subject, taken=True)
    _, table = _local_table(report, subject)
    if taken.state == "present" and table is not None:
        return present(f"{taken.says} Which requests it answers is unknown.", table)
    fact = f"No service that ignores unknown clients is known for UDP port {o.port}."
    return no_response(o, says=fact) or absent(f"{at(o.address, o.port)} responded.", o)


@sign("the probe was a QUIC packet")
def quic_sent(report: Report, subject: Subject) -> Reading:
    """The probe was a QUIC packet of an unknown version: every QUIC server responds to it (RFC 9000, section 6)."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if not o.payload.startswith("QUIC"):
        return absent(f"The probe to {at(o.address, o.port)} was not QUIC.", o)
    return present(f"The probe to {at(o.address, o.port)} was a QUIC packet to which every QUIC server responds.", o)


@sign("the TCP port of the same number accepts connections")
def tcp_port_accepts(report: Report, subject: Subject) -> Reading:
    """The TCP port of the same number accepts connections: the host exists, and serves this port over TCP."""
    if report.target.transport != "udp":
        return absent("The transport of the target is TCP, not UDP.")
    controls = other_attempts(report, subject, "control")
    same = [o for o in controls if o.port == report.target.port]
    if not same:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), *controls, probed=bool(controls))
    if same[0].outcome is Outcome.OK:
        fact = f"TCP port {same[0].port} of the same host ({same[0].address}) connects in {millis(same[0].took)}."
        return present(fact, same[0])
    how = "refuses connections" if answered(same[0]) else "does not accept a connection"
    fact = f"TCP port {same[0].port} of the same host ({same[0].address}) {how}."
    return no_response(same[0]) or absent(fact, same[0])


@sign("the server advertises HTTP/3 over TCP")
def http3_advertised(report: Report, subject: Subject) -> Reading:
    """Over TCP the server advertises HTTP/3 (Alt-Svc header, RFC 7838). A person must check it."""
    if report.target.transport != "udp":
        return absent("The transport of the target is TCP, not UDP.")
    ask = Ask(
        where="here",
        commands={
            "linux": "curl -sI https://{host}:{port}/ | grep -i alt-svc",
            "macos": "curl -sI https://{host}:{port}/ | grep -i alt-svc",
            "windows": "curl.exe -sI https://{host}:{port}/ | findstr /i alt-svc",
        },
        answers=(
            Answer(answer="a line with h3: the server offers QUIC, which is dropped", then="udp.quic-blocked"),
            Answer(answer="no line: the server may not offer QUIC", then="udp.open-or-filtered"),
        ),
    )
    return unknown("needs-person", says="Whether the server offers QUIC was not checked.", ask=ask)


@sign("our datagrams arrive at the server")
def datagrams_arrive(report: Report, subject: Subject) -> Reading:
    """A packet capture on the server shows our datagrams: only a person on the server can check."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.replies:
        return present(f"{at(o.address, o.port)} responded.", o)
    ask = Ask(
        where="server",
        commands={"linux": "sudo tcpdump -ni any 'udp port {port}'"},
        answers=(
            Answer(answer="our datagrams arrive: the program does not respond to them", then="udp.needs-protocol"),
            Answer(answer="nothing arrives: they are dropped in the path", then="udp.open-or-filtered"),
        ),
    )
    return unknown("needs-person", o, says="Whether the datagrams arrive at the server was not observed.", ask=ask)
