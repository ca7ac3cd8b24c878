"""Erasing awards with everything that hangs on them, and the list by which an older backup is made to forget again.

What stays is what says nothing about anybody: the slots, which are used for ever and keep what their pages say, and the
random ids of the rows, in `forgotten`. A decision that no page has shown yet is shown by the next one all the same: its
slots are noted as changed, without the award.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from node.registrar import acting, scrub
from node.registrar.learners.marks import parts
from node.registrar.learners.tables import Disclosure, Forgotten, Mark
from node.registrar.tables import Award, Copy, Decision, Evaluated, Offer, OfferedAward, Slot, SlotChange
from node.registrar.views import WALLET_KIND

_LEAST_NEEDLE = 12


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased, and what finds its traces."""

    awards: int = 0
    copies: int = 0
    wallet_copies: int = 0
    """Of `copies` those whose credential only a wallet holds."""
    decisions: int = 0
    evaluations: int = 0
    offers: int = 0
    marks: int = 0
    disclosures: int = 0
    slots: int = 0
    """Slots that stay used for ever, and no longer lead to anybody."""
    ids: tuple[str, ...] = ()
    """Ids of awards, marks and disclosures that are gone."""
    needles: tuple[bytes, ...] = ()
    """Pieces of what was erased; personal, never kept."""

    @property
    def counts(self) -> dict[str, int]:
        """The counts by name."""
        told = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in told.items() if isinstance(value, int)}


def find_ids(session: Session, learner_id: str) -> tuple[str, ...]:
    """Ids of every row about a learner that has one: awards, marks, disclosures."""
    return tuple(
        row_id
        for table in (Award, Mark, Disclosure)
        for row_id in session.scalars(select(table.id).where(table.learner_id == learner_id).order_by(table.id))
    )


def erase(session: Session, ids: Sequence[str], *, now: int) -> Erased:
    """Erase awards, marks and disclosures by their ids, with what hangs on them.

    Args:
        session: an open write transaction. After its commit `Database.scrub` removes the traces.
        ids: of rows; those that are not there are left aside.
        now: Unix ms.
    """
    awards = _found(session, Award, ids)
    on_awards = [
        row_id for part in parts(awards) for row_id in session.scalars(select(Mark.id).where(Mark.award_id.in_(part)))
    ]
    marks = list(dict.fromkeys((*_found(session, Mark, ids), *on_awards)))
    disclosures = _found(session, Disclosure, ids)
    gone = (*awards, *marks, *disclosures)
    if not gone:
        return Erased()
    needles = (*_needles(session, awards), *(row_id.encode() for row_id in (*marks, *disclosures)))
    erased = _erase_awards(session, awards, now)
    for table, row_ids in ((Mark, marks), (Disclosure, disclosures)):
        _delete(session, table, row_ids)
    _note_forgotten(session, gone, now)
    acting.acted_on(session, awards)
    scrub.mark_due(session)
    return dataclasses.replace(erased, marks=len(marks), disclosures=len(disclosures), ids=gone, needles=needles)


def erase_again(session: Session, ids: Iterable[str], *, now: int) -> Erased:
    """Forget what a backup brought back: everything on its own list of the forgotten, and what is named here.

    Args:
        session: an open write transaction of a database that was filled from a backup.
        ids: of receipts, and of the list that the node keeps outside of its directory.
        now: Unix ms.
    """
    wanted = list(dict.fromkeys((*session.scalars(select(Forgotten.id)), *ids)))
    _note_forgotten(session, wanted, now)
    return erase(session, wanted, now=now)


def list_forgotten(session: Session) -> list[str]:
    """Ids of everything that was ever forgotten here."""
    return list(session.scalars(select(Forgotten.id).order_by(Forgotten.id)))


