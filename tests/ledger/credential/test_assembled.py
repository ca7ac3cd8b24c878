"""Tests of ledger.credential.assembled and its reader: a learner's record vouches for nothing, and takes nobody's badge."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from ledger.credential.assembled import (
    DESCRIPTION,
    MAX_KEYS,
    assemble,
    identities_of,
    sign_record,
)
from ledger.credential.badge import SUITES
from ledger.credential.clr import Association, RecordTerms
from ledger.credential.copy import IssuerProfile
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.external.assembled import ASSEMBLED_NOTE
from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import UNBOUND_NOTE, Answer, ClaimClass, Code, RecordReport
from ledger.credential.strict_json import JSONObject
from ledger.errors import RuleError
from ledger.log.didkey import encode_did_key
from ledger.log.keys import SigningKey
from tests.ledger.credential.badges import NOW, SCHOOL_DID, STRANGER, STRANGER_DID, badge, library, signed
from tests.ledger.credential.external.asking import ask, book, step
from tests.shared import shared_path

FIRST, SECOND = (SigningKey(bytes([n]) * 32) for n in (21, 22))
FIRST_DID, SECOND_DID = (encode_did_key(key.public) for key in (FIRST, SECOND))
PROOF_IDS = ["urn:uuid:6b1d8f0e-0001-4a0e-9d0f-0000000000a1", "urn:uuid:6b1d8f0e-0001-4a0e-9d0f-0000000000a2"]
TERMS = RecordTerms(
    issuer=IssuerProfile(FIRST_DID, "Zoë Sample", ""),
    copy_id="6b1d8f0e-0001-4a0e-9d0f-0000000000ff",
    name="Learner record",
    description=DESCRIPTION,
    subject_id=FIRST_DID,
    issued_at=NOW // 1000,
    is_partial=True,
)
NAMED = book(named=(SCHOOL_DID,))


def bare(number: int, subject: str | None, name: str = "") -> Any:
    """A badge before it is signed."""
    document: Any = badge()
    document["id"] = f"urn:uuid:6b1d8f0e-0001-4a0e-9d0f-{number:012}"
    document["credentialSubject"]["achievement"]["id"] = f"urn:a:{number}"
    if subject is not None:
        document["credentialSubject"]["id"] = subject
    if name:
        identity = {"type": "IdentityObject", "hashed": False, "identityHash": name, "identityType": "name"}
        document["credentialSubject"]["identifier"] = [identity]
    return document


def part(number: int, subject: str | None, name: str = "") -> JSONObject:
    return signed(Cryptosuite.EDDSA_JCS_2022, bare(number, subject, name))


def make(parts: Sequence[JSONObject], *keys: SigningKey, **changes: Any) -> Any:
    terms = replace(TERMS, identities=tuple(identities_of(parts)), **changes)
    return sign_record(assemble(parts, terms), keys or (FIRST,), PROOF_IDS, library())


def judge(record: Any, **changes: Any) -> RecordReport:
    return ask(record, contexts=True, book=NAMED, **changes)


def test_a_record_is_valid_by_the_published_schema() -> None:
    """With an association, partial; issuer and subject are one key; one proof of each suite."""
    link = Association("isPartOf", "urn:a:2", "urn:a:1")
    record = make([part(1, FIRST_DID, "Zoë Sample"), part(2, FIRST_DID)], associations=(link,))
    schema = shared_path("vectors/formats/schemas/clr-v2p0/clr_v2p0_clrcredential_schema.json")
    jsonschema.Draft201909Validator(json.loads(schema.read_bytes())).validate(record)
    assert record["partial"] is True and record["description"] == DESCRIPTION
    assert [proof["cryptosuite"] for proof in record["proof"]] == [suite.value for suite in SUITES]
    report = judge(record)
    assert [one.code for one in report.credentials] == [Code.VALID] * 3
    outer, *parts = report.credentials
    assert ASSEMBLED_NOTE in outer.notes and "not the whole record" in "\n".join(outer.notes)
    assert step(outer, 9)[0] is Answer.NOT_APPLICABLE and step(outer, 4)[0] is Answer.YES
    assert outer.issuer == f"the learner ({FIRST_DID})"
    assert {line.claim_class for line in outer.shown} == {ClaimClass.SELF_ASSERTED}
    for one in parts:
        assert step(one, 4) == (Answer.YES, f"it is made out to {FIRST_DID}, who signed the record")
        assert UNBOUND_NOTE not in one.notes


def test_every_key_signs_for_what_is_made_out_to_it() -> None:
    """Over the first key's proofs; without its signature a credential is somebody else's (trap 20)."""
    parts = [part(1, FIRST_DID), part(2, SECOND_DID)]
    both = judge(make(parts, FIRST, SECOND))
    assert [one.code for one in both.credentials] == [Code.VALID] * 3
    outer = both.credentials[0]
    assert (outer.countersignatures, "countersigned" in "\n".join(outer.notes)) == ((), False), "they are the learner's"
    alone = judge(make(parts, FIRST))
    assert [one.code for one in alone.credentials] == [Code.VALID, Code.VALID, Code.NOT_BOUND]
    assert step(alone.credentials[2], 4) == (
        Answer.NO,
        f"it is made out to {SECOND_DID}, who did not sign the record",
    )
    assert alone.exit_code == 1


def test_somebody_elses_signature_stays_a_countersignature() -> None:
    report = judge(make([part(1, FIRST_DID)], FIRST, STRANGER)).credentials[0]
    assert [one.id for one in report.countersignatures] == [STRANGER_DID]
    assert f"countersigned by {STRANGER_DID}" in "\n".join(report.notes)


def test_that_identifiers_agree_proves_nothing() -> None:
    """Whoever puts a record together writes them: a stranger's badge stays a stranger's, an unbound one unbound."""
    record = make([part(1, STRANGER_DID, "Zoë Sample"), part(2, "urn:uuid:1", "Zoë Sample")])
    stolen, unbound = judge(record).credentials[1:]
    assert stolen.code is Code.NOT_BOUND
    assert (unbound.code, step(unbound, 4)[0]) == (Code.VALID, Answer.NOT_APPLICABLE)
    assert UNBOUND_NOTE in unbound.notes


def test_several_names_are_told() -> None:
    record = make([part(1, FIRST_DID, "Zoë Sample"), part(2, None, "Ash Other")])
    assert "its credentials name Ash Other, Zoë Sample" in "\n".join(judge(record).credentials[0].notes)
    same = make([part(1, FIRST_DID, "Zoë Sample"), part(2, None, "Zoë Sample")])
    assert "its credentials name" not in "\n".join(judge(same).credentials[0].notes)


def test_a_changed_part_refuses_the_whole() -> None:
    """Changed after signing, nothing of the record is believed; changed before, the part is not authentic, nor the file."""
    record = make([part(1, FIRST_DID), part(2, FIRST_DID)])
    record["credentialSubject"]["verifiableCredential"][1]["name"] = "Doctor"
    assert [one.code for one in judge(record).credentials] == [Code.BAD_SIGNATURE]
    document: Any = dict(part(2, FIRST_DID))
    document["name"] = "Doctor"
    report = judge(make([part(1, FIRST_DID), document]))
    assert [one.code for one in report.credentials] == [Code.VALID, Code.VALID, Code.BAD_SIGNATURE]
    assert report.exit_code == 1


def test_it_answers_no_audience() -> None:
    report = judge(make([part(1, FIRST_DID)]), audience="Tidewater College")
    assert {one.code for one in report.credentials} == {Code.NOT_BOUND}


def test_a_record_that_awards_something_is_no_learners() -> None:
    """An achievement of its own, or another issuer than its subject: then its issuer has to be known."""
    for change in ("achievement", "issuer"):
        record = assemble([part(1, FIRST_DID)], TERMS)
        subject: Any = record["credentialSubject"]
        if change == "achievement":
            subject["achievement"] = [subject["verifiableCredential"][0]["credentialSubject"]["achievement"]]
        else:
            record["issuer"] = {"id": STRANGER_DID, "type": ["Profile"]}
        key = FIRST if change == "achievement" else STRANGER
        report = judge(sign_record(record, [key], PROOF_IDS, library()))
        assert report.credentials[0].code is Code.UNKNOWN_ISSUER, change
        assert ASSEMBLED_NOTE not in report.credentials[0].notes


def test_what_does_not_belong_together() -> None:
    one = part(1, FIRST_DID)
    with pytest.raises(RuleError, match="0 credentials"):
        assemble([], TERMS)
    with pytest.raises(RuleError, match="the same one"):
        assemble([one, one], TERMS)
    with pytest.raises(RuleError, match="is not in the record"):
        assemble([one], replace(TERMS, associations=(Association("isPartOf", "urn:a:1", "urn:a:9"),)))
    with pytest.raises(RuleError, match=f"at most {MAX_KEYS}"):
        sign_record(assemble([one], TERMS), [FIRST] * (MAX_KEYS + 1), PROOF_IDS, library())
    with pytest.raises(MissingContextError):
        sign_record(assemble([one], TERMS), [FIRST], PROOF_IDS, ContextLibrary())
    for wrong in (replace(TERMS, is_partial=False), replace(TERMS, subject_id=SECOND_DID)):
        with pytest.raises(ValueError, match="about its issuer"):
            assemble([one], wrong)
