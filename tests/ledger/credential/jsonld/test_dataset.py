"""Tests of ledger.credential.jsonld.dataset: nothing of a document is lost on the way to its dataset."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.jsonld.dataset import UnsafeDocumentError, read_dataset
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.jsonld.nquads import XSD, parse_nquads
from ledger.credential.jsonld.rdfc import canonicalize
from ledger.errors import CairnError, MalformedError
from tests.ledger.credential.badges import VECTORS, badge, library
from tests.shared import shared_path

TYPED = {
    "@version": 1.1,
    "ex": "urn:ex:",
    "id": "@id",
    "type": "@type",
    "Note": {"@id": "ex:Note", "@context": {"text": "ex:noteText", "mark": {"@id": "ex:mark", "@type": "ex:Mark"}}},
    "text": "ex:text",
    "named": {"@id": "ex:named", "@type": "@id"},
    "word": {"@id": "ex:word", "@type": "@vocab"},
    "date": {"@id": "ex:date", "@type": f"{XSD}date"},
    "double": {"@id": "ex:double", "@type": f"{XSD}double"},
    "raw": {"@id": "ex:raw", "@type": "@json"},
    "list": {"@id": "ex:list", "@container": "@list"},
    "graph": {"@id": "ex:graph", "@container": "@graph"},
    "label": {"@id": "ex:label", "@container": "@language"},
    "german": {"@id": "ex:german", "@language": "DE"},
    "inner": {"@id": "ex:inner", "@context": {"text": "ex:innerText"}},
    "gone": None,
}


def lines(body: dict[str, Any]) -> list[str]:
    """Canonical lines of a document under the context above."""
    document = {"@context": TYPED, "id": "urn:d"} | body
    return canonicalize(read_dataset(document, ContextLibrary(), allow_inline=True)).splitlines()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"text": "a"}, ['<urn:d> <urn:ex:text> "a" .']),
        ({"text": ["a", "b", None, "a"]}, ['<urn:d> <urn:ex:text> "a" .', '<urn:d> <urn:ex:text> "b" .']),
        ({"text": 3}, [f'<urn:d> <urn:ex:text> "3"^^<{XSD}integer> .']),
        ({"text": 3.0}, [f'<urn:d> <urn:ex:text> "3"^^<{XSD}integer> .']),
        ({"text": 3.25}, [f'<urn:d> <urn:ex:text> "3.25E0"^^<{XSD}double> .']),
        ({"text": 1e-7}, [f'<urn:d> <urn:ex:text> "1.0E-7"^^<{XSD}double> .']),
        ({"text": 1e21}, [f'<urn:d> <urn:ex:text> "1.0E21"^^<{XSD}double> .']),
        ({"double": 5}, [f'<urn:d> <urn:ex:double> "5.0E0"^^<{XSD}double> .']),
        ({"text": True}, [f'<urn:d> <urn:ex:text> "true"^^<{XSD}boolean> .']),
        ({"date": "2026-01-31"}, [f'<urn:d> <urn:ex:date> "2026-01-31"^^<{XSD}date> .']),
        ({"named": "ex:x"}, ["<urn:d> <urn:ex:named> <urn:ex:x> ."]),
        ({"named": {"id": "urn:x"}}, ["<urn:d> <urn:ex:named> <urn:x> ."]),
        ({"word": "text"}, ["<urn:d> <urn:ex:word> <urn:ex:text> ."]),
        ({"raw": {"b": [1.0, None], "a": {}}},
         ['<urn:d> <urn:ex:raw> "{\\"a\\":{},\\"b\\":[1,null]}"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> .']),
        ({"german": "Brot"}, ['<urn:d> <urn:ex:german> "Brot"@de .']),
        ({"label": {"EN": "bread", "@none": "x"}}, ['<urn:d> <urn:ex:label> "bread"@en .', '<urn:d> <urn:ex:label> "x" .']),
        ({"text": {"@value": "x", "@language": "en"}}, ['<urn:d> <urn:ex:text> "x"@en .']),
        ({"text": {"@value": "x", "@language": "AR", "@direction": "rtl"}},
         ['<urn:d> <urn:ex:text> "x"^^<https://www.w3.org/ns/i18n#ar_rtl> .']),
        ({"text": {"@value": "x", "@type": "ex:t"}}, ['<urn:d> <urn:ex:text> "x"^^<urn:ex:t> .']),
        ({"inner": {"text": "a"}}, ["<urn:d> <urn:ex:inner> _:c14n0 .", '_:c14n0 <urn:ex:innerText> "a" .']),
        # a type's own context ends below its node, a property's does not
        ({"type": "Note", "text": "a", "named": {"id": "urn:x", "text": "b"}},
         ["<urn:d> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:ex:Note> .", "<urn:d> <urn:ex:named> <urn:x> .",
          '<urn:d> <urn:ex:noteText> "a" .', '<urn:x> <urn:ex:text> "b" .']),
        ({"inner": {"named": {"id": "urn:x", "text": "b"}}},
         ["<urn:d> <urn:ex:inner> _:c14n0 .", '<urn:x> <urn:ex:innerText> "b" .', "_:c14n0 <urn:ex:named> <urn:x> ."]),
        ({"graph": {"id": "urn:g", "text": "a"}},
         ["<urn:d> <urn:ex:graph> _:c14n0 .", '<urn:g> <urn:ex:text> "a" _:c14n0 .']),
        ({"text": "a", "list": []},
         ["<urn:d> <urn:ex:list> <http://www.w3.org/1999/02/22-rdf-syntax-ns#nil> .", '<urn:d> <urn:ex:text> "a" .']),
        ({"text": "a", "named": "_:z", "inner": {"id": "_:z", "text": "b"}},
         ["<urn:d> <urn:ex:inner> _:c14n0 .", "<urn:d> <urn:ex:named> _:c14n0 .", '<urn:d> <urn:ex:text> "a" .',
          '_:c14n0 <urn:ex:innerText> "b" .']),
    ],
)  # fmt: skip
def test_what_a_document_says(body: dict[str, Any], expected: list[str]) -> None:
    """Each feature of JSON-LD that credentials use comes to the statements of the standard."""
    assert lines(body) == sorted(expected)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"gpa": "4.0"}, "the member 'gpa' of the document means nothing"),
        ({"gpa": None}, "the member 'gpa' of the document means nothing"),
        ({"gone": "x"}, "the member 'gone' of the document means nothing"),
        ({"inner": {"gpa": "4.0"}}, "the member 'gpa' of 'inner' means nothing"),
        ({"type": "Diploma"}, "the type 'Diploma' of the document means nothing"),
        ({"type": ["Note", 4]}, "is a number instead of a text"),
        ({"named": "relative"}, "'relative' in the document is no absolute IRI"),
        ({"id": "relative", "text": "a"}, "'relative' in the document is no absolute IRI"),
        ({"inner": {"id": None, "text": "a"}}, "has an id that is nothing"),
        ({"inner": {"id": ["urn:a", "urn:b"]}}, "has an id that is an array"),
        ({"named": 'urn:x> <urn:y> "z'}, "is no absolute IRI"),
        ({"text": {"@value": "x", "text": "y"}}, "has members that a value does not have"),
        ({"text": {"@value": "x", "@type": "t"}}, "the type 't' of the value"),
        ({"graph": "urn:g"}, "is a text, not an object"),
        ({"graph": {"id": "urn:g"}}, "says nothing but an id"),
        ({"graph": {"@value": "x"}}, "says nothing but an id or a value"),
        ({}, "the document says nothing"),
    ],
)
def test_what_would_be_lost_is_refused(body: dict[str, Any], message: str) -> None:
    """Trap 1: a dropped term verifies with whatever value somebody gives it."""
    with pytest.raises(UnsafeDocumentError, match=message):
        lines(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"@graph": []}, "keyword @graph"),
        ({"@included": {"text": "a"}}, "keyword @included"),
        ({"@reverse": {}}, "keyword @reverse"),
        ({"@index": "a"}, "keyword @index"),
        ({"@language": "en"}, "keyword @language"),
        ({"text": {"@list": ["a"]}}, "keyword @list"),
        ({"text": 2**53}, "beyond 2"),
        ({"text": ["a", ["b"]]}, "'text' holds an array in an array"),
        ({"urn:ex:text": "a"}, "'urn:ex:text' of the document is written out"),
        ({"ex:text": "a"}, "'ex:text' of the document is written out"),
        ({"@type": "Note", "text": "a"}, "'@type' of the document is written out"),
        ({"inner": {"@id": "urn:x", "text": "a"}}, "'@id' of 'inner' is written out"),
        ({"type": "urn:ex:Note", "text": "a"}, "'urn:ex:Note' of the document is written out"),
        ({"text": {"@value": 3, "@language": "en"}}, "has a language and is no text"),
        ({"text": {"@value": "x", "@language": "en", "@type": "ex:t"}}, "a type beside a language"),
        ({"text": {"@value": {"a": 1}}}, "expected a text, a number or a truth value, found an object"),
        ({"text": {"@value": "x", "@direction": "up"}}, "language or direction that is none"),
        ({"label": {"en": 3}}, "holds a number for a language"),
        ({"german": {"@value": "x", "@language": "not a tag"}}, "is no language tag"),
    ],
)
def test_what_is_not_supported_is_refused(body: dict[str, Any], message: str) -> None:
    """Never passed over."""
    with pytest.raises(MalformedError, match=message):
        lines(body)


def test_an_expiry_or_a_status_cannot_be_hidden_by_another_spelling() -> None:
    """The same dataset, the same signature: but whoever looks for `validUntil` would not see that it is over."""
    vocabulary = "https://www.w3.org/2018/credentials#"
    plain = badge() | {"validUntil": "2025-07-01T00:00:00Z"}
    assert read_dataset(plain, library())
    value = {"@value": plain["validUntil"], "@type": f"{XSD}dateTime"}
    hidden = badge() | {f"{vocabulary}validUntil": value}
    with pytest.raises(MalformedError, match="is written out although its context has a term for it"):
        read_dataset(hidden, library())


def endorsed() -> dict[str, Any]:
    """A badge that ends, can be revoked, and holds an endorsement of itself, which names it by its id."""
    document: dict[str, Any] = badge() | {"id": "https://granite.example/1", "validUntil": "2025-07-01T00:00:00Z"}
    document["credentialSubject"] |= {"id": "https://ann.example", "creditsEarned": 1}
    document["credentialStatus"] = {"id": "https://granite.example/lists/1#5", "type": "BitstringStatusListEntry"}
    document["endorsement"] = [
        {
            "@context": document["@context"],
            "id": "https://granite.example/2",
            "type": ["VerifiableCredential", "EndorsementCredential"],
            "issuer": {"id": "https://river.example", "type": ["Profile"]},
            "validFrom": "2025-06-30T00:00:00Z",
            "credentialSubject": {"id": document["id"], "type": ["EndorsementSubject"], "endorsementComment": "Good."},
        }
    ]
    return document


@pytest.mark.parametrize("name", ["validUntil", "validFrom", "credentialStatus", "issuer"])
def test_what_readers_look_for_cannot_be_moved_into_another_node_of_the_same_id(name: str) -> None:
    """The same dataset, the same signature, whichever node says it: but nobody reads an expiry in an endorsement."""
    before, document = read_dataset(endorsed(), library()), endorsed()
    inner = document["endorsement"][0]["credentialSubject"]
    inner["type"] = [*inner["type"], *document["type"]]
    inner[name] = document.pop(name)
    with pytest.raises(MalformedError, match=f"'{name}' of 'endorsement.credentialSubject' says something about"):
        read_dataset(document, library())
    assert before


CLR_CONTEXT = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"


def endorsed_record() -> dict[str, Any]:
    """A record, of another kind than a badge, with an endorsement of itself."""
    document = endorsed() | {"type": ["VerifiableCredential", "ClrCredential"]}
    document["@context"] = [document["@context"][0], CLR_CONTEXT, document["@context"][1]]
    return document


def test_the_kind_of_a_document_cannot_be_moved_into_another_node_of_the_same_id() -> None:
    """A record that no longer calls itself one would be read as a plain credential, and what is inside not be judged."""
    document = endorsed_record()
    before = set(canonicalize(read_dataset(document, library())).splitlines())
    inner = document["endorsement"][0]["credentialSubject"]
    inner["type"] = [*inner["type"], "ClrCredential"]
    assert set(canonicalize(read_dataset(document, library())).splitlines()) == before
    document["type"] = ["VerifiableCredential"]
    with pytest.raises(MalformedError, match=r"type 'ClrCredential' of 'endorsement\.credentialSubject' says"):
        read_dataset(document, library())


def test_the_kind_of_a_document_cannot_be_written_out() -> None:
    """Without its context no term stands for the type, and readers do not know its IRI."""
    document = badge()
    assert isinstance(document["type"], list)
    document["type"] = ["VerifiableCredential", "https://purl.imsglobal.org/spec/vc/clr/vocab.html#ClrCredential"]
    with pytest.raises(MalformedError, match="#ClrCredential' of the document says what the document is"):
        read_dataset(document, library())


def test_nothing_of_a_subject_can_be_moved_out_of_it() -> None:
    """A result or credits in a node that only has the learner's id would not be shown."""
    document = endorsed()
    document["endorsement"][0]["credentialSubject"]["id"] = document["credentialSubject"]["id"]
    assert read_dataset(document, library())
    inner = document["endorsement"][0]["credentialSubject"]
    inner["type"] = [*inner["type"], *document["credentialSubject"]["type"]]
    inner["creditsEarned"] = document["credentialSubject"].pop("creditsEarned")
    with pytest.raises(MalformedError, match=r"'creditsEarned' of 'endorsement\.credentialSubject' says"):
        read_dataset(document, library())


