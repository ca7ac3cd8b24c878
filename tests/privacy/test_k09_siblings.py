"""K9, sibling leakage: the proof for one learner shows what stands beside it, and where the real ones stand.

Answer: a path through a batch shows hashes of values that are random to everybody else, decoys or not; positions are random,
so that seven classmates who compare their receipts learn nothing about the eighth.
"""

from itertools import pairwise
from math import sqrt
from pathlib import Path

from ledger.log.merkle import hash_leaf
from node.registrar import views
from tests.node.registrar.desks import Bench, Dice
from tests.privacy.member import replicate
from tests.privacy.randomness import LIMIT
from tests.privacy.small_school import BATCH, LeakyDice, award, live, small_school

DAYS = 12
CLASS = 7


async def positions_of(tmp_path: Path, dice: Dice | None = None) -> list[int]:
    """Where a class of seven stood on twelve days, from their receipts; each path leads through its batch alone."""
    issued: list[str] = []

    async def work(bench: Bench, day: int) -> None:
        issued.extend(await award(bench, [f"S{day:02d}{number}" for number in range(CLASS)]))

    async with small_school(tmp_path, dice=dice) as bench:
        await live(bench, DAYS, work)
        batches = {cut.first + 1: cut.commitments for cut in replicate(bench.log).cuts()}
        with bench.desk.database.read() as session:
            receipts = [views.find_receipt(session, bench.log, one)[1] for one in issued]
    for receipt in receipts:
        beside = batches[receipt.index][receipt.position ^ 1]
        assert receipt.path[0] == hash_leaf(beside)
    return [receipt.position for receipt in receipts]


def mean_position(positions: list[int]) -> float:
    """How far from the middle, as a z-score; within a batch no place comes twice, which only narrows it."""
    spread = sqrt((BATCH**2 - 1) / 12 / len(positions))
    return (sum(positions) / len(positions) - (BATCH - 1) / 2) / spread


async def test_k09_places_in_a_batch_are_random(tmp_path: Path) -> None:
    positions = await positions_of(tmp_path)
    assert abs(mean_position(positions)) < LIMIT
    assert len(set(positions)) > BATCH * 2 // 3
    following = [after - before for before, after in pairwise(positions)]
    assert abs(sum(step > 0 for step in following) - len(following) / 2) < LIMIT * sqrt(len(following) / 4)


async def test_k09_planted_an_unshuffled_batch_shows_how_many_there_are(tmp_path: Path) -> None:
    """Control: with keys for the order that only count, the class stands at the front, decoys behind."""
    count = iter(range(1, 1 << 40))
    positions = await positions_of(
        tmp_path, LeakyDice("sorted", 16, lambda length: next(count).to_bytes(length, "big"))
    )
    assert sorted(set(positions)) == list(range(CLASS))
    assert mean_position(positions) < -LIMIT
