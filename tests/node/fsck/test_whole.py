"""`cairn-node fsck` on a node's directory: keys, trust roots and everything else, named one by one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.log.identity import LogId, encode_log_id
from node.client.registry import IssueRequest
from node.onlyone import hold_directory
from node.registrar.database import FILE_NAME, open_database
from tests.node.commands.cli import Said, Shell
from tests.node.registrar.desks import DIPLOMA, START, Clock, Dice, achievement_json, csv_of, found, open_bench


@pytest.fixture
async def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stopped school with awards on its ledger; what this computer remembers is kept in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    clock, dice = Clock(START), Dice()
    directory = tmp_path / "school"
    log_id = found(directory, clock, dice)
    async with open_bench(directory, log_id, clock, dice) as bench:
        await bench.desk.publish(achievement_json())
        await bench.desk.issue(IssueRequest(data=csv_of(range(1, 4)), achievement=DIPLOMA))
        await bench.desk.cut()
    return directory


def check(shell: Shell, directory: Path, *more: str, code: int) -> list[dict[str, object]]:
    said = shell("fsck", directory, "--json", *more)
    assert said.code == code, said
    findings: list[dict[str, object]] = json.loads(said.out)["findings"]
    return findings


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path)


def test_a_good_node_is_clean(shell: Shell, school: Path) -> None:
    """Exit code 0, the next command, and not one file changed."""
    before = {path: path.read_bytes() for path in school.rglob("*") if path.is_file()}
    out = shell.good("fsck", school)
    assert out.splitlines() == ["Granite Hollow High: checked 1 log, 5 entries, 3 copies", "nothing is damaged"]
    after = {path: path.read_bytes() for path in school.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} <= {
        "LOCK",
        "node.lock",
        "registrar.db-shm",
        "registrar.db-wal",
    }


def spoil_seed(path: Path) -> None:
    value = json.loads(path.read_text())
    name = "secret" if "secret" in value else "seed"
    value[name] = ("B" if value[name][0] == "A" else "A") + value[name][1:]
    path.write_text(json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n")


KEY_DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "gone": ("operate.key", Path.unlink, "no such key file"),
    "empty": ("issue.key", lambda path: path.write_bytes(b""), "not a key file, or damaged"),
    "not JSON": ("log.key", lambda path: path.write_bytes(b"oops"), "not a key file, or damaged"),
    "another secret": ("witness.key", spoil_seed, "the secret does not belong to the public key"),
    "open to others": ("define.key", lambda path: path.chmod(0o644), "other accounts can open this secret"),
    "list root": ("list_root.key", spoil_seed, "does not open the newest status page"),
    "foreign file": (
        "log.key",
        lambda path: shutil.copy(path, path.with_name("old one.key")),
        "not named after a role",
    ),
}


@pytest.mark.parametrize("how", KEY_DAMAGES)
def test_a_damaged_key_is_named(shell: Shell, school: Path, how: str) -> None:
    """Each file by its own name, with what it means and where it can be had."""
    name, spoil, what = KEY_DAMAGES[how]
    spoil(school / "keys" / name)
    findings = check(shell, school, code=1)
    named = [finding for finding in findings if finding["part"] == "keys"]
    assert any(what in str(finding["what"]) for finding in named), findings
    assert all(finding["remedy"] and finding["means"] for finding in findings)


def test_keys_of_another_institution(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Whole and good, but of no log that is here."""
    found(tmp_path / "other", Clock(), Dice("other"))
    shutil.rmtree(school / "keys")
    shutil.copytree(tmp_path / "other" / "keys", school / "keys")
    findings = check(shell, school, code=1)
    assert any("none of the logs" in str(finding["what"]) for finding in findings)


def test_a_missing_key_in_force_is_named(shell: Shell, school: Path, tmp_path: Path) -> None:
    """A key file may be good and still not be the one that counts."""
    found(tmp_path / "other", Clock(), Dice("other"))
    shutil.copy(tmp_path / "other" / "keys" / "operate.key", school / "keys" / "operate.key")
    (finding,) = check(shell, school, code=1)
    assert (finding["place"], finding["what"]) == ("keys/operate.key", "no operate key is in force")
    assert finding["means"] == "no cut can be made"


def test_a_damaged_trust_root_is_named(shell: Shell, school: Path) -> None:
    """The file, and what to do."""
    (school / "networks" / "town.json").write_text("{}")
    (finding,) = check(shell, school, code=1)
    assert str(finding["place"]).endswith("networks/town.json")
    assert finding["part"] == "configuration"


def test_fewer_entries_than_this_computer_signed(shell: Shell, school: Path, tmp_path: Path) -> None:
    """The one trace of an end that was lost; and the other way round a file that holds no size."""
    (log,) = (encode_log_id(log_id) for log_id in store_ids(school))
    memory = tmp_path / "state" / "cairn" / log
    memory.parent.mkdir(parents=True)
    memory.write_text("7\n")
    (finding,) = check(shell, school, code=1)
    assert finding["what"] == "7 entries were signed on this computer, 5 are held"
    assert (finding["log"], finding["index"]) == (log, 5)
    memory.write_text("seven\n")
    (finding,) = check(shell, school, code=1)
    assert finding["place"] == "high-water file"


def test_the_log_option_leaves_the_rest_out(shell: Shell, school: Path) -> None:
    """By the beginning of an id."""
    (school / "networks" / "town.json").write_text("{}")
    (log,) = (encode_log_id(log_id) for log_id in store_ids(school))
    assert check(shell, school, "--log", log[:8], code=0) == []


def test_a_doubt_is_exit_code_3(shell: Shell, school: Path) -> None:
    """An older database reads the log by itself: nothing is damaged, but something is to be done."""
    (log,) = (encode_log_id(log_id) for log_id in store_ids(school))
    for path in school.glob(f"{FILE_NAME}*"):
        path.unlink()
    open_database(school / FILE_NAME, log).close()
    findings = check(shell, school, code=1)
    assert {finding["damage"] for finding in findings} == {True, False}


def test_a_directory_in_use_is_not_checked(shell: Shell, school: Path) -> None:
    """Exit code 3: it could not be decided."""
    with hold_directory(school, "cairn-node run"):
        said: Said = shell("fsck", school)
    assert said.code == 3
    assert "another process uses this directory" in said.err


def test_repair_without_a_peer_says_what_is_left(shell: Shell, school: Path) -> None:
    """A store that cannot be read and no peer: nothing is changed, and the way on is named."""
    for path in (school / "ledger").iterdir():
        path.write_bytes(b"")
    said = shell("fsck", school, "--repair")
    assert said.code == 1
    assert "not one row of it can be read" in said.out or "recover" in said.out + said.err
    assert not list(school.glob("ledger.damaged-*"))


def test_from_goes_with_repair(shell: Shell, school: Path) -> None:
    """Usage: exit code 2."""
    said = shell("fsck", school, "--from", "127.0.0.1:1")
    assert said.code == 2
    assert "--from goes with --repair" in said.err


def store_ids(school: Path) -> tuple[LogId, ...]:
    from node.store.ledgerstore import LedgerStore

    store = LedgerStore.open(school / "ledger")
    try:
        return store.log_ids()
    finally:
        store.close()
