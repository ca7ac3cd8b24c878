"""Files of others, from end to end: what each suite expects of a verifier is what the report says."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.external.entry import entries_of_document
from ledger.credential.external.judge import judge_external
from ledger.credential.external.lists import open_status_list
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.revocation import ListedStatus, read_status
from ledger.credential.external.shape import check_credential, check_presentation
from ledger.credential.jsonld.dataset import read_dataset
from ledger.credential.report import Answer, Code
from ledger.credential.timestamp import parse_timestamp
from ledger.errors import CairnError
from tests.conformance import record
from tests.ledger.credential.badges import NOW, VECTORS, library
from tests.ledger.credential.external.asking import ask, book, code_of, first, load, step
from tests.shared import SHARED, shared_path

FORMATS = SHARED / VECTORS


def cases(name: str) -> list[Any]:
    """The generated cases of a file; one that skips where it is absent."""
    path = FORMATS / "generated" / name
    found = load(path)["cases"] if path.exists() else []
    return [pytest.param(case, id=f"{case.get('role', '')}{case['name']}") for case in found]


def files(pattern: str) -> list[Path]:
    """The files of a suite, in order."""
    return sorted(FORMATS.glob(pattern))


def name_of(path: Path) -> str:
    return os.path.relpath(path, FORMATS)


EXPECTED_REFUSALS = {
    "iss-mismatch": Code.BAD_SIGNATURE,
    "sub-mismatch": Code.BAD_SIGNATURE,
    "jti-mismatch": Code.BAD_SIGNATURE,
    "exp-past": Code.EXPIRED,
    "expired-credential": Code.EXPIRED,
    "not-yet-valid": Code.NOT_YET_VALID,
    # a suite nobody here understands says nothing, good or bad; it is never taken for a good one
    "unknown-suite": Code.INCOMPLETE,
}


@pytest.mark.parametrize("case", cases("ob3-jwt-cases.json"))
def test_badge_tokens(case: dict[str, Any]) -> None:
    """RS256 badges: accepted under the issuer's published key, refused for the reason the case gives."""
    documents = [({"keys": [jwk]}, owner) for owner, jwk in case["trusted_issuer_keys"].items()]
    assert len(documents) == 1
    given = book(documents[0][0], owner=documents[0][1])
    code = code_of(case["jws"], now=parse_timestamp(case["now"], where="now"), book=given)
    assert code is (Code.VALID if case["expect"] == "accept" else EXPECTED_REFUSALS[case["name"]])


@pytest.mark.parametrize("case", cases("data-integrity-cases.json"))
def test_embedded_proofs(case: dict[str, Any]) -> None:
    """Documents with proofs: valid once the issuer is named, refused for the reason the case gives."""
    document = case["document"]
    issuer = document["issuer"]["id"] if isinstance(document["issuer"], dict) else document["issuer"]
    now = parse_timestamp(case["now"], where="now")
    code = code_of(document, now=now, book=book(named=(issuer,)), contexts=True)
    kind = case["name"].partition("-")[2]
    assert code is (Code.VALID if case["expect"] == "accept" else EXPECTED_REFUSALS.get(kind, Code.BAD_SIGNATURE))
    if case["expect"] == "accept":
        assert code_of(document, now=now, contexts=True) is Code.UNKNOWN_ISSUER


def test_generated_cases_are_counted() -> None:
    """Each of them is a test of its own above, judged as a file from its bytes to the report; here is how many."""
    parts = {
        "ob3-jwt-cases.json": ("Open Badges 3.0", "generated cases: badges as JWS"),
        "data-integrity-cases.json": ("Data Integrity EdDSA Cryptosuites 1.0", "generated cases, as received files"),
        "sd-jwt-cases.json": ("SD-JWT (RFC 9901) and SD-JWT VC", "generated cases for verifiers, as received files"),
    }
    for name, (suite, part) in parts.items():
        found = load(shared_path(f"{VECTORS}/generated/{name}"))["cases"]
        expected = [case["expect"] for case in found if case.get("role", "verifier") == "verifier"]
        accepted = expected.count("accept")
        files = [f"{VECTORS}/generated/{name}"]
        record(suite, part, files, accepted=accepted, refused=len(expected) - accepted)


