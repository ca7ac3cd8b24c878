"""Presentations of others: a good signature around a credential is not enough, its signer has to be whom it is about."""

import copy
from typing import Any

import pytest

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.report import Answer, Code
from ledger.credential.strict_json import JSONObject
from tests.ledger.credential.badges import BADGE, SCHOOL_DID, STRANGER, STRANGER_DID, signed
from tests.ledger.credential.external.asking import ask, book, step
from tests.ledger.credential.external.test_traps import jws

JCS = Cryptosuite.EDDSA_JCS_2022
NAMED = book(named=(SCHOOL_DID,))
ASKED: dict[str, Any] = {"audience": "https://college.example", "nonce": "n-0", "book": NAMED}
V2 = "https://www.w3.org/ns/credentials/v2"
ALICE = "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"


def badge_about(*ids: str | None) -> JSONObject:
    """A badge by the school about these, or with subjects that have no id."""
    badge = copy.deepcopy(BADGE)
    subject: Any = badge["credentialSubject"]
    badge["credentialSubject"] = [subject if one is None else {**subject, "id": one} for one in ids]
    return signed(JCS, badge)


def presented(credential: JSONObject, *, names_holder: bool = True) -> JSONObject:
    """A presentation by the stranger, made for whom it is asked by."""
    document: JSONObject = {"@context": [V2], "type": ["VerifiablePresentation"], "verifiableCredential": [credential]}
    if names_holder:
        document["holder"] = STRANGER_DID
    return signed(JCS, document, STRANGER, purpose="authentication", domain=ASKED["audience"], challenge=ASKED["nonce"])


@pytest.mark.parametrize("names_holder", [True, False])
@pytest.mark.parametrize(
    ("ids", "code", "answer"),
    [
        ((STRANGER_DID,), Code.VALID, Answer.YES),
        ((ALICE, STRANGER_DID), Code.VALID, Answer.YES),
        ((ALICE,), Code.NOT_BOUND, Answer.NO),
        ((None,), Code.INCOMPLETE, Answer.COULD_NOT_CHECK),
    ],
)
def test_the_holder_is_whom_it_is_about(
    ids: tuple[str | None, ...], code: Code, answer: Answer, names_holder: bool
) -> None:
    """Whoever has a copy of another person's badge can sign around it, and it stays that person's."""
    outer, inner = ask(presented(badge_about(*ids), names_holder=names_holder), **ASKED).credentials
    assert (outer.code, step(outer, 4)[0]) == (Code.VALID, Answer.YES)
    assert (inner.code, step(inner, 4)[0]) == (code, answer)


def test_a_token_inside_is_held_against_the_holder_too() -> None:
    """An enveloped credential is no way around."""
    for about, code in ((STRANGER_DID, Code.VALID), (ALICE, Code.NOT_BOUND)):
        badge = copy.deepcopy(BADGE)
        subject: Any = badge["credentialSubject"]
        subject["id"] = about
        enveloped: JSONObject = {
            "@context": V2,
            "type": "EnvelopedVerifiableCredential",
            "id": f"data:application/vc+jwt,{jws(badge, typ='vc+jwt')}",
        }
        assert ask(presented(enveloped), **ASKED).credentials[1].code is code


@pytest.mark.parametrize(("purpose", "code"), [("authentication", Code.VALID), ("assertionMethod", Code.NOT_BOUND)])
def test_a_token_is_by_a_key_for_presentations(purpose: str, code: Code) -> None:
    """Whoever may sign credentials for an institution, a plug-in say, is not thereby the institution that shows them."""
    did = "did:web:river.example"
    url = f"{did}#k"
    method = {"id": url, "type": "JsonWebKey", "controller": did, "publicKeyJwk": public_key_to_jwk(STRANGER.public)}
    given = book({"id": did, "verificationMethod": [method], purpose: [url]}, named=(SCHOOL_DID,))
    presentation: JSONObject = {
        "@context": [V2],
        "type": ["VerifiablePresentation"],
        "holder": did,
        "verifiableCredential": [badge_about(did)],
        "aud": ASKED["audience"],
        "nonce": ASKED["nonce"],
    }
    shown = jws(presentation, STRANGER, typ="vp+jwt", kid=url)
    assert ask(shown, **(ASKED | {"book": given})).credentials[0].code is code
