"""Receipts for use without a replica: a batch, and that it stands under a head, for whoever holds nothing of the log.

A receipt leads from a commitment to the body root of an entry. What is added here leads on, in one tlog-proof, from that
entry to a checkpoint that witnesses have cosigned; and since a checkpoint names an origin and a receipt a log id, the log's
charter comes along, whose hash is the log id, with its path in the same tree. It also tells the log's name and first keys.

What a later entry changed (a key retired, a right withdrawn, a status) nobody can tell from this.
"""

from dataclasses import dataclass

from ledger import base64url
from ledger.canonical import Fields, JSONObject
from ledger.errors import MalformedError, PolicyError, ProofError
from ledger.log.charter import Role
from ledger.log.checkpoint import Checkpoint
from ledger.log.entry import MAX_ENTRY_BYTES, Entry, parse_entry
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keyring import KeyStatus
from ledger.log.keys import verify_signature
from ledger.log.merkle import HASH_BYTES, MAX_PROOF_HASHES, Proof, hash_leaf, prove_inclusion, verify_inclusion
from ledger.log.note import VerifierKey
from ledger.log.proof import MAX_PROOF_BYTES, LogProof, encode_proof, make_proof, open_proof, parse_proof
from ledger.log.receipt import Receipt, verify_receipt
from ledger.log.state import LogState, found_state
from ledger.log.view import LogView


@dataclass(frozen=True, slots=True)
class EntryProof:
    """The exact bytes of an entry, and the tlog-proof that it stands under a checkpoint."""

    entry: bytes
    proof: LogProof


@dataclass(frozen=True, slots=True)
class StandaloneReceipt:
    """What makes a receipt stand alone: its batch with a proof, and the log's entry 0 with its path in the same tree."""

    batch: EntryProof
    charter: bytes
    charter_path: Proof


def prove_entry(view: LogView, index: int) -> EntryProof:
    """Give a held entry with the proof that it stands under the newest note held.

    Raises:
        PolicyError: no checkpoint of that log is held.
    """
    if view.note is None:
        raise PolicyError(f"log of {view.state.name}: no checkpoint is held", hint="run `cairn sync`")
    return EntryProof(view.entry(index), make_proof(index, view.note, view.read_hashes))


def prove_receipt(view: LogView, receipt: Receipt) -> StandaloneReceipt:
    """Give what makes a receipt stand alone, from the log it is of.

    Raises:
        PolicyError: no checkpoint of that log is held, or the batch is above it.
    """
    if receipt.index >= view.state.size:
        raise PolicyError(f"entry {receipt.index}: {view.state.size} entries are held", hint="run `cairn sync`")
    path = prove_inclusion(0, view.state.size, view.read_hashes)
    return StandaloneReceipt(prove_entry(view, receipt.index), view.entry(0), path)


def open_entry(offered: EntryProof, log_key: VerifierKey) -> tuple[Entry, Checkpoint]:
    """Return an entry and the checkpoint it stands under, as the log's own word.

    1. The entry parses. 2. Its index is the proof's. 3. The proof opens with `log_key` (`proof.open_proof`).

    Raises:
        MalformedError: steps 1 and 2, or the checkpoint is none.
        SignatureError, ProofError: step 3.
    """
    entry = parse_entry(offered.entry)  # 1
    if entry.index != offered.proof.index:  # 2
        raise MalformedError(f"entry proof: entry {entry.index} with a proof for {offered.proof.index}")
    return entry, open_proof(offered.proof, entry.leaf_hash, log_key)  # 3


def open_charter(offered: StandaloneReceipt, log: LogId) -> LogState:
    """Return the state of a log after its entry 0 alone, which its id commits to.

    Raises:
        ProofError: the entry that is shown is not the one the log id is the hash of.
        MalformedError, SignatureError, RuleError: it founds no log.
    """
    if LogId(hash_leaf(offered.charter)) != log:
        raise ProofError(f"charter: is not that of log {encode_log_id(log)}")
    return found_state(parse_entry(offered.charter))


