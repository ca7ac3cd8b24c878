"""Copies: one signed credential for one holder key, minted from an award (DESIGN 4 and 5).

A copy is an SD-JWT VC whose claim `ld` is an Open Badges 3.0 AchievementCredential. What a verifier decides by stands
in clear: type, issuer, achievement, validity, status, holder key. What is about the learner can be hidden, field by
field (`ledger.credential.fields` has their names). The counts of digests are the same for every copy of one
achievement, and real digests stand among decoys in random order, so neither number nor order of hidden fields says
anything. No two copies share a value of their own: ids, salts, slot and holder key are fresh each time. Times are
whole UTC days.

Errors name the field as a CSV column does and never repeat what is in it.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal

from ledger import base64url
from ledger.credential import openbadge
from ledger.credential.disclosure import Path
from ledger.credential.evaluation import SALT_BYTES, EvaluationRecord, check_record, encode_claim
from ledger.credential.issuance import Draw, issue_sd_jwt
from ledger.credential.jose import Sign, parse_jwk, public_key_to_jwk
from ledger.credential.openbadge import Achievement
from ledger.credential.status import StatusReference, encode_status_claim
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import RuleError
from ledger.log.didkey import encode_did_key
from ledger.log.keys import Algorithm, KeyId

MAX_NAME_CHARACTERS = 200
MAX_EMAIL_CHARACTERS = 254
MAX_RESULT_CHARACTERS = 1000
MAX_STATEMENT_CHARACTERS = 2500

IDENTIFIER_DIGESTS = 4
"""Digests in `identifier`, whether a learner has an e-mail address on file or not."""
RESULT_DIGESTS_STEP = 16
"""Digests in `result` come in multiples of this, by the count the achievement describes, not the learner's."""
OBJECT_DIGESTS: Mapping[Path, int] = {(): 2, ("ld",): 2, ("ld", "credentialSubject"): 4}
"""Digests in `_sd` of each object that holds hideable members."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CREDITS = re.compile(r"\d{1,6}(?:\.\d{1,4})?", re.ASCII)
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20\x7f]+")


@dataclass(frozen=True, slots=True)
class IssuerProfile:
    """The institution as it stands in the credential; `id` is also the claim `iss`."""

    id: str
    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardContent:
    """What an award says: the same for all its copies. Dates are ISO dates (`2026-06-15`)."""

    achievement: Achievement
    issuer: IssuerProfile
    name: str
    awarded_on: str
    email: str | None = None
    date_of_birth: str | None = None
    valid_until: str | None = None
    """Last day (UTC) on which it is valid; in clear."""
    credits: str | None = None
    """Decimal text with at most four places."""
    results: tuple[tuple[str, str], ...] = ()
    """(code, value), each code once, codes of the achievement's result descriptions."""
    replaces: str | None = None
    """`urn:uuid:…` of the credential this one replaces."""
    statement: str | None = None
    """The learner's own words beside the award, as the institution was asked to place them."""
    evaluation: EvaluationRecord | None = None
    """How it was decided, if by an evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTerms:
    """What belongs to one copy alone, and the names it is issued under."""

    iss: str
    vct: str
    key_id: KeyId
    """Of the ledger key behind `sign`; the header's `kid`."""
    status: StatusReference
    holder: JSONObject | None
    """JWK of the wallet's fresh key; None for the registrar's copy."""
    issued_at: int
    """Unix seconds; only the UTC day gets into the copy."""
    copy_id: str
    """A random UUID in its text form."""
    algorithm: Algorithm = Algorithm.ED25519
    """Of the key behind `sign`."""
    certificates: tuple[bytes, ...] = ()
    """Chain of that key as DER, its own certificate first, for wallets that know issuers by certificates (`x5c`)."""
    vct_integrity: str = ""
    """Hash of the type metadata behind `vct` (SD-JWT VC, document integrity)."""
    plain_status: Mapping[str, JSONValue] = field(default_factory=dict)
    """Members of `status` that other software reads."""


