"""Replay of a held log from its files, as `cairn audit` does it: with processes that check ahead, and without."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.ledger_rows import Written
from ledger.log import tiles
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.merkle import root_of_hashes
from wallet_cli.audit_state import AuditState, Kept
from wallet_cli.precheckers import Precheckers
from wallet_cli.refold import Fold, fold_log
from wallet_cli.replica_key import KEY_BYTES

WORKERS = 2


@dataclass(slots=True)
class Bench:
    """A log as a replica's folder, and processes that are already running."""

    folder: Path
    note: bytes
    entries: int
    precheckers: Precheckers

    def replay(self, *, with_helpers: bool) -> float:
        """Seconds to read and check the whole log, every body included."""
        fold = Fold()
        started = time.perf_counter()
        helpers = self.precheckers if with_helpers else None
        for _ in fold_log(self.folder, self.note, fold, whole=True, precheckers=helpers):
            pass
        elapsed = time.perf_counter() - started
        assert (fold.size, fold.missing) == (self.entries, 0)
        return elapsed

    def keep_most(self, place: Path) -> tuple[AuditState, int]:
        """Audit all but the newest entries and write down how far that is; gives the state and how many are left."""
        fold = Fold()
        for size, total in fold_log(self.folder, self.note, fold, whole=True):
            if total - size <= tiles.TILE_WIDTH:
                break
        state = AuditState(place, bytes(KEY_BYTES))
        state.keep(self._log_id, Kept(fold, None))
        return state, self.entries - fold.size

    def resume(self, state: AuditState) -> float:
        """Seconds to read what an earlier audit left and to check what is new."""
        started = time.perf_counter()
        kept = state.load(self._log_id)
        assert kept is not None
        for _ in fold_log(self.folder, self.note, kept.fold, whole=True):
            pass
        elapsed = time.perf_counter() - started
        assert kept.fold.size == self.entries
        return elapsed

    @property
    def _log_id(self) -> LogId:
        return parse_log_id(self.folder.name)


@contextmanager
def held(written: Written) -> Iterator[Bench]:
    """Write a log as files and start the processes; starting is not measured, it is the same for any log."""
    with TemporaryDirectory() as place, Precheckers(WORKERS) as precheckers:
        log_id = LogId(parse_entry(written.entries[0]).leaf_hash)
        folder = Path(place) / encode_log_id(log_id)
        _write(folder, written)
        bench = Bench(folder, written.note, len(written.entries), precheckers)
        bench.replay(with_helpers=True)
        yield bench


def _write(folder: Path, written: Written) -> None:
    size = read_checkpoint(written.note).size
    (folder / "body").mkdir(parents=True)
    for index, body in enumerate(written.bodies):
        if body is not None:
            (folder / "body" / str(index)).write_bytes(body)
    for start in range(0, size, tiles.TILE_WIDTH):
        chunk = written.entries[start : start + tiles.TILE_WIDTH]
        _put(folder / tiles.entries_path(start // tiles.TILE_WIDTH, len(chunk)), tiles.encode_bundle(chunk))
    hashes: list[bytes] = [parse_entry(raw).leaf_hash for raw in written.entries]
    level = 0
    while hashes:
        rows = [hashes[at : at + tiles.TILE_WIDTH] for at in range(0, len(hashes), tiles.TILE_WIDTH)]
        for index, row in enumerate(rows):
            _put(folder / tiles.tile_path(level, index, len(row)), b"".join(row))
        hashes, level = [root_of_hashes(row) for row in rows if len(row) == tiles.TILE_WIDTH], level + 1
    # Read once before it is measured: what the disk does is not the subject.
    os.sync()


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
