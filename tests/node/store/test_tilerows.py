"""Tiles grow to the same bytes whatever the pieces, and hold what C2SP tlog-tiles says."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.merkle import LeafHash, root_of_hashes
from ledger.log.tiles import TILE_WIDTH, partial_width, tile_width
from node.store.tilerows import TileEdge, split_hashes


def _leaves(count: int) -> list[LeafHash]:
    return [LeafHash(hashlib.sha256(b"%d" % number).digest()) for number in range(count)]


def _grow(edge: TileEdge, leaves: list[LeafHash], held: dict[tuple[int, int], bytes]) -> TileEdge:
    rows, grown = edge.extend(leaves)
    held.update({(row.level, row.index): row.hashes for row in rows})
    return grown


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 400), max_size=8))
def test_pieces_give_the_same_tiles_as_the_whole(pieces: list[int]) -> None:
    leaves = _leaves(sum(pieces))
    whole: dict[tuple[int, int], bytes] = {}
    in_pieces: dict[tuple[int, int], bytes] = {}
    expected = _grow(TileEdge(), leaves, whole)

    edge, start = TileEdge(), 0
    for piece in pieces:
        edge = _grow(edge, leaves[start : start + piece], in_pieces)
        start += piece

    assert in_pieces == whole
    assert edge.size == expected.size
    assert [width for width in edge.partial if width] == [width for width in expected.partial if width]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_every_tile_holds_the_roots_of_its_subtrees(size: int) -> None:
    leaves = _leaves(size)
    held: dict[tuple[int, int], bytes] = {}
    edge = _grow(TileEdge(), leaves, held)

    row: list[bytes] = list(leaves)
    level, seen = 0, 0
    while row:
        for index in range(0, len(row), TILE_WIDTH):
            assert split_hashes(held[level, index // TILE_WIDTH]) == row[index : index + TILE_WIDTH]
            assert len(held[level, index // TILE_WIDTH]) == 32 * tile_width(level, index // TILE_WIDTH, size)
            seen += 1
        assert len(edge.partial[level]) == 32 * partial_width(level, size)
        full = len(row) // TILE_WIDTH * TILE_WIDTH
        row = [root_of_hashes(row[start : start + TILE_WIDTH]) for start in range(0, full, TILE_WIDTH)]
        level += 1
    assert seen == len(held)


def test_extending_leaves_the_old_edge_as_it_was() -> None:
    edge = _grow(TileEdge(), _leaves(300), {})
    before = (edge.size, edge.partial)

    edge.extend(_leaves(300))

    assert (edge.size, edge.partial) == before
