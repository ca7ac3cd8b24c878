"""The vault keeps everything or the state before: no crash, damage or second command costs a learner their record."""

import errno
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from wallet_cli import vault as vault_module
from wallet_cli.holdings import Contents, Copy, Pending, Presented, Shown, encode_contents, parse_contents
from wallet_cli.vault import HEADER_LENGTH, MAGIC, Cost, Vault, VaultError

CHEAP = Cost(1, 8)
PASSPHRASE = "four small grey owls"
STEPS = ("create", "write", "sync", "rename", "sync folder")


def sample(count: int = 1) -> Contents:
    contents = Contents()
    for number in range(count):
        contents = contents.with_holding((Copy(sd_jwt=f"a.b.{number}~", seed=bytes([number]) * 32, received_at=5),))
    return contents


def make(tmp_path: Path, contents: Contents | None = None) -> Path:
    path = tmp_path / "vault"
    Vault.create(path, PASSPHRASE, cost=CHEAP, contents=contents)
    return path


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    contents = replace(
        sample(2),
        pending=(Pending(seed=b"p" * 32, made_at=7, offer="https://school.example"),),
        history=(
            Presented(
                at=1,
                audience="Tidewater",
                nonce="n",
                purpose="",
                expires_at=2,
                file="x.cairn",
                shown=(Shown(holding="c1", commitment=b"c" * 32, fields=("name",)),),
            ),
        ),
    )
    path = make(tmp_path, contents)
    assert Vault.open(path, PASSPHRASE).contents == contents


def test_the_file_is_private_and_shows_no_content(tmp_path: Path) -> None:
    path = make(tmp_path, sample())
    data = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"sd_jwt" not in data and b"a.b.0" not in data
    assert [item.name for item in tmp_path.iterdir()] == ["vault"]


