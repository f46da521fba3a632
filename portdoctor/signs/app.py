"""Signs about what the service says: HTTP, greetings, and an end before a word. The subject is an address."""

from __future__ import annotations

import re

from ..model import Greeting, Handshake, HttpReply, Outcome, Report, Subject
from ..services.fingerprints import spoken
from .base import Ask, Reading, absent, present, sign, unknown
from .tcp import connection

Spoken = Handshake | HttpReply | Greeting

# The words of a gateway that could not pass a request on, in its own error page. Each from the program's own source
# or manual: HAProxy, Envoy, Traefik, Varnish, Apache httpd, AWS, Caddy, Kubernetes ingress, nginx.
_GATEWAY_PAGE = re.compile(
    r"no server is available to handle|upstream connect error|no healthy upstream|no available server"
    r"|backend fetch failed|guru meditation|proxy error|temporarily overloaded or under maintenance"
    r"|upstream request timeout|backend is unhealthy|default backend|no upstreams available",
    re.I,
)
_SLOW = 1.0  # seconds to the first byte that a person notices, and that a lost packet alone does not explain
_SLOW_ROUNDS = 10  # round trips; a far server is not a slow one

_TOO_MANY = re.compile(
    r"too many (?:\w+ )*(?:connections|clients|users|processes)|max(?:imum)? number of clients|MaxStartups"
    r"|connection slots|connections? (?:limit|from your)|\b421 .*(?:connections|users)|#08004|C53300",
    re.I,
)
_NOT_FROM_HERE = re.compile(
    r"is not allowed to connect|is blocked because of many|protected mode|-DENIED|not allowed at this time"
    r"|access denied|denied (?:by|from)|your (?:host|ip|address)|block(?:ed )?list|blacklist|no service for you"
    r"|not permitted from|unauthorized host",
    re.I,
)
_STARTING = re.compile(r"starting up|-LOADING|is loading|in recovery mode|not yet accepting|shutting down|C57P0", re.I)


