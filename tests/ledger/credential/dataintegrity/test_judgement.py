"""Tests of ledger.credential.dataintegrity.judgement: each step refuses, sets and chains follow the policy."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url
from ledger.credential.dataintegrity import cryptosuite, judgement
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import AUTHENTICATION, document_of_keys, parse_issuer_document
from ledger.credential.dataintegrity.judgement import judge_proofs, open_document
from ledger.credential.dataintegrity.proof import MAX_PROOFS
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import Answer
from ledger.credential.strict_json import JSONObject
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.multibase import decode_base58btc
from tests.ledger.credential.badges import (
    NETWORK,
    NETWORK_DID,
    NOW,
    SCHOOL,
    SCHOOL_DID,
    STRANGER,
    STRANGER_DID,
    badge,
    question,
    signed,
    url_of,
)

JCS, RDFC = Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022
FIRST, SECOND = "urn:uuid:00000000-0000-4000-8000-000000000001", "urn:uuid:00000000-0000-4000-8000-000000000002"


def answer(document: Any, **changes: Any) -> tuple[Answer, str]:
    found = judge_proofs(document, question(**changes))
    return found.answer, found.reason


def changed(document: Any, **members: Any) -> Any:
    """The document with members of its only proof changed; None removes one."""
    result = copy.deepcopy(document)
    result["proof"] = {name: value for name, value in (result["proof"] | members).items() if value is not None}
    return result


@pytest.mark.parametrize("suite", [JCS, RDFC])
def test_what_is_signed_is_good_and_comes_back_without_proofs(suite: Cryptosuite) -> None:
    """The document to read further is the one the proof covers."""
    document = signed(suite)
    assert open_document(document, question()) == badge()
    assert judge_proofs(document, question()).proofs[0].controller == SCHOOL_DID


@pytest.mark.parametrize("suite", [JCS, RDFC])
@pytest.mark.parametrize(
    ("members", "found", "message"),
    [
        ({"cryptosuite": "eddsa-2022"}, Answer.COULD_NOT_CHECK, "suite 'eddsa-2022' is not understood"),
        ({"type": "Other"}, Answer.COULD_NOT_CHECK, "is not understood"),
        ({"proofValue": None}, Answer.NO, "expected a proofValue"),
        ({"proofValue": "z1"}, Answer.NO, "a proofValue of 1 bytes"),
        ({"proofValue": "z" + "2" * 90}, Answer.NO, "at most 90 characters"),
        ({"verificationMethod": None}, Answer.NO, "expected a text 'verificationMethod'"),
        ({"created": "yesterday"}, Answer.NO, "'yesterday' is no date and time"),
        ({"previousProof": 4}, Answer.NO, "in 'previousProof'"),
        ({"proofPurpose": "authentication"}, Answer.NO, "made for 'authentication'"),
        ({"expires": "2025-12-31T23:59:59Z"}, Answer.NO, "expired at 2025-12-31T23:59:59Z"),
        ({"verificationMethod": f"{SCHOOL_DID}#other"}, Answer.NO, "not one of the 1 keys"),
        ({"verificationMethod": "did:key:z6Mk"}, Answer.COULD_NOT_CHECK, "is not ed25519 or p256"),
        ({"verificationMethod": "https://x.example/#k"}, Answer.COULD_NOT_CHECK, "no document of 'https://x.example/'"),
        ({"verificationMethod": url_of(STRANGER)}, Answer.NO, "has to be signed by"),
        ({"previousProof": "urn:uuid:gone"}, Answer.NO, "'urn:uuid:gone', which is not there"),
        ({"created": "2025-06-15T15:06:41Z"}, Answer.NO, "does not cover this document"),
    ],
)  # fmt: skip
def test_each_step_refuses(suite: Cryptosuite, members: dict[str, Any], found: Answer, message: str) -> None:
    """One change for each step; the reason is that step's."""
    result, reason = answer(changed(signed(suite), **members))
    assert (result, message in reason) == (found, True), reason


