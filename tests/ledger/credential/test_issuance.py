"""Tests of ledger.credential.issuance."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url
from ledger.credential.disclosure import Path
from ledger.credential.issuance import issue_sd_jwt
from ledger.credential.sdjwt import parse_sd_jwt, verify_issued_sd_jwt
from ledger.credential.strict_json import MAX_DEPTH
from ledger.errors import RuleError
from ledger.log.keys import Algorithm
from tests.ledger.credential.tokens import ISSUER, NOW, P256Key, counter

CLAIMS: dict[str, Any] = {
    "vct": "https://school.example/diploma",
    "exp": NOW // 1000 + 9,
    "name": "Ada",
    "address": {"country": "IT", "city": "Turin"},
    "courses": ["A", "B", {"grade": 1.5, "credits": None}],
}


def issue(claims: dict[str, Any], disclosable: list[Path], **changes: Any) -> str:
    return issue_sd_jwt(claims, disclosable, **({"sign": ISSUER.sign, "draw": counter()} | changes))


def read_back(text: str) -> Any:
    return verify_issued_sd_jwt(text, ISSUER.public, now=NOW)


def test_a_flat_credential() -> None:
    """What is named is hidden behind a digest, the rest stands in clear, header and hash are named."""
    text = issue(CLAIMS, [("name",)], key_id="key-1")
    token = parse_sd_jwt(text)
    assert dict(token.jws.header) == {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": "key-1"}
    assert {name for name in token.payload} == {"vct", "exp", "address", "courses", "_sd", "_sd_alg"}
    assert token.payload["_sd_alg"] == "sha-256"
    assert "Ada" not in json.dumps(token.payload)
    assert read_back(text).payload == CLAIMS


def test_disclosures_nest() -> None:
    """An inner path below an outer one makes the inner digest part of the outer value."""
    paths: list[Path] = [("address",), ("address", "city"), ("courses", 2), ("courses", 2, "grade"), ("courses", 0)]
    found = read_back(issue(CLAIMS, paths))
    assert found.payload == CLAIMS
    places = {one.path: None if one.parent is None else found.shown[one.parent].path for one in found.shown}
    assert places == {
        ("address",): None,
        ("address", "city"): ("address",),
        ("courses", 2): None,
        ("courses", 2, "grade"): ("courses", 2),
        ("courses", 0): None,
    }


def test_salts_are_drawn_once_each() -> None:
    """16 bytes for every disclosure; equal values give unequal digests."""
    drawn: list[int] = []
    source = counter()

    def draw(length: int) -> bytes:
        drawn.append(length)
        return bytes(source(length))

    text = issue({"vct": "x", "l": ["same", "same", "same"]}, [("l", n) for n in range(3)], draw=draw)
    assert drawn == [16, 16, 16]
    salts = [json.loads(base64url.decode(one))[0] for one in parse_sd_jwt(text).disclosures]
    assert [len(base64url.decode(salt, 16)) for salt in salts] == [16, 16, 16]
    assert len(set(salts)) == 3


def test_decoys_fill_up_to_a_fixed_count() -> None:
    """Two students with one and with five hidden claims show the same number of digests, in order."""
    for hidden in (0, 1, 5):
        claims = {"vct": "x", "in": {str(n): n for n in range(hidden)}, "l": list(range(hidden))}
        paths: list[Path] = [("in", str(n)) for n in range(hidden)] + [("l", n) for n in range(hidden)]
        text = issue(claims, paths, decoys={("in",): 8, ("l",): 8, (): 4})
        payload: Any = parse_sd_jwt(text).payload
        assert [len(payload["_sd"]), len(payload["in"]["_sd"]), len(payload["l"])] == [4, 8, 8]
        assert payload["in"]["_sd"] == sorted(payload["in"]["_sd"])
        assert {len(base64url.decode(one)) for one in payload["_sd"] + payload["in"]["_sd"]} == {32}
        assert all(set(one) == {"..."} for one in payload["l"])
        found = read_back(text)
        assert found.payload == claims
        assert found.undisclosed == 20 - 2 * hidden


def test_decoys_follow_the_elements() -> None:
    """Positions mean the same to issuer, holder and verifier."""
    text = issue({"vct": "x", "l": ["a", "b"]}, [("l", 1)], decoys={("l",): 3})
    payload: Any = parse_sd_jwt(text).payload
    assert (payload["l"][0], len(payload["l"])) == ("a", 4)
    assert read_back(text).shown[0].path == ("l", 1)


def test_a_credential_without_hidden_claims_is_one_too() -> None:
    """No digests, no hash name, one tilde."""
    text = issue(CLAIMS, [])
    assert parse_sd_jwt(text).payload == CLAIMS
    assert text.count("~") == 1


def test_the_same_randomness_gives_the_same_bytes() -> None:
    """Nothing but the arguments decides."""
    assert issue(CLAIMS, [("name",)]) == issue(CLAIMS, [("name",)])


def test_a_p256_key_may_sign() -> None:
    """The header follows the algorithm."""
    key = P256Key(6)
    text = issue(CLAIMS, [("name",)], sign=key.sign, algorithm=Algorithm.P256)
    assert verify_issued_sd_jwt(text, key.public, now=NOW).header["alg"] == "ES256"


def deep(levels: int) -> Any:
    return "x" if levels == 0 else [deep(levels - 1)]


@pytest.mark.parametrize(
    ("claims", "paths", "message"),
    [
        ({}, [], "text as vct"),
        ({"vct": 5}, [], "text as vct"),
        ({"vct": "x", "_sd": []}, [], "_sd: the name '_sd' is reserved"),
        ({"vct": "x", "a": [{"...": 1}]}, [], "a.0....: the name '...' is reserved"),
        ({"vct": "x", "a": {"_sd_alg": 1}}, [("a",)], "reserved"),
        ({"vct": "x", "a": float("nan")}, [], "a is not a finite number"),
        ({"vct": "x", "a": deep(MAX_DEPTH)}, [], "deeper than 31"),
        ({"vct": "x"}, [("vct",)], "vct must stand in clear"),
        ({"vct": "x", "cnf": {"jwk": {}}}, [("cnf", "jwk")], "cnf must stand in clear"),
        ({"vct": "x", "iss": "y", "status": {}}, [("status",), ("iss",)], "iss, status must stand in clear"),
        ({"vct": "x", "a": "y" * (1 << 20)}, [], "at most 1048576 and 10000 would be read"),
        ({"vct": "x", "a": [0] * 10_001}, [("a", n) for n in range(10_001)], "10001 disclosures"),
    ],
)
def test_what_no_verifier_would_read_is_not_issued(claims: dict[str, Any], paths: list[Path], message: str) -> None:
    """Reserved names, hidden essentials, and sizes beyond the parser's limits."""
    with pytest.raises(RuleError, match=message):
        issue(claims, paths)


