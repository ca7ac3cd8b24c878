"""Which leaf hashes a log's tree has, told from three places that should say the same.

The leaf hash of entry i is the hash of its bytes, stands in tile 0 and is named by entry i + 1. Where one of the three was
damaged the other two agree, so the damaged place has a name, and the right hash is known before the right bytes are.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ledger.log.merkle import HASH_BYTES, Frontier, LeafHash, RootHash, root_of_hashes
from ledger.log.tiles import TILE_WIDTH
from node.fsck.rows import Rows
from node.store.layout import LogKeys
from node.store.rowname import RowKind, parse_key, range_of
from node.store.tilerows import FULL_TILE_BYTES, TileEdge


@dataclass(slots=True)
class Leaves:
    """The leaves of one log as far as they can be told.

    Attributes:
        hashes: per entry the hash the tree should have there; None where nothing tells it.
        wrong: entries whose bytes are missing or hash to something else.
        roots: of some sizes, computed together by `compute_roots`.
    """

    hashes: list[LeafHash | None] = field(default_factory=list)
    wrong: set[int] = field(default_factory=set)
    roots: dict[int, RootHash] = field(default_factory=dict)

    @property
    def known(self) -> list[LeafHash] | None:
        """All hashes, if each is known."""
        found = [leaf for leaf in self.hashes if leaf is not None]
        return found if len(found) == len(self.hashes) else None

    def root_at(self, size: int) -> RootHash | None:
        """The root of the tree of the first `size` leaves; None where one of them is not known, or there are fewer."""
        if size in self.roots:
            return self.roots[size]
        first = self.hashes[:size]
        known = [leaf for leaf in first if leaf is not None]
        return root_of_hashes(known) if 0 < size == len(known) else None

    def compute_roots(self, sizes: Collection[int]) -> None:
        """Compute the roots of many sizes in one walk; `root_at` knows them from then on."""
        self.roots.update((size, root) for size, root in self.walk() if size in sizes)

    def walk(self) -> Iterator[tuple[int, RootHash]]:
        """Every size and its root, ascending, as far as the leaves are known."""
        frontier = Frontier()
        for leaf in self.hashes:
            if leaf is None:
                return
            frontier.append(leaf)
            yield frontier.size, frontier.root()


def read_tile_leaves(rows: Rows, number: int) -> dict[int, bytes]:
    """Tile index to leaf hashes, as the tiles of level 0 have them."""
    tiles = {}
    start, _ = range_of(number, RowKind.TILE)
    for key, value in rows.scan(start + b"\x00", start + b"\x01"):
        name = parse_key(key)
        if name is not None and not len(value) % HASH_BYTES and 0 < len(value) <= FULL_TILE_BYTES:
            tiles[name.index] = value
    return tiles


def vote(hashed: list[LeafHash | None], named: Mapping[int, LeafHash], tiles: Mapping[int, bytes]) -> Leaves:
    """Tell the leaves of a log.

    Args:
        hashed: of the bytes of each entry held; None where the row is missing.
        named: leaf hash that entry i + 1 names, by i.
        tiles: as `read_tile_leaves`.
    """
    leaves = Leaves()
    for index, own in enumerate(hashed):
        place = index % TILE_WIDTH * HASH_BYTES
        in_tile = tiles.get(index // TILE_WIDTH, b"")[place : place + HASH_BYTES]
        others = [LeafHash(item) for item in (named.get(index), in_tile) if item]
        if own is not None and (own in others or not others):
            leaves.hashes.append(own)
            continue
        leaves.wrong.add(index)
        leaves.hashes.append(others[0] if others else None)
    return leaves


def tile_rows(keys: LogKeys, leaves: list[LeafHash]) -> dict[bytes, bytes]:
    """Every tile row of the tree over these leaves."""
    rows: dict[bytes, bytes] = {}
    edge = TileEdge()
    for start in range(0, len(leaves), 1 << 16):
        changed, edge = edge.extend(leaves[start : start + (1 << 16)])
        rows.update((keys.tile(tile.level, tile.index), tile.hashes) for tile in changed)
    return rows
