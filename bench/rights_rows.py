"""How long it takes to forget one learner of a district with 100,000 awards, traces included."""

import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select

from node.client.registry import IssueRequest
from node.registrar.database import Database
from node.registrar.learners.desk import LearnerDesk
from node.registrar.tables import Award, Copy, Slot, StatusList
from tests.node.registrar.desks import DIPLOMA, csv_of, fresh_bench

_MODELS = 200
"""Awards that are really signed; the others are these once more, with ids of their own."""
_SLOTS = 262_144
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds by the clock on the wall, since much of it waits for the disk: the median of several learners."""

    awards: int
    seconds: float


def measure(awards: int, rounds: int) -> Measured:
    """Forget some learners of a database with so many awards, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), awards, rounds))


async def _measure(folder: Path, awards: int, rounds: int) -> Measured:
    async with fresh_bench(folder, seed="rights") as bench:
        await bench.desk.issue(IssueRequest(data=csv_of(range(_MODELS)), achievement=DIPLOMA))
        await bench.desk.cut()
        _fill(bench.desk.database, awards - _MODELS)
        learners = LearnerDesk(bench.desk)
        taken = []
        for number in range(rounds):
            started = time.perf_counter()
            answer = await learners.forget(f"L{number:04d}", "request")
            taken.append(time.perf_counter() - started)
            assert answer is not None and json.loads(answer.receipt)["is_complete"]
        return Measured(awards, statistics.median(taken))


def _fill(database: Database, number: int) -> None:
    with database.write() as session:
        models = list(session.execute(select(*Award.__table__.columns)).mappings())
        copies = {row["award_id"]: row for row in session.execute(select(*Copy.__table__.columns)).mappings()}
        session.add(StatusList(number=1, slots=_SLOTS, opened_at=0))
    for start in range(0, number, _AT_ONCE):
        awards, made, slots = [], [], []
        for n in range(start, min(start + _AT_ONCE, number)):
            model, award_id = models[n % _MODELS], f"zz{n:014d}"
            awards.append({**model, "id": award_id, "learner_id": f"D{n:06d}", "name": f"Learner Of District {n}"})
            copy = {**copies[model["id"]], "award_id": award_id, "commitment": n.to_bytes(32, "big")}
            made.append({**copy, "list_number": 1, "slot": n, "id": n + _MODELS + 1})
            slots.append({"list_number": 1, "slot": n, "award_id": award_id, "status": 0})
        with database.write() as session:
            for table, rows in ((Award, awards), (Copy, made), (Slot, slots)):
                session.execute(insert(table), rows)
