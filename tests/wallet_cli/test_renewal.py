"""Which copies are renewed and why, what a school can not slip in on the way, and what the vault keeps."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from ledger.credential.commitment import commit
from ledger.credential.keybinding import BindingPolicy, verify_key_binding
from ledger.credential.processing import find_digest
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.errors import MalformedError
from ledger.log.charter import Role
from ledger.log.identity import encode_log_id
from ledger.log.keys import PublicKey, SigningKey
from tests.ledger.log.samples import amend
from tests.simulator import NOW
from tests.wallet_cli.world import TOKEN, IssuerServer, World, new_vault
from wallet_cli import refresh, renewal
from wallet_cli.claim import COPY_GRANT
from wallet_cli.holdings import FORMER, SUSPENDED, Contents, Copy, encode_contents, parse_contents
from wallet_cli.records import describe_holding
from wallet_cli.renewal import Reason
from wallet_cli.vault import Vault

KEY = SigningKey(b"\x07" * 32)


@dataclass
class Renewer(IssuerServer):
    """A school that trades copies as well; keeps what it was shown."""

    shown: list[str] = field(default_factory=list)
    refusal: str = ""

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == COPY_GRANT
        text = str(form["copy"])
        token = parse_sd_jwt(text)
        assert token.key_binding is not None
        verify_key_binding(
            token.key_binding,
            presented=text[: -len(token.key_binding)],
            payload=token.payload,
            digest=find_digest(token.payload),
            policy=BindingPolicy(self.url, self.nonces[-1]),
            now=NOW,
        )
        self.shown.append(text)
        if self.refusal:
            answer = {"error": "credential_request_denied", "error_description": self.refusal}
            return web.json_response(answer, status=400)
        details = [{"type": "openid_credential", "credential_configuration_id": self.configurations[0]}]
        return web.json_response({"access_token": TOKEN, "token_type": "Bearer", "authorization_details": details})


def hold(world: World, vault: Vault, *, cut: bool = True) -> str:
    """One copy in the vault, on the ledger if it was cut."""
    text = world.mint(KEY.public)
    copy = Copy(
        sd_jwt=text, seed=KEY.seed, received_at=NOW, log=encode_log_id(world.school.log_id), search_from=1, checked=True
    )
    vault.change(lambda contents: contents.with_holding((copy,)))
    if cut:
        index = world.cut(commit(text.partition("~")[0]))
        found = replace(copy, receipt={"index": index, "log": copy.log, "path": [], "position": 0})
        vault.change(lambda contents: contents.with_copy("c1", 0, found))
    return text


def renewable(world: World, vault: Vault, *asked: str) -> list[Reason]:
    return [one.reason for one in renewal.find_renewable(vault.contents, world.held, asked)]


def mark(world: World, vault: Vault) -> None:
    vault.change(lambda contents: renewal.mark_suspended(contents, world.held))


def replaced(world: World, vault: Vault) -> None:
    world.statuses[0] = 3
    world.cut()


def revoked(world: World, vault: Vault) -> None:
    world.statuses[0] = 1
    world.cut()


def suspended(world: World, vault: Vault) -> None:
    world.statuses[0] = 2
    world.cut()
    mark(world, vault)


def reinstated(world: World, vault: Vault) -> None:
    suspended(world, vault)
    world.statuses[0] = 0
    world.cut()


def stolen(world: World, vault: Vault) -> None:
    world.school.compromise(world.school.role_signers[Role.REGISTER], 1)
    world.cut()


def retired(world: World, vault: Vault) -> None:
    world.school.retire(world.school.role_signers[Role.REGISTER])
    world.cut()


def nothing(world: World, vault: Vault) -> None:
    world.cut()


def stolen_and_revoked(world: World, vault: Vault) -> None:
    stolen(world, vault)
    revoked(world, vault)


FOUND: dict[str, tuple[Callable[[World, Vault], None], bool, list[Reason]]] = {
    "nothing happened": (nothing, True, []),
    "replaced": (replaced, True, [Reason.REPLACED]),
    "revoked": (revoked, True, []),
    "suspended": (suspended, True, []),
    "reinstated": (reinstated, True, [Reason.REINSTATED]),
    "stolen key": (stolen, True, [Reason.COMPROMISED]),
    "stolen key, and revoked": (stolen_and_revoked, True, []),
    "retired key, on the ledger": (retired, True, []),
    "retired key, not on the ledger": (retired, False, [Reason.WITHDRAWN]),
    "still waiting": (nothing, False, []),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_copy_is_renewed_where_the_ledger_shows_why(tmp_path: Path, name: str) -> None:
    happen, cut, expected = FOUND[name]
    world, vault = World(), new_vault(tmp_path)
    hold(world, vault, cut=cut)
    happen(world, vault)
    assert renewable(world, vault) == expected
    assert renewable(world, vault, "c1") == expected or renewable(world, vault, "c1") == [Reason.ASKED]


def test_a_copy_that_is_asked_for_must_be_held(tmp_path: Path) -> None:
    world, vault = World(), new_vault(tmp_path)
    hold(world, vault)
    assert renewable(world, vault, "c1") == [Reason.ASKED]
    with pytest.raises(MalformedError, match="there is no credential 'c2'"):
        renewable(world, vault, "c2")


def mint(world: World, **changes: object) -> Callable[[PublicKey], str]:
    return lambda key: world.mint(key, **changes)  # type: ignore[arg-type]


async def test_the_new_copy_takes_the_place_and_the_old_one_is_kept(tmp_path: Path) -> None:
    """What was shown to the school is the signed part alone; what the learner sees is what changed."""
    world, vault = World(), new_vault(tmp_path)
    old = hold(world, vault)
    replaced(world, vault)
    async with Renewer(mint(world, name="Zoë Right")).serve() as school:
        assert isinstance(school, Renewer)
        amend(world.school, url=school.url)
        world.cut()
        (found,) = renewal.find_renewable(vault.contents, world.held)
        assert (found.reason, found.url) == (Reason.REPLACED, school.url)
        (done,) = await renewal.renew(vault, [found], world.held, NOW)
    assert (done.problem, done.changed) == (None, ("name",))
    (shown,) = school.shown
    assert shown.startswith(old.partition("~")[0] + "~ey") and shown.count("~") == 1, "no disclosure"
    (holding,) = vault.contents.holdings
    assert [copy.mark for copy in holding.copies] == [FORMER, ""]
    assert holding.current == holding.copies[1:]
    assert vault.contents.pending == ()
    row = describe_holding(holding, world.held, NOW)
    assert "waiting for the ledger" in row.state and row.to_json()["copies"] == 1
    assert renewal.find_renewable(vault.contents, world.held) == ()
    (waiting,) = refresh.find_waiting(vault.contents, world.held)
    assert waiting.place == ("c1", 1)


REFUSED: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "by the school": ({"refusal": "is suspended at the school"}, {}, "is suspended at the school"),
    "another achievement": ({}, {"other": True}, "the school gave"),
    "bound to another key": ({}, {"holder": True}, "bound to a key that is not in this vault"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_school_that_gives_something_else_leaves_the_old_copy(tmp_path: Path, name: str) -> None:
    """And no key behind; other copies go on."""
    more, change, message = REFUSED[name]
    world, vault = World(), new_vault(tmp_path)
    hold(world, vault)
    replaced(world, vault)

    def give(key: PublicKey) -> str:
        from tests.ledger.credential.award import CONTENT

        if change.get("holder"):
            return world.mint(SigningKey(b"\x09" * 32).public)
        if change.get("other"):
            other = replace(CONTENT.achievement, json={**CONTENT.achievement.json, "id": "urn:other"}, id="urn:other")
            return world.mint(key, achievement=other)
        return world.mint(key)

    async with Renewer(give, **more).serve() as school:  # type: ignore[arg-type]  # by name
        amend(world.school, url=school.url)
        world.cut()
        before = vault.contents
        (done,) = await renewal.renew(vault, renewal.find_renewable(vault.contents, world.held), world.held, NOW)
    assert done.problem is not None and message in str(done.problem)
    assert vault.contents == before


def test_marks_survive_the_vault_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    """Without marks the bytes are those of before, so that an older cairn opens the vault."""
    world, vault = World(), new_vault(tmp_path)
    hold(world, vault)
    plain = vault.contents
    assert b'"mark"' not in encode_contents(plain)
    copy = plain.holding("c1").copies[0]
    for word in (SUSPENDED, FORMER):
        marked = plain.with_copy("c1", 0, replace(copy, mark=word))
        assert parse_contents(encode_contents(marked)) == marked
    strange = encode_contents(plain.with_copy("c1", 0, replace(copy, mark="strange")))
    with pytest.raises(MalformedError, match="does not know"):
        parse_contents(strange)


def test_a_copy_that_was_suspended_is_shown_last(tmp_path: Path) -> None:
    from wallet_cli.present import _choose_copy

    world, vault = World(), new_vault(tmp_path)
    hold(world, vault)
    copy = vault.contents.holding("c1").copies[0]
    other = replace(copy, sd_jwt=world.mint(KEY.public))
    contents = Contents().with_holding((replace(copy, mark=SUSPENDED), other))
    assert _choose_copy(contents, contents.holding("c1"), "Tidewater")[0] == other
