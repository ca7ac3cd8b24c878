"""The node's own certificate authority: it signs the certificates of the registrar's listener, and nothing else.

Its key (P-256) and certificate are one file, `keys/registrar_ca.pem` (0600), so that the key backup has both. A certificate
says only which person's id or which invitation it is for; what its bearer may do is read from the database at every
call. Server certificates are good for servers alone and the others for clients alone, so that nobody who was let in can
pose as the node.
"""

import hashlib
import ssl
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.duration import DAY_MS
from ledger.errors import MalformedError, SignatureError
from node import durable
from node.client.certificates import SERVER_NAME, encode_key, fingerprint_words
from node.tls import certificate as certificates
from node.tls.certificate import CertificatePlan

FILE_NAME = "registrar_ca.pem"
"""Beside the node's other keys; not `.key`, since it is no key of the log."""

AUTHORITY_DAYS = 30 * 365
SERVER_DAYS = 400
SERVER_RENEWAL_DAYS = 100
"""A server certificate with less than this left is replaced."""
SKEW_MS = 3_600_000
"""How far the clocks of two computers may be apart for a certificate that was just made to be good on both."""
MAX_REQUEST_BYTES = 8 * 1024

_MAX_FILE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority's key and certificate; the key signs certificates only."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate, for whoever shall trust it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def words(self) -> str:
        """Fingerprint of the certificate, for people to compare."""
        return fingerprint_words(self.certificate.public_bytes(serialization.Encoding.DER))

    def sign_client(self, subject: str, key: ec.EllipticCurvePublicKey, start: int, end: int) -> bytes:
        """A client's certificate (DER), good from an hour before `start` until `end` (Unix ms)."""
        return self._sign(key, CertificatePlan(name=subject, not_before=start, not_after=end, is_client=True))

    def sign_server(self, key: ec.EllipticCurvePublicKey, start: int, end: int) -> bytes:
        """The listener's own certificate (DER), under a name that no address changes."""
        return self._sign(
            key,
            CertificatePlan(name=SERVER_NAME, hosts=(SERVER_NAME,), not_before=start, not_after=end, is_server=True),
        )

    def _sign(self, key: ec.EllipticCurvePublicKey, plan: CertificatePlan) -> bytes:
        plan = replace(plan, not_before=plan.not_before - SKEW_MS)
        signer = certificates.Authority(self.certificate, self.key)
        return certificates.make_certificate(key, plan, signer).public_bytes(serialization.Encoding.DER)


def open_authority(keys: Path) -> Authority | None:
    """The authority of a node's key directory; None where none was made.

    Raises:
        MalformedError: the file is damaged.
        PolicyError: other accounts of this computer can open it.
    """
    path = keys / FILE_NAME
    try:
        data = durable.read_secret(path, max_bytes=_MAX_FILE_BYTES)
    except FileNotFoundError:
        return None
    try:
        key = serialization.load_pem_private_key(data, password=None)
        certificate = x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise MalformedError(
            f"{path}: not a key with its certificate", hint="restore it from the key backup"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise MalformedError(f"{path}: key and certificate do not belong together", hint="restore it from the backup")
    return Authority(key, certificate)


def make_authority(keys: Path, log: str, now: int) -> Authority:
    """Make the authority and write its file.

    Args:
        keys: the node's key directory.
        log: short text of the log id, so that two nodes' authorities can be told apart.
        now: Unix ms.

    Raises:
        FileExistsError: there is one already.
    """
    plan = CertificatePlan(
        name=f"Cairn registrar authority {log}", not_before=now - SKEW_MS, not_after=now + AUTHORITY_DAYS * DAY_MS
    )
    made = certificates.make_authority(certificates.make_private_key(), plan)
    durable.create_file(keys / FILE_NAME, encode_key(made.key) + certificates.encode_certificates([made.certificate]))
    return Authority(made.key, made.certificate)


def parse_signing_request(data: bytes) -> ec.EllipticCurvePublicKey:
    """The key that a PKCS #10 request (DER) is for; whatever else it asks for is left aside.

    Raises:
        MalformedError: it is no such request, or of a kind of key other than P-256.
        SignatureError: it was not signed by that key, so whoever sent it may not have it.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise MalformedError(f"signing request: {len(data)} bytes, more than {MAX_REQUEST_BYTES}")
    try:
        request = x509.load_der_x509_csr(data)
        key = request.public_key()
        is_signed = request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature) as error:
        raise MalformedError("signing request: is not PKCS #10") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MalformedError("signing request: the key is not of the kind P-256")
    if not is_signed:
        raise SignatureError("signing request: not signed by the key it is for")
    return key


def fingerprint(certificate: bytes) -> bytes:
    """SHA-256 of a certificate (DER): how the database knows it."""
    return hashlib.sha256(certificate).digest()


class ServerContext:
    """The listener's TLS: version 1.3, a client certificate of this authority or nothing.

    TLS 1.3 alone, since both ends are this program, and earlier versions show the client's certificate to whoever
    listens in. No session is resumed: a resumed one would not show its certificate again.
    """

    def __init__(self, authority: Authority) -> None:
        """Take the authority; the listener's own certificate is made when it is first needed."""
        self._authority = authority
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(cadata=authority.pem)
        self._context.set_alpn_protocols(["h2"])
        self._context.num_tickets = 0
        self._ends_at = 0

    def context(self, now: int) -> ssl.SSLContext:
        """The context for a connection that begins now (Unix ms), with a certificate that does not end soon."""
        if self._ends_at - now < SERVER_RENEWAL_DAYS * DAY_MS:
            self._ends_at = now + SERVER_DAYS * DAY_MS
            self._load(now)
        return self._context

    def _load(self, now: int) -> None:
        key = certificates.make_private_key()
        certificate = self._authority.sign_server(key.public_key(), now, self._ends_at)
        # OpenSSL wants a file; it is 0600 from its first byte, and gone at once.
        with tempfile.NamedTemporaryFile(prefix="cairn-") as file:
            file.write(encode_key(key) + ssl.DER_cert_to_PEM_cert(certificate).encode("ascii"))
            file.flush()
            self._context.load_cert_chain(file.name)
