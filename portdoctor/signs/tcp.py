"""Signs about connecting and the way there. Pure readings of a report; the subject is an address."""

from __future__ import annotations

from ..model import Answer, Connect, Icmp, Listeners, Outcome, Report, Route, Subject, Trace, Want
from ..outcomes import family_of
from .base import Ask, Reading, absent, present, sign, unknown, unsettled

_PROHIBITS = {(4, 3, 3), (4, 3, 9), (4, 3, 10), (4, 3, 13), (6, 1, 1), (6, 1, 4), (6, 1, 5), (6, 1, 6)}
_NO_ROUTE = {(4, 3, 0), (4, 3, 6), (6, 1, 0)}
_NO_HOST = {(4, 3, 1), (6, 1, 3)}
AT_ONCE = 1.0  # seconds: an ARP or ND failure takes three tries of a second each, a reject none


def tried(report: Report, subject: Subject) -> Connect | None:
    """The user's own connection to the address."""
    found = [o for o in report.of(Connect) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def others(report: Report, subject: Subject, role: str) -> list[Connect]:
    """Our further connections to the address, of one role."""
    return [o for o in report.of(Connect) if o.role == role and o.address in subject.values]


def answered(o: Connect) -> bool:
    """Whether the host itself answered: it accepted, or refused without a device naming itself."""
    return o.outcome is Outcome.OK or (o.outcome is Outcome.REFUSED and (o.icmp is None or o.icmp.offender == o.address))


def route_to(report: Report, subject: Subject) -> Route | None:
    """This machine's routing decision for the address."""
    found = [o for o in report.of(Route) if o.address in subject.values]
    return found[-1] if found else None


def _key(icmp: Icmp) -> tuple[int, int, int]:
    return (family_of(icmp.offender), icmp.type, icmp.code)


def _named(icmp: Icmp) -> str:
    version = "ICMPv6" if ":" in icmp.offender else "ICMP"
    return f"{version} {icmp.type}/{icmp.code} from {icmp.offender}"


def _icmp_from(report: Report, subject: Subject, kinds: set[tuple[int, int, int]], what: str) -> Reading:
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.icmp is not None:
        said = f"The answer was {_named(o.icmp)}{what if _key(o.icmp) in kinds else ''}."
        return present(said, o) if _key(o.icmp) in kinds else absent(said, o)
    if o.outcome in (Outcome.OK, Outcome.TIMEOUT, Outcome.RESET):
        return absent("No ICMP error came.", o)
    if not report.vantage.can.error_queue:
        return unknown("not-possible-here", o, says="This system does not show who sent an ICMP error.")
    return absent("No ICMP error came.", o)


@sign
def answered_by_rst(report: Report, subject: Subject) -> Reading:
    """Refused, and the error queue is empty: a TCP reset, not an ICMP error.

    What else looks like it: a firewall that rejects with a reset. Without an error queue, an ICMP reject too.
    """
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.REFUSED:
        return absent("The connection was not refused by a reset (RST).", o)
    if o.icmp is not None:
        return absent(f"The refusal came as {_named(o.icmp)}, not as a reset (RST).", o)
    if not report.vantage.can.error_queue:
        return unknown("not-possible-here", o, says="This system does not tell a reset from an ICMP refusal.")
    return present(f"The refusal was a TCP reset (RST) after {_ms(o.took)}, without an ICMP error.", o)


@sign
def rejected_by_icmp(report: Report, subject: Subject) -> Reading:
    """An ICMP answer that only a filter, or for 3/3 and 1/4 a host, sends to a TCP connect."""
    first = _icmp_from(report, subject, _PROHIBITS, ", which a firewall's reject rule sends")
    o = tried(report, subject)
    if first.state != "absent" or o is None or o.icmp is None or _key(o.icmp) not in _NO_HOST:
        return first
    again = [r for r in others(report, subject, "repeat") if r.icmp == o.icmp]
    other = [r for r in others(report, subject, "control") if answered(r)]
    if other:
        said = f"{_named(o.icmp)} says that the host is not there, but its port {other[0].port} answers."
        return present(said, o, other[0])
    if o.took >= AT_ONCE:
        return absent(f"{_named(o.icmp)} came after {o.took:.1f} s, as when a router finds no host.", o)
    if len(again) >= 2 and all(r.took < AT_ONCE for r in again):
        return present(f"{_named(o.icmp)} came at once, {len(again) + 1} times.", o, *again)
    return unsettled(report, Want(probe="repeat", args=(o.address,)), o, looked=bool(again))


@sign
def offender_is_target(report: Report, subject: Subject) -> Reading:
    """The ICMP error was sent by the target's own address."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.icmp is None:
        return absent("No ICMP error came.", o)
    said = f"{o.icmp.offender} sent it; the target is {o.address}."
    return present(said, o) if o.icmp.offender == o.address.partition("%")[0] else absent(said, o)


@sign
def router_has_no_route(report: Report, subject: Subject) -> Reading:
    """ICMP 3/0, 3/6 or ICMPv6 1/0: a router, by its own words, knows no way on."""
    return _icmp_from(report, subject, _NO_ROUTE, ": that router has no route to the target")


@sign
def router_finds_no_host(report: Report, subject: Subject) -> Reading:
    """ICMP 3/1 or ICMPv6 1/3 after the router's ARP time. At once it may be a reject rule."""
    reading = _icmp_from(report, subject, _NO_HOST, ": that router finds no host at this address")
    o = tried(report, subject)
    if reading.state != "present" or o is None or o.took >= AT_ONCE:
        return reading
    again = others(report, subject, "repeat")
    slow = [r for r in again if r.icmp == o.icmp and r.took >= AT_ONCE]
    if slow:
        return present(f"{reading.says} It came after {slow[0].took:.1f} s.", o, slow[0])
    if len(again) >= 2 and all(r.icmp == o.icmp for r in again):
        return absent("It came at once each time, which no search for a host does.", o, *again)
    return unsettled(report, Want(probe="repeat", args=(o.address,)), o, looked=bool(again))


@sign
def ttl_ran_out(report: Report, subject: Subject) -> Reading:
    """ICMP 11/0 or ICMPv6 3/0 at the system's normal TTL: packets circle."""
    return _icmp_from(report, subject, {(4, 11, 0), (6, 3, 0)}, ": the packet's lifetime (TTL) ran out on the way")


@sign
def silent(report: Report, subject: Subject) -> Reading:
    """No answer of any kind within the limit."""
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The connection attempt was answered.", o)
    again = others(report, subject, "repeat")
    if any(r.outcome is not Outcome.TIMEOUT for r in again):
        return absent("A repeated attempt was answered.", o, *again)
    syns = (o.syns or 1) + sum(r.syns or 1 for r in again)
    return present(f"No answer came to {syns} SYNs in {o.took:.1f} s.", o, *again)


@sign
def unreachable_in_another_way(report: Report, subject: Subject) -> Reading:
    """The attempt failed at once or by ICMP with a value of its own."""
    o = tried(report, subject)
    if o is None or o.outcome is Outcome.OK:
        return absent("The connection works.")
    raw = f"errno {o.errno.name}" if o.errno else "no errno"
    return present(f"The raw result: {raw}" + (f", {_named(o.icmp)}." if o.icmp else "."), o)


@sign
def accept_queue_is_full(report: Report, subject: Subject) -> Reading:
    """On this machine: the listener's accept queue is above its limit. Elsewhere only the server can tell."""
    route = route_to(report, subject)
    if route is None or route.type != "local":
        ask = Ask(
            where="server",
            commands={"linux": "ss -ltn 'sport = :{port}'"},
            answers=(
                Answer(answer="Recv-Q above Send-Q: the program does not accept", then="tcp.listen-queue-full"),
                Answer(answer="Recv-Q 0: the packets are dropped before the program", then="tcp.port-filtered"),
            ),
        )
        return unknown("needs-person", says="The server's accept queue was not seen.", ask=ask)
    tables = [o for o in report.of(Listeners) if o.port == report.target.port and o.outcome is Outcome.OK]
    if not tables:
        return unsettled(report, Want(probe="listeners", args=(str(report.target.port), report.target.transport)))
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    full = [r for r in rows if r.queued is not None and r.backlog is not None and r.queued > r.backlog]
    if full:
        said = f"{full[0].queued} connections wait for the program, whose limit is {full[0].backlog}."
        return present(said, tables[-1])
    if rows and all(r.queued is not None for r in rows):
        return absent("The listener's queue on this machine is not full.", tables[-1])
    return absent("No listener of this machine has a full queue.", tables[-1]) if not rows else unknown("not-possible-here")


@sign
def another_port_answers(report: Report, subject: Subject) -> Reading:
    """Another port of the same host accepts or refuses: the host is there and the way works for it."""
    controls = others(report, subject, "control")
    found = [o for o in controls if answered(o)]
    if found:
        o = next((f for f in found if f.outcome is Outcome.OK), found[0])
        how = "accepts connections" if o.outcome is Outcome.OK else "refuses with a reset"
        return present(f"Port {o.port} of the same address {how} within {_ms(o.took)}.", o)
    want = Want(probe="controls", args=subject.values[:1])
    return unsettled(report, want, *controls, looked=bool(controls))


@sign
def no_port_tried_answers(report: Report, subject: Subject) -> Reading:
    """Every further port that was tried stayed silent. Says nothing about ports that were not tried."""
    controls = others(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]))
    if any(answered(o) for o in controls):
        return absent("Another port of the same address answers.", *[o for o in controls if answered(o)])
    if all(o.outcome is Outcome.TIMEOUT for o in controls):
        listed = ", ".join(str(o.port) for o in controls)
        return present(f"Ports {listed} of the same address were silent too.", *controls)
    return unknown("no-answer", *controls, says="Other ports failed in another way.")


