"""One process for one node's directory: a lock that dies with its holder, and says who that is.

`DIR/node.lock` is locked (flock) while a node runs or a command has its stores open; inside stands the process and what
it does. The lock is the kernel's: a file that a killed process left behind locks nothing and is taken over. What it guards
is guarded once more below it, by LevelDB and by the database server; this is where the operator is told who is in the way.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.errors import BusyError

LOCK_NAME = "node.lock"
_MAX_TEXT = 200


@contextmanager
def hold_directory(directory: Path, purpose: str = "") -> Iterator[None]:
    """Hold a directory for as long as the context lasts.

    Args:
        directory: a node's.
        purpose: what is done, such as "cairn-node run", for whoever comes second.

    Raises:
        BusyError: another process holds it; the message says which.
        OSError: the file cannot be made, such as in a directory of another account.
    """
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, _MAX_TEXT, 0).decode("utf-8", "replace").strip()
            raise BusyError(
                f"{directory}: another process uses this directory: {holder or 'it did not say which'}",
                hint="one process for one node: speak to the one that runs, or stop it first",
            ) from error
        text = f"process {os.getpid()}" + (f", {purpose}" if purpose else "")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{text}\n".encode(), 0)
        # The file stays when the lock goes: whoever unlinked it could unlink one that a third process has just locked.
        yield
    finally:
        os.close(descriptor)
