"""RFC 6962 Merkle trees over SHA-256: roots, proofs, and the frontier a growing log keeps.

A tree of n > 1 leaves splits at the largest power of two below n, so every tree is a row of complete subtrees, the
largest first, folded from the right. Pairing level by level with a last odd node carried up unchanged gives the same
root; the loops here use that. Proofs are made from hashes that a `HashReader` looks up, all of one proof in one call.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NewType, TypeAlias

from ledger.errors import ProofError

LeafHash = NewType("LeafHash", bytes)
RootHash = NewType("RootHash", bytes)

Proof: TypeAlias = tuple[bytes, ...]
NodeAddress: TypeAlias = tuple[int, int]
"""`(level, index)`: the complete subtree over leaves `[index * 2**level, (index + 1) * 2**level)`."""
HashReader: TypeAlias = Callable[[Sequence[NodeAddress]], Sequence[bytes]]
"""Returns the hashes at some addresses, in the same order."""

HASH_BYTES = 32
MAX_PROOF_HASHES = 63
EMPTY_ROOT = RootHash(sha256(b"").digest())


def hash_leaf(data: bytes) -> LeafHash:
    """Return `SHA-256(0x00 || data)`, the hash of one leaf."""
    return LeafHash(sha256(b"\x00" + data).digest())


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return `SHA-256(0x01 || left || right)`, the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root_of_hashes(leaf_hashes: Iterable[bytes]) -> RootHash:
    """Return the root of the tree with these leaf hashes; `EMPTY_ROOT` for none."""
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        level = _pair(level)
    return RootHash(level[0])


def root_of_items(items: Iterable[bytes]) -> RootHash:
    """Return the root of the tree whose leaves hold these bytes."""
    new = sha256
    return root_of_hashes([new(b"\x00" + item).digest() for item in items])


def prove_item(items: Sequence[bytes], position: int) -> Proof:
    """Return the path from the item at `position` to `root_of_items(items)`, leaf side first.

    `verify_inclusion` accepts it. For more than a few positions of one body use `prove_all_items`.
    """
    if not 0 <= position < len(items):
        raise ValueError(f"position {position} is outside a body of {len(items)} items")
    return _path(_levels(items), position)


def prove_all_items(items: Sequence[bytes]) -> tuple[Proof, ...]:
    """Return the path of every item, in order; the tree is hashed once."""
    levels = _levels(items)
    return tuple(_path(levels, position) for position in range(len(items)))


def root_at(size: int, read: HashReader) -> RootHash:
    """Return the root of the first `size` leaves."""
    return RootHash(_read_ranges([(0, size)], read)[0]) if size else EMPTY_ROOT


def frontier_at(size: int, read: HashReader) -> "Frontier":
    """Return the frontier of the first `size` leaves."""
    addresses, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            addresses.append((level, start >> level))
            start += 1 << level
    return Frontier(size, read(addresses) if addresses else ())


def prove_inclusion(index: int, size: int, read: HashReader) -> Proof:
    """Return the path from leaf `index` to the root of the first `size` leaves, leaf side first (RFC 9162 §2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"index {index} is outside a tree of size {size}")
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return _read_ranges(ranges[::-1], read)


