"""Encrypted key files: a signing key that people carry about, sealed under a passphrase.

Ledger JSON `{"box","format","kdf":{"memory","name","operations","salt"},"nonce","public"}`: argon2id turns the passphrase (in
NFC) into the key of a secretbox around the 32-byte seed; the public half stands beside it in clear, and is checked against
the seed whenever the file is opened. `format` says what the key is for, so that no file can be taken for one of another kind.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import nacl.exceptions
import nacl.secret
from nacl.pwhash import argon2id

from ledger import base64url, canonical
from ledger.errors import MalformedError, RuleError
from ledger.log.keys import SEED_BYTES, PublicKey, SigningKey, parse_public_key

MAX_KEY_FILE_BYTES = 4096
_MAX_OPERATIONS = 16
_MAX_MEMORY_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class KeyCost:
    """What one guess at a passphrase costs: argon2id passes, and bytes of memory."""

    operations: int
    memory_bytes: int


MODERATE_COST = KeyCost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)
"""About a second and 256 MiB a guess on a small computer."""
LEAST_COST = KeyCost(argon2id.OPSLIMIT_MIN, argon2id.MEMLIMIT_MIN)
"""For tests and demonstrations only: guessing is cheap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A key file as read; the passphrase opens it."""

    box: bytes
    nonce: bytes
    salt: bytes
    cost: KeyCost
    public: PublicKey

    def open(self, passphrase: str, where: str) -> SigningKey:
        """Decrypt it; `where` names the file in errors.

        Raises:
            MalformedError: the passphrase is wrong, or the seed does not belong to the public key beside it.
            RuleError: the passphrase is empty.
        """
        try:
            seed = nacl.secret.SecretBox(stretch(passphrase, self.salt, self.cost)).decrypt(self.box, self.nonce)
        except nacl.exceptions.CryptoError as error:
            raise MalformedError(f"{where}: the passphrase is wrong, or the file is damaged") from error
        key = SigningKey(seed)
        if key.public != self.public:
            raise MalformedError(f"{where}: the secret inside does not belong to the public key beside it")
        return key


def seal_key(key: SigningKey, passphrase: str, format_: str, draw: Callable[[int], bytes], cost: KeyCost) -> bytes:
    """Give the bytes of a key file, without a line end.

    Args:
        key: to seal.
        passphrase: not empty; compared after NFC normalisation, so that any keyboard spells it alike.
        format_: what kind of key file this is.
        draw: source of salt and nonce.
        cost: what one guess at the passphrase costs.

    Raises:
        RuleError: the passphrase is empty.
    """
    salt, nonce = draw(argon2id.SALTBYTES), draw(nacl.secret.SecretBox.NONCE_SIZE)
    box = nacl.secret.SecretBox(stretch(passphrase, salt, cost))
    return canonical.encode(
        {
            "box": base64url.encode(box.encrypt(key.seed, nonce).ciphertext),
            "format": format_,
            "kdf": {
                "memory": cost.memory_bytes,
                "name": "argon2id",
                "operations": cost.operations,
                "salt": base64url.encode(salt),
            },
            "nonce": base64url.encode(nonce),
            "public": key.public.to_json(),
        }
    )


def read_sealed_key(value: canonical.JSONObject, format_: str, where: str) -> SealedKey:
    """Read a parsed key file of this kind; `where` names it in errors.

    Raises:
        MalformedError: it is none, or one of another kind.
    """
    fields = canonical.Fields(value, where)
    if (name := fields.text("format", max_length=64)) != format_:
        raise MalformedError(f"{where}: a key file of format {name}, expected {format_}")
    kdf = fields.fields("kdf")
    if (name := kdf.text("name", max_length=64)) != "argon2id":
        raise MalformedError(f"{where}: unknown key derivation {name}, expected argon2id")
    sealed = SealedKey(
        box=fields.data("box", SEED_BYTES + nacl.secret.SecretBox.MACBYTES),
        nonce=fields.data("nonce", nacl.secret.SecretBox.NONCE_SIZE),
        salt=kdf.data("salt", argon2id.SALTBYTES),
        # Bounded, since the file may come from somebody who wants this computer to fall over.
        cost=KeyCost(
            kdf.integer("operations", argon2id.OPSLIMIT_MIN, _MAX_OPERATIONS),
            kdf.integer("memory", argon2id.MEMLIMIT_MIN, _MAX_MEMORY_BYTES),
        ),
        public=parse_public_key(fields.object("public"), f"{where}: public"),
    )
    kdf.finish()
    fields.finish()
    return sealed


def stretch(passphrase: str, salt: bytes, cost: KeyCost) -> bytes:
    """The key of a secretbox (32 bytes) from a passphrase by argon2id, NFC first, so that any keyboard spells it alike.

    Raises:
        RuleError: the passphrase is empty.
    """
    if not passphrase:
        raise RuleError("passphrase: must not be empty")
    return argon2id.kdf(
        nacl.secret.SecretBox.KEY_SIZE,
        unicodedata.normalize("NFC", passphrase).encode(),
        salt,
        opslimit=cost.operations,
        memlimit=cost.memory_bytes,
    )
