"""Tests of ledger.credential.jsonld.library and context: pinned contexts, protection, circles."""

import json
from typing import Any

import pytest

from ledger.credential.jsonld.context import MAX_CONTEXTS, MAX_NESTING, MissingContextError
from ledger.credential.jsonld.dataset import read_dataset
from ledger.credential.jsonld.library import MAX_CONTEXT_BYTES, MAX_DERIVED, ContextLibrary, file_name, hash_context
from ledger.credential.jsonld.pins import PINS
from ledger.errors import CairnError, MalformedError, ProofError
from tests.ledger.credential.badges import VECTORS, library
from tests.shared import shared_path


def holding(**contexts: Any) -> ContextLibrary:
    """A library of contexts at `urn:c:NAME`, each pinned to what it is."""
    documents = {f"urn:c:{name}": json.dumps({"@context": value}).encode() for name, value in contexts.items()}
    return ContextLibrary(documents, {url: hash_context(data) for url, data in documents.items()})


def read(contexts: ContextLibrary, *names: str, **members: Any) -> list[str]:
    document = {"@context": [f"urn:c:{name}" for name in names], **members}
    return sorted(quad.to_line() for quad in read_dataset(document, contexts))


def test_every_shared_context_is_pinned_and_read() -> None:
    """Each of them has the pinned content, and none uses a feature this reader does not know."""
    index = json.loads((shared_path(f"{VECTORS}/contexts") / "index.json").read_bytes())
    assert library().urls == set(PINS) & set(index)
    # a document without members of its own is refused only after its context was read
    for url in library().urls:
        with pytest.raises(CairnError, match=r"odrl\.jsonld|says nothing"):
            read_dataset({"@context": url}, library())


def test_a_changed_context_is_refused_when_it_is_needed() -> None:
    """One byte of content, and the hash says so; white space is no content."""
    data = json.dumps({"@context": {"a": "urn:a"}}).encode()
    pins = {"urn:c": hash_context(data)}
    pretty = json.dumps(json.loads(data), indent=3).encode()
    assert read_dataset({"@context": "urn:c", "a": "x"}, ContextLibrary({"urn:c": pretty}, pins))
    changed = ContextLibrary({"urn:c": data.replace(b"urn:a", b"urn:b")}, pins)
    with pytest.raises(ProofError, match="its SHA-256 is"):
        read_dataset({"@context": "urn:c", "a": "x"}, changed)
    with pytest.raises(ProofError, match="nothing is pinned"):
        read_dataset({"@context": "urn:d", "a": "x"}, ContextLibrary({"urn:d": data}, pins))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"@context":1,"@context":2}', b" " * (MAX_CONTEXT_BYTES + 1)])
def test_what_is_no_context_is_refused(data: bytes) -> None:
    """Not JSON, not an object, without @context, ambiguous, too long."""
    with pytest.raises(MalformedError):
        hash_context(data)


def test_file_names_are_those_of_any_system() -> None:
    """No slash, no colon, and a different one for each pin."""
    names = {file_name(url) for url in PINS}
    assert len(names) == len(PINS)
    assert not any(set(name) & set('/\\:*?"<>|') for name in names)


