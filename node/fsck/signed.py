"""Checking what signatures vouch for: notes with their cosignatures, evidence, and the size this node cosigned.

A cosignature is checked with the keys that the networks in the same store ever named for witnesses, and that trust roots
pin, so all logs are folded before. A line of nobody so named is a doubt, not damage, where no network in the store speaks of
that log: it may be of a network that is no longer followed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ledger.errors import CairnError, RuleError
from ledger.log.checkpoint import open_checkpoint
from ledger.log.entry import STATEMENT_CONTEXT
from ledger.log.evidence import parse_fork, verify_fork
from ledger.log.identity import LogId
from ledger.log.keys import verify_signature
from ledger.log.merkle import RootHash
from ledger.log.note import (
    Note,
    NoteSignature,
    VerifierKey,
    cosignature_seconds,
    parse_note,
    verify_note_signatures,
)
from ledger.log.policy import TrustRoot
from ledger.log.rotation import parse_rotation
from ledger.log.state import LogState
from node.fsck.logrows import CheckedLog, checkpoint_in
from node.fsck.rows import Rows
from node.store.layout import encode_number, parse_number
from node.store.rowname import RowKind, range_of

_COSIGNED_BYTES = 40
_SECONDS_BYTES = 8
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Cosigners:
    """Who may have cosigned what.

    Attributes:
        named: keys of every witness that a network in the store ever named, or a trust root pins.
        ruled: the logs that a network in the store has a say about; of these notes are kept with named lines alone.
        own: this node's witness keys.
        now: Unix seconds; a cosignature is not from the future.
    """

    named: tuple[VerifierKey, ...]
    ruled: frozenset[LogId]
    own: tuple[VerifierKey, ...]
    now: int


def find_cosigners(
    states: Iterable[LogState], trusts: Iterable[TrustRoot], own: Iterable[bytes], now: int
) -> Cosigners:
    """Collect the witnesses that count in a store.

    Args:
        states: of all logs in it that could be folded.
        trusts: the node's trust roots.
        own: public halves of its witness keys, raw.
        now: Unix ms.
    """
    keys: dict[VerifierKey, None] = {}
    ruled: set[LogId] = set()
    for state in states:
        if not state.is_network:
            continue
        ruled |= {state.log_id, *state.members.records}
        for records in state.members.records.values():
            standings = (record.change.standing for record in records)
            keys.update({item.witness: None for item in standings if item is not None and item.witness is not None})
    keys.update({witness.key: None for trust in trusts for witness in trust.witnesses})
    mine = set(own)
    return Cosigners(tuple(keys), frozenset(ruled), tuple(key for key in keys if key.key.raw in mine), now // 1000)


def check_signed(rows: Rows, log: CheckedLog, cosigners: Cosigners) -> None:
    """Check the notes, the cosigned size and the evidence of one log."""
    if log.log_id is None:
        return
    keys = log_keys_of(log)
    log.leaves.compute_roots(log.notes.keys())
    for size, note in log.notes.items():
        what = judge_note(log, size, note, keys, cosigners)
        if what:
            log.damage(log.keys.note(size), RowKind.NOTE, what, size, f"checkpoint note of size {size}")
    if log.size and log.size not in log.notes:
        at = f"checkpoint note of size {log.size}"
        log.damage(log.keys.note(log.size), RowKind.NOTE, "the row is missing", log.size, at)
    _check_cosigned(rows, log, cosigners)
    _check_time(rows, log, cosigners)
    _check_rotation(rows, log)
    for key, value in rows.scan(*range_of(log.number, RowKind.EVIDENCE)):
        _check_evidence(log, key, value, keys)


def judge_note(log: CheckedLog, size: int, note: bytes, keys: Iterable[VerifierKey], cosigners: Cosigners) -> str:
    """What is wrong with a note, empty for nothing.

    In order: (1) it parses and is over the size its key says; (2) the log's key signed it; (3) its root is the tree's;
    (4) every other line is a cosignature that verifies.
    """
    checkpoint = checkpoint_in(note)
    if checkpoint is None or checkpoint.size != size:  # 1
        return "it cannot be read" if checkpoint is None else f"it is over {checkpoint.size} entries"
    # While an entry is missing, so may be the one that named the key: asked again once it is mended.
    if log.state is not None and not any(_is_signed(note, key) for key in keys):  # 2
        return "the log's key did not sign it"
    root = log.leaves.root_at(size)
    if root is not None and root != checkpoint.root:  # 3
        return "its root is not that of the entries held"
    bad = bad_lines(note, log.log_id, cosigners)  # 4
    return f"the line of {bad[0].name} is no cosignature of a witness that was named" if bad else ""


def bad_lines(note: bytes, log_id: LogId | None, cosigners: Cosigners) -> list[NoteSignature]:
    """The lines of a note, its first left out, that no named witness signed."""
    if log_id not in cosigners.ruled:
        return []
    parsed = parse_note(note)
    return [line for line in parsed.signatures[1:] if not is_cosignature(parsed, line, cosigners.named)]


def is_cosignature(note: Note, line: NoteSignature, witnesses: Iterable[VerifierKey]) -> bool:
    """Whether a line is a good cosignature of one of these witnesses."""
    for witness in witnesses:
        if (witness.name, witness.key_id) == (line.name, line.key_id):
            try:
                return bool(verify_note_signatures(replace(note, signatures=(line,)), [witness]))
            except CairnError:
                return False
    return False


def own_cosigned_size(log: CheckedLog, cosigners: Cosigners) -> int:
    """The largest size that a note held proves this node cosigned; 0 for none."""
    sizes = [0]
    for size, note in log.notes.items():
        checkpoint = checkpoint_in(note)
        if checkpoint is not None and checkpoint.size == size:
            parsed = parse_note(note)
            if any(is_cosignature(parsed, line, cosigners.own) for line in parsed.signatures):
                sizes.append(size)
    return max(sizes)


def log_keys_of(log: CheckedLog) -> tuple[VerifierKey, ...]:
    """Every key the log ever signed checkpoints with; none while it could not be folded."""
    state = log.state
    if state is None:
        return ()
    return state.verifier_keys()


def _is_signed(note: bytes, key: VerifierKey) -> bool:
    try:
        open_checkpoint(note, key)
    except CairnError:
        return False
    return True


def _check_cosigned(rows: Rows, log: CheckedLog, cosigners: Cosigners) -> None:
    key = log.keys.cosigned
    value = rows.get(key)
    proven = own_cosigned_size(log, cosigners)
    if value is None:
        if proven:
            log.damage(key, RowKind.COSIGNED, f"the row is missing, although this node cosigned size {proven}")
        return
    if len(value) != _COSIGNED_BYTES:
        log.damage(key, RowKind.COSIGNED, f"the row has {len(value)} bytes, expected {_COSIGNED_BYTES}")
        return
    size, root = parse_number(value[:8]), RootHash(value[8:])
    if size > log.size:
        log.damage(key, RowKind.COSIGNED, f"it says size {size}, and {log.size} entries are held")
    elif log.leaves.root_at(size) not in (root, None) or (size == 0):
        log.damage(key, RowKind.COSIGNED, f"its root is not that of the {size} entries below it")
    elif size < proven:
        log.damage(key, RowKind.COSIGNED, f"it says size {size}, and this node cosigned size {proven}")


def right_cosigned(log: CheckedLog, value: bytes | None, cosigners: Cosigners) -> bytes | None:
    """What the cosigned row should say, never less than what was ever signed; None while the tree is not known.

    A root that is still whole tells its size. In doubt it is all that is held: whoever claims to have cosigned more than it
    did refuses a little, whoever claims less may sign two histories.
    """
    if value is not None and len(value) == _COSIGNED_BYTES:
        root = value[8:]
        size = next((size for size, known in log.leaves.walk() if known == root), None)
        if size is not None and size >= own_cosigned_size(log, cosigners):
            return encode_number(size) + root
        if size is None and parse_number(value[:8]) > log.size:
            # Neither its size nor its root is of anything held: the entries may be what was lost.
            return None
    whole = log.leaves.root_at(log.size)
    return None if whole is None else encode_number(log.size) + whole


def own_cosigned_seconds(log: CheckedLog, cosigners: Cosigners) -> int:
    """The newest time that a cosignature of this node in a note held bears, Unix seconds; 0 for none."""
    seconds = [0]
    for note in log.notes.values():
        if checkpoint_in(note) is not None:
            parsed = parse_note(note)
            ours = (line for line in parsed.signatures if is_cosignature(parsed, line, cosigners.own))
            seconds += [cosignature_seconds(line) for line in ours]
    return max(seconds)


def _check_time(rows: Rows, log: CheckedLog, cosigners: Cosigners) -> None:
    """A store of before this row was kept lacks it; between what notes prove and now every time is possible."""
    key = log.keys.cosigned_at
    value = rows.get(key)
    if value is None:
        return
    proven, seconds = own_cosigned_seconds(log, cosigners), parse_number(value)
    if len(value) != _SECONDS_BYTES:
        log.damage(key, RowKind.COSIGNED_AT, f"the row has {len(value)} bytes, expected {_SECONDS_BYTES}")
    elif seconds < proven:
        log.damage(key, RowKind.COSIGNED_AT, f"it says {seconds}, and this node cosigned at {proven}")
    elif seconds > cosigners.now + _DAY_SECONDS:
        log.damage(key, RowKind.COSIGNED_AT, f"it says {seconds}, which is more than a day from now")


def _check_rotation(rows: Rows, log: CheckedLog) -> None:
    """Whether it had the root keys' signatures was checked when it was shown; that none has changed since can be seen."""
    value = rows.get(log.keys.rotation)
    if value is None or log.state is None:
        return
    named = log.state.named
    try:
        rotation = parse_rotation(value)
        if rotation.statement.log != log.log_id:
            raise RuleError("it is of another log")
        for signature in rotation.signatures:
            key = named.get(signature.key)
            if key is None:
                raise RuleError("it is signed by a key that this log never named")
            verify_signature(key, STATEMENT_CONTEXT + rotation.statement_bytes, signature.signature)
    except CairnError as error:
        log.damage(log.keys.rotation, RowKind.ROTATION, f"it proves nothing: {error}")


def _check_evidence(log: CheckedLog, key: bytes, value: bytes, keys: Iterable[VerifierKey]) -> None:
    if log.keys.evidence(value) != key:
        log.damage(key, RowKind.EVIDENCE, "its bytes were changed", at=f"fork evidence {key[-32:].hex()[:16]}")
        return
    if log.state is None:
        return
    try:
        verify_fork(parse_fork(value), tuple(keys))
    except CairnError as error:
        log.damage(key, RowKind.EVIDENCE, f"it proves nothing: {error}", at=f"fork evidence {key[-32:].hex()[:16]}")


def states_of(logs: Mapping[int, CheckedLog]) -> list[LogState]:
    """The folds of those logs that could be folded."""
    return [log.state for log in logs.values() if log.state is not None]
