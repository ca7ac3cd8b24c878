"""Keys follow one another on real nodes: the log key, the witness key, the root keys; nothing stops meanwhile."""

import os
from pathlib import Path

import pytest

from ledger.log.charter import Roots
from ledger.log.checkpoint import open_checkpoint, open_cosignatures
from ledger.log.governance import MemberOp
from ledger.log.keys import SigningKey
from ledger.log.note import VerifierKey
from node.clock import system_clock
from node.drafting import Drafter
from node.keystore import KeyRole, open_keystore
from node.proposal import Proposal, sign_proposal, signatures_to_submit
from node.request import make_request, parse_request
from node.sequencer import SignedStatement
from tests.end_to_end.world import Campus, World, until, world


def drafter(campus: Campus) -> Drafter:
    return Drafter(campus.log.state, system_clock(), os.urandom(16))


async def submit(campus: Campus, proposal: Proposal, *keys: SigningKey) -> int:
    for key in keys:
        proposal = sign_proposal(proposal, key)
    # The registrar's desk does so before it submits: the key file was made by another process.
    campus.node.parts.keystore.reload()
    signed = SignedStatement(proposal.statement_bytes, signatures_to_submit(proposal))
    (index,) = await campus.node.sequencer.append([signed])
    return index


def make_key(campus: Campus, role: KeyRole) -> SigningKey:
    """As a command makes one beside a node that runs."""
    return open_keystore(campus.directory / "keys").add(role, os.urandom)


def request_of(school: Campus, network: Campus, key: SigningKey, witness: VerifierKey) -> bytes:
    log = school.log
    return make_request(
        log.state, entry=log.entry(0), note=log.note, network=network.log_id, witness=witness, key=key, at=0
    )


def cosigners(note: bytes, *keys: VerifierKey) -> set[VerifierKey]:
    return {item.witness for item in open_cosignatures(note, keys)}


@pytest.mark.timeout(120)
async def test_the_only_witness_of_a_network_changes_its_key(tmp_path: Path) -> None:
    """It cosigns with both keys until the network has anchored the change: the quorum before it is the old key's."""
    async with world(tmp_path, members=1) as made:
        network, (school,) = made.network, made.members
        old = school.node.witness_key()
        new = VerifierKey(old.name, old.type, make_key(school, KeyRole.WITNESS).public)
        request = parse_request(request_of(school, network, school.key(KeyRole.LOG), new))
        last = network.log.state.members.standing_of(school.log_id)
        assert last is not None
        standing = request.standing(last.rights)
        proposal = drafter(network).change_member(MemberOp.AMEND, school.log_id, request.boundary, standing)
        assert any(new.encode() in line for line in proposal.words)
        await submit(network, proposal, network.root)
        assert network.log.state.members.standing_of(school.log_id).witness == new  # type: ignore[union-attr]
        assert await network.node.cosigning.wait_for_quorum(network.log.size, 60)
        assert old in cosigners(network.log.note, old, new)
        await network.anchor()
        (in_force,) = network.log.state.members.witness_sets[-1].witnesses
        assert in_force.key == new
        assert await network.node.cosigning.wait_for_quorum(network.log.size, 60)
        await until(lambda: cosigners(network.log.note, new))
        await until(lambda: school.holds(network.log_id, network.log.size))
        assert school.node.witness.verifier_keys() == (new,)


@pytest.mark.timeout(120)
async def test_log_key_and_root_keys_are_rotated_while_the_node_runs(tmp_path: Path) -> None:
    """The checkpoint over the rotation is the new key's; old root keys decide nothing once they are replaced."""
    async with world(tmp_path, members=2) as made:
        school = made.members[0]
        fresh = [SigningKey(bytes([number]) * 32) for number in (7, 8, 9)]
        roots = Roots(tuple(key.public for key in fresh), 2)
        await submit(school, drafter(school).replace_roots(roots), school.root, fresh[0], fresh[2])
        key = make_key(school, KeyRole.LOG)
        proposal = drafter(school).rotate_log_key(key.public)
        await submit(school, proposal, fresh[1], fresh[2])
        assert open_checkpoint(school.log.note, school.log.state.verifier_key_at(school.log.size))
        assert school.log.state.log_key == key.public
        index = await school.issue()
        assert await school.node.cosigning.wait_for_quorum(index + 1, 60)
        await _all_hold(made, school, index + 1)


async def _all_hold(made: World, school: Campus, size: int) -> None:
    await until(lambda: all(one.holds(school.log_id, size) for one in made.everybody if one is not school))
