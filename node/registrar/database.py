"""Opening the registrar's database, and its one writer.

SQLite in write-ahead mode with `synchronous=FULL`: a commit that returned survives a power cut, which is what lets
`issue` acknowledge an award. Foreign keys are on, deleted text is overwritten (`secure_delete`), and the file is 0600
from its first byte. One node process owns the file; its transactions run one after the other.
"""

import asyncio
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from ledger.errors import MalformedError, PolicyError
from node.durable import sync_directory
from node.errors import BusyError
from node.registrar import acting
from node.registrar.people import tables as _people_tables  # noqa: F401 - create_all makes what is imported
from node.registrar.tables import Setting, Table

FILE_NAME = "registrar.db"
LAYOUT = "1"

_Result = TypeVar("_Result")


class Database:
    """The registrar's database: `write()` and `read()` hand out sessions, from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # SQLite has one writer at a time anyway; waiting here instead of there never ends in "database is locked".
        self._writing = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: durable when the block ends, undone when it raises.

        Raises:
            BusyError: the file cannot be written (disk full, directory read-only); nothing was changed.
        """
        try:
            with self._writing, Session(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
                is_traced = acting.settle(session)
            if is_traced:
                acting.committed()
        except OperationalError as error:
            raise BusyError(
                f"registrar's database: cannot be written: {error.orig}", hint="is the disk full, or read-only?"
            ) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view; nothing that is changed in it is kept."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    async def change(self, work: Callable[[Session], _Result]) -> _Result:
        """Run one write transaction in a thread; durable when this returns."""

        def run() -> _Result:
            with self.write() as session:
                return work(session)

        return await asyncio.to_thread(run)

    async def look(self, work: Callable[[Session], _Result]) -> _Result:
        """Read in a thread."""

        def run() -> _Result:
            with self.read() as session:
                return work(session)

        return await asyncio.to_thread(run)

    def close(self) -> None:
        """Give the file back."""
        self._engine.dispose()


def open_database(path: Path, log_id: str) -> Database:
    """Open the file, making it if there is none.

    Args:
        path: the file; its directory exists.
        log_id: text of the log whose awards it holds. A database of another log is refused: its slots would be drawn
            twice.

    Raises:
        MalformedError: it is no database, or of a layout this version does not know.
        PolicyError: it belongs to another log, or others can read it.
    """
    _create_private(path)
    # hide_parameters: an error's text, and so the traceback in the log, would hold the values of a learner.
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30}, hide_parameters=True)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        Table.metadata.create_all(engine)
        database = Database(engine)
        _check_settings(database, path, log_id)
    except DatabaseError as error:
        engine.dispose()
        raise MalformedError(f"{path}: is not a database of this program", hint="restore it from a backup") from error
    except BaseException:
        engine.dispose()
        raise
    return database


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
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:  # Any: as above
    connection.exec_driver_sql("BEGIN")


def _check_settings(database: Database, path: Path, log_id: str) -> None:
    with database.write() as session:
        settings = {setting.name: setting.value for setting in session.scalars(select(Setting))}
        if not settings:
            session.add_all([Setting(name="layout", value=LAYOUT), Setting(name="log", value=log_id)])
            return
    if settings.get("layout") != LAYOUT:
        raise MalformedError(
            f"{path}: layout {settings.get('layout')}, expected {LAYOUT}", hint="use a newer cairn-node"
        )
    if settings.get("log") != log_id:
        raise PolicyError(f"{path}: belongs to log {settings.get('log')}, not to {log_id}")
