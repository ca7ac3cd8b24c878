"""Tests of ledger.credential.jsonld.rdfc: every W3C vector, invariance, and bounds on work."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.jsonld import rdfc
from ledger.credential.jsonld.nquads import Quad, parse_nquads
from ledger.credential.jsonld.rdfc import HashAlgorithm, canonicalize, label_blank_nodes
from ledger.errors import MalformedError
from tests.conformance import record
from tests.shared import shared_path

SUITE = "RDF Dataset Canonicalization 1.0"
NODES = st.sampled_from([f"_:n{n}" for n in range(5)] + ["<urn:a>", "<urn:b>"])
QUADS = st.lists(
    st.builds(Quad, NODES, st.sampled_from(["<urn:p>", "<urn:q>"]), NODES | st.just('"x"'), NODES | st.just("")),
    max_size=12,
)


def clique(size: int) -> list[Quad]:
    """Every node points to every other: none can be told from any."""
    return [Quad(f"_:n{i}", "<urn:p>", f"_:n{j}", "") for i in range(size) for j in range(size) if i != j]


def vectors(kind: str) -> list[Any]:
    """Entries of the W3C manifest of a kind whose files are there."""
    folder = shared_path("vectors/formats/rdf-canon")
    entries = json.loads((folder / "manifest.jsonld").read_bytes())["entries"]
    return [entry for entry in entries if entry["type"] == f"rdfc:{kind}" and (folder / entry["action"]).exists()]


def absent(kind: str) -> dict[str, int]:
    """How many entries of a kind the manifest names whose files are not there, as a reason for the page."""
    folder = shared_path("vectors/formats/rdf-canon")
    entries = json.loads((folder / "manifest.jsonld").read_bytes())["entries"]
    count = sum(entry["type"] == f"rdfc:{kind}" for entry in entries) - len(vectors(kind))
    return {"in the manifest, its files not among the vectors": count} if count else {}


def read(name: str) -> str:
    return (shared_path("vectors/formats/rdf-canon") / name).read_bytes().decode()


def algorithm_of(entry: dict[str, str]) -> HashAlgorithm:
    return HashAlgorithm(entry.get("hashAlgorithm", "SHA256").lower())


def test_canonical_forms_of_the_w3c() -> None:
    """Each dataset comes to exactly the expected text, the poisoned ones that can be done too."""
    entries = vectors("RDFC10EvalTest")
    for entry in entries:
        text = canonicalize(parse_nquads(read(entry["action"])), algorithm_of(entry))
        assert text == read(entry["result"]), entry["id"]
    record(SUITE, "canonical forms", 2 * len(entries), accepted=len(entries), unchecked=absent("RDFC10EvalTest"))


def test_labels_of_the_w3c() -> None:
    """Each blank node gets exactly the expected label."""
    entries = vectors("RDFC10MapTest")
    for entry in entries:
        labels = label_blank_nodes(parse_nquads(read(entry["action"])), algorithm_of(entry))
        assert {old[2:]: new[2:] for old, new in labels.items()} == json.loads(read(entry["result"])), entry["id"]
    count, missing = len(entries), absent("RDFC10MapTest")
    record(SUITE, "labels of blank nodes", 2 * count, accepted=count, unchecked=missing)


@pytest.mark.parametrize(("algorithm", "order"), [(HashAlgorithm.SHA256, "354210"), (HashAlgorithm.SHA384, "154203")])
def test_both_hashes(algorithm: HashAlgorithm, order: str) -> None:
    """A ring of three with a tail, and two nodes apart, labelled as another implementation labels them."""
    ring = "_:a <urn:p> _:b .\n_:b <urn:p> _:c .\n_:c <urn:p> _:a .\n_:d <urn:p> _:a .\n"
    labels = label_blank_nodes(parse_nquads(ring + '_:e <urn:q> "x" .\n_:f <urn:q> "y" .\n'), algorithm)
    assert [labels[f"_:{name}"] for name in "abcdef"] == [f"_:c14n{n}" for n in order]


def test_negative_cases_of_the_w3c_end() -> None:
    """Trap 2: they are refused, and not after minutes."""
    entries = vectors("RDFC10NegativeEvalTest")
    for entry in entries:
        with pytest.raises(MalformedError, match="bound on work"):
            canonicalize(parse_nquads(read(entry["action"])))
    missing = absent("RDFC10NegativeEvalTest")
    record(SUITE, "poison graphs", len(entries), refused=len(entries), unchecked=missing)


@pytest.mark.parametrize("size", [10, 50])
def test_poison_graphs_end_with_an_error_that_names_the_bound(size: int) -> None:
    """Trap 2: the ten-node clique of the W3C, for which others need minutes, and a larger one."""
    with pytest.raises(MalformedError, match=rf"more than {rdfc.MAX_STEPS} steps, the bound on work") as refused:
        canonicalize(clique(size))
    assert "name its parts with ids" in refused.value.hint


def test_other_bounds() -> None:
    """Too many blank nodes, or too many quads, are refused before any work."""
    many = [Quad(f"_:n{n}", "<urn:p>", '"x"', "") for n in range(rdfc.MAX_BLANK_NODES + 1)]
    with pytest.raises(MalformedError, match=f"at most {rdfc.MAX_BLANK_NODES} are labelled"):
        canonicalize(many)
    with pytest.raises(MalformedError, match="at most 100000 are canonicalized"):
        label_blank_nodes([Quad(f"<urn:{n}>", "<urn:p>", '"x"', "") for n in range(100_001)])


def test_a_chain_of_nodes_alike_is_bounded() -> None:
    """A ring of blank nodes recurses once per node; beyond the bound that is an error of its own, not of Python."""
    ring = [Quad(f"_:n{n}", "<urn:p>", f"_:n{(n + 1) % 300}", "") for n in range(300)]
    with pytest.raises(MalformedError, match="that look alike follow each other"):
        canonicalize(ring)


@given(QUADS, st.integers(0, 2**32))
def test_labels_and_order_do_not_matter(quads: list[Quad], seed: int) -> None:
    """The same dataset with other labels, in another order, some quads twice: the same text."""
    source = random.Random(seed)
    names = [f"_:n{n}" for n in range(5)]
    renamed = dict(zip(names, source.sample([f"_:x{n}" for n in range(9)], 5), strict=True))
    other = [Quad(*(renamed.get(term, term) for term in quad)) for quad in quads] + [
        Quad(*(renamed.get(term, term) for term in quad)) for quad in quads[:2]
    ]
    source.shuffle(other)
    assert canonicalize(other) == canonicalize(quads)
    assert canonicalize(parse_nquads(canonicalize(quads))) == canonicalize(quads)
