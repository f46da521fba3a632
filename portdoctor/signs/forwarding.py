"""Signs about a port that the target forwards, to a container or another machine. Pure; about an address."""

from __future__ import annotations

from ..model import Answer, Burst, Listener, Listeners, Outcome, Report, Subject, Want
from ..text import at, words
from .base import Ask, Reading, absent, present, sign, unknown, unsettled
from .icmp import host_not_found, sent_by_target_host
from .listeners import no_table, tables_at, whose
from .observed import endpoint_text, last_exchange, own_attempt, report_of_target
from .sockets import owner_text, serves
from .stimulus import ends_without_data_sent
from .tcp import refused_by_rst

# Programs by which container engines publish a port. They are bound to it while the container runs.
_PROGRAMS = {"conmon", "docker-proxy", "rootlessport", "slirp4netns", "pasta", "pasta.avx2"}
# systemd units whose sockets publish ports: of one conmon, and of dockerd with all its docker-proxies.
_UNITS = ("libpod-conmon-", "crio-conmon-", "docker.service")


def _listening(report: Report, subject: Subject) -> tuple[Reading | None, Listeners | None, list[Listener]]:
    """Return (the reading if nothing is known to listen, the target's table, its listeners for the address)."""
    there = report_of_target(report, subject)
    if there is None:
        return unknown("needs-person", says="The server's socket table was not read."), None, []
    tables = tables_at(there, report)
    if not tables:
        return no_table(there, report), None, []
    table = tables[-1]
    rows = [r for r in table.rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    if not rows and not table.complete:
        fact = f"The socket table of {whose(there, report)} is incomplete."
        return unknown("needs-privilege", table, says=fact), table, []
    if not rows:
        return absent(f"Nothing is listening on {endpoint_text(report, subject)}.", table), table, []
    return None, table, rows


def _publishes(row: Listener) -> bool:
    h = row.holder
    return h is not None and (h.name in _PROGRAMS or bool(not h.name and h.unit and h.unit.startswith(_UNITS)))


@sign("a program that only forwards the port has the listener")
def program(report: Report, subject: Subject) -> Reading:
    """The process that is listening on the target is a container engine's port forwarder, by its name or systemd unit.

    podman's conmon binds and listens only to reserve the port, and never accepts: NAT rules forward the connections.
    The others accept, and connect to the container. Could also be: another program of that name; dockerd itself, which
    has the same unit. Unknown if the process is not visible to this user.
    """
    reading, table, rows = _listening(report, subject)
    if reading is not None or table is None:
        return reading or unknown("not-looked")
    publishing = next((r for r in rows if _publishes(r)), None)
    if publishing is not None:
        where = at(publishing.address, publishing.port)
        return present(f"{owner_text(publishing)} is listening on {where} only to forward the port.", table)
    listening = f"{owner_text(rows[0])} is listening on {at(rows[0].address, rows[0].port)}"
    if any(r.holder is not None and r.holder.name for r in rows):
        return absent(f"{listening}.", table)
    ask = Ask(
        where="server",
        commands={"linux": "sudo ss -ltnp 'sport = :{port}'"},
        answers=(
            Answer(
                answer=f"one of {', '.join(sorted(_PROGRAMS))}: it forwards the port, and nothing behind it responds",
                then="tcp.forwarded-to-nobody",
            ),
            Answer(answer="another program: it does not forward the port", then="local.firewall-reset"),
        ),
    )
    return unknown("needs-privilege", table, says=f"{listening}; its name is not visible.", ask=ask)


@sign("connections to the port leave the target host again")
def leaves_host(report: Report, subject: Subject) -> Reading:
    """In each burst of connections, an interface of the target sent and received as many packets, and few in pauses.

    The target is this machine, so that only address translation can send these packets through an interface other than
    the loopback interface. Could also be: traffic of others that came and went with each burst. Absent: in one burst
    all those interfaces together sent fewer packets.
    """
    there = report_of_target(report, subject)
    if there is None:
        return unknown("needs-person", says="The packets on the interfaces of the server were not counted.")
    seen = [o for o in there.of(Burst) if o.address in subject.values and o.port == report.target.port]
    if not seen:
        if there is not report:
            return unknown("not-looked", says="The server's report has no count of packets.")
        return unsettled(report, Want(probe="burst", args=subject.values[:1]))
    o = seen[-1]
    if o.outcome is not Outcome.REFUSED:
        return unknown("no-answer", o, says="Further connections ended differently.")
    through = [
        row.name for row in o.interfaces
        if min(*row.sent, *row.received) >= o.connections
        and max(*row.sent_idle, *row.received_idle) <= o.connections // 2
    ]  # fmt: skip
    host = whose(there, report)
    if through:
        says = f"Connections to port {o.port} leave {host} through {words(through)}: their packets were counted there."
        return present(says, o)
    least = min((sum(sent) for sent in zip(*(row.sent for row in o.interfaces), strict=True)), default=0)
    if least < o.connections:
        return absent(f"Connections to port {o.port} do not leave {host}: no interface sent their packets.", o)
    return unknown("no-answer", o, says="Other traffic hides whether these packets leave the machine.")


@sign("the target forwards the port instead of accepting its connections")
def forwarded(report: Report, subject: Subject) -> Reading:
    """There is a listener, and connections to it leave the host again; if that is not known, by the listener's program.

    As `program` and `leaves_host`.
    """
    listener = program(report, subject)
    if listener.state == "absent":
        return listener
    leaves = leaves_host(report, subject)
    if leaves.state == "unknown":
        return leaves if leaves.want else listener
    if leaves.state == "absent":
        return leaves
    says = f"{listener.says} {leaves.says}"
    return Reading(state="present", says=says, evidence=(*listener.evidence, *leaves.evidence))


@sign("nothing responds where the target host forwards the port")
def to_nobody(report: Report, subject: Subject) -> Reading:
    """Host unreachable from the target host itself, late; or the end that a port forwarder gives without its backend.

    That end is a RST where the port is forwarded by NAT, and where a program forwards it, a connection that is
    accepted and then ended whatever is sent. Could also be: a rule of the target host that rejects the port with a RST;
    a program behind the forwarder that ends every connection.
    """
    missing, here = host_not_found(report, subject), sent_by_target_host(report, subject)
    if missing.state == "present" and here.state == "present":
        return _both(missing, here)
    reset, o = refused_by_rst(report, subject), own_attempt(report, subject)
    if last_exchange(report, subject) is not None or (o is not None and o.outcome is Outcome.RESET):
        return _ends_accepted(report, subject)
    if o is None or o.outcome is not Outcome.REFUSED or reset.state == "absent":
        return next((r for state in ("absent", "unknown") for r in (missing, here) if r.state == state), missing)
    by_nat = forwarded(report, subject)
    return _both(by_nat, reset) if by_nat.state == reset.state == "present" else by_nat


def _ends_accepted(report: Report, subject: Subject) -> Reading:
    """Read the end of a connection that was accepted."""
    from .app import closed_before_data, reset_before_data  # a refused connection does not need them

    ends = [reset_before_data(report, subject), closed_before_data(report, subject)]
    end = next((r for state in ("present", "unknown") for r in ends if r.state == state), ends[0])
    if end.state != "present":
        return end
    listener = program(report, subject)
    if listener.state == "absent":
        return listener
    any_data = ends_without_data_sent(report, subject)
    if any_data.state != "present":
        return any_data
    return _both(listener, end) if listener.state == "present" else listener


def _both(one: Reading, other: Reading) -> Reading:
    evidence = tuple(dict.fromkeys((*one.evidence, *other.evidence)))
    return Reading(state="present", says=f"{one.says} {other.says}", evidence=evidence)