def verify_standalone(
    offered: StandaloneReceipt, receipt: Receipt, commitment: bytes, founded: LogState
) -> tuple[Entry, Checkpoint]:
    """Check a receipt with what makes it stand alone; gives the batch and the checkpoint, whose quorum is not looked at.

    1. The batch opens under a checkpoint that the charter's log key signed (`open_entry`).
    2. The charter stands at index 0 of that tree.
    3. The receipt leads from the commitment to the batch (`receipt.verify_receipt`).
    4. One `operate` key of the charter signed the batch.

    Args:
        offered: what the file shows.
        receipt: of the same log as `founded`.
        commitment: of the verifier's own copy.
        founded: from `open_charter`.

    Raises:
        MalformedError, SignatureError: steps 1 and 3, something is not what it should be.
        ProofError: steps 1 to 3.
        PolicyError: step 4: another key signed it, of which the charter says nothing.
    """
    entry, checkpoint = open_entry(offered.batch, founded.verifier_key_at(1))  # 1
    verify_inclusion(hash_leaf(offered.charter), 0, checkpoint.size, offered.charter_path, checkpoint.root)  # 2
    verify_receipt(receipt, commitment, entry)  # 3
    verify_signer(entry, founded)  # 4
    return entry, checkpoint


def verify_signer(entry: Entry, state: LogState) -> None:
    """Check that one `operate` key, in force as far as `state` knows, signed an entry, and nobody else.

    Raises:
        PolicyError: it has another number of signatures, or one by a key that `state` does not know as such.
        SignatureError: the signature does not verify.
    """
    signer = entry.signatures[0]
    status = state.key_status(signer.key, Role.OPERATE, max(entry.index, state.size))
    if len(entry.signatures) != 1 or status is not KeyStatus.IN_FORCE:
        raise PolicyError(
            f"entry {entry.index}: as far as its log is known here, its signer is {status.value}",
            hint="run `cairn sync`",
        )
    verify_signature(state.keys.records[signer.key].key, entry.signed_bytes, signer.signature)


def encode_standalone(offered: StandaloneReceipt) -> JSONObject:
    """Give it as ledger JSON."""
    return {
        "charter": base64url.encode(offered.charter),
        "charter_path": [base64url.encode(step) for step in offered.charter_path],
        **encode_entry_proof(offered.batch),
    }


def parse_standalone(value: object) -> StandaloneReceipt:
    """Read what makes a receipt stand alone.

    Raises:
        MalformedError: a member is missing, unknown or outside its range.
    """
    fields = Fields(value, "proof")
    charter, path = fields.data("charter"), read_path(fields, "charter_path")
    batch = read_entry_proof(fields)
    fields.finish()
    return StandaloneReceipt(batch, charter, path)


def encode_entry_proof(offered: EntryProof) -> JSONObject:
    """Give an entry and its proof as two members of ledger JSON."""
    return {"entry": base64url.encode(offered.entry), "tlog_proof": encode_proof(offered.proof).decode()}


def read_entry_proof(fields: Fields) -> EntryProof:
    """Read an entry and its proof from the members of an object.

    Raises:
        MalformedError: one is missing or outside its range.
    """
    entry = fields.data("entry")
    if len(entry) > MAX_ENTRY_BYTES:
        raise MalformedError(f"proof: entry: {len(entry)} bytes, at most {MAX_ENTRY_BYTES}")
    return EntryProof(entry, parse_proof(fields.text("tlog_proof", MAX_PROOF_BYTES).encode("utf-8", "surrogatepass")))


def read_path(fields: Fields, name: str) -> Proof:
    """Read a member that lists hashes.

    Raises:
        MalformedError: too many, or not hashes.
    """
    steps = fields.texts(name, MAX_PROOF_HASHES)
    try:
        return tuple(base64url.decode(step, HASH_BYTES) for step in steps)
    except MalformedError as error:
        raise MalformedError(f"proof: {name}: {error}") from error
