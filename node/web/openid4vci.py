"""Claims over HTTP: OpenID4VCI 1.0 with pre-authorised codes.

    GET  /.well-known/openid-credential-issuer     what can be claimed, and where
    GET  /.well-known/oauth-authorization-server   where tokens are
    GET  /offer/<code>                             the offer behind a claim link
    POST /token                                    code and second code, or a copy that is held -> access token
    POST /nonce                                    a fresh nonce for key proofs
    POST /credential                               token and proofs -> copies

The issuer's identifier is the node's own URL. Older wallets (draft 13) are served too: one `proof` instead of
`proofs`, a nonce in the token's answer, `credential` in the singular. Beside the native form the metadata lists those
of other software that this node can make (`claimforms`). A token is good for any form of what its offer holds, so a
wallet may choose; `?form=` behind a link offers one of them by name, to wallets that take what they are offered.
Codes, tokens and credentials never reach a log line: requests are logged nowhere, and refusals say only what the
protocol wants said.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from ledger.credential import openbadge
from ledger.credential.badge import SUITES
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.errors import CairnError
from node.client.copyform import Form
from node.clock import Clock
from node.registrar.claimforms import CLAIMABLE, configuration_id, split_configuration
from node.registrar.claiming import ClaimError, ClaimFault
from node.registrar.claims import Claim, ClaimDesk
from node.registrar.desk import RegistrarDesk
from node.registrar.documents import PublishedAchievement
from node.registrar.offers import MAX_COPIES_PER_OFFER, TX_CODE_DIGITS
from node.web.pace import Pace

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
COPY_GRANT_TYPE = "urn:cairn:oauth:grant-type:copy"
"""Ours (RFC 6749 §4.5): `copy` is a copy made here, bound by its holder; good for one copy in its place."""
MAX_BODY_BYTES = 64 * 1024
MAX_CODE_CHARS = 200

_FORMAT = "dc+sd-jwt"
_OLD_FORMAT = "vc+sd-jwt"
_W3C_FORMATS = {Form.OPEN_BADGE: "ldp_vc", Form.JWS: "jwt_vc_json"}

logger = logging.getLogger(__name__)

_Answerer = Callable[[web.Request], Awaitable[web.Response]]


def add_claims(app: web.Application, desk: RegistrarDesk, clock: Clock) -> None:
    """Serve claims; the paths stand below the issuer's URL, the well-known ones before its path (OpenID4VCI §12.2.2)."""
    handlers = _Handlers(ClaimDesk(desk), Pace(clock))
    path = urlsplit(desk.issuer).path.rstrip("/")
    app.router.add_get(f"/.well-known/openid-credential-issuer{path}", handlers.guard(handlers.issuer_metadata))
    app.router.add_get(f"/.well-known/oauth-authorization-server{path}", handlers.guard(handlers.server_metadata))
    app.router.add_get(f"{path}/offer/{{code}}", handlers.guard(handlers.offer))
    app.router.add_post(f"{path}/token", handlers.guard(handlers.token))
    app.router.add_post(f"{path}/nonce", handlers.guard(handlers.nonce))
    app.router.add_post(f"{path}/credential", handlers.guard(handlers.credential))


