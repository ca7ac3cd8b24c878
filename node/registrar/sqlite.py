"""The registrar's database as one SQLite file, which is what most institutions have.

Write-ahead mode with `synchronous=FULL`: a commit that returned survives a power cut, which is what lets `issue`
acknowledge an award. Foreign keys are on, deleted text is overwritten (`secure_delete`), and the file is 0600 from its
first byte.
"""

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event

from ledger.errors import PolicyError
from node.durable import sync_directory

BUSY_MS = 30_000


def make_engine(path: Path) -> Engine:
    """Prepare the file, making an empty private one if there is none.

    Raises:
        PolicyError: others can read it.
    """
    _create_private(path)
    # hide_parameters: an error's text, and so the traceback in the log, would hold the values of a learner.
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_MS / 1000}, hide_parameters=True)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def keep_copy(path: Path, layout: int) -> Path:
    """Copy the file as it is, durably, to `registrar.layout-N.db` beside it, and return where.

    It is a plain database of that layout: put in the place of the migrated one it serves an older cairn-node.
    """
    kept = path.with_name(f"{path.stem}.layout-{layout}.db")
    temporary = kept.with_name(f".{kept.name}.tmp")
    temporary.unlink(missing_ok=True)
    _create_private(temporary)
    try:
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(temporary)) as copy,
        ):
            source.backup(copy)
            # One file again, readable where it will be carried.
            copy.execute("PRAGMA journal_mode=DELETE")
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(kept)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(kept.parent)
    return kept


def _create_private(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise PolicyError(
                f"{path}: other accounts can open it (mode {mode:04o}, expected 0600)", hint=f"chmod 600 {path}"
            ) from None
        return
    os.close(descriptor)
    sync_directory(path.parent)


def _configure(connection: Any, _: Any) -> None:  # Any: what the driver hands to SQLAlchemy's events
    # The driver would begin transactions late, behind our back: `_begin` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    # secure_delete: what was forgotten must not linger in free pages. WAL's side files inherit the mode of the file.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.close()


def _begin(connection: Any) -> None:  # Any: as above
    connection.exec_driver_sql("BEGIN")
