"""The newest part of a tree, leaf by leaf, so that the roots of recent sizes can be told without reading the log.

An anchor names this log's own last head. Whether that head is of this tree, and not of another branch that the log key
signed too, shows only in its root; the fold can compute it because it keeps the leaves since the head anchored last.
"""

from collections.abc import Iterable

from ledger.log.merkle import Frontier, LeafHash, RootHash


class RecentTree:
    """A frontier at some size, and the leaves that came after it."""

    __slots__ = ("base", "leaves")

    def __init__(self, base: Frontier | None = None, leaves: Iterable[LeafHash] = ()) -> None:
        """Start from a frontier (default: the empty tree) and the leaves after it."""
        self.base = Frontier() if base is None else base
        self.leaves = list(leaves)

    def append(self, leaf: LeafHash) -> None:
        """Take the next leaf."""
        self.leaves.append(leaf)

    def root_at(self, size: int) -> RootHash | None:
        """Give the root of the first `size` leaves; `None` below what is kept, or above what there is."""
        if not self.base.size <= size <= self.base.size + len(self.leaves):
            return None
        return self._frontier_at(size).root()

    def forget_below(self, size: int) -> None:
        """Keep only what is needed for sizes from `size` on; it must be one that `root_at` can tell."""
        grown = self._frontier_at(size)
        del self.leaves[: size - self.base.size]
        self.base = grown

    def copy(self) -> "RecentTree":
        """Give an independent copy."""
        return RecentTree(self.base.copy(), self.leaves)

    def _frontier_at(self, size: int) -> Frontier:
        frontier = self.base.copy()
        frontier.extend(self.leaves[: size - self.base.size])
        return frontier
