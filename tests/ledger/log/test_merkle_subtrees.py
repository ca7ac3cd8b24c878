"""Published proofs about parts of trees, as far as this ledger makes or checks them.

The tree of a part [start, end) is a tree of its own, so inclusion in it is inclusion in a tree of end - start leaves; and the
consistency proof of [0, end) is the one from size `end`. Parts that begin elsewhere are nothing this ledger proves; their
published proofs are made here by the definition, which pins the ones it does make between them.
"""

import json
from base64 import b64decode
from functools import cache
from hashlib import sha256

import pytest

from ledger.errors import ProofError
from ledger.log import merkle
from ledger.log.merkle import LeafHash, RootHash
from ledger.log.tiles import TileReader
from tests.conformance import record
from tests.shared import shared_path

SUITE = "Transparency logs (RFC 6962, C2SP)"
FILES = "vectors/tlog/rfc6962/subtree{}.json"
LEAVES = [bytes([number]) for number in range(130)]
HASHES = [merkle.hash_leaf(leaf) for leaf in LEAVES]


def is_part(start: int, end: int) -> bool:
    """Whether [start, end) is one that is spoken of: its start is a multiple of a power of two no smaller than it."""
    return start % (1 << max(0, end - start - 1).bit_length()) == 0


def hashes(values: list[str] | None) -> tuple[bytes, ...]:
    return tuple(b64decode(value) for value in values or [])


def vectors(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(shared_path(f"vectors/tlog/rfc6962/{name}.json").read_text())
    return found


def test_published_inclusion_in_parts() -> None:
    """Every vector is accepted or refused as its makers say."""
    seen = 0
    for vector in vectors("subtreeinclusion"):
        index, start, end = (int(str(vector[name])) for name in ("leafIdx", "start", "end"))
        leaf, root = b64decode(str(vector["leafHash"])), b64decode(str(vector["root"]))
        try:
            if not is_part(start, end):
                raise ProofError("not a part")
            path = hashes(vector["proof"])  # type: ignore[arg-type]  # a list of texts
            merkle.verify_inclusion(LeafHash(leaf), index - start, end - start, path, RootHash(root))
            accepted = True
        except ProofError:
            accepted = False
        assert accepted is not vector["wantErr"], vector["file"]
        seen += 1
    assert seen == 136
    good = sum(not vector["wantErr"] for vector in vectors("subtreeinclusion"))
    record(SUITE, "inclusion proofs in subtrees", [FILES.format("inclusion")], accepted=good, refused=seen - good)


def test_published_consistency_of_beginnings() -> None:
    """Those that begin at 0 are accepted or refused as their makers say; all others among them are to be refused."""
    seen = 0
    for vector in vectors("subtreeconsistency"):
        start, end, size = (int(str(vector[name])) for name in ("start", "end", "size"))
        if start:
            assert vector["wantErr"], vector["file"]
            continue
        old, new = RootHash(b64decode(str(vector["root1"]))), RootHash(b64decode(str(vector["root2"])))
        proof = hashes(vector["proof"])  # type: ignore[arg-type]  # a list of texts
        if vector["wantErr"]:
            with pytest.raises(ProofError):
                merkle.verify_consistency(end, old, size, new, proof)
        else:
            merkle.verify_consistency(end, old, size, new, proof)
        seen += 1
    assert seen > 50
    found = vectors("subtreeconsistency")
    good = sum(not vector["wantErr"] for vector in found)
    doubts = {"of subtrees that begin elsewhere, which no log here proves": len(found) - seen}
    part = "consistency proofs of subtrees that begin at 0"
    record(SUITE, part, [FILES.format("consistency")], accepted=good, refused=seen - good, unchecked=doubts)


def test_roots_and_paths_of_all_parts() -> None:
    """Up to 130 leaves: one hash over all of them."""
    wanted = json.loads(shared_path("vectors/tlog/rfc6962/subtree_accumulated.json").read_text())
    roots, paths = sha256(), sha256()
    for end in range(len(LEAVES) + 1):
        for start in filter(lambda start: is_part(start, end), range(end + 1)):
            part = LEAVES[start:end]
            roots.update(f"[{start}, {end}) {merkle.root_of_items(part).hex()}\n".encode())
            for index, path in enumerate(merkle.prove_all_items(part) if part else (), start):
                paths.update(f"{index} [{start}, {end}){''.join(f' {step.hex()}' for step in path)}\n".encode())
    assert roots.hexdigest() == wanted["subtree_hash"]["sha256_of_all_lines"]
    assert paths.hexdigest() == wanted["subtree_inclusion"]["sha256_of_all_lines"]


def test_consistency_proofs_of_all_sizes() -> None:
    """Up to 130 leaves: ours where a part begins at 0, by the definition elsewhere; one hash over all of them."""
    wanted = json.loads(shared_path("vectors/tlog/rfc6962/subtree_accumulated.json").read_text())
    read = TileReader(lambda level, index: b"".join(HASHES) if level == 0 else b"")
    digest = sha256()
    for size in range(len(LEAVES) + 1):
        for end in range(size + 1):
            for start in filter(lambda start: is_part(start, end), range(end + 1)):
                if start == 0 < end:
                    proof = list(merkle.prove_consistency(end, size, read))
                else:
                    proof = defined(start, end, 0, size, True) if start < end else []
                digest.update(f"[{start}, {end}) {size}{''.join(f' {step.hex()}' for step in proof)}\n".encode())
    assert digest.hexdigest() == wanted["subtree_consistency"]["sha256_of_all_lines"]


@cache
def root(start: int, end: int) -> bytes:
    return merkle.root_of_hashes(HASHES[start:end])


def defined(start: int, end: int, first: int, size: int, is_known: bool) -> list[bytes]:
    """The proof that [start, end) is a part of the tree of `size` leaves from `first` on, by its recursive definition."""
    if (start, end) == (0, size):
        return [] if is_known else [root(first, first + size)]
    split = 1 << (size - 1).bit_length() - 1
    if end <= split:
        return [*defined(start, end, first, split, is_known), root(first + split, first + size)]
    left = root(first, first + split)
    if split <= start:
        return [*defined(start - split, end - split, first + split, size - split, is_known), left]
    return [*defined(0, end - split, first + split, size - split, False), left]
