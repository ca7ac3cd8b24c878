"""Tests of ledger.credential.dataintegrity.issuer_document."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.dataintegrity.issuer_document import (
    ASSERTION,
    AUTHENTICATION,
    IssuerDocuments,
    UnknownIssuerError,
    did_web_location,
    did_web_of,
    document_of_did_key,
    document_of_history,
    document_of_keys,
    method_url,
    parse_issuer_document,
)
from ledger.credential.jose import public_key_to_jwk
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.charter import Role, RoleKey
from ledger.log.didkey import encode_did_key, parse_did_key
from ledger.log.keyring import KeyRing
from ledger.log.keys import SigningKey
from tests.ledger.credential.badges import NETWORK, SCHOOL, SCHOOL_DID, VECTORS, url_of
from tests.shared import shared_path

DID = "did:web:granite.example"


def test_did_keys_of_the_vectors() -> None:
    """Every Ed25519 name comes from its seed; names of other kinds are refused with their codec."""
    vectors = json.loads((shared_path(f"{VECTORS}/did-key") / "ed25519-x25519.json").read_bytes())
    for did, vector in vectors.items():
        assert encode_did_key(SigningKey(bytes.fromhex(vector["seed"])).public) == did
        assert document_of_did_key(did).methods[f"{did}#{did.removeprefix('did:key:')}"].key == parse_did_key(did)
    for name in ("secp256k1", "x25519"):
        text = (shared_path(f"{VECTORS}/did-key") / f"{name}.json").read_text()
        dids = set(re.findall(r"did:key:z[0-9A-Za-z]+", text))
        assert dids
        for did in dids:
            with pytest.raises(MalformedError, match=r"codec .* is not ed25519 or p256"):
                document_of_did_key(did)


def test_a_did_key_speaks_for_every_purpose() -> None:
    """With its own fragment, or written alone; not with another fragment."""
    documents = IssuerDocuments()
    for url in (url_of(SCHOOL), SCHOOL_DID):
        for purpose in (ASSERTION, AUTHENTICATION):
            assert documents.find_method(url, purpose).key == SCHOOL.public
    with pytest.raises(SignatureError, match="not one of the 1 keys"):
        documents.find_method(f"{SCHOOL_DID}#x", ASSERTION)


def test_retired_keys_stay_and_withdrawn_ones_count_for_nothing() -> None:
    """Trap 18: what a retired key signed must still verify from the published document."""
    document = document_of_keys(DID, [SCHOOL.public], [NETWORK.public])
    documents = IssuerDocuments([parse_issuer_document(document, DID)])
    assert documents.find_method(method_url(DID, SCHOOL.public), ASSERTION).key == SCHOOL.public
    with pytest.raises(SignatureError, match="does not list it"):
        documents.find_method(method_url(DID, NETWORK.public), ASSERTION)
    with pytest.raises(SignatureError, match="does not list it under authentication"):
        documents.find_method(method_url(DID, SCHOOL.public), AUTHENTICATION)


def test_a_document_from_the_ledgers_key_history() -> None:
    """Credential keys alone, in the order they were added, retired ones among them, a stolen one listed for nothing."""
    ring = KeyRing()
    keys = {role: SigningKey(bytes([n]) * 32).public for n, role in enumerate(Role, start=10)}
    for index, (role, key) in enumerate(keys.items()):
        ring.add(RoleKey(key, role), index)
    stolen = SigningKey(bytes([99]) * 32).public
    ring.add(RoleKey(stolen, Role.ISSUE), 50)
    ring.records[stolen.id].stolen_since = 60
    ring.records[keys[Role.REGISTER].id].retired = 70
    document = document_of_history(DID, ring)
    good = [key for role, key in keys.items() if role in (Role.ISSUE, Role.REGISTER)]
    assert document[ASSERTION] == [method_url(DID, key) for key in good]
    assert [m["id"] for m in document["verificationMethod"]] == [method_url(DID, key) for key in (*good, stolen)]  # type: ignore[index, union-attr, call-overload]  # JSON


@pytest.mark.parametrize(
    "method",
    [
        {"type": "JsonWebKey", "publicKeyJwk": public_key_to_jwk(SCHOOL.public)},
        {"type": "Multikey", "publicKeyMultibase": SCHOOL_DID.removeprefix("did:key:")},
    ],
)
@pytest.mark.parametrize("is_embedded", [False, True])
def test_spellings_of_keys(method: dict[str, Any], is_embedded: bool) -> None:
    """JWK and Multikey, listed by URL or written where they are listed, with a relative URL too."""
    item = {"id": "#k1", "controller": DID} | method
    document = {"id": DID} | ({ASSERTION: item} if is_embedded else {"verificationMethod": [item], ASSERTION: ["#k1"]})
    documents = IssuerDocuments([parse_issuer_document(document, DID)])
    assert documents.find_method(f"{DID}#k1", ASSERTION).key == SCHOOL.public


def test_keys_of_others_do_not_count() -> None:
    """A document cannot take over another controller's key, and one of another kind is told apart."""
    item: dict[str, Any] = {"id": f"{DID}#k", "controller": "did:web:other.example", "publicKeyMultibase": "z1"}
    stolen = parse_issuer_document({"id": DID, ASSERTION: [item]}, DID)
    with pytest.raises(SignatureError, match="not one of the 0 keys"):
        IssuerDocuments([stolen]).find_method(f"{DID}#k", ASSERTION)
    strange = parse_issuer_document({"id": DID, ASSERTION: [item | {"controller": DID}]}, DID)
    with pytest.raises(UnknownIssuerError, match="of a kind not understood"):
        IssuerDocuments([strange]).find_method(f"{DID}#k", ASSERTION)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "its id is 'None'"),
        ({"id": "did:web:other.example"}, "its id is 'did:web:other.example', not"),
        ({"id": DID, ASSERTION: [4]}, "found a number"),
        ({"id": DID, ASSERTION: [{}]}, "found an object"),
        ({"id": DID, ASSERTION: [f"#k{n}" for n in range(1_001)]}, "1001 keys, at most 1000"),
        ({"id": DID, ASSERTION: [{"id": "#k", "controller": DID, "expires": "x"}]}, "key expires"),
    ],
)
def test_documents_that_are_refused(document: dict[str, Any], message: str) -> None:
    """Of another name, or not well formed."""
    with pytest.raises(MalformedError, match=message):
        parse_issuer_document(document, DID)


