"""What an EdDSA cryptosuite signs: SHA-256 of the proof's options, then of the document, each in canonical form.

Data Integrity EdDSA Cryptosuites 1.0, §3.2 `eddsa-rdfc-2022`, §3.3 `eddsa-jcs-2022`; and `Ed25519Signature2020`, its
elder form. They differ in the canonical form alone. The JCS form covers the JSON text as it stands; the RDFC form the
statements it makes, and needs the contexts.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ledger.credential.jcs import canonicalize as canonicalize_json
from ledger.credential.jsonld.dataset import read_dataset
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.jsonld.rdfc import canonicalize as canonicalize_dataset
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import SignatureError

PROOF_TYPE = "DataIntegrityProof"


class Cryptosuite(StrEnum):
    """The suites understood here, by the name a proof gives: `cryptosuite`, or `type` for the eldest."""

    EDDSA_JCS_2022 = "eddsa-jcs-2022"
    EDDSA_RDFC_2022 = "eddsa-rdfc-2022"
    ED25519_SIGNATURE_2020 = "Ed25519Signature2020"


@dataclass(frozen=True, slots=True)
class SignedHashes:
    """The two hashes a signature covers, 32 bytes each."""

    options: bytes
    document: bytes

    @property
    def message(self) -> bytes:
        """The 64 bytes that Ed25519 signs: options first."""
        return self.options + self.document


def hash_input(
    suite: Cryptosuite,
    document: JSONObject,
    options: JSONObject,
    library: ContextLibrary,
    hash_document: "HashDocument | None" = None,
) -> SignedHashes:
    """What the signature of a proof covers.

    Args:
        suite: of the proof.
        document: without `proof`; in a chain, with the proofs signed over under `proof`.
        options: the proof without `proofValue`.
        library: contexts; not used by `eddsa-jcs-2022`.
        hash_document: for whoever hashes one document for many proofs and remembers; `hash_dataset` by default.

    Raises:
        SignatureError: the document's contexts do not begin with those the proof was made for.
        UnsafeDocumentError: the document holds something that the dataset, and so the signature, does not cover.
        MalformedError: no canonical form, or a bound is met.
        MissingContextError: a context is not held.
    """
    if suite is Cryptosuite.EDDSA_JCS_2022:
        forms = canonicalize_json(options), canonicalize_json(_under_context_of(options, document))
        return SignedHashes(*(hashlib.sha256(form).digest() for form in forms))
    own = {**options, "@context": document.get("@context")}
    return SignedHashes(hash_dataset(own, library), (hash_document or hash_dataset)(document, library))


def hash_dataset(document: JSONObject, library: ContextLibrary) -> bytes:
    """SHA-256 of the canonical statements of a document, as RDFC suites hash it.

    Raises:
        UnsafeDocumentError, MalformedError, MissingContextError: as `hash_input`.
    """
    return hashlib.sha256(canonicalize_dataset(read_dataset(document, library)).encode()).digest()


HashDocument = Callable[[JSONObject, ContextLibrary], bytes]
"""As `hash_dataset`."""


def _under_context_of(options: JSONObject, document: JSONObject) -> JSONObject:
    """The document as it was signed: contexts appended since are left out (§3.3.2, steps 3 and 4)."""
    if "@context" not in options:
        return document
    signed, present = _as_list(options["@context"]), _as_list(document.get("@context"))
    if present[: len(signed)] != signed:
        raise SignatureError("proof: the document's contexts do not begin with those the proof was made for")
    return {**document, "@context": options["@context"]}


def _as_list(value: JSONValue) -> list[JSONValue]:
    return value if type(value) is list else [value]