def check_award(content: AwardContent) -> None:
    """Check what an award says, before anything is stored or signed.

    Raises:
        RuleError: a field does not fit; the message begins with its name.
    """
    _check_line("name", content.name, MAX_NAME_CHARACTERS)
    awarded_on = _parse_date("awarded_on", content.awarded_on)
    if content.email is not None and not _is_email(content.email):
        raise RuleError("email: is not an e-mail address")
    if content.date_of_birth is not None and _parse_date("date_of_birth", content.date_of_birth) > awarded_on:
        raise RuleError("date_of_birth: is after awarded_on")
    if content.valid_until is not None and _parse_date("valid_until", content.valid_until) < awarded_on:
        raise RuleError("valid_until: is before awarded_on")
    if content.credits is not None and not _CREDITS.fullmatch(content.credits):
        raise RuleError("credits: is not a decimal number with at most four places, such as 0.5")
    if content.replaces is not None and not _URI.fullmatch(content.replaces):
        raise RuleError("replaces: is not the id of a credential")
    if content.statement is not None:
        _check_line("statement", content.statement, MAX_STATEMENT_CHARACTERS)
    if content.evaluation is not None:
        check_record(content.evaluation)
    seen: set[str] = set()
    for code, value in content.results:
        if code in seen:
            raise RuleError(f"result.{code}: is given twice")
        seen.add(code)
        _check_line(f"result.{code}", value, MAX_RESULT_CHARACTERS)
        openbadge.check_result(content.achievement, code, value)


def mint_copy(content: AwardContent, terms: CopyTerms, sign: Sign, draw: Draw) -> str:
    """Mint one copy: an SD-JWT VC with all its disclosures and no key binding.

    Args:
        content: what the award says.
        terms: what is this copy's own.
        sign: signs with the institution's `issue` or `register` key.
        draw: random bytes for salts, decoys, order and, without a holder key, the subject's id.

    Raises:
        RuleError: a field does not fit, or the copy would exceed the limits of an SD-JWT.
        MalformedError: the holder's JWK is not a public key that can sign.
        ValueError: the terms are not those of a copy.
    """
    check_award(content)
    _check_terms(content, terms)
    hidden: list[Path] = [("ld", "awardedDate")]
    credential = describe_credential(content, terms.copy_id, terms.issued_at)
    status = encode_status_claim(terms.status)
    claims: JSONObject = {"vct": terms.vct, "iss": terms.iss, "status": {**status, **terms.plain_status}}
    if terms.vct_integrity:
        claims["vct#integrity"] = terms.vct_integrity
    if content.valid_until is not None:
        end = datetime.combine(date.fromisoformat(content.valid_until), time(23, 59, 59), UTC)
        claims["exp"] = int(end.timestamp())
    if content.replaces is not None:
        claims["replaces"] = content.replaces
        hidden.append(("replaces",))
    if content.evaluation is not None:
        claims["evaluation"] = encode_claim(content.evaluation, draw(SALT_BYTES))
        hidden.append(("evaluation",))
    if terms.holder is None:
        subject_id = f"urn:uuid:{random_uuid(draw)}"
    else:
        # Written anew from the key: other members of a wallet's JWK, such as a `kid`, could link two copies.
        key = parse_jwk(terms.holder, where="holder key")
        claims["cnf"] = {"jwk": public_key_to_jwk(key)}
        subject_id = encode_did_key(key)
    credential["credentialSubject"] = _make_subject(content, subject_id, hidden, draw)
    claims["ld"] = credential
    token = issue_sd_jwt(
        claims,
        hidden,
        sign=sign,
        draw=draw,
        key_id=base64url.encode(terms.key_id),
        algorithm=terms.algorithm,
        certificates=terms.certificates,
        decoys=OBJECT_DIGESTS,
    )
    return _drop_fillers(token)


def describe_credential(content: AwardContent, copy_id: str, issued_at: int) -> JSONObject:
    """The Open Badges credential of an award without its subject and without what secures it.

    Args:
        content: what the award says.
        copy_id: a random UUID in its text form.
        issued_at: Unix seconds; only the UTC day gets in.
    """
    issuer = content.issuer
    credential: JSONObject = {
        "@context": list(openbadge.CONTEXTS),
        "id": f"urn:uuid:{copy_id}",
        "type": ["VerifiableCredential", "AchievementCredential"],
        "name": content.achievement.name,
        "issuer": {"id": issuer.id, "type": ["Profile"], "name": issuer.name, "url": issuer.url},
        "validFrom": _start_of(datetime.fromtimestamp(issued_at, UTC).date()),
        "awardedDate": _start_of(date.fromisoformat(content.awarded_on)),
    }
    if content.valid_until is not None:
        credential["validUntil"] = f"{content.valid_until}T23:59:59Z"
    return credential


