"""A log is moved away from a host that will not let it go: real nodes, real gRPC, the host runs and writes all the while."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.log.charter import Role
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.policy import TrustRoot
from node.clock import system_clock
from node.config import parse_config, render_config
from node.drafting import Drafter
from node.errors import BusyError
from node.home import Home, open_home
from node.keystore import KeyRole, open_keystore
from node.proposal import Proposal, sign_proposal
from node.recovery.keys import KeySource
from node.recovery.recover import Order, recover_node
from node.recovery.takeover import TakenOver, announce_rotation, take_over
from tests.end_to_end.world import Campus, World, free_port, until, world


@dataclass
class Move:
    """A new directory for the log of the first school, and what its root keys signed."""

    made: World
    home: Home
    port: int
    trust: TrustRoot

    @property
    def school(self) -> Campus:
        return self.made.members[0]

    def drafter(self) -> Drafter:
        return Drafter(self.school.log.state, system_clock(), os.urandom(16))

    def signed(self, proposal: Proposal) -> Proposal:
        return sign_proposal(proposal, self.school.root)

    def rotation(self) -> Proposal:
        key = open_keystore(self.home.directory / "keys").add(KeyRole.LOG, os.urandom)
        return self.signed(self.drafter().rotate_log_key(key.public))

    def address(self) -> Proposal:
        return self.signed(self.drafter().amend_charter(name=None, url=None, grpc=f"127.0.0.1:{self.port}"))

    async def take_over(self, *proposals: Proposal) -> TakenOver:
        return await take_over(self.home, proposals, self.school.state_home / "new", system_clock)


async def recovered(folder: Path, made: World) -> Move:
    """As an operator would do it who has the key backup and a file of the network."""
    school, port = made.members[0], free_port()
    trust = made.network.trust()
    order = Order(
        directory=folder / "new",
        addresses=[made.members[1].address],
        keys=KeySource(school.directory / "keys"),
        trust=trust,
        log=school.log_id,
        state_home=folder / "new-state",
    )
    await recover_node(order, system_clock, os.urandom, lambda *progress: None)  # type: ignore[arg-type]  # nobody looks
    path = order.directory / "node.toml"
    listen = f"127.0.0.1:{port}"
    config = replace(
        school.config, grpc_listen=listen, grpc_address=listen, http_listen="127.0.0.1:0", peers=(made.network.address,)
    )
    path.write_text(render_config(parse_config(render_config(config))))
    return Move(made, open_home(order.directory), port, trust)


def names_key(campus: Campus, log: LogId, key: SigningKey) -> bool:
    held = campus.node.ledger.log(log)
    return held is not None and held.state.log_key == key.public


@pytest.mark.timeout(180)
async def test_a_log_is_moved_away_from_a_host_that_goes_on_writing(tmp_path: Path) -> None:
    """Witnesses stop at once; what the host writes afterwards is left behind everywhere; the new node has a quorum."""
    async with world(tmp_path) as made:
        school, others = made.members[0], (made.network, *made.members[1:])
        witnessed = school.log.size
        move = await recovered(tmp_path, made)
        rotation = move.rotation()
        shown = await announce_rotation(move.home, rotation)
        assert [answer.size for answer in shown] == [witnessed] * 2

        await school.issue()
        await school.issue()
        await until(lambda: all(one.holds(school.log_id, witnessed + 2) for one in others))
        assert not await school.node.cosigning.round()
        refusals = set(school.node.cosigning.problems.values())
        assert len(refusals) == 1
        (refusal,) = refusals
        assert "root keys took it away from log key" in refusal
        assert f"nothing is cosigned under it above size {witnessed}" in refusal

        done = await move.take_over(rotation, move.address())
        assert (done.witnessed, done.size, done.replaced) == (witnessed, witnessed + 2, 0)
        assert (await move.take_over(rotation)).was_done
        new = Campus(move.home.directory, school.root, move.port, tmp_path / "new-state", move.home.config)
        key = open_keystore(move.home.directory / "keys").newest(KeyRole.LOG)
        await new.start()
        try:
            await until(lambda: new.node.startup.may_sign)
            assert await new.node.cosigning.wait_for_quorum(witnessed + 2, 60)
            await until(lambda: all(names_key(one, school.log_id, key) for one in others))
            index = await new.issue()
            assert await new.node.cosigning.wait_for_quorum(index + 1, 60)
            for one in others:
                await until(lambda one=one: one.holds(school.log_id, index + 1))  # type: ignore[misc]
                held = one.node.ledger.log(school.log_id)
                assert held is not None
                assert held.entries(0, held.size) == new.log.entries(0, held.size)
                await until(held.evidence)
            assert not await school.node.cosigning.round()
            assert read_checkpoint(school.log.note).size == witnessed + 2
            assert school.log.state.keys.in_force(Role.OPERATE, school.log.size)
        finally:
            await new.stop()


@pytest.mark.timeout(180)
async def test_too_few_witnesses_decide_nothing(tmp_path: Path) -> None:
    """With a witness away a larger head may exist: nothing is signed, and those that answered stay with their word."""
    async with world(tmp_path, members=3) as made:
        move = await recovered(tmp_path, made)
        rotation = move.rotation()
        await made.members[2].stop()
        await made.members[1].stop()
        with pytest.raises(BusyError, match=r"0 of 2 witnesses took the rotation, 1 must: .*cannot be reached"):
            await move.take_over(rotation)
        assert (
            open_keystore(move.home.directory / "keys").newest(KeyRole.LOG).public != made.members[0].log.state.log_key
        )
