"""`backup`, `restore`, `upgrade` as an operator types them."""

import json
import os
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from node.config import change_config
from tests.node.commands.cli import Shell, running
from tests.node.registrar.test_migrations import KEPT


@pytest.fixture
def granite(tmp_path: Path) -> Path:
    with tarfile.open(KEPT) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "granite"


def test_the_whole_way(shell: Shell, granite: Path, tmp_path: Path) -> None:
    """Upgrade, back up sealed, lose the directory, restore: each names the next."""
    said = shell("upgrade", granite, "--json")
    upgraded = json.loads(said.out)
    assert (said.code, upgraded["before"], upgraded["layout"] > 1) == (0, 1, True)
    assert Path(upgraded["kept"]).name == "registrar.layout-1.db"
    assert "nothing to do" in shell.good("upgrade", granite)

    file = tmp_path / "granite.backup"
    assert "Granite Hollow High with awards, log and keys, at 8 entries" in shell.good(
        "backup", granite, "-o", file, *shell.secret
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = shell("backup", granite, "-o", file, *shell.secret)
    assert (again.code, "exists already" in again.err) == (2, True)

    (tmp_path / "wrong").write_text("not the passphrase\n")
    wrong = shell("restore", file, tmp_path / "back", "--passphrase-file", tmp_path / "wrong")
    assert (wrong.code, "the passphrase is wrong" in wrong.err) == (2, True)
    unasked = shell("restore", file, tmp_path / "back")
    assert (unasked.code, "the input is not a terminal" in unasked.err) == (2, True)
    over = shell("restore", file, granite, *shell.secret)
    assert (over.code, "nothing in it was changed" in over.err) == (1, True)
    said_words = shell.good("restore", file, tmp_path / "back", *shell.secret)
    assert "8 entries; 1 log replayed and in order" in said_words
    assert "awards: 6" in said_words
    assert sorted(os.listdir(tmp_path / "back")) == ["keys", "ledger", "networks", "node.toml", "registrar.db"]


def test_a_folder_keeps_the_newest(shell: Shell, granite: Path, tmp_path: Path) -> None:
    """What a nightly timer runs."""
    folder = tmp_path / "nights"
    folder.mkdir()
    first = json.loads(shell("backup", granite, "-o", folder, "--plain", "--json").out)["file"]
    log = Path(first).name.split("-2")[0]
    older = [folder / f"{log}-2020010{day}T000000Z.backup" for day in (1, 2)]
    shutil.copy(first, older[0])
    Path(first).rename(older[1])
    said = shell("backup", granite, "-o", folder, "--plain", "--keep", "2", "--json")
    report = json.loads(said.out)
    assert (said.code, report["dropped"]) == (0, [str(older[0])])
    assert {str(path) for path in folder.iterdir()} == {str(older[1]), report["file"]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--plain", "--passphrase-file", "p"), "say one of them"),
        (("--key-backup", "--without-keys"), "nothing would be left"),
        (("--plain", "--keep", "3"), "needs a folder"),
    ],
)
def test_options_that_do_not_go_together(shell: Shell, granite: Path, options: tuple[str, ...], message: str) -> None:
    said = shell("backup", granite, "-o", granite.parent / "x.backup", *options)
    assert (said.code, message in said.err) == (2, True), said
    assert not (granite.parent / "x.backup").exists()


def test_a_running_node_is_backed_up(shell: Shell, granite: Path, tmp_path: Path) -> None:
    """Asked over its private socket; the key backup too."""
    config = granite / "node.toml"
    config.write_text(change_config(config.read_text(), http_listen="127.0.0.1:0", grpc_listen="127.0.0.1:0"))
    with running(granite, tmp_path / "state"):
        assert "with awards, log and keys" in shell.good("backup", granite, "-o", tmp_path / "a.backup", "--plain")
        assert "with settings and keys" in shell.good(
            "backup", granite, "-o", tmp_path / "k", "--plain", "--key-backup"
        )
        refused = shell("upgrade", granite)
        assert (refused.code, "the node runs" in refused.err) == (1, True)
    restored = json.loads(shell("restore", tmp_path / "a.backup", tmp_path / "back", "--json").out)
    assert (restored["awards"], restored["size"], restored["logs"]) == (6, 8, 1)
