"""Plain slots: the state that both status list formats of other software are made from (DESIGN 4).

A copy for other software has a plain slot beside its slot on the ledger's pages, drawn at random and never drawn again.
Nothing in the plain lists changes between cuts. At a cut every such slot takes over what the page says of its copy, and
some unassigned slots are set too and stay set for ever: set bits are not the same as revoked diplomas, though only
partly hidden among them, which is why such copies are made on request alone.

A slot follows the page's slot and knows neither copy nor award: forgetting a learner needs nothing here.

A list stands in the name of one institution: this one, or one whose log it goes on with (`origin`). Those have numbers of
their own here, like the lists on the pages (`inherited`).
"""

from collections.abc import Collection

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.orm import Session

from ledger.credential.plainlist.slots import PLAIN_SLOTS, PlainStatus, plain_status, status_members
from ledger.credential.plainlist.slots import PlainList as ListContent
from ledger.credential.plainlist.slots import PlainSlot as SlotPlace
from ledger.credential.status import Status
from ledger.credential.strict_json import JSONObject
from ledger.duration import DAY_MS
from ledger.log.identity import LogId
from node.clock import Draw
from node.registrar.inherited import FIRST_NUMBER, InheritedPlainList
from node.registrar.tables import PlainList, PlainSlot, Slot

DECOY_TRIALS = 16
"""Slots that a cut may set in every list: each with a chance of a half where a day lies between two cuts."""

_FULL_FOR_COPIES = PLAIN_SLOTS * 7 // 8
_FULL_FOR_DECOYS = PLAIN_SLOTS * 15 // 16


def draw_plain_slot(
    session: Session, page_list: int, page_slot: int, draw: Draw, *, now: int, origin: LogId | None = None
) -> SlotPlace:
    """Take an unused plain slot for a copy.

    Args:
        session: an open write transaction, that in which the copy is minted.
        page_list, page_slot: the copy's own slot on the pages.
        draw: source of the slot.
        now: Unix ms.
        origin: in whose name the copy is; None for this institution.
    """
    number = _newest_list(session, now, origin)
    if _count_used(session, number) >= _FULL_FOR_COPIES:
        number = _open_list(session, now, origin)
    slot = _draw_unused(session, number, draw)
    taken = {"list_number": number, "slot": slot, "page_list": page_list, "page_slot": page_slot, "status": 0}
    session.execute(insert(PlainSlot), [taken])
    return SlotPlace(_public_number(session, number), slot)


def take_members(
    session: Session,
    page_list: int,
    page_slot: int,
    issuer_url: str,
    draw: Draw,
    *,
    now: int,
    origin: LogId | None = None,
) -> tuple[list[JSONObject], JSONObject]:
    """Take a plain slot for a copy and give what the copy says of it; see `draw_plain_slot` and `status_members`."""
    place = draw_plain_slot(session, page_list, page_slot, draw, now=now, origin=origin)
    return status_members(place, issuer_url)


def settle(session: Session, at: int, interval: int, draw: Draw) -> None:
    """Bring the plain lists up to a cut: what decisions changed, and decoys in every list.

    Args:
        session: the cut's own transaction, after its page was made.
        at: the instant of the cut, Unix ms.
        interval: between two cuts, ms; 0 where they are made on command.
        draw: source of the decoys.
    """
    _newest_list(session, at)
    _follow_pages(session)
    for number in session.scalars(select(PlainList.number).order_by(PlainList.number)).all():
        _set_decoys(session, number, interval, draw)


def load_lists(session: Session) -> tuple[ListContent, ...]:
    """Every plain list in this institution's name as the newest cut left it."""
    own = select(PlainList.number).where(PlainList.number < FIRST_NUMBER).order_by(PlainList.number)
    return tuple(ListContent(number, _statuses(session, number)) for number in session.scalars(own))


def load_inherited(session: Session) -> tuple[tuple[LogId, ListContent], ...]:
    """Every plain list in another name, with the log of the institution whose it is."""
    rows = session.scalars(select(InheritedPlainList).order_by(InheritedPlainList.list_number))
    return tuple((LogId(row.log), ListContent(row.number, _statuses(session, row.list_number))) for row in rows)


def open_after_restoration(session: Session, now: int) -> None:
    """Open other lists: slots that were drawn after the backup are not known here, and must not be drawn again."""
    _open_list(session, now)
    for log in session.scalars(select(InheritedPlainList.log).where(InheritedPlainList.is_open).distinct()).all():
        _open_list(session, now, LogId(log))


def enter_list(session: Session, number: int, now: int, origin: LogId | None = None, *, is_open: bool = False) -> int:
    """Enter a list that was published and may not be in this database; gives its number here.

    Args:
        session: an open write transaction.
        number: in the URL of its files.
        now: Unix ms.
        origin: in whose name it is; None for this institution.
        is_open: whether slots may be drawn of it, where it is another's.
    """
    if origin is None:
        if session.get(PlainList, number) is None:
            session.add(PlainList(number=number, opened_at=now))
            session.flush()
        return number
    known = session.scalar(
        select(InheritedPlainList.list_number).where(
            InheritedPlainList.log == origin, InheritedPlainList.number == number
        )
    )
    if known is not None:
        return known
    newest = session.scalar(select(func.max(InheritedPlainList.list_number)))
    here = FIRST_NUMBER if newest is None else newest + 1
    session.add(PlainList(number=here, opened_at=now))
    session.flush()
    session.add(InheritedPlainList(list_number=here, log=origin, number=number, is_open=is_open))
    session.flush()
    return here


