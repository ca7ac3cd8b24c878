"""`did:key` names, against the method's own vectors."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.log.didkey import encode_did_key, parse_did_key
from ledger.log.keys import Algorithm, PublicKey, SigningKey
from tests.conformance import record
from tests.shared import shared_path

P256_POINT = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")


def test_vectors_of_the_method() -> None:
    """Every Ed25519 vector: the seed gives the name, and the name gives the key."""
    vectors = json.loads(shared_path("vectors/formats/did-key/ed25519-x25519.json").read_text())
    assert vectors
    for name, vector in vectors.items():
        key = SigningKey(bytes.fromhex(vector["seed"])).public
        assert encode_did_key(key) == name
        assert parse_did_key(name) == key
    record(
        "did:key",
        "Ed25519, seed to name and back",
        ["vectors/formats/did-key/ed25519-x25519.json"],
        accepted=len(vectors),
    )


@pytest.mark.parametrize("file", ["x25519.json", "secp256k1.json"])
def test_other_codecs_are_refused(file: str) -> None:
    """Names of keys that we do not use are told apart by their codec."""
    text = shared_path(f"vectors/formats/did-key/{file}").read_text()
    names = set(re.findall(r"did:key:z\w+", text))
    assert names
    for name in names:
        with pytest.raises(MalformedError, match="is not ed25519 or p256"):
            parse_did_key(name)
    record("did:key", f"keys of other kinds: {file}", [f"vectors/formats/did-key/{file}"], refused=len(names))


@given(st.binary(min_size=32, max_size=32))
def test_ed25519_keys_come_back(raw: bytes) -> None:
    key = PublicKey(Algorithm.ED25519, raw)
    assert parse_did_key(encode_did_key(key)) == key


def test_p256_keys_come_back() -> None:
    key = PublicKey(Algorithm.P256, P256_POINT)
    name = encode_did_key(key)
    assert name.startswith("did:key:zDn")
    assert parse_did_key(name) == key


NAME = encode_did_key(SigningKey(bytes(32)).public)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not did:key:z"),
        ("did:web:example.org", "is not did:key:z"),
        ("did:key:", "is not did:key:z"),
        ("did:key:z", "codec"),
        (NAME + "#" + NAME[8:], "is not did:key:z"),
        (NAME + "#", "'#' is not a base58 character"),
        (NAME[:-1] + "0", "'0' is not a base58 character"),
        (NAME[:-1], "did:key: codec|needs 32 bytes"),
        (NAME[:9] + "1" + NAME[9:], "codec 00ed is not"),
        (NAME + "1", "did:key: codec|needs 32 bytes"),
        ("did:key:u" + NAME[9:], "is not did:key:z"),
        ("DID:key:z" + NAME[9:], "is not did:key:z"),
        ("did:key:z" + "z" * 100_000, "is not did:key:z"),
    ],
)
def test_other_texts_are_refused(text: str, problem: str) -> None:
    """Another method, a fragment, stray characters, a leading zero byte, other lengths."""
    with pytest.raises(MalformedError, match=problem):
        parse_did_key(text)