@pytest.mark.parametrize("suite", [JCS, RDFC])
@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["issuer"].update(name="Granite College"),
        lambda d: d["credentialSubject"]["achievement"].update(name="Algebra III"),
        lambda d: d["credentialSubject"].update(gpa="4.0"),
        lambda d: d["type"].append("Diploma"),
        lambda d: d.pop("validFrom"),
        lambda d: d.update(validUntil="2030-01-01T00:00:00Z"),
    ],
)
def test_a_changed_document_is_refused(suite: Cryptosuite, change: Any) -> None:
    """Trap 1: also a term that means nothing, and a type that means nothing."""
    document: Any = signed(suite)
    change(document)
    assert answer(document)[0] is Answer.NO


@given(st.integers(0, 63), st.integers(1, 255))
def test_any_changed_byte_of_a_signature_is_refused(position: int, difference: int) -> None:
    """A proofValue that decodes to other bytes is no signature."""
    from ledger.log.multibase import encode_base58btc

    document: Any = signed(JCS)
    signature = bytearray(decode_base58btc(document["proof"]["proofValue"]))
    signature[position] ^= difference
    assert (
        answer(changed(document, proofValue=encode_base58btc(bytes(signature))), contexts=ContextLibrary())[0]
        is Answer.NO
    )


def test_another_base_is_refused() -> None:
    """The suites write base58btc; the same bytes as base64url are not a second spelling."""
    document: Any = signed(JCS)
    text = "u" + base64url.encode(decode_base58btc(document["proof"]["proofValue"]))
    assert answer(changed(document, proofValue=text)) == (
        Answer.NO, "proof: proofValue: 'u' is not the prefix of base58btc, 'z'"
    )  # fmt: skip


def test_the_context_rules_of_jcs() -> None:
    """Trap 7: appended contexts are left out, others refused; a proof without @context covers the document's own."""
    document: Any = signed(JCS)
    appended = {**document, "@context": [*document["@context"], "https://w3id.org/security/multikey/v1"]}
    assert answer(appended)[0] is Answer.YES
    for contexts in (document["@context"][::-1], document["@context"][:1], document["@context"][0], None):
        result, reason = answer({**document, "@context": contexts})
        assert (result, "contexts do not begin with" in reason) == (Answer.NO, True)
    plain = {name: value for name, value in badge().items() if name != "@context"}
    bare: Any = signed(JCS, plain)
    assert "@context" not in bare["proof"]
    assert answer(bare)[0] is Answer.YES
    assert answer({**bare, "@context": document["@context"]})[0] is Answer.NO


def test_proof_and_type_as_object_or_array() -> None:
    """Trap 5: one proof may stand in an array, and its type too where it was signed so."""
    document: Any = signed(RDFC)
    assert answer({**document, "proof": [document["proof"]]})[0] is Answer.YES
    assert answer(changed(document, type=["DataIntegrityProof"]))[0] is Answer.YES
    for wrong in ("text", [1], [[document["proof"]]]):
        with pytest.raises(MalformedError, match="expected an object or an array of objects"):
            judge_proofs({**document, "proof": wrong}, question())


def test_issuer_control_with_a_held_document() -> None:
    """Trap 8 of keys: a key counts if the issuer's own document lists it for the purpose, retired ones included."""
    did = "did:web:granite.example"
    document = badge() | {"issuer": did}
    url = f"{did}#{url_of(SCHOOL).partition('#')[2]}"
    proven = signed(JCS, document, method=url)
    listed = document_of_keys(did, [STRANGER.public, SCHOOL.public])
    good = parse_issuer_document(listed, did)
    assert judge_proofs(proven, question(good, signer=did)).answer is Answer.YES
    withdrawn = parse_issuer_document(document_of_keys(did, [STRANGER.public], [SCHOOL.public]), did)
    judgement = judge_proofs(proven, question(withdrawn, signer=did))
    assert (judgement.answer, "does not list it under assertionMethod" in judgement.reason) == (Answer.NO, True)
    unknown = judge_proofs(proven, question(signer=did))
    assert unknown.answer is Answer.COULD_NOT_CHECK
    methods: Any = listed["verificationMethod"]
    methods[1]["expires"] = "2025-12-01T00:00:00Z"
    ended = judge_proofs(proven, question(parse_issuer_document(listed, did), signer=did))
    assert (ended.answer, "verifies nothing since" in ended.reason) == (Answer.COULD_NOT_CHECK, True)


