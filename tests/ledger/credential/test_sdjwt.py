"""Tests of ledger.credential.sdjwt, with the published examples and the cases made for this project."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.jose import public_key_to_jwk
from ledger.credential.json_form import encode_compact
from ledger.credential.keybinding import BindingPolicy
from ledger.credential.sdjwt import MAX_DISCLOSURES, parse_sd_jwt, verify_issued_sd_jwt, verify_sd_jwt
from ledger.errors import CairnError, MalformedError, RuleError, SignatureError
from tests.conformance import record
from tests.ledger.credential.tokens import (
    AUDIENCE,
    BASE,
    EXAMPLES,
    HOLDER,
    ISSUER,
    NONCE,
    NOW,
    SHA_256,
    STRANGER,
    P256Key,
    bound,
    disclosure,
    present,
    token,
)
from tests.shared import SHARED, shared_path

VECTORS = "vectors/formats"
CASES = f"{VECTORS}/generated/sd-jwt-cases.json"
EXAMPLE_ISSUER = {
    "kty": "EC",
    "crv": "P-256",
    "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
    "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
}
"""Public half of the issuer key that all published examples share."""
EXAMPLE_NOW = 1_700_000_000_000


def cases() -> list[Any]:
    path = SHARED / CASES
    if not path.exists():
        return [pytest.param({}, id="absent")]
    found = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return [pytest.param(case, id=f"{case['role']}-{case['name']}") for case in found]


def judge(case: dict[str, Any]) -> dict[str, Any]:
    """The payload a case leads to; cases hold compact text, or a JSON serialisation as object or text."""
    text = case["sd_jwt"] if isinstance(case["sd_jwt"], str) else json.dumps(case["sd_jwt"])
    text = encode_compact(text.encode()) if text.startswith("{") else text
    now = case["now"] * 1000
    if case["role"] == "holder":
        return verify_issued_sd_jwt(text, case["issuer_jwk"], now=now).payload
    binding = BindingPolicy(case["aud"], case["nonce"]) if case["key_binding_required"] else None
    return verify_sd_jwt(text, case["issuer_jwk"], now=now, binding=binding).payload


@pytest.mark.parametrize("case", cases())
def test_the_cases_made_for_this_project(case: dict[str, Any]) -> None:
    """Every case is accepted with its payload, or refused."""
    shared_path(CASES)
    if case["expect"] == "accept":
        assert judge(case) == case["payload"]
    else:
        with pytest.raises(CairnError):
            judge(case)


def test_cases_and_examples_are_counted() -> None:
    """Each of them is a test of its own; here is how many there are."""
    expected = [case["expect"] for case in json.loads(shared_path(CASES).read_bytes())["cases"]]
    accepted = expected.count("accept")
    record(
        "SD-JWT (RFC 9901) and SD-JWT VC",
        "generated cases",
        [CASES],
        accepted=accepted,
        refused=len(expected) - accepted,
    )
    bound_ones = sum((SHARED / example / "kb_jwt_payload.json").exists() for example in EXAMPLES)
    part = "published examples, presented; with another nonce"
    record("SD-JWT (RFC 9901) and SD-JWT VC", part, len(EXAMPLES), accepted=len(EXAMPLES), refused=bound_ones)
    record("SD-JWT (RFC 9901) and SD-JWT VC", "published examples, as issued", len(EXAMPLES), accepted=len(EXAMPLES))


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_published_presentations_say_what_they_should(example: str) -> None:
    """RFC 9901, its reference test cases and the SD-JWT VC draft: presentation to verified contents."""
    folder = shared_path(example)
    text = (folder / "sd_jwt_presentation.txt").read_text(encoding="ascii")
    binding, now = None, EXAMPLE_NOW
    if (folder / "kb_jwt_payload.json").exists():
        claims = read(folder, "kb_jwt_payload.json")
        binding, now = BindingPolicy(claims["aud"], claims["nonce"]), claims["iat"] * 1000
    found = verify_sd_jwt(text, EXAMPLE_ISSUER, now=now, binding=binding, types=None)
    assert found.payload == read(folder, "verified_contents.json")
    assert (found.key_binding is not None) == (binding is not None)
    if binding is not None:
        with pytest.raises(RuleError, match="nonce"):
            wrong = BindingPolicy(binding.audience, "another")
            verify_sd_jwt(text, EXAMPLE_ISSUER, now=now, binding=wrong, types=None)


@pytest.mark.parametrize("example", EXAMPLES)
def test_published_credentials_hold_all_their_claims(example: str) -> None:
    """What the issuer sent, with all disclosures, is what the user's claims were."""
    folder = shared_path(example)
    text = (folder / "sd_jwt_issuance.txt").read_text(encoding="ascii")
    found = verify_issued_sd_jwt(text, EXAMPLE_ISSUER, now=EXAMPLE_NOW, types=None)
    claims = read(folder, "user_claims.json")
    assert {name: value for name, value in found.payload.items() if name in claims} == claims
    assert parse_sd_jwt(text, types=None).payload == read(folder, "sd_jwt_payload.json")
    assert found.issuer_jwt == (folder / "sd_jwt_jws_part.txt").read_text(encoding="ascii")


