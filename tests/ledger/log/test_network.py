"""What a verifier concludes from held logs: owners, rights, heads, successions, forks."""

import pytest

from ledger.errors import PolicyError, ProofError
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.governance import MemberOp, Rights
from ledger.log.identity import short_log_id
from ledger.log.members import Witness
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from ledger.log.policy import QuorumRule
from tests.ledger.log.networks import SECONDS, World
from tests.ledger.log.samples import amend
from tests.simulator import SimulatedLedger, SimulatedLog, found_network, seeded, trust_of

# the trust root


def test_members_are_listed_in_the_order_of_their_first_entry() -> None:
    world = World()
    world.network.member(world.lantern, MemberOp.SUSPEND)
    listed = world.look().members()
    assert [(member.standing.name, member.active) for member in listed] == [
        ("Confluence", True),
        ("Granite", True),
        ("Lantern", False),
        ("Tidewater", True),
    ]
    assert world.look().name_of(world.granite.log_id) == "Granite"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda world: {"network": SimulatedLog("stranger").log_id}, "its log is not held"),
        (lambda world: {"head_size": world.network.size + 1}, "entries held, the trust root pins a head of"),
        (lambda world: {"head_root": RootHash(bytes(32))}, "not the one the trust root pins"),
        (lambda world: {"head_size": world.network.size - 1}, "not the one the trust root pins"),
        (
            lambda world: {"witnesses": world.trust.witnesses[:-1]},
            "names other witnesses than the trust root pins",
        ),
        (
            lambda world: {
                "witnesses": (*world.trust.witnesses, Witness(world.granite.log_id, world.trust.witnesses[0].key))
            },
            "names other witnesses",
        ),
    ],
)
def test_a_log_that_does_not_hold_the_pin_is_not_that_network(change: object, message: str) -> None:
    world = World()
    assert callable(change)
    with pytest.raises(PolicyError, match=message):
        world.look(**change(world))


def test_a_pin_stays_good_while_the_network_grows() -> None:
    world = World()
    world.network.cut()
    world.network.member(world.tidewater, MemberOp.REMOVE)
    assert world.look().state.size == world.network.size


# owners


def test_an_issuer_id_under_the_host_belongs_to_its_log() -> None:
    world = World()
    network = world.look()
    url = f"https://confluence.example/m/{short_log_id(world.granite.log_id)}"
    assert network.issuer_url(world.granite.log_id) == url
    for issuer in (url, url + "/", url + "/achievements/1"):
        assert network.owner_of(issuer) == world.granite.log_id
    assert network.owner_of(network.issuer_url(world.network.log_id)) == world.network.log_id
    for issuer in (url + "x", url[:-1], url.replace("https", "http"), "https://granite.example", "", "https://x/m/"):
        assert network.owner_of(issuer) is None


def test_another_issuer_id_counts_only_if_listed() -> None:
    world = World()
    url = "https://granite.example/issuer"
    assert world.look().owner_of(url) is None
    world.network.member(world.granite, MemberOp.AMEND, Rights(issuers=(url,)))
    world.network.member(world.lantern, MemberOp.AMEND, Rights(issuers=(url,)))
    assert world.look().owner_of(url) == world.granite.log_id
    assert world.look().owner_of(url + "/x") is None


def test_what_was_issued_under_an_earlier_host_keeps_its_owner() -> None:
    """The network may move; its members' credentials outlive that."""
    world = World()
    old = world.look().issuer_url(world.granite.log_id)
    amend(world.network, url="https://confluence.school:8443/x")
    amend(world.network, url="https://confluence.org")
    network = world.look()
    assert network.host == "confluence.org"
    short = short_log_id(world.granite.log_id)
    for issuer in (old, f"https://confluence.school:8443/m/{short}", f"https://confluence.org/m/{short}"):
        assert network.owner_of(issuer) == world.granite.log_id
        assert network.is_own_issuer(world.granite.log_id, issuer)
        assert not network.is_own_issuer(world.lantern.log_id, issuer)


# rights