def _traces(report: Report, subject: Subject, role: str) -> list[Trace]:
    return [t for t in report.of(Trace) if t.role == role and t.address in subject.values]


def _trace_wanted(report: Report, subject: Subject, *evidence: Trace) -> Reading:
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says="This system does not tell an ordinary user which hop answered.")
    want = Want(probe="trace", args=subject.values[:1])
    return unsettled(report, want, *evidence, looked=bool(evidence))


@sign
def a_hop_answers(report: Report, subject: Subject) -> Reading:
    """At least one router on the way said that it dropped our packet for its TTL."""
    traces = _traces(report, subject, "target")
    expired = [(t, h) for t in traces for h in t.hops if h.outcome is Outcome.TTL_EXPIRED and h.address]
    if not expired:
        return _trace_wanted(report, subject, *traces)
    trace, hop = max(expired, key=lambda pair: pair[1].ttl)
    return present(f"{hop.address}, {hop.ttl} hops away, still answers; nothing behind it does.", trace)


def last_answering(trace: Trace) -> int:
    """The TTL of the last router that answered in a row that may have silent hops; 0 when none did."""
    return max((h.ttl for h in trace.hops if h.outcome is Outcome.TTL_EXPIRED), default=0)


def _pairs(report: Report, subject: Subject) -> list[tuple[Trace, Trace]]:
    """Rounds in which the failing port and an open control were traced together."""
    controls = {t.round: t for t in _traces(report, subject, "control")}
    return [(t, controls[t.round]) for t in _traces(report, subject, "target") if t.round in controls]