def keep_published(session: Session, content: ListContent, now: int, origin: LogId | None = None) -> int:
    """Take over what a published list says of slots unknown here, as decoys; returns how many there were.

    After a restoration nobody knows any more whether such a slot is a copy's or a decoy's; both stay as they are. The same
    goes for a list of an institution that left no database.
    """
    number = enter_list(session, content.number, now, origin)
    known = set(session.scalars(select(PlainSlot.slot).where(PlainSlot.list_number == number)))
    rows = [_decoy(number, slot, status) for slot, status in content.statuses.items() if slot not in known]
    if rows:
        session.execute(insert(PlainSlot), rows)
    return len(rows)


def _follow_pages(session: Session) -> None:
    """Give the slots of copies what the page says of them; what is invalid stays so, as on the pages."""
    shown = case({int(status): int(plain_status(status)) for status in Status}, value=Slot.status)
    changed = session.execute(
        select(PlainSlot.list_number, PlainSlot.slot, shown)
        .join(Slot, (Slot.list_number == PlainSlot.page_list) & (Slot.slot == PlainSlot.page_slot))
        .where(PlainSlot.status != shown, PlainSlot.status != int(PlainStatus.INVALID))
    ).all()
    rows = [{"list_number": number, "slot": slot, "status": status} for number, slot, status in changed]
    if rows:
        session.execute(update(PlainSlot), rows)


def _set_decoys(session: Session, number: int, interval: int, draw: Draw) -> None:
    # Drawn even where none is set: the same work at every cut.
    random = draw(3 * DECOY_TRIALS)
    room = _FULL_FOR_DECOYS - _count_used(session, number)
    # As many a day, however often a school cuts: else frequent cuts would use a list up within weeks.
    chance = 0x8000 if not interval else min(0x8000, 0x8000 * interval // DAY_MS)
    trials = [random[start : start + 3] for start in range(0, len(random), 3)]
    chosen = [trial for trial in trials if int.from_bytes(trial[:2]) < chance][: max(0, room)]
    rows: list[dict[str, int | None]] = []
    taken: set[int] = set()
    for trial in chosen:
        slot = _draw_unused(session, number, draw, taken)
        taken.add(slot)
        # One in four is suspended: a list of suspensions without decoys would show every one of them.
        rows.append(_decoy(number, slot, PlainStatus.SUSPENDED if trial[2] < 64 else PlainStatus.INVALID))
    if rows:
        session.execute(insert(PlainSlot), rows)


def _decoy(number: int, slot: int, status: PlainStatus) -> dict[str, int | None]:
    return {"list_number": number, "slot": slot, "page_list": None, "page_slot": None, "status": int(status)}


def _draw_unused(session: Session, number: int, draw: Draw, taken: Collection[int] = ()) -> int:
    # A sixteenth is free at the least, so that 2,000 rounds without a free slot do not happen.
    while True:
        slot = int.from_bytes(draw(4)) & (PLAIN_SLOTS - 1)
        if slot not in taken and session.get(PlainSlot, (number, slot)) is None:
            return slot


def _count_used(session: Session, number: int) -> int:
    used = session.scalar(select(func.count()).select_from(PlainSlot).where(PlainSlot.list_number == number))
    return used or 0


def _newest_list(session: Session, now: int, origin: LogId | None = None) -> int:
    """The list that slots are drawn of, by its number here; the first use opens one."""
    own = select(func.max(PlainList.number)).where(PlainList.number < FIRST_NUMBER)
    theirs = select(func.max(InheritedPlainList.list_number)).where(
        InheritedPlainList.log == origin, InheritedPlainList.is_open
    )
    newest = session.scalar(own if origin is None else theirs)
    return _open_list(session, now, origin) if newest is None else newest


def _open_list(session: Session, now: int, origin: LogId | None = None) -> int:
    # Named by the day: a database that was lost with its keys alone left opens a list that never was, and draws no slot
    # of a lost copy again.
    own = select(func.max(PlainList.number)).where(PlainList.number < FIRST_NUMBER)
    theirs = select(func.max(InheritedPlainList.number)).where(InheritedPlainList.log == origin)
    newest = session.scalar(own if origin is None else theirs)
    number = max(now // DAY_MS, 0 if newest is None else newest + 1)
    return enter_list(session, number, now, origin, is_open=True)


def _public_number(session: Session, number: int) -> int:
    row = session.get(InheritedPlainList, number)
    return number if row is None else row.number


def _statuses(session: Session, number: int) -> dict[int, PlainStatus]:
    rows = session.execute(
        select(PlainSlot.slot, PlainSlot.status).where(PlainSlot.list_number == number, PlainSlot.status != 0)
    )
    return {slot: PlainStatus(status) for slot, status in rows}
