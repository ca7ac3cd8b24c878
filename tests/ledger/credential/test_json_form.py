"""Tests of ledger.credential.json_form."""

import json
from typing import Any

import pytest

from ledger.credential.json_form import encode_compact
from ledger.credential.keybinding import BindingPolicy
from ledger.credential.sdjwt import verify_sd_jwt
from ledger.errors import MalformedError, RuleError
from tests.ledger.credential.tokens import AUDIENCE, ISSUER, NONCE, NOW, SHA_256, bound, disclosure, present, token

NAME, GRADE = disclosure("s1", "name", "Ada"), disclosure("s2", "grade", 1)
ISSUED = f"{token(bound(_sd=[SHA_256(NAME), SHA_256(GRADE)]))}{NAME}~{GRADE}~"
SHOWN = present(ISSUED)


def flattened(compact: str) -> dict[str, Any]:
    jwt, *disclosures, binding = compact.split("~")
    protected, payload, signature = jwt.split(".")
    header: dict[str, Any] = {"disclosures": disclosures}
    if binding:
        header["kb_jwt"] = binding
    return {"payload": payload, "protected": protected, "signature": signature, "header": header}


def general(compact: str) -> dict[str, Any]:
    members = flattened(compact)
    return {"payload": members.pop("payload"), "signatures": [members]}


def encode(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


@pytest.mark.parametrize("compact", [ISSUED, SHOWN, token(bound())])
def test_both_forms_come_out_compact(compact: str) -> None:
    """Flattened, and general with one signature."""
    assert encode_compact(encode(flattened(compact))) == compact
    assert encode_compact(encode(general(compact))) == compact


def test_without_header_there_are_no_disclosures() -> None:
    """A plain JWS is an SD-JWT that hides nothing."""
    members = flattened(token(bound()))
    del members["header"]
    assert encode_compact(encode(members)) == token(bound())


def test_the_key_binding_covers_the_compact_form() -> None:
    """A disclosure taken out of the header is missed by `sd_hash`."""
    policy = BindingPolicy(AUDIENCE, NONCE)
    members = flattened(SHOWN)
    assert verify_sd_jwt(encode_compact(encode(members)), ISSUER.public, now=NOW, binding=policy)
    members["header"]["disclosures"].pop()
    with pytest.raises(RuleError, match="sd_hash"):
        verify_sd_jwt(encode_compact(encode(members)), ISSUER.public, now=NOW, binding=policy)


GOOD = flattened(SHOWN)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "expected a JSON object"),
        ({}, "base64url text as protected"),
        ({**GOOD, "payload": None}, "base64url text as payload"),
        ({**GOOD, "signature": ""}, "base64url text as signature"),
        ({**GOOD, "protected": "a.b"}, "base64url text as protected"),
        ({**GOOD, "header": []}, "object as header, found an array"),
        ({**GOOD, "header": {"disclosures": "x"}}, "array as disclosures, found a text"),
        ({**GOOD, "header": {"disclosures": ["a~b"]}}, "base64url text as disclosure"),
        ({**GOOD, "header": {"disclosures": [""]}}, "base64url text as disclosure"),
        ({**GOOD, "header": {"kb_jwt": "a~b"}}, "compact JWT as kb_jwt"),
        ({**GOOD, "header": {"kb_jwt": None}}, "compact JWT as kb_jwt"),
        ({**GOOD, "signatures": []}, "exactly one signature"),
        ({"payload": "x", "signatures": []}, "exactly one signature"),
        ({"payload": "x", "signatures": general(SHOWN)["signatures"] * 2}, "exactly one signature"),
        ({"payload": "x", "signatures": ["x"]}, "object as signature, found a text"),
        ({"payload": "x" * (1 << 20)}, "at most 1048576"),
    ],
)
def test_other_shapes_are_refused(value: Any, message: str) -> None:
    """Each for its own reason; above all, no text may bring separators of its own."""
    with pytest.raises(MalformedError, match=message):
        encode_compact(encode(value))
