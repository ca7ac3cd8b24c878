"""Judgments: the outcome of one rule for one learner, with everything that led to it.

The words are `mastered`, `pending` and `not yet`. A judgment carries what was counted, so that it can be explained,
signed, and checked by somebody else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from ledger.mastery.assessors import Assessor
from ledger.mastery.crosswalks import Match
from ledger.mastery.evidence import Evidence
from ledger.mastery.rules import Source
from ledger.mastery.signoffs import Signoff


class Outcome(StrEnum):
    """What a rule says."""

    MASTERED = "MASTERED"
    PENDING = "PENDING"
    """A human decision is awaited."""
    NOT_YET = "NOT_YET"


class Reason(StrEnum):
    """Why it says so: the check that decided (README sections 4, 5 and 7)."""

    MASTERED = "MASTERED"
    MASTERED_BY_TRANSFER = "MASTERED_BY_TRANSFER"
    NO_EVIDENCE = "NO_EVIDENCE"
    MISSING_SOURCE = "MISSING_SOURCE"
    TOO_FEW_SOURCES = "TOO_FEW_SOURCES"
    TOO_FEW_ASSESSORS = "TOO_FEW_ASSESSORS"
    BELOW_FLOOR = "BELOW_FLOOR"
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    NO_SIGNOFF = "NO_SIGNOFF"
    STALE_SIGNOFF = "STALE_SIGNOFF"
    SIGNOFF_DECLINED = "SIGNOFF_DECLINED"
    MISSING_CHILD = "MISSING_CHILD"
    TOO_FEW_CHILDREN = "TOO_FEW_CHILDREN"

    @property
    def outcome(self) -> Outcome:
        """The outcome that belongs to the reason."""
        match self:
            case Reason.MASTERED | Reason.MASTERED_BY_TRANSFER:
                return Outcome.MASTERED
            case Reason.NO_SIGNOFF | Reason.STALE_SIGNOFF:
                return Outcome.PENDING
            case _:
                return Outcome.NOT_YET


@dataclass(frozen=True, slots=True)
class Piece:
    """One admissible row, with its level on the rule's scale: evidence, or a transfer a crosswalk counts as evidence."""

    level: Fraction
    observed_on: date
    seq: int
    evidence: Evidence | None
    """None for a transfer."""
    assessor: Assessor | None
    """None for a transfer: whoever judged it elsewhere is nobody here."""
    match: Match | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two pieces one row, whatever level each rule gives it."""
        return (
            self.evidence.id if self.evidence is not None else "",
            self.match.crosswalk.id if self.match is not None else "",
        )


@dataclass(frozen=True, slots=True)
class SourceValue:
    """What one source of a rule came to."""

    source: Source
    found: int
    """Admissible rows; of a rollup, children with a value."""
    value: Fraction | None
    """None: the source is absent."""
    counted: tuple[Piece, ...]
    """Rows the value is made of; none of an absent source."""
    admissible: tuple[Piece, ...]
    """Rows that could have counted; none of a rollup."""
    children: "tuple[Judgment, ...]" = ()
    """Of a rollup: every child's own judgment, with a value or without."""

    @property
    def is_present(self) -> bool:
        """Whether there are enough rows for a value."""
        return self.value is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """The outcome of one rule for one item, or for an award that stands on it."""

    code: str
    """Item or award code, as reason texts name it."""
    item: str
    rule: str
    reason: Reason
    value: Fraction | None
    """Combined value, wherever there is one, whatever the outcome."""
    threshold: str
    """As written in the rule; of a composite rule `3 of 4`."""
    text: str
    sources: tuple[SourceValue, ...] = ()
    children: "tuple[Judgment, ...]" = ()
    """Of a composite rule: its children, grants included."""
    counted: tuple[Piece, ...] = ()
    signoff: Signoff | None = None
    match: Match | None = None
    """The transfer that granted mastery."""

    @property
    def outcome(self) -> Outcome:
        """Mastered, pending or not yet."""
        return self.reason.outcome

    @property
    def is_mastered(self) -> bool:
        """Whether the item or award is mastered, in whatever way."""
        return self.outcome is Outcome.MASTERED


def merge_pieces(groups: Iterable[Iterable[Piece]]) -> tuple[Piece, ...]:
    """Counted rows of several sources or children, each row once."""
    return tuple({piece.key: piece for group in groups for piece in group}.values())
