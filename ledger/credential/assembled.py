"""A record that a learner puts together: chosen credentials in one document (CLR 2.0), signed by the learner's own keys.

It vouches for nothing. Each credential inside stands for itself, with its own proofs and status; the outer signature
says who chose them. So its issuer is its subject, a `did:key`; `partial` is true, since it is a choice; and it awards no
achievement of its own. Credentials are made out to keys that a wallet makes for each, so a record of several is signed
by several: the first key as issuer, by both suites, every other over those proofs (`previousProof`). Whoever reads it
knows then that one hand holds all these keys. What is made out to no key stays bound to nobody. Inside stand credentials
with embedded proofs alone: the schema of CLR 2.0 knows no enveloped ones.
"""

from collections.abc import Iterator, Sequence

from ledger.credential.badge import SUITES
from ledger.credential.clr import MAX_CREDENTIALS, RecordTerms, achievements_of, check_associations, compose_record
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.proof import MAX_PROOFS
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.credential.timestamp import parse_timestamp
from ledger.errors import RuleError
from ledger.log.didkey import encode_did_key, encode_multikey
from ledger.log.keys import SigningKey

DESCRIPTION = (
    "Put together by the learner, who vouches for nothing in it. Each credential inside is signed by whoever issued it."
)
MAX_KEYS = MAX_PROOFS - len(SUITES) + 1


def assemble(credentials: Sequence[JSONObject], terms: RecordTerms) -> JSONObject:
    """The record of these credentials, not yet signed.

    Args:
        credentials: signed, with one subject each, in the order they shall stand.
        terms: `issuer.id` and `subject_id` are the learner's did:key, and it is partial.

    Raises:
        RuleError: there are none or too many, two have one id, or an association is not between their achievements.
    """
    if terms.issuer.id != terms.subject_id or not terms.is_partial:
        raise ValueError("a record that its learner puts together is about its issuer, and partial")
    if not 1 <= len(credentials) <= MAX_CREDENTIALS:
        raise RuleError(f"record: {len(credentials)} credentials, 1 to {MAX_CREDENTIALS} go into one")
    ids = [str(credential["id"]) for credential in credentials if "id" in credential]
    if len(set(ids)) != len(ids):
        raise RuleError("record: two of its credentials are the same one", hint="name each once")
    check_associations(terms.associations, achievements_of(credentials))
    return compose_record(credentials, terms)


def identities_of(credentials: Sequence[JSONObject]) -> Iterator[JSONValue]:
    """What the credentials say of who the learner is, each once."""
    seen: list[JSONValue] = []
    for credential in credentials:
        subject = credential.get("credentialSubject")
        values = subject.get("identifier") if isinstance(subject, dict) else None
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict) and value not in seen:
                seen.append(value)
                yield value


def sign_record(
    record: JSONObject, keys: Sequence[SigningKey], proof_ids: Sequence[str], library: ContextLibrary
) -> JSONObject:
    """The record with the learner's proofs.

    Args:
        record: from `assemble`; its issuer is the did:key of the first key.
        keys: 1 to `MAX_KEYS`, each once.
        proof_ids: `urn:uuid:…`, one for each proof of the first key.
        library: contexts, all that the document names.

    Raises:
        RuleError: there are too many keys.
        UnsafeDocumentError: a member has no meaning in the contexts, so that no signature would cover it.
        MissingContextError: a context is not held.
    """
    if not 1 <= len(keys) <= MAX_KEYS:
        raise RuleError(f"record: its credentials are made out to {len(keys)} keys, at most {MAX_KEYS} can sign it")
    created = parse_timestamp(record["validFrom"], where="validFrom")
    first, *others = keys
    for suite, proof_id in zip(SUITES, proof_ids, strict=True):
        terms = ProofTerms(suite=suite, method=_method(first), created=created, id=proof_id)
        record = add_proof(record, terms, first.sign, library)
    for key in others:
        terms = ProofTerms(
            suite=Cryptosuite.EDDSA_JCS_2022, method=_method(key), created=created, previous=tuple(proof_ids)
        )
        record = add_proof(record, terms, key.sign, library)
    return record


def _method(key: SigningKey) -> str:
    return f"{encode_did_key(key.public)}#{encode_multikey(key.public)}"
