"""An older database reads the log before it goes on: the page wins, unknown slots stay, a new list is opened."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text

from ledger.credential.status import Status, decode_page, list_key
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId
from node.client.registry import IssueRequest
from node.errors import BusyError
from node.keystore import KeyRole
from node.registrar.adopt_page import _heaviest, adopt_log, must_adopt
from node.registrar.restating import find_voided
from node.registrar.tables import RESTORED, Adopted, Award, Copy, Cut, Decision, Outgoing, Setting, Slot, StatusList
from tests.node.registrar.desks import DIPLOMA, Bench, Clock, Dice, achievement_json, csv_of, found, open_bench
from tests.node.registrar.thefts import steal

HOUR = 3_600_000
DAY = 24 * HOUR
Step = Callable[[Bench], Awaitable[None]]


class Fire:
    """A school whose database is put back to what it was at one moment, while its log goes on."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.dice = Dice()
        self.directory = folder / "school"
        self.saved = folder / "registrar.db"
        self.log_id: LogId = found(self.directory, self.clock, self.dice)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Bench]:
        async with open_bench(self.directory, self.log_id, self.clock, self.dice) as bench:
            yield bench

    async def play(self, before: Step, after: Step) -> None:
        """Do something, save the database, do something else, and lose what was done since."""
        async with self.open() as bench:
            await bench.desk.publish(achievement_json())
            await before(bench)
        shutil.copy(self.directory / "registrar.db", self.saved)
        self.clock.advance(DAY)
        async with self.open() as bench:
            await after(bench)
        shutil.copy(self.saved, self.directory / "registrar.db")
        self.clock.advance(HOUR)


async def issue(bench: Bench, learners: range) -> tuple[str, ...]:
    return (await bench.desk.issue(IssueRequest(data=csv_of(learners), achievement=DIPLOMA))).issued


def page_of(bench: Bench) -> dict[tuple[int, int], int]:
    """What the newest page says, slots that read 0 left out."""
    record = bench.log.state.newest_status
    assert record is not None
    body = bench.log.body(record.index)
    assert body is not None
    items = parse_body("status", body)
    found: dict[tuple[int, int], int] = {}
    for place in record.lists:
        part = items[place.first : place.first + place.items]
        plain = decode_page(list_key(bench.keystore.list_root, place.number), part, record.statement_id)
        found.update({(place.number, slot): byte for slot, byte in enumerate(plain) if byte})
    return found


def statuses(bench: Bench) -> dict[str, int]:
    with bench.desk.database.read() as session:
        return {award.id: award.status for award in session.scalars(select(Award))}


def lists_of(bench: Bench) -> list[int]:
    with bench.desk.database.read() as session:
        return list(session.scalars(select(StatusList.number).order_by(StatusList.number)))


async def test_what_the_page_says_wins_and_stays(tmp_path: Path) -> None:
    """Revoked, suspended and unknown: all of it is on the next page too, and new copies come from a new list."""
    fire = Fire(tmp_path)
    known: list[str] = []
    before: dict[tuple[int, int], int] = {}

    async def first(bench: Bench) -> None:
        known.extend(await issue(bench, range(4)))
        await bench.desk.cut()

    async def second(bench: Bench) -> None:
        unknown = await issue(bench, range(10, 13))
        await bench.desk.set_status([known[0], unknown[0]], Status.REVOKED)
        await bench.desk.set_status([known[1], unknown[1]], Status.SUSPENDED)
        await bench.desk.cut()
        before.update(page_of(bench))

    await fire.play(first, second)
    async with fire.open() as bench:
        assert statuses(bench) == dict(zip(known, [1, 2, 0, 0], strict=True))
        assert lists_of(bench) == [0, 1]
        await issue(bench, range(20, 22))
        await bench.desk.cut()
        assert page_of(bench) == before
        assert len(before) == 4
        with bench.desk.database.read() as session:
            assert session.scalar(select(func.count()).where(Slot.award_id.is_(None))) == 2
            assert {copy.list_number for copy in session.scalars(select(Copy).order_by(Copy.id.desc()).limit(2))} == {1}
            (note,) = session.scalars(select(Adopted))
            assert (note.statements, note.awards, note.unknown_slots, note.placed) == (3, 2, 2, 0)
            read = session.scalars(select(Outgoing).where(Outgoing.statement == b"")).all()
            assert [row.kind for row in read] == ["anchor", "issue", "status"]
        # The suspension can be lifted, the revocation cannot: decisions go on from the page.
        await bench.desk.set_status([known[1]], Status.VALID)
        with pytest.raises(RuleError, match="is revoked"):
            await bench.desk.set_status([known[0]], Status.VALID)
        await bench.desk.cut()
        assert sorted(page_of(bench).values()) == [1, 1, 2]
        assert bench.log.state.void == {}


