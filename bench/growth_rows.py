"""What becomes of appending, proofs and receipts as a log grows to ten million entries.

All leaves are the same, so that a complete subtree of any size has one hash that takes no time to come by: the proofs are
real and are verified, the sizes are those of any other tree.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

from ledger import base64url, canonical
from ledger.log.identity import LogId
from ledger.log.merkle import (
    Frontier,
    LeafHash,
    NodeAddress,
    RootHash,
    hash_leaf,
    hash_node,
    prove_inclusion,
    prove_item,
    verify_inclusion,
)
from ledger.log.receipt import Receipt, encode_receipt
from node.store.tilerows import TileEdge
from tests.node.school import BATCH

SMALLEST = 10_000
_APPENDS = 200
_LEAF = hash_leaf(b"")
_INSIDE_TILE = 255


@dataclass(frozen=True, slots=True)
class Grown:
    """A log of so many entries: microseconds to append one, hashes of an inclusion proof, bytes of receipt and proof."""

    entries: int
    append_microseconds: float
    proof_hashes: int
    receipt_bytes: int


def measure(largest: int) -> Iterator[Grown]:
    """Measure logs of 10,000 entries and ten times as many again, up to `largest`."""
    size = SMALLEST
    while size <= largest:
        yield _measure(size)
        size *= 10


def _measure(size: int) -> Grown:
    index = size * 2 // 3
    root = RootHash(_frontier(size).root())
    proof = prove_inclusion(index, size, _read)
    verify_inclusion(_LEAF, index, size, proof, root)
    items = [index.to_bytes(32, "big")] * BATCH
    receipt = Receipt(LogId(root), index, 1, prove_item(items, 1))
    lines = "".join(f"{base64url.encode(step)}\n" for step in proof)
    return Grown(size, _time_append(size), len(proof), len(canonical.encode(encode_receipt(receipt))) + len(lines))


def _time_append(size: int) -> float:
    """The median of some appends: the leaf's way into the frontier and into the stored tiles."""
    frontier, edge = _frontier(size), TileEdge(size, _partial_tiles(size))
    taken = []
    for _ in range(_APPENDS):
        started = time.perf_counter()
        frontier.append(_LEAF)
        _, edge = edge.extend([_LEAF])
        taken.append(time.perf_counter() - started)
    return 1e6 * median(taken)


def _frontier(size: int) -> Frontier:
    return Frontier(size, [_subtree(level) for level in reversed(range(size.bit_length())) if size >> level & 1])


def _partial_tiles(size: int) -> tuple[bytes, ...]:
    rows = []
    level = 0
    while size >> 8 * level:
        rows.append(_subtree(8 * level) * (size >> 8 * level & _INSIDE_TILE))
        level += 1
    return tuple(rows)


def _read(addresses: Sequence[NodeAddress]) -> Sequence[bytes]:
    return [_subtree(level) for level, _ in addresses]


@cache
def _subtree(level: int) -> LeafHash:
    return _LEAF if level == 0 else LeafHash(hash_node(_subtree(level - 1), _subtree(level - 1)))
