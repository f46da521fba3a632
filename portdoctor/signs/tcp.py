"""Signs about TCP connection attempts to this port, and to other ports of the same address. Pure."""

from __future__ import annotations

from ..model import Connect, Greeting, Handshake, Hop, HttpReply, Outcome, Report, Subject, Trace, Want
from ..outcomes import answered
from ..text import plural, words
from .base import Reading, absent, no_response, present, responded, sign, unknown, unsettled
from .observed import (
    Exchange,
    answered_in_front,
    endpoint_text,
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
    """Connection refused, and the error queue has no ICMP error: the refusal was a RST.

    Could also be: a firewall that rejects with a RST; without an error queue, an ICMP error too (then unknown).
    """
    o = own_attempt(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.REFUSED:
        fact = f"The connection to {endpoint_text(report, subject)} was not refused by a RST."
        return no_response(o) or absent(fact, o)
    if o.icmp is not None:
        fact = f"The connection to {endpoint_text(report, subject)} was refused by {icmp_text(o.icmp)}, not by a RST."
        return absent(fact, o)
    if not report.vantage.can.error_queue:
        return unknown("not-possible-here", o, says="This system does not distinguish a RST from an ICMP error.")
    where = endpoint_text(report, subject)
    return present(f"The connection to {where} was refused by a RST after {millis(o.took)}, without an ICMP error.", o)


@sign("no SYN received a response")
def silent(report: Report, subject: Subject) -> Reading:
    """No response to any SYN within the limit, repeats and probes with a low TTL included.

    Could also be: a filter, a host that is off, a broken return path, a full accept queue.
    """
    o, where = own_connection(report, subject), endpoint_text(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent(f"The connection attempt to {where} did not time out.", o)
    again = other_attempts(report, subject, "repeat")
    if any(r.outcome is not Outcome.TIMEOUT for r in again):
        return absent(f"A repeated connection attempt to {where} did not time out.", o, *again)
    mine = [t for t in report.of(Trace) if t.role == "target" and t.address in subject.values]
    ended = [t for t in mine if any(_answers(h) for h in t.hops)]
    if ended:
        return absent(f"A SYN to {where} with a limited TTL received a response.", o, *ended)
    syns = (o.syns or 1) + sum(r.syns or 1 for r in again)
    waited = max(r.began + r.took for r in (o, *again)) - o.began
    return present(f"No response to {plural(syns, 'SYN')} to {where} in {waited:.1f} s.", o, *again)


def _answers(hop: Hop) -> bool:
    if hop.icmp is not None:
        return hop.outcome is not Outcome.TTL_EXPIRED
    return hop.outcome in (Outcome.OK, Outcome.REFUSED)


@sign("the attempt did not succeed, whatever its error")
def raw_error(report: Report, subject: Subject) -> Reading:
    """The attempt did not succeed; the sentence gives errno and ICMP error without interpreting them."""
    o, where = own_attempt(report, subject), endpoint_text(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OK:
        return absent(f"The attempt at {where} succeeded.", o)
    raw = o.errno.name if o.errno else f"no errno ({o.outcome})"
    return present(f"The attempt at {where} ended with {raw}" + (f" and {icmp_text(o.icmp)}." if o.icmp else "."), o)


@sign("no connection to the address was established")
def connect_failed(report: Report, subject: Subject) -> Reading:
    """Every TCP connection attempt of the user's own to the address failed, before any data was sent."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.address in subject.values]
    if not tried:
        return unknown("not-looked")
    if all(o.outcome is not Outcome.OK for o in tried):
        return present(f"No connection to {endpoint_text(report, subject)} was established.", *tried)
    return absent(f"A connection to {endpoint_text(report, subject)} was established.", *tried)


@sign("the connection needed more than one SYN")
def syn_retransmitted(report: Report, subject: Subject) -> Reading:
    """Connected, but only after at least one SYN was retransmitted (TCP_INFO, or after about 1, 3, 7 s).

    Could also be: a single lost packet; a listener whose accept queue was briefly full.
    """
    o, where = own_connection(report, subject), endpoint_text(report, subject)
    if o is None or o.outcome is not Outcome.OK:
        return no_response(o) or absent(f"No connection to {where} was established.", *([o] if o else []))
    if (o.syns or 1) > 1:
        return present(f"The connection to {where} needed {o.syns} SYNs and {o.took:.1f} s.", o)
    return absent(f"The first SYN to {where} received a response.", o)


@sign("the socket is connected to itself")
def self_connected(report: Report, subject: Subject) -> Reading:
    """Both ends of the connection are one socket: the system chose the requested port as source port.

    RFC 9293 section 3.5 allows two SYNs to cross; on one machine a SYN can cross itself.
    """
    o = own_connection(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.self_connected:
        return present(f"Both ends of the connection to {endpoint_text(report, subject)} are the same socket.", o)
    return no_response(o) or absent("The socket is not connected to itself.", o)


# ---------------------------------------------------------------- other ports


@sign("another port of the same address responds")
def other_port_responds(report: Report, subject: Subject) -> Reading:
    """Another port of the address accepts or refuses: the host exists, and the path to it works.

    Could also be: a device in front that accepts some ports for every host, as a transparent proxy does. If the traces
    show one, the sign is unknown.
    """
    controls = other_attempts(report, subject, "control")
    found = [o for o in controls if answered(o)]
    random = _random_port_response(report, subject)
    proxied = answered_in_front(report, subject)
    if found and not proxied:
        o = next((f for f in found if f.outcome is Outcome.OK), found[0])
        how = "connects in" if o.outcome is Outcome.OK else "refuses connections in"
        return present(f"Port {o.port} of the same host ({o.address}) {how} {millis(o.took)}.", o)
    if random:
        trace, hop = random
        return present(f"Random port {trace.port} of the same host ({trace.address}) responds at hop {hop.ttl}.", trace)
    if proxied:
        return unknown("no-answer", *proxied[1:], says=proxied[0])
    want = Want(probe="controls", args=subject.values[:1])
    return unsettled(report, want, *controls, probed=bool(controls))


@sign("none of the other ports that were probed responds")
def other_ports_silent(report: Report, subject: Subject) -> Reading:
    """No other port that was probed responded. Ports that were not probed may respond nevertheless."""
    controls = other_attempts(report, subject, "control")
    if not controls:
        return unsettled(report, Want(probe="controls", args=subject.values[:1]))
    if random := _random_port_response(report, subject):
        return absent(f"Random port {random[0].port} of the same host ({random[0].address}) responds.", random[0])
    if proxied := answered_in_front(report, subject):
        return unknown("no-answer", *proxied[1:], says=proxied[0])
    if responding := [o for o in controls if answered(o)]:
        o = responding[0]
        return absent(f"Port {o.port} of the same host ({o.address}) responds.", *responding)
    if all(o.outcome is Outcome.TIMEOUT for o in controls):
        ports = f"port{'s' if len(controls) > 1 else ''} {words(str(o.port) for o in controls)}"
        return present(f"No response from {ports} of the same host ({controls[0].address}).", *controls)
    return unknown("no-answer", *controls, says="Attempts at other ports of the host ended with errors, not silence.")


def _random_port_response(report: Report, subject: Subject) -> tuple[Trace, Hop] | None:
    """Return a random port that the host responded for, farther away than any observed router, and the hop."""
    beyond = max((farthest(report, subject, role)[0] for role in ("target", "random")), default=0)
    for trace in traces(report, subject, "random"):
        for hop in trace.hops:
            if hop.ttl > beyond and hop.icmp is None and hop.outcome in (Outcome.OK, Outcome.REFUSED):
                return trace, hop
    return None


@sign("random high ports accept connections")
def random_ports_accept(report: Report, subject: Subject) -> Reading:
    """Each of several random high ports accepts a connection.

    Could also be: a host that has most of its ports open, such as a honeypot.
    """
    route = route_to(report, subject)
    if route is not None and route.type == "local":
        return absent(f"{route.address} is this machine.", route)
    seen = other_attempts(report, subject, "negative")
    closed = [o for o in seen if o.outcome is not Outcome.OK and responded(o)]
    if closed:
        return absent(f"Random port {closed[0].port} of the same host does not accept connections.", *closed)
    if len(seen) >= 2 and all(o.outcome is Outcome.OK for o in seen):
        ports = words(str(o.port) for o in seen)
        return present(f"Random ports {ports} of {seen[0].address} all accept connections.", *seen)
    return unsettled(report, Want(probe="negative", args=subject.values[:1]), *seen, probed=bool(seen))


# ---------------------------------------------------------------- segment size


def _again(report: Report, subject: Subject, like: Exchange, role: str) -> list[Exchange]:
    """Return the repeated exchanges that compare segment sizes: of the same stage as `like`."""
    seen = [o for o in report.observations if isinstance(o, Handshake | HttpReply | Greeting)]
    return [
        o for o in seen
        if o.address in subject.values and o.role == role and type(o) is type(like)
        and bool(o.mss_clamp) == (role == "variant")
    ]  # fmt: skip


@sign("the exchange succeeds with small segments and times out with large ones")
def small_segments_pass(report: Report, subject: Subject) -> Reading:
    """An exchange times out, times out again with the usual segment size, and succeeds twice with small segments.

    Both sizes are tried at the same time, so that a service that is sometimes slow does not give the same result.
    TCP_MAXSEG limits the segments that we send and, by the MSS in our SYN, those that the peer sends.
    """
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The exchange did not time out.", o)
    route = route_to(report, subject)
    if route is not None and route.type == "local":
        fact = f"{route.address} is this machine: no link in the path can have a small MTU."
        return absent(fact, route)
    small, usual = _again(report, subject, o, "variant"), _again(report, subject, o, "repeat")
    passed = [v for v in small if v.outcome is not Outcome.TIMEOUT and v.received]
    stalled = [v for v in small if v.outcome is Outcome.TIMEOUT]
    if len(stalled) >= 2 and not passed:
        return absent("The exchange times out with small segments too.", o, *stalled)
    if any(v.outcome is not Outcome.TIMEOUT for v in usual):
        return absent("A repeated exchange with the usual segment size did not time out.", o, *usual)
    if len(passed) >= 2 and usual:
        took = millis(max(v.took for v in passed))
        fact = (
            f"With {passed[0].mss_clamp}-byte segments the server responded {len(passed)} times within {took}; "
            "with the usual size it timed out again."
        )
        return present(fact, o, *usual, *passed)
    want = Want(probe="small-segments", args=subject.values[:1])
    return unsettled(report, want, o, *small, probed=bool(small or usual))
