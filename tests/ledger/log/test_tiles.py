"""Tiles and bundles: paths, geometry, and a whole log made by another implementation."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.log import checkpoint, merkle, note, tiles
from ledger.log.tiles import TileAddress, TileReader
from tests.conformance import record
from tests.shared import shared_path

LOG_SIZE = 15


def tessera_log() -> Path:
    return shared_path("vectors/tlog/tessera_log")


def test_examples_of_the_specification() -> None:
    examples = json.loads(shared_path("vectors/tlog/tiles/spec_examples.json").read_text())
    for example in examples:
        if "path" in example:
            assert tiles.tile_path(0, example["index"]) == example["path"]
            assert tiles.parse_path(example["path"]) == TileAddress(0, example["index"], 256)
            continue
        for level, wanted in example["tiles"].items():
            assert tiles.full_tiles(int(level), example["tree_size"]) == wanted["full"]
            assert tiles.partial_width(int(level), example["tree_size"]) == wanted["partial"]
    record(
        "Transparency logs (RFC 6962, C2SP)",
        "tile paths and widths",
        ["vectors/tlog/tiles/spec_examples.json"],
        accepted=len(examples),
    )


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        (1, [(0, 1)]),
        (255, [(0, 255)]),
        (256, [(1, 0), (0, 1)]),
        (257, [(1, 1), (0, 1)]),
        (65_535, [(255, 255), (0, 255)]),
        (65_536, [(256, 0), (1, 0), (0, 1)]),
        (65_537, [(256, 1), (1, 0), (0, 1)]),
    ],
)
def test_geometry_at_the_edges(size: int, wanted: list[tuple[int, int]]) -> None:
    assert [(tiles.full_tiles(level, size), tiles.partial_width(level, size)) for level in range(len(wanted))] == wanted
    for level, (full, partial) in enumerate(wanted):
        assert tiles.tile_width(level, full, size) == partial
        assert tiles.tile_width(level, full + 1, size) == 0
        if full:
            assert tiles.tile_width(level, full - 1, size) == 256


@given(st.integers(0, 63), st.integers(0, 2**60), st.integers(1, 256))
def test_paths_come_back(level: int, index: int, width: int) -> None:
    assert tiles.parse_path(tiles.tile_path(level, index, width)) == TileAddress(level, index, width)
    bundle = tiles.parse_path(tiles.entries_path(index, width))
    assert bundle == TileAddress(None, index, width)
    assert bundle.is_bundle


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/X001/002",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/257",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001/",
        "/tile/0/001",
        "tile/0/001\n",
        "tile/0/٠٠١",
        "tile/data/001",
        "tile/entries/1",
        "tile/0/" + "x001/" * 400 + "001",
        "tile/0/../../secret",
    ],
)
def test_other_paths_are_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="tile: "):
        tiles.parse_path(text)


@given(st.lists(st.binary(max_size=20), max_size=12))
def test_bundles_come_back(entries: list[bytes]) -> None:
    data = tiles.encode_bundle(entries)
    assert tiles.parse_bundle(data) == tuple(entries)


@given(st.binary(max_size=60))
def test_accepted_bundles_are_the_one_encoding(data: bytes) -> None:
    try:
        entries = tiles.parse_bundle(data)
    except MalformedError:
        return
    assert tiles.encode_bundle(entries) == data


def test_bundle_limits() -> None:
    """An entry of 65,535 bytes and 256 entries are the most."""
    longest = bytes(65_535)
    assert tiles.parse_bundle(tiles.encode_bundle([longest, b""])) == (longest, b"")
    full = tiles.encode_bundle([b"x"] * 256)
    assert len(tiles.parse_bundle(full)) == 256
    with pytest.raises(MalformedError, match="more than 256 entries"):
        tiles.parse_bundle(full + b"\0\1x")
    with pytest.raises(MalformedError, match="more than 2 entries"):
        tiles.parse_bundle(full, 2)
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        tiles.encode_bundle([bytes(65_536)])
    with pytest.raises(ValueError, match="not 257"):
        tiles.encode_bundle([b""] * 257)


def test_a_bundle_cut_anywhere_is_refused_or_shorter() -> None:
    """A cut within an entry is refused; one between entries is a shorter bundle."""
    entries = [b"one", b"", b"three"]
    data = tiles.encode_bundle(entries)
    ends = {0: 0, 5: 1, 7: 2, 14: 3}
    for end in range(len(data) + 1):
        if end in ends:
            assert tiles.parse_bundle(data[:end]) == tuple(entries[: ends[end]])
        else:
            with pytest.raises(MalformedError, match="ends within entry"):
                tiles.parse_bundle(data[:end])


@pytest.mark.parametrize("size", range(1, LOG_SIZE + 1))
def test_another_implementations_log_is_rebuilt(size: int) -> None:
    """From its entries come its tiles, its roots, and the roots its checkpoints sign."""
    folder = tessera_log()
    key = note.parse_verifier_key((folder / "VKEY.txt").read_text().strip())
    entries = tiles.parse_bundle((folder / tiles.entries_path(0, size)).read_bytes())
    assert len(entries) == size
    leaves = [merkle.hash_leaf(entry) for entry in entries]
    signed = folder / f"checkpoint.{size}"
    opened = checkpoint.open_checkpoint(signed.read_bytes(), key)
    assert (opened.size, opened.root) == (size, merkle.root_of_hashes(leaves))
    tile = (folder / tiles.tile_path(0, 0, size)).read_bytes()
    assert tile == b"".join(leaves)
    read = TileReader(lambda level, index: tile if (level, index) == (0, 0) else b"")
    assert merkle.root_at(size, read) == opened.root
    for index, leaf in enumerate(leaves):
        merkle.verify_inclusion(leaf, index, size, merkle.prove_inclusion(index, size, read), opened.root)


def test_another_implementations_checkpoints_are_consistent() -> None:
    folder = tessera_log()
    key = note.parse_verifier_key((folder / "VKEY.txt").read_text().strip())
    tile = (folder / tiles.tile_path(0, 0, LOG_SIZE)).read_bytes()
    read = TileReader(lambda level, index: tile)
    heads = [
        checkpoint.open_checkpoint((folder / f"checkpoint.{size}").read_bytes(), key) for size in range(LOG_SIZE + 1)
    ]
    assert heads[0].root == merkle.EMPTY_ROOT
    assert heads[-1] == checkpoint.open_checkpoint((folder / "checkpoint").read_bytes(), key)
    for old in heads[1:]:
        for new in heads[old.size :]:
            proof = merkle.prove_consistency(old.size, new.size, read)
            merkle.verify_consistency(old.size, old.root, new.size, new.root, proof)


def build_tiles(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    """Every tile of a log, full and partial, as the specification defines them."""
    found = {}
    level, row = 0, leaves
    while row:
        for start in range(0, len(row), 256):
            found[level, start // 256] = b"".join(row[start : start + 256])
        row = [merkle.root_of_hashes(row[at : at + 256]) for at in range(0, len(row) // 256 * 256, 256)]
        level += 1
    return found


def test_nodes_across_tile_levels() -> None:
    """Roots and proofs from tiles equal those from leaves, in a log three tile levels high."""
    leaves: list[bytes] = [sha256(number.to_bytes(4)).digest() for number in range(70_000)]
    found = build_tiles(leaves)
    assert {level for level, _ in found} == {0, 1, 2}
    asked: list[tuple[int, int]] = []

    def read_tile(level: int, index: int) -> bytes:
        asked.append((level, index))
        return found[level, index]

    read = TileReader(read_tile)
    for size in (1, 255, 256, 257, 300, 65_535, 65_536, 65_537, 70_000):
        root = merkle.root_of_hashes(leaves[:size])
        assert merkle.root_at(size, read) == root
        for index in {0, size // 2, size - 1}:
            asked.clear()
            proof = merkle.prove_inclusion(index, size, read)
            assert len(asked) == len(set(asked)), "a tile is read once for one proof"
            merkle.verify_inclusion(merkle.LeafHash(leaves[index]), index, size, proof, root)
    head = merkle.root_of_hashes(leaves)
    for old in (1, 256, 40_000, 65_536):
        proof = merkle.prove_consistency(old, 70_000, read)
        merkle.verify_consistency(old, merkle.root_of_hashes(leaves[:old]), 70_000, head, proof)


@pytest.mark.parametrize("limit", [1, 2, 400])
def test_tiles_may_be_kept(limit: int) -> None:
    """The same proofs as without, and never more tiles than were asked for."""
    leaves: list[bytes] = [sha256(number.to_bytes(4)).digest() for number in range(1_500)]
    found = build_tiles(leaves)
    asked: list[tuple[int, int]] = []

    def read_tile(level: int, index: int) -> bytes:
        asked.append((level, index))
        return found[level, index]

    keeping, reading = TileReader(read_tile, limit=limit), TileReader(lambda *address: found[address])
    for size in (1_500, 700, 1_500):
        assert merkle.root_at(size, keeping) == merkle.root_at(size, reading)
        for index in (0, 255, 256, size - 1):
            assert merkle.prove_inclusion(index, size, keeping) == merkle.prove_inclusion(index, size, reading)
    assert len(keeping._tiles) <= limit
    assert limit < 400 or sorted(asked) == sorted(set(asked)), "a tile that is kept is read once"


def test_a_tile_too_narrow_is_refused() -> None:
    read = TileReader(lambda level, index: bytes(32 * 3))
    assert read([(0, 2), (1, 0)])[0] == bytes(32)
    for address in ((0, 3), (1, 1), (2, 0)):
        with pytest.raises(MalformedError, match="holds 3 hashes, 4 are needed"):
            read([address])
