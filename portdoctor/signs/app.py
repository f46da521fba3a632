"""Signs about what a service sends after it accepts a connection, in any protocol. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Connect, Greeting, Handshake, HttpReply, Outcome, Report, Subject, Want
from ..services.fingerprints import spoken
from ..text import phrase_pattern
from .base import Reading, absent, no_response, present, sign, unknown, unsettled
from .observed import Exchange, last_exchange, last_greeting, last_reply, millis, own_connection, quoted

_ENDS = {
    Outcome.OK: "it succeeded", Outcome.TIMEOUT: "no response was received", Outcome.RESET: "it was reset (RST)",
    Outcome.CLOSED: "it was closed (FIN)", Outcome.NOT_TLS: "the response was not TLS",
    Outcome.OTHER_PROTOCOL: "another protocol answered", Outcome.ERROR_ANSWER: "the service answered with an error",
    Outcome.TOO_LONG: "the response was too long", Outcome.UNTRUSTED: "the certificate was not trusted",
    Outcome.TLS_ALERT: "a TLS alert was received", Outcome.TLS_ERROR: "the TLS handshake failed",
}  # fmt: skip
_NOT_THE_SERVICE = (
    Outcome.TIMEOUT, Outcome.RESET, Outcome.CLOSED, Outcome.NOT_TLS, Outcome.OTHER_PROTOCOL, Outcome.MALFORMED,
    Outcome.TOO_LONG,
)  # fmt: skip


ENDED = (Outcome.RESET, Outcome.CLOSED)  # one result: a server that closes with unread data sends RST, not FIN
_SLACK = 0.1  # seconds, beside twice the time of the user's own connection


def time_to_end(report: Report, address: str) -> float | None:
    """Return the seconds within which a like connection must end; None if the user's own did not end without data."""
    subject = Subject(kind="address", values=(address,))
    o = last_exchange(report, subject)
    if o is not None:
        return 2 * o.took + _SLACK if o.outcome in ENDED and not o.received else None
    tcp = own_connection(report, subject)
    return _SLACK if tcp is not None and tcp.outcome is Outcome.RESET and tcp.icmp is None else None


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
    return stayed and all(o.outcome in ENDED and not o.received for o in speaking)


def _like_connections_differ(report: Report, subject: Subject, own: Exchange) -> Reading | None:
    """Return absent where a connection like the user's own did not end as it did."""
    silent_ones, speaking = _compared(report, subject)
    spoke = not isinstance(own, Greeting) or own.sent is not None
    like = speaking if spoke else silent_ones
    other = next((o for o in like if o.outcome not in ENDED or o.received), None)  # one that ended late did end
    if other is None:
        return None
    return absent("A later connection with the same data did not end: this end is intermittent.", own, other)


def _ended(report: Report, subject: Subject, how: Outcome, says: str) -> Reading:
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not how:
        return no_response(o) or absent(f"The exchange ended differently: {_ENDS.get(o.outcome, o.outcome)}.", o)
    if o.received:
        return absent(f"The server sent {o.received} bytes before the connection ended.", o)
    differ = _like_connections_differ(report, subject, o)
    if differ is not None:
        return differ
    return present(says.format(millis(o.took)), o)


@sign("the connection was reset before the server sent any data")
def reset_before_data(report: Report, subject: Subject) -> Reading:
    """Accepted, then RST before the server sent any data; recv() fails with ECONNRESET.

    Could also be: a server that closes with our data unread; a device in front that accepts for the server.
    """
    tcp = own_connection(report, subject)
    if tcp is not None and tcp.outcome is Outcome.RESET and tcp.icmp is None:
        # A RST in response to the SYN gives ECONNREFUSED: this one came after the handshake, before connect() returned.
        fact = "The server accepted the connection and reset it (RST) immediately, before it sent any data."
        return present(fact, tcp)
    says = "The server accepted the connection and reset it (RST) after {}, before it sent any data."
    return _ended(report, subject, Outcome.RESET, says)


