"""Presentations of others (`VerifiablePresentation`): a holder's signature around credentials.

The holder's proof answers for whom and by whom the whole was made; each credential inside is judged by itself. Its
subject has to be the holder: a presentation of somebody else's credential is not its presenter's.
"""

from dataclasses import replace

from ledger.credential.dataintegrity.issuer_document import AUTHENTICATION, UnknownIssuerError
from ledger.credential.dataintegrity.judgement import ProofQuestion, judge_proofs
from ledger.credential.dataintegrity.proof import proofs_of
from ledger.credential.external.blockcerts import answer_merkle, split_proofs
from ledger.credential.external.findings import Findings
from ledger.credential.external.kind import Envelope, Found, Kind, is_merkle_proof
from ledger.credential.external.merkle import parse_proof_2019
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import check_presentation, holder_of, subjects_of
from ledger.credential.external.signer import verify_signer
from ledger.credential.report import Answer, Code, CredentialReport, Step, first_code, make_step
from ledger.credential.strict_json import JSONObject
from ledger.credential.validity import check_dates
from ledger.errors import MalformedError, RuleError, SignatureError

_UNSIGNED = "nobody signed it: anybody could have put these together"


def judge_holder(found: Found, asked: ExternalQuestion) -> tuple[CredentialReport, JSONObject]:
    """The report on the presentation itself, and the presentation as it was signed."""
    findings = Findings(Kind.PRESENTATION, found.envelope)
    document = found.document
    if found.envelope is Envelope.JWS:
        inner = document.get("vp")
        document = inner if type(inner) is dict else document
    try:
        check_presentation(document)
        holder = holder_of(document) or _claimed_holder(found)
    except MalformedError as error:
        return findings.unreadable(error), document
    findings.yes(1, str(found.kind))
    if found.envelope is Envelope.JWS:
        _answer_token(findings, found, holder, asked)
    else:
        _answer_embedded(findings, document, holder, asked)
    if not findings.is_no(4):
        findings.skip(2, "the credentials inside have their own")
    return findings.report(title="Presentation", issuer=holder), document


def bind_to_holder(report: CredentialReport, presentation: CredentialReport, document: JSONObject) -> CredentialReport:
    """The report on a credential inside, with what the presentation around it says of its holder.

    A good presentation by somebody whom the credential is not about answers nothing: anybody can sign around a copy,
    and a key binding inside may have been made for the presenter.

    Args:
        report: on the credential by itself.
        presentation: the report on the presentation, whose `issuer` is the holder.
        document: the credential, to see whom it is about.
    """
    step = next((one for one in presentation.steps if one.number == 4), None)
    if step is None or step.answer is Answer.NOT_APPLICABLE or not any(one.number == 4 for one in report.steps):
        return report
    if step.answer is Answer.YES:
        step = _about_holder(step, presentation.issuer, document)
    steps = tuple(step if one.number == 4 else one for one in report.steps)
    code = report.code
    if step.answer is not Answer.YES:
        code = first_code([code, Code.NOT_BOUND if step.answer is Answer.NO else Code.INCOMPLETE])
    return replace(report, steps=steps, code=code)


def _about_holder(step: Step, holder: str, document: JSONObject) -> Step:
    """Step 4 of a credential whose presentation its holder signed: whether it is about that holder."""
    ids = [value for value in (one.get("id") for one in subjects_of(document)) if type(value) is str]
    if holder in ids:
        return step
    if ids:
        detail = f"it is about {ids[0][:150]}, and {holder[:150]} presents it"
        return make_step(4, Answer.NO, detail, "ask whom it is about to present it")
    detail = f"nothing in it says whether it is about {holder[:150]}, who presents it"
    return make_step(4, Answer.COULD_NOT_CHECK, detail, "ask for a copy that names its holder")


def _claimed_holder(found: Found) -> str:
    """Whom a presentation without `holder` comes from: the issuer of the token, or the owner of the first key."""
    claim = found.document.get("iss")
    if type(claim) is str:
        return claim
    for proof in proofs_of(found.document):
        method = proof.get("verificationMethod")
        if type(method) is str:
            return method.partition("#")[0]
    return ""


def _answer_embedded(findings: Findings, document: JSONObject, holder: str, asked: ExternalQuestion) -> None:
    proofs = proofs_of(document)
    if not proofs:
        _refuse_or_skip(findings, asked)
        return
    if any(is_merkle_proof(one) for one in proofs):
        _answer_anchored(findings, document, asked)
        return
    question = ProofQuestion(
        now=asked.now,
        signer=holder,
        documents=asked.book.controlled,
        library=asked.library,
        purpose=AUTHENTICATION,
        domain=asked.audience,
        challenge=asked.nonce,
    )
    judgement = judge_proofs(document, question)
    if judgement.answer is Answer.YES:
        named = "" if asked.audience else "; whether it was made for you, --audience and --nonce would tell"
        findings.yes(4, f"signed by the holder {holder}{named}")
        findings.yes(3, "the proof covers every member")
    elif judgement.answer is Answer.NO:
        findings.no(4, Code.NOT_BOUND, judgement.reason, judgement.hint)
    else:
        findings.unclear(4, Code.INCOMPLETE, judgement.reason, judgement.hint)


def _answer_anchored(findings: Findings, document: JSONObject, asked: ExternalQuestion) -> None:
    """A presentation with a Merkle proof: unchanged since it was made; by whom, only the chain would say."""
    try:
        value, rest = split_proofs(document)
        proof = parse_proof_2019(value.get("proofValue"))
    except MalformedError as error:
        findings.no(4, Code.NOT_BOUND, str(error), error.hint)
        return
    if answer_merkle(findings, rest, proof, asked.library):
        step = findings.steps.pop(2)
        findings.steps[4] = make_step(4, Answer.COULD_NOT_CHECK, step.detail, step.remedy)
    elif findings.is_no(3):
        findings.no(4, Code.NOT_BOUND, findings.steps[3].detail)


def _answer_token(findings: Findings, found: Found, holder: str, asked: ExternalQuestion) -> None:
    assert found.jws is not None, "tokens are parsed"
    payload = found.document
    try:
        signer = verify_signer(found.jws, holder, asked, where="presentation", purpose=AUTHENTICATION)
        check_dates(payload, asked.now, where="presentation")
        _check_asked(payload, asked)
    except UnknownIssuerError as error:
        findings.unclear(4, Code.INCOMPLETE, str(error), error.hint)
    except (SignatureError, MalformedError, RuleError) as error:
        findings.no(4, Code.NOT_BOUND, str(error), error.hint)
    else:
        findings.yes(4, f"signed by {signer.words} of the holder {holder}")
        findings.yes(3, "the signature covers all of it")


def _check_asked(payload: JSONObject, asked: ExternalQuestion) -> None:
    audience = payload.get("aud")
    if asked.audience is not None and asked.audience not in (audience if type(audience) is list else [audience]):
        raise RuleError(f"aud: made for {str(audience)[:150]!r}, expected {asked.audience!r}")
    if asked.nonce is not None and payload.get("nonce") != asked.nonce:
        raise RuleError("nonce: it does not carry the value that you gave out")


def _refuse_or_skip(findings: Findings, asked: ExternalQuestion) -> None:
    if asked.audience is not None or asked.nonce is not None:
        findings.no(4, Code.NOT_BOUND, _UNSIGNED, "ask for a presentation that its holder signed")
    else:
        findings.skip(4, _UNSIGNED)