def test_a_set_of_both_suites() -> None:
    """Two proofs, each over the document without any; without contexts the one that needs none is enough."""
    document: Any = signed(RDFC, signed(JCS))
    judgement = judge_proofs(document, question())
    assert [one.answer for one in judgement.proofs] == [Answer.YES, Answer.YES]
    without = judge_proofs(document, question(contexts=ContextLibrary()))
    assert [one.answer for one in without.proofs] == [Answer.YES, Answer.COULD_NOT_CHECK]
    assert without.answer is Answer.YES


def test_one_good_proof_does_not_excuse_another() -> None:
    """Trap 17: a set with one bad proof is refused, in either order; one not understood may stand beside a good one."""
    document: Any = signed(RDFC, signed(JCS))
    for bad in (0, 1):
        spoiled = copy.deepcopy(document)
        spoiled["proof"][bad]["created"] = "2024-01-01T00:00:00Z"
        assert answer(spoiled)[0] is Answer.NO
    other = {**document, "proof": [{"type": "SomeProofType"}, *document["proof"]]}
    assert answer(other)[0] is Answer.YES
    stranger = signed(JCS, document, STRANGER)
    assert answer(stranger)[0] is Answer.NO


def test_unknown_proofs_alone_are_not_good() -> None:
    """Trap 26: nothing was checked, so nothing is accepted."""
    document = {
        **badge(),
        "proof": [{"type": "SomeProofType"}, {"type": "DataIntegrityProof", "cryptosuite": "bbs-2023"}],
    }
    assert answer(document)[0] is Answer.COULD_NOT_CHECK
    for none in (badge(), {**badge(), "proof": []}):
        assert answer(none) == (Answer.NO, f"proof: the document holds none by {SCHOOL_DID!r}")
        with pytest.raises(SignatureError, match="holds none"):
            open_document(none, question())


@pytest.mark.parametrize("suite", [JCS, RDFC])
def test_a_network_countersigns_a_school(suite: Cryptosuite) -> None:
    """A chain: the network's proof covers the school's; neither can be taken away from under the other."""
    document: Any = signed(suite, signed(suite, id=FIRST), NETWORK, id=SECOND, previous=(FIRST,))
    judgement = judge_proofs(document, question())
    assert judgement.answer is Answer.YES, judgement.reason
    assert [one.controller for one in judgement.proofs] == [SCHOOL_DID, NETWORK_DID]
    school, network = document["proof"]
    assert answer({**document, "proof": school})[0] is Answer.YES
    assert "which is not there" in answer({**document, "proof": network})[1]
    other: Any = signed(suite, id=FIRST, created=NOW)
    assert answer({**document, "proof": [other["proof"], network]})[0] is Answer.NO
    bent = {**school, "created": "2024-01-01T00:00:00Z"}
    answers = judge_proofs({**document, "proof": [network, bent]}, question()).proofs
    assert [one.answer for one in answers] == [Answer.NO, Answer.NO]
    assert "which failed" in answers[0].reason


def test_a_countersignature_alone_is_not_the_schools() -> None:
    """Whoever signs over a proof does not stand in for the issuer."""
    document: Any = signed(JCS, signed(JCS, id=FIRST), NETWORK, previous=(FIRST,))
    document["proof"][0]["cryptosuite"] = "of-tomorrow"
    network = signed(JCS, {**badge(), "proof": document["proof"][0]}, NETWORK, previous=(FIRST,))
    judgement = judge_proofs(network, question())
    assert [one.answer for one in judgement.proofs] == [Answer.COULD_NOT_CHECK, Answer.YES]
    assert judgement.answer is Answer.COULD_NOT_CHECK


