"""Signs about the server's certificate: its faults are read from it, for OpenSSL tells the first fault only.

Its order: chain (2, 18 to 21), name (62), then time (9, 10). Pure readings of a report; the subject is an address.
"""

from __future__ import annotations

from ..model import Certificate, Handshake, HttpReply, Outcome, Report, Subject, Want
from .base import Reading, absent, present, sign, unknown, unsettled
from .certificate import days_between, http_date, matches, named, now_of, shook, shown_time

_SOON = 14  # days before its end at which a certificate that should have been renewed is worth a word
_SHORT_LIVED = 30  # days of validity below which "soon" is a third of them
_UNKNOWN_ISSUER = (2, 19, 20, 21)  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT and kin, x509_vfy.h
_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN = 18, 19
_MOST_NAMES = 100  # of one certificate that a report keeps


def shown(report: Report, subject: Subject) -> tuple[Handshake, Certificate] | None:
    """The handshake and the server's own certificate, if it showed one."""
    o = shook(report, subject)
    return (o, o.chain[0]) if o is not None and o.chain else None


def wanted_name(report: Report) -> str:
    """The name or address that the certificate must be for."""
    return report.options.sni or report.target.host


def _code(o: Handshake) -> int | None:
    return None if o.verified else o.verify_code


@sign
def certificate_expired(report: Report, subject: Subject) -> Reading:
    """Its last day has passed, by this machine's clock, and by the server's where an HTTP Date tells it."""
    seen = shown(report, subject)
    now = now_of(report)
    if seen is None or now is None or seen[1].not_after is None:
        return _by_code(report, subject, 10, "OpenSSL says that the certificate has expired.")
    o, leaf = seen
    end = leaf.not_after or ""
    if now <= end:
        return _expired_above(o, now) or absent(f"The certificate is valid until {shown_time(end)}.", o)
    server = http_date(report, subject)
    if server is not None and server[1] <= end:
        said = f"By the server's clock, {shown_time(server[1])}, the certificate is valid until {shown_time(end)}."
        return unknown("no-answer", o, server[0], says=said)
    ago = days_between(end, now)
    since = f"{ago} days" if ago != 1 else "1 day"
    return present(f"The certificate ended on {shown_time(end)}, {since} before {shown_time(now)}.", o)


def _expired_above(o: Handshake, now: str) -> Reading | None:
    """An intermediate certificate that expired counts when OpenSSL's verdict is about time."""
    if _code(o) != 10:
        return None
    for cert in o.chain[1:]:
        if cert.not_after is not None and cert.not_after < now:
            return present(f"{named(cert.subject)}, in the chain, ended on {shown_time(cert.not_after)}.", o)
    return None


