"""Opening the registrar's database, and its one writer.

A commit that returned survives a power cut, which is what lets `issue` acknowledge an award. One node process owns the
database, an SQLite file (`sqlite`) or one on a PostgreSQL server (`postgresql`); its transactions run one after the
other. What an older version left is migrated when it is opened, after a copy was kept (`migrations`).
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from ledger.errors import CairnError, MalformedError, PolicyError, RuleError
from node.errors import BusyError
from node.registrar import acting, migrations, postgresql, rows, scrub, sqlite
from node.registrar import inherited as _inherited_tables  # noqa: F401 - create_all makes what is imported
from node.registrar.learners import erasing
from node.registrar.learners import tables as _learner_tables  # noqa: F401 - as above
from node.registrar.people import tables as _people_tables  # noqa: F401 - as above
from node.registrar.tables import RESTORED, Award, Setting, Table
from node.tasks import uninterrupted

FILE_NAME = "registrar.db"

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Migrated:
    """What opening changed: the layouts before and after, what each step was for, and where the copy from before is."""

    before: int
    layout: int
    purposes: tuple[str, ...] = ()
    kept: Path | None = None


class Database:
    """The registrar's database: `write()` and `read()` hand out sessions, from any thread."""

    def __init__(self, engine: Engine, reading: Engine | None = None) -> None:
        self.migrated = Migrated(migrations.LAYOUT, migrations.LAYOUT)
        self._engine = engine
        self._reading = reading if reading is not None else engine
        # Why the last write failed, in words; empty while the last one succeeded.
        self.problem = ""
        # One writer at a time: waiting here instead of there never ends in "database is locked".
        self._writing = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: durable when the block ends, undone when it raises.

        Raises:
            BusyError: it cannot be written (disk full, directory read-only, server away); nothing was changed.
        """
        try:
            with self._writing, Session(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
                is_traced = acting.settle(session)
            if is_traced:
                acting.committed()
            self.problem = ""
        except OperationalError as error:
            self.problem = f"the registrar's database cannot be written: {_words(error)}"
            raise BusyError(
                f"registrar's database: cannot be written: {_words(error)}",
                hint="is the disk full or read-only, or the database server away?",
            ) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view; nothing that is changed in it is kept.

        Raises:
            BusyError: it cannot be read (server away).
        """
        try:
            with Session(self._reading, expire_on_commit=False) as session:
                yield session
        except OperationalError as error:
            raise BusyError(
                f"registrar's database: cannot be read: {_words(error)}",
                hint="does the disk fail, or is the server away?",
            ) from error

    async def change(self, work: Callable[[Session], _Result]) -> _Result:
        """Run one write transaction in a thread; durable when this returns, also to a caller that was cancelled."""

        def run() -> _Result:
            with self.write() as session:
                return work(session)

        return await self.finish(run)

    async def finish(
        self, work: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result:
        """Run work that writes in a thread; a caller that is cancelled meanwhile is so when it is done."""
        return await uninterrupted(asyncio.to_thread(work, *args, **kwargs))

    async def look(self, work: Callable[[Session], _Result]) -> _Result:
        """Read in a thread."""

        def run() -> _Result:
            with self.read() as session:
                return work(session)

        return await asyncio.to_thread(run)

    @contextmanager
    def dump(self) -> Iterator[Iterator[bytes]]:
        """The lines of `rows.dump_rows`, all of the moment at which the context begins."""
        with self.read() as session:
            # The first question fixes the moment; until then the transaction has seen nothing.
            session.execute(select(Setting.name)).all()
            yield rows.dump_rows(session.connection())

    def scrub(self, needles: Sequence[bytes] | None) -> scrub.Scrubbed:
        """Remove the physical traces of rows that were deleted (`scrub.remove_traces`); nobody writes meanwhile."""
        with self._writing:
            return scrub.remove_traces(self._engine, needles)

    def size_bytes(self) -> int:
        """About how many bytes it takes on disk."""
        is_file = self._reading.dialect.name == "sqlite"
        pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        with self.read() as session:
            question = text(pages if is_file else "SELECT pg_database_size(current_database())")
            return int(session.scalar(question) or 0)

    def close(self) -> None:
        """Give the file or the connections back."""
        self._engine.dispose()
        self._reading.dispose()


def find_place(directory: Path, registrar_database: str) -> Path | str:
    """Where a node's database is: the URL of `node.toml`, or the file in its directory where that is empty."""
    return registrar_database or directory / FILE_NAME


def open_database(place: Path | str, log_id: str, *, keep_in: Path | None = None) -> Database:
    """Open a database, making it if there is none and migrating it if it is of an older layout.

    Args:
        place: an SQLite file, whose directory exists, or a PostgreSQL URL.
        log_id: text of the log whose awards it holds. A database of another log is refused: its slots would be drawn
            twice.
        keep_in: where the rows of a PostgreSQL database are kept before it is migrated; required to migrate one.

    Raises:
        MalformedError: it is no database, or of a layout this version does not know.
        PolicyError: it belongs to another log, or others can read it.
        BusyError: another node writes it, or the server does not answer.
    """
    engine, reading, where = _make_engines(place)
    database = Database(engine, reading)
    try:
        database.migrated = _prepare(engine, place, where, log_id, keep_in)
    except OperationalError as error:
        database.close()
        if isinstance(place, Path):
            raise _no_database(where) from error
        raise BusyError(f"{where}: does not answer: {_words(error)}", hint="is the server running?") from error
    except DatabaseError as error:
        database.close()
        raise _no_database(where) from error
    except BaseException:
        database.close()
        raise
    return database


def fill_database(
    place: Path | str,
    log_id: str,
    lines: Iterable[bytes],
    *,
    made_at: int,
    restored_at: int,
    forgotten: Iterable[str] = (),
) -> int:
    """Fill a database that has nothing in it from the rows of a backup, and mark it as restored; returns its awards.

    Args:
        place: as for `open_database`.
        log_id: text of the log that the rows must be of.
        lines: of `rows.dump_rows`, of this layout or an older one.
        made_at: when the backup was made, Unix ms.
        restored_at: now, Unix ms.
        forgotten: ids of what was forgotten since the backup was made; it is forgotten again.

    Raises:
        RuleError: there is something in the database already.
        MalformedError, PolicyError, BusyError: as `open_database`; nothing was kept.
    """
    engine, reading, where = _make_engines(place)
    database = Database(engine, reading)
    try:
        if migrations.read_layout(engine) is not None:
            raise RuleError(f"{where}: is not empty", hint="restore into an empty database, or drop its tables first")
        with engine.begin() as connection:
            Table.metadata.create_all(connection)
            layout = rows.load_rows(connection, lines)
            # A mark from before stays: what was lost then is lost still, and what was decided since counts.
            if connection.scalar(select(Setting.name).where(Setting.name == RESTORED)) is None:
                connection.execute(insert(Setting).values(name=RESTORED, value=f"{made_at} {restored_at}"))
            _check_owner(connection, where, log_id)
        migrations.migrate(engine, layout)
        with database.write() as session:
            erasing.erase_again(session, forgotten, now=restored_at)
        with database.read() as session:
            is_due = scrub.is_due(session)
        if is_due:
            database.scrub(None)
        with database.read() as session:
            return session.scalar(select(func.count()).select_from(Award)) or 0
    finally:
        database.close()


def _make_engines(place: Path | str) -> tuple[Engine, Engine | None, str]:
    if isinstance(place, Path):
        return sqlite.make_engine(place), None, str(place)
    url = postgresql.parse_place(place)
    return *postgresql.make_engines(url), postgresql.describe(url)


def _prepare(engine: Engine, place: Path | str, where: str, log_id: str, keep_in: Path | None) -> Migrated:
    migrated = Migrated(migrations.LAYOUT, migrations.LAYOUT)
    found = migrations.read_layout(engine)
    if found is not None:
        with engine.connect() as connection:
            _check_owner(connection, where, log_id)
        migrations.check_layout(found, where)
        if found < migrations.LAYOUT:
            kept = _keep(engine, place, found, keep_in)
            steps = migrations.migrate(engine, found)
            migrated = Migrated(found, migrations.LAYOUT, tuple(step.purpose for step in steps), kept)
            fields = {"before": found, "layout": migrations.LAYOUT, "kept": str(kept)}
            _log.info("registrar's database was migrated", extra=fields)
    # Also for tables that came without a new layout.
    Table.metadata.create_all(engine)
    if found is None:
        with Session(engine) as session, session.begin():
            session.add_all([Setting(name="layout", value=str(migrations.LAYOUT)), Setting(name="log", value=log_id)])
    return migrated


def _keep(engine: Engine, place: Path | str, layout: int, keep_in: Path | None) -> Path:
    """The copy that makes a way back, before anything is touched."""
    if isinstance(place, Path):
        return sqlite.keep_copy(place, layout)
    if keep_in is None:
        raise CairnError("registrar's database: is of an older layout", hint="cairn-node upgrade DIR migrates it")
    return rows.keep_copy(engine, keep_in / f"registrar.layout-{layout}.rows")


def _check_owner(connection: Connection, where: str, log_id: str) -> None:
    owner = connection.scalar(select(Setting.value).where(Setting.name == "log"))
    if owner != log_id:
        raise PolicyError(f"{where}: belongs to log {owner}, not to {log_id}")


def _no_database(where: str) -> MalformedError:
    return MalformedError(f"{where}: is not a database of this program", hint="restore it from a backup")


def _words(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
