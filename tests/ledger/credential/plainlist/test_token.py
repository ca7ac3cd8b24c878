"""Token Status List: what we write is read, and everything that must not count is refused by name."""

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import base64url
from ledger.credential.jose import parse_jwk, parse_jws, sign_jws
from ledger.credential.plainlist.packing import MAX_LIST_BYTES, Compression, compress, expand, read_right
from ledger.credential.plainlist.problem import StatusListError, StatusProblem
from ledger.credential.plainlist.token import (
    TokenReference,
    encode_places,
    parse_token_reference,
    read_token_status,
)
from tests.conformance import record
from tests.ledger.credential.badges import NOW, SCHOOL, STRANGER, VECTORS
from tests.ledger.credential.plainlist.lists import (
    DAY,
    FREE,
    HEAD,
    ISSUER_URL,
    REVOKED,
    SUSPENDED,
    reference,
    token,
)
from tests.shared import shared_path

MALFORMED, VERIFICATION = StatusProblem.MALFORMED, StatusProblem.VERIFICATION


def changed(**claims: Any) -> str:
    """Our token with other claims; None leaves one out."""
    jws = parse_jws(token())
    merged = json.loads(jws.payload) | claims
    return sign_jws(jws.header, orjson.dumps({name: v for name, v in merged.items() if v is not None}), SCHOOL.sign)


def with_list(**members: Any) -> str:
    return changed(status_list={"bits": 2, "lst": encode_places(bytes(16))} | members)


def test_each_slot_has_its_value() -> None:
    """Invalid, suspended and valid; for how long it may be kept; and which state of the ledger it follows."""
    answers = {
        slot: read_token_status(token(), reference(slot), SCHOOL.public, NOW) for slot in (REVOKED, SUSPENDED, FREE)
    }
    assert [answer.value for answer in answers.values()] == [1, 2, 0]
    assert (answers[FREE].expires, answers[FREE].ttl_ms) == (NOW + DAY, 3_600_000)
    assert json.loads(parse_jws(token()).payload)["ledger"] == HEAD.to_claim()


def test_a_list_of_two_bits_takes_little_room() -> None:
    """A whole list is some hundred bytes as long as few slots are set."""
    assert len(token()) < 1_000


