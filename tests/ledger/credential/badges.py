"""Signed documents for tests, and the contexts they need."""

import copy
import json
from functools import cache

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import IssuerDocument, IssuerDocuments
from ledger.credential.dataintegrity.judgement import ProofQuestion
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.strict_json import JSONObject
from ledger.log.didkey import encode_did_key, encode_multikey
from ledger.log.keys import SigningKey
from tests.shared import shared_path

VECTORS = "vectors/formats"
CREATED = 1_750_000_000_000
NOW = 1_767_225_600_000  # 2026-01-01

SCHOOL, NETWORK, STRANGER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
SCHOOL_DID, NETWORK_DID, STRANGER_DID = (encode_did_key(key.public) for key in (SCHOOL, NETWORK, STRANGER))

BADGE: JSONObject = {
    "@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
    "id": "urn:uuid:6b1d8f0e-0001-4a0e-9d0f-000000000001",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": SCHOOL_DID, "type": ["Profile"], "name": "Granite School"},
    "validFrom": "2025-06-30T00:00:00Z",
    "credentialSubject": {
        "type": ["AchievementSubject"],
        "achievement": {
            "id": "https://granite.example/achievements/algebra-2",
            "type": ["Achievement"],
            "criteria": {"narrative": "Pass the course."},
            "description": "One year of algebra.",
            "name": "Algebra II",
        },
    },
}


@cache
def library() -> ContextLibrary:
    """All contexts of ../shared; the test that asks is skipped where they are not there."""
    folder = shared_path(f"{VECTORS}/contexts")
    files = json.loads((folder / "index.json").read_bytes())
    present = {url: folder / name for url, name in files.items() if (folder / name).exists()}
    return ContextLibrary({url: path.read_bytes() for url, path in present.items()})


def badge() -> JSONObject:
    """An unsigned badge that may be changed."""
    return copy.deepcopy(BADGE)


def url_of(key: SigningKey) -> str:
    """The verification method of a key's did:key."""
    return f"{encode_did_key(key.public)}#{encode_multikey(key.public)}"


def terms(suite: Cryptosuite, key: SigningKey = SCHOOL, **changes: object) -> ProofTerms:
    """Terms of a proof by `key`."""
    values: dict[str, object] = {"suite": suite, "method": url_of(key), "created": CREATED} | changes
    return ProofTerms(**values)  # type: ignore[arg-type]  # tests pass what the terms take


def signed(
    suite: Cryptosuite, document: JSONObject | None = None, key: SigningKey = SCHOOL, **changes: object
) -> JSONObject:
    """A document with one more proof by `key`."""
    contexts = ContextLibrary() if suite is Cryptosuite.EDDSA_JCS_2022 else library()
    return add_proof(badge() if document is None else document, terms(suite, key, **changes), key.sign, contexts)


def question(*documents: IssuerDocument, contexts: ContextLibrary | None = None, **changes: object) -> ProofQuestion:
    """What a verifier asks of a badge by the school."""
    values: dict[str, object] = {"now": NOW, "signer": SCHOOL_DID, "documents": IssuerDocuments(documents)} | changes
    return ProofQuestion(library=library() if contexts is None else contexts, **values)  # type: ignore[arg-type]  # as above
