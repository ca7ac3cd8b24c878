"""A year of a small school: noise to a member with a full replica, and no better guesses with it than without.

The worked count example: seven candidates, six of them awarded on some days and on others none, now and then an earlier
award revoked, once a graduation that fills several batches, and a summer in which nothing happens; beside it a school where
nothing happens at all. The attacker (`attacker.py`) knows the truth of the first half of the days and the roster of all.

Each of its three questions may seem answered by mere chance in one of 10,000 worlds, each test of randomness in one of
1.7 million; the worlds come from fixed seeds. Schools with a planted leak are seen through by the same programs.
"""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from ledger.credential import status
from ledger.credential.status import Status
from node.registrar import copies
from node.registrar.tables import Award
from tests.node.registrar.desks import Bench, Dice
from tests.privacy import attacker
from tests.privacy.member import Replica, replicate
from tests.privacy.randomness import LIMIT, look_at_items, look_at_pages, worst
from tests.privacy.small_school import (
    BATCH,
    DAY_MS,
    ROSTER,
    SLOTS,
    LeakyDice,
    award,
    fast_folder,
    live,
    roster_of,
    small_school,
)

DAYS = 365
SILENT_DAYS = 60
PLANTED_DAYS = 40
GRADUATION = 40
SUMMER = range(150, 240)


@dataclass
class Diary:
    """What happened, day by day: known to the school alone. None where no coin was tossed."""

    rng: random.Random
    awarded: list[bool | None] = field(default_factory=list)
    revoked: list[bool | None] = field(default_factory=list)
    missing: dict[int, int] = field(default_factory=dict)
    """From the days with awards to the candidate who had none."""
    standing: list[str] = field(default_factory=list)

    async def work(self, bench: Bench, day: int) -> None:
        """Toss the coins of the day, and do what they say."""
        awards: bool | None = self.rng.random() < 0.5
        revokes: bool | None = self.rng.random() < 0.5 and bool(self.standing)
        missing = self.rng.randrange(ROSTER)
        if day in SUMMER:
            awards = revokes = None
        if awards:
            self.missing[day] = missing
            self.standing += await award(bench, [learner for n, learner in enumerate(roster_of(day)) if n != missing])
        if day == GRADUATION:
            await award(bench, [f"G{n:03d}" for n in range(3 * BATCH)])
        if revokes:
            await bench.desk.set_status([self.standing.pop(0)], Status.REVOKED, reason="a scandal")
        self.awarded.append(awards)
        self.revoked.append(revokes)


@dataclass(frozen=True)
class World:
    """A school's year as a member sees it, and as it was."""

    replica: Replica
    diary: Diary

    def guess_who_is_missing(self) -> attacker.Outcome:
        """The attacker's third question, for all days with awards."""
        cuts, missing = self.replica.cuts(), self.diary.missing
        return attacker.find_missing(
            [cuts[day] for day in missing], [roster_of(day) for day in missing], list(missing.values())
        )


async def make_world(folder: Path, seed: str, days: int, *, dice: Dice | None = None) -> World:
    diary = Diary(random.Random(seed))
    async with fast_folder(folder) as place, small_school(place, seed, dice=dice) as bench:
        await live(bench, days, diary.work)
        return World(replicate(bench.log), diary)


# One year of each for all tests: some ten seconds of cuts.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    yield await make_world(tmp_path_factory.mktemp("busy"), "busy", DAYS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def silent(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replica]:
    async with (
        fast_folder(tmp_path_factory.mktemp("silent")) as place,
        small_school(place, "silent") as bench,
    ):
        await live(bench, SILENT_DAYS)
        yield replicate(bench.log)


def test_a_graduation_and_a_summer_look_like_nothing(busy: World, silent: Replica) -> None:
    """K1, K2, K4: kinds, sizes, instants and number of entries are those of a school where nothing happens."""
    shape = silent.shape()
    assert SILENT_DAYS > GRADUATION + 4 and busy.replica.shape()[: len(shape)] == shape
    cuts = busy.replica.cuts()
    assert len(cuts) == DAYS
    assert {cut.kinds for cut in cuts} == {("anchor", "issue", "status")}
    assert {after.at - before.at for before, after in pairwise(cuts)} == {DAY_MS}
    # Beyond that only what everybody can foresee changes a length: more digits of an index, and the year's new list.
    foreseen = [(len(cut.page), *(len(str(cut.first + n)) for n in range(-1, 3))) for cut in cuts]
    assert len(set(zip(foreseen, (cut.lengths for cut in cuts), strict=True))) == len(set(foreseen))