def _by_code(report: Report, subject: Subject, code: int, says: str) -> Reading:
    """Where the certificate could not be read: OpenSSL's verdict, which is silent about what it did not come to."""
    o = shook(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.UNTRUSTED:
        return absent("The handshake did not fail over a certificate.", o)
    if _code(o) == code:
        return present(says, o)
    return unknown("no-answer", o, says="The certificate could not be read.")


@sign
def certificate_not_yet_valid(report: Report, subject: Subject) -> Reading:
    """Its first day lies ahead, by this machine's clock, and by the server's where an HTTP Date tells it."""
    seen = shown(report, subject)
    now = now_of(report)
    if seen is None or now is None or seen[1].not_before is None:
        return _by_code(report, subject, 9, "OpenSSL says that the certificate is not valid yet.")
    o, leaf = seen
    start = leaf.not_before or ""
    if now >= start:
        return absent(f"The certificate is valid since {shown_time(start)}.", o)
    server = http_date(report, subject)
    if server is not None and server[1] >= start:
        said = f"By the server's clock, {shown_time(server[1])}, the certificate is valid since {shown_time(start)}."
        return unknown("no-answer", o, server[0], says=said)
    return present(f"The certificate begins on {shown_time(start)}; here it is {shown_time(now)}.", o)


@sign
def clock_agrees(report: Report, subject: Subject) -> Reading:
    """The server's clock (HTTP Date) and this machine's differ by less than a day."""
    server, now = http_date(report, subject), now_of(report)
    if server is None or now is None:
        o = shook(report, subject)
        asked = [r for r in report.of(HttpReply) if r.address in subject.values]
        if o is None:
            return unknown("not-looked")
        return unsettled(report, Want(probe="plain-http", args=(o.address,)), o, *asked, looked=bool(asked))
    apart = abs(days_between(server[1], now))
    if apart:
        return absent(f"The server's clock says {shown_time(server[1])}, this machine's {shown_time(now)}.", server[0])
    return present("The server's clock agrees with this machine's.", server[0])


@sign
def clocks_disagree_on_validity(report: Report, subject: Subject) -> Reading:
    """The certificate is valid by the server's clock and not by this machine's."""
    seen, now, server = shown(report, subject), now_of(report), http_date(report, subject)
    if seen is None or now is None:
        return _by_code(report, subject, 0, "")
    o, leaf = seen
    start, end = leaf.not_before or "", leaf.not_after or "9999"
    if start <= now <= end:
        return absent("The certificate is valid by this machine's clock.", o)
    if server is None:
        asked = [r for r in report.of(HttpReply) if r.address in subject.values]
        return unsettled(report, Want(probe="plain-http", args=(o.address,)), o, *asked, looked=bool(asked))
    if not start <= server[1] <= end:
        return absent("The certificate is not valid by the server's clock either.", o, server[0])
    said = f"By the server's clock it is {shown_time(server[1])}, by this machine's {shown_time(now)}."
    return present(f"{said} The certificate is valid only at the first.", o, server[0])


@sign
def certificate_names_another(report: Report, subject: Subject) -> Reading:
    """None of the certificate's names is the one that was asked for (RFC 9525; its common name does not count)."""
    seen = shown(report, subject)
    wanted = wanted_name(report)
    if seen is None:
        return _by_code(report, subject, 62, f"OpenSSL says that the certificate is not for {wanted}.")
    o, leaf = seen
    code = _code(o)
    if o.verified or code in (9, 10) or (code != 62 and any(matches(name, wanted) for name in leaf.names)):
        return absent(f"The certificate is for {wanted}.", o)  # OpenSSL comes to time only when the name is right
    if len(leaf.names) >= _MOST_NAMES and code != 62:
        return unknown("not-possible-here", o, says="The certificate has more names than were kept.")
    if not leaf.names:
        if leaf.sha256 and not leaf.subject and code != 62:
            return unknown("not-possible-here", o, says="The certificate could not be decoded here.")
        return present(f"The certificate names no host at all, so not {wanted}.", o)
    few = ", ".join(leaf.names[:4])
    rest = f" and {len(leaf.names) - 4} more" if len(leaf.names) > 4 else ""
    return present(f"The certificate is for {few}{rest}, not for {wanted}.", o)


@sign
def certificate_self_signed(report: Report, subject: Subject) -> Reading:
    """The server's certificate is its own issuer, and is not in the trust store."""
    seen = shown(report, subject)
    if seen is None:
        return _by_code(report, subject, _SELF_SIGNED, "OpenSSL says that the certificate is self-signed.")
    o, leaf = seen
    if o.verified:
        return absent("The certificate was accepted.", o)
    if leaf.self_signed or _code(o) == _SELF_SIGNED:
        return present(f"The certificate of {named(leaf.subject)} is signed by itself and is not in {_store(o)}.", o)
    return absent(f"The certificate was issued by {named(leaf.issuer)}.", o)


@sign
def issuer_unknown(report: Report, subject: Subject) -> Reading:
    """No way from the certificate to an authority of the trust store. OpenSSL looks at this before name and time."""
    o = shook(report, subject)
    if o is None:
        return unknown("not-looked")
    code = _code(o)
    if o.outcome is Outcome.UNTRUSTED and code in _UNKNOWN_ISSUER and o.chain:
        last = o.chain[-1]
        return present(f"{named(last.issuer)}, who issued {named(last.subject)}, is not in {_store(o)}.", o)
    if o.outcome is not Outcome.UNTRUSTED or code in (9, 10, 62, _SELF_SIGNED):
        return absent("The handshake did not fail over the issuer.", o)
    return unknown("no-answer", o, says="The issuer was not looked at.")


def _store(o: Handshake) -> str:
    return f"the trust store ({o.trust})" if o.trust else "the trust store"


@sign
def intermediate_missing(report: Report, subject: Subject) -> Reading:
    """The server sent its own certificate only, and the certificate tells where its issuer's is published.

    What else looks like it: a private authority that signs servers directly and publishes its certificate.
    """
    o = shook(report, subject)
    if o is None:
        return unknown("not-looked")
    if issuer_unknown(report, subject).state != "present":
        return absent("The issuer is known or was not in question.", o)
    leaf = o.chain[0]
    if _code(o) == _SELF_SIGNED_IN_CHAIN or len(o.chain) > 1:
        return absent(f"The server sent {len(o.chain)} certificates, up to {named(o.chain[-1].subject)}.", o)
    if not leaf.issuer_urls:
        return absent(f"The certificate does not say where {named(leaf.issuer)} is published, as public ones do.", o)
    return present(f"The server sent one certificate only; its issuer {named(leaf.issuer)} is missing.", o)


@sign
def trust_store_empty(report: Report, subject: Subject) -> Reading:
    """The trust store that was used holds no authority."""
    o = shook(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.trust is not None and o.trust_anchors == 0:
        return present(f"The trust store holds no authority ({o.trust}).", o)
    if o.outcome is not Outcome.UNTRUSTED or o.trust_anchors or _code(o) in (9, 10, 62):
        return absent("The trust store holds authorities, or was not in question.", o)
    return unknown("not-possible-here", o, says="This system does not tell what its trust store holds.")


@sign
def certificate_ends_soon(report: Report, subject: Subject) -> Reading:
    """Accepted, and within two weeks of its end (a third of its life, for short-lived ones)."""
    seen, now = shown(report, subject), now_of(report)
    if seen is None or now is None or not seen[0].verified:
        return unknown("not-looked")
    o, leaf = seen
    if leaf.not_after is None:
        return unknown("not-possible-here", o)
    life = days_between(leaf.not_before, leaf.not_after) if leaf.not_before else _SHORT_LIVED
    soon = _SOON if life > _SHORT_LIVED else life // 3
    left = days_between(now, leaf.not_after)
    said = f"The certificate ends on {shown_time(leaf.not_after)}, in {left} days."
    return present(said, o) if left <= soon else absent(said, o)
