"""Whether a disk has room for the next commit: asked before anything is written, so that a full disk does no harm.

A LevelDB write that fails half-way leaves open what is on disk, and the store must be opened again to find out. A disk
that fills up slowly never gets that far: below a reserve every write is refused while nothing has happened yet, and the
first one after space was freed succeeds, without a restart.
"""

import os
from collections.abc import Callable
from pathlib import Path

RESERVE_BYTES = 16 * 1024 * 1024
"""What is kept free: LevelDB rewrites about this much when it compacts, and SQLite needs some for its journal."""

_MEBIBYTE = 1024 * 1024

FreeBytes = Callable[[Path], int]
"""Tells how many bytes this account may still write on the disk of a path."""


def free_bytes(path: Path) -> int:
    """Bytes that are free for this account on the disk of a path."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


class Room:
    """The room on one disk."""

    def __init__(self, path: Path, *, reserve_bytes: int = RESERVE_BYTES, free: FreeBytes = free_bytes) -> None:
        """Look at the disk that holds `path`."""
        self._path = path
        self._reserve = reserve_bytes
        self._free = free

    def lack(self, wanted_bytes: int = 0) -> str | None:
        """Why that much cannot be written, in words; None while there is room.

        Twice the bytes are asked for: LevelDB writes everything once to its journal and once to a table.
        """
        free = self._free(self._path)
        needed = self._reserve + 2 * wanted_bytes
        if free >= needed:
            return None
        return (
            f"the disk of {self._path} is full: {free // _MEBIBYTE} MiB are free, "
            f"{-(-needed // _MEBIBYTE)} MiB are needed"
        )


def can_write(directory: Path, count: int = 1024 * 1024) -> bool:
    """Whether a file of `count` bytes can really be written and synced there: quotas and limits show only then."""
    path = directory / f".room.{os.getpid()}.tmp"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(bytes(count))
                file.flush()
                os.fsync(file.fileno())
        finally:
            path.unlink()
    except OSError:
        return False
    return True
