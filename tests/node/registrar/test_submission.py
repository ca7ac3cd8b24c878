"""The outbox moves by itself, and what it cannot bring back is told."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from node.client.finding import Finding, FindingCode, Severity
from node.errors import BusyError
from node.events import HeadEvents
from node.registrar.adopt_page import must_adopt
from node.registrar.submission import Submission
from node.registrar.tables import RESTORED, Adopted, Setting
from node.registrar.trouble import TOLD_MS, find_trouble
from tests.end_to_end.world import until
from tests.node.registrar.desks import Bench, fresh_bench


def submission(bench: Bench) -> tuple[Submission, HeadEvents]:
    events = HeadEvents()
    return Submission(bench.desk, events, bench.clock, bench.desk.parts.draw), events


async def trouble(bench: Bench) -> tuple[Finding, ...]:
    """What is told of the registrar's side by a node that has just been started."""
    return await find_trouble(bench.desk, running_since=bench.clock())


async def test_what_waits_goes_when_the_log_takes_it(tmp_path: Path) -> None:
    """Nobody asks: news of a log is enough."""
    async with fresh_bench(tmp_path) as bench:
        bench.sequencer.hold("waiting for witnesses")
        with pytest.raises(BusyError):
            await bench.desk.cut()
        bench.desk._make_cut(bench.clock())
        mover, events = submission(bench)
        task = asyncio.create_task(mover.run())
        await until(lambda: mover._problem == "")
        assert bench.log.size == 2
        bench.sequencer.release()
        events.publish(bench.desk.parts.log_id)
        await until(lambda: bench.log.size == 5)
        assert mover.problem == ""
        task.cancel()


async def test_a_restored_database_reads_its_log_by_itself(tmp_path: Path) -> None:
    """The finding before says what is waited for, the one after what to do; it ends after a month."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.cut()
        with bench.desk.database.write() as session:
            session.add(Setting(name=RESTORED, value=f"{bench.clock() - 3_600_000} {bench.clock()}"))
        mover, _ = submission(bench)
        (finding,) = await trouble(bench)
        assert finding.what == "restored from a backup of 2026-09-21 13:13 UTC: nothing is issued or cut"
        assert (finding.code, finding.severity) == (FindingCode.RESTORED, Severity.PROBLEM)
        task = asyncio.create_task(mover.run())

        def is_done() -> bool:
            with bench.desk.database.read() as session:
                return not must_adopt(session, bench.log)

        await until(is_done)
        task.cancel()
        (finding,) = await trouble(bench)
        assert finding.what == "restored on 2026-09-21 14:13 UTC: the log had nothing newer"
        assert (finding.severity, finding.since) == (Severity.WARNING, bench.clock())
        assert "hand in the CSV files of that time again" in finding.do
        bench.clock.advance(TOLD_MS + 1)
        assert await trouble(bench) == ()


async def test_a_log_that_cannot_be_read_is_told_and_tried_again(tmp_path: Path) -> None:
    """The node goes on; the operator sees why nothing reaches the log."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.cut()
        with bench.desk.database.write() as session:
            session.add(Setting(name=RESTORED, value="1 2"))
            session.execute(text("UPDATE lists SET slots = 2048"))
        mover, _ = submission(bench)
        task = asyncio.create_task(mover.run())
        await until(lambda: mover._problem)
        told = await find_trouble(bench.desk, running_since=bench.clock(), problem=mover.problem)
        (finding,) = [one for one in told if one.code is FindingCode.OUTBOX_WAITING]
        assert "has 16384 slots on the ledger, 2048 in the database" in finding.why
        assert not task.done()
        with bench.desk.database.write() as session:
            session.execute(text("UPDATE lists SET slots = 16384"))
        await until(lambda: not mover._problem)
        task.cancel()


async def test_a_cut_made_by_a_clock_that_ran_ahead_is_named(tmp_path: Path) -> None:
    """No cut is due before that time comes; nothing else says why."""
    async with fresh_bench(tmp_path, interval_ms=86_400_000) as bench:
        bench.clock.advance(7 * 86_400_000)
        await bench.desk.cut(bench.clock())
        assert await trouble(bench) == ()
        bench.clock.advance(-7 * 86_400_000)
        (finding,) = await trouble(bench)
        assert finding.code is FindingCode.CUT_AHEAD
        assert finding.what.startswith("the last cut was made for 2026-09-28")


async def test_findings_name_no_learner(tmp_path: Path) -> None:
    """Counts and instants alone."""
    async with fresh_bench(tmp_path) as bench:
        with bench.desk.database.write() as session:
            session.add(
                Adopted(
                    at=bench.clock(),
                    backup_at=None,
                    page=3,
                    statements=3,
                    placed=0,
                    withdrawn=0,
                    awards=1,
                    unknown_slots=1,
                )
            )
        (finding,) = await trouble(bench)
        assert "3 newer entries of the log were read, 1 awards follow" in finding.what
        assert "after that backup" in finding.why
