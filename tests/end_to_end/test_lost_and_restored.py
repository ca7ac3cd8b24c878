"""Nodes that go away, and nodes that come back with an older copy of their data."""

import shutil
from pathlib import Path

import pytest

from ledger.errors import CairnError
from ledger.log.charter import Institution
from ledger.log.checkpoint import open_cosignatures
from ledger.log.policy import QuorumRule
from node.client.exchange import CosignRequest
from node.client.ledger import LedgerClient
from node.errors import BusyError, ConflictError
from node.highwater import HighWater
from tests.end_to_end.world import DEADLINE_SECONDS, Campus, found, has_all, until, world


async def test_replicas_serve_a_log_whose_writer_is_gone(tmp_path: Path) -> None:
    """A newcomer that never met the school gets its whole log, with quorum, from the others."""
    async with world(tmp_path) as made:
        school = made.members[0]
        index = await school.issue()
        assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        await until(lambda: all(has_all(one, made) for one in made.everybody))
        log_id = school.log_id

        def is_confirmed(one: Campus) -> bool:
            held = one.node.ledger.log(log_id)
            return held is not None and one.node.directory.quorum(log_id, held.note).has_quorum

        # A writer that is gone before anybody has heard of the quorum took it along.
        await until(lambda: all(is_confirmed(one) for one in made.everybody))
        await school.stop()
        newcomer = found(tmp_path, "newcomer", Institution.COLLEGE)
        await newcomer.start()
        try:
            newcomer.join(made.network.trust())
            await until(lambda: newcomer.holds(log_id, index + 1))

            await until(lambda: is_confirmed(newcomer))
        finally:
            await newcomer.stop()


async def test_a_restored_writer_takes_its_log_back_before_it_signs(tmp_path: Path) -> None:
    """A data directory from before the last batch: nothing is signed until the witnesses' larger copy is held again."""
    async with world(tmp_path, members=4) as made:
        school, *others = made.members
        await school.stop()
        shutil.copytree(school.directory, tmp_path / "backup")
        await school.start()
        await until(lambda: school.node.startup.may_sign)
        index = await school.issue()
        await until(lambda: all(has_all(one, made) for one in made.everybody))
        signed = school.log.note
        # The fire: the directory is replaced by the older copy, and at first no witness can be reached.
        await school.stop()
        for one in (made.network, *others):
            await one.stop()
        shutil.rmtree(school.directory)
        shutil.copytree(tmp_path / "backup", school.directory)
        await school.start()
        assert school.log.size == index
        await until(lambda: "waiting for 2 of 3 witnesses" in (school.node.startup.reason or ""))
        with pytest.raises(BusyError, match="waiting for 2 of 3 witnesses, 0 answered"):
            await school.issue()
        await others[0].start()
        await until(lambda: "1 answered" in (school.node.startup.reason or "") or school.node.startup.may_sign)
        with pytest.raises(BusyError, match="nothing is written"):
            await school.issue()
        await others[1].start()
        await until(lambda: school.node.startup.may_sign)
        assert school.log.size == index + 1
        assert school.log.note.split(b"\n\n")[0] == signed.split(b"\n\n")[0]
        assert await school.issue() == index + 1


async def test_a_restored_witness_remembers_what_it_cosigned(tmp_path: Path) -> None:
    """A witness with an older store learns from its peers' notes what it had cosigned, and contradicts none of it."""
    async with world(tmp_path) as made:
        school, witness, _ = made.members
        await witness.stop()
        shutil.copytree(witness.directory, tmp_path / "backup")
        await witness.start()
        index = await school.issue()

        def is_cosigned() -> bool:
            keys = [witness.node.witness_key()] if witness.side else []
            return bool(open_cosignatures(school.log.note, keys)) and school.log.size == index + 1

        await until(is_cosigned)
        log_id = school.log_id
        await witness.stop()
        shutil.rmtree(witness.directory)
        shutil.copytree(tmp_path / "backup", witness.directory)
        await witness.start()
        await until(lambda: witness.node.startup.closed_for(log_id) is None)
        held = witness.node.ledger.log(log_id)
        assert held is not None
        assert held.cosigned_size() == index + 1
        with pytest.raises(ConflictError) as conflict:
            await witness.node.witness.add_checkpoint(CosignRequest(old_size=0, proof=(), note=school.log.note))
        assert conflict.value.size == index + 1


async def test_a_witness_cosigns_nothing_before_it_has_asked(tmp_path: Path) -> None:
    """Alone after a start, a witness answers that it is busy; writers try again."""
    async with world(tmp_path) as made:
        school, witness, other = made.members
        for one in (made.network, other, witness):
            await one.stop()
        note, address = school.log.note, witness.address
        await school.stop()
        await witness.start()
        async with LedgerClient(address, timeout_seconds=5) as client:
            with pytest.raises(BusyError, match="no peer was asked yet"):
                await client.add_checkpoint(CosignRequest(old_size=0, proof=(), note=note))


async def test_without_witnesses_the_high_water_file_decides(tmp_path: Path) -> None:
    """No witness yet: an older copy of the directory, or a missing file, stops all signing until the operator decides."""
    school = found(tmp_path, "school", Institution.SCHOOL)
    await school.start()
    await until(lambda: school.node.startup.may_sign)
    await school.issue()
    log_id = school.log_id
    await school.stop()
    shutil.copytree(school.directory, tmp_path / "backup")
    await school.start()
    await until(lambda: school.node.startup.may_sign)
    await school.issue()
    await school.stop()
    assert HighWater(school.state_home, log_id).size == 3

    shutil.rmtree(school.directory)
    shutil.copytree(tmp_path / "backup", school.directory)
    school.only_copy = True
    await school.start()
    await until(lambda: "3 entries were signed on this computer, 2 are held" in (school.node.startup.reason or ""))
    with pytest.raises(CairnError, match="older copy"):
        await school.issue()
    await school.stop()

    HighWater(school.state_home, log_id).path.unlink()
    school.only_copy = False
    await school.start()
    await until(lambda: "run with --only-copy" in (school.node.startup.reason or ""))
    await school.stop()
    school.only_copy = True
    await school.start()
    await until(lambda: school.node.startup.may_sign)
    assert await school.issue() == 2
    await school.stop()


async def test_a_network_joined_early_is_pinned_again_by_itself(tmp_path: Path) -> None:
    """Members joined with `quorum none`; once witnesses are in force, their trust root files name them."""
    async with world(tmp_path) as made:
        school = made.members[0]

        def is_pinned() -> bool:
            trust = school.node.trust
            return trust is not None and trust.quorum is QuorumRule.MAJORITY and len(trust.witnesses) == 3

        await until(is_pinned)