@sign
def open_control_passes_last_hop(report: Report, subject: Subject) -> Reading:
    """In two rounds an open control was expired by a router beyond the last hop that the failing port reached.

    What else looks like it: paths that differ by source port (hence two rounds with fresh ports); a silence
    of ICMP rate limits (hence the TTL after the last answer must have been answered for the control).
    """
    pairs = _pairs(report, subject)
    witnesses = []
    last = max((last_answering(t) for t in _traces(report, subject, "target")), default=0)
    for target, control in pairs:
        beyond = [
            h for h in control.hops
            if h.ttl > last and h.outcome is Outcome.TTL_EXPIRED and h.address not in (None, *subject.values)
        ]  # fmt: skip
        silent_there = {h.ttl for h in target.hops if h.outcome is Outcome.TIMEOUT}
        if last and any(h.ttl in silent_there for h in beyond):
            witnesses.append((target, control, beyond[0]))
    if len(witnesses) >= 2:
        first = witnesses[0]
        said = (
            f"In {len(witnesses)} rounds, packets to port {first[1].port} reached {first[2].address} at hop "
            f"{first[2].ttl}, those to port {report.target.port} did not get past hop {last}."
        )
        return present(said, *(t for w in witnesses for t in w[:2]))
    if len(pairs) >= 2 and not witnesses:
        return absent("The silence begins no nearer than the host itself.", *(t for pair in pairs for t in pair))
    return _trace_wanted(report, subject, *(t for pair in pairs for t in pair))


