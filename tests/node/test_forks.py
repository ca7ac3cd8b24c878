"""Fork evidence at a node: what other logs report is kept beside the log it is about, once, if it proves something."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ledger.log.entry import parse_entry
from ledger.log.evidence import Split, encode_fork, gather_forks, parse_fork
from ledger.log.identity import LogId
from ledger.log.merkle import prove_inclusion
from ledger.log.note import VerifierKey
from node.client.exchange import MAX_EVIDENCE_PIECES
from node.forks import Forks
from node.peers import Peers
from node.serving import Serving
from tests.ledger.log.networks import World, evidence, forked
from tests.ledger.log.test_reports import report
from tests.node.web.served import open_store
from tests.simulator import SimulatedLog, seeded


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


async def test_what_was_cut_down_keeps_nothing_better_out(tmp_path: Path) -> None:
    """Else one who shows a fork first, as low as he likes, takes all below it with it for good."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    cut_down = [evidence(world.granite, other, common) for common in (1, 2, 3)]
    report(world.lantern, [*cut_down, exact_evidence(world.granite, other, 5)])
    kept, _ = await take(tmp_path / "store", world, world.everybody())
    keys = world.granite.state.verifier_keys()
    (fork,) = gather_forks(kept, keys).forks
    assert len(kept) == 2
    assert (fork.common, fork.split) == (5, 5)


def exact_evidence(one: SimulatedLog, two: SimulatedLog, parting: int) -> bytes:
    halves = [
        (parse_entry(log.entries[parting]).leaf_hash, prove_inclusion(parting, log.size, log.read_hashes))
        for log in (one, two)
    ]
    whole = parse_fork(evidence(one, two, parting))
    return encode_fork(replace(whole, split=Split(parting, *halves[0], *halves[1])))


async def test_callers_are_given_the_strongest_evidence_first(tmp_path: Path) -> None:
    """They read so many pieces and no more, and a thief of the key can make any number that nobody else signed."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    signed = evidence(world.granite, other, 4)
    alone = [evidence(world.granite, thiefs, 4) for thiefs in by_the_thief(world, other, MAX_EVIDENCE_PIECES + 1)]
    store = open_store(tmp_path / "store", world.everybody())
    try:
        log = store.log(world.granite.log_id)
        assert log is not None
        for piece in (*alone, signed):
            log.add_evidence(piece)
        serving = Serving(store)
        first, more = serving.evidence(world.granite.log_id, 0)
        rest, _ = serving.evidence(world.granite.log_id, len(first))
        assert (first[0], more) == (signed, True)
        assert {*first, *rest} == {signed, *alone}
    finally:
        store.close()


def by_the_thief(world: World, other: SimulatedLog, count: int) -> Iterator[SimulatedLog]:
    """Granite's other history, told in further versions that no witness signed."""
    for number in range(count):
        one = other.copy()
        one.forks = []
        one.cut([seeded(f"thief {number}")])
        one.sign([])
        yield one
