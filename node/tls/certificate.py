"""Making X.509 certificates: self-signed ones for a node's listeners, and those of a private authority.

Keys are always P-256: gRPC's BoringSSL and every browser take them, which neither does of Ed25519. Times are Unix
milliseconds, as everywhere; X.509 keeps whole seconds, so both ends are rounded down. What a certificate means to peers is
said elsewhere (`ledger.log.voucher`); nothing here decides about trust.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey
Certificate = x509.Certificate

MAX_COMMON_NAME = 64
"""X.520 allows no longer one; the names that count stand in the alternative names."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that may sign others, and its key."""

    certificate: Certificate
    key: PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePlan:
    """What a certificate shall say.

    Attributes:
        name: common name, for people; cut to 64 characters.
        hosts: host names and IP addresses it is good for.
        not_before, not_after: Unix milliseconds.
        is_server, is_client: which side of a connection may show it.
        extension: object identifier and value of one more extension, not critical; None for none.
    """

    name: str
    not_before: int
    not_after: int
    hosts: tuple[str, ...] = ()
    is_server: bool = False
    is_client: bool = False
    extension: tuple[str, bytes] | None = None


def make_private_key() -> PrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_authority(key: PrivateKey, plan: CertificatePlan) -> Authority:
    """A self-signed certificate that may sign those of servers and clients, and no further authorities."""
    builder = _begin(plan, key.public_key(), _name(plan.name))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(is_authority=True), critical=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def make_certificate(public_key: ec.EllipticCurvePublicKey, plan: CertificatePlan, authority: Authority) -> Certificate:
    """A certificate for a key, signed by an authority."""
    builder = _leaf(plan, public_key, authority.certificate.subject)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return builder.add_extension(issuer, critical=False).sign(authority.key, hashes.SHA256())


def make_self_signed(key: PrivateKey, plan: CertificatePlan) -> Certificate:
    """A certificate for a listener that no authority stands behind."""
    return _leaf(plan, key.public_key(), _name(plan.name)).sign(key, hashes.SHA256())


def encode_private_key(key: PrivateKey) -> bytes:
    """PKCS #8 as PEM, not encrypted: for a file with mode 0600."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def encode_certificates(certificates: Iterable[Certificate]) -> bytes:
    """PEM, in the order given: the certificate of the listener first."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def encode_public_key(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo, DER."""
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _leaf(plan: CertificatePlan, public_key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    builder = _begin(plan, public_key, issuer)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(is_authority=False), critical=True)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH] if plan.is_server else []
    usages += [ExtendedKeyUsageOID.CLIENT_AUTH] if plan.is_client else []
    return builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False) if usages else builder


def _begin(plan: CertificatePlan, public_key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(plan.name))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_instant(plan.not_before))
        .not_valid_after(_instant(plan.not_after))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if plan.hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in plan.hosts])
        builder = builder.add_extension(names, critical=False)
    if plan.extension is not None:
        oid, value = plan.extension
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
    return builder


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:MAX_COMMON_NAME])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC)
