"""Claiming a credential from a server: OpenID4VCI 1.0 with a pre-authorised code, the learner's side.

    offer -> metadata (issuer, then authorisation server) -> token -> per copy: nonce, key proof, credential

Every address used comes from metadata whose `credential_issuer` equals the offer's exactly. Nothing received is
believed here: `wallet_cli.receive` checks a credential before it is kept. One proof goes into one request, each over
its own nonce, so that the server sees fresh keys and nothing that joins them but the one-time token.
"""

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from ledger.credential import jose
from ledger.credential.keybinding import sign_key_binding
from ledger.credential.processing import find_digest
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.credential.strict_json import JSONObject
from ledger.errors import MalformedError, PolicyError
from ledger.log.keys import SigningKey
from node.client import http
from wallet_cli.forms import Form, choose_configurations
from wallet_cli.offer import GRANT, Offer, OfferLink, parse_offer

if TYPE_CHECKING:
    import aiohttp

COPY_GRANT = "urn:cairn:oauth:grant-type:copy"
"""Grant for a copy that is held (an extension grant, RFC 6749 §4.5)."""
PROOF_TYPE = "openid4vci-proof+jwt"
MAX_CREDENTIAL_BYTES = 1 << 20
BUSY_STATUSES = (429, 503)
BUSY_PAUSES_SECONDS = (1.0, 3.0, 9.0)


@dataclass(frozen=True, slots=True)
class Delivered:
    """A credential as a server gave it, and when it says the ledger will hold it (Unix milliseconds, None: not said).

    An SD-JWT or JWS is as it came; a credential that is JSON itself has lost its white space, which no proof covers.
    """

    text: str
    expected_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """What a claim needs of an issuer's metadata. `name` is its own word for itself, to be shown, not believed."""

    identifier: str
    name: str
    token_url: str
    nonce_url: str
    credential_url: str
    configurations: tuple[str, ...]


async def fetch_offer(link: OfferLink, session: "aiohttp.ClientSession") -> Offer:
    """Fetch an offer that was given by link.

    Raises:
        MalformedError: the link may not be dialled, or what stands there is no offer.
        PolicyError: the school says that it is used, expired or unknown.
        TransportError: no answer.
    """
    try:
        data = await http.get_bytes(link.url, max_bytes=http.MAX_JSON_BYTES, accept="application/json", session=session)
    except http.TransportError as error:
        raise _explain(error, None) from error
    return parse_offer(data)


async def fetch_issuer(offer: Offer, session: "aiohttp.ClientSession", form: Form | None = None) -> Issuer:
    """Fetch the metadata of an offer's issuer (OpenID4VCI 1.0 §12.2, RFC 8414), and choose what to ask for, in a form.

    Raises:
        MalformedError: metadata of another issuer, or without what a claim needs.
        TransportError: no answer.
    """
    issuer, metadata = await _fetch_issuer(offer.issuer, session)
    return replace(issuer, configurations=choose_configurations(metadata, offer, form))


async def fetch_issuer_at(url: str, session: "aiohttp.ClientSession") -> Issuer:
    """Fetch the metadata of the issuer at a URL; what can be claimed there is not asked.

    Raises:
        MalformedError: metadata of another issuer, or without what a claim needs.
        TransportError: no answer.
    """
    return (await _fetch_issuer(url, session))[0]


async def _fetch_issuer(url: str, session: "aiohttp.ClientSession") -> tuple[Issuer, dict[str, Any]]:
    http.check_url(url)
    metadata = _object(await http.get_json(well_known(url, "openid-credential-issuer"), session=session))
    if metadata.get("credential_issuer") != url:
        raise MalformedError(
            f"issuer metadata names {str(metadata.get('credential_issuer'))[:200]!r}, expected {url!r}",
            hint="do not go on; ask the school whether this link is theirs",
        )
    issuer = Issuer(
        identifier=url,
        name=_display_name(metadata),
        token_url=await _token_url(metadata, url, session),
        nonce_url=_url(metadata, "nonce_endpoint"),
        credential_url=_url(metadata, "credential_endpoint"),
        configurations=(),
    )
    return issuer, metadata