def test_the_draft_examples_are_credentials_to_us() -> None:
    """The SD-JWT VC examples pass without loosening the type."""
    shared_path(f"{VECTORS}/sd-jwt-vc")
    for folder in [SHARED / example for example in EXAMPLES if "/sd-jwt-vc/" in example]:
        text = (folder / "sd_jwt_issuance.txt").read_text(encoding="ascii")
        assert verify_issued_sd_jwt(text, EXAMPLE_ISSUER, now=EXAMPLE_NOW).payload["vct"]


NAME, GRADE = disclosure("s1", "name", "Ada"), disclosure("s2", "grade", 1.5)
SIGNED = token(bound(_sd=[SHA_256(NAME), SHA_256(GRADE), "decoy"]))
POLICY = BindingPolicy(AUDIENCE, NONCE)


def verify(text: str, **arguments: Any) -> Any:
    return verify_sd_jwt(text, **({"issuer_key": ISSUER.public, "now": NOW} | arguments))


def test_the_result_says_all_that_was_proven() -> None:
    """Payload, header, signed text, disclosures with places, undisclosed digests, key binding."""
    found = verify(present(f"{SIGNED}{GRADE}~"), binding=POLICY)
    assert found.payload == bound(grade=1.5)
    assert dict(found.header) == {"alg": "EdDSA", "typ": "dc+sd-jwt"}
    assert f"{found.issuer_jwt}~" == SIGNED
    assert [(one.path, one.value, one.text, one.parent) for one in found.shown] == [(("grade",), 1.5, GRADE, None)]
    assert found.undisclosed == 2
    assert found.key_binding.key == HOLDER.public


def test_the_policy_decides_about_key_binding() -> None:
    """Not asked for, it is not looked at, there or not, right or wrong; asked for, it must be there."""
    for text in (SIGNED, present(SIGNED), present(SIGNED, sign=STRANGER.sign)):
        assert verify(text).key_binding is None
    with pytest.raises(RuleError, match="key binding: required, but the token has none"):
        verify(SIGNED, binding=POLICY)


def test_issuer_keys_come_as_key_or_jwk() -> None:
    """Of either kind; private ones are refused."""
    key = P256Key(4)
    text = token(BASE, key=key, header={"alg": "ES256", "typ": "dc+sd-jwt"})
    assert verify(text, issuer_key=key.public).payload == verify(text, issuer_key=public_key_to_jwk(key.public)).payload
    with pytest.raises(MalformedError, match="issuer key: holds a private key"):
        verify(text, issuer_key={**public_key_to_jwk(key.public), "d": "AA"})


def test_the_older_type_is_read() -> None:
    """`vc+sd-jwt` with a `vct` was the name of the same thing."""
    assert verify(token(BASE, header={"alg": "EdDSA", "typ": "vc+sd-jwt"})).payload == BASE


