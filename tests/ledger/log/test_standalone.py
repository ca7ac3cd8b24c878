"""Receipts for use without a replica: from a commitment to a cosigned checkpoint, and every way it can fail to lead there."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.errors import CairnError, MalformedError, PolicyError, ProofError, RuleError, SignatureError
from ledger.log.body import parse_body
from ledger.log.charter import Role
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import encode_entry, parse_entry
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.merkle import hash_leaf, prove_inclusion, prove_item
from ledger.log.receipt import Receipt
from ledger.log.standalone import (
    EntryProof,
    StandaloneReceipt,
    encode_standalone,
    open_charter,
    open_entry,
    parse_standalone,
    prove_entry,
    prove_receipt,
    verify_standalone,
)
from tests.simulator import SimulatedLog, seeded

LOG = SimulatedLog("granite", batch=8)
COPY = seeded("copy")
LATER = LOG.key("later")
INDEX = LOG.cut([COPY])
LOG.add_key(LATER, Role.OPERATE)
OTHER_INDEX = LOG.issue([COPY], LATER).index
LOG.status(bytes(1024))
ITEMS = parse_body("issue", LOG.bodies[INDEX] or b"")
RECEIPT = Receipt(LOG.log_id, INDEX, 0, prove_item(ITEMS, 0))
GOOD = prove_receipt(LOG, RECEIPT)
FOUNDED = open_charter(GOOD, LOG.log_id)
STRANGER = SimulatedLog("stranger", batch=8)
while STRANGER.size < LOG.size:
    STRANGER.issue([COPY])


def other_batch() -> tuple[Receipt, StandaloneReceipt]:
    """The batch that a key signed of which the charter says nothing."""
    items = parse_body("issue", LOG.bodies[OTHER_INDEX] or b"")
    receipt = Receipt(LOG.log_id, OTHER_INDEX, 0, prove_item(items, 0))
    return receipt, prove_receipt(LOG, receipt)


def test_it_leads_from_a_commitment_to_the_checkpoint() -> None:
    entry, checkpoint = verify_standalone(GOOD, RECEIPT, COPY, FOUNDED)
    assert (entry.index, checkpoint.size, checkpoint.root) == (INDEX, LOG.size, LOG.root_at(LOG.size))
    assert FOUNDED.name == "Granite"


def test_its_json_comes_back_and_is_small() -> None:
    value = encode_standalone(GOOD)
    assert parse_standalone(value) == GOOD
    assert len(canonical.encode(value)) < 4500


@pytest.mark.parametrize("name", ["charter", "charter_path", "entry", "tlog_proof"])
def test_a_member_is_missing_or_of_another_kind(name: str) -> None:
    value = encode_standalone(GOOD)
    for wrong in (None, 1, [1], {"a": 1}, "\u00e9"):
        with pytest.raises(MalformedError):
            parse_standalone({**value, name: wrong})
    with pytest.raises(MalformedError):
        parse_standalone({key: item for key, item in value.items() if key != name})
    with pytest.raises(MalformedError, match="unknown"):
        parse_standalone({**value, "more": 1})


@given(st.binary(max_size=100))
def test_arbitrary_bytes_in_its_place(data: bytes) -> None:
    text = data.decode("latin-1")
    with pytest.raises(MalformedError):
        parse_standalone({"charter": text, "charter_path": [text], "entry": text, "tlog_proof": text})


def proof_with(**changes: object) -> StandaloneReceipt:
    return replace(GOOD, batch=replace(GOOD.batch, proof=replace(GOOD.batch.proof, **changes)))  # type: ignore[arg-type]


def resigned(key: SigningKey) -> bytes:
    return sign_checkpoint(Checkpoint("granite.example/log", LOG.size, LOG.root_at(LOG.size)), key)


TAMPERED = LOG.entries[INDEX].replace(b'"at":', b'"at":1', 1)


@pytest.mark.parametrize(
    ("offered", "receipt", "error", "message"),
    [
        (replace(GOOD, batch=EntryProof(b"{}", GOOD.batch.proof)), RECEIPT, MalformedError, "entry"),  # 1
        (replace(GOOD, batch=EntryProof(LOG.entries[0], GOOD.batch.proof)), RECEIPT, MalformedError, "proof for 2"),
        (replace(GOOD, batch=EntryProof(TAMPERED, GOOD.batch.proof)), RECEIPT, ProofError, "leads to root"),
        (proof_with(note=resigned(LOG.key("nobody"))), RECEIPT, SignatureError, "no signature by the log key"),
        (proof_with(note=STRANGER.note), RECEIPT, SignatureError, "origin stranger"),
        (proof_with(path=GOOD.batch.proof.path[1:]), RECEIPT, ProofError, "too few"),
        (replace(GOOD, charter_path=GOOD.charter_path[:-1]), RECEIPT, ProofError, "too few"),  # 2
        (replace(GOOD, charter_path=GOOD.batch.proof.path), RECEIPT, ProofError, "leads to root"),
        (GOOD, replace(RECEIPT, index=INDEX + 1), MalformedError, "was given for it"),  # 3
        (GOOD, replace(RECEIPT, position=1), ProofError, "leads to root"),
        (GOOD, replace(RECEIPT, position=8), ProofError, "position 8 in a batch of 8"),
    ],
)
def test_verify_standalone_refuses(
    offered: StandaloneReceipt, receipt: Receipt, error: type[CairnError], message: str
) -> None:
    with pytest.raises(error, match=message):
        verify_standalone(offered, receipt, COPY, FOUNDED)


def test_another_copy_does_not_stand_there() -> None:
    with pytest.raises(ProofError, match="leads to root"):
        verify_standalone(GOOD, RECEIPT, seeded("other copy"), FOUNDED)


def test_a_signer_the_charter_does_not_name_cannot_be_judged() -> None:
    receipt, offered = other_batch()
    with pytest.raises(PolicyError, match="its signer is not a key of this institution"):  # 4
        verify_standalone(offered, receipt, COPY, FOUNDED)


def test_a_batch_with_another_signature_than_its_signers() -> None:
    """The writer put an entry into its tree that nobody else would have taken."""
    entry = parse_entry(LOG.entries[INDEX])
    false = [replace(item, signature=bytes(64)) for item in entry.signatures]
    forged = SimulatedLog("granite", batch=8)
    raw = encode_entry(1, forged.state.last_leaf, entry.statement_bytes, false)
    log = LOG.copy()
    log.entries = [*LOG.entries[:1], raw]
    log.note = sign_checkpoint(Checkpoint("granite.example/log", 2, log.root_at(2)), LOG.log_signer)
    offered = StandaloneReceipt(prove_entry(log, 1), log.entries[0], prove_inclusion(0, 2, log.read_hashes))
    with pytest.raises((SignatureError, MalformedError)):
        verify_standalone(offered, replace(RECEIPT, index=1), COPY, FOUNDED)


def test_the_charter_is_the_one_its_id_commits_to() -> None:
    with pytest.raises(ProofError, match="is not that of log"):
        open_charter(replace(GOOD, charter=STRANGER.entries[0]), LOG.log_id)
    with pytest.raises(RuleError, match="not a charter"):
        open_charter(replace(GOOD, charter=LOG.entries[1]), LogId(parse_entry(LOG.entries[1]).leaf_hash))
    with pytest.raises(MalformedError):
        open_charter(replace(GOOD, charter=b"{}"), LogId(hash_leaf(b"{}")))


@pytest.mark.parametrize(
    ("offered", "error", "message"),
    [
        (EntryProof(b"{}", GOOD.batch.proof), MalformedError, "entry: "),  # 1
        (EntryProof(LOG.entries[INDEX], replace(GOOD.batch.proof, index=0)), MalformedError, "a proof for 0"),  # 2
        (EntryProof(LOG.entries[INDEX], replace(GOOD.batch.proof, path=())), ProofError, "too few"),  # 3
    ],
)
def test_open_entry_refuses(offered: EntryProof, error: type[CairnError], message: str) -> None:
    with pytest.raises(error, match=message):
        open_entry(offered, LOG.state.verifier_key_at(LOG.size))


def test_what_is_not_held_cannot_be_proven() -> None:
    with pytest.raises(PolicyError, match=f"{LOG.size} entries are held"):
        prove_receipt(LOG, replace(RECEIPT, index=LOG.size))
    blank = LOG.copy()
    blank.note = None
    with pytest.raises(PolicyError, match="no checkpoint is held"):
        prove_entry(blank, 0)
