"""Judging the proofs of a document, sets and chains included (VC Data Integrity 1.0 §4.4, §4.5).

The policy: every proof that is understood must be good, at least one of them by the party that has to have signed, and
one that failed is never ignored because another is good. What could not be checked (a suite not understood, a context
or an issuer's document that is not held) is told apart from what failed. Each proof is checked in this order:

1. its suite is understood; 2. it is well formed; 3. it was made for this purpose, and where the question names a domain
and a challenge, for those; 4. it has not expired; 5. its key is its controller's, listed for the purpose, and the
controller is the party that has to sign, or, for a proof over other proofs, anybody; 6. the proofs it signs over are
there and good; 7. the signature covers this document, all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from ledger.credential.dataintegrity.cryptosuite import hash_dataset, hash_input
from ledger.credential.dataintegrity.issuer_document import (
    ASSERTION,
    IssuerDocuments,
    VerificationMethod,
    check_in_force,
)
from ledger.credential.dataintegrity.proof import Proof, find_suite, name_suite, parse_proof, proofs_of
from ledger.credential.jsonld.dataset import UnsafeDocumentError
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import Answer
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.credential.timestamp import format_timestamp
from ledger.errors import CairnError, SignatureError
from ledger.log.keys import Algorithm, verify_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofQuestion:
    """What a verifier asks of a document's proofs.

    Attributes:
        now: Unix ms.
        signer: who has to have signed: the issuer's id, or the holder's.
        documents: where keys are looked up.
        library: contexts, for the suites that need them.
        purpose: `ASSERTION` for credentials, `AUTHENTICATION` for presentations.
        domain, challenge: what a presentation has to name; None for no demand.
    """

    now: int
    signer: str
    documents: IssuerDocuments
    library: ContextLibrary = field(default_factory=ContextLibrary)
    purpose: str = ASSERTION
    domain: str | None = None
    challenge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofAnswer:
    """What was found about one proof.

    Attributes:
        suite: the name it gives its suite.
        answer: yes, no, or could not check.
        reason: why, in words; hint: what to do.
        proof: the parsed proof, where it could be parsed.
        controller: whose key signed, where that is known.
    """

    suite: str
    answer: Answer
    reason: str
    hint: str = ""
    proof: Proof | None = None
    controller: str | None = None


@dataclass(frozen=True, slots=True)
class ProofsJudgement:
    """The answer for the document as a whole, and for each of its proofs in order.

    Attributes:
        answer: yes, no, or could not check.
        reason, hint: of the proof that decided.
        proofs: answers one by one.
        document: the document without proofs; what is read further must be this, and only after a yes.
    """

    answer: Answer
    reason: str
    hint: str
    proofs: tuple[ProofAnswer, ...]
    document: JSONObject


def judge_proofs(document: JSONObject, question: ProofQuestion) -> ProofsJudgement:
    """Judge every proof of a document, and the document by all of them.

    Raises:
        MalformedError: `proof` is no array of objects, or of too many.
    """
    proofs = proofs_of(document)
    bare = {name: value for name, value in document.items() if name != "proof"}
    answers = tuple(_Judge(bare, proofs, question).judge_all())
    decisive = _decide(answers, question.signer)
    return ProofsJudgement(decisive.answer, decisive.reason, decisive.hint, answers, bare)


def open_document(document: JSONObject, question: ProofQuestion) -> JSONObject:
    """The document without its proofs, after the policy found them good.

    Raises:
        SignatureError: a proof failed, none could be checked, or there is none.
        MalformedError: as `judge_proofs`.
    """
    judgement = judge_proofs(document, question)
    if judgement.answer is not Answer.YES:
        raise SignatureError(judgement.reason, hint=judgement.hint)
    return judgement.document


def _decide(answers: Sequence[ProofAnswer], signer: str) -> ProofAnswer:
    """The policy of this module: the answer that stands for all."""
    failed = next((one for one in answers if one.answer is Answer.NO), None)
    if failed is not None:
        return failed
    good = [one for one in answers if one.answer is Answer.YES and one.controller == signer]
    unclear = [one for one in answers if one.answer is Answer.COULD_NOT_CHECK]
    unclear.sort(key=lambda one: one.proof is None)  # what to do about an understood suite helps more
    nothing = ProofAnswer(suite="", answer=Answer.NO, reason=f"proof: the document holds none by {signer[:150]!r}")
    return next(iter((*good, *unclear)), nothing)


class _Judge:
    """Judges the proofs of one document, each once."""

    def __init__(self, document: JSONObject, proofs: list[JSONObject], question: ProofQuestion) -> None:
        self.document, self.proofs, self.question = document, proofs, question
        self.index_of = {proof["id"]: n for n, proof in enumerate(proofs) if type(proof.get("id")) is str}
        self.answers: dict[int, ProofAnswer] = {}
        self.under_way: set[int] = set()
        self.hashed: dict[tuple[str, ...], bytes | CairnError] = {}

    def judge_all(self) -> list[ProofAnswer]:
        return [self.judge(index) for index in range(len(self.proofs))]

    def judge(self, index: int) -> ProofAnswer:
        """The answer for one proof, those it signs over judged first."""
        if index not in self.answers:
            self.under_way.add(index)
            self.answers[index] = self._judge(self.proofs[index])
            self.under_way.discard(index)
        return self.answers[index]

    def _judge(self, value: JSONObject) -> ProofAnswer:
        name = name_suite(value)
        suite = find_suite(value)
        if suite is None:  # 1
            reason = f"proof: the suite {name!r} is not understood here"
            return ProofAnswer(suite=name, answer=Answer.COULD_NOT_CHECK, reason=reason)
        proof: Proof | None = None
        controller: str | None = None
        try:
            proof = parse_proof(value, suite)  # 2
            self._check_purpose(proof)  # 3
            self._check_expiry(proof)  # 4
            method = self.question.documents.find_method(proof.method, proof.purpose)  # 5
            controller = method.controller
            self._check_method(proof, method)
            self._check_signature(proof, method)  # 6, 7
        except CairnError as error:
            answer = Answer.NO if _is_failure(error, proof) else Answer.COULD_NOT_CHECK
            return ProofAnswer(
                suite=name, answer=answer, reason=str(error), hint=error.hint, proof=proof, controller=controller
            )
        reason = f"signed by {controller}"
        return ProofAnswer(suite=name, answer=Answer.YES, reason=reason, proof=proof, controller=controller)

    def _check_purpose(self, proof: Proof) -> None:
        asked = self.question
        if proof.purpose != asked.purpose:
            raise SignatureError(f"proof: made for {proof.purpose[:60]!r}, expected {asked.purpose!r}")
        if asked.domain is not None and asked.domain not in proof.domains:
            raise SignatureError(
                f"proof: made for {', '.join(proof.domains)[:200] or 'nobody'!r}, not {asked.domain!r}"
            )
        if asked.challenge is not None and proof.challenge != asked.challenge:
            raise SignatureError("proof: does not answer the challenge that was set")

    def _check_expiry(self, proof: Proof) -> None:
        if proof.expires is not None and self.question.now >= proof.expires:
            raise SignatureError(f"proof: expired at {format_timestamp(proof.expires)}")

    def _check_method(self, proof: Proof, method: VerificationMethod) -> None:
        if method.controller != self.question.signer and not proof.previous:
            raise SignatureError(
                f"proof: the key is of {method.controller[:150]!r}, the document has to be signed by "
                f"{self.question.signer[:150]!r}"
            )
        check_in_force(method.ends, self.question.now, where="proof")
        assert method.key is not None, "a method without a key is not found"
        if method.key.algorithm is not Algorithm.ED25519:
            raise SignatureError(f"proof: {proof.suite} needs an ed25519 key, its key is {method.key.algorithm}")

    def _check_signature(self, proof: Proof, method: VerificationMethod) -> None:
        document = self.document
        if proof.previous:
            previous: list[JSONValue] = list(self._find_previous(proof))
            document = {**document, "proof": previous}
        hash_once = partial(self._hash_once, proof.previous)
        hashes = hash_input(proof.suite, document, proof.options, self.question.library, hash_once)
        assert method.key is not None, "a method without a key is not found"
        try:
            verify_signature(method.key, hashes.message, proof.signature)
        except SignatureError as error:
            raise SignatureError(
                f"proof: the signature ({proof.suite}) does not cover this document",
                hint="it was changed after signing, or signed by another key",
            ) from error

    def _hash_once(self, previous: tuple[str, ...], document: JSONObject, library: ContextLibrary) -> bytes:
        """The hash of the document with these proofs, or why there is none: once, however many proofs cover it."""
        if previous not in self.hashed:
            try:
                self.hashed[previous] = hash_dataset(document, library)
            except CairnError as error:
                self.hashed[previous] = error
        found = self.hashed[previous]
        if isinstance(found, CairnError):
            raise found
        return found

    def _find_previous(self, proof: Proof) -> list[JSONObject]:
        """The proof objects a proof signs over; each must have been found good itself."""
        found = []
        for name in proof.previous:
            index = self.index_of.get(name)
            if index is None:
                raise SignatureError(f"proof: signs over the proof {name[:80]!r}, which is not there")
            if index in self.under_way:
                raise SignatureError(f"proof: the proof {name[:80]!r} signs over itself, in a circle")
            if self.judge(index).answer is Answer.NO:
                raise SignatureError(f"proof: signs over the proof {name[:80]!r}, which failed")
            found.append(self.proofs[index])
        return found


def _is_failure(error: CairnError, proof: Proof | None) -> bool:
    """Whether an error says that the proof is not good, rather than that it could not be checked.

    A document without canonical form, with an unsupported feature or beyond a bound could not be checked: it may well
    be what its issuer signed; so it is where a context or a document is not held. One that says more than the signature
    covers has failed.
    """
    return proof is None or isinstance(error, UnsafeDocumentError | SignatureError)
