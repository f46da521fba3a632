"""Signs about TCP connection attempts to this port, and to other ports of the same address. Pure."""

from __future__ import annotations

from ..model import Connect, Greeting, Handshake, Hop, HttpReply, Outcome, Report, Subject, Trace, Want
from ..outcomes import answered
from .base import Reading, absent, present, sign, unknown, unsettled
from .observed import (
    Exchange,
    answered_in_front,
    farthest,
    icmp_text,
    last_exchange,
    millis,
    other_attempts,
    own_attempt,
    own_connection,
    route_to,
    traces,
)


@sign("the refusal was a TCP RST")
def refused_by_rst(report: Report, subject: Subject) -> Reading:
    """Connection refused, and the error queue holds no ICMP error: the refusal was a RST.

    Could also be: a firewall that rejects with a RST; without an error queue, an ICMP reject too (then unknown).
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.REFUSED:
        return absent("The connection was not refused by a reset (RST).", o)
    if o.icmp is not None:
        return absent(f"The refusal came as {icmp_text(o.icmp)}, not as a reset (RST).", o)
    if not report.vantage.can.error_queue:
        return unknown("not-possible-here", o, says="This system does not tell a reset from an ICMP refusal.")
    return present(f"The refusal was a TCP reset (RST) after {millis(o.took)}, without an ICMP error.", o)


@sign("no SYN received a response")
def silent(report: Report, subject: Subject) -> Reading:
    """No response to any SYN within the limit, repeats and probes with a low TTL included.

    Could also be: a filter, a host that is off, a broken return path, a full accept queue.
    """
    o = own_connection(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The connection attempt was answered.", o)
    again = other_attempts(report, subject, "repeat")
    if any(r.outcome is not Outcome.TIMEOUT for r in again):
        return absent("A repeated attempt was answered.", o, *again)
    mine = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    ended = [t for t in mine if any(_answers(h) for h in t.hops)]
    if ended:
        return absent("A packet of the trace was answered.", o, *ended)
    syns = (o.syns or 1) + sum(r.syns or 1 for r in again)
    return present(f"No answer came to {syns} SYNs in {o.took:.1f} s.", o, *again)


def _answers(hop: Hop) -> bool:
    if hop.icmp is not None:
        return hop.outcome is not Outcome.TTL_EXPIRED
    return hop.outcome in (Outcome.OK, Outcome.REFUSED)


@sign("the attempt ended with an error")
def raw_error(report: Report, subject: Subject) -> Reading:
    """The attempt did not succeed; the reading gives errno and ICMP error as they are, whatever they mean."""
    o = own_attempt(report, subject)
    if o is None or o.outcome is Outcome.OK:
        return absent("The connection works.")
    raw = f"errno {o.errno.name}" if o.errno else "no errno"
    return present(f"The raw result: {raw}" + (f", {icmp_text(o.icmp)}." if o.icmp else "."), o)


@sign("no connection to the address was established")
def connect_failed(report: Report, subject: Subject) -> Reading:
    """Every TCP attempt of the user's own to the address failed, before any data was sent."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.address in subject.values]
    if not tried:
        return unknown("not-looked")
    if all(o.outcome is not Outcome.OK for o in tried):
        return present("The connection itself fails.", *tried)
    return absent("The connection is made.", *tried)


@sign("the connection needed more than one SYN")
def syn_retransmitted(report: Report, subject: Subject) -> Reading:
    """Connected, but only after at least one SYN was retransmitted (TCP_INFO, or after about 1, 3, 7 s).

    Could also be: one packet lost by accident; a listener whose accept queue was full for a moment.
    """
    o = own_connection(report, subject)
    if o is None or o.outcome is not Outcome.OK:
        return absent("There is no connection.", *([o] if o else []))
    if (o.syns or 1) > 1:
        return present(f"The connection needed {o.syns} SYNs and {o.took:.1f} s.", o)
    return absent("The first SYN was answered.", o)