@pytest.mark.parametrize("which", ["busy", "silent"])
def test_a_year_of_pages_and_batches_is_noise(busy: World, silent: Replica, which: str) -> None:
    """K1, K5, K7, K10: chi-square, bits, neighbours, slots, XOR of pages, duplicates."""
    cuts = (busy.replica if which == "busy" else silent).cuts()
    for first in range(0, len(cuts[-1].page), SLOTS):
        pages = [cut.page[first : first + SLOTS] for cut in cuts if len(cut.page) > first]
        found = worst(look_at_pages(pages))
        assert found[1] < LIMIT, (first, found)
    found = worst(look_at_items([item for cut in cuts for item in cut.commitments]))
    assert found[1] < LIMIT, found


def test_a_replica_and_the_roster_tell_no_more_than_the_roster(busy: World) -> None:
    """The worked count example: were there six awards, was one revoked, and who of the seven is missing?"""
    cuts, diary = busy.replica.cuts(), busy.diary
    outcomes = {
        "awards": attacker.attack(cuts, diary.awarded),
        "revocation": attacker.attack(cuts, diary.revoked),
        "missing": busy.guess_who_is_missing(),
    }
    assert all(outcome.guesses > 120 for outcome in outcomes.values()), outcomes
    assert not [item for item in outcomes.items() if item[1].knows_something], outcomes


def _forget_the_id(patch: pytest.MonkeyPatch) -> None:
    """Pages are encoded again under what is in effect one id: their differences are the differences of what they say."""
    noise = status._noise
    patch.setattr(status, "_noise", lambda key, slots, *ids: noise(key, slots, *(bytes(16) for _ in ids)))


def _derive_commitments(patch: pytest.MonkeyPatch) -> None:
    """What stands on the ledger is a hash of the learner's number."""
    row = copies._copy_row

    def derived(award: Award, *more: object) -> dict[str, object]:
        made = row(award, *more)  # type: ignore[arg-type]  # the rest is handed on as it comes
        _, first, *_ = attacker.candidates(award.learner_id)
        return made | {"commitment": first}

    patch.setattr(copies, "_copy_row", derived)


async def plant(tmp_path: Path, fault: Callable[[pytest.MonkeyPatch], None]) -> World:
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        return await make_world(tmp_path, "planted", PLANTED_DAYS)


async def test_pages_under_one_id_are_seen_through(tmp_path: Path) -> None:
    """Control: the attacker knows the days of revocations, and the pages are no noise any more."""
    world = await plant(tmp_path, _forget_the_id)
    cuts = world.replica.cuts()
    outcome = attacker.attack(cuts, world.diary.revoked)
    assert outcome.knows_something and outcome.rule.startswith("page"), outcome
    name, score = worst(look_at_pages([cut.page for cut in cuts]))
    assert score > 1000 and name == "equal bytes of any two pages"


async def test_derived_commitments_are_seen_through(tmp_path: Path) -> None:
    """Control: with a hash of a number on the ledger, the roster names who is missing, though the batch looks like noise."""
    world = await plant(tmp_path, _derive_commitments)
    outcome = world.guess_who_is_missing()
    # All but those who stood in the queue behind the graduation.
    assert outcome.knows_something and outcome.right >= outcome.guesses - 4
    items = [item for cut in world.replica.cuts() for item in cut.commitments]
    assert worst(look_at_items(items))[1] < LIMIT


async def test_poor_decoys_are_seen_through(tmp_path: Path) -> None:
    """Control: decoys with three random bytes tell the attacker how many there are, so the days with awards."""
    poor = Dice("poor")
    dice = LeakyDice("planted", BATCH * 32, lambda length: b"".join(poor(3) + bytes(29) for _ in range(length // 32)))
    world = await make_world(tmp_path, "planted", PLANTED_DAYS, dice=dice)
    outcome = attacker.attack(world.replica.cuts(), world.diary.awarded)
    assert outcome.knows_something and outcome.rule.startswith("batch"), outcome
    assert worst(look_at_items([item for cut in world.replica.cuts() for item in cut.commitments]))[1] > LIMIT


async def test_status_entries_that_come_only_with_news_are_seen_through(busy: World) -> None:
    """Control: a page that is left out where nothing changed tells the attacker when something did."""
    cuts = [
        cut if revoked is not False else replace(cut, kinds=cut.kinds[:2], lengths=cut.lengths[:4], page=b"")
        for cut, revoked in zip(busy.replica.cuts(), busy.diary.revoked, strict=True)
    ]
    outcome = attacker.attack(cuts, busy.diary.revoked)
    assert outcome.knows_something and outcome.right == outcome.guesses
