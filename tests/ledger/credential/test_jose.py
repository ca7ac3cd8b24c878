"""Tests of ledger.credential.jose."""

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url
from ledger.credential.jose import MAX_JWS_CHARS, parse_jwk, parse_jws, public_key_to_jwk, sign_jws, verify_jws
from ledger.errors import MalformedError, SignatureError
from ledger.log.keys import PublicKey
from tests.ledger.credential.tokens import HOLDER, ISSUER, P256Key

P256 = P256Key(7)
ED_JWK: dict[str, Any] = public_key_to_jwk(ISSUER.public)
EC_JWK: dict[str, Any] = public_key_to_jwk(P256.public)
TWICE = b'{"alg":"EdDSA","alg":"EdDSA"}'


def encoded(value: Any) -> str:
    return base64url.encode(json.dumps(value).encode())


@given(st.binary(max_size=100))
def test_what_is_signed_verifies_with_either_algorithm(payload: bytes) -> None:
    """Sign, parse, verify; header and payload come back as they went in."""
    for key, alg in ((ISSUER, "EdDSA"), (P256, "ES256")):
        jws = parse_jws(sign_jws({"alg": alg, "kid": "k"}, payload, key.sign))
        verify_jws(jws, key.public)
        assert (dict(jws.header), jws.payload) == ({"alg": alg, "kid": "k"}, payload)


@given(st.integers(0, 10_000), st.integers(1, 127))
def test_any_flipped_byte_is_refused(place: int, mask: int) -> None:
    """Header, payload, signature and the dots between them: no byte is outside the signature's protection."""
    text = sign_jws({"alg": "EdDSA"}, b"payload", ISSUER.sign).encode()
    index = place % len(text)
    changed = bytes((*text[:index], text[index] ^ mask, *text[index + 1 :])).decode("latin-1")
    with pytest.raises((MalformedError, SignatureError)):
        verify_jws(parse_jws(changed), ISSUER.public)


@given(st.text(max_size=60))
def test_hostile_text_raises_nothing_else(text: str) -> None:
    """Only MalformedError escapes the parser."""
    try:
        parse_jws(text)
    except MalformedError:
        return


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.b", "expected three parts joined by dots, found 2"),
        ("a.b.c.d", "found 4"),
        ("!.e30.AA", "base64url"),
        (f"{encoded({'alg': 'EdDSA'})}=.e30.AA", "base64url"),
        (f"{encoded(['alg'])}.e30.AA", "expected a JSON object, found an array"),
        (f"{encoded({'typ': 'x'})}.e30.AA", "expected a text 'alg', found nothing"),
        (f"{encoded({'alg': 5})}.e30.AA", "expected a text 'alg', found a number"),
        (f"{base64url.encode(TWICE)}.e30.AA", "stands twice"),
        (f"{encoded({'alg': 'EdDSA', 'jwk': {'kty': 'OKP', 'd': 'AA'}})}.e30.AA", "holds a private key"),
        ("." * (MAX_JWS_CHARS + 1), "at most 1048576"),
        ("é.e30.AA", "base64url"),
    ],
)
def test_malformed_tokens_are_refused(text: str, message: str) -> None:
    """Each for its own reason, with the caller's subject in front."""
    with pytest.raises(MalformedError, match=message) as caught:
        parse_jws(text, where="token")
    assert str(caught.value).startswith("token: ")


