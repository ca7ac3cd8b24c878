"""Checkpoints: an origin, a tree size and a root, signed by the log's writer and cosigned by witnesses.

The text is three lines (C2SP tlog-checkpoint): origin, size in decimal, root in base64. Our cosignatures are by keys
of type 4 (C2SP tlog-cosignature); each says that its witness, at that second, had seen no larger consistent tree of
that origin. Whether enough witnesses signed is judged in `policy`, whether the tree grew rightly in `follow`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.errors import MalformedError, SignatureError
from ledger.log.keys import PublicKey, SigningKey, check_origin
from ledger.log.merkle import RootHash
from ledger.log.note import (
    KeyType,
    NoteSignature,
    VerifierKey,
    cosignature_seconds,
    encode_note,
    parse_note,
    sign_cosignature,
    sign_note,
    verify_note_signatures,
)
from ledger.log.textline import MAX_NUMBER, encode_base64, parse_hash, parse_number

MAX_SIZE = MAX_NUMBER
MAX_EXTENSIONS = 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: its origin, how many leaves it has, and the root over them."""

    origin: str
    size: int
    root: RootHash

    def encode(self) -> bytes:
        """Return the note text, three lines."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: who, and when in seconds of Unix time."""

    witness: VerifierKey
    seconds: int


def parse_checkpoint(text: bytes, *, allow_extensions: bool = False) -> Checkpoint:
    """Return the checkpoint of a note text.

    Extension lines are legal elsewhere and refused here unless `allow_extensions`: nothing audits what they say. That
    the root of size 0 is the empty one is left to whoever compares roots.

    Raises:
        MalformedError: not the one spelling of a checkpoint with a 32-byte root.
    """
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(f"checkpoint: not utf-8 at byte {error.start}") from error
    if len(lines) < 4 or lines.pop():
        raise MalformedError("checkpoint: not origin, size and root on lines of their own")
    extensions = lines[3:]
    if extensions and not allow_extensions:
        raise MalformedError(f"checkpoint: {len(extensions)} extension lines, which this ledger does not use")
    if len(extensions) > MAX_EXTENSIONS or not all(extensions):
        raise MalformedError("checkpoint: an empty extension line, or too many")
    size = parse_number(lines[1], "checkpoint: size")
    return Checkpoint(_parse_origin(lines[0]), size, RootHash(parse_hash(lines[2], "checkpoint: the root")))


def log_verifier_key(origin: str, key: PublicKey) -> VerifierKey:
    """Return the key that signs a log's checkpoints, under its origin."""
    return VerifierKey(origin, KeyType.ED25519, key)


def witness_verifier_key(name: str, key: PublicKey) -> VerifierKey:
    """Return the key of a witness under its cosigner name."""
    return VerifierKey(name, KeyType.COSIGNATURE, key)


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Return the note of a checkpoint, signed by the log key. Only after the tree it names is durable."""
    text = checkpoint.encode()
    if parse_checkpoint(text) != checkpoint:
        raise ValueError("a checkpoint that does not read back as itself")
    return encode_note(text, [sign_note(text, checkpoint.origin, key)])


def read_checkpoint(note: bytes) -> Checkpoint:
    """Return what a note claims, with no signature checked.

    Raises:
        MalformedError: not a note, or its text not a checkpoint.
    """
    return parse_checkpoint(parse_note(note).text)


def open_checkpoint(note: bytes, log_key: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a note that the log signed.

    1. The note parses, and its text is a checkpoint without extensions.
    2. Its origin is the name of `log_key`.
    3. A line of `log_key` is there and every such line verifies.

    Raises:
        MalformedError: step 1.
        SignatureError: steps 2 and 3.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)  # 1
    if checkpoint.origin != log_key.name:  # 2
        raise SignatureError(f"checkpoint: origin {checkpoint.origin} is not {log_key.name}")
    if not verify_note_signatures(parsed, [log_key]):  # 3
        raise SignatureError(
            f"checkpoint over {checkpoint.size} entries: no signature by the log key of {log_key.name}"
        )
    return checkpoint


def cosign(note: bytes, name: str, key: SigningKey, seconds: int) -> NoteSignature:
    """Return the cosignature of a witness named `name` on the checkpoint of `note`, at `seconds` of Unix time.

    Verifies nothing about the log: the caller has opened the checkpoint, holds what it names durably and has recorded
    its size.

    Raises:
        MalformedError: not a note, or its text not a checkpoint.
    """
    parsed = parse_note(note)
    parse_checkpoint(parsed.text)
    return sign_cosignature(parsed.text, name, key, seconds)


def open_cosignatures(note: bytes, witnesses: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """Return the cosignatures of `witnesses`, each witness once with its earliest time, in the order of the lines.

    Lines of anybody else are ignored. None at all is an empty result, not an error.

    Raises:
        MalformedError: not a note, or its text not a checkpoint.
        SignatureError: a line of one of `witnesses` does not verify.
        ValueError: one of `witnesses` is not a witness key.
    """
    keys = tuple(witnesses)
    if any(key.type is not KeyType.COSIGNATURE for key in keys):
        raise ValueError("a witness key is of the cosignature type")
    parsed = parse_note(note)
    parse_checkpoint(parsed.text)
    earliest: dict[VerifierKey, int] = {}
    for key, line in verify_note_signatures(parsed, keys):
        seconds = cosignature_seconds(line)
        earliest[key] = min(seconds, earliest.get(key, seconds))
    return tuple(Cosignature(key, seconds) for key, seconds in earliest.items())


def add_signatures(note: bytes, signatures: Iterable[NoteSignature]) -> bytes:
    """Return the note with more lines: those of the log first, one line for each name and key id.

    A line that is there already stays: an earlier cosignature shows more than a later one. Nothing is verified.

    Raises:
        MalformedError: not a note, or its text not a checkpoint.
    """
    parsed = parse_note(note)
    origin = parse_checkpoint(parsed.text).origin
    lines: dict[tuple[str, bytes], NoteSignature] = {}
    for line in (*parsed.signatures, *signatures):
        lines.setdefault((line.name, line.key_id), line)
    return encode_note(parsed.text, sorted(lines.values(), key=lambda line: line.name != origin))


def _parse_origin(line: str) -> str:
    return check_origin(line, "checkpoint: origin")
