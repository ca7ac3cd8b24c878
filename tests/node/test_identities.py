"""The other computer: accepting an invitation, renewing by use, and telling in words why not."""

import asyncio
import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError, PolicyError, RuleError
from node.client.certificates import make_key
from node.client.identity import (
    Identity,
    Invitation,
    encode_identity,
    encode_invitation,
    parse_identity,
    parse_invitation,
)
from node.client.people import PeopleClient
from node.errors import NotAllowedError
from node.identities import (
    accept_invitation,
    default_folder,
    fresh_identity,
    identity_path,
    load_identity,
    read_invitation,
    store_identity,
)
from tests.node.registrar.people.offices import DAY_MS, open_office, registrar_of


async def test_an_invitation_becomes_a_certificate(tmp_path: Path) -> None:
    """In files of mode 0600; the key was made here and the invitation's is used no more."""
    async with open_office(tmp_path) as office:
        invitation = await office.invite("registrar", "approver")
        identity = await accept_invitation(invitation, tmp_path / "certs", now=office.clock())
        assert (identity.roles, identity.institution) == (("approver", "registrar"), "Granite Hollow High")
        assert identity.key.public_key() != invitation.key.public_key()
        path = identity_path(tmp_path / "certs", office.address)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert [item.name for item in path.parent.iterdir()] == [path.name]
        loaded = load_identity(tmp_path / "certs", office.address)
        async with registrar_of(loaded) as client:
            await client.list_awards()


async def test_an_answer_that_was_lost_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is on disk before the node hears of it, so a second try gets the same certificate."""
    async with open_office(tmp_path) as office:
        invitation = await office.invite("registrar")
        enrol = PeopleClient.enrol

        async def lose(self: PeopleClient, request: bytes) -> object:
            await enrol(self, request)
            raise asyncio.CancelledError

        with monkeypatch.context() as patch:
            patch.setattr(PeopleClient, "enrol", lose)
            with pytest.raises(asyncio.CancelledError):
                await accept_invitation(invitation, tmp_path, now=office.clock())
        pending = identity_path(tmp_path, office.address).with_suffix(".pending")
        assert pending.stat().st_mode & 0o777 == 0o600
        identity = await accept_invitation(invitation, tmp_path, now=office.clock())
        assert not pending.exists()
        async with registrar_of(identity) as client:
            await client.status()


async def test_what_is_not_accepted(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        invitation = await office.invite("registrar")
        with pytest.raises(RuleError, match="invitation: has expired"):
            await accept_invitation(invitation, tmp_path, now=invitation.expires_at)
        await accept_invitation(invitation, tmp_path, now=office.clock())
        with pytest.raises(RuleError, match="has a certificate for"):
            await accept_invitation(invitation, tmp_path, now=office.clock())
        with pytest.raises(NotAllowedError, match="was used already"):
            await accept_invitation(invitation, tmp_path, now=office.clock(), force=True)
        # What was refused leaves the certificate that works, and no key that waits.
        load_identity(tmp_path, office.address)
        assert not list(tmp_path.glob("*.pending"))


async def test_a_certificate_is_renewed_by_use(tmp_path: Path) -> None:
    """Once a third of its time has passed, under a new key; the old file is replaced as a whole."""
    async with open_office(tmp_path, registrar_certificate_days=90) as office:
        first = await accept_invitation(await office.invite("reader"), tmp_path, now=office.clock())
        young = await fresh_identity(tmp_path, office.address, office.clock() + 29 * DAY_MS)
        assert encode_identity(young) == encode_identity(first)
        office.clock.advance(31 * DAY_MS)
        renewed = await fresh_identity(tmp_path, office.address, office.clock())
        assert renewed.key.public_key() != first.key.public_key()
        assert renewed.expires_at > first.expires_at
        assert encode_identity(load_identity(tmp_path, office.address)) == encode_identity(renewed)
        assert (await office.last_row()).call == "People.Renew"
        with pytest.raises(RuleError, match="has expired") as refusal:
            await fresh_identity(tmp_path, office.address, renewed.expires_at)
        assert "new invitation" in refusal.value.hint


async def test_a_node_founded_anew_at_the_same_address_is_noticed(tmp_path: Path) -> None:
    """Its authority is another: no secret is told to it."""
    async with open_office(tmp_path) as office:
        identity = await accept_invitation(await office.invite("registrar"), tmp_path, now=office.clock())
    async with (
        open_office(tmp_path, seed="two", registrar_listen=identity.address),
        registrar_of(identity) as client,
    ):
        with pytest.raises(NotAllowedError, match="is not the node that invited you"):
            await client.status()


async def test_a_certificate_must_be_ours(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        identity = await office.let_in("registrar")
        with pytest.raises(RuleError, match="has no certificate") as refusal:
            load_identity(tmp_path / "certs", office.address)
        assert "registrar accept" in refusal.value.hint
        path = store_identity(tmp_path / "certs", replace(identity, key=make_key()))
        with pytest.raises(MalformedError, match="do not belong together"):
            load_identity(tmp_path / "certs", office.address)
        path.chmod(0o644)
        with pytest.raises(PolicyError, match="other accounts"):
            load_identity(tmp_path / "certs", office.address)


async def test_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        invitation, identity = await office.invite("registrar"), await office.let_in("registrar")
    (tmp_path / "file").write_bytes(encode_invitation(invitation))
    assert encode_invitation(read_invitation(tmp_path / "file")) == encode_invitation(invitation)
    assert encode_identity(parse_identity(encode_identity(identity), "x")) == encode_identity(identity)
    check_refusals(invitation, identity)


def check_refusals(invitation: Invitation, identity: Identity) -> None:
    content = json.loads(encode_invitation(invitation))
    other = json.loads(encode_identity(identity))
    for change, reason in (
        ({"format": "x"}, "not a file of the format"),
        ({"fingerprint": "0000 0000"}, "fingerprint: is not that of the authority"),
        ({"expires_at": "soon"}, "expires_at: not a whole number"),
        ({"key": "x"}, "key: not a private key"),
        ({"certificate": "x"}, "certificate: not a certificate"),
        ({"authority": ""}, "authority: missing"),
        ({"address": None}, "address: missing, or not text"),
    ):
        with pytest.raises(MalformedError, match=reason):
            parse_invitation(json.dumps({**content, **change}).encode(), "file")
    for change in ({"format": "x"}, {"roles": "registrar"}, {"roles": [1]}, {"person": 1}, {"key": content["key"]}):
        with pytest.raises(MalformedError):
            parse_identity(json.dumps({**other, **change}).encode(), "file")
    with pytest.raises(MalformedError):
        parse_invitation(encode_identity(identity), "file")


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_file(data: bytes) -> None:
    for parse in (parse_invitation, parse_identity):
        with pytest.raises(MalformedError), contextlib.suppress(RecursionError):
            parse(data, "file")


def test_each_address_has_a_file_of_its_own() -> None:
    folder = default_folder({"XDG_CONFIG_HOME": "/etc/x"})
    assert folder == Path("/etc/x/cairn/registrars")
    assert default_folder({}) == Path.home() / ".config" / "cairn" / "registrars"
    paths = {identity_path(folder, address) for address in ("a:1", "a:2", "b:1", "[::1]:1", "../a:1")}
    assert len(paths) == 5 and all(path.parent == folder for path in paths)
