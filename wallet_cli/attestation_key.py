"""The key somebody signs attestations with: one encrypted file, made for this and used for nothing else."""

import secrets
from pathlib import Path

from ledger import canonical
from ledger.errors import MalformedError, RuleError
from ledger.log.keyfile import MAX_KEY_FILE_BYTES, MODERATE_COST, KeyCost, read_sealed_key, seal_key
from ledger.log.keys import SEED_BYTES, PublicKey, SigningKey
from wallet_cli import files

FORMAT = "cairn/attestation-key/v1"


def create_key(path: Path, passphrase: str, *, cost: KeyCost = MODERATE_COST) -> PublicKey:
    """Make a key file (mode 0600) and give its public half.

    Raises:
        RuleError: something stands at `path`, or the passphrase is empty.
        OSError: the file cannot be written; nothing stands there then.
    """
    key = SigningKey(secrets.token_bytes(SEED_BYTES))
    data = seal_key(key, passphrase, FORMAT, secrets.token_bytes, cost) + b"\n"
    try:
        files.create_file(path, data)
    except FileExistsError as error:
        raise RuleError(f"{path}: exists already, and nothing in it was changed", hint="name another file") from error
    return key.public


def open_key(path: Path, passphrase: str) -> SigningKey:
    """Decrypt a key file.

    Raises:
        MalformedError: it is none of this kind, or the passphrase is wrong.
        OSError: it cannot be read.
    """
    data = files.read_bounded(path, MAX_KEY_FILE_BYTES)
    try:
        value = canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_KEY_FILE_BYTES)
    except MalformedError as error:
        raise MalformedError(f"{path}: not a key file, or damaged", hint="make one with `cairn keygen FILE`") from error
    return read_sealed_key(value, FORMAT, str(path)).open(passphrase, str(path))
