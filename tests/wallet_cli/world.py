"""A network in memory with one school that mints real copies, and a real HTTP server that gives them out."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.test_utils import TestServer

from ledger.credential import copy, status
from ledger.credential.copy import CopyTerms, IssuerProfile
from ledger.credential.jose import parse_jwk, parse_jws, public_key_to_jwk, verify_jws
from ledger.credential.status import StatusReference
from ledger.log.charter import Role
from ledger.log.keys import PublicKey, SigningKey
from ledger.log.network import Network
from ledger.log.policy import encode_trust_root
from tests.ledger.credential.award import CONTENT, seeded
from tests.simulator import NOW, SLOTS, SimulatedLedger, SimulatedLog, found_network, trust_of
from wallet_cli.held import HeldLedger
from wallet_cli.offer import GRANT
from wallet_cli.vault import Cost, Vault

CHEAP = Cost(1, 8)
PASSPHRASE = "four small grey owls"
LIST_ROOT = b"\x11" * 32
CODE, TX_CODE, TOKEN = "c0de-from-the-link", "493210", "t0ken"


class World:
    """Confluence with Granite and Lantern; Granite mints, all logs are held."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now
        self.network, (self.school, self.other) = found_network("granite", "lantern")
        self.trust = trust_of(self.network)
        self.draw = seeded("world")
        self.slots = 0
        self.statuses: dict[int, int] = {}
        self.cut()

    @property
    def held(self) -> HeldLedger:
        """The ledger as a wallet holds it now; light, so batches are not held."""
        ledger = LightLedger(self.network, self.school, self.other)
        return HeldLedger(self.trust, ledger, Network(self.trust, ledger), (), Path())

    @property
    def issuer(self) -> str:
        return self.held.network.issuer_url(self.school.log_id)

    def mint(self, holder: PublicKey | None, *, key: SigningKey | None = None, **changes: Any) -> str:
        """A copy with a slot of its own, signed by Granite's register key."""
        signer = key or self.school.role_signers[Role.REGISTER]
        slot, self.slots = self.slots, self.slots + 1
        issuer = changes.pop("issuer", self.issuer)
        list_key = status.list_key(LIST_ROOT, 0)
        terms = CopyTerms(
            iss=issuer,
            vct=f"{issuer}/achievement/1",
            key_id=signer.public.id,
            status=StatusReference(self.school.log_id, 0, slot, status.slot_key(list_key, slot)),
            holder=None if holder is None else public_key_to_jwk(holder),
            issued_at=self.now // 1000,
            copy_id=f"00000000-0000-4000-8000-{slot:012d}",
        )
        profile = IssuerProfile(issuer, "Granite", "https://granite.example")
        return copy.mint_copy(replace(CONTENT, issuer=profile, **changes), terms, signer.sign, self.draw)

    def cut(self, *commitments: bytes) -> int:
        """Cut at the school, witnessed and anchored; gives the index of the batch."""
        number = self.school.counter + 3
        statement_id = b"page%012d" % number
        items = status.encode_page(status.list_key(LIST_ROOT, 0), SLOTS, self.statuses, statement_id)
        self.school.anchor()
        index = self.school.issue(commitments).index
        self.school.status(b"".join(items), statement_id)
        self.school.sign([self.network, self.other], self.now // 1000)
        self.network.anchor([log.note for log in (self.school, self.other) if log.note])
        self.network.sign([self.school, self.other], self.now // 1000)
        return index


class LightLedger(SimulatedLedger):
    """What a light replica holds: everything but batches."""

    def __init__(self, *logs: SimulatedLog) -> None:
        super().__init__(*(_light(log) for log in logs))


def _light(log: SimulatedLog) -> SimulatedLog:
    light = log.copy()
    light.state = log.state.copy()
    light.bodies = [
        None if b'"kind":"issue"' in raw else body for raw, body in zip(log.entries, log.bodies, strict=True)
    ]
    return light


@dataclass
class IssuerServer:
    """OpenID4VCI 1.0 as far as a wallet with a pre-authorised code sees it; the attributes make it misbehave."""

    mint: Callable[[PublicKey], Any]
    with_tx_code: bool = True
    configurations: tuple[str, ...] = ("granite/1",)
    others: tuple[str, ...] = ()
    copies_left: int = 4
    busy: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    proofs: list[dict[str, Any]] = field(default_factory=list)
    nonces: list[str] = field(default_factory=list)
    wrong_codes: int = 0
    used: bool = False

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["IssuerServer"]:
        app = web.Application()
        app.router.add_get("/.well-known/openid-credential-issuer", self._issuer)
        app.router.add_get("/.well-known/oauth-authorization-server", self._server)
        app.router.add_get("/offers/1", self._offer)
        app.router.add_post("/token", self._token)
        app.router.add_post("/nonce", self._nonce)
        app.router.add_post("/credential", self._credential)
        async with TestServer(app, host="127.0.0.1") as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self

    @property
    def offer(self) -> str:
        return f"openid-credential-offer://?credential_offer_uri={quote(self.url + '/offers/1', safe='')}"

    async def _offer(self, _: web.Request) -> web.Response:
        grant: dict[str, Any] = {"pre-authorized_code": CODE}
        if self.with_tx_code:
            grant["tx_code"] = {"input_mode": "numeric", "length": 6, "description": "in the second letter"}
        return web.json_response(
            {
                "credential_issuer": self.url,
                "credential_configuration_ids": list(self.configurations),
                "grants": {GRANT: grant},
            }
        )

    async def _issuer(self, _: web.Request) -> web.Response:
        supported = {name: {"format": "dc+sd-jwt", "vct": "x"} for name in self.configurations}
        metadata = {
            "credential_issuer": self.url,
            "credential_endpoint": f"{self.url}/credential",
            "nonce_endpoint": f"{self.url}/nonce",
            "display": [{"name": "Granite \x1b[31mHigh"}],
            "credential_configurations_supported": supported,
        }
        return web.json_response(metadata | self.metadata)

    async def _server(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "token_endpoint": f"{self.url}/token"})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == GRANT
        if self.used or form["pre-authorized_code"] != CODE:
            return web.json_response({"error": "invalid_grant", "error_description": "used"}, status=400)
        if self.with_tx_code and form.get("tx_code") != TX_CODE:
            self.wrong_codes += 1
            return web.json_response({"error": "invalid_grant", "error_description": "tx_code: wrong"}, status=400)
        self.used = True
        return web.json_response({"access_token": TOKEN, "token_type": "Bearer"})

    async def _nonce(self, _: web.Request) -> web.Response:
        self.nonces.append(f"nonce-{len(self.nonces)}")
        return web.json_response({"c_nonce": self.nonces[-1]})

    async def _credential(self, request: web.Request) -> web.Response:
        if self.busy:
            self.busy -= 1
            return web.json_response({"error": "temporarily_unavailable"}, status=503)
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        asked = await request.json()
        assert asked["credential_configuration_id"] in (*self.configurations, *self.others)
        (proof,) = asked["proofs"]["jwt"]
        jws = parse_jws(proof)
        key = parse_jwk(jws.header["jwk"])
        verify_jws(jws, key)
        claims = json.loads(jws.payload)
        assert jws.header["typ"] == "openid4vci-proof+jwt"
        assert (claims["aud"], claims["nonce"]) == (self.url, self.nonces[-1])
        self.proofs.append(claims)
        if self.copies_left == 0:
            return web.json_response({"error": "credential_request_denied", "error_description": "no more"}, status=400)
        self.copies_left -= 1
        return web.json_response({"credentials": [{"credential": self.mint(key)}]})


def new_vault(folder: Path) -> Vault:
    return Vault.create(folder / "vault", PASSPHRASE, cost=CHEAP)


def write_trust(world: World, path: Path) -> Path:
    path.write_bytes(encode_trust_root(world.trust))
    return path


class Background:
    """An event loop in a thread, so that servers answer while a command runs its own loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.open: list[AbstractAsyncContextManager[Any]] = []

    def start(self, server: AbstractAsyncContextManager[Any]) -> Any:
        """Enter a server's context and give what it gives; it is left when the test ends."""
        started = asyncio.run_coroutine_threadsafe(server.__aenter__(), self.loop).result(timeout=20)
        self.open.append(server)
        return started

    def stop(self) -> None:
        for server in reversed(self.open):
            asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), self.loop).result(timeout=20)


@contextmanager
def background() -> Iterator[Background]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers = Background(loop)
    try:
        yield servers
    finally:
        servers.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=20)
        loop.close()
