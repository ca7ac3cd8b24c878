"""Signed notes: text, a blank line, and signature lines (C2SP signed-note).

    example.com/log
    3
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=

    — example.com/log M9e0lvAQRtH832pk…

A name and a 4-byte key id name a key. Lines of unknown keys are ignored, so that anybody may add signatures; one line
of a known key that does not verify makes the whole note refused. Two kinds of key are known: type 1 signs the text,
type 4 signs the text after a time (C2SP tlog-cosignature). In signature lines alone, unused low bits of the base64
are not looked at, as in other implementations; `encode_note` always writes zeros there.
"""

import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from ledger.errors import MalformedError, SignatureError
from ledger.log.keys import SIGNATURE_BYTES, Algorithm, PublicKey, SigningKey, check_origin, verify_signature

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
MAX_VERIFIER_KEY_LENGTH = 512
MAX_SECONDS = 2**63 - 1

_KEY_ID_BYTES = 4
_TIME_BYTES = 8
_DASH = "\N{EM DASH} "
# of the text, only: the newline is the one control character allowed
_has_control = re.compile("[\x00-\x09\x0b-\x1f]").search
_is_base64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?").fullmatch


class KeyType(IntEnum):
    """What the signatures of a key say: the text, or the text and when the largest such tree was seen."""

    ED25519 = 1
    COSIGNATURE = 4


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name. One key of type 4 must never serve two names: its signatures do not hold the name."""

    name: str
    type: KeyType
    key: PublicKey
    # first 4 bytes of SHA-256(name || "\n" || type || raw key)
    key_id: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the key id.

        Raises:
            MalformedError: the name cannot stand in a note, or the key is not Ed25519.
        """
        check_origin(self.name, "verifier key: name")
        if self.key.algorithm is not Algorithm.ED25519:
            raise MalformedError(f"verifier key: {self.name}: notes are signed with ed25519, not {self.key.algorithm}")
        data = self.name.encode() + b"\n" + bytes([self.type]) + self.key.raw
        object.__setattr__(self, "key_id", sha256(data).digest()[:_KEY_ID_BYTES])

    def encode(self) -> str:
        """Return the vkey text, `<name>+<key id in hex>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{_encode_base64(bytes([self.type]) + self.key.raw)}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line; `signature` follows the key id: 64 bytes, for cosignatures after 8 bytes of time."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> str:
        """Return the signature line with its final newline."""
        return f"{_DASH}{self.name} {_encode_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as parsed: `text` ends in a newline and is what was signed; nothing is verified by having one."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


def parse_verifier_key(text: str) -> VerifierKey:
    """Return the key of a vkey text.

    Raises:
        MalformedError: another shape, a key id that is not the key's, or a key type other than 1 and 4.
    """
    parts = text.split("+", 2) if len(text) <= MAX_VERIFIER_KEY_LENGTH else []
    if len(parts) != 3 or not _is_base64(parts[2]):
        raise MalformedError("verifier key: not <name>+<key id>+<base64>")
    data = binascii.a2b_base64(parts[2])
    if not data or data[0] not in (KeyType.ED25519, KeyType.COSIGNATURE):
        raise MalformedError(f"verifier key: {parts[0][:80]!r} has a key of unknown type {data[:1].hex() or 'none'}")
    key = VerifierKey(parts[0], KeyType(data[0]), PublicKey(Algorithm.ED25519, data[1:]))
    if key.encode() != text:
        raise MalformedError(f"verifier key: {key.name}: key id {parts[1][:16]!r} is not {key.key_id.hex()}")
    return key


def parse_note(data: bytes) -> Note:
    """Return text and signatures of a note; no signature is checked.

    Raises:
        MalformedError: not a note, larger than `MAX_NOTE_BYTES`, or with more than `MAX_SIGNATURES` signatures.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError(f"note: {len(data)} bytes exceed the limit of {MAX_NOTE_BYTES}")
    try:
        decoded = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError(f"note: not utf-8 at byte {error.start}") from error
    if _has_control(decoded):
        raise MalformedError("note: a control character other than newline")
    # The text may hold empty lines, so the last one separates.
    text, separator, lines = decoded.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise MalformedError("note: no blank line followed by signature lines")
    if lines.count("\n") > MAX_SIGNATURES:
        raise MalformedError(f"note: {lines.count(chr(10))} signatures are more than {MAX_SIGNATURES}")
    return Note(f"{text}\n".encode(), parse_signature_lines(lines.encode()))


