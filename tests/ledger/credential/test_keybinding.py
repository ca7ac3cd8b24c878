"""Tests of ledger.credential.keybinding."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.jose import parse_jws, public_key_to_jwk
from ledger.credential.keybinding import (
    DEFAULT_MAX_AGE_MS,
    MAX_AHEAD_MS,
    BindingPolicy,
    KeyBinding,
    parse_holder_key,
    verify_key_binding,
)
from ledger.errors import CairnError, MalformedError, RuleError, SignatureError
from ledger.log.keys import Algorithm
from tests.ledger.credential.tokens import (
    AUDIENCE,
    BASE,
    HOLDER,
    NONCE,
    NOW,
    SHA_256,
    STRANGER,
    P256Key,
    bind_claims,
    bound,
    disclosure,
    present,
    token,
)

POLICY = BindingPolicy(AUDIENCE, NONCE)
FIRST, SECOND = disclosure("s1", "a", 1), disclosure("s2", "b", 2)
PAYLOAD = bound(_sd=[SHA_256(FIRST), SHA_256(SECOND)])
JWT = token(PAYLOAD)
PRESENTED = f"{JWT}{FIRST}~{SECOND}~"
GOOD = {"aud": AUDIENCE, "nonce": NONCE, "iat": NOW // 1000, "sd_hash": SHA_256(PRESENTED)}


def verify(text: str, payload: dict[str, Any] = PAYLOAD, policy: BindingPolicy = POLICY, now: int = NOW) -> KeyBinding:
    presented, _, jwt = text.rpartition("~")
    return verify_key_binding(jwt, presented=f"{presented}~", payload=payload, digest=SHA_256, policy=policy, now=now)


def test_a_binding_says_what_the_holder_signed() -> None:
    """Audience, nonce, time, key, and whatever else was put into it."""
    found = verify(present(PRESENTED, claims={"envelope": "hash", "deep": {"a": [1]}}))
    assert found == KeyBinding(HOLDER.public, AUDIENCE, NONCE, NOW, {"envelope": "hash", "deep": {"a": [1]}})


def test_a_p256_holder_may_bind() -> None:
    """ES256, as wallets of others use it."""
    key = P256Key(5)
    payload = {**BASE, "cnf": {"jwk": public_key_to_jwk(key.public)}}
    text = present(token(payload), sign=key.sign, algorithm=Algorithm.P256)
    assert verify(text, payload).key == key.public


def test_the_binding_jwt_is_what_the_rfc_says() -> None:
    """Header type and the four claims, no more."""
    jws = parse_jws(present(PRESENTED).rpartition("~")[2])
    assert dict(jws.header) == {"alg": "EdDSA", "typ": "kb+jwt"}
    assert jws.payload == (
        b'{"aud":"https://univ.example","iat":1767225600,"nonce":"n-123","sd_hash":"%s"}' % GOOD["sd_hash"].encode()
    )


def changed(**claims: Any) -> str:
    return bind_claims(PRESENTED, {name: value for name, value in {**GOOD, **claims}.items() if value != "absent"})


SIGNED = present(PRESENTED)
BINDING = SIGNED.rpartition("~")[2]
REFUSALS: list[tuple[str, str, dict[str, Any], type[CairnError], str]] = [
    ("1 no cnf", SIGNED, BASE, RuleError, "names no holder key"),
    ("1 cnf no object", SIGNED, {**BASE, "cnf": "x"}, MalformedError, "object as cnf, found a text"),
    ("1 cnf by kid", SIGNED, {**BASE, "cnf": {"kid": "x"}}, RuleError, "cnf with a jwk, found \\['kid'\\]"),
    ("1 cnf empty", SIGNED, {**BASE, "cnf": {}}, RuleError, "cnf with a jwk, found \\[\\]"),
    ("1 cnf unreadable", SIGNED, {**BASE, "cnf": {"jwk": {}}}, MalformedError, "cnf.jwk: expected kty"),
    (
        "1 cnf private",
        SIGNED,
        {**BASE, "cnf": {"jwk": {**public_key_to_jwk(HOLDER.public), "d": "AA"}}},
        MalformedError,
        "cnf.jwk: holds a private key",
    ),
    ("2 not a jws", f"{PRESENTED}a.b", PAYLOAD, MalformedError, "key binding: expected three parts"),
    ("2 type missing", bind_claims(PRESENTED, GOOD, {"alg": "EdDSA"}), PAYLOAD, RuleError, "'kb\\+jwt', found None"),
    (
        "2 type of another",
        bind_claims(PRESENTED, GOOD, {"alg": "EdDSA", "typ": "dc+sd-jwt"}),
        PAYLOAD,
        RuleError,
        "found 'dc\\+sd-jwt'",
    ),
    ("3 foreign key", present(PRESENTED, sign=STRANGER.sign), PAYLOAD, SignatureError, "EdDSA signature does not"),
    (
        "3 foreign key in the header",
        bind_claims(PRESENTED, GOOD, {"alg": "ES256", "typ": "kb+jwt", "jwk": public_key_to_jwk(P256Key(3).public)}),
        PAYLOAD,
        SignatureError,
        "algorithm 'ES256', the key's is 'EdDSA'",
    ),
    ("3 none", bind_claims(PRESENTED, GOOD, {"alg": "none", "typ": "kb+jwt"}), PAYLOAD, SignatureError, "'none'"),
    (
        "3 critical",
        bind_claims(PRESENTED, GOOD, {"alg": "EdDSA", "typ": "kb+jwt", "crit": ["x"]}),
        PAYLOAD,
        SignatureError,
        "critical",
    ),
    ("4 no aud", changed(aud="absent"), PAYLOAD, MalformedError, "one text as 'aud', found nothing"),
    ("4 aud a list", changed(aud=[AUDIENCE]), PAYLOAD, MalformedError, "one text as 'aud', found an array"),
    ("4 no nonce", changed(nonce="absent"), PAYLOAD, MalformedError, "'nonce', found nothing"),
    ("4 nonce a number", changed(nonce=1), PAYLOAD, MalformedError, "'nonce', found a number"),
    ("4 no sd_hash", changed(sd_hash="absent"), PAYLOAD, MalformedError, "'sd_hash', found nothing"),
    ("4 no iat", changed(iat="absent"), PAYLOAD, MalformedError, "'iat', found nothing"),
    ("4 iat a text", changed(iat="1767225600"), PAYLOAD, MalformedError, "'iat', found a text"),
    ("4 iat true", changed(iat=True), PAYLOAD, MalformedError, "'iat', found a truth value"),
    (
        "5 aud of another",
        changed(aud="https://evil.example"),
        PAYLOAD,
        RuleError,
        "evil.example', expected 'https://univ",
    ),
    ("5 aud with slash", changed(aud=f"{AUDIENCE}/"), PAYLOAD, RuleError, "made for"),
    ("6 other nonce", changed(nonce="other"), PAYLOAD, RuleError, "made with nonce 'other', expected 'n-123'"),
    ("7 old", changed(iat=NOW // 1000 - 301), PAYLOAD, RuleError, "23:54:59 UTC, expected at most 300 seconds before"),
    ("7 early", changed(iat=NOW // 1000 + 61), PAYLOAD, RuleError, "in the future, at 2026-01-01 00:01:01 UTC"),
    ("7 expired", changed(exp=NOW // 1000), PAYLOAD, RuleError, "key binding: expired at"),
    ("7 not yet", changed(nbf=NOW // 1000 + 1), PAYLOAD, RuleError, "key binding: valid from"),
    ("8 no hash", changed(sd_hash=""), PAYLOAD, RuleError, "sd_hash is not the hash"),
    ("8 removed", f"{JWT}{FIRST}~{BINDING}", PAYLOAD, RuleError, "sd_hash is not the hash"),
    ("8 all removed", f"{JWT}{BINDING}", PAYLOAD, RuleError, "sd_hash is not the hash"),
    ("8 swapped", f"{JWT}{SECOND}~{FIRST}~{BINDING}", PAYLOAD, RuleError, "sd_hash is not the hash"),
    ("8 added", f"{PRESENTED}{disclosure('s3', 'c', 3)}~{BINDING}", PAYLOAD, RuleError, "sd_hash is not the hash"),
    ("8 other credential", f"{token(bound(x=1))}{FIRST}~{SECOND}~{BINDING}", PAYLOAD, RuleError, "sd_hash is not"),
]


@pytest.mark.parametrize(
    ("text", "payload", "error", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_each_step_refuses(text: str, payload: dict[str, Any], error: type[CairnError], message: str) -> None:
    """One row for each way a binding can be wrong; the number is the step in `verify_key_binding`."""
    with pytest.raises(error, match=message):
        verify(text, payload)


def test_a_key_in_the_header_counts_for_nothing() -> None:
    """A stranger who brings their own key along is still a stranger."""
    header = {"alg": "EdDSA", "typ": "kb+jwt", "jwk": public_key_to_jwk(STRANGER.public)}
    text = bind_claims(PRESENTED, GOOD, header)
    assert verify(text).key == HOLDER.public
    with pytest.raises(SignatureError):
        verify(text, {**PAYLOAD, "cnf": {"jwk": public_key_to_jwk(P256Key(3).public)}})


@pytest.mark.parametrize("now", [NOW - MAX_AHEAD_MS, NOW, NOW + DEFAULT_MAX_AGE_MS])
def test_the_window_is_exact(now: int) -> None:
    """From a minute before to five minutes after the holder's time, ends included."""
    assert verify(SIGNED, now=now).issued_at == NOW


