"""`evidence` and `list-key` as an operator types them: what leaves the node, and whether others can use it."""

import json
import stat
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.forkfile import MAX_PIECES
from ledger.log.identity import encode_log_id
from ledger.log.merkle import RootHash
from node.keystore import KeyRole, open_keystore
from node.store.ledgerstore import LedgerStore
from tests.node.commands.cli import Shell, running
from tests.simulator import seeded
from wallet_cli import main as cairn
from wallet_cli.own_log import read_list


@pytest.fixture
def granite(shell: Shell) -> Path:
    return shell.found("granite")


def contradict(directory: Path, pieces: int = 1) -> str:
    """Keep evidence that the node's own log key signed other trees; gives the log id."""
    store = LedgerStore.open(directory / "ledger")
    (log_id,) = store.log_ids()
    log = store.log(log_id)
    assert log is not None
    head = read_checkpoint(log.note)
    for n in range(pieces):
        other = Checkpoint(head.origin, head.size, RootHash(seeded("another", n)))
        note = sign_checkpoint(other, open_keystore(directory / "keys").newest(KeyRole.LOG))
        log.add_evidence(encode_fork(ForkEvidence(log.note, note)))
    store.close()
    return encode_log_id(log_id)


def test_no_evidence(shell: Shell, granite: Path, tmp_path: Path) -> None:
    assert "no proof of two histories of any log is kept here" in shell.good("evidence", granite)
    said = shell("evidence", granite, "-o", tmp_path / "none.fork")
    assert (said.code, "none is kept" in said.err, (tmp_path / "none.fork").exists()) == (1, True, False)


def test_a_file_that_a_regulator_judges_alone(shell: Shell, granite: Path, tmp_path: Path) -> None:
    log = contradict(granite)
    file = tmp_path / "granite.fork"
    told = shell.good("evidence", granite, "-o", file, "--log", "Granite")
    assert "Granite (granite.example/log): two histories were signed" in told and f"written: {file}" in told
    assert cairn.run(["verify-evidence", str(file), "--vault", str(tmp_path / "nobody" / "vault")]) == 0
    assert shell("evidence", granite, "-o", file).code == 2
    assert shell("evidence", granite, "-o", file, "--force").code == 0
    (told_json,) = json.loads(shell("evidence", granite, "--json").out)["logs"]
    assert (told_json["log"], told_json["forks"][0]["common"]) == (log, None)
    stranger = shell("evidence", granite, "--log", "Lantern")
    assert (stranger.code, "say --log, one of: Granite" in stranger.err) == (1, True)


def test_a_running_node_gives_the_same(shell: Shell, granite: Path, tmp_path: Path) -> None:
    contradict(granite, MAX_PIECES + 2)
    stopped = shell("evidence", granite, "--json").out
    assert len(json.loads(stopped)["logs"][0]["forks"]) == MAX_PIECES
    with running(granite, tmp_path / "state"):
        assert shell("evidence", granite, "--json").out == stopped


def test_what_was_signed_is_listed_for_a_monitor(shell: Shell, granite: Path, tmp_path: Path) -> None:
    """Running or not, by id and digest of the very bytes on the log; nothing of governance, nothing personal."""
    with running(granite, tmp_path / "state"):
        shell.good("cut", granite)
        running_list = shell.good("statements", granite)
    assert shell.good("statements", granite) == running_list
    store = LedgerStore.open(granite / "ledger")
    (log_id,) = store.log_ids()
    log = store.log(log_id)
    assert log is not None
    is_own = read_list(running_list.encode(), "list")
    entries = [parse_entry(raw) for raw in log.entries(0, log.size)]
    store.close()
    assert [(entry.statement.kind, is_own(entry)) for entry in entries] == [
        ("charter", None), ("anchor", True), ("issue", True), ("status", True)
    ]  # fmt: skip
    assert len(json.loads(shell.good("statements", granite, "--json"))) == 3


def test_a_list_key_opens_that_list_alone(shell: Shell, granite: Path, tmp_path: Path) -> None:
    file = tmp_path / "office.list-key"
    early = shell("list-key", granite, "--list", "0", "-o", file, "--yes")
    assert (early.code, "none has been published yet" in early.err) == (1, True)
    with running(granite, tmp_path / "state"):
        shell.good("cut", granite)
        unasked = shell("list-key", granite, "--list", "0", "-o", file)
        assert (unasked.code, "needs an answer" in unasked.err, file.exists()) == (2, True, False)
        said = shell("list-key", granite, "--list", "0", "--list", "0", "-o", file, "--yes")
        assert said.code == 0
        for words in ("those of the past and all to come, for ever", "cannot be taken back"):
            assert words in said.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shell("list-key", granite, "--list", "7", "-o", tmp_path / "x", "--yes").code == 1
    from ledger.credential.status import list_key
    from wallet_cli.page_audit import load_page_keys

    root = open_keystore(granite / "keys").list_root
    keys = load_page_keys(file)
    assert keys.keys == {0: list_key(root, 0)}
    assert root not in file.read_bytes()
