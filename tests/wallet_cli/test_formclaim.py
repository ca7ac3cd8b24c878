"""Claiming files of other forms: checked as every other copy before they are kept, and bound to a key of the vault."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.external.question import ExternalQuestion
from ledger.credential.report import Code
from ledger.credential.status import Status
from ledger.credential.verify_forms import FormJudge
from ledger.errors import CairnError, MalformedError, PolicyError, RuleError, SignatureError
from ledger.log.charter import Role
from ledger.log.didkey import encode_did_key
from ledger.log.keys import PublicKey, SigningKey
from tests.ledger.credential.award import ISSUER_KEY
from tests.simulator import NOW
from tests.wallet_cli.minting import Mint
from tests.wallet_cli.world import PASSPHRASE, TX_CODE, IssuerServer, World, new_vault
from wallet_cli.formclaim import UNCHECKED_NOTE, ReceivedFile, accept_file, receive_files
from wallet_cli.forms import Form
from wallet_cli.holdings import encode_contents, parse_contents
from wallet_cli.offer import Offer, OfferLink
from wallet_cli.receive import read_source
from wallet_cli.vault import Vault

FILES = (Form.OPEN_BADGE, Form.JWS)
HOLDER = SigningKey(b"\x0b" * 32)
HOLDER_DID = encode_did_key(HOLDER.public)


@pytest.fixture
def world() -> World:
    return World()


async def claim(
    server: IssuerServer, vault: Vault, form: Form, world: World | None, folder: Path
) -> tuple[ReceivedFile, ...]:
    source = read_source(server.offer)
    assert isinstance(source, Offer | OfferLink)
    held = None if world is None else world.held
    return await receive_files(vault, source, form, ask_code=lambda *_: TX_CODE, held=held, folder=folder, now=NOW)


@pytest.mark.parametrize("form", FILES)
async def test_a_file_is_kept_as_it_came(world: World, tmp_path: Path, form: Form) -> None:
    """With the key it is made out to, waiting for the ledger; the vault reads it again."""
    vault, mint = new_vault(tmp_path), Mint(world, form)
    async with mint.serve().serve() as server:
        (received,) = await claim(server, vault, form, world, tmp_path)
    contents = Vault.open(vault.path, PASSPHRASE).contents
    (kept,) = contents.imports
    assert parse_contents(encode_contents(contents)) == contents
    assert kept.seed is not None
    subject = encode_did_key(SigningKey(kept.seed).public)
    if form is Form.OPEN_BADGE:
        document = json.loads(mint.made[0])
        assert json.loads(kept.data) == document
        assert document["credentialSubject"]["id"] == subject
    else:
        assert kept.data.decode() == mint.made[0]
    assert kept.search_from == world.school.size
    assert (kept.name, contents.pending, contents.holdings) == (f"granite-1{form.suffix}", (), ())
    assert received.judged.report.credentials[0].code is Code.NO_RECEIPT
    assert "not found there yet" in received.judged.state
    assert received.remarks == ()


async def test_the_key_is_durable_before_the_server_hears_of_it(world: World, tmp_path: Path) -> None:
    """And is dropped again where nothing came of it."""
    vault = new_vault(tmp_path)
    seen: list[str] = []

    def mint(key: PublicKey) -> Any:
        seen.extend(
            encode_did_key(SigningKey(one.seed).public) for one in Vault.open(vault.path, PASSPHRASE).contents.pending
        )
        assert seen == [encode_did_key(key)]
        return "not a credential"

    server = Mint(world, Form.JWS).serve()
    server.mint = mint
    async with server.serve():
        with pytest.raises(MalformedError):
            await claim(server, vault, Form.JWS, world, tmp_path)
    assert len(seen) == 1
    assert (vault.contents.pending, vault.contents.imports) == ((), ())


async def test_nothing_is_spent_on_a_form_the_school_does_not_have(world: World, tmp_path: Path) -> None:
    async with Mint(world, Form.JWS).serve().serve() as server:
        with pytest.raises(MalformedError, match="in no form open-badge"):
            await claim(server, new_vault(tmp_path), Form.OPEN_BADGE, world, tmp_path)
        assert not server.used


async def test_without_a_ledger_it_is_kept_and_said_to_be_unchecked(world: World, tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    async with Mint(world, Form.JWS).serve().serve() as server:
        (received,) = await claim(server, vault, Form.JWS, None, tmp_path)
    assert received.remarks == (UNCHECKED_NOTE,)
    assert vault.contents.imports[0].search_from == 0


def accept(world: World, text: str, form: Form = Form.JWS, now: int = NOW, **changes: Any) -> tuple[str, ...]:
    question = ExternalQuestion(now=now, own=FormJudge(world.held.network))
    asked = {"holder": HOLDER_DID, "server": "https://granite.example", "held": world.held} | changes
    return accept_file(text, form, question, **asked).remarks


def _revoked(world: World) -> str:
    world.statuses[world.slots] = Status.REVOKED
    world.cut()
    return Mint(world, Form.JWS).make(HOLDER_DID)


def _tampered(world: World) -> str:
    document = json.loads(Mint(world, Form.OPEN_BADGE).make(HOLDER_DID))
    document["credentialSubject"]["creditsEarned"] = 99
    return json.dumps(document)


REFUSED: list[tuple[str, Form, Callable[[World], str], type[CairnError], str]] = [
    ("1 another form", Form.OPEN_BADGE, lambda w: Mint(w, Form.JWS).make(HOLDER_DID), MalformedError, "expected the form"),
    ("1 no credential", Form.JWS, lambda w: "junk", MalformedError, "file"),
    ("2 changed", Form.OPEN_BADGE, _tampered, SignatureError, "does not cover"),
    (
        "2 a stranger's key",
        Form.JWS,
        lambda w: Mint(w, Form.JWS, key=ISSUER_KEY).make(HOLDER_DID),
        SignatureError,
        "never named",
    ),
    ("4 another holder", Form.JWS, lambda w: Mint(w, Form.JWS).make("did:key:zOther"), RuleError, "not made out to the key"),
    ("4 no holder", Form.JWS, lambda w: Mint(w, Form.JWS).make("urn:uuid:1"), RuleError, "not made out to the key"),
    (
        "5 no member",
        Form.JWS,
        lambda w: Mint(w, Form.JWS, issuer="https://elsewhere.example/m/x").make(HOLDER_DID),
        PolicyError,
        "not an institution of",
    ),
    (
        "6 a key with another role",
        Form.JWS,
        lambda w: Mint(w, Form.JWS, key=w.school.role_signers[Role.ISSUE]).make(HOLDER_DID),
        SignatureError,
        "may not sign this",
    ),
    ("7 revoked", Form.JWS, _revoked, RuleError, "revoked"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "make", "error", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_not_kept(
    world: World, form: Form, make: Callable[[World], str], error: type[CairnError], words: str
) -> None:
    """Each step refuses; a good one passes."""
    with pytest.raises(error, match=words):
        accept(world, make(world), form)
    assert accept(world, Mint(world, form).make(HOLDER_DID), form) == ()


def test_what_is_over_is_not_kept(world: World) -> None:
    """Step 5."""
    with pytest.raises(RuleError, match="valid until"):
        accept(world, Mint(world, Form.JWS).make(HOLDER_DID), now=NOW + 20 * 366 * 86_400_000)


def test_a_badge_of_one_school_from_the_server_of_another(world: World) -> None:
    """A link in a letter of the wrong school is noticed."""
    with pytest.raises(PolicyError, match="the server belongs to"):
        accept(world, Mint(world, Form.JWS).make(HOLDER_DID), server=str(world.other.state.charter.url))
