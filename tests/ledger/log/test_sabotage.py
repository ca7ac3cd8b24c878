"""What a thief, or whoever passes evidence on, must not achieve: lists, witness sets and forks that cannot be repaired."""

from ledger.log.charter import Role
from ledger.log.checkpoint import read_checkpoint, sign_checkpoint
from ledger.log.governance import MemberOp
from ledger.log.note import NoteSignature, encode_note, parse_note
from ledger.log.records import StatusList
from tests.ledger.log.networks import World, evidence, forked
from tests.ledger.log.samples import fresh_key, own_list, status
from tests.simulator import SimulatedLog, found_network


def stripped(log: SimulatedLog) -> SimulatedLog:
    """The same branch, shown with the writer's signature alone."""
    bare = log.copy()
    bare.note = sign_checkpoint(read_checkpoint(log.note or b""), log.log_signer)
    return bare


def spoiled(log: SimulatedLog) -> SimulatedLog:
    """The same branch, with one bit of every cosignature turned."""
    bad = log.copy()
    note = parse_note(log.note or b"")
    lines = [
        line
        if line.name == log.state.charter.origin
        else NoteSignature(line.name, line.key_id, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
        for line in note.signatures
    ]
    bad.note = encode_note(note.text, lines)
    return bad


def test_evidence_without_its_cosignatures_hides_no_fork() -> None:
    """Whoever passes evidence on can leave cosignatures out or spoil them, and may be heard first."""
    for weaken in (stripped, spoiled):
        world = World()
        other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
        strong, weak = evidence(world.granite, other, 3), evidence(world.granite, weaken(other), 4)
        for held in ([weak, strong], [strong, weak]):
            world.granite.forks = held
            fork = world.look().fork_of(world.granite.log_id)
            assert fork is not None and fork.is_open and fork.size == 4


def test_cosignatures_of_several_pieces_of_evidence_count_together() -> None:
    """Each node saw one of the two cosignatures on the other branch; together they are a quorum."""
    world = World()
    other = forked(world, [world.network, world.lantern], [])
    pieces = []
    for cosigner in (world.lantern, world.tidewater):
        seen = other.copy()
        seen.note = other.cosigned(other.note or b"", [cosigner])
        pieces.append(evidence(world.granite, seen, 4))
    world.granite.forks = pieces[:1]
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_alarm_only
    world.granite.forks = pieces
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open


def test_a_network_whose_only_witness_left_is_its_own_can_name_others() -> None:
    network, members = found_network("granite", "lantern")
    for member in members:
        network.member(member, MemberOp.SUSPEND)
    network.sign(members)
    network.anchor()
    assert [witness.log for witness in network.state.members.witness_sets[-1].witnesses] == [network.log_id]
    for member in members:
        network.member(member, MemberOp.REINSTATE)
    network.sign(members)
    network.anchor()
    assert len(network.state.members.witness_sets[-1].witnesses) == 3


def test_lists_that_a_thief_opened_bind_no_later_page() -> None:
    log = SimulatedLog("granite")
    log.cut()
    theirs = StatusList(1, log.log_id, 1, 1024)
    foreign = StatusList(2, SimulatedLog("stranger").log_id, 0, 1024)
    stolen = status(log, (own_list(log, 0, 0), theirs, foreign))
    assert stolen.index not in log.state.void
    thief = log.role_signers[Role.OPERATE]
    log.add_key(key := fresh_key(log, "operate"), Role.OPERATE)
    log.compromise(thief, stolen.index)
    page = log.status(bytes(1024), key=key)
    assert log.state.void_reason(page) is None
    assert log.state.lists == {(log.log_id, 0): 1024}


def test_witnesses_are_not_changed_by_a_head_of_another_history() -> None:
    """A quorum on the history everybody knows must not put into force what only a hidden one says."""
    world = World()
    network = world.network
    known = network.copy()
    for id_ in ("one", "two", "three"):
        known.publish(id_)
    note = known.sign([world.granite, world.lantern, world.tidewater])
    network.member(SimulatedLog("evil"))
    network.member(world.granite, MemberOp.SUSPEND)
    network.member(world.lantern, MemberOp.SUSPEND)
    network.note = note
    before = network.state.members.witness_sets[-1]
    entry = network.anchor()
    assert "item 0 is of another tree" in network.state.void[entry.index]
    assert network.state.members.witness_sets[-1] == before
    world.look()
