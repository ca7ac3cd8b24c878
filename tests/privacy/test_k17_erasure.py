"""K17, erasure by absence: a learner is forgotten, and whoever kept a copy can prove the award all the same.

Answer: what stays on the ledger is a value nobody can connect with anybody once salts, copies and slot keys are gone, and the
ledger stays whole without them. What somebody was shown cannot be undone: `present`, `history` and `explain-privacy` say so
beforehand.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ledger.credential.commitment import commit
from ledger.credential.copy import CopyTerms
from ledger.credential.report import Code
from ledger.credential.verify import Question, verify_file
from ledger.log.follow import judge_growth
from node.registrar.learners.desk import LearnerDesk
from tests.ledger.credential import award as sample
from tests.node.registrar.desks import Bench
from tests.privacy.attacker import candidates
from tests.privacy.member import replicate
from tests.privacy.small_school import award, kept_copies, live, roster_of, small_school
from tests.simulator import NOW
from tests.wallet_cli.test_present import copy_on_ledger, make
from tests.wallet_cli.world import World
from wallet_cli.choice import Choice
from wallet_cli.holdings import Contents
from wallet_cli.present import LIMITS


async def forget_all(bench: Bench, learners: Sequence[str]) -> None:
    """As `cairn-node forget` does it, learner by learner; slots stay drawn, with their status and nobody's name."""
    desk = LearnerDesk(bench.desk)
    for learner in learners:
        answer = await desk.forget(learner, "request")
        assert answer is not None
    assert [await desk.forget(learner, "request") for learner in learners] == [None] * len(learners)


async def test_k17_the_ledger_is_whole_without_the_learners(tmp_path: Path) -> None:
    """Cuts go on, page for page, and a stranger replays all of it."""
    async with small_school(tmp_path) as bench:
        await award(bench, roster_of(0))
        await live(bench, 2)
        commitments = {copy.commitment for copy in await kept_copies(bench)}
        await forget_all(bench, roster_of(0))
        assert await kept_copies(bench) == []
        await live(bench, 2)
        replica = replicate(bench.log)
        assert len(replica.cuts()) == 4
        left = {item for cut in replica.cuts() for item in cut.commitments}
    assert commitments < left, "nothing was taken off the ledger"
    raw = [entry.raw for entry in replica.entries]
    note = bench.log.note
    assert note is not None
    assert not judge_growth(None, raw, replica.bodies, note).state.void
    # With the salts gone, whoever knows everything the award said finds none of them.
    assert not left & {guess for learner in roster_of(0) for guess in candidates(learner)}


def test_k17_the_same_award_made_again_leads_to_another_value() -> None:
    """Even the school, with its key and all the award said, cannot come back to the value; control: with salts it can."""
    made = [commit(sample.mint(seed=seed).partition("~")[0]) for seed in ("gone", "another", "gone")]
    assert made[0] != made[1]
    assert made[0] == made[2], "who kept id, salts and slot key still finds it"
    terms: CopyTerms = replace(sample.TERMS, copy_id="00000000-0000-4000-8000-000000000009")
    assert commit(sample.mint(terms=terms, seed="gone").partition("~")[0]) != made[0]


def test_k17_a_copy_that_was_kept_proves_itself_and_the_learner_was_told() -> None:
    """The honest limit, and the control of the test above: one copy kept anywhere is enough."""
    world = World()
    contents = Contents().with_holding((copy_on_ledger(world, 1),))
    data, _, words = make(contents, Choice("c1", ("name",)))
    question = Question(now=NOW + 60_000, audience="Tidewater College", nonce="n-1")
    assert verify_file(data, world.held.network, question).credentials[0].code is Code.VALID
    assert any("What is shown cannot be taken back" in line for line in words)
    assert set(LIMITS) <= set(words)
