"""Which format a text is of, told by its content and never by a file name or media type.

Two formats share the type `vc+sd-jwt`: until November 2024 it meant SD-JWT VC, now a data model 2.0 credential as SD-JWT.
The payload tells them apart: a `vct`, or an `@context`.
"""

from dataclasses import dataclass
from enum import StrEnum

from ledger.credential.jose import JWS, parse_jws
from ledger.credential.json_form import encode_compact
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.errors import MalformedError

MAX_TEXT_BYTES = 1 << 20

VCDM1 = "https://www.w3.org/2018/credentials/v1"
VCDM2 = "https://www.w3.org/ns/credentials/v2"
BLOCKCERTS_SUITES = frozenset({"MerkleProof2019", "merkle-proof-2019"})

_BADGE_TYPES = frozenset({"OpenBadgeCredential", "AchievementCredential", "EndorsementCredential"})
_DATA_PREFIX = "data:application/"


class Kind(StrEnum):
    """A format, by the name people know it by."""

    BADGE_3 = "Open Badges 3.0"
    RECORD = "CLR 2.0"
    CREDENTIAL_2 = "Verifiable Credential 2.0"
    CREDENTIAL_1 = "Verifiable Credential 1.1"
    BLOCKCERTS_3 = "Blockcerts v3"
    BLOCKCERTS_2 = "Blockcerts v2"
    BADGE_2 = "Open Badges 2.0"
    SD_JWT_VC = "SD-JWT VC"
    PRESENTATION = "Verifiable Presentation"


class Envelope(StrEnum):
    """How a credential is secured."""

    EMBEDDED = "embedded proof"
    JWS = "JWS"
    SD_JWT = "SD-JWT"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Found:
    """A text with its format.

    Attributes:
        kind, envelope: what it is.
        text: the JSON, the compact JWS or SD-JWT, or the URL.
        document: of a JSON text what it says, else of a token its payload, unverified; empty for a link.
        jws: of a compact JWS its parts.
    """

    kind: Kind
    envelope: Envelope
    text: str
    document: JSONObject
    jws: JWS | None = None


def find_kind(text: str) -> Found:
    """The format of a text, and the text taken apart.

    Raises:
        MalformedError: not a format known here; the message says what it was taken for.
    """
    if text.startswith("{"):
        return _of_json(text)
    if not text.isascii() or any(character.isspace() for character in text):
        raise MalformedError("file: not a credential: neither JSON nor one token of base64url", hint=_ASK)
    if "~" in text:
        return _of_sd_jwt(text)
    if text.startswith(("https://", "http://")):
        return Found(Kind.BADGE_2, Envelope.LINK, text, {})
    if text.count(".") == 2:
        return _of_jws(text)
    raise MalformedError("file: not a credential: neither JSON, JWS nor SD-JWT", hint=_ASK)


_ASK = "ask whoever gave it to you for the file as it was issued"


def find_kind_of_document(document: JSONObject) -> Kind:
    """The format of a JSON document, from its types, contexts and proofs.

    Raises:
        MalformedError: it is none of those known here.
    """
    types = types_of(document)
    if "VerifiablePresentation" in types:
        return Kind.PRESENTATION
    if "Assertion" in types or ("badge" in document and "recipient" in document):
        signature = document.get("signature")
        is_anchored = type(signature) is dict and "MerkleProof2017" in types_of(signature)
        return Kind.BLOCKCERTS_2 if is_anchored else Kind.BADGE_2
    if "VerifiableCredential" not in types and not _BADGE_TYPES & types and "ClrCredential" not in types:
        raise MalformedError(
            f"file: its types are {', '.join(sorted(types))[:200] or 'none'}, expected VerifiableCredential or Assertion",
            hint="credentials, badges and records are read; ask for the file of one",
        )
    proof = document.get("proof")
    for one in proof if type(proof) is list else [proof]:
        if type(one) is dict and is_merkle_proof(one):
            return Kind.BLOCKCERTS_3
    if "ClrCredential" in types:
        return Kind.RECORD
    if _BADGE_TYPES & types:
        return Kind.BADGE_3
    return Kind.CREDENTIAL_1 if is_elder(document) else Kind.CREDENTIAL_2


def types_of(document: JSONObject) -> frozenset[str]:
    """The types of an object, whether written as one text or as several."""
    value = document.get("type")
    return frozenset(item for item in (value if type(value) is list else [value]) if type(item) is str)


def is_merkle_proof(proof: JSONObject) -> bool:
    """Whether a proof object is a Merkle proof of Blockcerts."""
    return any(name in BLOCKCERTS_SUITES for name in (proof.get("type"), proof.get("cryptosuite")) if type(name) is str)


def contexts_of(document: JSONObject) -> list[JSONValue]:
    """The contexts of a document in order, whether written as one or as several."""
    value = document.get("@context")
    return value if type(value) is list else [] if value is None else [value]


def is_elder(document: JSONObject) -> bool:
    """Whether a document is of data model 1.1, by its first context."""
    contexts = contexts_of(document)
    return bool(contexts) and contexts[0] == VCDM1


def enveloped_text(document: JSONObject) -> str | None:
    """The token inside an `EnvelopedVerifiableCredential` (data model 2.0 §4.13); None where it is none.

    Raises:
        MalformedError: its `id` is no `data:` URL of a token.
    """
    if "EnvelopedVerifiableCredential" not in types_of(document):
        return None
    url = document.get("id")
    if type(url) is not str or not url.startswith(_DATA_PREFIX) or "," not in url:
        raise MalformedError("envelope: expected a data: URL of application/vc+jwt or application/vc+sd-jwt as id")
    return url.partition(",")[2]


def _of_json(text: str) -> Found:
    document = parse_strict_object(text.encode(), max_bytes=MAX_TEXT_BYTES, where="file")
    if "payload" in document and ("signature" in document or "signatures" in document):
        return _of_sd_jwt(encode_compact(text.encode()))
    inner = enveloped_text(document)
    if inner is not None:
        return find_kind(inner)
    return Found(find_kind_of_document(document), Envelope.EMBEDDED, text, document)


def _of_sd_jwt(text: str) -> Found:
    jws = parse_jws(text.partition("~")[0], where="sd-jwt")
    payload = parse_strict_object(jws.payload, max_bytes=MAX_TEXT_BYTES, where="sd-jwt payload")
    if "vct" in payload:
        return Found(Kind.SD_JWT_VC, Envelope.SD_JWT, text, payload, jws)
    if "@context" in payload:
        return Found(find_kind_of_document(payload), Envelope.SD_JWT, text, payload, jws)
    raise MalformedError("sd-jwt: holds neither a 'vct' nor an '@context': no credential format is known that looks so")


def _of_jws(text: str) -> Found:
    jws = parse_jws(text, where="file")
    payload = parse_strict_object(jws.payload, max_bytes=MAX_TEXT_BYTES, where="jws payload")
    for name in ("vc", "vp"):
        inner = payload.get(name)
        if type(inner) is dict:
            return Found(find_kind_of_document(inner), Envelope.JWS, text, payload, jws)
    return Found(find_kind_of_document(payload), Envelope.JWS, text, payload, jws)
