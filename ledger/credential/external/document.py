"""Credentials with embedded proofs: data model 1.1 and 2.0, and Open Badges 3.0 in either.

1. shape; 2. every proof understood is good and one is the issuer's; then, once that is believed, 3. nothing in the
document is left uncovered, 5. dates, 9. issuer, 11. status, 13. and 14. content. What is read after the proofs is the
document they cover.
"""

from ledger.credential.countersignature import countersignatures_of
from ledger.credential.dataintegrity.judgement import ProofQuestion, ProofsJudgement, judge_proofs
from ledger.credential.external.assembled import answer_assembled, describe_assembled, is_assembled
from ledger.credential.external.badge import check_badge, remarks_on
from ledger.credential.external.contents import read_contents
from ledger.credential.external.ending import (
    answer_content,
    answer_dates,
    answer_endorsements,
    answer_issuer,
    answer_status,
    check_status_shape,
)
from ledger.credential.external.entry import entries_of_document, entries_of_token
from ledger.credential.external.findings import Findings
from ledger.credential.external.kind import Envelope, Found, Kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import check_credential, issuer_of
from ledger.credential.report import UNBOUND_NOTE, Answer, Code, CredentialReport
from ledger.credential.strict_json import JSONObject
from ledger.credential.validity import Validity, parse_document_validity
from ledger.errors import MalformedError


def judge_document(found: Found, asked: ExternalQuestion) -> CredentialReport:
    """Judge a credential with embedded proofs; never raises for what it holds."""
    findings = Findings(found.kind, Envelope.EMBEDDED)
    try:
        check_shape(found.document, found.kind)
        issuer = issuer_of(found.document)
        question = ProofQuestion(now=asked.now, signer=issuer, documents=asked.book.controlled, library=asked.library)
        judgement = judge_proofs(found.document, question)
    except MalformedError as error:
        return findings.unreadable(error)
    findings.yes(1, str(found.kind))
    if not answer_proofs(findings, judgement):
        return findings.stop()
    # Whoever named these documents knows whose they are; here the DID is all the name there is.
    findings.countersignatures = countersignatures_of(judgement, issuer, lambda did: did)
    by_learner = is_assembled(found)
    if by_learner:
        answer_assembled(findings, asked)
    report = end_document(findings, judgement.document, issuer, asked, key=_name_key(judgement))
    return describe_assembled(report, issuer) if by_learner else report


def check_shape(document: JSONObject, kind: Kind) -> None:
    """Check the shape of a credential, and of a badge what makes it one.

    Raises:
        MalformedError: a member is missing or not of its form.
    """
    check_credential(document)
    if kind is Kind.BADGE_3:
        check_badge(document)


def answer_proofs(findings: Findings, judgement: ProofsJudgement) -> bool:
    """Steps 2 and 3 from the proofs of a document; whether it is to be believed."""
    if judgement.answer is Answer.NO:
        findings.no(2, Code.BAD_SIGNATURE, judgement.reason, judgement.hint)
        return False
    if judgement.answer is Answer.COULD_NOT_CHECK:
        findings.unclear(
            2, Code.INCOMPLETE, judgement.reason, judgement.hint or "ask the issuer for another form of it"
        )
        findings.skip(3, "nothing is believed before the signature is checked")
        return False
    unread = [one.suite for one in judgement.proofs if one.answer is Answer.COULD_NOT_CHECK]
    findings.yes(2, judgement.reason + (f"; not understood beside it: {', '.join(unread)}" if unread else ""))
    findings.yes(3, "the proof covers every member")
    return True


def end_document(
    findings: Findings,
    document: JSONObject,
    issuer: str,
    asked: ExternalQuestion,
    *,
    key: str,
    validities: tuple[Validity, ...] = (),
    payload: JSONObject | None = None,
) -> CredentialReport:
    """Everything after a good signature, for credentials of either data model in whatever envelope.

    Args:
        findings: with steps 1 to 3 answered.
        document: what was signed.
        issuer: its id.
        asked: the question.
        key: who signed, in words.
        validities: dates of the envelope, beside the document's own.
        payload: the token around the document, which may name a status list too.
    """
    answer_dates(findings, (parse_document_validity(document), *validities), asked.now)
    if not findings.is_answered(4):
        answer_unbound(findings, asked)
    if not findings.is_answered(9):
        answer_issuer(findings, issuer, asked, key)
    try:
        entries = (*entries_of_document(document), *entries_of_token(payload or {}))
        answer_status(findings, entries, issuer, asked)
    except MalformedError as error:
        check_status_shape(findings, error)
    answer_endorsements(findings, document)
    contents = read_contents(document)
    answer_content(findings, len(contents.shown))
    if findings.kind is Kind.BADGE_3:
        findings.notes += remarks_on(document)
    return findings.report(title=contents.title, issuer=contents.issuer, shown=contents.shown)


def answer_unbound(findings: Findings, asked: ExternalQuestion) -> None:
    """Step 4 for what carries no key binding."""
    if asked.audience is not None or asked.nonce is not None:
        findings.no(
            4,
            Code.NOT_BOUND,
            "it was made for nobody in particular, so it does not answer the audience or nonce you ask for",
            "ask for a presentation, or verify without --audience and --nonce",
        )
    else:
        findings.skip(4, "it carries no signature of its holder")
        findings.notes.append(UNBOUND_NOTE)


def _name_key(judgement: ProofsJudgement) -> str:
    good = next((one.proof for one in judgement.proofs if one.answer is Answer.YES and one.proof is not None), None)
    return f"the key {good.method}" if good is not None else ""
