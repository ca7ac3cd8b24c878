"""Merkle trees, against the published vectors and against the recursive definition of RFC 6962."""

import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import ProofError
from ledger.log import merkle
from ledger.log.merkle import EMPTY_ROOT, Frontier, HashReader, LeafHash, NodeAddress, RootHash
from tests.conformance import record
from tests.shared import shared_path

ITEMS = [sha256(b"%d" % number).digest() for number in range(140)]
LEAVES = [merkle.hash_leaf(item) for item in ITEMS]


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """The root as RFC 6962 §2.1 defines it, by recursion."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


ROOTS = [RootHash(defined_root(LEAVES[:size])) for size in range(len(LEAVES) + 1)]


def reader(leaves: Sequence[bytes]) -> HashReader:
    """A hash reader over leaves in memory that counts as one lookup per proof."""

    def read(addresses: Sequence[NodeAddress]) -> list[bytes]:
        hashes = []
        for level, index in addresses:
            covered = leaves[index << level : index + 1 << level]
            assert len(covered) == 1 << level, "only complete subtrees may be asked for"
            hashes.append(defined_root(covered))
        return hashes

    return read


def hashes(values: list[str] | None) -> tuple[bytes, ...]:
    return tuple(b64decode(value) for value in values or [])


def test_published_roots() -> None:
    """The well-known Certificate Transparency test tree, at every size."""
    vector = json.loads(shared_path("vectors/tlog/rfc6962/roots.json").read_text())
    items = [bytes.fromhex(item) for item in vector["leaf_inputs_hex"]]
    roots = vector["root_hex_by_size"]
    sizes = dict(enumerate(roots)) if isinstance(roots, list) else {int(size): root for size, root in roots.items()}
    assert len(sizes) >= len(items)
    frontier = Frontier()
    for size, root in sorted(sizes.items()):
        if frontier.size < size:
            frontier.append(merkle.hash_leaf(items[size - 1]))
        assert merkle.root_of_items(items[:size]).hex() == root
        assert frontier.root().hex() == root
    record("Transparency logs (RFC 6962, C2SP)", "roots", ["vectors/tlog/rfc6962/roots.json"], accepted=len(sizes))


def test_published_inclusion_proofs() -> None:
    """Every vector is accepted or refused as its makers say."""
    vectors = json.loads(shared_path("vectors/tlog/rfc6962/inclusion.json").read_text())
    for vector in vectors:
        arguments = (
            LeafHash(b64decode(vector["leafHash"])),
            vector["leafIdx"],
            vector["treeSize"],
            hashes(vector["proof"]),
            RootHash(b64decode(vector["root"])),
        )
        check(vector, lambda arguments=arguments: merkle.verify_inclusion(*arguments))
    bad = sum(vector["wantErr"] for vector in vectors)
    files = ["vectors/tlog/rfc6962/inclusion.json"]
    record("Transparency logs (RFC 6962, C2SP)", "inclusion proofs", files, accepted=len(vectors) - bad, refused=bad)


def test_published_consistency_proofs() -> None:
    """Every vector is accepted or refused as its makers say."""
    vectors = json.loads(shared_path("vectors/tlog/rfc6962/consistency.json").read_text())
    for vector in vectors:
        arguments = (
            vector["size1"],
            RootHash(b64decode(vector["root1"])),
            vector["size2"],
            RootHash(b64decode(vector["root2"])),
            hashes(vector["proof"]),
        )
        check(vector, lambda arguments=arguments: merkle.verify_consistency(*arguments))
    bad = sum(vector["wantErr"] for vector in vectors)
    files = ["vectors/tlog/rfc6962/consistency.json"]
    record("Transparency logs (RFC 6962, C2SP)", "consistency proofs", files, accepted=len(vectors) - bad, refused=bad)


def check(vector: dict[str, object], verify: Callable[[], None]) -> None:
    try:
        verify()
    except ProofError:
        assert vector["wantErr"], vector["file"]
    else:
        assert not vector["wantErr"], vector["file"]


def test_roots_are_the_defined_ones_at_every_size() -> None:
    """Pairing level by level, growing one by one and reading subtrees give the recursive root."""
    frontier = Frontier()
    read = reader(LEAVES)
    assert frontier.root() == merkle.root_of_items([]) == merkle.root_at(0, read) == EMPTY_ROOT
    for size, leaf in enumerate(LEAVES, 1):
        frontier.append(leaf)
        assert frontier.root() == ROOTS[size]
        assert merkle.root_of_items(ITEMS[:size]) == ROOTS[size]
        assert merkle.root_of_hashes(LEAVES[:size]) == ROOTS[size]
        assert merkle.root_at(size, read) == ROOTS[size]


@given(st.lists(st.integers(0, 40), max_size=6))
def test_growing_in_any_pieces_ends_equal(steps: list[int]) -> None:
    """`extend` in pieces, `append` one by one and a stored frontier agree."""
    pieces, single = Frontier(), Frontier()
    start = 0
    for step in steps:
        part = LEAVES[start : start + step]
        start += len(part)
        pieces.extend(part)
        for leaf in part:
            single.append(leaf)
        assert (pieces.size, pieces.hashes) == (single.size, single.hashes)
        assert Frontier(pieces.size, pieces.hashes).root() == pieces.root() == ROOTS[pieces.size]


def test_a_copy_grows_alone() -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:7])
    copy = frontier.copy()
    copy.append(LEAVES[7])
    assert (frontier.size, frontier.root()) == (7, ROOTS[7])
    assert (copy.size, copy.root()) == (8, ROOTS[8])


@pytest.mark.parametrize(("size", "nodes"), [(1, []), (0, LEAVES[:1]), (3, LEAVES[:1]), (-1, LEAVES[:1]), (1, [b"x"])])
def test_a_frontier_that_does_not_fit_its_size_is_the_callers_mistake(size: int, nodes: list[bytes]) -> None:
    with pytest.raises(ValueError, match="not the frontier of size"):
        Frontier(size, nodes)


def test_every_leaf_of_every_size_is_proven() -> None:
    """`prove_inclusion`, `prove_item` and `prove_all_items` agree, and `verify_inclusion` accepts them."""
    read = reader(LEAVES)
    for size in [*range(1, 35), 63, 64, 65, 127, 128, 129]:
        proofs = merkle.prove_all_items(ITEMS[:size])
        assert len(proofs) == size
        for index, proof in enumerate(proofs):
            merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
            assert merkle.prove_inclusion(index, size, read) == proof
        assert merkle.prove_item(ITEMS[:size], size // 2) == proofs[size // 2]


def test_every_pair_of_sizes_is_proven() -> None:
    read = reader(LEAVES)
    for new in [*range(1, 35), 64, 65, 129]:
        for old in range(1, new + 1):
            proof = merkle.prove_consistency(old, new, read)
            merkle.verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


def test_one_lookup_per_proof() -> None:
    """All hashes of one proof are read in one call, which is what makes proofs cheap over a store."""
    calls = []

    def read(addresses: Sequence[NodeAddress]) -> Sequence[bytes]:
        calls.append(addresses)
        return reader(LEAVES)(addresses)

    merkle.prove_inclusion(77, 139, read)
    merkle.prove_consistency(77, 139, read)
    merkle.root_at(139, read)
    assert len(calls) == 3


def mutations(proof: tuple[bytes, ...]) -> dict[str, tuple[bytes, ...]]:
    flipped = bytes([proof[0][0] ^ 1]) + proof[0][1:]
    return {
        "a flipped bit": (flipped, *proof[1:]),
        "cut short": proof[:-1],
        "without its first": proof[1:],
        "one more": (*proof, proof[0]),
        "one before": (proof[0], *proof),
        "turned round": proof[::-1],
        "a short hash": (proof[0][:31], *proof[1:]),
        "far too long": proof * 64,
    }


@pytest.mark.parametrize("mutation", mutations((b"x",)))
def test_bent_inclusion_proofs_are_refused(mutation: str) -> None:
    proof = mutations(merkle.prove_inclusion(5, 13, reader(LEAVES)))[mutation]
    with pytest.raises(ProofError, match="inclusion proof: "):
        merkle.verify_inclusion(LEAVES[5], 5, 13, proof, ROOTS[13])


@pytest.mark.parametrize("mutation", mutations((b"x",)))
def test_bent_consistency_proofs_are_refused(mutation: str) -> None:
    proof = mutations(merkle.prove_consistency(6, 13, reader(LEAVES)))[mutation]
    with pytest.raises(ProofError, match="consistency proof: "):
        merkle.verify_consistency(6, ROOTS[6], 13, ROOTS[13], proof)


PROOF = merkle.prove_inclusion(5, 13, reader(LEAVES))


@pytest.mark.parametrize(
    ("leaf", "index", "size", "root", "problem"),
    [
        (LEAVES[5], -1, 13, ROOTS[13], "index -1 is outside a tree of size 13"),
        (LEAVES[5], 13, 13, ROOTS[13], "index 13 is outside a tree of size 13"),
        (LEAVES[5], 0, 0, EMPTY_ROOT, "index 0 is outside a tree of size 0"),
        (LeafHash(b"x"), 5, 13, ROOTS[13], "a hash has 1 bytes"),
        (LEAVES[5], 5, 13, RootHash(b"x"), "a hash has 1 bytes"),
        (LEAVES[5], 5, 200, ROOTS[13], "4 hashes are too few for index 5 of 200"),
        (LEAVES[5], 5, 8, ROOTS[8], "4 hashes are too many for index 5 of 8"),
        (LEAVES[4], 5, 13, ROOTS[13], "leads to root"),
        (LEAVES[5], 4, 13, ROOTS[13], "leads to root"),
        (LEAVES[5], 5, 13, ROOTS[12], "leads to root"),
    ],
)
def test_inclusion_refusals(leaf: LeafHash, index: int, size: int, root: RootHash, problem: str) -> None:
    """One row for every step of `verify_inclusion`."""
    with pytest.raises(ProofError, match=problem):
        merkle.verify_inclusion(leaf, index, size, PROOF, root)


GROWTH = merkle.prove_consistency(6, 13, reader(LEAVES))


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "proof", "problem"),
    [
        (0, EMPTY_ROOT, 13, ROOTS[13], (), "no proof leads from size 0 to 13"),
        (0, EMPTY_ROOT, 0, EMPTY_ROOT, (), "no proof leads from size 0 to 0"),
        (14, ROOTS[14], 13, ROOTS[13], (), "no proof leads from size 14 to 13"),
        (-1, ROOTS[1], 13, ROOTS[13], (), "no proof leads from size -1"),
        (6, RootHash(b""), 13, ROOTS[13], GROWTH, "a hash has 0 bytes"),
        (13, ROOTS[13], 13, ROOTS[13], GROWTH, "must be empty between equal sizes"),
        (13, ROOTS[12], 13, ROOTS[13], (), "two roots at size 13"),
        (6, ROOTS[6], 13, ROOTS[13], (), "empty between different sizes"),
        (8, ROOTS[8], 13, ROOTS[13], (), "empty between different sizes"),
        (6, ROOTS[6], 8, ROOTS[8], GROWTH, "too many from 6 to 8"),
        (6, ROOTS[6], 100, ROOTS[100], GROWTH, "too few from 6 to 100"),
        (6, ROOTS[5], 13, ROOTS[13], GROWTH, "leads to old root"),
        (6, ROOTS[6], 13, ROOTS[12], GROWTH, "leads to new root"),
    ],
)
def test_consistency_refusals(
    old: int, old_root: RootHash, new: int, new_root: RootHash, proof: tuple[bytes, ...], problem: str
) -> None:
    """One row for every step of `verify_consistency`."""
    with pytest.raises(ProofError, match=problem):
        merkle.verify_consistency(old, old_root, new, new_root, proof)


@given(st.integers(1, 130), st.data())
def test_a_proof_holds_for_one_leaf_index_and_size(size: int, data: st.DataObject) -> None:
    """A proof is refused for any other index, and for another size that ends in another root."""
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, len(LEAVES) - 1))
    proof = merkle.prove_inclusion(index, size, reader(LEAVES))
    if other != index:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])
        with pytest.raises(ProofError):
            merkle.verify_inclusion(LEAVES[other], index, size, proof, ROOTS[size])


def test_consistency_composes() -> None:
    """From each size to the next and across both, which is what a witness relies on."""
    read = reader(LEAVES)
    sizes = [1, 2, 3, 7, 8, 20, 64, 139]
    for old, new in pairwise(sizes):
        merkle.verify_consistency(old, ROOTS[old], new, ROOTS[new], merkle.prove_consistency(old, new, read))
        merkle.verify_consistency(1, ROOTS[1], new, ROOTS[new], merkle.prove_consistency(1, new, read))


@pytest.mark.parametrize(
    "make",
    [
        lambda: merkle.prove_item(ITEMS[:3], 3),
        lambda: merkle.prove_item([], 0),
        lambda: merkle.prove_inclusion(3, 3, reader(LEAVES)),
        lambda: merkle.prove_consistency(0, 3, reader(LEAVES)),
        lambda: merkle.prove_consistency(4, 3, reader(LEAVES)),
    ],
)
def test_proving_what_is_not_there_is_the_callers_mistake(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"outside|no consistency proof"):
        make()
