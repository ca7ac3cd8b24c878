"""A stopped node's store is opened by the account it belongs to, and by no other."""

import os
from pathlib import Path

import pytest

from node import account
from tests.node.commands.cli import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path)


def test_status_of_another_accounts_node_is_refused_in_words(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else root would leave files in the store that the node cannot open at its next start."""
    directory = shell.found("granite", "school", "--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")
    before = {path: path.stat().st_mtime_ns for path in (directory / "ledger").iterdir()}
    owner = account.owner_of(directory)
    monkeypatch.setattr(os, "geteuid", lambda: directory.stat().st_uid + 1)
    said = shell("status", directory)
    assert said.code == 1
    assert f"belongs to account {owner}" in said.err
    assert f"sudo -u {owner} cairn-node" in said.err
    assert {path: path.stat().st_mtime_ns for path in (directory / "ledger").iterdir()} == before


def test_an_account_without_a_name_is_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("node.account.pwd.getpwuid", unknown)
    assert account.owner_of(tmp_path) == str(tmp_path.stat().st_uid)
