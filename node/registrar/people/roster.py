"""The people who are let in: invitations, certificates, removal (DESIGN 8, registrar from another computer).

A certificate only says who somebody is; whether they are let in is read here, at every call. So a removal counts at once,
also on connections that are open. Every step can be repeated when its answer was lost: the same key gets the same
certificate again, and a certificate counts until its successor is first used. What cannot be repeated is an invitation
with another key, which is what somebody does who copied it.
"""

import base64
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ledger.duration import DAY_MS
from ledger.errors import MalformedError, RuleError
from node.client.certificates import make_key
from node.client.staff import PersonLine
from node.clock import Draw
from node.errors import NotAllowedError
from node.registrar.people import trail
from node.registrar.people.authority import Authority, fingerprint, parse_signing_request
from node.registrar.people.caller import Caller, Stranger
from node.registrar.people.roles import Role, parse_roles
from node.registrar.people.tables import Invitation, Person, PersonCertificate

MAX_NAME_LENGTH = 200
MAX_INVITATION_DAYS = 90
_ID_BYTES = 5
_ASK = "ask the node's operator for a new invitation"


@dataclass(frozen=True, slots=True)
class Invited:
    """A person's new record, and what goes into the invitation file."""

    person: str
    key: ec.EllipticCurvePrivateKey
    certificate: bytes
    expires_at: int


def invite(
    session: Session,
    authority: Authority,
    name: str,
    roles: frozenset[Role],
    *,
    days: int,
    by: str,
    now: int,
    draw: Draw,
) -> Invited:
    """Make a person's record and an invitation that works once, for `days`.

    Raises:
        MalformedError: the name or the time is out of bounds.
    """
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise MalformedError(f"name: 1 to {MAX_NAME_LENGTH} printable characters expected")
    if not 1 <= days <= MAX_INVITATION_DAYS:
        raise MalformedError(f"invitation: {days} days, expected 1 to {MAX_INVITATION_DAYS}")
    person = base64.b32encode(draw(_ID_BYTES)).decode("ascii").lower()
    key = make_key()
    expires_at = now + days * DAY_MS
    certificate = authority.sign_client(f"invitation {person}", key.public_key(), now, expires_at)
    session.add(
        Person(id=person, name=name, roles=" ".join(sorted(roles)), invited_at=now, invited_by=by, removed_at=None)
    )
    session.flush()
    session.add(Invitation(fingerprint=fingerprint(certificate), person_id=person, expires_at=expires_at, used_at=None))
    return Invited(person, key, certificate, expires_at)


def enrol(session: Session, authority: Authority, caller: Caller, request: bytes, *, days: int, now: int) -> bytes:
    """The certificate (DER) for the key of a signing request, in exchange for the invitation the caller came with.

    Raises:
        NotAllowedError: the invitation was used with another key.
        MalformedError, SignatureError: see `parse_signing_request`.
    """
    key = parse_signing_request(request)
    invitation = session.get_one(Invitation, caller.fingerprint)
    if invitation.used_at is not None:
        known = _find_issued(session, caller.fingerprint, key)
        if known is None:
            raise NotAllowedError(
                "invitation: was used already, with another key",
                reason="invitation used",
                hint=f"if that was not you, tell the node's operator at once: somebody else has the file; {_ASK}",
            )
        return known
    invitation.used_at = now
    return _issue(session, authority, caller, key, days=days, now=now)


def renew(session: Session, authority: Authority, caller: Caller, request: bytes, *, days: int, now: int) -> bytes:
    """A certificate (DER) that follows the caller's own, which counts until this one is first used.

    Raises:
        NotAllowedError: the caller came by the Unix socket, where there is no certificate to renew.
        MalformedError, SignatureError: see `parse_signing_request`.
    """
    if caller.is_local:
        raise NotAllowedError("certificate: the Unix socket needs none", hint="renewing is for another computer")
    key = parse_signing_request(request)
    known = _find_issued(session, caller.fingerprint, key)
    return known or _issue(session, authority, caller, key, days=days, now=now)


def remove(session: Session, person_id: str, now: int) -> None:
    """Let somebody in no longer.

    Raises:
        RuleError: nobody has this id, or they were removed before.
    """
    person = session.get(Person, person_id)
    if person is None:
        raise RuleError(f"person {person_id[:40]!r}: there is none", hint="`cairn-node registrar list DIR` has the ids")
    if person.removed_at is not None:
        raise RuleError(f"person {person_id}: was removed before")
    person.removed_at = now


