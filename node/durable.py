"""Files that are there after a power cut, or were never there.

A new file is created exclusively; an existing one is replaced by temporary file, sync, rename, and in both cases the
directory is synced before the call returns: without that the name itself may be lost. Secrets are 0600 from their
first byte on, since a later `chmod` leaves a moment in which others can open them.
"""

import contextlib
import os
import stat
from pathlib import Path

from ledger.errors import PolicyError

SECRET_MODE = 0o600


def create_file(path: Path, data: bytes, *, mode: int = SECRET_MODE) -> None:
    """Write a file that must not exist yet, durably.

    Raises:
        FileExistsError: something stands at `path`, be it a dangling link; it is left as it is.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        _write_synced(descriptor, data)
    except BaseException:
        # Half a secret under its final name would later be taken for a whole one.
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    sync_directory(path.parent)


def place_file(path: Path, data: bytes, *, mode: int = SECRET_MODE) -> None:
    """Write a file that must not exist yet, whole or not at all, also where somebody reads it meanwhile.

    Raises:
        FileExistsError: something stands at `path`; it is left as it is.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    create_file(temporary, data, mode=mode)
    try:
        # Unlike a rename, a link never takes the place of another file.
        os.link(temporary, path, follow_symlinks=False)
    finally:
        temporary.unlink()
    sync_directory(path.parent)


def replace_file(path: Path, data: bytes, *, mode: int = SECRET_MODE) -> None:
    """Put `data` in place of whatever stands at `path`: readers see the old bytes or the new, never a mixture."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        _write_synced(descriptor, data)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def read_secret(path: Path, *, max_bytes: int) -> bytes:
    """Read a secret file, refusing one that other accounts of this computer can open.

    Raises:
        PolicyError: group or others have any right to it, or it is larger than `max_bytes`.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise PolicyError(
                f"{path}: other accounts can open this secret (mode {stat.S_IMODE(status.st_mode):04o}, expected 0600)",
                hint=f"chmod 600 {path}, and replace the key if somebody may have read it",
            )
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise PolicyError(f"{path}: more than {max_bytes} bytes, too large for a secret")
    return data


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable (an fsync of the directory itself)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
