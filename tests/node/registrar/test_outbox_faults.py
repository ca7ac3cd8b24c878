"""The fault table of the outbox: each stage of a cut x how it fails x what is done then.

Whatever the row: the statements of the cut stand on the log once, together and in order, and every award is there.
"""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from ledger.credential.status import Status
from ledger.errors import CairnError
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId
from node.client.registry import IssueRequest
from node.registrar.database import Database
from tests.node.faulty import FaultyRegistry, How, Killed
from tests.node.registrar.desks import DIPLOMA, Bench, Clock, Dice, achievement_json, csv_of, found, open_bench
from tests.node.registrar.test_crash import check

ALL = tuple(How)
# decide: the award itself; store: the cut goes into the outbox; submit: the log takes it, or stops before or after that;
# mark: the outbox notes where the log put it.
STAGES = ("decide", "store", "submit", "mark")


class Rig:
    """A desk whose database and log fail on command."""

    def __init__(self) -> None:
        self.registry: FaultyRegistry | None = None
        self.point = ""

    def wrap(self, database: Database) -> Database:
        self.registry = FaultyRegistry(database)
        return self.registry

    def pause(self, point: str) -> None:
        if point == self.point:
            raise OSError("planted")

    def plant(self, stage: str, how: How) -> None:
        assert self.registry is not None
        if stage == "submit":
            self.point = "after-commit" if how.is_stored else "before-commit"
        else:
            # A cut is two transactions: what is signed is stored, and later marked.
            self.registry.fail(how, {"decide": 1, "store": 1, "mark": 2}[stage])


async def founded(folder: Path) -> LogId:
    log_id = found(folder, Clock(), Dice())
    async with open_bench(folder, log_id, Clock(), os.urandom) as bench:
        await bench.desk.publish(achievement_json())
        await bench.desk.issue(IssueRequest(data=csv_of(range(3)), achievement=DIPLOMA))
        await bench.desk.cut()
    return log_id


async def issue(bench: Bench, first: int) -> tuple[str, ...]:
    request = IssueRequest(data=csv_of(range(first, first + 2)), achievement=DIPLOMA)
    return tuple((await bench.desk.issue(request)).issued)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LogId]:
    """A school that was founded once, for every row to copy."""
    folder = tmp_path_factory.mktemp("base") / "school"
    return folder, asyncio.run(founded(folder))


THEN = ("same", "other", "reopen")
# One in three rows, each stage and fault among them, in `make test`; all in `make soak`.
ROWS = [
    pytest.param(stage, how, then, id=f"{stage}-{how.value}-{then}", marks=[pytest.mark.soak] if rest else [])
    for first, stage in enumerate(STAGES)
    for second, how in enumerate(ALL)
    for third, then in enumerate(THEN)
    for rest in [(first + second + third) % 3]
]


@pytest.mark.parametrize(("stage", "how", "then"), ROWS)
async def test_outbox(tmp_path: Path, base: tuple[Path, LogId], stage: str, how: How, then: str) -> None:
    rig, acknowledged, log_id = Rig(), set[str](), base[1]
    shutil.copytree(base[0], tmp_path / "school")
    async with open_bench(tmp_path / "school", log_id, Clock(), os.urandom, rig.pause, wrap=rig.wrap) as bench:
        revoked = (await bench.desk.list_awards())[0].id
        await bench.desk.set_status([revoked], Status.REVOKED)
        if stage != "decide":
            acknowledged |= set(await issue(bench, 10))
        rig.plant(stage, how)
        with pytest.raises((CairnError, Killed)):
            await (issue(bench, 10) if stage == "decide" else bench.desk.cut())
        # A writer that failed waits for a restart; a database that failed once may be asked again.
        if not how.is_kill and then != "reopen" and stage != "submit":
            acknowledged |= set(await issue(bench, 10 if then == "same" else 20))
            await bench.desk.cut()
    async with open_bench(tmp_path / "school", log_id, Clock(), os.urandom) as bench:
        status = await bench.desk.status()
        assert status.outbox == 0
        assert status.pending_decisions == 0 or then == "reopen" or how.is_kill or stage == "submit"
        acknowledged |= set(await issue(bench, 10))
        await bench.desk.cut()
        awards = {view.id: view for view in await bench.desk.list_awards()}
        assert set(awards) >= acknowledged
        learners = [view.learner_id for view in awards.values()]
        assert len(set(learners)) == len(learners)
        assert {f"L{n:04d}" for n in (10, 11)} <= set(learners)
        assert awards[revoked].status == Status.REVOKED
        assert all(view.index is not None for view in awards.values())
        kinds = [parse_entry(bench.log.entry(i)).statement.kind for i in range(bench.log.size)]
        cuts = [kind for kind in kinds if kind not in ("charter", "publish")]
        assert cuts == ["anchor", "issue", "status"] * (len(cuts) // 3)
        check(bench, acknowledged)
