"""Signs about HTTP responses: status, redirects, gateways, time. Pure; the subject is an address."""

from __future__ import annotations

import re

from ..model import Answer, HttpReply, Outcome, Report, Subject
from ..text import phrase_pattern
from .base import Ask, Reading, absent, no_response, present, sign, unknown
from .observed import last_exchange, last_greeting, last_reply, millis, own_connection, quoted

_WHOSE_503 = "The status 503 may come from a gateway or from the service itself."
_SLOW = 1.0  # seconds to the first byte that a user notices and that one lost packet does not explain
_SLOW_ROUNDS = 10  # round trips: a distant server is not a slow one


def _statuses(text: str) -> None:
    """Raise ValueError unless this is a list of status codes: "502" or "502+503"."""
    if not re.fullmatch(r"[1-5]\d\d(\+[1-5]\d\d)*", text):
        raise ValueError("write three digits, with + between several, such as 502+503")


@sign("the HTTP status is {parameter}", parameter="an HTTP status", check=_statuses)
def status(report: Report, subject: Subject, statuses: str) -> Reading:
    """``http.status:502`` or ``http.status:500+501``: the response had one of these status codes (RFC 9110)."""
    o = last_reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.status is None:
        return no_response(o) or absent("No HTTP status was received.", o)
    server = f" (server: {o.headers['server']})" if o.headers.get("server") else ""
    fact = f"The HTTP status is {o.status} {o.phrase}".rstrip() + f"{server}."
    return present(fact, o) if str(o.status) in statuses.split("+") else absent(fact, o)


@sign("the HTTP request received no complete response")
def request_unanswered(report: Report, subject: Subject) -> Reading:
    """An HTTP request was sent, and no complete response came within the limit."""
    o = last_reply(report, subject)
    if o is None:
        return unknown("not-looked") if last_exchange(report, subject) is None else absent("No HTTP request was sent.")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The HTTP request did not time out.", o)
    came = f", only {o.received} bytes" if o.received else ""
    return present(f"The server did not send a complete HTTP response in {o.took:.1f} s{came}.", o)


@sign("the response is not HTTP")
def not_http(report: Report, subject: Subject) -> Reading:
    """The data is neither HTTP nor another known protocol: a page without headers, a malformed status line."""
    o = last_reply(report, subject)
    if o is None:
        return unknown("not-looked") if last_greeting(report, subject) is None else absent("HTTP was not expected.")
    if o.outcome in (Outcome.OTHER_PROTOCOL, Outcome.MALFORMED) and o.protocol in (None, "html", "http"):
        return present(f"The server responded to the HTTP request with {quoted(o.text)}.", o)
    fact = "No data that is not HTTP was received, or it is of another known protocol."
    return no_response(o) or absent(fact, o)


@sign("the redirects form a loop")
def redirect_loop(report: Report, subject: Subject) -> Reading:
    """Redirects on the same host returned to a page already requested, or continued past our limit."""
    o = last_reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.ERROR_ANSWER and o.status in (301, 302, 303, 307, 308):
        return present(f"The server responded with {o.os_says or o.text}.", o)
    return no_response(o) or absent("The responses did not form a redirect loop.", o)


@sign("the first byte of the response came late")
def first_byte_late(report: Report, subject: Subject) -> Reading:
    """Connected quickly, but the first byte came after more than a second and ten round trips."""
    o, c = last_reply(report, subject), own_connection(report, subject)
    if o is None or c is None or o.first_byte is None or o.outcome is not Outcome.OK:
        return unknown("not-looked")
    trip = c.rtt or c.took
    fact = f"Connecting took {millis(c.took)}, the first byte of the response {o.first_byte:.1f} s."
    late = o.first_byte > max(_SLOW, _SLOW_ROUNDS * trip) and c.took < o.first_byte / 2
    return present(fact, c, o) if late else absent(fact, c, o)


# ---------------------------------------------------------------- server errors


@sign("a gateway reports an error of the server behind it", reads="answers")
def gateway_error(report: Report, subject: Subject, answers: tuple[str, ...] = ()) -> Reading:
    """502, which only a gateway sends, or 503 with the error page of a known gateway.

    Could also be: a 503 of the service itself, which a person must check if the page is not known.
    """
    o = last_reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.status == 502:
        return present(
            f"The HTTP status is 502{_server_text(o)}: a gateway received no valid response from its server.", o
        )
    if o.status != 503:
        fact = f"The HTTP status is {o.status}." if o.status else "No HTTP status was received."
        return no_response(o) or absent(fact, o)
    found = any(phrase_pattern(phrase).search(o.text) for phrase in answers)
    if found or o.headers.get("server", "").startswith("awselb"):
        return present(f"The HTTP status is 503{_server_text(o)}, with a gateway's page: {quoted(o.text, 60)}.", o)
    return unknown("needs-person", o, says=_WHOSE_503, ask=_whose_503())


@sign("the service itself reports a server error")
def server_error(report: Report, subject: Subject) -> Reading:
    """A 5xx status that is about the service itself. A 503 may come from it or from a gateway in front."""
    o = last_reply(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.status is None or o.status < 500:
        return no_response(o) or absent("The HTTP status is not a server error.", o)
    fact = f"The HTTP status is {o.status} {o.phrase}".rstrip() + f"{_server_text(o)}."
    if o.status == 503:
        return unknown("needs-person", o, says=_WHOSE_503, ask=_whose_503())
    return absent(fact, o) if o.status in (502, 504) or 520 <= o.status <= 530 else present(fact, o)


def _server_text(o: HttpReply) -> str:
    who = o.headers.get("server") or o.headers.get("via")
    return f" from {who}" if who else ""


def _whose_503() -> Ask:
    return Ask(
        where="server",
        commands={"linux": "ss -ltnp"},
        answers=(
            Answer(answer="the service behind the gateway is not listening", then="http.backend-down"),
            Answer(answer="it is listening: its log shows why it rejects requests", then="http.app-error"),
        ),
    )
