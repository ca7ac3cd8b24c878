"""Writing a light replica: one process at a time, in an order that leaves a whole log after every crash.

Growth is written as: bodies, entries, hashes, and last, by one rename, the head that gives them meaning. A crash
before that leaves files beyond the old head, which the next run writes again. What was fetched waits in `incoming/`
until it has been judged, so that an interrupted `sync` goes on where it was; when a judgment fails, all of it is thrown
away.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.errors import CairnError
from ledger.log import merkle, tiles
from ledger.log.body import MAX_BODY_BYTES
from ledger.log.follow import Growth
from ledger.log.identity import LogId, encode_log_id
from ledger.log.state import LogState
from wallet_cli import files
from wallet_cli.log_files import MAX_BUNDLE_BYTES
from wallet_cli.replica import Replica, ReplicaLog, encode_head
from wallet_cli.replica_key import KEY_BYTES

PUBLIC_MODE = 0o644
"""Everything in a replica is public; other accounts of the computer may verify with it, and check it whole."""


class InUseError(CairnError):
    """Another process writes this replica."""

    exit_code = 3


class ReplicaWriter:
    """The one writer of a replica, as a context manager that holds the lock."""

    def __init__(self, folder: Path, key: bytes | None = None) -> None:
        """Name the folder, which is made when the writer is entered.

        Args:
            folder: the replica.
            key: of the account that writes (`replica_key`); without it nobody will believe the states that are written,
                which suits a replica that is thrown away.
        """
        self.folder = folder
        self._key = key or secrets.token_bytes(KEY_BYTES)
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            InUseError: another process has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, PUBLIC_MODE)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise InUseError(
                f"replica: {self.folder} is being written by another process",
                hint="wait until it is done, then try again",
            ) from error
        self._lock = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self) -> Replica:
        """Open what is written so far; a log whose state is not ours is folded anew and then kept as ours."""
        return Replica(self.folder, self._key, keep=self._put_head)

    def incoming(self, log_id: LogId) -> "Incoming":
        """Give the place for what is fetched of a log and not judged yet."""
        return Incoming(self._log_folder(log_id) / "incoming")

    def take_bodies(self, log_id: LogId, indexes: Iterable[int]) -> None:
        """Take bodies that wait in `incoming` for good, those of `indexes` that are there; the caller has checked them."""
        self.incoming(log_id).move_bodies(indexes, self._log_folder(log_id) / "body")

    def commit(self, growth: Growth, note: bytes, bodies: Mapping[int, bytes] | None = None) -> None:
        """Write judged growth: these bodies, all its entries and hashes, then the head with this note.

        Args:
            growth: as `judge_growth` returned it, from the state that is held.
            note: the checkpoint note it was judged against, perhaps with more cosignatures.
            bodies: by index, beside those taken before; what is left out is not held.
        """
        folder = self._log_folder(growth.state.log_id)
        folder.mkdir(parents=True, exist_ok=True)
        old = self._held(growth.state.log_id)
        self.put_bodies(growth.state.log_id, bodies or {})
        _write_growth(folder, old, growth)
        self._put_head(folder, note, growth.state)
        if old is not None:
            _remove_partials(folder, old.size, growth.state.size)

    def let_go(self, log_id: LogId) -> None:
        """Let go of all entries of a log, before another history of it takes their place; evidence about it stays.

        After a crash in between the log is not held, and the next run fetches it.
        """
        folder = self._log_folder(log_id)
        # First what gives the rest meaning: nobody may read one history by the head of the other.
        (folder / "head").unlink(missing_ok=True)
        files.sync_folder(folder)
        for name in ("tile", "body"):
            shutil.rmtree(folder / name, ignore_errors=True)

    def put_note(self, log_id: LogId, note: bytes) -> None:
        """Replace the note of a log by one of the same size and root, with more cosignatures."""
        held = self._held(log_id)
        if held is None:
            raise ValueError("a note without a log")
        self._put_head(held.folder, note, held.state)

    def put_bodies(self, log_id: LogId, bodies: Mapping[int, bytes]) -> None:
        """Write bodies that belong to entries of a log; the caller has checked them."""
        folder = self._log_folder(log_id) / "body"
        folder.mkdir(parents=True, exist_ok=True)
        for index, data in bodies.items():
            files.write_atomically(folder / str(index), data, mode=PUBLIC_MODE)

    def remove_bodies(self, log_id: LogId, indexes: Iterable[int]) -> None:
        """Remove bodies that are not wanted any more, such as superseded status pages."""
        for index in indexes:
            (self._log_folder(log_id) / "body" / str(index)).unlink(missing_ok=True)

    def add_evidence(self, log_id: LogId, evidence: bytes) -> bool:
        """Keep a piece of fork evidence about a log; tell whether it is new."""
        folder = self._log_folder(log_id) / "evidence"
        path = folder / hashlib.sha256(evidence).hexdigest()
        if path.exists():
            return False
        folder.mkdir(parents=True, exist_ok=True)
        files.write_atomically(path, evidence, mode=PUBLIC_MODE)
        return True

    def _held(self, log_id: LogId) -> ReplicaLog | None:
        return self.read().log(log_id)

    def _log_folder(self, log_id: LogId) -> Path:
        return self.folder / encode_log_id(log_id)

    def _put_head(self, folder: Path, note: bytes, state: LogState) -> None:
        files.write_atomically(folder / "head", encode_head(note, state, self._key), mode=PUBLIC_MODE)


class Incoming:
    """What has been fetched of one log: whole bundles and bodies, still to be judged."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made by the first `put`."""
        self._folder = folder

    def bundle(self, index: int) -> tuple[bytes, ...] | None:
        """Give a full bundle fetched before, `None` if there is none."""
        with contextlib.suppress(FileNotFoundError):
            return tiles.parse_bundle(files.read_bounded(self._folder / f"entries-{index}", MAX_BUNDLE_BYTES))
        return None

    def put_bundle(self, index: int, entries: Sequence[bytes]) -> None:
        """Keep a bundle if it is full; a partial one may be another tomorrow."""
        if len(entries) == tiles.TILE_WIDTH:
            self._put(f"entries-{index}", tiles.encode_bundle(entries))

    def body(self, index: int) -> bytes | None:
        """Give a body fetched before, `None` if there is none."""
        with contextlib.suppress(FileNotFoundError):
            return files.read_bounded(self._folder / f"body-{index}", MAX_BODY_BYTES)
        return None

    def put_body(self, index: int, data: bytes) -> None:
        """Keep a body."""
        self._put(f"body-{index}", data)

    def move_bodies(self, indexes: Iterable[int], folder: Path) -> None:
        """Move bodies into another folder of the same replica, under their index; what is not here is left out."""
        folder.mkdir(parents=True, exist_ok=True)
        for index in indexes:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / f"body-{index}").replace(folder / str(index))
        # Before the head that will give them meaning.
        files.sync_folder(folder)

    def clear(self) -> None:
        """Throw everything away: it was taken over, or it was bad."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _put(self, name: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        files.write_atomically(self._folder / name, data, mode=PUBLIC_MODE)


def _write_growth(folder: Path, old: ReplicaLog | None, growth: Growth) -> None:
    start = old.size if old is not None else 0
    entries = [entry.raw for entry in growth.entries]
    hashes: list[bytes] = [entry.leaf_hash for entry in growth.entries]
    # Files are cut at multiples of 256, so the last partial one of before is written again, wider.
    first = start - start % tiles.TILE_WIDTH
    before = list(old.entries(first, start)) if old is not None else []
    for index, chunk in _chunks(first, before + entries):
        _put(folder / tiles.entries_path(index, len(chunk)), tiles.encode_bundle(chunk))
    level = 0
    while hashes:
        first = start - start % tiles.TILE_WIDTH
        kept = old.tile(level, first // tiles.TILE_WIDTH) if old is not None and start > first else b""
        known = [kept[at : at + merkle.HASH_BYTES] for at in range(0, len(kept), merkle.HASH_BYTES)]
        above = []
        for index, chunk in _chunks(first, known + hashes):
            _put(folder / tiles.tile_path(level, index, len(chunk)), b"".join(chunk))
            if len(chunk) == tiles.TILE_WIDTH:
                above.append(merkle.root_of_hashes(chunk))
        # Every tile that became full just now is one more hash above; those before stand there already.
        hashes, start, level = list(above), start // tiles.TILE_WIDTH, level + 1


def _chunks(first: int, items: Sequence[bytes]) -> Iterable[tuple[int, Sequence[bytes]]]:
    for offset in range(0, len(items), tiles.TILE_WIDTH):
        yield (first + offset) // tiles.TILE_WIDTH, items[offset : offset + tiles.TILE_WIDTH]


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(path, data, mode=PUBLIC_MODE)


def _remove_partials(folder: Path, old_size: int, new_size: int) -> None:
    # Only after the head has moved on: until then readers need the old ones. A reader that still has the old head takes
    # the start of a wider file instead.
    for level in range((old_size.bit_length() + tiles.TILE_HEIGHT - 1) // tiles.TILE_HEIGHT):
        width, index = tiles.partial_width(level, old_size), tiles.full_tiles(level, old_size)
        if width and tiles.tile_width(level, index, new_size) > width:
            (folder / tiles.tile_path(level, index, width)).unlink(missing_ok=True)
            if level == 0:
                (folder / tiles.entries_path(index, width)).unlink(missing_ok=True)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
