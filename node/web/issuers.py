"""What stands behind the URLs in a credential: `https://HOST/m/<22 characters of the log id>/…`.

    /m/<22>/achievements/<id>[/<version>]       what was awarded; also frameworks, rules, requirements, crosswalks, …
    /m/<22>/achievement/1                       what the claims of a credential mean (SD-JWT VC type metadata)
    /.well-known/jwt-vc-issuer/m/<22>           the keys that sign credentials today (SD-JWT VC)
    /m/<22>/did.json                            all its credential keys, retired ones too: the document of its did:web
    /m/<22>/keys/<multikey>                     one of them as a JWK, which a JWS names as its `kid` (Open Badges 3.0)

Whatever node the network appoints as HOST answers this for every log it holds, so the URLs outlive the school's own
domain. Where another institution goes on with a log, its keys stand there too: it signs in the old name. All of it comes
from published documents and key entries; documents are given out as the exact bytes that were published, and nothing about
any award can be read or counted here.
"""

import asyncio
from typing import Protocol

import orjson
from aiohttp import web

from ledger.credential.dataintegrity.issuer_document import CREDENTIAL_ROLES, did_web_of, document_of_history
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.strict_json import JSONValue
from ledger.credential.typemetadata import TYPE_PATH, encode_type_metadata
from ledger.errors import CairnError, RuleError
from ledger.log.charter import Role
from ledger.log.didkey import encode_multikey
from ledger.log.effects import DocumentRecord
from ledger.log.identity import short_log_id
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from ledger.log.records import DocumentName, DocumentType
from ledger.log.view import LedgerView, LogView
from node.budget import Budget
from node.keyhistory import KeyHistories, rings_of
from node.web.sending import send_bounded
from node.web.tiles import MOVING, not_found

FOLDERS = {
    "achievements": DocumentType.ACHIEVEMENT,
    "requirements": DocumentType.REQUIREMENT_SET,
    "frameworks": DocumentType.FRAMEWORK,
    "rules": DocumentType.RULE,
    "crosswalks": DocumentType.CROSSWALK,
    "acceptances": DocumentType.ACCEPTANCE,
    "policies": DocumentType.POLICY,
}
"""Types of documents by the folder they are served in."""

PINNED = "public, max-age=86400"
"""A version never changes, but what a compromised key published ceases to count, so no cache keeps it for ever."""

_JSON = "application/json"
_MAX_VERSION_DIGITS = 9


class IssuerNode(Protocol):
    """What is needed of a node."""

    @property
    def ledger(self) -> LedgerView:
        """All logs held."""

    @property
    def trust(self) -> TrustRoot | None:
        """The network it belongs to; `None` before it joined one."""


def add_issuers(app: web.Application, node: IssuerNode, budget: Budget) -> None:
    """Serve documents and keys of every log held under `/m/` and `/.well-known/jwt-vc-issuer/m/`.

    Args:
        app: gets the routes.
        node: has the logs.
        budget: of everything large that is being sent; a document may have 8 MiB.
    """
    handlers = _Handlers(node, budget)
    app.router.add_get("/m/{short}" + TYPE_PATH, handlers.type_metadata)
    app.router.add_get("/m/{short}/did.json", handlers.did_document)
    app.router.add_get("/m/{short}/keys/{multikey}", handlers.key)
    app.router.add_get("/m/{short}/{folder}/{id}", handlers.document)
    app.router.add_get("/m/{short}/{folder}/{id}/{version}", handlers.document)
    app.router.add_get("/.well-known/jwt-vc-issuer/m/{short}", handlers.keys)