@pytest.mark.parametrize("case", cases("sd-jwt-cases.json"))
def test_sd_jwt_cases(case: dict[str, Any]) -> None:
    """Every verifier case gives a report that accepts or refuses as expected."""
    if case["role"] != "verifier":
        pytest.skip("a case for holders")
    text = case["sd_jwt"] if isinstance(case["sd_jwt"], str) else json.dumps(case["sd_jwt"])
    jws_payload = case.get("payload") or {}
    given = book({"keys": [case["issuer_jwk"]]}, owner=jws_payload.get("iss", "https://school.example"))
    needs = case["key_binding_required"]
    asked = {"audience": case["aud"], "nonce": case["nonce"]} if needs else {}
    report = first(text, now=case["now"] * 1000, book=given, **asked)
    bound_unasked = not needs and "cnf" in jws_payload
    accepted = (Code.VALID, Code.INCOMPLETE) if bound_unasked else (Code.VALID,)
    assert (report.code in accepted) is (case["expect"] == "accept"), report.to_lines()


def expects_ok(path: Path) -> bool:
    return path.stem.endswith("ok") or path.stem.startswith("presentation-self-asserted")


@pytest.mark.parametrize("path", files("vcdm2/inputs/**/*.json"), ids=name_of)
def test_data_model_inputs(path: Path) -> None:
    """`ok` documents have the shape of data model 2.0 and mean something; `fail` documents do not."""
    # the suite fills in its own dates
    text = path.read_text(encoding="utf-8")
    document = json.loads(
        text.replace("PAST DATE", "2020-01-01T00:00:00Z").replace("FUTURE DATE", "2090-01-01T00:00:00Z")
    )
    is_credential = path.name.startswith(("credential", "issuer"))
    if is_credential and "issuer" not in document and "no-issuer" not in path.name:
        document["issuer"] = "did:key:z6MkhBvb22hEFSfQCAwbShTUDq6tsyMcrSNctJr5QLwnPnPz"
    elif is_credential and isinstance(document.get("issuer"), dict) and "id" not in document["issuer"]:
        document["issuer"]["id"] = "did:key:z6MkhBvb22hEFSfQCAwbShTUDq6tsyMcrSNctJr5QLwnPnPz"
    try:
        (check_credential if is_credential else check_presentation)(document)
        if is_credential:
            read_dataset(document, library(), allow_inline=True)
    except CairnError as error:
        assert not expects_ok(path), str(error)
    else:
        assert expects_ok(path)


@pytest.mark.parametrize("kind", ["credential", "presentation"])
def test_data_model_inputs_are_counted(kind: str) -> None:
    """Each of them is a test of its own."""
    shared_path(f"{VECTORS}/vcdm2/inputs")
    found = [
        path for path in files("vcdm2/inputs/**/*.json") if path.name.startswith("presentation") == (kind[0] == "p")
    ]
    good = sum(map(expects_ok, found))
    suite = "Verifiable Credentials Data Model 2.0"
    record(suite, f"inputs of the test suite: {kind}s", len(found), accepted=good, refused=len(found) - good)


LATER = 1_790_000_000_000
DCC = {did: f"{FORMATS}/dcc/dids/{did}/did.json" for did in ("legacy", "oidf")}


@pytest.mark.parametrize("path", files("dcc/verifiableCredentials/**/*.json"), ids=name_of)
def test_dcc_fixtures(path: Path) -> None:
    """Each is signed by its issuer; status and expiry stand in its name, and the lists are not at hand."""
    documents = [load(Path(file)) for file in DCC.values()]
    document = load(path)
    issuer = document["issuer"] if isinstance(document["issuer"], str) else document["issuer"]["id"]
    report = first(document, contexts=True, now=LATER, book=book(*documents, named=(issuer,)))
    if "oldDCCExample" in path.name:
        assert "is not held here" in step(report, 2)[1]  # names a context that was never published for good
        return
    assert step(report, 2)[0] is Answer.YES, report.to_lines()
    assert report.code is expected_of_dcc(document)


