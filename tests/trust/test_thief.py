"""What a thief can do with each key that stands on a node, with all of them, and with too few root keys.

One test per key. Each thief tries what the key could be good for against the real rules: growth as a replica judges it, the
network as a verifier computes it, a file as it is verified. Afterwards the same holds: what was valid is valid, what was
revoked is revoked, and nothing the thief made is believed.
"""

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from ledger.credential.report import Code, Verdict
from ledger.credential.status import Status
from ledger.errors import CairnError, ProofError, RuleError, SignatureError
from ledger.log.body import encode_body
from ledger.log.charter import Role, RoleKey, Roots
from ledger.log.checkpoint import Checkpoint, add_signatures, cosign, open_checkpoint, sign_checkpoint
from ledger.log.entry import encode_entry, parse_entry, sign_statement
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.follow import judge_checkpoint, judge_growth
from ledger.log.governance import AddKey, CompromiseKey, MemberOp, ReplaceRoots, RetireKey, Rights, RotateLogKey
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.records import CloseDocument, DocumentName
from ledger.log.rotation import SignedRotation, verify_rotation
from ledger.log.statement import Statement
from ledger.log.statements import encode as encode_statement
from tests.ledger.credential.verifying import NOW, SECONDS, Minted, World
from tests.ledger.log.samples import SAMPLES, fresh_key
from tests.simulator import SLOTS, SimulatedLog, seeded

HOUR = 3600
FUTURE = SAMPLES["unknown kind"]
"""What a newer version may write: verifiers that cannot read it have to say so."""


class Town:
    """Granite's world on the day of the theft: one diploma is valid, one is revoked, both long anchored."""

    def __init__(self) -> None:
        self.world = World()
        self.valid = self.world.mint()
        self.revoked = self.world.mint()
        self.world.cut(self.valid, self.revoked)
        self.world.desk(self.granite).statuses[self.revoked.slot] = Status.REVOKED
        self.world.cut()
        self.theft = self.granite.size

    @property
    def granite(self) -> SimulatedLog:
        return self.world.granite

    def codes(self) -> tuple[Code, Code]:
        return self.world.check(self.valid).code, self.world.check(self.revoked).code

    def holds(self) -> None:
        """Nothing from before the theft has changed."""
        assert self.codes() == (Code.VALID, Code.REVOKED)

    def offer(
        self, statement: Statement, keys: Sequence[SigningKey], log_key: SigningKey, body: bytes | None = None
    ) -> None:
        """What a replica says to this as the next entry, under a checkpoint by `log_key`."""
        log = self.granite
        data = encode_statement(dataclasses.replace(statement, log=log.log_id))
        raw = encode_entry(log.size, log.state.last_leaf, data, sign_statement(data, keys))
        grown = log.state.copy()
        grown.apply(parse_entry(raw), body)
        note = sign_checkpoint(Checkpoint(log.state.charter.origin, grown.size, grown.frontier.root()), log_key)
        judge_growth(log.state, [raw], [body], note)

    def governance(self, keys: Sequence[SigningKey]) -> list[str]:
        """Append every change a thief could wish for, signed with these keys; gives why each has no effect."""
        reasons = []
        own = self.granite.role_signers[Role.REGISTER].public
        thief = fresh_key(self.granite, "the thief's")
        for kind, values in (
            (AddKey, {"key": RoleKey(thief.public, Role.REGISTER), "until": self.granite.size + 64}),
            (RetireKey, {"key": own.id, "until": self.granite.size + 64}),
            (CompromiseKey, {"key": own.id, "since": 1}),
            (RotateLogKey, {"log_key": thief.public}),
            (ReplaceRoots, {"roots": Roots((thief.public,), 1)}),
        ):
            header = self.granite.header()
            statement = kind(**header, after=-1, **values)  # type: ignore[arg-type]
            extra = [thief] if kind is ReplaceRoots else []
            entry = self.granite.append(statement, [*keys, *extra])
            reasons.append(self.granite.state.void.get(entry.index, "it has effect"))
        return reasons


