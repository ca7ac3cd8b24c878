"""Tiles and entry bundles: how a log's hashes and entries are cut into files (C2SP tlog-tiles).

Tile `n` of level `l` holds up to 256 hashes; hash `i` of it is the root of the complete subtree over leaves
`[(256n + i) * 256**l, (256n + i + 1) * 256**l)`, so level 0 holds leaf hashes and only full tiles are hashed into the
level above. A bundle holds up to 256 entries, each after its length in 2 bytes, big-endian. Full files never change; a
partial one of width W stands for a log that ended there.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.errors import MalformedError
from ledger.log.merkle import HASH_BYTES, NodeAddress, hash_node

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 65_535
MAX_PATH_LENGTH = 64

_match_path = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?").fullmatch


@dataclass(frozen=True, slots=True)
class TileAddress:
    """Which tile or bundle a path names; `level` is None for an entry bundle."""

    level: int | None
    index: int
    width: int

    @property
    def is_bundle(self) -> bool:
        """Whether entries are meant, not hashes."""
        return self.level is None


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile of hashes, such as `tile/0/x001/x234/067` or, partial, `tile/0/000.p/7`."""
    return f"tile/{level}/{_number_path(index)}{_width_path(width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle, such as `tile/entries/000`."""
    return f"tile/entries/{_number_path(index)}{_width_path(width)}"


def parse_path(text: str) -> TileAddress:
    """Return what `text` names.

    Raises:
        MalformedError: not the one spelling of any tile or bundle.
    """
    match = _match_path(text) if len(text) <= MAX_PATH_LENGTH and text.isascii() else None
    if match is None:
        raise MalformedError(f"tile: {text[:MAX_PATH_LENGTH]!r} is not a tile path")
    kind, number, width_text = match.groups()
    width = TILE_WIDTH if width_text is None else int(width_text)
    index = int(number.replace("/", "").replace("x", ""))
    address = TileAddress(None if kind == "entries" else int(kind), index, width)
    # Leading zeros, a level above 63 and widths out of range are all found by spelling the address again.
    again = entries_path(index, width) if address.level is None else tile_path(address.level, index, width)
    if again != text or not 1 <= width <= TILE_WIDTH or (address.level or 0) > MAX_LEVEL:
        raise MalformedError(f"tile: {text!r} is not the path of any tile")
    return address


def full_tiles(level: int, size: int) -> int:
    """Return how many full tiles a log of `size` leaves has at `level`."""
    return size >> TILE_HEIGHT * (level + 1)


def partial_width(level: int, size: int) -> int:
    """Return the width of the partial tile at `level` of a log of `size` leaves; 0 where there is none."""
    return size >> TILE_HEIGHT * level & TILE_WIDTH - 1


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes tile `index` at `level` holds for a log of `size` leaves, 0 to 256."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return entries as one bundle; too many or too long ones are the caller's mistake, `ValueError`."""
    if len(entries) > TILE_WIDTH:
        raise ValueError(f"a bundle holds {TILE_WIDTH} entries, not {len(entries)}")
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise ValueError(f"an entry has at most {MAX_ENTRY_BYTES} bytes")
    return b"".join([piece for entry in entries for piece in (len(entry).to_bytes(2), entry)])


def parse_bundle(data: bytes, max_entries: int = TILE_WIDTH) -> tuple[bytes, ...]:
    """Return the entries of a bundle.

    Raises:
        MalformedError: cut short, or more than `max_entries`.
    """
    entries: list[bytes] = []
    position, end = 0, len(data)
    while position < end:
        if len(entries) == max_entries:
            raise MalformedError(f"entry bundle: more than {max_entries} entries")
        start = position + 2
        position = start + int.from_bytes(data[position:start])
        if start > end or position > end:
            raise MalformedError(f"entry bundle: ends within entry {len(entries)}")
        entries.append(data[start:position])
    return tuple(entries)


class HashTile:
    """A tile, full or partial, with the inner nodes over its hashes; a row of them is computed when first asked for."""

    __slots__ = ("_rows", "data")

    def __init__(self, data: bytes) -> None:
        """Take the hashes of a tile, one after the other."""
        self.data = data
        self._rows: list[list[bytes]] = []

    def node(self, height: int, index: int) -> bytes:
        """Give node `index` of those over `2**height` hashes each; all of these must be there."""
        if not height:
            return self.data[index * HASH_BYTES : (index + 1) * HASH_BYTES]
        if not self._rows:
            self._rows.append([self.data[at : at + HASH_BYTES] for at in range(0, len(self.data), HASH_BYTES)])
        while len(self._rows) <= height:
            below = iter(self._rows[-1])
            self._rows.append([hash_node(left, right) for left, right in zip(below, below, strict=False)])
        return self._rows[height][index]


class TileReader:
    """A `HashReader` over tiles: inner nodes between two tile levels are computed from the tile below.

    `read_tile(level, index)` returns a tile as wide as there is one, full or partial.
    """

    __slots__ = ("_limit", "_read_tile", "_tiles")

    def __init__(self, read_tile: Callable[[int, int], bytes], *, limit: int = 0) -> None:
        """Read tiles through `read_tile`.

        Args:
            read_tile: see above.
            limit: how many tiles to keep with their inner nodes, where what is read never changes; 0 keeps each for one
                call only. One takes up to 40 KB.
        """
        self._read_tile = read_tile
        self._limit = limit
        self._tiles: dict[tuple[int, int], HashTile] = {}

    def __call__(self, addresses: Sequence[NodeAddress]) -> list[bytes]:
        """Return the hashes at these addresses, in order.

        Raises:
            MalformedError: a tile is narrower than the hash needs.
        """
        tiles = self._tiles if self._limit else {}
        return [self._read(tiles, level, index) for level, index in addresses]

    def _read(self, tiles: dict[tuple[int, int], HashTile], level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        address = (tile_level, first >> TILE_HEIGHT)
        tile = tiles.get(address)
        if tile is None:
            if 0 < self._limit <= len(tiles):
                del tiles[next(iter(tiles))]
            tile = tiles[address] = HashTile(self._read_tile(*address))
        start = first & TILE_WIDTH - 1
        held, needed = len(tile.data) // HASH_BYTES, start + (1 << height)
        if held < needed:
            raise MalformedError(f"tile: {tile_path(*address)} holds {held} hashes, {needed} are needed")
        return tile.node(height, start >> height)


def _number_path(index: int) -> str:
    # groups of three digits, all but the last marked x: 1234067 is x001/x234/067
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def _width_path(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"
