"""Tokens of others: what may be cut off, left out or moved in them, and whose keys no longer count."""

import json
from typing import Any

import pytest

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import document_of_keys
from ledger.credential.external.lists import open_status_list
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.p256 import P256SigningKey
from ledger.credential.plainlist.slots import PlainSlot, Purpose, status_members
from ledger.credential.report import Answer, Code
from ledger.credential.strict_json import JSONObject
from ledger.log.didkey import encode_did_key, encode_multikey
from tests.ledger.credential.badges import NOW, SCHOOL, SCHOOL_DID, STRANGER, STRANGER_DID, badge, signed
from tests.ledger.credential.external.asking import EMPTY, book, code_of, first, step
from tests.ledger.credential.external.test_traps import NAMED, jws
from tests.ledger.credential.plainlist import lists

ENDED = {"validFrom": "2019-01-01T00:00:00Z", "validUntil": "2020-01-01T00:00:00Z"}
LISTED = {
    "credentialStatus": {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "5",
        "statusListCredential": "https://granite.example/lists/1",
    }
}


def sd_jwt(payload: JSONObject, kind: str = "dc+sd-jwt", **header: Any) -> str:
    """An SD-JWT in which nothing is hidden."""
    return jws(payload, typ=kind, **header) + "~"


@pytest.mark.parametrize("kind", ["vc+sd-jwt", "application/vc+sd-jwt", "dc+sd-jwt"])
def test_an_sd_jwt_without_its_tildes_is_cut_short(kind: str) -> None:
    """As a plain token it would be bound to nobody, and valid for whoever found it."""
    payload = badge() | {"cnf": {"jwk": public_key_to_jwk(STRANGER.public)}}
    assert code_of(sd_jwt(payload, "vc+sd-jwt"), book=NAMED) is Code.INCOMPLETE
    report = first(jws(payload, typ=kind), book=NAMED)
    assert report.code is Code.MALFORMED and "cut short" in step(report, 1)[1]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, Code.VALID),
        (ENDED, Code.EXPIRED),
        ({"validFrom": "2040-01-01T00:00:00Z"}, Code.NOT_YET_VALID),
        ({"validUntil": "soon"}, Code.INCOMPLETE),
        (LISTED, Code.INCOMPLETE),
    ],
)
@pytest.mark.parametrize("is_flat", [False, True])
def test_an_object_inside_says_its_own_end_and_status(members: JSONObject, code: Code, is_flat: bool) -> None:
    """Whether it stands in `ld` or its members at the top: a token without `exp` does not make it last."""
    document = badge() | members
    envelope: JSONObject = {"vct": "https://granite.example/badge", "iss": SCHOOL_DID}
    assert code_of(sd_jwt(envelope | (document if is_flat else {"ld": document})), book=NAMED) is code


def test_members_of_other_types_are_not_taken_for_dates() -> None:
    """Without a data model `validUntil` means what the type says it does."""
    payload: JSONObject = {"vct": "https://granite.example/pass", "iss": SCHOOL_DID, "validUntil": "next summer"}
    assert code_of(sd_jwt(payload), book=NAMED) is Code.VALID


def test_an_object_inside_that_names_another_issuer_is_told() -> None:
    """Only who signed the token signed at all."""
    inner = badge() | {"issuer": {"id": "https://famous.example", "type": ["Profile"], "name": "Famous College"}}
    payload: JSONObject = {"vct": "https://granite.example/badge", "iss": SCHOOL_DID, "ld": inner}
    notes = first(sd_jwt(payload), book=NAMED).notes
    assert f"inside it names https://famous.example as its issuer, and {SCHOOL_DID} signed it" in notes


