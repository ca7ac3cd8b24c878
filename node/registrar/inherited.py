"""What a successor's database holds of the logs it succeeds (DESIGN 3 "Succession", 4 "Status pages").

Everything that acts on slots counts lists by one number, so a list that was taken over gets one of its own here, far above
every number a log gives itself; which list of which log it is on the ledger stands beside it. An award that was taken over
is one like any other: it can be revoked, suspended, replaced and offered. What differs is in whose name its new copies are
made, and in which log its old ones stand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from ledger.log.identity import LogId, encode_log_id
from node.registrar.tables import Award, Setting, StatusList, Table

FIRST_NUMBER = 1 << 32
"""Of a list that was taken over; a log's own lists are numbered in 4 bytes."""
_IN_ONE_QUERY = 5000


class InheritedList(Table):
    """A status list that another log opened and this one goes on with."""

    __tablename__ = "inherited_lists"
    __table_args__ = (UniqueConstraint("log", "number"),)

    list_number: Mapped[int] = mapped_column(ForeignKey("lists.number"), primary_key=True, autoincrement=False)
    """Its number in this database."""
    log: Mapped[bytes]
    number: Mapped[int]
    """On the ledger, in the log that opened it."""


class InheritedPlainList(Table):
    """A list in the clear that is published in the name of an institution whose log this one goes on with."""

    __tablename__ = "inherited_plain_lists"
    __table_args__ = (UniqueConstraint("log", "number"),)

    list_number: Mapped[int] = mapped_column(ForeignKey("plain_lists.number"), primary_key=True, autoincrement=False)
    """Its number in this database."""
    log: Mapped[bytes]
    number: Mapped[int]
    """In the URL of its files, below that institution's own."""
    is_open: Mapped[bool]
    """Opened here, for copies made here in that name. Of one that was taken over not every slot is known: none is drawn."""


class InheritedAward(Table):
    """An award that another institution made."""

    __tablename__ = "inherited_awards"

    award_id: Mapped[str] = mapped_column(ForeignKey("awards.id", ondelete="CASCADE"), primary_key=True)
    log: Mapped[bytes]
    """Of that institution, under whose name new copies are made."""


class InheritedCopy(Table):
    """Where a copy stands that went to the ledger with another log."""

    __tablename__ = "inherited_copies"

    copy_id: Mapped[int] = mapped_column(ForeignKey("copies.id", ondelete="CASCADE"), primary_key=True)
    log: Mapped[bytes]
    entry: Mapped[int]
    """Index of the batch in that log."""


def mark_inherited(session: Session, log: LogId, now: int) -> None:
    """Note that a log was asked for what is left of it, even if that was nothing."""
    name = _mark(log)
    if session.get(Setting, name) is None:
        session.add(Setting(name=name, value=str(now)))


def is_inherited(session: Session, log: LogId) -> bool:
    """Whether that was done."""
    return session.get(Setting, _mark(log)) is not None


def _mark(log: LogId) -> str:
    return f"inherited {encode_log_id(log)}"


@dataclass(frozen=True, slots=True)
class ListName:
    """A list as the ledger names it: the log that opened it, and its number there."""

    log: LogId
    number: int


def name_lists(session: Session) -> dict[int, ListName]:
    """From the number here to the name on the ledger, of all lists that were taken over."""
    return {row.list_number: ListName(LogId(row.log), row.number) for row in session.scalars(select(InheritedList))}


def find_list(session: Session, own: LogId, log: LogId, number: int) -> StatusList | None:
    """A list by its name on the ledger; None where this database does not have it."""
    if log == own:
        return session.get(StatusList, number) if number < FIRST_NUMBER else None
    row = session.scalar(select(InheritedList).where(InheritedList.log == log, InheritedList.number == number))
    return None if row is None else session.get_one(StatusList, row.list_number)


def enter_list(session: Session, own: LogId, name: ListName, slots: int, now: int) -> StatusList:
    """Enter a list that is on the ledger and not in this database."""
    number = name.number
    if name.log != own:
        newest = session.scalar(select(func.max(InheritedList.list_number)))
        number = FIRST_NUMBER if newest is None else newest + 1
    row = StatusList(number=number, slots=slots, opened_at=now)
    session.add(row)
    session.flush()
    if name.log != own:
        session.add(InheritedList(list_number=number, log=name.log, number=name.number))
        session.flush()
    return row


def origins_of(session: Session, award_ids: Sequence[str]) -> Mapping[str, LogId]:
    """From award to the log of the institution that made it, for awards taken over and what replaced them since."""
    found: dict[str, LogId] = {}
    first = aliased(Award)
    for start in range(0, len(award_ids), _IN_ONE_QUERY):
        rows = session.execute(
            select(Award.id, InheritedAward.log)
            .join(
                first,
                (first.learner_id == Award.learner_id)
                & (first.achievement == Award.achievement)
                & (first.version == Award.version),
            )
            .join(InheritedAward, InheritedAward.award_id == first.id)
            .where(Award.id.in_(award_ids[start : start + _IN_ONE_QUERY]))
        )
        found.update((award_id, LogId(log)) for award_id, log in rows)
    return found
