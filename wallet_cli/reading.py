"""What a held credential says, read from its bytes: the one place where the wallet looks inside an SD-JWT.

Everything here is text of the issuer; whether it is true to the ledger is checked when it is received and when it is
verified. Credentials of other software are read as far as they have the same members.
"""

from dataclasses import dataclass

from ledger import base64url
from ledger.credential import openbadge
from ledger.credential.fields import Field, name_fields
from ledger.credential.keybinding import parse_holder_key
from ledger.credential.sdjwt import SDJWT, open_claims, parse_sd_jwt
from ledger.credential.status import StatusReference, parse_status_claim
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import MalformedError
from ledger.log.charter import Role
from ledger.log.keys import KEY_ID_BYTES, KeyId, PublicKey

PLAIN_LIST_NOTE = (
    "made for other software, which reads its status from public lists: revocations there can partly be counted"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One credential in words.

    Attributes:
        token: the parsed SD-JWT, nothing verified.
        achievement: id of the achievement, "" where there is none.
        achievement_type: its type, "" where there is none.
        title: name of the achievement, else the credential's type.
        issuer: claim `iss`, "" where there is none.
        issuer_name: how the credential names its issuer.
        valid_from: ISO day, "" where there is none.
        valid_until: ISO day, "" where it does not end.
        role: role of the key that may sign it.
        key_id: id of the issuer's key, None where the header does not name one of a ledger.
        holder: key it is bound to, None where it is bound to nobody.
        status: its status slot, None where it has none on a ledger.
        fields: what can be shown or hidden, by the names `present` takes.
    """

    token: SDJWT
    achievement: str
    achievement_type: str
    title: str
    issuer: str
    issuer_name: str
    valid_from: str
    valid_until: str
    role: Role
    key_id: KeyId | None
    holder: PublicKey | None
    status: StatusReference | None
    fields: dict[str, Field]

    @property
    def has_plain_list(self) -> bool:
        """Whether it names a status list of other software beside the ledger's."""
        status = self.token.payload.get("status")
        return isinstance(status, dict) and "status_list" in status


def read_credential(sd_jwt: str) -> Reading:
    """Read a credential; digests and disclosures are checked against each other, the signature is not.

    Raises:
        MalformedError, RuleError: not a well-formed SD-JWT VC.
    """
    token = parse_sd_jwt(sd_jwt)
    claims = open_claims(token)
    payload = claims.payload
    credential = _object(payload.get("ld"))
    achievement = _object(_object(credential.get("credentialSubject")).get("achievement"))
    kind = _text(achievement.get("achievementType"))
    return Reading(
        token=token,
        achievement=_text(achievement.get("id")),
        achievement_type=kind,
        title=_text(achievement.get("name")) or _text(credential.get("name")) or _text(payload.get("vct")),
        issuer=_text(payload.get("iss")),
        issuer_name=_text(_object(credential.get("issuer")).get("name")) or _text(payload.get("iss")),
        valid_from=_text(credential.get("validFrom"))[:10],
        valid_until=_text(credential.get("validUntil"))[:10],
        role=Role(openbadge.key_role(kind or None)),
        key_id=_key_id(token.jws.header.get("kid")),
        holder=parse_holder_key(token.payload) if "cnf" in token.payload else None,
        status=parse_status_claim(token.payload.get("status")),
        # Issuers shuffle what they sign; people find a name where it stood the last time.
        fields=dict(sorted(name_fields(claims.shown).items())),
    )


def _key_id(value: JSONValue) -> KeyId | None:
    try:
        return KeyId(base64url.decode(value, KEY_ID_BYTES)) if isinstance(value, str) else None
    except MalformedError:
        return None


def _object(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _text(value: JSONValue) -> str:
    return value if isinstance(value, str) else ""