CLAIMS: JSONObject = {"iss": SCHOOL_DID, "sub": "did:example:ann", "jti": "urn:uuid:1", "nbf": 1_700_000_000}
ELDER: JSONObject = {
    "@context": ["https://www.w3.org/2018/credentials/v1"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"degree": "Diploma"},
}


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, Code.VALID),
        ({"exp": 1_900_000_000}, Code.VALID),
        ({"exp": 1_710_000_000}, Code.EXPIRED),
        ({"nbf": 1_900_000_000}, Code.NOT_YET_VALID),
        ({"nbf": "x"}, Code.MALFORMED),
        ({"exp": 1_600_000_000}, Code.MALFORMED),
    ],
)
def test_claims_that_stand_for_members(claims: JSONObject, code: Code) -> None:
    """Data model 1.1 writes issuer, id, subject and dates as claims alone (§6.3.1); so its own examples do."""
    assert code_of(jws(CLAIMS | claims | {"vc": ELDER}), book=NAMED) is code


@pytest.mark.parametrize(
    "member",
    [
        {"id": "urn:uuid:2"},
        {"issuanceDate": "2020-01-01T00:00:00Z"},
        {"credentialSubject": {"id": "did:example:bob", "degree": "Diploma"}},
    ],
)
def test_members_that_claims_contradict(member: JSONObject) -> None:
    """Where both are there they agree."""
    assert code_of(jws(CLAIMS | {"vc": ELDER | member}), book=NAMED) is Code.BAD_SIGNATURE


DID = "did:web:granite.example"


def document_of(**members: str) -> JSONObject:
    """The school's document, its one key with more members."""
    method: JSONObject = {
        "id": f"{DID}#k",
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": encode_multikey(SCHOOL.public),
        **members,
    }
    return {"id": DID, "verificationMethod": [method], "assertionMethod": [f"{DID}#k"]}


@pytest.mark.parametrize("form", ["jws", "sd-jwt", "embedded"])
@pytest.mark.parametrize(
    ("members", "is_good"),
    [
        ({}, True),
        ({"revoked": "2020-01-01T00:00:00Z"}, False),
        ({"expires": "2025-12-31T23:59:59Z"}, False),
        ({"expires": "2026-01-01T00:00:01Z"}, True),
    ],
)
def test_a_key_that_has_ended(form: str, members: dict[str, str], is_good: bool) -> None:
    """Whatever the form: nobody but its issuer can tell what such a key signed before, and what a thief did after."""
    named = badge() | {"issuer": {"id": DID, "type": ["Profile"], "name": "Granite School"}}
    data: str | JSONObject = {
        "jws": jws(named, kid=f"{DID}#k"),
        "sd-jwt": sd_jwt({"vct": "https://granite.example/badge", "iss": DID}, kid=f"{DID}#k"),
        "embedded": signed(Cryptosuite.EDDSA_JCS_2022, named, method=f"{DID}#k"),
    }[form]
    report = first(data, book=book(document_of(**members)))
    assert step(report, 2)[0] is (Answer.YES if is_good else Answer.COULD_NOT_CHECK)
    assert (report.code is Code.VALID) == is_good


