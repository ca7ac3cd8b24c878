"""Keys, signatures and the names they go by.

A key is an algorithm and its raw public bytes; its id is `SHA-256("cairn/key/v1\\n" || JCS({"alg","key"}))`. Entries
and notes are signed with Ed25519 alone, and a valid signature is what libsodium accepts: no second opinion, so that two
nodes never disagree about growth. P-256 keys are named here because credentials of others use them; `credential.jose`
verifies those.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import NewType

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from ledger import base64url, canonical
from ledger.canonical import Fields
from ledger.errors import MalformedError, SignatureError

KeyId = NewType("KeyId", bytes)

KEY_ID_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64
MAX_NAME_LENGTH = 200
MAX_ORIGIN_BYTES = 255

_KEY_CONTEXT = b"cairn/key/v1\n"

# NIST P-256: y² = x³ - 3x + b over the field of p elements (SP 800-186 §3.2.1.3).
_P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

# Control characters, line and paragraph separators, and marks that reorder or hide what a person reads. Listed, not
# asked of `unicodedata`, whose tables differ between Python releases: every node must refuse the same names.
_has_unprintable = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]").search


class Algorithm(StrEnum):
    """Signature algorithms, by the name they have in ledger JSON."""

    ED25519 = "ed25519"
    P256 = "p256"


_KEY_BYTES = {Algorithm.ED25519: 32, Algorithm.P256: 33}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; `raw` is 32 bytes for Ed25519 and a 33-byte compressed SEC1 point for P-256."""

    algorithm: Algorithm
    raw: bytes
    _id: KeyId | None = field(init=False, compare=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Refuse bytes that cannot be a key.

        Raises:
            MalformedError: wrong length, or not a point of P-256. Ed25519 bytes are not looked into: those that
                libsodium would refuse verify no signature.
        """
        if len(self.raw) != _KEY_BYTES[self.algorithm]:
            wanted = _KEY_BYTES[self.algorithm]
            raise MalformedError(f"key: {self.algorithm} needs {wanted} bytes, got {len(self.raw)}")
        if self.algorithm is Algorithm.P256 and not _is_p256_point(self.raw):
            raise MalformedError("key: not a compressed point of P-256")

    @property
    def id(self) -> KeyId:
        """The hash that names the key in statements and signatures: computed once, and never for a learner's own key."""
        known = self._id
        if known is None:
            known = KeyId(sha256(_KEY_CONTEXT + canonical.encode(self.to_json())).digest())
            object.__setattr__(self, "_id", known)
        return known

    def to_json(self) -> canonical.JSONObject:
        """Return the ledger JSON form, `{"alg","key"}`."""
        return {"alg": self.algorithm.value, "key": base64url.encode(self.raw)}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key that can sign, from its 32-byte seed. Its text form never shows the seed."""

    seed: bytes = field(repr=False)
    public: PublicKey = field(init=False, compare=False)
    # seed and public key in the order libsodium signs with
    _secret: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Derive the public key; a seed of another length is the caller's mistake, `ValueError`."""
        if len(self.seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(self.seed)}")
        raw, secret = crypto_sign_seed_keypair(self.seed)
        object.__setattr__(self, "public", PublicKey(Algorithm.ED25519, raw))
        object.__setattr__(self, "_secret", secret)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`, which must begin with the context string of its kind."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


def parse_public_key(value: object, where: str) -> PublicKey:
    """Return the key of a parsed `{"alg","key"}` object; `where` names it in errors.

    Raises:
        MalformedError: another shape, an unknown algorithm, or bytes that cannot be a key.
    """
    fields = Fields(value, where)
    name = fields.text("alg")
    raw = fields.data("key")
    fields.finish()
    try:
        algorithm = Algorithm(name)
    except ValueError as error:
        raise MalformedError(f"{where}: algorithm {name[:40]!r} is not known; ed25519 and p256 are") from error
    try:
        return PublicKey(algorithm, raw)
    except MalformedError as error:
        raise MalformedError(f"{where}: {error}") from error


def verify_signature(key: PublicKey, message: bytes, signature: bytes) -> None:
    """Check an Ed25519 signature exactly as libsodium does.

    Raises:
        SignatureError: not 64 bytes, or not a signature of `message` by `key`.
        ValueError: `key` is not an Ed25519 key.
    """
    if key.algorithm is not Algorithm.ED25519:
        raise ValueError(f"entries and notes are signed with ed25519, not {key.algorithm}")
    # The binding takes signature and message in one piece: a shorter signature would borrow bytes of the message.
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError(f"signature: {len(signature)} bytes instead of {SIGNATURE_BYTES}")
    try:
        crypto_sign_open(signature + message, key.raw)
    except BadSignatureError as error:
        raise SignatureError(f"signature: not by key {base64url.encode(key.id)}") from error


def check_name(text: str, where: str) -> str:
    """Return the NFC form of a name that people read, for writing; readers may ignore it.

    Raises:
        MalformedError: empty, longer than 200 characters, with white space at an edge, or with a character that cannot
            be seen.
    """
    if not text:
        raise MalformedError(f"{where}: a name must not be empty")
    if len(text) > MAX_NAME_LENGTH:
        raise MalformedError(f"{where}: {len(text)} characters are more than {MAX_NAME_LENGTH}")
    if _has_unprintable(text):
        raise MalformedError(f"{where}: a name must not hold control characters or hidden marks")
    if text != text.strip():
        raise MalformedError(f"{where}: a name must not begin or end with white space")
    return unicodedata.normalize("NFC", text)


def check_origin(text: str, where: str = "origin") -> str:
    """Return `text` if it can be an origin or another key name of a signed note (C2SP signed-note).

    Raises:
        MalformedError: empty, more than 255 bytes, or holding white space, a plus sign or a character that cannot be
            seen.
    """
    if _has_unprintable(text):
        raise MalformedError(f"{where}: control characters and hidden marks are not allowed")
    if text.split() != [text]:
        raise MalformedError(f"{where}: must not be empty or hold white space")
    if "+" in text:
        raise MalformedError(f"{where}: must not hold a plus sign")
    length = len(text.encode())
    if length > MAX_ORIGIN_BYTES:
        raise MalformedError(f"{where}: {length} bytes are more than {MAX_ORIGIN_BYTES}")
    return text


def _is_p256_point(raw: bytes) -> bool:
    x = int.from_bytes(raw[1:])
    if raw[0] not in (2, 3) or x >= _P256_P:
        return False
    square = (x * x * x - 3 * x + _P256_B) % _P256_P
    # Euler's criterion: a square has a root y, and the first byte says which of the two is meant.
    return square == 0 or pow(square, (_P256_P - 1) // 2, _P256_P) == 1