@pytest.fixture
def town() -> Town:
    return Town()


def forged(town: Town, signer: SigningKey, receipt_of: Minted | None = None) -> Minted:
    """A diploma by this key that the school never awarded, with somebody else's receipt or none."""
    one = town.world.mint(key=signer)
    return dataclasses.replace(one, receipt=None if receipt_of is None else receipt_of.receipt)


@pytest.mark.parametrize("role", [Role.REGISTER, Role.ISSUE])
def test_a_thief_of_a_credential_key(town: Town, role: Role) -> None:
    """Makes copies with good signatures, and cannot put one on the ledger: no batch of the school commits to it."""
    key = town.granite.role_signers[role]
    without, foreign = forged(town, key), forged(town, key, town.valid)
    assert town.world.check(without).code is Code.NO_RECEIPT
    assert town.world.check(foreign).verdict is Verdict.NOT_AUTHENTIC
    with pytest.raises(SignatureError):
        town.offer(FUTURE, [key], key)
    # Even if the node itself wrote the batch down for him.
    reason = town.granite.state.void.get(town.granite.issue([without.commitment], key=key).index, "")
    assert reason == "its key could not act as operate: a key with another role"
    assert set(town.governance([key])) == {"0 of the 1 root signatures it needs"}
    # Declared stolen from the day of the theft on: what it signed before stays good.
    town.granite.compromise(key, since=town.theft)
    town.world.cut()
    town.holds()


