"""The directory: what to follow, where, and who witnesses, all of it read from the networks' logs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ledger.log.charter import Institution
from ledger.log.follow import judge_growth
from ledger.log.governance import MemberOp, Rights
from ledger.log.identity import LogId
from ledger.log.policy import QuorumRule
from node.directory import MAX_TOLD_LOGS, Directory, cosigner_name
from tests.node.web.served import open_store
from tests.simulator import SimulatedLedger, SimulatedLog, found_network, trust_of


def directory_of(own: SimulatedLog, *held: SimulatedLog, trusts: Sequence[SimulatedLog], **more: object) -> Directory:
    roots = [trust_of(network, QuorumRule.NONE) for network in trusts]
    store = SimulatedLedger(own, *held)
    return Directory(store, own.log_id, roots, **more)  # type: ignore[arg-type]  # only views are read here


def test_members_are_followed_networks_first_never_oneself() -> None:
    """Every log a `member` entry names, also of members that were suspended or removed."""
    network, (one, two, three) = found_network("one", "two", "three")
    network.member(three, MemberOp.REMOVE)
    directory = directory_of(one, network, trusts=[network])
    assert directory.follow_order()[0] == network.log_id
    assert directory.followed() == {network.log_id, two.log_id, three.log_id}
    assert directory_of(network, trusts=[]).followed() == {one.log_id, two.log_id, three.log_id}


def test_addresses_come_from_entries_and_charters_and_never_name_oneself() -> None:
    """Network and members by their `grpc`, configured peers first, each once."""
    network, (one, two) = found_network("one", "two")
    more = {"config_peers": ("peer:1",), "own_addresses": {"one.example:8471"}}
    directory = directory_of(one, network, trusts=[network], **more)
    assert directory.addresses() == ("peer:1", "confluence.example:8471", "two.example:8471")
    assert directory.sources(two.log_id)[0] == "two.example:8471"
    assert directory.sources(network.log_id)[0] == "confluence.example:8471"


def test_witnesses_are_all_but_the_operators_own() -> None:
    """Named ones are asked; those in force are counted, without the log's own operator's."""
    network, (one, two, three) = found_network("one", "two", "three")
    directory = directory_of(one, network, two, trusts=[network])
    named = {witness.log for witness in directory.witnesses(one.log_id)}
    assert named == {network.log_id, two.log_id, three.log_id}
    in_force = {witness.log for witness in directory.witnesses_in_force(two.log_id)}
    assert in_force == {network.log_id, one.log_id, three.log_id}
    assert directory.own_witness_key([one.witness_signer.public]).name == "one.example/witness"


def test_an_origin_leads_to_logs_held_or_told_of() -> None:
    """Also to a member's log that has not arrived yet, with the key its network names."""
    network, (one, two) = found_network("one", "two")
    directory = directory_of(one, network, trusts=[network])
    assert directory.logs_of_origin("two.example/log") == (two.log_id,)
    assert directory.log_key(two.log_id, 5) == (two.log_signer.public, False)
    assert directory.logs_of_origin("confluence.example/log") == (network.log_id,)
    assert directory.log_key(network.log_id, 1) == (network.log_signer.public, True)
    assert directory.logs_of_origin("one.example/log") == ()
    assert directory.log_key(LogId(bytes(32)), 1) == (None, False)


def test_what_a_peer_tells_of_is_followed_up_to_a_bound() -> None:
    """The first logs of each peer count, those a network names are not among them, and no later list moves them."""
    network, (one, two) = found_network("one", "two")
    directory = directory_of(one, network, trusts=[network])
    named = {network.log_id, two.log_id}

    def made(start: int) -> list[LogId]:
        return [LogId(number.to_bytes(32, "big")) for number in range(start, start + MAX_TOLD_LOGS)]

    directory.hear("peer:1", [*named, *made(0), LogId(bytes([255]) * 32)])
    assert directory.followed() == named | set(made(0))
    directory.hear("peer:1", made(5000))
    assert directory.followed() == named | set(made(0))
    directory.hear("peer:2", made(5000))
    assert directory.followed() == named | set(made(0)) | set(made(5000))


def test_before_any_network_there_is_nobody(tmp_path: Path) -> None:
    """A node alone follows nothing, and knows its witness key under the usual name."""
    one = SimulatedLog("one")
    directory = directory_of(one, trusts=[])
    assert (directory.followed(), directory.addresses(), directory.witnesses(one.log_id)) == (frozenset(), (), ())
    key = directory.own_witness_key([one.witness_signer.public])
    assert key.name == cosigner_name("one.example/log") == "one.example/log/witness"


def test_the_newest_head_is_the_newest_note_with_a_quorum(tmp_path: Path) -> None:
    """A checkpoint that nobody cosigned yet is not shown while an older head is there."""
    network, (one, two, three) = found_network("one", "two", "three")
    one.cut()
    head = one.sign([network, two])
    store = open_store(tmp_path, [one, network])
    directory = Directory(store, one.log_id, [trust_of(network)])
    assert directory.newest_head(one.log_id) == head
    one.cut()
    held = store.log(one.log_id)
    assert held is not None and one.note is not None
    held.commit(judge_growth(held.state, one.entries[held.size :], one.bodies[held.size :], one.note))
    assert directory.newest_head(one.log_id) == head
    cosigned = one.sign([two, three])
    held.put_note(cosigned)
    assert directory.newest_head(one.log_id) == cosigned
    assert directory.newest_head(LogId(bytes(32))) is None
    store.close()


def test_a_member_of_two_networks_waits_for_the_witnesses_of_both() -> None:
    """Each network believes its own witnesses alone: with the quorum of one, a head is not done."""
    first, (one, two, three) = found_network("one", "two", "three")
    second = SimulatedLog("delta", Institution.NETWORK, governors=3, threshold=2)
    others = [SimulatedLog(name) for name in ("four", "five")]
    for log in (second, one, *others):
        second.member(log)
        second.sign(others)
    second.anchor([])
    second.sign(others)
    directory = directory_of(one, first, second, trusts=[first, second])
    one.cut()
    ours, theirs = one.sign([first, two, three]), one.sign([second, *others])
    assert [directory.quorum(one.log_id, note).has_quorum for note in (ours, theirs)] == [False, False]
    both = directory.quorum(one.log_id, one.sign([first, two, three, second, *others]))
    assert both.has_quorum
    heard = directory.count_answers(one.log_id, {first.log_id, two.log_id, three.log_id})
    assert (heard.witnesses, heard.needed, heard.present) == (3, 2, 0)
    assert directory.count_answers(one.log_id, {two.log_id, three.log_id, *(log.log_id for log in others)}).present == 2
    assert directory.quorum(two.log_id, two.sign([first, one])).has_quorum, "the other network does not decide on it"


def test_a_network_without_witnesses_does_not_speak_for_the_one_that_has_some() -> None:
    """Its answer is as good as any, and says nothing: how many cosigned is told by the network that counts them."""
    first, (one, two, three) = found_network("one", "two", "three")
    second = SimulatedLog("delta", Institution.NETWORK)
    second.member(one, standing=replace(one.standing(Rights(achievements=("*",))), witness=None))
    directory = directory_of(one, first, second, trusts=[first, second])
    answer = directory.quorum(one.log_id, one.sign([first, two, three]))
    assert (answer.witnesses, answer.present, answer.has_quorum) == (3, 3, True)
