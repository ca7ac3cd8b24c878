"""What a stranger's node serves beside the entries, kept clean: notes and fork evidence.

One line under a witness's name that does not verify would spoil the good ones beside it, a hundred lines of strangers
would make a note unreadable, and evidence can be varied without end. So only the log's own line and verified lines of
witnesses are kept, and of evidence a bounded number of pieces.
"""

from collections.abc import Iterable
from dataclasses import replace

from ledger.errors import CairnError
from ledger.log.checkpoint import log_verifier_key, open_checkpoint, read_checkpoint
from ledger.log.evidence import count_signatures, encode_fork, has_all_of, parse_fork, verify_fork
from ledger.log.keys import PublicKey
from ledger.log.note import VerifierKey
from ledger.log.policy import TrustRoot
from ledger.log.state import LogState
from node.client import notes
from wallet_cli.replica import ReplicaLog

MAX_EVIDENCE = 64
"""Pieces of fork evidence kept about a log for each signature that both notes of a piece have at least: the more stand
behind a contradiction, the less can a writer that contradicts itself without end crowd it out."""


class Cleaner:
    """Knows the witnesses of one network.

    Args:
        trust: of the network.
        network: its log as held; None before it is.
    """

    def __init__(self, trust: TrustRoot, network: LogState | None) -> None:
        """Remember them."""
        self._trust = trust
        self._network = network

    def trim(self, state: LogState, note: bytes) -> bytes:
        """The note with a line of the log and verified lines of witnesses.

        Raises:
            MalformedError, SignatureError: it is no note that a key of this log signed.
        """
        return notes.trim_note(note, state.verifier_keys(), self._witnesses(state))

    def merge(self, state: LogState, held: bytes, offered: Iterable[bytes]) -> bytes:
        """The note held with the cosignatures it lacks of notes over the same checkpoint."""
        keys = self._witnesses(state)
        for note in offered:
            held = notes.merge_notes(held, note, keys) or held
        return held

    def evidence(self, log: ReplicaLog, piece: bytes) -> bytes | None:
        """What is worth keeping of a piece of evidence; None where it proves no fork of this log, or enough is held."""
        try:
            evidence = parse_fork(piece)
            verify_fork(evidence, log.state.verifier_keys())
            evidence = replace(
                evidence, first=self.trim(log.state, evidence.first), second=self.trim(log.state, evidence.second)
            )
        except CairnError:
            return None
        kept = log.evidence()
        if len(kept) >= MAX_EVIDENCE * count_signatures(evidence):
            return None
        return None if any(has_all_of(parse_fork(held), evidence) for held in kept) else encode_fork(evidence)

    def _witnesses(self, state: LogState) -> tuple[VerifierKey, ...]:
        """Every witness the network ever had in force or names now, but the log's own."""
        network = state if state.log_id == self._trust.network or self._network is None else self._network
        members = network.members
        found = [*self._trust.witnesses, *members.named_below(network.size)]
        found += [witness for witness_set in members.witness_sets for witness in witness_set.witnesses]
        return tuple(dict.fromkeys(witness.key for witness in found if witness.log != state.log_id))


def is_signed(note: bytes, key: PublicKey) -> bool:
    """Tell whether a log key signed a note."""
    try:
        return bool(open_checkpoint(note, log_verifier_key(read_checkpoint(note).origin, key)))
    except CairnError:
        return False
