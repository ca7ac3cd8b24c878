"""SD-JWT credentials of other issuers: SD-JWT VC (`vct`), and data model 2.0 credentials as `vc+sd-jwt`.

RFC 9901 does the cryptography, in `sdjwt`; here is what differs: the issuer's key comes from what the verifier was given
or a chain of certificates. SD-JWT VC with an Open Badge or CLR inside has it in `ld` (OpenID4VP 1.0, B.3.7).
"""

from ledger.credential.external.contents import lines_of, read_contents, text_of
from ledger.credential.external.document import answer_unbound, check_shape, end_document
from ledger.credential.external.ending import (
    answer_content,
    answer_dates,
    answer_issuer,
    answer_status,
    check_status_shape,
)
from ledger.credential.external.entry import entries_of_document, entries_of_token
from ledger.credential.external.findings import Findings
from ledger.credential.external.kind import Envelope, Found, Kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import issuer_of
from ledger.credential.external.signer import Signer
from ledger.credential.external.token import answer_signature, check_claims
from ledger.credential.keybinding import DEFAULT_MAX_AGE_MS, BindingPolicy
from ledger.credential.presentation import MAX_AGE_MS
from ledger.credential.processing import Claims
from ledger.credential.report import Code, CredentialReport
from ledger.credential.sdjwt import SD_JWT_VC_TYPES, SDJWT, open_claims, open_key_binding, parse_sd_jwt
from ledger.credential.strict_json import JSONObject
from ledger.credential.validity import format_instant, parse_document_validity, parse_validity
from ledger.errors import CairnError, MalformedError, RuleError

_ENVELOPE_CLAIMS = frozenset(
    {"iss", "vct", "vct#integrity", "aka_vcts", "exp", "nbf", "iat", "cnf", "status", "ld", "jti"}
)


def judge_sd_jwt(found: Found, asked: ExternalQuestion) -> CredentialReport:
    """Judge an SD-JWT credential that is not of this ledger; never raises for what it holds."""
    findings = Findings(found.kind, Envelope.SD_JWT)
    is_vc = found.kind is Kind.SD_JWT_VC
    try:
        token = parse_sd_jwt(found.text, types=SD_JWT_VC_TYPES if is_vc else None)
        issuer = _issuer_of(token, is_vc)
        validity = parse_validity(token.payload)
    except MalformedError as error:
        return findings.unreadable(error)
    findings.yes(1, str(found.kind))
    signer = answer_signature(findings, found, issuer, asked)
    if signer is None:
        return findings.stop()
    claims = _answer_disclosures(findings, token, is_vc)
    if claims is None:
        return findings.stop()
    _answer_binding(findings, token, asked)
    if is_vc:
        return _end_vc(findings, claims.payload, issuer, signer, asked)
    return end_document(
        findings, claims.payload, issuer, asked, key=signer.words, validities=(validity,), payload=token.payload
    )


def _issuer_of(token: SDJWT, is_vc: bool) -> str:
    """The issuer named in clear; SD-JWT VC may leave it to the certificate."""
    if not is_vc:
        return issuer_of(token.payload)
    issuer = token.payload.get("iss")
    if issuer is None and "x5c" in token.jws.header:
        return ""
    if type(issuer) is not str or not issuer:
        raise MalformedError("iss: expected a text, or a certificate in the header, found neither")
    return issuer


def _answer_disclosures(findings: Findings, token: SDJWT, is_vc: bool) -> Claims | None:
    try:
        claims = open_claims(token)
        if not is_vc:
            check_shape(claims.payload, findings.kind)
            check_claims(token.payload, claims.payload)
    except (MalformedError, RuleError) as error:
        findings.no(3, Code.BAD_SIGNATURE, str(error), error.hint)
        return None
    shown, hidden = len(claims.shown), claims.undisclosed
    findings.yes(3, f"{shown} parts shown, {hidden} hidden or decoys" if shown or hidden else "nothing is hidden in it")
    return claims


def _answer_binding(findings: Findings, token: SDJWT, asked: ExternalQuestion) -> None:
    """Step 4. What the verifier asks decides, never the token."""
    wants = asked.audience is not None or asked.nonce is not None
    if token.key_binding is None:
        if "cnf" in token.payload and wants:
            remedy = "ask the holder to show it to you, with the audience and nonce you gave out"
            findings.no(4, Code.NOT_BOUND, "it is bound to a holder key, and nobody signed with it for you", remedy)
        elif "cnf" in token.payload:
            remedy = "whoever holds the key can show it: ask for that, and verify with --audience and --nonce"
            findings.unclear(
                4, Code.INCOMPLETE, "it is bound to a holder key, and this is the copy before showing", remedy
            )
        else:
            answer_unbound(findings, asked)
        return
    # A nonce that was given out says when; without one the holder's own word of the time has to do.
    max_age = MAX_AGE_MS if asked.nonce is None else DEFAULT_MAX_AGE_MS
    try:
        binding = open_key_binding(token, BindingPolicy(asked.audience, asked.nonce, max_age), asked.now)
    except CairnError as error:
        findings.no(4, Code.NOT_BOUND, str(error), error.hint)
        return
    when = f"made for {binding.audience} at {format_instant(binding.issued_at)}"
    findings.yes(4, when if wants else f"{when}; whether that is you, you must know")


def _end_vc(
    findings: Findings, payload: JSONObject, issuer: str, signer: Signer, asked: ExternalQuestion
) -> CredentialReport:
    """Dates, issuer, status and content of an SD-JWT VC."""
    inner = payload.get("ld")
    # What an object of a data model says of its own end and status counts too, inside or with its members at the top.
    document = inner if type(inner) is dict else payload if "@context" in payload else {}
    try:
        answer_dates(findings, (parse_validity(payload), parse_document_validity(document)), asked.now)
    except MalformedError as error:
        findings.unclear(5, Code.INCOMPLETE, str(error), "ask the issuer for a new one")
    if not findings.is_answered(9):
        answer_issuer(findings, issuer, asked, signer.words)
    try:
        entries = (*entries_of_token(payload), *entries_of_document(document))
        answer_status(findings, entries, issuer, asked)
    except MalformedError as error:
        check_status_shape(findings, error)
    _remark_issuer(findings, document, issuer)
    if type(inner) is dict:
        contents = read_contents(inner)
        title, shown = contents.title, contents.shown
    else:
        title = text_of(payload.get("name")) or text_of(payload.get("vct"))
        shown = lines_of({name: value for name, value in payload.items() if name not in _ENVELOPE_CLAIMS})
    answer_content(findings, len(shown))
    leaf = signer.leaf
    return findings.report(title=title, issuer=issuer or (leaf.subject if leaf else ""), shown=shown)


def _remark_issuer(findings: Findings, document: JSONObject, issuer: str) -> None:
    """Tell where the object inside names another issuer than the token, which alone is signed for."""
    named = document.get("issuer")
    named = named.get("id") if type(named) is dict else named
    if type(named) is str and issuer and named != issuer:
        findings.notes.append(f"inside it names {named[:150]} as its issuer, and {issuer[:150]} signed it")