async def test_copies_that_waited_find_the_batch_they_are_in(tmp_path: Path) -> None:
    """Nothing goes on the ledger twice, and receipts are found again."""
    fire = Fire(tmp_path)

    async def first(bench: Bench) -> None:
        await issue(bench, range(3))

    async def second(bench: Bench) -> None:
        await bench.desk.cut()

    await fire.play(first, second)
    async with fire.open() as bench:
        views = await bench.desk.list_awards()
        assert [view.index for view in views] == [3, 3, 3]
        answer = await bench.desk.cut()
        assert answer.copies == 0
        assert bench.log.size == 8


async def test_a_decision_that_a_lost_page_showed_is_not_shown_again(tmp_path: Path) -> None:
    """Pending when the backup was made, on the ledger since: nothing waits any more, and later ones win."""
    fire = Fire(tmp_path)
    known: list[str] = []

    async def first(bench: Bench) -> None:
        known.extend(await issue(bench, range(2)))
        await bench.desk.cut()
        await bench.desk.set_status(known, Status.SUSPENDED)

    async def second(bench: Bench) -> None:
        await bench.desk.set_status(known[:1], Status.VALID)
        await bench.desk.cut()

    await fire.play(first, second)
    async with fire.open() as bench:
        assert statuses(bench) == dict(zip(known, [0, 2], strict=True))
        assert (await bench.desk.status()).pending_decisions == 0


async def test_a_decision_made_while_the_node_waited_stays(tmp_path: Path) -> None:
    """Whoever revokes on a restored node before its log is whole has revoked."""
    fire = Fire(tmp_path)
    known: list[str] = []

    async def first(bench: Bench) -> None:
        known.extend(await issue(bench, range(3)))
        await bench.desk.cut()

    async def second(bench: Bench) -> None:
        await bench.desk.set_status(known[2:], Status.REVOKED)
        await bench.desk.cut()

    await fire.play(first, second)
    async with open_bench(fire.directory, fire.log_id, fire.clock, fire.dice, held="waiting for witnesses") as bench:
        await bench.desk.set_status(known[:1], Status.REVOKED)
        await bench.desk.set_status(known[2:], Status.SUSPENDED)
        with pytest.raises(BusyError, match="has not been read into it yet"):
            await issue(bench, range(5, 6))
        bench.sequencer.release()
        await bench.desk.start()
        assert statuses(bench) == dict(zip(known, [1, 0, 1], strict=True))
        await bench.desk.cut()
        assert sorted(page_of(bench).values()) == [1, 1]


async def test_a_cut_the_log_never_got_is_taken_back(tmp_path: Path) -> None:
    """Its page does not follow the newest one; its copies and decisions go with the next cut."""
    fire = Fire(tmp_path)
    known: list[str] = []

    async def first(bench: Bench) -> None:
        known.extend(await issue(bench, range(2)))
        await bench.desk.cut()
        await issue(bench, range(2, 3))
        # Fixed in the database, and the node is gone before it is submitted.
        bench.desk._make_cut(bench.clock())

    async def second(bench: Bench) -> None:
        with bench.desk.database.write() as session:
            (await_cut,) = session.scalars(select(Cut.id).order_by(Cut.id.desc()).limit(1))
            session.execute(
                text("UPDATE copies SET cut_id = NULL, position = NULL WHERE cut_id = :c"), {"c": await_cut}
            )
            session.execute(delete(Outgoing).where(Outgoing.cut_id == await_cut))
            session.execute(delete(Cut).where(Cut.id == await_cut))
        await bench.desk.set_status(known[:1], Status.REVOKED)
        await bench.desk.cut()

    # The second life must not send what the first had fixed, so it is held until that is gone.
    async with fire.open() as bench:
        await bench.desk.publish(achievement_json())
        await first(bench)
    shutil.copy(fire.directory / "registrar.db", fire.saved)
    async with open_bench(fire.directory, fire.log_id, fire.clock, fire.dice, held="for the test") as bench:
        bench.sequencer.release()
        await second(bench)
    shutil.copy(fire.saved, fire.directory / "registrar.db")
    async with fire.open() as bench:
        with bench.desk.database.read() as session:
            (note,) = session.scalars(select(Adopted))
            assert (note.withdrawn, note.placed) == (3, 1)
        assert statuses(bench)[known[0]] == 1
        await bench.desk.cut()
        assert sorted(page_of(bench).values()) == [1]
        kinds = [parse_entry(bench.log.entry(index)).statement.kind for index in range(bench.log.size)]
        assert kinds == ["charter", "publish", *["anchor", "issue", "status"] * 3]


