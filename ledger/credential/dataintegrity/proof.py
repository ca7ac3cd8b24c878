"""One proof object: what it says of itself, before anything about it is checked.

Proofs of suites not understood here are kept as they are, since a document may hold one beside one that is. A proof of
an understood suite that is not well formed is an error of that proof: it is never passed over.
"""

from dataclasses import dataclass

from ledger.credential.dataintegrity.cryptosuite import PROOF_TYPE, Cryptosuite
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.credential.timestamp import parse_timestamp
from ledger.errors import MalformedError
from ledger.log.multibase import decode_base58btc

MAX_PROOFS = 16
"""Proofs in one document."""
MAX_PREVIOUS = 16

_SIGNATURE_BYTES = 64
_MAX_VALUE_CHARS = 90
"""64 bytes take at most 88 digits and the prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof of an understood suite, well formed.

    Attributes:
        suite: its cryptosuite.
        options: the proof without `proofValue`, as the suites hash it.
        signature: 64 bytes.
        method: URL of the verification method.
        purpose: what it was made for.
        created, expires: Unix ms, where it says so.
        domains: whom it was made for; challenge: in answer to what.
        id: its name, by which a chain refers to it.
        previous: names of the proofs it signs over as well.
    """

    suite: Cryptosuite
    options: JSONObject
    signature: bytes
    method: str
    purpose: str
    created: int | None
    expires: int | None
    domains: tuple[str, ...]
    challenge: str | None
    id: str | None
    previous: tuple[str, ...]


def proofs_of(document: JSONObject) -> list[JSONObject]:
    """The proof objects of a document, in order; none where it has no `proof`.

    Raises:
        MalformedError: a proof is no object, two share an id, or there are more than `MAX_PROOFS`.
    """
    value = document.get("proof")
    values = value if type(value) is list else [] if value is None else [value]
    if len(values) > MAX_PROOFS:
        raise MalformedError(f"proof: {len(values)} proofs, at most {MAX_PROOFS} are read")
    proofs = [item for item in values if type(item) is dict]
    if len(proofs) != len(values):
        raise MalformedError("proof: expected an object or an array of objects")
    names = [proof["id"] for proof in proofs if type(proof.get("id")) is str]
    if len(set(map(str, names))) != len(names):
        raise MalformedError("proof: two proofs have the same id")
    return proofs


def find_suite(proof: JSONObject) -> Cryptosuite | None:
    """The suite of a proof object, None for one that is not understood here."""
    kind = proof.get("type")
    if type(kind) is list and len(kind) == 1:
        kind = kind[0]
    name = proof.get("cryptosuite") if kind == PROOF_TYPE else kind
    known = (Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022)
    known = known if kind == PROOF_TYPE else (Cryptosuite.ED25519_SIGNATURE_2020,)  # type: ignore[assignment]  # shorter
    return next((suite for suite in known if suite == name), None)


def name_suite(proof: JSONObject) -> str:
    """The name a proof gives its suite, for people; it may be anything."""
    name = proof.get("cryptosuite") or proof.get("type")
    return name[:60] if type(name) is str else name_type(name)


def parse_proof(proof: JSONObject, suite: Cryptosuite) -> Proof:
    """A proof object of an understood suite.

    Raises:
        MalformedError: a member is missing or not of its kind; the message names it.
    """
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    return Proof(
        suite=suite,
        options=options,
        signature=_signature(proof.get("proofValue")),
        method=_text(proof, "verificationMethod"),
        purpose=_text(proof, "proofPurpose"),
        created=_time(proof, "created"),
        expires=_time(proof, "expires"),
        domains=_texts(proof, "domain"),
        challenge=_text(proof, "challenge") if "challenge" in proof else None,
        id=_text(proof, "id") if "id" in proof else None,
        previous=_texts(proof, "previousProof"),
    )


def _signature(value: JSONValue) -> bytes:
    if type(value) is not str or len(value) > _MAX_VALUE_CHARS:
        raise MalformedError(f"proof: expected a proofValue of at most {_MAX_VALUE_CHARS} characters of base58btc")
    signature = decode_base58btc(value, where="proof: proofValue")
    if len(signature) != _SIGNATURE_BYTES:
        raise MalformedError(f"proof: a proofValue of {len(signature)} bytes, expected {_SIGNATURE_BYTES}")
    return signature


def _text(proof: JSONObject, name: str) -> str:
    value = proof.get(name)
    if type(value) is not str:
        raise MalformedError(f"proof: expected a text {name!r}, found {name_type(value)}")
    return value


def _texts(proof: JSONObject, name: str) -> tuple[str, ...]:
    value = proof.get(name)
    values = value if type(value) is list else [] if value is None else [value]
    texts = tuple(item for item in values if type(item) is str)
    if len(texts) != len(values) or len(texts) > MAX_PREVIOUS:
        raise MalformedError(f"proof: expected a text or at most {MAX_PREVIOUS} of them in {name!r}")
    return texts


def _time(proof: JSONObject, name: str) -> int | None:
    return parse_timestamp(proof[name], where=f"proof: {name}") if name in proof else None
