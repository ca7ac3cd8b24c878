"""Credential offers (OpenID4VCI 1.0 §4.1): what a school's link, QR code or file says, before anything is asked of a
server.

An offer holds a one-time code, so it is treated as a secret: it never appears in an error message.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ledger.credential.strict_json import parse_strict_json
from ledger.errors import CairnError, MalformedError

SCHEME = "openid-credential-offer"
GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
MAX_OFFER_BYTES = 1 << 16
MAX_CONFIGURATIONS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionCode:
    """The second secret, sent on another way: its length (0: not said), whether it is digits, and where to find it."""

    length: int
    is_numeric: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A parsed offer: the issuer's URL, what it offers, and the pre-authorised code."""

    issuer: str
    configurations: tuple[str, ...]
    code: str
    transaction_code: TransactionCode | None


@dataclass(frozen=True, slots=True)
class OfferLink:
    """An offer that has to be fetched first."""

    url: str


def is_offer_text(text: str) -> bool:
    """Tell whether an argument is an offer or a link, rather than the name of a file."""
    return text.lower().startswith((f"{SCHEME}:", "https://", "http://"))


def read_offer_text(text: str) -> Offer | OfferLink:
    """Read an offer URI or a web link; a link that holds no offer itself is to be fetched.

    Raises:
        MalformedError: an offer URI with neither or both of the two parameters, or an offer that does not parse.
    """
    try:
        parts = urlsplit(text.strip())
    except ValueError as error:
        raise MalformedError("offer: not a URL", hint="copy the link again, all of it") from error
    values = parse_qs(parts.query) | parse_qs(parts.fragment)
    inline, by_link = values.get("credential_offer", []), values.get("credential_offer_uri", [])
    if len(inline) == 1 and not by_link:
        return parse_offer(inline[0].encode())
    if len(by_link) == 1 and not inline:
        return OfferLink(by_link[0])
    if inline or by_link or parts.scheme == SCHEME:
        raise MalformedError(
            "offer: exactly one of credential_offer and credential_offer_uri is expected",
            hint="copy the link again, all of it",
        )
    return OfferLink(text.strip())


def parse_offer(data: bytes) -> Offer:
    """Read the JSON of an offer.

    Raises:
        MalformedError: not an offer, or one that needs a log-in at the school instead of a code.
    """
    try:
        value = parse_strict_json(data, max_bytes=MAX_OFFER_BYTES)
    except CairnError as error:
        # Its message may quote the offer, and the offer holds a code.
        raise MalformedError("offer: not JSON", hint="copy the link again, all of it") from error
    if not isinstance(value, dict):
        raise MalformedError("offer: expected a JSON object")
    grants = value.get("grants")
    grant = grants.get(GRANT) if isinstance(grants, dict) else None
    if not isinstance(grant, dict):
        raise MalformedError("offer: it has no pre-authorised code", hint="ask the school for a claim link")
    issuer, code = value.get("credential_issuer"), grant.get("pre-authorized_code")
    names = value.get("credential_configuration_ids")
    if not isinstance(issuer, str) or not isinstance(code, str) or not code:
        raise MalformedError("offer: credential_issuer and pre-authorized_code must be texts")
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_CONFIGURATIONS:
        raise MalformedError(f"offer: credential_configuration_ids: expected 1 to {MAX_CONFIGURATIONS} names")
    if not all(isinstance(name, str) and name for name in names):
        raise MalformedError("offer: credential_configuration_ids: expected texts")
    return Offer(
        issuer=issuer,
        configurations=tuple(str(name) for name in names),
        code=code,
        transaction_code=_transaction_code(grant.get("tx_code")),
    )


def _transaction_code(value: Any) -> TransactionCode | None:  # JSON of any shape, checked here
    if value is None:
        return None
    if not isinstance(value, dict):
        raise MalformedError("offer: tx_code: expected an object")
    length, description = value.get("length", 0), value.get("description", "")
    if type(length) is not int or not 0 <= length <= 64 or not isinstance(description, str):
        raise MalformedError("offer: tx_code: length or description is not usable")
    return TransactionCode(
        length=length, is_numeric=value.get("input_mode", "numeric") == "numeric", description=description[:300]
    )