def parse_signature_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Return the signatures of some lines that stand alone, as a witness answers them.

    Raises:
        MalformedError: not whole signature lines in UTF-8, none, or more than `MAX_SIGNATURES`.
    """
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(f"signature lines: not utf-8 at byte {error.start}") from error
    if lines.pop() or not 0 < len(lines) <= MAX_SIGNATURES:
        raise MalformedError(f"signature lines: 1 to {MAX_SIGNATURES} whole lines are needed")
    return tuple([_parse_signature(line) for line in lines])


def encode_note(text: bytes, signatures: Iterable[NoteSignature]) -> bytes:
    """Return the bytes of a note; a text that does not end in a newline is the caller's mistake, `ValueError`."""
    lines = "".join([signature.encode() for signature in signatures])
    if not text.endswith(b"\n") or not lines:
        raise ValueError("a note needs a text that ends in a newline, and a signature")
    return text + b"\n" + lines.encode()


def sign_note(text: bytes, name: str, key: SigningKey) -> NoteSignature:
    """Return a signature of type 1 over `text` by `key` under `name`."""
    verifier = VerifierKey(name, KeyType.ED25519, key.public)
    return NoteSignature(name, verifier.key_id, key.sign(text))


def sign_cosignature(text: bytes, name: str, key: SigningKey, seconds: int) -> NoteSignature:
    """Return a signature of type 4 over `text` at `seconds` of Unix time; see `checkpoint.cosign` for its meaning."""
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"cosignature time {seconds} is out of range")
    verifier = VerifierKey(name, KeyType.COSIGNATURE, key.public)
    signature = seconds.to_bytes(_TIME_BYTES) + key.sign(_cosigned_message(text, seconds))
    return NoteSignature(name, verifier.key_id, signature)


def open_note(data: bytes, keys: Iterable[VerifierKey]) -> tuple[Note, tuple[VerifierKey, ...]]:
    """Return the note and which of `keys` signed it, in the order of the lines.

    Raises:
        MalformedError: not a note.
        SignatureError: a line of one of `keys` does not verify, or none of them signed.
    """
    note = parse_note(data)
    verified = verify_note_signatures(note, keys)
    if not verified:
        raise SignatureError("note: no signature by a known key")
    return note, tuple(dict.fromkeys(key for key, _ in verified))


def verify_note_signatures(note: Note, keys: Iterable[VerifierKey]) -> tuple[tuple[VerifierKey, NoteSignature], ...]:
    """Return the lines signed by one of `keys`, each with its key; lines of others are left out.

    Raises:
        SignatureError: a line names one of `keys` and does not verify.
    """
    known: dict[tuple[str, bytes], list[VerifierKey]] = {}
    for key in keys:
        known.setdefault((key.name, key.key_id), []).append(key)
    found = []
    for line in note.signatures:
        candidates = known.get((line.name, line.key_id))
        if candidates:
            found.append((_verify_line(note.text, line, candidates), line))
    return tuple(found)


def cosignature_seconds(signature: NoteSignature) -> int:
    """Return the time a cosignature claims, in seconds of Unix time; meaningful only once verified."""
    return int.from_bytes(signature.signature[:_TIME_BYTES])


def _verify_line(text: bytes, line: NoteSignature, candidates: Sequence[VerifierKey]) -> VerifierKey:
    # Four bytes of key id can be made to collide on purpose, so every key of that name and id may answer for the line.
    problem = ""
    for key in candidates:
        try:
            _verify_by(text, line, key)
        except SignatureError as error:
            problem = str(error)
        else:
            return key
    raise SignatureError(f"note: line of {line.name}: {problem}")


def _verify_by(text: bytes, line: NoteSignature, key: VerifierKey) -> None:
    if key.type is KeyType.ED25519:
        verify_signature(key.key, text, line.signature)
        return
    if len(line.signature) != _TIME_BYTES + SIGNATURE_BYTES:
        raise SignatureError(f"cosignature: {len(line.signature)} bytes instead of {_TIME_BYTES + SIGNATURE_BYTES}")
    seconds = cosignature_seconds(line)
    if seconds > MAX_SECONDS:
        raise SignatureError(f"cosignature: time {seconds} is out of range")
    verify_signature(key.key, _cosigned_message(text, seconds), line.signature[_TIME_BYTES:])


def _cosigned_message(text: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (seconds, text)


def _parse_signature(line: str) -> NoteSignature:
    name, separator, encoded = line.removeprefix(_DASH).rpartition(" ")
    if not line.startswith(_DASH) or not separator or not _is_base64(encoded):
        raise MalformedError("note: a signature line is not a dash, a name and base64")
    if name.split() != [name] or "+" in name:
        raise MalformedError("note: the name of a signature line is empty or holds white space or a plus sign")
    data = binascii.a2b_base64(encoded)
    if len(data) <= _KEY_ID_BYTES:
        raise MalformedError(f"note: the signature line of {name[:80]} holds no signature")
    return NoteSignature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _encode_base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")
