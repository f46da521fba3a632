"""Signs about what a service sends after it accepts, whatever its protocol. Pure; the subject is an address."""

from __future__ import annotations

from ..model import Greeting, Handshake, HttpReply, Outcome, Report, Subject
from ..services.fingerprints import spoken
from ..text import phrase_pattern
from .base import Reading, absent, present, sign, unknown
from .observed import last_exchange, last_greeting, last_reply, own_connection, quoted

_ENDS = {
    Outcome.OK: "it succeeded", Outcome.TIMEOUT: "no answer came", Outcome.RESET: "it was reset (RST)",
    Outcome.CLOSED: "it was closed (FIN)", Outcome.NOT_TLS: "the answer was not TLS",
    Outcome.OTHER_PROTOCOL: "another protocol answered", Outcome.ERROR_ANSWER: "the service answered with an error",
    Outcome.TOO_LONG: "more data came than a greeting has", Outcome.UNTRUSTED: "the certificate was not accepted",
    Outcome.TLS_ALERT: "a TLS alert came", Outcome.TLS_ERROR: "the TLS handshake failed",
}  # fmt: skip
_NOT_THE_SERVICE = (
    Outcome.TIMEOUT, Outcome.RESET, Outcome.CLOSED, Outcome.NOT_TLS, Outcome.OTHER_PROTOCOL, Outcome.MALFORMED,
    Outcome.TOO_LONG,
)  # fmt: skip


def _ended(report: Report, subject: Subject, how: Outcome, says: str) -> Reading:
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not how:
        return absent(f"The connection ended in another way: {_ENDS.get(o.outcome, o.outcome)}.", o)
    if o.received:
        return absent(f"The server had sent {o.received} bytes before.", o)
    return present(says.format(o.took * 1000), o)


@sign("the connection was reset before the server sent any data")
def reset_before_data(report: Report, subject: Subject) -> Reading:
    """Accepted, then RST before the server sent any data; recv() gives ECONNRESET.

    Could also be: a server that closes with our data unread, and a device in front that accepts for it.
    """
    tcp = own_connection(report, subject)
    if tcp is not None and tcp.outcome is Outcome.RESET and tcp.icmp is None:
        # A reset of the first SYN gives ECONNREFUSED: this one came after the handshake, before connect() was read.
        return present("The connection was accepted and reset (RST) at once, before the server sent any data.", tcp)
    says = "The connection was accepted, then reset (RST) after {:.0f} ms, before the server sent any data."
    return _ended(report, subject, Outcome.RESET, says)


@sign("the connection was closed before the server sent any data")
def closed_before_data(report: Report, subject: Subject) -> Reading:
    """Accepted, then FIN before the server sent any data; recv() gives nothing."""
    says = "The connection was accepted, then closed (FIN) after {:.0f} ms, before the server sent any data."
    return _ended(report, subject, Outcome.CLOSED, says)


@sign("the server accepted and sent no data")
def silent(report: Report, subject: Subject) -> Reading:
    """Accepted, and no data within the limit, though this service greets or was asked. A TLS handshake is apart."""
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if isinstance(o, Handshake):
        return absent("The stage that failed is the TLS handshake.", o)
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The service did answer.", o)
    if o.received:
        return absent(f"The service sent {o.received} bytes, and did not end its first word.", o)
    asked = "an HTTP request" if isinstance(o, HttpReply) else o.sent
    to = f"to {asked}" if asked else f"where {spoken(o.expected or '') if isinstance(o, Greeting) else ''} greets first"
    return present(f"The connection was accepted, and no answer came {to} in {o.took:.1f} s.", o)


@sign("what follows the accept is not the requested service")
def not_expected_service(report: Report, subject: Subject) -> Reading:
    """Accepted, and then silence, a reset, an end, or data of another protocol: not the requested service."""
    o = last_exchange(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome in _NOT_THE_SERVICE:
        return present("The port accepts, and what follows is not the service that was asked for.", o)
    return absent("What answers speaks as the service should.", o)


# ---------------------------------------------------------------- another protocol


@sign("another protocol than the requested one answers")
def other_protocol(report: Report, subject: Subject) -> Reading:
    """The server's data is recognised, and belongs to another protocol than the requested one."""
    o = last_reply(report, subject) or last_greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.OTHER_PROTOCOL:
        return absent("No other protocol answered.", o)
    expected = "HTTP" if isinstance(o, HttpReply) else spoken(o.expected or "another service")
    if o.protocol is None and isinstance(o, Greeting):
        return present(f"{expected} was expected, and what answers is not known: {quoted(o.text, 60)}.", o)
    if o.protocol is None or o.protocol in ("tls", "html"):
        return absent("The answer is no other known service.", o)
    return present(f"{expected} was expected, {spoken(o.protocol)} answered: {quoted(o.text, 60)}.", o)


@sign("the port speaks TLS, and plain text was sent")
def speaks_tls(report: Report, subject: Subject) -> Reading:
    """Our plain text was answered with TLS, or with a page that asks for it."""
    o = last_reply(report, subject) or last_greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OTHER_PROTOCOL and o.protocol == "tls":
        return present("The plain-text request was answered by TLS.", o)
    return absent("The answer was no TLS.", o)


# ---------------------------------------------------------------- the service's own words


@sign("the service's own error message is one that this cause lists", reads="answers")
def service_says(report: Report, subject: Subject, answers: tuple[str, ...] = ()) -> Reading:
    """The service's error, in place of its greeting or its page, contains one of the cause's `answers`.

    Could also be: a proxy or firewall that answers in the service's place.
    """
    o = last_greeting(report, subject) or last_reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.ERROR_ANSWER:
        return absent("The service did not answer with an error.", o)
    text = o.text if isinstance(o, Greeting) else f"{o.status or ''} {o.phrase} {o.text}".strip()
    who = spoken(o.protocol or "The service") if isinstance(o, Greeting) else "HTTP"
    said = f"{who} answered {quoted(text, 120)}."
    found = any(phrase_pattern(phrase).search(text) for phrase in answers)
    return present(said, o) if found else absent(said, o)
