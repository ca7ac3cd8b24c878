"""A node that holds the history which the network decided against takes the other one by itself; its own it never touches."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.log.charter import Institution
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.evidence import parse_fork
from ledger.log.governance import Boundary, MemberOp, Rights
from ledger.log.merkle import RootHash
from node.client.finding import FindingCode
from node.rulings import Rulings
from node.store.logstore import LogStore
from tests.end_to_end.test_fork import Siege, served, siege
from tests.end_to_end.world import Campus, found, until
from tests.end_to_end.world import world as running_world
from tests.node.test_health import findings
from tests.simulator import NOW, SimulatedLog

RIGHTS = Rights(achievements=("*",))


@dataclass
class Misled:
    """A node that saw the history which will not count first, and cosigned it."""

    made: Siege
    campus: Campus

    @property
    def log(self) -> LogStore:
        log = self.campus.node.ledger.log(self.made.world.school.log_id)
        assert log is not None
        return log

    async def decide(self, boundary: Boundary) -> None:
        """The governors name a history, and everybody's node hears of it."""
        world = self.made.world
        world.network.member(world.school, MemberOp.AMEND, RIGHTS, boundary=boundary)
        world.network.sign([world.school, world.other], NOW // 1000)
        self.made.serve_honestly()
        await until(lambda: self.campus.holds(world.network.log_id, world.network.size))

    def holds(self, log: SimulatedLog) -> bool:
        held = self.log
        return held.size == log.size and held.entries(0, held.size) == tuple(log.entries)


@pytest.fixture
async def misled(tmp_path: Path) -> AsyncIterator[Misled]:
    async with siege() as made:
        made.honest.logs.pop(made.world.school.log_id)
        made.serve_branch()
        campus = found(tmp_path, "college", Institution.COLLEGE, peers=(made.accomplice.address, made.honest.address))
        try:
            await campus.start()
            campus.join(made.world.trust)
            held = Misled(made, campus)
            await until(lambda: campus.holds(made.branch.log_id, made.branch.size))
            root = RootHash(made.branch.state.frontier.root())
            held.log.set_cosigned(made.branch.size, root, seconds=NOW // 1000)
            made.serve_honestly()
            await until(lambda: held.log.evidence())
            assert held.holds(made.branch)
            yield held
        finally:
            await campus.stop()


async def test_the_named_history_takes_the_place_of_the_one_held(
    misled: Misled, caplog: pytest.LogCaptureFixture
) -> None:
    """Judged whole; both notes stay as evidence; what was cosigned of the other one binds no more, here or after a start."""
    made, campus = misled.made, misled.campus
    school, branch = made.world.school, made.branch
    await misled.decide(school.boundary())
    await until(lambda: misled.holds(school))
    assert [record.levelname for record in caplog.records if "its network named" in record.getMessage()] == ["WARNING"]
    shown = {read_checkpoint(note) for piece in misled.log.evidence() for note in _notes(piece)}
    assert shown == {
        Checkpoint(log.state.charter.origin, log.size, log.state.frontier.root()) for log in (school, branch)
    }
    assert misled.log.cosigned() == (made.fork_size, school.root_at(made.fork_size))
    rulings = Rulings(campus.node.ledger, campus.node.directory.networks)
    assert rulings.is_overruled(misled.log, read_checkpoint(branch.note or b""))
    assert not rulings.is_overruled(misled.log, read_checkpoint(school.note or b""))
    await campus.stop()
    await campus.start()
    assert misled.holds(school)


async def test_a_decision_below_the_parting_changes_nothing(misled: Misled) -> None:
    """Its boundary lies on both histories."""
    made = misled.made
    below = Boundary(made.world.school.log_id, made.fork_size, made.world.school.root_at(made.fork_size))
    await misled.decide(below)
    await _look_twice(misled)
    assert misled.holds(made.branch)
    assert misled.log.cosigned_size() == made.branch.size


async def test_a_history_that_nobody_has_replaces_nothing(misled: Misled) -> None:
    """A boundary with a root that no peer can show: what is held stays, with what was cosigned."""
    made = misled.made
    await misled.decide(Boundary(made.world.school.log_id, made.world.school.size, RootHash(bytes(32))))
    await _look_twice(misled)
    assert misled.holds(made.branch)
    assert misled.log.cosigned_size() == made.branch.size


async def test_the_newest_decision_counts(misled: Misled) -> None:
    """First for the other history, before anybody served it, then for the one held."""
    made = misled.made
    made.honest.logs.pop(made.world.school.log_id)
    world = made.world
    for log in (world.school, made.branch):
        boundary = Boundary(log.log_id, log.size, RootHash(log.state.frontier.root()))
        world.network.member(world.school, MemberOp.AMEND, RIGHTS, boundary=boundary)
    world.network.sign([world.school, world.other], NOW // 1000)
    made.honest.logs[world.network.log_id] = served(world.network)
    await until(lambda: misled.campus.holds(world.network.log_id, world.network.size))
    made.serve_honestly()
    await _look_twice(misled)
    assert misled.holds(made.branch)


async def test_the_own_log_is_left_alone_and_status_says_what_to_do(tmp_path: Path) -> None:
    async with running_world(tmp_path, members=1) as made:
        (school,) = made.members
        size = school.log.size
        before = school.log.entries(0, size)
        await made.network.rule(school, Boundary(school.log_id, size, RootHash(os.urandom(32))))
        await until(lambda: school.holds(made.network.log_id, made.network.log.size))
        told = (await findings(school))[FindingCode.OVERRULED]
        assert told.what.startswith("Confluence named another history of this log than the one held here")
        assert f"names {size} entries with fingerprint" in told.why
        assert "takeover" in told.do and "succession" in told.do
        assert school.log.entries(0, size) == before


def _notes(piece: bytes) -> tuple[bytes, bytes]:
    evidence = parse_fork(piece)
    return evidence.first, evidence.second


async def _look_twice(misled: Misled) -> None:
    """Every peer was asked again, from the beginning of a round to its end."""
    for _ in range(2):
        asked = [len(peer.asked) for peer in (misled.made.honest, misled.made.accomplice)]
        for follower in misled.campus.node.followers._followers.values():
            await asyncio.wait_for(follower.round(), 30)
        assert all(
            len(peer.asked) > before
            for peer, before in zip((misled.made.honest, misled.made.accomplice), asked, strict=True)
        )
