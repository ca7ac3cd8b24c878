"""Tests of ledger.credential.commitment."""

import hashlib
from typing import Any

import pytest

from ledger.credential.commitment import COMMITMENT_BYTES, commit, commit_document
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.errors import MalformedError
from tests.ledger.credential.tokens import bound, disclosure, present, token

HIDDEN = disclosure("salt", "name", "Ada")
TOKEN = token(bound(_sd=[]))


def test_the_commitment_is_the_documented_hash() -> None:
    """SHA-256 over the context string and the exact signed text."""
    jwt = parse_sd_jwt(TOKEN).issuer_jwt
    assert commit(jwt) == hashlib.sha256(b"cairn/commitment/v1\n" + jwt.encode()).digest()
    assert len(commit(jwt)) == COMMITMENT_BYTES


def test_every_presentation_has_the_same_commitment() -> None:
    """Disclosures and key binding are not part of it."""
    shown = [TOKEN, f"{TOKEN}{HIDDEN}~", present(TOKEN), present(f"{TOKEN}{HIDDEN}~")]
    assert len({commit(parse_sd_jwt(text).issuer_jwt) for text in shown}) == 1


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "a.b.c~", f"{TOKEN}", "a.b.é"])
def test_anything_but_the_signed_text_is_refused(text: str) -> None:
    """Above all a whole SD-JWT, whose commitment would differ between presentations."""
    with pytest.raises(MalformedError, match="without disclosures"):
        commit(text)


SCHOOL = "did:web:ledger.example:m:AAAAAAAAAAAAAAAAAAAAAA"
DOCUMENT: Any = {
    "b": 1.0,
    "a": "é",
    "issuer": {"id": SCHOOL},
    "proof": [{"z": 1, "verificationMethod": f"{SCHOOL}#k"}, {"verificationMethod": f"{SCHOOL}#k", "id": "urn:2"}],
}


def with_proofs(*proofs: Any) -> Any:
    return DOCUMENT | {"proof": list(proofs)}


def test_a_document_is_committed_in_canonical_form() -> None:
    """However its members are ordered; without a proof by its issuer there is nothing to commit to."""
    method = f'"verificationMethod":"{SCHOOL}#k"'
    proofs = f'[{{{method},"z":1}},{{"id":"urn:2",{method}}}]'
    text = f'{{"a":"é","b":1,"issuer":{{"id":"{SCHOOL}"}},"proof":{proofs}}}'
    expected = hashlib.sha256(b"cairn/commitment/v1\n" + text.encode()).digest()
    assert commit_document(DOCUMENT) == expected
    assert commit_document(dict(reversed(DOCUMENT.items()))) == expected
    assert commit_document(DOCUMENT | {"issuer": SCHOOL}) != expected
    for none in ({"a": 1}, with_proofs(), with_proofs({"verificationMethod": "did:web:other#k"}), {"proof": None}):
        with pytest.raises(MalformedError, match="with the issuer's proofs"):
            commit_document(none)


def test_proofs_of_others_are_left_out_and_nothing_else() -> None:
    """A countersignature changes no commitment; whatever an issuer's proof says, and their order, do."""
    one, two = DOCUMENT["proof"]
    other = {"verificationMethod": "did:web:ledger.example#k", "previousProof": "urn:2"}
    expected = commit_document(DOCUMENT)
    for same in (with_proofs(one, two, other), with_proofs(other, one, two), with_proofs(one, other, two, {"type": 1})):
        assert commit_document(same) == expected
    changed = [
        with_proofs(two, one),
        with_proofs(one),
        with_proofs(one, two, two),
        with_proofs(one, two | {"previousProof": "urn:1"}),
        with_proofs(one, two, {"verificationMethod": f"{SCHOOL}#other", "previousProof": "urn:2"}),
        DOCUMENT | {"c": 1},
    ]
    assert expected not in {commit_document(document) for document in changed}
    # a name that begins like the issuer's is another's
    assert commit_document(with_proofs(one, two, {"verificationMethod": f"{SCHOOL}x#k"})) == expected
    assert commit_document(with_proofs(one, two, {"verificationMethod": f"{SCHOOL}/x#k"})) == expected
