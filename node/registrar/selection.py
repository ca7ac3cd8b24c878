"""Which awards a decision is about: named one by one, or found by learner, achievement, key or day; all that is given
must hold at once.

Days are UTC days on which the award was decided here, since that is what a registrar remembers ("the batch of last
Tuesday"); `awarded_on` is a date of the award itself and says nothing about when it was entered.
"""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from ledger.errors import MalformedError
from ledger.log.keys import KeyId
from node.client.correction import Selection
from node.registrar.awards import load_awards
from node.registrar.documents import split_reference
from node.registrar.tables import Award, Copy

_DAY = datetime.timedelta(days=1)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

FindKey = Callable[[str], KeyId]
"""Finds a key of this log by its id or an unmistakable beginning (RuleError)."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The awards that are meant, oldest first or in the order they were named."""

    awards: tuple[Award, ...]
    unmatched: int
    """Awards named by id that another selector leaves out."""


def select_awards(session: Session, selection: Selection, find_key: FindKey) -> Selected:
    """Find the awards.

    Raises:
        MalformedError: nothing is given, or a day is none.
        RuleError: an award that is named does not exist, or no key is called that.
    """
    if selection.is_empty:
        raise MalformedError("selection: says no award", hint="name awards, or select them by learner, achievement, …")
    conditions = _conditions(selection, find_key)
    if not selection.award_ids:
        found = session.scalars(select(Award).where(*conditions).order_by(Award.decided_at, Award.id))
        return Selected(tuple(found), 0)
    named = load_awards(session, selection.award_ids)
    if not conditions:
        return Selected(tuple(named), 0)
    matching = set(session.scalars(select(Award.id).where(*conditions)))
    both = tuple(award for award in named if award.id in matching)
    return Selected(both, len(named) - len(both))


def start_of_day(text: str) -> int:
    """Unix ms at which a day (UTC) begins.

    Raises:
        MalformedError: it is no day like 2026-05-31.
    """
    return int(_parse_day(text).timestamp() * 1000)


def _conditions(selection: Selection, find_key: FindKey) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if selection.learner_id:
        conditions.append(Award.learner_id == selection.learner_id)
    if selection.achievement:
        is_meant = Award.achievement == selection.achievement
        split = split_reference(selection.achievement)
        conditions.append(
            is_meant if split is None else or_(is_meant, (Award.achievement == split[0]) & (Award.version == split[1]))
        )
    if selection.key:
        signed = select(Copy.award_id).where(Copy.key_id == find_key(selection.key), Copy.withdrawn.is_(False))
        conditions.append(Award.id.in_(signed))
    if selection.issued_since:
        conditions.append(Award.decided_at >= start_of_day(selection.issued_since))
    if selection.issued_until:
        end = _parse_day(selection.issued_until) + _DAY
        conditions.append(Award.decided_at < int(end.timestamp() * 1000))
    return conditions


def _parse_day(text: str) -> datetime.datetime:
    try:
        # `fromisoformat` alone would take 20260531 and week dates.
        if not _ISO_DAY.fullmatch(text):
            raise ValueError
        day = datetime.date.fromisoformat(text)
        return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    except ValueError:
        raise MalformedError(f"selection: {text[:40]!r} is not a day like 2026-05-31") from None
