"""Membership and witnesses, as a network's log alone decides them."""

import pytest

from ledger.log.charter import Institution
from ledger.log.checkpoint import cosign
from ledger.log.entry import parse_entry
from ledger.log.governance import NO_RIGHTS, Boundary, MemberOp, Rights
from ledger.log.members import Witness, WitnessSet, judge_quorum, quorum_of
from ledger.log.note import NoteSignature, encode_note, parse_note
from tests.ledger.log.samples import anchor
from tests.simulator import NOW, SimulatedLog, found_network

SECONDS = NOW // 1000


def names(witness_set: WitnessSet) -> list[str]:
    return [witness.key.name.split(".")[0] for witness in witness_set.witnesses]


def witness(log: SimulatedLog) -> Witness:
    key = log.standing(NO_RIGHTS).witness
    assert key is not None
    return Witness(log.log_id, key)


def set_of(*logs: SimulatedLog) -> WitnessSet:
    return WitnessSet(0, tuple(witness(log) for log in logs))


SCHOOLS = [SimulatedLog(name) for name in ("granite", "lantern", "tidewater", "alder", "birch")]


@pytest.mark.parametrize(("count", "quorum"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (10, 6)])
def test_a_quorum_is_more_than_half(count: int, quorum: int) -> None:
    assert quorum_of(count) == quorum


def test_the_own_operator_does_not_count() -> None:
    """Three witnesses, one of them the log's own: two count, both must sign, and its own signature adds nothing."""
    log = SimulatedLog("granite")
    witnesses = set_of(*SCHOOLS[:3])
    assert [item.log for item in witnesses.for_log(log.log_id)] == [SCHOOLS[1].log_id, SCHOOLS[2].log_id]
    answers = [
        judge_quorum(log.sign(cosigners), log.log_id, witnesses)
        for cosigners in (SCHOOLS[:2], SCHOOLS[:1], SCHOOLS[1:3], SCHOOLS[:3])
    ]
    assert [(a.witnesses, a.required, a.present, a.has_quorum) for a in answers] == [
        (2, 2, 1, False),
        (2, 2, 0, False),
        (2, 2, 2, True),
        (2, 2, 2, True),
    ]


def test_without_witnesses_there_is_no_quorum() -> None:
    log = SimulatedLog("granite")
    answer = judge_quorum(log.sign(SCHOOLS), log.log_id, set_of(SCHOOLS[0]))
    assert (answer.witnesses, answer.required, answer.has_quorum, answer.seconds) == (0, 0, False, None)


def test_the_time_of_a_head_is_the_k_th_smallest() -> None:
    """With three of five needed, the third of the times; later ones do not make the head younger."""
    log = SimulatedLog("network")
    note = log.note or b""
    for school, seconds in zip(SCHOOLS, (50, 10, 40, 20, 30), strict=True):
        note = log.cosigned(note, [school], seconds)
    assert judge_quorum(note, log.log_id, set_of(*SCHOOLS)).seconds == 30
    assert judge_quorum(log.cosigned(log.note or b"", SCHOOLS[:2]), log.log_id, set_of(*SCHOOLS)).seconds is None


def test_a_witness_counts_once() -> None:
    log = SimulatedLog("network")
    note = parse_note(log.note or b"")
    lines = [cosign(log.note or b"", SCHOOLS[0].witness_name, SCHOOLS[0].witness_signer, n) for n in (1, 2, 3)]
    data = encode_note(note.text, [*note.signatures, *lines])
    answer = judge_quorum(data, log.log_id, set_of(*SCHOOLS[:3]))
    assert (answer.present, answer.has_quorum) == (1, False)


def test_a_bad_line_of_a_known_witness_spoils_the_note() -> None:
    """C2SP signed-note: a known key that fails makes the whole note refused."""
    log = SimulatedLog("network")
    note = parse_note(log.sign(SCHOOLS[:3]))
    last = note.signatures[-1]
    bad = NoteSignature(last.name, last.key_id, last.signature[:-1] + bytes([last.signature[-1] ^ 1]))
    data = encode_note(note.text, [*note.signatures[:-1], bad])
    assert not judge_quorum(data, log.log_id, set_of(*SCHOOLS[:3])).has_quorum
    assert judge_quorum(data, log.log_id, set_of(*SCHOOLS[:2])).has_quorum


# the witness set


