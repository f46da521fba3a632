"""Loads trust stores, and reads the certificates that a peer sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model import Certificate
from ..text import clean
from .der import fields_of

if TYPE_CHECKING:
    import ssl

_MOST_CERTIFICATES = 10  # of one chain


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
    return tuple(certificate_of(c if isinstance(c, bytes) else _der(c)) for c in (certs or ())[:_MOST_CERTIFICATES])


def certificate_of(der: bytes) -> Certificate:
    """Return what can be read of a certificate; it may have any content."""
    import hashlib

    found = fields_of(der)
    return Certificate(
        subject=clean(found.subject, limit=300), issuer=clean(found.issuer, limit=300),
        not_before=found.not_before, not_after=found.not_after,
        names=tuple(clean(name, limit=253) for name in found.names),
        issuer_urls=tuple(clean(url, limit=200) for url in found.issuer_urls),
        serial=found.serial, sha256=hashlib.sha256(der).hexdigest() if der else None,
        self_signed=found.self_signed, unreadable=found.unreadable,
    )  # fmt: skip


def _der(cert: Any) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(cert.public_bytes())
