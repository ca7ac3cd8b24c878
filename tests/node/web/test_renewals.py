"""A copy that is held is traded for one in its place: only by its holder, only where the school made it, one for one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.credential.keybinding import sign_key_binding
from ledger.credential.processing import find_digest
from ledger.credential.sdjwt import open_claims, parse_sd_jwt
from ledger.credential.status import Status
from ledger.log.keys import SigningKey
from node.client.correction import DecisionOrder, Selection
from node.keystore import KeyRole
from node.registrar.copies import read_credential_id
from node.registrar.correction_desk import CorrectionDesk
from node.web.openid4vci import COPY_GRANT_TYPE
from tests.node.registrar.desks import HTTP_URL
from tests.node.registrar.thefts import add_key, retire, steal
from tests.node.web.test_openid4vci import CONFIGURATION, Wallet, wallet_with_offer

OLD, NEW = SigningKey(b"\x11" * 32), SigningKey(b"\x22" * 32)


async def claim(wallet: Wallet, key: SigningKey = OLD) -> str:
    """A copy bound to a key, by the claim link."""
    _, access = await wallet.token()
    proof = wallet.proof(key, await wallet.nonce())
    status, answer = await wallet.credential(access["access_token"], [proof])
    assert status == 200, answer
    return str(answer["credentials"][0]["credential"])  # type: ignore[index]


async def bind(wallet: Wallet, copy: str, key: SigningKey = OLD, **changes: str) -> str:
    """The copy without disclosures, signed by its holder for this issuer."""
    presented = copy.partition("~")[0] + "~"
    return sign_key_binding(
        presented,
        audience=changes.get("audience", HTTP_URL),
        nonce=changes.get("nonce") or await wallet.nonce(),
        now=wallet.bench.clock.now,
        sign=key.sign,
        digest=find_digest(parse_sd_jwt(presented).payload),
    )


async def trade(wallet: Wallet, bound: str) -> tuple[int, dict[str, object]]:
    async with wallet.client.post("/token", data={"grant_type": COPY_GRANT_TYPE, "copy": bound}) as answer:
        return answer.status, await answer.json()


async def renew(wallet: Wallet, copy: str, key: SigningKey = NEW, *, holder: SigningKey = OLD) -> str:
    status, access = await trade(wallet, await bind(wallet, copy, holder))
    assert status == 200, access
    details = access["authorization_details"]
    assert details[0]["credential_configuration_id"] == CONFIGURATION  # type: ignore[index]
    status, answer = await wallet.credential(access["access_token"], [wallet.proof(key, await wallet.nonce())])
    assert status == 200, answer
    return str(answer["credentials"][0]["credential"])  # type: ignore[index]


def claims(copy: str) -> dict[str, object]:
    return dict(open_claims(parse_sd_jwt(copy)).payload)


async def the_award(wallet: Wallet) -> str:
    return next(view.id for view in await wallet.bench.desk.list_awards() if view.wallet_copies)


async def test_after_a_correction_the_copy_names_the_one_it_replaces(tmp_path: Path) -> None:
    """That very copy, so that nobody else can link them; and it says the corrected name."""
    async with wallet_with_offer(tmp_path) as wallet:
        old = await claim(wallet)
        await wallet.bench.desk.cut()
        await CorrectionDesk(wallet.bench.desk).decide(
            DecisionOrder(
                selection=Selection(award_ids=(await the_award(wallet),)),
                status=Status.REPLACED,
                corrections=(("name", "Right Name"),),
            )
        )
        new = await renew(wallet, old)
        assert claims(new)["replaces"] == read_credential_id(old)
        assert "Right Name" in str(claims(new))
        assert "replaces" not in parse_sd_jwt(new).payload, "hidden until it is shown"
        assert claims(new)["status"] != claims(old)["status"]


async def test_after_a_reissue_and_after_a_withdrawal(tmp_path: Path) -> None:
    """A copy of a stolen key is replaced; one that never went to the ledger is simply made again."""
    async with wallet_with_offer(tmp_path) as wallet:
        bench = wallet.bench
        old = await claim(wallet)
        await bench.desk.cut()
        stolen = await steal(bench, KeyRole.REGISTER, 1)
        from ledger import base64url

        await CorrectionDesk(bench.desk).reissue(base64url.encode(stolen.public.id))
        second = await renew(wallet, old)
        assert claims(second)["replaces"] == read_credential_id(old)
        before = bench.keystore.newest(KeyRole.REGISTER).public
        await add_key(bench, KeyRole.REGISTER)
        await retire(bench, before)
        await bench.desk.cut()
        third = await renew(wallet, second, SigningKey(b"\x33" * 32), holder=NEW)
        assert "replaces" not in claims(third)
        await bench.desk.cut()
        # Ended and withdrawn ones do not count against the sixteen of a year.
        (view,) = [one for one in await bench.desk.list_awards() if one.wallet_copies]
        assert view.wallet_copies == 1


async def test_after_a_reinstatement_nothing_shows(tmp_path: Path) -> None:
    """A new slot, and no `replaces`: the old copy stays good."""
    async with wallet_with_offer(tmp_path) as wallet:
        old = await claim(wallet)
        await wallet.bench.desk.cut()
        award = await the_award(wallet)
        for status in (Status.SUSPENDED, Status.VALID):
            await wallet.bench.desk.set_status([award], status)
            await wallet.bench.desk.cut()
        new = await renew(wallet, old)
        assert "replaces" not in claims(new)
        assert claims(new)["status"] != claims(old)["status"]


Spoil = Callable[[str], str]
REFUSED: dict[str, tuple[str, dict[str, str], SigningKey]] = {
    "somebody else's key": ("signature", {}, NEW),
    "for another issuer": ("made for", {"audience": "https://other.example"}, OLD),
    "with a nonce of nobody": ("not from here", {"nonce": "nonce-of-nobody"}, OLD),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_only_its_holder_trades_a_copy(tmp_path: Path, name: str) -> None:
    message, changes, key = REFUSED[name]
    async with wallet_with_offer(tmp_path) as wallet:
        old = await claim(wallet)
        status, answer = await trade(wallet, await bind(wallet, old, key, **changes))
        assert status == 400 and message in str(answer["error_description"]), answer


async def test_a_nonce_is_used_once_and_a_token_gives_one_copy(tmp_path: Path) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        old = await claim(wallet)
        bound = await bind(wallet, old)
        status, access = await trade(wallet, bound)
        assert status == 200
        assert (await trade(wallet, bound))[1]["error"] == "invalid_nonce"
        status, _ = await wallet.credential(access["access_token"], [wallet.proof(NEW, await wallet.nonce())])
        assert status == 200
        again = wallet.proof(SigningKey(b"\x44" * 32), await wallet.nonce())
        status, answer = await wallet.credential(access["access_token"], [again])
        assert (status, answer["error"]) == (400, "credential_request_denied")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "copy: "), ("a~b", "copy: "), ("x" * 50_000, "at most"), ("no-dots~", "copy: ")],
)
async def test_what_is_no_copy_is_refused(tmp_path: Path, text: str, message: str) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        status, answer = await trade(wallet, text)
        assert (status, answer["error"]) == (400, "invalid_grant"), answer
        assert message in str(answer["error_description"])


async def test_a_credential_that_the_school_did_not_make_is_refused(tmp_path: Path) -> None:
    """One that a thief signed with the school's own key is not known by its commitment; nor is the registrar's copy."""
    async with wallet_with_offer(tmp_path) as wallet:
        old = await claim(wallet)
        register = wallet.bench.keystore.newest(KeyRole.REGISTER)
        header, payload, _ = old.partition("~")[0].split(".")
        from ledger import base64url

        forged = f"{header}.{payload}.{base64url.encode(register.sign(b'something else'))}~"
        status, answer = await trade(wallet, await bind(wallet, forged))
        assert (status, answer["error"]) == (400, "invalid_grant")
        assert "not one that a claim here made" in str(answer["error_description"])


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.REVOKED])
async def test_an_award_that_is_not_valid_gives_no_copy(tmp_path: Path, status: Status) -> None:
    async with wallet_with_offer(tmp_path) as wallet:
        old = await claim(wallet)
        await wallet.bench.desk.set_status([await the_award(wallet)], status)
        code, answer = await trade(wallet, await bind(wallet, old))
        assert (code, answer["error"]) == (400, "credential_request_denied")
        assert status.name.lower() in str(answer["error_description"])
