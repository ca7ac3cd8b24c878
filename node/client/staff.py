"""What `registrar` commands say to a node about people, the trail and proposals, as plain values. Times are Unix ms."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class InvitationAnswer:
    """A new person's invitation: the file, their id, until when it works, the authority's fingerprint in words."""

    invitation: bytes = field(repr=False)
    person: str
    expires_at: int
    authority: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A certificate (DER), and whom the node takes its bearer for."""

    certificate: bytes
    person: str
    roles: tuple[str, ...]
    institution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """One person as the operator sees them."""

    id: str
    name: str
    roles: tuple[str, ...]
    invited_at: int
    invitation_expires_at: int | None
    certificate_expires_at: int | None
    removed_at: int | None
    last_call: int | None

    def describe(self, now: int) -> str:
        """The state in words; `now` is Unix ms."""
        if self.removed_at is not None:
            return "removed"
        if self.certificate_expires_at is not None:
            return "let in" if now < self.certificate_expires_at else "certificate expired"
        waits = self.invitation_expires_at is not None and now < self.invitation_expires_at
        return "invited" if waits else "invitation expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailLine:
    """One row of the trail."""

    number: int
    at: int
    who: str
    roles: tuple[str, ...]
    call: str
    about: str
    award_ids: tuple[str, ...]
    awards: int
    outcome: str
    reason: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class TrailAnswer:
    """Rows, oldest first, and the number of the first row of the whole trail that does not follow from the one before."""

    rows: tuple[TrailLine, ...]
    broken_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalLine:
    """One proposal without its content."""

    id: str
    call: str
    act: str
    proposed_by: str
    proposed_at: int
    expires_at: int
    state: str
    decided_by: str
    decided_at: int | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class ProposalAnswer:
    """One proposal, what it would do in words, and the file that goes with it (empty for none)."""

    proposal: ProposalLine
    lines: tuple[str, ...]
    data: bytes = field(repr=False)
