"""Signs about the server's certificate, read from it: OpenSSL reports only the first error. Pure; about an address.

OpenSSL checks the chain first (errors 2, 18 to 21), then the name (62), then the time (9, 10).
"""

from __future__ import annotations

from ..model import Answer, Certificate, Handshake, HttpReply, Outcome, Report, Subject, Want
from ..text import at, plural
from .base import Ask, Reading, absent, no_response, present, sign, unknown, unsettled
from .x509 import common_name, days_between, handshake_of, http_date, name_matches, now_of, time_text

_SOON = 14  # days before its expiry at which a certificate that should have been renewed is reported
_SHORT_LIVED = 30  # days of validity up to which "soon" is a third of them
_UNKNOWN_ISSUER = (2, 19, 20, 21)  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT and related codes, x509_vfy.h
_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN = 18, 19
_MOST_NAMES = 100  # of one certificate that a report keeps


def _leaf_shown(report: Report, subject: Subject) -> tuple[Handshake, Certificate] | None:
    """Return the handshake and the server's own certificate, if it sent one."""
    o = handshake_of(report, subject)
    return (o, o.chain[0]) if o is not None and o.chain else None


def wanted_name(report: Report) -> str:
    """Return the name or address that the certificate must match."""
    return report.options.sni or report.target.host


def _server(o: Handshake) -> str:
    return at(o.address, o.port)


def _verify_code(o: Handshake) -> int | None:
    return None if o.verified else o.verify_code


_CLOCK = Ask(
    where="here",
    commands={"linux": "timedatectl", "macos": "sntp time.apple.com", "windows": "w32tm /query /status"},
    answers=(
        Answer(answer="the clock is right: the certificate is past its expiry date", then="tls.cert-expired"),
        Answer(answer="the clock is right: the certificate is not valid yet", then="tls.cert-not-yet-valid"),
        Answer(answer="the clock is wrong: the certificate may be valid", then="local.clock-skew"),
    ),
)


def _by_code(report: Report, subject: Subject, code: int, says: str) -> Reading:
    """Read OpenSSL's verdict if the certificate could not be read; it covers only the first error."""
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.UNTRUSTED:
        return no_response(o) or absent("The TLS handshake did not fail on a certificate.", o)
    if _verify_code(o) == code:
        return present(says, o)
    return unknown("no-answer", o, says="The certificate could not be read.")


# ---------------------------------------------------------------- time


@sign("the certificate has expired")
def expired(report: Report, subject: Subject) -> Reading:
    """It expired by this machine's clock, and by the server's if an HTTP Date shows it."""
    seen = _leaf_shown(report, subject)
    now = now_of(report)
    if seen is None or now is None or seen[1].not_after is None:
        return _by_code(report, subject, 10, "OpenSSL reports that the certificate has expired.")
    o, leaf = seen
    end = leaf.not_after or ""
    if now <= end:
        return _expired_above(o, now) or absent(f"The certificate of {_server(o)} is valid until {time_text(end)}.", o)
    server = http_date(report, subject)
    if server is not None and server[1] <= end:
        fact = f"The certificate is valid until {time_text(end)}; the server's clock shows {time_text(server[1])}."
        return unknown("no-answer", o, server[0], says=fact, ask=_CLOCK)
    ago = days_between(end, now)
    since = plural(ago, "day") if ago else "less than a day"
    return present(f"The certificate of {_server(o)} expired {since} ago ({time_text(end)}).", o)


def _expired_above(o: Handshake, now: str) -> Reading | None:
    """Read whether an intermediate certificate expired; it counts if OpenSSL's verdict is about time."""
    if _verify_code(o) != 10:
        return None
    for cert in o.chain[1:]:
        if cert.not_after is not None and cert.not_after < now:
            fact = f"The intermediate certificate {common_name(cert.subject)} expired on {time_text(cert.not_after)}."
            return present(fact, o)
    return None


@sign("the certificate is not valid yet")
def not_yet_valid(report: Report, subject: Subject) -> Reading:
    """It becomes valid in the future by this machine's clock, and by the server's if an HTTP Date shows it."""
    seen = _leaf_shown(report, subject)
    now = now_of(report)
    if seen is None or now is None or seen[1].not_before is None:
        return _by_code(report, subject, 9, "OpenSSL reports that the certificate is not valid yet.")
    o, leaf = seen
    start = leaf.not_before or ""
    if now >= start:
        return absent(f"The certificate of {_server(o)} is valid from {time_text(start)}.", o)
    server = http_date(report, subject)
    if server is not None and server[1] >= start:
        fact = f"The certificate is valid from {time_text(start)}; the server's clock shows {time_text(server[1])}."
        return unknown("no-answer", o, server[0], says=fact, ask=_CLOCK)
    return present(f"The certificate is valid from {time_text(start)}; this machine's clock shows {time_text(now)}.", o)


