"""Files a command writes for people to hand on: never over something else without being told to."""

from pathlib import Path

from ledger.errors import MalformedError
from node import durable

PUBLIC_MODE = 0o644


def check_output(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, an output that exists.

    Raises:
        MalformedError: something stands there and `force` is not given, or its folder does not exist.
    """
    if path.exists() and not force:
        raise MalformedError(f"{path}: exists already", hint="name another file, or say --force")
    if not path.absolute().parent.is_dir():
        raise MalformedError(f"{path}: its folder does not exist", hint=f"mkdir -p {path.parent}")


def write_output(path: Path, data: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """Write the whole file or leave the old one, durably."""
    durable.replace_file(path.absolute(), data, mode=mode)


def check_new(path: Path) -> None:
    """As `check_output`, for what is never written over anything."""
    if path.exists() or path.is_symlink():
        raise MalformedError(f"{path}: exists already", hint="name another file")
    check_output(path, force=False)


def write_new(path: Path, data: bytes) -> None:
    """Write the whole file or nothing, durably, and never over anything.

    Raises:
        MalformedError: something stands there by now.
    """
    try:
        durable.place_file(path.absolute(), data, mode=PUBLIC_MODE)
    except FileExistsError:
        raise MalformedError(f"{path}: exists already", hint="name another file") from None


def read_input(path: Path, max_bytes: int) -> bytes:
    """Read a file of at most `max_bytes`.

    Raises:
        MalformedError: it is longer.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise MalformedError(f"{path}: longer than {max_bytes} bytes")
    return data
