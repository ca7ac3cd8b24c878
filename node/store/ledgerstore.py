"""All logs this node holds, in one LevelDB directory."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import MalformedError
from ledger.log.follow import Growth
from ledger.log.identity import LogId, encode_log_id
from ledger.log.snapshot import encode_state
from node.errors import BusyError
from node.store import layout
from node.store.database import Database
from node.store.layout import LogKeys
from node.store.logstore import LogStore, growth_rows
from node.store.room import Room
from node.store.tilerows import TileEdge

Row = tuple[bytes, bytes]
"""A key and its value, as LevelDB holds them."""

_FILL_BYTES = 1 << 20

_logger = logging.getLogger(__name__)


class LedgerStore:
    """The public ledger store; satisfies `ledger.log.view.LedgerView`. Any thread may read or write it."""

    def __init__(self, database: Database, logs: dict[LogId, LogStore], next_number: int) -> None:
        """Use `LedgerStore.open`."""
        self._database = database
        self._logs = logs
        self._next_number = next_number
        # Held from the check that a log is new to the row that numbers it.
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls, path: Path, room: Room | None = None, *, open_database: Callable[[Path, Room | None], Database] = Database
    ) -> "LedgerStore":
        """Open the store in this directory, making an empty one if there is none.

        Args:
            path: the directory.
            room: asked before every write; by default the room on the directory's own disk.
            open_database: opens what the rows stand in; tests pass one that fails.

        Raises:
            BusyError: another process uses the directory.
            MalformedError: it is damaged, or was written in another format.
        """
        database = open_database(path, room)
        try:
            _check_version(database, path)
            numbers = [(LogId(key[1:]), layout.parse_number(row)) for key, row in database.scan(*layout.LOG_NUMBERS)]
            logs = {log_id: LogStore(database, number, log_id) for log_id, number in numbers}
        except BaseException:
            database.close()
            raise
        return cls(database, logs, max((number for _, number in numbers), default=-1) + 1)

    def log_ids(self) -> tuple[LogId, ...]:
        """The ids of all logs held, ascending."""
        return tuple(sorted(self._logs))

    def log(self, log_id: LogId) -> LogStore | None:
        """One log, or None where it is not held."""
        return self._logs.get(log_id)

    def create(self, growth: Growth) -> LogStore:
        """Start holding a log, from growth that `follow` has judged from entry 0 on, in one synced batch.

        Raises:
            RuntimeError: the log is held already, or the growth does not start at 0. A mistake of this program.
        """
        log_id = growth.state.log_id
        if growth.start != 0 or growth.checkpoint.size != len(growth.entries):
            raise RuntimeError(f"log {encode_log_id(log_id)}: the growth does not start at 0")
        with self._lock:
            if log_id in self._logs:
                raise RuntimeError(f"log {encode_log_id(log_id)} is held already")
            number = self._next_number
            keys = LogKeys(number)
            rows, _ = growth_rows(keys, growth, TileEdge())
            rows.append((keys.state, encode_state(growth.state)))
            rows.append((layout.log_number_key(log_id), layout.encode_log_number(number)))
            self._database.write(rows)
            self._next_number += 1
            # Read back from disk: a store that could not be opened again must be noticed now, not at the next start.
            log = LogStore(self._database, number, log_id)
            # Replaced, not changed: readers in other threads may be walking over the old one.
            self._logs = {**self._logs, log_id: log}
            return log

    @contextmanager
    def snapshot(self) -> Iterator[Iterator[Row]]:
        """Every row of the store at one commit, for a backup; the node goes on writing."""
        with self._database.snapshot() as rows:
            yield rows

    @property
    def failure(self) -> str:
        """Why the last write failed; empty while all is well. What was written before stands, and can be read."""
        return self._database.failure

    def size_bytes(self) -> int:
        """About how much a snapshot brings."""
        return self._database.size_bytes()

    def close(self) -> None:
        """Store every state, so that the next opening is quick, and release the directory."""
        try:
            for log in self._logs.values():
                # Snapshots save time at the next opening, no more: a full disk does without. After a failed write only the
                # next opening may write.
                if not self.failure:
                    log.write_snapshot()
        except BusyError as error:
            _logger.warning("states not stored at closing", extra={"reason": str(error)})
        finally:
            self._database.close()


def fill_store(path: Path, rows: Iterable[Row]) -> None:
    """Make a store from the rows of a snapshot; whether they make sense shows when it is opened.

    Raises:
        MalformedError: something is in the directory already.
    """
    database = Database(path)
    try:
        if database.last(b"", b"\xff") is not None:
            raise MalformedError(f"{path}: holds a ledger store already")
        waiting: list[Row] = []
        size = 0
        for key, value in rows:
            waiting.append((key, value))
            size += len(key) + len(value)
            if size > _FILL_BYTES:
                database.write(waiting)
                waiting, size = [], 0
        database.write(waiting)
    finally:
        database.close()


def _check_version(database: Database, path: Path) -> None:
    expected = layout.encode_number(layout.FORMAT_VERSION)
    found = database.get(layout.VERSION_KEY)
    if found is None and database.last(b"", b"\xff") is None:
        database.write([(layout.VERSION_KEY, expected)])
    elif found != expected:
        version = 0 if found is None else layout.parse_number(found)
        is_newer = version > layout.FORMAT_VERSION
        raise MalformedError(
            f"{path}: ledger store of format {version or 'none'}, this cairn reads format {layout.FORMAT_VERSION}",
            hint="use the newer cairn-node that wrote it"
            if is_newer
            else "it is no ledger store, or damaged: restore it from a backup, or recover the log from a peer",
        )
