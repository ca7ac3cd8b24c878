"""A trust root from long ago still leads to today, by what stands on the network's log; a forged way does not.

Between the two lie all changes there can be: another witness key, another witness, another log key, other governors.
"""

from dataclasses import replace

import pytest

from ledger.credential.report import Code, CredentialReport, Verdict
from ledger.credential.verify import Question, verify_file
from ledger.errors import PolicyError, ProofError, RuleError, SignatureError
from ledger.log.checkpoint import Checkpoint, add_signatures, cosign, sign_checkpoint, witness_verifier_key
from ledger.log.entry import parse_entry
from ledger.log.follow import judge_checkpoint, judge_growth
from ledger.log.governance import MemberOp
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from ledger.log.state import LogState, found_state
from tests.ledger.credential.verifying import AUDIENCE, NONCE, NOW, SECONDS, World
from tests.ledger.log.samples import fresh_key
from tests.simulator import SimulatedLedger, SimulatedLog


class History:
    """Years of a network: at the end no key is in force that the first trust root knew."""

    def __init__(self) -> None:
        self.world = World()
        self.trust = self.world.trust
        self.first_head = self.world.network.note
        self.old_log_key = self.world.network.log_signer
        self.old_roots = list(self.world.network.root_signers)
        self.before = self.world.good()
        self.change_witness_key(self.world.lantern)
        self.change_witness_key(self.world.granite)
        self.world.network.rotate(fresh_key(self.world.network, "log"))
        self.world.confirm()
        self.world.network.replace_roots([fresh_key(self.world.network, ("root", n)) for n in range(3)], 2)
        self.world.network.rotate(fresh_key(self.world.network, "log of today"))
        self.world.confirm()
        self.after = self.world.good()

    @property
    def network(self) -> SimulatedLog:
        return self.world.network

    def change_witness_key(self, member: SimulatedLog) -> None:
        """Named by an amendment, in force from the anchor that the set before cosigned."""
        old, name = member.witness_signer, member.witness_name
        member.witness_signer = fresh_key(member, "witness")
        self.network.member(member, MemberOp.AMEND)
        members = self.world.logs[1:]
        note = self.network.sign(members)
        self.network.note = add_signatures(note, [cosign(note, name, old, SECONDS)])
        self.network.anchor()
        self.world.confirm()
        key = witness_verifier_key(name, member.witness_signer.public)
        assert key in [witness.key for witness in self.network.state.members.witness_sets[-1].witnesses]


@pytest.fixture(scope="module")
def history() -> History:
    return History()


def replay(log: SimulatedLog, end: int) -> LogState:
    state = found_state(parse_entry(log.entries[0]))
    for index in range(1, end):
        state.apply(parse_entry(log.entries[index]), log.bodies[index])
    return state


def test_the_first_trust_root_reaches_todays_state(history: History) -> None:
    """What was issued before and after every change is valid, under heads of witnesses it never heard of."""
    assert history.world.trust == history.trust
    network = history.world.look()
    head = network.judge_head(network.trust.network)
    assert (head.size, head.quorum.has_quorum) == (history.network.size, True)
    pinned = {witness.key for witness in history.trust.witnesses}
    (judges,) = network.witness_sets_for(network.trust.network, head.size, head.root)
    today = {witness.key for witness in judges.witnesses}
    assert len(pinned & today) == 1  # the network's own
    assert [history.world.check(one).code for one in (history.before, history.after)] == [Code.VALID, Code.VALID]


def test_a_replica_of_the_first_day_grows_to_today(history: History) -> None:
    """Under a checkpoint of today's log key, which only the log itself names."""
    log, start = history.network, history.trust.head_size
    assert log.note is not None
    growth = judge_growth(replay(log, start), log.entries[start:], log.bodies[start:], log.note)
    assert growth.state.log_key == log.log_signer.public != history.trust.log_key


def forged(
    history: History, signers: list[SigningKey], log_key: SigningKey, cosigners: list[SimulatedLog]
) -> SimulatedLog:
    """A branch from the pinned head on, by whoever has these keys: it names a witness of its own and gives it the log."""
    log = history.network
    branch = SimulatedLog("confluence", log.state.charter.institution, governors=3, threshold=2)
    for index in range(1, history.trust.head_size):
        branch.append_raw(log.entries[index], log.bodies[index])
    branch.counter = 70_000
    branch.root_signers = signers
    branch.log_signer = log_key
    puppet = SimulatedLog("puppet")
    branch.member(puppet)
    branch.sign([*cosigners, puppet])
    branch.anchor()
    branch.sign([*cosigners, puppet])
    return branch