def test_a_thief_of_the_operate_key(town: Town) -> None:
    """Signs batches and noise pages, if the node writes them down: noise counts only until the key is declared stolen."""
    key = town.granite.role_signers[Role.OPERATE]
    with pytest.raises(SignatureError):
        town.offer(FUTURE, [key], key)
    assert set(town.governance([key])) == {"0 of the 1 root signatures it needs"}
    believed = forged(town, key)
    town.world.batch(town.granite, [believed])
    since = town.granite.size
    town.granite.status(seeded("noise") * (SLOTS // 32), key=key)
    town.granite.append(dataclasses.replace(FUTURE, log=town.granite.log_id), [key])
    town.world.confirm()
    assert town.world.check(believed).verdict is Verdict.NOT_AUTHENTIC
    town.granite.compromise(key, since=since)
    new = fresh_key(town.granite, "operate")
    town.granite.add_key(new, Role.OPERATE)
    town.world.confirm()
    doubted = town.world.check(town.valid)
    assert (doubted.code, doubted.verdict) == (Code.INCOMPLETE, Verdict.CANNOT_TELL)
    town.granite.role_signers[Role.OPERATE] = new
    town.world.cut()
    town.holds()


def test_a_thief_of_the_define_key(town: Town) -> None:
    """Publishes and closes documents: neither changes a version that stands, nor the validity of anything."""
    key = town.granite.role_signers[Role.DEFINE]
    town.granite.publish("diploma", document=b'{"honest":1}')
    since = town.granite.size
    again = town.granite.publish("diploma", document=b'{"forged":1}')
    assert town.granite.state.void[again.index] == "this version of the document was published before"
    town.granite.append(CloseDocument(**town.granite.header(), name=DocumentName("diploma", 1)), [key])  # type: ignore[arg-type]
    assert set(town.governance([key])) == {"0 of the 1 root signatures it needs"}
    town.world.cut()
    town.holds()
    town.granite.compromise(key, since=since)
    record = town.granite.state.document(DocumentName("diploma", 1))
    assert record is not None and record.closed is None
    town.world.cut()
    town.holds()


def test_a_thief_of_a_witness_key(town: Town) -> None:
    """Cosigns what was never written, and old heads with new times: neither is a quorum, nor a head, nor fresh."""
    thief = town.world.lantern.witness_signer
    name = town.world.lantern.witness_name
    log = town.granite
    made_up = sign_checkpoint(Checkpoint(log.state.charter.origin, log.size, RootHash(bytes(32))), thief)
    note = add_signatures(made_up, [cosign(made_up, name, thief, SECONDS)])
    with pytest.raises(SignatureError):
        judge_checkpoint(log.state, note)
    # A branch that only this witness would cosign has no quorum, whoever wrote it.
    log.sign([town.world.lantern])
    assert not town.world.look().judge_head(log.log_id).quorum.has_quorum
    # What the network's log recorded with a quorum goes on counting.
    assert town.world.check(town.valid).code is Code.VALID
    town.world.confirm()
    town.holds()
    # An old head of the network under a new time of one witness does not become the newest state known.
    later = town.world.trust.max_age // 1000 + HOUR
    network = town.world.network
    assert network.note is not None
    head = open_checkpoint(network.note, network.state.verifier_key_at(network.size))
    network.note = sign_checkpoint(head, network.log_signer)
    network.note = network.cosigned(network.note, [town.world.granite], SECONDS)
    network.note = network.cosigned(network.note, [town.world.lantern], SECONDS + later)
    report = town.world.check(town.valid, now=NOW + later * 1000)
    assert report.code is Code.STALE


def test_a_thief_of_the_log_key(town: Town) -> None:
    """Signs checkpoints and anchors: nothing that counts, and nothing that stops anybody from reading what counts."""
    log, key = town.granite, town.granite.log_signer
    reasons = set(town.governance([key]))
    assert reasons == {"0 of the 1 root signatures it needs"}
    entry = log.append(dataclasses.replace(FUTURE, log=log.log_id), [key])
    assert log.state.void_reason(entry) is not None
    believed = forged(town, key)
    assert "its key could not act as operate" in log.state.void[log.issue([believed.commitment], key=key).index]
    assert town.world.check(believed).verdict is Verdict.NOT_AUTHENTIC
    town.world.confirm()
    town.holds()
    # A second history below what is anchored: refused by every replica, an alarm to everybody else, and no verdict changes.
    fork = SimulatedLog("granite")
    for index in range(1, town.theft - 3):
        fork.append_raw(log.entries[index], log.bodies[index])
    fork.counter = 5000
    fork.cut()
    assert fork.note is not None
    with pytest.raises(ProofError):
        judge_checkpoint(log.state, fork.note, log.root_at(fork.size))
    log.forks = [encode_fork(ForkEvidence(_note_of(log, fork.size), fork.note))]
    assert town.world.look().fork_of(log.log_id) is not None
    town.holds()
    # The cure: root keys rotate it, and what the old key signs from there on is no checkpoint of this log.
    log.rotate(fresh_key(log, "log"))
    late = sign_checkpoint(Checkpoint(log.state.charter.origin, log.size, log.state.frontier.root()), key)
    with pytest.raises(SignatureError):
        judge_checkpoint(log.state, late)
    town.world.cut()
    town.holds()


def _note_of(log: SimulatedLog, size: int) -> bytes:
    note = sign_checkpoint(Checkpoint(log.state.charter.origin, size, log.root_at(size)), log.log_signer)
    return log.cosigned(note, [])


def test_a_thief_of_the_list_root(town: Town) -> None:
    """Reads every status for ever, and cannot write one: a page counts by the operate key's signature alone."""
    thief = fresh_key(town.granite, "the thief's")
    page = town.world.desk(town.granite).page(bytes(16))
    body = encode_body("status", page)
    with pytest.raises(SignatureError, match="never named"):
        town.offer(SAMPLES["status"], [thief], town.granite.log_signer, body)
    town.holds()


def test_a_thief_of_all_keys_of_a_node(town: Town) -> None:
    """Adds what looks like the school's own, until the keys are declared stolen; changes nothing that was anchored."""
    signers = [town.granite.log_signer, *town.granite.role_signers.values(), town.granite.witness_signer]
    for key in signers[:-1]:
        assert set(town.governance([key])) == {"0 of the 1 root signatures it needs"}
    added = town.world.mint()
    town.world.desk(town.granite).statuses[town.valid.slot] = Status.REVOKED
    town.world.cut(added)
    assert town.world.check(added).code is Code.VALID
    assert town.codes()[0] is Code.REVOKED
    anchored = town.world.look().newest_anchor(town.granite.log_id)
    assert anchored is not None and anchored.size >= town.theft
    # Nothing below the anchored size can become anything else: a head over another tree is no head.
    rewritten = SimulatedLog("granite", seed="granite")
    rewritten.counter = 900
    while rewritten.size < town.granite.size:
        rewritten.cut()
    with pytest.raises((ProofError, RuleError)):
        judge_checkpoint(town.granite.state, rewritten.note or b"", town.granite.root_at(rewritten.size))
    # The day after: root keys take everything back, from the day of the theft on.
    del town.world.desk(town.granite).statuses[town.valid.slot]
    for role in (Role.OPERATE, Role.REGISTER, Role.ISSUE, Role.DEFINE):
        old, new = town.granite.role_signers[role], fresh_key(town.granite, role.value)
        town.granite.add_key(new, role)
        town.granite.compromise(old, since=town.theft)
        town.granite.role_signers[role] = new
    town.granite.rotate(fresh_key(town.granite, "log"))
    town.world.cut()
    town.holds()
    assert town.world.check(added).verdict is not Verdict.VALID


def test_a_thief_of_fewer_root_keys_than_the_threshold() -> None:
    """Two of three decide: one of them, with every key of the node beside it, decides nothing, on the log or ahead of it."""
    log = SimulatedLog("granite", governors=3, threshold=2)
    log.cut()
    one = log.root_signers[:1]
    before = (log.state.log_key, log.state.roots, dict(log.state.keys.records))
    thief = fresh_key(log, "the thief's")
    for keys in (one, [*one, log.log_signer, *log.role_signers.values()]):
        rotation: SignedRotation = log.signed_rotation(thief, keys)
        with pytest.raises(RuleError, match=r"after entry \d+: 1 of the 2 root signatures it needs"):
            verify_rotation(log.state, rotation)
        raw = encode_entry(log.size, log.state.last_leaf, rotation.statement_bytes, rotation.signatures)
        entry = log.append_raw(raw, None)
        assert log.state.void[entry.index] == "1 of the 2 root signatures it needs"
    new = [fresh_key(log, n) for n in range(2)]
    roots = Roots(tuple(key.public for key in new), 1)
    statement = ReplaceRoots(**log.header(), after=-1, roots=roots)  # type: ignore[arg-type]
    entry = log.append(statement, [*one, new[0]])
    assert "1 of the 2" in log.state.void[entry.index]
    assert before == (log.state.log_key, log.state.roots, dict(log.state.keys.records))


def test_a_thief_of_fewer_governors_than_the_threshold(town: Town) -> None:
    """Neither makes himself a member, nor gives a member rights, nor takes them away."""
    network = town.world.network
    stranger = SimulatedLog("stranger")
    attempts: list[Callable[[], object]] = [
        lambda: network.member(stranger),
        lambda: network.member(town.granite, MemberOp.SUSPEND),
        lambda: network.member(town.granite, MemberOp.AMEND, rights=Rights()),
        lambda: network.member(town.granite, MemberOp.SUCCEED, successor=town.world.lantern.log_id, standing=None),
    ]
    network.root_signers, kept = network.root_signers[:1], network.root_signers
    for attempt in attempts:
        size = network.size
        attempt()
        assert network.state.void[size] == "1 of the 2 root signatures it needs"
    network.root_signers = kept
    town.world.confirm()
    town.holds()


def test_refusals_are_errors_of_this_program(town: Town) -> None:
    """Whatever a thief offers, what a replica raises is one of the errors it knows how to tell."""
    for name, sample in SAMPLES.items():
        if name == "charter":
            continue
        with pytest.raises(CairnError):
            town.offer(sample, [fresh_key(town.granite)], town.granite.log_signer)
