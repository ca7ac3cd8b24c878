"""Roots of recent sizes, told from a frontier and the leaves after it."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.log.merkle import Frontier, hash_leaf, root_of_hashes
from ledger.log.recent import RecentTree

LEAVES = [hash_leaf(bytes([n])) for n in range(40)]


@given(st.integers(0, 40), st.data())
def test_roots_are_those_of_the_whole_tree(size: int, data: st.DataObject) -> None:
    recent = RecentTree()
    for leaf in LEAVES[:size]:
        recent.append(leaf)
    kept = data.draw(st.integers(0, size))
    recent.forget_below(kept)
    copy = recent.copy()
    recent.append(LEAVES[0])
    for at in range(kept, size + 1):
        assert copy.root_at(at) == recent.root_at(at) == root_of_hashes(LEAVES[:at])
    assert copy.root_at(size + 1) is None
    if kept:
        assert recent.root_at(kept - 1) is None
    assert copy.base.size == kept and len(copy.leaves) == size - kept


def test_it_goes_on_from_a_frontier() -> None:
    base = Frontier()
    base.extend(LEAVES[:5])
    recent = RecentTree(base, LEAVES[5:7])
    assert recent.root_at(7) == root_of_hashes(LEAVES[:7])
    assert recent.root_at(4) is None
