"""Tables about people: who is let in, by which certificate, what they did, and what waits for a second person.

The trail is only ever added to; every row holds the hash of the one before. Nothing about learners stands here but award
ids, which are random, and, while a proposal waits, its exact content; that is erased when it is decided or expires.
"""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from node.registrar.tables import Table


class Person(Table):
    """Somebody who was let in. Stays after removal, since the trail names them by their id."""

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Random, 8 letters and digits; stands in certificates, log lines and the trail."""
    name: Mapped[str]
    roles: Mapped[str]
    """Names of roles with spaces between, ascending."""
    invited_at: Mapped[int]
    invited_by: Mapped[str]
    removed_at: Mapped[int | None]


class Invitation(Table):
    """An invitation that works once, known by the certificate inside it; its key is nowhere but in the file."""

    __tablename__ = "invitations"

    fingerprint: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the certificate (DER)."""
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    expires_at: Mapped[int]
    used_at: Mapped[int | None]


class PersonCertificate(Table):
    """A certificate given to a person."""

    __tablename__ = "people_certificates"

    fingerprint: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the certificate (DER)."""
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    certificate: Mapped[bytes]
    """DER, for whoever asks again with the same key because the answer was lost."""
    origin: Mapped[bytes] = mapped_column(index=True)
    """Fingerprint of the invitation or certificate it was asked with."""
    issued_at: Mapped[int]
    expires_at: Mapped[int]
    first_used_at: Mapped[int | None]
    renewed_at: Mapped[int | None]
    """When the one that follows was first used: from then on this one is refused."""


class TrailRow(Table):
    """One call, or a part of it where it was about very many awards. Never altered."""

    __tablename__ = "trail"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1, without gaps."""
    at: Mapped[int] = mapped_column(index=True)
    who: Mapped[str] = mapped_column(index=True)
    roles: Mapped[str]
    call: Mapped[str]
    about: Mapped[str]
    awards: Mapped[int]
    award_ids: Mapped[str]
    """With spaces between."""
    outcome: Mapped[str]
    reason: Mapped[str]
    hash: Mapped[bytes]
    """SHA-256 over the hash of the row before and this row (`trail.hash_row`)."""


class Proposal(Table):
    """An act that waits for a second person, or waited."""

    __tablename__ = "proposals"

    id: Mapped[str] = mapped_column(primary_key=True)
    call: Mapped[str]
    act: Mapped[str]
    proposed_by: Mapped[str] = mapped_column(index=True)
    proposed_at: Mapped[int]
    expires_at: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
    decided_by: Mapped[str]
    decided_at: Mapped[int | None]
    digest: Mapped[bytes]
    """SHA-256 of the content."""
    content: Mapped[bytes | None]
    """The exact messages of the call (`acts.pack`); empty once it waits no longer."""
