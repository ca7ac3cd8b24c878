"""Cuts that are late and statements that do not reach the log are told; work under way is not."""

from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.log.charter import BatchPolicy
from ledger.log.records import CloseDocument, DocumentName
from node.client.finding import FindingCode
from node.keystore import KeyRole
from node.registrar import outbox
from node.registrar.overdue import OVERDUE_MS, find_overdue_work
from tests.node.registrar.desks import START, Bench, Clock, Dice, found, open_bench

DAY_MS = 86_400_000
DAILY = BatchPolicy(interval=DAY_MS, minute=0, size=256)
DUE = START // DAY_MS * DAY_MS


async def codes(bench: Bench, policy: BatchPolicy, now: int, *, is_cutting: bool = False) -> list[FindingCode]:
    return [
        f.code
        for f in await find_overdue_work(bench.desk.database, policy, now, running_since=0, is_cutting=is_cutting)
    ]


@pytest.mark.parametrize(
    ("late", "told"), [(0, False), (OVERDUE_MS, False), (OVERDUE_MS + 1, True), (DAY_MS - 1, True)]
)
async def test_a_cut_is_overdue_after_ten_minutes(tmp_path: Path, late: int, told: bool) -> None:
    clock, dice = Clock(), Dice()
    async with open_bench(tmp_path / "s", found(tmp_path / "s", clock, dice), clock, dice) as bench:
        found_now = await find_overdue_work(
            bench.desk.database, DAILY, DUE + late, running_since=DUE - DAY_MS, is_cutting=False
        )
        assert [(f.code, f.since) for f in found_now] == ([(FindingCode.CUT_OVERDUE, DUE)] if told else [])


async def test_a_node_that_was_away_has_its_ten_minutes(tmp_path: Path) -> None:
    """It makes the cut when it is back: an alarm in its first minute would be one for nothing."""
    clock, dice = Clock(), Dice()
    async with open_bench(tmp_path / "s", found(tmp_path / "s", clock, dice), clock, dice) as bench:
        for since, told in ((DUE + DAY_MS // 2, []), (DUE + DAY_MS // 2 - OVERDUE_MS - 1, [FindingCode.CUT_OVERDUE])):
            found_now = await find_overdue_work(
                bench.desk.database, DAILY, DUE + DAY_MS // 2, running_since=since, is_cutting=False
            )
            assert [finding.code for finding in found_now] == told


async def test_on_command_nothing_is_ever_due(tmp_path: Path) -> None:
    clock, dice = Clock(), Dice()
    async with open_bench(tmp_path / "s", found(tmp_path / "s", clock, dice), clock, dice) as bench:
        assert await codes(bench, BatchPolicy(interval=0, minute=0, size=256), DUE + 100 * DAY_MS) == []


async def test_a_statement_that_waits_is_told_unless_it_is_on_its_way(tmp_path: Path) -> None:
    clock, dice = Clock(), Dice()
    async with open_bench(tmp_path / "s", found(tmp_path / "s", clock, dice), clock, dice) as bench:
        bench.sequencer.hold("the start-up rule")
        with bench.desk.database.write() as session:
            outbox.store(session, [make_draft(bench)])
        policy = BatchPolicy(interval=0, minute=0, size=256)
        assert await codes(bench, policy, START) == [FindingCode.OUTBOX_WAITING]
        assert await codes(bench, policy, START, is_cutting=True) == []


def make_draft(bench: Bench) -> outbox.Draft:
    name = DocumentName("urn:x", 1)
    statement = CloseDocument(at=START, id=bytes(16), log=bench.desk.parts.log_id, name=name)
    return outbox.Draft(statement, None, bench.keystore.newest(KeyRole.DEFINE))


async def test_a_database_that_cannot_be_read_is_told_without_its_words(tmp_path: Path) -> None:
    """An error of the library repeats the query and its values; what a finding says goes to monitoring."""
    clock, dice = Clock(), Dice()
    async with open_bench(tmp_path / "s", found(tmp_path / "s", clock, dice), clock, dice) as bench:
        with bench.desk.database.write() as session:
            session.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
        (finding,) = await find_overdue_work(bench.desk.database, DAILY, DUE, running_since=0, is_cutting=False)
        assert finding.code is FindingCode.DATABASE_UNREADABLE
        assert finding.why == "registrar's database: cannot be read: no such table: outbox"
