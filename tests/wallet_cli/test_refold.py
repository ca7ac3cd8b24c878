"""A replica from somebody else: its state is never believed, its files are, as far as they prove themselves."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.log.charter import Role
from ledger.log.checkpoint import log_verifier_key, open_checkpoint, sign_checkpoint
from ledger.log.identity import encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.snapshot import encode_state
from ledger.log.state import LogState
from tests.simulator import NOW
from tests.wallet_cli.shown import AUDIENCE, DAY, NONCE, show, write_replica
from tests.wallet_cli.world import World, write_trust
from wallet_cli.log_files import DamagedError
from wallet_cli.main import run
from wallet_cli.refold import UncheckedError
from wallet_cli.replica import Replica, encode_head
from wallet_cli.replica_key import obtain_key
from wallet_cli.replica_writer import ReplicaWriter

THEIRS = b"\x66" * 32
TOLD = "this replica was not made by this account: checking it whole"


class Desk:
    """A verifier with an account; the school's register key turned out to be stolen from the beginning."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.file = folder / "record.cairn"
        self.file.write_bytes(show(self.world))
        self.school = self.world.school
        self.school.compromise(self.school.role_signers[Role.REGISTER], 0)
        self.world.cut()
        self.home = folder / "home"
        self.key = obtain_key(self.home)
        self.replica = folder / "replica"
        self.head = self.replica / encode_log_id(self.school.log_id) / "head"
        self.trust = write_trust(self.world, folder / "trust.json")

    def verify(self) -> int:
        options = ["--trust", self.trust, "--replica", self.replica, "--vault", self.home / "vault"]
        asked = ["--audience", AUDIENCE, "--nonce", NONCE]
        return run(["verify", str(self.file), *map(str, options), *asked])

    def forged_state(self) -> LogState:
        """The school's state as a thief would have it: nothing was ever stolen."""
        state = self.school.state.copy()
        records = state.keys.records
        state.keys.records = {key_id: replace(record, stolen_since=None) for key_id, record in records.items()}
        return state

    def forge(self, key: bytes) -> None:
        """Put the forged state under the genuine, cosigned note."""
        assert self.school.note is not None
        self.head.write_bytes(encode_head(self.school.note, self.forged_state(), key))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + DAY)
    return Desk(tmp_path)


def test_a_forged_state_is_not_believed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Under a genuine note another state can stand; the verdict is that of the entries, and it is told once."""
    write_replica(desk.world, desk.replica, THEIRS)
    desk.forge(desk.key)
    assert desk.verify() == 0, "had the account itself been robbed of its key, this would be believed"
    desk.forge(THEIRS)
    assert desk.verify() == 1
    captured = capsys.readouterr()
    assert "KEY_COMPROMISED" in captured.out
    assert captured.err.count(TOLD) == 1


def test_a_mac_is_for_one_content_and_one_log(desk: Desk) -> None:
    """Neither another state nor another log's folder can borrow the MAC of a state this account made."""
    write_replica(desk.world, desk.replica, desk.key)
    own = desk.head.read_bytes()
    desk.forge(THEIRS)
    # A head ends with its MAC and a plain SHA-256, which anybody can make.
    borrowed = desk.head.read_bytes()[:-64] + own[-64:-32]
    desk.head.write_bytes(borrowed + hashlib.sha256(borrowed).digest())
    held = Replica(desk.replica, desk.key).log(desk.school.log_id)
    assert held is not None
    assert encode_state(held.state) == encode_state(desk.school.state)
    desk.head.write_bytes(own)
    other = desk.replica / encode_log_id(desk.world.other.log_id) / "head"
    other.write_bytes(own)
    with pytest.raises(DamagedError):
        Replica(desk.replica, desk.key).log(desk.world.other.log_id)