def describe_identities(content: AwardContent) -> list[JSONValue]:
    """Who the learner is, in clear: one identity object for each thing known."""
    identities = {"name": content.name, "email": content.email, "date_of_birth": content.date_of_birth}
    return [
        {
            "type": "IdentityObject",
            "hashed": False,
            "identityHash": value,
            "identityType": openbadge.IDENTITY_TYPES[name],
        }
        for name, value in identities.items()
        if value is not None
    ]


def describe_results(content: AwardContent) -> list[JSONValue]:
    """The learner's results, each naming what the achievement says about its kind."""
    descriptions = {description.code: description.id for description in content.achievement.results}
    return [
        {"type": ["Result"], "resultDescription": descriptions[code], "value": value} for code, value in content.results
    ]


def credits_number(text: str) -> int | float:
    """Open Badges wants a JSON number; ten digits survive as a double exactly as they are written."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _make_subject(content: AwardContent, subject_id: str, hidden: list[Path], draw: Draw) -> JSONObject:
    """The credential's subject; adds the paths of what can be hidden in it to `hidden`."""
    place: Path = ("ld", "credentialSubject")
    subject: JSONObject = {
        "id": subject_id,
        "type": ["AchievementSubject"],
        "identifier": _mix(describe_identities(content), IDENTIFIER_DIGESTS, draw),
        "achievement": content.achievement.json,
    }
    hidden += [(*place, "identifier", n) for n in range(IDENTIFIER_DIGESTS)]
    if content.credits is not None:
        subject["creditsEarned"] = credits_number(content.credits)
        hidden.append((*place, "creditsEarned"))
    if content.statement is not None:
        # Open Badges 3.0 has this member for words about the subject; it counts among the digests there always are.
        subject["narrative"] = content.statement
        hidden.append((*place, "narrative"))
    if content.achievement.results:
        count = -(-len(content.achievement.results) // RESULT_DIGESTS_STEP) * RESULT_DIGESTS_STEP
        subject["result"] = _mix(describe_results(content), count, draw)
        hidden += [(*place, "result", n) for n in range(count)]
    return subject


def _mix(elements: list[JSONValue], count: int, draw: Draw) -> list[JSONValue]:
    """The elements among null fillers, `count` in all, in random order.

    Decoys behind the elements would tell by position how many there are. Fillers become disclosures like the others and
    are then thrown away (`_drop_fillers`): a digest whose disclosure nobody has is a decoy.
    """
    filled = [*elements, *[None] * (count - len(elements))]
    order = sorted(range(count), key=lambda _: draw(8))
    return [filled[n] for n in order]


def _drop_fillers(token: str) -> str:
    """The token without the disclosures of fillers: nothing else an award says can end in null."""
    jwt, *disclosures, end = token.split("~")
    kept = [text for text in disclosures if not base64url.decode(text).endswith(b",null]")]
    return "~".join((jwt, *kept, end))


def _check_terms(content: AwardContent, terms: CopyTerms) -> None:
    if terms.iss != content.issuer.id:
        raise ValueError("copy: iss and the id of the issuer profile differ")
    if len(terms.key_id) != 32:
        raise ValueError(f"copy: key id of {len(terms.key_id)} bytes, expected 32")
    if not _UUID.fullmatch(terms.copy_id):
        raise ValueError("copy: copy_id is not a UUID in lower case")


def _check_line(field: str, text: str, maximum: int) -> None:
    """One line of text, NFC, without control characters."""
    if not text.strip() or text != text.strip():
        raise RuleError(f"{field}: is empty, or has spaces around it")
    if len(text) > maximum:
        raise RuleError(f"{field}: {len(text)} characters, at most {maximum} are taken")
    if not unicodedata.is_normalized("NFC", text):
        raise RuleError(f"{field}: is not NFC-normalised text")
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise RuleError(f"{field}: holds control characters or line breaks")


def _is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(text) is not None


def _parse_date(field: str, text: str) -> date:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        # The chained error would repeat the date, which is about a learner.
        raise RuleError(f"{field}: is not a date such as 2026-06-15") from None


def _start_of(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def random_uuid(draw: Draw) -> str:
    """A UUID of version 4 (RFC 9562 §5.4)."""
    data = bytearray(draw(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
