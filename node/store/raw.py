"""A ledger store looked at from below: whatever its files still give, read without changing one of them.

LevelDB changes a directory by opening it: it replays its journal and drops from it, silently, what it cannot read. Whoever
looks for damage must not do that to the only copy, so the store is opened in a folder of hard links (its tables never change
once written) and copies of the few files that do. The directory itself stays locked meanwhile, as a running node locks it.

1. Opened strictly, every byte is compared with LevelDB's checksums.
2. Where that fails the view, never the store, is repaired with LevelDB's own means, and what is left can be read row by row.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import plyvel

from ledger.errors import MalformedError
from node.errors import BusyError

_LOCK = "LOCK"
_TABLE = ".ldb"
_BATCH_BYTES = 4 << 20


class RawStore:
    """An open LevelDB directory without any meaning given to its rows."""

    def __init__(self, path: Path, *, strict: bool = False, create: bool = False) -> None:
        """Open the directory.

        Args:
            path: of the directory.
            strict: refuse a directory in which LevelDB finds anything wrong.
            create: make it; otherwise it must be there.

        Raises:
            MalformedError: it cannot be opened.
        """
        try:
            self._db = plyvel.DB(
                str(path), create_if_missing=create, error_if_exists=create, paranoid_checks=strict, compression=None
            )
        except plyvel.Error as error:
            raise MalformedError(f"{path}: {_words(error)}") from error

    def get(self, key: bytes) -> bytes | None:
        """The value under a key, or None."""
        value: bytes | None = self._db.get(key)
        return value

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with `start <= key < stop`, in the order of their bytes."""
        with self._db.iterator(start=start, stop=stop) as rows:
            yield from rows

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        """The keys alone."""
        with self._db.iterator(start=start, stop=stop, include_value=False) as keys:
            yield from keys

    def compare_checksums(self) -> None:
        """Read every row and compare it with the checksum of its block.

        Raises:
            MalformedError: one does not agree, or a file cannot be read.
        """
        try:
            with self._db.iterator(verify_checksums=True, include_value=False, fill_cache=False) as rows:
                for _ in rows:
                    pass
        except plyvel.Error as error:
            raise MalformedError(_words(error)) from error

    def write(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Put rows, in synced batches of some MiB: for a directory nobody uses yet.

        Raises:
            BusyError: the disk is full or failing.
        """
        batch, length = self._db.write_batch(sync=True), 0
        try:
            for key, value in rows:
                batch.put(key, value)
                length += len(key) + len(value)
                if length > _BATCH_BYTES:
                    batch.write()
                    batch, length = self._db.write_batch(sync=True), 0
            batch.write()
        except plyvel.Error as error:
            raise BusyError(
                f"ledger store: cannot write: {_words(error)}",
                hint="free as much space on the disk as the store takes, then run the same again; nothing was changed",
            ) from error

    def close(self) -> None:
        """Release the directory."""
        self._db.close()


@dataclass(frozen=True, slots=True)
class FileDamage:
    """What LevelDB says about its own files: the file, where it can be told, and its words."""

    file: str
    words: str


@dataclass(frozen=True, slots=True)
class View:
    """A store that can be read, and what is wrong with its files; `rows` is None where nothing can be read at all."""

    rows: RawStore | None
    damage: tuple[FileDamage, ...]


@contextmanager
def hold_store(path: Path) -> Iterator[None]:
    """Keep every node away from a store for as long as the context lasts.

    Raises:
        BusyError: a node runs there.
    """
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            # The lock that LevelDB itself takes.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusyError(
                f"{path}: another process uses this directory", hint="stop the node first, then run the same again"
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def view_store(path: Path) -> Iterator[View]:
    """Read a store that `hold_store` holds, without changing a byte of it."""
    prefix = f".{path.name}.view-"
    for left in path.parent.glob(f"{prefix}*"):
        # Of a check that was killed: whoever holds the lock is alone.
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        _link(path, folder / "store")
        damage = _find_damage(folder / "store", folder / "part")
        rows = _open_what_is_left(path, folder / "store", is_damaged=bool(damage))
        try:
            yield View(rows, damage)
        finally:
            if rows is not None:
                rows.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_damage(store: Path, part: Path) -> tuple[FileDamage, ...]:
    whole = _complaint(store, strict=True)
    if whole is None:
        return ()
    words = whole.replace(f"{store}/", "")
    named = [
        FileDamage(table.name, told) for table in sorted(store.glob(f"*{_TABLE}")) if (told := _judge(table, part))
    ]
    missing = words.rpartition("e.g.: ")[2] if "missing files" in words else ""
    if missing:
        named.append(FileDamage(missing, "the file is missing"))
    if not named:
        # The tables are good, so it is one of the files that say which tables count, or the journal of the last writes.
        opens = _complaint(store, strict=False) is None
        logs = sorted(log.name for log in store.glob("*.log") if log.stat().st_size)
        named.append(FileDamage(", ".join(logs) if opens and logs else _index_file(store), words))
    return tuple(named)


def _index_file(store: Path) -> str:
    manifests = sorted(path.name for path in store.glob("MANIFEST-*"))
    current = store / "CURRENT"
    named = current.read_bytes()[:-1].decode(errors="replace") if current.is_file() else ""
    return named if named in manifests else "CURRENT" if manifests else "MANIFEST"


def _judge(table: Path, part: Path) -> str | None:
    """What is wrong with one table, by opening a store that has no other."""
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    _link_file(table, part / table.name)
    before = table.stat().st_size
    with suppress(plyvel.Error):
        plyvel.repair_db(str(part), paranoid_checks=False, compression=None)
    kept = part / table.name
    if not kept.is_file() or kept.stat().st_size != before:
        return "the table cannot be read"
    return _complaint(part, strict=True)


def _complaint(store: Path, *, strict: bool) -> str | None:
    """What LevelDB says when it opens and reads a throw-away copy of a directory; None where it is content."""
    copy = store.with_name(f"{store.name}.try")
    shutil.rmtree(copy, ignore_errors=True)
    _link(store, copy)
    try:
        rows = RawStore(copy, strict=strict)
    except MalformedError as error:
        return str(error).removeprefix(f"{copy}: ").replace(str(copy), str(store))
    try:
        rows.compare_checksums()
    except MalformedError as error:
        return str(error).replace(f"{copy}/", "")
    finally:
        rows.close()
        shutil.rmtree(copy, ignore_errors=True)
    return None


def _open_what_is_left(path: Path, store: Path, *, is_damaged: bool) -> RawStore | None:
    if is_damaged:
        with suppress(plyvel.Error):
            # Not strict: a row whose checksum is wrong is judged by what it says, and may still be good.
            plyvel.repair_db(str(store), paranoid_checks=False, compression=None)
    try:
        rows = RawStore(store)
        # A table without a readable index stops every scan: then it is read without that table.
        for _ in rows.keys(b"", b"\xff"):
            pass
    except (MalformedError, plyvel.Error):
        return None
    return rows


def _link(source: Path, target: Path) -> None:
    target.mkdir()
    for path in source.iterdir():
        if path.is_file() and path.name not in (_LOCK, "LOG", "LOG.old"):
            if path.suffix == _TABLE:
                _link_file(path, target / path.name)
            else:
                shutil.copy(path, target / path.name)


def _link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copy(source, target)


def _words(error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    return detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
