"""What a registrar's own computer keeps: the invitation it was given, and the certificate it got for it.

Both are JSON with PEM inside. The key is made there and never leaves; the authority in the file is the only one that
counts for this node, so no other listener can pose as it, whatever its address.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.credential.strict_json import parse_strict_object
from ledger.errors import MalformedError
from node.client.certificates import (
    encode_key,
    fingerprint_words,
    is_certificate_for,
    parse_certificate,
    parse_key,
)

INVITATION_FORMAT = "cairn-registrar-invitation/1"
IDENTITY_FORMAT = "cairn-registrar-certificate/1"
MAX_FILE_BYTES = 32 * 1024
RENEWAL_SHARE = 3
"""A certificate is renewed once a third of its time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation: whoever shows it first gets the certificate."""

    address: str
    """HOST:PORT of the registrar's listener."""
    authority: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    """The one-time secret: opens one call, once."""
    certificate: x509.Certificate
    expires_at: int
    """Unix ms."""
    institution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this computer is to one node."""

    address: str
    authority: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    person: str
    roles: tuple[str, ...]
    institution: str

    @property
    def expires_at(self) -> int:
        """When the certificate ends, Unix ms."""
        return int(self.certificate.not_valid_after_utc.timestamp() * 1000)

    def is_due(self, now: int) -> bool:
        """Whether it is time to renew (Unix ms)."""
        start = int(self.certificate.not_valid_before_utc.timestamp() * 1000)
        return now >= start + (self.expires_at - start) // RENEWAL_SHARE


def encode_invitation(invitation: Invitation) -> bytes:
    """The file that is handed to the person."""
    content = {
        "format": INVITATION_FORMAT,
        "address": invitation.address,
        "institution": invitation.institution,
        "expires_at": invitation.expires_at,
        "fingerprint": authority_words(invitation.authority),
        "authority": encode_certificate(invitation.authority),
        "certificate": encode_certificate(invitation.certificate),
        "key": encode_key(invitation.key).decode("ascii"),
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def parse_invitation(data: bytes, where: str) -> Invitation:
    """Read an invitation.

    Raises:
        MalformedError: it is none, or its fingerprint is not that of the authority in it.
    """
    content = parse_strict_object(data, max_bytes=MAX_FILE_BYTES, where=where)
    _check_format(content, INVITATION_FORMAT, where)
    authority = parse_certificate(_text(content, "authority", where), f"{where}: authority")
    if not hmac.compare_digest(_text(content, "fingerprint", where).encode(), authority_words(authority).encode()):
        raise MalformedError(f"{where}: fingerprint: is not that of the authority", hint="ask for a new invitation")
    expires_at = content.get("expires_at")
    if type(expires_at) is not int:
        raise MalformedError(f"{where}: expires_at: not a whole number")
    return Invitation(
        address=_text(content, "address", where),
        authority=authority,
        key=parse_key(_text(content, "key", where), f"{where}: key"),
        certificate=parse_certificate(_text(content, "certificate", where), f"{where}: certificate"),
        expires_at=expires_at,
        institution=_text(content, "institution", where),
    )


def encode_identity(identity: Identity) -> bytes:
    """The file that stays on this computer."""
    content = {
        "format": IDENTITY_FORMAT,
        "address": identity.address,
        "institution": identity.institution,
        "person": identity.person,
        "roles": list(identity.roles),
        "authority": encode_certificate(identity.authority),
        "certificate": encode_certificate(identity.certificate),
        "key": encode_key(identity.key).decode("ascii"),
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def parse_identity(data: bytes, where: str) -> Identity:
    """Read what `encode_identity` wrote.

    Raises:
        MalformedError: it is no such file, or key, certificate and authority do not belong together.
    """
    content = parse_strict_object(data, max_bytes=MAX_FILE_BYTES, where=where)
    _check_format(content, IDENTITY_FORMAT, where)
    roles = content.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise MalformedError(f"{where}: roles: not a list of names")
    identity = Identity(
        address=_text(content, "address", where),
        authority=parse_certificate(_text(content, "authority", where), f"{where}: authority"),
        key=parse_key(_text(content, "key", where), f"{where}: key"),
        certificate=parse_certificate(_text(content, "certificate", where), f"{where}: certificate"),
        person=_text(content, "person", where),
        roles=tuple(str(role) for role in roles),
        institution=_text(content, "institution", where),
    )
    if not is_certificate_for(identity.certificate, identity.key, identity.authority):
        raise MalformedError(f"{where}: key, certificate and authority do not belong together")
    return identity


def authority_words(authority: x509.Certificate) -> str:
    """Fingerprint of an authority, for people to compare."""
    return fingerprint_words(authority.public_bytes(serialization.Encoding.DER))


def encode_certificate(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _check_format(content: Mapping[str, object], expected: str, where: str) -> None:
    if content.get("format") != expected:
        raise MalformedError(f"{where}: not a file of the format {expected}", hint="is it the right file?")


def _text(content: Mapping[str, object], name: str, where: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{where}: {name}: missing, or not text")
    return value