def test_one_id_in_several_places_is_no_harm() -> None:
    """Issuers are creators of their achievements, and people vouch for themselves."""
    document: dict[str, Any] = badge()
    issuer = document["issuer"]
    document["credentialSubject"]["achievement"]["creator"] = issuer | {"url": "https://granite.example"}
    document["credentialSubject"]["id"] = issuer["id"]
    assert read_dataset(document, library())


def test_contexts_without_end_are_refused() -> None:
    """Building a context takes longer than anything else, so one `@context` may not ask for many."""
    document = badge()
    contexts: Any = document["@context"]
    document["@context"] = contexts + contexts[:1] * 19
    with pytest.raises(MalformedError, match="21 contexts in one @context, at most 20"):
        read_dataset(document, library())


def test_a_type_said_again_brings_nothing_in_again() -> None:
    """The same type thousands of times builds its context once."""
    document = badge() | {"type": ["VerifiableCredential"] + ["OpenBadgeCredential"] * 10_000}
    before = library().built
    assert read_dataset(document, library())
    assert library().built - before < 50


def test_contexts_inside_a_document_are_refused_by_default() -> None:
    """Whoever writes a context into a document chooses what its members seem to mean."""
    document = badge()
    document["@context"] = [*document["@context"], {"gpa": "urn:gpa"}]  # type: ignore[misc]  # a list here
    with pytest.raises(MalformedError, match="a context written into the document"):
        read_dataset(document, library())
    assert read_dataset(document, library(), allow_inline=True)