class _Handlers:
    def __init__(self, desk: ClaimDesk, pace: Pace) -> None:
        self._desk = desk
        self._pace = pace

    def guard(self, answer: _Answerer) -> _Answerer:
        """The answerer behind a rate limit, with refusals in the protocol's words and nothing cached."""

        async def guarded(request: web.Request) -> web.Response:
            wait_seconds = self._pace.take(request.remote or "")
            if wait_seconds:
                return _refuse(429, "slow_down", "too many requests", {"Retry-After": str(wait_seconds)})
            try:
                response = await answer(request)
            except ClaimError as error:
                response = _refuse_claim(error)
            except CairnError as error:
                # Of this node's making: no key in force, status list full. Nothing about it is the wallet's business.
                logger.warning("claim not answered", extra={"reason": str(error)})
                response = _refuse(503, "temporarily_unavailable", "not possible now; try again later", {})
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return guarded

    async def issuer_metadata(self, request: web.Request) -> web.Response:
        """Tell what can be claimed, and where (OpenID4VCI §12.2.4)."""
        issuer = self._desk.issuer
        configurations: JSONObject = {}
        achievements = self._desk.achievements()
        roles = {published.achievement.key_role for published in achievements}
        forms = {role: self._desk.forms(role) for role in roles}
        for published in achievements:
            name = configuration_id(published.name.id, published.name.version)
            configurations[name] = _describe_configuration(published, self._desk.vct, None)
            for form in forms[published.achievement.key_role]:
                name = configuration_id(published.name.id, published.name.version, form)
                configurations[name] = _describe_configuration(published, self._desk.vct, form)
        return web.json_response(
            {
                "credential_issuer": issuer,
                "credential_endpoint": f"{issuer}/credential",
                "nonce_endpoint": f"{issuer}/nonce",
                "batch_credential_issuance": {"batch_size": MAX_COPIES_PER_OFFER},
                "display": [{"name": self._desk.name}],
                "credential_configurations_supported": configurations,
            }
        )

    async def server_metadata(self, request: web.Request) -> web.Response:
        """Tell where tokens are (RFC 8414)."""
        issuer = self._desk.issuer
        return web.json_response(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/token",
                "grant_types_supported": [GRANT_TYPE, COPY_GRANT_TYPE],
                "response_types_supported": [],
                "token_endpoint_auth_methods_supported": ["none"],
                "pre-authorized_grant_anonymous_access_supported": True,
            }
        )

    async def offer(self, request: web.Request) -> web.Response:
        """Give the offer behind a claim link (OpenID4VCI §4.1.3)."""
        code = request.match_info["code"]
        view = await self._desk.view_offer(code) if len(code) <= MAX_CODE_CHARS else None
        if view is None:
            return _refuse(404, "invalid_request", "no such offer, or it was used or has expired", {})
        form = request.query.get("form", "")
        if form and form not in CLAIMABLE:
            return _refuse(404, "invalid_request", "no such form", {})
        names: list[JSONValue] = [f"{name}/{form}" if form else name for name in view.configurations]
        tx_code = {"input_mode": "numeric", "length": TX_CODE_DIGITS, "description": "The second code from your school"}
        return web.json_response(
            {
                "credential_issuer": self._desk.issuer,
                "credential_configuration_ids": names,
                "grants": {GRANT_TYPE: {"pre-authorized_code": code, "tx_code": tx_code}},
            }
        )

    async def token(self, request: web.Request) -> web.Response:
        """Trade a code, or a copy that is held, for a token (OpenID4VCI §6)."""
        form = await _read_form(request)
        if form.get("grant_type") == COPY_GRANT_TYPE:
            return await self._token_for_copy(form.get("copy", ""))
        if form.get("grant_type") != GRANT_TYPE:
            raise ClaimError(ClaimFault.UNSUPPORTED_GRANT_TYPE, f"grant_type: expected {GRANT_TYPE}")
        code = form.get("pre-authorized_code", "")
        # Draft 12 and older called the second code a PIN.
        tx_code = form.get("tx_code", form.get("user_pin", ""))
        if not code or len(code) > MAX_CODE_CHARS or len(tx_code) > MAX_CODE_CHARS:
            raise ClaimError(ClaimFault.INVALID_REQUEST, "pre-authorized_code: missing or too long")
        if not tx_code:
            # No guess was made, so none is counted.
            raise ClaimError(ClaimFault.INVALID_REQUEST, "tx_code: missing")
        access = await self._desk.redeem(code, tx_code)
        return web.json_response(
            {
                "access_token": access.token,
                "token_type": "Bearer",
                "expires_in": access.expires_in_seconds,
                "c_nonce": self._desk.make_nonce(),
            }
        )

    async def _token_for_copy(self, copy: str) -> web.Response:
        access, configuration = await self._desk.renew(copy)
        details: JSONObject = {
            "type": "openid_credential",
            "credential_configuration_id": configuration,
            "credential_identifiers": [configuration],
        }
        return web.json_response(
            {
                "access_token": access.token,
                "token_type": "Bearer",
                "expires_in": access.expires_in_seconds,
                "authorization_details": [details],
            }
        )

    async def nonce(self, request: web.Request) -> web.Response:
        """Give a fresh nonce (OpenID4VCI §7)."""
        return web.json_response({"c_nonce": self._desk.make_nonce()})

    async def credential(self, request: web.Request) -> web.Response:
        """Give copies bound to the proven keys (OpenID4VCI §8)."""
        content = await _read_json(request)
        is_old = "proof" in content
        configuration = self._find_configuration(content)
        claimed = await self._desk.claim(Claim(_read_token(request), configuration, _read_proofs(content)))
        credentials: list[JSONValue] = list(claimed.credentials)
        if split_configuration(configuration)[1] is Form.OPEN_BADGE:
            credentials = [orjson.loads(text) for text in claimed.credentials]  # ldp_vc is JSON itself (A.1.2.4)
        answer: JSONObject = {"credentials": [{"credential": credential} for credential in credentials]}
        if is_old:
            answer["credential"] = credentials[0]
            answer["c_nonce"] = self._desk.make_nonce()
        # Ours: when the copies will be on the ledger, so that a wallet can say so. By the charter's schedule alone.
        answer["cairn"] = {} if claimed.next_cut is None else {"expected_by": claimed.next_cut}
        return web.json_response(answer)

    def _find_configuration(self, content: JSONObject) -> str:
        named = content.get("credential_configuration_id", content.get("credential_identifier"))
        if isinstance(named, str):
            return named
        # Draft 13 names format and type instead; that is enough where one achievement is all there is.
        names = [configuration_id(item.name.id, item.name.version) for item in self._desk.achievements()]
        if len(names) == 1:
            if content.get("format") in (_FORMAT, _OLD_FORMAT) and content.get("vct") == self._desk.vct:
                return names[0]
            form = next((form for form, name in _W3C_FORMATS.items() if content.get("format") == name), None)
            if form is not None:
                return f"{names[0]}/{form.value}"
        raise ClaimError(
            ClaimFault.INVALID_CREDENTIAL_REQUEST, "credential_configuration_id: missing; the offer names it"
        )


