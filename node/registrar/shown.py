"""What a copy says about its award, read back out of the signed credential.

A registrar's database is private and may be lost or damaged; the copies made from it say the same, and are signed. Nothing
is verified here but the form: the issuer's signature and the place on the ledger are the caller's to check.
"""

from dataclasses import dataclass
from datetime import datetime

from ledger import base64url
from ledger.credential.commitment import commit
from ledger.credential.fields import Field, name_fields
from ledger.credential.openbadge import result_code
from ledger.credential.sdjwt import SDJWT, open_claims, parse_sd_jwt
from ledger.credential.status import StatusReference, parse_status_claim
from ledger.credential.strict_json import JSONObject
from ledger.errors import MalformedError
from ledger.log.keys import KeyId

_RESULT = "result."
_KEY_ID_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCopy:
    """A copy with whatever it discloses; texts are empty where the field is hidden or absent.

    Attributes:
        token: as parsed, for the signature.
        commitment: its trace on the ledger, 32 bytes.
        key_id: of the ledger key that its header names.
        status: where its status stands, with the slot's key.
        achievement: the Open Badges object, as published.
        is_bound: whether it is bound to a wallet's key.
        name, email, date_of_birth, awarded_on, valid_until, credits: as in the award.
        results: (code, value) of those disclosed.
        issued_at: Unix ms of the day it was made.
    """

    token: SDJWT
    commitment: bytes
    key_id: KeyId
    status: StatusReference
    achievement: JSONObject
    is_bound: bool
    name: str
    email: str
    date_of_birth: str
    awarded_on: str
    valid_until: str
    credits: str
    results: tuple[tuple[str, str], ...]
    issued_at: int


def read_copy(text: str) -> ShownCopy:
    """Read one copy: an SD-JWT with or without a key binding.

    Raises:
        MalformedError: it is no copy of the native form.
        RuleError: a disclosure does not belong to it.
    """
    token = parse_sd_jwt(text)
    claims = open_claims(token)
    fields = name_fields(claims.shown)
    status = parse_status_claim(claims.payload.get("status"))
    key_id = base64url.decode(str(token.jws.header.get("kid", "")), _KEY_ID_BYTES)
    badge = _object(claims.payload.get("ld"), "ld")
    subject = _object(badge.get("credentialSubject"), "ld.credentialSubject")
    if status is None:
        raise MalformedError("copy: it names no status slot on a ledger")
    return ShownCopy(
        token=token,
        commitment=commit(text.partition("~")[0]),
        key_id=KeyId(key_id),
        status=status,
        achievement=_object(subject.get("achievement"), "achievement"),
        is_bound="cnf" in claims.payload,
        name=_identity(fields, "name"),
        email=_identity(fields, "email"),
        date_of_birth=_identity(fields, "date_of_birth"),
        awarded_on=str(badge.get("awardedDate", ""))[:10],
        valid_until=str(badge.get("validUntil", ""))[:10],
        credits=str(subject.get("creditsEarned", "")),
        results=tuple(_result(fields[name]) for name in sorted(fields) if name.startswith(_RESULT)),
        issued_at=_day(str(badge.get("validFrom", ""))),
    )


def _day(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise MalformedError("copy: ld.validFrom is not a date") from error


def _identity(fields: dict[str, Field], name: str) -> str:
    value = fields[name].shown.value if name in fields else None
    return str(value.get("identityHash", "")) if isinstance(value, dict) else ""


def _result(field: Field) -> tuple[str, str]:
    value = _object(field.shown.value, "result")
    return result_code(str(value.get("resultDescription", ""))), str(value.get("value", ""))


def _object(value: object, where: str) -> JSONObject:
    if not isinstance(value, dict):
        raise MalformedError(f"copy: {where} is not an object")
    return value
