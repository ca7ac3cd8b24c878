"""Which status pages a replica has to hold."""

from pathlib import Path

from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.governance import MemberOp
from ledger.log.identity import LogId
from tests.simulator import NOW, SLOTS
from tests.wallet_cli.shown import write_replica
from tests.wallet_cli.world import World
from wallet_cli.pages import find_needed_pages
from wallet_cli.replica import Replica
from wallet_cli.replica_writer import ReplicaWriter


def needed(world: World, folder: Path) -> list[int]:
    write_replica(world, folder)
    return sorted(find_needed_pages(world.trust, Replica(folder), world.school.log_id))


def test_the_newest_page_alone(tmp_path: Path) -> None:
    """No fork and no successor: older pages decide nothing."""
    world = World()
    world.cut()
    assert needed(world, tmp_path / "replica") == [world.school.size - 1]


def test_the_newest_below_an_open_fork_too(tmp_path: Path) -> None:
    """What was issued before the fork is read there; the page held above it can only take that answer back."""
    world = World()
    below = world.school.size
    branch = world.school.copy()
    world.cut()
    branch.counter += 1000
    branch.anchor()
    branch.issue()
    branch.status(bytes(SLOTS))
    branch.sign([world.network, world.other], NOW // 1000)
    folder = write_replica(world, tmp_path / "replica")
    assert world.school.note is not None and branch.note is not None
    with ReplicaWriter(folder) as writer:
        writer.add_evidence(world.school.log_id, encode_fork(ForkEvidence(world.school.note, branch.note)))
    # Without a common tree in the evidence, the fork is put at the last size anchored before both.
    found = find_needed_pages(world.trust, Replica(folder), world.school.log_id)
    assert world.school.size - 1 in found
    assert all(index < below for index in found - {world.school.size - 1})


def test_the_newest_below_a_succession_too(tmp_path: Path) -> None:
    """The old log's pages count up to the boundary, whatever its writer adds afterwards."""
    world = World()
    boundary = world.school.boundary()
    last = world.school.size - 1
    world.network.member(world.school, MemberOp.SUCCEED, standing=None, successor=world.other.log_id, boundary=boundary)
    world.cut()
    assert needed(world, tmp_path / "replica") == [last, world.school.size - 1]


def test_nothing_of_a_log_that_is_not_held(tmp_path: Path) -> None:
    """An unknown log needs no page."""
    world = World()
    folder = write_replica(world, tmp_path / "replica")
    assert find_needed_pages(world.trust, Replica(folder), LogId(bytes(32))) == frozenset()