async def test_the_mark_of_a_restoration_opens_a_list_although_no_page_is_missing(tmp_path: Path) -> None:
    """Copies minted after the backup may have slots that no page shows yet; what was decided before stays decided."""
    fire = Fire(tmp_path)
    async with fire.open() as bench:
        await bench.desk.publish(achievement_json())
        known = await issue(bench, range(2))
        await bench.desk.cut()
        await bench.desk.set_status(known[:1], Status.REVOKED)
        with bench.desk.database.write() as session:
            session.add(Setting(name=RESTORED, value=f"{fire.clock() - 5} {fire.clock()}"))
    async with fire.open() as bench:
        assert lists_of(bench) == [0, 1]
        assert statuses(bench)[known[0]] == 1
        assert (await bench.desk.status()).pending_decisions == 1
        await bench.desk.cut()
        assert list(page_of(bench).values()) == [1]
    async with fire.open() as bench:
        assert lists_of(bench) == [0, 1], "once, not at every start"
        with bench.desk.database.read() as session:
            (note,) = session.scalars(select(Adopted))
            assert (note.backup_at, note.statements) == (fire.clock() - 5, 0)


async def test_an_empty_database_reads_a_whole_log(tmp_path: Path) -> None:
    """What a recovery with nothing but the keys does: cuts, page and lists come back, awards do not."""
    fire = Fire(tmp_path)
    async with fire.open() as bench:
        await bench.desk.publish(achievement_json())
        known = await issue(bench, range(5))
        await bench.desk.cut()
        await bench.desk.set_status(known[:2], Status.REVOKED)
        await bench.desk.cut()
        before = page_of(bench)
    for name in ("registrar.db", "registrar.db-wal", "registrar.db-shm"):
        (fire.directory / name).unlink(missing_ok=True)
    async with fire.open() as bench:
        assert await bench.desk.list_awards() == []
        assert await bench.desk.last_cut() == fire.clock()
        await issue(bench, range(5))
        await bench.desk.cut()
        assert page_of(bench) == before
        assert lists_of(bench) == [0, 1]
        assert bench.log.state.void == {}


async def test_what_was_only_read_is_not_vouched_for(tmp_path: Path) -> None:
    """Should the operate key prove stolen later: whether a thief signed it this database cannot tell."""
    fire = Fire(tmp_path)

    async def first(bench: Bench) -> None:
        await bench.desk.cut()

    async def second(bench: Bench) -> None:
        await bench.desk.cut()

    await fire.play(first, second)
    async with fire.open() as bench:
        own = (await bench.desk.cut()).indexes
        await steal(bench, KeyRole.OPERATE, 2)
        with bench.desk.database.read() as session:
            voided = find_voided(session, bench.log)
        assert [entry.index for entry in voided.own] == [3, 4, *own[1:]]
        assert [entry.index for entry in voided.foreign] == [6, 7]


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ([(True, 0)], 0),
        ([(True, 1), (True, 1)], 1),
        ([(True, 2), (False, 3)], 2),
        # Made anew after a theft, and then revoked: the old slot is final for another reason.
        ([(False, 3), (True, 1)], 1),
        # One copy was made anew since, the award stands.
        ([(True, 3), (True, 0)], 0),
        # Every copy known here has ended: whatever took their place is not known, so nothing more is minted from this.
        ([(True, 3), (True, 3)], 3),
        ([(False, 1), (False, 3)], 1),
    ],
)
def test_what_the_slots_of_an_award_say_together(shown: list[tuple[bool, int]], status: int) -> None:
    assert _heaviest([(is_open, Status(byte)) for is_open, byte in shown]) == status


async def test_a_list_root_of_another_log_is_noticed(tmp_path: Path) -> None:
    """Nothing is entered, and the keys are named."""
    fire = Fire(tmp_path)
    async with fire.open() as bench:
        await bench.desk.publish(achievement_json())
        await issue(bench, range(1))
        await bench.desk.cut()
        with bench.desk.database.write() as session:
            for table in (Copy, Slot, Decision, Outgoing, Cut, StatusList):
                session.execute(delete(table))
        log, policy = bench.log, bench.log.state.charter.lists
        with pytest.raises(RuleError, match="read as no status") as refusal, bench.desk.database.write() as session:
            adopt_log(session, log, list_root=bytes(32), list_policy=policy, now=fire.clock())
        assert "list_root.key" in refusal.value.hint
        with bench.desk.database.read() as session:
            assert must_adopt(session, log)
            assert session.scalar(select(func.count()).select_from(Outgoing)) == 0


async def test_a_list_of_another_size_is_refused(tmp_path: Path) -> None:
    """A database of another log is not taken for an older one of this."""
    fire = Fire(tmp_path)
    async with fire.open() as bench:
        await bench.desk.publish(achievement_json())
        await bench.desk.cut()
        with bench.desk.database.write() as session:
            session.execute(delete(Outgoing))
            session.execute(text("UPDATE lists SET slots = 2048"))
        with pytest.raises(RuleError, match="16384 slots on the ledger, 2048 in the database"):
            await bench.desk.cut()
