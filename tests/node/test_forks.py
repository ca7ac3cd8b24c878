"""Fork evidence at a node: what other logs report is kept beside the log it is about, once, if it proves something."""

from pathlib import Path

from ledger.log.identity import LogId
from ledger.log.note import VerifierKey
from node.forks import Forks
from node.peers import Peers
from tests.ledger.log.networks import World, evidence, forked
from tests.ledger.log.test_reports import report
from tests.node.web.served import open_store
from tests.simulator import SimulatedLog


class Everybody:
    """All members of a world witness."""

    def __init__(self, world: World) -> None:
        self.keys = tuple(
            standing.witness for member in world.look().members() if (standing := member.standing).witness is not None
        )

    def witness_keys(self, log: LogId) -> tuple[VerifierKey, ...]:
        return self.keys


async def take(
    path: Path, world: World, logs: list[SimulatedLog], *, times: int = 1
) -> tuple[list[bytes], list[LogId]]:
    """What a node that holds these logs keeps about granite after it looked at lantern's reports, and whom it told."""
    told: list[LogId] = []
    store = open_store(path, logs)
    try:
        shelf = Forks(store, Peers(timeout_seconds=1), Everybody(world), told.append)
        for _ in range(times):
            await shelf.take_reports(world.lantern.log_id)
        held = store.log(world.granite.log_id)
        return [] if held is None else list(held.evidence()), told
    finally:
        store.close()


def reported() -> World:
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    report(world.lantern, [b"worthless", evidence(world.granite, other, 4)])
    return world


async def test_a_report_is_taken_once_and_told_once(tmp_path: Path) -> None:
    world = reported()
    kept, told = await take(tmp_path / "store", world, world.everybody(), times=3)
    assert len(kept) == 1 and told == [world.granite.log_id]


async def test_a_log_that_is_not_held_is_no_trouble(tmp_path: Path) -> None:
    world = reported()
    kept, told = await take(tmp_path / "store", world, [world.network, world.lantern])
    assert (kept, told) == ([], [])


async def test_a_report_that_proves_nothing_is_not_kept(tmp_path: Path) -> None:
    world = World()
    world.granite.cut()
    report(world.lantern, [evidence(world.granite, world.granite, None)])
    kept, told = await take(tmp_path / "store", world, world.everybody())
    assert (kept, told) == ([], [])
