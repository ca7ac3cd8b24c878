"""Status lists for tests: one list in all its forms, and what they are asked."""

from typing import Any

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import IssuerDocuments
from ledger.credential.plainlist.bitstring import ListTerms, describe_bitstring, sign_as_jwt
from ledger.credential.plainlist.bitstring_reader import BitstringEntry, ListQuestion, parse_entry
from ledger.credential.plainlist.slots import LedgerHead, PlainList, PlainSlot, PlainStatus, Purpose, status_members
from ledger.credential.plainlist.token import TokenReference, parse_token_reference, sign_token_list
from ledger.credential.strict_json import JSONObject
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from tests.ledger.credential.badges import NOW, SCHOOL, SCHOOL_DID, signed, url_of

ISSUER_URL = "https://granite.example/m/0123456789abcdefghijkl"
REVOKED, SUSPENDED, FREE = 5, 131_071, 6
CONTENT = PlainList(0, {REVOKED: PlainStatus.INVALID, SUSPENDED: PlainStatus.SUSPENDED})
HEAD = LedgerHead(LogId(b"L" * 32), 4_711, b"R" * 32)
DAY = 86_400_000
TERMS = ListTerms(
    issuer=SCHOOL_DID,
    issuer_url=ISSUER_URL,
    valid_from=NOW - DAY,
    valid_until=NOW + DAY,
    ttl_ms=3_600_000,
    head=HEAD,
)


def bare(purpose: Purpose = Purpose.REVOCATION, **subject: object) -> JSONObject:
    """An unsigned bitstring credential, with members of its subject changed."""
    document = describe_bitstring(CONTENT, purpose, TERMS)
    inner = document["credentialSubject"]
    assert type(inner) is dict
    inner.update(subject)  # type: ignore[arg-type]  # tests put anything there
    return document


def sign(document: JSONObject, key: SigningKey = SCHOOL, suite: Cryptosuite = Cryptosuite.EDDSA_JCS_2022) -> JSONObject:
    """With a proof."""
    return signed(suite, document, key)


def bitstring(purpose: Purpose = Purpose.REVOCATION, **subject: object) -> JSONObject:
    """A signed bitstring credential."""
    return sign(bare(purpose, **subject))


def bitstring_jwt(document: JSONObject | None = None, key: SigningKey = SCHOOL) -> str:
    """The same as a JWT."""
    value = bare() if document is None else document
    return sign_as_jwt(value, algorithm="EdDSA", key_url=url_of(key), sign=key.sign)


def token(**header: Any) -> str:
    """The list as a token."""
    return sign_token_list(CONTENT, TERMS, {"alg": "EdDSA", "kid": url_of(SCHOOL), **header}, SCHOOL.sign)


def entry(slot: int = REVOKED, purpose: Purpose = Purpose.REVOCATION) -> BitstringEntry:
    """What a copy with this slot says."""
    entries, _ = status_members(PlainSlot(0, slot), ISSUER_URL)
    return next(parsed for parsed in map(parse_entry, entries) if parsed.purpose == purpose)


def reference(slot: int = REVOKED) -> TokenReference:
    """What a JWT copy with this slot says."""
    return parse_token_reference(status_members(PlainSlot(0, slot), ISSUER_URL)[1])


def asked(**changes: Any) -> ListQuestion:
    """What a verifier accepts: the school's lists, today."""
    return ListQuestion(**({"now": NOW, "issuers": frozenset({SCHOOL_DID}), "documents": IssuerDocuments()} | changes))
