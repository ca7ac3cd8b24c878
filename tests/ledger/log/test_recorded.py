"""Heads that a network recorded of the history that does not count: they say nothing about the one that does."""

from ledger.log.as_of import known_by
from ledger.log.entry import parse_entry
from ledger.log.evidence import Common, ForkEvidence, Split, encode_fork
from ledger.log.governance import MemberOp, Rights
from ledger.log.merkle import prove_consistency, prove_inclusion
from tests.ledger.log.networks import SECONDS, World
from tests.simulator import SimulatedLog, seeded

HOUR = 3600


def exact(one: SimulatedLog, two: SimulatedLog, parting: int) -> bytes:
    halves = [
        (parse_entry(log.entries[parting]).leaf_hash, prove_inclusion(parting, log.size, log.read_hashes))
        for log in (one, two)
    ]
    proofs = [prove_consistency(parting, log.size, log.read_hashes) for log in (one, two)]
    shared = Common(parting, one.root_at(parting), *proofs)
    return encode_fork(ForkEvidence(one.note or b"", two.note or b"", Split(parting, *halves[0], *halves[1]), shared))


def lost_and_held() -> tuple[World, SimulatedLog]:
    """The network recorded nine further entries of granite an hour ago; held is another history, which has three."""
    world = World()
    log = world.granite
    log.cut()
    world.confirm(log)
    world.anchor()
    lost = log.copy()
    for name in ("a", "b", "c"):
        lost.cut([seeded(name)])
    others = [world.lantern, world.tidewater, world.network]
    lost.sign(others, SECONDS + HOUR)
    for notes in ([lost.note or b""], []):
        world.network.anchor(notes)
        world.confirm(world.network, SECONDS + HOUR)
    log.cut([seeded("true")])
    log.sign(others, SECONDS + 2 * HOUR)
    log.forks = [exact(lost, log, 5)]
    return world, lost


def decide(world: World) -> None:
    world.network.member(world.granite, MemberOp.AMEND, standing=world.granite.standing(Rights(("*",))))
    world.network.anchor([world.granite.note or b""])
    world.confirm(world.network, SECONDS + 3 * HOUR)
    world.network.anchor()
    world.confirm(world.network, SECONDS + 3 * HOUR)


def test_once_the_network_named_a_history_what_it_recorded_of_the_other_makes_it_no_larger() -> None:
    """Else nobody could tell a status until the true history is the longer one, which that of a closed school never is."""
    world, lost = lost_and_held()
    log = world.granite
    anchored = world.look().newest_anchor(log.log_id)
    assert anchored is not None and anchored.size == lost.size > log.size
    decide(world)
    anchored = world.look().newest_anchor(log.log_id)
    assert anchored is not None and (anchored.size, anchored.root) == (log.size, log.root_at(log.size))


def test_an_entry_is_not_known_by_the_time_of_another_history() -> None:
    """Whether that one is longer than what is held, or by now the shorter one, without any evidence at hand."""
    world, _ = lost_and_held()
    decide(world)
    index, decided = world.granite.size - 1, (SECONDS + 3 * HOUR) * 1000
    assert known_by(world.look(), world.granite.log_id, index) == decided
    world.granite.forks = []
    for _ in range(3):
        world.granite.cut()
    assert known_by(world.look(), world.granite.log_id, index) == decided
