"""Bitstring Status List 1.0 (W3C): a verifiable credential whose subject is a compressed string of bits.

Made here without a signature; `dataintegrity.signing.add_proof` or `sign_as_jwt` adds one. The state of the log that
the list follows stands in `evidence`, under names that are IRIs of their own, so that a proof over RDF covers it.
"""

from dataclasses import dataclass
from typing import Final

import orjson

from ledger import base64url
from ledger.credential.jose import Sign, sign_jws
from ledger.credential.plainlist.packing import Compression, compress, pack_left
from ledger.credential.plainlist.slots import (
    PLAIN_SLOTS,
    LedgerHead,
    ListFile,
    PlainList,
    PlainStatus,
    Purpose,
    list_url,
)
from ledger.credential.strict_json import JSONObject
from ledger.credential.timestamp import format_timestamp
from ledger.log.identity import encode_log_id

CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"
CREDENTIAL_TYPE: Final = "BitstringStatusListCredential"
SUBJECT_TYPE: Final = "BitstringStatusList"
MULTIBASE_BASE64URL: Final = "u"
JWT_TYPE: Final = "vc+jwt"
HEAD_TYPE: Final = "cairn:LedgerHead"

_SHOWN_AS = {Purpose.REVOCATION: PlainStatus.INVALID, Purpose.SUSPENSION: PlainStatus.SUSPENDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTerms:
    """What every file of one cut says beside the bits.

    Attributes:
        issuer: who signs, as the copies that point here name their issuer.
        issuer_url: the member's URL, below which the files stand.
        valid_from, valid_until: Unix ms; after the second the list says nothing any more.
        ttl_ms: how long a reader may go without fetching anew.
        head: the state of the log it follows.
    """

    issuer: str
    issuer_url: str
    valid_from: int
    valid_until: int
    ttl_ms: int
    head: LedgerHead


def describe_bitstring(content: PlainList, purpose: Purpose, terms: ListTerms) -> JSONObject:
    """The status list credential for one purpose, without proof (§3.2)."""
    url = list_url(terms.issuer_url, content.number, ListFile(purpose.value))
    shown = _SHOWN_AS[purpose]
    bits = {slot: 1 for slot, status in content.statuses.items() if status is shown}
    return {
        "@context": [CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", CREDENTIAL_TYPE],
        "issuer": terms.issuer,
        "validFrom": format_timestamp(terms.valid_from),
        "validUntil": format_timestamp(terms.valid_until),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": SUBJECT_TYPE,
            "statusPurpose": purpose.value,
            "encodedList": encode_bits(pack_left(bits, PLAIN_SLOTS, 1)),
            "ttl": terms.ttl_ms,
        },
        "evidence": [describe_head(terms.head)],
    }


def encode_bits(data: bytes) -> str:
    """A packed list as `encodedList` writes it: gzip, base64url, prefix `u`."""
    return MULTIBASE_BASE64URL + base64url.encode(compress(data, Compression.GZIP))


def describe_head(head: LedgerHead) -> JSONObject:
    """The state of a log as an item of `evidence`."""
    return {
        "type": HEAD_TYPE,
        "cairn:log": encode_log_id(head.log),
        "cairn:root": base64url.encode(head.root),
        "cairn:size": head.size,
    }


def sign_as_jwt(credential: JSONObject, *, algorithm: str, key_url: str, sign: Sign) -> str:
    """The credential as `vc+jwt` (VC-JOSE-COSE §3.1.1), for readers without Data Integrity.

    Args:
        credential: without proof.
        algorithm: `EdDSA` or `ES256`, that of the key.
        key_url: the verification method, listed by the issuer's document.
        sign: see `jose.Sign`.
    """
    header = {"alg": algorithm, "cty": "vc", "iss": credential["issuer"], "kid": key_url, "typ": JWT_TYPE}
    return sign_jws(header, orjson.dumps(credential), sign)
