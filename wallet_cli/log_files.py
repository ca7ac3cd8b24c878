"""The files of one log in a light replica: everything read is checked on the way, up to the root its checkpoint signs.

A tile is checked against the tile above it, up to the peaks of the tree; an entry against its tile; a body against its
entry. A file that does not fit is named exactly. What the entries mean is not looked at here.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ledger.errors import MalformedError, ProofError
from ledger.log import body as bodies
from ledger.log import entry, merkle, tiles
from ledger.log.checkpoint import Checkpoint
from ledger.log.entry import Entry
from ledger.log.merkle import Frontier, HashReader, LeafHash
from wallet_cli import files

MAX_TILE_BYTES = tiles.TILE_WIDTH * merkle.HASH_BYTES
MAX_BUNDLE_BYTES = tiles.TILE_WIDTH * (2 + entry.MAX_ENTRY_BYTES)
MAX_EVIDENCE_BYTES = 4 * 1024 * 1024
# A tile is 8 KiB and a bundle a few hundred: reading a whole log in order must not keep all of it.
_KEPT_TILES = 1024
_KEPT_BUNDLES = 8
_KEPT_NODES = 64
"""Tiles kept with their inner nodes: a batch of files asks for proofs out of the same few."""

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


class LogFiles:
    """Entries, bodies, hashes and evidence of one log, at one size."""

    def __init__(self, folder: Path, size: int, peaks: tuple[bytes, ...]) -> None:
        """Read a folder as a tree of `size` entries whose complete subtrees have the hashes `peaks`, widest first."""
        self.folder = folder
        self.size = size
        self.read_hashes: HashReader = tiles.TileReader(self.tile, limit=_KEPT_NODES)
        self._frontier = peaks
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._bundles: dict[int, tuple[tuple[bytes, ...], list[LeafHash]]] = {}

    def entry(self, index: int) -> bytes:
        """Give the exact bytes of an entry below the size held.

        Raises:
            DamagedError: the file that holds it, or a tile above it, is damaged.
        """
        return self._find(index)[0]

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """Give entries `[start, end)`."""
        return [self.entry(index) for index in range(start, end)]

    def parsed(self, index: int) -> Entry:
        """Give an entry, parsed."""
        return entry.parse_entry(*self._find(index))

    def body(self, index: int) -> bytes | None:
        """Give the body of an entry, checked against it; `None` where it has none or it is not held.

        Raises:
            DamagedError: the body's file is damaged.
        """
        data = read_body(self.folder, index)
        if data is None:
            return None
        path = body_path(self.folder, index)
        statement = self.parsed(index).statement
        if statement.body is None:
            raise DamagedError(path, f"entry {index} has no body")
        with naming(path):
            bodies.verify_body(statement.kind, statement.body, data)
        return data

    def evidence(self) -> Sequence[bytes]:
        """Give the fork evidence held about this log.

        Raises:
            DamagedError: a piece does not have the hash it is named after.
        """
        found = []
        folder = self.folder / "evidence"
        # Listed, not globbed: asked about every new head, and hardly ever is anything there.
        for path in sorted(folder / name for name in os.listdir(folder)) if folder.is_dir() else ():
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
            path, data = _read(self.folder, lambda w: tiles.tile_path(level, index, w), width, MAX_TILE_BYTES)
            data = data[: width * merkle.HASH_BYTES]
            if len(data) != width * merkle.HASH_BYTES:
                raise DamagedError(path, f"it holds {len(data)} bytes instead of {width} hashes")
            if _peaks(data) != self._expected(level, index, width):
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
        return self._frontier[before : before + width.bit_count()]

    def _find(self, index: int) -> tuple[bytes, LeafHash]:
        if not 0 <= index < self.size:
            raise IndexError(f"entry {index} of a log of {self.size}")
        entries, hashes = self._bundle(index // tiles.TILE_WIDTH)
        return entries[index % tiles.TILE_WIDTH], hashes[index % tiles.TILE_WIDTH]

    def _bundle(self, index: int) -> tuple[tuple[bytes, ...], list[LeafHash]]:
        """Give entries with their leaf hashes, which whoever parses them would only compute again."""
        if index not in self._bundles:
            width = tiles.tile_width(0, index, self.size)
            path, data = _read(self.folder, lambda w: tiles.entries_path(index, w), width, MAX_BUNDLE_BYTES)
            with naming(path):
                entries = tiles.parse_bundle(data)[:width]
            hashes = [merkle.hash_leaf(item) for item in entries]
            if b"".join(hashes) != self.tile(0, index):
                raise DamagedError(path, "its entries do not have the hashes in their tile")
            _remember(self._bundles, index, (entries, hashes), _KEPT_BUNDLES)
        return self._bundles[index]


def body_path(folder: Path, index: int) -> Path:
    """Give the file that holds the body of an entry, if it is held."""
    return folder / "body" / str(index)


def read_body(folder: Path | str, index: int) -> bytes | None:
    """Give what stands in the body file of an entry, unchecked; `None` if there is none.

    Raises:
        MalformedError: it is longer than any body.
    """
    try:
        # Joined as text: done for every entry of a replay, and a Path takes longer to make than the file to read.
        return files.read_bounded(f"{folder}/body/{index}", bodies.MAX_BODY_BYTES)
    except FileNotFoundError:
        return None


def read_bundle(folder: Path, index: int, size: int) -> tuple[bytes, ...]:
    """Give the entries of a bundle, unchecked, as far as a log of `size` entries has them.

    Raises:
        DamagedError: it is missing, or no bundle.
    """
    width = tiles.tile_width(0, index, size)
    path, data = _read(folder, lambda w: tiles.entries_path(index, w), width, MAX_BUNDLE_BYTES)
    with naming(path):
        return tiles.parse_bundle(data)[:width]


def read_peaks(folder: Path, head: Checkpoint) -> tuple[bytes, ...]:
    """Give the peaks of a log's tree from the ends of its tiles, proven against the root a checkpoint names.

    Raises:
        DamagedError: a tile is missing, or they lead to another root.
    """
    found: list[bytes] = []
    # The widest subtrees are the ends of the highest tiles; see `LogFiles._expected`.
    for level in reversed(range(-(-head.size.bit_length() // tiles.TILE_HEIGHT))):
        width, index = tiles.partial_width(level, head.size), tiles.full_tiles(level, head.size)
        if width:
            _, data = _read(folder, partial(tiles.tile_path, level, index), width, MAX_TILE_BYTES)
            found += _peaks(data[: width * merkle.HASH_BYTES])
    if len(found) != head.size.bit_count() or Frontier(head.size, found).root() != head.root:
        raise DamagedError(folder / "tile", "its hashes do not lead to the checkpoint")
    return tuple(found)


def wider_files(wanted: Path, full: Path, width: int) -> list[Path]:
    """Give the files that may stand in for a partial one of this width: wider ones, then the full one."""
    if wanted == full or not wanted.parent.is_dir():
        return [full]
    widths = sorted(int(path.name) for path in wanted.parent.iterdir() if path.name.isdecimal())
    return [*(wanted.with_name(str(other)) for other in widths if other > width), full]


def log_folder_of(path: Path) -> Path:
    """Give the folder of the log that a file of a replica belongs to."""
    for folder in path.parents:
        if (folder / "head").exists():
            return folder
    return path.parent


class naming:
    """Turns what a parser says about a file's content into an error that names the file."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MalformedError | ProofError) and not isinstance(error, DamagedError):
            raise DamagedError(self._path, str(error)) from error


def _peaks(data: bytes) -> tuple[bytes, ...]:
    hashes = [data[at : at + merkle.HASH_BYTES] for at in range(0, len(data), merkle.HASH_BYTES)]
    peaks, start = [], 0
    while start < len(hashes):
        length = 1 << (len(hashes) - start).bit_length() - 1
        peaks.append(merkle.root_of_hashes(hashes[start : start + length]))
        start += length
    return tuple(peaks)


def _read(folder: Path, path_of: Callable[[int], str], width: int, max_bytes: int) -> tuple[Path, bytes]:
    # The writer removes a partial file once a wider one is there; what this reader needs is the start of that.
    wanted = folder / path_of(width)
    for path in (wanted, *wider_files(wanted, folder / path_of(tiles.TILE_WIDTH), width)):
        try:
            return path, files.read_bounded(path, max_bytes)
        except FileNotFoundError:
            continue
    raise DamagedError(wanted, "it is missing")


def _remember(kept: dict[Key, Value], key: Key, value: Value, limit: int) -> None:
    # Oldest out first: logs are mostly read in order, from one end.
    if len(kept) >= limit:
        del kept[next(iter(kept))]
    kept[key] = value