@sign("the connection was closed before the server sent any data")
def closed_before_data(report: Report, subject: Subject) -> Reading:
    """Accepted, then FIN before the server sent any data; recv() returns no bytes."""
    says = "The server accepted the connection and closed it (FIN) after {}, before it sent any data."
    return _ended(report, subject, Outcome.CLOSED, says)


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
    fact = f"Only the connections that sent {speaking[0].sent} ended: the server may reject it."
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
    others = [o for o in _stimuli(report, subject) if o.sent not in (None, speaking[0].sent)]
    return present(f"{reading.says} {_candidates(speaking[0], others)}", *silent_ones, *speaking, *others)


def _candidates(spoke: Greeting, others: list[Greeting]) -> str:
    """Return a sentence with what the server may expect, by what it answered."""
    answered = [o for o in others if o.received]
    if answered:
        return f"It responds to {answered[0].sent}."
    if "ClientHello" in (spoke.sent or ""):
        return "It may reject the server name or the TLS version, or expect plain text or a PROXY protocol header."
    return "It may expect TLS, another protocol or a PROXY protocol header."


@sign("the server accepted and sent no data")
def silent(report: Report, subject: Subject) -> Reading:
    """Accepted, and no data within the limit, although the service greets or received a request. Not for TLS."""
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if isinstance(o, Handshake):
        return absent("The last exchange was a TLS handshake.", o)
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The exchange with the service did not time out.", o)
    if o.received:
        return absent(f"The service sent {o.received} bytes, but no complete message.", o)
    asked = "an HTTP request" if isinstance(o, HttpReply) else o.sent
    name = spoken(o.expected) if isinstance(o, Greeting) and o.expected else ""
    what = f"response to {asked}" if asked else f"{name} greeting".strip()
    return present(f"The server accepted the connection and sent no {what} in {o.took:.1f} s.", o)


@sign("no response of the requested service follows the accepted connection")
def not_expected_service(report: Report, subject: Subject) -> Reading:
    """Accepted, then silence, RST, FIN, or data of another protocol: no response of the requested service."""
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome in _NOT_THE_SERVICE:
        return present("The connection was accepted, but no response of the requested service followed.", o)
    return absent("The response is in the requested protocol.", o)


# ---------------------------------------------------------------- another protocol


@sign("the response is in a protocol other than the requested one")
def other_protocol(report: Report, subject: Subject) -> Reading:
    """The server's data belongs to a protocol other than the requested one."""
    o = last_reply(report, subject) or last_greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.OTHER_PROTOCOL:
        return no_response(o) or absent("No response in another protocol was received.", o)
    expected = "HTTP" if isinstance(o, HttpReply) else spoken(o.expected or "another service")
    if o.protocol is None and isinstance(o, Greeting):
        return present(f"{expected} was expected, but the response is of an unknown protocol: {quoted(o.text, 60)}.", o)
    if o.protocol is None or o.protocol in ("tls", "html"):
        return absent("The response is not that of another known service.", o)
    return present(f"{expected} was expected, but {spoken(o.protocol)} responded: {quoted(o.text, 60)}.", o)


@sign("the server responds to plain text with TLS")
def speaks_tls(report: Report, subject: Subject) -> Reading:
    """The server responded to plain text with TLS, or with a page that requires it."""
    o = last_reply(report, subject) or last_greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OTHER_PROTOCOL and o.protocol == "tls":
        return present("The server responded to plain text with TLS.", o)
    return no_response(o) or absent("The server did not respond to plain text with TLS.", o)


# ---------------------------------------------------------------- the service's own error message


@sign("the service's own error message is one that this cause lists", reads="answers")
def service_says(report: Report, subject: Subject, answers: tuple[str, ...] = ()) -> Reading:
    """The service's error, sent instead of its greeting or page, contains one of the cause's `answers`.

    Could also be: a proxy or firewall that responds for the service.
    """
    o = last_greeting(report, subject) or last_reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.ERROR_ANSWER:
        return no_response(o) or absent("The service did not respond with an error.", o)
    text = o.text if isinstance(o, Greeting) else f"{o.status or ''} {o.phrase} {o.text}".strip()
    who = spoken(o.protocol or "The service") if isinstance(o, Greeting) else "HTTP"
    fact = f"{who} responded with {quoted(text, 120)}."
    found = any(phrase_pattern(phrase).search(text) for phrase in answers)
    return present(fact, o) if found else absent(fact, o)
