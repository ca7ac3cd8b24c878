"""Forks as a verifier judges them: alarm or doubt, where it begins, and who may decide it."""

import pytest

from ledger.log.entry import parse_entry
from ledger.log.evidence import ForkEvidence, Split, encode_fork
from ledger.log.governance import Boundary, MemberOp
from ledger.log.merkle import RootHash, prove_inclusion
from ledger.log.policy import QuorumRule
from ledger.log.state import LogState
from tests.ledger.log.networks import SECONDS, World, evidence, forked
from tests.ledger.log.samples import fresh_key, rotate
from tests.simulator import SimulatedLedger, SimulatedLog, seeded, trust_of


def test_no_evidence_no_fork() -> None:
    world = World()
    assert world.look().fork_of(world.granite.log_id) is None
    assert world.look().fork_of(SimulatedLog("stranger").log_id) is None


def test_a_fork_with_two_quorums_is_open_from_where_it_begins() -> None:
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, 4)]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open
    assert (fork.size, fork.is_alarm_only, fork.decided_by) == (4, False, None)


@pytest.mark.parametrize("weak", ["held", "other"])
def test_a_branch_without_quorum_is_an_alarm_only(weak: str) -> None:
    world = World()
    enough, few = [world.network, world.lantern], [world.lantern]
    other = forked(world, few if weak == "held" else enough, enough if weak == "held" else few)
    world.granite.forks = [evidence(world.granite, other, 4)]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_alarm_only and not fork.is_open


def test_an_alarm_does_not_hide_what_two_quorums_signed() -> None:
    """Whoever has the key alone can sign a pair that parts lower; the one that witnesses signed is told, decided or not."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    thief = world.granite.copy()
    for rows in (thief.entries, thief.bodies):
        del rows[3:]
    thief.state = replayed(thief)
    thief.counter += 500
    while thief.size < world.granite.size:
        thief.publish(f"urn:example:{thief.size}")
    world.granite.forks = [evidence(world.granite, thief, 3), evidence(world.granite, other, 4)]
    look = world.look()
    sizes = {(fork.size, fork.is_alarm_only) for fork in look.judge_forks(world.granite.log_id, world.granite.forks)}
    assert sizes == {(3, True), (4, False)}
    fork = look.fork_of(world.granite.log_id)
    assert fork is not None and (fork.size, fork.is_open) == (4, True)
    world.network.member(world.granite, MemberOp.AMEND)
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and (fork.size, fork.is_open, fork.is_alarm_only) == (4, False, False)


def replayed(log: SimulatedLog) -> LogState:
    state = LogState(log.log_id, log.state.charter)
    for raw, body in zip(log.entries, log.bodies, strict=True):
        state.apply(parse_entry(raw), body)
    return state


def test_the_newest_decision_that_can_be_judged_counts() -> None:
    """First for the branch held, then for the other; one whose boundary is not reached yet decides nothing here."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, 4)]
    decision = world.network.member(world.granite, MemberOp.AMEND)
    above = Boundary(world.granite.log_id, 50, RootHash(bytes(32)))
    world.network.member(world.granite, MemberOp.AMEND, boundary=above)
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.decided_by is not None and fork.decided_by.index == decision.index
    world.network.member(world.granite, MemberOp.AMEND, boundary=other.boundary())
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open


def test_without_witnesses_two_signed_heads_are_two_heads() -> None:
    network, school = SimulatedLog("confluence", seed="alone"), SimulatedLog("granite")
    network = SimulatedLog("confluence", type(network.state.charter.institution)("network"))
    network.member(school)
    world = World()
    world.network, world.granite, world.trust = network, school, trust_of(network, QuorumRule.NONE)
    world.ledger = SimulatedLedger(network, school)
    other = forked(world, [], [])
    school.forks = [evidence(school, other, 4)]
    fork = world.look().fork_of(school.log_id)
    assert fork is not None and fork.is_open


def test_a_boundary_that_names_the_held_branch_decides_the_fork() -> None:
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, 4)]
    decision = world.network.member(world.granite, MemberOp.AMEND)
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and not fork.is_open
    assert fork.decided_by is not None and fork.decided_by.index == decision.index


def test_a_boundary_below_the_fork_or_on_the_other_branch_decides_nothing() -> None:
    world = World()
    below = Boundary(world.granite.log_id, 1, world.granite.root_at(1))
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, 4)]
    world.network.member(world.granite, MemberOp.AMEND, boundary=below)
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open
    world.network.member(world.granite, MemberOp.AMEND, boundary=other.boundary())
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open
    assert world.look().rights_at(world.granite.log_id, 6).reason is None
    world.granite.cut()
    assert world.look().rights_at(world.granite.log_id, 7).reason == "its log is not the one the network admitted"


