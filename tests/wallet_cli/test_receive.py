"""A credential is checked before it is kept, and no failure costs the learner what was already theirs."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from ledger.credential.badge import commit_text
from ledger.credential.commitment import commit
from ledger.credential.jose import parse_jws
from ledger.errors import CairnError, MalformedError, PolicyError, RuleError, SignatureError
from ledger.log.body import parse_body
from ledger.log.charter import BatchPolicy, Role
from ledger.log.governance import MemberOp
from ledger.log.identity import encode_log_id
from ledger.log.keys import PublicKey, SigningKey
from node.client.contexts import fill_folder
from node.client.http import TransportError
from node.client.registry import IssueRequest
from node.web.openid4vci import add_claims
from tests.node.registrar import desks
from tests.shared import shared_path
from tests.simulator import NOW
from tests.wallet_cli.world import PASSPHRASE, TX_CODE, IssuerServer, World, new_vault
from wallet_cli import claim
from wallet_cli.acceptance import accept_credential, next_cut
from wallet_cli.claim import Issuer
from wallet_cli.formclaim import receive_files
from wallet_cli.forms import Form
from wallet_cli.offer import Offer, OfferLink
from wallet_cli.receive import Received, read_source, receive_offer, receive_text
from wallet_cli.refresh import search_body
from wallet_cli.vault import Vault

KEY = SigningKey(b"\x07" * 32)
DAY = 86_400_000


@pytest.fixture
def world() -> World:
    return World()


def ask(issuer: Issuer, offer: Offer) -> str:
    assert offer.transaction_code is not None
    return TX_CODE


async def claim_all(world: World, server: IssuerServer, vault: Vault, *, copies: int = 1) -> tuple[Received, ...]:
    source = read_source(server.offer)
    assert not isinstance(source, str)
    return await receive_offer(vault, source, ask_code=ask, held=world.held, now=NOW, copies=copies)


async def test_a_claimed_credential_is_kept_with_a_fresh_key_per_copy(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with IssuerServer(world.mint).serve() as server:
        (received,) = await claim_all(world, server, vault, copies=2)
    holding = Vault.open(vault.path, PASSPHRASE).contents.holding("c1")
    assert received.holding == holding
    assert len({copy.seed for copy in holding.copies}) == 2
    assert all(copy.checked and copy.receipt is None for copy in holding.copies)
    assert {copy.log for copy in holding.copies} == {encode_log_id(world.school.log_id)}
    assert {copy.search_from for copy in holding.copies} == {world.school.size}
    assert vault.contents.pending == ()
    assert len(set(server.nonces)) == 2
    assert received.accepted.issuer_name == "Granite"


async def test_an_offer_of_two_awards_gives_two_holdings(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with IssuerServer(world.mint, configurations=("granite/1", "granite/2")).serve() as server:
        received = await claim_all(world, server, vault)
    assert [item.holding.id for item in received] == ["c1", "c2"]


async def test_a_school_that_gives_one_copy_is_no_failure(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with IssuerServer(world.mint, copies_left=1).serve() as server:
        (received,) = await claim_all(world, server, vault, copies=3)
    assert len(received.holding.copies) == 1
    assert vault.contents.pending == ()


async def test_the_key_is_durable_before_the_server_hears_of_it(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    seen: list[bool] = []

    def mint(key: PublicKey) -> str:
        on_disk = Vault.open(vault.path, PASSPHRASE).contents.pending
        seen.append(key in {SigningKey(pending.seed).public for pending in on_disk})
        return world.mint(key)

    async with IssuerServer(mint).serve() as server:
        await claim_all(world, server, vault)
    assert seen == [True]


async def test_a_wrong_code_is_told_in_words_and_keeps_nothing(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with IssuerServer(world.mint).serve() as server:
        source = read_source(server.offer)
        assert not isinstance(source, str)
        with pytest.raises(PolicyError, match="tx_code: wrong") as caught:
            await receive_offer(vault, source, ask_code=lambda *_: "000000", held=world.held, now=NOW)
    assert "five wrong" in caught.value.hint
    assert vault.contents.holdings == ()


async def test_a_used_offer_is_told_in_words(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with IssuerServer(world.mint).serve() as server:
        await claim_all(world, server, vault)
        with pytest.raises(PolicyError, match="does not accept this offer"):
            await claim_all(world, server, vault)
    assert len(vault.contents.holdings) == 1


async def test_metadata_of_another_issuer_stops_before_the_code_is_sent(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with IssuerServer(world.mint, metadata={"credential_issuer": "https://evil.example"}).serve() as server:
        with pytest.raises(MalformedError, match="issuer metadata names"):
            await claim_all(world, server, vault)
        assert not server.used


@pytest.mark.parametrize(
    "metadata",
    [
        {"credential_endpoint": "http://school.example/credential"},
        {"nonce_endpoint": None},
        {"credential_configurations_supported": {"granite/1": {"format": "ldp_vc"}}},
        {"authorization_servers": []},
    ],
)
async def test_unusable_metadata_stops_before_the_code_is_sent(
    world: World, tmp_path: Path, metadata: dict[str, object]
) -> None:
    async with IssuerServer(world.mint, metadata=metadata).serve() as server:
        with pytest.raises(MalformedError):
            await claim_all(world, server, new_vault(tmp_path))
        assert not server.used


async def test_a_credential_for_another_key_is_not_kept(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with IssuerServer(lambda _: world.mint(KEY.public)).serve() as server:
        with pytest.raises(RuleError, match="bound to a key that is not in this vault"):
            await claim_all(world, server, vault)
    assert vault.contents.holdings == ()
    assert vault.contents.pending == ()


def test_the_steps_accept_what_is_good(world: World) -> None:
    accepted = accept_credential(world.mint(KEY.public), keys=(KEY.public,), server="", held=world.held, now=NOW)
    assert accepted.log == world.school.log_id
    assert accepted.remarks == ()
    assert accepted.reading.title == "Lantern Mastery Record"


def refuse(world: World, text: str, error: type[CairnError], match: str, server: str = "", now: int = NOW) -> None:
    with pytest.raises(error, match=match):
        accept_credential(text, keys=(KEY.public,), server=server, held=world.held, now=now)


def test_step_1_what_is_no_credential(world: World) -> None:
    refuse(world, "a.b.c~", MalformedError, "sd-jwt")
    token = world.mint(KEY.public)
    refuse(world, token[:-40], CairnError, "sd-jwt")
    refuse(world, token + token.partition("~")[0], RuleError, "somebody has shown it before")


def test_step_2_a_disclosure_nobody_signed(world: World) -> None:
    token, other = world.mint(KEY.public), world.mint(KEY.public)
    refuse(world, token + other.split("~")[1] + "~", RuleError, "sd-jwt")


def test_step_3_holder(world: World) -> None:
    refuse(world, world.mint(SigningKey(b"\x08" * 32).public), RuleError, "not in this vault")
    refuse(world, world.mint(None), RuleError, "bound to nobody", server="https://granite.example")


def test_step_4_expired(world: World) -> None:
    refuse(world, world.mint(KEY.public, valid_until="2026-06-13"), RuleError, "expired", now=NOW + 400 * DAY)


def test_step_5_issuer(world: World) -> None:
    refuse(world, world.mint(KEY.public, issuer="https://else.example/m/x"), PolicyError, "is not an institution of")
    token = world.mint(KEY.public)
    refuse(world, token, PolicyError, "but the server belongs to Lantern", server="https://lantern.example")
    world.network.member(world.school, MemberOp.SUSPEND)
    world.network.sign([world.school, world.other])
    refuse(world, token, PolicyError, "may not issue: it was suspended")


def test_step_6_key(world: World) -> None:
    token = world.mint(KEY.public)
    refuse(world, world.mint(KEY.public, key=SigningKey(b"\x09" * 32)), SignatureError, "has not published")
    wrong_role = world.mint(KEY.public, key=world.school.role_signers[Role.ISSUE])
    refuse(world, wrong_role, SignatureError, "another role")
    changed = token.replace(token.split(".")[2][:10], "A" * 10, 1)
    refuse(world, changed, SignatureError, "does not verify")
    world.school.retire(world.school.role_signers[Role.REGISTER])
    refuse(world, token, SignatureError, "retired")


def test_step_7_status(world: World) -> None:
    token = world.mint(KEY.public)
    world.statuses[world.slots - 1] = 1
    world.cut()
    refuse(world, token, RuleError, "its status is revoked")


def test_without_a_ledger_it_says_what_was_not_checked(world: World, tmp_path: Path) -> None:
    received = receive_text(new_vault(tmp_path), world.mint(None), held=None, now=NOW)
    assert "were not checked" in received.accepted.remarks[0]
    assert not received.holding.copies[0].checked


def test_a_file_is_received_once(world: World, tmp_path: Path) -> None:
    path = tmp_path / "diploma.sdjwt"
    path.write_text(world.mint(None) + "\n")
    source = read_source(str(path))
    assert isinstance(source, str)
    vault = new_vault(tmp_path)
    receive_text(vault, source, held=world.held, now=NOW)
    with pytest.raises(MalformedError, match="in the vault already"):
        receive_text(vault, source, held=world.held, now=NOW)
    assert len(vault.contents.holdings) == 1


@pytest.mark.parametrize("data", [b"\x89PNG", b"hello", b"\xff~"])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(MalformedError, match="neither a credential nor an offer"):
        read_source(str(path))


def test_when_a_cut_is_due() -> None:
    daily = BatchPolicy(DAY, 200, 256)
    assert next_cut(daily, 0) == 200 * 60_000
    assert next_cut(daily, 200 * 60_000) == DAY + 200 * 60_000
    assert next_cut(replace(daily, interval=0), 0) is None


def test_the_key_proof_is_what_the_specification_asks() -> None:
    from ledger.credential.jose import parse_jws

    jws = parse_jws(claim.sign_key_proof(KEY, "https://granite.example", "n", 1_781_000_000_999))
    assert set(jws.header) == {"alg", "typ", "jwk"}
    assert jws.payload == b'{"aud":"https://granite.example","iat":1781000000,"nonce":"n"}'


def test_metadata_stands_between_host_and_path() -> None:
    name = "openid-credential-issuer"
    assert claim.well_known("https://a.example", name) == f"https://a.example/.well-known/{name}"
    assert claim.well_known("https://a.example/m/x/", name) == f"https://a.example/.well-known/{name}/m/x"


async def test_a_busy_server_is_asked_again_since_the_code_is_spent(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "BUSY_PAUSES_SECONDS", (0.0, 0.0))
    vault = new_vault(tmp_path)
    async with IssuerServer(world.mint, busy=2).serve() as server:
        (received,) = await claim_all(world, server, vault)
    assert received.holding.id == "c1"
    async with IssuerServer(world.mint, busy=3).serve() as server:
        with pytest.raises(TransportError, match="answered 503"):
            await claim_all(world, server, vault)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


async def test_a_claim_at_a_real_registrars_desk(tmp_path: Path, listener: socket.socket) -> None:
    """The school's own server: claim, be refused a second time, and find both copies in the batch of the next cut."""
    vault = new_vault(tmp_path)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with desks.fresh_bench(tmp_path, interval_ms=DAY, http_url=url) as bench:
        report = await bench.desk.issue(IssueRequest(data=desks.csv_of(range(1)), achievement=desks.DIPLOMA))
        (link,) = (await bench.desk.offer(award_ids=report.issued)).links
        app = web.Application()
        add_claims(app, bench.desk, bench.clock)
        async with serve_on(app, listener):
            source = read_source(link.link)
            assert not isinstance(source, str)
            (received,) = await receive_offer(
                vault, source, ask_code=lambda *_: link.tx_code, held=None, now=bench.clock.now, copies=2
            )
            with pytest.raises(PolicyError, match="no such offer, or it was used"):
                await receive_offer(vault, source, ask_code=lambda *_: link.tx_code, held=None, now=bench.clock.now)
        cut = await bench.desk.cut(at=bench.clock.now)
        data = bench.log.body(cut.indexes[1])
    assert data is not None
    assert received.holding.copies[0].expected_at == next_cut(bench.log.state.batch, bench.clock.now)
    wanted = {commit(copy.sd_jwt.partition("~")[0]): ("c1", n) for n, copy in enumerate(received.holding.copies)}
    assert {place for place, _ in search_body(data, wanted)} == {("c1", 0), ("c1", 1)}