def expected_of_dcc(document: Any) -> Code:
    """What a good signature leaves: the end of its validity, and whether somebody has to look at a list."""
    until = document.get("validUntil", document.get("expirationDate"))
    if until is not None and parse_timestamp(until, where="until") < LATER:
        return Code.EXPIRED
    return Code.INCOMPLETE if "credentialStatus" in document else Code.VALID


def test_dcc_fixtures_are_counted() -> None:
    """Each of them is a test of its own."""
    folder = f"{VECTORS}/dcc/verifiableCredentials"
    found = [load(path) for path in sorted(shared_path(folder).rglob("*.json")) if "oldDCCExample" not in path.name]
    codes = [expected_of_dcc(one) for one in found]
    doubts = {
        "signature good, its status list is not among the vectors": codes.count(Code.INCOMPLETE),
        "its context https://w3id.org/dcc/v1 is not held": 1,
    }
    good, ended = codes.count(Code.VALID), codes.count(Code.EXPIRED)
    part = "credentials; one whose validity has ended"
    record("Digital Credentials Consortium", part, [folder], accepted=good, refused=ended, unchecked=doubts)


def test_dcc_status_list() -> None:
    """A list that is too short, and one that is no status list, let no statement be made."""
    folder = shared_path(f"{VECTORS}/dcc/statusLists/didkey-ed25519Signature2020")
    document = load(
        shared_path(f"{VECTORS}/dcc/verifiableCredentials/v1/ed25519/didWeb") / "legacy-revokedStatus-noExpiry.json"
    )
    given = book(
        *(load(Path(file)) for file in DCC.values()),
        named=("did:key:z6MknNQD1WHLGGraFi6zcbGevuAgkVfdyCdtZnQTGWVVvR5Q",),
    )
    good = load(folder / "e5WK8CbZ1GjycuPombrj.json")
    document["credentialStatus"]["statusListCredential"] = good["id"]

    def status(name: str) -> tuple[ListedStatus, str]:
        reader = open_status_list((folder / name).read_bytes(), now=LATER, book=given, library=library())
        answer = read_status(entries_of_document(document)[0], "did:web:nobody", [reader])
        return answer.status, answer.detail

    # signed well, and shorter than the length that hides a person: no statement (Bitstring Status List §3.2)
    found, detail = status("e5WK8CbZ1GjycuPombrj.json")
    assert found is ListedStatus.UNCLEAR and "hide a person" in detail
    assert status("missingBitStringType.json")[0] is ListedStatus.UNCLEAR


def test_badge_files_of_the_public_validator() -> None:
    """1EdTech's files: with the issuer's key they verify, alone and baked; each error is named."""
    folder = shared_path(f"{VECTORS}/ob3/validator")
    key = "z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi"
    issuer = {
        "id": "https://example.com/issuers/876543",
        "assertionMethod": [
            {
                "id": f"https://example.com/issuers/876543#{name}",
                "type": "Multikey",
                "controller": "https://example.com/issuers/876543",
                "publicKeyMultibase": name,
            }
            for name in (
                key,
                "z6MknNHHrBzPytzu6CUBP9Lg7fg4KSBjzimc2Frh693YbMiv",
                "z6MkrvfzkMnvCroEUP2DVc9SHPE48CRsvHiVSusHioxTYu1x",
            )
        ],
    }
    found = {
        path.name: code_of(path.read_bytes(), contexts=True, book=book(issuer))
        for path in folder.iterdir()
        if path.name.startswith("simple")
    }
    expected = {
        "simple.json": Code.VALID,
        "simple.1ob": Code.VALID,
        "simple_v1.json": Code.VALID,
        "simple-multiple-proofs.json": Code.VALID,
        "simple-context-version.json": Code.VALID,
        "simple-jwt.png": Code.UNKNOWN_ISSUER,
        "simple-eddsa-2022.json": Code.INCOMPLETE,
        "simple-err-context.json": Code.MALFORMED,
        "simple-err-issuer.json": Code.MALFORMED,
        "simple-err-credential-subject-type.json": Code.MALFORMED,
        "simple-err-evidence-type.json": Code.MALFORMED,
        "simple-err-expired.json": Code.EXPIRED,
        "simple-err-proof-value.json": Code.BAD_SIGNATURE,
        "simple-jwt-of-1.1": None,
    }
    wrong = {
        name: found.get(name) for name, code in expected.items() if code is not None and found.get(name) is not code
    }
    assert wrong == {}
    codes = [code for code in expected.values() if code is not None]
    doubts = {
        "its key is not of a known issuer": codes.count(Code.UNKNOWN_ISSUER),
        "its suite eddsa-2022 is of a draft": codes.count(Code.INCOMPLETE),
    }
    good = codes.count(Code.VALID)
    refused = len(codes) - good - sum(doubts.values())
    part = "files of the public validator, by code"
    record("Open Badges 3.0", part, len(codes), accepted=good, refused=refused, unchecked=doubts)