@sign
def refused_nearer_than_open_control(report: Report, subject: Subject) -> Reading:
    """At one TTL the failing port was refused while an open control was expired by a router, in two rounds.

    What else looks like it: a DNAT on the host puts a published (open) port one hop further, but its 11/0 then
    comes from the target's own address. Paths that differ by source port: hence two rounds with fresh ports.
    """
    route = route_to(report, subject)
    if route is not None and route.gateway is None and route.type in ("unicast", "local"):
        where = "is this machine" if route.type == "local" else "is on the same link: no router lies between"
        return absent(f"The target {where}.", route)
    pairs = _pairs(report, subject)
    nearer, same = [], []
    for target, control in pairs:
        end = next((h for h in target.hops if h.outcome is Outcome.REFUSED and h.icmp is None), None)
        if end is None:
            continue
        there = next((h for h in control.hops if h.ttl == end.ttl), None)
        opened = min((h.ttl for h in control.hops if h.outcome is Outcome.OK), default=None)
        if there is not None and there.outcome is Outcome.TTL_EXPIRED and there.address not in (None, *subject.values):
            nearer.append((target, control, end, there))
        elif there is not None and (there.address in subject.values or (opened is not None and opened <= end.ttl)):
            same.append((target, control, end))
    if same:
        target, control, end = same[0]
        said = f"The refusal comes from hop {end.ttl}, no nearer than the host that answers port {control.port}."
        return absent(said, target, control)
    if len(nearer) >= 2:
        target, control, end, there = nearer[0]
        said = (
            f"In {len(nearer)} rounds, port {report.target.port} was refused at hop {end.ttl}, where packets to the "
            f"open port {control.port} are still on their way (at {there.address})."
        )
        return present(said, *(t for row in nearer for t in row[:2]))
    controls = others(report, subject, "control")
    if controls and not any(o.outcome is Outcome.OK for o in controls):
        return unknown("no-answer", *controls, says="No other port is open to compare the distance with.")
    return _trace_wanted(report, subject, *(t for pair in pairs for t in pair))


@sign
def nothing_listens_here(report: Report, subject: Subject) -> Reading:
    """The target is this machine, and its complete socket table has no listener for the port and address."""
    tables = [o for o in report.of(Listeners) if o.port == report.target.port and o.outcome is Outcome.OK]
    route = route_to(report, subject)
    if route is None or route.type != "local":
        ask = Ask(
            where="server",
            commands={
                "linux": "ss -ltn 'sport = :{port}'",
                "macos": "lsof -nP -iTCP:{port} -sTCP:LISTEN",
                "windows": "Get-NetTCPConnection -LocalPort {port} -State Listen",
            },
            answers=(
                Answer(answer="no line: nothing listens", then="tcp.no-listener"),
                Answer(answer="a line with this address or a wildcard: a device in front refuses", then="tcp.refused-by-middlebox"),
            ),
        )  # fmt: skip
        return unknown("needs-person", says="The server's own listener table was not seen.", ask=ask)
    if not tables:
        return unsettled(report, Want(probe="listeners", args=(str(report.target.port), report.target.transport)))
    rows = [r for r in tables[-1].rows if r.state == "LISTEN" and serves(r.address, r.v6only, subject.values[0])]
    if rows:
        return absent(f"{rows[0].address} port {rows[0].port} has a listener on this machine.", tables[-1])
    if not tables[-1].complete:
        return unknown("needs-privilege", tables[-1], says="The listener table of this machine is not complete.")
    return present(f"This machine's listener table has no row for port {report.target.port}.", tables[-1])