EDDSA = {"alg": "EdDSA"}
REFUSALS: list[tuple[str, str, type[CairnError], str]] = [
    ("1 empty", "", MalformedError, "expected tildes after the issuer-signed JWT"),
    ("1 bare jwt", SIGNED[:-1], MalformedError, "expected tildes"),
    ("1 beyond ascii", SIGNED + "é~", MalformedError, "beyond ASCII"),
    ("1 last tilde missing", SIGNED + NAME, MalformedError, "cut short"),
    ("1 white space", SIGNED + "\n", MalformedError, "cut short"),
    ("1 empty disclosure", f"{SIGNED}~", MalformedError, "two tildes with nothing between"),
    ("1 no jws", "a.b~", MalformedError, "sd-jwt: expected three parts"),
    ("1 payload no object", token({}).replace(".e30.", ".W10."), MalformedError, "sd-jwt payload: expected a JSON obj"),
    ("1 payload no json", token({}).replace(".e30.", ".QUJD."), MalformedError, "sd-jwt payload: not JSON"),
    (
        "1 type missing",
        token(BASE, header=EDDSA),
        MalformedError,
        "expected type dc\\+sd-jwt or vc\\+sd-jwt, found 'None'",
    ),
    ("1 type of a key binding", token(BASE, header={**EDDSA, "typ": "kb+jwt"}), MalformedError, "found 'kb\\+jwt'"),
    ("1 type unhashable", token(BASE, header={**EDDSA, "typ": ["dc+sd-jwt"]}), MalformedError, "expected type"),
    ("1 vct missing", token({"iss": "x"}), MalformedError, "expected a text as vct, found nothing"),
    ("1 vct empty", token({"vct": ""}), MalformedError, "expected a text as vct"),
    ("1 vct hidden", token({"_sd": [SHA_256(disclosure("s", "vct", "x"))]}), MalformedError, "vct"),
    ("2 other key", token(BASE, key=STRANGER), SignatureError, "sd-jwt: the EdDSA signature does not verify"),
    ("2 none", token(BASE, header={"alg": "none", "typ": "dc+sd-jwt"}), SignatureError, "algorithm 'none'"),
    ("2 critical", token(BASE, header={**EDDSA, "typ": "dc+sd-jwt", "crit": ["b64"]}), SignatureError, "critical"),
    ("3 unsigned disclosure", f"{SIGNED}{disclosure('s', 'x', 1)}~", RuleError, "disclosure 1 of 1 matches no digest"),
    ("3 twice", f"{SIGNED}{NAME}~{NAME}~", RuleError, "a disclosure stands twice"),
    ("5 expired", token({**BASE, "exp": NOW // 1000}), RuleError, "sd-jwt: expired at 2026-01-01 00:00:00 UTC"),
    ("5 early", token({**BASE, "nbf": NOW // 1000 + 1}), RuleError, "sd-jwt: valid from 2026-01-01 00:00:01 UTC"),
    ("5 exp a text", token({**BASE, "exp": "never"}), MalformedError, "'exp', found a text"),
]


@pytest.mark.parametrize(("text", "error", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_each_step_refuses(text: str, error: type[CairnError], message: str) -> None:
    """One row for each way a token can be wrong; the number is the step in `verify_sd_jwt`."""
    with pytest.raises(error, match=message):
        verify(text)


@pytest.mark.parametrize(
    ("audience", "passes"),
    [(AUDIENCE, True), ([AUDIENCE, "x"], True), ("x", False), (["x"], False), ([], False), (5, False)],
)
def test_a_credential_for_one_audience_is_for_no_other(audience: Any, passes: bool) -> None:
    """An `aud` the issuer wrote is obeyed where the verifier says who it is."""
    text = present(token(bound(aud=audience)))
    assert verify(text).payload["aud"] == audience
    if passes:
        assert verify(text, binding=POLICY)
    else:
        with pytest.raises(RuleError, match="issued for audience"):
            verify(text, binding=POLICY)


def test_holders_refuse_what_only_they_can_make() -> None:
    """A key binding on arrival means that somebody else showed the credential before."""
    assert verify_issued_sd_jwt(f"{SIGNED}{NAME}~", ISSUER.public, now=NOW).payload["name"] == "Ada"
    with pytest.raises(RuleError, match="only the holder can make"):
        verify_issued_sd_jwt(present(SIGNED), ISSUER.public, now=NOW)
    with pytest.raises(MalformedError, match="cut short"):
        verify_issued_sd_jwt(SIGNED + NAME, ISSUER.public, now=NOW)


def test_limits_are_exact() -> None:
    """At the limit it is parsed, one past it is not; nothing is hashed before."""
    assert len(parse_sd_jwt(SIGNED + "x~" * MAX_DISCLOSURES).disclosures) == MAX_DISCLOSURES
    with pytest.raises(MalformedError, match="10001 disclosures, at most 10000"):
        parse_sd_jwt(SIGNED + "x~" * (MAX_DISCLOSURES + 1))
    room = (1 << 20) - len(SIGNED) - 1
    assert parse_sd_jwt(f"{SIGNED}{'x' * room}~")
    with pytest.raises(MalformedError, match="1048577 characters, at most 1048576"):
        parse_sd_jwt(f"{SIGNED}{'x' * room}x~")


@pytest.mark.parametrize("unit", ["~", "x~", ".", "a.b.c", "{", "\0"])
def test_ten_megabytes_of_junk_are_refused_at_once(unit: str) -> None:
    """Size is checked before anything is split."""
    with pytest.raises(MalformedError, match="characters, at most"):
        verify(unit * (10 * (1 << 20) // len(unit)))


@given(st.text(alphabet="~.eyJ{}", max_size=60) | st.text(max_size=60))
def test_hostile_text_raises_nothing_else(text: str) -> None:
    """Only errors of this project escape."""
    try:
        verify(text)
    except CairnError:
        return
    raise AssertionError("nothing unsigned may pass")


FLIPPED = f"{SIGNED}{NAME}~{GRADE}~"


@given(st.integers(0, 10_000), st.integers(1, 127))
def test_any_flipped_byte_is_refused(place: int, mask: int) -> None:
    """In the signed text or in a disclosure."""
    raw = FLIPPED.encode()
    index = place % len(raw)
    changed = bytes((*raw[:index], raw[index] ^ mask, *raw[index + 1 :])).decode("ascii")
    with pytest.raises(CairnError):
        verify(changed)
