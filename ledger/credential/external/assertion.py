"""Open Badges 2.0: assertions signed as JWS, and copies of hosted ones.

A signed assertion leads to its key over three documents, none of them fetched: the badge class names the issuer, the
issuer's profile lists the key, the key names its owner. What stands embedded in the assertion was written by whoever made
it, so only documents that the verifier was given connect a key to an issuer. A hosted assertion is good as long as its
host says the same: a copy of it proves nothing by itself.
"""

from collections.abc import Mapping

from ledger.credential.external.contents import issuer_name, lines_of, text_of
from ledger.credential.external.document import answer_unbound
from ledger.credential.external.ending import answer_content, answer_dates, answer_issuer, answer_status
from ledger.credential.external.findings import Findings
from ledger.credential.external.issuers import IssuerBook, host_of
from ledger.credential.external.key import ForeignKey, parse_pem, verify_foreign_jws
from ledger.credential.external.kind import Envelope, Found, Kind, contexts_of, types_of
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.revocation import list_of_ids
from ledger.credential.external.shape import ISSUER_CAN_FIX, is_url
from ledger.credential.external.times import parse_assertion_validity
from ledger.credential.report import Code, CredentialReport
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.errors import CairnError, MalformedError, SignatureError

CONTEXTS = frozenset({"https://w3id.org/openbadges/v2", "https://openbadgespec.org/v2/context.json"})
_HOSTED, _SIGNED = frozenset({"hosted", "HostedBadge"}), frozenset({"signed", "SignedBadge"})
_NO_HOST = "hosted: could not check the host, nothing is fetched while verifying"


class MissingDocumentError(CairnError):
    """A document between the assertion and its key was not given: could not check."""


def judge_assertion(found: Found, asked: ExternalQuestion) -> CredentialReport:
    """Judge an assertion, signed or hosted, or a link to one; never raises for what it holds."""
    findings = Findings(Kind.BADGE_2, found.envelope)
    if found.envelope is Envelope.LINK:
        findings.yes(1, "a link, and no badge: the elder form of baking")
        _leave_hosted(findings, found.text)
        return findings.stop()
    assertion = found.document
    try:
        check_assertion(assertion)
        validity = parse_assertion_validity(assertion)
    except MalformedError as error:
        return findings.unreadable(error)
    findings.yes(1, str(found.kind))
    badge = _resolve(assertion.get("badge"), asked.book)
    issuer = _issuer_of(badge)
    profile = asked.book.find(issuer) or {}
    if found.envelope is Envelope.JWS:
        if not _answer_signed(findings, found, issuer, asked):
            return findings.stop()
    else:
        _answer_hosted(findings, assertion, issuer, profile, asked)
    answer_dates(findings, (validity,), asked.now)
    answer_unbound(findings, asked)
    if not findings.is_answered(9):
        answer_issuer(findings, issuer or "its issuer", asked, "the key that the profile lists" if found.jws else "")
    url = profile.get("revocationList")
    identifier = text_of(assertion.get("id"))
    answer_status(findings, (list_of_ids(url, identifier),) if type(url) is str else (), issuer, asked)
    shown = lines_of([{name: assertion.get(name) for name in ("recipient", "narrative", "evidence")}, _about(badge)])
    answer_content(findings, len(shown))
    title = text_of(badge.get("name")) or text_of(assertion.get("badge")) or identifier
    embedded = badge.get("issuer")
    name = issuer_name(profile or (embedded if type(embedded) is dict else issuer))
    return findings.report(title=title, issuer=name, shown=shown)


def check_assertion(assertion: JSONObject) -> None:
    """Check the shape of an assertion (Open Badges 2.0 §3.1).

    Raises:
        MalformedError: a member is missing or not of its form.
    """
    if not any(item in CONTEXTS for item in contexts_of(assertion) if type(item) is str):
        raise _malformed("@context", "'https://w3id.org/openbadges/v2'", assertion.get("@context"))
    if "Assertion" not in types_of(assertion):
        raise _malformed("type", "'Assertion'", assertion.get("type"))
    if not is_url(assertion.get("id")):
        raise _malformed("id", "a URL", assertion.get("id"))
    recipient = assertion.get("recipient")
    if type(recipient) is not dict or type(recipient.get("identity")) is not str:
        raise _malformed("recipient.identity", "a text", recipient)
    badge = assertion.get("badge")
    if type(badge) is not dict and not is_url(badge):
        raise _malformed("badge", "an object or a URL", badge)
    _verification(assertion)


def _verification(assertion: JSONObject) -> JSONObject:
    value = assertion.get("verification", assertion.get("verify"))
    if type(value) is not dict or not types_of(value) & (_HOSTED | _SIGNED):
        raise _malformed("verification.type", "'hosted' or 'signed'", value)
    return value


def _answer_signed(findings: Findings, found: Found, issuer: str, asked: ExternalQuestion) -> bool:
    assert found.jws is not None, "a JWS is parsed"
    verification = _verification(found.document)
    if not types_of(verification) & _SIGNED:
        findings.no(2, Code.BAD_SIGNATURE, "it says that it is hosted, and was sent as if it were signed")
        return False
    creator = verification.get("creator")
    try:
        key = find_key(creator, issuer, asked.book)
        verify_foreign_jws(found.jws, key, where="badge")
    except MissingDocumentError as error:
        findings.unclear(2, Code.UNKNOWN_ISSUER, str(error), error.hint)
        return False
    except (SignatureError, MalformedError) as error:
        findings.no(2, Code.BAD_SIGNATURE, str(error), error.hint)
        return False
    findings.yes(2, f"by the key {text_of(creator)}, which the profile of {issuer} lists")
    findings.yes(3, "the signature covers all of the assertion, not the badge class it refers to")
    return True