def test_the_policy_sets_the_age() -> None:
    """A file that stays good for half a year, and one that does not."""
    half_a_year = 180 * 86_400_000
    assert verify(SIGNED, policy=BindingPolicy(AUDIENCE, NONCE, half_a_year), now=NOW + half_a_year)
    with pytest.raises(RuleError, match="expected at most 15552000 seconds"):
        verify(SIGNED, policy=BindingPolicy(AUDIENCE, NONCE, half_a_year), now=NOW + half_a_year + 1)


def test_without_expectations_the_answer_says_for_whom() -> None:
    """The caller who names no audience and nonce reads them from the result."""
    found = verify(SIGNED, policy=BindingPolicy(None, None))
    assert (found.audience, found.nonce) == (AUDIENCE, NONCE)


def test_an_empty_expectation_is_an_expectation() -> None:
    """Only None accepts any."""
    for policy in (BindingPolicy("", None), BindingPolicy(None, "")):
        with pytest.raises(RuleError, match="expected ''"):
            verify(SIGNED, policy=policy)


@given(st.integers(0, 10_000), st.integers(1, 127))
def test_any_flipped_byte_is_refused(place: int, mask: int) -> None:
    """Nothing of a presentation can change once the holder has signed it."""
    raw = SIGNED.encode()
    index = place % len(raw)
    text = bytes((*raw[:index], raw[index] ^ mask, *raw[index + 1 :])).decode("ascii")
    with pytest.raises(CairnError):
        verify(text)


def test_signing_demands_a_whole_token_and_free_names() -> None:
    """Mistakes of the caller, not of data."""
    with pytest.raises(ValueError, match="ends in a tilde"):
        present(PRESENTED[:-1])
    with pytest.raises(ValueError, match="sets \\['aud'\\] itself"):
        present(PRESENTED, claims={"aud": "x"})


def test_the_holder_key_is_read_alone() -> None:
    """Wallets ask which of their keys a copy is bound to."""
    assert parse_holder_key(PAYLOAD) == HOLDER.public
