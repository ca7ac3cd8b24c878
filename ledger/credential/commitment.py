"""The commitment: the only trace of a copy on the ledger (DESIGN 4).

It covers the exact text the issuer signed and nothing the learner chooses: every presentation of one copy, whatever is
disclosed, leads to the same 32 bytes. The signed text holds 128-bit salts and a fresh holder key, so that nobody who
knows a learner's data can find a commitment by trying.
"""

import hashlib

from ledger.credential.jcs import canonicalize
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import MalformedError

COMMITMENT_BYTES = 32
COMMITMENT_CONTEXT = b"cairn/commitment/v1\n"


def commit(jwt: str) -> bytes:
    """The 32-byte commitment of a copy: SHA-256 over the context string and the ASCII of its issuer-signed JWT.

    Args:
        jwt: the issuer-signed JWT alone (`SDJWT.issuer_jwt`): no disclosure, no tilde, no key-binding JWT.

    Raises:
        MalformedError: the text is not a compact JWS, for instance a whole SD-JWT.
    """
    if not jwt.isascii() or jwt.count(".") != 2 or "~" in jwt:
        raise MalformedError("commitment: expected an issuer-signed JWT without disclosures")
    return hashlib.sha256(COMMITMENT_CONTEXT + jwt.encode("ascii")).digest()


def commit_document(document: JSONObject) -> bytes:
    """The 32-byte commitment of a copy with embedded proofs: over the RFC 8785 form of the document and its issuer's proofs.

    Proofs of others are left out, since a network that countersigns adds its own later. So nothing that the issuer
    committed to can be changed: every member but `proof` is covered, and every proof whose key the document says is its
    issuer's, in their order. What is left out can therefore never be taken for the issuer's word.

    Args:
        document: with all its proofs.

    Raises:
        MalformedError: the document names no issuer, has no proof by it, or has no canonical form.
    """
    value = document.get("proof")
    own: list[JSONValue] = [proof for proof in (value if type(value) is list else [value]) if is_own(proof, document)]
    if not own:
        raise MalformedError("commitment: expected a document with the issuer's proofs")
    return hashlib.sha256(COMMITMENT_CONTEXT + canonicalize({**document, "proof": own})).digest()


def is_own(proof: JSONValue, document: JSONObject) -> bool:
    """Whether a proof names a key of the document's issuer, by the part of its `verificationMethod` before the `#`."""
    issuer = document.get("issuer")
    identifier = issuer.get("id") if type(issuer) is dict else issuer
    method = proof.get("verificationMethod") if type(proof) is dict else None
    return type(method) is str and type(identifier) is str and method.partition("#")[0] == identifier
