"""Makes the test certificates of the lab. Their keys are public: they protect nothing and must be trusted nowhere.

Needs `cryptography`. Existing files are not touched, so that recordings stay as they are: a new kind is added by
running it again. Every NAME.pem has the key, the certificate and its chain; NAME-ca.pem is only a certificate, to be
given as --cafile.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

HERE = Path(__file__).resolve().parent
OUR_NAMES = ("server", "shop.example", "www.shop.example")


class Pair(NamedTuple):
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + shown(self.certificate)


def shown(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def day(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1, tzinfo=dt.UTC)


def make(
    name: str, issuer: Pair | None, names: tuple[str, ...] = (), years: tuple[int, int] = (2020, 2120),
    ca: bool = False, published: str = "",
) -> Pair:  # fmt: skip
    """One certificate; without an issuer it signs itself. `published`: where its issuer's certificate lies (AIA)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day(years[0]))
        .not_valid_after(day(years[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if ca:
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(purposes, critical=False)
    if published:
        place = x509.UniformResourceIdentifier(published)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(n) for n in names])
        builder = builder.add_extension(alternatives, critical=False)
    return Pair(builder.sign(signer, hashes.SHA256()), key)


def keep(file: str, content: bytes) -> None:
    path = HERE / file
    if not path.exists():
        path.write_bytes(content)
        print(file)


def authority(file: str, name: str) -> Pair:
    """A certificate authority, kept with its key in FILE-key.pem so that a later run can sign with it again."""
    kept = HERE / f"{file}-key.pem"
    if kept.exists():
        pem = kept.read_bytes()
        key = load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return Pair(x509.load_pem_x509_certificate(pem), key)
    pair = make(name, None, ca=True)
    keep(f"{file}-key.pem", pair.pem())
    keep(f"{file}.pem", shown(pair.certificate))
    return pair


def main() -> None:
    root = authority("lab-ca", "Lab Root CA")
    company = authority("company-ca", "Company Internal CA")
    keep("server.pem", make("server", root, OUR_NAMES).pem())
    keep("expired.pem", make("server", root, OUR_NAMES, (2020, 2021)).pem())
    keep("not-yet-valid.pem", make("server", root, OUR_NAMES, (2110, 2120)).pem())
    keep("wrong-name.pem", make("other.example", root, ("other.example", "www.other.example")).pem())
    keep("self-signed.pem", make("server", None, OUR_NAMES).pem())
    keep("private-ca.pem", make("server", company, OUR_NAMES).pem())
    if not (HERE / "private-chain.pem").exists():
        between = make("Company Issuing CA", company, ca=True)
        keep("private-chain.pem", make("server", between, OUR_NAMES).pem() + shown(between.certificate))
    keep("expired-wrong-name.pem", make("old.example", root, ("old.example",), (2020, 2021)).pem())
    keep("expired-wrong-name-self-signed.pem", make("old.example", None, ("old.example",), (2020, 2021)).pem())
    keep("client.pem", make("client", root, ("client",)).pem())
    if not (HERE / "chain.pem").exists():
        between = make("Lab Intermediate CA", root, ca=True)
        leaf = make("server", between, OUR_NAMES)
        keep("chain.pem", leaf.pem() + shown(between.certificate))
        keep("chain-incomplete.pem", leaf.pem())
    if not (HERE / "chain-published.pem").exists():  # as public authorities do it
        between = make("Lab Intermediate CA 2", root, ca=True)
        leaf = make("server", between, OUR_NAMES, published="http://lab-ca.example/intermediate-2.cer")
        keep("chain-published.pem", leaf.pem() + shown(between.certificate))
        keep("chain-incomplete-published.pem", leaf.pem())


if __name__ == "__main__":
    main()
