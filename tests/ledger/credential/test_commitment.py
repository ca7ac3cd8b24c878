"""Tests of ledger.credential.commitment."""

import hashlib

import pytest

from ledger.credential.commitment import COMMITMENT_BYTES, commit
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