async def fetch_token(offer: Offer, issuer: Issuer, code: str, session: "aiohttp.ClientSession") -> str:
    """Trade the pre-authorised code, with the transaction code if one is asked for, for an access token.

    Raises:
        PolicyError: the server refuses the code: used, expired, or a wrong transaction code.
    """
    fields = {"grant_type": GRANT, "pre-authorized_code": offer.code}
    if code:
        fields["tx_code"] = code
    try:
        answer = _object(await http.post_form(issuer.token_url, fields, session=session))
    except http.TransportError as error:
        raise _explain(error, offer) from error
    return _access_token(answer)


async def fetch_copy_token(
    issuer: Issuer, issuer_jwt: str, key: SigningKey, now: int, session: "aiohttp.ClientSession"
) -> tuple[str, str]:
    """Trade a copy that is held for an access token good for one in its place.

    The issuer gets the part of the copy that it signed, without any disclosure: what it knows itself.

    Args:
        issuer: from `fetch_issuer_at`.
        issuer_jwt: of the copy.
        key: its holder key.
        now: Unix milliseconds.
        session: see `http.open_session`.

    Returns:
        The token, and the name of what to ask for with it.

    Raises:
        PolicyError: the server refuses.
        TransportError: no answer.
    """
    presented = f"{issuer_jwt}~"
    try:
        nonce = await _fetch_nonce(issuer, session)
        digest = find_digest(parse_sd_jwt(presented).payload)
        bound = sign_key_binding(
            presented, audience=issuer.identifier, nonce=nonce, now=now, sign=key.sign, digest=digest
        )
        fields = {"grant_type": COPY_GRANT, "copy": bound}
        answer = _object(await http.post_form(issuer.token_url, fields, session=session))
    except http.TransportError as error:
        raise _explain(error, None) from error
    details = answer.get("authorization_details")
    first = details[0] if isinstance(details, list) and details else None
    configuration = first.get("credential_configuration_id") if isinstance(first, dict) else None
    if not isinstance(configuration, str):
        raise MalformedError("token answer: authorization_details does not say what to ask for")
    return _access_token(answer), configuration


async def fetch_credential(
    issuer: Issuer, configuration: str, token: str, key: SigningKey, now: int, session: "aiohttp.ClientSession"
) -> Delivered:
    """Claim one copy for one fresh holder key; a server that is busy is asked again, since the code is spent by now.

    Args:
        issuer: from `fetch_issuer`.
        configuration: which of its configurations.
        token: access token.
        key: holder key, already in the vault.
        now: Unix milliseconds.
        session: see `http.open_session`.

    Raises:
        PolicyError: the server refuses.
        MalformedError: the answer holds no credential.
        TransportError: no answer.
    """
    for pause_seconds in (*BUSY_PAUSES_SECONDS, None):
        try:
            nonce = await _fetch_nonce(issuer, session)
            request = {
                "credential_configuration_id": configuration,
                "proofs": {"jwt": [sign_key_proof(key, issuer.identifier, nonce, now)]},
            }
            limit = 2 * MAX_CREDENTIAL_BYTES
            answer = await http.post_json(
                issuer.credential_url, request, bearer=token, max_bytes=limit, session=session
            )
            return _delivered(_object(answer))
        except http.TransportError as error:
            if error.status not in BUSY_STATUSES or pause_seconds is None:
                raise _explain(error, None) from error
            await asyncio.sleep(pause_seconds)
    raise AssertionError("the last turn returns or raises")


async def _fetch_nonce(issuer: Issuer, session: "aiohttp.ClientSession") -> str:
    nonce = _object(await http.post_json(issuer.nonce_url, {}, session=session)).get("c_nonce")
    if not isinstance(nonce, str):
        raise MalformedError("nonce answer: c_nonce is missing")
    return nonce


