"""Taking over the plain lists of an institution whose log this one succeeds (`takeover`), from its database.

A slot that belongs to a copy goes on following the copy's slot on the pages, where that could be taken over; any other
stays as it is. A list that was read before from where it is published (`plainheritage`) gets the same meaning now.
"""

from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ledger.log.identity import LogId
from node.registrar import plainslots
from node.registrar.inherited import FIRST_NUMBER, InheritedPlainList
from node.registrar.tables import PlainList, PlainSlot

_IN_ONE_STATEMENT = 1000


def enter_plain_lists(session: Session, source: Session, theirs: LogId, pages: Mapping[int, int], now: int) -> int:
    """Enter every plain list that has slots; gives how many there are.

    Args:
        session: an open write transaction of this institution's database.
        source: of the old one, which has read its log to the end.
        theirs: the old institution's log.
        pages: from the number of a list of the pages there to its number here, for those that are here.
        now: Unix ms.
    """
    names = {row.list_number: (LogId(row.log), row.number) for row in source.scalars(select(InheritedPlainList))}
    entered = 0
    for listed in source.scalars(select(PlainList).order_by(PlainList.number)).all():
        slots = source.scalars(select(PlainSlot).where(PlainSlot.list_number == listed.number)).all()
        if not slots:
            # Opened because the database is old, and never published.
            continue
        origin, number = names.get(listed.number, (theirs, listed.number))
        assert listed.number < FIRST_NUMBER or listed.number in names, "such a list has a name"
        here = plainslots.enter_list(session, number, now, origin)
        known = {row.slot: row for row in session.scalars(select(PlainSlot).where(PlainSlot.list_number == here))}
        rows = []
        for slot in slots:
            page = None if slot.page_list is None else pages.get(slot.page_list)
            place = (None, None) if page is None else (page, slot.page_slot)
            found = known.get(slot.slot)
            if found is None:
                rows.append(
                    {
                        "list_number": here,
                        "slot": slot.slot,
                        "page_list": place[0],
                        "page_slot": place[1],
                        "status": slot.status,
                    }
                )
            elif found.page_list is None:
                # What was published says no less than the database; from the next cut on it follows the page.
                found.page_list, found.page_slot = place
        session.flush()
        for start in range(0, len(rows), _IN_ONE_STATEMENT):
            session.execute(insert(PlainSlot), rows[start : start + _IN_ONE_STATEMENT])
        entered += 1
    return entered
