"""Signs about an exchange of datagrams. Pure; the subject is an address.

UDP has no connection: a response or an error is a witness, silence is none. Over TCP every sign here is absent.
"""

from __future__ import annotations

from ..model import Answer, Datagram, Icmp, Listener, Listeners, Outcome, Report, Route, Subject, Want
from ..outcomes import answered, family_of
from ..services.fingerprints import spoken
from ..services.ports import known_service
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .observed import millis, other_attempts, own_attempt, plain_address, route_to
from .sockets import serves

_PORT_UNREACHABLE = {(4, 3, 3), (6, 1, 4)}  # RFC 792, RFC 4443 section 3.1
_NOTHING_SAID = "empty datagram"  # the payload for a port whose service we do not know


def own_exchange(report: Report, subject: Subject) -> Datagram | None:
    """The user's own exchange with the address."""
    o = own_attempt(report, subject)
    return o if isinstance(o, Datagram) else None


def _not_udp(report: Report) -> Reading:
    if report.target.transport == "udp":
        return unknown("not-looked")
    return absent("The target was asked over TCP.")


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
        return absent("No ICMP port unreachable came.", o)
    if o.icmp is None:
        route = route_to(report, subject)
        if route is not None and route.type == "local":
            return present("This machine itself refused the datagram (ICMP port unreachable).", o, route)
        return unknown("not-possible-here", o, says="This system does not show who refused the datagram.")
    kind = "ICMPv6" if ":" in o.icmp.offender else "ICMP"
    said = f"{kind} {o.icmp.type}/{o.icmp.code} came from {o.icmp.offender} after {millis(o.took)}"
    if not _is_port_unreachable(o.icmp):
        return absent(f"{said}: no port unreachable.", o)
    if plain_address(o.icmp.offender) != plain_address(o.address):
        return absent(f"{said}, which is not the target.", o)
    return present(f"{said}, the target itself: port unreachable.", o)


@sign("no datagram received a response")
def silent(report: Report, subject: Subject) -> Reading:
    """No response and no error within the limit. It shows nothing about what is there."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The datagram was answered, or an error came.", o)
    times = f"{o.sent} datagram{'s' if o.sent != 1 else ''}"
    return present(f"No answer and no error came to {times} ({o.payload}) in {o.took:.1f} s.", o)


@sign("this machine denied sending the datagram")
def send_denied(report: Report, subject: Subject) -> Reading:
    """send() ended with EPERM or EACCES, and no ICMP error is beside it: this machine dropped the datagram.

    Could also be: a full connection tracking table; a filter of the program's own control group (cgroup).
    """
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.call != "send" or o.outcome is not Outcome.DENIED or o.icmp is not None:
        return absent("Sending the datagram was not denied by this machine.", o)
    return present(f"send() was denied ({o.errno.name if o.errno else 'no errno'}); the datagram did not leave.", o)


@sign("the datagram is too big for the path")
def datagram_too_big(report: Report, subject: Subject) -> Reading:
    """A datagram that may not be fragmented does not fit: EMSGSIZE here, or ICMP 3/4 (ICMPv6 2/0) from a router."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.outcome is not Outcome.MESSAGE_TOO_BIG:
        return absent("The datagram was not too big for the way.", o)
    who = f"{o.icmp.offender} sent ICMP {o.icmp.type}/{o.icmp.code}" if o.icmp else "send() ended with EMSGSIZE"
    return present(f"{who}: the datagram ({o.payload}) does not fit, and may not be cut.", o)


@sign("another protocol than the requested one answers")
def other_protocol(report: Report, subject: Subject) -> Reading:
    """A response came that does not belong to the request in the protocol of this port."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.outcome is not Outcome.OTHER_PROTOCOL:
        return absent("No answer in another protocol came.", o)
    what = f"looks like {spoken(o.protocol)}" if o.protocol else "is of no protocol known here"
    return present(f"The answer to our {o.payload} {what}: {o.text}", o)


# ---------------------------------------------------------------- a target that is this machine


def _local_table(report: Report, subject: Subject) -> tuple[Route | None, Listeners | None]:
    """The route to the address, and this machine's own UDP table of the port when it was read."""
    t = report.target
    tables = [
        o for o in report.of(Listeners)
        if (o.port, o.transport, o.outcome) == (t.port, "udp", Outcome.OK)
    ]  # fmt: skip
    return route_to(report, subject), tables[-1] if tables else None


def _takers(table: Listeners, address: str) -> list[Listener]:
    """The sockets that take datagrams of anybody to the address; a connected one hears its own peer only."""
    return [r for r in table.rows if not r.peer and serves(r.address, r.v6only, address)]


def _owner_of(row: Listener) -> str:
    if row.holder is not None and row.holder.name:
        return f"{row.holder.name} (pid {row.holder.pid})"
    return f"A process of user {row.uid}" if row.uid is not None else "A program"


def _local_port(report: Report, subject: Subject, *, taken: bool) -> Reading:
    """Whether a program of this machine has the port, where the target is this machine; else absent."""
    if report.target.transport != "udp":
        return absent("The target was asked over TCP.")
    route, table = _local_table(report, subject)
    if route is None:
        return unsettled(report, Want(probe="route", args=subject.values[:1]))
    if route.type != "local":
        return absent("The target is not this machine.", route)
    if table is None:
        return unsettled(report, Want(probe="listeners", args=(str(report.target.port), "udp")))
    rows = _takers(table, subject.values[0])
    if rows:
        said = f"{_owner_of(rows[0])} has UDP port {report.target.port} at this address."
        return present(said, table) if taken else absent(said, table)
    if not table.complete:
        return unknown("needs-privilege", table, says="The socket table of this machine is not complete.")
    said = f"This machine's socket table has no UDP socket for {subject.values[0]} port {report.target.port}."
    other = [r for r in table.rows if not r.peer]
    if other:
        row = other[0]
        said = f"{_owner_of(row)} has UDP port {report.target.port} at {row.address}, not at {subject.values[0]}."
    return absent(said, table) if taken else present(said, table)


