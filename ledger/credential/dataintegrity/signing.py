"""Adding a proof to a document: alone, beside others in a set, or over others in a chain."""

from dataclasses import dataclass

from ledger.credential.dataintegrity.cryptosuite import PROOF_TYPE, Cryptosuite, hash_input
from ledger.credential.dataintegrity.issuer_document import ASSERTION
from ledger.credential.dataintegrity.proof import MAX_PROOFS, proofs_of
from ledger.credential.jose import Sign
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.jsonld.nquads import is_absolute_iri
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.credential.timestamp import format_timestamp
from ledger.errors import MalformedError
from ledger.log.multibase import encode_base58btc


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofTerms:
    """What a new proof says.

    Attributes:
        suite: `EDDSA_JCS_2022` or `EDDSA_RDFC_2022`; elder suites are only read.
        method: URL of the Ed25519 key that signs.
        created: Unix ms.
        purpose: see `issuer_document`.
        id: absolute IRI (`urn:uuid:…`) by which a later proof can sign over this one.
        previous: ids of the proofs of the document that it signs over; empty for a proof of its own.
        expires: Unix ms, if it does.
        domain, challenge: for whom a presentation is made, and in answer to what.
    """

    suite: Cryptosuite
    method: str
    created: int
    purpose: str = ASSERTION
    id: str | None = None
    previous: tuple[str, ...] = ()
    expires: int | None = None
    domain: str | None = None
    challenge: str | None = None


def add_proof(document: JSONObject, terms: ProofTerms, sign: Sign, library: ContextLibrary) -> JSONObject:
    """A copy of the document with one more proof at the end of its proofs.

    Args:
        document: with or without proofs; they are signed over only where `terms.previous` names them.
        terms: what the proof says.
        sign: signs 64 bytes with the Ed25519 key behind `terms.method`.
        library: contexts; not used by `EDDSA_JCS_2022`.

    Raises:
        UnsafeDocumentError: `EDDSA_RDFC_2022` would not cover all of the document.
        MalformedError: the document has no canonical form, too many proofs, or none of a name in `terms.previous`.
        MissingContextError: a context is not held.
    """
    if terms.suite is Cryptosuite.ED25519_SIGNATURE_2020:
        raise ValueError(f"{terms.suite} is only read")
    proofs = proofs_of(document)
    if len(proofs) >= MAX_PROOFS:
        raise MalformedError(f"proof: the document has {len(proofs)} proofs, at most {MAX_PROOFS} are read")
    options = _options(document, terms)
    signed = {name: value for name, value in document.items() if name != "proof"}
    if terms.previous:
        signed["proof"] = _find_previous(proofs, terms.previous)
    message = hash_input(terms.suite, signed, options, library).message
    added: JSONObject = {**options, "proofValue": encode_base58btc(sign(message))}
    every: list[JSONValue] = [*proofs, added]
    return {**document, "proof": every if proofs else added}


def _options(document: JSONObject, terms: ProofTerms) -> JSONObject:
    options: JSONObject = {"type": PROOF_TYPE, "cryptosuite": terms.suite.value}
    if terms.id is not None:
        if not is_absolute_iri(terms.id):
            raise MalformedError(f"proof: the id {terms.id[:80]!r} is no absolute IRI")
        options["id"] = terms.id
    options["created"] = format_timestamp(terms.created)
    if terms.expires is not None:
        options["expires"] = format_timestamp(terms.expires)
    options |= {"verificationMethod": terms.method, "proofPurpose": terms.purpose}
    for name, value in (("domain", terms.domain), ("challenge", terms.challenge)):
        if value is not None:
            options[name] = value
    if terms.previous:
        options["previousProof"] = terms.previous[0] if len(terms.previous) == 1 else list(terms.previous)
    if terms.suite is Cryptosuite.EDDSA_JCS_2022 and "@context" in document:
        options["@context"] = document["@context"]
    return options


def _find_previous(proofs: list[JSONObject], names: tuple[str, ...]) -> list[JSONValue]:
    by_id = {proof["id"]: proof for proof in proofs if type(proof.get("id")) is str}
    missing = [name for name in names if name not in by_id]
    if missing:
        raise MalformedError(f"proof: no proof of the document has the id {missing[0][:80]!r}")
    return [by_id[name] for name in names]
