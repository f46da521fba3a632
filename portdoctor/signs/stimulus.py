"""Signs about what makes an accepted connection end: any connection, our data, a part of it, a device in the path.

Pure; the subject is an address. The probe `stimulus` opens connections that send nothing, and others that send the same
as the user's own.
"""

from __future__ import annotations

from ..model import Connect, Ending, Greeting, Handshake, Outcome, Report, Subject, Want
from .base import Reading, absent, no_response, present, sign, unknown, unsettled
from .observed import (
    NO_TTL_TRACE,
    Exchange,
    last_exchange,
    own_connection,
    paths_differ,
    route_to,
    traces,
    variant_hellos,
)

ENDED = (Outcome.RESET, Outcome.CLOSED)  # one result: a server that closes with unread data sends RST, not FIN
_SLACK = 0.1  # seconds, beside twice the time of the user's own connection


def time_to_end(report: Report, address: str) -> float | None:
    """Return the seconds within which a like connection must end; None if the user's own did not end without data."""
    subject = Subject(kind="address", values=(address,))
    own = _own_end(report, subject)
    return None if own is None else _SLACK if isinstance(own, Connect) else 2 * own.took + _SLACK


def _ends(o: Greeting, within: float) -> bool:
    return o.outcome in ENDED and not o.received and o.took <= within


def _compared(report: Report, subject: Subject) -> tuple[list[Greeting], list[Greeting]]:
    """Return the silent connections of the probe `stimulus`, and those that sent the same as the user's own."""
    found = _stimuli(report, subject)
    speaking = [o for o in found if o.sent is not None]
    return [o for o in found if o.sent is None], [o for o in speaking if o.sent == speaking[0].sent]


def _stimuli(report: Report, subject: Subject) -> list[Greeting]:
    return [
        o for o in report.of(Greeting)
        if o.role == "variant" and o.mss_clamp is None and o.address in subject.values
        and o.outcome is not Outcome.STARVED
    ]  # fmt: skip


def open_for(report: Report, address: str) -> float:
    """Return the seconds for which a silent connection must stay open: the longest that spoke, and the same again."""
    _, speaking = _compared(report, Subject(kind="address", values=(address,)))
    own = time_to_end(report, address) or 0.0
    return max(own, *(2 * o.took + _SLACK for o in speaking if o.outcome in ENDED), 0.0)


def long_enough(report: Report, address: str) -> int:
    """Return how many silent connections ended, or were watched for as long as `open_for` demands."""
    silent_ones, _ = _compared(report, Subject(kind="address", values=(address,)))
    wait = open_for(report, address)
    return sum(o.outcome in ENDED or (o.waited or 0.0) >= wait for o in silent_ones)


def only_speaking_end(report: Report, address: str) -> bool:
    """Return whether all connections that spoke ended, and the silent ones stayed open for longer than that."""
    silent_ones, speaking = _compared(report, Subject(kind="address", values=(address,)))
    if time_to_end(report, address) is None or len(speaking) < 2 or long_enough(report, address) < 2:
        return False
    stayed = all(o.outcome is Outcome.TIMEOUT for o in silent_ones)
    return stayed and all(ended(o) for o in speaking)


def ended(o: Greeting) -> bool:
    """Return whether a connection ended without data of the server; one that ended late did end."""
    return o.outcome in ENDED and not o.received


def like_connections(report: Report, subject: Subject) -> list[list[Greeting]]:
    """Return two groups of like connections of the probe `stimulus`: first those that sent what the user's own sent."""
    own = last_exchange(report, subject)
    silent_ones, speaking = _compared(report, subject)
    spoke = not isinstance(own, Greeting) or own.sent is not None
    return [speaking, silent_ones] if spoke else [silent_ones, speaking]


def _own_end(report: Report, subject: Subject) -> Connect | Exchange | None:
    """Return the user's own connection, if it ended before the server sent data: in an exchange, or at once."""
    o = last_exchange(report, subject)
    if o is not None:
        return o if o.outcome in ENDED and not o.received else None
    tcp = own_connection(report, subject)
    return tcp if tcp is not None and tcp.outcome is Outcome.RESET and tcp.icmp is None else None


def mixed(report: Report, subject: Subject) -> tuple[list[Ending], list[Ending]] | None:
    """Return the like connections that ended and those that did not, where both exist; the user's own is among them.

    None where that did not end before the server sent data, or where like connections are alike.
    """
    own = _own_end(report, subject)
    if own is None:
        return None
    in_both = isinstance(own, Connect)  # nothing was sent yet
    wait = open_for(report, own.address)
    for group, others in zip(like_connections(report, subject), ([own], [own] if in_both else []), strict=True):
        failed: list[Ending] = [*others, *(o for o in group if ended(o))]
        open_ones: list[Ending] = [o for o in group if not ended(o) and (o.received or (o.waited or 0.0) >= wait)]
        if failed and open_ones:
            return failed, open_ones
    return None


@sign("some connections end without data, and others with the same data do not")
def like_connections_differ(report: Report, subject: Subject) -> Reading:
    """Of connections that sent the same, the user's own or nothing, some ended before data and some did not.

    Could also be: an accident at that moment, such as a restart, when all but the user's own succeed.
    """
    o = last_exchange(report, subject) or own_connection(report, subject)
    if o is None or (isinstance(o, Connect) and o.outcome is Outcome.OK):
        return unknown("not-looked")
    own = _own_end(report, subject)
    if own is None:
        return no_response(o) or absent("The user's own connection did not end before the server sent data.", o)
    both = [o for group in like_connections(report, subject) for o in group]
    if not both:
        return unsettled(report, Want(probe="stimulus", args=(own.address,)), own)
    seen = mixed(report, subject)
    if seen is None:
        return absent("Connections with the same data ended alike.", own, *both)
    failed, others = seen
    fact = f"{len(failed)} of {len(failed) + len(others)} connections that sent the same data ended without a response."
    return present(fact, own, *failed, *others)


