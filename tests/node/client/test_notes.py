"""Notes are kept clean: only the log's line and verified lines of named witnesses stay."""

import pytest

from ledger.errors import SignatureError
from ledger.log.checkpoint import add_signatures, log_verifier_key, witness_verifier_key
from ledger.log.note import NoteSignature, parse_note
from node.client.notes import merge_notes, trim_note
from tests.simulator import SimulatedLog

LOG = SimulatedLog("granite")
ONE, TWO = SimulatedLog("one"), SimulatedLog("two")
KEY = log_verifier_key("granite.example/log", LOG.log_signer.public)


def witness(log: SimulatedLog) -> object:
    return witness_verifier_key(log.witness_name, log.witness_signer.public)


KEYS = [witness_verifier_key(log.witness_name, log.witness_signer.public) for log in (ONE, TWO)]
BARE = LOG.sign()
SIGNED_ONE = LOG.cosigned(BARE, [ONE])
SIGNED_TWO = LOG.cosigned(BARE, [TWO])
GREASE = NoteSignature("grease.example", b"abcd", bytes(70))
FORGED = NoteSignature(ONE.witness_name, KEYS[0].key_id, bytes(72))


def names(note: bytes) -> list[str]:
    return [line.name for line in parse_note(note).signatures]


def test_strangers_and_forgeries_are_trimmed() -> None:
    """A stranger's line and a false line of a witness go; the note stays good for whoever knows that witness."""
    note = add_signatures(SIGNED_TWO, [GREASE, FORGED])
    assert trim_note(note, [KEY], KEYS) == SIGNED_TWO


def test_a_note_without_the_logs_line_is_refused() -> None:
    """The log's own signature is what makes it a note of that log."""
    with pytest.raises(SignatureError, match="no signature by the log key"):
        trim_note(SIGNED_ONE, [log_verifier_key("granite.example/log", ONE.log_signer.public)], KEYS)


def test_cosignatures_are_merged() -> None:
    """What one has and the other lacks is added, verified; nothing to add is None."""
    merged = merge_notes(SIGNED_ONE, SIGNED_TWO, KEYS)
    assert merged is not None
    assert names(merged) == ["granite.example/log", ONE.witness_name, TWO.witness_name]
    assert merge_notes(merged, SIGNED_TWO, KEYS) is None
    assert merge_notes(BARE, add_signatures(BARE, [FORGED, GREASE]), KEYS) is None
    assert merge_notes(BARE, SIGNED_ONE, KEYS[1:]) is None


def test_notes_over_other_texts_are_not_merged() -> None:
    """A cosignature belongs to one text."""
    other = SimulatedLog("granite")
    other.issue()
    assert merge_notes(BARE, other.sign([ONE]), KEYS) is None