async def test_other_forms_from_a_real_registrars_desk(tmp_path: Path, listener: socket.socket) -> None:
    """One link, three forms: an SD-JWT with ES256 among the credentials, a badge and a JWS among the files."""
    vault = new_vault(tmp_path)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    clock, dice, directory = desks.Clock(), desks.Dice(), tmp_path / "school"
    log_id = desks.found(directory, clock, dice)
    fill_folder(shared_path("vectors/formats/contexts"), directory)
    # At home in its own network: its issuer id is an https address, as other software needs it.
    async with desks.open_bench(directory, log_id, clock, dice, http_url=url, networks=lambda: (log_id,)) as bench:
        await bench.desk.publish(desks.achievement_json())
        await bench.desk.issue(IssueRequest(data=desks.csv_of(range(1)), achievement=desks.DIPLOMA))
        app = web.Application()
        add_claims(app, bench.desk, bench.clock)
        async with serve_on(app, listener):
            for form in Form:
                (link,) = (await bench.desk.offer(achievement=desks.DIPLOMA)).links
                source, code = read_source(link.link), link.tx_code
                assert isinstance(source, Offer | OfferLink)
                if form.is_file:
                    await receive_files(
                        vault, source, form, ask_code=lambda *_, c=code: c, held=None, folder=tmp_path, now=clock.now
                    )
                else:
                    await receive_offer(
                        vault, source, ask_code=lambda *_, c=code: c, held=None, now=clock.now, form=form
                    )
        cut = await bench.desk.cut()
        data = bench.log.body(cut.indexes[1])
    (holding,), files = vault.contents.holdings, vault.contents.imports
    assert parse_jws(holding.copies[0].sd_jwt.partition("~")[0]).header["alg"] == "ES256"
    assert [file.name for file in files] == ["granite-hollow-1.json", "granite-hollow-1.jws"]
    texts = [holding.copies[0].sd_jwt, *(file.data.decode() for file in files)]
    assert data is not None
    assert {commit_text(text) for text in texts} <= set(parse_body("issue", data))


@asynccontextmanager
async def serve_on(app: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield
    finally:
        await runner.cleanup()
