"""A certificate and its key, as a listener shows them: read from PEM files, checked, and described.

Files come from an authority (ACME clients call them `fullchain.pem` and `privkey.pem`) or from this node itself, which
keeps both in one. What is checked here would break every connection; what only some clients mind (an end that came, another
host name) is told by `problems`, and the node goes on.
"""

import ipaddress
import ssl
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from ledger.errors import CairnError, MalformedError, PolicyError, RuleError
from node.tls.certificate import encode_certificates

MAX_PEM_BYTES = 256 * 1024
MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class CertificatePair:
    """What a listener shows and signs with.

    Attributes:
        certificate_file: where the chain was read from, the listener's own certificate first.
        key_file: where its key was read from.
        chain: PEM.
        key: PEM.
        context: for HTTP; made of the same files at the same time.
        names: host names and IP addresses it is good for.
        not_before, not_after: Unix milliseconds.
        fingerprint: SHA-256 of the listener's own certificate, hex.
        is_alone: whether no authority's certificate stands beside it.
        is_self_signed: whether nobody else signed it.
    """

    certificate_file: Path
    key_file: Path
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    context: ssl.SSLContext = field(repr=False, compare=False)
    names: tuple[str, ...]
    not_before: int
    not_after: int
    fingerprint: str
    is_alone: bool
    is_self_signed: bool

    def problems(self, now: int, host: str = "") -> tuple[str, ...]:
        """What clients would refuse, in words.

        Args:
            now: Unix milliseconds.
            host: under which others reach the listener; empty when nobody said.
        """
        found = []
        if now >= self.not_after:
            found.append(f"it ended on {_day(self.not_after)}")
        if now < self.not_before:
            found.append(f"it is not good before {_day(self.not_before)}")
        if host and not covers(self.names, host):
            found.append(f"it is for {', '.join(self.names) or 'no host name at all'}, and others come to {host}")
        return tuple(found)


def read_pair(certificate_file: Path, key_file: Path) -> CertificatePair:
    """Read and check a certificate with its key.

    1. Both files are there, bounded, and PEM; the key is for its owner and, at most, a group to read.
    2. The key is one that gRPC and browsers take: P-256, P-384 or RSA from 2048 bits.
    3. It is the key of the first certificate.
    4. OpenSSL takes them too.

    Raises:
        CairnError: one of the steps fails; the message names the file.
    """
    certificates, key_pem = _read_bounded(certificate_file), _read_key_file(key_file)  # 1
    chain, key = _parse_chain(certificate_file, certificates), _parse_key(key_file, key_pem)  # 1, 2
    leaf = chain[0]
    if _encode_public(leaf.public_key()) != _encode_public(key.public_key()):  # 3
        raise RuleError(
            f"{key_file}: is not the key of {certificate_file}",
            hint="name the two files that belong together, such as fullchain.pem and privkey.pem of one folder",
        )
    return CertificatePair(
        certificate_file=certificate_file,
        key_file=key_file,
        chain=encode_certificates(chain),
        key=key_pem,
        context=_make_context(certificate_file, key_file),  # 4
        names=_names(leaf),
        not_before=int(leaf.not_valid_before_utc.timestamp() * 1000),
        not_after=int(leaf.not_valid_after_utc.timestamp() * 1000),
        fingerprint=sha256(leaf.public_bytes(serialization.Encoding.DER)).hexdigest(),
        is_alone=len(chain) == 1,
        is_self_signed=leaf.issuer == leaf.subject,
    )


def covers(names: Iterable[str], host: str) -> bool:
    """Whether one of a certificate's names means this host; `*.` stands for one label (RFC 6125)."""
    wanted = host.lower().rstrip(".")
    try:
        address = str(ipaddress.ip_address(wanted))
    except ValueError:
        _, _, parent = wanted.partition(".")
        return any(name in (wanted, f"*.{parent}" if parent else wanted) for name in map(str.lower, names))
    return address in names


def _read_bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > MAX_PEM_BYTES:
        raise MalformedError(f"{path}: more than {MAX_PEM_BYTES} bytes, too large for a certificate or its key")
    return data


def _read_key_file(path: Path) -> bytes:
    data = _read_bounded(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    # A group is how ACME clients share a key with a service (Debian's ssl-cert); it may read and nothing more.
    if mode & 0o037:
        raise PolicyError(
            f"{path}: other accounts can open this key (mode {mode:04o}, expected 0600 or 0640)",
            hint=f"chmod 640 {path}, and get a new certificate if somebody may have read the key",
        )
    return data


def _unreadable(path: Path, error: OSError) -> CairnError:
    hint = f"the account that runs the node must be able to read {path}" if isinstance(error, PermissionError) else ""
    return MalformedError(f"{path}: {(error.strerror or str(error)).lower()}", hint=hint)


def _parse_chain(path: Path, data: bytes) -> list[x509.Certificate]:
    try:
        chain = x509.load_pem_x509_certificates(data)
        # Read here what is read later, so that a damaged one is told here.
        _encode_public(chain[0].public_key())
        _names(chain[0])
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise MalformedError(f"{path}: holds no certificates in PEM form") from error
    return chain


def _parse_key(path: Path, data: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError as error:
        raise MalformedError(
            f"{path}: the key is encrypted",
            hint="a node has to start without a passphrase: store it decrypted, mode 0600",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError(f"{path}: holds no private key in PEM form") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in ("secp256r1", "secp384r1"):
        return key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return key
    raise MalformedError(
        f"{path}: a key of a kind that not every client takes",
        hint=f"ask the authority for one with P-256, P-384 or RSA from {MIN_RSA_BITS} bits",
    )


def _make_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Read once more, by OpenSSL, which checks that the two belong together as they stand now.
        context.load_cert_chain(certificate_file, key_file)
    except (ssl.SSLError, OSError) as error:
        raise MalformedError(f"{certificate_file}: not taken by OpenSSL: {error}") from error
    return context


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return ()
    assert isinstance(names, x509.SubjectAlternativeName)
    hosts = names.get_values_for_type(x509.DNSName)
    return (*hosts, *(str(address) for address in names.get_values_for_type(x509.IPAddress)))


def _encode_public(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return b""  # equal to no key that was accepted
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d")
