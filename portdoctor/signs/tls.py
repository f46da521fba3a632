"""Signs about the TLS handshake: the response to the ClientHello, what the server rejects. Pure; about an address."""

from __future__ import annotations

from typing import Literal

from ..model import Ending, Greeting, Handshake, HttpReply, Outcome, Report, Subject, Want
from ..services.fingerprints import spoken
from .base import Reading, absent, no_response, present, sign, unknown, unsettled
from .observed import variant_hellos
from .stimulus import ends_after_data_sent, named_hello
from .x509 import handshake_of

_OLD_VERSION = ("UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_NEEDS_CERTIFICATE = ("certificate_required", "no_certificate")
_VAGUE = ("handshake_failure", "bad_certificate", "certificate_unknown", "access_denied")


def alert_seen(report: Report, subject: Subject) -> tuple[Ending, str] | None:
    """Return the peer's TLS alert, in the handshake or on the first read after it, and its observation."""
    exchanges: list[Handshake | HttpReply | Greeting] = [
        *report.of(Handshake), *report.of(HttpReply), *report.of(Greeting),
    ]  # fmt: skip
    for o in exchanges:
        if o.role == "target" and o.address in subject.values and o.outcome is Outcome.TLS_ALERT and o.alert:
            return (o, o.alert)
    return None


# ---------------------------------------------------------------- the response to the ClientHello


@sign("the server responds in plain text instead of TLS")
def plain_text(report: Report, subject: Subject) -> Reading:
    """The response to the ClientHello was not a TLS record, or a plain HTTP request received a plain-text response."""
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.NOT_TLS:
        what = spoken(o.sample_protocol) if o.sample_protocol else "data of an unknown protocol"
        return present(f"The server responded to the ClientHello with {what}: “{(o.sample or '')[:60]}”.", o)
    if o.received or o.outcome is Outcome.OK:
        return absent("The server responded to the ClientHello with TLS.", o)
    other = variant_hellos(report, subject)
    if with_tls := next((h for h in other if h.received and h.outcome is not Outcome.NOT_TLS), None):
        return absent(f"The server responds with TLS to {named_hello(with_tls)}.", o, with_tls)
    asked = [r for r in report.of(HttpReply) if r.role == "variant"]
    for r in asked:
        if r.address not in subject.values:
            continue  # one address is probed for all: they are the same service
        if r.protocol == "tls":
            return absent("The server responded to a plain HTTP request with TLS.", o, r)
        if r.status is not None or r.protocol:
            what = "HTTP" if r.status is not None else spoken(r.protocol or "")
            if not other:  # an HTTPS server may answer plain HTTP with an error page, and a filter drop the ClientHello
                return unsettled(report, Want(probe="handshake", args=(o.address,)), o, r)
            return present(f"The ClientHello received no response; a plain HTTP request received {what}.", o, r)
    if asked:
        return unknown("no-answer", o, *asked)
    return unsettled(report, Want(probe="plain-http", args=(o.address,)), o)


@sign("the server did not complete the TLS handshake in time")
def client_hello_unanswered(report: Report, subject: Subject) -> Reading:
    """The connection was accepted, and the handshake did not end within the limit.

    Could also be: a service that waits for plain text; a path that drops large packets.
    """
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The TLS handshake did not time out.", o)
    sent = f"only {o.received} bytes" if o.received else "no data"
    return present(f"The server accepted the connection and sent {sent} in {o.took:.1f} s after the ClientHello.", o)


@sign(
    "the connection ended in the TLS handshake",
    parameter="an end of the connection",
    values={
        "reset": "the connection was reset during the TLS handshake",
        "closed": "the connection was closed during the TLS handshake",
    },
)
def handshake_ended(report: Report, subject: Subject, how: str) -> Reading:
    """The server had begun to answer the ClientHello, then the connection was reset (RST) or closed (FIN)."""
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome(how):
        return no_response(o) or absent(f"The connection was not {how} during the TLS handshake.", o)
    if not o.received:
        return absent(f"The connection was {how} before the server sent any TLS data.", o)
    end = "reset the connection (RST)" if how == "reset" else "closed the connection (FIN)"
    return present(f"The server sent {o.received} bytes of the TLS handshake, then {end}.", o)


# ---------------------------------------------------------------- another ClientHello


@sign("the server responds only to a ClientHello with another server name, or without one")
def other_name_answered(report: Report, subject: Subject) -> Reading:
    """The user's own ClientHello received no response, once more none, and one that differs only in its name did.

    Could also be: a server or a device in the path that rejects names; a server that fails on some names only.
    """
    return _answered_instead(report, subject, "name")


@sign("the server responds only to a ClientHello that does not offer TLS 1.3")
def older_version_answered(report: Report, subject: Subject) -> Reading:
    """The user's own ClientHello was rejected, once more so, and one without TLS 1.3 was answered.

    Could also be: a device in the path that does not let TLS 1.3 pass; a limit of the size of the ClientHello.
    """
    return _answered_instead(report, subject, "version")


def _answered_instead(report: Report, subject: Subject, differs: Literal["name", "version"]) -> Reading:
    own = handshake_of(report, subject)
    if own is None:
        return unknown("not-looked")
    stopped = own.outcome in (Outcome.RESET, Outcome.CLOSED, Outcome.TIMEOUT) and not own.received
    if not stopped and (differs == "name" or own.alert != "protocol_version"):
        return absent("The server responded to the ClientHello.", own)
    if differs == "name" and own.sni is None:
        return absent("The ClientHello contained no server name.", own)
    if stopped and own.outcome is not Outcome.TIMEOUT:
        ends = ends_after_data_sent(report, subject)  # otherwise the ClientHello is not the reason
        if ends.state != "present":
            return ends
    hellos = variant_hellos(report, subject)
    if not hellos:
        return unsettled(report, Want(probe="handshake", args=(own.address,)), own)
    answered = [o for o in hellos if o.received and (stopped or o.outcome is Outcome.OK)]
    if same := [o for o in answered if o.sni == own.sni and o.newest is None]:
        return absent("The same ClientHello received a response later: the fault is intermittent.", own, *same)
    like = [o for o in hellos if (o.newest is not None) == (differs == "version") and (o.newest or o.sni != own.sni)]
    again = [o for o in hellos if o.sni == own.sni and o.newest is None]
    found = [o for o in answered if o in like]
    if found and len(found) < len(answered):
        other = next(o for o in answered if o not in found)
        return absent(f"The server also responds to {named_hello(other)}.", own, *answered)
    if found and again:
        what = " and to ".join(named_hello(o) for o in found)
        return present(f"The server responds to {what}; the same ClientHello failed again.", own, *again, *found)
    if like and again and all(o.outcome is not Outcome.TIMEOUT for o in like):
        return absent(f"{named_hello(like[0])[:1].upper()}{named_hello(like[0])[1:]} is rejected too.", own, *like)
    return unknown("no-answer", own, *like)


# ---------------------------------------------------------------- what the server rejects


@sign("the server sent the TLS alert {parameter}", parameter="a TLS alert")
def alert(report: Report, subject: Subject, names: str) -> Reading:
    """``tls.alert:unrecognized_name``: the server ended TLS with that alert; several are joined by "+"."""
    seen = alert_seen(report, subject)
    if seen is not None:
        fact = f"The server sent the TLS alert {seen[1]}."
        return present(fact, seen[0]) if seen[1] in names.split("+") else absent(fact, seen[0])
    o = handshake_of(report, subject)
    return no_response(o) or absent("The server sent no TLS alert.", *([o] if o else []))


@sign("client and server have no TLS version in common")
def version_refused(report: Report, subject: Subject) -> Reading:
    """One side supports no TLS version that the other accepts."""
    seen = alert_seen(report, subject)
    if seen is not None and seen[1] == "protocol_version":
        return present("The server sent the TLS alert protocol_version.", seen[0])
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is Outcome.TLS_ERROR and o.reason in _OLD_VERSION:
        return present(f"This machine rejects the TLS version that the server chose ({o.reason}).", o)
    return no_response(o) or absent("The TLS handshake did not fail on the TLS version.", o)


@sign("the server requires a client certificate")
def client_certificate_required(report: Report, subject: Subject) -> Reading:
    """The server ended TLS because the client sent no certificate.

    TLS 1.3 has an alert for it, after the handshake; a TLS 1.2 server requests one openly, then sends a vague alert.
    """
    seen = alert_seen(report, subject)
    o = handshake_of(report, subject)
    if seen is not None and seen[1] in _NEEDS_CERTIFICATE:
        return present(f"The server sent the TLS alert {seen[1]}.", seen[0])
    if seen is not None and o is not None and o.client_cert_asked and seen[1] in _VAGUE:
        return present(f"The server requested a client certificate, then sent the TLS alert {seen[1]}.", o)
    if o is None:
        return unknown("not-looked")
    return no_response(o) or absent("The server sent no TLS alert about a missing client certificate.", o)