def _erase_awards(session: Session, awards: Sequence[str], now: int) -> Erased:
    counts = dict.fromkeys(("awards", "copies", "wallet_copies", "decisions", "evaluations", "offers", "slots"), 0)
    for part in parts(awards):
        _explain_changes(session, part, now)
        is_wallets = Copy.award_id.in_(part) & (Copy.kind == WALLET_KIND)
        counts["wallet_copies"] += session.scalar(select(func.count()).where(is_wallets)) or 0
        offered = select(OfferedAward.offer_id).where(OfferedAward.award_id.in_(part))
        counts["offers"] += _run(session, delete(Offer).where(Offer.id.in_(offered)))
        counts["evaluations"] += _run(session, delete(Evaluated).where(Evaluated.award_id.in_(part)))
        counts["decisions"] += _run(session, delete(Decision).where(Decision.award_id.in_(part)))
        counts["copies"] += _run(session, delete(Copy).where(Copy.award_id.in_(part)))
        freed = update(Slot).where(Slot.award_id.in_(part)).values(award_id=None)
        counts["slots"] += _run(session, freed)
    # Earlier revisions first: each points at the one that took its place.
    for part in parts(_by_revision(session, awards)):
        counts["awards"] += _run(session, delete(Award).where(Award.id.in_(part)))
    return _counted(counts)


def _by_revision(session: Session, awards: Sequence[str]) -> list[str]:
    found: list[tuple[int, str]] = []
    for part in parts(awards):
        rows = session.execute(select(Award.revision, Award.id).where(Award.id.in_(part)))
        found += [(revision, award_id) for revision, award_id in rows]
    return [award_id for _, award_id in sorted(found)]


def _explain_changes(session: Session, awards: Sequence[str], now: int) -> None:
    waiting = exists().where(Decision.award_id == Slot.award_id, Decision.cut_id.is_(None))
    slots = session.execute(select(Slot.list_number, Slot.slot).where(Slot.award_id.in_(awards), waiting)).all()
    if slots:
        rows = [{"list_number": number, "slot": slot, "at": now} for number, slot in slots]
        session.execute(insert(SlotChange), rows)


def _needles(session: Session, awards: Sequence[str]) -> tuple[bytes, ...]:
    """Bytes that stand in the rows of these awards as SQLite writes them, and in no other row.

    The row of a copy begins with the award's id; its credential stands in pages that are zeroed whole when they are freed.
    """
    if 3 * len(awards) > scrub.MAX_NEEDLES:
        # Too many to search for: the file is written anew (`scrub`).
        return tuple(award_id.encode() for award_id in awards)
    needles = [award_id.encode() for award_id in awards]
    reasons = (select(Decision.reason).where(Decision.award_id.in_(part)) for part in parts(awards))
    needles += [reason.encode() for query in reasons for reason in session.scalars(query)]
    for part in parts(awards):
        for award in session.scalars(select(Award).where(Award.id.in_(part))):
            # Columns that stand next to each other, in the table and in its indexes.
            needles.append(f"{award.learner_id}{award.achievement}".encode())
            needles.append(f"{award.name}{award.email}{award.date_of_birth}{award.awarded_on}".encode())
    return tuple(dict.fromkeys(needle for needle in needles if len(needle) >= _LEAST_NEEDLE))


def _found(session: Session, table: type[Award] | type[Mark] | type[Disclosure], ids: Sequence[str]) -> list[str]:
    return [row_id for part in parts(ids) for row_id in session.scalars(select(table.id).where(table.id.in_(part)))]


def _delete(session: Session, table: type[Mark] | type[Disclosure], ids: Sequence[str]) -> None:
    for part in parts(ids):
        _run(session, delete(table).where(table.id.in_(part)))


def _run(session: Session, statement: Any) -> int:  # Any: statements of several kinds, results that have a row count
    result: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)


def _note_forgotten(session: Session, ids: Sequence[str], now: int) -> None:
    known: set[str] = set()
    for part in parts(ids):
        known.update(session.scalars(select(Forgotten.id).where(Forgotten.id.in_(part))))
    rows = [{"id": row_id, "at": now} for row_id in ids if row_id not in known]
    if rows:
        session.execute(insert(Forgotten), rows)


def join(one: Erased, other: Erased) -> Erased:
    """What two erasures came to."""
    sums = {name: number + other.counts[name] for name, number in one.counts.items()}
    ids, needles = (*one.ids, *other.ids), (*one.needles, *other.needles)
    return dataclasses.replace(_counted(sums), ids=ids, needles=needles)


def _counted(counts: Mapping[str, int]) -> Erased:
    erased = Erased()
    for name, number in counts.items():
        # By name: a mapping spread over the fields would have to fit those that are no counts too.
        erased = dataclasses.replace(erased, **{name: number})  # type: ignore[arg-type]  # names of counts alone
    return erased