@sign("the certificate expires soon")
def expires_soon(report: Report, subject: Subject) -> Reading:
    """Verified, and within two weeks of its expiry (a third of its validity, for short-lived ones)."""
    seen, now = _leaf_shown(report, subject), now_of(report)
    if seen is None or now is None or not seen[0].verified:
        return unknown("not-looked")
    o, leaf = seen
    if leaf.not_after is None:
        return unknown("not-possible-here", o)
    life = days_between(leaf.not_before, leaf.not_after) if leaf.not_before else _SHORT_LIVED
    soon = _SOON if life > _SHORT_LIVED else life // 3
    left = days_between(now, leaf.not_after)
    fact = f"The certificate of {_server(o)} expires on {time_text(leaf.not_after)}, in {plural(left, 'day')}."
    return present(fact, o) if left <= soon else absent(fact, o)


@sign("the clocks of the server and of this machine agree")
def clocks_agree(report: Report, subject: Subject) -> Reading:
    """The server's clock (HTTP Date) and this machine's differ by less than a day."""
    server, now = http_date(report, subject), now_of(report)
    if server is None or now is None:
        o = handshake_of(report, subject)
        asked = [r for r in report.of(HttpReply) if r.address in subject.values]
        if o is None:
            return unknown("not-looked")
        want = Want(probe="plain-http", args=(o.address,))
        return unsettled(report, want, o, *asked, probed=bool(asked))
    apart = abs(days_between(server[1], now))
    if apart:
        return absent(f"The server's clock shows {time_text(server[1])}, this machine's {time_text(now)}.", server[0])
    return present("The clocks of the server and of this machine differ by less than a day.", server[0])


@sign("the certificate is valid by the server's clock, but not by this machine's")
def valid_by_server_clock(report: Report, subject: Subject) -> Reading:
    """The certificate is valid by the server's clock (HTTP Date) and not by this machine's."""
    seen, now, server = _leaf_shown(report, subject), now_of(report), http_date(report, subject)
    if seen is None or now is None:
        return _by_code(report, subject, 0, "")
    o, leaf = seen
    start, end = leaf.not_before or "", leaf.not_after or "9999"
    if start <= now <= end:
        return absent("The certificate is valid by this machine's clock.", o)
    if server is None:
        asked = [r for r in report.of(HttpReply) if r.address in subject.values]
        want = Want(probe="plain-http", args=(o.address,))
        return unsettled(report, want, o, *asked, probed=bool(asked), ask=_CLOCK)
    if not start <= server[1] <= end:
        fact = f"The certificate is not valid by the server's clock ({time_text(server[1])}) either."
        return absent(fact, o, server[0])
    clocks = f"by the server's clock ({time_text(server[1])}), not by this machine's ({time_text(now)})"
    return present(f"The certificate is valid {clocks}.", o, server[0])


# ---------------------------------------------------------------- name


@sign("the certificate does not match the host name")
def name_mismatch(report: Report, subject: Subject) -> Reading:
    """None of the certificate's names is the requested one (RFC 9525; its common name does not count)."""
    seen = _leaf_shown(report, subject)
    wanted = wanted_name(report)
    if seen is None:
        return _by_code(report, subject, 62, f"OpenSSL reports that the certificate does not match {wanted}.")
    o, leaf = seen
    code = _verify_code(o)
    if o.verified or code in (9, 10) or (code != 62 and any(name_matches(name, wanted) for name in leaf.names)):
        return absent(f"The certificate matches {wanted}.", o)  # OpenSSL checks the time only after the name matches
    if len(leaf.names) >= _MOST_NAMES and code != 62:
        return unknown("not-possible-here", o, says="The certificate has more names than the report has.")
    if code != 62 and ("(unreadable)" in leaf.names or {"certificate", "extensions", "names"} & set(leaf.unreadable)):
        return unknown("not-possible-here", o, says="Not all names of the certificate could be read.")
    if not leaf.names:
        return present(f"The certificate contains no host name, so it does not match {wanted}.", o)
    few = ", ".join(leaf.names[:4])
    rest = f" and {len(leaf.names) - 4} more" if len(leaf.names) > 4 else ""
    return present(f"The certificate is for {few}{rest}, not for {wanted}.", o)


# ---------------------------------------------------------------- chain