def identify(session: Session, mark: bytes, now: int) -> Caller | Stranger:
    """Who a certificate with this fingerprint belongs to, if they are let in now (Unix ms)."""
    certificate = session.get(PersonCertificate, mark)
    if certificate is not None:
        person = session.get_one(Person, certificate.person_id)
        return _judge_certificate(person, certificate, now)
    invitation = session.get(Invitation, mark)
    if invitation is not None:
        person = session.get_one(Person, invitation.person_id)
        return _judge_invitation(person, invitation, now)
    message = "certificate: this node has no record of it"
    return Stranger(f"certificate:{mark.hex()[:8]}", "unknown", message, _ASK)


def is_first_use(session: Session, mark: bytes) -> bool:
    """Whether a certificate was never used before, so that `note_first_use` has something to do."""
    certificate = session.get(PersonCertificate, mark)
    return certificate is not None and certificate.first_used_at is None


def note_first_use(session: Session, mark: bytes, now: int) -> None:
    """From now on the certificates before this one are refused: their bearer has shown that the new one arrived."""
    certificate = session.get_one(PersonCertificate, mark)
    if certificate.first_used_at is None:
        certificate.first_used_at = now
        older = update(PersonCertificate).where(
            PersonCertificate.person_id == certificate.person_id,
            PersonCertificate.fingerprint != mark,
            PersonCertificate.renewed_at.is_(None),
        )
        # A sibling, asked for and never used, goes with them: one certificate at a time.
        session.execute(older.values(renewed_at=now))


def list_people(session: Session) -> list[PersonLine]:
    """Everybody who was ever let in, in the order of their invitations."""
    newest = select(PersonCertificate.person_id, func.max(PersonCertificate.expires_at)).group_by(
        PersonCertificate.person_id
    )
    certificates = {person: end for person, end in session.execute(newest)}
    unused = select(Invitation.person_id, Invitation.expires_at).where(Invitation.used_at.is_(None))
    invitations = {person: end for person, end in session.execute(unused)}
    calls = trail.last_calls(session)
    return [
        PersonLine(
            id=person.id,
            name=person.name,
            roles=tuple(person.roles.split()),
            invited_at=person.invited_at,
            invitation_expires_at=invitations.get(person.id),
            certificate_expires_at=certificates.get(person.id),
            removed_at=person.removed_at,
            last_call=calls.get(person.id),
        )
        for person in session.scalars(select(Person).order_by(Person.invited_at, Person.id))
    ]


def _judge_certificate(person: Person, certificate: PersonCertificate, now: int) -> Caller | Stranger:
    if person.removed_at is not None:
        return _removed(person)
    if certificate.renewed_at is not None:
        hint = "if you did not renew it, tell the node's operator at once: somebody else has a copy"
        return Stranger(person.id, "renewed", "certificate: was renewed and counts no longer", hint)
    if now >= certificate.expires_at:
        return Stranger(person.id, "expired", "certificate: has expired", _ASK)
    return Caller(person.id, parse_roles(person.roles.split()), certificate.fingerprint)


def _judge_invitation(person: Person, invitation: Invitation, now: int) -> Caller | Stranger:
    if person.removed_at is not None:
        return _removed(person)
    if now >= invitation.expires_at:
        return Stranger(person.id, "expired", "invitation: has expired", _ASK)
    return Caller(person.id, parse_roles(person.roles.split()), invitation.fingerprint, is_invited=True)


def _removed(person: Person) -> Stranger:
    return Stranger(person.id, "removed", f"person {person.id}: was removed from this node", _ASK)


def _find_issued(session: Session, origin: bytes, key: ec.EllipticCurvePublicKey) -> bytes | None:
    """A certificate asked for with this origin and key before, for whoever did not get the answer."""
    wanted = _encode_public(key)
    query = select(PersonCertificate.certificate).where(PersonCertificate.origin == origin)
    return next((item for item in session.scalars(query) if _public_of(item) == wanted), None)


def _issue(
    session: Session,
    authority: Authority,
    caller: Caller,
    key: ec.EllipticCurvePublicKey,
    *,
    days: int,
    now: int,
) -> bytes:
    expires_at = now + days * DAY_MS
    certificate = authority.sign_client(caller.id, key, now, expires_at)
    session.add(
        PersonCertificate(
            fingerprint=fingerprint(certificate),
            person_id=caller.id,
            certificate=certificate,
            origin=caller.fingerprint,
            issued_at=now,
            expires_at=expires_at,
            first_used_at=None,
            renewed_at=None,
        )
    )
    return certificate


def _public_of(certificate: bytes) -> bytes:
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)  # we signed it
    return _encode_public(key)


def _encode_public(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
