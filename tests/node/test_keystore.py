"""Key files: private, exclusive, refused when damaged, and silent about what they hold."""

import os
import stat
from pathlib import Path

import pytest

from ledger import base64url, canonical
from ledger.errors import CairnError, MalformedError, PolicyError, RuleError
from ledger.log.keyfile import LEAST_COST
from ledger.log.keys import KeyId, SigningKey
from node.clock import system_draw
from node.keystore import (
    P256_ROLES,
    KeyRole,
    create_key_file,
    create_keystore,
    open_key_file,
    open_keystore,
    read_key_file_public,
)


def test_a_keystore_is_read_back(tmp_path: Path) -> None:
    made = create_keystore(tmp_path / "keys", system_draw)

    found = open_keystore(tmp_path / "keys")

    assert found.list_root == made.list_root
    assert [found.newest(role).public for role in KeyRole] == [made.newest(role).public for role in KeyRole]
    assert len({found.newest(role).seed for role in KeyRole} | {found.list_root}) == 7


def test_every_file_is_private(tmp_path: Path) -> None:
    create_keystore(tmp_path / "keys", system_draw)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}

    names = [*(role.value for role in KeyRole), *P256_ROLES.values(), "list_root"]
    assert modes == {f"{name}.key": 0o600 for name in names}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_an_existing_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()

    with pytest.raises(FileExistsError):
        create_keystore(tmp_path / "keys", system_draw)


def test_a_key_is_found_by_its_id_whatever_its_role(tmp_path: Path) -> None:
    store = create_keystore(tmp_path / "keys", system_draw)
    witness = store.newest(KeyRole.WITNESS)

    assert store.find(witness.public.id) is witness
    assert store.find(KeyId(bytes(32))) is None


def test_keys_added_later_come_after_the_first_and_overwrite_nothing(tmp_path: Path) -> None:
    store = create_keystore(tmp_path / "keys", system_draw)
    first = store.newest(KeyRole.LOG)
    later = [store.add(KeyRole.LOG, system_draw) for _ in range(10)]

    found = open_keystore(tmp_path / "keys")

    assert [key.public for key in found.with_role(KeyRole.LOG)] == [key.public for key in (first, *later)]
    assert (tmp_path / "keys" / "log-11.key").exists()


def test_adding_from_an_outdated_view_overwrites_nothing(tmp_path: Path) -> None:
    create_keystore(tmp_path / "keys", system_draw)
    one, other = open_keystore(tmp_path / "keys"), open_keystore(tmp_path / "keys")
    one.add(KeyRole.LOG, system_draw)

    with pytest.raises(FileExistsError):
        other.add(KeyRole.LOG, system_draw)


def _open_with(tmp_path: Path, name: str, data: bytes) -> str:
    path = tmp_path / "keys"
    create_keystore(path, system_draw)
    (path / name).touch(mode=0o600)
    (path / name).write_bytes(data)
    with pytest.raises(CairnError) as caught:
        open_keystore(path)
    return str(caught.value)


def _key_json(role: str, seed: bytes, of: bytes | None = None) -> bytes:
    public = SigningKey(of or seed).public.to_json()
    return canonical.encode({"public": public, "role": role, "seed": base64url.encode(seed)}) + b"\n"


