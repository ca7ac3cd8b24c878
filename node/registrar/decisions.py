"""Decisions about awards after they were made: revoke, suspend, reinstate, replace (DESIGN 4, 9).

A decision changes what all slots of the award say from the next page on. Revoked and replaced are final. Reasons stay
here.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from ledger.credential.status import Status
from ledger.errors import RuleError
from node.registrar import acting
from node.registrar.awards import load_awards
from node.registrar.tables import Award, Decision, Slot

MAX_REASON_LENGTH = 500
_IN_ONE_STATEMENT = 5000

_LEGAL: dict[Status, tuple[Status, ...]] = {
    Status.REVOKED: (Status.VALID, Status.SUSPENDED),
    Status.SUSPENDED: (Status.VALID,),
    Status.VALID: (Status.SUSPENDED,),
    Status.REPLACED: (Status.VALID, Status.SUSPENDED),
}
"""From which status a decision may lead to which: what is revoked or replaced stays so."""


def set_status(session: Session, award_ids: Iterable[str], status: Status, *, reason: str, now: int) -> list[Award]:
    """Decide about awards, all of them or none; returns those that changed.

    An award that already has the status is left as it is, so a command may be repeated.

    Raises:
        RuleError: an award does not exist, or its status is final.
    """
    if status is Status.REPLACED:
        raise RuleError(
            "replace: needs the new content",
            hint="`cairn-node replace DIR AWARD --csv FILE` with the corrected row",
        )
    changed = [award for award in load_awards(session, award_ids) if award.status != status]
    record_decisions(session, changed, status, reason=reason, now=now)
    return changed


def record_decisions(session: Session, awards: Sequence[Award], status: Status, *, reason: str, now: int) -> None:
    """Note the decisions and change all slots of these awards.

    Raises:
        RuleError: the status of one of them is final, or the reason is too long.
    """
    if len(reason) > MAX_REASON_LENGTH:
        raise RuleError(f"reason: {len(reason)} characters, at most {MAX_REASON_LENGTH}")
    for award in awards:
        if not may_become(Status(award.status), status):
            raise RuleError(
                f"award {award.id}: is {_words(award.status)} and cannot become {_words(status)}",
                hint="what is revoked or replaced stays so; issue a new award where it was a mistake",
            )
    # Whole statements instead of object by object: a list of a thousand takes a third of the time.
    session.flush()
    acting.acted_on(session, [award.id for award in awards])
    rows = [{"award_id": award.id, "status": int(status), "at": now, "reason": reason} for award in awards]
    if rows:
        session.execute(insert(Decision), rows)
    for start in range(0, len(awards), _IN_ONE_STATEMENT):
        part = [award.id for award in awards[start : start + _IN_ONE_STATEMENT]]
        unsynced = {"synchronize_session": False}
        session.execute(update(Award).where(Award.id.in_(part)).values(status=int(status)), execution_options=unsynced)
        # A slot that a re-issue has ended says so for ever, whatever becomes of its award.
        still_open = Slot.status.not_in((int(Status.REVOKED), int(Status.REPLACED)))
        session.execute(
            update(Slot).where(Slot.award_id.in_(part), still_open).values(status=int(status)),
            execution_options=unsynced,
        )
    for award in awards:
        set_committed_value(award, "status", int(status))


def may_become(before: Status, after: Status) -> bool:
    """Whether a decision may lead from one status to another."""
    return before in _LEGAL[after]


def pending_awards(session: Session, award_ids: Sequence[str] | None = None) -> set[str]:
    """Awards with a decision that no page has shown yet."""
    query = select(Decision.award_id).where(Decision.cut_id.is_(None))
    if award_ids is not None:
        query = query.where(Decision.award_id.in_(award_ids))
    return set(session.scalars(query))


def _words(status: int) -> str:
    return Status(status).name.lower()
