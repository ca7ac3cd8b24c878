"""Chains of certificates (`x5c`, RFC 7515 §4.1.6) under an authority that the verifier names; no system store is used.

A chain holds where, from the leaf up: 1. each certificate is issued and signed by the next, the last by a named
authority; 2. each is within its dates; 3. each issuer is an authority (`basicConstraints`), may sign certificates and
has not more below it than it allows; 4. the leaf is not an authority and may sign; 5. no extension marked critical is
left unread. Revocation lists of authorities are not asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from ledger.credential.external.key import ForeignKey, import_key
from ledger.credential.strict_json import JSONValue, name_type
from ledger.errors import MalformedError, SignatureError

if TYPE_CHECKING:
    from cryptography import x509

Value = TypeVar("Value")

MAX_CERTIFICATES = 8
MAX_CERTIFICATE_BYTES = 16 * 1024
MAX_AUTHORITIES = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ_EXTENSIONS = frozenset({"2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"})
"""Key usage, subject alternative name, basic constraints, extended key usage."""


class UnknownAuthorityError(SignatureError):
    """A chain that leads to none of the authorities that were named: no statement about who signed."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Who signed, by certificate: the subject in words, the key, and the DNS names and URIs it stands for."""

    subject: str
    key: ForeignKey
    names: frozenset[str]


def parse_authorities(data: bytes) -> tuple["x509.Certificate", ...]:
    """Certificates of authorities in PEM or DER.

    Raises:
        MalformedError: none in it, or too many.
    """
    from cryptography import x509

    try:
        is_pem = b"-----BEGIN" in data
        found = x509.load_pem_x509_certificates(data) if is_pem else [x509.load_der_x509_certificate(data)]
    except ValueError as error:
        raise MalformedError("authority: no certificate in PEM or DER") from error
    if len(found) > MAX_AUTHORITIES:
        raise MalformedError(f"authority: {len(found)} certificates, at most {MAX_AUTHORITIES} are read")
    return tuple(found)


def parse_chain(value: JSONValue) -> tuple["x509.Certificate", ...]:
    """The certificates of an `x5c` header, the leaf first; nothing is trusted yet.

    Raises:
        MalformedError: no array of base64 of certificates, or beyond a limit.
    """
    import base64
    import binascii

    from cryptography import x509

    if type(value) is not list or not 1 <= len(value) <= MAX_CERTIFICATES:
        raise MalformedError(f"x5c: expected 1 to {MAX_CERTIFICATES} certificates, found {name_type(value)}")
    chain = []
    for text in value:
        if type(text) is not str or len(text) > MAX_CERTIFICATE_BYTES * 4 // 3:
            raise MalformedError(f"x5c: expected base64 of a certificate, found {name_type(text)}")
        try:
            chain.append(x509.load_der_x509_certificate(base64.b64decode(text, validate=True)))
        except (binascii.Error, ValueError) as error:
            raise MalformedError("x5c: not base64 of a certificate in DER") from error
    return tuple(chain)


def read_leaf(chain: Sequence["x509.Certificate"]) -> Leaf:
    """Whom the first certificate of a chain names, and its key.

    Raises:
        MalformedError: a key of another kind, or names that do not parse.
    """
    from cryptography import x509

    leaf = chain[0]
    key = import_key(_read(leaf.public_key, "x5c: the certificate's key"), where="x5c")
    names: set[str] = set()
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names.update(found.get_values_for_type(x509.DNSName))
        names.update(found.get_values_for_type(x509.UniformResourceIdentifier))
    except x509.ExtensionNotFound:
        pass
    except ValueError as error:
        raise MalformedError("x5c: the certificate's names do not parse") from error
    return Leaf(_read(leaf.subject.rfc4514_string, "x5c: the certificate's subject"), key, frozenset(names))


def verify_chain(chain: Sequence["x509.Certificate"], authorities: Sequence["x509.Certificate"], now: int) -> None:
    """Check a chain against authorities at `now` (Unix ms); see the module's numbered list.

    Raises:
        UnknownAuthorityError: it leads to none of them.
        SignatureError: it does not hold; the message says which certificate and why.
    """
    moment = _EPOCH + timedelta(milliseconds=now)
    known = {certificate.tbs_certificate_bytes for certificate in authorities}
    whole = list(chain)
    # Some send the authority itself along; it counts for nothing there.
    while len(whole) > 1 and whole[-1].tbs_certificate_bytes in known:
        whole.pop()
    whole.append(_find_authority(whole[-1], authorities))
    for depth, certificate in enumerate(whole):
        name = f"certificate {depth + 1} of {len(whole)}"
        if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:  # 2
            raise SignatureError(f"x5c: {name} is not within its dates")
        _check_use(certificate, depth, name)  # 3, 4, 5
        if depth + 1 < len(whole) and not _is_issued_by(certificate, whole[depth + 1]):  # 1
            raise SignatureError(f"x5c: {name} is not issued by the next one")


def _find_authority(last: "x509.Certificate", authorities: Sequence["x509.Certificate"]) -> "x509.Certificate":
    for authority in authorities:
        if _is_issued_by(last, authority):
            return authority
    raise UnknownAuthorityError(
        "x5c: the chain leads to none of the authorities that were named",
        hint="give the authority's certificate with --ca, if you trust it for this",
    )


def _is_issued_by(certificate: "x509.Certificate", issuer: "x509.Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_use(certificate: "x509.Certificate", depth: int, name: str) -> None:
    from cryptography import x509

    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension) as error:
        raise SignatureError(f"x5c: {name} has extensions that do not parse") from error
    found = {extension.oid.dotted_string: extension for extension in extensions}
    unread = [oid for oid, extension in found.items() if extension.critical and oid not in _READ_EXTENSIONS]
    if unread:
        raise SignatureError(f"x5c: {name} has a critical extension that is not read here ({unread[0]})")
    constraints = found.get("2.5.29.19")
    is_authority = constraints is not None and bool(getattr(constraints.value, "ca", False))
    if is_authority != (depth > 0):
        raise SignatureError(f"x5c: {name} is {'not ' if depth else ''}an authority")
    longest = getattr(constraints.value, "path_length", None) if constraints is not None else None
    if longest is not None and depth - 1 > longest:
        raise SignatureError(f"x5c: {name} allows {longest} authorities below it, there are {depth - 1}")
    usage = found.get("2.5.29.15")
    purpose = "key_cert_sign" if depth else "digital_signature"
    if usage is not None and not getattr(usage.value, purpose):
        raise SignatureError(f"x5c: {name} may not be used to sign {'certificates' if depth else 'credentials'}")


def _read(accessor: Callable[[], Value], where: str) -> Value:
    """What a lazy accessor of a certificate gives; it parses only when asked."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return accessor()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError(f"{where} does not parse") from error
