"""Tests of ledger.credential.commitment."""

import hashlib

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


def test_a_document_is_committed_in_canonical_form() -> None:
    """However its members are ordered; without a proof there is nothing to commit to."""
    one = {"b": 1.0, "a": "é", "proof": {"z": 1, "y": 2}}
    expected = hashlib.sha256(b'cairn/commitment/v1\n{"a":"\xc3\xa9","b":1,"proof":{"y":2,"z":1}}').digest()
    assert commit_document(one) == expected
    assert commit_document(dict(reversed(one.items()))) == expected
    with pytest.raises(MalformedError, match="with the issuer's proofs"):
        commit_document({"a": 1})
