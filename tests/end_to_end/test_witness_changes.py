"""Witnesses come and go: real nodes cosign, and a set changes only with a quorum of the set before."""

import os
from pathlib import Path

from ledger.log.charter import Institution
from ledger.log.governance import Boundary, MemberOp
from ledger.log.members import WitnessSet, quorum_of
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from ledger.log.policy import QuorumRule, parse_trust_root
from node.drafting import Drafter
from tests.end_to_end.world import DEADLINE_SECONDS, Campus, found, until, world


def in_force(network: Campus) -> WitnessSet:
    return network.log.state.members.witness_sets[-1]


async def decide(network: Campus, op: MemberOp, member: Campus) -> None:
    state = member.log.state
    where = Boundary(member.log_id, state.size, RootHash(state.frontier.root()))
    proposal = Drafter(network.log.state, 0, os.urandom(16)).change_member(op, member.log_id, where)
    await network.append(proposal.statement, network.root)


async def confirm(network: Campus) -> None:
    """Let a quorum of those in force cosign the newest head, and anchor it."""
    assert await network.node.cosigning.wait_for_quorum(network.log.size, DEADLINE_SECONDS)
    await network.anchor()


async def test_witnesses_join_and_leave(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        network, first = made.network, made.members[0]
        pinned = network.trust()
        assert (len(in_force(network).witnesses), quorum_of(3)) == (3, 2)
        (trust_file,) = (first.directory / "networks").glob("*.json")
        await until(lambda: parse_trust_root(trust_file.read_bytes()).quorum is QuorumRule.MAJORITY)

        late = found(tmp_path, "school3", Institution.SCHOOL)
        try:
            await late.start()
            late.join(network.trust(quorum=QuorumRule.NONE))
            await network.admit(late)
            await until(lambda: late.holds(network.log_id, network.log.size))
            # Named and not yet in force: an older head, which does not cover its entry, changes nothing.
            assert len(in_force(network).witnesses) == 3
            await confirm(network)
            joined = in_force(network)
            assert {witness.log for witness in joined.witnesses} >= {late.log_id} and len(joined.witnesses) == 4
            (late_file,) = (late.directory / "networks").glob("*.json")
            await until(lambda: parse_trust_root(late_file.read_bytes()).quorum is QuorumRule.MAJORITY)

            # Of four, three are needed: with two away nothing is confirmed, and nobody can be dropped behind their backs.
            away = made.members[1:]
            for one in away:
                await one.stop()
            await decide(network, MemberOp.REMOVE, first)
            assert not await network.node.cosigning.wait_for_quorum(network.log.size, 1)
            await network.anchor()
            assert in_force(network) == joined
            for one in away:
                await one.start()
            await confirm(network)
            left = in_force(network)
            assert first.log_id not in {witness.log for witness in left.witnesses} and len(left.witnesses) == 3

            # A trust root from before both changes reaches today's state by the log alone.
            await until(lambda: late.holds(network.log_id, network.log.size))
            assert Network(pinned, late.node.ledger).state.members.witness_sets[-1] == left
        finally:
            await late.stop()
