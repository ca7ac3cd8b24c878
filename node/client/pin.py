"""Pinning: whether the certificate another node shows is that of the institution we mean to talk to.

A certificate that a node made itself carries a voucher (`ledger.log.voucher`): signatures by its institution's log key and
witness key. Whoever dials compares them with the ledger they hold. A certificate without a voucher says nothing about an
institution; it is for `node.client.dial` and the usual authorities to judge.
"""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.identity import LogId, short_log_id
from ledger.log.keys import PublicKey
from ledger.log.voucher import VOUCHER_OID, TransportKey, Voucher, parse_voucher
from node.client.failures import UntrustedPeerError

TLS_NAME = "node.cairn.invalid"
"""Stands in every certificate a node makes itself; `.invalid` is nobody's, so it never means a host (RFC 2606)."""
MAX_CERTIFICATE_BYTES = 64 * 1024

_VOUCHER = x509.ObjectIdentifier(VOUCHER_OID)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Who should answer at an address.

    Attributes:
        keys: log and key of every institution that would be right.
        is_named: whether the ledger or a trust root says who is there. If not, anybody is as good as anybody else: what
            is fetched proves itself, and nothing else is believed of such a peer.
    """

    keys: frozenset[tuple[LogId, PublicKey]] = frozenset()
    is_named: bool = False

    def keys_of(self, log: LogId) -> tuple[PublicKey, ...]:
        """The keys that may vouch for one log."""
        return tuple(key for owner, key in self.keys if owner == log)

    def describe(self) -> str:
        """The logs that would be right, for people."""
        return " or ".join(sorted({short_log_id(log) for log, _ in self.keys})) or "nobody known here"


ANYBODY = Expectation()
"""For an address that no ledger and no trust root names."""

Expect = Callable[[str], Expectation]
"""Gives who should answer at "host:port"."""


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A certificate as another node showed it: exact bytes, and what matters of it here. Unproven.

    Attributes:
        der: the certificate.
        public_key: SubjectPublicKeyInfo, DER.
        not_before, not_after: Unix seconds.
        voucher: None where it carries none.
    """

    der: bytes
    public_key: bytes
    not_before: int
    not_after: int
    voucher: Voucher | None

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return ssl.DER_cert_to_PEM_cert(self.der).encode()

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate."""
        return sha256(self.der).digest()


def parse_certificate(der: bytes) -> PeerCertificate:
    """Read a certificate that came from a peer.

    Raises:
        MalformedError: too long, not X.509, or its voucher does not parse.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise MalformedError(f"certificate: {len(der)} bytes, more than {MAX_CERTIFICATE_BYTES}")
    try:
        certificate = x509.load_der_x509_certificate(der)
        public_key = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        voucher = _find_voucher(certificate)
        not_before = int(certificate.not_valid_before_utc.timestamp())
        not_after = int(certificate.not_valid_after_utc.timestamp())
    except CairnError:
        raise
    # What the library raises for a damaged certificate: unknown versions, keys and doubled extensions among them.
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise MalformedError(f"certificate: cannot be read: {error}") from error
    return PeerCertificate(der, public_key, not_before, not_after, voucher)


def verify_pin(certificate: PeerCertificate, expected: Expectation, now: int, where: str) -> LogId:
    """Check that a certificate with a voucher is that of an institution we expect, and give its log.

    1. It is good now.
    2. The voucher is of a log that is expected there; where nobody is, of any log.
    3. A key that is named for this log signed it; where nobody is expected, any key it says itself.

    Args:
        certificate: as shown; must carry a voucher.
        expected: at this address.
        now: Unix milliseconds.
        where: "host:port", for errors.

    Raises:
        UntrustedPeerError: one of the steps fails.
    """
    voucher = certificate.voucher
    if voucher is None:
        raise UntrustedPeerError(f"{where}: its certificate carries no voucher of an institution")
    check_validity(certificate, now, where)  # 1
    trusted: Iterable[PublicKey] = expected.keys_of(voucher.log)
    if not expected.is_named:
        trusted = [key for key, _ in voucher.signatures]
    elif not trusted:  # 2
        raise UntrustedPeerError(
            f"{where}: its certificate is that of log {short_log_id(voucher.log)}, and {expected.describe()} is expected",
            hint="somebody else answers there, or the institution moved: the network's log says where it is",
        )
    key = TransportKey(voucher.log, certificate.public_key, certificate.not_before, certificate.not_after)
    try:
        voucher.verify(key, trusted)  # 3
    except SignatureError as error:
        raise UntrustedPeerError(
            f"{where}: its certificate is not signed by a key that the ledger names for log "
            f"{short_log_id(voucher.log)}: {error}",
            hint="somebody may stand between the two nodes; if its keys were replaced, they are known after a while",
        ) from error
    return voucher.log


def check_validity(certificate: PeerCertificate, now: int, where: str) -> None:
    """Check that a certificate has begun and not ended.

    Raises:
        UntrustedPeerError: it has not, or this computer's clock is wrong.
    """
    if now // 1000 > certificate.not_after:
        raise UntrustedPeerError(
            f"{where}: its certificate ended on {_day(certificate.not_after)}",
            hint="its operator has to renew it: cairn-node status there says how; or this computer's clock is wrong",
        )
    if now // 1000 < certificate.not_before:
        raise UntrustedPeerError(
            f"{where}: its certificate is not good before {_day(certificate.not_before)}",
            hint="this computer's clock, or the one there, is wrong",
        )


def _find_voucher(certificate: x509.Certificate) -> Voucher | None:
    try:
        extension = certificate.extensions.get_extension_for_oid(_VOUCHER).value
    except x509.ExtensionNotFound:
        return None
    if not isinstance(extension, x509.UnrecognizedExtension):
        raise MalformedError("certificate: its voucher is of another type")
    return parse_voucher(extension.value)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