def find_key(creator: JSONValue, issuer: str, book: IssuerBook) -> ForeignKey:
    """The key an assertion names: listed by the issuer's profile, and owned by that issuer.

    Raises:
        MissingDocumentError: the badge class, the profile or the key was not given.
        SignatureError: the profile does not list it, or the key says it is of somebody else.
        MalformedError: no key.
    """
    if not issuer:
        raise MissingDocumentError(
            "badge: it does not say who its issuer is, and its badge class was not given",
            hint="give the badge class with --issuer-document FILE",
        )
    profile = book.find(issuer)
    if profile is None:
        raise MissingDocumentError(
            f"keys of {issuer[:200]!r}: its profile was not given, and nothing is fetched while verifying",
            hint="give the issuer's profile and its key with --issuer-document FILE",
        )
    listed = profile.get("publicKey")
    keys = {text_of(item.get("id") if type(item) is dict else item): item for item in _as_list(listed)}
    name = text_of(creator) or next(iter(keys), "")
    if name not in keys:
        raise SignatureError(
            f"verification.creator: the key {name[:150]!r} is not among the {len(keys)} that {issuer[:150]!r} lists"
        )
    item = keys[name]
    value = item if type(item) is dict and "publicKeyPem" in item else book.find(name)
    if value is None:
        raise MissingDocumentError(
            f"key {name[:200]!r}: it was not given", hint="give the key's document with --issuer-document FILE"
        )
    if value.get("owner") != issuer:
        raise SignatureError(f"key {name[:150]!r}: its owner is {text_of(value.get('owner'))!r}, not {issuer[:150]!r}")
    text = value.get("publicKeyPem")
    if type(text) is not str:
        raise _malformed("publicKeyPem", "the PEM text of a public key", text)
    return parse_pem(text, where=f"key {name[:150]!r}")


def _answer_hosted(
    findings: Findings, assertion: JSONObject, issuer: str, profile: Mapping[str, JSONValue], asked: ExternalQuestion
) -> None:
    """Steps 2, 3 and 9 of a copy: only its host could say, and the host must be one the issuer's profile allows."""
    identifier = text_of(assertion.get("id"))
    if types_of(_verification(assertion)) & _SIGNED:
        findings.no(
            2, Code.BAD_SIGNATURE, "it says that it is signed, and no signature came with it", "ask for the JWS"
        )
        return
    fetched = asked.book.find(identifier)
    if fetched is not None and fetched == assertion:
        findings.yes(2, f"the copy you gave of {identifier} says the same")
        findings.yes(3, "word for word what the host says")
    else:
        _leave_hosted(findings, identifier)
    if issuer and not _is_allowed(identifier, issuer, profile):
        findings.no(
            9,
            Code.ISSUER_NOT_AUTHORISED,
            f"the badge is hosted at {identifier[:150]!r}, where {issuer[:150]!r} does not host",
        )


def _leave_hosted(findings: Findings, url: str) -> None:
    findings.unclear(
        2,
        Code.INCOMPLETE,
        f"{_NO_HOST} ({url[:200]})",
        "open that address: it must show the same badge; or give what it shows with --issuer-document FILE",
    )


def _is_allowed(identifier: str, issuer: str, profile: Mapping[str, JSONValue]) -> bool:
    """Whether a profile lets its badges be hosted there; without a word of it, on its own host (§3.3)."""
    policy = profile.get("verification")
    policy = policy if type(policy) is dict else {}
    prefixes = [item for item in _as_list(policy.get("startsWith")) if type(item) is str]
    if prefixes:
        return any(identifier.startswith(prefix) for prefix in prefixes)
    hosts = {item for item in _as_list(policy.get("allowedOrigins")) if type(item) is str}
    return bool(host_of(identifier)) and host_of(identifier) in (hosts or {host_of(issuer)})


def _resolve(value: JSONValue, book: IssuerBook) -> JSONObject:
    """The badge class: as given, else as embedded."""
    identifier = value.get("id") if type(value) is dict else value
    given = book.find(identifier) if type(identifier) is str else None
    return given if given is not None else value if type(value) is dict else {}


def _issuer_of(badge: JSONObject) -> str:
    issuer = badge.get("issuer")
    found = issuer.get("id") if type(issuer) is dict else issuer
    return found if type(found) is str else ""


def _about(badge: JSONObject) -> JSONObject:
    criteria = badge.get("criteria")
    narrative = criteria.get("narrative") if type(criteria) is dict else criteria
    return {"description": badge.get("description"), "criteria narrative": narrative}


def _as_list(value: JSONValue) -> list[JSONValue]:
    return value if type(value) is list else [] if value is None else [value]


def _malformed(name: str, expected: str, found: JSONValue) -> MalformedError:
    what = repr(found)[:100] if type(found) is str else name_type(found)
    return MalformedError(f"{name}: expected {expected}, found {what}", hint=ISSUER_CAN_FIX)
