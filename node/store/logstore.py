"""One log as this node holds it: entries, bodies, hashes, notes, evidence and the state that follows from them.

Whatever stands here was judged by `ledger.log.follow` before. A commit is one synced batch: entries, bodies, tiles, ids
and note are all on disk together or not at all, so the newest note always names exactly what is held, and nothing has
to be repaired after a crash. One thread writes at a time; any number read, and see a commit only when it is durable.
"""

import logging
import threading
from itertools import islice

from ledger.errors import CairnError, MalformedError
from ledger.log.checkpoint import add_signatures, read_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.follow import Growth
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import HASH_BYTES, LeafHash, RootHash, root_at
from ledger.log.note import parse_note
from ledger.log.snapshot import encode_state, parse_state
from ledger.log.state import LogState, found_state
from ledger.log.tiles import TileReader, full_tiles, partial_width, tile_path
from node.errors import ConflictError
from node.store.database import Database
from node.store.layout import LogKeys, encode_number, parse_number
from node.store.tail import tail_rows
from node.store.tilerows import TileEdge

SNAPSHOT_INTERVAL = 256
"""Entries between two stored snapshots of the state: what an opening replays at most."""

_Row = tuple[bytes, bytes]
_logger = logging.getLogger(__name__)


class LogStore:
    """A log in the ledger store; satisfies `ledger.log.view.LogView`. Use `LedgerStore` to open or create one."""

    def __init__(self, database: Database, number: int, log_id: LogId) -> None:
        """Read back what was committed under this number.

        Raises:
            MalformedError: rows are missing or damaged.
        """
        self._database = database
        self._keys = LogKeys(number)
        self._name = encode_log_id(log_id)
        # Held from the check of a size to the row that depends on it, by whoever writes.
        self._lock = threading.Lock()
        # Below: replaced as a whole, after the batch is durable; a state that was published is never changed again.
        row = database.last(*self._keys.all_notes())
        if row is None:
            raise self._damage("no checkpoint note")
        self._note = row[1]
        size = read_checkpoint(self._note).size
        if database.get(self._keys.entry(size)) is not None:
            # Never taken for a smaller log: whoever signs on from a rewound size makes a fork.
            raise self._damage(f"entries above the newest note, of size {size}")
        self._state, self._snapshot_size = self._open_state(size)
        self._edge = self._open_edge(self._state.size)
        self.read_hashes = TileReader(self._read_tile)

    @property
    def state(self) -> LogState:
        """What the entries held make true. Never changed after it was handed out; ask again for a newer one."""
        return self._state

    @property
    def size(self) -> int:
        """How many entries are held."""
        return self._state.size

    @property
    def write_failure(self) -> str:
        """Why the store's last write failed; empty while all is well."""
        return self._database.failure

    def lack_of_room(self) -> str | None:
        """Why nothing can be committed now, in words; None while there is room on the disk."""
        return self._database.room.lack()

    @property
    def note(self) -> bytes:
        """The checkpoint note over all entries held, with every cosignature this node has seen."""
        return self._note

    def newest_notes(self, limit: int) -> tuple[bytes, ...]:
        """The notes of the `limit` largest sizes that one was kept for, largest first."""
        return tuple(data for _, data in islice(self._database.scan_back(*self._keys.all_notes()), limit))

    def note_at(self, size: int) -> bytes | None:
        """The note held for a size, or None where no checkpoint of that size was kept."""
        return self._database.get(self._keys.note(size))

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry.

        Raises:
            IndexError: `index` is not below the size held.
            MalformedError: the row is missing although it should be there.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"entry {index} of {self.size}")
        data = self._database.get(self._keys.entry(index))
        if data is None:
            raise self._damage(f"no entry {index}")
        return data

    def entries(self, start: int, end: int) -> tuple[bytes, ...]:
        """The exact bytes of the entries `[start, end)`.

        Raises:
            IndexError: the range does not lie within the size held.
            MalformedError: rows are missing although they should be there.
        """
        if not 0 <= start <= end <= self.size:
            raise IndexError(f"entries {start} to {end} of {self.size}")
        found = tuple(data for _, data in self._database.scan(self._keys.entry(start), self._keys.entry(end)))
        if len(found) != end - start:
            raise self._damage(f"{len(found)} of the {end - start} entries from {start} on")
        return found

    def body(self, index: int) -> bytes | None:
        """The exact bytes of an entry's body; None where it has none or it is not held."""
        return self._database.get(self._keys.body(index))

    def find_statement(self, statement_id: bytes) -> int | None:
        """Index of the first entry with this statement id (16 bytes), or None."""
        value = self._database.get(self._keys.statement(statement_id))
        return None if value is None else parse_number(value)

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """The first `width` hashes (1 to 256) of a tile, 32 bytes each, or None where the tree has not that many."""
        hashes = self._database.get(self._keys.tile(level, index))
        if hashes is None or len(hashes) < width * HASH_BYTES:
            return None
        return hashes[: width * HASH_BYTES]

    def evidence(self) -> tuple[bytes, ...]:
        """All fork evidence kept about this log."""
        return tuple(data for _, data in self._database.scan(*self._keys.all_evidence()))

    def add_evidence(self, data: bytes) -> bool:
        """Keep a piece of evidence that the caller has judged; tell whether it is new."""
        key = self._keys.evidence(data)
        with self._lock:
            if self._database.get(key) is not None:
                return False
            self._database.write([(key, data)])
            return True

    def commit(self, growth: Growth) -> None:
        """Store growth that `follow` has judged, in one synced batch, and only then show it to readers.

        Raises:
            RuntimeError: it does not start at the size held, or skips its own checkpoint. A mistake of this program.
        """
        with self._lock:
            held = self.size
            if growth.start != held or growth.checkpoint.size != held + len(growth.entries):
                raise RuntimeError(f"growth from {growth.start} to {growth.checkpoint.size} where {held} are held")
            rows, edge = growth_rows(self._keys, growth, self._edge)
            is_due = growth.state.size // SNAPSHOT_INTERVAL > self._snapshot_size // SNAPSHOT_INTERVAL
            if is_due:
                rows.append((self._keys.state, encode_state(growth.state)))
            self._database.write(rows)
            # Readers may see the new state a moment before the new note, never a note above what they can read.
            self._edge, self._state, self._note = edge, growth.state, growth.note
            if is_due:
                self._snapshot_size = growth.state.size

    def replace_tail(self, growth: Growth, *, is_decided: bool = False) -> None:
        """Store growth that starts below the size held in the place of the entries there, in one synced batch.

        Only `node.branch` and `node.takeover` may decide so: for entries that no quorum ever cosigned, once root keys
        took the log away from the key that wrote them; or for those of a history that the network's governors decided
        against. What was cosigned of that one counts for nothing any more, so afterwards what both share is what this
        node cosigned last.

        Args:
            growth: judged from the state at its start.
            is_decided: the network named the history that this growth is of.

        Raises:
            ConflictError: this node cosigned entries that would go, and nobody decided; carries the size cosigned.
            RuntimeError: it starts above the size held, or skips its own checkpoint. A mistake of this program.
        """
        with self._lock:
            held = self.size
            if not 0 < growth.start <= held or growth.checkpoint.size != growth.start + len(growth.entries):
                raise RuntimeError(f"a tail from {growth.start} to {growth.checkpoint.size} where {held} are held")
            cosigned = self.cosigned_size()
            if growth.start < cosigned and not is_decided:
                raise ConflictError(
                    f"log {self._name}: this node cosigned {cosigned} entries, a branch goes on after {growth.start}",
                    size=cosigned,
                )
            edge = self._open_edge(growth.start)
            kept = [(self._keys.tile(tile.level, tile.index), tile.hashes) for tile in edge.tiles()]
            rows, edge = growth_rows(self._keys, growth, edge)
            rows = [*kept, *rows]
            rows.append((self._keys.state, encode_state(growth.state)))
            if growth.start < cosigned:
                root = root_at(growth.start, self.read_hashes)
                rows.append((self._keys.cosigned, encode_number(growth.start) + root))
            removed = list(tail_rows(self._database, self._keys, growth.start, held))
            self._database.write(rows, removed=removed)
            self._edge, self._state, self._note = edge, growth.state, growth.note
            self._snapshot_size = growth.state.size

    def state_at(self, size: int) -> LogState:
        """The fold over the first `size` entries, made anew from the entries.

        Raises:
            ValueError: none, or more than are held. A mistake of this program.
        """
        if not 0 < size <= self.size:
            raise ValueError(f"a state of {size} entries where {self.size} are held")
        state = found_state(parse_entry(self.entry(0)))
        for index in range(1, size):
            state.apply(parse_entry(self.entry(index)), self.body(index))
        return state

    def rotation(self) -> bytes | None:
        """The rotation of the log key that root keys showed ahead of the log, or None."""
        return self._database.get(self._keys.rotation)

    def set_rotation(self, data: bytes) -> None:
        """Keep a rotation that the caller has verified; it is durable when this returns."""
        with self._lock:
            self._database.write([(self._keys.rotation, data)])

    def put_note(self, note: bytes) -> bytes:
        """Add the signatures of a note to those held for the same checkpoint, and return the note with all of them.

        The caller has verified the signatures; lines that are held already stay as they are.

        Raises:
            MalformedError: it is not a checkpoint note.
            RuntimeError: no note of that size is held, or it has another text. A mistake of this program.
        """
        parsed = parse_note(note)
        size = read_checkpoint(note).size
        with self._lock:
            held = self.note_at(size)
            if held is None or parse_note(held).text != parsed.text:
                raise RuntimeError(f"a note of size {size} that is not the checkpoint held")
            merged = add_signatures(held, parsed.signatures)
            if merged != held:
                self._database.write([(self._keys.note(size), merged)])
                if size == self.size:
                    self._note = merged
            return merged

    def keep_note(self, note: bytes) -> None:
        """Keep the note of a size below the one held, where none was kept: what this node signed must not be forgotten.

        The caller has verified its signatures, and that its root is that of the held tree.

        Raises:
            MalformedError: it is not a checkpoint note.
            RuntimeError: it reaches above what is held. A mistake of this program.
        """
        size = read_checkpoint(note).size
        with self._lock:
            if size > self.size:
                raise RuntimeError(f"a note of size {size} where {self.size} are held")
            if self.note_at(size) is None:
                self._database.write([(self._keys.note(size), note)])

    def cosigned(self) -> tuple[int, RootHash] | None:
        """Size and root of the largest checkpoint this node cosigned as a witness of this log, or None."""
        row = self._database.get(self._keys.cosigned)
        return None if row is None else (parse_number(row[:8]), RootHash(row[8:]))

    def cosigned_size(self) -> int:
        """Size of the largest checkpoint this node cosigned as a witness of this log; 0 for none."""
        cosigned = self.cosigned()
        return 0 if cosigned is None else cosigned[0]

    def cosigned_at(self) -> int:
        """Unix seconds of the newest cosignature this node made for this log; 0 for none."""
        row = self._database.get(self._keys.cosigned_at)
        return 0 if row is None else parse_number(row)

    def set_cosigned(self, size: int, root: RootHash, *, expected: int | None = None, seconds: int = 0) -> None:
        """Record, durably, what is about to be cosigned. A cosignature may leave only after this has returned.

        Args:
            size: of the checkpoint; never below the one recorded.
            root: of the checkpoint; the same for the same size.
            expected: the size the caller believes was cosigned last, if it checked a proof from there.
            seconds: Unix seconds that the cosignature will carry; kept where it is the newest.

        Raises:
            ConflictError: another size was cosigned meanwhile, or this root contradicts it; carries the size recorded.
        """
        with self._lock:
            cosigned = self.cosigned()
            held, held_root = cosigned if cosigned is not None else (0, None)
            if expected is not None and expected != held:
                raise ConflictError(f"witness: {expected} is not the size cosigned last, {held} is", size=held)
            if size < held:
                raise ConflictError(f"witness: size {size} is behind {held}, cosigned before", size=held)
            if size == held and held_root is not None and root != held_root:
                raise ConflictError(f"witness: another root of size {size} was cosigned before", size=held)
            rows: list[_Row] = []
            if (size, root) != cosigned:
                rows.append((self._keys.cosigned, encode_number(size) + root))
            if seconds > self.cosigned_at():
                rows.append((self._keys.cosigned_at, encode_number(seconds)))
            if rows:
                self._database.write(rows)

    def write_snapshot(self) -> None:
        """Store the state as it is, so that the next opening replays nothing."""
        with self._lock:
            if self._snapshot_size != self.size:
                self._database.write([(self._keys.state, encode_state(self._state))])
                self._snapshot_size = self.size

    def _open_state(self, size: int) -> tuple[LogState, int]:
        state = self._read_snapshot()
        snapshot_size = 0 if state is None else state.size
        try:
            for _, data in self._database.scan(self._keys.entry(snapshot_size), self._keys.entry(size)):
                entry = parse_entry(data)
                if state is None:
                    state = found_state(entry)
                else:
                    state.apply(entry, self.body(entry.index))
        except CairnError as error:
            raise self._damage(str(error)) from error
        if state is None or state.size != size or state.frontier.root() != read_checkpoint(self._note).root:
            raise self._damage(f"the entries do not lead to the checkpoint of size {size}")
        return state, snapshot_size

    def _read_snapshot(self) -> LogState | None:
        row = self._database.get(self._keys.state)
        try:
            return None if row is None else parse_state(row)
        except MalformedError:
            # Written by another version: the entries say the same, only slower.
            _logger.warning("state snapshot is of another version, folding the log from its first entry")
            return None

    def _open_edge(self, size: int) -> TileEdge:
        partial = []
        level = 0
        while size >> 8 * level:
            width = partial_width(level, size)
            tile = self.tile(level, full_tiles(level, size), width) if width else b""
            if tile is None:
                raise self._damage(f"no tile {tile_path(level, full_tiles(level, size), width)}")
            partial.append(tile)
            level += 1
        return TileEdge(size, tuple(partial))

    def _read_tile(self, level: int, index: int) -> bytes:
        hashes = self._database.get(self._keys.tile(level, index))
        if hashes is None:
            raise self._damage(f"no tile {tile_path(level, index)}")
        return hashes

    def _damage(self, what: str) -> MalformedError:
        return MalformedError(
            f"ledger store: log {self._name}: damaged: {what}",
            hint="restore the data directory from a backup, or fetch the log from a peer again",
        )


def growth_rows(keys: LogKeys, growth: Growth, edge: TileEdge) -> tuple[list[_Row], TileEdge]:
    """All rows of one commit but the snapshot, and the edge of the tree afterwards."""
    leaves: list[LeafHash] = []
    rows: list[_Row] = []
    for entry, body in zip(growth.entries, growth.bodies, strict=True):
        leaves.append(entry.leaf_hash)
        rows.append((keys.entry(entry.index), entry.raw))
        if body is not None:
            rows.append((keys.body(entry.index), body))
        if growth.state.find_id(entry.statement.id) == entry.index:
            rows.append((keys.statement(entry.statement.id), encode_number(entry.index)))
    tiles, grown = edge.extend(leaves)
    rows += [(keys.tile(tile.level, tile.index), tile.hashes) for tile in tiles]
    rows.append((keys.note(growth.checkpoint.size), growth.note))
    return rows, grown
