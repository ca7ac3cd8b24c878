"""An award as an Open Badges 3.0 credential in one piece, for software that knows no selective disclosure.

Two ways secure it. A file carries two embedded proofs by one Ed25519 key, `eddsa-rdfc-2022` for everybody else and
`eddsa-jcs-2022` for readers without JSON-LD; each is good by itself, and has an id, so that whoever countersigns later can
sign over it. A compact JWS (Open Badges 3.0 §8.2) carries the
credential as payload, its dates and names said a second time as JWT claims. Nothing in either can be hidden, so what an
award knows about the learner beyond the name is left out unless it was asked for.

The slot on the ledger's status pages stands under `termsOfUse`: whoever relies on the badge reads its status there.
Verifiers refuse a `credentialStatus` of a type they do not know; that member is left to lists they do. There is no
`credentialSchema`: the type 1EdTech has for it stands in no context of its own, so that no proof would cover it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from ledger import base64url
from ledger.credential.commitment import commit, commit_document
from ledger.credential.copy import (
    AwardContent,
    check_award,
    credits_number,
    describe_credential,
    describe_identities,
    describe_results,
)
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.jose import Sign, sign_jws
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.status import StatusReference, encode_status_claim, parse_status_claim
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.credential.timestamp import parse_timestamp
from ledger.errors import MalformedError

SLOT_TYPE = "urn:cairn:status-slot"
"""Type of the entry in `termsOfUse` that names the slot; its id is this, a colon, and the reference in base64url."""

SUITES = (Cryptosuite.EDDSA_RDFC_2022, Cryptosuite.EDDSA_JCS_2022)

_MAX_SLOT_CHARS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeTerms:
    """What belongs to one badge alone.

    Attributes:
        copy_id: a random UUID in its text form.
        subject_id: URI the learner has in it: a `did:key`, or `urn:uuid:…` drawn for it.
        issued_at: Unix seconds; only the UTC day gets into the badge.
        status: its slot on the ledger.
        plain_status: `credentialStatus`, which other software reads; the schema of Open Badges takes one, no array.
    """

    copy_id: str
    subject_id: str
    issued_at: int
    status: StatusReference
    plain_status: JSONObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who signs with embedded proofs, and with which of its keys.

    Attributes:
        method: URL of the Ed25519 key in the issuer's document.
        sign: signs with it.
        library: contexts, all that the document names.
    """

    method: str
    sign: Sign
    library: ContextLibrary


def make_badge(content: AwardContent, terms: BadgeTerms) -> JSONObject:
    """The badge of an award, not yet secured; `content.issuer.id` is who will sign it.

    Raises:
        RuleError: a field does not fit; the message begins with its name.
    """
    check_award(content)
    badge = describe_credential(content, terms.copy_id, terms.issued_at)
    badge["type"] = ["VerifiableCredential", "OpenBadgeCredential"]
    subject: JSONObject = {
        "id": terms.subject_id,
        "type": ["AchievementSubject"],
        "identifier": describe_identities(content),
        "achievement": content.achievement.json,
    }
    if content.credits is not None:
        subject["creditsEarned"] = credits_number(content.credits)
    if content.results:
        subject["result"] = describe_results(content)
    if content.statement is not None:
        # Words of the learner that have to stand wherever the award does.
        subject["narrative"] = content.statement
    badge["credentialSubject"] = subject
    return badge | status_members(terms.status, terms.plain_status)


def status_members(status: StatusReference, plain_status: JSONObject | None) -> JSONObject:
    """The members of a credential that say where its status is read."""
    reference = base64url.encode(orjson.dumps(encode_status_claim(status), option=orjson.OPT_SORT_KEYS))
    members: JSONObject = {"termsOfUse": [{"id": f"{SLOT_TYPE}:{reference}", "type": SLOT_TYPE}]}
    if plain_status:
        members["credentialStatus"] = plain_status
    return members


def read_slot(credential: Mapping[str, JSONValue]) -> StatusReference | None:
    """The slot a credential made here names; None where it names none.

    Raises:
        MalformedError: an entry of that type that is not exactly what `make_badge` writes.
    """
    terms = credential.get("termsOfUse", [])
    for entry in terms if isinstance(terms, list) else [terms]:
        if isinstance(entry, dict) and entry.get("type") == SLOT_TYPE:
            prefix, _, reference = str(entry.get("id")).rpartition(":")
            if prefix != SLOT_TYPE or len(reference) > _MAX_SLOT_CHARS:
                raise MalformedError("termsOfUse: its id is no status slot")
            return parse_status_claim(
                parse_strict_object(base64url.decode(reference), max_bytes=_MAX_SLOT_CHARS, where="status slot")
            )
    return None


def sign_document(credential: JSONObject, issuer: Issuer) -> JSONObject:
    """The credential with one proof of each suite in `SUITES`, dated like the credential itself.

    Raises:
        UnsafeDocumentError: a member has no meaning in the contexts, so that no signature would cover it.
        MissingContextError: a context is not held.
    """
    created = parse_timestamp(credential["validFrom"], where="validFrom")
    for suite in SUITES:
        # A set: each proof covers the credential alone, so that whoever knows one suite may pass over the other.
        terms = ProofTerms(suite=suite, method=issuer.method, created=created, id=f"{credential['id']}#{suite}")
        credential = add_proof(credential, terms, issuer.sign, issuer.library)
    return credential


def sign_compact(badge: JSONObject, *, key_url: str, algorithm: str, sign: Sign) -> str:
    """The badge as a compact JWS (Open Badges 3.0 §8.2.3): its members, and the JWT claims that repeat some of them.

    Args:
        badge: as `make_badge` gives it.
        key_url: where the JWK is found that verifies it.
        algorithm: JWS name of that key's algorithm: `ES256`, or `RS256` where a receiver knows nothing else.
        sign: signs with it.
    """
    subject, issuer = badge["credentialSubject"], badge["issuer"]
    assert isinstance(subject, dict) and isinstance(issuer, dict), "made by make_badge"
    claims: JSONObject = {
        "iss": issuer["id"],
        "jti": badge["id"],
        "nbf": parse_timestamp(badge["validFrom"], where="validFrom") // 1000,
        "sub": subject["id"],
    }
    if "validUntil" in badge:
        claims["exp"] = parse_timestamp(badge["validUntil"], where="validUntil") // 1000
    header: JSONObject = {"alg": algorithm, "kid": key_url, "typ": "JWT"}
    return sign_jws(header, orjson.dumps({**badge, **claims}), sign)


def commit_text(text: str) -> bytes:
    """The commitment of a copy in any form made here, from the text a person holds.

    Raises:
        MalformedError: the text is no copy.
    """
    text = text.strip()
    if text[:1] == "{":
        return commit_document(parse_strict_object(text.encode(), max_bytes=len(text.encode()), where="copy"))
    return commit(text.partition("~")[0])
