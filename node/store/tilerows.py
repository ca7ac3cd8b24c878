"""Growing the stored tree: which tile rows change when leaves are added.

Tiles of level L hold the roots of complete subtrees of 256^L leaves (C2SP tlog-tiles); only full tiles are hashed into
the level above. The growing last tile of each level is kept as a row that is overwritten; a smaller width, which the
tree had before, is cut from it. Nothing here touches the database, so a commit that fails changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.log.merkle import HASH_BYTES, LeafHash, root_of_hashes
from ledger.log.tiles import TILE_HEIGHT, TILE_WIDTH

FULL_TILE_BYTES = TILE_WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class TileRow:
    """A tile as it stands after growth: 1 to 256 hashes of 32 bytes."""

    level: int
    index: int
    hashes: bytes


@dataclass(frozen=True, slots=True)
class TileEdge:
    """The growing last tile of every level, level 0 first; with the size, all that growth needs to know.

    Attributes:
        size: leaves of the tree.
        partial: per level the hashes of its last tile, empty where that is full or not begun.
    """

    size: int = 0
    partial: tuple[bytes, ...] = ()

    def tiles(self) -> tuple[TileRow, ...]:
        """The growing last tile of every level, as it stands in a tree of this size."""
        return tuple(
            TileRow(level, self.size >> TILE_HEIGHT * (level + 1), hashes)
            for level, hashes in enumerate(self.partial)
            if hashes
        )

    def extend(self, leaves: Sequence[LeafHash]) -> tuple[tuple[TileRow, ...], "TileEdge"]:
        """The rows that change when `leaves` are added at the end, and the edge afterwards."""
        rows: list[TileRow] = []
        partial: list[bytes] = []
        added = b"".join(leaves)
        level = 0
        while added or level < len(self.partial):
            index = self.size >> TILE_HEIGHT * (level + 1)
            hashes = (self.partial[level] if level < len(self.partial) else b"") + added
            has_grown = bool(added)
            parents = bytearray()
            while len(hashes) >= FULL_TILE_BYTES:
                tile, hashes = hashes[:FULL_TILE_BYTES], hashes[FULL_TILE_BYTES:]
                rows.append(TileRow(level, index, tile))
                parents += root_of_hashes(split_hashes(tile))
                index += 1
            if has_grown and hashes:
                rows.append(TileRow(level, index, hashes))
            partial.append(hashes)
            added = bytes(parents)
            level += 1
        return tuple(rows), TileEdge(self.size + len(leaves), tuple(partial))


def split_hashes(tile: bytes) -> list[LeafHash]:
    """A tile's hashes one by one."""
    return [LeafHash(tile[start : start + HASH_BYTES]) for start in range(0, len(tile), HASH_BYTES)]