def test_an_honest_copy_still_verifies(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that a colleague made answers as one's own, after it was checked whole."""
    write_replica(desk.world, desk.replica, THEIRS)
    assert desk.verify() == 1
    theirs = capsys.readouterr()
    shutil.rmtree(desk.replica)
    write_replica(desk.world, desk.replica, desk.key)
    assert desk.verify() == 1
    own = capsys.readouterr()
    assert (theirs.out, TOLD in theirs.err, TOLD in own.err) == (own.out, True, False)


def test_ones_own_is_read_without_folding(desk: Desk) -> None:
    """What this account wrote is believed by its MAC alone: no entry, body or tile is looked at to open it."""
    write_replica(desk.world, desk.replica, desk.key)
    folder = desk.head.parent
    shutil.rmtree(folder / "tile")
    shutil.rmtree(folder / "body")
    held = Replica(desk.replica, desk.key).log(desk.school.log_id)
    assert held is not None
    assert encode_state(held.state) == encode_state(desk.school.state)


def test_another_versions_state_is_folded_anew(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade one's own replica is read all the same, and the reason is not put on somebody else."""
    with monkeypatch.context() as older:
        older.setattr("ledger.log.snapshot.SNAPSHOT_VERSION", 0)
        write_replica(desk.world, desk.replica, desk.key)
    held = Replica(desk.replica, desk.key).log(desk.school.log_id)
    assert held is not None
    assert encode_state(held.state) == encode_state(desk.school.state)
    error = capsys.readouterr().err
    assert "made by another version of cairn: checking it whole" in error
    assert TOLD not in error


def test_a_writer_makes_it_its_own(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The first `sync` into somebody's folder checks it once; from then on it is read like any other."""
    write_replica(desk.world, desk.replica, THEIRS)
    desk.forge(THEIRS)
    with ReplicaWriter(desk.replica, desk.key) as writer:
        assert writer.read().log(desk.school.log_id) is not None
    assert TOLD in capsys.readouterr().err
    held = Replica(desk.replica, desk.key).log(desk.school.log_id)
    assert held is not None
    assert encode_state(held.state) == encode_state(desk.school.state)
    assert TOLD not in capsys.readouterr().err


def test_what_cannot_be_folded_is_not_decided(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a body that the rules need, somebody else's replica says nothing: exit code 3, and what to do."""
    write_replica(desk.world, desk.replica, THEIRS)
    for body in (desk.replica / encode_log_id(desk.world.network.log_id) / "body").iterdir():
        body.unlink()
    assert desk.verify() == 3
    error = capsys.readouterr().err
    assert "does not replay: entry " in error and "the body of a" in error
    assert "cairn sync" in error


def test_a_note_by_another_key_is_refused(desk: Desk) -> None:
    """Genuine entries under a checkpoint that the log's own key did not sign."""
    write_replica(desk.world, desk.replica, THEIRS)
    assert desk.school.note is not None
    key = log_verifier_key("granite.example/log", desk.school.log_signer.public)
    note = sign_checkpoint(open_checkpoint(desk.school.note, key), SigningKey(b"\x01" * 32))
    desk.head.write_bytes(encode_head(note, desk.forged_state(), THEIRS))
    with pytest.raises(UncheckedError, match="does not replay"):
        Replica(desk.replica, desk.key).log(desk.school.log_id)


def test_a_missing_tile_is_told(desk: Desk) -> None:
    """Without the end of the tree nothing in a foreign folder can be proven."""
    write_replica(desk.world, desk.replica, THEIRS)
    shutil.rmtree(desk.head.parent / "tile/0")
    with pytest.raises(DamagedError, match="it is missing"):
        Replica(desk.replica).log(desk.school.log_id)


def test_a_changed_tile_is_told(desk: Desk) -> None:
    """The ends of the tiles must lead to the root in the note."""
    write_replica(desk.world, desk.replica, THEIRS)
    (path,) = (desk.head.parent / "tile/0/000.p").iterdir()
    path.write_bytes(bytes(32) + path.read_bytes()[32:])
    with pytest.raises(DamagedError, match="do not lead to the checkpoint"):
        Replica(desk.replica).log(desk.school.log_id)
