"""Tests of ledger.credential.badge: what an award says, secured in the two ways of Open Badges 3.0."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from ledger import base64url
from ledger.credential import badge
from ledger.credential.badge import BadgeTerms, Issuer
from ledger.credential.commitment import commit, commit_document
from ledger.credential.dataintegrity.issuer_document import document_of_keys, method_url, parse_issuer_document
from ledger.credential.dataintegrity.judgement import judge_proofs
from ledger.credential.jose import parse_jws, verify_jws
from ledger.credential.p256 import DRAWN_BYTES, P256SigningKey, make_secret
from ledger.credential.report import Answer
from ledger.errors import MalformedError
from tests.ledger.credential.award import CONTENT, ISSUED_AT, ISSUER_KEY, PLAIN, TERMS
from tests.ledger.credential.badges import library, question
from tests.shared import shared_path

DID = "did:web:ledger.example:m:AAAAAAAAAAAAAAAAAAAAAA"
BADGE_TERMS = BadgeTerms(copy_id=TERMS.copy_id, subject_id="urn:uuid:1", issued_at=ISSUED_AT, status=TERMS.status)
KEY = P256SigningKey(make_secret(bytes(range(DRAWN_BYTES))))
ENTRY: Any = {
    "id": "https://ledger.example/status/0/revocation#5",
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "5",
    "statusListCredential": "https://ledger.example/status/0/revocation",
}


def make(content: Any = CONTENT, **changes: Any) -> Any:
    content = replace(content, issuer=replace(content.issuer, id=DID))
    return badge.make_badge(content, replace(BADGE_TERMS, **changes))


def signed(document: Any) -> Any:
    issuer = Issuer(method=method_url(DID, ISSUER_KEY.public), sign=ISSUER_KEY.sign, library=library())
    return badge.sign_document(document, issuer)


def school_judges(document: Any) -> list[Answer]:
    held = parse_issuer_document(document_of_keys(DID, [ISSUER_KEY.public]), DID)
    judgement = judge_proofs(document, question(held, signer=DID, now=ISSUED_AT * 1000))
    return [one.answer for one in judgement.proofs]


@pytest.mark.parametrize("content", [CONTENT, PLAIN])
@pytest.mark.parametrize("entry", [None, ENTRY])
def test_a_badge_is_valid_and_both_proofs_are_good(content: Any, entry: Any) -> None:
    """With everything an award may say and with nothing, with lists of other software and without."""
    document = signed(make(content, plain_status=entry))
    for name in ("ob-v3p0/ob_v3p0_achievementcredential_schema.json",):
        schema = json.loads(shared_path(f"vectors/formats/schemas/{name}").read_bytes())
        jsonschema.Draft201909Validator(schema).validate(document)
    assert school_judges(document) == [Answer.YES, Answer.YES]
    assert document.get("credentialStatus") == entry


def test_each_proof_has_an_id_that_others_can_name() -> None:
    """Stable, and of no other proof; without it nobody could countersign."""
    document = signed(make())
    assert [proof["id"] for proof in document["proof"]] == [
        f"urn:uuid:{TERMS.copy_id}#eddsa-rdfc-2022",
        f"urn:uuid:{TERMS.copy_id}#eddsa-jcs-2022",
    ]


def test_a_learners_statement_stands_in_it() -> None:
    """Their words go wherever the award goes, for everybody to read."""
    document = make(replace(CONTENT, statement="I do not agree."))
    assert document["credentialSubject"]["narrative"] == "I do not agree."
    assert school_judges(signed(document)) == [Answer.YES, Answer.YES]


def test_only_the_day_stands_in_it() -> None:
    """Neither the credential nor its proofs say at which moment of the day it was made."""
    document = signed(make())
    assert document["validFrom"] == "2026-06-15T00:00:00Z"
    assert {proof["created"] for proof in document["proof"]} == {"2026-06-15T00:00:00Z"}


def test_the_slot_is_found_again() -> None:
    """By whoever has the badge; a badge of others has none; a broken one is told."""
    document = make()
    assert badge.read_slot(document) == TERMS.status
    assert badge.read_slot({}) is None
    assert badge.read_slot({"termsOfUse": {"type": "Other"}}) is None
    for wrong in ("urn:other:x", f"{badge.SLOT_TYPE}:{'A' * 2000}", f"{badge.SLOT_TYPE}:%%", badge.SLOT_TYPE):
        with pytest.raises(MalformedError):
            badge.read_slot({"termsOfUse": [{"type": badge.SLOT_TYPE, "id": wrong}]})


def test_the_jws_repeats_what_the_badge_says() -> None:
    """`nbf` and `exp` in whole seconds equal to the dates; names equal to the ids (Open Badges 3.0 §8.2.2)."""
    text = badge.sign_compact(make(), key_url="https://ledger.example/k", algorithm="ES256", sign=KEY.sign)
    jws = parse_jws(text)
    verify_jws(jws, KEY.public)
    payload = json.loads(jws.payload)
    assert (payload["iss"], payload["sub"], payload["jti"]) == (DID, "urn:uuid:1", payload["id"])
    assert (payload["nbf"], payload["exp"]) == (1_781_481_600, 2_098_483_199)
    assert jws.header == {"alg": "ES256", "kid": "https://ledger.example/k", "typ": "JWT"}
    assert "exp" not in json.loads(
        parse_jws(
            badge.sign_compact(make(PLAIN), key_url="https://ledger.example/k", algorithm="ES256", sign=KEY.sign)
        ).payload
    )


def test_the_commitment_of_each_form() -> None:
    """From the text alone, as a person holds it, whatever stands around the JSON."""
    document = signed(make())
    text = badge.sign_compact(make(), key_url="https://ledger.example/k", algorithm="ES256", sign=KEY.sign)
    assert badge.commit_text(json.dumps(document, indent=3) + "\n") == commit_document(document)
    assert badge.commit_text(text) == badge.commit_text(f"{text}~~") == commit(text)
    with pytest.raises(MalformedError):
        badge.commit_text(json.dumps(make()))
    with pytest.raises(MalformedError):
        badge.commit_text("nothing")


def test_a_p256_key_shows_no_secret() -> None:
    """And signs the same message the same way, under the key that is published."""
    assert base64url.encode(KEY.secret) not in repr(KEY) and KEY.secret.hex() not in repr(KEY)
    assert KEY.sign(b"a") == KEY.sign(b"a") != KEY.sign(b"b")
    for wrong in (b"", bytes(32), b"\xff" * 32):
        with pytest.raises(ValueError, match="not the secret"):
            P256SigningKey(wrong)
    with pytest.raises(ValueError, match="random bytes"):
        make_secret(b"short")
    assert make_secret(b"\xff" * DRAWN_BYTES)
