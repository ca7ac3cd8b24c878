"""The audit trail: who made which call of the private listener, about which awards, and what came of it.

Rows are only ever added. Each holds

    SHA-256("cairn/trail/v1\\n" || hash of the row before (32 bytes, zeros for the first) || JSON of this row)

so that a row changed or taken out afterwards is found by whoever replays the chain. Rows cut off at the end are not: who
wants to know that keeps the newest hash elsewhere. No row has anything about a learner but the random ids of awards.
"""

import enum
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.registrar.people.tables import TrailRow

MAX_IDS = 5000
"""Award ids in one row; a call about more has several rows."""

CONTEXT = b"cairn/trail/v1\n"
FIRST = bytes(32)
_IN_ONE_READ = 2000


class Outcome(enum.StrEnum):
    """What came of a call."""

    DONE = "done"
    TRIED = "tried"
    """A dry run: nothing was changed."""
    PROPOSED = "proposed"
    """It waits for a second person."""
    REFUSED = "refused"
    """The caller may not."""
    FAILED = "failed"
    """The caller may, but it could not be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEntry:
    """What a row says, before it has a number."""

    at: int
    who: str
    roles: tuple[str, ...]
    call: str
    outcome: Outcome
    about: str = ""
    award_ids: tuple[str, ...] = ()
    awards: int = 0
    """How many awards it was about, where their ids are not kept."""
    reason: str = ""


def append(session: Session, entry: TrailEntry) -> None:
    """Add what happened, in a write transaction: it stands or falls with whatever else the transaction does."""
    session.flush()
    last = session.execute(select(TrailRow.number, TrailRow.hash).order_by(TrailRow.number.desc()).limit(1)).first()
    number, before = (0, FIRST) if last is None else (last[0], last[1])
    for part in _parts(entry.award_ids):
        number += 1
        row = TrailRow(
            number=number,
            at=entry.at,
            who=entry.who,
            roles=" ".join(sorted(entry.roles)),
            call=entry.call,
            about=entry.about,
            awards=len(part) or entry.awards,
            award_ids=" ".join(part),
            outcome=entry.outcome.value,
            reason=entry.reason,
        )
        row.hash = before = hash_row(row, before)
        session.add(row)
    session.flush()


def hash_row(row: TrailRow, before: bytes) -> bytes:
    """The hash a row must have after a row with the hash `before`."""
    values = [
        *(row.number, row.at, row.who, row.roles, row.call),
        *(row.about, row.awards, row.award_ids, row.outcome, row.reason),
    ]
    content = json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return hashlib.sha256(CONTEXT + before + content).digest()


def find_break(session: Session) -> int | None:
    """Number of the first row that does not follow from the one before it; None where all do."""
    expected, before = 1, FIRST
    for row in _rows(session, 0):
        if row.number != expected or row.hash != hash_row(row, before):
            return expected
        expected, before = expected + 1, row.hash
    return None


def read_rows(session: Session, since: int) -> list[TrailRow]:
    """Rows from a moment on (Unix ms), oldest first."""
    return [row for row in _rows(session, since)]


def last_calls(session: Session) -> dict[str, int]:
    """From who to when their newest row was written, refused calls left out."""
    query = (
        select(TrailRow.who, func.max(TrailRow.at))
        .where(TrailRow.outcome != Outcome.REFUSED.value)
        .group_by(TrailRow.who)
    )
    return {who: at for who, at in session.execute(query)}


def _rows(session: Session, since: int) -> Iterator[TrailRow]:
    query = select(TrailRow).where(TrailRow.at >= since).order_by(TrailRow.number)
    yield from session.scalars(query.execution_options(yield_per=_IN_ONE_READ))


def _parts(award_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    if not award_ids:
        return [()]
    return [award_ids[start : start + MAX_IDS] for start in range(0, len(award_ids), MAX_IDS)]
