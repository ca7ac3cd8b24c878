"""The commitment: the only trace of a copy on the ledger (DESIGN 4).

It covers the exact text the issuer signed and nothing the learner chooses: every presentation of one copy, whatever is
disclosed, leads to the same 32 bytes. The signed text holds 128-bit salts and a fresh holder key, so that nobody who
knows a learner's data can find a commitment by trying.
"""

import hashlib

from ledger.credential.jcs import canonicalize
from ledger.credential.strict_json import JSONObject
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
    """The 32-byte commitment of a copy with embedded proofs: over the RFC 8785 form of the document and those proofs.

    Args:
        document: as the issuer signed it, with the issuer's proofs alone: a proof that somebody adds over them later
            must be taken off before.

    Raises:
        MalformedError: the document has no proof, or no canonical form.
    """
    if not document.get("proof"):
        raise MalformedError("commitment: expected a document with the issuer's proofs")
    return hashlib.sha256(COMMITMENT_CONTEXT + canonicalize(document)).digest()
