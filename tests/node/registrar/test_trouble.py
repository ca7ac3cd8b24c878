"""Cuts that are late and statements that do not reach the log are told; work under way is not."""

from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.log.charter import BatchPolicy
from ledger.log.records import CloseDocument, DocumentName
from node.client.finding import FindingCode
from node.keystore import KeyRole
from node.registrar import outbox
from node.registrar.trouble import AHEAD_MS, OVERDUE_MS, find_cut_ahead, find_late_cut, find_trouble
from tests.node.registrar.desks import START, Bench, fresh_bench

DAY_MS = 86_400_000
DAILY = BatchPolicy(interval=DAY_MS, minute=0, size=256)
ON_COMMAND = BatchPolicy(interval=0, minute=0, size=256)
DUE = START // DAY_MS * DAY_MS


@pytest.mark.parametrize(
    ("late", "told"), [(0, False), (OVERDUE_MS, False), (OVERDUE_MS + 1, True), (DAY_MS - 1, True)]
)
def test_a_cut_is_overdue_after_ten_minutes(late: int, told: bool) -> None:
    found = list(find_late_cut(DAILY, DUE + late, DUE - DAY_MS, DUE - DAY_MS))
    assert [(f.code, f.since) for f in found] == ([(FindingCode.CUT_OVERDUE, DUE)] if told else [])


def test_a_node_that_was_away_has_its_ten_minutes() -> None:
    """It makes the cut when it is back: an alarm in its first minute would be one for nothing."""
    noon = DUE + DAY_MS // 2
    assert list(find_late_cut(DAILY, noon, None, noon)) == []
    assert list(find_late_cut(DAILY, noon, None, noon - OVERDUE_MS)) == []
    assert len(list(find_late_cut(DAILY, noon, None, noon - OVERDUE_MS - 1))) == 1


def test_on_command_nothing_is_ever_due() -> None:
    assert list(find_late_cut(ON_COMMAND, DUE + 100 * DAY_MS, None, 0)) == []
    assert list(find_cut_ahead(ON_COMMAND, DUE, DUE + DAY_MS)) == []


@pytest.mark.parametrize(("ahead", "told"), [(0, False), (AHEAD_MS, False), (AHEAD_MS + 1, True), (DAY_MS, True)])
def test_a_cut_in_the_future_is_told(ahead: int, told: bool) -> None:
    assert bool(list(find_cut_ahead(DAILY, DUE, DUE + ahead))) == told


async def test_a_statement_that_waits_is_told_unless_it_is_on_its_way(tmp_path: Path) -> None:
    """With the reason where one is known."""
    async with fresh_bench(tmp_path) as bench:
        bench.sequencer.hold("the start-up rule")
        with bench.desk.database.write() as session:
            outbox.store(session, [make_draft(bench)])
        (finding,) = await find_trouble(bench.desk, running_since=START, problem="the page differs")
        assert (finding.code, finding.why) == (FindingCode.OUTBOX_WAITING, "the page differs")
        assert finding.what == "1 signed statement waits for the log"
        async with bench.desk._cutting:
            assert await find_trouble(bench.desk, running_since=START) == ()


def make_draft(bench: Bench) -> outbox.Draft:
    name = DocumentName("urn:x", 1)
    statement = CloseDocument(at=START, id=bytes(16), log=bench.desk.parts.log_id, name=name)
    return outbox.Draft(statement, None, bench.keystore.newest(KeyRole.DEFINE))


async def test_a_database_that_cannot_be_read_is_told_without_its_words(tmp_path: Path) -> None:
    """An error of the library repeats the query and its values; what a finding says goes to monitoring."""
    async with fresh_bench(tmp_path) as bench:
        with bench.desk.database.write() as session:
            session.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
        (finding,) = await find_trouble(bench.desk, running_since=START)
        assert finding.code is FindingCode.DATABASE
        assert "outbox" not in finding.what
        assert "SELECT" not in finding.why and "\n" not in finding.why


async def test_a_database_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Until a write succeeds again."""
    async with fresh_bench(tmp_path) as bench:
        bench.desk.database.problem = "the registrar's database cannot be written: database or disk is full"
        (finding,) = await find_trouble(bench.desk, running_since=START)
        assert (finding.code, finding.what) == (FindingCode.DATABASE, bench.desk.database.problem)
        with bench.desk.database.write():
            pass
        assert await find_trouble(bench.desk, running_since=START) == ()