def _describe_configuration(published: PublishedAchievement, vct: str, form: Form | None) -> JSONObject:
    """One entry of `credential_configurations_supported` (OpenID4VCI Appendix A); None is the native form."""
    types: JSONObject = {"type": ["VerifiableCredential", "OpenBadgeCredential"]}
    described: JSONObject = {"format": _FORMAT, "vct": vct, "credential_signing_alg_values_supported": ["EdDSA"]}
    match form:
        case Form.OPEN_BADGE:
            suites: list[JSONValue] = [suite.value for suite in SUITES]
            described = {
                "format": _W3C_FORMATS[form],
                "credential_definition": {"@context": list(openbadge.CONTEXTS), **types},
                "credential_signing_alg_values_supported": suites,
            }
        case Form.JWS:
            described = {
                "format": _W3C_FORMATS[form],
                "credential_definition": types,
                "credential_signing_alg_values_supported": ["ES256"],
            }
        case Form.SD_JWT_ES256:
            described["credential_signing_alg_values_supported"] = ["ES256"]
    return described | {
        "cryptographic_binding_methods_supported": ["jwk", "did:key"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["EdDSA", "ES256"]}},
        "credential_metadata": {"display": [{"name": published.achievement.name}]},
    }


async def _read_form(request: web.Request) -> Mapping[str, str]:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise ClaimError(ClaimFault.INVALID_REQUEST, f"request: more than {MAX_BODY_BYTES} bytes")
    if request.content_type != "application/x-www-form-urlencoded":
        raise ClaimError(ClaimFault.INVALID_REQUEST, "request: expected application/x-www-form-urlencoded")
    try:
        form = await request.post()
    except (LookupError, UnicodeError) as error:  # a character set that is none, or text that is not of it
        raise ClaimError(ClaimFault.INVALID_REQUEST, "request: expected text in UTF-8") from error
    if len(set(form)) != len(form):
        # RFC 6749 §3.2: parameters must not be repeated.
        raise ClaimError(ClaimFault.INVALID_REQUEST, "request: a parameter stands twice")
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _read_json(request: web.Request) -> JSONObject:
    try:
        data = await request.read()
        return parse_strict_object(data, max_bytes=MAX_BODY_BYTES, where="request")
    except CairnError as error:
        raise ClaimError(ClaimFault.INVALID_CREDENTIAL_REQUEST, str(error)) from error


def _read_token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > MAX_CODE_CHARS:
        raise ClaimError(ClaimFault.INVALID_TOKEN, "token: missing")
    return token.strip()


def _read_proofs(content: JSONObject) -> tuple[str, ...]:
    proofs: JSONValue = content.get("proofs")
    proof = content.get("proof")
    if isinstance(proofs, dict) and proof is None:
        found = proofs.get("jwt")
    elif isinstance(proof, dict) and proofs is None and proof.get("proof_type") == "jwt":
        found = [proof.get("jwt")]
    else:
        found = None
    if not isinstance(found, list) or not found:
        raise ClaimError(ClaimFault.INVALID_PROOF, "proofs: expected 1 to 4 key proofs of type jwt")
    texts = tuple(text for text in found if isinstance(text, str))
    if len(texts) != len(found):
        raise ClaimError(ClaimFault.INVALID_PROOF, "proofs: expected texts")
    return texts


def _refuse_claim(error: ClaimError) -> web.Response:
    description = f"{error} ({error.hint})" if error.hint else str(error)
    if error.fault is ClaimFault.INVALID_TOKEN:
        return _refuse(401, error.fault, description, {"WWW-Authenticate": f'Bearer error="{error.fault}"'})
    return _refuse(400, error.fault, description, {})


def _refuse(status: int, code: str, description: str, headers: Mapping[str, str]) -> web.Response:
    # RFC 6749 §5.2 allows these characters in a description and no others; what a wallet sent may stand in it.
    text = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in description)
    return web.json_response({"error": str(code), "error_description": text}, status=status, headers=headers)
