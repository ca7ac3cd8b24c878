"""What both ends of the registrar's listener know about certificates: names, keys, signing requests, fingerprints."""

import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.errors import MalformedError

SERVER_NAME = "registrar.cairn.internal"
"""Name in every listener's certificate. Which node it is, the authority decides that signed it: each node has its own."""


def make_key() -> ec.EllipticCurvePrivateKey:
    """A new key, P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def encode_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as PEM (PKCS #8), not encrypted: for files that are 0600."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def parse_key(text: str, where: str) -> ec.EllipticCurvePrivateKey:
    """A key from PEM.

    Raises:
        MalformedError: it is none, or of another kind. What stands there is not repeated.
    """
    try:
        key = serialization.load_pem_private_key(text.encode("ascii"), password=None)
    except (ValueError, TypeError):
        # Without the cause: its text may quote the secret.
        raise MalformedError(f"{where}: not a private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MalformedError(f"{where}: not a key of the kind P-256")
    return key


def parse_certificate(text: str, where: str) -> x509.Certificate:
    """A certificate from PEM.

    Raises:
        MalformedError: it is none.
    """
    try:
        return x509.load_pem_x509_certificate(text.encode("ascii"))
    except ValueError as error:
        raise MalformedError(f"{where}: not a certificate") from error


def make_signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS #10 request (DER) that shows the key is held; the node decides what the certificate says."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registrar")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def is_certificate_for(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, authority: x509.Certificate
) -> bool:
    """Whether a certificate is for this key and signed by this authority."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return certificate.public_key() == key.public_key()


def fingerprint_words(certificate: bytes) -> str:
    """The first 16 bytes of SHA-256 over a certificate (DER), in groups of four digits, to be compared by people."""
    digits = hashlib.sha256(certificate).hexdigest()[:32]
    return " ".join(digits[start : start + 4] for start in range(0, 32, 4))
