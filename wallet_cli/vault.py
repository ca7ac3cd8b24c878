"""The vault: one encrypted file for a record of a lifetime, on a computer that may be shared or switched off.

    magic "cairn vault v1\\n" | opslimit u32 | memlimit u32 KiB | salt 16 | length u32 | SHA-256 of the box 32 | box

Integers are big-endian. The key is argon2id (opslimit passes, memlimit memory) over the passphrase in NFC; the box is
libsodium's secretbox (nonce 24, then XSalsa20-Poly1305) over the JSON content, padded with spaces to a multiple of
4,096 bytes so that the size tells little. Length and hash add no secrecy: they let a cut or damaged file be told from
a wrong passphrase.

Readers take no lock, since a vault is only ever replaced whole. A writer takes an advisory lock on the file itself,
reads it again, changes it and replaces it: two commands at once never lose each other's change.
"""

import hashlib
import os
import secrets
import struct
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ledger.errors import CairnError, MalformedError
from wallet_cli import files
from wallet_cli.files import Pause, no_pause
from wallet_cli.holdings import Contents, encode_contents, parse_contents

MAGIC = b"cairn vault v1\n"
MAGIC_FAMILY = b"cairn vault v"
SALT_LENGTH = 16
NONCE_LENGTH = 24
TAG_LENGTH = 16
PAD_BYTES = 4096
MAX_VAULT_BYTES = 256 << 20
LOCK_SECONDS = 10.0

_NUMBERS = struct.Struct(">II")
_TAIL = struct.Struct(">I32s")
HEADER_LENGTH = len(MAGIC) + _NUMBERS.size + SALT_LENGTH + _TAIL.size