SEED = b"\x11" * 32


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("log.key", b"", "log.key: not a key file, or damaged"),
        ("log.key", _key_json("log", SEED)[:-9], "log.key: not a key file, or damaged"),
        ("log.key", _key_json("log", SEED) + b"\n", "log.key: not a key file, or damaged"),
        ("log.key", _key_json("operate", SEED), "log.key: a key for role operate, expected log"),
        ("log.key", _key_json("log", SEED, of=b"\x12" * 32), "log.key: the secret does not belong to the public key"),
        ("log.key", b" " * 5000, "log.key: more than 4096 bytes"),
        ("log-1.key", _key_json("log", SEED), "log-1.key: not named after a role"),
        ("log-02.key", _key_json("log", SEED), "log-02.key: not named after a role"),
        ("root.key", _key_json("root", SEED), "root.key: no role is called root"),
        ("list_root.key", _key_json("log", SEED), "list_root.key: a key for role log, expected list_root"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    message = _open_with(tmp_path, name, data)

    assert reason in message
    assert base64url.encode(SEED) not in message


@pytest.mark.parametrize("name", ["log.key", "list_root.key"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    create_keystore(tmp_path / "keys", system_draw)
    (tmp_path / "keys" / name).unlink()

    with pytest.raises(MalformedError) as caught:
        open_keystore(tmp_path / "keys")

    assert caught.value.hint == "restore the keys from the backup"


def test_a_file_that_others_can_open_is_refused(tmp_path: Path) -> None:
    create_keystore(tmp_path / "keys", system_draw)
    os.chmod(tmp_path / "keys" / "witness.key", 0o604)

    with pytest.raises(PolicyError, match=r"witness\.key: other accounts can open this secret"):
        open_keystore(tmp_path / "keys")


def test_a_key_file_opens_with_its_passphrase(tmp_path: Path) -> None:
    public = create_key_file(tmp_path / "root.key", "correct horse", system_draw, cost=LEAST_COST)

    assert read_key_file_public(tmp_path / "root.key") == public
    assert open_key_file(tmp_path / "root.key", "correct horse").public == public
    assert stat.S_IMODE((tmp_path / "root.key").stat().st_mode) == 0o600


def test_the_same_passphrase_typed_on_another_keyboard_opens_it(tmp_path: Path) -> None:
    create_key_file(tmp_path / "root.key", "cle\u0301", system_draw, cost=LEAST_COST)

    open_key_file(tmp_path / "root.key", "cl\u00e9")


def test_a_wrong_passphrase_is_told_apart_from_nothing(tmp_path: Path) -> None:
    create_key_file(tmp_path / "root.key", "correct horse", system_draw, cost=LEAST_COST)

    with pytest.raises(MalformedError, match=r"root\.key: the passphrase is wrong, or the file is damaged"):
        open_key_file(tmp_path / "root.key", "correct hearse")


def test_an_empty_passphrase_is_refused_and_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="must not be empty"):
        create_key_file(tmp_path / "root.key", "", system_draw, cost=LEAST_COST)

    assert not list(tmp_path.iterdir())


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    create_key_file(tmp_path / "root.key", "a", system_draw, cost=LEAST_COST)
    before = (tmp_path / "root.key").read_bytes()

    with pytest.raises(FileExistsError):
        create_key_file(tmp_path / "root.key", "b", system_draw, cost=LEAST_COST)

    assert (tmp_path / "root.key").read_bytes() == before


def test_an_existing_key_can_be_moved_into_a_file(tmp_path: Path) -> None:
    key = SigningKey(SEED)

    create_key_file(tmp_path / "root.key", "a", system_draw, cost=LEAST_COST, key=key)

    assert open_key_file(tmp_path / "root.key", "a").seed == SEED
    assert base64url.encode(SEED) not in (tmp_path / "root.key").read_text()


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("format", "cairn/root-key/v2", "format cairn/root-key/v2, expected cairn/root-key/v1"),
        ("kdf.name", "scrypt", "unknown key derivation scrypt, expected argon2id"),
        ("kdf.memory", 1 << 40, "memory 1099511627776 is not within"),
        ("kdf.operations", 1000, "operations 1000 is not within"),
        ("kdf.extra", 1, "unknown member 'extra'"),
        ("nonce", "AA", "nonce"),
        ("box", "AA", "box"),
        ("extra", 1, "unknown member 'extra'"),
        ("public", SigningKey(SEED).public.to_json(), "the secret inside does not belong to the public key"),
    ],
)
def test_a_bent_key_file_is_refused(tmp_path: Path, path: str, value: canonical.JSONValue, reason: str) -> None:
    file = tmp_path / "root.key"
    create_key_file(file, "a", system_draw, cost=LEAST_COST)
    content = canonical.parse(file.read_bytes().rstrip(b"\n"), max_bytes=4096)
    target = content
    *folders, name = path.split(".")
    for folder in folders:
        inner = target[folder]
        assert isinstance(inner, dict)
        target = inner
    target[name] = value
    file.write_bytes(canonical.encode(content) + b"\n")

    with pytest.raises(MalformedError, match=reason):
        open_key_file(file, "a")


def test_no_representation_shows_a_secret(tmp_path: Path) -> None:
    store = create_keystore(tmp_path / "keys", system_draw)
    key = store.newest(KeyRole.LOG)

    for text in (repr(store), repr(key), str(key)):
        assert key.seed.hex() not in text
        assert repr(key.seed) not in text
        assert base64url.encode(key.seed) not in text