def prove_consistency(old: int, new: int, read: HashReader) -> Proof:
    """Return what shows that the first `old` leaves are a prefix of the first `new` (RFC 9162 §2.1.4.1).

    Empty where both sizes are equal. Nothing can be shown about an empty tree, so `old` is at least 1.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from size {old} to {new}")
    ranges = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else the subtree reached is the old tree itself, whose root the verifier has
        ranges.append((start, end))
    return _read_ranges(ranges[::-1], read)


def verify_inclusion(leaf: LeafHash, index: int, size: int, proof: Proof, root: RootHash) -> None:
    """Check that the tree with this root holds `leaf` at `index` (RFC 9162 §2.1.3.2).

    Says nothing about who vouches for `root`; see `checkpoint.open_checkpoint`.

    Args:
        leaf: 32-byte leaf hash, already domain-separated by `hash_leaf`.
        index: position from zero, `0 <= index < size`.
        size: number of leaves of the tree.
        proof: sibling hashes from the leaf upward, at most 63.
        root: the 32-byte root to arrive at.

    Raises:
        ProofError: the proof has the wrong length, or leads to another root.
    """
    if not 0 <= index < size:
        raise ProofError(f"inclusion proof: index {index} is outside a tree of size {size}")
    _check_hashes("inclusion proof", proof, leaf, root)
    position, last = index, size - 1
    result: bytes = leaf
    for sibling in proof:
        if not last:
            raise ProofError(f"inclusion proof: {len(proof)} hashes are too many for index {index} of {size}")
        if position & 1 or position == last:
            result = hash_node(sibling, result)
            # a last node without sibling is carried up unchanged: skip the levels where that happens
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            result = hash_node(result, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError(f"inclusion proof: {len(proof)} hashes are too few for index {index} of {size}")
    if result != root:
        raise ProofError(f"inclusion proof: leads to root {result.hex()}, not {root.hex()}")


def verify_consistency(old_size: int, old_root: RootHash, new_size: int, new_root: RootHash, proof: Proof) -> None:
    """Check that the tree of `old_size` is a prefix of the tree of `new_size` (RFC 9162 §2.1.4.2).

    Both sizes are at least 1: an empty tree is a prefix of anything, so there is nothing to prove.

    Raises:
        ProofError: sizes shrink or are zero, the proof has the wrong length, or leads to another old or new root.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"consistency proof: no proof leads from size {old_size} to {new_size}")
    _check_hashes("consistency proof", proof, old_root, new_root)
    if old_size == new_size:
        if proof:
            raise ProofError("consistency proof: must be empty between equal sizes")
        if old_root != new_root:
            raise ProofError(f"consistency proof: two roots at size {old_size}, {old_root.hex()} and {new_root.hex()}")
        return
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    # Where the old tree is one complete subtree the proof leaves out its root, which the verifier already has.
    hashes = proof if position else (old_root, *proof)
    if not proof:
        raise ProofError("consistency proof: empty between different sizes")
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if not last:
            raise ProofError(f"consistency proof: {len(proof)} hashes are too many from {old_size} to {new_size}")
        if position & 1 or position == last:
            old, new = hash_node(sibling, old), hash_node(sibling, new)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new = hash_node(new, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError(f"consistency proof: {len(proof)} hashes are too few from {old_size} to {new_size}")
    if old != old_root:
        raise ProofError(f"consistency proof: leads to old root {old.hex()}, not {old_root.hex()}")
    if new != new_root:
        raise ProofError(f"consistency proof: leads to new root {new.hex()}, not {new_root.hex()}")


class Frontier:
    """The complete subtrees a log of some size consists of, largest first: all that growth and roots need.

    One subtree stands for each set bit of `size`. Mutable; whoever judges growth works on a `copy`.
    """

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Start from a stored frontier; hashes that do not fit `size` are the caller's mistake, `ValueError`."""
        nodes = list(hashes)
        if size < 0 or len(nodes) != size.bit_count() or any(len(node) != HASH_BYTES for node in nodes):
            raise ValueError(f"{len(nodes)} hashes are not the frontier of size {size}")
        self.size = size
        self._nodes = nodes

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, largest first."""
        return tuple(self._nodes)

    def append(self, leaf_hash: LeafHash) -> None:
        """Add one leaf."""
        nodes = self._nodes
        node: bytes = leaf_hash
        carry = self.size
        while carry & 1:
            node = hash_node(nodes.pop(), node)
            carry >>= 1
        nodes.append(node)
        self.size += 1

    def extend(self, leaf_hashes: Sequence[LeafHash]) -> None:
        """Add leaves in order, a level at a time, which is much faster than one by one."""
        row: list[bytes] = list(leaf_hashes)
        self.size, carry = self.size + len(row), self.size
        rest: list[bytes] = []
        while row:
            # The waiting subtree of this level stands left of the row; what then has no partner waits in its place.
            if carry & 1:
                row.insert(0, self._nodes.pop())
            if len(row) & 1:
                rest.append(row.pop())
            row = _pair(row)
            carry >>= 1
        self._nodes.extend(reversed(rest))

    def root(self) -> RootHash:
        """Return the root of the tree."""
        return RootHash(_fold(self._nodes)) if self._nodes else EMPTY_ROOT

    def copy(self) -> "Frontier":
        """Return a frontier that grows on its own."""
        return Frontier(self.size, self._nodes)


def _pair(level: list[bytes]) -> list[bytes]:
    # The hottest loop of replay. Walking one iterator twice yields neighbours without slicing the list.
    new = sha256
    walk = iter(level)
    above = [new(b"\x01" + left + right).digest() for left, right in zip(walk, walk, strict=False)]
    if len(level) & 1:
        above.append(level[-1])
    return above


def _levels(items: Sequence[bytes]) -> list[list[bytes]]:
    level: list[bytes] = [hash_leaf(item) for item in items]
    levels = [level]
    while len(level) > 1:
        level = _pair(level)
        levels.append(level)
    return levels


def _path(levels: list[list[bytes]], position: int) -> Proof:
    path = []
    for level in levels[:-1]:
        sibling = position ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        position >>= 1
    return tuple(path)


def _split(size: int) -> int:
    # largest power of two strictly below `size`, which is at least 2
    return 1 << (size - 1).bit_length() - 1


def _read_ranges(ranges: Sequence[tuple[int, int]], read: HashReader) -> Proof:
    # Every range comes from splitting a tree, so its start is a multiple of a power of two no smaller than its length,
    # and it falls into complete subtrees, one for each set bit of the length.
    addresses: list[NodeAddress] = []
    counts = []
    for start, end in ranges:
        before = len(addresses)
        while start < end:
            level = (end - start).bit_length() - 1
            addresses.append((level, start >> level))
            start += 1 << level
        counts.append(len(addresses) - before)
    if not addresses:
        return ()
    found = iter(read(addresses))
    return tuple(_fold([next(found) for _ in range(count)]) for count in counts)


def _fold(nodes: Sequence[bytes]) -> bytes:
    result = nodes[-1]
    for node in reversed(nodes[:-1]):
        result = hash_node(node, result)
    return result


def _check_hashes(what: str, proof: Proof, *others: bytes) -> None:
    if len(proof) > MAX_PROOF_HASHES:
        raise ProofError(f"{what}: {len(proof)} hashes are more than {MAX_PROOF_HASHES}")
    for value in (*others, *proof):
        if len(value) != HASH_BYTES:
            raise ProofError(f"{what}: a hash has {len(value)} bytes instead of {HASH_BYTES}")