def test_rights_say_why_there_are_none() -> None:
    world = World()
    log = world.granite
    stranger = SimulatedLog("stranger")
    assert world.look().rights_at(stranger.log_id, 0).reason == "it was not a member at that position"
    admitted = world.network.state.members.records[log.log_id][0].index
    assert world.look().rights_at(log.log_id, 0).reason == (
        f"it was not a member at that position; entry {admitted} of the network admits it from entry 1 on"
    )
    assert world.look().rights_at(log.log_id, 1).rights.achievements == ("*",)
    log.cut()
    world.network.member(log, MemberOp.SUSPEND)
    answer = world.look().rights_at(log.log_id, 4)
    assert (answer.reason, answer.rights) == ("it was suspended from entry 4 on", Rights())
    assert answer.record is not None and answer.record.index == world.network.size - 1
    world.network.member(log, MemberOp.REMOVE)
    assert world.look().rights_at(log.log_id, 9).reason == "it was removed from entry 4 on"
    assert world.look().rights_at(log.log_id, 3).reason is None
    world.network.member(log, MemberOp.ADMIT)
    log.cut()
    assert world.look().rights_at(log.log_id, 5).reason is None


def test_a_log_with_another_root_at_its_boundary_is_not_that_member() -> None:
    """The network admitted one history; this one is another."""
    world = World()
    log = world.granite
    admitted = log.copy()
    admitted.cut([seeded("one")])
    log.cut([seeded("two")])
    world.network.member(admitted, MemberOp.AMEND)
    log.cut()
    assert world.look().rights_at(log.log_id, 4).reason == "its log is not the one the network admitted"
    assert world.look().rights_at(log.log_id, 3).reason is None


def test_succession_ends_a_log_and_names_who_goes_on() -> None:
    world = World()
    heir = SimulatedLog("heir")
    world.granite.cut()
    world.network.member(heir)
    world.network.member(world.granite, MemberOp.SUCCEED, successor=heir.log_id)
    network = world.look()
    assert network.successor_of(world.granite.log_id) == (heir.log_id, world.granite.boundary())
    assert network.rights_at(world.granite.log_id, 3).reason is None
    assert network.rights_at(world.granite.log_id, 4).reason == "its log had ended and a successor goes on"
    assert network.line_of(world.granite.log_id) == (world.granite.log_id, heir.log_id)
    assert network.line_of(heir.log_id) == (heir.log_id,)


def test_a_line_of_successors_is_followed_to_its_end() -> None:
    world = World()
    world.network.member(world.granite, MemberOp.SUCCEED, successor=world.lantern.log_id)
    world.network.member(world.lantern, MemberOp.SUCCEED, successor=world.tidewater.log_id)
    line = (world.granite.log_id, world.lantern.log_id, world.tidewater.log_id)
    assert world.look().line_of(world.granite.log_id) == line


# heads


def test_a_head_has_a_quorum_of_the_others() -> None:
    world = World()
    world.confirm(world.granite, SECONDS + 7)
    answer = world.look().judge_head(world.granite.log_id)
    assert (answer.size, answer.quorum.witnesses, answer.quorum.required, answer.quorum.present) == (1, 3, 2, 3)
    assert answer.quorum.seconds == SECONDS + 7 and world.look().is_head_accepted(answer)


def test_a_head_without_quorum_is_good_only_if_the_trust_root_asks_for_none() -> None:
    world = World()
    world.granite.cut()
    world.granite.sign([world.lantern])
    answer = world.look().judge_head(world.granite.log_id)
    assert (answer.quorum.present, answer.quorum.has_quorum) == (1, False)
    assert not world.look().is_head_accepted(answer)
    assert world.look(quorum=QuorumRule.NONE).is_head_accepted(answer)


def test_a_note_that_is_not_over_the_held_tree_is_no_head() -> None:
    world = World()
    world.granite.note = sign_checkpoint(
        Checkpoint("granite.example/log", 1, RootHash(bytes(32))), world.granite.log_signer
    )
    with pytest.raises(ProofError, match="root at size 1"):
        world.look().judge_head(world.granite.log_id)
    with pytest.raises(PolicyError, match="not held"):
        world.look().judge_head(SimulatedLog("stranger").log_id)


def test_while_the_newest_head_lacks_a_quorum_the_anchored_one_is_confirmed() -> None:
    world = World()
    world.granite.cut()
    world.confirm(world.granite)
    world.anchor()
    size = world.granite.size
    world.granite.cut()
    network = world.look()
    assert not network.judge_head(world.granite.log_id).quorum.has_quorum
    answer = network.confirmed_head(world.granite.log_id)
    assert (answer.size, answer.root, answer.quorum.has_quorum) == (size, world.granite.root_at(size), True)


