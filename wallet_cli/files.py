"""Reading and replacing small files so that a crash leaves the old content or the new, never a mixture."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from ledger.errors import MalformedError

_PIECE_BYTES = 64 * 1024

Pause = Callable[[str], None]


def no_pause(_: str) -> None:
    """Go on: what production code passes where a test stops a write half way."""


def read_bounded(path: Path | str, max_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        MalformedError: it is longer than `max_bytes`.
        OSError: it cannot be read.
    """
    with open(path, "rb", buffering=0) as stream:
        # Asked for by its size: a buffer of the limit costs more than reading a small file.
        told = os.fstat(stream.fileno())
        data = stream.read(min(told.st_size, max_bytes) + 1) if stat.S_ISREG(told.st_mode) else b""
        if len(data) > told.st_size or not data:
            # No plain file, or one that grows: read on to the end, piece by piece.
            while len(data) <= max_bytes and (piece := stream.read(min(_PIECE_BYTES, max_bytes + 1 - len(data)))):
                data += piece
    if len(data) > max_bytes:
        raise MalformedError(f"{path} is longer than {max_bytes} bytes")
    return data


def create_file(path: Path, data: bytes) -> None:
    """Write a file (mode 0600) that must not exist yet, whole or not at all.

    Raises:
        FileExistsError: something stands at `path`; it is left as it is.
        OSError: it cannot be written; nothing stands there then.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        # Half a key under its final name would later be taken for a whole one, and keep the next from being made.
        path.unlink(missing_ok=True)
        raise
    sync_folder(path.absolute().parent)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600, pause: Pause = no_pause) -> None:
    """Replace a file by `data`: temporary file beside it, sync, rename, sync the folder.

    The temporary file is created exclusively with `mode`; on an error it is removed and the old file stands. `pause`
    is called with the name of each step before it is done.

    Raises:
        OSError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    pause("create")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            pause("write")
            stream.write(data)
            stream.flush()
            # Without this the rename can become durable before the bytes, and a power cut leaves an empty file.
            pause("sync")
            os.fsync(stream.fileno())
        pause("rename")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    pause("sync folder")
    sync_folder(path.parent)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of `path` that a crash left; call it only while holding the lock of `path`."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable (POSIX; other systems have no such call)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
