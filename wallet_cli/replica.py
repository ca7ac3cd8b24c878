"""The light replica: the ledger as flat files, written by one process, read by any number, on any system.

    DIR/lock                             held by the process that writes
    DIR/<log id>/head                    newest checkpoint note and the state at its size, in one file
    DIR/<log id>/tile/<L>/<N>[.p/<W>]    hashes, and `tile/entries/…`: the files of C2SP tlog-tiles
    DIR/<log id>/body/<index>            bodies that are held
    DIR/<log id>/evidence/<SHA-256>      fork evidence
    DIR/<log id>/incoming/               fetched, not judged yet; nothing reads it but `sync`

A log is what its `head` says it is: files beyond it are leftovers without meaning, and `head` is replaced whole, last.
Everything read is checked on the way: a tile against the tile above it, up to the hashes in the state; an entry against
its tile; a body against its entry. A file that does not fit is named exactly. Nothing here opens a connection.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ledger.errors import MalformedError, ProofError
from ledger.log import body as bodies
from ledger.log import checkpoint, entry, merkle, snapshot, tiles
from ledger.log.entry import Entry
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.merkle import HashReader
from ledger.log.state import LogState
from wallet_cli import files

HEAD_CONTEXT = b"cairn/replica/v1\n"
MAX_HEAD_BYTES = 256 * 1024 * 1024
MAX_TILE_BYTES = tiles.TILE_WIDTH * merkle.HASH_BYTES
MAX_BUNDLE_BYTES = tiles.TILE_WIDTH * (2 + entry.MAX_ENTRY_BYTES)
MAX_EVIDENCE_BYTES = 4 * 1024 * 1024
_DIGEST_BYTES = 32
_LENGTH_BYTES = 8
# A tile is 8 KiB and a bundle a few hundred: reading a whole log in order must not keep all of it.
_KEPT_TILES = 1024
_KEPT_BUNDLES = 8

Key = TypeVar("Key")
Value = TypeVar("Value")


class DamagedError(MalformedError):
    """A file of the replica is not what was written; the message names it."""

    exit_code = 3
    """Nothing is wrong with what was to be verified; it could not be decided."""

    def __init__(self, path: Path, reason: str) -> None:
        """Name the file and say what to do about it."""
        super().__init__(
            f"replica: {path} is damaged: {reason}",
            hint=f"delete the folder {log_folder_of(path)} and run `cairn sync`",
        )
        self.path = path


class Replica:
    """A replica as it is when it is opened: each log is looked at once and then stays as it was."""

    def __init__(self, folder: Path) -> None:
        """Open for reading.

        Raises:
            MalformedError: there is no replica in this folder.
        """
        if not folder.is_dir():
            raise MalformedError(
                f"replica: {folder} does not exist", hint="run `cairn sync --trust FILE --node URL` first"
            )
        self.folder = folder
        self._logs: dict[LogId, ReplicaLog | None] = {}

    def log_ids(self) -> Sequence[LogId]:
        """Give the ids of all logs held, in the order of their text."""
        names = sorted(path.parent.name for path in self.folder.glob("*/head"))
        return tuple(parse_log_id(name) for name in names)

    def log(self, log_id: LogId) -> "ReplicaLog | None":
        """Give one log, `None` if it is not held.

        Raises:
            DamagedError: its head file is damaged.
        """
        if log_id not in self._logs:
            folder = self.folder / encode_log_id(log_id)
            self._logs[log_id] = ReplicaLog(folder) if (folder / "head").exists() else None
        return self._logs[log_id]


class ReplicaLog:
    """One log of a replica, at the size its head file had when it was opened."""

    def __init__(self, folder: Path) -> None:
        """Read the head.

        Raises:
            DamagedError: the head file is damaged, or speaks of another log.
        """
        self.folder = folder
        self.note, self.state = read_head(folder / "head")
        self.size = self.state.size
        self.read_hashes: HashReader = tiles.TileReader(self.tile)
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._bundles: dict[int, tuple[bytes, ...]] = {}

    def entry(self, index: int) -> bytes:
        """Give the exact bytes of an entry below the size held.

        Raises:
            DamagedError: the file that holds it, or a tile above it, is damaged.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"entry {index} of a log of {self.size}")
        return self._bundle(index // tiles.TILE_WIDTH)[index % tiles.TILE_WIDTH]

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """Give entries `[start, end)`."""
        return [self.entry(index) for index in range(start, end)]

    def parsed(self, index: int) -> Entry:
        """Give an entry, parsed."""
        return entry.parse_entry(self.entry(index))

    def body(self, index: int) -> bytes | None:
        """Give the body of an entry, checked against it; `None` where it has none or it is not held.

        Raises:
            DamagedError: the body's file is damaged.
        """
        path = self.folder / "body" / str(index)
        try:
            data = files.read_bounded(path, bodies.MAX_BODY_BYTES)
        except FileNotFoundError:
            return None
        statement = self.parsed(index).statement
        if statement.body is None:
            raise DamagedError(path, f"entry {index} has no body")
        with _naming(path):
            bodies.verify_body(statement.kind, statement.body, data)
        return data

    def evidence(self) -> Sequence[bytes]:
        """Give the fork evidence held about this log.

        Raises:
            DamagedError: a piece does not have the hash it is named after.
        """
        found = []
        for path in sorted((self.folder / "evidence").glob("*")):
            data = files.read_bounded(path, MAX_EVIDENCE_BYTES)
            if hashlib.sha256(data).hexdigest() != path.name:
                raise DamagedError(path, "its content does not have the hash it is named after")
            found.append(data)
        return tuple(found)

    def tile(self, level: int, index: int) -> bytes:
        """Give a tile as wide as the log has it, proven up to the hashes in the state.

        Raises:
            DamagedError: the file is damaged, or one above it.
        """
        if (level, index) not in self._tiles:
            width = tiles.tile_width(level, index, self.size)
            path, data = self._read(lambda w: tiles.tile_path(level, index, w), width, MAX_TILE_BYTES)
            data = data[: width * merkle.HASH_BYTES]
            if len(data) != width * merkle.HASH_BYTES:
                raise DamagedError(path, f"it holds {len(data)} bytes instead of {width} hashes")
            if self._peaks(data) != self._expected(level, index, width):
                raise DamagedError(path, "its hashes do not lead to the checkpoint")
            _remember(self._tiles, (level, index), data, _KEPT_TILES)
        return self._tiles[level, index]

    def _expected(self, level: int, index: int, width: int) -> tuple[bytes, ...]:
        # A full tile is one hash of the tile above. A partial one is the end of the tree at its level: its complete
        # subtrees, one for each set bit of its width, are those of the frontier below the full tiles.
        if width == tiles.TILE_WIDTH:
            above = self.tile(level + 1, index // tiles.TILE_WIDTH)
            start = index % tiles.TILE_WIDTH * merkle.HASH_BYTES
            return (above[start : start + merkle.HASH_BYTES],)
        before = (self.size >> tiles.TILE_HEIGHT * (level + 1)).bit_count()
        return self.state.frontier.hashes[before : before + width.bit_count()]

    def _peaks(self, data: bytes) -> tuple[bytes, ...]:
        hashes = [data[at : at + merkle.HASH_BYTES] for at in range(0, len(data), merkle.HASH_BYTES)]
        peaks, start = [], 0
        while start < len(hashes):
            length = 1 << (len(hashes) - start).bit_length() - 1
            peaks.append(merkle.root_of_hashes(hashes[start : start + length]))
            start += length
        return tuple(peaks)

    def _bundle(self, index: int) -> tuple[bytes, ...]:
        if index not in self._bundles:
            width = tiles.tile_width(0, index, self.size)
            path, data = self._read(lambda w: tiles.entries_path(index, w), width, MAX_BUNDLE_BYTES)
            with _naming(path):
                entries = tiles.parse_bundle(data)[:width]
            if b"".join([merkle.hash_leaf(item) for item in entries]) != self.tile(0, index):
                raise DamagedError(path, "its entries do not have the hashes in their tile")
            _remember(self._bundles, index, entries, _KEPT_BUNDLES)
        return self._bundles[index]

    def _read(self, path_of: Callable[[int], str], width: int, max_bytes: int) -> tuple[Path, bytes]:
        # The writer removes a partial file once a wider one is there; what this reader needs is the start of that.
        wanted = self.folder / path_of(width)
        for path in (wanted, *wider_files(wanted, self.folder / path_of(tiles.TILE_WIDTH), width)):
            try:
                return path, files.read_bounded(path, max_bytes)
            except FileNotFoundError:
                continue
        raise DamagedError(wanted, "it is missing")


def wider_files(wanted: Path, full: Path, width: int) -> list[Path]:
    """Give the files that may stand in for a partial one of this width: wider ones, then the full one."""
    if wanted == full or not wanted.parent.is_dir():
        return [full]
    widths = sorted(int(path.name) for path in wanted.parent.iterdir() if path.name.isdecimal())
    return [*(wanted.with_name(str(other)) for other in widths if other > width), full]


def encode_head(note: bytes, log_state: LogState) -> bytes:
    """Give the content of a head file: context, length of the note, note, state, SHA-256 of all that."""
    data = HEAD_CONTEXT + len(note).to_bytes(_LENGTH_BYTES, "big") + note + snapshot.encode_state(log_state)
    return data + hashlib.sha256(data).digest()


def read_head(path: Path) -> tuple[bytes, LogState]:
    """Read a head file: the note, and the state at the size the note signs.

    Raises:
        DamagedError: the bytes were changed, or note, state and folder do not belong together.
    """
    data = files.read_bounded(path, MAX_HEAD_BYTES)
    content, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not content.startswith(HEAD_CONTEXT) or hashlib.sha256(content).digest() != digest:
        raise DamagedError(path, "its checksum does not fit")
    start = len(HEAD_CONTEXT) + _LENGTH_BYTES
    end = start + int.from_bytes(content[len(HEAD_CONTEXT) : start], "big")
    note = content[start:end]
    with _naming(path):
        log_state = snapshot.parse_state(content[end:])
        head = checkpoint.read_checkpoint(note)
    if (head.size, head.root) != (log_state.size, log_state.frontier.root()):
        raise DamagedError(path, "the checkpoint and the state are not of the same size and root")
    if encode_log_id(log_state.log_id) != path.parent.name:
        raise DamagedError(path, "it belongs to another log than its folder says")
    return note, log_state


def log_folder_of(path: Path) -> Path:
    """Give the folder of the log that a file of a replica belongs to."""
    for folder in path.parents:
        if (folder / "head").exists():
            return folder
    return path.parent


class _naming:
    """Turns what a parser says about a file's content into an error that names the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MalformedError | ProofError) and not isinstance(error, DamagedError):
            raise DamagedError(self._path, str(error)) from error


def _remember(kept: dict[Key, Value], key: Key, value: Value, limit: int) -> None:
    # Oldest out first: logs are mostly read in order, from one end.
    if len(kept) >= limit:
        del kept[next(iter(kept))]
    kept[key] = value
