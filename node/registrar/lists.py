"""Status lists and their slots: when a list opens, and which slot a new copy gets (DESIGN 4).

A slot is drawn at random from the unused ones of the newest list and never drawn again: a slot's number says nothing
about when its copy was made. Lists open on the charter's day of each year, so that opening one says nothing either; a
list that fills up early is followed by another at the first cut of a month.
"""

import datetime
from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from ledger.errors import RuleError
from ledger.log.charter import ListPolicy
from node.clock import Draw
from node.registrar.inherited import FIRST_NUMBER
from node.registrar.tables import Cut, Slot, StatusList

_ROUNDS = 64
"""Rounds of drawing before the free slots are listed one by one: reached only by a list that is all but full."""


def newest_list(session: Session, policy: ListPolicy, now: int) -> StatusList:
    """The list of ours that new copies take their slots from; the first use opens list 0, which the first cut publishes."""
    newest = session.scalar(
        select(StatusList).where(StatusList.number < FIRST_NUMBER).order_by(StatusList.number.desc()).limit(1)
    )
    return newest if newest is not None else _open_list(session, 0, policy, now)


def open_due_list(session: Session, policy: ListPolicy, at: int) -> StatusList:
    """Open a list if this cut is the one to do it, and return the newest.

    Args:
        session: the cut's own transaction; the cut itself is not in it yet.
        policy: of the charter.
        at: the instant of the cut, Unix ms.
    """
    newest = newest_list(session, policy, at)
    if session.scalar(select(func.count()).select_from(Cut)) == 0 and newest.number == 0:
        # The first cut publishes list 0. When it came to be here, with the first award, must not show: had the opening day
        # come since, a second list on the first page would tell that there was an award before that day.
        newest.opened_at = at
        return newest
    if _is_opening_day_between(policy.opens, newest.opened_at, at):
        return _open_list(session, newest.number + 1, policy, at)
    used = session.scalar(select(func.count()).select_from(Slot).where(Slot.list_number == newest.number)) or 0
    if used * 8 >= newest.slots * 7 and _is_first_of_month(session, at):
        return _open_list(session, newest.number + 1, policy, at)
    return newest


def draw_slots(session: Session, status_list: StatusList, award_ids: Sequence[str | None], draw: Draw) -> list[int]:
    """Take one unused slot for each award, in order.

    Raises:
        RuleError: the list has not that many left; nothing was taken.
    """
    chosen: list[int] = []
    taken: set[int] = set()
    for _ in range(_ROUNDS):
        if len(chosen) == len(award_ids):
            break
        # `slots` is a power of two, so that masking is unbiased.
        wanted = len(award_ids) - len(chosen)
        random = draw(4 * wanted)
        drawn = {int.from_bytes(random[i : i + 4], "big") & (status_list.slots - 1) for i in range(0, 4 * wanted, 4)}
        fresh = drawn - taken
        taken |= fresh
        chosen += sorted(fresh - _used_among(session, status_list.number, fresh))
    else:
        chosen += _draw_from_rest(session, status_list, len(award_ids) - len(chosen), set(chosen), draw)
    _shuffle(chosen, draw)
    rows = [
        {"list_number": status_list.number, "slot": slot, "award_id": award_id, "status": 0}
        for slot, award_id in zip(chosen, award_ids, strict=True)
    ]
    if rows:
        session.execute(insert(Slot), rows)
    return chosen


def _shuffle(slots: list[int], draw: Draw) -> None:
    # Each round above came out ascending: in file order the slots of a class would ascend too.
    keyed = sorted((draw(8), slot) for slot in slots)
    slots[:] = [slot for _, slot in keyed]


def _used_among(session: Session, number: int, slots: set[int]) -> set[int]:
    used: set[int] = set()
    ordered = sorted(slots)
    for start in range(0, len(ordered), 5000):
        part = ordered[start : start + 5000]
        used.update(session.scalars(select(Slot.slot).where(Slot.list_number == number, Slot.slot.in_(part))))
    return used


def _draw_from_rest(session: Session, status_list: StatusList, wanted: int, mine: set[int], draw: Draw) -> list[int]:
    used = set(session.scalars(select(Slot.slot).where(Slot.list_number == status_list.number))) | mine
    free = [slot for slot in range(status_list.slots) if slot not in used]
    if len(free) < wanted:
        raise RuleError(
            f"status list {status_list.number}: {len(free)} slots left, {wanted} needed",
            hint="the first cut of next month opens another list; issue the rest then",
        )
    return [slot for _, slot in sorted((draw(8), slot) for slot in free)][:wanted]


def _open_list(session: Session, number: int, policy: ListPolicy, at: int) -> StatusList:
    opened = StatusList(number=number, slots=policy.slots, opened_at=at)
    session.add(opened)
    session.flush()
    return opened


def _is_opening_day_between(opens: str, since: int, until: int) -> bool:
    """Whether the day `MM-DD` (UTC) began after `since` and not after `until`."""
    first, last = _day(since), _day(until)
    month, day = int(opens[:2]), int(opens[3:])
    return any(first < datetime.date(year, month, day) <= last for year in range(first.year, last.year + 1))


def _is_first_of_month(session: Session, at: int) -> bool:
    before = session.scalar(select(func.max(Cut.at)))
    if before is None:
        return False
    last, this = _day(before), _day(at)
    return (last.year, last.month) != (this.year, this.month)


def _day(milliseconds: int) -> datetime.date:
    # The one place where Unix ms become a calendar day; UTC, whatever the computer's zone.
    return datetime.datetime.fromtimestamp(milliseconds / 1000, tz=datetime.UTC).date()