def test_a_fixed_count_is_not_exceeded_quietly() -> None:
    """More claims than the count allows would show their number."""
    with pytest.raises(RuleError, match="2 disclosable values in l, more than its fixed count of 1"):
        issue({"vct": "x", "l": [1, 2]}, [("l", 0), ("l", 1)], decoys={("l",): 1})


@pytest.mark.parametrize("path", [(), ("nothing",), ("name", "x"), ("courses", 3), ("courses", "0"), ("address", 0)])
def test_paths_that_lead_nowhere_are_mistakes(path: Path) -> None:
    """A misspelt path must not leave a claim in clear."""
    with pytest.raises(ValueError, match=r"does not exist|neither an object|payload itself"):
        issue(CLAIMS, [path])


def test_the_deepest_credential_can_be_read() -> None:
    """With digests at the deepest level."""
    claims = {"vct": "x", "a": deep(MAX_DEPTH - 2)}
    path: Path = ("a", *[0] * (MAX_DEPTH - 2))
    assert read_back(issue(claims, [path])).payload == claims
    every: list[Path] = [path[:end] for end in range(1, len(path) + 1)]
    assert read_back(issue(claims, every)).payload == claims


NAMES = st.text(max_size=6).filter(lambda name: name not in ("_sd", "...", "_sd_alg"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=15,
)


def places(value: Any, path: Path = ()) -> list[Path]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for step, inner in members for found in [(*path, step), *places(inner, (*path, step))]]


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.data())
def test_whatever_is_hidden_comes_back(extra: dict[str, Any], data: st.DataObject) -> None:
    """Any claims, any choice of paths: all disclosures together give the claims, each at its path."""
    claims = {"vct": "x", "ld": extra}
    paths = data.draw(st.lists(st.sampled_from([("ld",), *places(extra, ("ld",))]), unique=True))
    found = read_back(issue(claims, paths))
    assert found.payload == claims
    assert {one.path for one in found.shown} == set(paths)
    assert found.undisclosed == 0
