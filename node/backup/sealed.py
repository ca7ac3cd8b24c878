"""A file sealed with a passphrase, written and read as a stream.

    {"format":"cairn/sealed/v1","kdf":{…},"nonce":…}\n      ledger JSON, as in a key file
    box box … box                                           secretbox over 65,536 bytes each, the last shorter or empty

argon2id makes the key of the boxes from the passphrase. A box's nonce is the 16 bytes of the header, its number (7 bytes,
big-endian) and a byte that is 1 for the last box alone: boxes can be neither swapped nor left out nor cut off unseen.
A file that does not begin with `{` is not sealed and passes as it is.
"""

import io
from pathlib import Path
from typing import BinaryIO

import nacl.exceptions
import nacl.pwhash.argon2id as argon2id
import nacl.secret

from ledger import base64url, canonical
from ledger.errors import MalformedError
from ledger.log.keyfile import KeyCost, stretch
from node.clock import Draw

BOX_BYTES = 65_536
"""Bytes in clear in every box but the last."""
MAX_HEADER_BYTES = 1024

_FORMAT = "cairn/sealed/v1"
_PREFIX_BYTES = 16
_MAX_OPERATIONS = 16
_MAX_MEMORY_BYTES = 1 << 30


class SealingWriter(io.RawIOBase):
    """Seals what is written to it; `finish` writes the last box. The file below stays open."""

    def __init__(self, file: BinaryIO, passphrase: str, draw: Draw, cost: KeyCost) -> None:
        """Write the header, and prepare the key, which takes as long as `cost` says."""
        super().__init__()
        salt, self._prefix = draw(argon2id.SALTBYTES), draw(_PREFIX_BYTES)
        self._box = nacl.secret.SecretBox(stretch(passphrase, salt, cost))
        self._file = file
        self._number = 0
        self._waiting = bytearray()
        header: canonical.JSONObject = {
            "format": _FORMAT,
            "kdf": {
                "memory": cost.memory_bytes,
                "name": "argon2id",
                "operations": cost.operations,
                "salt": base64url.encode(salt),
            },
            "nonce": base64url.encode(self._prefix),
        }
        file.write(canonical.encode(header) + b"\n")

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # the typings say Buffer
        """Take some more; whole boxes go out."""
        self._waiting += data
        # A full box is kept back until more comes: only the last is marked, and nobody knows yet which it is.
        while len(self._waiting) > BOX_BYTES:
            self._put(bytes(self._waiting[:BOX_BYTES]), is_last=False)
            del self._waiting[:BOX_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last box."""
        self._put(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _put(self, plain: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._prefix, self._number, is_last=is_last)
        self._file.write(self._box.encrypt(plain, nonce).ciphertext)
        self._number += 1


class SealedReader(io.RawIOBase):
    """Reads what a `SealingWriter` wrote, box by box, nothing unverified."""

    def __init__(self, file: BinaryIO, passphrase: str, where: str) -> None:
        """Read the header and make the key.

        Raises:
            MalformedError: it is no sealed file, or asks for more work than any of ours.
        """
        super().__init__()
        salt, cost, self._prefix = _read_header(file, where)
        self._box = nacl.secret.SecretBox(stretch(passphrase, salt, cost))
        self._file = file
        self._where = where
        self._number = 0
        self._plain = b""
        self._is_over = False
        self._next = file.read(BOX_BYTES + nacl.secret.SecretBox.MACBYTES)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # the typings say Buffer
        """Fill the buffer as far as the box at hand goes.

        Raises:
            MalformedError: a box does not open: the passphrase is wrong, or the file is damaged or cut off.
        """
        while not self._plain and not self._is_over:
            self._open_next()
        count = min(len(buffer), len(self._plain))
        buffer[:count] = self._plain[:count]
        self._plain = self._plain[count:]
        return count

    def _open_next(self) -> None:
        box, self._next = self._next, self._file.read(BOX_BYTES + nacl.secret.SecretBox.MACBYTES)
        self._is_over = not self._next
        nonce = _nonce(self._prefix, self._number, is_last=self._is_over)
        try:
            self._plain = self._box.decrypt(box, nonce)
        except (nacl.exceptions.CryptoError, ValueError) as error:
            if self._number == 0:
                message = f"{self._where}: the passphrase is wrong, or the file is damaged"
            else:
                message = f"{self._where}: damaged or cut off after {self._number * BOX_BYTES} bytes"
            raise MalformedError(message, hint="use another backup" if self._number else "") from error
        self._number += 1


def is_sealed(path: Path) -> bool:
    """Whether a passphrase is needed to read a file."""
    with path.open("rb") as file:
        return file.read(1) == b"{"


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(7, "big") + bytes([is_last])


def _read_header(file: BinaryIO, where: str) -> tuple[bytes, KeyCost, bytes]:
    line = file.readline(MAX_HEADER_BYTES)
    if not line.endswith(b"\n"):
        raise MalformedError(f"{where}: is not a backup: its first line is too long or cut off")
    fields = canonical.Fields(canonical.parse(line[:-1], max_bytes=MAX_HEADER_BYTES), where)
    if (name := fields.text("format", max_length=64)) != _FORMAT:
        raise MalformedError(f"{where}: of format {name}, expected {_FORMAT}", hint="use a newer cairn-node")
    kdf = fields.fields("kdf")
    if (name := kdf.text("name", max_length=64)) != "argon2id":
        raise MalformedError(f"{where}: unknown key derivation {name}, expected argon2id")
    # Bounded, since the file may come from somebody who wants this computer to fall over.
    cost = KeyCost(
        kdf.integer("operations", argon2id.OPSLIMIT_MIN, _MAX_OPERATIONS),
        kdf.integer("memory", argon2id.MEMLIMIT_MIN, _MAX_MEMORY_BYTES),
    )
    if cost.memory_bytes % 1024:
        raise MalformedError(f"{where}: memory is no whole number of KiB", hint="the file is damaged")
    salt = kdf.data("salt", argon2id.SALTBYTES)
    kdf.finish()
    prefix = fields.data("nonce", _PREFIX_BYTES)
    fields.finish()
    return salt, cost, prefix