def test_a_context_that_is_not_held_is_no_statement_about_the_document() -> None:
    """It is never fetched; the error says what to do."""
    with pytest.raises(
        MissingContextError, match=r"'https://www.w3.org/ns/credentials/v2' is not held here"
    ) as missing:
        read_dataset(badge(), ContextLibrary())
    assert "cairn contexts --from DIR" in missing.value.hint


def test_another_version_of_a_context_is_another_dataset() -> None:
    """Trap 4: the context of a signed badge must not be swapped, not even for the version next to it."""
    text = (shared_path(f"{VECTORS}/ob3/validator") / "complete.json").read_text()
    datasets = set()
    for version in ("3.0.3", "3.0.2"):
        document = json.loads(text.replace("context-3.0.3.json", f"context-{version}.json"))
        del document["proof"]
        datasets.add(canonicalize(read_dataset(document, library())))
    assert len(datasets) == 2


MEMBERS = st.sampled_from(
    [*TYPED, "@value", "@type", "@id", "@language", "@graph", "@list", "@set", "@nest", "x:y", "gpa"]
)
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["urn:x", "_:b", "Note"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(MEMBERS, DOCUMENTS, max_size=5))
def test_hostile_documents_are_read_or_refused(body: dict[str, Any]) -> None:
    """Nothing but our errors escapes, and what is read is a dataset that can be written and read again."""
    try:
        quads = read_dataset({"@context": TYPED} | body, ContextLibrary(), allow_inline=True)
    except CairnError:
        return
    text = canonicalize(quads)
    assert canonicalize(parse_nquads(text)) == text


@given(
    st.recursive(
        st.none() | st.text(max_size=4), lambda inner: st.lists(inner) | st.dictionaries(MEMBERS, inner), max_leaves=12
    )
)
def test_hostile_contexts_are_read_or_refused(context: Any) -> None:
    """Circles, keywords as terms and values of the wrong kind end in an error."""
    try:
        read_dataset({"@context": context, "urn:a:b": "x"}, ContextLibrary(), allow_inline=True)
    except CairnError:
        return
