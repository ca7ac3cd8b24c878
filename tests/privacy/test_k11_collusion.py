"""K11, colluding verifiers: two employers compare what they were shown and find one person.

Answer: a wallet has up to four copies of an award and shows each audience another; two of them have nothing in common that a
stranger's has not, slots included. When the copies are used up, and by the honest limits, the wallet says so before it shows.
"""

from itertools import pairwise
from math import sqrt
from pathlib import Path

from sqlalchemy import select

from ledger.credential.presentation import parse_presentation
from node.client.registry import IssueRequest
from node.clock import Draw
from node.registrar.tables import Award, Slot
from tests.node.registrar.desks import DIPLOMA, Dice
from tests.privacy.linkage import links
from tests.privacy.randomness import LIMIT
from tests.privacy.small_school import SLOTS, LeakyDice, award, claim, small_school
from tests.privacy.test_k05_linkage import KEYS
from tests.wallet_cli.test_present import copy_on_ledger, make
from tests.wallet_cli.world import World
from wallet_cli import history
from wallet_cli.choice import Choice
from wallet_cli.holdings import Contents
from wallet_cli.present import LIMITS
from wallet_cli.reading import read_credential

CORRECTED = b"learner_id,name,awarded_on,credits\nL-1,Ann One,2026-06-16,1\nL-2,Ben Two,2026-06-16,1\n"
CHOICE = Choice("c1", ("awarded_on",))


def test_k11_two_audiences_see_nothing_in_common() -> None:
    """What they hold is compared whole: token, disclosures, receipt, and the file around it."""
    world = World()
    mine = Contents().with_holding((copy_on_ledger(world, 1), copy_on_ledger(world, 2)))
    theirs = Contents().with_holding((copy_on_ledger(world, 3),))
    first, mine, _ = make(mine, CHOICE, audience="A", nonce="n-1")
    second, mine, words = make(mine, CHOICE, audience="B", nonce="n-2")
    stranger, _, _ = make(theirs, CHOICE, audience="C", nonce="n-3")
    shown = [parse_presentation(data).credentials[0] for data in (first, second, stranger)]
    assert links(*(one.unbound_text for one in shown)) == set()
    assert shown[0].receipt != shown[1].receipt
    assert history.overlaps(mine) == ()
    assert all(line in words for line in LIMITS), "what colluding receivers can guess all the same is told"


def test_k11_planted_one_copy_for_all_is_found_and_told() -> None:
    """Control: a learner with a single copy is linked by it; the wallet says so beforehand, and in the history."""
    world = World()
    mine = Contents().with_holding((copy_on_ledger(world, 1),))
    theirs = Contents().with_holding((copy_on_ledger(world, 3),))
    first, mine, _ = make(mine, CHOICE, audience="A")
    second, mine, words = make(mine, CHOICE, audience="B")
    stranger, _, _ = make(theirs, CHOICE, audience="C")
    shown = [parse_presentation(data).credentials[0].unbound_text for data in (first, second, stranger)]
    assert any(link.startswith("payload.status.cairn.k=") for link in links(*shown))
    assert any("A has seen this copy too" in line for line in words)
    assert len(history.overlaps(mine)) == 1


async def test_k11_copies_of_a_corrected_award_share_what_they_replace_and_the_wallet_warns(tmp_path: Path) -> None:
    """An honest limit: hidden, it links nothing; shown by both copies, it does, and `present` says so before."""
    async with small_school(tmp_path) as bench:
        before = await award(bench, ["L-1", "L-2"])
        report = await bench.desk.issue(IssueRequest(data=CORRECTED, achievement=DIPLOMA, replace=tuple(before)))
        one, two = await claim(bench, report.issued[0], [KEYS[0], KEYS[1]])
        (stranger,) = await claim(bench, report.issued[1], [KEYS[2]])
    assert links(one, two, stranger) == set()
    said = [read_credential(text).fields["replaces"].value for text in (one, two, stranger)]
    assert said[0] == said[1] != said[2]
    world = World()
    mine = Contents().with_holding((copy_on_ledger(world, 1),))
    assert any("replaces may be the same" in line for line in make(mine, Choice("c1", ("replaces",)))[2])
    assert not any("replaces may be the same" in line for line in make(mine, Choice("c1", ("name",)))[2])


async def slots_in_order(tmp_path: Path, dice: Dice | None) -> list[int]:
    """Slots of three hundred awards in the order of their making, eight classes one after the other."""
    async with small_school(tmp_path, dice=dice) as bench:
        for group in range(8):
            await award(bench, [f"K{group}-{number:02d}" for number in range(38)])
        return await bench.desk.database.look(
            lambda session: list(
                session.scalars(select(Slot.slot).join(Award, Award.id == Slot.award_id).order_by(Award.learner_id))
            )
        )


def neighbours(slots: list[int]) -> float:
    """How often a slot is near the one before (within 16 of 1,024), as a z-score."""
    near = sum(abs(a - b) <= 16 for a, b in pairwise(slots))
    chance = 33 / SLOTS
    tries = len(slots) - 1
    return (near - tries * chance) / sqrt(tries * chance * (1 - chance))


async def test_k11_slots_say_nothing_about_who_came_after_whom(tmp_path: Path) -> None:
    slots = await slots_in_order(tmp_path, None)
    assert len(set(slots)) == 304
    assert abs(neighbours(slots)) < LIMIT
    rising = sum(a < b for a, b in pairwise(slots))
    assert abs(rising - 303 / 2) < LIMIT * sqrt(305 / 12)


async def test_k11_planted_slots_in_sequence_are_found(tmp_path: Path) -> None:
    """Control: a generator that counts gives classmates slots beside each other."""

    def counting() -> Draw:
        count = iter(range(1 << 30))
        return lambda length: b"".join(next(count).to_bytes(4, "big") for _ in range(length // 4))

    slots = await slots_in_order(tmp_path, LeakyDice("counting", 4 * 38, counting()))
    assert neighbours(slots) > LIMIT
