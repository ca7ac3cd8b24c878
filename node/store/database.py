"""A thin typed wrapper over plyvel: one LevelDB directory, ordered keys, atomic batches that are synced.

Only this module and `raw` import plyvel, which ships no types. LevelDB admits one process; the second is told so in
words. Values are stored uncompressed: hashes and signatures do not compress, and trying costs a third of the speed.

A write that failed is the last one. LevelDB itself would go on behind the torn record it left, acknowledge what follows, and
at the next opening silently drop all of it.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import plyvel

from ledger.errors import CairnError, MalformedError
from node.errors import BusyError
from node.store.room import Room

_WRITE_BUFFER_BYTES = 4 << 20
_CACHE_BYTES = 8 << 20
_MAX_OPEN_FILES = 256
_HINT = "free space on the disk; the node opens its store again once it can write"


class Database:
    """An open LevelDB directory. Any thread may read; whoever writes takes care not to race with another writer.

    Attributes:
        failure: why nothing is written any more, in words; empty while writes succeed.
    """

    def __init__(self, path: Path, room: Room | None = None) -> None:
        """Open the directory, making it if it is not there.

        Args:
            path: the directory.
            room: asked before every write; by default the room on the directory's own disk.

        Raises:
            BusyError: another process, or another part of this one, has it open.
            MalformedError: LevelDB finds it damaged.
            CairnError: it cannot be opened for another reason, such as missing rights.
        """
        self.failure = ""
        # Held over each write, so that none follows a failed one, not even from another thread.
        self._writing = threading.Lock()
        try:
            self._db = plyvel.DB(
                str(path),
                create_if_missing=True,
                compression=None,
                write_buffer_size=_WRITE_BUFFER_BYTES,
                lru_cache_size=_CACHE_BYTES,
                max_open_files=_MAX_OPEN_FILES,
            )
        except plyvel.CorruptionError as error:
            raise MalformedError(
                f"{path}: the store is damaged: {_words(error)}",
                hint="restore it from a peer with cairn-node recover, or from a backup",
            ) from error
        except plyvel.Error as error:
            if "IO error: lock" in _words(error):
                raise BusyError(
                    f"{path}: another process uses this directory",
                    hint="a running node has it open: speak to that node, or stop it first",
                ) from error
            raise CairnError(f"{path}: cannot open the store: {_words(error)}") from error
        self.room = room if room is not None else Room(path)

    def get(self, key: bytes) -> bytes | None:
        """The value under a key, or None."""
        value: bytes | None = self._db.get(key)
        return value

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with `start <= key < stop`, in the order of their bytes."""
        with self._db.iterator(start=start, stop=stop) as rows:
            yield from rows

    def last(self, start: bytes, stop: bytes) -> tuple[bytes, bytes] | None:
        """The largest key with `start <= key < stop` and its value, or None."""
        with self._db.iterator(start=start, stop=stop, reverse=True) as rows:
            row: tuple[bytes, bytes] | None = next(rows, None)
            return row

    def scan_back(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with `start <= key < stop`, the largest key first."""
        with self._db.iterator(start=start, stop=stop, reverse=True) as rows:
            yield from rows

    @contextmanager
    def snapshot(self) -> Iterator[Iterator[tuple[bytes, bytes]]]:
        """All rows as they are when the context begins, in the order of their bytes, whatever is written meanwhile."""
        with self._db.snapshot() as moment, moment.iterator() as rows:
            yield iter(rows)

    def size_bytes(self) -> int:
        """About how many bytes all rows take on disk; what was written last may not be counted yet."""
        size: int = self._db.approximate_size(b"", b"\xff")
        return size

    def write(self, rows: Iterable[tuple[bytes, bytes]], *, removed: Iterable[bytes] = ()) -> None:
        """Put all rows or none, and return only when they are on disk.

        Args:
            rows: keys and values.
            removed: keys of rows that go in the same step; one that is put as well stays.

        Raises:
            BusyError: there is no room, and nothing was written; or, with `failure` set, the disk fails, now or at an earlier
                write: whether the rows are there is not known before the directory is closed and opened again, and nothing
                is written until then.
        """
        batch = self._db.write_batch(sync=True)
        size = 0
        for key in removed:
            batch.delete(key)
        for key, value in rows:
            batch.put(key, value)
            size += len(key) + len(value)
        lack = self.room.lack(size)
        if lack is not None:
            raise BusyError(f"ledger store: {lack}", hint="free space on the disk; the node then goes on by itself")
        with self._writing:
            if self.failure:
                raise BusyError(f"ledger store: nothing is written since a write failed: {self.failure}", hint=_HINT)
            try:
                batch.write()
            except plyvel.Error as error:
                self.failure = _words(error)
                raise BusyError(f"ledger store: cannot write: {self.failure}", hint=_HINT) from error

    def close(self) -> None:
        """Release the directory; later calls raise `RuntimeError`."""
        self._db.close()


def _words(error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    return detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