def reply(report: Report, subject: Subject) -> HttpReply | None:
    """The last HTTP answer on the user's own path to the address."""
    found = [o for o in report.of(HttpReply) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def greeting(report: Report, subject: Subject) -> Greeting | None:
    """The service's first words on the user's own path to the address."""
    found = [o for o in report.of(Greeting) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def last_word(report: Report, subject: Subject) -> Spoken | None:
    """The last look behind the connect: handshake, HTTP or greeting."""
    found: list[Spoken] = [
        o for o in report.observations
        if isinstance(o, Handshake | HttpReply | Greeting) and o.role == "target" and o.address in subject.values
    ]  # fmt: skip
    return found[-1] if found else None


def _quoted(text: str, most: int = 80) -> str:
    return f"“{text[:most]}”" if text else "nothing readable"


# ---------------------------------------------------------------- accepted, and then


_ENDS = {
    Outcome.OK: "all was well", Outcome.TIMEOUT: "no answer came", Outcome.RESET: "it was reset (RST)",
    Outcome.CLOSED: "it was closed (FIN)", Outcome.NOT_TLS: "the answer was not TLS",
    Outcome.OTHER_PROTOCOL: "another protocol answered", Outcome.ERROR_ANSWER: "the service answered with an error",
    Outcome.TOO_LONG: "more came than a first word", Outcome.UNTRUSTED: "the certificate was not accepted",
    Outcome.TLS_ALERT: "a TLS alert came", Outcome.TLS_ERROR: "the TLS handshake failed",
}  # fmt: skip


def _ended(report: Report, subject: Subject, how: Outcome, says: str) -> Reading:
    o = last_word(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not how:
        return absent(f"The connection ended in another way: {_ENDS.get(o.outcome, o.outcome)}.", o)
    if o.received:
        return absent(f"The server had sent {o.received} bytes before.", o)
    return present(says.format(o.took * 1000), o)


@sign
def reset_before_a_byte(report: Report, subject: Subject) -> Reading:
    """Accepted, then RST before the server said a byte; recv gives ECONNRESET."""
    tcp = connection(report, subject)
    if tcp is not None and tcp.outcome is Outcome.RESET and tcp.icmp is None:
        # A reset of the first SYN gives ECONNREFUSED: this one came after the handshake, before connect() was read.
        return present("The connection was accepted and reset (RST) at once, before a byte was said.", tcp)
    says = "The connection was accepted, then reset (RST) after {:.0f} ms, before the server said a byte."
    return _ended(report, subject, Outcome.RESET, says)


@sign
def closed_before_a_byte(report: Report, subject: Subject) -> Reading:
    """Accepted, then FIN before the server said a byte; recv gives nothing."""
    says = "The connection was accepted, then closed (FIN) after {:.0f} ms, before the server said a byte."
    return _ended(report, subject, Outcome.CLOSED, says)


@sign
def nothing_said(report: Report, subject: Subject) -> Reading:
    """Accepted, and not a byte within the limit, though this service greets or was asked. A TLS hello is apart."""
    o = last_word(report, subject)
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


@sign
def http_request_unanswered(report: Report, subject: Subject) -> Reading:
    """An HTTP request was sent, and not a byte came back within the limit."""
    o = reply(report, subject)
    if o is None:
        return unknown("not-looked") if last_word(report, subject) is None else absent("No HTTP request was sent.")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The HTTP request was answered.", o)
    return present(f"The HTTP request was sent, and no whole answer came in {o.took:.1f} s.", o)


# ---------------------------------------------------------------- another protocol


@sign
def another_protocol_answers(report: Report, subject: Subject) -> Reading:
    """What came is recognised, and is another protocol than the one asked for."""
    o = reply(report, subject) or greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.OTHER_PROTOCOL:
        return absent("No other protocol answered.", o)
    expected = "HTTP" if isinstance(o, HttpReply) else spoken(o.expected or "another service")
    if o.protocol is None and isinstance(o, Greeting):
        return present(f"{expected} was expected, and what answers is not known: {_quoted(o.text, 60)}.", o)
    if o.protocol is None or o.protocol in ("tls", "html"):
        return absent("The answer is no other known service.", o)
    return present(f"{expected} was expected, {spoken(o.protocol)} answered: {_quoted(o.text, 60)}.", o)


@sign
def tls_answers_plain_text(report: Report, subject: Subject) -> Reading:
    """What was said in plain text was answered by TLS, or by a page that asks for it."""
    o = reply(report, subject) or greeting(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.OTHER_PROTOCOL and o.protocol == "tls":
        return present("The plain-text request was answered by TLS.", o)
    return absent("The answer was no TLS.", o)


@sign
def answer_is_no_http(report: Report, subject: Subject) -> Reading:
    """Bytes came that are neither HTTP nor any protocol we know: a bare page, a broken status line, anything."""
    o = reply(report, subject)
    if o is None:
        return unknown("not-looked") if greeting(report, subject) is None else absent("HTTP was not expected.")
    if o.outcome in (Outcome.OTHER_PROTOCOL, Outcome.MALFORMED, Outcome.TOO_LONG) and o.protocol in (
        None, "html", "http",
    ):  # fmt: skip
        return present(f"The HTTP request was answered with {_quoted(o.text)}.", o)
    return absent("The answer is HTTP, or another known protocol.", o)


# ---------------------------------------------------------------- HTTP's own errors


@sign
def http_status(report: Report, subject: Subject, statuses: str) -> Reading:
    """``http-status:502`` or ``http-status:500+501``: the answer had one of these status codes (RFC 9110)."""
    o = reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.status is None:
        return absent("No HTTP status came.", o)
    server = f" (server: {o.headers['server']})" if o.headers.get("server") else ""
    said = f"The HTTP answer was {o.status} {o.phrase}".rstrip() + f"{server}."
    return present(said, o) if str(o.status) in statuses.split("+") else absent(said, o)


@sign
def gateway_blames_backend(report: Report, subject: Subject) -> Reading:
    """502, which only a gateway sends about the server behind it, or 503 with the page of a gateway."""
    o = reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.status == 502:
        return present(f"The answer was 502 {o.phrase}{_by(o)}: its gateway got no good answer from behind.", o)
    if o.status != 503:
        return absent(f"The HTTP answer was {o.status}." if o.status else "No HTTP status came.", o)
    found = _GATEWAY_PAGE.search(o.text)
    if found is not None or o.headers.get("server", "").startswith("awselb"):
        return present(f"The answer was 503{_by(o)}, with a gateway's page: {_quoted(o.text, 60)}.", o)
    return unknown("needs-person", o, says="A 503 comes from a gateway or from the service itself.", ask=_whose_503())


@sign
def service_fails_itself(report: Report, subject: Subject) -> Reading:
    """A 5xx that speaks of the service itself. 503 may come from it or from a gateway in front."""
    o = reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.status is None or o.status < 500:
        return absent("The HTTP answer was no server error.", o)
    said = f"The answer was {o.status} {o.phrase}".rstrip() + f"{_by(o)}."
    if o.status == 503:
        blamed = gateway_blames_backend(report, subject)
        if blamed.state == "present":
            return absent(blamed.says, o)
        return blamed
    return absent(said, o) if o.status in (502, 504) or 520 <= o.status <= 530 else present(said, o)


def _by(o: HttpReply) -> str:
    who = o.headers.get("server") or o.headers.get("via")
    return f" from {who}" if who else ""


def _whose_503() -> Ask:
    from ..model import Answer

    return Ask(
        where="server",
        commands={"linux": "ss -ltnp"},
        answers=(
            Answer(answer="the service behind the gateway does not listen", then="http.backend-down"),
            Answer(answer="it listens: its own log says why it refuses work", then="http.app-error"),
        ),
    )


@sign
def redirects_in_a_circle(report: Report, subject: Subject) -> Reading:
    """Redirects at the same host came back to a page already asked for, or went on past our limit."""
    o = reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.ERROR_ANSWER and o.status in (301, 302, 303, 307, 308):
        return present(f"The answers were {o.os_says or o.text}.", o)
    return absent("The redirects came to an end.", o)


# ---------------------------------------------------------------- a service's own errors


def _refusal(report: Report, subject: Subject, words: re.Pattern[str]) -> Reading:
    o = greeting(report, subject)
    if o is None:
        return unknown("not-looked") if reply(report, subject) is None else absent("The answer was HTTP.")
    if o.outcome is not Outcome.ERROR_ANSWER:
        return absent("The service did not refuse.", o)
    said = f"{spoken(o.protocol or 'The service')} answered {_quoted(o.text, 120)}."
    return present(said, o) if words.search(o.text) else absent(said, o)


@sign
def service_is_full(report: Report, subject: Subject) -> Reading:
    """The service says that it has too many connections."""
    return _refusal(report, subject, _TOO_MANY)


@sign
def service_bars_address(report: Report, subject: Subject) -> Reading:
    """The service says that it does not talk to this client's address."""
    first = _refusal(report, subject, _NOT_FROM_HERE)
    full = _refusal(report, subject, _TOO_MANY)
    return absent(full.says) if first.state == full.state == "present" else first


@sign
def service_is_starting(report: Report, subject: Subject) -> Reading:
    """The service says that it is starting, loading or stopping."""
    return _refusal(report, subject, _STARTING)


@sign
def first_byte_late(report: Report, subject: Subject) -> Reading:
    """Connected fast, and the first byte of the answer came late: more than a second and ten round trips."""
    o, c = reply(report, subject), connection(report, subject)
    if o is None or c is None or o.first_byte is None or o.outcome is not Outcome.OK:
        return unknown("not-looked")
    trip = c.rtt or c.took
    said = f"The connection took {c.took * 1000:.0f} ms, the first byte of the answer {o.first_byte:.1f} s."
    late = o.first_byte > max(_SLOW, _SLOW_ROUNDS * trip) and c.took < o.first_byte / 2
    return present(said, c, o) if late else absent(said, c, o)