@pytest.mark.parametrize("is_reversed", [False, True])
def test_several_lists_as_tokens(is_reversed: bool) -> None:
    """A list that is not the one asked for is passed over, in whichever order they were given."""
    entries, claim = status_members(PlainSlot(0, lists.FREE), lists.ISSUER_URL)
    foreign = lists.bare() | {"id": "https://granite.example/another"}
    data = [
        lists.bitstring_jwt(foreign),
        lists.bitstring_jwt(lists.bare(Purpose.SUSPENSION)),
        lists.bitstring_jwt(),
        jws({"sub": "https://granite.example/another", "iat": NOW // 1000}, typ="statuslist+jwt"),
        lists.token(),
    ]
    given = tuple(
        open_status_list(one.encode(), now=NOW, book=NAMED, library=EMPTY)
        for one in (reversed(data) if is_reversed else data)
    )
    document = signed(Cryptosuite.EDDSA_JCS_2022, badge() | {"credentialStatus": json.loads(json.dumps(entries))})
    assert code_of(document, book=NAMED, lists=given) is Code.VALID
    payload: JSONObject = {"vct": "https://granite.example/badge", "iss": SCHOOL_DID, "status": claim}
    assert code_of(sd_jwt(payload), book=NAMED, lists=given) is Code.VALID


def test_a_list_signed_by_a_key_that_has_ended() -> None:
    """A thief's list would say that nothing was revoked."""
    _, claim = status_members(PlainSlot(0, lists.FREE), lists.ISSUER_URL)
    payload: JSONObject = {"vct": "https://granite.example/badge", "iss": DID, "status": claim}
    for members, code in (({}, Code.VALID), ({"revoked": "2026-01-01T00:00:00Z"}, Code.INCOMPLETE)):
        stolen = document_of(**members)
        stolen["verificationMethod"].append(  # type: ignore[union-attr]  # a list
            document_of()["verificationMethod"][0]  # type: ignore[index]  # as above
            | {"id": f"{DID}#new", "publicKeyMultibase": encode_multikey(STRANGER.public)}
        )
        stolen["assertionMethod"].append(f"{DID}#new")  # type: ignore[union-attr]  # as above
        given = book(stolen)
        read = open_status_list(lists.token().encode(), now=NOW, book=given, library=EMPTY)
        signed_anew = jws(payload, STRANGER, typ="dc+sd-jwt", kid=f"{DID}#new") + "~"
        assert code_of(signed_anew, book=given, lists=(read,)) is code


def test_a_list_signed_by_another_issuer() -> None:
    """Whose document is held for other credentials has no say here; whom the verifier names keeps lists for others."""
    entries, _ = status_members(PlainSlot(0, lists.FREE), lists.ISSUER_URL)
    revocation = json.loads(json.dumps(entries))[0]
    foreign = lists.bare() | {"issuer": STRANGER_DID}
    data = json.dumps(signed(Cryptosuite.EDDSA_JCS_2022, foreign, STRANGER)).encode()
    document = signed(Cryptosuite.EDDSA_JCS_2022, badge() | {"credentialStatus": revocation})
    keys = document_of_keys(STRANGER_DID, [STRANGER.public])
    for given, code in (
        (book(keys, named=(SCHOOL_DID,)), Code.INCOMPLETE),
        (book(named=(SCHOOL_DID, STRANGER_DID)), Code.VALID),
    ):
        read = open_status_list(data, now=NOW, book=given, library=EMPTY)
        report = first(document, book=given, lists=(read,))
        assert report.code is code, step(report, 11)
        assert code is Code.VALID or "it is issued by" in step(report, 11)[1]


@pytest.mark.parametrize("form", ["jws", "sd-jwt", "list"])
def test_eddsa_by_its_newer_name(form: str) -> None:
    """RFC 9864 names the curve too; the signature is the same."""
    _, claim = status_members(PlainSlot(0, lists.FREE), lists.ISSUER_URL)
    payload: JSONObject = {"vct": "https://granite.example/badge", "iss": SCHOOL_DID}
    read = open_status_list(lists.token(alg="Ed25519").encode(), now=NOW, book=NAMED, library=EMPTY)
    data = {
        "jws": jws(badge(), alg="Ed25519"),
        "sd-jwt": sd_jwt(payload, alg="Ed25519"),
        "list": sd_jwt(payload | {"status": claim}),
    }[form]
    assert code_of(data, book=NAMED, lists=(read,)) is Code.VALID


def test_the_newer_name_is_of_no_other_curve() -> None:
    """A name that does not fit the key is refused, as before."""
    key = P256SigningKey(b"\7" * 32)
    document = badge() | {"issuer": {"id": encode_did_key(key.public), "type": ["Profile"]}}
    named = book(named=(encode_did_key(key.public),))
    assert code_of(jws(document, key, alg="ES256"), book=named) is Code.VALID
    assert code_of(jws(document, key, alg="Ed25519"), book=named) is Code.BAD_SIGNATURE