@sign
def own_table_shows_listener(report: Report, subject: Subject) -> Reading:
    """The target is this machine and its table has a listener that serves the address: the refusal has another reason."""
    route = route_to(report, subject)
    if route is None:
        return unsettled(report, Want(probe="route", args=subject.values[:1]))
    if route.type != "local":
        return absent("The target is not this machine.", route)
    reading = nothing_listens_here(report, subject)
    if reading.state == "unknown":
        return reading
    flipped = {"present": absent, "absent": present}[reading.state]
    return flipped(reading.says, *(o for o in report.of(Listeners) if o.id in reading.evidence))


def serves(bound: str, v6only: bool | None, address: str) -> bool:
    """Whether a socket bound to `bound` takes connections to `address`."""
    wild = {"0.0.0.0": 4, "::": 6, "*": 0, "": 0}
    if bound not in wild:
        return bound.partition("%")[0].removeprefix("::ffff:") == address.partition("%")[0].removeprefix("::ffff:")
    if wild[bound] == 6:
        return family_of(address) == 6 or not v6only
    return wild[bound] == 0 or wild[bound] == family_of(address)


@sign
def some_addresses_work(report: Report, subject: Subject) -> Reading:
    """Of several addresses of the name, at least one fails to connect and at least one connects."""
    tried_ = [o for o in report.of(Connect) if o.role == "target"]
    good = [o for o in tried_ if o.outcome is Outcome.OK]
    bad = [o for o in tried_ if o.outcome is not Outcome.OK]
    if good and bad:
        listed = ", ".join(o.address for o in bad)
        return present(f"{len(good)} of {len(tried_)} addresses connect; {listed} does not.", *tried_)
    return absent("All addresses behave alike when connecting.", *tried_)


@sign
def syn_was_resent(report: Report, subject: Subject) -> Reading:
    """Connected, but only after at least one SYN had been sent again (TCP_INFO, or about 1, 3, 7 s)."""
    o = tried(report, subject)
    if o is None or o.outcome is not Outcome.OK:
        return absent("There is no connection.", *([o] if o else []))
    if (o.syns or 1) > 1:
        return present(f"The connection needed {o.syns} SYNs and {o.took:.1f} s.", o)
    return absent("The first SYN was answered.", o)


@sign
def resent_again(report: Report, subject: Subject) -> Reading:
    """A later attempt needed a retransmission as well: no cold neighbour cache, no single lost packet."""
    again = [o for o in others(report, subject, "repeat") if o.outcome is Outcome.OK]
    o = tried(report, subject)
    if o is None:
        return unknown("not-looked")
    slow = [r for r in again if (r.syns or 1) > 1 and r.began > o.began + o.took]
    after = [r for r in again if r.began > o.began + o.took]
    if slow:
        return present(f"{len(slow)} of {len(after)} later attempts needed more than one SYN too.", *slow)
    if len(after) >= 3:
        return absent(f"{len(after)} later attempts were answered at the first SYN.", *after)
    return unsettled(report, Want(probe="repeat", args=subject.values[:1]), looked=bool(after))


def _ms(took: float) -> str:
    return f"{took * 1000:.0f} ms" if took < 1 else f"{took:.1f} s"