@pytest.mark.parametrize("is_other_history", [False, True])
def test_an_anchored_head_that_is_not_over_the_held_copy_confirms_nothing(is_other_history: bool) -> None:
    """The copy is behind it, or is of another history: then nothing tells that the copy was ever confirmed."""
    world = World()
    held = world.granite.copy()
    world.granite.cut()
    world.confirm(world.granite)
    world.anchor()
    if is_other_history:
        held.cut([seeded("other")])
        held.cut()
    held.sign()
    network = Network(world.trust, SimulatedLedger(world.network, held, world.lantern, world.tidewater))
    assert network.newest_anchor(held.log_id).size == world.granite.size  # type: ignore[union-attr]
    answer = network.confirmed_head(held.log_id)
    assert (answer.size, answer.quorum.has_quorum) == (held.size, False)


def test_a_head_is_judged_by_the_set_in_force_where_it_is_anchored() -> None:
    """Anchored under the old witnesses it stays good under them; one that is not anchored needs the newest."""
    world = World()
    world.granite.cut()
    world.granite.sign([world.network, world.lantern])
    world.anchor()
    others = [SimulatedLog(name) for name in ("alder", "birch", "cedar", "dogwood")]
    for log in others:
        world.network.member(log)
    world.anchor()
    network = world.look()
    assert len(world.network.state.members.witness_sets[-1].for_log(world.granite.log_id)) == 7
    assert network.judge_head(world.granite.log_id).quorum.required == 2
    assert network.judge_head(world.granite.log_id).quorum.has_quorum
    world.granite.cut()
    world.granite.sign([world.network, world.lantern])
    answer = world.look().judge_head(world.granite.log_id)
    assert (answer.quorum.required, answer.quorum.has_quorum) == (4, False)


def test_the_newest_anchored_head_counts_only_with_a_quorum() -> None:
    world = World()
    world.confirm(world.granite)
    world.anchor()
    world.granite.cut()
    world.granite.sign([world.lantern])
    world.anchor()
    newest = world.look().newest_anchor(world.granite.log_id)
    assert newest is not None and newest.size == 1
    assert world.look().newest_anchor(SimulatedLog("stranger").log_id) is None


def test_what_was_judged_about_a_log_can_be_forgotten() -> None:
    """A head is judged once for a note, evidence once for a look; after `forget` both are judged anew."""
    network, (granite, _) = found_network("granite", "lantern")
    look = Network(trust_of(network), SimulatedLedger(network, granite))
    assert look.fork_of(granite.log_id) is None
    look.pages[granite.log_id, 3] = ()
    other = granite.copy()
    for branch in (granite, other):
        branch.publish("this" if branch is granite else "that")
        branch.sign([network])
    assert granite.note is not None and other.note is not None
    granite.forks.append(encode_fork(ForkEvidence(granite.note, other.note)))
    assert look.fork_of(granite.log_id) is None
    look.forget(granite.log_id)
    assert look.fork_of(granite.log_id) is not None
    assert look.pages == {}


def test_a_member_that_takes_another_members_name_is_told_from_it() -> None:
    """Its own charter says how it calls itself; what the network knows it by stands first."""
    world = World()
    assert [world.look().name_of(log.log_id) for log in world.everybody()[1:]] == ["Granite", "Lantern", "Tidewater"]
    amend(world.lantern, name="Granite")
    assert world.look().name_of(world.lantern.log_id) == "Lantern (calls itself Granite)"
    assert world.look().name_of(world.granite.log_id) == "Granite"


def test_what_no_quorum_stands_behind_makes_no_decision_retroactive() -> None:
    """The network's host can record anything under a member's name; reports must not say that it had been anchored."""
    world = World()
    world.confirm(world.granite)
    world.anchor()
    invented = Checkpoint("granite.example/log", 10**12, RootHash(bytes(32)))
    world.network.anchor([sign_checkpoint(invented, world.network.log_signer)])
    world.network.member(world.granite, MemberOp.SUSPEND)
    answer = world.look().rights_at(world.granite.log_id, 9)
    assert answer.reason == "it was suspended from entry 1 on"
