"""Plain slots are drawn at random and never twice, change at cuts alone, and are hidden among decoys that stay."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from ledger.credential.plainlist.slots import PLAIN_SLOTS, PlainStatus
from ledger.credential.plainlist.slots import PlainList as ListContent
from ledger.credential.status import Status
from ledger.log.identity import LogId
from node.registrar import plainslots
from node.registrar.database import Database, open_database
from node.registrar.plaintakeover import enter_plain_lists
from node.registrar.tables import PlainList, PlainSlot, Slot, StatusList
from tests.node.registrar import desks
from tests.node.registrar.desks import Dice

DAY = 86_400_000
NOW = 20_000 * DAY


@pytest.fixture
def database(tmp_path: Path, each_database: None) -> Iterator[Database]:
    database = open_database(desks.place_in(tmp_path), "log")
    with database.write() as session:
        session.add(StatusList(number=0, slots=1024, opened_at=0))
        session.flush()
        session.add_all(Slot(list_number=0, slot=n, award_id=None, status=0) for n in range(20))
    yield database
    database.close()


def draw(database: Database, page_slot: int, dice: Dice) -> tuple[int, int]:
    with database.write() as session:
        place = plainslots.draw_plain_slot(session, 0, page_slot, dice, now=NOW)
    return place.number, place.slot


def decide(database: Database, slot: int, status: Status) -> None:
    with database.write() as session:
        session.execute(update(Slot).where(Slot.slot == slot).values(status=int(status)))


def cut(database: Database, dice: Dice, *, interval: int = DAY) -> ListContent:
    with database.write() as session:
        plainslots.settle(session, NOW, interval, dice)
    return published(database)[-1]


def published(database: Database) -> tuple[ListContent, ...]:
    with database.read() as session:
        return plainslots.load_lists(session)


def test_slots_are_drawn_all_over_the_list_and_never_twice(database: Database) -> None:
    """No order, no second time; the list is named by the day it was opened."""
    dice = Dice()
    drawn = [draw(database, n, dice) for n in range(20)]
    assert {number for number, _ in drawn} == {20_000}
    slots = [slot for _, slot in drawn]
    assert len(set(slots)) == 20
    assert slots != sorted(slots)
    assert max(slots) > PLAIN_SLOTS // 2


def test_a_copy_says_where_its_slot_is(database: Database) -> None:
    """One entry for each purpose, and the pointer of a JWT, all to the slot that was taken."""
    with database.write() as session:
        entries, pointer = plainslots.take_members(session, 0, 3, "https://host.example/m/x", Dice(), now=NOW)
        (slot,) = session.scalars(select(PlainSlot.slot))
    assert [entry["statusListIndex"] for entry in entries] == [str(slot)] * 2
    assert entries[0]["statusListCredential"] == "https://host.example/m/x/status/20000/revocation"
    assert pointer == {"status_list": {"idx": slot, "uri": "https://host.example/m/x/status/20000/token"}}


def test_what_is_drawn_twice_is_drawn_again(database: Database) -> None:
    """Randomness that repeats itself gives the next free slot, not the same one."""
    answers = iter([b"\0\0\0\1", b"\0\0\0\1", b"\0\0\0\2"])
    taken = [draw(database, n, lambda _: next(answers)) for n in (0, 1)]  # type: ignore[arg-type]  # any draw will do
    assert [slot for _, slot in taken] == [1, 2]


def test_nothing_changes_between_cuts(database: Database) -> None:
    """A decision shows in the files with the next cut, like in the ledger's pages; what is invalid stays so."""
    dice = Dice()
    slots = [draw(database, n, dice)[1] for n in range(4)]
    for n, status in enumerate((Status.VALID, Status.REVOKED, Status.SUSPENDED, Status.REPLACED)):
        decide(database, n, status)
    assert not published(database)[0].statuses
    content = cut(database, dice)
    assert [content.statuses.get(slot, 0) for slot in slots] == [0, 1, 2, 1]
    decide(database, 2, Status.VALID)
    decide(database, 1, Status.VALID)  # no decision could: what is final is kept here too
    content = cut(database, dice)
    assert [content.statuses.get(slot, 0) for slot in slots] == [0, 1, 0, 1]


def test_decoys_are_set_at_every_cut_and_never_cleared(database: Database) -> None:
    """About eight a day in every list, a quarter of them suspended; none of them is given to a copy later."""
    dice = Dice()
    seen: dict[int, PlainStatus] = {}
    for _ in range(60):
        content = cut(database, dice)
        assert seen.items() <= content.statuses.items()
        seen = dict(content.statuses)
    assert 60 * 6 < len(seen) < 60 * 10
    counts = Counter(seen.values())
    assert len(seen) / 8 < counts[PlainStatus.SUSPENDED] < len(seen) / 2
    assert not {draw(database, n, dice)[1] for n in range(20)} & set(seen)


