"""Signs about what a service sends after it accepts a connection, in any protocol. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Greeting, Handshake, HttpReply, Outcome, Report, Subject
from ..services.fingerprints import spoken
from ..text import phrase_pattern
from .base import Reading, absent, no_response, present, sign, unknown
from .observed import last_exchange, last_greeting, last_reply, millis, own_connection, quoted
from .stimulus import mixed

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
_DIFFER = "A connection with the same data did not end: this end is intermittent."


def _ended(report: Report, subject: Subject, how: Outcome, says: str) -> Reading:
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not how:
        return no_response(o) or absent(f"The exchange ended differently: {_ENDS.get(o.outcome, o.outcome)}.", o)
    if o.received:
        return absent(f"The server sent {o.received} bytes before the connection ended.", o)
    differ = mixed(report, subject)
    if differ is not None:
        return absent(_DIFFER, o, differ[0][-1], differ[1][0])
    return present(says.format(millis(o.took)), o)


@sign("the connection was reset before the server sent any data")
def reset_before_data(report: Report, subject: Subject) -> Reading:
    """Accepted, then RST before the server sent any data; recv() fails with ECONNRESET.

    Could also be: a server that closes with our data unread; a device in front that accepts for the server.
    """
    tcp = own_connection(report, subject)
    if tcp is not None and tcp.outcome is Outcome.RESET and tcp.icmp is None:
        # A RST in response to the SYN gives ECONNREFUSED: this one came after the handshake, before connect() returned.
        differ = mixed(report, subject)
        if differ is not None:
            return absent(_DIFFER, tcp, *differ[1])
        fact = "The server accepted the connection and reset it (RST) immediately, before it sent any data."
        return present(fact, tcp)
    says = "The server accepted the connection and reset it (RST) after {}, before it sent any data."
    return _ended(report, subject, Outcome.RESET, says)


@sign("the connection was closed before the server sent any data")
def closed_before_data(report: Report, subject: Subject) -> Reading:
    """Accepted, then FIN before the server sent any data; recv() returns no bytes."""
    says = "The server accepted the connection and closed it (FIN) after {}, before it sent any data."
    return _ended(report, subject, Outcome.CLOSED, says)


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
    if o.protocol in (None, "tls") or (o.protocol == "html" and isinstance(o, HttpReply)):
        return absent("The response is not that of another known service.", o)
    return present(f"{expected} was expected, but {spoken(o.protocol)} responded: {quoted(o.text, 60)}.", o)


@sign("the server requires TLS on this port")
def speaks_tls(report: Report, subject: Subject) -> Reading:
    """The server responded to plain text with TLS, or with a page that requires it."""
    o = last_reply(report, subject) or last_greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OTHER_PROTOCOL and o.protocol == "tls":
        if isinstance(o, HttpReply) and o.status is not None:
            return present(f"The server responded with HTTP {o.status} and a page that requires TLS.", o)
        return present("The server responded to plain text with TLS.", o)
    return no_response(o) or absent("The server did not ask for TLS.", o)


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


@sign("the service's first data begins with a message that this cause lists", reads="answers")
def first_data(report: Report, subject: Subject, answers: tuple[str, ...] = ()) -> Reading:
    """The first data of the service begins with one of the cause's `answers`, whatever its protocol and its outcome.

    For a service whose errors PortDoctor does not recognise. A working service may send the same words in its greeting:
    only the author of the cause knows that these are an error. Characters before the first letter or digit are skipped.
    """
    o = last_greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if not o.text:
        return no_response(o) or absent("The service sent no text.", o)
    fact = f"The service sent {quoted(o.text, 120)}."
    found = (phrase_pattern(phrase).search(o.text) for phrase in answers)
    begins = any(m and not any(c.isalnum() for c in o.text[: m.start()]) for m in found)
    return present(fact, o) if begins else absent(fact, o)