def test_without_a_common_tree_the_fork_begins_at_the_last_head_anchored_before() -> None:
    world = World()
    world.granite.cut()
    world.confirm(world.granite, SECONDS - 100)
    world.anchor()
    anchored = world.granite.size
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, None)]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open and fork.size == anchored


def test_without_anything_anchored_before_all_above_the_charter_is_in_doubt() -> None:
    """The charter is what the log id names; nothing else is known to be shared, and admission has decided nothing."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, None)]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open and fork.size == 1


def test_a_fork_never_begins_above_the_proven_difference() -> None:
    """A larger head anchored on one branch says nothing about where they part."""
    world = World()
    log, other = world.granite, world.granite.copy()
    log.cut([seeded("one")])
    other.cut([seeded("two")])
    world.confirm(log, SECONDS - 100)
    world.anchor()
    for branch in (log, other):
        branch.cut()
        branch.sign([world.network, world.lantern, world.tidewater])
    split = Split(
        2,
        log.read_hashes([(0, 2)])[0],  # type: ignore[arg-type]  # a leaf hash
        prove_inclusion(2, log.size, log.read_hashes),
        other.read_hashes([(0, 2)])[0],  # type: ignore[arg-type]  # a leaf hash
        prove_inclusion(2, other.size, other.read_hashes),
    )
    log.forks = [encode_fork(ForkEvidence(log.note or b"", other.note or b"", split))]
    fork = world.look().fork_of(log.log_id)
    assert fork is not None and fork.size == 2


def test_weaker_evidence_of_the_same_fork_puts_no_more_in_doubt() -> None:
    """Whoever holds true evidence can cut the common tree down to one entry; the larger proof counts."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    strong, weak = evidence(world.granite, other, 4), evidence(other, world.granite, 1)
    none = evidence(world.granite, other, None)
    for held in ([strong, weak, none], [none, weak, strong], [weak, strong]):
        world.granite.forks = held
        fork = world.look().fork_of(world.granite.log_id)
        assert fork is not None and fork.size == 4


def test_of_several_forks_the_lowest_open_one_counts() -> None:
    world = World()
    log = world.granite
    low = log.copy()
    low.cut([seeded("low")])
    low.cut()
    low.sign([world.network, world.lantern])
    high = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    log.forks = [evidence(log, high, 4), evidence(log, low, 1), b"junk", evidence(log, log, None)]
    fork = world.look().fork_of(log.log_id)
    assert fork is not None and fork.size == 1


def test_a_fork_by_a_log_key_that_was_rotated_out_is_known() -> None:
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    proof = evidence(world.granite, other, 4)
    rotate(world.granite, fresh_key(world.granite, "log"))
    world.granite.forks = [proof]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open


def test_evidence_about_another_log_is_none() -> None:
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.lantern.forks = [evidence(world.granite, other, 4)]
    assert world.look().fork_of(world.lantern.log_id) is None


def test_a_boundary_that_both_branches_share_decides_nothing() -> None:
    """Weak evidence puts the fork below an old boundary; that one names no branch, for both pass through it."""
    world = World()
    world.granite.cut()
    world.network.member(world.granite, MemberOp.AMEND)
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, 1)]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.size == 1 and fork.is_open


def test_an_anchored_head_lends_its_witnesses_to_no_other_head_of_that_size() -> None:
    """The branch that is not anchored is judged by the newest set, which is larger here."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.anchor()
    world.granite.sign([world.network, world.lantern])
    for name in ("alder", "birch", "cedar", "dogwood"):
        world.network.member(SimulatedLog(name))
    world.anchor()
    world.granite.sign([world.network, world.lantern])
    assert world.granite.size == other.size
    world.granite.forks = [evidence(world.granite, other, 4)]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_alarm_only


def test_the_lowest_proven_difference_tells_which_boundaries_name_a_branch() -> None:
    """One proof shows that the two heads differ, another that entry 5 does: a boundary at size 6 lies on one branch."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    log = world.granite
    split = Split(
        5,
        log.read_hashes([(0, 5)])[0],  # type: ignore[arg-type]  # a leaf hash
        prove_inclusion(5, log.size, log.read_hashes),
        other.read_hashes([(0, 5)])[0],  # type: ignore[arg-type]  # a leaf hash
        prove_inclusion(5, other.size, other.read_hashes),
    )
    strong = encode_fork(ForkEvidence(log.note or b"", other.note or b"", split))
    world.network.member(log, MemberOp.AMEND, boundary=Boundary(log.log_id, 6, log.root_at(6)))
    weak = evidence(log, other, 4)
    for held, is_open in (([weak], True), ([weak, strong], False), ([strong, weak], False)):
        log.forks = held
        fork = world.look().fork_of(log.log_id)
        assert fork is not None and fork.is_open is is_open
