"""K5, linkage: the same learner handle stands on twelve entries; one is disclosed, and all are known.

Answer: each copy has its own id, salts, slot, slot key, subject and holder key, and its own commitment; between two entries
of one learner nothing is equal, between two copies nothing but what a stranger's copy of that day says too.
"""

from itertools import combinations
from pathlib import Path

from ledger.log.keys import SigningKey
from tests.node.registrar.desks import Bench
from tests.privacy.linkage import links
from tests.privacy.member import replicate
from tests.privacy.small_school import award, claim, kept_copies, live, small_school

KEYS = [SigningKey(bytes([number]) * 32).public for number in range(1, 5)]


async def copies_of_two(bench: Bench) -> tuple[list[str], str]:
    """All copies of one learner's award, and a wallet's copy of another's."""
    mine, theirs = await award(bench, ["L-1", "L-2"])
    wallet = await claim(bench, mine, KEYS)
    (stranger,) = await claim(bench, theirs, [SigningKey(b"\x99" * 32).public])
    registrar = next(copy.credential for copy in await kept_copies(bench) if copy.award_id == mine and copy.credential)
    return [registrar, *wallet], stranger


async def test_k05_copies_of_one_award_share_nothing_that_a_stranger_has_not(tmp_path: Path) -> None:
    async with small_school(tmp_path) as bench:
        mine, stranger = await copies_of_two(bench)
        assert len(mine) == 5
        for one, other in combinations(mine, 2):
            assert links(one, other, stranger) == set()


async def test_k05_entries_of_one_learner_share_nothing(tmp_path: Path) -> None:
    """An award each day, and its copies: no value of one batch comes again in any other, nor any part of eight bytes."""

    async def work(bench: Bench, day: int) -> None:
        (mine,) = await award(bench, [f"L-{day}"])
        await claim(bench, mine, KEYS)

    async with small_school(tmp_path) as bench:
        await live(bench, 6, work)
        items = [item for cut in replicate(bench.log).cuts() for item in cut.commitments]
    parts = [item[start : start + 8] for item in items for start in range(0, 32, 8)]
    assert len(set(parts)) == len(parts)


async def test_k05_planted_a_wallet_key_used_twice_is_found(tmp_path: Path) -> None:
    """Control: one holder key in two copies links them, by `cnf` and by the subject's id."""
    async with small_school(tmp_path) as bench:
        _, stranger = await copies_of_two(bench)
        (other,) = await award(bench, ["L-3"])
        one, two = await claim(bench, other, [KEYS[0], KEYS[0]])
        found = {link.partition("=")[0] for link in links(one, two, stranger)}
        assert found == {"payload.cnf.jwk.x", "payload.ld.credentialSubject.id"}