@pytest.mark.parametrize(
    ("url", "did", "location"),
    [
        ("https://Granite.example", "did:web:granite.example", "https://granite.example/.well-known/did.json"),
        (
            "https://confluence.example/m/AbC",
            "did:web:confluence.example:m:AbC",
            "https://confluence.example/m/AbC/did.json",
        ),
        ("https://localhost:8470/m/x", "did:web:localhost%3A8470:m:x", "https://localhost:8470/m/x/did.json"),
    ],
)
def test_did_web_names_and_locations(url: str, did: str, location: str) -> None:
    """An institution's URL gives its did:web, and that the place of its document."""
    assert did_web_of(url) == did
    assert did_web_location(did) == location


@pytest.mark.parametrize(
    "url", ["http://a.example", "https://", "https://u:p@a.example", "https://a.example/?q", "a.example"]
)
def test_urls_without_a_did_web(url: str) -> None:
    """Only plain https."""
    with pytest.raises(MalformedError, match="no plain https URL"):
        did_web_of(url)


@pytest.mark.parametrize(
    "did",
    [
        "did:web:",
        "did:key:z1",
        "did:web:a%2Fb",
        "did:web:u%40a",
        "did:web:a:..:b",
        "did:web:a::b",
        "did:web:a:b%2Fc",
        "did:web:a/b",
    ],
)
def test_did_webs_that_lead_elsewhere(did: str) -> None:
    """No path of another host, no way up."""
    with pytest.raises(MalformedError, match="did:web"):
        did_web_location(did)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from([DID, f"{DID}#k", "#k"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "controller", "verificationMethod", ASSERTION, "publicKeyMultibase", "publicKeyJwk", "expires"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["verificationMethod", ASSERTION, AUTHENTICATION]), JSON, max_size=3))
def test_hostile_documents_are_read_or_refused(document: dict[str, Any]) -> None:
    """Nothing but our errors escapes."""
    try:
        parse_issuer_document({"id": DID} | document, DID)
    except CairnError:
        return
