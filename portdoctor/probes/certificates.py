"""Loads trust stores, and decodes certificates as far as the standard library can."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model import Certificate
from ..text import clean

if TYPE_CHECKING:
    import ssl

_MOST_NAMES = 100  # of one certificate; content networks put hundreds into one
_MOST_CERTIFICATES = 10  # of one chain
_SHORT = {
    "commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
    "stateOrProvinceName": "ST", "localityName": "L", "domainComponent": "DC",
}  # fmt: skip


class Trust(NamedTuple):
    """A loaded trust store. `name` is for people; `anchors` counts its CA certificates, None when not known."""

    context: Any  # ssl.SSLContext, or truststore's
    name: str
    anchors: int | None = None


def prepare(cafile: str | None = None) -> Trust:
    """Load the trust store. A usual bundle takes 20 to 40 ms, so call it while waiting for the network.

    In order of precedence: `cafile`, the variables SSL_CERT_FILE and SSL_CERT_DIR, the operating system's store.
    Raises OSError (ssl.SSLError is one) for a `cafile` that cannot be read or has no certificate.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if cafile is not None:
        context.load_verify_locations(cafile=cafile)
        return Trust(context, f"--cafile {cafile}", _anchors(context))
    settings = [f"{name}={os.environ[name]}" for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    if settings:
        context.set_default_verify_paths()  # OpenSSL reads both variables
        return Trust(context, " and ".join(settings), _anchors(context))
    return _of_system(context)


def _of_system(context: ssl.SSLContext) -> Trust:
    """Return OpenSSL's store where that is the system's (Linux), else the system's store through truststore."""
    import ssl

    from ..host import current

    paths = ssl.get_default_verify_paths()
    if current().os == "linux" and (paths.cafile or paths.capath):
        context.set_default_verify_paths()
        return Trust(context, f"the system's store ({paths.cafile or paths.capath})", _anchors(context))
    import truststore

    return Trust(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "the operating system's store")


def _anchors(context: ssl.SSLContext) -> int | None:
    """Return the number of CA certificates, None for a folder (SSL_CERT_DIR), which OpenSSL reads only when needed."""
    import ssl

    count = context.cert_store_stats()["x509_ca"]
    folder = os.environ.get("SSL_CERT_DIR") or ssl.get_default_verify_paths().capath
    if count or not folder:
        return count
    try:
        with os.scandir(folder) as entries:
            return None if any(entries) else 0
    except OSError:
        return 0


def unverified() -> Trust:
    """Return a context that accepts any certificate, to see what a server sends without a server name."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Trust(context, "none: not verified")


def chain_of(tls: ssl.SSLObject) -> tuple[Certificate, ...]:
    """Return the certificates that the peer sent, its own first, also after verification failed.

    Python 3.11 and 3.12 have the chain only in a private object, 3.13 also as DER in the public API.
    """
    inner: Any = getattr(tls, "_sslobj", None)
    certs: Any = None
    if hasattr(inner, "get_unverified_chain"):
        certs = inner.get_unverified_chain()
    elif hasattr(tls, "get_unverified_chain"):
        certs = tls.get_unverified_chain()
    return tuple(_certificate(c) for c in (certs or ())[:_MOST_CERTIFICATES])


def _certificate(cert: Any) -> Certificate:
    """Decode a certificate of the chain: CPython's private object with `get_info` where there is one, else DER."""
    import hashlib

    der = cert if isinstance(cert, bytes) else _der(cert)
    info: dict[str, Any] = cert.get_info() if hasattr(cert, "get_info") else {}
    subject, issuer = _name(info.get("subject", ())), _name(info.get("issuer", ()))
    return Certificate(
        subject=subject, issuer=issuer,
        not_before=_moment(info.get("notBefore")), not_after=_moment(info.get("notAfter")),
        names=tuple(clean(value, limit=253) for _, value in info.get("subjectAltName", ())[:_MOST_NAMES]),
        issuer_urls=tuple(clean(u, limit=200) for u in info.get("caIssuers", ())[:4]),
        serial=info.get("serialNumber"),
        sha256=hashlib.sha256(der).hexdigest() if der else None,
        self_signed=bool(subject) and info.get("subject") == info.get("issuer"),
    )  # fmt: skip


def _der(cert: Any) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(cert.public_bytes()) if hasattr(cert, "public_bytes") else b""


def _name(parts: Any) -> str:
    """Return a distinguished name in one line, the common name first: "CN=shop.example.com, O=Example"."""
    pairs = [(_SHORT.get(key, key), value) for part in parts for key, value in part]
    pairs.sort(key=lambda pair: pair[0] != "CN")
    return clean(", ".join(f"{key}={value}" for key, value in pairs), limit=300)


def _moment(text: str | None) -> str | None:
    """Return OpenSSL's "Nov 22 09:14:03 2026 GMT" as ISO 8601 in UTC."""
    import ssl

    if not text:
        return None
    try:
        seconds = ssl.cert_time_to_seconds(text)
    except ValueError:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