def test_a_branch_without_enough_governors_names_nobody(history: History) -> None:
    """One governor, the log key of then and one witness of then: the puppet is no member, and the head has no quorum."""
    branch = forged(history, history.old_roots[:1], history.old_log_key, [history.world.granite])
    assert "1 of the 2 root signatures" in next(iter(branch.state.void.values()))
    network = Network(history.trust, SimulatedLedger(branch, *history.world.logs[1:]))
    assert not network.judge_head(branch.log_id).quorum.has_quorum
    report = _check(history, branch)
    assert (report.code, report.verdict) == (Code.NO_QUORUM, Verdict.CANNOT_TELL)


def test_a_branch_of_all_governors_needs_the_witnesses_of_before(history: History) -> None:
    """Even with every old root key a new set of witnesses comes in force only by the quorum of the set before it."""
    branch = forged(history, history.old_roots, history.old_log_key, [])
    assert not branch.state.void
    assert (
        branch.state.members.witness_sets[-1]
        == replay(history.network, history.trust.head_size).members.witness_sets[-1]
    )
    assert _check(history, branch).code is Code.NO_QUORUM


def _check(history: History, branch: SimulatedLog) -> CredentialReport:
    data = history.world.present(history.before)
    look = Network(history.trust, SimulatedLedger(branch, *history.world.logs[1:]))
    return verify_file(data, look, Question(now=NOW + 60_000, audience=AUDIENCE, nonce=NONCE)).credentials[0]


def test_a_log_that_parts_below_the_pin_is_another_network(history: History) -> None:
    """Whatever stands above: the pinned head is not in it."""
    other = SimulatedLog("confluence", history.network.state.charter.institution, governors=3, threshold=2)
    other.counter = 80_000
    while other.size < history.network.size:
        other.publish(f"x{other.size}")
    assert other.log_id == history.network.log_id
    with pytest.raises(PolicyError, match="the log held is not the one the trust root pins"):
        Network(history.trust, SimulatedLedger(other))


def test_keys_of_then_sign_nothing_of_today(history: History) -> None:
    """A checkpoint of today by the log key of then, entries by the governors of then."""
    log = history.network
    root = RootHash(log.state.frontier.root())
    note = sign_checkpoint(Checkpoint(log.state.charter.origin, log.size, root), history.old_log_key)
    with pytest.raises(SignatureError):
        judge_checkpoint(log.state, note)
    branch = log.copy()
    branch.root_signers = history.old_roots
    entry = branch.member(history.world.granite, MemberOp.SUSPEND)
    assert branch.state.void[entry.index] == "0 of the 2 root signatures it needs"


def test_a_replica_takes_no_entry_out_of_the_way_between(history: History) -> None:
    """Left out, put elsewhere or changed: the chain of entries breaks at the first that is not the one of then."""
    log, start = history.network, history.trust.head_size
    note = log.note or b""
    rest, bodies = log.entries[start:], log.bodies[start:]
    with pytest.raises(RuleError, match=rf"entry {start}: index {start + 1} where {start} is next"):
        judge_growth(replay(log, start), rest[1:], bodies[1:], _over(log, start + len(rest) - 1))
    with pytest.raises((RuleError, ProofError, SignatureError)):
        judge_growth(replay(log, start), [*rest[:-1], rest[-2]], bodies, note)


def _over(log: SimulatedLog, size: int) -> bytes:
    return sign_checkpoint(Checkpoint(log.state.charter.origin, size, log.root_at(size)), log.log_signer)


def test_a_younger_pin_refuses_an_older_copy(history: History) -> None:
    """Whoever has today's trust root is not sent back to yesterday by a replica of yesterday."""
    today = replace(
        history.trust, head_size=history.network.size, head_root=history.network.root_at(history.network.size)
    )
    yesterday = SimulatedLog("confluence", history.network.state.charter.institution, governors=3, threshold=2)
    for index in range(1, history.trust.head_size):
        yesterday.append_raw(history.network.entries[index], history.network.bodies[index])
    with pytest.raises(PolicyError, match=r"entries held, the trust root pins a head of \d+"):
        Network(today, SimulatedLedger(yesterday))
