"""Adding a countersignature: a network signs over a school's own proofs, in the same file (VC Data Integrity §2.1.2, chains).

The issuer's proofs are named by their ids and stay as they are, the last bit of them covered: whoever changes one breaks the
countersignature, and whoever takes the countersignature away has the issuer's file again. One proof of each suite is
added, as the issuer made them, so that every reader of the file finds one that it knows.
"""

from dataclasses import dataclass

from ledger.credential.badge import SUITES, Issuer
from ledger.credential.commitment import is_own
from ledger.credential.dataintegrity.proof import MAX_PROOFS, proofs_of
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.strict_json import JSONObject
from ledger.duration import DAY_MS
from ledger.errors import MalformedError, RuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigner:
    """Who countersigns, and when.

    Attributes:
        did: theirs.
        keys: with which of its keys, and the contexts.
        now: Unix ms; only the UTC day gets into the file, as with everything else in it.
    """

    did: str
    keys: Issuer
    now: int

    @property
    def signed_at(self) -> int:
        """The beginning of that day, in Unix ms."""
        return self.now // DAY_MS * DAY_MS


def countersign(document: JSONObject, countersigner: Countersigner) -> JSONObject:
    """The document with a proof of each suite over all proofs by its issuer.

    Whether the issuer's proofs are good is for the caller to have found out.

    Raises:
        RuleError: it is the countersigner's own, or countersigned by them already.
        MalformedError: it has no proof by its issuer, one of these has no id to name it by, or too many proofs.
        UnsafeDocumentError, MissingContextError: as `add_proof`.
    """
    proofs = proofs_of(document)
    check_not_signed(proofs, countersigner.did)
    own = [proof for proof in proofs if is_own(proof, document)]
    names = [proof["id"] for proof in own if type(proof.get("id")) is str]
    if not own:
        raise MalformedError("proof: the document has none by its issuer")
    if len(names) != len(own):
        raise MalformedError(
            "proof: one by its issuer has no id, so nothing can sign over it",
            hint="ask the issuer for a new copy: cairn-node copy … --form open-badge --new",
        )
    if len(proofs) + len(SUITES) > MAX_PROOFS:
        raise MalformedError(f"proof: the document has {len(proofs)} proofs, at most {MAX_PROOFS} are read")
    signed, keys = document, countersigner.keys
    for suite in SUITES:
        terms = ProofTerms(
            suite=suite,
            method=keys.method,
            created=countersigner.signed_at,
            previous=tuple(str(name) for name in names),
        )
        signed = add_proof(signed, terms, keys.sign, keys.library)
    return signed


def check_not_signed(proofs: list[JSONObject], did: str) -> None:
    """Check that none of these proofs is by somebody.

    Raises:
        RuleError: one is.
    """
    if any(is_own(proof, {"issuer": did}) for proof in proofs):
        raise RuleError(f"proof: {did} has signed this file already", hint="give out the file as it is")