def test_records_of_the_public_validator() -> None:
    """The CLR and the badge inside are good under their issuers' keys; without a proof, or without keys, they are not."""
    folder = shared_path(f"{VECTORS}/clr2/validator")

    def issuer(name: str, key: str) -> dict[str, Any]:
        method = {"id": f"{name}#{key}", "type": "Multikey", "controller": name, "publicKeyMultibase": key}
        return {"id": name, "assertionMethod": [method]}

    given = book(
        issuer("https://example.edu/issuers/565049", "z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi"),
        issuer("https://example.com/issuers/876543", "z6MkvREVgsHx7Ppae68vCoByy73ZD4aMSJiPML2cryVL8JAx"),
    )
    report = ask((folder / "simple.json").read_bytes(), contexts=True, book=given)
    assert [one.code for one in report.credentials] == [Code.VALID, Code.VALID]
    assert report.credentials[0].title == "Sample Transcript"
    assert code_of((folder / "simple-noproof.json").read_bytes(), contexts=True, book=given) is Code.BAD_SIGNATURE
    codes = [one.code for one in ask((folder / "simple.jwt").read_bytes()).credentials]
    assert codes == [Code.UNKNOWN_ISSUER, Code.UNKNOWN_ISSUER]
    elder = ask((folder / "simple_v1.json").read_bytes(), contexts=True).credentials
    assert [one.code for one in elder[:2]] == [Code.INCOMPLETE] * 2
    assert {one.code for one in elder[2:]} == {Code.BAD_SIGNATURE}
    suite = "Comprehensive Learner Record 2.0"
    doubts = {"good by the key inside the token, and whose that is nothing says": 2}
    part = "files of the public validator: the record and the badge inside; without a proof"
    record(suite, part, 3, accepted=2, refused=1, unchecked=doubts)
    part = "simple_v1.json: badges inside signed by others than their issuers"
    record(suite, part, 1, refused=len(elder) - 2, unchecked={"no document of its issuer is held": 2})


ASSETS = FORMATS / "ob2" / "validator" / "assets"


def assertion_documents() -> list[Any]:
    shared_path(f"{VECTORS}/ob2/validator/assets")
    found = [load(path) for path in sorted(ASSETS.glob("*.json")) if path.name != "openbadges_context.json"]
    # several files of the suite share an id on purpose: the first one counts, as it would for whoever gives them
    by_id = {
        one["id"]: one
        for one in reversed(found)
        if isinstance(one.get("id"), str) and one.get("type") != "RevocationList"
    }
    return list(by_id.values())


def test_elder_badges_signed() -> None:
    """Signed assertions lead over badge class and profile to their key; a list says which one was revoked."""
    folder = shared_path(f"{VECTORS}/ob2/validator")
    given = book(*assertion_documents())
    assert step(first((folder / "simple.jwt").read_bytes(), book=given), 2)[0] is Answer.YES
    assert code_of((folder / "simple.jwt").read_bytes(), book=given) is Code.VALID
    lists = (
        open_status_list((ASSETS / "revocation-list.json").read_bytes(), now=NOW, book=given, library=library()),
        open_status_list((ASSETS / "empty-revocation-list.json").read_bytes(), now=NOW, book=given, library=library()),
    )
    assert code_of((folder / "simple-revoked.jwt").read_bytes(), book=given) is Code.INCOMPLETE
    assert code_of((folder / "simple-revoked.jwt").read_bytes(), book=given, lists=lists) is Code.REVOKED
    assert code_of((folder / "simple-not-revoked.jwt").read_bytes(), book=given, lists=lists) is Code.VALID
    changed = (folder / "simple.jwt").read_text().strip()
    assert code_of(changed[:-6] + "AAAAAA", book=given) is Code.BAD_SIGNATURE
    record("Open Badges 2.0", "signed; revoked, and with another signature", 3, accepted=2, refused=2)


