"""Where the private listener's Unix socket stands, for the node that makes it and the commands that dial it.

`registrar_socket` of `node.toml` if it is set, else `registrar.sock` in the node's directory. The system allows about 100
bytes for such a path; below a longer directory the socket stands in a fresh folder of the temporary directory (0700), whose
path the file `registrar.path` tells.
"""

import contextlib
import grp
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import CairnError
from node import durable
from node.config import NodeConfig

SOCKET_NAME = "registrar.sock"
POINTER_NAME = "registrar.path"
MAX_PATH_BYTES = 100
MODE = 0o660


def find_socket(directory: Path, config: NodeConfig) -> Path:
    """Where a running node of this directory listens, for whoever wants to dial it; it may not be there."""
    path = _wanted(directory, config)
    if _fits(path):
        return path
    try:
        return Path((directory / POINTER_NAME).read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return path


@contextmanager
def socket_place(directory: Path, config: NodeConfig) -> Iterator[Path]:
    """The path to bind, for as long as the node runs; what was made for it is taken away afterwards."""
    path = _wanted(directory, config)
    folder: str | None = None
    if not _fits(path):
        folder = tempfile.mkdtemp(prefix="cairn-")
        path = Path(folder) / SOCKET_NAME
        durable.replace_file(directory / POINTER_NAME, f"{path}\n".encode(), mode=0o640)
    try:
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                (directory / POINTER_NAME).unlink()


@contextmanager
def private_mode() -> Iterator[None]:
    """While this lasts, sockets are made for owner and group alone: a later chmod would leave a moment for others."""
    before = os.umask(0o777 & ~MODE)
    try:
        yield
    finally:
        os.umask(before)


def give_to_group(path: Path, group: str) -> None:
    """Let the members of a group use the socket; the empty name leaves it with the process's group.

    Raises:
        CairnError: there is no such group, or this process may not give files to it.
    """
    if not group:
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except (KeyError, PermissionError) as error:
        raise CairnError(
            f"{path}: cannot be given to group {group}: {error}",
            hint="registrar_group in node.toml must name a group this process belongs to",
        ) from error


def _wanted(directory: Path, config: NodeConfig) -> Path:
    return directory.resolve() / (config.registrar_socket or SOCKET_NAME)


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MAX_PATH_BYTES