class _Handlers:
    def __init__(self, node: IssuerNode, budget: Budget) -> None:
        self._node = node
        self._budget = budget
        self._histories = KeyHistories()

    async def document(self, request: web.Request) -> web.StreamResponse:
        log = self._find(request.match_info["short"])
        folder, id_ = request.match_info["folder"], request.match_info["id"]
        version = request.match_info.get("version")
        # A requirement set and the achievement made from it share a name; the set's document id then has the folder.
        record = _find_document(log, f"{folder}/{id_}", version) or _find_document(log, id_, version)
        if record is None and folder == "policies":
            # An RSA key that somebody signs with who goes on with this log; such keys stand in documents.
            log, record = self._find_policy(log, id_, version)
        if record is None or record.type is not FOLDERS.get(folder):
            raise not_found("no such document is published")
        data = await asyncio.to_thread(log.body, record.index)
        if data is None:
            raise not_found("this node does not hold that document")
        cache = PINNED if "version" in request.match_info else MOVING
        # What a stranger published is shown as data, never as a page of ours.
        headers = {"Cache-Control": cache, "Content-Security-Policy": "sandbox; default-src 'none'"}
        headers["Content-Type"] = _media_type(record.media_type)
        return await send_bounded(request, data, headers, self._budget)

    async def type_metadata(self, request: web.Request) -> web.Response:
        issuer = self._issuer(self._find(request.match_info["short"]))
        headers = {"Cache-Control": MOVING}
        # Exact bytes: copies carry their hash.
        return web.Response(body=encode_type_metadata(issuer + TYPE_PATH), content_type=_JSON, headers=headers)

    async def keys(self, request: web.Request) -> web.Response:
        log = self._find(request.match_info["short"])
        issuer, line = self._issuer(log), await self._line(log)
        records = [
            record
            for state in (one.state for one in line)
            for role in (Role.ISSUE, Role.REGISTER)
            for record in state.keys.in_force(role, state.size)
        ]
        jwks: list[JSONValue] = [
            public_key_to_jwk(key) for key in {record.key.id: record.key for record in records}.values()
        ]
        return web.json_response({"issuer": issuer, "jwks": {"keys": jwks}}, headers={"Cache-Control": MOVING})

    async def did_document(self, request: web.Request) -> web.Response:
        log = self._find(request.match_info["short"])
        document = document_of_history(did_web_of(self._issuer(log)), *rings_of(await self._line(log)))
        headers = {"Cache-Control": MOVING}
        return web.Response(body=orjson.dumps(document), content_type="application/did+json", headers=headers)

    async def key(self, request: web.Request) -> web.Response:
        log, wanted = self._find(request.match_info["short"]), request.match_info["multikey"]
        rings = rings_of(await self._line(log))
        stolen = {key_id for ring in rings for key_id, one in ring.records.items() if one.stolen_since is not None}
        for record in (record for ring in rings for record in ring.records.values()):
            is_theirs = record.role in CREDENTIAL_ROLES and record.key.id not in stolen
            if is_theirs and encode_multikey(record.key) == wanted:
                return web.json_response(public_key_to_jwk(record.key), headers={"Cache-Control": MOVING})
        raise not_found("no credential key of that name, or it was stolen")

    def _find_policy(self, log: LogView, id_: str, version: str | None) -> tuple[LogView, DocumentRecord | None]:
        network = self._network()
        line = () if network is None else network.line_of(log.state.log_id)
        for heir in line[1:]:
            held = self._node.ledger.log(heir)
            record = None if held is None else _find_document(held, id_, version)
            if held is not None and record is not None:
                return held, record
        return log, None

    async def _line(self, log: LogView) -> tuple[LogView, ...]:
        """The institution's log, up to its end, and those that went on with it."""
        network = self._network()
        if network is None:
            return (log,)
        try:
            return await asyncio.to_thread(self._histories.line_of, network, log)
        except RuleError as error:
            raise not_found("this node holds another history of that log than its network named") from error

    def _network(self) -> Network | None:
        trust = self._node.trust
        try:
            return None if trust is None else Network(trust, self._node.ledger)
        except CairnError:
            return None

    def _issuer(self, log: LogView) -> str:
        if self._node.trust is None:
            raise not_found("this node belongs to no network yet, so it has no host to speak for")
        network = self._network()
        if network is None:
            raise not_found("this node does not hold its network's log yet")
        # The issuer id stands under the network's host, whichever node answers for it and behind whatever proxy.
        return network.issuer_url(log.state.log_id)

    def _find(self, short: str) -> LogView:
        for log_id in self._node.ledger.log_ids():
            if short_log_id(log_id) == short:
                log = self._node.ledger.log(log_id)
                if log is not None:
                    return log
        raise not_found("no log held here has an id beginning with these 22 characters")


def _find_document(log: LogView, document_id: str, version: str | None) -> DocumentRecord | None:
    if version is None:
        return log.state.newest_document(document_id)
    # One spelling per version: no sign, no leading zero.
    if not (version.isascii() and version.isdecimal()) or version[0] == "0" or len(version) > _MAX_VERSION_DIGITS:
        return None
    return log.state.document(DocumentName(document_id, int(version)))


def _media_type(text: str) -> str:
    # Only JSON is a document a browser may be told about; anything else goes out as plain bytes.
    is_json = text == "application/json" or (text.startswith("application/") and text.endswith("+json"))
    return text if is_json else "application/octet-stream"