TOKENS: list[tuple[str, Any, StatusProblem, str]] = [
    ("no jwt", lambda: "a.b", MALFORMED, "three parts"),
    ("another type", lambda: token().replace("eyJ", "eyK", 1), MALFORMED, "status token"),
    ("alg none", lambda: token(alg="none"), VERIFICATION, "algorithm 'none'"),
    ("alg of another key", lambda: token(alg="ES256"), VERIFICATION, "the key's is 'EdDSA'"),
    ("another key", lambda: sign_jws(parse_jws(token()).header, parse_jws(token()).payload, STRANGER.sign), VERIFICATION,
     "does not verify"),
    ("a list of credentials", lambda: sign_jws({"alg": "EdDSA", "typ": "JWT"}, b"{}", SCHOOL.sign), VERIFICATION,
     "expected 'statuslist\\+jwt'"),
    ("another list", lambda: changed(sub=f"{ISSUER_URL}/status/1/token"), VERIFICATION, "the credential names"),
    ("no subject", lambda: changed(sub=None), VERIFICATION, "the credential names"),
    ("never issued", lambda: changed(iat=None), VERIFICATION, "when it was issued"),
    ("of tomorrow", lambda: changed(iat=(NOW + DAY) // 1000), VERIFICATION, "which is to come"),
    ("expired", lambda: changed(exp=NOW // 1000), VERIFICATION, "expired at 2026-01-01"),
    ("no expiry but text", lambda: changed(exp="tomorrow"), VERIFICATION, "expected seconds"),
    ("no list", lambda: changed(status_list=None), MALFORMED, "expected an object 'status_list'"),
    ("three bits", lambda: with_list(bits=3), MALFORMED, "expected bits 1, 2, 4 or 8, found 3"),
    ("true bits", lambda: with_list(bits=True), MALFORMED, "expected bits"),
    ("no places", lambda: with_list(lst=None), MALFORMED, "expected a text 'lst'"),
    ("not base64url", lambda: with_list(lst="a+b="), MALFORMED, "base64url"),
    ("gzip", lambda: with_list(lst=base64url.encode(compress(b"", Compression.GZIP))), MALFORMED, "not zlib"),
    ("bomb", lambda: with_list(lst=encode_places(bytes(MAX_LIST_BYTES + 1))), MALFORMED, "expands to more"),
    ("too few", lambda: with_list(lst=encode_places(b"\0")), StatusProblem.RANGE, "no place 5, it has 4"),
    ("ttl of no time", lambda: changed(ttl=0), MALFORMED, "ttl 0 is no number of seconds"),
    ("twice the same claim", lambda: sign_jws(parse_jws(token()).header, b'{"sub":1,"sub":1}', SCHOOL.sign), MALFORMED,
     "twice"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "problem", "words"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_a_token_that_says_nothing(make: Any, problem: StatusProblem, words: str) -> None:
    """Each step of reading refuses, under its own name."""
    with pytest.raises(StatusListError, match=words) as caught:
        read_token_status(make(), reference(), SCHOOL.public, NOW)
    assert caught.value.problem is problem


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "expected an object 'status_list', found nothing"),
        ({"status_list": []}, "found an array"),
        ({"status_list": {"idx": "5", "uri": "u"}}, "expected a number from 0 in 'idx', found 5"),
        ({"status_list": {"idx": -1, "uri": "u"}}, "found -1"),
        ({"status_list": {"idx": True, "uri": "u"}}, "found True"),
        ({"status_list": {"idx": 1 << 53, "uri": "u"}}, "expected a number"),
        ({"status_list": {"idx": 5}}, "expected a text 'uri', found nothing"),
    ],
)
def test_a_pointer_that_cannot_be_read(status: Any, words: str) -> None:
    """Refused before any list is looked at."""
    with pytest.raises(StatusListError, match=words) as caught:
        parse_token_reference(status)
    assert caught.value.problem is MALFORMED


@given(st.integers(0, len(token()) - 1), st.characters(codec="ascii"))
@settings(max_examples=150)
def test_any_changed_character_is_refused(position: int, character: str) -> None:
    """Or it is the character that stood there."""
    text = token()
    other = text[:position] + character + text[position + 1 :]
    if other == text or other.strip() == text:
        return
    with pytest.raises(StatusListError):
        read_token_status(other, reference(), SCHOOL.public, NOW)


def test_generated_cases() -> None:
    """Every case of the shared vectors comes out as expected."""
    vectors = json.loads(shared_path(f"{VECTORS}/generated/token-status-list-cases.json").read_bytes())
    key = parse_jwk(vectors["status_issuer_jwk"])
    for case in vectors["cases"]:
        found: object
        try:
            pointer = parse_token_reference(case["status"])
            found = read_token_status(case["status_list_token"], pointer, key, case["now"] * 1000).value
        except StatusListError:
            found = "reject"
        assert found == case["expect"], case["name"]
    accepted = sum(isinstance(case["expect"], int) for case in vectors["cases"])
    files = [f"{VECTORS}/generated/token-status-list-cases.json"]
    record("Token Status List", "generated cases", files, accepted=accepted, refused=len(vectors["cases"]) - accepted)


def read_example(name: str) -> tuple[int, bytes]:
    text = (shared_path(f"{VECTORS}/token-status-list/draft-examples") / name).read_text()
    value = json.loads(re.sub(r"\s", "", text[text.index("{") :]))
    return value["bits"], expand(base64url.decode(value["lst"]), Compression.ZLIB, where=name)


def test_examples_of_the_draft() -> None:
    """The short lists value by value, the long ones at the places the draft names."""
    bits, data = read_example("status_list_encoding_json.md")
    assert (bits, data) == (1, bytes.fromhex("b9a3"))
    assert [read_right(data, n, 1) for n in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    bits, data = read_example("status_list_encoding2_json.md")
    assert (bits, data) == (2, bytes.fromhex("c944f9"))
    assert [read_right(data, n, 2) for n in range(12)] == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
    for name, places in (("1", (0, 1993, 25460, 159495, 495669)), ("2", (0, 1993, 25460, 159495, 495669))):
        bits, data = read_example(f"status_list_encoding{name}_long_json.md")
        assert bits == int(name)
        assert len(data) * 8 // bits == 1 << 20
        assert all(read_right(data, place, bits) for place in places)
    doubts = {"the CBOR form is not read": 6}
    record("Token Status List", "examples of the draft: lists", 10, accepted=4, unchecked=doubts)


def test_the_token_of_the_draft_is_taken_apart() -> None:
    """It parses; with a key that is not its issuer's nothing is said."""
    folder = shared_path(f"{VECTORS}/token-status-list/draft-examples")
    text = re.sub(r"\s", "", (folder / "status_list_jwt_raw.md").read_text())
    assert json.loads(parse_jws(text).payload)["status_list"]["bits"] == 1
    with pytest.raises(StatusListError, match="the key's is 'EdDSA'"):
        read_token_status(text, TokenReference(0, "https://example.com/statuslists/1"), SCHOOL.public, NOW)
    record("Token Status List", "examples of the draft: token under another key", 2, refused=1)
