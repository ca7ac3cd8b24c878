"""tlog-proofs as files: cut from a replica, and checked with a policy alone."""

from dataclasses import dataclass
from pathlib import Path

from ledger.credential.validity import format_instant
from ledger.errors import MalformedError, PolicyError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import MAX_ENTRY_BYTES
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import hash_leaf
from ledger.log.policy import TrustRoot
from ledger.log.proof import FILE_ENDING, MAX_PROOF_BYTES, encode_proof, make_proof, parse_proof, verify_proof
from ledger.log.view import LedgerView
from ledger.log.witness_policy import MAX_POLICY_BYTES, WitnessPolicy, judge_policy, make_policy, parse_witness_policy
from wallet_cli import files

ENTRY_ENDING = ".entry"


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof that holds says.

    Attributes:
        origin: of the log.
        index: of the entry.
        size: of the tree.
        witnesses: names of those of the policy that cosigned.
        seconds: when its quorum was complete, by the witnesses; None where the policy asks for none.
    """

    origin: str
    index: int
    size: int
    witnesses: tuple[str, ...]
    seconds: int | None

    def to_json(self) -> dict[str, object]:
        """Give it as plain values."""
        return {
            "index": self.index,
            "origin": self.origin,
            "seconds": self.seconds,
            "size": self.size,
            "witnesses": list(self.witnesses),
        }

    def to_line(self) -> str:
        """Give it in words."""
        seen = f"seen by {', '.join(self.witnesses)}" if self.witnesses else "seen by no witness of the policy"
        when = "" if self.seconds is None else f", by {format_instant(self.seconds * 1000)}"
        return f"yes: entry {self.index} of the {self.size} of {self.origin}, {seen}{when}"


def write_proof(ledger: LedgerView, log: LogId, index: int, name: Path) -> tuple[Path, Path]:
    """Write an entry and its proof as two files; gives their paths.

    Raises:
        PolicyError: the log is not held, or not so far.
        MalformedError: one of the files exists, or cannot be written.
    """
    view = ledger.log(log)
    if view is None or view.note is None:
        raise PolicyError(f"log {encode_log_id(log)}: is not held here", hint="run `cairn sync`")
    if not 0 <= index < view.state.size:
        raise PolicyError(f"entry {index}: {view.state.size} entries are held", hint="run `cairn sync`")
    content = {
        name.with_name(name.name + ENTRY_ENDING): view.entry(index),
        name.with_name(name.name + FILE_ENDING): encode_proof(make_proof(index, view.note, view.read_hashes)),
    }
    for path in content:
        if path.exists():
            raise MalformedError(f"{path} exists already", hint="name another with -o")
    for path, data in content.items():
        try:
            files.write_atomically(path, data, mode=0o644)
        except OSError as error:
            raise MalformedError(f"{path} cannot be written: {error.strerror}", hint="name another with -o") from error
    entry, proof = content
    return entry, proof


def check_proof(proof_path: Path, data_path: Path, policy: WitnessPolicy) -> Proven:
    """Check a proof file about the bytes of another file.

    Raises:
        MalformedError: a file cannot be read, or is none of these.
        SignatureError, ProofError, PolicyError: it does not hold; see `ledger.log.proof.verify_proof`.
    """
    proof = parse_proof(_read(proof_path, MAX_PROOF_BYTES))
    leaf = hash_leaf(_read(data_path, MAX_ENTRY_BYTES))
    verify_proof(proof, leaf, policy)
    checkpoint, answer = read_checkpoint(proof.note), judge_policy(proof.note, policy)
    return Proven(checkpoint.origin, proof.index, checkpoint.size, answer.present, answer.seconds)


def read_policy(path: Path | None, trust: TrustRoot | None) -> WitnessPolicy:
    """Give the policy in a file, else that of a trust root.

    Raises:
        MalformedError: there is neither, or the file is no policy.
        PolicyError: the trust root asks for a quorum of witnesses it does not have.
    """
    if path is not None:
        return parse_witness_policy(_read(path, MAX_POLICY_BYTES))
    if trust is None:
        raise MalformedError("no policy is named", hint="say --policy FILE or --trust FILE")
    return make_policy(trust)


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        return files.read_bounded(path, max_bytes)
    except OSError as error:
        raise MalformedError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