@sign("the socket is connected to itself")
def self_connected(report: Report, subject: Subject) -> Reading:
    """Both ends of the connection are one socket: the system chose the requested port as source port.

    RFC 9293 section 3.5 allows two SYNs to cross; on one machine a SYN can cross itself.
    """
    o = own_connection(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.self_connected:
        return present(f"The connection's own end is {o.source} port {o.source_port}, which is the other end too.", o)
    return absent("The two ends of the connection differ.", o)


# ---------------------------------------------------------------- other ports


@sign("another port of the same address responds")
def other_port_responds(report: Report, subject: Subject) -> Reading:
    """Another port of the address accepts or refuses: the host exists, and the path to it works.

    Could also be: a device in front that accepts some ports for every host, as a transparent proxy does. Where the
    traces show one, this is unknown.
    """
    controls = other_attempts(report, subject, "control")
    found = [o for o in controls if answered(o)]
    random = _random_port_response(report, subject)
    proxied = answered_in_front(report, subject)
    if found and not proxied:
        o = next((f for f in found if f.outcome is Outcome.OK), found[0])
        how = "accepts connections" if o.outcome is Outcome.OK else "refuses with a reset"
        return present(f"Port {o.port} of the same address {how} within {millis(o.took)}.", o)
    if random:
        trace, hop = random
        return present(f"Port {trace.port} of the same address, picked at random, answers at hop {hop.ttl}.", trace)
    if proxied:
        return unknown("no-answer", *proxied[1:], says=proxied[0])
    want = Want(probe="controls", args=subject.values[:1])
    return unsettled(report, want, *controls, looked=bool(controls))


@sign("none of the other ports that were probed responds")
def other_ports_silent(report: Report, subject: Subject) -> Reading:
    """Every other port that was probed stayed silent. Ports that were not probed may respond all the same."""
    controls = other_attempts(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]))
    if random := _random_port_response(report, subject):
        return absent(f"Port {random[0].port} of the same address, picked at random, answers.", random[0])
    if proxied := answered_in_front(report, subject):
        return unknown("no-answer", *proxied[1:], says=proxied[0])
    if any(answered(o) for o in controls):
        return absent("Another port of the same address answers.", *[o for o in controls if answered(o)])
    if all(o.outcome is Outcome.TIMEOUT for o in controls):
        listed = ", ".join(str(o.port) for o in controls)
        return present(f"Ports {listed} of the same address were silent too.", *controls)
    return unknown("no-answer", *controls, says="Other ports failed in another way.")


def _random_port_response(report: Report, subject: Subject) -> tuple[Trace, Hop] | None:
    """A random port that the host answered, farther away than any router that was seen in the path."""
    beyond = max((farthest(report, subject, role)[0] for role in ("target", "random")), default=0)
    for trace in traces(report, subject, "random"):
        for hop in trace.hops:
            if hop.ttl > beyond and hop.icmp is None and hop.outcome in (Outcome.OK, Outcome.REFUSED):
                return trace, hop
    return None


@sign("random high ports accept connections")
def random_ports_accept(report: Report, subject: Subject) -> Reading:
    """Each of several random high ports accepts a connection.

    Could also be: a host that really has most of its ports open, as a honeypot has.
    """
    route = route_to(report, subject)
    if route is not None and route.type == "local":
        return absent("The target is this machine.", route)
    seen = other_attempts(report, subject, "negative")
    closed = [o for o in seen if o.outcome is not Outcome.OK]
    if closed:
        return absent(f"Port {closed[0].port}, which nobody should use, does not accept.", *closed)
    if len(seen) >= 2:
        listed = ", ".join(str(o.port) for o in seen)
        return present(f"Ports {listed}, picked at random, all accept connections.", *seen)
    return unsettled(report, Want(probe="negative", args=subject.values[:1]), *seen, looked=bool(seen))


# ---------------------------------------------------------------- large packets


def _again(report: Report, subject: Subject, like: Exchange, role: str) -> list[Exchange]:
    """Conversations made again for the question of size: of the same stage as `like`."""
    seen = [o for o in report.observations if isinstance(o, Handshake | HttpReply | Greeting)]
    return [
        o for o in seen
        if o.address in subject.values and o.role == role and type(o) is type(like)
        and bool(o.mss_clamp) == (role == "variant")
    ]  # fmt: skip


@sign("the exchange succeeds with small segments and stalls with large ones")
def small_segments_pass(report: Report, subject: Subject) -> Reading:
    """An exchange stalls, stalls again with segments of the usual size, and succeeds twice with small ones.

    Both sizes are tried at the same time, so that a service that is slow at times does not look the same.
    TCP_MAXSEG bounds what we send and, by the MSS in our SYN, what the other side sends.
    """
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The conversation did not stall.", o)
    route = route_to(report, subject)
    if route is not None and route.type == "local":
        return absent("The target is this machine: no link in the path can be too small.", route)
    small, usual = _again(report, subject, o, "variant"), _again(report, subject, o, "repeat")
    passed = [v for v in small if v.outcome is not Outcome.TIMEOUT and v.received]
    stalled = [v for v in small if v.outcome is Outcome.TIMEOUT]
    if stalled:
        return absent("In small segments the conversation stalls too.", o, *stalled)
    if any(v.outcome is not Outcome.TIMEOUT for v in usual):
        return absent("A repeat in segments of the usual size was answered.", o, *usual)
    if len(passed) >= 2 and usual:
        took = millis(max(v.took for v in passed))
        said = (
            f"In segments of {passed[0].mss_clamp} bytes the answer came within {took}, {len(passed)} times; "
            "in segments of the usual size it stalled again."
        )
        return present(said, o, *usual, *passed)
    want = Want(probe="small-segments", args=subject.values[:1])
    return unsettled(report, want, o, *small, looked=bool(small or usual))
