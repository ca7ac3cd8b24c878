"""Proofs that an entry stands in a witnessed log, for whoever holds nothing of that log (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    index 4
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=

    example.com/log
    5
    …

The entry itself is not in it: a verifier hashes its own copy. `extra` is carried along and proves nothing. Files end in
`.tlog-proof`.
"""

from dataclasses import dataclass

from ledger.errors import MalformedError, PolicyError
from ledger.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from ledger.log.merkle import MAX_PROOF_HASHES, HashReader, LeafHash, Proof, prove_inclusion, verify_inclusion
from ledger.log.note import MAX_NOTE_BYTES, VerifierKey
from ledger.log.textline import encode_base64, parse_base64, parse_hash, parse_number
from ledger.log.witness_policy import WitnessPolicy, find_log_key, judge_policy

FILE_ENDING = ".tlog-proof"
HEADER = "c2sp.org/tlog-proof@v1"
MAX_EXTRA_BYTES = 64 * 1024
# header, extra in base64, index, hashes, and line ends
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 4 * MAX_EXTRA_BYTES // 3 + 64 * MAX_PROOF_HASHES + 256


@dataclass(frozen=True, slots=True)
class LogProof:
    """An inclusion proof with the checkpoint it leads to; nothing is verified by having one.

    Attributes:
        index: of the entry, from zero.
        path: from the leaf's sibling to the root's child, at most 63 hashes.
        note: the checkpoint note with its cosignatures, as it stands.
        extra: opaque bytes that nothing authenticates; never empty.
    """

    index: int
    path: Proof
    note: bytes
    extra: bytes | None = None


def make_proof(index: int, note: bytes, read: HashReader) -> LogProof:
    """Return the proof of entry `index` under the checkpoint of a note, from the hashes of its tree.

    Raises:
        MalformedError: not a checkpoint note.
        ValueError: the entry is not below its size.
    """
    return LogProof(index, prove_inclusion(index, read_checkpoint(note).size, read), note)


def encode_proof(proof: LogProof) -> bytes:
    """Return the text of a proof; one that would not read back is the caller's mistake, `ValueError`."""
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {encode_base64(proof.extra)}")
    lines += [f"index {proof.index}", *(encode_base64(step) for step in proof.path), "", ""]
    data = "\n".join(lines).encode("ascii") + proof.note
    try:
        again = parse_proof(data)
    except MalformedError as error:
        raise ValueError(f"a proof that does not read back: {error}") from error
    if again != proof:
        raise ValueError("a proof that does not read back as itself")
    return data


def parse_proof(data: bytes) -> LogProof:
    """Read the frame of a proof; what stands in its checkpoint is for whoever verifies it.

    Raises:
        MalformedError: too long, or not the one spelling of a proof.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise MalformedError(f"tlog-proof: {len(data)} bytes, at most {MAX_PROOF_BYTES} are read")
    head, separator, note = data.partition(b"\n\n")
    if not separator or not note or len(note) > MAX_NOTE_BYTES:
        raise MalformedError("tlog-proof: no empty line followed by a checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(f"tlog-proof: byte {error.start} is not ASCII") from error
    if lines.pop(0) != HEADER:
        raise MalformedError(f"tlog-proof: does not begin with {HEADER}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = parse_base64(lines.pop(0).removeprefix("extra "), "tlog-proof: extra")
        if not 0 < len(extra) <= MAX_EXTRA_BYTES:
            raise MalformedError(f"tlog-proof: extra has {len(extra)} bytes, expected 1 to {MAX_EXTRA_BYTES}")
    if not lines or not lines[0].startswith("index "):
        raise MalformedError("tlog-proof: no index line")
    index = parse_number(lines.pop(0).removeprefix("index "), "tlog-proof: index")
    if len(lines) > MAX_PROOF_HASHES:
        raise MalformedError(f"tlog-proof: {len(lines)} hashes are more than {MAX_PROOF_HASHES}")
    path = tuple(parse_hash(line, f"tlog-proof: hash {number}") for number, line in enumerate(lines, 1))
    return LogProof(index, path, note, extra)


def open_proof(proof: LogProof, leaf: LeafHash, log_key: VerifierKey) -> Checkpoint:
    """Return the checkpoint under which a log's own word places an entry; who cosigned it is not looked at.

    1. The checkpoint opens with `log_key` (`checkpoint.open_checkpoint`).
    2. The path leads from `leaf` at the proof's index to its root.

    Args:
        proof: as parsed.
        leaf: leaf hash of the verifier's own copy of the entry.
        log_key: of the log, under its origin.

    Raises:
        MalformedError, SignatureError: step 1.
        ProofError: step 2.
    """
    checkpoint = open_checkpoint(proof.note, log_key)  # 1
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)  # 2
    return checkpoint


def verify_proof(proof: LogProof, leaf: LeafHash, policy: WitnessPolicy) -> None:
    """Check that an entry stands in a log that a policy lists, as enough of its witnesses have seen it.

    1. The policy lists a log of the checkpoint's origin.
    2. That log signed the checkpoint.
    3. The path leads from `leaf` to its root.
    4. Every cosignature of one of the policy's witnesses verifies.
    5. They are the quorum.

    Raises:
        PolicyError: steps 1 and 5.
        MalformedError: steps 1 and 2, the checkpoint is none.
        SignatureError: steps 2 and 4.
        ProofError: step 3.
    """
    log_key = find_log_key(proof.note, policy)  # 1
    open_proof(proof, leaf, log_key)  # 2, 3
    answer = judge_policy(proof.note, policy)  # 4
    if not answer.has_quorum:  # 5
        found = ", ".join(answer.present) or "none"
        raise PolicyError(f"tlog-proof: cosigned by {found}, which is not the quorum {policy.quorum}")
