"""What a caller is doing, told to the database's writer, so that its trace is durable together with what was done.

A call of the private listener runs as an `Act`. Whatever decides about awards says `acted_on` within its transaction; the
writer then lets the act add its row to the trail before the same commit. Work that no caller asked for, such as a cut
by schedule, has no act and leaves no row.
"""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Protocol

from sqlalchemy.orm import Session

_AWARDS = "cairn.acted_on"


class Act(Protocol):
    """What one call does."""

    def write(self, session: Session, award_ids: Sequence[str]) -> None:
        """Add the trace of it to a transaction that is about to commit."""
        ...

    def committed(self) -> None:
        """Learn that this transaction is durable."""
        ...


current: ContextVar[Act | None] = ContextVar("current act", default=None)
"""The act under way in this task, and in the threads that work for it."""


def acted_on(session: Session, award_ids: Iterable[str] = ()) -> None:
    """Say which awards this transaction makes or changes; may be said several times."""
    session.info.setdefault(_AWARDS, {}).update(dict.fromkeys(award_ids))


def settle(session: Session) -> bool:
    """Before the commit: write the trace of the act under way, if one is; returns whether it did."""
    act, award_ids = current.get(), session.info.get(_AWARDS)
    if act is None or award_ids is None:
        return False
    act.write(session, tuple(award_ids))
    return True


def committed() -> None:
    """After the commit of a transaction that `settle` wrote to."""
    act = current.get()
    if act is not None:
        act.committed()