def test_circles_and_doubles_in_a_chain() -> None:
    """Proofs that sign over each other, or share an id, end in an answer or an error."""
    one: Any = signed(JCS, id=FIRST)["proof"]
    two: Any = signed(JCS, id=SECOND)["proof"]
    circle = [{**one, "previousProof": SECOND}, {**two, "previousProof": FIRST}]
    assert answer({**badge(), "proof": circle})[0] is Answer.NO
    assert answer({**badge(), "proof": {**one, "previousProof": FIRST}})[0] is Answer.NO
    with pytest.raises(MalformedError, match="two proofs have the same id"):
        judge_proofs({**badge(), "proof": [one, one]}, question())
    with pytest.raises(MalformedError, match=f"at most {MAX_PROOFS} are read"):
        judge_proofs({**badge(), "proof": [{}] * (MAX_PROOFS + 1)}, question())


def test_presentations_answer_a_challenge_for_a_domain() -> None:
    """Purpose, domain and challenge are signed and have to be those that were asked."""
    asked = {
        "signer": STRANGER_DID,
        "purpose": AUTHENTICATION,
        "domain": "https://tidewater.example",
        "challenge": "n-1",
    }
    presentation = {"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiablePresentation"]}
    proven = signed(
        RDFC, presentation, STRANGER, purpose=AUTHENTICATION, domain="https://tidewater.example", challenge="n-1"
    )  # fmt: skip
    assert answer(proven, **asked)[0] is Answer.YES
    for wrong in ({"domain": "https://other.example"}, {"challenge": "n-2"}, {"purpose": "assertionMethod"}):
        assert answer(proven, **(asked | wrong))[0] is Answer.NO


@pytest.mark.parametrize("is_poison", [False, True])
def test_a_document_is_hashed_once_for_all_its_proofs(monkeypatch: pytest.MonkeyPatch, is_poison: bool) -> None:
    """Making its dataset is what a hostile megabyte is slow at, so sixteen proofs do not ask for it sixteen times."""
    counted = []

    def count(document: JSONObject, library: ContextLibrary) -> bytes:
        counted.append(document)
        if is_poison:
            raise MalformedError("rdfc: poison")
        return cryptosuite.hash_dataset(document, library)

    document = signed(Cryptosuite.EDDSA_RDFC_2022)
    monkeypatch.setattr(judgement, "hash_dataset", count)
    many = judge_proofs(document | {"proof": [document["proof"]] * 16}, question())
    assert [one.answer for one in many.proofs] == [Answer.COULD_NOT_CHECK if is_poison else Answer.YES] * 16
    assert len(counted) == 1


def test_poison_is_no_verdict() -> None:
    """Trap 2: a document whose blank nodes cannot be told apart in bounded work could not be checked."""
    document: Any = signed(RDFC)
    names = [f"_:n{n}" for n in range(10)]
    document["credentialSubject"] = [
        {"id": name, "type": "AchievementSubject", "identifier": [{"id": o} for o in names if o != name]}
        for name in names
    ]
    result, reason = answer(document)
    assert (result, "the bound on work" in reason) == (Answer.COULD_NOT_CHECK, True), reason


PROOFS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(["DataIntegrityProof", FIRST, "z11"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "cryptosuite",
                    "id",
                    "created",
                    "expires",
                    "proofValue",
                    "verificationMethod",
                    "previousProof",
                    "@context",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(PROOFS, st.booleans())
def test_hostile_proofs_are_judged_or_refused(value: Any, is_beside: bool) -> None:
    """Nothing but our errors escapes, and none of it is good."""
    good: Any = signed(JCS)["proof"]
    proof = {**good, **value} if is_beside and isinstance(value, dict) else value
    try:
        judgement = judge_proofs({**badge(), "proof": proof}, question(contexts=ContextLibrary()))
    except CairnError:
        return
    assert judgement.answer is not Answer.YES or proof == good
