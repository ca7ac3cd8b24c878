"""Credentials as compact JWS: Open Badges 3.0 and CLR with their claims at the top or in `vc`, and `vc+jwt`.

The payload is the credential; registered claims beside it must say the same as it does: `iss` the issuer, `jti` the id,
`sub` the subject, `nbf` and `exp` the dates, in whole seconds (Open Badges 3.0 §8.2.4, data model 1.1 §6.3.1). A `vc`
claim is of data model 1.1; in `vc+jwt` there may be none (VC-JOSE-COSE §1.1.2.1).
"""

from ledger.credential.dataintegrity.issuer_document import UnknownIssuerError
from ledger.credential.external.document import check_shape, end_document
from ledger.credential.external.findings import Findings
from ledger.credential.external.kind import Envelope, Found, is_elder
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import ISSUER_CAN_FIX, issuer_of, subjects_of
from ledger.credential.external.signer import Signer, verify_signer
from ledger.credential.report import Code, CredentialReport
from ledger.credential.sdjwt import SD_JWT_VC_TYPES as SD_JWT_TYPES
from ledger.credential.strict_json import JSONObject
from ledger.credential.timestamp import format_timestamp
from ledger.credential.validity import parse_document_validity, parse_seconds, parse_validity
from ledger.errors import MalformedError, SignatureError

VC_JWT_TYPE = "vc+jwt"
_WHOLE = "ask for the file again, whole"
_SECOND = 1000


def judge_token(found: Found, asked: ExternalQuestion) -> CredentialReport:
    """Judge a credential in a compact JWS; never raises for what it holds."""
    findings = Findings(found.kind, Envelope.JWS)
    payload = found.document
    try:
        document = document_of_payload(payload, found)
        check_shape(document, found.kind)
        issuer = issuer_of(document)
        validity = parse_validity(payload)
    except MalformedError as error:
        return findings.unreadable(error)
    findings.yes(1, str(found.kind))
    signer = answer_signature(findings, found, issuer, asked)
    if signer is None:
        return findings.stop()
    try:
        check_claims(payload, document)
    except MalformedError as error:
        findings.no(3, Code.BAD_SIGNATURE, str(error), error.hint)
        return findings.stop()
    findings.yes(3, "the signature covers all of it, and its claims agree")
    return end_document(findings, document, issuer, asked, key=signer.words, validities=(validity,), payload=payload)


def document_of_payload(payload: JSONObject, found: Found) -> JSONObject:
    """The credential a payload holds: itself, or what stands under `vc`.

    Raises:
        MalformedError: `vc` in a token that says it is `vc+jwt`, an SD-JWT without its tildes, or a date that is none.
    """
    assert found.jws is not None, "tokens are parsed"
    inner, kind = payload.get("vc"), str(found.jws.header.get("typ")).removeprefix("application/")
    if kind in SD_JWT_TYPES:
        # Without them it would pass for a token that is bound to nobody, whatever its holder key.
        raise MalformedError(f"jws: its type is {kind!r}, but no tilde follows: cut short?", hint=_WHOLE)
    if type(inner) is not dict:
        return payload
    if kind == VC_JWT_TYPE:
        raise MalformedError(
            "vc: expected no such claim in vc+jwt, whose payload is the credential", hint=ISSUER_CAN_FIX
        )
    return _fill(inner, payload)


def _fill(inner: JSONObject, payload: JSONObject) -> JSONObject:
    """A credential with what data model 1.1 lets issuers leave to the registered claims (§6.3.1, JWT decoding)."""
    filled = dict(inner)
    for claim, member in (("iss", "issuer"), ("jti", "id")):
        if type(payload.get(claim)) is str:
            filled.setdefault(member, payload[claim])
    if not is_elder(inner):
        return filled
    for claim, member in (("nbf", "issuanceDate"), ("exp", "expirationDate")):
        instant = parse_seconds(payload, claim, "jwt")
        if instant is not None:
            filled.setdefault(member, format_timestamp(instant))
    subject = filled.get("credentialSubject")
    if type(subject) is dict and type(payload.get("sub")) is str:
        filled["credentialSubject"] = {"id": payload["sub"], **subject}
    return filled


def answer_signature(findings: Findings, found: Found, issuer: str, asked: ExternalQuestion) -> Signer | None:
    """Step 2, and 9 and 10 as far as the key decides them; None where nothing more is to be believed."""
    assert found.jws is not None, "tokens are parsed"
    try:
        signer = verify_signer(found.jws, issuer, asked, where="jws")
    except UnknownIssuerError as error:
        findings.unclear(2, Code.UNKNOWN_ISSUER, str(error), error.hint)
        return None
    except (SignatureError, MalformedError) as error:
        findings.no(2, Code.BAD_SIGNATURE, str(error), error.hint)
        return None
    findings.yes(2, f"by {signer.words}")
    if signer.is_certified:
        findings.yes(9, f"{signer.words}, under an authority that you named; no ledger says what it may issue")
        findings.yes(10, "its certificate is within its dates; lists of revoked certificates are not asked")
    elif not signer.is_confirmed:
        findings.unclear(9, Code.UNKNOWN_ISSUER, signer.doubt, signer.remedy)
    return signer


def check_claims(payload: JSONObject, document: JSONObject) -> None:
    """Check that the registered claims say what the credential says.

    Raises:
        MalformedError: one does not; both values are named.
    """
    subject = next((one.get("id") for one in subjects_of(document)), None)
    for claim, member, value in (
        ("iss", "issuer.id", issuer_of(document)),
        ("jti", "id", document.get("id")),
        ("sub", "credentialSubject.id", subject),
    ):
        if claim in payload and payload[claim] != value:
            raise MalformedError(
                f"{claim}: expected {str(value)[:150]!r} as {member} says, found {str(payload[claim])[:150]!r}",
                hint=ISSUER_CAN_FIX,
            )
    claimed, said = parse_validity(payload), parse_document_validity(document)
    for claim, one, other in (("nbf", claimed.not_before, said.not_before), ("exp", claimed.expires, said.expires)):
        # Claims count whole seconds: a credential with fractions agrees with the second it lies in.
        if one is not None and other is not None and one // _SECOND != other // _SECOND:
            raise MalformedError(
                f"{claim}: expected {other // _SECOND} as the credential's own date says, found {one // _SECOND}",
                hint=ISSUER_CAN_FIX,
            )
