"""The secret by which this account knows again what it computed itself: `replica.key`, 32 random bytes.

A replica's files prove themselves, but not the state folded from them: that is a cache, and whoever gives a replica away
could write another one into it. So each state carries a MAC under a key that never leaves this account's folder (by default
`~/.cairn`, beside `remembered.json`) and that nothing else depends on: without it a replica is only read more slowly.
"""

import os
from pathlib import Path

from ledger.errors import MalformedError
from wallet_cli import files

FILE_NAME = "replica.key"
KEY_BYTES = 32


def load_key(folder: Path) -> bytes | None:
    """Give the key kept in a folder; `None` where there is none, or none that is whole."""
    try:
        key = files.read_bounded(folder / FILE_NAME, KEY_BYTES)
    except (OSError, MalformedError):
        return None
    return key if len(key) == KEY_BYTES else None


def obtain_key(folder: Path) -> bytes:
    """Give the key kept in a folder, which gets one (mode 0600) if it has none; the folder is made too (mode 0700).

    Raises:
        OSError: the folder cannot be written.
    """
    key = load_key(folder)
    if key is not None:
        return key
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = os.urandom(KEY_BYTES)
    try:
        descriptor = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        # Another command made one just now, or a crash left half of one, which is worth nothing.
        made = load_key(folder)
        if made is None:
            files.write_atomically(folder / FILE_NAME, key)
        return made or key
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    return key
