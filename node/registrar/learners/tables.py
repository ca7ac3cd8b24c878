"""Tables about learners' rights: what stands in the way of a use or an erasure, what was disclosed, what was forgotten.

Every row has a random id of its own, so that the list of what was forgotten can name it without saying anything about
anybody. Rows about a learner go with the learner; `forgotten` alone stays, for the day on which an older backup is
restored.
"""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from node.registrar.tables import Table


class Mark(Table):
    """Something noted about a learner's data that changes what may be done with it, or goes with an award."""

    __tablename__ = "learner_marks"
    __table_args__ = (Index("marks_by_learner", "learner_id"), Index("marks_by_award", "award_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    learner_id: Mapped[str]
    kind: Mapped[str]
    """Of `marks.MarkKind`."""
    award_id: Mapped[str | None] = mapped_column(ForeignKey("awards.id", ondelete="CASCADE"))
    """The award that a statement of disagreement goes with; empty for marks about all of a learner's data."""
    text: Mapped[str]
    """Why; of a disagreement the learner's own words."""
    by: Mapped[str]
    """Who noted it: a person's id, as in the trail."""
    at: Mapped[int]
    ended_at: Mapped[int | None]
    ended_by: Mapped[str]


class Disclosure(Table):
    """That the institution gave a learner's data to somebody else: to whom, what, and what for."""

    __tablename__ = "disclosures"
    __table_args__ = (Index("disclosures_by_learner", "learner_id"), Index("disclosures_by_time", "at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    learner_id: Mapped[str]
    at: Mapped[int]
    """When it was given, Unix ms."""
    recipient: Mapped[str]
    what: Mapped[str]
    purpose: Mapped[str]
    """Their legitimate interest."""
    by: Mapped[str]


class Forgotten(Table):
    """The id of a row that was erased for good. It leads nowhere any more."""

    __tablename__ = "forgotten"

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int]