class VaultError(CairnError):
    """The vault cannot be opened or written: wrong passphrase, damage, another command at work (exit code 2)."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """How dear a guess of the passphrase is: argon2id passes, and memory in KiB."""

    passes: int
    memory_kib: int


DEFAULT_COST = Cost(3, 128 * 1024)
# A vault handed over by somebody else must not exhaust the computer that opens it.
MAX_COST = Cost(32, 2 * 1024 * 1024)
MIN_COST = Cost(1, 8)


@dataclass(frozen=True, slots=True)
class _Sealed:
    cost: Cost
    salt: bytes
    box: bytes


class Vault:
    """An opened vault: the derived key in memory, the content as last read or written."""

    def __init__(self, path: Path, key: bytes, salt: bytes, cost: Cost, contents: Contents, pause: Pause) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.contents = contents
        self._key = key
        self._salt = salt
        self._cost = cost
        self._pause = pause

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: str,
        *,
        cost: Cost = DEFAULT_COST,
        contents: Contents | None = None,
        pause: Pause = no_pause,
    ) -> Self:
        """Make a new vault; its folder is created (mode 0700) if it is not there.

        Raises:
            VaultError: something stands at `path` already, or the passphrase is empty.
        """
        if not passphrase:
            raise VaultError("the passphrase is empty", hint="choose a few words you will remember")
        salt = secrets.token_bytes(SALT_LENGTH)
        vault = cls(path, _derive_key(passphrase, salt, cost), salt, cost, contents or Contents(), pause)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
        with _locked(path):
            # An empty file is what an `init` cut off by a crash leaves; nothing can be lost in taking it over.
            if path.stat().st_size:
                raise _taken(path)
            files.remove_leftovers(path)
            vault._write(vault.contents)
        return vault

    @classmethod
    def open(cls, path: Path, passphrase: str, *, pause: Pause = no_pause) -> Self:
        """Read and decrypt a vault.

        Raises:
            VaultError: no such file, damaged or cut short, or the passphrase does not open it.
            MalformedError: not a vault, or one of a newer version.
        """
        sealed = _read(path)
        key = _derive_key(passphrase, sealed.salt, sealed.cost)
        return cls(path, key, sealed.salt, sealed.cost, _open_box(path, key, sealed.box), pause)

    def change(self, edit: Callable[[Contents], Contents]) -> Contents:
        """Apply a change to the newest content on disk and write it; durable when this returns.

        `edit` may raise to leave everything as it is. It sees what another command may have written meanwhile.

        Raises:
            VaultError: another command keeps the vault locked, it has gone, or its passphrase was changed.
        """
        with _locked(self.path):
            files.remove_leftovers(self.path)
            sealed = _read(self.path)
            if (sealed.salt, sealed.cost) != (self._salt, self._cost):
                raise VaultError(f"{self.path}: the passphrase was changed meanwhile", hint="run the command again")
            changed = edit(_open_box(self.path, self._key, sealed.box))
            self._write(changed)
        self.contents = changed
        return changed

    def _write(self, contents: Contents) -> None:
        from nacl.bindings import crypto_secretbox

        plain = encode_contents(contents)
        plain += b" " * (-len(plain) % PAD_BYTES)
        nonce = secrets.token_bytes(NONCE_LENGTH)
        sealed = _Sealed(self._cost, self._salt, nonce + crypto_secretbox(plain, nonce, self._key))
        try:
            files.write_atomically(self.path, _encode(sealed), pause=self._pause)
        except OSError as error:
            raise VaultError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="free space on that disk or choose another; what the vault held before is unchanged",
            ) from error


def check_exists(path: Path) -> None:
    """Check that a file stands at `path`, before anybody is asked for a passphrase.

    Raises:
        VaultError: there is none.
    """
    if not path.exists():
        raise _missing(path)


def check_absent(path: Path) -> None:
    """Check that `Vault.create` would not meet another vault at `path`.

    Raises:
        VaultError: something stands there.
    """
    if path.exists() and path.stat().st_size:
        raise _taken(path)


def _missing(path: Path) -> VaultError:
    return VaultError(f"there is no vault at {path}", hint="make one with `cairn init`, or name yours with --vault")


def _taken(path: Path) -> VaultError:
    return VaultError(f"{path} exists already", hint="use it, or name another file with --vault")


def _encode(sealed: _Sealed) -> bytes:
    numbers = _NUMBERS.pack(sealed.cost.passes, sealed.cost.memory_kib)
    tail = _TAIL.pack(len(sealed.box), hashlib.sha256(sealed.box).digest())
    return MAGIC + numbers + sealed.salt + tail + sealed.box


def _read(path: Path) -> _Sealed:
    try:
        data = files.read_bounded(path, MAX_VAULT_BYTES)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        raise VaultError(f"{path} cannot be read: {error.strerror}") from error
    return _parse(data, path)


def _parse(data: bytes, path: Path) -> _Sealed:
    backup = "restore it from a backup"
    if not data.startswith(MAGIC):
        if data.startswith(MAGIC_FAMILY):
            raise MalformedError(f"{path} is a vault of another version", hint="install a newer cairn")
        if not data or MAGIC.startswith(data):
            raise VaultError(f"{path} is cut short: {len(data)} bytes", hint=backup)
        raise MalformedError(f"{path} is not a vault", hint="name your vault with --vault")
    if len(data) < HEADER_LENGTH:
        raise VaultError(f"{path} is cut short: {len(data)} bytes, a header alone has {HEADER_LENGTH}", hint=backup)
    offset = len(MAGIC)
    cost = Cost(*_NUMBERS.unpack_from(data, offset))
    offset += _NUMBERS.size
    salt = data[offset : offset + SALT_LENGTH]
    length, digest = _TAIL.unpack_from(data, offset + SALT_LENGTH)
    box = data[HEADER_LENGTH:]
    if len(box) < length:
        raise VaultError(f"{path} is cut short: {len(box)} of {length} bytes are there", hint=backup)
    if len(box) > length or hashlib.sha256(box).digest() != digest or length < NONCE_LENGTH + TAG_LENGTH:
        raise VaultError(f"{path} is damaged: its checksum does not match", hint=backup)
    for value, least, most in zip(_numbers(cost), _numbers(MIN_COST), _numbers(MAX_COST), strict=True):
        if not least <= value <= most:
            raise VaultError(f"{path} is damaged: key cost {value} is outside {least} to {most}", hint=backup)
    return _Sealed(cost, salt, box)


def _numbers(cost: Cost) -> tuple[int, int]:
    return cost.passes, cost.memory_kib


def _derive_key(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    from nacl.exceptions import CryptoError
    from nacl.pwhash import argon2id

    # NFC: the same words typed on another system must open the vault.
    secret = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")
    try:
        return bytes(argon2id.kdf(32, secret, salt, opslimit=cost.passes, memlimit=cost.memory_kib * 1024))
    except (CryptoError, MemoryError) as error:
        raise VaultError(
            f"not enough memory to open the vault: it needs {cost.memory_kib // 1024} MiB", hint="close other programs"
        ) from error


def _open_box(path: Path, key: bytes, box: bytes) -> Contents:
    from nacl.bindings import crypto_secretbox_open
    from nacl.exceptions import CryptoError

    try:
        plain = crypto_secretbox_open(box[NONCE_LENGTH:], box[:NONCE_LENGTH], key)
    except CryptoError as error:
        raise VaultError(
            f"the passphrase does not open {path}",
            hint="check capitals, keyboard layout and which vault this is, then try again",
        ) from error
    return parse_contents(plain.rstrip(b" "))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # Lock the file, then look whether the name still leads to it: whoever held the lock before has replaced it.
    if sys.platform == "win32":
        # No lock there survives the replacement of the file, and an open file cannot be replaced: we only read last,
        # write first.
        yield
        return
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise VaultError(f"there is no vault at {path} any more", hint="was the USB stick removed?") from error
        try:
            if _try_lock(descriptor) and _is_same_file(descriptor, path):
                yield
                return
        finally:
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise VaultError(f"{path} is in use by another cairn command", hint="wait until it has finished")
        time.sleep(0.02)


def _try_lock(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