def hmac_confusion(header: dict[str, Any]) -> str:
    """A token that would verify if the header chose the algorithm, keyed with the public key."""
    signing_input = f"{encoded(header)}.{encoded({'a': 1})}"
    return f"{signing_input}.{base64url.encode(hmac.digest(ISSUER.public.raw, signing_input.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (sign_jws({"alg": "EdDSA", "crit": ["exp"]}, b"{}", ISSUER.sign), ISSUER.public, "critical extensions"),
        (sign_jws({"alg": "EdDSA", "crit": []}, b"{}", ISSUER.sign), ISSUER.public, "critical extensions"),
        (sign_jws({"alg": "none"}, b"{}", lambda _: b""), ISSUER.public, "algorithm 'none', the key's is 'EdDSA'"),
        (sign_jws({"alg": "eddsa"}, b"{}", ISSUER.sign), ISSUER.public, "algorithm 'eddsa'"),
        (hmac_confusion({"alg": "HS256"}), ISSUER.public, "algorithm 'HS256'"),
        (hmac_confusion({"alg": "EdDSA"}), ISSUER.public, "signature of 32 bytes, expected 64"),
        (sign_jws({"alg": "ES256"}, b"{}", ISSUER.sign), ISSUER.public, "algorithm 'ES256', the key's is 'EdDSA'"),
        (sign_jws({"alg": "EdDSA"}, b"{}", ISSUER.sign), P256.public, "algorithm 'EdDSA', the key's is 'ES256'"),
        (sign_jws({"alg": "Ed25519"}, b"{}", P256.sign), P256.public, "algorithm 'Ed25519', the key's is 'ES256'"),
        (sign_jws({"alg": "Ed25519"}, b"{}", HOLDER.sign), ISSUER.public, "EdDSA signature does not verify"),
        (sign_jws({"alg": "EdDSA"}, b"{}", lambda _: b""), ISSUER.public, "signature of 0 bytes"),
        (sign_jws({"alg": "EdDSA"}, b"{}", HOLDER.sign), ISSUER.public, "EdDSA signature does not verify"),
        (sign_jws({"alg": "ES256"}, b"{}", P256Key(8).sign), P256.public, "ES256 signature does not verify"),
        (sign_jws({"alg": "ES256"}, b"{}", lambda _: bytes(64)), P256.public, "ES256 signature does not verify"),
        (
            sign_jws({"alg": "EdDSA", "jwk": public_key_to_jwk(HOLDER.public)}, b"{}", HOLDER.sign),
            ISSUER.public,
            "EdDSA",
        ),
    ],
)
def test_each_step_of_verification_refuses(text: str, key: PublicKey, message: str) -> None:
    """Extensions, algorithm, length, signature; a key inside the header changes nothing."""
    with pytest.raises(SignatureError, match=message):
        verify_jws(parse_jws(text), key)


def test_keys_round_trip_through_jwk() -> None:
    """Both kinds, with members that only describe the key."""
    for key in (ISSUER.public, HOLDER.public, P256.public, P256Key(99).public):
        jwk = public_key_to_jwk(key)
        assert parse_jwk(jwk) == key
        assert parse_jwk({**jwk, "kid": "k", "use": "sig", "key_ops": ["verify"], "x5c": []}) == key


def test_the_published_p256_key_is_read() -> None:
    """RFC 9901's example key is on the curve and comes back from its compressed form."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc",
        "y": "ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ",
    }
    assert public_key_to_jwk(parse_jwk(jwk)) == jwk


@pytest.mark.parametrize(
    ("jwk", "message"),
    [
        ("text", "expected a JSON object, found a text"),
        (None, "found nothing"),
        ({**ED_JWK, "d": "AA"}, "private key"),
        ({**EC_JWK, "d": ""}, "private key"),
        ({}, "expected kty OKP with Ed25519 or EC with P-256"),
        ({**ED_JWK, "crv": "X25519"}, "found \\('OKP', 'X25519'\\)"),
        ({**EC_JWK, "crv": "P-384"}, "P-384"),
        ({**EC_JWK, "kty": "OKP"}, "expected kty"),
        ({"kty": "oct", "k": "AA"}, "oct"),
        ({"kty": ["OKP"], "crv": {}}, "expected kty"),
        ({"kty": "OKP", "crv": "Ed25519"}, "expected a text 'x', found nothing"),
        ({**ED_JWK, "x": 5}, "expected a text 'x', found a number"),
        ({**ED_JWK, "x": ED_JWK["x"][:-2]}, "'x': base64url"),
        ({**ED_JWK, "x": ED_JWK["x"] + "="}, "'x': base64url"),
        ({**EC_JWK, "y": base64url.encode(bytes(31))}, "'y': base64url"),
        ({**EC_JWK, "y": EC_JWK["x"]}, "not on curve"),
        ({**EC_JWK, "x": base64url.encode(bytes([255] * 32))}, "not on curve"),
        ({**ED_JWK, "use": "enc", "kid": "k"}, "expected use 'sig', found 'enc'"),
        ({**ED_JWK, "alg": "ES256", "kid": "k"}, "expected alg 'EdDSA', found 'ES256'"),
        ({**EC_JWK, "key_ops": ["sign"]}, "key_ops"),
        ({**EC_JWK, "key_ops": "verify"}, "key_ops"),
    ],
)
def test_other_keys_are_refused(jwk: Any, message: str) -> None:
    """Private, foreign, broken and misused keys, each for its own reason."""
    with pytest.raises(MalformedError, match=message):
        parse_jwk(jwk, where="cnf.jwk")
