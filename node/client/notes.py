"""Keeping checkpoint notes clean: the log's own line and verified cosignatures of named witnesses, nothing else.

Notes pass through many hands. A line under a witness's name that does not verify spoils the whole note for whoever
knows that witness (C2SP signed-note), and lines of strangers only take room, so what comes from a peer is trimmed
before it is kept.
"""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from ledger.errors import CairnError, SignatureError
from ledger.log.checkpoint import add_signatures, open_checkpoint, parse_checkpoint
from ledger.log.identity import LogId
from ledger.log.note import Note, NoteSignature, VerifierKey, encode_note, parse_note, verify_note_signatures
from ledger.log.state import LogState
from node.client.exchange import KNOWN_BYTES


class WitnessKeys(Protocol):
    """Whose cosignatures are worth keeping."""

    def witness_keys(self, log: LogId) -> Iterable[VerifierKey]:
        """Keys of every witness named for a log, in force or not yet."""
        ...


def trim_note(note: bytes, log_keys: Iterable[VerifierKey], witnesses: Iterable[VerifierKey]) -> bytes:
    """The note with one verified line of the log and one of each witness that signed it.

    Args:
        note: as received.
        log_keys: keys of which one must have signed; a line of any that does not verify spoils the note.
        witnesses: whose lines are kept where they verify.

    Raises:
        MalformedError: not a checkpoint note.
        SignatureError: no line of the log, or one that does not verify.
    """
    parsed = parse_note(note)
    lines = [line for _, line in verify_note_signatures(parsed, log_keys)]
    if not lines:
        raise SignatureError(f"checkpoint: no signature by the log key of {parse_checkpoint(parsed.text).origin}")
    return encode_note(parsed.text, [lines[0], *_verified_lines(parsed, witnesses)])


def merge_notes(held: bytes, offered: bytes, witnesses: Iterable[VerifierKey]) -> bytes | None:
    """The note held with the cosignatures of `offered` that it lacks; None when there are none to add.

    Both must be notes over the same text; otherwise nothing is taken.
    """
    ours, theirs = parse_note(held), parse_note(offered)
    if ours.text != theirs.text:
        return None
    present = {(line.name, line.key_id) for line in ours.signatures}
    lines = [line for line in _verified_lines(theirs, witnesses) if (line.name, line.key_id) not in present]
    return add_signatures(held, lines) if lines else None


def name_note(note: bytes) -> tuple[bytes, bytes]:
    """What names a note in a question about heads, 16 bytes each: the whole of it, and its text alone.

    Who needs no further cosignatures names the text: then only another checkpoint is worth sending.
    """
    text = note[: note.rindex(b"\n\n") + 1]
    return hashlib.sha256(note).digest()[:KNOWN_BYTES], hashlib.sha256(text).digest()[:KNOWN_BYTES]


def signed_size(note: bytes | None, state: LogState) -> int:
    """The size of a checkpoint that the log's newest key signed, as far as `state` knows it; 0 where it did not.

    What a peer merely says about the size of our own log stops nothing; what our own key says does.
    """
    try:
        return 0 if note is None else open_checkpoint(note, state.verifier_key_at(state.size)).size
    except CairnError:
        return 0


def is_by_former_key(note: bytes | None, state: LogState) -> bool:
    """Whether a checkpoint larger than the log's newest rotation is signed by a key that was rotated away before it."""
    if note is None:
        return False
    rotated = state.log_keys[-1][0]
    for since, _ in state.log_keys[:-1]:
        try:
            return open_checkpoint(note, state.verifier_key_at(since + 1)).size > rotated
        except CairnError:
            continue
    return False


def _verified_lines(note: Note, witnesses: Iterable[VerifierKey]) -> list[NoteSignature]:
    """The first line of each witness that verifies; a bad line costs only itself."""
    lines = []
    for witness in witnesses:
        own = [line for line in note.signatures if (line.name, line.key_id) == (witness.name, witness.key_id)]
        for line in own:
            try:
                verify_note_signatures(Note(note.text, (line,)), [witness])
            except CairnError:
                continue
            lines.append(line)
            break
    return lines