@sign("a program on this machine uses the UDP port")
def local_port_in_use(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and a program has the port at that address: a refusal has another reason."""
    return _local_port(report, subject, taken=True)


@sign("no socket on the target uses the UDP port")
def no_socket(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and its complete table has no socket for the port at that address.

    For another machine only somebody there can see it.
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
                Answer(answer="no line: nothing has the port", then="udp.closed"),
                Answer(
                    answer="a line with this address or *: a firewall there rejects",
                    then="udp.rejected-by-host-firewall",
                ),
            ),
        )  # fmt: skip
        return unknown("needs-person", says="The server's own socket table was not seen.", ask=ask)
    return _local_port(report, subject, taken=False)


# ---------------------------------------------------------------- what silence can mean


@sign("TCP ports of the same address serve as a comparison")
def tcp_comparison(report: Report, subject: Subject) -> Reading:
    """What TCP ports of the same host did meanwhile: whether the host exists. It decides nothing about UDP."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    controls = other_attempts(report, subject, "control")
    found = [c for c in controls if answered(c)]
    if found:
        best = next((c for c in found if c.outcome is Outcome.OK), found[0])
        return present(f"The host is there: its TCP port {best.port} answers.", o, best)
    if controls and all(c.outcome is Outcome.TIMEOUT for c in controls):
        return present(f"{len(controls)} TCP ports of the same address were silent, too.", o, *controls)
    return present("Whether the host is there was not seen.", o, *controls)


@sign("the service does not respond to unknown clients or data")
def silent_service(report: Report, subject: Subject) -> Reading:
    """The service never responds, or responds only to clients it knows: silence is normal for it.

    Also, on this machine: a program has the port, and nothing that it could understand was sent.
    """
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    known = known_service(report.target.port, "udp")
    if known is not None and known.first == "silent":
        return present(f"{known.title} gives strangers no answer, even when it works.", o)
    if o.payload != _NOTHING_SAID:
        return absent(f"The service was asked in its own protocol ({o.payload}).", o)
    taken = _local_port(report, subject, taken=True)
    _, table = _local_table(report, subject)
    if taken.state == "present" and table is not None:
        return present(f"{taken.says} What it would answer to is not known.", table)
    return absent("The service of this port is not known to keep silent.", o)


@sign("a QUIC packet was sent")
def quic_sent(report: Report, subject: Subject) -> Reading:
    """A QUIC packet of an unknown version was sent: every QUIC server answers it (RFC 9000, section 6)."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if not o.payload.startswith("QUIC"):
        return absent("The port was not asked by QUIC.", o)
    return present("Every QUIC server answers a packet like ours.", o)


@sign("the TCP port of the same number accepts connections")
def tcp_port_accepts(report: Report, subject: Subject) -> Reading:
    """The TCP port of the same number accepts connections: the host exists, and serves this port over TCP."""
    if report.target.transport != "udp":
        return absent("The target was asked over TCP.")
    controls = other_attempts(report, subject, "control")
    same = [o for o in controls if o.port == report.target.port]
    if not same:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]), *controls, looked=bool(controls))
    if same[0].outcome is Outcome.OK:
        said = f"TCP port {same[0].port} of the same address accepts connections within {millis(same[0].took)}."
        return present(said, same[0])
    how = "refuses" if answered(same[0]) else "does not answer"
    return absent(f"TCP port {same[0].port} of the same address {how}.", same[0])


@sign("the server advertises HTTP/3 over TCP")
def http3_advertised(report: Report, subject: Subject) -> Reading:
    """Over TCP the server names HTTP/3 (the header Alt-Svc, RFC 7838). A person must look: it is another request."""
    if report.target.transport != "udp":
        return absent("The target was asked over TCP.")
    ask = Ask(
        where="here",
        commands={
            "linux": "curl -sI https://{host}:{port}/ | grep -i alt-svc",
            "macos": "curl -sI https://{host}:{port}/ | grep -i alt-svc",
            "windows": "curl.exe -sI https://{host}:{port}/ | findstr /i alt-svc",
        },
        answers=(
            Answer(answer="a line with h3: the server offers QUIC, and something drops it", then="udp.quic-blocked"),
            Answer(answer="no line: the server may not offer QUIC", then="udp.open-or-filtered"),
        ),
    )
    return unknown("needs-person", says="Whether the server offers QUIC was not asked.", ask=ask)


@sign("our datagrams arrive at the server")
def datagrams_arrive(report: Report, subject: Subject) -> Reading:
    """A packet capture at the server shows our datagrams: only a person there can look."""
    o = own_exchange(report, subject)
    if o is None:
        return _not_udp(report)
    if o.replies:
        return present("An answer came.", o)
    ask = Ask(
        where="server",
        commands={"linux": "sudo tcpdump -ni any 'udp port {port}'"},
        answers=(
            Answer(answer="our datagrams arrive: the program there does not answer them", then="udp.needs-protocol"),
            Answer(answer="nothing arrives: something in the path drops them", then="udp.open-or-filtered"),
        ),
    )
    return unknown("needs-person", o, says="Whether the datagrams arrive was not seen.", ask=ask)
