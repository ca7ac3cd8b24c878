"""SIGKILL while issuing: what was acknowledged is there, and nothing is on the ledger twice."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from ledger.log.body import parse_body
from ledger.log.entry import parse_entry
from ledger.log.follow import judge_growth
from ledger.log.identity import encode_log_id
from node.registrar.tables import Copy
from tests.node.registrar.desks import Bench, Clock, Dice, achievement_json, found, open_bench

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = ("before-commit", "after-commit", "never", "before-commit", "after-commit")


async def test_killed_while_issuing(tmp_path: Path) -> None:
    directory = tmp_path / "school"
    log_id = found(directory, Clock(), Dice())
    async with open_bench(directory, log_id, Clock(), os.urandom) as bench:
        await bench.desk.publish(achievement_json())
    acknowledged: set[str] = set()
    for number, point in enumerate(ROUNDS):
        acknowledged |= run_until_killed(directory, encode_log_id(log_id), number, point)
        # The node that comes back submits what was signed, under the same ids, and goes on.
        async with open_bench(directory, log_id, Clock(), os.urandom) as bench:
            assert (await bench.desk.status()).outbox == 0
            check(bench, acknowledged)
    async with open_bench(directory, log_id, Clock(), os.urandom) as bench:
        await bench.desk.cut()
        views = await bench.desk.list_awards()
        assert {view.id for view in views} >= acknowledged
        assert all(view.index is not None for view in views)
        check(bench, acknowledged)
        with bench.desk.database.read() as session:
            assert committed(bench) >= Counter(session.scalars(select(Copy.commitment)))


def run_until_killed(directory: Path, log: str, number: int, point: str) -> set[str]:
    command = [sys.executable, "-m", "tests.node.registrar.crash_child", str(directory), log, str(number), point]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        seen = []
        for line in child.stdout:
            seen.append(line.strip())
            if point == "never" and len(seen) == 9:
                child.kill()
        assert child.wait(60) == -9
    return set(seen)


def committed(bench: Bench) -> Counter[bytes]:
    found_items: Counter[bytes] = Counter()
    for index in range(bench.log.size):
        if parse_entry(bench.log.entry(index)).statement.kind == "issue":
            body = bench.log.body(index)
            assert body is not None
            found_items.update(parse_body("issue", body))
    return found_items


def check(bench: Bench, acknowledged: set[str]) -> None:
    """A stranger accepts the whole log; no entry is void; no commitment stands twice; every award is there."""
    log = bench.log
    entries = log.entries(0, log.size)
    judge_growth(None, entries, [log.body(index) for index in range(log.size)], log.note)
    assert log.state.void == {}
    ids = [parse_entry(entry).statement.id for entry in entries]
    assert len(set(ids)) == len(ids)
    assert max(committed(bench).values(), default=1) == 1
    with bench.desk.database.read() as session:
        assert acknowledged <= set(session.scalars(select(Copy.award_id)))