@pytest.mark.parametrize(
    ("contexts", "message"),
    [
        ({"a": 4}, "a context is a number"),
        ({"a": {"@version": 1.0}}, "version '1.0'"),
        ({"a": {"@base": "urn:x:"}}, "defines '@base'"),
        ({"a": {"@import": "urn:c:a"}}, "defines '@import'"),
        ({"a": {"@vocab": 4}}, "@vocab is a number"),
        ({"a": {"@direction": "up"}}, "neither ltr nor rtl"),
        ({"a": {"@protected": "yes", "x": "urn:x"}}, "@protected is a text"),
        ({"a": {"x": 4}}, "the definition of 'x' is a number"),
        ({"a": {"": "urn:x"}}, "defines ''"),
        ({"a": {"x": "y", "y": "x"}}, "runs in a circle"),
        ({"a": {"x": "y:z", "y": "x:z"}}, "runs in a circle"),
        ({"a": {"x": {}}}, "gives it no IRI"),
        ({"a": {"x": "relative"}}, "is no absolute IRI"),
        ({"a": {"x": {"@id": "urn:x", "@type": "relative"}}}, "is no absolute IRI"),
        ({"a": {"x": {"@reverse": "urn:x"}}}, "'@reverse' in the definition of 'x' is not supported"),
        ({"a": {"x": {"@id": "urn:x", "@nest": "@nest"}}}, "'@nest' in the definition"),
        ({"a": {"x": {"@id": "urn:x", "@container": "@index"}}}, "container of 'x' is not supported"),
        ({"a": {"x": {"@id": "urn:x", "@container": ["@list", "@set"]}}}, "container of 'x' is not supported"),
        ({"a": "urn:c:a"}, f"more than {MAX_NESTING} deep"),
        ({"a": [{"x": "urn:x"}] * (MAX_CONTEXTS + 1)}, f"at most {MAX_CONTEXTS} are read"),
        ({"a": [{"x": {"@id": "urn:x", "@protected": True}}, None]}, "would remove protected terms"),
        ({"a": [{"@protected": True, "x": "urn:x"}, {"x": "urn:y"}]}, "changes the protected term 'x'"),
    ],
)
def test_contexts_that_are_refused(contexts: dict[str, Any], message: str) -> None:
    """Each says which term and why."""
    with pytest.raises(MalformedError, match=message):
        read(holding(**contexts), "a", **{"urn:p": "v"})


def test_a_context_that_names_another_needs_it() -> None:
    """The URL that is missing is the one in the error."""
    with pytest.raises(MissingContextError) as missing:
        read(holding(a="urn:c:b"), "a", x="v")
    assert missing.value.url == "urn:c:b"
    assert read(holding(a="urn:c:b", b={"x": "urn:x"}), "a", x="v") == ['_:b0 <urn:x> "v" .\n']


def test_a_protected_term_may_be_said_again_but_not_changed() -> None:
    """The same definition stands; one scoped to a property may change it, one scoped to a type may not."""
    protected = {"@protected": True, "x": "urn:x"}
    assert read(holding(a=protected, b={"x": "urn:x"}), "a", "b", x="v") == ['_:b0 <urn:x> "v" .\n']
    with pytest.raises(MalformedError, match="changes the protected term 'x'"):
        read(holding(a=protected, b={"x": "urn:y"}), "a", "b", x="v")
    by_property = protected | {"p": {"@id": "urn:p", "@context": {"x": "urn:y"}}}
    assert '_:b1 <urn:y> "v" .\n' in read(holding(a=by_property), "a", p={"x": "v"})
    by_type = protected | {"T": {"@id": "urn:T", "@context": {"x": "urn:y"}}}
    with pytest.raises(MalformedError, match="changes the protected term 'x'"):
        read(holding(a=by_type), "a", **{"@type": "T", "x": "v"})


def test_endless_combinations_of_contexts_do_not_pile_up() -> None:
    """What was derived is dropped when it grows beyond the bound, and reading goes on."""
    contexts = holding(**{f"n{n}": {f"x{n}": f"urn:x:{n}"} for n in range(60)})
    for first in range(60):
        for second in range(60):
            assert read(contexts, f"n{first}", f"n{second}", **{f"x{second}": "v"})
    count, waiting = 0, [contexts.root]
    while waiting:
        inner = list(waiting.pop().derived.values())
        count += len(inner)
        waiting += inner
    assert count <= MAX_DERIVED


def test_endless_combinations_of_contexts_in_one_document_are_refused() -> None:
    """Each node may name contexts of its own: their number is bounded over all of them."""
    contexts = holding(**{f"n{n}": {f"x{n}": f"urn:x:{n}"} for n in range(60)}, top={"node": "urn:node"})
    pairs = [(f"urn:c:n{first}", f"urn:c:n{second}") for first in range(60) for second in range(60)]
    nodes = [{"@context": list(pair), "@type": "urn:t"} for pair in pairs]
    with pytest.raises(MalformedError, match="more than 1000 combinations of contexts in one document"):
        read(contexts, "top", node=nodes)
    assert read(contexts, "top", node=nodes[:300])
