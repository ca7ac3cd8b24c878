"""Certificates of the P-256 credential keys, for wallets that know issuers by certificates alone (`x5c`).

    DIR/certificates/issue.pem, register.pem      the key's own certificate first, then whoever signed it, without a root

An operator puts a chain there that an authority of the receivers' world has given for the key. Until then the node makes
one itself, signed by the key: it says who the issuer is and proves nothing more than the ledger does. Either way the
issuer's URL stands in the first certificate as an alternative name, as SD-JWT VC asks.
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from ledger.credential.copy import IssuerProfile
from ledger.credential.p256 import P256SigningKey
from ledger.duration import DAY_MS
from ledger.errors import MalformedError, RuleError
from node import durable
from node.clock import Draw
from node.outfile import read_input

FOLDER = "certificates"
MAX_CHAIN_BYTES = 32 * 1024
MAX_CERTIFICATES = 6

_PUBLIC_MODE = 0o644
_YEARS = 5
_SERIAL_BYTES = 16
_MAX_COMMON_NAME = 64
_OWN_MARK = "self-made by cairn"


def find_chain(
    directory: Path, name: str, key: P256SigningKey, issuer: IssuerProfile, *, now: int, draw: Draw
) -> tuple[bytes, ...]:
    """The chain of a credential key as DER, its own certificate first; made where there is none.

    Args:
        directory: of the node.
        name: of the file: `issue` or `register`; with `-` and the end of an issuer id for another than our own.
        key: whose certificate it has to be.
        issuer: whose URL has to stand in it.
        now: Unix ms.
        draw: source of a serial number.

    Raises:
        MalformedError: the file is no chain.
        RuleError: an authority's certificate is for another key or URL, or is not valid now.
    """
    path = directory / FOLDER / f"{name}.pem"
    chain = _read_chain(path)
    if chain is not None:
        fault = _find_fault(chain[0], key, issuer, now)
        if not fault:
            return tuple(certificate.public_bytes(Encoding.DER) for certificate in chain)
        if not _is_own(chain[0]):
            raise RuleError(f"{path}: {fault}", hint="ask for another, or remove the file: the node then makes its own")
    made = _make(key, issuer, now, draw)
    path.parent.mkdir(mode=0o755, exist_ok=True)
    durable.replace_file(path, made.public_bytes(Encoding.PEM), mode=_PUBLIC_MODE)
    return (made.public_bytes(Encoding.DER),)


def _read_chain(path: Path) -> list[x509.Certificate] | None:
    try:
        data = read_input(path, MAX_CHAIN_BYTES)
    except FileNotFoundError:
        return None
    try:
        chain = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise MalformedError(f"{path}: holds no certificates in PEM") from error
    if len(chain) > MAX_CERTIFICATES:
        raise MalformedError(f"{path}: {len(chain)} certificates, at most {MAX_CERTIFICATES} are sent along")
    return chain


def _find_fault(certificate: x509.Certificate, key: P256SigningKey, issuer: IssuerProfile, now: int) -> str:
    """What is wrong with a key's certificate, in words; empty where nothing is."""
    point = Encoding.X962, PublicFormat.CompressedPoint
    public = certificate.public_key()
    if public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != key.private.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ):
        return f"is for another key than the one in force, {key.private.public_key().public_bytes(*point).hex()}"
    if issuer.id not in _urls(certificate):
        return f"does not name {issuer.id} as an alternative name"
    moment = datetime.datetime.fromtimestamp(now / 1000, datetime.UTC)
    if not certificate.not_valid_before_utc <= moment < certificate.not_valid_after_utc:
        return f"is valid until {certificate.not_valid_after_utc:%Y-%m-%d} only"
    return ""


def _urls(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _is_own(certificate: x509.Certificate) -> bool:
    names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return certificate.subject == certificate.issuer and [name.value for name in names] == [_OWN_MARK]


def _make(key: P256SigningKey, issuer: IssuerProfile, now: int, draw: Draw) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, issuer.name[:_MAX_COMMON_NAME]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, _OWN_MARK),
        ]
    )
    # Whole days: the moment at which the first copy was asked for is nobody's business.
    today = datetime.datetime.fromtimestamp(now // DAY_MS * 86_400, datetime.UTC)
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.private.public_key())
        .serial_number(int.from_bytes(draw(_SERIAL_BYTES), "big") >> 1 | 1)
        .not_valid_before(today)
        .not_valid_after(today + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(issuer.id)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key.private, hashes.SHA256())
    )