@sign("connections end whether or not data is sent to the server")
def ends_without_data_sent(report: Report, subject: Subject) -> Reading:
    """Two connections that sent nothing and two that spoke, in turn, all ended as fast as the user's own.

    RST and FIN are one result here. When only those that spoke ended, the end may be the response to their data.
    """
    o = last_exchange(report, subject) or own_connection(report, subject)
    within = None if o is None else time_to_end(report, o.address)
    if o is None or (within is None and isinstance(o, Connect) and o.outcome is Outcome.OK):
        return unknown("not-looked")
    if within is None:
        return no_response(o) or absent("The user's own connection did not end before the server sent data.", o)
    if any(h.outcome is Outcome.OK and h.role == "target" and h.address == o.address for h in report.of(Handshake)):
        return absent("The connection ended after a TLS handshake, so the server had received data.", o)
    silent_ones, speaking = _compared(report, subject)
    both = (*silent_ones, *speaking)
    if len(silent_ones) < 2 or len(speaking) < 2:
        return unsettled(report, Want(probe="stimulus", args=(o.address,)), o, *both, probed=bool(both))
    if all(_ends(one, within) for one in both):
        fact = f"All connections ended, {len(silent_ones)} of them without data sent to the server."
        return present(fact, o, *both)
    if not only_speaking_end(report, o.address):
        return absent("Connections with the same data ended differently.", o, *both)
    fact = f"Only the connections that sent {speaking[0].sent} ended."
    return absent(fact, o, *both)


@sign("the server ends only the connections that send data")
def ends_after_data_sent(report: Report, subject: Subject) -> Reading:
    """Two connections that spoke ended, and two silent ones, in turn with them, stayed open for twice as long."""
    reading = ends_without_data_sent(report, subject)
    silent_ones, speaking = _compared(report, subject)
    if reading.state == "present":
        return absent(reading.says, *silent_ones, *speaking)
    if reading.state == "unknown" or not speaking or not only_speaking_end(report, speaking[0].address):
        return reading
    answered: list[Ending] = [
        o for o in _stimuli(report, subject) if o.received and o.sent not in (None, speaking[0].sent)
    ]
    what = [o.sent or "" for o in answered if isinstance(o, Greeting)]
    for o in variant_hellos(report, subject):
        if o.received:
            answered.append(o)
            what.append(named_hello(o))
    says = f"It responds to {' and to '.join(what)}." if what else _candidates(speaking[0])
    return present(f"{reading.says} {says}", *silent_ones, *speaking, *answered)


@sign("a device in the path, not the host, ends the connection once it sees the data")
def ended_in_path(report: Report, subject: Subject) -> Reading:
    """Data with a TTL that does not reach the host made the connection end, every time.

    SYNs with this TTL, to the same port, expired at a router each time. Could also be: paths of different length, hence
    several samples, each with its own source port.
    """
    ends = ends_after_data_sent(report, subject)
    if ends.state != "present":
        return ends
    route = route_to(report, subject)
    if route is not None and route.gateway is None and route.type in ("unicast", "local"):
        return absent("No router is in the path.", route)
    if not report.vantage.can.ttl_trace:
        return unknown("not-possible-here", says=NO_TTL_TRACE)
    sent, syns = traces(report, subject, "data"), traces(report, subject, "target")
    ttl = min((h.ttl for t in sent for h in t.hops if h.outcome in ENDED), default=None)
    if ttl is None:
        last = max((h.ttl for t in sent for h in t.hops), default=0)
        near = next((t for t in sent for h in t.hops if h.ttl == last and h.outcome is Outcome.TTL_EXPIRED), None)
        if near is not None:
            return absent(f"Data that reached hop {last}, the last before the host, did not end the connection.", near)
        return unsettled(report, Want(probe="data-trace", args=subject.values[:1]), *sent, probed=bool(sent))
    here = [(t, h) for t in sent for h in t.hops if h.ttl == ttl]
    there = [(t, h) for t in syns for h in t.hops if h.ttl == ttl]
    seen = (*(t for t, _ in here), *(t for t, _ in there))
    passed = [h for _, h in there if h.outcome is Outcome.TTL_EXPIRED and h.address not in (None, *subject.values)]
    answered = [h for _, h in there if h.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT)]
    if answered or any(h.outcome not in ENDED for _, h in here) or len(here) < 4 or len(passed) < 5:
        return unknown("no-answer", *seen, says=paths_differ(report, subject))
    if differ := paths_differ(report, subject):
        return unknown("no-answer", *seen, says=differ)
    return present(
        f"Data with a TTL of {ttl} ended the connection in {len(here)} of {len(here)} probes, although packets with "
        f"this TTL get no further than {passed[0].address} (hop {ttl}).", *seen,
    )  # fmt: skip


def named_hello(o: Handshake) -> str:
    """Return what a ClientHello of the probe `handshake` differs in: "a ClientHello without a server name"."""
    if o.newest is not None:
        return f"a ClientHello that offers at most {o.newest.replace('TLSv', 'TLS ')}"
    return f"a ClientHello for {o.sni}" if o.sni else "a ClientHello without a server name"


def _candidates(spoke: Greeting) -> str:
    """Return a sentence with what the server may expect."""
    if "ClientHello" in (spoke.sent or ""):
        return "It may reject the server name or the TLS version, or expect plain text or a PROXY protocol header."
    return "It may expect TLS, another protocol or a PROXY protocol header."