def test_the_first_set_is_all_that_a_quorum_of_them_confirms() -> None:
    """It begins at the first anchor whose item 0 carries a quorum of all witnesses named below it."""
    network = SimulatedLog("network", Institution.NETWORK)
    schools = SCHOOLS[:3]
    for school in schools:
        network.member(school)
    network.sign(schools[:1])
    assert network.anchor().index not in network.state.void
    assert names(network.state.members.witness_sets[-1]) == []
    network.sign(schools[:2])
    entry = network.anchor()
    assert names(network.state.members.witness_sets[-1]) == ["granite", "lantern", "tidewater"]
    assert network.state.members.witness_sets[-1].since == entry.index


def test_the_first_set_needs_independent_witnesses() -> None:
    """A network that lists only itself never gets a quorum by its own signature."""
    network = SimulatedLog("network", Institution.NETWORK)
    network.member(network)
    network.sign([network])
    network.anchor()
    assert network.state.members.witness_sets[-1].witnesses == ()


def network_of(*schools: SimulatedLog) -> SimulatedLog:
    """A network whose witness set is in force."""
    network = SimulatedLog("network", Institution.NETWORK)
    for school in schools:
        network.member(school)
    network.sign(schools)
    network.anchor()
    assert len(network.state.members.witness_sets[-1].witnesses) == len(schools)
    return network


def test_a_new_witness_counts_from_the_anchor_that_covers_it() -> None:
    """A quorum of the set before, over a head above the entry; the newcomer's own cosignature is not asked for."""
    network = network_of(*SCHOOLS[:3])
    below = network.sign(SCHOOLS[:3])
    network.member(SCHOOLS[3])
    anchor(network, [below])
    assert names(network.state.members.witness_sets[-1]) == ["granite", "lantern", "tidewater"]
    network.sign([SCHOOLS[0], SCHOOLS[3]])
    network.anchor()
    assert names(network.state.members.witness_sets[-1]) == ["granite", "lantern", "tidewater"]
    network.sign(SCHOOLS[:2])
    entry = network.anchor()
    newest = network.state.members.witness_sets[-1]
    assert names(newest) == ["alder", "granite", "lantern", "tidewater"] and newest.since == entry.index


def test_heads_are_judged_by_the_witnesses_that_their_anchor_was_made_under() -> None:
    """An anchor that changes the set records heads cosigned by the old one; nobody could have waited for the new one."""
    network = network_of(*SCHOOLS[:4])
    school = SCHOOLS[1].copy()
    school.cut()
    note = school.sign([SCHOOLS[0], SCHOOLS[2]])
    for leaving in (SCHOOLS[0], SCHOOLS[2]):
        network.member(leaving, MemberOp.SUSPEND)
    network.sign(SCHOOLS[:3])
    entry = network.anchor([note])
    members = network.state.members
    assert members.witness_sets[-1].since == entry.index
    assert not judge_quorum(note, school.log_id, members.witness_sets[-1]).has_quorum
    assert members.anchored[school.log_id][-1].seconds is not None
    assert members.judges_of(school.log_id, entry.index) == tuple(members.witness_sets[-2:])
    assert members.judges_of(school.log_id, entry.index + 1) == (members.witness_sets[-1],)


def test_a_suspended_member_stops_witnessing_only_with_a_quorum_of_the_set_before() -> None:
    network = network_of(*SCHOOLS[:3])
    network.member(SCHOOLS[0], MemberOp.SUSPEND)
    network.sign(SCHOOLS[:1])
    network.anchor()
    assert names(network.state.members.witness_sets[-1]) == ["granite", "lantern", "tidewater"]
    network.sign(SCHOOLS[1:3])
    network.anchor()
    assert names(network.state.members.witness_sets[-1]) == ["lantern", "tidewater"]


def test_an_old_head_does_not_bring_an_old_set_back() -> None:
    """Anchoring an earlier head again, with a quorum as good as ever, must not put removed witnesses back in force."""
    network = network_of(*SCHOOLS[:3])
    old = network.sign(SCHOOLS[:3])
    network.member(SCHOOLS[0], MemberOp.REMOVE)
    network.sign(SCHOOLS[:3])
    network.anchor()
    assert names(network.state.members.witness_sets[-1]) == ["lantern", "tidewater"]
    entry = anchor(network, [old])
    assert "a larger head was anchored before" in network.state.void[entry.index]
    assert names(network.state.members.witness_sets[-1]) == ["lantern", "tidewater"]


