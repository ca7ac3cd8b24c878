"""Published Data Integrity vectors, with every intermediate value: W3C EdDSA cryptosuites, 1EdTech, DCC, and our cases."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.credential import jcs
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite, hash_input
from ledger.credential.dataintegrity.issuer_document import IssuerDocument, document_of_keys, parse_issuer_document
from ledger.credential.dataintegrity.judgement import judge_proofs
from ledger.credential.dataintegrity.proof import parse_proof
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.jsonld.dataset import read_dataset
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.jsonld.rdfc import canonicalize
from ledger.credential.report import Answer
from ledger.credential.timestamp import parse_timestamp
from ledger.credential.validity import parse_document_validity
from ledger.log.didkey import parse_multikey
from ledger.log.keys import SigningKey
from ledger.log.multibase import decode_base58btc, encode_base58btc
from tests.conformance import record
from tests.ledger.credential.badges import NOW, VECTORS, library, question
from tests.shared import shared_path

SUITES = {
    Cryptosuite.EDDSA_JCS_2022: ("eddsa-jcs-2022", "JCS"),
    Cryptosuite.EDDSA_RDFC_2022: ("eddsa-rdfc-2022", "DataInt"),
    Cryptosuite.ED25519_SIGNATURE_2020: ("Ed25519Signature2020", "EdSig"),
}


def load(path: Path) -> Any:
    return json.loads(path.read_bytes())


@pytest.mark.parametrize("suite", list(Cryptosuite))
def test_w3c_intermediate_values(suite: Cryptosuite) -> None:
    """Canonical document and options, their hashes, the 64 bytes signed and the signature are those of the vectors."""
    name, ending = SUITES[suite]
    folder = shared_path(f"{VECTORS}/vc-di-eddsa") / name

    def text(stem: str) -> str:
        return (folder / f"{stem}{ending}.txt").read_text()

    document = load(folder / f"signed{ending}.json")
    options, proof = load(folder / f"proofConfig{ending}.json"), document.pop("proof")
    if suite is Cryptosuite.EDDSA_JCS_2022:
        forms = jcs.canonicalize(document).decode(), jcs.canonicalize(options).decode()
    else:
        forms = canonicalize(read_dataset(document, library())), canonicalize(read_dataset(options, library()))
    assert forms == (text("canonDoc"), text("proofCanon"))
    assert tuple(sha256(form.encode()).hexdigest() for form in forms) == (text("docHash"), text("proofHash"))
    parsed = parse_proof(proof, suite)
    hashes = hash_input(suite, document, parsed.options, library())
    assert hashes.message.hex() == text("combinedHash")
    assert parsed.signature.hex() == text("sigHex")
    assert proof["proofValue"] == text("sigBTC58").strip()
    record(
        "Data Integrity EdDSA Cryptosuites 1.0",
        f"intermediate values: {name}",
        [f"{VECTORS}/vc-di-eddsa/{name}"],
        accepted=1,
    )


@pytest.mark.parametrize("suite", [Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022])
def test_w3c_vectors_are_made_again(suite: Cryptosuite) -> None:
    """With the published key our signer writes the published proof, and the judge finds it good."""
    name, ending = SUITES[suite]
    folder = shared_path(f"{VECTORS}/vc-di-eddsa")
    expected = load(folder / name / f"signed{ending}.json")
    pair = load(folder / "keyPair.json")
    key = SigningKey(decode_base58btc(pair["privateKeyMultibase"])[2:])
    assert key.public == parse_multikey(pair["publicKeyMultibase"])
    document = {member: value for member, value in expected.items() if member != "proof"}
    terms = ProofTerms(
        suite=suite,
        method=expected["proof"]["verificationMethod"],
        created=parse_timestamp(expected["proof"]["created"], where="created"),
    )
    assert add_proof(document, terms, key.sign, library()) == expected
    did = terms.method.partition("#")[0]
    assert judge_proofs(expected, question(signer=did)).answer is Answer.YES
    # the vectors' own issuer is another URL, whose document nobody has
    assert judge_proofs(expected, question(signer=expected["issuer"])).answer is Answer.NO
    record(
        "Data Integrity EdDSA Cryptosuites 1.0", f"made again with the published key: {name}", 2, accepted=1, refused=1
    )


def test_the_worked_example_of_1edtech() -> None:
    """Canonical forms, hashes and signature of Open Badges 3.0; the issuer is a URL with a document of its own."""
    folder = shared_path(f"{VECTORS}/ob3/signing-vectors")
    example = load(folder / "ob-eddsa-rdfc-2022.json")
    signed = example["signed"]
    document = {member: value for member, value in signed.items() if member != "proof"}
    assert (
        canonicalize(read_dataset(document, library())).strip()
        == (folder / "ob-document-canon.txt").read_text().strip()
    )
    parsed = parse_proof(signed["proof"], Cryptosuite.EDDSA_RDFC_2022)
    hashes = hash_input(Cryptosuite.EDDSA_RDFC_2022, document, parsed.options, library())
    assert {hashes.document.hex(), hashes.options.hex(), hashes.message.hex()} <= set(example["hexValues"])
    issuer = document["issuer"]["id"]
    keys = [parse_multikey(example["publicKeyMultibase"])]
    issuer_document = parse_issuer_document(document_of_keys(issuer, keys), issuer)
    judgement = judge_proofs(signed, question(issuer_document, signer=issuer))
    assert judgement.answer is Answer.YES, judgement.reason
    record("Open Badges 3.0", "signing vectors of 1EdTech, every value", [f"{VECTORS}/ob3/signing-vectors"], accepted=1)


def dcc_documents() -> list[IssuerDocument]:
    files = [load(path) for path in shared_path(f"{VECTORS}/dcc/dids").glob("*/did.json")]
    return [parse_issuer_document(value, value["id"]) for value in files]


def test_all_fixtures_of_the_dcc() -> None:
    """Every proof of every credential is good, where its contexts are held; each fails when the name is changed."""
    checked = proofless = old = 0
    documents = dcc_documents()
    for path in sorted(shared_path(f"{VECTORS}/dcc").rglob("*.json")):
        value = load(path)
        if "proof" not in value:
            proofless += 1
            continue
        issuer = value["issuer"]["id"] if isinstance(value["issuer"], dict) else value["issuer"]
        judgement = judge_proofs(value, question(*documents, signer=issuer))
        if "oldDCCExample" in path.name:
            assert judgement.answer is Answer.COULD_NOT_CHECK
            assert "https://w3id.org/dcc/v1" in judgement.reason
            old += 1
            continue
        assert [one.answer for one in judgement.proofs] == [Answer.YES] * len(judgement.proofs), path.name
        value["id"] = "urn:uuid:00000000-0000-4000-8000-000000000000"
        assert judge_proofs(value, question(*documents, signer=issuer)).answer is Answer.NO
        checked += 1
    doubts = {"its context https://w3id.org/dcc/v1 is not held": old}
    part = "fixtures of the DCC, as they are and with another id"
    record(
        "Data Integrity EdDSA Cryptosuites 1.0",
        part,
        checked + old,
        accepted=checked,
        refused=checked,
        unchecked=doubts,
    )
    assert proofless < checked, "DID documents and the like"


def generated() -> list[Any]:
    cases: list[Any] = load(shared_path(f"{VECTORS}/generated/data-integrity-cases.json"))["cases"]
    return cases


def test_generated_cases() -> None:
    """Each is accepted or refused as expected: by its proofs, or by its dates, a question of their own."""
    for case in generated():
        document, now = case["document"], parse_timestamp(case["now"], where="now")
        judgement = judge_proofs(document, question(now=now, signer=document["issuer"]["id"]))
        validity = parse_document_validity(document)
        is_good = judgement.answer is Answer.YES and not (validity.is_early(now) or validity.is_expired(now))
        assert is_good == (case["expect"] == "accept"), (case["name"], judgement.reason)
    assert parse_timestamp(generated()[0]["now"], where="now") == NOW
    accepted = sum(case["expect"] == "accept" for case in generated())
    files = [f"{VECTORS}/generated/data-integrity-cases.json"]
    record(
        "Data Integrity EdDSA Cryptosuites 1.0",
        "generated cases",
        files,
        accepted=accepted,
        refused=len(generated()) - accepted,
    )


def test_without_contexts_nothing_is_said_about_rdfc() -> None:
    """Could not check, and what to do; the JCS suite needs none."""
    for case in generated():
        if case["expect"] == "accept":
            document = case["document"]
            judgement = judge_proofs(document, question(signer=document["issuer"]["id"], contexts=ContextLibrary()))
            if document["proof"]["cryptosuite"] == "eddsa-jcs-2022":
                assert judgement.answer is Answer.YES
            else:
                assert judgement.answer is Answer.COULD_NOT_CHECK
                assert "cairn contexts --from" in judgement.hint


def test_signatures_are_written_as_they_are_read() -> None:
    """One spelling of 64 bytes."""
    for case in generated():
        if isinstance(case["document"].get("proof"), dict):
            value = case["document"]["proof"]["proofValue"]
            assert encode_base58btc(decode_base58btc(value)) == value