def _access_token(answer: dict[str, Any]) -> str:
    token = answer.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise MalformedError("token answer: access_token is missing")
    return token


def sign_key_proof(key: SigningKey, audience: str, nonce: str, now: int) -> str:
    """Make the proof that we hold `key` (OpenID4VCI 1.0 F.1); `now` is Unix milliseconds, the claim in seconds."""
    header: JSONObject = {"alg": "EdDSA", "jwk": jose.public_key_to_jwk(key.public), "typ": PROOF_TYPE}
    payload = {"aud": audience, "iat": now // 1000, "nonce": nonce}
    return jose.sign_jws(header, json.dumps(payload, separators=(",", ":")).encode(), key.sign)


def well_known(issuer: str, name: str) -> str:
    """Return the address of a metadata document: `/.well-known/NAME` stands between host and path (RFC 8414 §3.1)."""
    parts = urlsplit(issuer)
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{parts.path.rstrip('/')}", "", ""))


async def _token_url(metadata: dict[str, Any], issuer: str, session: "aiohttp.ClientSession") -> str:
    servers = metadata.get("authorization_servers", [issuer])
    if not isinstance(servers, list) or not servers or not isinstance(servers[0], str):
        raise MalformedError("issuer metadata: authorization_servers: expected a list of URLs")
    url = well_known(http.check_url(servers[0]), "oauth-authorization-server")
    server = _object(await http.get_json(url, session=session))
    if server.get("issuer") != servers[0]:
        raise MalformedError("authorisation server metadata names another issuer")
    return _url(server, "token_endpoint")


def _display_name(metadata: dict[str, Any]) -> str:
    rows = metadata.get("display")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("name"), str):
            return str(row["name"])[:200]
    return ""


def _delivered(answer: dict[str, Any]) -> Delivered:
    rows = answer.get("credentials")
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        raise MalformedError(
            "credential answer: expected one credential", hint="the school may deliver later; try again"
        )
    credential = rows[0].get("credential")
    text = _write_json(credential) if isinstance(credential, dict) else credential
    if not isinstance(text, str) or len(text) > MAX_CREDENTIAL_BYTES:
        raise MalformedError("credential answer: the credential is not a text of at most 1 MiB")
    extension = answer.get("cairn")
    expected = extension.get("expected_by") if isinstance(extension, dict) else None
    return Delivered(text, expected if type(expected) is int and 0 <= expected < 1 << 53 else None)


def _write_json(value: dict[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise MalformedError("credential answer: holds half of a character") from error
    return text


def _explain(error: http.TransportError, offer: Offer | None) -> Exception:
    """Turn an OAuth error answer into words; what is no such answer stays what it is."""
    try:
        value = http.parse_json(error.body, "the school") if error.body else {}
    except MalformedError:
        value = {}
    if error.status in BUSY_STATUSES:
        error.hint = error.hint or "the school's server is busy; try again in a few minutes"
        return error
    code = value.get("error") if isinstance(value, dict) else None
    said = str(value.get("error_description", code))[:200] if isinstance(code, str) else ""
    if code == "invalid_grant":
        asked = offer is not None and offer.transaction_code is not None
        hint = "check the code; after five wrong ones, or once used, an offer is dead: ask the school for a new one"
        return PolicyError(
            f"the school does not accept this offer: {said}",
            hint=hint if asked else "it was used already or has run out; ask the school for a new one",
        )
    if isinstance(code, str):
        return PolicyError(f"the school refuses: {said}", hint="ask the school for a new offer")
    return error


def _url(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedError(f"metadata: {name} is missing")
    return http.check_url(value)


def _object(value: Any) -> dict[str, Any]:  # JSON of any shape, checked here
    if not isinstance(value, dict):
        raise MalformedError("server answer: expected a JSON object")
    return value
