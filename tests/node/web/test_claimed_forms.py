"""Claims in forms of other software: a real desk behind real HTTP, under an https issuer id as members have."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from ledger.credential import badge, openbadge
from ledger.credential.dataintegrity.issuer_document import (
    IssuerDocuments,
    did_web_of,
    document_of_history,
    parse_issuer_document,
)
from ledger.credential.dataintegrity.judgement import ProofQuestion, judge_proofs
from ledger.credential.jose import parse_jws, public_key_to_jwk, verify_jws
from ledger.credential.report import Answer
from ledger.credential.sdjwt import parse_sd_jwt, verify_issuer_signature
from ledger.errors import MalformedError, RuleError
from ledger.log.body import parse_body
from ledger.log.didkey import encode_did_key, parse_multikey
from ledger.log.identity import LogId
from node.client.contexts import fill_folder
from node.client.registry import IssueRequest
from node.keystore import KeyRole
from node.registrar.claims import MAX_COPIES_PER_YEAR
from node.registrar.offers import MAX_COPIES_PER_OFFER
from node.registrar.tables import Copy
from node.registrar.views import FILE_KIND
from node.web.openid4vci import add_claims
from tests.ledger.credential.badges import library
from tests.node.registrar.desks import DIPLOMA, Bench, Clock, Dice, achievement_json, csv_of, found, open_bench
from tests.node.web.test_openid4vci import CONFIGURATION, Wallet
from tests.shared import shared_path

FORMS = {"open-badge": "ldp_vc", "jws": "jwt_vc_json", "sd-jwt-es256": "dc+sd-jwt"}


@asynccontextmanager
async def school(tmp_path: Path, *, member: bool = True, contexts: bool = True) -> AsyncIterator[Bench]:
    """A desk with one award; at home in its own network, so that its issuer id is an https address."""
    clock, dice, directory = Clock(), Dice(), tmp_path / ("member" if member else "alone")
    log_id = found(directory, clock, dice)
    if contexts:
        fill_folder(shared_path("vectors/formats/contexts"), directory)
    networks: tuple[LogId, ...] = (log_id,) if member else ()
    async with open_bench(directory, log_id, clock, dice, networks=lambda: networks) as bench:
        await bench.desk.publish(achievement_json())
        yield bench


@asynccontextmanager
async def wallet(bench: Bench, form: str = "") -> AsyncIterator[Wallet]:
    await bench.desk.issue(IssueRequest(data=csv_of(range(1)), achievement=DIPLOMA))  # once; then it is there
    (link,) = (await bench.desk.offer(achievement=DIPLOMA, form=form)).links
    app = web.Application()
    add_claims(app, bench.desk, bench.clock)
    async with TestClient(TestServer(app)) as client:
        yield Wallet(client, bench, link)


async def metadata(held: Wallet) -> Any:
    async with held.client.get("/.well-known/openid-credential-issuer") as answer:
        return (await answer.json())["credential_configurations_supported"]


async def claim(held: Wallet, form: str, *keys: int, token: object = None, **changes: object) -> tuple[int, Any]:
    token = token or (await held.token())[1]["access_token"]
    nonce = await held.nonce()
    proofs = [held.proof(held.keys[key], nonce, use_did=True) for key in keys or (0,)]
    asked = {"credential_configuration_id": f"{CONFIGURATION}/{form}"} | changes
    return await held.credential(token, proofs, asked)


async def test_the_metadata_lists_what_can_be_made(tmp_path: Path) -> None:
    """OpenID4VCI Appendix A: format, algorithms, types; the native form first, under its old name."""
    async with school(tmp_path) as bench, wallet(bench) as held:
        listed = await metadata(held)
        assert list(listed) == [CONFIGURATION, *(f"{CONFIGURATION}/{form}" for form in FORMS)]
        assert listed[CONFIGURATION]["credential_signing_alg_values_supported"] == ["EdDSA"]
        for form, name in FORMS.items():
            row = listed[f"{CONFIGURATION}/{form}"]
            assert row["format"] == name
            assert row["proof_types_supported"] == listed[CONFIGURATION]["proof_types_supported"]
        definition = listed[f"{CONFIGURATION}/open-badge"]["credential_definition"]
        assert definition == {
            "@context": list(openbadge.CONTEXTS),
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
        }
        assert listed[f"{CONFIGURATION}/sd-jwt-es256"]["vct"] == listed[CONFIGURATION]["vct"]
        async with held.client.get(f"/offer/{held.code}") as answer:
            assert (await answer.json())["credential_configuration_ids"] == [CONFIGURATION]


async def test_what_cannot_be_made_is_neither_listed_nor_given(tmp_path: Path) -> None:
    """Without contexts no badge, without a network nothing that names a did:web; asking uses nothing up."""
    async with school(tmp_path, contexts=False) as bench, wallet(bench) as held:
        assert f"{CONFIGURATION}/open-badge" not in await metadata(held)
        token = (await held.token())[1]["access_token"]
        status, answer = await claim(held, "open-badge", token=token)
        assert (status, answer["error"]) == (400, "unknown_credential_configuration")
        assert "cannot give the form open-badge" in answer["error_description"]
        assert (await claim(held, "jws", token=token))[0] == 200
    async with school(tmp_path, member=False) as bench, wallet(bench) as held:
        assert list(await metadata(held)) == [CONFIGURATION, f"{CONFIGURATION}/sd-jwt-es256"]


async def test_each_form_is_a_copy_of_its_own(tmp_path: Path) -> None:
    """Bound to the proven key, signed by the right key, a slot and commitment each, nothing of it kept at the school."""
    async with school(tmp_path) as bench, wallet(bench) as held:
        token = (await held.token())[1]["access_token"]
        texts = {}
        for form in FORMS:
            status, answer = await claim(held, form, token=token)
            assert status == 200, answer
            (row,) = answer["credentials"]
            credential = row["credential"]
            texts[form] = json.dumps(credential) if isinstance(credential, dict) else credential
            assert isinstance(credential, dict) == (form == "open-badge")
        holder, issuer = encode_did_key(held.keys[0].public), bench.desk.make_press().issuer.id
        assert issuer.startswith("https://")

        document = json.loads(texts["open-badge"])
        assert document["credentialSubject"]["id"] == holder
        did = did_web_of(issuer)
        known = parse_issuer_document(document_of_history(did, bench.log.state.keys), did)
        asked = ProofQuestion(now=bench.clock(), signer=did, documents=IssuerDocuments([known]), library=library())
        assert [one.answer for one in judge_proofs(document, asked).proofs] == [Answer.YES, Answer.YES]

        jws = parse_jws(texts["jws"])
        assert json.loads(jws.payload)["sub"] == holder
        verify_jws(jws, parse_multikey(str(jws.header["kid"]).rpartition("/")[2], where="kid"))

        sd_jwt = parse_sd_jwt(texts["sd-jwt-es256"])
        assert sd_jwt.jws.header["alg"] == "ES256" and sd_jwt.jws.header["x5c"]
        assert sd_jwt.payload["cnf"] == {"jwk": public_key_to_jwk(held.keys[0].public)}
        verify_issuer_signature(sd_jwt, bench.keystore.p256_with_role(KeyRole.REGISTER)[-1].public)

        with bench.desk.database.read() as session:
            copies = session.scalars(select(Copy).where(Copy.kind == FILE_KIND)).all()
            assert [copy.credential for copy in copies] == [""] * 3
            assert len({copy.slot for copy in copies}) == 3
        cut = await bench.desk.cut()
        body = bench.log.body(cut.indexes[1])
        assert body is not None
        assert {badge.commit_text(text) for text in texts.values()} <= set(parse_body("issue", body))


async def test_copies_in_every_form_are_counted_together(tmp_path: Path) -> None:
    """Four for a link and sixteen a year, whatever their form: each takes a slot."""
    async with school(tmp_path) as bench:
        for _ in range(MAX_COPIES_PER_YEAR // MAX_COPIES_PER_OFFER):
            async with wallet(bench) as held:
                token = (await held.token())[1]["access_token"]
                assert (await claim(held, "jws", 0, 1, 2, token=token))[0] == 200
                assert (await claim(held, "jws", 0, 1, token=token))[1]["error"] == "credential_request_denied"
                status, _ = await claim(held, "", token=token, credential_configuration_id=CONFIGURATION)
                assert status == 200
        async with wallet(bench) as held:
            status, answer = await claim(held, "jws")
            assert (status, answer["error"]) == (400, "credential_request_denied")
            assert "in a year" in answer["error_description"]


async def test_a_link_may_name_a_form(tmp_path: Path) -> None:
    """For wallets that take what they are offered; the sheet has the same link, and other forms can still be asked for."""
    async with school(tmp_path) as bench, wallet(bench, form="jws") as held:
        url = held.link.link.rpartition("credential_offer_uri=")[2]
        assert url.endswith("%3Fform%3Djws")
        code = held.link.link.rpartition("%2F")[2].removesuffix("%3Fform%3Djws")
        async with held.client.get(f"/offer/{code}?form=jws") as answer:
            assert (await answer.json())["credential_configuration_ids"] == [f"{CONFIGURATION}/jws"]
        async with held.client.get(f"/offer/{code}?form=clr") as answer:
            assert answer.status == 404
        token = (await held.token(code=code))[1]["access_token"]
        assert (await claim(held, "open-badge", token=token))[0] == 200


async def test_a_form_is_refused_before_links_are_made(tmp_path: Path) -> None:
    """An unknown one, and one that this node cannot make: no older link ends for it."""
    async with school(tmp_path, contexts=False) as bench, wallet(bench) as held:
        with pytest.raises(MalformedError, match="none that wallets claim"):
            await bench.desk.offer(award_ids=held.link.award_ids, form="clr")
        with pytest.raises(RuleError, match="cannot make it now") as caught:
            await bench.desk.offer(award_ids=held.link.award_ids, form="open-badge")
        assert "cairn-node contexts" in caught.value.hint
        assert (await held.token())[0] == 200


async def test_draft_13_names_a_format(tmp_path: Path) -> None:
    """Format and types in place of a name, where one achievement is all there is."""
    async with school(tmp_path) as bench, wallet(bench) as held:
        _, access = await held.token()
        proof = {"proof_type": "jwt", "jwt": held.proof(held.keys[0], str(access["c_nonce"]))}
        old: dict[str, object] = {"proofs": None, "credential_configuration_id": None, "proof": proof}
        status, answer = await held.credential(access["access_token"], [], old | {"format": "ldp_vc"})
        assert status == 200, answer
        assert answer["credential"]["type"] == ["VerifiableCredential", "OpenBadgeCredential"]  # type: ignore[index,call-overload]
