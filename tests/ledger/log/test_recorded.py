"""Heads that a network recorded of the history that does not count: they say nothing about the one that does."""

from ledger.log.as_of import known_by
from ledger.log.entry import parse_entry
from ledger.log.evidence import Common, ForkEvidence, Split, encode_fork
from ledger.log.governance import MemberOp, Rights
from ledger.log.members import AnchoredHead
from ledger.log.merkle import prove_consistency, prove_inclusion
from ledger.log.network import root_of_view
from ledger.log.recorded import can_be_held, is_before_succession
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


def test_what_was_recorded_of_the_held_history_above_the_held_copy_still_counts_as_its() -> None:
    """The copy is behind: a head within the ruling's boundary, or recorded after the ruling, may well be of it."""
    world, lost = lost_and_held()
    held = world.granite.copy()
    for _ in range(4):
        world.granite.cut()
    decide(world)
    log_id = held.log_id
    ruling = world.network.state.members.records[log_id][-1]
    boundary = ruling.change.boundary.size
    assert lost.size < boundary
    recorded = {
        (before, size): can_be_held(
            AnchoredHead(ruling.index - 1 if before else ruling.index + 1, size, bytes(32), SECONDS),
            held,
            root_of_view,
            ruling,
        )
        for before in (True, False)
        for size in (boundary, boundary + 1)
    }
    assert recorded == {
        (True, boundary): True,
        (True, boundary + 1): False,
        (False, boundary): True,
        (False, boundary + 1): True,
    }


def test_the_first_entry_above_what_was_recorded_is_from_after_the_succession() -> None:
    world = World()
    heir = world.lantern
    heir.cut()
    world.confirm(heir)
    world.anchor()
    recorded = heir.size
    world.network.member(world.granite, MemberOp.SUCCEED, successor=heir.log_id)
    heir.cut()
    world.confirm(heir)
    world.anchor()
    line = world.look().line_of(world.granite.log_id)
    told = [
        is_before_succession(world.network.state.members, line, heir.log_id, index)
        for index in (0, recorded - 1, recorded)
    ]
    assert told == [True, True, False]