@sign("the server's certificate was verified")
def verified(report: Report, subject: Subject) -> Reading:
    """The server proved by a verified certificate that it has the requested name: no device in front of it responded.

    Could also be: a proxy whose CA this machine trusts. Absent without TLS, where nothing proves who responds.
    """
    o = handshake_of(report, subject)
    if "tls" not in report.target.stages:
        return absent("The connection does not use TLS.")
    if o is not None and o.verified and o.outcome is Outcome.OK:
        return present(f"The certificate of {_server(o)} was verified.", o)
    return no_response(o) or absent("The server's certificate was not verified.", *([o] if o else []))


@sign("the certificate is self-signed")
def self_signed(report: Report, subject: Subject) -> Reading:
    """The server's certificate is its own issuer, and is not in the trust store."""
    seen = _leaf_shown(report, subject)
    if seen is None:
        return _by_code(report, subject, _SELF_SIGNED, "OpenSSL reports that the certificate is self-signed.")
    o, leaf = seen
    if o.verified:
        return absent("The certificate was verified.", o)
    if leaf.self_signed or _verify_code(o) == _SELF_SIGNED:
        return present(f"The certificate of {common_name(leaf.subject)} is self-signed and not in {_store(o)}.", o)
    return absent(f"The certificate was issued by {common_name(leaf.issuer)}.", o)


@sign("the certificate's issuer is not in the trust store")
def issuer_unknown(report: Report, subject: Subject) -> Reading:
    """No chain leads from the certificate to a CA of the trust store. OpenSSL checks this before name and time."""
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    code = _verify_code(o)
    if o.outcome is Outcome.UNTRUSTED and code in _UNKNOWN_ISSUER and o.chain:
        last = o.chain[-1]
        fact = f"{common_name(last.issuer)}, the issuer of {common_name(last.subject)}, is not in {_store(o)}."
        return present(fact, o)
    if o.outcome is not Outcome.UNTRUSTED or code in (9, 10, 62, _SELF_SIGNED):
        return no_response(o) or absent("The TLS handshake did not fail on the issuer of the certificate.", o)
    return unknown("no-answer", o, says="The issuer of the certificate was not checked.")


def _store(o: Handshake) -> str:
    return f"the trust store ({o.trust})" if o.trust else "the trust store"


_WHICH_ISSUER = Ask(
    where="server",
    commands={"linux": "openssl x509 -noout -subject -issuer -in CERTIFICATE-OF-THE-ISSUER"},
    answers=(
        Answer(
            answer="subject and issuer are the same: this root CA is not installed on the client",
            then="tls.cert-private-ca",
        ),
        Answer(answer="they differ: the server must send this certificate too", then="tls.chain-incomplete"),
    ),
)


@sign("the server does not send the intermediate certificate")
def intermediate_missing(report: Report, subject: Subject) -> Reading:
    """The server sent only its own certificate, which contains the URL of its issuer's certificate.

    Could also be: a private CA that issues server certificates directly and publishes its own. Without the URL it is
    unknown: certificates of private CAs have none, whether an intermediate or the root itself issued them.
    """
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    unknown_issuer = issuer_unknown(report, subject)
    if unknown_issuer.state == "unknown":
        return unknown_issuer
    if unknown_issuer.state == "absent":
        return absent("The TLS handshake did not fail on an issuer that is not in the trust store.", o)
    leaf = o.chain[0]
    if _verify_code(o) == _SELF_SIGNED_IN_CHAIN or len(o.chain) > 1:
        return absent(
            f"The server sent {plural(len(o.chain), 'certificate')}, up to {common_name(o.chain[-1].subject)}.", o
        )
    if not leaf.issuer_urls:
        fact = f"Whether {common_name(leaf.issuer)}, the issuer, is a root or an intermediate is unknown."
        return unknown("needs-person", o, says=fact, ask=_WHICH_ISSUER)
    fact = f"The server sent only its own certificate; that of its issuer {common_name(leaf.issuer)} is missing."
    return present(fact, o)


@sign("the trust store contains no certificate authority")
def trust_store_empty(report: Report, subject: Subject) -> Reading:
    """The trust store that was used contains no certificate authority (CA)."""
    o = handshake_of(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.trust is not None and o.trust_anchors == 0:
        return present(f"The trust store contains no certificate authority ({o.trust}).", o)
    if o.outcome is not Outcome.UNTRUSTED or o.trust_anchors or _verify_code(o) in (9, 10, 62):
        return no_response(o) or absent("The TLS handshake did not fail on an empty trust store.", o)
    return unknown("not-possible-here", o, says="This system does not show which CAs its trust store contains.")
