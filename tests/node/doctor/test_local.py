"""What is wrong on this computer is found: every planted fault has its check, its cause and its remedy."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from ledger.errors import CairnError, MalformedError
from ledger.log.charter import Institution
from node.client.held import HeldLog, read_held
from node.config import NodeConfig
from node.doctor import local
from node.doctor.check import Check, Outcome, Topic
from node.doctor.patient import Patient
from node.home import Home, open_home
from node.lastbackup import OLD_MS, note_backup
from node.store.ledgerstore import LedgerStore
from tests.end_to_end.world import found
from tests.node.doctor.patients import check_words, now
from tests.node.governors import GOVERNORS
from tests.node.registrar.desks import START, Clock, Dice, open_bench
from tests.node.registrar.desks import found as found_bench


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(found(tmp_path, "school", Institution.SCHOOL).directory)


def read_own(home: Home) -> HeldLog:
    store = LedgerStore.open(home.ledger)
    try:
        (log_id,) = store.log_ids()
        log = store.log(log_id)
        assert log is not None
        return read_held(log)
    finally:
        store.close()


def patient(home: Home, own: HeldLog | None, **changes: bool) -> Patient:
    known = {"is_running": False, "is_own_account": True, **changes}
    return Patient(home=home, clock=now, own=own, **known)  # type: ignore[arg-type]  # each test names real fields


def only(checks: "object") -> Check:
    (check,) = checks  # type: ignore[misc]  # an iterable of checks
    check_words([check])
    return check


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (NodeConfig(name="x", http_listen="0.0.0.0:1", http_url="https://x.example", insecure=True), "insecure = true"),
        (
            NodeConfig(name="x", grpc_listen="0.0.0.0:1", insecure=True),
            "grpc_address is empty, and the node listens on every address",
        ),
        (NodeConfig(name="x", insecure=True), "node.toml is good"),
        (NodeConfig(name="x"), "node.toml is good"),
    ],
)
def test_configuration(config: NodeConfig, words: str) -> None:
    assert any(words in check.what for check in local.check_configuration(config))


def test_keys_that_fit(home: Home) -> None:
    assert only(local.check_keys(home, home.keystore(), read_own(home))).outcome is Outcome.OK


def test_keys_that_cannot_be_read(home: Home) -> None:
    (home.directory / "keys" / "operate.key").chmod(0o644)
    with pytest.raises(CairnError) as caught:
        home.keystore()
    check = only(local.check_keys(home, caught.value, None))
    assert check.outcome is Outcome.PROBLEM and "chmod 600" in check.do


def test_keys_of_another_node(home: Home, tmp_path: Path) -> None:
    """A folder of keys put back from the wrong backup: none of them is in force in this log."""
    other = open_home(found(tmp_path, "other", Institution.SCHOOL).directory)
    checks = list(local.check_keys(home, other.keystore(), read_own(home)))
    check_words(checks)
    assert {check.outcome for check in checks} == {Outcome.PROBLEM}
    assert len(checks) == 5


def test_a_folder_of_keys_that_others_can_enter(home: Home) -> None:
    (home.directory / "keys").chmod(0o755)
    check = only(local.check_keys(home, home.keystore(), read_own(home)))
    assert (check.outcome, check.do) == (Outcome.WARNING, "chmod 700 DIR/keys")


def test_a_root_key_among_the_keys_or_beside(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    own, keystore = read_own(home), home.keystore()
    monkeypatch.setattr(keystore, "find", lambda key_id: GOVERNORS[0])
    assert "a root key stands among" in only(local.check_keys(home, keystore, own)).what
    monkeypatch.undo()
    home.directory.with_name("school.root.key").touch()
    assert "stands beside the node" in only(local.check_keys(home, keystore, own)).what


def test_keys_without_a_log_to_compare_with(home: Home) -> None:
    assert only(local.check_keys(home, home.keystore(), None)).outcome is Outcome.COULD_NOT_CHECK


def test_the_ledger_store(home: Home) -> None:
    assert local.check_ledger(patient(home, read_own(home)), None).what == "opens; school.example/log has 1 entry"
    shut = local.check_ledger(patient(home, None, is_own_account=False), None)
    assert shut.outcome is Outcome.COULD_NOT_CHECK
    broken = local.check_ledger(patient(home, None), MalformedError("damaged", hint="recover it"))
    assert (broken.outcome, broken.what, broken.do) == (Outcome.PROBLEM, "damaged", "recover it")


async def test_a_whole_database(tmp_path: Path) -> None:
    """Also while the node has it open; nothing in it is changed."""
    clock, dice = Clock(), Dice()
    log_id = found_bench(tmp_path / "s", clock, dice)
    async with open_bench(tmp_path / "s", log_id, clock, dice) as bench:
        home = open_home(tmp_path / "s")
        sick = patient(home, read_held(bench.log), is_running=True)
        before = (tmp_path / "s" / "registrar.db").read_bytes()
        assert local.check_database(sick).what.startswith("whole, layout ")
        assert (tmp_path / "s" / "registrar.db").read_bytes() == before


def make_database(home: Home, log: str) -> Path:
    path = home.directory / "registrar.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE settings (name TEXT, value TEXT)")
    connection.execute("INSERT INTO settings VALUES ('layout', '1'), ('log', ?)", (log,))
    connection.execute("CREATE TABLE t (x TEXT)")
    connection.execute("CREATE INDEX i ON t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [(f"{n:0500}",) for n in range(200)])
    connection.commit()
    connection.close()
    return path


def test_a_database_of_another_log(home: Home) -> None:
    make_database(home, "another")
    check = local.check_database(patient(home, read_own(home)))
    assert (check.outcome, "belongs to another log" in check.what) == (Outcome.PROBLEM, True)


def test_a_damaged_database(home: Home) -> None:
    """A page overwritten in the middle: told, and no value of it repeated."""
    path = make_database(home, "x")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\x13" * 4096
    path.write_bytes(data)
    check = local.check_database(patient(home, None))
    assert check.outcome is Outcome.PROBLEM and "restore the newest backup" in check.do
    assert "0000" not in check.why


def test_a_file_that_is_no_database(home: Home) -> None:
    (home.directory / "registrar.db").write_bytes(b"hello " * 1000)
    check = local.check_database(patient(home, read_own(home)))
    assert (check.outcome, check.why) == (Outcome.PROBLEM, "the file is not a database, or damaged")


def test_no_database(home: Home) -> None:
    """Before the first start there is none; afterwards that is the loss of all awards."""
    assert local.check_database(patient(home, read_own(home))).outcome is Outcome.OK
    assert local.check_database(patient(home, None)).outcome is Outcome.PROBLEM


def test_a_database_of_another_account(home: Home) -> None:
    make_database(home, "x")
    check = local.check_database(patient(home, None, is_own_account=False))
    assert check.outcome is Outcome.COULD_NOT_CHECK


def test_a_disk(home: Home) -> None:
    """Room, and a file made durable and taken away again."""
    before = sorted(home.directory.iterdir())
    checks = list(local.check_disk(home.directory))
    check_words(checks)
    assert checks[-1].what.startswith("what is written is durable after ")
    assert sorted(home.directory.iterdir()) == before


def test_a_slow_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 3.0])
    monkeypatch.setattr("node.doctor.local.time.monotonic", lambda: next(times))
    assert list(local.check_disk(home.directory))[-1].outcome is Outcome.WARNING


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (OSError(28, "No space left on device"), Outcome.PROBLEM),
        (PermissionError(13, "Permission denied"), Outcome.COULD_NOT_CHECK),
    ],
)
def test_a_disk_that_takes_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: OSError, outcome: Outcome
) -> None:
    def fail(descriptor: int) -> None:
        raise error

    monkeypatch.setattr("node.doctor.local.os.fsync", fail)
    check = list(local.check_disk(home.directory))[-1]
    check_words([check])
    assert (check.outcome, check.why) == (outcome, error.strerror)
    assert not list(home.directory.glob(".doctor*"))


def test_another_account(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that root opened once cannot be opened by the node any more: so it is not opened."""
    assert local.check_account(home.directory).outcome is Outcome.OK
    monkeypatch.setattr(os, "geteuid", lambda: home.directory.stat().st_uid + 1)
    check = local.check_account(home.directory)
    assert check.outcome is Outcome.WARNING and check.do.startswith("sudo -u ")


def test_backups(home: Home) -> None:
    """None known, a recent one, one that is too old, and a remark that cannot be read."""
    assert local.check_backup(home.directory, START).outcome is Outcome.WARNING
    note_backup(home.directory, START)
    assert local.check_backup(home.directory, START + OLD_MS).what == "the last one was made 8 days ago"
    old = local.check_backup(home.directory, START + OLD_MS + 1)
    assert (old.outcome, old.what) == (Outcome.WARNING, "the last backup is 8 days old")
    (home.directory / "last-backup.json").write_text('{"at": "yesterday"}')
    assert local.check_backup(home.directory, START).what == "no backup is known"
    shutil.rmtree(home.directory)
    assert local.check_backup(home.directory, START).topic is Topic.BACKUP