def test_a_new_key_of_a_witness_changes_the_set() -> None:
    network = network_of(*SCHOOLS[:3])
    fresh = SimulatedLog("granite", seed="granite again")
    standing = SCHOOLS[0].standing(Rights())
    renewed = type(standing)(
        standing.name,
        standing.origin,
        standing.log_key,
        standing.rights,
        witness(fresh).key,
        standing.grpc,
        standing.url,
    )
    network.member(SCHOOLS[0], MemberOp.AMEND, standing=renewed)
    network.sign(SCHOOLS[1:3])
    network.anchor()
    keys = {item.log: item.key for item in network.state.members.witness_sets[-1].witnesses}
    assert keys[SCHOOLS[0].log_id] == witness(fresh).key


# anchored heads


def test_heads_are_recorded_with_the_time_of_their_quorum() -> None:
    network, (granite, lantern) = found_network("granite", "lantern")
    granite.cut()
    good = granite.sign([network, lantern], SECONDS + 5)
    plain = lantern.note or b""
    entry = network.anchor([good, plain, b"no note", SimulatedLog("stranger").note or b""])
    heads = network.state.members.anchored
    newest = heads[granite.log_id][-1]
    assert (newest.index, newest.size, newest.root) == (entry.index, granite.size, granite.state.frontier.root())
    assert newest.seconds == SECONDS + 5
    assert heads[lantern.log_id][-1].size == 1
    assert set(heads) == {network.log_id, granite.log_id, lantern.log_id}


def test_a_void_anchor_records_nothing() -> None:
    network, (granite, lantern) = found_network("granite", "lantern")
    before = {log: list(heads) for log, heads in network.state.members.anchored.items()}
    entry = anchor(network, [granite.note or b"", lantern.note or b""])
    assert entry.index in network.state.void and network.state.members.anchored == before


# rights


def test_the_last_decision_whose_boundary_is_not_above_decides() -> None:
    """In network order, whatever the boundaries: a later entry with a lower boundary is retroactive, and counts."""
    network, school = SimulatedLog("network", Institution.NETWORK), SimulatedLog("granite")

    def decide(op: MemberOp, size: int, *rights: str) -> None:
        boundary = Boundary(school.log_id, size, bytes(32))
        network.member(school, op, Rights(achievements=rights), boundary=boundary)

    def rights_at(index: int) -> tuple[str, ...]:
        return network.state.members.rights_at(school.log_id, index).achievements

    decide(MemberOp.ADMIT, 5, "first")
    assert [rights_at(index) for index in (0, 4, 5, 99)] == [(), (), ("first",), ("first",)]
    decide(MemberOp.AMEND, 20, "second")
    assert [rights_at(index) for index in (19, 20)] == [("first",), ("second",)]
    decide(MemberOp.SUSPEND, 30)
    assert [rights_at(index) for index in (29, 30)] == [("second",), ()]
    decide(MemberOp.REINSTATE, 40, "third")
    assert [rights_at(index) for index in (39, 40)] == [(), ("third",)]
    decide(MemberOp.AMEND, 10, "retroactive")
    assert [rights_at(index) for index in (5, 9, 10, 25, 45)] == [("first",), ("first",), *[("retroactive",)] * 3]
    decide(MemberOp.REMOVE, 50)
    assert [rights_at(index) for index in (49, 50)] == [("retroactive",), ()]
    assert not network.state.members.is_active(school.log_id)
    assert network.state.members.rights_at(SimulatedLog("lantern").log_id, 9) == NO_RIGHTS
    assert [parse_entry(raw).index for raw in network.entries] == list(range(7))


def test_a_successor_is_named_once() -> None:
    network, (granite, lantern) = found_network("granite", "lantern")
    assert network.state.members.succession_of(granite.log_id) is None
    network.member(granite, MemberOp.SUCCEED, successor=lantern.log_id)
    record = network.state.members.succession_of(granite.log_id)
    assert record is not None and record.change.successor == lantern.log_id
    assert network.state.members.is_active(granite.log_id) is False
    standing = network.state.members.standing_of(granite.log_id)
    assert standing is not None and standing.name == "Granite"


def test_witnesses_are_those_named_below_a_size() -> None:
    network = SimulatedLog("network", Institution.NETWORK)
    for school in SCHOOLS[:3]:
        network.member(school)
    network.member(SCHOOLS[1], MemberOp.SUSPEND)
    below = {size: [item.log for item in network.state.members.named_below(size)] for size in range(6)}
    ids = [school.log_id for school in SCHOOLS]
    assert below[0] == below[1] == [] and below[2] == ids[:1] and below[3] == ids[:2] and below[4] == ids[:3]
    assert below[5] == [ids[0], ids[2]]
