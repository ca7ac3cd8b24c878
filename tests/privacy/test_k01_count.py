"""K1, count: a school with seven candidates writes six diplomas in June, and everybody knows who is missing.

Answer: every cut has one batch of the charter's size, filled with decoys, full or empty; what does not fit waits. A batch
of any other size has no effect on any replica.
"""

from pathlib import Path

import pytest

from ledger.errors import RuleError
from node.clock import Draw
from node.registrar import cut
from tests.node.registrar.desks import Bench
from tests.privacy.member import Replica, replicate
from tests.privacy.small_school import BATCH, award, live, roster_of, small_school


async def two_weeks(tmp_path: Path, seed: str, awards: int) -> Replica:
    """Two days; so many awards on the second."""

    async def work(bench: Bench, day: int) -> None:
        if day == 1 and awards:
            await award(bench, [f"C{number:03d}" for number in range(awards)])

    async with small_school(tmp_path, seed) as bench:
        await live(bench, 2, work)
        return replicate(bench.log)


async def test_k01_none_six_and_too_many_awards_look_alike(tmp_path: Path) -> None:
    none, six, many = [
        await two_weeks(tmp_path, seed, awards) for seed, awards in (("a", 0), ("b", 6), ("c", 3 * BATCH))
    ]
    assert none.shape() == six.shape() == many.shape()
    for replica in (none, six, many):
        assert [len(one.commitments) for one in replica.cuts()] == [BATCH, BATCH]
        assert len({item for one in replica.cuts() for item in one.commitments}) == 2 * BATCH


async def test_k01_planted_a_batch_without_decoys_shows_and_is_refused_by_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the count would stand there; the log refuses to take it, so the cut is not made."""
    place = cut._place
    seen = []

    def bare(copies: list[cut.Copy], cut_id: int, size: int, draw: Draw) -> tuple[bytes, ...]:
        place(copies, cut_id, size, draw)
        seen.append(len(copies))
        return tuple(copy.commitment for copy in copies)

    async with small_school(tmp_path) as bench:
        await award(bench, roster_of(0)[:6])
        monkeypatch.setattr(cut, "_place", bare)
        with pytest.raises(RuleError):
            await live(bench, 1)
        assert seen == [6]
        assert [entry.statement.kind for entry in replicate(bench.log).entries] == ["charter", "publish"]
