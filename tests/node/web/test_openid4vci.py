"""Claims by OpenID4VCI: a real desk behind real HTTP, driven as a wallet would."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ledger.credential.commitment import commit
from ledger.credential.jose import public_key_to_jwk, sign_jws
from ledger.credential.sdjwt import parse_sd_jwt, verify_issued_sd_jwt
from ledger.credential.status import Status
from ledger.log.body import parse_body
from ledger.log.didkey import encode_did_key
from ledger.log.keys import SigningKey
from node.client.registry import IssueRequest, OfferedLink
from node.keystore import KeyRole
from node.registrar.offers import MAX_WRONG_CODES
from node.web.openid4vci import GRANT_TYPE, add_claims
from node.web.pace import BURST, Pace
from tests.node.registrar.desks import DIPLOMA, HTTP_URL, Bench, Clock, csv_of, fresh_bench

CONFIGURATION = f"{DIPLOMA}/1"


class Wallet:
    """Just enough of a wallet."""

    def __init__(self, client: TestClient[web.Request, web.Application], bench: Bench, link: OfferedLink) -> None:
        self.client = client
        self.bench = bench
        self.link = link
        self.keys = [SigningKey(bytes([n]) * 32) for n in range(1, 6)]

    @property
    def code(self) -> str:
        (uri,) = parse_qs(urlsplit(self.link.link).query)["credential_offer_uri"]
        return uri.rsplit("/", 1)[1]

    async def token(self, tx_code: str | None = None, code: str | None = None) -> tuple[int, dict[str, object]]:
        form = {
            "grant_type": GRANT_TYPE,
            "pre-authorized_code": self.code if code is None else code,
            "tx_code": self.link.tx_code if tx_code is None else tx_code,
        }
        async with self.client.post("/token", data=form) as answer:
            return answer.status, await answer.json()

    async def nonce(self) -> str:
        async with self.client.post("/nonce") as answer:
            return str((await answer.json())["c_nonce"])

    def proof(
        self, key: SigningKey, nonce: object, *, use_did: bool = False, header: object = None, **claims: object
    ) -> str:
        named = {"kid": f"{encode_did_key(key.public)}#0"} if use_did else {"jwk": public_key_to_jwk(key.public)}
        top = {"alg": "EdDSA", "typ": "openid4vci-proof+jwt", **named, **(header if isinstance(header, dict) else {})}
        payload = {"aud": HTTP_URL, "iat": self.bench.clock.now // 1000, "nonce": nonce} | claims
        return sign_jws(top, json.dumps(payload).encode(), key.sign)  # type: ignore[arg-type]

    async def credential(
        self, token: object, proofs: list[str], changes: dict[str, object] | None = None
    ) -> tuple[int, dict[str, object]]:
        content = {"credential_configuration_id": CONFIGURATION, "proofs": {"jwt": proofs}} | (changes or {})
        content = {name: value for name, value in content.items() if value is not None}
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.post("/credential", json=content, headers=headers) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def wallet_with_offer(tmp_path: Path) -> AsyncIterator[Wallet]:
    async with fresh_bench(tmp_path) as bench:
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(2)), achievement=DIPLOMA))
        (link,) = (await bench.desk.offer(award_ids=report.issued[:1])).links
        app = web.Application()
        add_claims(app, bench.desk, bench.clock)
        async with TestClient(TestServer(app)) as client:
            yield Wallet(client, bench, link)


async def test_metadata_and_offer_are_what_a_wallet_expects(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        async with wallet.client.get("/.well-known/openid-credential-issuer") as answer:
            issuer = await answer.json()
        assert issuer["credential_issuer"] == HTTP_URL
        assert issuer["credential_configurations_supported"][CONFIGURATION]["format"] == "dc+sd-jwt"
        assert issuer["nonce_endpoint"] == f"{HTTP_URL}/nonce"
        async with wallet.client.get("/.well-known/oauth-authorization-server") as answer:
            assert (await answer.json())["token_endpoint"] == f"{HTTP_URL}/token"
        async with wallet.client.get(f"/offer/{wallet.code}") as answer:
            offer = await answer.json()
            assert answer.headers["Cache-Control"] == "no-store"
        assert offer["credential_issuer"] == HTTP_URL
        assert offer["credential_configuration_ids"] == [CONFIGURATION]
        assert offer["grants"][GRANT_TYPE]["pre-authorized_code"] == wallet.code
        assert wallet.link.tx_code not in json.dumps(offer)
        async with wallet.client.get("/offer/unknown") as answer:
            assert answer.status == 404


async def test_a_claim_gives_bound_copies_that_reach_the_ledger(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        status, access = await wallet.token()
        assert (status, access["token_type"]) == (200, "Bearer")
        nonce = await wallet.nonce()
        proofs = [wallet.proof(key, nonce, use_did=n == 1) for n, key in enumerate(wallet.keys[:3])]
        status, answer = await wallet.credential(access["access_token"], proofs)
        assert status == 200, answer
        credentials = [str(item["credential"]) for item in answer["credentials"]]  # type: ignore[attr-defined]
        issuer_key = wallet.bench.keystore.newest(KeyRole.REGISTER).public
        for key, text in zip(wallet.keys[:3], credentials, strict=True):
            verify_issued_sd_jwt(text, issuer_key, now=wallet.bench.clock.now)
            assert json.loads(parse_sd_jwt(text).jws.payload)["cnf"] == {"jwk": public_key_to_jwk(key.public)}

        cut = await wallet.bench.desk.cut()

        assert cut.copies == 2 + 3
        body = wallet.bench.log.body(cut.indexes[1])
        assert body is not None
        assert {commit(text.partition("~")[0]) for text in credentials} <= set(parse_body("issue", body))
        slots = [json.loads(parse_sd_jwt(text).jws.payload)["status"]["cairn"]["slot"] for text in credentials]
        assert len(set(slots)) == 3


async def test_draft_13_wallets_are_served(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        _, access = await wallet.token()
        proof = {"proof_type": "jwt", "jwt": wallet.proof(wallet.keys[0], str(access["c_nonce"]))}
        async with wallet.client.get("/.well-known/openid-credential-issuer") as metadata:
            vct = (await metadata.json())["credential_configurations_supported"][CONFIGURATION]["vct"]
        old: dict[str, object] = {"proofs": None, "credential_configuration_id": None}
        old |= {"proof": proof, "format": "vc+sd-jwt", "vct": vct}
        status, answer = await wallet.credential(access["access_token"], [], old)
        assert status == 200, answer
        assert answer["credential"] == answer["credentials"][0]["credential"]  # type: ignore[index]


async def test_an_offer_works_once(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        assert (await wallet.token())[0] == 200
        status, answer = await wallet.token()
        assert (status, answer["error"]) == (400, "invalid_grant")
        async with wallet.client.get(f"/offer/{wallet.code}") as offer:
            assert offer.status == 404


async def test_an_offer_expires(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        wallet.bench.clock.now = wallet.link.expires_at
        status, answer = await wallet.token()
        assert (status, answer["error"]) == (400, "invalid_grant")


async def test_five_wrong_second_codes_burn_an_offer(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        wrong = "000000" if wallet.link.tx_code != "000000" else "000001"
        descriptions = []
        for _ in range(MAX_WRONG_CODES):
            status, answer = await wallet.token(tx_code=wrong)
            assert (status, answer["error"]) == (400, "invalid_grant")
            descriptions.append(str(answer["error_description"]))
        assert "4 tries left" in descriptions[0]
        assert "no longer works" in descriptions[-1]
        assert (await wallet.token())[0] == 400


async def test_four_wrong_second_codes_do_not(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        wrong = "000000" if wallet.link.tx_code != "000000" else "000001"
        for _ in range(MAX_WRONG_CODES - 1):
            assert (await wallet.token(tx_code=wrong))[0] == 400
        assert (await wallet.token(tx_code=""))[1]["error"] == "invalid_request"
        assert (await wallet.token())[0] == 200


async def test_a_new_offer_ends_the_old_one(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        await wallet.bench.desk.offer(award_ids=wallet.link.award_ids)
        assert (await wallet.token())[0] == 400


async def test_refused_credential_requests(tmp_path: Path) -> None:
    """Each is refused with its code, and none of them uses up what a right one needs."""
    async with wallet_with_offer(tmp_path) as wallet:
        _, access = await wallet.token()
        token, key = access["access_token"], wallet.keys[0]
        nonce = await wallet.nonce()
        good = wallet.proof(key, nonce)
        now = wallet.bench.clock.now // 1000
        other = wallet.keys[1]
        stolen = good.rsplit(".", 1)[0] + "." + wallet.proof(other, nonce).rsplit(".", 1)[1]
        rows: list[tuple[str, object, list[str], dict[str, object]]] = [
            ("invalid_token", "wrong", [good], {}),
            ("unknown_credential_configuration", token, [good], {"credential_configuration_id": "other/1"}),
            ("invalid_credential_request", token, [good], {"credential_configuration_id": None}),
            ("invalid_proof", token, [], {}),
            ("invalid_proof", token, [good, good], {}),
            ("invalid_proof", token, [wallet.proof(k, nonce) for k in wallet.keys], {}),
            ("invalid_proof", token, ["a.b.c"], {}),
            ("invalid_proof", token, [stolen], {}),
            ("invalid_proof", token, [wallet.proof(key, nonce, aud="https://other.example")], {}),
            ("invalid_proof", token, [wallet.proof(key, nonce, iat=now - 301)], {}),
            ("invalid_proof", token, [wallet.proof(key, nonce, iat=now + 61)], {}),
            ("invalid_proof", token, [wallet.proof(key, nonce, header={"typ": "JWT"})], {}),
            ("invalid_proof", token, [wallet.proof(key, nonce, header={"alg": "none"})], {}),
            ("invalid_proof", token, [wallet.proof(key, nonce, use_did=True, header={"jwk": {}})], {}),
            ("invalid_proof", token, [good, wallet.proof(other, await wallet.nonce())], {}),
            ("invalid_nonce", token, [wallet.proof(key, "AAAA")], {}),
            ("invalid_nonce", token, [wallet.proof(key, nonce[:-4] + "AAAA")], {}),
            ("invalid_nonce", token, [wallet.proof(key, 7)], {}),
        ]
        for code, bearer, proofs, changes in rows:
            status, answer = await wallet.credential(bearer, proofs, changes)
            assert (status, answer.get("error")) == (401 if code == "invalid_token" else 400, code), answer

        assert (await wallet.credential(token, [good]))[0] == 200
        status, answer = await wallet.credential(token, [wallet.proof(other, nonce)])
        assert (status, answer["error"]) == (400, "invalid_nonce")


async def test_nonces_and_tokens_expire(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        _, access = await wallet.token()
        nonce = await wallet.nonce()
        wallet.bench.clock.advance(300_000)
        status, answer = await wallet.credential(access["access_token"], [wallet.proof(wallet.keys[0], nonce)])
        assert (status, answer["error"]) == (400, "invalid_nonce")
        wallet.bench.clock.advance(300_000)
        status, answer = await wallet.credential(access["access_token"], [wallet.proof(wallet.keys[0], nonce)])
        assert (status, answer["error"]) == (401, "invalid_token")


async def test_at_most_four_copies_for_one_link_and_none_of_a_revoked_award(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        _, access = await wallet.token()
        nonce = await wallet.nonce()
        proofs = [wallet.proof(key, nonce) for key in wallet.keys[:3]]
        assert (await wallet.credential(access["access_token"], proofs))[0] == 200
        nonce = await wallet.nonce()
        proofs = [wallet.proof(key, nonce) for key in wallet.keys[3:]]
        status, answer = await wallet.credential(access["access_token"], proofs)
        assert (status, answer["error"]) == (400, "credential_request_denied")
        await wallet.bench.desk.set_status(wallet.link.award_ids, Status.REVOKED)
        status, answer = await wallet.credential(access["access_token"], proofs[:1])
        assert (status, answer["error"]) == (400, "credential_request_denied")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"a":1,"a":1}', b"[" * 5000])
async def test_hostile_bodies_are_refused(tmp_path: Path, body: bytes) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        async with wallet.client.post("/credential", data=body) as answer:
            assert answer.status in (400, 401)
        async with wallet.client.post("/token", data=body) as answer:
            assert answer.status == 400


@pytest.mark.parametrize(
    ("charset", "body"), [("", b"a=\xff"), ("bogus", b"a=b"), ("base64", b"a=b"), ("utf-16", b"a"), ("rot13", b"a=b")]
)
async def test_forms_in_other_characters_are_refused(tmp_path: Path, charset: str, body: bytes) -> None:
    """Anybody can send them, so they are an answer and no fault of the node's."""
    async with wallet_with_offer(tmp_path) as wallet:
        kind = "application/x-www-form-urlencoded" + (f"; charset={charset}" if charset else "")
        async with wallet.client.post("/token", data=body, headers={"Content-Type": kind}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_a_flood_burns_nobody_elses_offer(tmp_path: Path) -> None:
    """Codes that are guessed count against no offer; who floods is slowed down, and then the offer works as before."""
    async with wallet_with_offer(tmp_path) as wallet:
        statuses = {(await wallet.token(code=f"guess{n}", tx_code="123456"))[0] for n in range(BURST + 5)}
        assert statuses == {400, 429}
        wallet.bench.clock.now += 1000
        assert (await wallet.token())[0] == 200


def test_pace_counts_a_network_of_ipv6_as_one_caller() -> None:
    """Who has a /64 has no more than one bucket; an IPv4 address written as IPv6 is the same caller."""
    pace = Pace(Clock(), burst=1, per_second=1)
    callers = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "")
    assert [pace.take(caller) for caller in callers] == [0, 1, 0, 0, 1, 0, 0]


def test_pace_lets_a_burst_through_and_then_a_trickle() -> None:
    clock = Clock()
    pace = Pace(clock, burst=3, per_second=2)
    assert [pace.take("a") for _ in range(4)] == [0, 0, 0, 1]
    assert pace.take("b") == 0
    clock.advance(500)
    assert [pace.take("a") for _ in range(2)] == [0, 1]