def test_frequent_cuts_set_no_more_decoys_a_day(database: Database) -> None:
    """A school that cuts every ten minutes does not use its list up."""
    dice = Dice()
    for _ in range(144):
        content = cut(database, dice, interval=DAY // 144)
    assert len(content.statuses) < 30


def fill(database: Database, count: int) -> None:
    with database.write() as session:
        plainslots.settle(session, NOW, DAY, Dice("fill"))
        used = set(session.scalars(select(PlainSlot.slot)))
        free = [slot for slot in range(PLAIN_SLOTS) if slot not in used][: count - len(used)]
        session.execute(
            insert(PlainSlot),
            [{"list_number": 20_000, "slot": n, "page_list": None, "page_slot": None, "status": 1} for n in free],
        )


def test_a_list_that_is_nearly_full_is_followed_by_another(database: Database) -> None:
    """Copies go to the next one from 7/8 on; decoys stop at 15/16, so that a free slot is always found soon."""
    fill(database, PLAIN_SLOTS * 7 // 8)
    assert draw(database, 0, Dice())[0] == 20_001
    fill(database, PLAIN_SLOTS * 15 // 16)
    cut(database, Dice())
    first, second = published(database)
    assert len(first.statuses) == PLAIN_SLOTS * 15 // 16
    assert second.statuses


def test_after_a_restoration_another_list_is_opened(database: Database) -> None:
    """What lost copies had is not drawn again, also where nothing but the keys is left and a day has passed."""
    with database.write() as session:
        plainslots.open_after_restoration(session, NOW)
        plainslots.open_after_restoration(session, NOW)
    assert [content.number for content in published(database)] == [20_000, 20_001]
    assert draw(database, 0, Dice())[0] == 20_001


def test_what_was_published_is_kept(database: Database) -> None:
    """Slots that only the published files know stay as they are for ever; known ones follow the database."""
    dice = Dice()
    number, mine = draw(database, 0, dice)
    other = (mine + 1) % PLAIN_SLOTS
    old = ListContent(number, {mine: PlainStatus.SUSPENDED, other: PlainStatus.INVALID})
    with database.write() as session:
        assert plainslots.keep_published(session, old, NOW) == 1
        assert plainslots.keep_published(session, ListContent(7, {1: PlainStatus.INVALID}), NOW) == 1
        assert session.scalar(select(func.count()).select_from(PlainList)) == 2
    lost, current = published(database)
    assert (lost.number, current.statuses) == (7, {other: PlainStatus.INVALID})


GRANITE, BASALT = LogId(b"g" * 32), LogId(b"b" * 32)


def inherited(database: Database) -> dict[tuple[bytes, int], ListContent]:
    with database.read() as session:
        return {(log, content.number): content for log, content in plainslots.load_inherited(session)}


def test_lists_in_another_name_are_kept_apart(database: Database) -> None:
    """A list taken over is never drawn from; copies made here in that name take theirs of one opened for them."""
    with database.write() as session:
        plainslots.keep_published(session, ListContent(20_000, {5: PlainStatus.INVALID}), NOW, GRANITE)
        place = plainslots.draw_plain_slot(session, 0, 0, Dice(), now=NOW, origin=GRANITE)
        other = plainslots.draw_plain_slot(session, 0, 1, Dice(), now=NOW, origin=BASALT)
        mine = plainslots.draw_plain_slot(session, 0, 2, Dice(), now=NOW)
    assert (place.number, other.number, mine.number) == (20_001, 20_000, 20_000)
    assert [content.number for content in published(database)] == [20_000]
    assert set(inherited(database)) == {(GRANITE, 20_000), (GRANITE, 20_001), (BASALT, 20_000)}
    decide(database, 0, Status.REVOKED)
    cut(database, Dice("decoys"))
    found = inherited(database)
    assert found[GRANITE, 20_001].statuses[place.slot] is PlainStatus.INVALID
    assert found[GRANITE, 20_000].statuses[5] is PlainStatus.INVALID
    assert len(found[GRANITE, 20_000].statuses) > 1, "decoys go on there too"
    with database.write() as session:
        plainslots.open_after_restoration(session, NOW)
        assert plainslots.draw_plain_slot(session, 0, 3, Dice(), now=NOW, origin=GRANITE).number == 20_002


def test_a_successors_successor_takes_over_what_it_took_over(database: Database, tmp_path: Path) -> None:
    """Granite's lists came to Basalt, whose successor we are: each keeps its name, and follows the page's slot where that
    came along; what was read before from where it is published gets its meaning now; a second time changes nothing."""
    source = open_database(tmp_path / "old.db", "log")
    with source.write() as session:
        session.add(StatusList(number=0, slots=1024, opened_at=0))
        theirs = plainslots.draw_plain_slot(session, 0, 3, Dice(), now=NOW)
        older = plainslots.draw_plain_slot(session, 1, 4, Dice(), now=NOW, origin=GRANITE)
        plainslots.open_after_restoration(session, NOW)
    with database.write() as session:
        plainslots.keep_published(
            session, ListContent(theirs.number, {theirs.slot: PlainStatus.SUSPENDED}), NOW, BASALT
        )
    for _ in range(2):
        with source.read() as left, database.write() as session:
            # List 0 of the pages came along; list 1 did not, for want of its list root.
            assert enter_plain_lists(session, left, BASALT, {0: 0}, NOW) == 2
    decide(database, 3, Status.REVOKED)
    decide(database, 4, Status.REVOKED)
    with database.write() as session:
        plainslots.settle(session, NOW, 0, Dice("none"))
    found = inherited(database)
    assert set(found) == {(BASALT, theirs.number), (GRANITE, older.number)}
    assert found[BASALT, theirs.number].statuses[theirs.slot] is PlainStatus.INVALID
    assert older.slot not in found[GRANITE, older.number].statuses
    source.close()
