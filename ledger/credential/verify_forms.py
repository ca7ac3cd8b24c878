"""This ledger's own credentials in forms of other software: badges with embedded proofs, compact JWS, records (DESIGN 4, 6).

They are judged by the same numbered list as an SD-JWT. What differs is how the bytes prove themselves (steps 1 to 5) and
where the slot stands; from step 6 on `verify_ledger` walks. The issuer's keys are all that its log ever named, whatever
became of them: a reader of a DID document has to pass over a stolen key, a reader of the ledger tells by position what
a thief signed. Each credential inside a record is judged by itself, with a commitment and a slot of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.credential import badge, verify
from ledger.credential.commitment import commit, commit_document, is_own
from ledger.credential.countersignature import countersignatures_of
from ledger.credential.dataintegrity.issuer_document import (
    UnknownIssuerError,
    document_of_keys,
    parse_issuer_document,
)
from ledger.credential.dataintegrity.judgement import ProofQuestion, ProofsJudgement, judge_proofs
from ledger.credential.dataintegrity.proof import Proof
from ledger.credential.external.document import check_shape
from ledger.credential.external.key import parse_foreign_jwk, verify_foreign_jws
from ledger.credential.external.kind import Envelope, Found, Kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import issuer_of
from ledger.credential.external.token import check_claims, document_of_payload
from ledger.credential.jose import JWS
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.loose_receipts import choose_receipt
from ledger.credential.member_documents import MemberDocuments, issuer_url
from ledger.credential.processing import Claims, Shown
from ledger.credential.published import achievement_of
from ledger.credential.report import Answer, Code, CredentialReport, make_step
from ledger.credential.status import encode_status_claim
from ledger.credential.strict_json import JSONObject, parse_strict_object
from ledger.credential.validity import parse_document_validity
from ledger.credential.verify_status import SYNC, read_entry
from ledger.credential.verify_token import Terms, TokenFindings, examine_token, judge_dates
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.body import verify_body
from ledger.log.didkey import parse_multikey
from ledger.log.identity import LogId
from ledger.log.keyring import KeyRecord
from ledger.log.network import Network
from ledger.log.records import DocumentName, DocumentType, Publish

_MAX_VERSION_DIGITS = 16
"""Of a version below 2^53."""
_CHANGED = "ask for the file again: this one was changed"
_OWN_KINDS = (Kind.BADGE_3, Kind.RECORD, Kind.CREDENTIAL_2)
_FIELDS = ("creditsEarned", "narrative")
_LISTED_FIELDS = ("identifier", "result")


@dataclass(frozen=True, slots=True)
class FormJudge:
    """Judges what is of a member's; an `external.question.JudgeOwn`.

    Attributes:
        network: the verifier's view.
        as_of: the moment that is asked about besides, in Unix milliseconds.
        receipts: JSON objects that came with the file, unread, in any order.
    """

    network: Network
    as_of: int | None = None
    receipts: Sequence[object] = ()

    def __call__(self, found: Found, asked: ExternalQuestion) -> CredentialReport | None:
        """The report on a credential by a member of the network; None where it is by nobody of these."""
        token = self.examine(found, asked)
        return None if token is None else self.report(token, asked)

    def examine(self, found: Found, asked: ExternalQuestion) -> TokenFindings | None:
        """Steps 1 to 5 for a credential by a member of the network; None where it is by nobody of these."""
        terms = self._terms(asked)
        if found.envelope is Envelope.SD_JWT:
            issuer = found.document.get("iss")
            if found.kind is not Kind.SD_JWT_VC or type(issuer) is not str or self.network.owner_of(issuer) is None:
                return None
            return examine_token(found.text, self.network, terms)
        if found.kind not in _OWN_KINDS or found.envelope is Envelope.LINK:
            return None
        try:
            document = document_of_payload(found.document, found) if found.jws is not None else found.document
            issuer = issuer_of(document)
        except MalformedError:
            return None  # whoever it is of, others refuse it with the same reason
        owner = self.network.owner_of(issuer_url(issuer))
        if owner is None:
            return None
        return _Examination(self.network, owner, issuer, terms, asked.library).examine(found, document)

    def report(self, token: TokenFindings, asked: ExternalQuestion) -> CredentialReport:
        """The whole list for a credential of which steps 1 to 5 are answered."""
        return verify.report_findings(token, self.choose_receipt(token), self.network, self._terms(asked))

    def _terms(self, asked: ExternalQuestion) -> Terms:
        return Terms(now=asked.now, audience=asked.audience, nonce=asked.nonce, as_of=self.as_of)

    def choose_receipt(self, token: TokenFindings) -> object | None:
        """The receipt that proves this credential, else one above all that is held, which a sync may confirm."""
        return choose_receipt(token, self.network, self.receipts)


class _Examination:
    """Steps 1-5 for one credential."""

    def __init__(self, network: Network, owner: LogId, issuer: str, terms: Terms, library: ContextLibrary) -> None:
        self.network, self.owner, self.issuer, self.terms, self.library = network, owner, issuer, terms, library
        self.found = TokenFindings(owner=owner)
        self.name = network.name_of(owner)

    def examine(self, found: Found, document: JSONObject) -> TokenFindings:
        findings = self.found
        try:
            check_shape(document, found.kind)
            reference, dates = badge.read_slot(document), _dates(document)
        except CairnError as error:
            findings.answer(1, Answer.NO, str(error), error.hint or "ask for the file again", Code.MALFORMED)
            return findings
        findings.answer(1, Answer.YES, f"{found.kind}, {found.envelope}")
        signed = (
            self._check_token(found.jws, found, document) if found.jws is not None else self._check_proofs(document)
        )
        if signed is None:
            return findings
        payload: JSONObject = {"iss": issuer_url(self.issuer), "ld": signed, **dates}
        if reference is not None:
            payload["status"] = encode_status_claim(reference)
        # One that names an achievement of its own awards it, whatever else it calls itself.
        findings.is_record = found.kind is Kind.RECORD and achievement_of(payload) == ("", "")
        findings.claims = Claims(payload, tuple(_shown(signed)), 0)
        self._answer_binding(signed)
        findings.dates = judge_dates(payload, self.terms.now)
        findings.steps.append(findings.dates[0])
        return findings

    # Steps 2 and 3, embedded proofs

    def _check_proofs(self, document: JSONObject) -> JSONObject | None:
        keys = dict(self._keys())
        if not keys:
            self._tell_missing()
            return None
        named = document_of_keys(self.issuer, [record.key for record, _ in keys.values()])
        documents = MemberDocuments(self.network, parse_issuer_document(named, self.issuer))
        question = ProofQuestion(now=self.terms.now, signer=self.issuer, documents=documents, library=self.library)
        try:
            judgement = judge_proofs(document, question)
            signers = {
                self._signer(one.proof.method)
                for one in judgement.proofs
                if one.proof is not None and one.answer is Answer.YES and one.controller == self.issuer
            }
        except MalformedError as error:
            self.found.answer(2, Answer.NO, str(error), _CHANGED, Code.BAD_SIGNATURE)
            return None
        if not self._is_signed(judgement, len(signers)):
            return None
        self.found.key, self.found.key_log = keys[signers.pop()]
        self.found.commitment = commit_document(document)
        self.found.countersignatures = countersignatures_of(judgement, self.issuer, documents.name_of)
        return judgement.document

    def _is_signed(self, judgement: ProofsJudgement, signers: int) -> bool:
        """Answer steps 2 and 3 from the proofs."""
        if judgement.answer is Answer.NO or signers > 1:
            reason = (
                self._failure(judgement)
                if signers < 2
                else f"its proofs are by {signers} keys, a copy is signed by one"
            )
            self.found.answer(2, Answer.NO, reason, judgement.hint or _CHANGED, Code.BAD_SIGNATURE)
            return False
        if judgement.answer is Answer.COULD_NOT_CHECK:
            remedy = judgement.hint or "ask the issuer for another form of it"
            self.found.answer(2, Answer.COULD_NOT_CHECK, judgement.reason, remedy, Code.INCOMPLETE)
            return False
        unclear = [one for one in judgement.proofs if one.answer is Answer.COULD_NOT_CHECK]
        # What could not be checked of a countersignature is told with it.
        unread = [one.suite for one in unclear if one.proof is None or self._is_own(one.proof)]
        self.found.answer(2, Answer.YES, f"not checked beside it: {', '.join(unread)}" if unread else "")
        self.found.answer(3, Answer.YES, "the proof covers every member")
        return True

    def _failure(self, judgement: ProofsJudgement) -> str:
        """Why a document is refused for its proofs; one of somebody else's is told from the issuer's."""
        failed = next((one for one in judgement.proofs if one.answer is Answer.NO), None)
        if failed is None or failed.proof is None or self._is_own(failed.proof):
            return judgement.reason
        return f"the countersignature with the key {failed.proof.method[:200]!r} is not good: {judgement.reason}"

    def _is_own(self, proof: Proof) -> bool:
        return is_own(proof.options, {"issuer": self.issuer})

    # Steps 2 and 3, compact JWS

    def _check_token(self, jws: JWS, found: Found, document: JSONObject) -> JSONObject | None:
        url = jws.header.get("kid")
        try:
            if not isinstance(url, str):
                raise SignatureError("kid: expected the URL of the issuer's key")
            if not self._verify_by(url, jws):
                self._tell_missing()
                return None
        except UnknownIssuerError as error:
            self.found.answer(2, Answer.COULD_NOT_CHECK, str(error), error.hint or SYNC, Code.INCOMPLETE)
            return None
        except CairnError as error:
            self.found.answer(2, Answer.NO, str(error), error.hint or _CHANGED, Code.BAD_SIGNATURE)
            return None
        self.found.answer(2, Answer.YES)
        try:
            check_claims(found.document, document)
        except MalformedError as error:
            self.found.answer(3, Answer.NO, str(error), error.hint, Code.BAD_SIGNATURE)
            return None
        self.found.answer(3, Answer.YES, "the signature covers all of it, and its claims agree")
        self.found.commitment = commit(found.text)
        return document

    def _verify_by(self, url: str, jws: JWS) -> bool:
        """Check the signature by the key at a URL; False where no log is held that could name it."""
        keys = dict(self._keys())
        if not keys:
            return False
        base = issuer_url(self.issuer)
        if url.startswith(f"{base}/policies/"):
            self._verify_published(url.removeprefix(f"{base}/policies/"), jws)
            return True
        multikey = url.removeprefix(f"{self.issuer}#" if url.startswith(f"{self.issuer}#") else f"{base}/keys/")
        key = parse_multikey(multikey, where=f"key {url[:200]!r}")
        if key.id not in keys:
            raise self._never_named()
        self.found.key, self.found.key_log = keys[key.id]
        verify_foreign_jws(jws, key)
        return True

    def _verify_published(self, reference: str, jws: JWS) -> None:
        """Check the signature by a key that stands in a published document, as RSA keys do."""
        document_id, _, version = reference.rpartition("/")
        is_number = version.isascii() and version.isdecimal() and len(version) <= _MAX_VERSION_DIGITS
        name = DocumentName(document_id, int(version) if is_number else 0)
        for log in self.network.line_of(self.owner):
            view = self.network.ledger.log(log)
            record = None if view is None else view.state.documents.get(name)
            if view is None or record is None or record.type is not DocumentType.POLICY:
                continue
            entry, body = read_entry(self.network, log, view, record.index), view.body(record.index)
            if body is None or not isinstance(entry.statement, Publish):
                raise UnknownIssuerError(f"entry {record.index} of the log of {self.name} is not held whole", hint=SYNC)
            (data,) = verify_body("publish", entry.statement.reference, body)
            jwk = parse_strict_object(data, max_bytes=len(data), where=f"key {reference[:100]}")
            verify_foreign_jws(jws, parse_foreign_jwk(jwk, where=f"key {reference[:100]}"))
            self.found.key_document, self.found.key_log = name, log
            return
        raise self._never_named()

    # What both need

    def _keys(self) -> Iterator[tuple[object, tuple[KeyRecord, LogId]]]:
        """Every key that the issuer's log or a successor's ever named, by its id."""
        for log in reversed(self.network.line_of(self.owner)):
            view = self.network.ledger.log(log)
            for record in () if view is None else view.state.keys.records.values():
                yield record.key.id, (record, log)

    def _signer(self, method: str) -> object:
        return parse_multikey(method.partition("#")[2], where="key").id

    def _never_named(self) -> SignatureError:
        return SignatureError(
            f"signed with a key that {self.name} never named, as far as its log is held here",
            hint="if it is very new, run `cairn sync` and try again",
        )

    def _tell_missing(self) -> None:
        detail = f"the log of {self.name} is not held here, or it names no key"
        self.found.answer(2, Answer.COULD_NOT_CHECK, detail, SYNC, Code.INCOMPLETE)

    # Step 4

    def _answer_binding(self, document: JSONObject) -> None:
        subject = document.get("credentialSubject")
        holder = subject.get("id") if isinstance(subject, dict) else None
        named = f"it is about {holder}, who" if isinstance(holder, str) and holder.startswith("did:") else "its holder"
        detail = f"{named} has not signed this file"
        if self.terms.audience is None and self.terms.nonce is None:
            self.found.steps.append(make_step(4, Answer.NOT_APPLICABLE, detail))
            return
        detail += ", so nobody can show that it was made for you"
        self.found.answer(4, Answer.NO, detail, "ask the learner to present it from a wallet", Code.NOT_BOUND)


def _dates(document: JSONObject) -> JSONObject:
    """The end of a document as the claim of a token; its beginning is read from itself, as a day."""
    expires = parse_document_validity(document).expires
    return {} if expires is None else {"exp": expires / 1000}


def _shown(document: JSONObject) -> Iterator[Shown]:
    """What an SD-JWT would disclose, each as a field of its own: here all of it stands in clear."""
    if "awardedDate" in document:
        yield Shown(("ld", "awardedDate"), document["awardedDate"], "", None)
    subject = document.get("credentialSubject")
    if not isinstance(subject, dict):
        return
    for name in _FIELDS:
        if name in subject:
            yield Shown(("ld", "credentialSubject", name), subject[name], "", None)
    for name in _LISTED_FIELDS:
        values = subject.get(name)
        for position, value in enumerate(values if isinstance(values, list) else []):
            yield Shown(("ld", "credentialSubject", name, position), value, "", None)
