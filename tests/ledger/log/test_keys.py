"""Keys, their ids, and signatures as libsodium accepts them."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url
from ledger.errors import MalformedError, SignatureError
from ledger.log.keys import (
    Algorithm,
    PublicKey,
    SigningKey,
    check_name,
    check_origin,
    parse_public_key,
    verify_signature,
)

KEY = SigningKey(bytes(range(32)))
# the generator of P-256, SEC 2 §2.4.2
GENERATOR = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
# order of the Ed25519 group, little-endian in signatures
ORDER = 2**252 + 27742317777372353535851937790883648493


def test_rfc_8032_test_1() -> None:
    """The first test of RFC 8032 §7.1: seed, public key and the signature of nothing."""
    key = SigningKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert key.public.raw.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_id_is_the_hash_of_the_canonical_form() -> None:
    text = '{"alg":"ed25519","key":"' + base64url.encode(KEY.public.raw) + '"}'
    assert KEY.public.id == sha256(b"cairn/key/v1\n" + text.encode()).digest()
    assert KEY.public.id is KEY.public.id


@pytest.mark.parametrize("key", [KEY.public, PublicKey(Algorithm.P256, GENERATOR)])
def test_public_keys_come_back(key: PublicKey) -> None:
    again = parse_public_key(key.to_json(), "key")
    assert (again, again.id, hash(again)) == (key, key.id, hash(key))


@given(st.binary(max_size=300))
def test_signatures_verify(message: bytes) -> None:
    verify_signature(KEY.public, message, KEY.sign(message))


def test_the_seed_is_not_shown() -> None:
    assert "seed" not in repr(KEY)
    assert "secret" not in repr(KEY)


def test_a_seed_of_another_length_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        SigningKey(bytes(31))


@given(st.integers(0, 64 * 8 - 1))
def test_any_flipped_bit_of_a_signature_is_refused(bit: int) -> None:
    signature = bytearray(KEY.sign(b"message"))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        verify_signature(KEY.public, b"message", bytes(signature))


def with_scalar_plus_order(signature: bytes) -> bytes:
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")


@pytest.mark.parametrize(
    ("key", "message", "signature", "problem"),
    [
        (KEY.public, b"other", KEY.sign(b"message"), "not by key"),
        (SigningKey(bytes(32)).public, b"message", KEY.sign(b"message"), "not by key"),
        (KEY.public, b"message", b"", "0 bytes instead of 64"),
        (KEY.public, b"message", KEY.sign(b"message")[:63], "63 bytes instead of 64"),
        (KEY.public, b"message", KEY.sign(b"message") + b"\0", "65 bytes instead of 64"),
        (KEY.public, KEY.sign(b"message")[63:] + b"message", KEY.sign(b"message")[:63], "63 bytes instead of 64"),
        (KEY.public, b"message", with_scalar_plus_order(KEY.sign(b"message")), "not by key"),
        # the neutral point as key: every message would verify under it
        (PublicKey(Algorithm.ED25519, b"\1" + bytes(31)), b"message", b"\1" + bytes(63), "not by key"),
    ],
)
def test_signatures_refused(key: PublicKey, message: bytes, signature: bytes, problem: str) -> None:
    """Another message, key, length, a second spelling of the scalar, and a key of small order."""
    with pytest.raises(SignatureError, match=problem):
        verify_signature(key, message, signature)


def test_p256_is_not_for_entries() -> None:
    with pytest.raises(ValueError, match="not p256"):
        verify_signature(PublicKey(Algorithm.P256, GENERATOR), b"message", bytes(64))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("x", "member key: not an object"),
        ({"alg": "ed25519"}, "member key: key is missing"),
        ({"alg": "rsa", "key": "AA"}, "member key: algorithm 'rsa' is not known"),
        ({"alg": "ed25519", "key": base64url.encode(bytes(31))}, "member key: key: ed25519 needs 32 bytes, got 31"),
        ({"alg": "ed25519", "key": base64url.encode(bytes(32)), "x": 1}, "member key: unknown member 'x'"),
        ({"alg": "p256", "key": base64url.encode(bytes(32))}, "p256 needs 33 bytes"),
        ({"alg": "p256", "key": base64url.encode(b"\4" + GENERATOR[1:])}, "not a compressed point"),
        ({"alg": "p256", "key": base64url.encode(b"\2" + b"\xff" * 32)}, "not a compressed point"),
        ({"alg": "p256", "key": base64url.encode(b"\2" + (1).to_bytes(32))}, "not a compressed point"),
    ],
)
def test_public_keys_refused(value: object, problem: str) -> None:
    """Shape, algorithm, length, and points that are not on P-256."""
    with pytest.raises(MalformedError, match=problem):
        parse_public_key(value, "member key")


@pytest.mark.parametrize("text", ["Ada", "École  Sainte-Marie", "学校", "x" * 200, "a + b"])
def test_names_accepted(text: str) -> None:
    assert check_name(text, "name") == text


def test_names_are_written_in_nfc() -> None:
    assert check_name("E\u0301cole", "name") == "École"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "name: a name must not be empty"),
        ("x" * 201, "201 characters are more than 200"),
        (" Ada", "white space"),
        ("Ada\u00a0", "white space"),
        ("A\nda", "control"),
        ("A\x7fda", "control"),
        ("A\u202eda", "hidden"),
        ("A\u200bda", "hidden"),
        ("A\ud800", "hidden"),
    ],
)
def test_names_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        check_name(text, "name")


@pytest.mark.parametrize("text", ["example.com/log", "log.ecole-é.example", "x" * 255])
def test_origins_accepted(text: str) -> None:
    assert check_origin(text) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty or hold white space"),
        ("a b", "white space"),
        ("a\u3000b", "white space"),
        ("a\nb", "control"),
        ("a+b", "plus sign"),
        ("x" * 256, "256 bytes are more than 255"),
        ("é" * 128, "256 bytes are more than 255"),
        ("a\ud800", "control"),
    ],
)
def test_origins_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        check_origin(text)