def test_the_size_tells_little(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    small, larger = make(tmp_path / "a"), make(tmp_path / "b", sample(3))
    assert small.stat().st_size == larger.stat().st_size


def test_a_wrong_passphrase_is_told_in_words(tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(VaultError, match="the passphrase does not open") as caught:
        Vault.open(path, PASSPHRASE + "s")
    assert "capitals" in caught.value.hint


def test_the_passphrase_may_be_composed_differently(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    Vault.create(path, "Zo\u00eb's owls", cost=CHEAP)
    assert Vault.open(path, "Zoe\u0308's owls").contents == Contents()


def test_an_existing_vault_is_never_replaced(tmp_path: Path) -> None:
    path = make(tmp_path, sample())
    before = path.read_bytes()
    with pytest.raises(VaultError, match="exists already"):
        Vault.create(path, PASSPHRASE, cost=CHEAP)
    assert path.read_bytes() == before


def test_an_init_cut_off_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "vault").touch()
    assert Vault.open(make(tmp_path), PASSPHRASE).contents == Contents()


@pytest.mark.parametrize("kept", [0, 1, len(MAGIC), HEADER_LENGTH - 1, HEADER_LENGTH, HEADER_LENGTH + 100, -1])
def test_a_truncated_vault_is_told_from_a_wrong_passphrase(tmp_path: Path, kept: int) -> None:
    path = make(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(VaultError, match="cut short"):
        Vault.open(path, PASSPHRASE)


def test_every_damaged_byte_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path)
    data = path.read_bytes()
    # The salt is covered by the key; a byte of every other field and some of the box.
    for position in (*range(len(MAGIC), HEADER_LENGTH, 3), HEADER_LENGTH, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[position] ^= 0x40
        path.write_bytes(damaged)
        with pytest.raises(VaultError):
            Vault.open(path, PASSPHRASE)


def test_other_files_are_not_taken_for_vaults(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    path.write_bytes(b"PK\x03\x04" + bytes(400))
    with pytest.raises(MalformedError, match="is not a vault"):
        Vault.open(path, PASSPHRASE)
    path.write_bytes(b"cairn vault v2\n" + bytes(400))
    with pytest.raises(MalformedError, match="another version"):
        Vault.open(path, PASSPHRASE)
    with pytest.raises(VaultError, match="there is no vault"):
        Vault.open(tmp_path / "none", PASSPHRASE)


def test_a_hostile_key_cost_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = make(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(MAGIC) + 4 : len(MAGIC) + 8] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(VaultError, match="key cost"):
        Vault.open(path, PASSPHRASE)


class Crash(BaseException):
    """Stands for the power going off: nothing between the step and here may run clean-up that matters."""


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_leaves_the_old_content_or_the_new(tmp_path: Path, step: str) -> None:
    path = make(tmp_path, sample(1))
    reached: list[str] = []

    def pause(name: str) -> None:
        reached.append(name)
        if name == step:
            raise Crash

    opened = Vault.open(path, PASSPHRASE, pause=pause)
    with pytest.raises(Crash):
        opened.change(lambda contents: contents.with_holding((Copy(sd_jwt="n.e.w~", seed=b"n" * 32, received_at=6),)))
    expected = 2 if step == "sync folder" else 1
    assert len(Vault.open(path, PASSPHRASE).contents.holdings) == expected
    assert reached == list(STEPS[: STEPS.index(step) + 1])


def test_what_a_killed_process_left_is_removed_by_the_next_change(tmp_path: Path) -> None:
    path = make(tmp_path)
    leftover = tmp_path / ".vault.0011223344556677.tmp"
    leftover.write_bytes(b"half")
    Vault.open(path, PASSPHRASE).change(lambda contents: contents)
    assert not leftover.exists()


def test_two_writers_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = make(tmp_path)
    writers = [Vault.open(path, PASSPHRASE) for _ in range(4)]

    def write(opened: Vault, number: int) -> None:
        for turn in range(5):
            copy = Copy(sd_jwt=f"{number}.{turn}.x~", seed=None, received_at=0)
            opened.change(lambda contents, copy=copy: contents.with_holding((copy,)))  # type: ignore[misc]

    threads = [threading.Thread(target=write, args=(opened, number)) for number, opened in enumerate(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    contents = Vault.open(path, PASSPHRASE).contents
    assert len(contents.holdings) == 20
    assert len({holding.id for holding in contents.holdings}) == 20


def test_a_locked_vault_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "LOCK_SECONDS", 0.0)
    path = make(tmp_path)
    first, second = Vault.open(path, PASSPHRASE), Vault.open(path, PASSPHRASE)

    def change_meanwhile(contents: Contents) -> Contents:
        with pytest.raises(VaultError, match="in use by another"):
            second.change(lambda inner: inner)
        return contents

    first.change(change_meanwhile)


def test_an_edit_that_raises_changes_nothing(tmp_path: Path) -> None:
    path = make(tmp_path, sample())
    before = path.read_bytes()

    def refuse(_: Contents) -> Contents:
        raise MalformedError("no")

    with pytest.raises(MalformedError):
        Vault.open(path, PASSPHRASE).change(refuse)
    assert path.read_bytes() == before


def test_content_of_a_newer_cairn_is_not_thrown_away() -> None:
    data = encode_contents(sample())
    assert parse_contents(data) == sample()
    with pytest.raises(MalformedError, match="more than this cairn knows"):
        parse_contents(data.replace(b'"received_at"', b'"colour":1,"received_at"'))
    with pytest.raises(MalformedError, match="version 2"):
        parse_contents(data.replace(b'"version":1', b'"version":2'))
    with pytest.raises(MalformedError, match="cannot be read"):
        parse_contents(b"[1]")


def test_a_full_disk_costs_nothing(tmp_path: Path) -> None:
    """Told in words with what to do; no vault is lost, no leftover stays, and the same can be repeated."""

    def full(step: str) -> None:
        if step == "write":
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "vault"
    with pytest.raises(VaultError, match="cannot be written: No space left on device") as refused:
        Vault.create(path, PASSPHRASE, cost=CHEAP, pause=full)
    assert "free space" in refused.value.hint
    assert [item.name for item in tmp_path.iterdir()] == ["vault"]
    Vault.create(path, PASSPHRASE, cost=CHEAP)
    Vault.open(path, PASSPHRASE)