def test_elder_badges_hosted() -> None:
    """A copy of a hosted badge says that its host was not asked; its mistakes are named."""
    folder = shared_path(f"{VECTORS}/ob2/validator")
    expected = {
        "basic-assertion.json": Code.UNKNOWN_ISSUER,
        "basic-assertion-expired.json": Code.EXPIRED,
        "basic-assertion-in-future.json": Code.UNKNOWN_ISSUER,
        "basic-assertion-expired-before-issued.json": Code.MALFORMED,
        "basic-assertion-invalid-context.json": Code.MALFORMED,
        "basic-assertion-invalid-type.json": Code.MALFORMED,
        "simple-badge.png": Code.UNKNOWN_ISSUER,
    }
    found = {name: code_of((folder / name).read_bytes()) for name in expected}
    assert found == expected
    refused = [code for code in expected.values() if code is not Code.UNKNOWN_ISSUER]
    doubts = {"hosted; its host is not asked": len(expected) - len(refused)}
    record("Open Badges 2.0", "hosted", len(expected), refused=len(refused), unchecked=doubts)
    answer, detail = step(first((folder / "basic-assertion.json").read_bytes()), 2)
    assert answer is Answer.COULD_NOT_CHECK and detail.startswith("hosted: could not check the host")


def test_hosted_badge_with_a_fetched_copy() -> None:
    """A copy that somebody fetched from the host settles it; another host than the issuer's is refused."""
    folder = shared_path(f"{VECTORS}/ob2/validator")
    copy = load(folder / "basic-assertion.json")
    documents = [one for one in assertion_documents() if one["id"] != copy["id"]]
    assert code_of(copy, book=book(copy, *documents)) is Code.VALID
    elsewhere = copy | {"id": "https://elsewhere.example/badge.json"}
    assert code_of(elsewhere, book=book(elsewhere, *documents)) is Code.ISSUER_NOT_AUTHORISED
    record("Open Badges 2.0", "hosted, beside what its host gave; of another host", 1, accepted=1, refused=1)


def test_published_sd_jwt_vcs() -> None:
    """The examples of the draft verify under the key that all of them share."""
    key = {
        "kty": "EC",
        "crv": "P-256",
        "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
        "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
    }
    for name in ("01", "02"):
        folder = shared_path(f"{VECTORS}/sd-jwt-vc/serialised/{name}")
        text = (folder / "sd_jwt_issuance.txt").read_text().strip()
        issuer = load(folder / "sd_jwt_payload.json")["iss"]
        report = first(text, now=1_700_000_000_000, book=book({"keys": [key]}, owner=issuer))
        assert step(report, 2)[0] is Answer.YES and step(report, 3)[0] is Answer.YES
        metadata = {"issuer": issuer, "jwks": {"keys": [key]}}
        assert first(text, now=1_700_000_000_000, book=book(metadata)).code is report.code


def test_nothing_here_needs_a_context_that_is_not_held() -> None:
    """Without contexts RDFC proofs could not be checked, and the report says what to do."""
    path = shared_path(f"{VECTORS}/dcc/verifiableCredentials/v2/dataIntegrityProof/didKey")
    data = next(iter(sorted(path.iterdir()))).read_bytes()
    report = judge_external(data, replace(ExternalQuestion(now=NOW)))
    answer, _ = step(report.credentials[0], 2)
    assert answer is Answer.COULD_NOT_CHECK
    assert "cairn contexts" in report.credentials[0].steps[1].remedy
