"""The claim `evaluation`: bound to a private fingerprint, another in every copy, hidden unless it is shown."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from ledger import base64url
from ledger.credential import evaluation, fields, sdjwt
from ledger.credential.copy import IDENTIFIER_DIGESTS
from ledger.credential.evaluation import EvaluationRecord
from ledger.errors import RuleError
from tests.ledger.credential.award import CONTENT, ISSUED_AT, ISSUER_KEY, mint

SALT = bytes(range(16))
RECORD = EvaluationRecord(
    fingerprint=b"\x07" * 32, requirement_set="lantern/1", rules=("LN-A/1", "LN-F/1"), judges=("human", "machine")
)
DECIDED = replace(CONTENT, evaluation=RECORD)


def claim_of(token: str) -> dict[str, Any]:
    claim = sdjwt.verify_sd_jwt(token, ISSUER_KEY.public, now=ISSUED_AT * 1000).payload["evaluation"]
    assert isinstance(claim, dict)
    return claim


def test_the_digest_is_what_the_format_says() -> None:
    expected = hashlib.sha256(b"cairn/evaluation/v1\n" + SALT + RECORD.fingerprint).digest()
    assert evaluation.key_fingerprint(RECORD.fingerprint, SALT) == expected
    with pytest.raises(ValueError, match="salt: 15 bytes"):
        evaluation.key_fingerprint(RECORD.fingerprint, SALT[1:])
    with pytest.raises(ValueError, match="fingerprint: 31 bytes"):
        evaluation.key_fingerprint(RECORD.fingerprint[1:], SALT)


def test_a_copy_bears_it_with_its_salt() -> None:
    """Digest and salt stand in one disclosure: whoever sees one sees the other."""
    claim = claim_of(mint(DECIDED))
    assert sorted(claim) == ["digest", "judges", "requirementSet", "rules", "salt"]
    salt = base64url.decode(claim["salt"], 16)
    assert base64url.decode(claim["digest"]) == evaluation.key_fingerprint(RECORD.fingerprint, salt)
    assert (claim["requirementSet"], claim["rules"]) == ("lantern/1", ["LN-A/1", "LN-F/1"])
    field = fields.field_names(mint(DECIDED))["evaluation"]
    assert "requirementSet: lantern/1, rules: LN-A/1, LN-F/1, judges: human, machine" in field.value


def test_no_two_copies_share_a_value_of_it() -> None:
    one, other = claim_of(mint(DECIDED)), claim_of(mint(DECIDED, seed="b"))
    assert one["digest"] != other["digest"] and one["salt"] != other["salt"]


def test_hidden_it_leaves_no_trace() -> None:
    """A copy with it and one without have the same digests to count, and neither says the fingerprint."""
    with_it, without = mint(DECIDED), mint()
    first, second = (dict(sdjwt.parse_sd_jwt(token).payload) for token in (with_it, without))
    assert first.keys() == second.keys()
    assert [len(one["_sd"]) for one in (first, second)] == [2, 2]  # type: ignore[arg-type]
    assert IDENTIFIER_DIGESTS == 4
    shown = fields.select_fields(with_it, ["name"])
    assert "evaluation" not in sdjwt.verify_sd_jwt(shown, ISSUER_KEY.public, now=ISSUED_AT * 1000).payload
    assert base64url.encode(RECORD.fingerprint) not in str(claim_of(with_it))


def test_columns_read_back() -> None:
    columns = evaluation.encode_columns(RECORD)
    assert tuple(columns) == evaluation.COLUMNS
    assert evaluation.parse_columns(*columns.values()) == RECORD
    bare = replace(RECORD, rules=(), judges=())
    assert evaluation.parse_columns(*list(columns.values())[:2]) == bare


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fingerprint": b"\x07" * 31}, "fingerprint"),
        ({"requirement_set": ""}, "set"),
        ({"requirement_set": "x" * 101}, "set"),
        ({"rules": ("a b",)}, "rules"),
        ({"rules": ("a;b",)}, "rules"),
        ({"rules": ("a\x1b",)}, "rules"),
        ({"rules": ("a", "a")}, "rules"),
        ({"rules": tuple(f"r{n}" for n in range(501))}, "rules"),
        ({"judges": ("",)}, "judges"),
    ],
)
def test_refused(changes: dict[str, Any], field: str) -> None:
    """Nothing of it is signed; the message begins with the column."""
    record = replace(RECORD, **changes)
    with pytest.raises(RuleError, match=rf"^evaluation\.{field}: "):
        evaluation.check_record(record)
    with pytest.raises(RuleError, match=rf"^evaluation\.{field}: "):
        mint(replace(CONTENT, evaluation=record))


@pytest.mark.parametrize("text", ["", "secret", base64url.encode(bytes(31)), base64url.encode(bytes(32)) + "="])
def test_a_fingerprint_that_is_none(text: str) -> None:
    with pytest.raises(RuleError, match=r"^evaluation\.fingerprint: is not 32 bytes in base64url$"):
        evaluation.parse_columns(text, "lantern/1")
