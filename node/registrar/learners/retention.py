"""Retention: what is kept how long after what event, as `node.toml` says, and what is erased when that time is over.

A row reads `WHAT NUMBER UNIT after EVENT`, such as `awards 60 years after decision`. Nothing is erased without a row;
nothing of a learner under legal hold is erased by any.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from node.registrar import acting, scrub
from node.registrar.learners import erasing
from node.registrar.learners.marks import MarkKind, find_marked, parts
from node.registrar.learners.schedule import RetentionRow
from node.registrar.learners.tables import Disclosure, Mark
from node.registrar.tables import Award, Decision, Offer, OfferedAward


@dataclass(frozen=True, slots=True)
class Due:
    """What a row would erase, or has erased."""

    row: str
    number: int
    held: int
    """What is due and stays, because a legal hold keeps it."""


Select = Callable[[Session, int], dict[str, str]]
"""From an instant to the rows whose event was before it: from their id to their learner."""


def apply_retention(session: Session, rows: Sequence[RetentionRow], *, now: int) -> tuple[list[Due], erasing.Erased]:
    """Erase what is due by any row.

    Args:
        session: an open write transaction; undone by whoever only wants to know.
        rows: of the table.
        now: Unix ms.

    Returns:
        What each row erased, and what finds the traces of all of it.
    """
    told, erased = [], erasing.Erased()
    for row in rows:
        due = _SELECTS[row.what, row.event](session, now - row.keep_ms)
        held = find_marked(session, MarkKind.HOLD, due.values())
        going = [row_id for row_id, learner in due.items() if learner not in held]
        if row.what in ("awards", "disclosures", "marks"):
            done = erasing.erase(session, going, now=now)
            erased = erasing.join(erased, done)
        elif going:
            _erase_other(session, row.what, going)
        told.append(Due(row.text, len(going), len(due) - len(going)))
    return told, erased


def _erase_other(session: Session, what: str, going: Sequence[str]) -> None:
    """Erase what is no row with an id of its own."""
    for part in parts(going):
        if what == "offers":
            session.execute(delete(Offer).where(Offer.id.in_(part)))
        elif what == "addresses":
            session.execute(update(Award).where(Award.id.in_(part)).values(email=""))
        else:
            numbers = [int(number) for number in part]
            session.execute(update(Decision).where(Decision.number.in_(numbers)).values(reason=""))
    acting.acted_on(session)
    if what != "offers":
        # Of a claim link only hashes are kept.
        scrub.mark_due(session)


def _awards_by_decision(session: Session, before: int) -> dict[str, str]:
    return _whole_chains(
        session, {award.id for award in session.scalars(select(Award).where(Award.decided_at < before))}
    )


def _awards_by_expiry(session: Session, before: int) -> dict[str, str]:
    day = _day(before)
    expired = select(Award.id).where(Award.valid_until != "", Award.valid_until < day)
    return _whole_chains(session, set(session.scalars(expired)))


def _awards_by_ending(session: Session, before: int) -> dict[str, str]:
    """Revoked or replaced, by the newest decision."""
    ended = (
        select(Decision.award_id)
        .join(Award, Award.id == Decision.award_id)
        .where(Award.status.in_((int(Status.REVOKED), int(Status.REPLACED))))
        .group_by(Decision.award_id)
        .having(func.max(Decision.at) < before)
    )
    return _whole_chains(session, set(session.scalars(ended)))


def _whole_chains(session: Session, due: set[str]) -> dict[str, str]:
    """Those that can go now: an award that was replaced goes before the one in its place, never after it."""
    found = [award for part in parts(sorted(due)) for award in session.scalars(select(Award).where(Award.id.in_(part)))]
    before: dict[str, list[str]] = {}
    for part in parts(sorted(due)):
        for old, new in session.execute(select(Award.id, Award.replaced_by).where(Award.replaced_by.in_(part))):
            if new is not None:
                before.setdefault(new, []).append(old)
    going: dict[str, str] = {}
    for award in sorted(found, key=lambda one: one.revision):
        if all(old in going for old in before.get(award.id, ())):
            going[award.id] = award.learner_id
    return going


def _addresses(session: Session, before: int) -> dict[str, str]:
    query = select(Award.id, Award.learner_id).where(Award.decided_at < before, Award.email != "")
    return {award_id: learner for award_id, learner in session.execute(query)}


def _reasons(session: Session, before: int) -> dict[str, str]:
    query = (
        select(Decision.number, Award.learner_id)
        .join(Award, Award.id == Decision.award_id)
        .where(Decision.at < before, Decision.reason != "")
    )
    return {str(number): learner for number, learner in session.execute(query)}


def _offers(session: Session, before: int) -> dict[str, str]:
    query = (
        select(Offer.id, Award.learner_id)
        .join(OfferedAward, OfferedAward.offer_id == Offer.id)
        .join(Award, Award.id == OfferedAward.award_id)
        .where(Offer.expires_at < before)
    )
    return {offer_id: learner for offer_id, learner in session.execute(query)}


def _disclosures(session: Session, before: int) -> dict[str, str]:
    query = select(Disclosure.id, Disclosure.learner_id).where(Disclosure.at < before)
    return {row_id: learner for row_id, learner in session.execute(query)}


def _marks(session: Session, before: int) -> dict[str, str]:
    query = select(Mark.id, Mark.learner_id).where(Mark.ended_at < before)
    return {row_id: learner for row_id, learner in session.execute(query)}


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(max(milliseconds, 0) / 1000, UTC).date().isoformat()


_SELECTS: dict[tuple[str, str], Select] = {
    ("awards", "decision"): _awards_by_decision,
    ("awards", "expiry"): _awards_by_expiry,
    ("awards", "ending"): _awards_by_ending,
    ("addresses", "decision"): _addresses,
    ("reasons", "decision"): _reasons,
    ("offers", "expiry"): _offers,
    ("disclosures", "disclosure"): _disclosures,
    ("marks", "end"): _marks,
}
KNOWN = frozenset(_SELECTS)
"""Rows that can be applied: every one of `schedule.EVENTS`."""
