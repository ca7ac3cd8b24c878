"""A small school on a real desk: real registrar's database, cuts, sequencer and store, with small lists and its own days.

Cuts come by the node's own schedule, from a clock that jumps from one instant to the next. What a school does on a day is
done before that day's cut.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.log.keys import PublicKey
from node import found
from node.client.registry import IssueRequest
from node.clock import Draw
from node.registrar import copies
from node.registrar.schedule import due_instant, next_instant
from node.registrar.tables import Award, Copy
from tests.node.registrar import desks
from tests.node.registrar.desks import DIPLOMA, Bench, Clock, Dice, achievement_json, open_bench

DAY_MS = 86_400_000
SLOTS = 1024
BATCH = 32
ROSTER = 7
"""Candidates of the worked example in DOMAIN 4.4; six of them earn the diploma."""

Work = Callable[[Bench, int], Awaitable[None]]
"""What a school does on the day with this number."""


class LeakyDice(Dice):
    """Dice that answer one length otherwise: how a generator can go wrong without anything else being wrong."""

    def __init__(self, seed: str, length: int, leak: Draw) -> None:
        super().__init__(seed)
        self.length, self.leak = length, leak

    def __call__(self, length: int) -> bytes:
        fair = super().__call__(length)
        return self.leak(length) if length == self.length else fair


@asynccontextmanager
async def small_school(
    folder: Path, seed: str = "school", *, dice: Dice | None = None, interval_ms: int = DAY_MS
) -> AsyncIterator[Bench]:
    """A founded school with one published diploma, lists of 1,024 slots and batches of 32."""
    clock, dice = Clock(), dice or Dice(seed)
    directory = folder / seed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found, "DEFAULT_SLOTS", SLOTS)
        patch.setattr(found, "DEFAULT_BATCH_SIZE", BATCH)
        # The keys come from a seed of their own: two schools then differ in nothing a name or a length could show.
        log_id = desks.found(directory, clock, Dice(f"keys of {seed}"), interval_ms)
    async with open_bench(directory, log_id, clock, dice) as bench:
        await bench.desk.publish(achievement_json())
        yield bench


@asynccontextmanager
async def fast_folder(fallback: Path) -> AsyncIterator[Path]:
    """A folder in memory where there is one: hundreds of cuts wait for a disk no test of privacy is about."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        yield fallback
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


async def live(bench: Bench, days: int, work: Work | None = None) -> None:
    """Let days pass: each has its work and then its cut, when the schedule has it due."""
    policy = bench.desk.own_log().state.batch
    for day in range(days):
        upcoming = next_instant(policy, bench.clock.now)
        assert upcoming is not None
        if work is not None:
            await work(bench, day)
        bench.clock.now = upcoming + 1000
        due = due_instant(policy, bench.clock.now, await bench.desk.last_cut())
        assert due == upcoming
        await bench.desk.cut(due)


async def award(bench: Bench, learners: Sequence[str], *, date_of_birth: str = "2008-02-11") -> list[str]:
    """Decide a diploma for each learner; gives the awards' ids."""
    lines = ["learner_id,name,awarded_on,date_of_birth,credits,result.R1,result.R2"]
    lines += [f"{learner},{name_of(learner)},2026-06-15,{date_of_birth},6.50,met,waived" for learner in learners]
    report = await bench.desk.issue(IssueRequest(data="\n".join(lines).encode() + b"\n", achievement=DIPLOMA))
    assert not report.problems
    return list(report.issued)


def name_of(learner: str) -> str:
    """The name on the roster."""
    return f"Pupil {learner}"


def roster_of(day: int) -> list[str]:
    """Ids of the seven candidates of one day."""
    return [f"D{day:03d}-{number}" for number in range(ROSTER)]


async def claim(bench: Bench, award_id: str, holders: Sequence[PublicKey]) -> list[str]:
    """A wallet's copies of an award, one for each key, waiting for the next cut."""
    press = bench.desk.make_press()

    def write(session: Session) -> list[str]:
        held = session.get_one(Award, award_id)
        published = bench.desk.find_achievement(held.achievement, held.version)
        return copies.mint_wallet_copies(session, press, published, held, holders)

    return await bench.desk.database.change(write)


async def kept_copies(bench: Bench) -> list[Copy]:
    """Every copy the school knows, oldest first."""
    return await bench.desk.database.look(lambda session: list(session.scalars(select(Copy).order_by(Copy.id))))


async def revoke(bench: Bench, award_ids: Sequence[str]) -> None:
    """Revoke awards."""
    await bench.desk.set_status(award_ids, Status.REVOKED, reason="decided")
