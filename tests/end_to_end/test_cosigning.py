"""Four real nodes: what one writes the others hold, check and cosign, and can serve when it is gone."""

from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint, open_cosignatures, sign_checkpoint
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from node.client.exchange import OfferedHead, Offers
from node.client.ledger import LedgerClient
from node.client.notes import name_note
from node.errors import BusyError
from node.gossip import OwnHead
from node.keystore import KeyRole
from tests.end_to_end.world import DEADLINE_SECONDS, Campus, has_all, until, world


async def test_a_batch_reaches_a_quorum_and_every_replica(tmp_path: Path) -> None:
    """A school's checkpoint is cosigned by a majority of the other members, and all of them hold it with the quorum."""
    async with world(tmp_path) as made:
        school, *others = made.members
        index = await school.issue()
        assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        await until(lambda: all(has_all(one, made) for one in made.everybody))

        def heads() -> list[bool]:
            answers = []
            for one in (made.network, *others):
                trust = one.node.trust
                assert trust is not None
                answer = Network(trust, one.node.ledger).judge_head(school.log_id)
                answers.append(answer.size == index + 1 and answer.quorum.has_quorum and answer.quorum.required == 2)
            return answers

        await until(lambda: all(heads()))


async def test_a_witness_that_was_away_is_asked_until_it_answers(tmp_path: Path) -> None:
    """The quorum is met without it; once it is back its cosignature is added to the same head, everywhere."""
    async with world(tmp_path) as made:
        school, away, _other = made.members
        await away.stop()
        index = await school.issue()
        # Two witnesses count for this school; with one of them gone there is no quorum.
        assert not await school.node.cosigning.wait_for_quorum(index + 1, 0.5)
        assert any(school.node.cosigning.problems.values())
        gossip = school.node.gossip
        whole, _ = name_note(school.log.note)
        assert gossip.describe_own() == OwnHead(index + 1, has_quorum=False, is_complete=False)
        assert gossip.name_held(school.log_id) == whole, "every further cosignature is worth asking for"
        await away.start()
        assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        key = away.node.witness_key()

        def is_known(one: Campus) -> bool:
            held = one.node.ledger.log(school.log_id)
            return held is not None and held.size == index + 1 and bool(open_cosignatures(held.note, [key]))

        await until(lambda: all(is_known(one) for one in made.everybody))
        assert gossip.describe_own().has_quorum
        await until(lambda: gossip.describe_own().is_complete)
        _, text = name_note(school.log.note)
        assert gossip.name_held(school.log_id) == text, "with a quorum only another checkpoint is worth sending"


async def test_a_writer_that_is_rewound_while_it_runs_stops_signing(tmp_path: Path) -> None:
    """Somebody shows a larger checkpoint of our own log, by our key: nothing more is signed, and the operator is told."""
    async with world(tmp_path) as made:
        school = made.members[0]
        larger = Checkpoint(school.log.state.charter.origin, school.log.size + 5, RootHash(bytes(32)))
        note = sign_checkpoint(larger, school.key(KeyRole.LOG))
        async with LedgerClient(school.address, timeout_seconds=5) as client:
            await client.offer_heads(Offers((OfferedHead(school.log_id, note),)))
        assert "another node holds" in (school.node.startup.reason or "")
        with pytest.raises(BusyError, match="another node holds"):
            await school.issue()


async def test_a_stranger_cannot_stop_a_writer(tmp_path: Path) -> None:
    """The same with a signature of somebody else changes nothing."""
    async with world(tmp_path) as made:
        school = made.members[0]
        larger = Checkpoint(school.log.state.charter.origin, school.log.size + 5, RootHash(bytes(32)))
        note = sign_checkpoint(larger, SigningKey(bytes(32)))
        async with LedgerClient(school.address, timeout_seconds=5) as client:
            await client.offer_heads(Offers((OfferedHead(school.log_id, note),)))
        assert school.node.startup.reason is None
        await school.issue()
